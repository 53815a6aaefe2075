"""Example ECG files of virtual patients."""

from pathlib import Path


def write_example(folder: Path, *, seed: int = 2_000_003) -> Path:
    """Write the 12-lead WFDB record of a virtual patient who is in no cohort; return its header.

    Args:
        folder: made if it does not exist.
        seed: of the patient.
    """
    from crossbeat import simulate
    from crossbeat.leads import STANDARD
    from crossbeat.readers.ecg.wfdb import write_wfdb
    from crossbeat.signal import Ecg

    folder.mkdir(parents=True, exist_ok=True)
    patients = simulate.draw_patients(1, seed)
    values = simulate.ecgs(patients, seed)[0]
    return write_wfdb(Ecg(values, STANDARD, float(simulate.FS)), folder / "patient")
