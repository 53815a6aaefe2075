"""Random numbers of virtual patients."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from crossbeat.simulate.streams import AHEAD, BLOCK, Draws, in_order, spans


def test_fewer_patients_are_the_first_rows_of_more():
    few, many = Draws(1, 0, 2, "ecg"), Draws(1, 0, BLOCK, "ecg")
    np.testing.assert_array_equal(few.normal("a", 3, 5), many.normal("a", 3, 5)[:2])
    np.testing.assert_array_equal(few.uniform("a"), many.uniform("a")[:2])


@pytest.mark.parametrize(
    "other", [Draws(2, 0, 4, "ecg"), Draws(1, 1, 4, "ecg"), Draws(1, 0, 4, "film")]
)
def test_another_seed_block_act_or_name_draws_other_numbers(other):
    draws = Draws(1, 0, 4, "ecg")
    assert not np.array_equal(draws.normal("a"), other.normal("a"))
    assert not np.array_equal(draws.normal("a"), draws.normal("b"))


def test_spans_cover_every_patient_once():
    rows = [row for _, span in spans(600) for row in range(600)[span]]
    assert rows == list(range(600))
    assert [block for block, _ in spans(600)] == [0, 1, 2]


def test_a_negative_seed_and_more_patients_than_a_block_holds_are_refused():
    with pytest.raises(ValueError, match="seed must be 0 or more, got -1"):
        Draws(-1, 0, 1, "ecg")
    with pytest.raises(ValueError, match="a block holds 256 patients, got 257"):
        Draws(1, 0, 257, "ecg")


def test_work_is_done_in_order_and_only_a_little_ahead():
    taken: list[int] = []

    def jobs():
        for number in range(50):
            taken.append(number)
            yield (number,)

    with ThreadPoolExecutor(1) as pool:
        made = in_order(abs, jobs(), pool)
        assert next(made) == 0
        assert len(taken) == AHEAD
        assert list(made) == list(range(1, 50))
    assert list(in_order(abs, [(-7,), (8,)], None)) == [7, 8]


def test_what_is_kept_is_a_correlation_and_the_rest_is_new():
    now, later = (
        np.concatenate([Draws(1, block, BLOCK, "a", kept).normal("z") for block in range(40)])
        for kept in ({}, {"z": 0.6})
    )
    assert np.corrcoef(now, later)[0, 1] == pytest.approx(0.6, abs=0.02)
    assert later.std() == pytest.approx(1, abs=0.02)
    assert later.dtype == np.float32


def test_of_even_numbers_the_kept_share_stays():
    now, some, more = (
        Draws(1, 0, BLOCK, "a", {"u": kept} if kept else {}).uniform("u") for kept in (0, 0.5, 0.8)
    )
    assert np.mean(now == some) == pytest.approx(0.5, abs=0.1)
    assert np.mean(now == more) == pytest.approx(0.8, abs=0.1)
    assert ((now == more) >= (now == some)).all()


def test_what_is_not_named_among_the_kept_is_the_same():
    now, later = Draws(1, 0, 9, "a"), Draws(1, 0, 9, "a", {"z": 0.5})
    np.testing.assert_array_equal(now.normal("y"), later.normal("y"))
    np.testing.assert_array_equal(now.uniform("y"), later.uniform("y"))
