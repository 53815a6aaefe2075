"""How often the checks of heartbeats and of upside-down ECGs are right.

Run: ``python benchmarks/heart.py DATA > docs/measured/heart.json``, with the folders ``ptb-xl``,
``ptb-xl-normalised`` and ``ecg-formats`` in DATA. ``--fit`` prints the weights of
``crossbeat.quality.heart`` instead, and how they do on the patients left out of five folds.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from crossbeat import simulate
from crossbeat.errors import UserError
from crossbeat.leads import INDEPENDENT, STANDARD, complete
from crossbeat.quality import check, heart
from crossbeat.quality.recording import recording
from crossbeat.readers import read_ecg
from crossbeat.signal import Ecg

SECONDS = 10.0
NUM = 100
"""Made signals of each kind and rate."""

Records = list[tuple[str, Ecg]]
Wave = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""Takes the time in seconds; gives the eight independent leads in millivolts."""


def cut(name: str, ecg: Ecg) -> Iterator[tuple[str, Ecg]]:
    """Each whole 10 s of the first five minutes."""
    num = int(SECONDS * ecg.fs)
    for start in range(0, min(ecg.values.shape[1], 30 * num) - num + 1, num):
        yield name, Ecg(ecg.values[:, start : start + num], ecg.leads, ecg.fs)


def real(data: Path) -> Records:
    """Records in millivolts, each by the name of its file's first part."""
    found: Records = []
    for folder in ("ptb-xl", "ecg-formats"):
        for file in sorted((data / folder).rglob("*")):
            if file.suffix in (".hea", ".dcm", ".xml") or file.name.startswith("code15"):
                try:
                    found += cut(file.name[:5], read_ecg(file))
                except UserError:
                    continue  # a header made wrong on purpose
    return found


def normalised(data: Path) -> Records:
    """Records without a unit, which ``read_ecg`` refuses: the shape of each lead alone counts."""
    found = []
    for file in sorted((data / "ptb-xl-normalised").rglob("*.hea")):
        first, *lines = file.read_text().splitlines()
        num, fs = int(first.split()[1]), float(first.split()[2])
        stored = np.fromfile(file.with_suffix(".dat"), "<i2").reshape(-1, num).T
        gain = [float(line.split()[2].split("/")[0].split("(")[0]) for line in lines[:num]]
        upper = {lead.upper(): lead for lead in STANDARD}
        leads = tuple(upper[line.split()[-1].upper()] for line in lines[:num])
        values = 0.2 * stored / np.array(gain)[:, None]
        found.append((file.name[:5], Ecg(values.astype(np.float32), leads, fs)))
    return found


def virtual() -> Records:
    """Virtual patients, healthy and ill."""
    waves = simulate.ecgs(simulate.draw_patients(2000, 11), 11)
    return [(str(number), Ecg(each, STANDARD, 500.0)) for number, each in enumerate(waves)]


