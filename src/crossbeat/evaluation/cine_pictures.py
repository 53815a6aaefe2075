"""A beating heart as an animated picture that stands inside a page."""

from io import BytesIO

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from crossbeat.evaluation.pictures import Picture, data_uri

MOST_BYTES = 300_000
"""The largest animation that a page takes."""

_FASTEST = 0.03
"""Seconds that a frame is shown at least: viewers slow down what is much faster."""

_GREYS = (64, 32, 16, 8)
_ENLARGED = 2
_STRIP = 44  # pixels of the ECG below the heart
_BEFORE = 0.2  # of the beat is drawn before its R peak
_MARGIN = 6
_FINER = 4
_PAPER, _TRACE = 16, 205
_CURSOR, _DOT = (92, 102, 112), (75, 168, 227)

Frames = UInt8[np.ndarray, "frame height width"]


def beating(
    cine: Frames,
    *,
    seconds: float,
    beat: Float[np.ndarray, " time"] | None = None,
    title: str,
    caption: str,
) -> Picture:
    """A cine as a picture that beats for ever, with the ECG of the beat below it.

    Args:
        cine: one beat, frame 0 at the R peak; 0 black to 255 white.
        seconds: the length of the beat.
        beat: the signal from one R peak to the next, in any unit; a cursor runs along it.
        title: such as the patient.
        caption: what to see in it.

    Raises:
        ValueError: there is no frame, no time, or too much picture for ``MOST_BYTES``.
    """
    content = cine_gif(cine, seconds=seconds, beat=beat)
    alt = f"Beating heart in cine MRI: {title}"
    return Picture(data_uri(content, "image/gif"), title, caption, alt)


def cine_gif(
    cine: Frames, *, seconds: float, beat: Float[np.ndarray, " time"] | None = None
) -> bytes:
    """The same as a GIF: as many grey levels as ``MOST_BYTES`` leaves room for.

    Args:
        cine: one beat, frame 0 at the R peak; 0 black to 255 white.
        seconds: the length of the beat.
        beat: the signal from one R peak to the next, in any unit.

    Raises:
        ValueError: there is no frame, no time, or too much picture for ``MOST_BYTES``.
    """
    if not cine.size or seconds <= 0:
        raise ValueError(f"a beat needs frames and seconds, got {cine.shape} and {seconds}")
    number = max(1, min(len(cine), int(seconds / _FASTEST)))
    shown = np.arange(number) * len(cine) // number
    pictures = [_enlarged(cine[frame]) for frame in shown]
    if beat is not None:
        strip, heights = _strip(beat, pictures[0].shape[1])
        pictures = [np.concatenate([each, strip]) for each in pictures]
    for greys in _GREYS:
        frames = [_with_palette(each, greys) for each in pictures]
        if beat is not None:
            for frame, phase in zip(frames, shown / len(cine), strict=True):
                at = (phase + _BEFORE) % 1
                _point(frame, round(at * (frame.width - 1)), heights, greys)
        content = _animated(frames, seconds)
        if len(content) <= MOST_BYTES:
            return content
    raise ValueError(
        f"a page takes {MOST_BYTES} bytes, got {len(content)} for {number} frames of "
        f"{cine.shape[2]} x {cine.shape[1]} pixels; cut out the heart"
    )


def _enlarged(frame: UInt8[np.ndarray, "height width"]) -> UInt8[np.ndarray, "tall wide"]:
    height, width = frame.shape
    size = (width * _ENLARGED, height * _ENLARGED)
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC))


def _strip(
    beat: Float[np.ndarray, " time"], width: int
) -> tuple[UInt8[np.ndarray, "tall wide"], Float[np.ndarray, " wide"]]:
    """The beat as a light line on dark paper, and its height at every pixel from the top."""
    phase = (np.arange(width) / (width - 1) - _BEFORE) % 1
    signal = np.interp(phase * (len(beat) - 1), np.arange(len(beat)), beat)
    spread = float(np.ptp(signal)) or 1.0
    heights = _MARGIN + (signal.max() - signal) / spread * (_STRIP - 2 * _MARGIN)
    finer = Image.new("L", (width * _FINER, _STRIP * _FINER), _PAPER)
    points = [((x + 0.5) * _FINER, float(y) * _FINER) for x, y in enumerate(heights)]
    ImageDraw.Draw(finer).line(points, fill=_TRACE, width=round(1.5 * _FINER), joint="curve")
    return np.asarray(finer.resize((width, _STRIP), Image.Resampling.LANCZOS)), heights


def _with_palette(grey: UInt8[np.ndarray, "tall wide"], greys: int) -> Image.Image:
    """An image of so many greys, then the two colours of the cursor."""
    image = Image.fromarray(np.round(grey / 255 * (greys - 1)).astype(np.uint8))
    ramp = np.linspace(0, 255, greys).round().astype(int).repeat(3).tolist()
    image.putpalette([*ramp, *_CURSOR, *_DOT])
    return image


def _point(image: Image.Image, x: int, heights: Float[np.ndarray, " wide"], greys: int) -> None:
    """A line across the strip, and a dot where it meets the signal."""
    top = image.height - _STRIP
    y = top + round(float(heights[x]))
    draw = ImageDraw.Draw(image)
    draw.line([(x, top), (x, image.height)], fill=greys)
    draw.ellipse([(x - 3, y - 3), (x + 3, y + 3)], fill=greys + 1)


def _animated(frames: list[Image.Image], seconds: float) -> bytes:
    """A GIF that loops; its times are in hundredths of a second, right in sum."""
    ends = np.round(np.arange(len(frames) + 1) / len(frames) * seconds * 100) * 10
    file = BytesIO()
    frames[0].save(
        file,
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=np.diff(ends).astype(int).tolist(),
        loop=0,
    )
    return file.getvalue()
