"""Formats of vendors and exchange, by the package ``ecgdatakit``, without what it would guess.

The package warns if a file is damaged or incomplete. Here, a warning about the signals is an error;
harmless warnings are listed by format.
"""

import importlib
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from crossbeat.errors import DataError, listed
from crossbeat.leads import among
from crossbeat.readers.ecg.guards import (
    check_hl7,
    check_ishne,
    check_mfer,
    check_scp,
    check_sierra,
    check_xml,
)
from crossbeat.readers.ecg.record import NoLeadError, Record, Signal, assemble
from crossbeat.readers.limits import missing_extra

_NO_SAMPLE = -32768
"""What ISHNE proposes to store where a lead has failed."""

_REPEATED = re.compile(r"_\d+$")
"""What the package adds to the name of a lead that comes again."""


class _Format(NamedTuple):
    module: str
    parser: str
    check: Callable[[Path], None]
    harmless: str
    """Regular expression of warnings that do not concern the leads which are read."""
    layouts: str = "one recording of 16 bits"
    """What is read of the format, for messages."""


_FORMATS = {
    "ge-muse-xml": _Format(
        "ge_muse_xml",
        "GEMuseXMLParser",
        check_xml,
        r"Additional (?!rhythm).* waveform ignored|LeadAmplitudeUnits missing",
    ),
    "philips-sierra-xml": _Format(
        "sierra_xml",
        "SierraXMLParser",
        check_sierra,
        r"[Rr]epresentative beats|<repbeats>|no signal resolution",
        "SierraECG and PhilipsECG of the versions 1.03 to 1.04.02, not compressed or as XLI",
    ),
    "hl7-aecg": _Format(
        "hl7_aecg",
        "HL7aECGParser",
        check_hl7,
        r"representative beat series|sets in the median|sequences ignored|rounded to",
    ),
    "scp-ecg": _Format(
        "scp_ecg",
        "SCPECGParser",
        check_scp,
        r"Section 1 |subtraction zones are truncated, ignored|median beats|"
        r"multiplier is 0|Section 12 ",
        "a rhythm in section 6, all of it at one rate",
    ),
    "ishne": _Format("ishne_holter", "ISHNEHolterParser", check_ishne, r"spec code -9"),
    "mfer": _Format(
        "mfer",
        "MFERParser",
        check_mfer,
        r"invalid (?:birth date|measurement time)",
        "one waveform that is not compressed, in frames without gaps that state their interval",
    ),
    "mortara-xml": _Format(
        "mortara_el250",
        "MortaraEL250Parser",
        check_xml,
        r"TYPICAL_CYCLE",
        "signed samples of 16 bits in Base64, without an offset",
    ),
}
"""Leads without a scale are told apart later, by their empty unit: hence harmless here."""

_NOT_READ = "UnsupportedFormatError"
"""What the package raises of a sound file that it does not read."""

_LAYOUTS = re.compile(
    r"Additional rhythm|only the first is read|non-zero|redefine the channels|"
    r"without a gap|no sampling interval"
)
"""Warnings of sound files, of which the package reads a part or makes a guess."""

_SKIPPED = re.compile(r"sequences ignored in the rhythm series: \[(.*)\]")
"""A warning that has the codes of signals that are left out."""

_HL7 = "MDC_ECG_LEAD_"
"""What the package takes off the names of leads."""


def read_vendor(path: Path, name: str) -> Record:
    """The leads of a file, in their units.

    Args:
        name: its format, as ``identify`` returns it.
    """
    known = _FORMATS[name]
    try:
        module = importlib.import_module(f"ecgdatakit.parsing.parsers.{known.module}")
    except ImportError:
        raise missing_extra(path, f"in the format {name}", "ecgdatakit") from None
    known.check(path)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            parsed = getattr(module, known.parser)().parse(path)
        except Exception as error:  # the package raises whatever its parsing runs into
            if "No ECG lead sequence" in str(error):
                raise _no_sequence(path) from error
            sound = type(error).__name__ == _NOT_READ
            raise _refused(path, name, str(error), sound=sound) from error
    said = [str(warning.message) for warning in told]
    for message in said:
        if not re.search(known.harmless, message):
            raise _refused(path, name, message, sound=_LAYOUTS.search(message) is not None)
    _check_leads(parsed, path)
    skipped = ",".join(_SKIPPED.findall("\n".join(said))).split(",")
    others = [code.strip(" '") for code in skipped if code]
    record = assemble(_signals(parsed, name), path, others)
    return _without_pulse(record) if name == "philips-sierra-xml" else record


