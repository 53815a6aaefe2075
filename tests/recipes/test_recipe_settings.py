"""Every setting of every recipe is read, and settings come and go as plain values."""

import json
from dataclasses import fields, is_dataclass, replace
from functools import cache, partial
from itertools import zip_longest
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
import torch
from small_recipes import (
    EVERYTHING,
    HEARTS,
    ONE_OF_EACH_KIND,
    as_of_the_version_before,
    run_of,
    small,
    with_every_kind_of_label,
)

from crossbeat.data.loaders import epoch_batches
from crossbeat.errors import ConfigError, UserError
from crossbeat.recipes import RECIPES
from crossbeat.recipes.cromotex import Cromotex
from crossbeat.recipes.phases import VcgViews
from crossbeat.recipes.presets import preset_named
from crossbeat.recipes.settings import from_plain, recipe_named, to_plain
from crossbeat.training import Optimisation

OTHER = {
    "hidden": (32,),
    "scale": 1.2,
    "hard_share": 0.5,
    "findings": ("large",),
    "measurements": ("LVEDV",),
    "masking.share": 0.25,
    "masking.correlation": 0.3,
    "phases": (0.0, 0.5),
    "tabular": ("age",),
    "label_views": VcgViews(angle=10.0, mask=0.3),
    "certainty": 0.6,
}
"""Values that settings may have, where a rule of thumb gives none."""

OTHER_ENCODER = {"small": "densenet121", "frames-small": "volume-small"}

UNREAD = {
    "cromotex": ("certainty",),
    "cromotex-believed": ("positives",),
    "label-only": ("xray.", "teacher", "certainty"),
    "eccl-heart": ("cine.modality",),
}
"""Settings that only other variants of CroMoTEX read; and the axis, as ECCL reads both."""


def tried(name):
    """A recipe in which every setting has something to change."""
    findings = {"findings": ("large",)} if name in HEARTS else {}
    return small(name, **findings, **EVERYTHING.get(name, {}))


def other_value(path, value, hint):
    for ending, given in OTHER.items():
        if path == ending or path.endswith(f".{ending}"):
            return given if given != value else ()
    if path.endswith(".encoder"):
        return OTHER_ENCODER.get(value, "resnet18-small")
    words = [arg for arg in get_args(hint) if isinstance(arg, str)]
    if words:
        return next(word for word in words if word != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, Optimisation):
        return replace(value, learning_rate=2 * value.learning_rate)
    return 0.4 if value is None else value + 1 if isinstance(value, int) else 0.5 * value


def changes(settings, prefix=""):
    """Each setting with another value: its path, and what makes the settings with it."""
    hints = get_type_hints(type(settings))
    for field in fields(settings):
        value, path = getattr(settings, field.name), prefix + field.name
        if is_dataclass(value) and not isinstance(value, Optimisation):
            for inner, made in changes(value, f"{path}."):
                yield inner, partial(with_inner, settings, field.name, made)
        elif field.name == "modality":
            long_axis = {"modality": "cine_long", "encoder": "frames-small"}
            yield path, partial(replace, settings, **long_axis)
        elif field.name == "weights":  # which cines never have
            dense = {"weights": "no-such", "encoder": "densenet121", "modality": "xray"}
            yield path, partial(replace, settings, **dense)
        else:
            other = other_value(path, value, hints[field.name])
            yield path, partial(replace, settings, **{field.name: other})
            if isinstance(value, Optimisation) and type(None) in get_args(hints[field.name]):
                yield f"{path}=none", partial(replace, settings, **{field.name: None})


def with_inner(settings, name, made):
    return replace(settings, **{name: made()})


@pytest.fixture(scope="module")
def cohort_of(tiny, both):
    """The small cohort that a recipe fits, with everything in it that a setting is about."""
    labelled = with_every_kind_of_label(tiny)
    return lambda name: both if name in HEARTS else labelled


def trace(recipe, cohort):
    """What a recipe does, phase by phase, each with one step of gradient descent: numbers alone."""
    parts = recipe.parts(cohort.info, 0)
    yield [(name, tuple(value.shape)) for name, value in parts.state_dict().items()]
    for phase in recipe.phases(parts, cohort, 0):
        yield phase.name, phase.optimisation, phase.choice.patience
        weights = np.ones(len(phase.train)) if phase.weights is None else phase.weights
        rows = epoch_batches(weights, phase.optimisation.batch_size, seed=0, epoch=0)[0]
        torch.manual_seed(0)
        parts.train()
        losses = phase.step(parts, phase.train.batch(rows), torch.Generator().manual_seed(0))
        yield {name: float(loss.detach()) for name, loss in losses.items()}
        parts.zero_grad()
        sum(losses.values()).backward()
        with torch.no_grad():
            for part, rate in phase.trains.items():
                for weight in parts[part].parameters():
                    weight.sub_(0.1 * rate * weight.grad)
            parts.eval()
            yield repr(phase.choice.score(parts, phase.val))


@cache
def base_trace(name, cohort):
    return tuple(trace(tried(name), cohort))


def differs(name, made, cohort):
    base = base_trace(name, cohort)
    try:
        return any(ours != theirs for ours, theirs in zip_longest(base, trace(made(), cohort)))
    except UserError:
        return True


CASES = [
    (name, path)
    for name in ONE_OF_EACH_KIND
    for path, _ in changes(tried(name))
    if not path.startswith(UNREAD.get(name, "-"))
]


