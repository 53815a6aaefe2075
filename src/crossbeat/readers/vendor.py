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

from crossbeat.errors import DataError
from crossbeat.readers.guard_binary import check_ishne, check_mfer, check_scp
from crossbeat.readers.guard_xml import check_sierra, check_xml
from crossbeat.readers.limits import missing_extra
from crossbeat.readers.record import Record, Signal, assemble

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
    ),
    "hl7-aecg": _Format(
        "hl7_aecg",
        "HL7aECGParser",
        check_xml,
        r"representative beat series|sets in the median|sequences ignored|rounded to",
    ),
    "scp-ecg": _Format(
        "scp_ecg",
        "SCPECGParser",
        check_scp,
        r"Section 1 |subtraction zones are truncated, ignored|median beats|"
        r"multiplier is 0|Section 12 ",
    ),
    "ishne": _Format("ishne_holter", "ISHNEHolterParser", check_ishne, r"spec code -9"),
    "mfer": _Format("mfer", "MFERParser", check_mfer, r"invalid (?:birth date|measurement time)"),
    "mortara-xml": _Format("mortara_el250", "MortaraEL250Parser", check_xml, r"TYPICAL_CYCLE"),
}
"""Leads without a scale are told apart later, by their empty unit: hence harmless here."""


def read_vendor(path: Path, name: str) -> Record:
    """The leads of a file, in their units.

    Args:
        path: the file.
        name: its format, as ``identify`` returns it.

    Raises:
        DataError: the file is damaged or inconsistent, does not state rate or scale, its
            leads differ in rate, length or start, or the package ``ecgdatakit`` is absent.
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
            raise _damaged(path, name, str(error)) from error
    for warning in told:
        if not re.search(known.harmless, str(warning.message)):
            raise _damaged(path, name, str(warning.message))
    _check_leads(parsed, path)
    record = assemble(_signals(parsed, name), path)
    return _without_pulse(record) if name == "philips-sierra-xml" else record


def _damaged(path: Path, name: str, reason: str) -> DataError:
    return DataError(
        f"{path} must be a sound file of the format {name}, but: {reason[:300]}; copy or export it "
        "again"
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
            first if first in labels else lead.label,
            scaled,
            lead.resolution_unit if stated else "",
            rate,
        )


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
