"""MMCL: masked modelling of the ECG, then contrast with an image of three frames of the cine.

Turgut 2025 (arXiv:2308.05764) and its public code; the choice of frames is ours.
"""

from crossbeat.modalities import OtherModel
from crossbeat.recipes.masked import Masking
from crossbeat.recipes.ptacl import Ptacl

MMCL = Ptacl(
    cine=OtherModel(modality="cine", encoder="mmcl-resnet50", phases=(0.0, 0.175, 0.35)),
    masking=Masking(over="all"),
    masked_cine=None,
    local_weight=0.0,
)
"""Global alignment alone; the frames are the channels of one image."""
