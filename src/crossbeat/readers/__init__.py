"""ECG files: one function that reads them all, in millivolts and with leads by name."""

from crossbeat.readers.ecg import read_ecg
from crossbeat.readers.identify import FORMATS, identify
from crossbeat.readers.layout import Layout

__all__ = ["FORMATS", "Layout", "identify", "read_ecg"]
