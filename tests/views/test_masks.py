import pytest
import torch

from crossbeat.leads import STANDARD
from crossbeat.signal import Ecgs
from crossbeat.views import keep_leads, mask_leads, mask_time, mask_time_per_lead

NUM_SAMPLES = 60


def ones(batch: int = 200) -> Ecgs:
    return Ecgs(torch.ones(batch, 12, NUM_SAMPLES), STANDARD, 100.0)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(2)


@pytest.mark.parametrize("view", [mask_time, mask_time_per_lead])
@pytest.mark.parametrize(
    ("share", "hidden"), [(0.0, 0), (0.25, 15), (0.5, 30), (0.51, 31), (1.0, 60)]
)
def test_every_lead_loses_the_share_of_time(view, share: float, hidden: int) -> None:
    seen = view(ones(), seeded(), share=share).values
    assert ((seen == 0).sum(dim=2) == hidden).all()


@pytest.mark.parametrize("view", [mask_time, mask_time_per_lead])
def test_what_is_hidden_is_one_circular_window_that_may_begin_anywhere(view) -> None:
    hidden = view(ones(), seeded()).values == 0
    begins = hidden & ~hidden.roll(1, dims=2)
    assert (begins.sum(dim=2) == 1).all()
    per_sample = begins[:, 0].sum(dim=0)
    assert (per_sample > 0).sum() > 0.8 * NUM_SAMPLES
    assert (hidden[:, 0, 0] & hidden[:, 0, -1]).any()


def test_windows_are_the_same_in_all_leads_only_where_promised() -> None:
    together = mask_time(ones(), seeded()).values
    assert (together == together[:, :1]).all()
    alone = mask_time_per_lead(ones(), seeded()).values
    assert all(len(ecg.unique(dim=0)) > 6 for ecg in alone)


@pytest.mark.parametrize("view", [mask_time, mask_time_per_lead])
def test_a_share_above_one_is_an_error(view) -> None:
    for share in (-0.1, 1.1):
        with pytest.raises(ValueError, match="share must be 0 to 1"):
            view(ones(), seeded(), share=share)


@pytest.mark.parametrize("keep", [1, 6, 12])
def test_exactly_so_many_leads_are_kept_and_each_as_often(keep: int) -> None:
    seen = keep_leads(ones(batch=600), seeded(), keep=keep).values
    assert (seen == seen[:, :, :1]).all()
    assert (seen[:, :, 0].sum(dim=1) == keep).all()
    assert seen[:, :, 0].mean(dim=0).sub(keep / 12).abs().max() < 0.08


def test_keeping_all_leads_is_the_identity() -> None:
    ecg = Ecgs(torch.randn(3, 12, 9, generator=seeded()), STANDARD, 100.0)
    assert torch.equal(keep_leads(ecg, seeded(), keep=12).values, ecg.values)


@pytest.mark.parametrize("keep", [0, 13])
def test_keeping_no_lead_or_more_than_there_are_is_an_error(keep: int) -> None:
    with pytest.raises(ValueError, match="keep must be 1 to 12"):
        keep_leads(ones(), seeded(), keep=keep)


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_leads_are_hidden_as_often_as_asked(probability: float) -> None:
    seen = mask_leads(ones(batch=600), seeded(), probability=probability).values
    assert (seen == seen[:, :, :1]).all()
    assert (seen[:, :, 0] == 0).float().mean().item() == pytest.approx(probability, abs=0.02)


def test_a_probability_above_one_is_an_error() -> None:
    with pytest.raises(ValueError, match="probability must be 0 to 1"):
        mask_leads(ones(), seeded(), probability=1.5)


@pytest.mark.parametrize("view", [mask_time, mask_time_per_lead, mask_leads])
def test_masks_hide_what_is_not_a_number(view) -> None:
    ecg = Ecgs(torch.full((8, 12, NUM_SAMPLES), torch.nan), STANDARD, 100.0)
    seen = view(ecg, seeded()).values
    assert (seen == 0).any()
    assert seen.isnan().any()
