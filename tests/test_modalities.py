"""Every modality and every encoder of it: what is stored is read, enters, and becomes a vector."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from crossbeat.data.cohort import Cohort
from crossbeat.errors import ConfigError
from crossbeat.modalities import MODALITIES, EcgModel, Form, Model, OtherModel, register
from crossbeat.models import dim_of, embed, encoder, entering, moments, predicting_parts
from crossbeat.signal import Ecgs
from crossbeat.targets import Targets
from crossbeat.training import Source
from crossbeat.training.fingerprint import fingerprint

CASES = [(name, each) for name, kind in MODALITIES.items() for each in kind.encoders]


def model_of(name: str, encoder_name: str) -> Model:
    if name == "ecg":
        return EcgModel(encoder=encoder_name)
    return OtherModel(modality=name, encoder=encoder_name)


@pytest.fixture(scope="module")
def cohort_with(tiny: Cohort, tiny_hearts: Cohort):
    """The small cohort that has a modality."""
    return lambda name: tiny_hearts if name.startswith("cine") else tiny


@pytest.mark.parametrize("name", MODALITIES)
def test_what_is_read_is_what_is_stored(name: str, cohort_with) -> None:
    cohort: Cohort = cohort_with(name)
    info, kind = cohort.info, MODALITIES[name]
    assert isinstance(info, Form)
    stored = np.load(cohort.folder / f"{name}-00000.npy")
    form = kind.stored(info)
    assert form is not None
    assert (stored.dtype, stored.shape[1:]) == form.subdtype
    rows = cohort.rows("test", has=(name,))[:3]
    values = cohort.read(name, rows)
    wanted = stored[cohort.table[name].to_numpy()[rows]]
    if isinstance(values, Ecgs):
        assert (values.leads, values.fs) == (info.leads, info.fs)
        np.testing.assert_allclose(values.values * info.ecg_gain, wanted, rtol=1e-6)
    else:
        np.testing.assert_array_equal(values, wanted)


@pytest.mark.parametrize(("name", "encoder_name"), CASES)
def test_every_encoder_makes_vectors_of_what_is_read(
    name: str, encoder_name: str, cohort_with
) -> None:
    cohort: Cohort = cohort_with(name)
    model = model_of(name, encoder_name)
    parts = predicting_parts(model, Targets(findings=("a", "b")), cohort.info, 0).eval()
    values = cohort.read(name, cohort.rows("val", has=(name,))[:2])
    enters = entering(values, model)
    assert enters.is_floating_point()
    assert enters.isfinite().all()
    with torch.no_grad():
        vectors = embed(parts, values, model)
        outputs = parts[f"{name}_classifier"](vectors)
    assert vectors.shape == (2, dim_of(parts, name))
    assert outputs.shape == (2, 2)
    assert not torch.allclose(vectors[0], vectors[1])
    if MODALITIES[name].moments is None:
        with pytest.raises(ConfigError, match=f"a modality that has a time, got {name}; choose"):
            moments(parts, values, model)
    else:
        assert moments(parts, values, model).shape[::2] == vectors.shape


@pytest.mark.parametrize(("name", "encoder_name"), CASES)
def test_weights_follow_from_the_seed_and_the_modality_alone(
    name: str, encoder_name: str, cohort_with
) -> None:
    info, model = cohort_with(name).info, model_of(name, encoder_name)
    info = replace(info, leads=info.leads[:2])  # eccl has a large network for each
    one, again, other = (encoder(model, info, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(value, again[key]) for key, value in one.items())
    assert not all(torch.equal(value, other[key]) for key, value in one.items())


@pytest.mark.parametrize("name", MODALITIES)
def test_a_batch_moves_to_a_device_with_all_inputs(name: str, cohort_with) -> None:
    cohort: Cohort = cohort_with(name)
    rows = cohort.rows("train", has=("ecg", name))[:4]
    reads, extra = tuple({"ecg", name}), {"embedding": torch.ones(4, 2)}
    source = Source(cohort=cohort, rows=rows, reads=reads, targets=torch.zeros(4, 1), extra=extra)
    batch = source.batch(np.array([2, 0]))
    moved = batch.to(torch.device("meta"))
    assert moved.inputs.keys() == set(reads)
    inputs = [each.values if isinstance(each, Ecgs) else each for each in moved.inputs.values()]
    for tensor in (*inputs, moved.targets, *moved.extra.values()):
        assert tensor.device.type == "meta"
        assert len(tensor) == 2
    assert (moved.ecg.leads, moved.ecg.fs) == (batch.ecg.leads, batch.ecg.fs)
    with pytest.raises(ValueError, match="this step needs other; let the phase's source read it"):
        batch.of("other")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ecg", {"leads": ("V1",)}),
        ("ecg", {"fs": 50.0}),
        ("ecg", {"unit": "NU"}),
        ("ecg", {"ecg_gain": 500.0}),
        ("xray", {"image_size": 16}),
        ("cine", {"frames": 3}),
        ("cine", {"cine_size": 16}),
        ("cine_long", {"frames": 3}),
        ("cine_long", {"cine_size": 16}),
    ],
)
def test_what_the_numbers_mean_is_part_of_a_fingerprint(name, changes, cohort_with) -> None:
    cohort: Cohort = cohort_with(name)
    object.__setattr__(changed := replace(cohort), "info", replace(cohort.info, **changes))
    rows = cohort.rows("train", has=(name,))
    before, after = (fingerprint(each.contents(name, rows)) for each in (cohort, changed))
    assert before != after


@pytest.mark.parametrize("name", MODALITIES)
def test_a_cohort_without_a_modality_is_refused(
    name: str, tiny: Cohort, tiny_hearts: Cohort
) -> None:
    lacks = tiny if name.startswith("cine") else tiny_hearts
    info = replace(lacks.info, leads=()) if name == "ecg" else lacks.info
    first = next(iter(MODALITIES[name].encoders))
    assert MODALITIES[name].stored(info) is None
    with pytest.raises(
        ConfigError, match=f"must have {MODALITIES[name].label} for this recipe, got"
    ):
        encoder(model_of(name, first), info, 0)


def test_a_cine_may_be_read_at_some_phases_alone(tiny_hearts: Cohort) -> None:
    cine = tiny_hearts.images("cine", np.arange(2))
    some = OtherModel(modality="cine", encoder="frames-small", phases=(0.5, 0.0))
    assert some.num_frames(tiny_hearts.info) == 2
    torch.testing.assert_close(entering(cine, some), cine[:, [3, 0]].float() / 255)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"modality": "cines"}, "modality must be one of ecg, xray, .*'cines'; did you mean 'cine"),
        (
            {"encoder": "smal"},
            "encoder must be one of densenet121, small, got 'smal'; did you mean",
        ),
        ({"modality": "ecg"}, "modality must be another than the ECG, .*got 'ecg'; choose another"),
        ({"modality": "cine"}, "encoder must be one of frames-small, .*got 'densenet121'"),
        ({"encoder": "small", "weights": "x"}, "weights must be used with encoder 'densenet121'"),
        ({"phases": (0.5, 1.0)}, r"phases must be 0 to below 1, .*got \(0.5, 1.0\)"),
    ],
)
def test_a_network_that_there_is_none_of_is_refused(settings, message) -> None:
    with pytest.raises(ConfigError, match=message):
        OtherModel(**settings)
    with pytest.raises(ConfigError, match="got 'resnet'; did you mean"):
        EcgModel(encoder="resnet")


@pytest.mark.parametrize("name", ["ecg", "Report", "my_patient", "split", "a-b", ""])
def test_a_modality_has_a_name_of_its_own_that_a_column_can_have(name: str) -> None:
    with pytest.raises(ValueError, match="modality"):
        register(name, MODALITIES["xray"])
    assert list(MODALITIES)[:4] == ["ecg", "xray", "cine", "cine_long"]
