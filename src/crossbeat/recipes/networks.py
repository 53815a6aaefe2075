"""The networks that recipes share, and functions that apply them to ECGs and X-rays.

Names of parts: prediction uses ``ecg_encoder`` and ``ecg_classifier``. Only training uses
``ecg_projection``, ``xray_encoder``, ``xray_projection`` and ``xray_classifier``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from crossbeat.data.info import CohortInfo
from crossbeat.encoders import ENCODERS, XRAY_ENCODERS, EcgEncoder, XrayEncoder
from crossbeat.encoders.heads import classifier, mlp_classifier, projection
from crossbeat.encoders.xray import load_xrv
from crossbeat.errors import ConfigError
from crossbeat.images import unit_range, xrv_range
from crossbeat.signal import NORMALISATIONS, Ecgs
from crossbeat.training.module import derive_seed

Embeddings = Float[Tensor, "batch dim"]
Logits = Float[Tensor, "batch finding"]

Built = TypeVar("Built", bound=nn.Module)

_PER_LEAD = ("z", "min_max")
"""Normalisations whose result does not depend on the unit of the ECG."""

_XRAY_RANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "densenet121": xrv_range,
    "small": unit_range,
}


@dataclass(frozen=True, kw_only=True)
class EcgModel:
    """The network that reads the ECG.

    Args:
        encoder: a name in ``ENCODERS``.
        normalisation: a name in ``NORMALISATIONS``; applied after the views, because views need mV.
        unit_length: whether to scale the embedding to length 1 before the heads, as in the
            authors' code.
        hidden: widths of the hidden layers of the head; empty for a linear head.
        dropout: dropout probability in the head, 0 to 1.
    """

    encoder: Literal[
        "cromotex",
        "cromotex-small",
        "fine-small",
        "resnet18",
        "resnet34",
        "resnet18-small",
        "biot",
        "biot-small",
        "eccl",
        "eccl-small",
        "mmcl-tiny",
        "mmcl-small",
    ] = "cromotex"
    normalisation: Literal["none", "min_max", "z", "group_z"] = "min_max"
    unit_length: bool = True
    hidden: tuple[int, ...] = (256, 256, 256)
    dropout: float = 0.1


@dataclass(frozen=True, kw_only=True)
class XrayModel:
    """The network that reads the X-ray.

    Args:
        encoder: a name in ``XRAY_ENCODERS``.
        weights: a local safetensors file with initial weights of torchxrayvision's DenseNet-121;
            empty for random weights.
    """

    encoder: Literal["densenet121", "small"] = "densenet121"
    weights: str = ""


def seeded(seed: int, name: str, build: Callable[[], Built]) -> Built:
    """Build a module whose random weights depend only on the seed and its name.

    Two recipes with the same seed therefore start from the same encoder.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "weights", name))
        return build()


def ecg_parts(model: EcgModel, info: CohortInfo, num_findings: int, seed: int) -> nn.ModuleDict:
    """Build ``ecg_encoder`` and ``ecg_classifier`` for the leads and the length of a cohort.

    Raises:
        ConfigError: the cohort has no ECGs, or ECGs whose unit the normalisation would keep.
    """
    encoder = ecg_encoder(model, info, seed)
    return nn.ModuleDict(
        {
            "ecg_encoder": encoder,
            "ecg_classifier": seeded(
                seed, "ecg_classifier", partial(_ecg_classifier, model, encoder.dim, num_findings)
            ),
        }
    )


def ecg_encoder(model: EcgModel, info: CohortInfo, seed: int) -> EcgEncoder:
    """Build the ECG encoder for the leads and the length of a cohort.

    Raises:
        ConfigError: the cohort has no ECGs, or ECGs whose unit the normalisation would keep.
    """
    if not info.leads:
        raise ConfigError(f"cohort {info.name!r} must have ECGs for this recipe, got none")
    if info.unit != "mV" and model.normalisation not in _PER_LEAD:
        raise ConfigError(
            f"ECGs in {info.unit} must be normalised by lead ({' or '.join(_PER_LEAD)}), got "
            f"{model.normalisation!r}; set --recipe.ecg.normalisation z"
        )
    build = partial(ENCODERS[model.encoder], len(info.leads), round(info.fs * info.seconds))
    return seeded(seed, "ecg_encoder", build)


