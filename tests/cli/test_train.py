"""From ``crossbeat train`` to ``crossbeat predict``, also through Ctrl-C."""

import json
import shutil
import threading

import numpy as np
import polars as pl
import pytest
import torch

from crossbeat.cli import main
from crossbeat.cli.examples import write_example
from crossbeat.files import write_sealed
from crossbeat.readers import read_ecg
from crossbeat.recipes.record import RESULT, is_finished
from crossbeat.recipes.run import Run
from crossbeat.training.module import PhaseModule
from crossbeat.workers import locked_beside

SMALL = """
recipe:
  findings: [large, silent]
  ecg: {hidden: [16], dropout: 0.2}
  fine_tuning: {epochs: 3, batch_size: 24, learning_rate: 0.003}
trainer: {progress: false, accelerator: cpu}
"""


def called(capsys, *arguments):
    """Exit code, standard output and error stream."""
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    assert "Traceback" not in output.err
    return code, output.out, output.err


def command(cohort, folder, *more, recipe="direct"):
    config = folder / "run.yaml"
    config.write_text(SMALL)
    where = ["--cohort", cohort.folder, "--out", folder / "run"]
    return ["train", recipe, "--preset", "demo", *where, "--config", config, *more]


def files(run):
    return {
        name: (run / name).read_bytes()
        for name in ("weights.safetensors", "model/model.safetensors")
    }


def history(run):
    """Of every epoch what it reached, without how long it took."""
    phases = json.loads((run / "finished.json").read_text())["phases"]
    epochs = [epoch for phase in phases for epoch in phase["history"]]
    return [{key: epoch[key] for key in epoch if key != "seconds"} for epoch in epochs]


@pytest.fixture(scope="module")
def direct(tiny, tmp_path_factory):
    """The folder of a run that was trained by the command."""
    folder = tmp_path_factory.mktemp("direct")
    torch.set_num_threads(1)  # sums of floats depend on it, and so do the last bits of weights
    assert main([str(each) for each in command(tiny, folder)]) == 0
    return folder / "run"


def test_a_trained_run_has_the_settings_of_the_file(direct):
    run = Run.open(direct)
    assert run.recipe.findings == ("large", "silent")
    assert run.recipe.ecg.hidden == (16,)
    assert (run.recipe.ecg.encoder, run.recipe.fine_tuning.epochs) == ("cromotex-small", 3)
    assert (direct / "model" / "config.json").is_file()


def test_the_command_line_overrules_the_file(tiny, capsys, tmp_path):
    more = ("--recipe.fine_tuning.epochs", 1, "--seed", 7)
    code, _, err = called(capsys, *command(tiny, tmp_path, *more))
    assert code == 0
    assert f"next: crossbeat evaluate {tmp_path / 'run'}" in err
    run = Run.open(tmp_path / "run")
    assert (run.recipe.fine_tuning.epochs, run.recipe.fine_tuning.batch_size) == (1, 24)
    assert (run.seed, run.recipe.ecg.hidden) == (7, (16,))


def test_a_setting_that_may_be_null_keeps_its_other_values(tiny, capsys, tmp_path):
    more = ["--recipe.self_supervision.epochs", 1, "--recipe.self_supervision.batch_size", 24]
    for phase in ("teacher", "alignment"):
        more += [f"--recipe.{phase}.epochs", 1, f"--recipe.{phase}.batch_size", 24]
    code, _, err = called(capsys, *command(tiny, tmp_path, *more, recipe="cromotex"))
    assert code == 0, err
    settings = Run.open(tmp_path / "run").recipe.self_supervision
    assert (settings.epochs, settings.batch_size, settings.learning_rate) == (1, 24, 1e-3)
    no = ["--recipe.self_supervision", "null", "--out", tmp_path / "no"]
    code, _, err = called(capsys, *command(tiny, tmp_path, *more[4:], *no, recipe="cromotex"))
    assert code == 0, err
    phases = [phase["name"] for phase in Run.open(tmp_path / "no").phases]
    assert phases == ["teacher", "alignment", "fine-tuning"]


