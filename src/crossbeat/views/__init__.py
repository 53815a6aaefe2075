"""Random changes to batches of ECGs, for contrastive learning and regularisation.

A view takes ECGs in millivolts and a generator and returns new ECGs. Settings are bound with
``functools.partial``::

    view = compose(partial(rotate_vcg, angle=30.0), mask_time_per_lead)
    first, second = view(ecg, generator), view(ecg, generator)

Leads go by name: their order changes nothing. The generator alone decides: one on the CPU gives
the same view on every device, one on a GPU saves the transfer but draws other numbers.
"""

from crossbeat.views.combine import View, compose, one_of, with_probability
from crossbeat.views.timing import crop, crop_and_stretch, permute, warp_time
from crossbeat.views.voltage import (
    jitter,
    keep_leads,
    mask_leads,
    mask_time,
    mask_time_per_lead,
    project_vcg,
    rotate_vcg,
    scale,
    wander,
)

__all__ = [
    "VIEWS",
    "View",
    "compose",
    "crop",
    "crop_and_stretch",
    "jitter",
    "keep_leads",
    "mask_leads",
    "mask_time",
    "mask_time_per_lead",
    "one_of",
    "permute",
    "project_vcg",
    "rotate_vcg",
    "scale",
    "wander",
    "warp_time",
    "with_probability",
]

VIEWS: dict[str, View] = {
    "crop": crop,
    "crop_and_stretch": crop_and_stretch,
    "jitter": jitter,
    "keep_leads": keep_leads,
    "mask_leads": mask_leads,
    "mask_time": mask_time,
    "mask_time_per_lead": mask_time_per_lead,
    "permute": permute,
    "project_vcg": project_vcg,
    "rotate_vcg": rotate_vcg,
    "scale": scale,
    "wander": wander,
    "warp_time": warp_time,
}
"""Every view by name, with its default settings."""
