"""Findings and measurements: heads, losses, scores and answers, worked out by hand."""

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.labels import LabelPolicy
from crossbeat.errors import ConfigError
from crossbeat.evaluation import intervals, names
from crossbeat.evaluation.probes import FITS
from crossbeat.targets import FINDING, KINDS, MEASUREMENT, Answer, Targets, described

NAN = math.nan
MEASURED = torch.tensor([[1.0, 10.0], [3.0, NAN], [5.0, 30.0]])


@pytest.fixture(scope="module")
def both(tiny: Cohort) -> Cohort:
    """``tiny`` with a measurement beside its findings."""
    size = pl.int_range(pl.len()).cast(pl.Float32).alias("value:LVEDV")
    info = replace(tiny.info, measurements=("LVEDV",))
    return replace(tiny, info=info, table=tiny.table.with_columns(size))


def scaled() -> nn.Module:
    head = MEASUREMENT.build(4, 2, (), 0.0)
    MEASUREMENT.begin(head, MEASURED, ("LVEDV", "LVEF"))
    return head


@pytest.mark.parametrize("hidden", [(), (8, 6)])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_head_has_a_column_for_each_target_and_hidden_layers_as_asked(kind, hidden) -> None:
    head = kind.build(4, 3, hidden, 0.5)
    assert head(torch.zeros(2, 4)).shape == (2, 3)
    widths = [each.out_features for each in head.modules() if isinstance(each, nn.Linear)]
    assert widths == [*hidden, 3]
    assert [each.p for each in head.modules() if isinstance(each, nn.Dropout)] == [0.5] * len(
        hidden
    )


def test_the_loss_of_findings_is_cross_entropy_of_the_known_labels() -> None:
    logits = torch.tensor([[0.0, math.log(3)], [5.0, 0.0]])
    labels = torch.tensor([[1.0, 0.0], [NAN, NAN]])
    found = FINDING.loss(nn.Identity(), logits, labels)
    assert float(found) == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_a_head_of_findings_begins_as_it_is_and_one_of_measurements_at_the_training_patients() -> (
    None
):
    head = FINDING.build(4, 1, (), 0.0)
    before = head.state_dict()["weight"].clone()
    FINDING.begin(head, torch.ones(3, 1), ("large",))
    assert torch.equal(head.state_dict()["weight"], before)
    head = scaled()
    assert head.get_buffer("center").tolist() == [3.0, 20.0]
    assert head.get_buffer("spread").tolist() == pytest.approx([math.sqrt(8 / 3), 10.0])
    with torch.no_grad():
        for each in head.parameters():
            each.zero_()
    assert head(torch.ones(1, 4)).tolist() == [[3.0, 20.0]]


def test_the_loss_of_measurements_is_in_spreads_of_the_training_patients() -> None:
    told = torch.tensor([[3.0, 20.0]]).expand(3, 2)
    found = MEASUREMENT.loss(scaled(), told, MEASURED)
    assert float(found) == pytest.approx((4 / (8 / 3) * 2 + 0 + 1 + 1) / 5)


def test_measurements_of_one_value_are_refused() -> None:
    head = MEASUREMENT.build(4, 2, (), 0.0)
    flat = torch.tensor([[1.0, 7.0], [2.0, 7.0], [3.0, NAN]])
    with pytest.raises(
        ConfigError, match="differ, got one value, none or infinity of LVEF; leave it out"
    ):
        MEASUREMENT.begin(head, flat, ("LVEDV", "LVEF"))


def test_scores_are_means_over_the_targets() -> None:
    labels = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, NAN], [1.0, 0.0, 0.0]])
    first = torch.tensor([0.1, 0.4, 0.35, 0.8])  # three of four pairs in order
    logits = torch.stack([first, labels[:, 1], first], dim=1)
    assert FINDING.score(labels, logits) == pytest.approx((0.75 + 1) / 2)
    assert math.isnan(FINDING.score(labels[:, 2:], logits[:, 2:]))
    told = torch.tensor([[1.0, 20.0], [3.0, 5.0], [3.0, 20.0]])
    assert MEASUREMENT.score(MEASURED, told) == pytest.approx(((1 - 4 / 8) + (1 - 200 / 200)) / 2)


def test_a_measurement_that_nobody_can_be_judged_by_is_left_out_of_the_score() -> None:
    unknown, same = torch.full((3, 1), NAN), torch.full((3, 1), 7.0)
    told = torch.tensor([[1.0, 20.0], [3.0, 5.0], [3.0, 20.0]])
    alone = MEASUREMENT.score(MEASURED, told)
    for column in (unknown, same):
        more, guess = torch.cat([MEASURED, column], dim=1), torch.cat([told, same + 1], dim=1)
        assert MEASUREMENT.score(more, guess) == alone
        assert math.isnan(MEASUREMENT.score(column, same))
        chosen = MEASUREMENT.choose(column[:, 0].double().numpy(), same[:, 0].double().numpy())
        with pytest.raises(ConfigError, match="LVM must have an error, got no two different"):
            MEASUREMENT.answer("LVM", 7.0, chosen)
    assert math.isnan(MEASUREMENT.score(MEASURED, told * NAN))  # a training that diverged


@pytest.mark.parametrize(
    "names", [{"findings": ("a", "a")}, {"findings": ("a",), "measurements": ("a",)}]
)
def test_two_targets_of_one_name_are_refused_and_one_called_mean(names) -> None:
    with pytest.raises(ConfigError, match=r"targets must have names of their own, .* got a, a; "):
        Targets(**names)
    with pytest.raises(ConfigError, match="none may be 'mean'"):
        Targets(findings=("mean",))