def _refused(path: Path, name: str, reason: str, *, sound: bool) -> DataError:
    return DataError(
        f"{path} is of the format {name}, but of a layout that crossbeat does not read: "
        f"{reason[:300]}; it reads {_FORMATS[name].layouts}, export it so"
        if sound
        else f"{path} must be a sound file of the format {name}, but: {reason[:300]}; copy or "
        "export it again"
    )


def _no_sequence(path: Path) -> NoLeadError:
    """The error for an HL7 file none of whose sequences is a lead; it names their codes."""
    found: list[str] = []

    def see(name: str, attributes: dict[str, str], _: str) -> None:
        code = attributes.get("code", "")
        if name == "code" and re.search("LEAD|ELEC", code):
            found.append(code)

    check_xml(path, see)
    return NoLeadError(
        f"{path} must hold leads with codes such as {_HL7}II, got {listed(found) or 'none'}; "
        "export it so",
        names=found,
    )


def _signals(parsed: Any, name: str) -> Iterator[Signal]:
    labels = {lead.label for lead in parsed.leads}
    for lead, rate in zip(parsed.leads, _rates(parsed), strict=True):
        first = _REPEATED.sub("", lead.label)
        values = np.asarray(lead.samples)
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = (values * lead.resolution + lead.offset).astype(np.float32)
        if name == "ishne":
            scaled[values == _NO_SAMPLE] = np.nan
        sound = np.isfinite([lead.resolution, lead.offset]).all() and lead.resolution != 0
        stated = sound and lead.adc_resolution != 0  # as the file has it; 0 where it has none
        yield Signal(
            _name(first if first in labels else lead.label, name),
            scaled,
            lead.resolution_unit if stated else "",
            rate,
        )


def _name(label: str, name: str) -> str:
    """The name of a lead as its file has it, as far as the package tells: in HL7 dI is not DI."""
    return label if name != "hl7-aecg" or label in among([label]).values() else f"{_HL7}{label}"


def _rates(parsed: Any) -> list[float]:
    """Hertz of each lead, as exactly as the file says it: the package rounds to whole numbers."""
    said = parsed.raw_metadata
    rounded = [float(lead.sampling_rate) for lead in parsed.leads]
    if "sampling_rates" in said:  # MFER
        return [round(float(rate), 6) for rate in said["sampling_rates"]]
    if "rhythm_sample_interval_us" in said:  # SCP-ECG
        return [round(1e6 / said["rhythm_sample_interval_us"], 6)] * len(rounded)
    if "sampling_rate_exact" in said.get("rhythm_time", {}):  # HL7
        return [round(said["rhythm_time"]["sampling_rate_exact"], 6)] * len(rounded)
    return rounded


def _check_leads(parsed: Any, path: Path) -> None:
    starts = {lead.annotations.get("start_sample", "1") for lead in parsed.leads}
    late = [lead.label for lead in parsed.leads if "LeadTimeOffset" in lead.annotations]
    if len(starts) > 1 or late:
        raise DataError(
            f"{path}: all leads must begin at the same time, got {' and '.join(sorted(starts))} as "
            f"their first samples and {', '.join(late) or 'none'} late; export them together"
        )


def _without_pulse(record: Record) -> Record:
    """The record without the calibration pulse that ends it: samples which all leads share."""
    values = record.values
    differ = np.flatnonzero((values != values[:1]).any(axis=0))
    end = int(differ[-1]) + 1 if differ.size else values.shape[1]
    if not values[:, end:].any():
        return record
    return replace(record, values=np.ascontiguousarray(values[:, :end]))
