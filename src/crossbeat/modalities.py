"""The modalities: how each is stored, read into a batch, scaled and encoded.

A modality is an entry of ``MODALITIES``. Cohorts, audits, batches, networks and recipes ask the
entry and list no names, so another modality is a ``Modality`` and one line that registers it;
``docs/example_modality.py`` is one.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from crossbeat.encoders import CINE_ENCODERS, ENCODERS, XRAY_ENCODERS, load_xrv
from crossbeat.errors import ConfigError, suggestion
from crossbeat.images import unit_range, xrv_range
from crossbeat.likeness import CINES, ECGS, XRAYS, Likeness
from crossbeat.signal import NORMALISATIONS, Ecgs

Values = Ecgs | Tensor
"""A batch of a modality in its unit: ECGs with their leads and rate, or a tensor."""


@runtime_checkable
class Form(Protocol):
    """What modalities ask of a cohort's description; ``CohortInfo`` says what each value is."""

    @property
    def name(self) -> str: ...
    @property
    def leads(self) -> tuple[str, ...]: ...
    @property
    def fs(self) -> float: ...
    @property
    def seconds(self) -> float: ...
    @property
    def unit(self) -> str: ...
    @property
    def ecg_gain(self) -> float: ...
    @property
    def image_size(self) -> int: ...
    @property
    def frames(self) -> int: ...
    @property
    def cine_size(self) -> int: ...
    @property
    def forms(self) -> Mapping[str, tuple[str, tuple[int, ...]]]: ...


@runtime_checkable
class Model(Protocol):
    """The settings of the network that reads a modality: ``EcgModel`` or ``OtherModel``."""

    @property
    def modality(self) -> str: ...
    @property
    def encoder(self) -> str: ...
    @property
    def pool(self) -> str: ...
    @property
    def unit_length(self) -> bool: ...
    @property
    def hidden(self) -> tuple[int, ...]: ...
    @property
    def dropout(self) -> float: ...


@dataclass(frozen=True, kw_only=True)
class EcgModel:
    """The network that reads the ECG.

    Args:
        encoder: a name in ``ENCODERS``.
        normalisation: a name in ``NORMALISATIONS``; applied after the views, because views need mV.
        pool: the embedding is the encoder's own vector (``encoder``), or the mean over its time
            steps (``steps``), as for alignment in time.
        unit_length: whether to scale the embedding to length 1 before the heads, as in CroMoTEX's
            code.
        hidden: widths of the hidden layers of the heads; empty for linear heads.
        dropout: dropout probability in the heads, 0 to 1.

    Raises:
        ConfigError: there is no such encoder.
    """

    modality: ClassVar[str] = "ecg"

    encoder: str = "cromotex"
    normalisation: Literal["none", "min_max", "z", "group_z"] = "min_max"
    pool: Literal["encoder", "steps"] = "encoder"
    unit_length: bool = True
    hidden: tuple[int, ...] = (256, 256, 256)
    dropout: float = 0.1

    def __post_init__(self) -> None:
        _require_encoder(self)


@dataclass(frozen=True, kw_only=True)
class OtherModel:
    """The network that reads another modality than the ECG; its heads are linear.

    Args:
        modality: a name in ``MODALITIES``.
        encoder: an encoder of this modality.
        weights: a local safetensors file with initial weights of torchxrayvision's DenseNet-121
            (encoder ``densenet121``); empty for random weights.
        phases: phases of the heartbeat whose frames an encoder of cines reads, from 0 (the R peak)
            to below 1; empty for all frames.

    Raises:
        ConfigError: there is no such modality or encoder, it is the ECG's, or a phase is out of
            its range.
    """

    pool: ClassVar[str] = "encoder"
    unit_length: ClassVar[bool] = False
    hidden: ClassVar[tuple[int, ...]] = ()
    dropout: ClassVar[float] = 0.0

    modality: str = "xray"
    encoder: str = "densenet121"
    weights: str = ""
    phases: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.modality == EcgModel.modality:
            raise ConfigError(
                "modality must be another than the ECG, which has settings of its own, got 'ecg'; "
                "choose another"
            )
        _require_encoder(self)
        if self.weights and self.encoder != "densenet121":
            raise ConfigError(
                f"weights must be used with encoder 'densenet121', got {self.encoder!r}; "
                "leave weights empty or change the encoder"
            )
        if any(not 0 <= phase < 1 for phase in self.phases):
            raise ConfigError(
                f"phases must be 0 to below 1, fractions of a heartbeat, got {self.phases}; "
                "correct them"
            )

    def num_frames(self, form: Form) -> int:
        """The number of frames of a cohort's cines that the encoder reads."""
        return len(self.phases) or form.frames


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """An encoder of a modality.

    Args:
        build: makes it with random weights for the form of a cohort.
        enters: what it reads: values of a batch in the range that it expects.
    """

    build: Callable[[Form, Model], nn.Module]
    enters: Callable[[Values, Model], Tensor]


