"""The folder of a saved model is whole, or refused by name."""

import json

import pytest
import torch
from crossbeat.evaluation.choices import choose
from small_models import probabilities, trained

import crossbeat.deploy.model as module
from crossbeat.deploy import Predictor, export_model, record_metrics
from crossbeat.errors import CheckpointError, ConfigError, DataError
from crossbeat.files import SEAL, write_sealed
from crossbeat.recipes.run import validation
from crossbeat.training.checkpoint import load_tensors, save_tensors


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"config\.json must be there, got none; give the"):
        Predictor.open(tmp_path)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "preprocessing.json", "calibration.json", "config.json"]
)
def test_a_model_that_lacks_a_file_is_refused(name, copied):
    (copied / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name} (does not exist|must be there, got none)"):
        Predictor.open(copied)


@pytest.mark.parametrize("change", [{"encoder": "biott"}, {"heads": 3}])
def test_a_model_whose_network_is_not_known_is_refused(change, copied):
    ecg = json.loads((copied / "config.json").read_text())["ecg"]
    edit(copied / "config.json", ecg=ecg | change)
    with pytest.raises(CheckpointError, match="of an encoder that this version has, got"):
        Predictor.open(copied)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
@pytest.mark.parametrize("name", ["preprocessing.json", "calibration.json", "config.json"])
def test_a_model_with_a_damaged_file_is_refused(name, text, copied):
    (copied / name).write_text(text)
    with pytest.raises(CheckpointError, match=str(copied)):
        Predictor.open(copied)


def test_truncated_weights_are_refused(copied):
    path = copied / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CheckpointError, match=r"model\.safetensors must be as it was written"):
        Predictor.open(copied)
    seal_again(copied)
    with pytest.raises(CheckpointError, match=r"model\.safetensors must be a whole safetensors"):
        Predictor.open(copied)


