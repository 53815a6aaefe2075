"""How much faster the batched views are than one ECG at a time.

Run: ``python benchmarks/views.py``. All sides do the same work on the same ECGs in the same run:
VCG rotation, one time mask per lead, electrode noise and a time warp. Of the two peers one calls
the same views on one ECG after the other, as a data set's ``__getitem__`` would; the other is a
loop written for a single ECG in NumPy, in float32 throughout.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from crossbeat.leads import INDEPENDENT, INVERSE_DOWER, STANDARD, expansion, index
from crossbeat.signal import Ecgs
from crossbeat.views import compose, jitter, mask_time_per_lead, rotate_vcg, warp_time
from crossbeat.views.voltage import _FROM_ELECTRODES

BATCH, NUM_SAMPLES, FS = 256, 1000, 100.0
TO_LEADS = expansion(STANDARD).astype(np.float32)
TO_VCG = INVERSE_DOWER.astype(np.float32)
FROM_VCG = np.linalg.pinv(INVERSE_DOWER).astype(np.float32)
FROM_ELECTRODES = (TO_LEADS @ _FROM_ELECTRODES).astype(np.float32)
ROWS = index(STANDARD, INDEPENDENT)

PIPELINE = compose(rotate_vcg, mask_time_per_lead, jitter, warp_time)


def one_by_one(batch: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """The pipeline as a data set's ``__getitem__`` would run it, in float32 throughout."""
    return np.stack([_one(ecg, rng) for ecg in batch])


def _one(ecg: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    num_leads, num_samples = ecg.shape
    rotation = Rotation.from_euler("zyx", rng.uniform(-45, 45, 3), degrees=True).as_matrix()
    change = (rng.uniform(1, 1.5, 3)[:, None] * rotation - np.eye(3)).astype(np.float32)
    ecg = ecg + TO_LEADS @ (FROM_VCG @ (change @ (TO_VCG @ ecg[ROWS])))
    length = round(0.25 * num_samples)
    for row, begin in enumerate(rng.integers(num_samples, size=num_leads)):
        ecg[row, begin : begin + length] = 0
        ecg[row, : max(0, begin + length - num_samples)] = 0
    noise = rng.standard_normal((9, num_samples), dtype=np.float32)
    ecg += np.float32(0.02) * (FROM_ELECTRODES @ noise)
    knots = np.exp(rng.uniform(-np.log(1.2), np.log(1.2), 6))
    speed = np.interp(np.linspace(0, 5, num_samples - 1), np.arange(6), knots)
    clock = np.concatenate([[0], np.cumsum(speed)])
    clock *= (num_samples - 1) / clock[-1]
    at = np.arange(num_samples)
    return np.stack([np.interp(clock, at, lead) for lead in ecg]).astype(np.float32)


def fastest(run: Callable[[], object], repeats: int) -> float:
    """The shortest of several times, in seconds, after one run that does not count."""
    run()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times)


def main() -> None:
    """Time all sides by turns and print the ratios."""
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    values = rng.standard_normal((BATCH, len(INDEPENDENT), NUM_SAMPLES), dtype=np.float32)
    batch = TO_LEADS @ values
    ecgs = Ecgs(torch.from_numpy(batch), STANDARD, FS)
    single = [Ecgs(ecg[None], STANDARD, FS) for ecg in ecgs.values]
    sides: dict[str, tuple[Callable[[], object], int]] = {
        "batched": (lambda: PIPELINE(ecgs, generator), 10),
        "the same views, one by one": (lambda: [PIPELINE(ecg, generator) for ecg in single], 2),
        "NumPy loop": (lambda: one_by_one(batch, rng), 2),
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(5):
        for name, (run, repeats) in sides.items():
            times[name].append(fastest(run, repeats))
    ours = min(times["batched"])
    print(f"{BATCH} ECGs of 12 leads x {NUM_SAMPLES} samples, {torch.get_num_threads()} threads")
    for name, taken in times.items():
        best = min(taken)
        print(f"{name:<28}{1e3 * best:8.1f} ms{BATCH / best:10,.0f} ECGs/s{best / ours:7.1f} x")


if __name__ == "__main__":
    main()
