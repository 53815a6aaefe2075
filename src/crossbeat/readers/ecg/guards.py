"""Checks of an XML file before a parser builds a tree of it."""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable
from functools import partial
from pathlib import Path
from xml.parsers import expat

import numpy as np

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers.ecg.units import MILLIVOLTS
from crossbeat.readers.limits import MOST_CHANNELS, MOST_PARSED_BYTES, read_bounded

DEEPEST = 64
"""Elements within elements; the formats need about a dozen."""

MOST_MARKUP = 200_000
"""Tags, and attributes; the formats need a few thousand."""

MOST_UNPACKED = 2**22
"""Bytes of packed samples after unpacking: 174,000 samples of each of 12 leads."""

_END = 1023
"""The code after which an LZW stream of 10 bits ends."""

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")

Seen = Callable[[str, dict[str, str], str], object]
"""Takes the local name, the attributes and the own text of an element that ends."""


def check_xml(path: Path, seen: Seen = lambda *_: None) -> None:
    """Check that an XML file is well-formed, of bounded size and without entities of its own.

    Args:
        path: the file.
        seen: is called with each element.

    Raises:
        DataError: it is not.
    """
    data = read_bounded(path, MOST_PARSED_BYTES)
    if max(data.count(b"<"), data.count(b"=")) > MOST_MARKUP:
        raise DataError(
            f"{path} must have at most {MOST_MARKUP:,} tags and attributes, got more; "
            "export a single ECG"
        )
    try:
        _walk(path, data, seen)
    except (expat.ExpatError, ValueError, LookupError) as error:
        try:  # as the parsers do where an encoding is not declared
            _walk(path, _DECLARATION.sub("", data.decode("latin-1"), count=1), seen)
        except (expat.ExpatError, ValueError):
            raise DataError(
                f"{path} must be well-formed XML, but: {error}; copy or export it again"
            ) from None


def _walk(path: Path, text: bytes | str, seen: Seen) -> None:
    parser = expat.ParserCreate()
    walk = _Walk(path, seen)
    parser.buffer_text = True
    parser.StartElementHandler = walk.start
    parser.EndElementHandler = walk.end
    parser.CharacterDataHandler = walk.write
    parser.EntityDeclHandler = walk.refuse
    parser.Parse(text, True)


class _Walk:
    """The open elements, as a parser reports them."""

    def __init__(self, path: Path, seen: Seen) -> None:
        self.path = path
        self.seen = seen
        self.within: list[tuple[str, dict[str, str], list[str]]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.within) == DEEPEST:
            raise DataError(
                f"{self.path} must have at most {DEEPEST} elements within each other, got more; "
                "export it again"
            )
        self.within.append((name.rpartition(":")[2], attributes, []))

    def end(self, _: str) -> None:
        name, attributes, own = self.within.pop()
        self.seen(name, attributes, "".join(own))

    def write(self, own: str) -> None:
        self.within[-1][2].append(own)

    def refuse(self, name: str, *_: object) -> None:
        raise DataError(
            f"{self.path} must declare no entities, got {name[:80]!r}; such XML can take all "
            "memory or read other files, export it again"
        )


def check_hl7(path: Path) -> None:
    """Check an HL7 file; the zero of a lead has a unit of voltage, or is 0.

    Raises:
        DataError: it is not well-formed, or the unit is another one.
    """

    def see(name: str, attributes: dict[str, str], _: str) -> None:
        value, unit = attributes.get("value", ""), attributes.get("unit", "")
        if name == "origin" and _number(value) and unit.strip().lower() not in MILLIVOLTS:
            raise DataError(
                f"{path}: the origin of a lead must be in mV, uV or V, got {value[:20]} "
                f"{unit[:20] or 'without a unit'}; export it again"
            )

    check_xml(path, see)


