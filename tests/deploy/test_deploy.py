"""A saved model answers for a recording as its run answers for the cohort, or says why not."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from crossbeat import simulate
from crossbeat.data.virtual import Virtual
from crossbeat.deploy import Predictor, export_model, record_metrics
from crossbeat.errors import CheckpointError, ConfigError, DataError
from crossbeat.evaluation.calibration import Calibration
from crossbeat.evaluation.choices import Choice, choose
from crossbeat.leads import INDEPENDENT, STANDARD
from crossbeat.readers.write import write_wfdb
from crossbeat.recipes import RECIPES
from crossbeat.recipes.presets import demo
from crossbeat.recipes.run import Plan, logits, train, validation
from crossbeat.signal import Ecg
from crossbeat.training import Optimisation, TrainerSettings
from crossbeat.training.checkpoint import load_tensors, save_tensors

PATIENTS, SEED = 80, 0


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    settings = Virtual(num_patients=PATIENTS, seed=SEED, image_size=16, val=0.3, test=0.3)
    return settings.build(tmp_path_factory.mktemp("virtual") / "cohort")


def trained(name, cohort, folder, **changes):
    short = Optimisation(learning_rate=1e-3, epochs=1, batch_size=16)
    recipe = replace(demo(RECIPES[name]), **dict.fromkeys(changes.pop("phases"), short))
    plan = Plan(name=name, recipe=replace(recipe, **changes), seed=0)
    quiet = TrainerSettings(accelerator="cpu", progress=False)
    return train(plan, cohort, folder, trainer=quiet)


@pytest.fixture(scope="module")
def run(cohort, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "direct"
    run = trained("direct", cohort, folder, phases=["fine_tuning"])
    export_model(run, folder / "model", spread(run, cohort))
    return run


def spread(run, cohort):
    """Calibrations under which the scores of a hardly trained model make different answers."""
    scores = validation(run, cohort).scores
    return tuple(
        Choice(float(np.median(each)), Calibration(1 / each.std(), -each.mean() / each.std()))
        for each in scores.T
    )


@pytest.fixture(scope="module")
def recordings():
    """The raw 500 Hz recordings of the cohort's patients, before any preprocessing."""
    return simulate.ecgs(simulate.draw_patients(PATIENTS, SEED), SEED)


@pytest.fixture
def ecg(recordings):
    return Ecg(recordings[3].copy(), STANDARD, 500.0)


@pytest.fixture
def copied(run, tmp_path):
    shutil.copytree(run.folder / "model", tmp_path / "model")
    return tmp_path / "model"


def probabilities(predictor, ecg):
    return [answer.probability for answer in predictor.predict(ecg, "test")]


def test_a_recording_gets_the_answer_that_the_run_gives_its_row_of_the_cohort(
    run, cohort, recordings
):
    predictor = Predictor.open(run.folder)
    rows = np.arange(PATIENTS)
    scores = logits(run, cohort, rows).double().numpy()
    choices = spread(run, cohort)
    told = []
    for row in (0, 3, 41):
        answers = predictor.predict(Ecg(recordings[row], STANDARD, 500.0), "test")
        assert [answer.finding for answer in answers] == list(run.recipe.findings)
        for answer, choice, score in zip(answers, choices, scores[row], strict=True):
            # the cohort keeps whole microvolts, the recording does not
            expected = float(choice.calibration.probability(np.array([score]))[0])
            assert answer.probability == pytest.approx(expected, abs=2e-3)
            assert answer.positive == (score >= choice.threshold)
        told.append([answer.probability for answer in answers])
    assert np.ptp(told, axis=0).min() > 0.1  # or any answer would do


def test_a_file_gets_the_answer_that_its_signal_gets(run, ecg, tmp_path):
    predictor = Predictor.open(run.folder / "model")
    path = write_wfdb(ecg, tmp_path / "record")
    from_file = [answer.probability for answer in predictor.predict_file(path)]
    assert from_file == pytest.approx(probabilities(predictor, ecg), abs=2e-3)


def test_the_order_of_leads_does_not_matter(run, ecg):
    order = [7, 2, 11, 0, 5, 9, 1, 3, 10, 4, 8, 6]
    mixed = Ecg(ecg.values[order], tuple(STANDARD[row] for row in order), 500.0)
    predictor = Predictor.open(run.folder)
    assert probabilities(predictor, mixed) == probabilities(predictor, ecg)


def test_the_names_of_leads_do(run, ecg):
    predictor = Predictor.open(run.folder)
    swapped = Ecg(ecg.values[::-1].copy(), STANDARD, 500.0)
    assert probabilities(predictor, swapped) != probabilities(predictor, ecg)


def test_eight_leads_suffice(run, ecg):
    rows = [STANDARD.index(lead) for lead in INDEPENDENT]
    eight = Ecg(ecg.values[rows], INDEPENDENT, 500.0)
    predictor = Predictor.open(run.folder)
    assert probabilities(predictor, eight) == pytest.approx(probabilities(predictor, ecg), abs=2e-3)


def test_only_the_first_ten_seconds_count(run, ecg):
    longer = Ecg(np.tile(ecg.values, 2), STANDARD, 500.0)
    other = Ecg(longer.values.copy(), STANDARD, 500.0)
    other.values[:, 6000:] *= 3  # from 12 s on, out of the filters' reach
    predictor = Predictor.open(run.folder)
    assert probabilities(predictor, longer) == probabilities(predictor, other)
    other.values[:, 4000:5000] *= 3
    assert probabilities(predictor, longer) != probabilities(predictor, other)


