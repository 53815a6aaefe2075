"""How often each quality check speaks: of real records as they are, and of the same with a fault.

Run: ``python benchmarks/quality.py FOLDER``, with WFDB records of twelve leads, such as PTB-XL.
Faults are made by the algebra of leads and by hand; electrode exchanges after Krasteva et al.
2019 (doi:10.3390/s19132920). Also prints the processor time of checking and reading.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD, complete, limb_leads
from crossbeat.quality import check, require
from crossbeat.readers import read_ecg
from crossbeat.signal import Ecg

SECONDS = 10.0
Rows = dict[str, np.ndarray]
Fault = Callable[[Rows, float, np.random.Generator], Rows]


def wired(i: np.ndarray, ii: np.ndarray, rows: Rows, chest: np.ndarray | float = 0.0) -> Rows:
    """Other limb leads; chest leads shifted by a changed central terminal."""
    kept = {lead: row + chest for lead, row in rows.items() if lead.startswith("V")}
    return {"I": i, "II": ii} | limb_leads(i, ii) | kept


def arms(rows: Rows, *_: object) -> Rows:
    return wired(-rows["I"], rows["III"], rows)


def right_arm_left_leg(rows: Rows, *_: object) -> Rows:
    return wired(-rows["III"], -rows["II"], rows)


def left_arm_left_leg(rows: Rows, *_: object) -> Rows:
    return wired(rows["II"], rows["I"], rows)


def right_arm_right_leg(rows: Rows, *_: object) -> Rows:
    """Both legs differ by 5 % of lead II."""
    return wired(-rows["III"], 0.05 * rows["II"], rows, -rows["II"] / 3)


def left_arm_right_leg(rows: Rows, *_: object) -> Rows:
    """Both legs differ by 5 % of lead III."""
    return wired(rows["II"] - 0.05 * rows["III"], rows["II"], rows, -rows["III"] / 3)


def exchanged(one: str, other: str) -> Fault:
    return lambda rows, *_: rows | {one: rows[other], other: rows[one]}


def scaled(lead: str, factor: float) -> Fault:
    return lambda rows, *_: rows | {lead: factor * rows[lead]}


def all_scaled(factor: float) -> Fault:
    return lambda rows, *_: {lead: factor * row for lead, row in rows.items()}


def clipped(rows: Rows, *_: object) -> Rows:
    """The lead with the highest peak, at 60 % of it."""
    lead = max(rows, key=lambda name: rows[name].max())
    return rows | {lead: np.minimum(rows[lead], 0.6 * rows[lead].max())}


def dropped_out(rows: Rows, fs: float, draw: np.random.Generator) -> Rows:
    """V3 at 0 for 2 s."""
    row = rows["V3"].copy()
    start = int(draw.integers(len(row) - 2 * fs))
    row[start : start + int(2 * fs)] = 0
    return rows | {"V3": row}


def noise_alone(rows: Rows, _: float, draw: np.random.Generator) -> Rows:
    """V1 as white noise of its own deviation."""
    return rows | {"V1": draw.normal(0, rows["V1"].std(), rows["V1"].shape)}


def hum(rows: Rows, fs: float, _: np.random.Generator) -> Rows:
    """0.1 mV of 50 Hz in V2."""
    wave = 0.1 * np.sin(2 * np.pi * 50 * np.arange(len(rows["V2"])) / fs + 1)
    return rows | {"V2": rows["V2"] + wave}


def paced(rows: Rows, fs: float, draw: np.random.Generator) -> Rows:
    """Spikes of 0.5 ms and up to 2 mV, as 150 Hz and this rate leave of them, every 0.8 s."""
    offset = np.arange(-0.02, 0.02, 1 / fs)
    pulse = 0.3 * np.exp(-((offset / 0.0014) ** 2) / 2)
    eight = draw.uniform(0.3, 1, 8) * draw.choice([-1, 1], 8)
    share = complete(eight[:, None], ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"), STANDARD)
    train = np.zeros(len(rows["I"]))
    for start in range(int(0.1 * fs), len(train) - len(pulse), int(0.8 * fs)):
        train[start : start + len(pulse)] += pulse
    return {lead: rows[lead] + part * train for lead, part in zip(STANDARD, share, strict=True)}


FAULTS: Mapping[str, tuple[str, Fault]] = {
    "aVL and aVF exchanged": ("limb", exchanged("aVL", "aVF")),
    "III and aVF exchanged": ("limb", exchanged("III", "aVF")),
    "aVR negated": ("limb", scaled("aVR", -1)),
    "aVF 2 times as large": ("limb", scaled("aVF", 2)),
    "III 1.2 times as large": ("limb", scaled("III", 1.2)),
    "left and right arm": ("reversal", arms),
    "right arm and left leg": ("reversal", right_arm_left_leg),
    "right arm and right leg": ("reversal", right_arm_right_leg),
    "left arm and right leg": ("reversal", left_arm_right_leg),
    "left arm and left leg": ("reversal", left_arm_left_leg),
    "gain: 1000 times": ("unit", all_scaled(1000)),
    "gain: 10 times": ("unit", all_scaled(10)),
    "gain: 5 times": ("unit", all_scaled(5)),
    "gain: a fifth": ("unit", all_scaled(0.2)),
    "gain: a thousandth": ("unit", all_scaled(0.001)),
    "V3 at 0 for 2 s": ("dropout", dropped_out),
    "cut off at 60 % of the peak": ("clipped", clipped),
    "V1 white noise alone": ("noise", noise_alone),
    "50 Hz of 0.1 mV in V2": ("mains", hum),
    "pacing": ("pacing", paced),
}


def main(folder: Path) -> None:
    """Print the rates for each sampling rate of the records."""
    begin = time.process_time()
    records = [read_ecg(file) for file in sorted(folder.rglob("*.hea"))]
    reading = (time.process_time() - begin) / len(records)
    for fs in sorted({ecg.fs for ecg in records}):
        chosen = [ecg for ecg in records if ecg.fs == fs and ecg.leads == STANDARD]
        begin = time.process_time()
        for ecg in chosen:
            check(ecg, SECONDS)
        checking = (time.process_time() - begin) / len(chosen)
        print(
            f"{len(chosen)} records of {fs:g} Hz: {1000 * checking:.2f} ms of one core to check one"
        )
        as_they_are(chosen)
        with_faults(chosen)
    print(f"reading one of all took {1000 * reading:.2f} ms of one core")


def as_they_are(records: list[Ecg]) -> None:
    """Of what share each check speaks."""
    found: Counter[tuple[str, str]] = Counter()
    for ecg in records:
        found.update({(each.name, each.action) for each in check(ecg, SECONDS) if each.message})
    print("| as they are | action | share |\n| --- | --- | --- |")
    for (name, action), count in sorted(found.items()):
        print(f"| {name} | {action} | {100 * count / len(records):.1f} % |")


def with_faults(records: list[Ecg]) -> None:
    """Of what share the check that is meant to find a fault does, and what becomes of it."""
    print("| fault | check | found | refused | undone |\n| --- | --- | --- | --- | --- |")
    for fault, (name, make) in FAULTS.items():
        draw = np.random.default_rng(0)
        found = refused = undone = 0
        for ecg in records:
            rows = make(dict(zip(STANDARD, ecg.values, strict=True)), ecg.fs, draw)
            values = np.stack([rows[lead] for lead in STANDARD]).astype(np.float32)
            wrong = Ecg(values, STANDARD, ecg.fs)
            found += any(each.name == name and each.message for each in check(wrong, SECONDS))
            try:
                undone += np.allclose(require(wrong, "", SECONDS).values, ecg.values, atol=1e-3)
            except DataError:
                refused += 1
        shares = (f"{100 * count / len(records):.1f} %" for count in (found, refused, undone))
        print(f"| {fault} | {name} | {' | '.join(shares)} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
