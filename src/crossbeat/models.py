"""The networks of a recipe: encoders, projections to a shared space, and heads.

The parts are named after the modality: ``ecg_encoder``, ``ecg_projection``, ``ecg_classifier``
(findings), ``ecg_regressor`` (measurements), and the same of every other modality. Prediction from
the ECG uses its encoder and heads alone.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from crossbeat.data.info import CohortInfo
from crossbeat.encoders.heads import projection
from crossbeat.errors import ConfigError
from crossbeat.modalities import MODALITIES, Model, Values, modality
from crossbeat.targets import Targets
from crossbeat.training import Batch
from crossbeat.training.phase import derive_seed

Embeddings = Float[Tensor, "batch dim"]
Tokens = Float[Tensor, "batch token dim"]
Outputs = Float[Tensor, "batch target"]

Built = TypeVar("Built", bound=nn.Module)


def seeded(seed: int, name: str, build: Callable[[], Built]) -> Built:
    """Build a module whose random weights depend only on the seed and its name.

    Two recipes with the same seed therefore start from the same encoder.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "weights", name))
        return build()


def encoder(model: Model, info: CohortInfo, seed: int) -> nn.Module:
    """Build an encoder for the form of a cohort."""
    kind = modality(model.modality)
    if kind.stored(info) is None:
        there = [name for name, entry in MODALITIES.items() if entry.stored(info) is not None]
        raise ConfigError(
            f"cohort {info.name!r} must have {kind.label} for this recipe, got {', '.join(there)}; "
            "choose another cohort, or another modality or recipe"
        )
    kind.before(info, model)
    build = partial(kind.encoders[model.encoder].build, info, model)
    return seeded(seed, f"{model.modality}_encoder", build)


def predicting_parts(model: Model, targets: Targets, info: CohortInfo, seed: int) -> nn.ModuleDict:
    """Build an encoder and a head for each kind of target; see ``encoder`` for the errors."""
    parts = nn.ModuleDict({f"{model.modality}_encoder": encoder(model, info, seed)})
    dim = dim_of(parts, model.modality)
    for kind, names, _ in targets.kinds():
        name = f"{model.modality}_{kind.head}"
        build = partial(kind.build, dim, len(names), model.hidden, model.dropout)
        parts[name] = seeded(seed, name, build)
    return parts


def joint_parts(
    models: Sequence[Model], targets: Targets, info: CohortInfo, seed: int
) -> nn.ModuleDict:
    """Build the encoder and the heads of several modalities; see ``encoder`` for the errors."""
    built = [predicting_parts(model, targets, info, seed) for model in models]
    return nn.ModuleDict({name: part for parts in built for name, part in parts.items()})


def add_projections(parts: nn.ModuleDict, shared_dim: int, seed: int) -> nn.ModuleDict:
    """Add a projection to the shared space for the encoder of every modality among the parts.

    Args:
        shared_dim: dimension of the shared space, above 0.
    """
    for name in MODALITIES:
        if f"{name}_encoder" in parts:
            build = partial(projection, dim_of(parts, name), shared_dim)
            parts[f"{name}_projection"] = seeded(seed, f"{name}_projection", build)
    return parts


def dim_of(parts: nn.ModuleDict, name: str) -> int:
    """The dimension of the embeddings of a modality."""
    dim: object = parts[f"{name}_encoder"].dim
    assert isinstance(dim, int)
    return dim


def entering(values: Values, model: Model) -> Tensor:
    """Recordings in their unit, as the encoder expects them."""
    return modality(model.modality).encoders[model.encoder].enters(values, model)


def moments(parts: nn.ModuleDict, values: Values, model: Model) -> Tokens:
    """A token for each time step of an ECG or each frame of a cine, in the order of time.

    Raises:
        ConfigError: the modality has no time.
    """
    tokens = modality(model.modality).moments
    if tokens is None:
        raise ConfigError(
            f"ECGs must be aligned in time with a modality that has a time, got {model.modality}; "
            "choose another modality, such as cine, or another recipe"
        )
    return tokens(parts[f"{model.modality}_encoder"], entering(values, model))


def pooled(tokens: Tokens, model: Model) -> Embeddings:
    """The mean over time."""
    return _scaled(tokens.mean(dim=1), model)


def embed(parts: nn.ModuleDict, values: Values, model: Model) -> Embeddings:
    """The embedding of each recording, which is the input of heads and projections."""
    if model.pool == "steps":
        return pooled(moments(parts, values, model), model)
    return _scaled(parts[f"{model.modality}_encoder"](entering(values, model)), model)


def _scaled(embeddings: Embeddings, model: Model) -> Embeddings:
    return F.normalize(embeddings, dim=-1) if model.unit_length else embeddings


def told_by_heads(
    parts: nn.ModuleDict, embeddings: Embeddings, name: str, targets: Targets
) -> Outputs:
    """What the heads of a modality predict from embeddings, a column for each target.

    Findings are log-odds, measurements are in their units.
    """
    heads = [parts[f"{name}_{kind.head}"] for kind, _, _ in targets.kinds()]
    return torch.cat([head(embeddings) for head in heads], dim=1)


def predict(parts: nn.ModuleDict, batch: Batch, *, model: Model, targets: Targets) -> Outputs:
    """What a model predicts from its modality alone, a column for each target."""
    values = batch.of(model.modality)
    return told_by_heads(parts, embed(parts, values, model), model.modality, targets)


def embedded(parts: nn.ModuleDict, batch: Batch, *, model: Model) -> Embeddings:
    """``embed`` of the recordings of a batch."""
    return embed(parts, batch.of(model.modality), model)


def in_moments(parts: nn.ModuleDict, batch: Batch, *, model: Model) -> Tokens:
    """``moments`` of the recordings of a batch."""
    return moments(parts, batch.of(model.modality), model)


def num_steps(parts: nn.ModuleDict, info: CohortInfo) -> int:
    """The number of time steps that the ECG encoder makes from a record of the cohort."""
    net, steps = parts["ecg_encoder"].eval(), modality("ecg").moments
    assert steps is not None
    weight = next(net.parameters())
    silence = weight.new_zeros(1, len(info.leads), round(info.fs * info.seconds))
    with torch.no_grad():
        return steps(net, silence).shape[1]