def _ecg_classifier(model: EcgModel, dim: int, num_findings: int) -> nn.Module:
    if not model.hidden:
        return classifier(dim, num_findings)
    return mlp_classifier(dim, num_findings, hidden=model.hidden, dropout=model.dropout)


def xray_parts(model: XrayModel, info: CohortInfo, num_findings: int, seed: int) -> nn.ModuleDict:
    """Build ``xray_encoder`` and ``xray_classifier``.

    Raises:
        ConfigError: the cohort has no X-rays.
        CheckpointError: ``weights`` does not hold the encoder's weights.
    """
    if not info.image_size:
        raise ConfigError(f"cohort {info.name!r} must have X-rays for this recipe, got ECGs only")
    encoder = seeded(seed, "xray_encoder", partial(_xray_encoder, model))
    return nn.ModuleDict(
        {
            "xray_encoder": encoder,
            "xray_classifier": seeded(
                seed, "xray_classifier", lambda: classifier(encoder.dim, num_findings)
            ),
        }
    )


def add_projections(parts: nn.ModuleDict, shared_dim: int, seed: int) -> nn.ModuleDict:
    """Add a projection to the shared space for every encoder among the parts.

    Args:
        shared_dim: dimension of the shared space, above 0.
    """
    for modality in ("ecg", "xray", "cine", "cine_long"):
        if f"{modality}_encoder" in parts:
            dim = int(parts[f"{modality}_encoder"].dim)  # type: ignore[arg-type]
            name = f"{modality}_projection"
            parts[name] = seeded(seed, name, partial(projection, dim, shared_dim))
    return parts


def _xray_encoder(model: XrayModel) -> XrayEncoder:
    if not model.weights:
        return XRAY_ENCODERS[model.encoder]()
    if model.encoder != "densenet121":
        raise ConfigError(
            f"xray.weights must be used with encoder 'densenet121', got {model.encoder!r}; "
            "leave weights empty or change the encoder"
        )
    return load_xrv(Path(model.weights))


def joint_parts(
    models: tuple[EcgModel, XrayModel], info: CohortInfo, num_findings: int, seed: int
) -> nn.ModuleDict:
    """Build the parts of both modalities."""
    ecg, xray = models
    return nn.ModuleDict(
        dict(ecg_parts(ecg, info, num_findings, seed).items())
        | dict(xray_parts(xray, info, num_findings, seed).items())
    )


def embed_ecg(parts: nn.ModuleDict, ecg: Ecgs, model: EcgModel) -> Embeddings:
    """The embedding of each ECG, which is the input of the heads.

    Args:
        ecg: ECGs in millivolts.
    """
    values = NORMALISATIONS[model.normalisation](ecg.values, ecg.leads)
    embeddings = parts["ecg_encoder"](values)
    return F.normalize(embeddings, dim=-1) if model.unit_length else embeddings


def embed_xray(
    parts: nn.ModuleDict, xray: UInt8[Tensor, "batch height width"], model: XrayModel
) -> Embeddings:
    """The embedding of each X-ray.

    Args:
        xray: intensities 0 to 255.
    """
    return parts["xray_encoder"](_XRAY_RANGES[model.encoder](xray))


def ecg_logits(parts: nn.ModuleDict, ecg: Ecgs, model: EcgModel) -> Logits:
    """The log-odds of each finding, from the ECG alone.

    Args:
        ecg: ECGs in millivolts.
    """
    return parts["ecg_classifier"](embed_ecg(parts, ecg, model))


def xray_logits(
    parts: nn.ModuleDict, xray: UInt8[Tensor, "batch height width"], model: XrayModel
) -> Logits:
    """The log-odds of each finding, from the X-ray alone.

    Args:
        xray: intensities 0 to 255.
    """
    return parts["xray_classifier"](embed_xray(parts, xray, model))
