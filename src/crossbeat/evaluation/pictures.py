"""Pictures that stand inside a page: the bytes are part of it, nothing is fetched."""

import base64
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image


@dataclass(frozen=True)
class Picture:
    """A picture with what a reader needs to understand it.

    Args:
        source: a data URI.
        title: a few words.
        caption: what to see in it.
        alt: what it shows, for those who cannot see it.
        wide: keeps its width on a narrow screen, where it scrolls sideways.

    Raises:
        ValueError: the source is not an image as a data URI.
    """

    source: str
    title: str
    caption: str
    alt: str
    wide: bool = False

    def __post_init__(self) -> None:
        if not self.source.startswith("data:image/"):
            raise ValueError(f"a picture's source must be a data URI, got {self.source[:40]!r}")


def data_uri(content: bytes, media_type: str) -> str:
    """The content as an address that needs no request.

    Args:
        content: of the picture's file.
        media_type: such as ``image/png``.
    """
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def xray(image: UInt8[np.ndarray, "height width"], *, title: str, caption: str) -> Picture:
    """A chest X-ray as a picture.

    Args:
        image: grey values, 0 black to 255 white.
        title: such as its findings.
        caption: such as where it comes from.
    """
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    alt = f"Chest X-ray: {title}"
    return Picture(data_uri(file.getvalue(), "image/png"), title, caption, alt)
