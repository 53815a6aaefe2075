import threading
import time
from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from crossbeat.data.labels import LabelPolicy
from crossbeat.errors import ConfigError
from crossbeat.objectives import bce
from crossbeat.training import Choice, Optimisation, Phase, Source, TrainerSettings, run_phases
from crossbeat.training.checkpoint import BEST, LAST
from crossbeat.training.module import PhaseModule
from crossbeat.training.phase import derive_seed
from crossbeat.training.runner import _run
from crossbeat.workers import locked

QUIET = TrainerSettings(accelerator="cpu", progress=False)
SHORT = Optimisation(learning_rate=0.01, epochs=4, batch_size=16)


class Net(nn.Module):
    """Has what can go wrong in a resumed run: dropout and batch statistics."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(12, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 1)
        )

    def forward(self, ecg):
        return self.layers(ecg.values.std(dim=2))


def step(parts, batch, generator, *, noise=0.1):
    ecg = replace(
        batch.ecg, values=batch.ecg.values + noise * torch.randn(12, 1, generator=generator)
    )
    logits = parts["net"](ecg)
    if "other" in parts:
        logits = logits + 0 * parts["other"](batch.ecg)
    return {"loss": bce(logits, batch.targets)}


def val_loss(parts, source):
    batch = source.batch(np.arange(len(source)))
    return {"loss": float(bce(parts["net"](batch.ecg), batch.targets))}


def worse_every_epoch(parts, source):
    worse_every_epoch.calls += 1
    return {"loss": float(worse_every_epoch.calls)}


def phase_of(cohort, **changes):
    def source(split):
        rows = cohort.rows(split)
        targets = cohort.labels(rows, ("large",), LabelPolicy())
        return Source(cohort=cohort, rows=rows, reads=("ecg",), targets=targets)

    settings = {
        "name": "phase",
        "train": source("train"),
        "val": source("val"),
        "step": partial(step),
        "trains": {"net": 1.0},
        "choice": Choice(score=val_loss, metric="loss", higher_is_better=False),
        "optimisation": SHORT,
    }
    return Phase(**settings | changes)


def parts_of(**more):
    torch.manual_seed(0)
    return nn.ModuleDict({"net": Net()} | more)


def train(cohort, folder, seed=0, parts=None, **changes):
    parts = parts_of() if parts is None else parts
    phases = iter([phase_of(cohort, **changes)])
    records = run_phases(phases, parts, folder, seed=seed, trainer=QUIET)
    return parts, records[0]


def same(one, other):
    ours, theirs = one.state_dict(), other.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def timeless(record):
    return [epoch | {"seconds": 0} for epoch in record.history]


def worst_of_all(patience=None):
    """A choice by which the first epoch is the best one."""
    worse_every_epoch.calls = 0
    return Choice(score=worse_every_epoch, metric="loss", higher_is_better=False, patience=patience)


def killed(*args, **kwargs):
    raise RuntimeError("killed")


def test_training_lowers_the_validation_loss_and_repeats_bit_for_bit(tiny, tmp_path):
    parts, record = train(tiny, tmp_path / "a")
    again, _ = train(tiny, tmp_path / "b")
    other, _ = train(tiny, tmp_path / "c", seed=1)
    losses = [epoch["val_loss"] for epoch in record.history]
    assert len(losses) == 4
    assert losses[-1] < losses[0]
    assert record.best_epoch == int(np.argmin(losses))
    assert same(parts, again)
    assert not same(parts, other)


def test_the_parts_are_left_at_the_best_epoch_and_patience_stops_a_phase(tiny, tmp_path):
    parts, record = train(tiny, tmp_path / "a", choice=worst_of_all())
    only_first, _ = train(
        tiny, tmp_path / "b", optimisation=replace(SHORT, epochs=1, decay_epochs=4.0)
    )
    assert record.best_epoch == 0
    assert same(parts, only_first)
    _, record = train(tiny, tmp_path / "c", choice=worst_of_all(patience=2))
    assert len(record.history) == 3


@pytest.mark.slow
def test_processes_that_read_ahead_change_nothing(tiny, tmp_path):
    short = replace(SHORT, epochs=2)
    alone, first = train(tiny, tmp_path / "alone", optimisation=short)
    settings, helped = replace(QUIET, workers=2), parts_of()
    phase = phase_of(tiny, optimisation=short)
    record = _run(phase, helped, tmp_path / "helped", seed=0, settings=settings)
    assert same(alone, helped)
    assert timeless(record) == timeless(first)


@pytest.mark.parametrize(("moment", "average"), [(1, 0.0), (5, 0.0), (14, 0.9)])
def test_a_killed_run_goes_on_to_the_weights_of_an_uninterrupted_one(
    tiny, tmp_path, moment, average, monkeypatch
):
    settings = replace(SHORT, average=average)
    expected, record = train(tiny, tmp_path / "whole", optimisation=settings)
    left, original = iter(range(moment - 1)), PhaseModule.training_step

    def dies(self, batch, batch_idx):
        return killed() if next(left, None) is None else original(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(PhaseModule, "training_step", dies)
        with pytest.raises(RuntimeError, match="killed"):
            train(tiny, tmp_path / "killed", optimisation=settings)
    resumed, again = train(tiny, tmp_path / "killed", optimisation=settings)
    assert same(resumed, expected)
    assert timeless(again) == timeless(record)


def test_a_run_killed_between_its_last_epoch_and_its_end_adds_no_epoch(tiny, tmp_path, monkeypatch):
    choice = worst_of_all(patience=1)
    with monkeypatch.context() as patch:
        patch.setattr("crossbeat.training.fit._finish", killed)
        with pytest.raises(RuntimeError, match="killed"):
            train(tiny, tmp_path, choice=choice)
    _, record = train(tiny, tmp_path, choice=choice)
    assert len(record.history) == 2


def test_a_finished_phase_is_read_unless_a_setting_differs(tiny, tmp_path):
    parts, record = train(tiny, tmp_path)
    again, second = train(tiny, tmp_path)
    assert not record.reused
    assert second.reused
    assert same(parts, again)
    assert (record.folder / BEST).is_file()
    assert not (record.folder / LAST).exists()
    assert not train(tiny, tmp_path, step=partial(step, noise=0.2))[1].reused


def test_a_phase_that_another_process_trains_is_waited_for_and_read(tiny, tmp_path):
    _, first = train(tiny, tmp_path)
    done, away = first.folder / "phase.json", tmp_path / "away"
    done.rename(away)
    held = threading.Event()

    def other():
        with locked(first.folder):
            held.set()
            time.sleep(0.5)
            away.rename(done)

    thread = threading.Thread(target=other)
    thread.start()
    held.wait()
    _, second = train(tiny, tmp_path)
    thread.join()
    assert second.reused


@pytest.mark.parametrize("how", [{"frozen": ("other",)}, {"trains": {"net": 1.0, "other": 0.0}}])
def test_a_part_that_is_frozen_or_has_scale_0_keeps_its_weights(tiny, tmp_path, how):
    start = parts_of(other=Net())
    before = deepcopy(start)
    train(tiny, tmp_path, parts=start, **how)
    if "frozen" in how:  # its batch statistics too
        assert same(start["other"], before["other"])
    for name, stays in (("other", True), ("net", False)):
        pairs = zip(start[name].parameters(), before[name].parameters(), strict=True)
        assert {torch.equal(*pair) for pair in pairs} == {stays}
    assert all(parameter.requires_grad for parameter in start.parameters())


@pytest.mark.parametrize(("used", "split"), [("train", "val"), ("val", "test")])
def test_a_phase_refuses_rows_of_another_split(tiny, used, split):
    phase, rows = phase_of(tiny), tiny.rows(split)
    wrong = replace(phase.val, rows=rows, targets=torch.zeros(len(rows), 1))
    message = rf"must train on split train and choose .*got rows of \['{split}'\] as {used}"
    with pytest.raises(ValueError, match=message):
        replace(phase, **{used: wrong})


def test_a_loss_that_is_not_finite_stops_the_run(tiny, tmp_path):
    with pytest.raises(FloatingPointError, match="the loss is not finite"):
        train(tiny, tmp_path, step=partial(step, noise=float("inf")))


def test_ctrl_c_is_ctrl_c_where_lightning_fails_while_it_ends(tiny, tmp_path, monkeypatch):
    def fails(*args, **kwargs):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise RuntimeError("ended twice") from None

    monkeypatch.setattr("lightning.pytorch.Trainer.fit", fails)
    with pytest.raises(KeyboardInterrupt):
        train(tiny, tmp_path)


def test_accumulating_batches_makes_fewer_updates(tiny, tmp_path):
    def plain():  # without batch statistics and dropout, two half batches are one whole batch
        torch.manual_seed(0)
        net = Net()
        net.layers = nn.Sequential(nn.Linear(12, 1))
        return nn.ModuleDict({"net": net})

    quiet = partial(step, noise=0.0)
    in_one = replace(SHORT, batch_size=24)
    in_two = replace(SHORT, batch_size=12, accumulate=2)
    whole, _ = train(tiny, tmp_path, parts=plain(), step=quiet, optimisation=in_one)
    halves, _ = train(tiny, tmp_path, parts=plain(), step=quiet, optimisation=in_two)
    for ours, theirs in zip(halves.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_running_average_of_the_weights_is_kept(tiny, tmp_path, monkeypatch, accumulate):
    weights = []
    original = PhaseModule.on_train_batch_end

    def noted(self, outputs, batch, batch_idx):
        original(self, outputs, batch, batch_idx)
        weights.append(self.parts["net"].layers[0].weight.detach().clone())

    monkeypatch.setattr(PhaseModule, "on_train_batch_end", noted)
    settings = replace(SHORT, average=0.5, accumulate=accumulate)
    parts, _ = train(tiny, tmp_path, optimisation=settings, choice=worst_of_all())
    updates = weights[: len(weights) // SHORT.epochs][accumulate - 1 :: accumulate]
    expected = updates[0]
    for count, weight in enumerate(updates[1:], start=1):
        decay = min(0.5, (1 + count) / (10 + count))
        expected = decay * expected + (1 - decay) * weight
    kept = parts["net"].layers[0].weight
    torch.testing.assert_close(kept, expected)
    assert not torch.allclose(kept, updates[-1])


def test_bfloat16_trains(tiny, tmp_path):
    parts = parts_of()
    settings = replace(QUIET, precision="bf16-mixed")
    record = _run(phase_of(tiny), parts, tmp_path, seed=0, settings=settings)
    assert np.isfinite([epoch["val_loss"] for epoch in record.history]).all()
    assert all(value.dtype != torch.bfloat16 for value in parts.state_dict().values())


def test_a_batch_that_does_not_divide_among_processes_is_refused(tiny, tmp_path):
    settings = replace(QUIET, devices=3)
    with pytest.raises(ConfigError, match="multiple of the number of processes, got 16 and 3"):
        _run(phase_of(tiny), parts_of(), tmp_path, seed=0, settings=settings)


def test_the_schedule_rises_to_the_peak_and_falls_to_the_edge():
    plan = Optimisation(
        learning_rate=1.0, epochs=10, batch_size=1, warmup_epochs=2.0, decay_epochs=8.0, edge=0.1
    )
    epochs = {0.0: 0.1, 1.0: 0.55, 2.0: 1.0, 5.0: 0.55, 8.0: 0.1, 10.0: 0.1}
    assert {epoch: plan.factor(epoch) for epoch in epochs} == pytest.approx(epochs)


def test_seeds_depend_on_every_part():
    seeds = {derive_seed(0, "a", 1), derive_seed(0, "a", 2), derive_seed(0, "b", 1)}
    assert len(seeds) == 3
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_source_of_unequal_lengths_is_refused(tiny):
    rows = tiny.rows("train")
    targets, extra = torch.zeros(len(rows), 1), {"embedding": torch.zeros(3, 2)}
    with pytest.raises(ValueError, match=r"a source of 72 rows got lengths .'embedding': 3"):
        Source(cohort=tiny, rows=rows, reads=("ecg",), targets=targets, extra=extra)
