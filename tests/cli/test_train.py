"""``crossbeat train``: settings from files and words, interrupted runs, and what is refused."""

import json
import shutil
import threading

import pytest
import torch
import yaml

from crossbeat.cli import main
from crossbeat.recipes.record import RESULT, is_finished
from crossbeat.recipes.run import Run
from crossbeat.training.module import PhaseModule
from crossbeat.workers import locked_beside


def files(run):
    names = ("weights.safetensors", "model/model.safetensors")
    return {name: (run / name).read_bytes() for name in names}


def history(run):
    """Of every epoch what it reached, without how long it took."""
    phases = json.loads((run / "finished.json").read_text())["phases"]
    epochs = [epoch for phase in phases for epoch in phase["history"]]
    return [{key: epoch[key] for key in epoch if key != "seconds"} for epoch in epochs]


def test_a_trained_run_has_the_settings_of_the_file_unless_the_words_say_other(
    direct, tiny, command, called, tmp_path
):
    run = Run.open(direct)
    assert run.recipe.findings == ("large", "silent")
    assert run.recipe.ecg.hidden == (16,)
    assert (run.recipe.ecg.encoder, run.recipe.fine_tuning.epochs) == ("cromotex-small", 3)
    assert (direct / "model" / "config.json").is_file()
    more = ("--recipe.fine_tuning.epochs", 1, "--seed", 7)
    code, _, err = called(*command(tiny.folder, tmp_path, *more))
    assert code == 0
    assert f"next: crossbeat evaluate {tmp_path / 'run'}" in err
    run = Run.open(tmp_path / "run")
    assert (run.recipe.fine_tuning.epochs, run.recipe.fine_tuning.batch_size) == (1, 24)
    assert (run.seed, run.recipe.ecg.hidden) == (7, (16,))


def test_a_setting_that_may_be_null_keeps_its_other_values(tiny, command, called, tmp_path):
    phases = ("self_supervision", "teacher", "alignment", "fine_tuning")
    more = [f"--recipe.{name}.{rest}" for name in phases for rest in ("epochs=1", "batch_size=24")]
    more += ["--recipe.self_supervision", "null", "--print_config"]
    words = command(tiny.folder, tmp_path, *more, recipe="cromotex")
    code, printed, err = called(*words)
    assert code == 0, err
    assert yaml.safe_load(printed)["recipe"]["self_supervision"] is None
    words.remove("null")
    words.remove("--recipe.self_supervision")
    code, printed, _ = called(*words)
    settings = yaml.safe_load(printed)["recipe"]["self_supervision"]
    assert (settings["epochs"], settings["batch_size"], settings["learning_rate"]) == (1, 24, 1e-3)


def test_a_printed_config_trains_the_same_model(direct, tiny, command, called, tmp_path):
    code, text, _ = called(*command(tiny.folder, tmp_path, "--print_config"))
    assert code == 0
    (tmp_path / "printed.yaml").write_text(text)
    again = ["train", "direct", "--preset", "demo", "--config", tmp_path / "printed.yaml"]
    code, _, err = called(*again, "--out", tmp_path / "run")
    assert code == 0, err
    assert files(tmp_path / "run") == files(direct)


@pytest.mark.parametrize("name", ["cromotex", "label-only"])
def test_a_printed_config_of_a_recipe_with_more_phases_is_read(name, tiny, called, tmp_path):
    given = ["train", name, "--cohort", tiny.folder, "--out", tmp_path / "run"]
    _, text, _ = called(*given, "--recipe.self_supervision.epochs", 4, "--print_config")
    (tmp_path / "printed.yaml").write_text(text)
    again = called("train", name, "--config", tmp_path / "printed.yaml", "--print_config")
    assert again[1] == text
    assert "epochs: 4" in text


def test_the_same_command_again_only_reads_and_another_setting_is_refused(
    direct, tiny, command, called, monkeypatch
):
    monkeypatch.setattr(PhaseModule, "training_step", None)  # whoever trains fails
    before = files(direct)
    assert called(*command(tiny.folder, direct.parent))[0] == 0
    assert files(direct) == before
    code, _, err = called(*command(tiny.folder, direct.parent, "--recipe.fine_tuning.epochs", 2))
    assert code == 2
    assert f"{direct} holds a run with other settings, seed, cohort, precision or number of" in err