def test_a_printed_config_trains_the_same_model(direct, tiny, capsys, tmp_path):
    with pytest.raises(SystemExit):
        main([str(each) for each in command(tiny, tmp_path, "--print_config")])
    printed = tmp_path / "printed.yaml"
    printed.write_text(capsys.readouterr().out)
    again = ["train", "direct", "--preset", "demo", "--config", printed]
    code, _, err = called(capsys, *again, "--out", tmp_path / "run")
    assert code == 0, err
    assert files(tmp_path / "run") == files(direct)


@pytest.mark.parametrize("name", ["cromotex", "label-only"])
def test_a_printed_config_of_a_recipe_with_more_phases_is_read(name, tiny, capsys, tmp_path):
    given = ["train", name, "--cohort", tiny.folder, "--out", tmp_path / "run"]
    with pytest.raises(SystemExit):
        main([*map(str, given), "--recipe.self_supervision.epochs", "4", "--print_config"])
    printed = tmp_path / "printed.yaml"
    printed.write_text(capsys.readouterr().out)
    with pytest.raises(SystemExit):
        main(["train", name, "--config", str(printed), "--print_config"])
    assert capsys.readouterr().out == printed.read_text()
    assert "epochs: 4" in printed.read_text()


def test_the_same_command_again_only_reads(direct, tiny, capsys, monkeypatch):
    monkeypatch.setattr(PhaseModule, "training_step", None)
    before = files(direct)
    assert called(capsys, *command(tiny, direct.parent))[0] == 0
    assert files(direct) == before


@pytest.mark.parametrize("moment", [1, 5, 8])
def test_ctrl_c_leaves_a_run_that_the_same_command_finishes(
    moment, direct, tiny, capsys, tmp_path, monkeypatch
):
    steps = iter(range(1, 100))
    original = PhaseModule.training_step

    def interrupted(self, batch, batch_idx):
        if next(steps) == moment:
            raise KeyboardInterrupt
        return original(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(PhaseModule, "training_step", interrupted)
        code, _, err = called(capsys, *command(tiny, tmp_path))
    assert code == 1
    assert err.splitlines()[-1] == "stopped; run the same command again to continue"
    assert not (tmp_path / "run" / "finished.json").exists()
    code, _, err = called(capsys, "evaluate", tmp_path / "run")
    assert code == 1
    assert "got an unfinished run; run the same train command again to continue" in err
    assert called(capsys, *command(tiny, tmp_path))[0] == 0
    assert files(tmp_path / "run") == files(direct)
    assert history(tmp_path / "run") == history(direct)


def test_another_setting_in_the_same_folder_is_refused(direct, tiny, capsys):
    more = ("--recipe.fine_tuning.epochs", 2)
    code, _, err = called(capsys, *command(tiny, direct.parent, *more))
    assert code == 2
    assert f"{direct} holds a run with other settings, seed, cohort, precision or number of" in err


def test_a_cohort_without_the_findings_is_refused_before_anything_is_written(
    tiny, capsys, tmp_path
):
    more = ("--recipe.findings", "[large, edema]")
    code, _, err = called(capsys, *command(tiny, tmp_path, *more))
    assert code == 2
    assert "findings must be of large, silent" in err
    assert "got edema; say --recipe.findings" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("num", "options", "message"),
    [
        (0, ["--trainer.accelerator", "gpu"], "accelerator must be one that this machine has, got"),
        (0, ["--trainer.accelerator", "mps"], "has, got mps; choose auto or cpu, or check the dri"),
        (
            1,
            ["--trainer.accelerator", "gpu", "--trainer.devices", 2],
            "error: --trainer.devices must be at most 1, the GPUs of this machine, got 2; lower it",
        ),
        (
            0,
            ["--trainer.devices", 0],
            "error: --trainer.devices must be 1 or more, got 0; raise it",
        ),
        (0, ["--trainer.workers", -1], "--trainer.workers must be 0 or more, got -1; raise it"),
    ],
)
def test_hardware_that_the_machine_lacks_is_told_before_anything_is_written(
    num, options, message, tiny, capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: num)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    code, _, err = called(capsys, *command(tiny, tmp_path, *options))
    assert (code, err.count("\n")) == (2, 1)
    assert message in err
    assert not (tmp_path / "run").exists()


