"""What masked modelling hides, that encoders do not see it, and that decoders learn."""

from functools import partial

import pytest
import torch

from crossbeat.encoders import CINE_ENCODERS
from crossbeat.encoders.masked import (
    LeadPatchDecoder,
    SquareDecoder,
    fill_in_cine,
    fill_in_ecg,
    lead_patches,
    moments,
    random_patches,
    squares,
    tubes,
)
from crossbeat.encoders.vit import LeadPatchStem, MmclTransformer, grid, mmcl_small, mmcl_tiny

LEADS, SAMPLES, PATCH = 3, 100, 20


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ecg_parts(depth: int) -> tuple[MmclTransformer, LeadPatchDecoder]:
    torch.manual_seed(0)
    stem = LeadPatchStem(LEADS, SAMPLES, patch=PATCH, dim=16)
    encoder = MmclTransformer(stem, depth=depth, heads=2)
    return encoder, LeadPatchDecoder(encoder, dim=16, depth=depth, head_dim=8)


# --- what is hidden


def test_every_sample_hides_as_many_patches_each_its_own() -> None:
    hidden = random_patches(200, 20, share=0.75, generator=seeded())
    assert hidden.sum(dim=1).tolist() == [15] * 200
    assert len(hidden.unique(dim=0)) > 190
    assert 0.6 < hidden.float().mean(dim=0).min() < hidden.float().mean(dim=0).max() < 0.9
    assert torch.equal(hidden, random_patches(200, 20, share=0.75, generator=seeded()))
    assert not torch.equal(hidden, random_patches(200, 20, share=0.75, generator=seeded(1)))


@pytest.mark.parametrize(("share", "count"), [(0.001, 1), (0.999, 3)])
def test_one_is_hidden_and_one_is_left(share: float, count: int) -> None:
    hidden = random_patches(5, 4, share=share, generator=seeded())
    assert hidden.sum(dim=1).tolist() == [count] * 5


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5])
def test_all_or_nothing_cannot_be_hidden(share: float) -> None:
    with pytest.raises(ValueError, match=f"share must be above 0 and below 1, got {share}"):
        random_patches(5, 4, share=share, generator=seeded())
    with pytest.raises(ValueError, match="at least 2"):
        random_patches(5, 1, share=0.5, generator=seeded())


def test_tubes_last_and_moments_fill_the_frame() -> None:
    tube = tubes(6, 5, 16, share=0.5, generator=seeded())
    assert torch.equal(tube, tube[:, :1].expand(-1, 5, -1))
    assert tube[:, 0].sum(dim=1).tolist() == [8] * 6
    moment = moments(6, 5, 16, share=0.4, generator=seeded())
    assert torch.equal(moment, moment[:, :, :1].expand(-1, -1, 16))
    assert moment[:, :, 0].sum(dim=1).tolist() == [2] * 6


# --- ECGs


def test_an_encoder_that_sees_all_gives_its_tokens() -> None:
    encoder, _ = ecg_parts(depth=2)
    x = torch.randn(2, LEADS, SAMPLES, generator=seeded())
    everything = torch.arange(15).expand(2, -1)
    torch.testing.assert_close(encoder.visible(x, everything), encoder.tokens(x))


def test_what_is_hidden_does_not_reach_the_decoder() -> None:
    encoder, decoder = ecg_parts(depth=2)
    x = torch.randn(2, LEADS, SAMPLES, generator=seeded()).requires_grad_()
    hidden = random_patches(2, 15, share=0.6, generator=seeded())
    fill_in_ecg(encoder, decoder, x, hidden).square().sum().backward()
    assert x.grad is not None
    seen = lead_patches(x.grad, PATCH).abs().sum(dim=3).flatten(1) > 0
    assert torch.equal(seen, ~hidden)


