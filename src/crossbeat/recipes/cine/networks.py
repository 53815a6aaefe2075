"""The networks that recipes with cine MRI share, and functions that apply them to ECGs and cines.

Names of parts: prediction uses ``ecg_encoder`` and ``ecg_regressor``. Only training uses
``ecg_projection``, ``cine_encoder``, ``cine_projection``, ``cine_spread_projection`` and
``cine_regressor``, and in recipes that also read the long axis ``cine_long_encoder`` and
``cine_long_projection``.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from crossbeat.data.cohort import CineColumn
from crossbeat.data.info import CohortInfo
from crossbeat.encoders import CINE_ENCODERS, CineEncoder
from crossbeat.encoders.heads import Regressor
from crossbeat.errors import ConfigError
from crossbeat.recipes.networks import EcgModel, Embeddings, ecg_encoder, seeded
from crossbeat.signal import NORMALISATIONS, Ecgs

Tokens = Float[Tensor, "batch token dim"]
Segments = Float[Tensor, "batch segment dim"]
Cines = UInt8[Tensor, "batch frame height width"]
Measurements = Float[Tensor, "batch measurement"]

Anchors = Literal["mean", "cycle", "each"]
"""The parts of a cine with which an ECG is aligned; see ``HeartContrast``."""

SPREAD = "cine_spread_projection"
"""Name of the projection of the spread of a cine's tokens over the cycle."""

REGRESSOR = {"ecg": "ecg_regressor", "cine": "cine_regressor"}


@dataclass(frozen=True, kw_only=True)
class CineModel:
    """The network that reads the cine.

    Args:
        encoder: a name in ``CINE_ENCODERS``.
        phases: phases of the heartbeat whose frames it reads, from 0 (the R peak) to below 1;
            empty for all frames.

    Raises:
        ConfigError: a phase is out of its range.
    """

    encoder: Literal[
        "frames-small",
        "frames-small-temporal",
        "frames-resnet50",
        "volume-small",
        "mmcl-resnet50",
    ] = "frames-resnet50"
    phases: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if any(not 0 <= phase < 1 for phase in self.phases):
            raise ConfigError(
                f"cine.phases must be 0 to below 1, fractions of a heartbeat, got {self.phases}; "
                "correct them"
            )

    def num_frames(self, info: CohortInfo) -> int:
        """The number of frames of a cohort's cines that the encoder reads."""
        return len(self.phases) or info.frames


def ecg_parts(model: EcgModel, info: CohortInfo, num_measurements: int, seed: int) -> nn.ModuleDict:
    """Build ``ecg_encoder`` and ``ecg_regressor``.

    Raises:
        ConfigError: the cohort has no ECGs, or ECGs whose unit the normalisation would keep.
    """
    encoder = ecg_encoder(model, info, seed)
    head = partial(
        Regressor, encoder.dim, num_measurements, hidden=model.hidden, dropout=model.dropout
    )
    regressor = seeded(seed, "ecg_regressor", head)
    return nn.ModuleDict({"ecg_encoder": encoder, "ecg_regressor": regressor})


def cine_parts(
    model: CineModel, info: CohortInfo, num_measurements: int, seed: int
) -> nn.ModuleDict:
    """Build ``cine_encoder`` and ``cine_regressor``.

    Raises:
        ConfigError: the cohort has no cines.
    """
    encoder = cine_encoder(model, info, seed)
    regressor = seeded(seed, "cine_regressor", partial(Regressor, encoder.dim, num_measurements))
    return nn.ModuleDict({"cine_encoder": encoder, "cine_regressor": regressor})


def cine_encoder(
    model: CineModel, info: CohortInfo, seed: int, column: CineColumn = "cine"
) -> CineEncoder:
    """Build the encoder of the cines in a column of the cohort.

    Raises:
        ConfigError: the cohort has no cines.
    """
    if not info.frames:
        raise ConfigError(f"cohort {info.name!r} must have cines for this recipe, got none")
    build = partial(CINE_ENCODERS[model.encoder], model.num_frames(info))
    return seeded(seed, f"{column}_encoder", build)


def ecg_steps(parts: nn.ModuleDict, ecg: Ecgs, model: EcgModel) -> Tokens:
    """A token for each time step of each ECG, in order of time.

    Args:
        ecg: ECGs in millivolts.
    """
    return parts["ecg_encoder"].steps(  # type: ignore[operator]
        NORMALISATIONS[model.normalisation](ecg.values, ecg.leads)
    )


def cine_frames(
    parts: nn.ModuleDict, cine: Cines, model: CineModel, column: CineColumn = "cine"
) -> Tokens:
    """A token for each frame that the encoder reads of each cine, in order of time.

    Args:
        cine: intensities 0 to 255.
    """
    if model.phases:
        cine = cine[:, [round(phase * cine.shape[1]) % cine.shape[1] for phase in model.phases]]
    return parts[f"{column}_encoder"].tokens(cine.float() / 255)  # type: ignore[operator]


def pooled(tokens: Tokens) -> Embeddings:
    """The mean over time, which is the input of the heads and of the global alignment."""
    return tokens.mean(dim=1)


def pooled_ecg(steps: Tokens, model: EcgModel) -> Embeddings:
    """The mean over the time steps of each ECG, which is the input of the heads."""
    told = pooled(steps)
    return F.normalize(told, dim=-1) if model.unit_length else told


def ecg_measurements(parts: nn.ModuleDict, ecg: Ecgs, model: EcgModel) -> Measurements:
    """Cardiac measurements in their units, predicted from the ECG alone.

    Args:
        ecg: ECGs in millivolts.
    """
    return parts["ecg_regressor"](pooled_ecg(ecg_steps(parts, ecg, model), model))


def cine_measurements(parts: nn.ModuleDict, cine: Cines, model: CineModel) -> Measurements:
    """Cardiac measurements in their units, predicted from the cine alone.

    Args:
        cine: intensities 0 to 255.
    """
    return parts["cine_regressor"](pooled(cine_frames(parts, cine, model)))


def num_steps(parts: nn.ModuleDict, info: CohortInfo) -> int:
    """The number of time steps that the ECG encoder makes from a record of the cohort."""
    encoder = parts["ecg_encoder"]
    weight = next(encoder.parameters())
    silence = weight.new_zeros(1, len(info.leads), round(info.fs * info.seconds))
    with torch.no_grad():
        return int(encoder.eval().steps(silence).shape[1])  # type: ignore[operator]