def test_a_full_disk_is_told_and_leaves_a_run_that_goes_on(
    direct, tiny, capsys, tmp_path, monkeypatch
):
    import crossbeat.files as module

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", full)
        code, _, err = called(capsys, *command(tiny, tmp_path))
    assert code == 1
    assert "No space left on device" in err
    assert called(capsys, *command(tiny, tmp_path))[0] == 0
    assert files(tmp_path / "run") == files(direct)


def test_evaluate_writes_results_and_the_models_metrics(direct, capsys, tmp_path):
    out = tmp_path / "results.json"
    code, table, _ = called(capsys, "evaluate", direct, "--out", out)
    assert code == 0
    assert "AUROC" in table
    assert "direct" in table
    results = json.loads(out.read_text())
    found = results["models"]["direct"]["large"]["auroc"]
    assert 0 <= found["low"] <= found["value"] <= found["high"] <= 1
    assert set(results) >= {"cohort", "seeds", "models", "differences", "limits", "versions"}
    metrics = json.loads((direct / "model" / "metrics.json").read_text())
    assert metrics["large"]["auroc"] == found


def test_evaluate_as_json_prints_what_it_writes(direct, capsys, tmp_path):
    out = tmp_path / "results.json"
    code, printed, _ = called(capsys, "evaluate", direct, "--out", out, "--json")
    assert code == 0
    assert json.loads(printed)["models"] == json.loads(out.read_text())["models"]


def test_evaluate_compares_with_the_first_run(direct, tiny, capsys, tmp_path):
    more = ("--recipe.fine_tuning.epochs", 1)
    assert called(capsys, *command(tiny, tmp_path, *more, recipe="resnet1d"))[0] == 0
    out = tmp_path / "results.json"
    code, table, _ = called(capsys, "evaluate", direct, tmp_path / "run", "--out", out)
    assert code == 0
    assert "Paired differences" in table
    assert "resnet1d - direct" in json.loads(out.read_text())["differences"]


def test_evaluate_refuses_a_run_that_is_named_twice_and_a_seed_below_0(direct, capsys):
    code, _, err = called(capsys, "evaluate", direct, direct)
    assert code == 2
    assert "must differ in their seed, got seed 0 of direct 2 times; name each run once, and" in err
    code, _, err = called(capsys, "evaluate", direct, "--seed", "-1")
    assert (code, "--seed must be 0 or more, got -1; change it" in err) == (2, True)


def test_evaluate_refuses_another_cohort_in_the_place_of_the_runs_own(
    direct, tiny, capsys, tmp_path
):
    copy = tmp_path / "copy"
    shutil.copytree(direct, copy)
    plan = json.loads((copy / "run.json").read_text())
    plan["cohort"]["fingerprint"] = "other"
    (copy / "run.json").write_text(json.dumps(plan))
    text = (copy / "finished.json").read_text()
    names = ("run.json", "weights.safetensors", "learned.parquet")
    write_sealed(copy, last="finished.json", text=text, names=names)
    code, _, err = called(capsys, "evaluate", copy)
    assert code == 2
    assert f"{tiny.folder} must be the cohort that {copy} was trained on, got another" in err


def test_a_second_training_into_the_same_folder_waits(tiny, tmp_path):
    arguments = [str(each) for each in command(tiny, tmp_path, "--recipe.fine_tuning.epochs", 1)]
    second = threading.Thread(target=main, args=[arguments], daemon=True)
    with locked_beside(tmp_path / "run" / RESULT):
        second.start()
        second.join(2)
        assert not (tmp_path / "run" / "phases").exists()
    second.join(60)
    assert is_finished(tmp_path / "run")
    assert not list((tmp_path / "run").glob(".*"))


def test_embed_writes_a_vector_for_every_ecg_of_the_split(direct, tiny, capsys, tmp_path):
    out = tmp_path / "val.parquet"
    code, _, err = called(capsys, "embed", direct, "--split", "val", "--out", out)
    assert code == 0
    assert "24 embeddings of 64 values" in err
    table = pl.read_parquet(out)
    rows = tiny.rows("val")
    assert table["patient"].to_list() == tiny.patients(rows).tolist()
    vectors = table["embedding"].to_numpy()
    assert vectors.shape == (24, 64)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    code, _, err = called(capsys, "embed", direct, "--split", "all", "--out", out)
    assert (code, "--split must be train, val or test, got 'all'" in err) == (2, True)