def test_every_patch_is_decoded_in_its_own_place() -> None:
    """Without blocks a place knows of its own patch alone."""
    encoder, decoder = ecg_parts(depth=0)
    x = torch.randn(1, LEADS, SAMPLES, generator=seeded()).requires_grad_()
    hidden = random_patches(1, 15, share=0.4, generator=seeded())
    filled = fill_in_ecg(encoder, decoder, x, hidden)
    assert filled.shape == lead_patches(x, PATCH).shape == (1, LEADS, 5, PATCH)
    for place, patch in enumerate(filled.flatten(1, 2)[0]):
        (gradient,) = torch.autograd.grad(patch.square().sum(), x, retain_graph=True)
        moved = lead_patches(gradient, PATCH).abs().sum(dim=3).flatten().nonzero().flatten()
        assert moved.tolist() == ([] if hidden[0, place] else [place])


def test_a_place_first_looks_at_places_near_by() -> None:
    """At its own step and lead more than at half of the others, before any training."""
    torch.manual_seed(0)
    decoder = LeadPatchDecoder(mmcl_small(12, 400))
    attention = decoder.blocks[0].attention
    places = decoder.blocks[0].norm_1(decoder.positions)
    query, key, _ = attention.qkv(places).chunk(3, dim=1)
    looks = (query @ key.T).unflatten(1, (12, 20)).unflatten(0, (12, 20))
    same_step = looks.diagonal(dim1=1, dim2=3).mean()
    same_lead = looks.diagonal(dim1=0, dim2=2).mean()
    assert same_step > looks.mean() + 1
    assert same_lead > looks.mean() + 1


def test_a_masked_encoder_learns_what_leads_have_in_common() -> None:
    """Sines of one frequency per ECG: a hidden patch follows from the others."""
    encoder, decoder = ecg_parts(depth=1)
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=5e-3)
    random = seeded()
    time = torch.arange(SAMPLES) / SAMPLES
    errors = []
    for _ in range(150):
        turn = torch.rand(32, 1, 1, generator=random)
        x = torch.sin(2 * torch.pi * (3 * time + turn)).expand(-1, LEADS, -1)
        hidden = random_patches(32, 15, share=0.5, generator=random)
        filled = fill_in_ecg(encoder, decoder, x, hidden).flatten(1, 2)
        error = (filled - lead_patches(x, PATCH).flatten(1, 2))[hidden].square().mean()
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        errors.append(error.item())
    assert errors[0] > 0.4  # half the variance is 0.5
    assert sum(errors[-10:]) / 10 < 0.15


def test_the_published_sizes() -> None:
    """5.36 and 1.7 million weights, as the authors' code says."""
    with torch.device("meta"):
        encoder = mmcl_tiny(12, 2500)
        decoder = LeadPatchDecoder(encoder)
    counts = [sum(p.numel() for p in part.parameters()) for part in (encoder, decoder)]
    assert [round(count / 1e6, 2) for count in counts] == [5.36, 1.70]
    assert decoder.blank.shape[2] == 256
    assert LeadPatchDecoder(mmcl_small(12, 200)).blank.shape[2] == 32


# --- the encoder itself


def test_the_vector_is_the_normalised_mean_of_the_patches() -> None:
    torch.manual_seed(0)
    encoder = mmcl_small(12, 200).eval()
    encoder.norm = torch.nn.Identity()  # type: ignore[assignment]
    x = torch.randn(2, 12, 200, generator=seeded())
    torch.testing.assert_close(encoder(x), encoder.tokens(x)[:, 1:].mean(dim=1))
    torch.testing.assert_close(encoder(x), encoder.steps(x).mean(dim=1))
    normalised = mmcl_small(12, 200)(x)
    torch.testing.assert_close(normalised.mean(dim=1), torch.zeros(2), atol=1e-5, rtol=0)


