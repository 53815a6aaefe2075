"""How fast WFDB records are read and brought to a model's form, beside ``wfdb``.

Run: ``python benchmarks/readers.py [FOLDER]``. Without a folder, 400 records of virtual patients
at 100 Hz are written to a temporary one. All times are of one process, taken by turns.
"""

import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from crossbeat import simulate
from crossbeat.leads import STANDARD
from crossbeat.readers import read_ecg
from crossbeat.readers.ecg.wfdb import write_wfdb
from crossbeat.signal import Ecg, Preprocessing, resample

NUM_RECORDS = 400


def write_records(folder: Path) -> None:
    """Records as PTB-XL has them: 12 leads, 10 s, 100 Hz, format 16."""
    waves = simulate.ecgs(simulate.draw_patients(NUM_RECORDS, 0), 0)
    for number, values in enumerate(resample(waves, float(simulate.FS), 100.0)):
        write_wfdb(Ecg(values, STANDARD, 100.0), folder / f"r{number:05d}")


def rate(run: Callable[[Path], object], files: list[Path]) -> float:
    """Records per second."""
    begin = time.perf_counter()
    for file in files:
        run(file)
    return len(files) / (time.perf_counter() - begin)


def main(folder: Path) -> None:
    """Read everything by turns and print rates and their ratio."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import wfdb
    if not list(folder.rglob("*.hea")):
        write_records(folder)
    files = sorted(folder.rglob("*.hea"))
    ours, theirs = [], []
    for _ in range(5):
        ours.append(rate(read_ecg, files))
        theirs.append(rate(lambda file: wfdb.rdsamp(str(file.with_suffix(""))), files[:100]))
    print(f"{len(files)} records, records per second, best of 5")
    print(f"read_ecg      {max(ours):10,.0f}")
    print(f"wfdb.rdsamp   {max(theirs):10,.0f}   read_ecg is {max(ours) / max(theirs):.1f} x")
    preprocessing = Preprocessing(leads=STANDARD, fs=100.0, seconds=10.0, baseline=True)
    batch = np.stack([read_ecg(file).values for file in files])
    begin = time.perf_counter()
    preprocessing.apply_batch(batch, read_ecg(files[0]).leads, 100.0)
    print(f"preprocessing {len(files) / (time.perf_counter() - begin):10,.0f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