@pytest.mark.parametrize(("name", "path"), CASES)
def test_every_setting_changes_what_the_recipe_does(name, path, cohort_of):
    assert differs(name, dict(changes(tried(name)))[path], cohort_of(name))


@pytest.mark.parametrize("name", ["cromotex", "clip", "label-only"])
def test_views_and_the_projections_rate_reach_every_contrast(name, tiny):
    def first_losses(recipe):
        parts = recipe.parts(tiny.info, 0)
        for phase in recipe.phases(parts, tiny, 0):
            if "ecg_projection" in phase.trains:
                generator = torch.Generator().manual_seed(0)
                losses = phase.step(parts, phase.train.batch(np.arange(24)), generator)
                yield float(losses["loss"].detach()), phase.trains["ecg_projection"]

    recipe = small(name)
    changed = replace(recipe, views=replace(recipe.views, mask=0.5), projection_scale=0.3)
    base, other = list(first_losses(recipe)), list(first_losses(changed))
    assert len(base) == 2
    for (ours, rate), (theirs, other_rate) in zip(base, other, strict=True):
        assert ours != theirs
        assert (rate, other_rate) == (recipe.projection_scale, 0.3)


def test_a_recipe_that_stays_the_same_does_the_same(cohort_of):
    assert not any(
        differs(name, partial(tried, name), cohort_of(name)) for name in ONE_OF_EACH_KIND
    )


def test_every_setting_of_every_kind_of_recipe_is_tried():
    assert {type(RECIPES[name]) for name in ONE_OF_EACH_KIND} == set(map(type, RECIPES.values()))
    paths = {path for path, _ in changes(tried("cromotex"))}
    variants = {name for name in UNREAD if isinstance(RECIPES[name], Cromotex)}
    assert {path for name, path in CASES if name in variants} == paths


LONG = Optimisation(learning_rate=1e-3, epochs=4, batch_size=24)
CHANGED: dict[str, Any] = {
    "learning_rate": 2e-3,
    "epochs": 2,
    "batch_size": 12,
    "weight_decay": 0.5,
    "average": 0.5,
    "warmup_epochs": 2.0,
    "decay_epochs": 1.0,
    "edge": 0.5,
    "clip_norm": 0.001,
    "accumulate": 2,
    "patience": 1,
}


@pytest.fixture(scope="module")
def history(tiny, tmp_path_factory):
    def trained(**changes):
        recipe = small("direct", fine_tuning=replace(LONG, **changes))
        folder = tmp_path_factory.mktemp("run")
        (phase,) = run_of(recipe, tiny, folder, name="direct").phases
        return [epoch | {"seconds": 0} for epoch in phase["history"]]

    return cache(trained)


@pytest.mark.parametrize("setting", [field.name for field in fields(Optimisation)])
def test_every_setting_of_the_optimisation_changes_the_run(setting, history):
    assert history(**{setting: CHANGED[setting]}) != history()


@pytest.mark.parametrize("name", RECIPES)
def test_settings_come_back_from_json_as_they_were(name):
    published = preset_named("published")(recipe_named(name))
    recipe = preset_named("demo")(published)
    assert from_plain(published, json.loads(json.dumps(to_plain(recipe)))) == recipe
    old = as_of_the_version_before(name, to_plain(published))
    assert from_plain(published, json.loads(json.dumps(old))) == published


def test_what_is_not_given_keeps_the_value_of_the_recipe():
    start = small("cromotex", temperature=0.3)
    changed = from_plain(start, {"penalty": 2.0, "ecg": {"dropout": 0.0}})
    assert changed == replace(start, penalty=2.0, ecg=replace(start.ecg, dropout=0.0))


WRONG = [
    ({"temprature": 1}, r"Cromotex has no setting 'temprature'; did you mean 'temperature'\?$"),
    ({"ecg": {"encodr": "biot"}}, r"Cromotex\.ecg has no setting 'encodr'; did you mean 'encoder'"),
    ({"zzz": 1}, "Cromotex has no setting 'zzz'; correct the name$"),
    ({"temperature": "hot"}, r"Cromotex\.temperature must be a value that it takes, got 'hot'; c"),
    (
        {"hardness": "very"},
        r"Cromotex\.hardness must be a value that it takes, got 'very'; correct",
    ),
    ({"ecg": {"dropout": "x"}}, r"Cromotex\.ecg\.dropout must be a value that it takes, got 'x'"),
    ({"teacher": {"epochs": 0}}, "epochs must be 1 or more, got 0; raise it$"),
    ({"self_supervision": {"epochs": 0}}, "epochs must be 1 or more, got 0; raise it$"),
    (
        {"self_supervision": {"epochs": "x"}},
        r"Cromotex\.self_supervision must be a value that it takes, got \{'epochs': 'x'\}; ",
    ),
    (
        {"partner": "view", "trust": 0.5},
        "shuffle_pairs must be false and trust null .*, got False and 0.5",
    ),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_a_wrong_setting_is_named(given, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        from_plain(RECIPES["cromotex"], given)


def test_an_unknown_recipe_or_preset_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match=r"got 'cromotx'; did you mean 'cromotex'\?"):
        recipe_named("cromotx")
    with pytest.raises(ConfigError, match="preset must be one of published, demo, got 'small'"):
        preset_named("small")
