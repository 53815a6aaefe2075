"""``crossbeat predict`` answers for files, ``crossbeat embed`` for the ECGs of a cohort."""

import json

import numpy as np
import polars as pl
import pytest

from crossbeat.cli.simulate import write_example
from crossbeat.readers import read_ecg
from crossbeat.recipes.run import Run, evaluation_rows, predictions
from crossbeat.signal import Ecg


@pytest.fixture
def example(tmp_path):
    return write_example(tmp_path / "example")


def table_of(ecg, file, num=None):
    """A CSV file of an ECG, and the options that read it."""
    header = ",".join(ecg.leads)
    np.savetxt(file, ecg.values.T[:num], delimiter=",", header=header, comments="")
    return file, "--layout.fs", f"{ecg.fs:g}", "--layout.unit", "mV"


def test_predict_answers_for_files_and_names_those_it_cannot_read(
    direct, example, called, tmp_path
):
    bad = tmp_path / "letter.hea"
    bad.write_text("Dear colleague\n")
    code, printed, _ = called("predict", direct, example, "--json")
    assert code == 0
    (answer,) = json.loads(printed)
    assert [each["target"] for each in answer["answers"]] == ["large", "silent"]
    assert all(0 <= each["value"] <= 1 for each in answer["answers"])
    code, printed, err = called("predict", direct, example, bad, "--json")
    assert code == 1
    assert "1 of 2 files gave no answer" in err
    first, second = json.loads(printed)
    assert first == answer
    assert str(bad) in second["error"]
    assert "answers" not in second
    code, table, _ = called("predict", direct / "model", example)
    assert code == 0
    assert all(text in table for text in ("large", "silent", "probability", "%"))
    code, _, err = called("predict", direct, tmp_path / "gone.hea")
    assert code == 1
    assert err == f"error: there is no file {tmp_path / 'gone.hea'}; check the path\n"


def test_predict_takes_tables_beside_other_files_and_another_part(
    direct, example, called, tmp_path
):
    ecg = read_ecg(example)
    table, *layout = table_of(ecg, tmp_path / "plain.csv")
    short, *_ = table_of(ecg, tmp_path / "short.csv", int(ecg.fs))
    code, printed, err = called("predict", direct, example, table, short, *layout, "--json")
    assert (code, "1 of 3 files gave no answer" in err) == (1, True)
    same, written_out, refused = json.loads(printed)
    for ours, theirs in zip(same["answers"], written_out["answers"], strict=True):
        assert ours["value"] == pytest.approx(theirs["value"], abs=1e-4)
    assert str(short) in refused["error"]
    words = ("predict", direct, table, *layout, "--length.longer", "last", "--json")
    code, printed, _ = called(*words)
    (of_the_end,) = json.loads(printed)
    assert (code, of_the_end["answers"] != written_out["answers"]) == (0, True)


def test_a_record_gets_the_measurements_that_its_row_of_the_cohort_gets(
    hearts, tiny_hearts, called, tmp_path
):
    stored = tiny_hearts.ecgs(evaluation_rows(tiny_hearts, "test")[:1])
    ecg = Ecg(stored.values[0].numpy(), stored.leads, stored.fs)
    file, *layout = table_of(ecg, tmp_path / "ecg.csv")
    code, printed, _ = called("predict", hearts["ptacl"], file, *layout, "--json")
    assert code == 0
    told = json.loads(printed)[0]["answers"]
    wanted = predictions(Run.open(hearts["ptacl"]), tiny_hearts)
    assert [(each["target"], each["unit"]) for each in told] == [("LVEF", "%"), ("LVEDV", "ml")]
    values = [each["value"] for each in told]
    assert values == pytest.approx(wanted.test.outputs[0].tolist(), abs=0.5)
    off = (wanted.val.outputs - wanted.val.targets).std(axis=0)
    assert [each["error"] for each in told] == pytest.approx(off.tolist())
    code, table, _ = called("predict", hearts["ptacl"] / "model", file, *layout)
    assert (code, "±" in table) == (0, True)
    card = (hearts["ptacl"] / "model" / "README.md").read_text(encoding="utf-8")
    assert "LVEF, LVEDV (in their units, with the error on the validation split)" in card


def test_embed_writes_a_vector_for_every_ecg_of_the_split(direct, tiny, called, tmp_path):
    out = tmp_path / "val.parquet"
    code, _, err = called("embed", direct, "--split", "val", "--out", out)
    assert code == 0
    assert "24 embeddings of 64 values" in err
    table = pl.read_parquet(out)
    assert table["patient"].to_list() == tiny.patients(tiny.rows("val")).tolist()
    vectors = table["embedding"].to_numpy()
    assert vectors.shape == (24, 64)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