def test_the_same_patch_is_another_token_elsewhere() -> None:
    encoder, decoder = ecg_parts(depth=1)
    same = torch.randn(PATCH, generator=seeded()).repeat(5).expand(1, LEADS, -1)
    hidden = random_patches(1, 15, share=0.4, generator=seeded())
    with torch.no_grad():
        filled = fill_in_ecg(encoder, decoder, same, hidden).flatten(1, 2)
        decoder.positions.zero_()
        without = fill_in_ecg(encoder, decoder, same, hidden).flatten(1, 2)
        tokens = encoder.tokens(same)[0, 1:]
    assert len(tokens.unique(dim=0)) == 15
    assert len(filled[hidden].unique(dim=0)) == 6
    assert torch.allclose(without[hidden], without[hidden][:1])


def test_a_position_tells_column_and_row() -> None:
    positions = grid(3, 5, 8).unflatten(0, (3, 5))
    assert torch.equal(positions[0, :, :4], positions[2, :, :4])
    assert torch.equal(positions[:, 0, 4:], positions[:, 4, 4:])
    assert len(positions.flatten(0, 1).unique(dim=0)) == 15
    assert positions[1, 2, 0].item() == pytest.approx(torch.sin(torch.tensor(2.0)).item())
    assert positions[1, 2, 6].item() == pytest.approx(torch.cos(torch.tensor(1.0)).item())
    with pytest.raises(ValueError, match="multiple of 4 for positions on a grid, got 6"):
        grid(3, 5, 6)


# --- cines


@pytest.mark.parametrize("name", ["frames-small", "volume-small"])
def test_hidden_squares_do_not_reach_the_cine_decoder(name: str) -> None:
    torch.manual_seed(0)
    encoder = CINE_ENCODERS[name](6).train()
    decoder = SquareDecoder(encoder)
    x = torch.rand(2, 6, 48, 48, generator=seeded()).requires_grad_()
    hidden = tubes(2, 6, 9, share=0.3, generator=seeded())
    hidden = hidden | moments(2, 6, 9, share=0.3, generator=seeded())
    filled = fill_in_cine(encoder, decoder, x, hidden)
    assert filled.shape == squares(x, 16).shape == (2, 6, 9, 256)
    filled.square().sum().backward()
    assert x.grad is not None
    seen = squares(x.grad, 16).abs().sum(dim=3) > 0
    assert torch.equal(seen, ~hidden)
    silent = [
        name
        for part in (encoder, decoder)
        for name, weights in part.named_parameters()
        if weights.grad is None or not weights.grad.abs().sum() > 0
    ]
    assert silent == []


def test_squares_are_cut_row_by_row() -> None:
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert squares(x, 2)[0, 0].tolist() == [
        [0.0, 1.0, 4.0, 5.0],
        [2.0, 3.0, 6.0, 7.0],
        [8.0, 9.0, 12.0, 13.0],
        [10.0, 11.0, 14.0, 15.0],
    ]


def test_a_hidden_moment_is_told_from_its_neighbours_around_the_cycle() -> None:
    torch.manual_seed(0)
    encoder = CINE_ENCODERS["frames-small"](8).eval()
    decoder = SquareDecoder(encoder, dim=8)
    x = torch.rand(1, 8, 32, 32, generator=seeded()).requires_grad_()
    hidden = torch.zeros(1, 8, 4, dtype=torch.bool)
    hidden[:, 0] = True
    fill_in_cine(encoder, decoder, x, hidden)[:, 0].square().sum().backward()
    assert x.grad is not None
    seen = x.grad.abs().amax(dim=(0, 2, 3)).nonzero().flatten().tolist()
    assert seen == [1, 2, 6, 7]


def test_squares_of_another_size_than_the_map_are_refused() -> None:
    encoder = CINE_ENCODERS["frames-small"](2)
    hidden = partial(tubes, 1, 2, share=0.5, generator=seeded())
    with pytest.raises(ValueError, match="one place for each of the 16 squares, got 2 by 2"):
        fill_in_cine(encoder, SquareDecoder(encoder, side=8), torch.zeros(1, 2, 32, 32), hidden(16))
