"""A study whose cells do not fit together is refused before anything is run."""

from dataclasses import replace

import pytest
from tiny_study import PROBE, Tiny, cell, short, study, study_of

from crossbeat.errors import ConfigError
from crossbeat.study import Reading

PAIR = (cell("direct", 0), cell("distillation", 0))


def part(model: str, finding: str):
    return replace(cell(model, 0, base="direct"), recipe=short("direct", findings=(finding,)))


def test_models_findings_and_points_come_in_the_order_of_the_cells():
    made = study_of(*PAIR, cell("clean", 0, base="direct"), limits=("clean",))
    assert made.models == ("direct", "distillation")
    assert made.targets == ("large", "silent")
    assert made.points == (None,)
    assert not made.own_patients
    assert study(small=False).own_patients


def test_a_model_without_a_point_counts_at_every_point():
    along = [replace(each, point=share) for share in (0.1, 1.0) for each in PAIR]
    made = study_of(*along, cell("clip", 0), axis="share")
    assert made.points == (0.1, 1.0)
    assert [each.title for each in made.at(0.1)] == [
        "direct at 0.1, seed 0",
        "distillation at 0.1, seed 0",
        "clip, seed 0",
    ]


def test_cells_of_one_finding_each_are_one_model():
    made = study_of(part("direct", "silent"), part("direct", "large"), PAIR[1])
    assert made.targets == ("silent", "large")


def changed(*changes):
    """The pair with changes of each cell."""
    return tuple(replace(each, **change) for each, change in zip(PAIR, changes, strict=True))


SILENT = replace(PROBE, findings=("silent",))
MEASURED = {
    "recipe": short("direct", measurements=("LVM",)),
    "readings": (replace(PROBE, name="linear probe"),),
}
ELSEWHERE = replace(part("direct", "silent"), cohort=Tiny(seed=3))


@pytest.mark.parametrize(
    ("cells", "changes", "message"),
    [
        (PAIR[:1], {}, "a cell of every model that it names, got none of distillation"),
        (PAIR, {"limits": ("direct",)}, "got none of direct"),
        (PAIR, {"limits": ("clean",)}, "got none of clean"),
        (PAIR, {"differences": (("clip", "direct"),)}, "got none of clip"),
        (PAIR, {"method": "direct"}, "differs from its baseline, got 'direct' as both"),
        ((*PAIR, cell("a - b", 0, base="clip")), {}, "no ' - ' and no ', ', got 'a - b'"),
        (PAIR, {"axis": "share"}, "both an axis and points, or neither, got axis 'share'"),
        (changed({"point": 0.1}, {"point": 0.1}), {}, "or neither, got axis ''"),
        ((*PAIR, replace(PAIR[0], point=0.1)), {"axis": "share"}, "or none of them, got both"),
        ((*PAIR, PAIR[0]), {}, "one cell for each of large, silent, got large, large, silent"),
        ((part("direct", "large"), PAIR[1]), {}, "got large for direct, seed 0"),
        (
            (part("direct", "large"), ELSEWHERE, PAIR[1]),
            {},
            "one cohort for all cells of a model, point and seed, got direct, seed 0",
        ),
        (
            changed({"readings": (PROBE, PROBE)}, {}),
            {},
            "reading 'probe' once for each finding, got more for direct, seed 0",
        ),
        (
            changed({"readings": (PROBE,)}, {"readings": (SILENT,)}),
            {},
            "the same findings in reading 'probe' of every model, got others for distillation",
        ),
        (
            changed(MEASURED, MEASURED),
            {},
            "other names of readings than that of measurements, 'linear probe', got direct, seed 0",
        ),
    ],
)
def test_cells_that_do_not_fit_together_are_refused(cells, changes, message):
    with pytest.raises(ConfigError, match=message):
        study_of(*cells, **changes)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("head", {}, "a unique name .*, got 'head'"),
        ("latent", {}, "a unique name .*, got 'latent'"),
        ("retrieval", {}, "a unique name .*, got 'retrieval'; choose another than head, heart"),
        ("a, b", {}, "a unique name without ', ' and ' - ', got 'a, b'"),
        ("probe", {"share": 0.0}, "a share above 0 and at most 1, got 1 findings and 0"),
        ("probe", {"findings": ()}, "must have findings .*, got 0 findings and 1"),
    ],
)
def test_a_reading_out_of_range_is_refused(name, changes, message):
    with pytest.raises(ConfigError, match=message):
        Reading(**{"name": name, "findings": ("large",)} | changes)
