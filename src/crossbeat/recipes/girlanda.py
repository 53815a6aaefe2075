"""Contrast between ECG, cine and tabular data: Girlanda 2024 (arXiv:2411.05900).

We know only the abstract; the sum over pairs and the columns are our choice.
"""

from dataclasses import replace

from crossbeat.recipes.mmcl import MMCL

GIRLANDA = replace(MMCL, tabular=("age", "sex"))
"""MMCL with a third member of every pair."""
