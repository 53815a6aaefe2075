"""Virtual patients: one latent heart each, with an ECG, a chest X-ray, a report and a cine MRI.

``draw_patients`` draws them; ``ecgs``, ``xrays``, ``report_labels`` and ``cine_blocks`` simulate
their records; ``truth`` and ``phenotypes`` return the true values. Made per block of ``BLOCK``
patients from (seed, block, name): the same seed gives the same patient however many are drawn and
however many workers draw them. See ``findings`` on what guided the difficulty of the task,
``patient``, ``electrical`` and ``function`` on physiology and sources.
"""

from crossbeat.simulate.cine import (
    SEGMENTS,
    cine_block,
    cine_blocks,
    masks_block,
    pixel_mm,
    slice_mm_block,
    strain_block,
    volume_block,
)
from crossbeat.simulate.cine_texture import Textures, read_textures
from crossbeat.simulate.ecg import FS, SECONDS, ecg_block, ecg_blocks, ecgs
from crossbeat.simulate.electrical import DETERMINANTS, ecg_determinants
from crossbeat.simulate.findings import (
    CONDITIONS,
    FINDINGS,
    NEGATIVE,
    NOT_MENTIONED,
    POSITIVE,
    UNCERTAIN,
    Labels,
    cardiothoracic_ratio,
    film_measures,
    flipped_truth,
    report_labels,
    truth,
)
from crossbeat.simulate.function import (
    PHENOTYPES,
    Cycle,
    cardiac_cycle,
    phenotype_block,
    phenotypes,
)
from crossbeat.simulate.patient import Patients, draw_patients
from crossbeat.simulate.streams import BLOCK, Draws, spans
from crossbeat.simulate.xray import noisier, xray_block, xray_blocks, xrays

__all__ = [
    "BLOCK",
    "CONDITIONS",
    "DETERMINANTS",
    "FINDINGS",
    "FS",
    "NEGATIVE",
    "NOT_MENTIONED",
    "PHENOTYPES",
    "POSITIVE",
    "SECONDS",
    "SEGMENTS",
    "UNCERTAIN",
    "Cycle",
    "Draws",
    "Labels",
    "Patients",
    "Textures",
    "cardiac_cycle",
    "cardiothoracic_ratio",
    "cine_block",
    "cine_blocks",
    "draw_patients",
    "ecg_block",
    "ecg_blocks",
    "ecg_determinants",
    "ecgs",
    "film_measures",
    "flipped_truth",
    "masks_block",
    "noisier",
    "phenotype_block",
    "phenotypes",
    "pixel_mm",
    "read_textures",
    "report_labels",
    "slice_mm_block",
    "spans",
    "strain_block",
    "truth",
    "volume_block",
    "xray_block",
    "xray_blocks",
    "xrays",
]
