"""Checks of what a file claims, before a parser of the package ``ecgdatakit`` believes it.

Sources: Badilini 1998 (doi:10.1111/j.1542-474X.1998.tb00353.x), ISHNE;
EN 1064, SCP-ECG; MFER part 1 (ISO 22077-1).
"""

import binascii
import re
import struct
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from xml.parsers import expat

import numpy as np

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers.ecg.record import MILLIVOLTS
from crossbeat.readers.limits import MOST_BYTES, MOST_CHANNELS, MOST_PARSED_BYTES, read_bounded

DEEPEST = 64
"""Elements within elements; the formats need about a dozen."""

MOST_MARKUP = 200_000
"""Tags, and attributes; the formats need a few thousand."""

MOST_UNPACKED = 2**22
"""Bytes of packed samples after unpacking: 174,000 samples of each of 12 leads."""

_END = 1023  # the code after which an LZW stream of 10 bits ends
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")

MOST_STEPS = 100_000
"""Definitions and parts of channels of an MFER file: each is a step of its parser."""

MOST_SCP_BYTES = 2**20
"""Of an SCP-ECG file, which is decoded bit by bit: 40 s of 12 leads at 1000 Hz, not compressed."""

MOST_BEATS = 100_000
"""Reference beats to be added back into all leads of an SCP-ECG file."""

_CHARACTERS = re.compile(
    rb"(?:ascii|ansi|cp|euc|iso|jis|latin|rfc|shift|sjis|unicode|us|utf|windows)", re.IGNORECASE
)
"""How the names of character sets that an MFER file may ask for begin."""

_BYTE_ORDER, _CHARACTER_SET, _CHANNELS = 0x01, 0x03, 0x05
_WAVE, _ATTRIBUTES, _SET, _MFER_END = 0x1E, 0x3F, 0x67, 0x80
_CONTAINERS = {_ATTRIBUTES, _SET}

Seen = Callable[[str, dict[str, str], str], object]
"""Takes the local name, the attributes and the own text of an element that ends."""


def check_xml(path: Path, seen: Seen = lambda *_: None) -> None:
    """Raise ``DataError`` unless XML is well-formed, of bounded size and without own entities."""
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
            _walk(path, undeclared(data), seen)
        except (expat.ExpatError, ValueError):
            raise DataError(
                f"{path} must be well-formed XML, but: {error}; copy or export it again"
            ) from None


def undeclared(data: bytes) -> str:
    """XML of an unknown encoding as Latin-1, without its declaration."""
    return _DECLARATION.sub("", data.decode("latin-1"), count=1)


def _walk(path: Path, text: bytes | str, seen: Seen) -> None:
    within: list[tuple[str, dict[str, str], list[str]]] = []  # the elements that are open

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(within) == DEEPEST:
            raise DataError(
                f"{path} must have at most {DEEPEST} elements within each other, got more; "
                "export it again"
            )
        within.append((name.rpartition(":")[2], attributes, []))

    def end(_: str) -> None:
        name, attributes, own = within.pop()
        seen(name, attributes, "".join(own))

    def write(own: str) -> None:
        within[-1][2].append(own)

    def refuse(name: str, *_: object) -> None:
        raise DataError(
            f"{path} must declare no entities, got {name[:80]!r}; such XML can take all "
            "memory or read other files, export it again"
        )

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.EntityDeclHandler = write, refuse
    parser.Parse(text, True)


def check_hl7(path: Path) -> None:
    """Raise ``DataError`` if HL7 is ill-formed, or a zero of a lead is in no unit of voltage."""

    def see(name: str, attributes: dict[str, str], _: str) -> None:
        value, unit = attributes.get("value", ""), attributes.get("unit", "")
        if name == "origin" and _number(value) and unit.strip().lower() not in MILLIVOLTS:
            raise DataError(
                f"{path}: the origin of a lead must be in mV, uV or V, got {value[:20]} "
                f"{unit[:20] or 'without a unit'}; export it again"
            )

    check_xml(path, see)


def check_sierra(path: Path) -> None:
    """Raise ``DataError`` if a Philips Sierra file claims too much of its channels and samples.

    Also if it holds more samples than it says, or is packed in an order of leads that the package
    would not unpack.
    """
    claims: dict[str, str] = {}
    check_xml(path, partial(_check_claims, path, claims))
    leads = len(claims.get("leadlabels", "").split())
    stated = int(_number(claims.get("numberofleads", "")))
    if not leads:
        leads = int(_number(claims.get("numberchannelsallocated", "")))
    elif 0 < stated < leads:
        leads = stated
    rate = _number(claims.get("samplespersecond", "")) or _number(claims.get("samplingrate", ""))
    num = round(_number(claims.get("durationperchannel", "")) * rate / 1000)
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
    if name in {"numberchannelsallocated", "numberchannelsvalid"}:
        with suppress(ValueError):
            if 0 <= float(text or 0) <= MOST_CHANNELS:
                return
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


def _number(text: str) -> float:
    """A number; 0 if the text is none, or larger than any rate, duration, count or voltage."""
    try:
        value = float(text or 0)
    except ValueError:
        return 0.0
    return value if abs(value) < 1e12 else 0.0


_LIMB = [lead.lower() for lead in STANDARD[:6]]
"""The order in which the package rebuilds limb leads; in another it would not."""


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


