"""Tokens of a frozen cine encoder are computed once, and again whenever anything differs."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.virtual_hearts import VirtualHearts
from crossbeat.recipes.cine.kept_tokens import Kept, frame_tokens
from crossbeat.recipes.cine.networks import CineModel, cine_parts
from crossbeat.training import Source

MODEL = CineModel(encoder="frames-small")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    hearts = VirtualHearts(num_patients=12, frames=4, cine_size=16)
    return hearts.build(tmp_path_factory.mktemp("kept") / "cohort")


def parts(cohort: Cohort, seed: int = 0) -> nn.ModuleDict:
    return cine_parts(MODEL, cohort.info, 1, seed)


def source(cohort: Cohort) -> Source:
    rows = cohort.rows("train")
    return Source(cohort=cohort, rows=rows, reads=("cine",), targets=torch.zeros(len(rows), 1))


def counted(value: Tensor) -> tuple[list[int], Callable[[], Tensor]]:
    calls: list[int] = []

    def compute() -> Tensor:
        calls.append(1)
        return value

    return calls, compute


def test_the_same_question_is_answered_from_what_is_kept(cohort: Cohort) -> None:
    kept = Kept()
    first = frame_tokens(parts(cohort), source(cohort), MODEL, kept=kept)
    assert frame_tokens(parts(cohort), source(cohort), MODEL, kept=kept) is first
    assert first.shape[:2] == (len(source(cohort)), 4)


def test_other_weights_rows_or_phases_are_another_question(cohort: Cohort) -> None:
    kept = Kept()
    asked = source(cohort)
    first = frame_tokens(parts(cohort), asked, MODEL, kept=kept)
    other_weights = frame_tokens(parts(cohort, seed=1), asked, MODEL, kept=kept)
    assert not torch.allclose(other_weights, first)
    turned = replace(asked, rows=asked.rows[::-1].copy())
    assert torch.allclose(frame_tokens(parts(cohort), turned, MODEL, kept=kept), first.flip(0))
    again = replace(MODEL, phases=(0.5, 0.25, 0.0, 0.75))
    reordered = frame_tokens(parts(cohort), asked, again, kept=kept)
    assert torch.allclose(reordered[:, 2], first[:, 0])


def test_what_a_source_reads_besides_does_not_matter(cohort: Cohort) -> None:
    kept = Kept()
    first = frame_tokens(parts(cohort), source(cohort), MODEL, kept=kept)
    both = replace(source(cohort), reads=("ecg", "cine"))
    assert frame_tokens(parts(cohort), both, MODEL, kept=kept) is first


def test_the_oldest_goes_and_what_is_too_large_is_never_kept() -> None:
    kept = Kept(most_bytes=16)
    for name in ("a", "b"):
        kept.get(name, lambda: torch.zeros(2))
    calls, compute = counted(torch.zeros(2))
    kept.get("a", compute)
    assert not calls
    kept.get("c", lambda: torch.zeros(2))
    assert set(kept.values) == {"a", "c"}
    kept.get("large", lambda: torch.zeros(5))
    assert set(kept.values) == {"a", "c"}
