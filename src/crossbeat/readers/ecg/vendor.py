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
from typing import Any

import numpy as np

from crossbeat.errors import DataError, listed
from crossbeat.leads import among
from crossbeat.readers.ecg import guards
from crossbeat.readers.ecg.record import NoLeadError, Record, Signal, assemble
from crossbeat.readers.limits import missing_extra

_NO_SAMPLE = -32768  # what ISHNE proposes to store where a lead has failed
_REPEATED = re.compile(r"_\d+$")  # what the package adds to the name of a lead that comes again


_PARSERS: dict[str, tuple[str, str, Callable[[Path], None]]] = {
    "ge-muse-xml": ("ge_muse_xml", "GEMuseXMLParser", guards.check_xml),
    "philips-sierra-xml": ("sierra_xml", "SierraXMLParser", guards.check_sierra),
    "hl7-aecg": ("hl7_aecg", "HL7aECGParser", guards.check_hl7),
    "scp-ecg": ("scp_ecg", "SCPECGParser", guards.check_scp),
    "ishne": ("ishne_holter", "ISHNEHolterParser", guards.check_ishne),
    "mfer": ("mfer", "MFERParser", guards.check_mfer),
    "mortara-xml": ("mortara_el250", "MortaraEL250Parser", guards.check_xml),
}
"""Module and class of the package, and what is checked before."""

_HARMLESS = {
    "ge-muse-xml": r"Additional (?!rhythm).* waveform ignored|LeadAmplitudeUnits missing",
    "philips-sierra-xml": r"[Rr]epresentative beats|<repbeats>|no signal resolution",
    "hl7-aecg": r"representative beat series|sets in the median|sequences ignored|rounded to",
    "scp-ecg": r"Section 1 |subtraction zones are truncated, ignored|median beats|"
    r"multiplier is 0|Section 12 ",
    "ishne": r"spec code -9",
    "mfer": r"invalid (?:birth date|measurement time)",
    "mortara-xml": r"TYPICAL_CYCLE",
}
"""Regular expressions of warnings that do not concern the leads which are read. Leads without a
scale are told apart later, by their empty unit: hence harmless here."""

_READ = {
    "philips-sierra-xml": "SierraECG and PhilipsECG of the versions 1.03 to 1.04.02, not "
    "compressed or as XLI",
    "scp-ecg": "a rhythm in section 6, all of it at one rate",
    "mfer": "one waveform that is not compressed, in frames without gaps that state their interval",
    "mortara-xml": "signed samples of 16 bits in Base64, without an offset",
}
"""What is read of a format, for messages, if it is not one recording of 16 bits."""

_LAYOUTS = re.compile(
    r"Additional rhythm|only the first is read|non-zero|redefine the channels|"
    r"without a gap|no sampling interval"
)
"""Warnings of sound files, of which the package reads a part or makes a guess."""

_SKIPPED = re.compile(r"sequences ignored in the rhythm series: \[(.*)\]")
"""A warning that has the codes of signals that are left out."""

_HL7 = "MDC_ECG_LEAD_"  # what the package takes off the names of leads


def read_vendor(path: Path, name: str) -> Record:
    """The leads of a file of the format ``name``, in their units."""
    module_name, parser, check = _PARSERS[name]
    try:
        module = importlib.import_module(f"ecgdatakit.parsing.parsers.{module_name}")
    except ImportError:
        raise missing_extra(path, f"in the format {name}", "ecgdatakit") from None
    check(path)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            parsed = getattr(module, parser)().parse(path)
        except Exception as error:  # the package raises whatever its parsing runs into
            if "No ECG lead sequence" in str(error):
                raise _no_sequence(path) from error
            sound = type(error).__name__ == "UnsupportedFormatError"
            raise _refused(path, name, str(error), sound=sound) from error
    said = [str(warning.message) for warning in told]
    for message in said:
        if not re.search(_HARMLESS[name], message):
            raise _refused(path, name, message, sound=_LAYOUTS.search(message) is not None)
    _check_leads(parsed, path)
    skipped = ",".join(_SKIPPED.findall("\n".join(said))).split(",")
    others = [code.strip(" '") for code in skipped if code]
    record = assemble(_signals(parsed, name), path, others)
    return _without_pulse(record) if name == "philips-sierra-xml" else record


def _refused(path: Path, name: str, reason: str, *, sound: bool) -> DataError:
    return DataError(
        f"{path} is of the format {name}, but of a layout that crossbeat does not read: "
        f"{reason[:300]}; it reads {_READ.get(name, 'one recording of 16 bits')}, export it so"
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

    guards.check_xml(path, see)
    return NoLeadError(
        f"{path} must hold leads with codes such as {_HL7}II, got {listed(found) or 'none'}; "
        "export it so",
        names=found,
    )


def _signals(parsed: Any, name: str) -> Iterator[Signal]:
    labels = {lead.label for lead in parsed.leads}
    for lead, rate in zip(parsed.leads, _rates(parsed), strict=True):
        first = _REPEATED.sub("", lead.label)
        label = first if first in labels else lead.label
        if name == "hl7-aecg" and label not in among([label]).values():
            label = f"{_HL7}{label}"  # as the file has it: dI is not DI
        values = np.asarray(lead.samples)
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = (values * lead.resolution + lead.offset).astype(np.float32)
        if name == "ishne":
            scaled[values == _NO_SAMPLE] = np.nan
        sound = np.isfinite([lead.resolution, lead.offset]).all() and lead.resolution != 0
        stated = sound and lead.adc_resolution != 0  # as the file has it; 0 where it has none
        yield Signal(label, scaled, lead.resolution_unit if stated else "", rate)


def _rates(parsed: Any) -> list[float]:
    """Hertz of each lead, as exactly as the file says it: the package rounds to whole numbers."""
    said = parsed.raw_metadata
    if "sampling_rates" in said:  # MFER
        return [round(float(rate), 6) for rate in said["sampling_rates"]]
    if "rhythm_sample_interval_us" in said:  # SCP-ECG
        return [round(1e6 / said["rhythm_sample_interval_us"], 6)] * len(parsed.leads)
    if "sampling_rate_exact" in said.get("rhythm_time", {}):  # HL7
        return [round(said["rhythm_time"]["sampling_rate_exact"], 6)] * len(parsed.leads)
    return [float(lead.sampling_rate) for lead in parsed.leads]


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
