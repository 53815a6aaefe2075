from dataclasses import replace

import pytest
import torch

from crossbeat.leads import STANDARD
from crossbeat.signal import Ecgs
from crossbeat.views import compose, crop, jitter, mask_time, one_of, scale, with_probability
from crossbeat.views.combine import normal


def zeros(batch: int = 1000) -> Ecgs:
    return Ecgs(torch.zeros(batch, 12, 3), STANDARD, 1.0)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def plus_one(ecg: Ecgs, generator: torch.Generator) -> Ecgs:
    return replace(ecg, values=ecg.values + 1)


def doubled(ecg: Ecgs, generator: torch.Generator) -> Ecgs:
    return replace(ecg, values=ecg.values * 2)


def test_views_are_applied_in_the_order_given() -> None:
    assert (compose(plus_one, doubled)(zeros(), seeded()).values == 2).all()
    assert (compose(doubled, plus_one)(zeros(), seeded()).values == 1).all()
    assert (compose()(zeros(), seeded()).values == 0).all()


def test_a_composition_draws_as_its_views_do_one_after_another() -> None:
    ecg = replace(zeros(), values=torch.randn(1000, 12, 3, generator=seeded()))
    generator = seeded()
    by_hand = mask_time(jitter(ecg, generator), generator)
    assert torch.equal(compose(jitter, mask_time)(ecg, seeded()).values, by_hand.values)


def test_one_of_gives_each_ecg_one_view_and_each_view_as_many() -> None:
    ecg = replace(zeros(), values=torch.full((1000, 12, 3), 3.0))
    seen = one_of(plus_one, doubled)(ecg, seeded()).values
    assert (seen == seen[:, :1, :1]).all()
    assert set(seen.unique().tolist()) == {4.0, 6.0}
    assert (seen[:, 0, 0] == 4).float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert (ecg.values == 3).all()


@pytest.mark.parametrize("probability", [0.0, 0.2, 1.0])
def test_a_view_changes_as_many_ecgs_as_its_probability_says(probability: float) -> None:
    ecg = zeros()
    seen = with_probability(plus_one, probability)(ecg, seeded()).values
    assert (seen == seen[:, :1, :1]).all()
    assert seen.mean().item() == pytest.approx(probability, abs=0.04)
    assert (ecg.values == 0).all()


def test_chosen_views_repeat_with_the_seed_and_choose_anew_without() -> None:
    ecg = replace(zeros(), values=torch.ones(1000, 12, 3))
    view, generator = with_probability(one_of(scale, jitter), 0.5), seeded()
    first, second = view(ecg, generator), view(ecg, generator)
    assert torch.equal(first.values, view(ecg, seeded()).values)
    assert not torch.equal(first.values, second.values)


@pytest.mark.parametrize("view", [one_of(crop), with_probability(crop, 1.0)])
def test_a_view_for_some_ecgs_must_keep_their_length(view) -> None:
    ecg = Ecgs(torch.zeros(10, 12, 20), STANDARD, 2.0)
    with pytest.raises(ValueError, match="must keep leads, rate and length"):
        view(ecg, seeded())


def test_a_choice_of_nothing_and_an_impossible_probability_are_errors() -> None:
    with pytest.raises(ValueError, match="at least one view"):
        one_of()
    with pytest.raises(ValueError, match="probability must be 0 to 1"):
        with_probability(crop, 1.1)


def test_normal_numbers_do_not_depend_on_the_number_of_threads():
    drawn = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        drawn.append(normal(torch.Generator().manual_seed(3), (100, 4, 50)))
    assert torch.equal(*drawn)


def test_normal_numbers_are_independent_and_standard():
    drawn = normal(torch.Generator().manual_seed(0), (200, 20, 50))
    assert abs(float(drawn.mean())) < 0.01
    assert abs(float(drawn.std()) - 1) < 0.01
    rows = drawn.reshape(200, -1)
    between = torch.corrcoef(rows) - torch.eye(200)
    assert float(between.abs().max()) < 0.2


def test_normal_numbers_follow_from_the_generator_and_move_it_on():
    generator = torch.Generator().manual_seed(1)
    first, second = normal(generator, (40, 3)), normal(generator, (40, 3))
    again = normal(torch.Generator().manual_seed(1), (40, 3))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
