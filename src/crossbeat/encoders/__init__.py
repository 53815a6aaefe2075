"""Encoders: a batch of ECGs or images in, tokens and one pooled vector out; no head, no loss.

Each has ``dim``, ``tokens(x)`` of shape [batch token dim] and ``encoder(x)`` of shape [batch dim].
ECGs come normalised, cines from 0 to 1; a batch of another number of leads, samples or frames than
the encoder was built for is a ValueError.
ECG encoders also have ``steps(x)``: one token per time step, in the order of time, and
``centres()``: where each step looks, in samples from the start of the ECG. Cine encoders have
``num_frames`` and ``per_frame``: whether their tokens are one per frame, in the order of time.
"""

from collections.abc import Callable

from crossbeat.encoders.cine import (
    FrameEncoder,
    StackedFrames,
    VolumeEncoder,
    frames_resnet50,
    frames_small,
    frames_small_temporal,
    mmcl_resnet50,
    volume_small,
)
from crossbeat.encoders.resnet import ResNet, resnet18, resnet18_small, resnet34
from crossbeat.encoders.spectrogram import SpectrogramTransformer, biot, biot_small
from crossbeat.encoders.transformer import EcgTransformer, cromotex, cromotex_small, fine_small
from crossbeat.encoders.vit import (
    LeadPatchTransformer,
    MmclTransformer,
    eccl_large,
    eccl_small,
    mmcl_small,
    mmcl_tiny,
)
from crossbeat.encoders.xray import SmallXray, XrayDenseNet, load_xrv

EcgEncoder = (
    EcgTransformer | ResNet | SpectrogramTransformer | LeadPatchTransformer | MmclTransformer
)
XrayEncoder = XrayDenseNet | SmallXray
CineEncoder = FrameEncoder | VolumeEncoder | StackedFrames

ENCODERS: dict[str, Callable[[int, int], EcgEncoder]] = {
    "cromotex": cromotex,
    "cromotex-small": cromotex_small,
    "fine-small": fine_small,
    "resnet18": resnet18,
    "resnet34": resnet34,
    "resnet18-small": resnet18_small,
    "biot": biot,
    "biot-small": biot_small,
    "eccl": eccl_large,
    "eccl-small": eccl_small,
    "mmcl-tiny": mmcl_tiny,
    "mmcl-small": mmcl_small,
}
"""ECG encoders by name; each is called with the number of leads and of samples."""

XRAY_ENCODERS: dict[str, Callable[[], XrayEncoder]] = {
    "densenet121": XrayDenseNet,
    "small": SmallXray,
}
"""Chest X-ray encoders by name, with random weights."""

CINE_ENCODERS: dict[str, Callable[[int], CineEncoder]] = {
    "frames-small": frames_small,
    "frames-small-temporal": frames_small_temporal,
    "frames-resnet50": frames_resnet50,
    "volume-small": volume_small,
    "mmcl-resnet50": mmcl_resnet50,
}
"""Encoders of cine MRI by name; each is called with the number of frames."""

__all__ = [
    "CINE_ENCODERS",
    "ENCODERS",
    "XRAY_ENCODERS",
    "CineEncoder",
    "EcgEncoder",
    "XrayEncoder",
    "load_xrv",
]
