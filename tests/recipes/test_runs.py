"""A run's folder: what it refuses, and what it gives back."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from small_recipes import (
    NO_ECG,
    NO_XRAY,
    QUIET,
    UNREPORTED,
    run_of,
    same,
    seal_again,
    small,
    without,
)

from crossbeat.data.cohort import Cohort
from crossbeat.errors import CheckpointError, ConfigError
from crossbeat.files import SEAL
from crossbeat.modalities import OtherModel
from crossbeat.recipes import record
from crossbeat.recipes.run import (
    Plan,
    Run,
    embeddings,
    evaluation_rows,
    predictions,
    train,
    validation,
)
from crossbeat.targets import FINDING
from crossbeat.training.checkpoint import load_tensors, save_tensors


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory):
    """A run of CroMoTEX."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    return run_of(small("cromotex"), tiny, folder, name="cromotex")


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of its folder to spoil."""
    shutil.copytree(finished.folder, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_run_opens_as_it_was_left(finished):
    again = Run.open(finished.folder)
    assert same(again.parts, finished.parts)
    assert again.recipe == small("cromotex")
    assert (again.name, again.seed) == ("cromotex", 0)
    assert not any(part.training for part in again.parts.modules())


def test_a_run_opens_where_it_was_moved_to(finished, copied):
    assert same(Run.open(copied).after("alignment").parts, finished.after("alignment").parts)


def test_a_finished_run_is_read_wherever_its_cohort_lies(finished, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("crossbeat.recipes.run.run_phases", None)
    shutil.copytree(tiny.folder, tmp_path / "elsewhere")
    for cohort in (tiny, Cohort.open(tmp_path / "elsewhere")):
        run = run_of(small("cromotex"), cohort, finished.folder, name="cromotex")
        assert same(run.parts, finished.parts)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="must be the folder of a run, got none; train it"):
        Run.open(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("finished.json", "got an unfinished run; run the same train"),
        ("weights.safetensors", r"weights\.safetensors does not exist"),
        (SEAL, r"must have a seal\.json, got none; .* train command"),
    ],
)
def test_a_run_without_one_of_its_files_is_refused(name, message, copied):
    (copied / name).unlink()
    with pytest.raises(CheckpointError, match=message):
        Run.open(copied)


@pytest.mark.parametrize("name", ["run.json", "weights.safetensors", "finished.json"])
def test_a_run_whose_files_were_changed_is_refused(name, copied):
    path = copied / name
    contents = path.read_bytes()
    path.write_bytes(contents[:-3] + bytes([contents[-3] ^ 1]) + contents[-2:])
    with pytest.raises(CheckpointError, match=f"{name} must be as it was written, got other cont"):
        Run.open(copied)


def test_a_run_without_a_seal_is_trained_again(finished, tiny, copied):
    (copied / SEAL).unlink()
    again = run_of(small("cromotex"), tiny, copied, name="cromotex")
    assert all(phase["reused"] for phase in again.phases)
    assert same(again.parts, finished.parts)


def test_a_phase_whose_files_were_changed_is_refused(finished, tiny, copied):
    (teacher,) = copied.glob("phases/teacher-*")
    weights, _ = load_tensors(teacher / "best.safetensors")
    save_tensors(teacher / "best.safetensors", {key: 0 * value for key, value in weights.items()})
    with pytest.raises(CheckpointError, match=r"best\.safetensors must be as it was .*; remove"):
        Run.open(copied).after("alignment")
    (copied / "finished.json").unlink()
    with pytest.raises(CheckpointError, match=r"remove .*teacher-\w+, so that it is trained again"):
        run_of(small("cromotex"), tiny, copied, name="cromotex")
    shutil.rmtree(teacher)
    again = run_of(small("cromotex"), tiny, copied, name="cromotex")
    assert not again.phases[0]["reused"]
    assert Run.open(copied).after("alignment").name == "cromotex"


def test_weights_that_are_truncated_or_of_another_architecture_are_refused(copied, tiny):
    path = copied / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    seal_again(copied)
    with pytest.raises(CheckpointError, match="must be a whole safetensors file"):
        Run.open(copied)
    other = small("cromotex", ecg=replace(small("cromotex").ecg, encoder="biot-small"))
    save_tensors(path, other.parts(tiny.info, 0).state_dict())
    seal_again(copied)
    with pytest.raises(CheckpointError, match="holds weights of another architecture: missing"):
        Run.open(copied)


@pytest.mark.parametrize("name", ["run.json", "finished.json"])
def test_a_damaged_record_is_refused(name, copied):
    for text in ("", "{", "{}", "[]", '{"recipe": "cromotex"}'):
        (copied / name).write_text(text)
        seal_again(copied)
        with pytest.raises(CheckpointError, match=rf"{name} must be a run's record"):
            Run.open(copied)


def test_a_run_of_a_recipe_that_this_version_does_not_know_is_refused(copied):
    path = copied / "run.json"
    path.write_text(path.read_text().replace('"cromotex"', '"cromotex9"'))
    seal_again(copied)
    with pytest.raises(ConfigError, match="got 'cromotex9'; did you mean 'cromotex'"):
        Run.open(copied)


def test_a_run_opens_without_the_file_that_its_encoder_started_from(tiny, tmp_path):
    dense = small("teacher", other=OtherModel(encoder="densenet121"))
    run = run_of(dense, tiny, tmp_path / "run", name="teacher")
    path = run.folder / "run.json"
    path.write_text(path.read_text().replace('"weights": ""', '"weights": "away.safetensors"'))
    seal_again(run.folder)
    assert Run.open(run.folder).recipe.other.weights == "away.safetensors"


@pytest.mark.parametrize("change", ["settings", "seed", "cohort", "precision"])
def test_a_folder_of_a_run_with_other_settings_is_refused(change, finished, tiny):
    recipe = small("cromotex", penalty=2.0) if change == "settings" else small("cromotex")
    plan = Plan(name="cromotex", recipe=recipe, seed=int(change == "seed"))
    trainer = replace(QUIET, precision="bf16-mixed") if change == "precision" else QUIET
    cohort = tiny
    if change == "cohort":
        cohort = tiny.with_table(tiny.table.with_columns(pl.lit(50.0, pl.Float32).alias("age")))
    with pytest.raises(ConfigError, match="holds a run with other settings, seed, cohort, prec"):
        train(plan, cohort, finished.folder, trainer=trainer)


def test_after_a_phase_the_parts_are_those_that_it_chose(finished, tiny):
    start = small("cromotex").parts(tiny.info, 0)
    learned = finished.after("self-supervision").parts
    (kept,) = [phase for phase in finished.phases if phase["name"] == "self-supervision"]
    weights, _ = load_tensors(finished.folder / kept["folder"] / "best.safetensors")
    now = learned.state_dict()
    assert all(torch.equal(now[name], value) for name, value in weights.items())
    assert same(learned["xray_encoder"], finished.parts["xray_encoder"])
    assert same(learned["xray_projection"], start["xray_projection"])
    assert not same(learned["ecg_encoder"], finished.parts["ecg_encoder"])
    assert same(finished.after("fine-tuning").parts, finished.parts)
    with pytest.raises(ConfigError, match=r"phase must be one of teacher, self-.*got 'distil'"):
        finished.after("distil")


def test_predictions_are_measured_against_labels_on_val_and_the_truth_on_test(finished, tiny):
    truth = (1 - pl.col("label:large")).alias("truth:large")
    cohort = tiny.with_table(tiny.table.with_columns(truth))
    found = predictions(finished, cohort)
    val, test = (cohort.rows(split, has=("ecg", "xray")) for split in ("val", "test"))
    labels = cohort.table["label:large"].to_numpy()
    assert np.array_equal(found.val.targets[:, 0], labels[val])
    assert np.array_equal(found.test.targets[:, 0], 1 - labels[test])
    assert np.array_equal(found.test.targets[:, 1], cohort.table["label:silent"].to_numpy()[test])
    assert found.test.patients.tolist() == cohort.table["patient"].gather(test).to_list()
    names = pl.col("patient") + "x"
    others = tiny.table.with_columns(names, xray_patient=names)
    found = predictions(finished, tiny, test=tiny.with_table(others))
    assert found.test.patients.tolist()[0].endswith("x")
    assert not found.val.patients.tolist()[0].endswith("x")


def test_outputs_are_of_the_head_on_embeddings_of_the_ecg_alone(finished, tiny):
    rows = tiny.rows("test")
    vectors = embeddings(finished, tiny, rows)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(24))
    one_by_one = torch.cat([embeddings(finished, tiny, rows[i : i + 1]) for i in (3, 0)])
    torch.testing.assert_close(one_by_one, vectors[[3, 0]])
    with torch.no_grad():
        told = finished.parts["ecg_classifier"](vectors).double().numpy()
    for cohort in (tiny, without(tiny, "xray")):
        np.testing.assert_allclose(predictions(finished, cohort).test.outputs, told, rtol=1e-5)


def test_a_teacher_answers_from_the_xray_and_has_no_ecg_embeddings(tiny, trained):
    run = trained("teacher")
    rows = tiny.rows("test")
    with torch.no_grad():
        embedded = run.parts["xray_encoder"](tiny.images("xray", rows).float()[:, None] / 255)
        expected = run.parts["xray_classifier"](embedded).double().numpy()
    np.testing.assert_allclose(predictions(run, tiny).test.outputs, expected, rtol=1e-5)
    with pytest.raises(ConfigError, match="must have an ECG encoder, got recipe 'teacher'"):
        embeddings(run, tiny, rows)


def test_models_are_compared_on_pairs_where_the_xray_is_the_patients_own(tiny):
    row = pl.int_range(pl.len())
    lost = [
        pl.when(row % 2 == 0).then(pl.col(name)).alias(name) for name in ("xray", "xray_patient")
    ]
    paired = tiny.with_table(tiny.table.with_columns(lost))
    matched = replace(paired, info=replace(tiny.info, kind="matched"))
    assert len(evaluation_rows(paired, "test")) == 12
    assert len(evaluation_rows(matched, "test")) == 24
    kept = [
        pl.when(pl.col("split") == "train").then(pl.col(name)).alias(name)
        for name in ("xray", "xray_patient")
    ]
    trained = tiny.with_table(tiny.table.with_columns(kept))
    assert len(evaluation_rows(trained, "test")) == 24  # no test patient has an X-ray


def test_models_are_compared_on_rows_without_a_modality_that_is_not_required(tiny_hearts):
    test, half = tiny_hearts.rows("test"), pl.int_range(pl.len()) % 2 == 0
    for name, expected in (("cine_long", test), ("cine", test[test % 2 == 0])):
        owner = f"{name}_patient"
        lost = [pl.when(half).then(pl.col(each)).alias(each) for each in (name, owner)]
        cohort = tiny_hearts.with_table(tiny_hearts.table.with_columns(lost))
        assert evaluation_rows(cohort, "test").tolist() == expected.tolist()


def test_training_samples_are_counted_for_every_modality(tiny, gaps, tiny_hearts):
    train = len(tiny.rows("train"))
    whole = ("ecgs", "pairs", "labelled_pairs", "labelled_ecgs", "labelled_xrays")
    assert record.counted(tiny) == dict.fromkeys(whole, train)
    pairs = train - len(NO_XRAY) - len(NO_ECG)
    told = record.counted(gaps)
    assert (told["ecgs"], told["pairs"]) == (train - len(NO_ECG), pairs)
    for name, has in (("ecgs", ("ecg",)), ("pairs", ("ecg", "xray")), ("xrays", ("xray",))):
        assert told[f"labelled_{name}"] == len(set(gaps.rows("train", has=has)) - {*UNREPORTED})
    row = pl.int_range(pl.len())
    half = [pl.when(row % 2 == 0).then(pl.col(n)).alias(n) for n in ("cine", "cine_patient")]
    long = ("cine_long", "cine_long_patient")
    none = [pl.lit(None, tiny_hearts.table.schema[name]).alias(name) for name in long]
    known = [
        pl.when(row % 3 == 0).then(pl.col(n)).alias(n)
        for n in tiny_hearts.table.columns
        if n.startswith("value:")
    ]
    cohort = tiny_hearts.with_table(tiny_hearts.table.with_columns(*half, *none, *known))
    rows = cohort.rows("train")
    assert record.counted(cohort) == {
        "ecgs": len(rows),
        "pairs": sum(rows % 2 == 0),
        "labelled_pairs": sum(rows % 6 == 0),
        "labelled_ecgs": sum(rows % 3 == 0),
        "labelled_cines": sum(rows % 6 == 0),
        "labelled_cine_longs": 0,
    }


def test_validation_follows_the_label_policy(finished, tiny):
    uncertain = pl.when(pl.int_range(pl.len()) % 2 == 0).then(-1).otherwise(pl.col("label:large"))
    cohort = tiny.with_table(tiny.table.with_columns(uncertain.cast(pl.Int8).alias("label:large")))
    even = cohort.rows("val") % 2 == 0
    assert (validation(finished, cohort, FINDING).targets[even, 0] == 0).all()
    ignored = replace(finished.recipe, labels=replace(finished.recipe.labels, uncertain="ignore"))
    targets = validation(replace(finished, recipe=ignored), cohort, FINDING).targets
    assert np.isnan(targets[even, 0]).all()
    assert not np.isnan(targets[~even, 0]).any()


def test_a_run_records_what_made_it(finished, tiny):
    plan = json.loads((finished.folder / "run.json").read_text())
    assert plan["cohort"]["fingerprint"] == tiny.fingerprint()
    result = json.loads((finished.folder / "finished.json").read_text())
    assert set(result["versions"]) >= {"python", "torch", "crossbeat"}
    assert Path(plan["cohort"]["folder"]).is_absolute()
    for phase in result["phases"]:
        assert (finished.folder / phase["folder"]).is_dir()
        assert len(phase["history"]) == 1


def test_the_drafts_of_a_killed_training_are_removed_when_it_goes_on(tiny, tmp_path):
    folder, shared = tmp_path / "run", tmp_path / "phases"
    left = [
        folder / ".run.json.here-1.0123abcd.part",
        shared / "teacher" / ".best.here-1.0123abcd.part",
    ]
    for path in left:
        path.parent.mkdir(parents=True)
        path.touch()
        os.utime(path, (1.0, 1.0))
    run_of(small("direct"), tiny, folder, name="direct", shared=shared)
    assert not list(tmp_path.rglob("*.part"))
