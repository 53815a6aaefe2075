"""ECG files: one function that reads them all, in millivolts and with leads by name."""

from crossbeat.readers.ecg import FORMATS, read_ecg

__all__ = ["FORMATS", "read_ecg"]
