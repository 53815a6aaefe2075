"""Read ECGs (in millivolts, leads by name), X-rays (as grey squares) and cine MRI (as stacks)."""

from crossbeat.readers.cine import read_cine
from crossbeat.readers.cine.record import Cine
from crossbeat.readers.cine.region import Region, cropped, disc_volume, roi_by_mask, roi_by_motion
from crossbeat.readers.ecg import read_ecg
from crossbeat.readers.ecg.identify import FORMATS, identify
from crossbeat.readers.ecg.tables import Layout
from crossbeat.readers.xray import read_xray

__all__ = ["FORMATS", "Cine", "Layout", "Region", "cropped", "disc_volume", "identify"]
__all__ += ["read_cine", "read_ecg", "read_xray", "roi_by_mask", "roi_by_motion"]
