import numpy as np
import pytest
from crossbeat.data.sources.virtual_gaps import Gaps, recorded

TRAINING = np.arange(1000) % 10 > 2
"""Seven hundred of a thousand."""


@pytest.mark.parametrize(("paired", "number"), [(1.0, 700), (0.0, 0), (0.1, 70), (0.95, 665)])
def test_as_many_training_patients_have_an_xray_as_their_share(paired: float, number: int) -> None:
    there = recorded(TRAINING, Gaps(paired=paired), 5)
    assert there.xray[TRAINING].sum() == number
    assert there.ecg.all()


def test_validation_and_test_patients_have_everything() -> None:
    there = recorded(TRAINING, Gaps(paired=0.0, labelled=0.0), 5)
    for has in (there.ecg, there.xray, there.report):
        assert has[~TRAINING].all()
    assert not there.report[TRAINING].any()


@pytest.mark.parametrize("name", ["paired", "labelled"])
def test_a_higher_share_only_adds_patients(name: str) -> None:
    few, more = (
        recorded(TRAINING, Gaps(**({"paired": 0.4, "labelled": 0.6} | {name: share})), 5)
        for share in (0.2, 0.5)
    )
    have = {
        "paired": lambda there: there.ecg & there.xray,
        "labelled": lambda there: there.report,
    }[name]
    assert have(more).sum() > have(few).sum()
    assert have(more)[have(few)].all()
    assert more.report[few.report].all()


def test_a_report_needs_an_xray_and_is_read_as_often_as_its_share() -> None:
    there = recorded(TRAINING, Gaps(labelled=0.25), 5)
    assert there.report[TRAINING].sum() == 175
    assert (there.ecg & there.xray).all()
    less = recorded(TRAINING, Gaps(paired=0.5, labelled=0.25), 5)
    np.testing.assert_array_equal(less.report, there.report & less.xray)
    assert less.report[TRAINING].mean() == pytest.approx(0.25 * 0.5, abs=0.03)


def test_patients_outside_follow_with_an_xray_and_its_report_alone() -> None:
    there = recorded(TRAINING, Gaps(labelled=0.25), 5)
    more = there.and_outside(50)
    for name in ("ecg", "xray", "report"):
        np.testing.assert_array_equal(getattr(more, name)[:1000], getattr(there, name))
        assert (getattr(more, name)[1000:] == (name != "ecg")).all()


def test_another_seed_leaves_out_others() -> None:
    one, other = (recorded(TRAINING, Gaps(paired=0.5), seed).xray for seed in (5, 6))
    assert (one != other).any()