def of_one(wave: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Eight leads that see one source, some from behind."""
    return draw.uniform(0.3, 2, (8, 1)) * draw.choice([-1, 1], (8, 1)) * wave


def sine(time: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    phase = draw.uniform(0, 6, (8, 1)) * draw.integers(2)
    wave = np.sin(2 * np.pi * draw.uniform(0.5, 12) * time + phase)
    return of_one(wave, draw) + draw.choice([0, 0.02]) * draw.normal(size=wave.shape)


def square(time: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    wave = np.sign(np.sin(2 * np.pi * draw.uniform(0.5, 4) * time))
    return of_one(wave, draw) + 0.01 * draw.normal(size=(8, len(time)))


def walk(time: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Steps of 0.1 to 0.5 mV in a second; of one, three or eight sources."""
    sources = draw.choice([1, 3, 8])
    steps = draw.normal(size=(sources, len(time))) * np.sqrt(1 / len(time))
    return draw.normal(size=(8, sources)) @ steps.cumsum(axis=1) * draw.uniform(0.3, 1.5)


def noise(time: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    return draw.uniform(0.1, 0.5) * draw.normal(size=(8, len(time)))


def smooth_noise(time: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Below about 5 Hz, as filters leave it."""
    fs = len(time) / SECONDS
    return 2 * gaussian_filter1d(draw.normal(size=(8, len(time))), 0.03 * fs, axis=1)


def flat(time: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Noise of 20 uV."""
    return 0.02 * draw.normal(size=(8, len(time)))


MADE: dict[str, Wave] = {
    "sine of 0.5 to 12 Hz": sine,
    "square wave of 0.5 to 4 Hz": square,
    "random walk": walk,
    "white noise": noise,
    "noise below 5 Hz": smooth_noise,
    "flat with noise of 20 uV": flat,
}


def made(wave: Wave, fs: float) -> Records:
    """Signals that obey the limb-lead equations."""
    time = np.arange(int(SECONDS * fs)) / fs
    eight = (wave(time, np.random.default_rng(number)) for number in range(NUM))
    return [
        (str(number), Ecg(complete(each, INDEPENDENT, STANDARD).astype(np.float32), STANDARD, fs))
        for number, each in enumerate(eight)
    ]


def turned(records: Records) -> Records:
    """The same upside down."""
    return [(name, Ecg(-ecg.values, ecg.leads, ecg.fs)) for name, ecg in records]


def arms(records: Records) -> Records:
    """The same with the electrodes of the arms exchanged, as is also the sign of dextrocardia."""
    found = []
    for name, ecg in records:
        rows = dict(zip(ecg.leads, ecg.values, strict=True))
        eight = np.stack(
            [-rows["I"], rows["II"] - rows["I"], *(rows[f"V{n}"] for n in range(1, 7))]
        )
        found.append((name, Ecg(complete(eight, INDEPENDENT, STANDARD), STANDARD, ecg.fs)))
    return found


def noisier(records: Records, millivolts: float) -> Records:
    """The same with white noise in all leads, which keep the limb-lead equations."""
    draw = np.random.default_rng(0)
    found = []
    for name, ecg in records:
        eight = draw.normal(0, millivolts, (8, ecg.values.shape[1]))
        values = ecg.values + complete(eight, INDEPENDENT, ecg.leads)
        found.append((name, Ecg(values.astype(np.float32), ecg.leads, ecg.fs)))
    return found


def counted(records: Records) -> dict[str, object]:
    """How many are refused by each of the two checks, by no others, and by any; lowest values."""
    counts: dict[str, int] = dict.fromkeys(("heartbeat", "inverted", "these alone", "any"), 0)
    values: dict[str, list[float]] = defaultdict(list)
    for _, ecg in records:
        verdicts = check(ecg, SECONDS, remarks=False)
        bad = {each.name for each in verdicts if each.action == "reject"}
        counts["any"] += bool(bad)
        counts["these alone"] += bool(bad) and bad <= {"heartbeat", "inverted"}
        for name in ("heartbeat", "inverted"):
            counts[name] += name in bad
            values[name] += [each.value for each in verdicts if each.name == name]
    lowest = {name: float(f"{min(each):.3g}") for name, each in values.items() if each}
    return {"records": len(records), "refused": counts, "lowest": lowest}


def measured(data: Path) -> dict[str, object]:
    """Of real and virtual ECGs as they are and changed, and of made signals."""
    sources = {"real": real(data), "normalised": normalised(data), "virtual": virtual()}
    found: dict[str, object] = {}
    for name, records in sources.items():
        found[name] = counted(records)
        found[f"{name}, upside down"] = counted(turned(records))
        found[f"{name}, arms exchanged"] = counted(arms(records))
    for millivolts in (0.05, 0.1, 0.2):
        records = noisier(sources["real"], millivolts)
        found[f"real, with noise of {millivolts:g} mV"] = counted(records)
    for name, wave in MADE.items():
        found |= {f"{name}, {fs:g} Hz": counted(made(wave, fs)) for fs in (100.0, 500.0)}
    return found


def fit(data: Path) -> None:
    """Print the weights, and the log-odds of patients left out of their fit."""
    names, heights = [], []
    for name, ecg in (*real(data), *normalised(data)):
        record = recording(ecg)
        assert record is not None
        if set(INDEPENDENT) <= set(ecg.leads):
            found = heart.waves(record, heart.bursts(record))
            assert found is not None
            names.append(name)
            heights.append(found.ravel())
    seen = np.stack(heights)
    outside = np.zeros(len(seen))
    for train, test in GroupKFold(5).split(seen, groups=names):
        outside[test] = seen[test] @ _weights(seen[train])
    print(np.round(_weights(seen).reshape(8, 6).astype(float), 2).tolist())
    print(f"{len(seen)} parts; the lowest left out: {np.sort(outside)[:6].round(2).tolist()}")
    for limit in (3, 4, 5):
        print(f"below -{limit} if turned: {100 * (outside > limit).mean():.1f} %")


def _weights(heights: np.ndarray) -> np.ndarray:
    both = np.concatenate([heights, -heights])
    upright = np.repeat([1, 0], len(heights))
    model = LogisticRegression(fit_intercept=False, C=0.1, max_iter=3000).fit(both, upright)
    return model.coef_[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    if options.fit:
        fit(options.data)
    else:
        print(json.dumps(measured(options.data), indent=1))