def _no_phases(_form: Form, model: Model) -> None:
    if isinstance(model, OtherModel) and model.phases:
        raise ConfigError(
            f"phases must be empty for {modality(model.modality).label}, which have no frames, got "
            f"{model.phases}; leave them out"
        )


@dataclass(frozen=True, kw_only=True)
class Modality:
    """A kind of recording.

    Args:
        label: what messages call several of them, such as "X-rays".
        one: what reports call one of them; by default the label without its last letter.
        stored: shape and type of one sample in the store of a cohort; None if the cohort has none.
        read: a batch in its unit, from stored samples.
        depends: what of the cohort's form ``read`` depends on; a part of fingerprints.
        encoders: by name.
        form: the form of one recording in words, such as "64 pixels"; by default shape and type.
        moments: tokens of an encoder in the order of time; None if the modality has no time.
        at_once: samples that fit into memory together with what their encoder makes of them.
        before: raises an error if a cohort cannot be used with a model.
        likeness: how nearly equal signals of different patients are found; None if only equal bytes
            count.
        required: whether models are compared only on rows that have it, where a split has some.
    """

    label: str
    stored: Callable[[Form], np.dtype | None]
    read: Callable[[Shaped[np.ndarray, "sample ..."], Form], Values]
    depends: Callable[[Form], Mapping[str, object]]
    encoders: Mapping[str, Encoder]
    form: Callable[[Form], str] | None = None
    moments: Callable[[nn.Module, Tensor], Tensor] | None = None
    at_once: int = 512
    before: Callable[[Form, Model], None] = _no_phases
    likeness: Likeness | None = None
    required: bool = True
    one: str = ""

    def described(self, form: Form) -> str:
        """The recordings of a cohort in words; empty if it stores none."""
        row = self.stored(form)
        if row is None:
            return ""
        told = self.form(form) if self.form else f"{'x'.join(map(str, row.shape))} {row.base}"
        return f"{self.label} of {told}"


def _method(name: str, encoder: nn.Module, x: Tensor) -> Tensor:
    found: Tensor = methodcaller(name, x)(encoder)
    return found


def plain(stored: Shaped[np.ndarray, "sample ..."], _form: Form) -> Tensor:
    """Samples as they are stored."""
    return torch.from_numpy(stored)


def extra_form(name: str) -> Callable[[Form], np.dtype | None]:
    """``Modality.stored`` of a modality that ``CohortInfo.forms`` describes."""

    def stored(form: Form) -> np.dtype | None:
        kind, shape = form.forms.get(name, (None, ()))
        return None if kind is None else np.dtype((np.dtype(kind), shape))

    return stored


_PER_LEAD = ("z", "min_max")
"""Normalisations whose result does not depend on the unit of the ECG."""


def _ecg_stored(form: Form) -> np.dtype | None:
    shape = (len(form.leads), round(form.seconds * form.fs))
    return np.dtype((np.int16, shape)) if form.leads else None


def _ecg_read(stored: Shaped[np.ndarray, "sample ..."], form: Form) -> Ecgs:
    values = np.divide(stored, np.float32(form.ecg_gain), dtype=np.float32)
    return Ecgs(torch.from_numpy(values), form.leads, form.fs)


def _ecg_before(form: Form, model: Model) -> None:
    assert isinstance(model, EcgModel)
    if form.unit != "mV" and model.normalisation not in _PER_LEAD:
        raise ConfigError(
            f"ECGs in {form.unit} must be normalised by lead ({' or '.join(_PER_LEAD)}), got "
            f"{model.normalisation!r}; set --recipe.ecg.normalisation z"
        )


def _ecg_enters(values: Values, model: Model) -> Tensor:
    assert isinstance(values, Ecgs)
    assert isinstance(model, EcgModel)
    return NORMALISATIONS[model.normalisation](values.values, values.leads)


def _ecg_build(name: str, form: Form, _model: Model) -> nn.Module:
    return ENCODERS[name](len(form.leads), round(form.fs * form.seconds))


def _xray_build(name: str, _form: Form, model: Model) -> nn.Module:
    assert isinstance(model, OtherModel)
    return load_xrv(Path(model.weights)) if model.weights else XRAY_ENCODERS[name]()


def _xray_enters(scaled: Callable[[Tensor], Tensor], values: Values, _model: Model) -> Tensor:
    assert isinstance(values, Tensor)
    return scaled(values)


