"""Contrast of every ECG with the end-diastolic and the end-systolic frame (arXiv:2602.12883).

Of Dual-Phase Cross-Modal Contrastive Learning we know only the abstract; one slice instead of a
volume and a fixed phase for end systole are our choice.
"""

from dataclasses import replace

from crossbeat.recipes.mmcl import MMCL
from crossbeat.recipes.ptacl import CINE

DUAL_PHASE = replace(MMCL, cine=replace(CINE, phases=(0.0, 0.35)), anchors="each")
"""MMCL with two separate frames."""