def test_the_input_is_not_changed(run, ecg):
    before = ecg.values.copy()
    Predictor.open(run.folder).predict(ecg, "test")
    assert np.array_equal(before, ecg.values)


def without(ecg, *lost):
    rows = [row for row, lead in enumerate(ecg.leads) if lead not in lost]
    return Ecg(ecg.values[rows], tuple(ecg.leads[row] for row in rows), ecg.fs)


def changed(ecg, change):
    values = ecg.values.copy()
    change(values)
    return Ecg(values, ecg.leads, ecg.fs)


def nan(values):
    values[4, 1000:2000] = np.nan


def flat(values):
    values[7] = 0.2


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda ecg: without(ecg, "V3"), r"rec\.hea: lead V3 is missing and does not follow"),
        (lambda ecg: without(ecg, "II", "III", "aVR", "aVL", "aVF"), "lead II, III, aVR.* missing"),
        (lambda ecg: Ecg(1000 * ecg.values, ecg.leads, ecg.fs), "is the signal in microvolt?"),
        (lambda ecg: Ecg(ecg.values / 1000, ecg.leads, ecg.fs), "is the signal in volt"),
        (lambda ecg: changed(ecg, nan), "lead aVL lacks samples for up to 2 s"),
        (lambda ecg: changed(ecg, flat), "lead V2 is flat; check the electrode"),
        (lambda ecg: Ecg(ecg.values[:, :1500], ecg.leads, ecg.fs), "at least 10 s, got 3 s"),
    ],
    ids=["missing", "eight-without-II", "microvolt", "volt", "nan", "flat", "short"],
)
def test_bad_input_is_refused_by_name(spoil, message, run, ecg):
    with pytest.raises(DataError, match=message):
        Predictor.open(run.folder).predict(spoil(ecg), "rec.hea")


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("photo.jpg", b"\xff\xd8\xff\xe0 no ECG", r"photo\.jpg must be in a format that crossbeat"),
        ("empty.hea", b"", r"empty\.hea"),
        ("text.hea", b"Dear colleague,\nthis is a letter.\n", r"text\.hea"),
        ("gone.hea", None, r"there is no file .*gone\.hea; check the path"),
    ],
)
def test_a_file_that_is_no_ecg_is_refused_by_name(name, contents, message, run, tmp_path):
    if contents is not None:
        (tmp_path / name).write_bytes(contents)
    with pytest.raises(DataError, match=message):
        Predictor.open(run.folder).predict_file(tmp_path / name)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"config\.json does not exist; name the folder of"):
        Predictor.open(tmp_path)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "preprocessing.json", "calibration.json", "config.json"]
)
def test_a_model_that_lacks_a_file_is_refused(name, copied):
    (copied / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name} does not exist"):
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
    with pytest.raises(CheckpointError, match=r"model\.safetensors must be a whole safetensors"):
        Predictor.open(copied)


def edit(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


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
    with pytest.raises(CheckpointError, match=f"another architecture: missing {name}"):
        Predictor.open(copied)


def test_another_version_of_the_format_is_refused(copied):
    edit(copied / "config.json", format=99)
    with pytest.raises(CheckpointError, match="must be a model of format 1, got 99; export it"):
        Predictor.open(copied)


def test_a_model_moves_alone(copied, run, ecg):
    moved, own = Predictor.open(copied), Predictor.open(run.folder)
    assert probabilities(moved, ecg) == probabilities(own, ecg)


def test_an_uncalibrated_finding_is_refused_when_asked(copied, ecg):
    calibration = json.loads((copied / "calibration.json").read_text())
    first = next(iter(calibration))
    edit(copied / "calibration.json", **{first: dict.fromkeys(calibration[first])})
    with pytest.raises(ConfigError, match=f"{first} must be calibrated, but the validation"):
        Predictor.open(copied).predict(ecg, "test")


def test_a_model_of_xrays_is_not_exported(cohort, tmp_path):
    teacher = trained("teacher", cohort, tmp_path / "run", phases=["teacher"])
    choices = choose(validation(teacher, cohort))
    with pytest.raises(ConfigError, match="must have an ECG model to export, got an X-ray model"):
        export_model(teacher, tmp_path / "model", choices)
    assert not (tmp_path / "model").exists()


def test_the_config_is_written_last_and_everything_before_it(run, cohort, tmp_path, monkeypatch):
    """A kill at any moment leaves no folder that looks like a model and is none."""
    import crossbeat.deploy.model as module

    written = []

    def record(original):
        def write(path, *rest):
            written.append(path.name)
            return original(path, *rest)

        return write

    for name in ("write_whole", "save_tensors"):
        monkeypatch.setattr(module, name, record(getattr(module, name)))
    choices = choose(validation(run, cohort))
    export_model(run, tmp_path / "model", choices)
    assert written[-1] == "config.json"
    assert set(written) == {path.name for path in (tmp_path / "model").iterdir()}
    assert set(written) >= {"model.safetensors", "preprocessing.json", "calibration.json"}


def test_exporting_again_leaves_no_whole_model_until_it_is_done(run, cohort, tmp_path, monkeypatch):
    import crossbeat.deploy.model as module

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


def test_metrics_join_the_model(copied):
    record_metrics(copied, {"edema": {"auroc": {"value": 0.7}}})
    assert json.loads((copied / "metrics.json").read_text())["edema"]["auroc"]["value"] == 0.7
    Predictor.open(copied)