def test_predict_answers_for_files_and_names_those_it_cannot_read(direct, capsys, tmp_path):
    good = write_example(tmp_path / "example")
    bad = tmp_path / "letter.hea"
    bad.write_text("Dear colleague\n")
    code, printed, _ = called(capsys, "predict", direct, good, "--json")
    assert code == 0
    (answer,) = json.loads(printed)
    assert [finding["finding"] for finding in answer["findings"]] == ["large", "silent"]
    assert all(0 <= finding["probability"] <= 1 for finding in answer["findings"])
    code, printed, err = called(capsys, "predict", direct, good, bad, "--json")
    assert code == 1
    assert "1 of 2 files gave no answer" in err
    first, second = json.loads(printed)
    assert first == answer
    assert str(bad) in second["error"]
    assert "findings" not in second


def test_predict_takes_tables_beside_other_files_and_another_part(direct, capsys, tmp_path):
    record = write_example(tmp_path / "example")
    ecg = read_ecg(record)
    table, short = tmp_path / "plain.csv", tmp_path / "short.csv"
    for file, values in ((table, ecg.values.T), (short, ecg.values.T[: int(ecg.fs)])):
        np.savetxt(file, values, delimiter=",", header=",".join(ecg.leads), comments="")
    layout = ("--layout.fs", f"{ecg.fs:g}", "--layout.unit", "mV")
    files = (record, table, short)
    code, printed, err = called(capsys, "predict", direct, *files, *layout, "--json")
    assert code == 1
    assert "1 of 3 files gave no answer" in err
    same, written_out, refused = json.loads(printed)
    for ours, theirs in zip(same["findings"], written_out["findings"], strict=True):
        assert ours["probability"] == pytest.approx(theirs["probability"], abs=1e-4)
    assert str(short) in refused["error"]
    code, printed, _ = called(
        capsys, "predict", direct, table, *layout, "--length.longer", "last", "--json"
    )
    (of_the_end,) = json.loads(printed)
    assert (code, of_the_end["findings"] != written_out["findings"]) == (0, True)


def test_predict_prints_a_table_without_json(direct, capsys, tmp_path):
    good = write_example(tmp_path / "example")
    code, table, _ = called(capsys, "predict", direct / "model", good)
    assert code == 0
    assert "large" in table
    assert "%" in table
    code, _, err = called(capsys, "predict", direct, tmp_path / "gone.hea")
    assert code == 1
    assert err == f"error: there is no file {tmp_path / 'gone.hea'}; check the path\n"


def test_a_teacher_is_trained_and_measured_but_has_no_ecg_model(tiny, capsys, tmp_path):
    config = tmp_path / "teacher.yaml"
    config.write_text("recipe: {findings: [large], teacher: {epochs: 1, batch_size: 24}}")
    where = ["--cohort", tiny.folder, "--out", tmp_path / "run", "--preset=demo"]
    code, _, err = called(capsys, "train", "teacher", *where, "--config", config)
    assert code == 0
    assert "model:" not in err
    assert not (tmp_path / "run" / "model").exists()
    assert called(capsys, "evaluate", tmp_path / "run")[0] == 0
    code, _, err = called(capsys, "embed", tmp_path / "run", "--out", tmp_path / "x.parquet")
    assert (code, "must have an ECG encoder, got recipe 'teacher'" in err) == (2, True)


def test_a_damaged_cohort_is_told(tiny, capsys, tmp_path):
    shutil.copytree(tiny.folder, tmp_path / "cohort")
    (tmp_path / "cohort" / "ecg-00000.npy").write_bytes(b"short")
    given = command(tiny, tmp_path, "--cohort", tmp_path / "cohort")
    code, _, err = called(capsys, *given)
    assert code == 1
    assert "ecg-00000.npy (5 bytes instead of " in err
