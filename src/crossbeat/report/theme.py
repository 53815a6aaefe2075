"""One look for all figures: colours that colour-blind readers can tell apart, light and dark.

Source: Okabe and Ito 2008, colour universal design (the palette).
"""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO

from crossbeat.errors import ConfigError
from crossbeat.evaluation.names import TEACHERS

try:
    from matplotlib import rc_context
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ImportError as error:
    raise ConfigError(
        "figures need matplotlib, got no such package; pip install 'crossbeat[plots]'"
    ) from error

INK, MUTED, RULE, SURFACE = "#1d2329", "#5c6670", "#d3d9df", "#fefefe"
METHOD, BASELINE, TEACHER = "#0072b2", "#d55e00", "#009e73"
OTHERS = ("#cc79a7", "#8a8f96", "#b38600", "#3d9fd3", "#7a5cc0", "#99622e")

_DARK = {
    INK: "#e7ebef",
    MUTED: "#a3adb7",
    RULE: "#3a434c",
    SURFACE: "#161b20",
    METHOD: "#4ba8e3",
    BASELINE: "#f08439",
    TEACHER: "#2cc295",
}
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

styled = rc_context(
    {
        "axes.edgecolor": MUTED,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.labelcolor": MUTED,
        "axes.labelsize": 9.5,
        "axes.linewidth": 0.8,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "font.size": 10,
        "grid.color": RULE,
        "grid.linewidth": 0.7,
        "legend.fontsize": 9,
        "legend.frameon": False,
        "legend.labelcolor": INK,
        "lines.linewidth": 1.8,
        "text.color": INK,
        "xtick.color": MUTED,
        "xtick.labelsize": 9,
        "xtick.major.size": 0,
        "ytick.color": MUTED,
        "ytick.labelsize": 9,
        "ytick.major.size": 0,
    }
)
"""Decorates a function that draws, so that its figure has the look."""


@dataclass(frozen=True)
class Picture:
    """A picture that stands inside a page, with what a reader needs to understand it.

    Args:
        source: a data URI: the bytes are part of the page, nothing is fetched.
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
    """The content as an address that needs no request."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def colours(models: Iterable[str], *, method: str, baseline: str) -> dict[str, str]:
    """The colour of each model, the same in every figure of a study."""
    fixed = dict.fromkeys(TEACHERS, TEACHER) | {baseline: BASELINE, method: METHOD}
    rest = [model for model in models if model not in fixed]
    return fixed | {model: OTHERS[at % len(OTHERS)] for at, model in enumerate(rest)}


def new_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure with one plot, so many inches wide and high."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def svg(figure: Figure) -> str:
    """The figure as SVG that follows the reader's light or dark setting."""
    file = BytesIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "crossbeat"}):
        figure.savefig(file, format="svg", dpi=150, metadata={"Date": None, "Creator": None})
    text = file.getvalue().decode("utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Coordinates to a hundredth of a point; text between tags stays.
    text = re.sub(r"<[^>]+>", lambda tag: re.sub(r"(\d\.\d\d)\d+", r"\1", tag[0]), text)
    text = re.sub(r"'DejaVu Sans'(, [^;\"]*)?", _FONT, text)
    light, dark = [], []
    for at, (colour, in_dark) in enumerate(_DARK.items()):
        text = text.replace(colour, f"var(--c{at})")
        light.append(f"--c{at}:{colour}")
        dark.append(f"--c{at}:{in_dark}")
    style = (
        f"<style>:root{{{';'.join(light)}}}"
        f"@media (prefers-color-scheme:dark){{:root{{{';'.join(dark)}}}}}"
        f"@media print{{:root{{{';'.join(light)}}}}}</style>"
    )
    start = text.index(">", text.index("<svg")) + 1
    return text[:start] + style + text[start:]


def picture(figure: Figure, *, title: str, caption: str, alt: str, wide: bool = False) -> Picture:
    """The figure as a picture for the report."""
    source = data_uri(svg(figure).encode("utf-8"), "image/svg+xml")
    return Picture(source, title, caption, alt, wide)