def test_the_columns_of_both_kinds_are_those_of_findings_first(both: Cohort) -> None:
    targets = Targets(measurements=("LVEDV",), findings=("silent", "large"))
    assert targets.names == ("silent", "large", "LVEDV")
    assert targets.kind is FINDING
    assert [(kind, at) for kind, _, at in targets.kinds()] == [
        (FINDING, slice(0, 2)),
        (MEASUREMENT, slice(2, 3)),
    ]
    targets.require_in(both)
    rows = np.array([5, 3])
    values = targets.values(both, rows)
    labels = both.table.select("label:silent", "label:large").to_numpy()[rows]
    assert values.tolist() == np.column_stack([labels, [5, 3]]).tolist()
    alone = Targets(measurements=("LVEDV",))
    assert [(kind, at) for kind, _, at in alone.kinds()] == [(MEASUREMENT, slice(0, 1))]
    assert alone.kind is MEASUREMENT


def test_findings_are_learned_by_the_policy_and_measured_by_the_truth(both: Cohort) -> None:
    table = both.table.with_columns(
        pl.lit(-1, pl.Int8).alias("label:large"), pl.lit(1, pl.Int8).alias("truth:silent")
    )
    cohort, rows = both.with_table(table), np.arange(3)
    policy = LabelPolicy(uncertain="positive", missing="negative")
    assert FINDING.values(cohort, rows, ("large",), policy).tolist() == [[1.0]] * 3
    assert FINDING.truth(cohort, rows, ("large", "silent"))[:, 1].tolist() == [1.0] * 3
    assert FINDING.truth(cohort, rows, ("large",)).isnan().all()
    for values in (
        MEASUREMENT.values(cohort, rows, ("LVEDV",), policy),
        MEASUREMENT.truth(cohort, rows, ("LVEDV",)),
    ):
        assert values.tolist() == [[0.0], [1.0], [2.0]]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (Targets(), "a recipe must predict something, got no findings and measurements"),
        (
            Targets(findings=("large", "edema")),
            "findings must be of large, silent, which .+cohort has, got edema; say --recipe.",
        ),
        (Targets(measurements=("LVEF",)), "measurements must be of LVEDV, .*got LVEF; say --recip"),
    ],
)
def test_targets_that_a_cohort_lacks_are_refused(targets, message, both: Cohort) -> None:
    with pytest.raises(ConfigError, match=message):
        targets.require_in(both)


def test_a_cohort_without_any_of_a_kind_is_refused(tiny: Cohort) -> None:
    with pytest.raises(ConfigError, match=r"cohort .+ must have measurements, got none; choose"):
        Targets(findings=("large",), measurements=("LVEDV",)).require_in(tiny)


def test_the_answer_of_a_finding_is_calibrated_and_reaches_its_threshold() -> None:
    chosen = {"slope": 2.0, "intercept": -1.0, "threshold": 0.5}
    told = FINDING.answer("large", 1.0, chosen)
    chance = 1 / (1 + math.exp(-1))
    assert told.value == pytest.approx(chance)
    assert (told.threshold, told.positive) == (pytest.approx(0.5), True)
    assert told.words == "probability 73 %"
    assert not FINDING.answer("large", 0.49, chosen).positive
    with pytest.raises(ConfigError, match="large must be calibrated, got only one class of it"):
        FINDING.answer("large", 1.0, chosen | {"threshold": None})


def test_the_answer_of_a_measurement_has_its_unit_and_the_error_on_validation_patients() -> None:
    chosen = MEASUREMENT.choose(np.array([1.0, NAN, 3.0]), np.array([2.0, 9.0, 6.0]))
    assert chosen == {"error": 1.0}  # errors of 1 and 3
    told = MEASUREMENT.answer("LVEDV", 111.6, chosen)
    assert told == Answer("LVEDV", "measurement", 111.6, unit="ml", error=1.0)
    assert told.words == "112 ml ± 1 ml"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_is_chosen_has_the_names_that_are_promised(kind) -> None:
    draw = np.random.default_rng(0)
    targets, outputs = (draw.random(20) < 0.5).astype(float), draw.normal(size=20)
    assert tuple(kind.choose(targets, outputs)) == kind.chosen
    assert kind.leads == kind.metrics[0]


def test_the_metrics_of_a_target_rest_on_its_smaller_class_or_on_whom_it_was_measured_in() -> None:
    targets, patients = np.array([1.0, 1, 0, 0, NAN, 0]), np.array(["a", "a", "b", "c", "d", "a"])
    assert FINDING.size(targets, patients) == 1
    assert FINDING.size(np.zeros(6), patients) == 0
    assert MEASUREMENT.size(targets, patients) == 3


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_place_that_depends_on_the_kind_knows_all_kinds(kind) -> None:
    assert kind.name in FITS
    assert tuple(kind.measure(np.array([0.0, 1.0]), np.array([0.0, 1.0]))) == kind.metrics
    assert set(kind.in_deviations) <= set(kind.metrics)
    for metric in kind.metrics:
        assert metric in names._METRICS
        assert metric in intervals._BY_NAME or names.lower_is_better(metric)


def test_a_measurement_without_an_entry_goes_by_its_name() -> None:
    assert (described("LVEF").label, described("LVEF").unit) == ("LV ejection fraction", "%")
    assert (described("wall-stress_2").label, described("wall-stress_2").unit) == (
        "wall stress 2",
        "",
    )
