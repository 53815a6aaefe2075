"""A virtual hospital: trees of files in MIMIC's layout, with the faults of real ones."""

from crossbeat.simulate.hospital.faults import Faults
from crossbeat.simulate.hospital.tree import VirtualMimic

__all__ = ["Faults", "VirtualMimic"]
