"""The folder of a saved model is whole, or refused by name."""

import json
from dataclasses import replace

import pytest
import torch

import crossbeat.deploy.model as module
from crossbeat.deploy import Predictor, export_model, record_metrics
from crossbeat.errors import CheckpointError, ConfigError, DataError
from crossbeat.files import SEAL, write_sealed
from crossbeat.training.checkpoint import load_tensors, save_tensors

WEIGHTS = "model.safetensors"


def edit(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    seal_again(path.parent)


def seal_again(folder):
    """As another program would leave a folder: whole, whatever is in it."""
    names = json.loads((folder / SEAL).read_text())["files"]
    text = (folder / "config.json").read_text()
    write_sealed(folder, last="config.json", text=text, names=set(names) - {"config.json"})


def refused(folder, message):
    with pytest.raises(CheckpointError, match=message):
        Predictor.open(folder)


def test_a_model_without_its_files_or_with_damaged_ones_is_refused(tmp_path, copied):
    refused(tmp_path / "none", r"must be a finished run or a saved model, got no config")
    for name in (WEIGHTS, "preprocessing.json", "chosen.json", "config.json"):
        contents = (copied / name).read_bytes()
        for text in (b"", b"{", b"[]", b"{}"):
            (copied / name).write_bytes(text)
            refused(copied, str(copied))
        (copied / name).unlink()
        refused(copied, f"{name} does not exist|got no {name}; name another")
        (copied / name).write_bytes(contents)
    assert Predictor.open(copied)


def change(ecg):
    return lambda config: {"ecg": config["ecg"] | ecg}


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("config.json", {"format": 2}, "of format 3, got 2; run the train command of its run aga"),
        ("config.json", {"format": 99}, "must be a model of format 3, got 99; run the"),
        ("config.json", change({"encoder": "biott"}), "of an encoder that this version has, got"),
        ("config.json", change({"heads": 3}), "of an encoder that this version has, got"),
        ("config.json", {"ecg": []}, "of an encoder that this version has"),
        ("config.json", change({"encoder": "biot-small"}), "another architecture: missing ecg_enc"),
        ("config.json", {"findings": ["edema", "edema"]}, "different names as findings"),
        ("config.json", {"findings": "edema"}, "different names as findings"),
        ("config.json", {"measurements": [1]}, "different names as measurements"),
        ("config.json", {"findings": []}, "must have findings or measurements, got none"),
        ("config.json", {"cohort": {"kind": "mixed"}}, "whose kind is one of paired"),
        ("preprocessing.json", {"unit": "NU"}, "'unit': 'mV'"),
        ("preprocessing.json", {"normalisation": "z"}, "as the model does"),
        ("preprocessing.json", {"fs": "fast"}, "preprocessing.json must be settings that fit toge"),
        ("preprocessing.json", {"leads": ["I", "V9"]}, "leads must be different ones of"),
        ("chosen.json", {"edema": {"slope": 1.0}}, "finite slope, intercept, threshold of edema"),
        ("chosen.json", {"edema": 1}, "finite slope, intercept, threshold of edema"),
        ("chosen.json", {"gout": {}}, "must have exactly .*; copy the folder again"),
    ],
)
def test_a_folder_that_is_whole_with_a_value_that_is_not_allowed_is_refused(
    name, values, message, copied
):
    given = values(json.loads((copied / name).read_text())) if callable(values) else values
    edit(copied / name, **given)
    refused(copied, message)


def test_weights_that_are_not_those_of_the_network_are_refused(copied):
    path = copied / WEIGHTS
    whole = path.read_bytes()
    tensors, _ = load_tensors(path)
    name = next(name for name, tensor in tensors.items() if tensor.is_floating_point())
    path.write_bytes(whole[:-200])
    refused(copied, r"model\.safetensors must be as it was written")
    seal_again(copied)
    refused(copied, r"model\.safetensors must be a whole safetensors")
    nan, infinite = (tensors[name].clone() for _ in range(2))
    nan.view(-1)[0], infinite.view(-1)[0] = torch.nan, torch.inf
    fewer = {key: value for key, value in tensors.items() if key != name}
    for given, message in (
        (fewer, f"another architecture: missing {name}"),
        (tensors | {name: nan}, f"finite weights, got other values in {name}"),
        (tensors | {name: infinite}, f"finite weights, got other values in {name}"),
        (tensors | {name: tensors[name].double()}, f"must hold {name} as torch.float32, got torch"),
    ):
        save_tensors(path, given)
        seal_again(copied)
        refused(copied, message)


