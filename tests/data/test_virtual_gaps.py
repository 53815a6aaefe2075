import numpy as np
import pytest

from crossbeat.data.virtual_gaps import Gaps, recorded

TRAINING = np.arange(1000) % 10 > 2
"""Seven hundred of a thousand."""


@pytest.mark.parametrize(
    ("paired", "alone", "counts"),
    [
        (1.0, 0.0, (700, 0, 0)),
        (0.0, 0.0, (0, 0, 700)),
        (0.1, 0.3, (70, 210, 420)),
        (0.3, 0.7, (210, 490, 0)),
        (0.0, 1.0, (0, 700, 0)),
    ],
)
def test_as_many_training_patients_have_each_as_their_share(
    paired: float, alone: float, counts: tuple[int, int, int]
) -> None:
    there = recorded(TRAINING, Gaps(paired=paired, xray_only=alone), 5)
    ecg, xray = there.ecg[TRAINING], there.xray[TRAINING]
    assert ((ecg & xray).sum(), (xray & ~ecg).sum(), (ecg & ~xray).sum()) == counts
    assert (ecg | xray).all()


def test_shares_that_fill_the_whole_leave_nobody_out_by_rounding() -> None:
    for num in range(1, 40):
        training = np.ones(num, dtype=bool)
        for paired in np.linspace(0, 1, 21).round(2).tolist():
            there = recorded(training, Gaps(paired=paired, xray_only=1 - paired), 0)
            assert there.xray.all()
            assert there.ecg.sum() == round(paired * num)


def test_validation_and_test_patients_have_everything() -> None:
    there = recorded(TRAINING, Gaps(paired=0.0, labelled=0.0), 5)
    for has in (there.ecg, there.xray, there.report):
        assert has[~TRAINING].all()
    assert not there.report[TRAINING].any()


@pytest.mark.parametrize("name", ["paired", "xray_only", "labelled"])
def test_a_higher_share_only_adds_patients(name: str) -> None:
    few, more = (
        recorded(TRAINING, Gaps(**({"paired": 0.4, "labelled": 0.6} | {name: share})), 5)
        for share in (0.2, 0.5)
    )
    have = {
        "paired": lambda there: there.ecg & there.xray,
        "xray_only": lambda there: there.xray & ~there.ecg,
        "labelled": lambda there: there.report,
    }[name]
    assert have(more).sum() > have(few).sum()
    assert have(more)[have(few)].all()
    if name != "labelled":
        assert more.report[few.report].all()


def test_a_report_needs_an_xray_and_is_read_as_often_as_its_share() -> None:
    there = recorded(TRAINING, Gaps(labelled=0.25), 5)
    assert there.report[TRAINING].sum() == 175
    assert (there.ecg & there.xray).all()
    less = recorded(TRAINING, Gaps(paired=0.5, xray_only=0.2, labelled=0.25), 5)
    np.testing.assert_array_equal(less.report, there.report & less.xray)
    assert less.report[TRAINING].mean() == pytest.approx(0.25 * 0.7, abs=0.03)


def test_another_seed_leaves_out_others() -> None:
    one, other = (recorded(TRAINING, Gaps(paired=0.5), seed).xray for seed in (5, 6))
    assert (one != other).any()