@pytest.mark.parametrize("moment", [1, 5])
def test_ctrl_c_leaves_a_run_that_the_same_command_finishes(
    moment, direct, tiny, command, called, tmp_path, monkeypatch
):
    steps = iter(range(1, 100))
    original = PhaseModule.training_step

    def interrupted(self, batch, batch_idx):
        if next(steps) == moment:
            raise KeyboardInterrupt
        return original(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(PhaseModule, "training_step", interrupted)
        code, _, err = called(*command(tiny.folder, tmp_path))
    assert code == 1
    assert err.splitlines()[-1] == "stopped; run the same command again to continue"
    assert not (tmp_path / "run" / "finished.json").exists()
    code, _, err = called("evaluate", tmp_path / "run")
    assert code == 1
    assert "got an unfinished run; run the same train command again to continue" in err
    assert called(*command(tiny.folder, tmp_path))[0] == 0
    assert files(tmp_path / "run") == files(direct)
    assert history(tmp_path / "run") == history(direct)


GPU = ("--trainer.accelerator", "gpu")


@pytest.mark.parametrize(
    ("num", "options", "message"),
    [
        (0, GPU, "accelerator must be one that this machine has, got gpu"),
        (0, ["--trainer.accelerator", "mps"], "has, got mps; choose auto or cpu, or check the dri"),
        (1, [*GPU, "--trainer.devices", 2], "at most 1, the GPUs of this machine, got 2; lower it"),
        (0, ["--trainer.devices", 0], "--trainer.devices must be 1 or more, got 0; raise it"),
        (0, ["--trainer.workers", -1], "--trainer.workers must be 0 or more, got -1; raise it"),
        (0, ["--recipe.findings", "[large, edema]"], "has, got edema; say --r"),
        (0, ["--recipe.measurements", "[LVEF]"], "must have measurements, got none; choose anothe"),
    ],
)
def test_what_machine_or_cohort_lack_is_told_before_anything_is_written(
    num, options, message, tiny, command, called, tmp_path, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: num)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    code, _, err = called(*command(tiny.folder, tmp_path, *options))
    assert (code, err.count("\n")) == (2, 1)
    assert message in err
    assert not (tmp_path / "run").exists()


def test_a_cohort_without_findings_and_a_damaged_one_are_told(
    tiny, tiny_hearts, command, called, tmp_path
):
    code, _, err = called(
        "train", "direct", "--cohort", tiny_hearts.folder, "--out", tmp_path / "r"
    )
    assert (code, f"cohort {tiny_hearts.folder} must have findings" in err) == (2, True)
    shutil.copytree(tiny.folder, tmp_path / "cohort")
    (tmp_path / "cohort" / "ecg-00000.npy").write_bytes(b"short")
    code, _, err = called(*command(tmp_path / "cohort", tmp_path))
    assert (code, "ecg-00000.npy (5 bytes instead of " in err) == (1, True)


def test_a_second_training_into_the_same_folder_waits(tiny, command, tmp_path):
    arguments = command(tiny.folder, tmp_path, "--recipe.fine_tuning.epochs", 1)
    second = threading.Thread(target=main, args=[arguments], daemon=True)
    with locked_beside(tmp_path / "run" / RESULT):
        second.start()
        second.join(2)
        assert not (tmp_path / "run" / "phases").exists()
    second.join(60)
    assert is_finished(tmp_path / "run")
    assert not list((tmp_path / "run").glob(".*"))


def test_a_teacher_is_trained_and_measured_but_has_no_ecg_model(tiny, train, called, tmp_path):
    config = "recipe: {findings: [large], teacher: {epochs: 1, batch_size: 24}}"
    run = train(tiny.folder, tmp_path, recipe="teacher", config=config)
    assert not (run / "model").exists()
    assert called("evaluate", run)[0] == 0
    code, _, err = called("embed", run, "--out", tmp_path / "x.parquet")
    assert (code, "must have an ECG encoder, got recipe 'teacher'" in err) == (2, True)
