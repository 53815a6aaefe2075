"""Files: ECGs of all formats, in millivolts and with leads by name; X-rays as grey squares."""

from crossbeat.readers.ecg import read_ecg
from crossbeat.readers.identify import FORMATS, identify
from crossbeat.readers.layout import Layout
from crossbeat.readers.xray import read_xray

__all__ = ["FORMATS", "Layout", "identify", "read_ecg", "read_xray"]
