"""GE CardioSoft XML, as UK Biobank has its resting ECGs (field 20205: 10 s at 500 Hz)."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from crossbeat.errors import DataError
from crossbeat.readers.ecg.guards import check_xml, undeclared
from crossbeat.readers.ecg.record import Record, Signal, assemble
from crossbeat.readers.limits import MOST_CHANNELS, MOST_PARSED_BYTES, read_bounded

_SAMPLES = re.compile(r"[-+\d,\s]*", re.ASCII)


def read_cardiosoft(path: Path) -> Record:
    """The rhythm strip of a file, in microvolts; mean beats and full disclosure are passed over."""
    check_xml(path)
    data = read_bounded(path, MOST_PARSED_BYTES)
    try:
        tree = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError):  # as check_xml reads it then
        tree = ElementTree.fromstring(undeclared(data))
    strips = list(tree.iter("StripData"))
    if len(strips) != 1:
        raise DataError(
            f"{path} must hold one rhythm strip (StripData), got {len(strips)}; a resting ECG has "
            "one, is this an exercise test?"
        )
    waves = strips[0].findall("WaveformData")
    if len(waves) > MOST_CHANNELS:
        raise DataError(
            f"{path} must hold at most {MOST_CHANNELS} leads, got {len(waves)}; export it again"
        )
    return assemble(_signals(strips[0], waves, path), path)


def _signals(
    strip: ElementTree.Element, waves: list[ElementTree.Element], path: Path
) -> Iterator[Signal]:
    fs, rate_unit = _measure(strip, "SampleRate", path)
    step, step_unit = _measure(strip, "Resolution", path)
    if rate_unit.lower() != "hz":
        raise DataError(
            f"{path}: the unit of the rate must be Hz, got {rate_unit[:20] or 'none'}; "
            "export it again"
        )
    stated = strip.findtext("ChannelSampleCountTotal")
    scaled = step and step_unit.lower() == "uvperlsb"
    unit = "uV" if scaled else f"{step:g} {step_unit[:20]}" if step_unit else ""
    for wave in waves:
        samples = _samples(wave, path)
        if stated is not None and stated.strip() != str(samples.size):
            raise DataError(
                f"{path} must hold {stated.strip()[:20]} samples of each lead, got {samples.size} "
                f"of {wave.get('lead', 'one without a name')[:20]}; copy or export it again"
            )
        with np.errstate(over="ignore"):
            values = samples.astype(np.float32) * np.float32(step)
        yield Signal(wave.get("lead", ""), values, unit, fs)


def _measure(strip: ElementTree.Element, name: str, path: Path) -> tuple[float, str]:
    """A number and its unit."""
    found = strip.find(name)
    text = "" if found is None else (found.text or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if found is None or not np.isfinite(value):
        raise DataError(
            f"{path}: {name} must be a number, got {text[:20] or 'none'}; export it again"
        )
    return value, found.get("units", "").strip()


def _samples(wave: ElementTree.Element, path: Path) -> np.ndarray:
    text = (wave.text or "").strip().removesuffix(",")
    try:
        if not _SAMPLES.fullmatch(text):
            raise ValueError("other characters than digits, signs and commas")
        return np.array([int(part) for part in text.split(",")] if text else [], dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise DataError(
            f"{path}: samples must be whole numbers between commas, but: {str(error)[:100]}; copy "
            "or export it again"
        ) from None