def _cine_build(name: str, form: Form, model: Model) -> nn.Module:
    assert isinstance(model, OtherModel)
    return CINE_ENCODERS[name](model.num_frames(form))


def _cine_enters(values: Values, model: Model) -> Tensor:
    assert isinstance(values, Tensor)
    assert isinstance(model, OtherModel)
    if model.phases:
        number = values.shape[1]
        values = values[:, [round(phase * number) % number for phase in model.phases]]
    return values.float() / 255


def _cine_stored(form: Form) -> np.dtype | None:
    shape = (form.frames, form.cine_size, form.cine_size)
    return np.dtype((np.uint8, shape)) if form.frames else None


_XRAY_RANGES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "densenet121": xrv_range,
    "small": unit_range,
}

_CINE = Modality(
    label="cines",
    one="cine MRI",
    stored=_cine_stored,
    form=lambda form: f"{form.frames} frames of {form.cine_size} pixels",
    read=plain,
    depends=lambda form: {"frames": form.frames, "size": form.cine_size},
    encoders={
        name: Encoder(build=partial(_cine_build, name), enters=_cine_enters)
        for name in CINE_ENCODERS
    },
    moments=partial(_method, "tokens"),
    at_once=64,
    before=lambda _form, _model: None,
    likeness=CINES,
)

MODALITIES: dict[str, Modality] = {
    "ecg": Modality(
        label="ECGs",
        stored=_ecg_stored,
        form=lambda form: f"{len(form.leads)} leads, {form.seconds:g} s, {form.fs:g} Hz",
        read=_ecg_read,
        depends=lambda form: {
            "leads": form.leads,
            "fs": form.fs,
            "gain": form.ecg_gain,
            "unit": form.unit,
        },
        encoders={
            name: Encoder(build=partial(_ecg_build, name), enters=_ecg_enters) for name in ENCODERS
        },
        moments=partial(_method, "steps"),
        before=_ecg_before,
        likeness=ECGS,
    ),
    "xray": Modality(
        label="X-rays",
        stored=lambda form: (
            np.dtype((np.uint8, (form.image_size,) * 2)) if form.image_size else None
        ),
        read=plain,
        form=lambda form: f"{form.image_size} pixels",
        depends=lambda form: {"size": form.image_size},
        encoders={
            name: Encoder(
                build=partial(_xray_build, name), enters=partial(_xray_enters, _XRAY_RANGES[name])
            )
            for name in XRAY_ENCODERS
        },
        likeness=XRAYS,
    ),
    "cine": _CINE,
    "cine_long": replace(_CINE, label="long-axis cines", one="long-axis cine MRI", required=False),
}
"""By the name of the column of a cohort's table that names the rows of its store.

ECGs are in millivolts; X-rays and cines are grey values from 0 to 255. A cine is one heartbeat from
the R peak on, in the short axis (``cine``) or the long axis (``cine_long``).
"""


_OR_REGISTER = "or import the file that registers it (crossbeat --import FILE.py COMMAND ...)"
_OTHER_COLUMNS = ("patient", "record", "study", "time", "split", "age", "sex", "reported")


def register(name: str, entry: Modality) -> None:
    """Add a modality of your own to ``MODALITIES``.

    Args:
        name: of the column of cohorts: small letters, digits and underscores.

    Raises:
        ValueError: the name is taken, or cannot be that of a column.
    """
    if name in MODALITIES:
        raise ValueError(f"modality {name!r} must be new, got one that is there; choose a name")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name.split("_")[-1] in _OTHER_COLUMNS:
        raise ValueError(
            "a modality must have the name of a column and not end like another one "
            f"({', '.join(_OTHER_COLUMNS)}), got {name!r}; change it"
        )
    MODALITIES[name] = entry


def modality(name: str) -> Modality:
    """A modality by its name."""
    if name not in MODALITIES:
        near = suggestion(name, MODALITIES, f"choose one of them, {_OR_REGISTER}")
        raise ConfigError(f"modality must be one of {', '.join(MODALITIES)}, got {name!r}{near}")
    return MODALITIES[name]


def one_of(name: str) -> str:
    """What reports call one recording of a modality, such as "X-ray"."""
    entry = MODALITIES.get(name)
    return (entry.one or entry.label.removesuffix("s")) if entry else name.replace("_", " ")


def _require_encoder(model: Model) -> None:
    known = modality(model.modality).encoders
    if model.encoder not in known:
        near = suggestion(model.encoder, known, "choose one of them")
        raise ConfigError(f"encoder must be one of {', '.join(known)}, got {model.encoder!r}{near}")