def edit(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    seal_again(path.parent)


def seal_again(folder):
    """As another program would leave a folder: whole, whatever is in it."""
    names = json.loads((folder / SEAL).read_text())["files"]
    text = (folder / "config.json").read_text()
    write_sealed(folder, last="config.json", text=text, names=set(names) - {"config.json"})


def test_weights_of_another_architecture_are_refused(copied):
    ecg = json.loads((copied / "config.json").read_text())["ecg"]
    edit(copied / "config.json", ecg=ecg | {"encoder": "biot-small"})
    with pytest.raises(CheckpointError, match="weights of another architecture: missing ecg_enc"):
        Predictor.open(copied)


def test_weights_that_lack_a_tensor_are_refused(copied):
    path = copied / "model.safetensors"
    tensors, _ = load_tensors(path)
    name = next(iter(tensors))
    save_tensors(path, {key: value for key, value in tensors.items() if key != name})
    seal_again(copied)
    with pytest.raises(CheckpointError, match=f"another architecture: missing {name}"):
        Predictor.open(copied)


def test_another_version_of_the_format_is_refused(copied):
    edit(copied / "config.json", format=99)
    with pytest.raises(CheckpointError, match="must be a model of format 2, got 99; run the"):
        Predictor.open(copied)


def test_a_model_moves_alone(copied, run, ecg):
    moved, own = Predictor.open(copied), Predictor.open(run.folder)
    assert probabilities(moved, ecg) == probabilities(own, ecg)


def test_an_uncalibrated_finding_is_refused_when_asked(copied, ecg):
    calibration = json.loads((copied / "calibration.json").read_text())
    first = next(iter(calibration))
    edit(copied / "calibration.json", **{first: dict.fromkeys(calibration[first])})
    with pytest.raises(ConfigError, match=f"{first} must be calibrated, got only one class of it"):
        Predictor.open(copied).predict(ecg, "test")


def test_a_model_of_xrays_is_not_exported(cohort, tmp_path):
    teacher = trained("teacher", cohort, tmp_path / "run", phase="teacher")
    choices = choose(validation(teacher, cohort))
    with pytest.raises(
        ConfigError, match="must have an ECG model to export, got a model of images"
    ):
        export_model(teacher, tmp_path / "model", choices)
    assert not (tmp_path / "model").exists()


def test_the_config_is_written_last_and_everything_before_it(run, cohort, tmp_path, monkeypatch):
    """A kill at any moment leaves no folder that looks like a model and is none."""
    written = []

    def record(original):
        def write(path, *rest):
            written.append(path.name)
            return original(path, *rest)

        return write

    for name in ("write_whole", "save_tensors"):
        monkeypatch.setattr(module, name, record(getattr(module, name)))

    def seal(folder, *, last, **rest):
        written.append(f"sealed, then {last}")
        write_sealed(folder, last=last, **rest)

    monkeypatch.setattr(module, "write_sealed", seal)
    choices = choose(validation(run, cohort))
    export_model(run, tmp_path / "model", choices)
    assert written[-1] == "sealed, then config.json"
    files = {path.name for path in (tmp_path / "model").iterdir()}
    assert {*written[:-1], SEAL, "config.json"} == files
    assert set(written) >= {"model.safetensors", "preprocessing.json", "calibration.json"}
    order = [(tmp_path / "model" / name).stat().st_mtime_ns for name in (SEAL, "config.json")]
    assert order == sorted(order)


def test_exporting_again_leaves_no_whole_model_until_it_is_done(run, cohort, tmp_path, monkeypatch):
    choices = choose(validation(run, cohort))
    export_model(run, tmp_path / "model", choices)

    def full(path, *rest):
        raise DataError("disk full")

    monkeypatch.setattr(module, "write_whole", full)
    with pytest.raises(DataError, match="disk full"):
        export_model(run, tmp_path / "model", choices)
    with pytest.raises(CheckpointError):
        Predictor.open(tmp_path / "model")


def test_the_folder_tells_what_was_saved(run, cohort, copied):
    config = json.loads((copied / "config.json").read_text())
    assert config["recipe"] == "direct"
    assert config["findings"] == list(run.recipe.findings)
    preprocessing = json.loads((copied / "preprocessing.json").read_text())
    assert preprocessing["leads"] == list(cohort.info.leads)
    assert (preprocessing["fs"], preprocessing["seconds"], preprocessing["unit"]) == (100, 10, "mV")
    card = (copied / "README.md").read_text()
    assert cohort.info.notes[0] in card
    assert "Not a medical device" in card
    tensors, _ = load_tensors(copied / "model.safetensors")
    for name, value in tensors.items():
        part, _, key = name.partition(".")
        assert torch.equal(value, run.parts[part].state_dict()[key])


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("config.json", {"findings": ["edema", "edema"]}, "different names as findings"),
        ("config.json", {"findings": "edema"}, "different names as findings"),
        ("config.json", {"cohort": {"kind": "mixed"}}, "whose kind is one of paired"),
        ("config.json", {"ecg": []}, "of an encoder that this version has"),
        ("preprocessing.json", {"unit": "NU"}, "'unit': 'mV'"),
        ("preprocessing.json", {"normalisation": "z"}, "as the model does"),
        (
            "preprocessing.json",
            {"fs": "fast"},
            "preprocessing.json must be settings that fit together",
        ),
        ("preprocessing.json", {"leads": ["I", "V9"]}, "leads must be different ones of"),
        ("calibration.json", {"edema": {"slope": 1.0}}, "finite slope, intercept, threshold of ed"),
        ("calibration.json", {"edema": 1}, "finite slope, intercept, threshold of edema"),
        ("calibration.json", {"gout": {}}, "must have exactly .*; copy the folder again"),
    ],
)
def test_a_folder_that_is_whole_with_a_value_that_is_not_allowed_is_refused(
    name, values, message, copied
):
    edit(copied / name, **values)
    with pytest.raises(CheckpointError, match=message):
        Predictor.open(copied)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(value, copied):
    tensors, _ = load_tensors(copied / "model.safetensors")
    name = next(name for name, tensor in tensors.items() if tensor.is_floating_point())
    tensors[name].view(-1)[0] = value
    save_tensors(copied / "model.safetensors", tensors)
    seal_again(copied)
    with pytest.raises(CheckpointError, match=f"finite weights, got other values in {name}"):
        Predictor.open(copied)
    save_tensors(copied / "model.safetensors", tensors | {name: tensors[name].double()})
    seal_again(copied)
    with pytest.raises(CheckpointError, match=f"must hold {name} as torch.float32, got torch.fl"):
        Predictor.open(copied)


def test_metrics_join_the_model(copied):
    record_metrics(copied, {"edema": {"auroc": {"value": 0.7}}})
    assert json.loads((copied / "metrics.json").read_text())["edema"]["auroc"]["value"] == 0.7
    Predictor.open(copied)