def check_ishne(path: Path) -> None:
    """Raise ``DataError`` if an ISHNE file has other samples than its header counts."""
    data = read_bounded(path, MOST_BYTES)
    try:
        comments, stated = struct.unpack_from("<2i", data, 10)
        (leads,) = struct.unpack_from("<h", data, 156)
    except struct.error:
        raise DataError(
            f"{path} must have an ISHNE header of 522 bytes, got {len(data)}; copy it again"
        ) from None
    held = (len(data) - 522 - comments) / 2
    if not 0 < leads <= 12 or stated not in {held, held / leads}:  # writers count either
        raise DataError(
            f"{path} must have 1 to 12 leads and {stated:,} samples according to its ISHNE header, "
            f"got {leads} leads and {held:,.1f} samples; it is damaged, copy it again"
        )


def check_scp(path: Path) -> None:
    """Raise ``DataError`` if SCP-ECG claims more samples or beats than its size allows."""
    data = read_bounded(path, MOST_SCP_BYTES)
    leads = beats = milliseconds = longest = 0
    interval = 1
    try:
        for number, body in _scp_sections(data):
            if number == 3:
                leads = max(leads, body[0] if body else 0)
                spans = [struct.unpack_from("<2I", body, 2 + 9 * lead) for lead in range(leads)]
                longest = max([longest, *(last - first + 1 for first, last in spans)])
            elif number == 4:
                milliseconds, _, beats = struct.unpack_from("<3H", body)
            elif number == 5:
                (interval,) = struct.unpack_from("<H", body, 2)
    except struct.error as error:
        raise DataError(f"{path} must be whole, but: {error}; copy it again") from None
    longest = max(longest, milliseconds * 1000 // max(interval, 1))
    most = 8 * len(data)  # a sample takes one bit at least
    if longest > most or leads * beats > MOST_BEATS:
        raise DataError(
            f"{path} must have at most {most:,} samples in a lead, as its size allows, and "
            f"{MOST_BEATS:,} beats in all leads, got {longest:,} and {leads * beats:,}; it is "
            "damaged, copy it again"
        )


def _scp_sections(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and body of each section that the pointers of section 0 name."""
    (pointers,) = struct.unpack_from("<I", data, 10)
    for start in range(22, min(6 + pointers, len(data)) - 9, 10):
        number, length, place = struct.unpack_from("<HII", data, start)
        if number in {3, 4, 5} and length and place:
            yield number, data[place + 15 : place - 1 + length]


def check_mfer(path: Path) -> None:
    """Raise ``DataError`` unless MFER has few channels, and few definitions that are whole."""
    data = read_bounded(path, MOST_PARSED_BYTES)
    order, channels, steps = "big", 1, 0
    for tag, value in mfer_definitions(path, data):
        steps += channels if tag == _WAVE else 1
        if steps > MOST_STEPS:
            raise DataError(
                f"{path} must have at most {MOST_STEPS:,} definitions and parts of channels, got "
                "more; export a single ECG"
            )
        if tag == _BYTE_ORDER:
            order = "little" if value[:1] == b"\x01" else "big"
        if tag == _CHANNELS:
            channels = int.from_bytes(value, order)  # type: ignore[arg-type]
        if channels > MOST_CHANNELS:
            raise DataError(
                f"{path} must have at most {MOST_CHANNELS} channels, got {channels:,}; it is "
                "damaged, copy it again"
            )
        if tag == _CHARACTER_SET and value and not _CHARACTERS.match(value):
            raise DataError(
                f"{path} must name a known character set, got {value[:80]!r}; export it again"
            )


def mfer_definitions(path: Path, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and value of each MFER definition; of one that holds others, those alone."""
    ends: list[int | None] = []  # of the definitions that hold others; None: it ends with 0 0
    start = 0
    while start < len(data):
        if ends and ends[-1] == start:
            ends.pop()
        elif data[start] == 0:
            closes = bool(ends) and ends[-1] is None and data[start : start + 2] == bytes(2)
            if closes:
                ends.pop()
            start += 1 + closes
        elif data[start] == _MFER_END and not ends:
            return
        else:
            tag = data[start]
            start, end = _mfer_value(path, data, start)
            room = [limit for limit in ends if limit is not None]
            if len(ends) > 4 or (end is not None and any(end > limit for limit in room)):
                raise DataError(
                    f"{path} must nest MFER definitions within each other, at most 4; it is "
                    "damaged, copy it again"
                )
            if tag in _CONTAINERS:
                ends.append(end)
            else:
                yield tag, data[start:end]
                start = end or len(data)


def _mfer_value(path: Path, data: bytes, start: int) -> tuple[int, int | None]:
    """Where the value of a definition starts and ends; no end: it ends with 0 0."""
    tag = data[start]
    start += 1
    while tag == _ATTRIBUTES and data[start : start + 1] >= b"\x80":  # the number of a channel
        start += 1
    start += tag == _ATTRIBUTES
    length = data[start] if start < len(data) else len(data)
    start += 1
    if length == 0x80 and tag in _CONTAINERS:
        return start, None
    if 0x80 <= length <= 0x84:
        num = length - 0x80
        length = int.from_bytes(data[start : start + num], "big")
        start += num
    if start + length > len(data):
        raise DataError(
            f"{path}: the MFER definition {tag:#04x} must be whole, got "
            f"{max(len(data) - start, 0):,} of {length:,} bytes; it is damaged, copy it again"
        )
    return start, start + length
