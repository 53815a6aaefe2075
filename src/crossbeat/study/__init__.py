"""Studies: grids of recipes, settings and seeds that answer one question."""

from crossbeat.study.grid import Cell, Reading, Study
from crossbeat.study.search import Search

__all__ = ["Cell", "Reading", "Search", "Study"]