def check_sierra(path: Path) -> None:
    """Check what a Philips Sierra file claims of its channels and samples.

    Raises:
        DataError: it claims too much, holds more samples than it says, or is packed in an order
            of leads that the package would not unpack.
    """
    claims: dict[str, str] = {}
    check_xml(path, partial(_check_claims, path, claims))
    leads, num = _claimed(claims)
    held = int(claims.get("held", "0"))
    if num and held > leads * num:
        raise DataError(
            f"{path} must hold {num:,} samples of each of {leads} leads, as it says, got {held:,} "
            "in all; where a lead begins is not sure, export it again"
        )


def _check_claims(
    path: Path, claims: dict[str, str], name: str, attributes: dict[str, str], text: str
) -> None:
    if name in {"samplingrate", "numberchannelsallocated", "numberchannelsvalid"}:
        claims[name] = text
    if name in {"numberchannelsallocated", "numberchannelsvalid"} and not _few(text):
        raise DataError(
            f"{path}: {name} must be a number up to {MOST_CHANNELS}, got {text[:80]!r}; "
            "export it again"
        )
    if name != "parsedwaveforms":
        return
    if "XLI" in map(str.upper, attributes.values()):
        labels = attributes.get("leadlabels", "").split()
        if labels and [label.lower() for label in labels[:6]] != _LIMB:
            raise DataError(
                f"{path}: leads that are packed as XLI must begin with {', '.join(STANDARD[:6])}, "
                f"got {', '.join(labels)[:200]}; export it without compression"
            )
        _check_packed(path, text)
    else:
        plain = attributes.get("dataencoding") == "Plain"
        held = len(text.split()) if plain else len("".join(text.split()).rstrip("=")) * 3 // 8
        claims.update(attributes, held=str(held))


def _claimed(claims: dict[str, str]) -> tuple[int, int]:
    """Leads, and samples of each; 0 where the file does not say it."""
    leads = len(claims.get("leadlabels", "").split())
    stated = int(_number(claims.get("numberofleads", "")))
    if not leads:
        leads = int(_number(claims.get("numberchannelsallocated", "")))
    elif 0 < stated < leads:
        leads = stated
    rate = _number(claims.get("samplespersecond", "")) or _number(claims.get("samplingrate", ""))
    return leads, round(_number(claims.get("durationperchannel", "")) * rate / 1000)


def _number(text: str) -> float:
    """A number; 0 if the text is none."""
    try:
        value = float(text or 0)
    except ValueError:
        return 0.0
    return value if abs(value) < _ABSURD else 0.0


_ABSURD = 1e12
"""No rate, duration, count or voltage is as large."""

_LIMB = [lead.lower() for lead in STANDARD[:6]]
"""The order in which the package rebuilds limb leads; in another it would not."""


def _few(text: str) -> bool:
    try:
        return 0 <= float(text or 0) <= MOST_CHANNELS
    except ValueError:
        return False


def _check_packed(path: Path, text: str) -> None:
    try:
        data = b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError(
            f"{path}: the samples must be Base64, but: {error}; copy it again"
        ) from None
    unpacked, start = 0, 0
    while start + 8 <= len(data):  # a chunk for each lead: its size, 4 more bytes, LZW codes
        size = int.from_bytes(data[start : start + 4], "little")
        unpacked += _unpacked(data[start + 8 : start + 8 + size], MOST_UNPACKED - unpacked)
        if unpacked > MOST_UNPACKED:
            raise DataError(
                f"{path} must hold at most {MOST_UNPACKED:,} bytes of samples, got more after "
                "unpacking; export a single ECG"
            )
        start += 8 + size


def _unpacked(chunk: bytes, most: int) -> int:
    """Bytes that LZW codes of 10 bits unpack to, as far as ``most``."""
    bits = np.unpackbits(np.frombuffer(chunk, np.uint8))
    codes = bits[: bits.size // 10 * 10].reshape(-1, 10) @ (1 << np.arange(9, -1, -1))
    lengths = [1] * 256 + [0] * 768
    total = last = 0
    following = 256
    for code in codes.tolist():
        if code == _END:
            break
        now = lengths[code] = lengths[code] or last + 1
        if last and following < _END:
            lengths[following] = last + 1
            following += 1
        last = now
        total += now
        if total > most:
            break
    return total