def test_a_model_moves_alone_and_takes_its_metrics_along(copied, run, predictor, ecg):
    inner = {"models": {"direct": {"LVEF": {"r2": {"value": 0.2}}}}}
    results = {"models": {"direct": {"edema": {"auroc": {"value": 0.7}}}}, "measurements": inner}
    record_metrics(copied, results, "direct")
    metrics = json.loads((copied / "metrics.json").read_text())
    assert metrics["edema"]["auroc"]["value"] == 0.7
    assert metrics["measurements"]["LVEF"]["r2"]["value"] == 0.2
    moved = replace(Predictor.open(copied), chosen=predictor.chosen)
    assert moved.predict(ecg, "test") == predictor.predict(ecg, "test")


def test_an_uncalibrated_finding_is_refused_when_asked(copied, ecg):
    chosen = json.loads((copied / "chosen.json").read_text())
    first = next(iter(chosen))
    edit(copied / "chosen.json", **{first: dict.fromkeys(chosen[first])})
    with pytest.raises(ConfigError, match=f"{first} must be calibrated, got only one class of it"):
        Predictor.open(copied).predict(ecg, "test")


def test_a_model_of_xrays_is_not_exported(cohort, trained, tmp_path):
    teacher = trained("teacher", cohort, tmp_path / "run", "teacher")
    message = "must have an ECG model to export, got a teacher"
    with pytest.raises(ConfigError, match=message):
        export_model(teacher, tmp_path / "model", cohort)
    assert not (tmp_path / "model").exists()


def test_a_kill_at_any_moment_leaves_no_folder_that_looks_like_a_model_and_is_none(
    run, cohort, tmp_path, monkeypatch
):
    written = []

    def record(original):
        def write(path, *rest):
            written.append(path.name)
            return original(path, *rest)

        return write

    def seal(folder, *, last, **rest):
        written.append(f"sealed, then {last}")
        write_sealed(folder, last=last, **rest)

    def full(path, *rest):
        raise DataError("disk full")

    for name in ("write_whole", "save_tensors"):
        monkeypatch.setattr(module, name, record(getattr(module, name)))
    monkeypatch.setattr(module, "write_sealed", seal)
    export_model(run, tmp_path, cohort)
    assert written[-1] == "sealed, then config.json"
    files = {path.name for path in tmp_path.iterdir()}
    assert {*written[:-1], SEAL, "config.json"} == files
    assert set(written) >= {WEIGHTS, "preprocessing.json", "chosen.json"}
    order = [(tmp_path / name).stat().st_mtime_ns for name in (SEAL, "config.json")]
    assert order == sorted(order)
    monkeypatch.setattr(module, "write_whole", full)
    with pytest.raises(DataError, match="disk full"):
        export_model(run, tmp_path, cohort)
    refused(tmp_path, "must be a finished run or a saved model")


def test_the_folder_tells_what_was_saved(run, cohort, copied):
    config = json.loads((copied / "config.json").read_text())
    findings = list(run.recipe.targets.findings)
    assert (config["recipe"], config["findings"]) == ("direct", findings)
    assert config["measurements"] == []
    preprocessing = json.loads((copied / "preprocessing.json").read_text())
    assert preprocessing["leads"] == list(cohort.info.leads)
    assert (preprocessing["fs"], preprocessing["seconds"], preprocessing["unit"]) == (100, 10, "mV")
    card = (copied / "README.md").read_text()
    assert f"{', '.join(findings)} (probabilities, calibrated on the validation split)" in card
    assert cohort.info.notes[0] in card
    assert "Not a medical device" in card
    tensors, _ = load_tensors(copied / WEIGHTS)
    for name, value in tensors.items():
        part, _, key = name.partition(".")
        assert torch.equal(value, run.parts[part].state_dict()[key])
