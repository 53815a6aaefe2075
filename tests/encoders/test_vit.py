"""The patches and the pooling of the ECCL encoder."""

import pytest
import torch

from crossbeat.encoders.vit import LeadPatchStem, eccl_small


def test_a_patch_reaches_its_own_token_only() -> None:
    stem = LeadPatchStem(3, 400, dim=8)
    x = torch.zeros(1, 3, 400)
    changed = x.clone()
    changed[0, 1, 250] = 1.0  # lead 1, patch 2 of 4
    moved = (stem(changed) - stem(x)).abs().sum(dim=-1)[0]
    assert moved.nonzero().flatten().tolist() == [1 * 4 + 2]


def test_the_vector_is_the_first_token() -> None:
    torch.manual_seed(0)
    encoder = eccl_small(12, 500).eval()
    x = torch.randn(2, 12, 500)
    assert torch.equal(encoder(x), encoder.tokens(x)[:, 0])
    torch.testing.assert_close(encoder(x).mean(dim=-1), torch.zeros(2), atol=1e-6, rtol=0)


@pytest.mark.parametrize("num_samples", [50, 450])
def test_samples_must_fill_whole_patches(num_samples: int) -> None:
    with pytest.raises(ValueError, match=f"multiple of the patch of 100, got {num_samples}"):
        LeadPatchStem(12, num_samples)
