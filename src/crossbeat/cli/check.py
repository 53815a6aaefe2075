"""``crossbeat check PATH...``: check whether ECG files can be used."""

import json
import math
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from crossbeat.cli.options import add_checksum, at_least, command, note, parse
from crossbeat.errors import ConfigError, DataError, UserError, listed
from crossbeat.quality import Allow, Length, Verdict, check, told
from crossbeat.readers import Layout, read_ecg
from crossbeat.readers.ecg.identify import find
from crossbeat.readers.ecg.record import NoLeadError
from crossbeat.readers.ecg.tables import HOW_TO_SAY
from crossbeat.readers.ecg.wfdb_header import segments_in

FILES_PER_WORKER = 2000
"""Checking this many files takes about as long as starting a process."""

_TABLES = ("csv", "numpy")
"""Formats that hold ECGs only if the user gives a layout."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The result of checking one file.

    Args:
        path: as the user gave it, or as it was found in a folder.
        format: its short name; None if the format is not supported.
        found: the verdicts that have a message.
        fs: sampling rate in hertz; None, like leads and seconds, if the file cannot be read.
        leads: names in the order of the file.
        unrecognised: names of the channels that were not read as a lead, as the file spells them.
        seconds: length of the whole record.
    """

    path: str
    format: str | None
    found: tuple[Verdict, ...]
    fs: float | None = None
    leads: tuple[str, ...] | None = None
    unrecognised: tuple[str, ...] = ()
    seconds: float | None = None

    @property
    def verdict(self) -> Literal["ok", "repair", "reject"]:
        """The most severe verdict."""
        actions = {verdict.action for verdict in self.found}
        return "reject" if "reject" in actions else "repair" if "repair" in actions else "ok"


File = tuple[Path, bool]
"""A path, and whether the user named the file; if not, it was found in a folder."""

Outcome = Checked | Literal["part", "plain", "other"]
"""``part``: a file that belongs to another record. ``plain``: numbers that need a layout.
``other``: a file that is not an ECG."""


def run(arguments: list[str]) -> None:
    """Check whether each ECG file can be used, and if not, say why."""
    parser = command("check", "Check whether ECG files can be used, and if not, say why.")
    parser.add_argument("paths", type=Path, nargs="+", help="ECG files or folders of ECG files")
    parser.add_argument("--json", action="store_true", help="print JSON, one line per file")
    parser.add_argument("--seconds", type=float, default=10.0, help="required length in seconds")
    parser.add_class_arguments(Length, "length", as_group=True)
    parser.add_class_arguments(Allow, "allow", as_group=True)
    parser.add_argument(
        "--layout",
        type=Layout | None,
        default=None,
        help=f"rate and unit of CSV and NumPy files, such as {HOW_TO_SAY}",
    )
    add_checksum(parser)
    parser.add_argument(
        "--workers",
        type=int | None,
        default=None,
        help=f"processes; default: one per core, with {FILES_PER_WORKER} files or more each",
    )
    options = parse(parser, arguments)
    if not 0 < options.seconds < math.inf:
        raise ConfigError(f"--seconds must be above 0, got {options.seconds}; give the length")
    at_least(options, workers=1)
    names = ("seconds", "length", "allow", "layout", "checksum")
    work = partial(inspect, **{name: options[name] for name in names})
    files = list(_files(options.paths))
    enough = max(1, min(os.cpu_count() or 1, len(files) // FILES_PER_WORKER))
    with closing(_outcomes(work, files, options.workers or enough)) as outcomes:
        counts = (_print_lines if options.json else _print_table)(outcomes, len(files))
    _conclude(counts)


def inspect(
    file: File,
    *,
    seconds: float,
    length: Length,
    allow: Allow,
    layout: Layout | None,
    checksum: bool,
) -> Outcome:
    """Check one file; a process pool can call this function."""
    path, named = file
    try:
        name, source, *_ = find(path)
    except DataError as error:
        return _unreadable(path, None, error) if named else "other"
    if not named and source != path:
        return "part"
    if not named and name in _TABLES and layout is None:
        return "plain"
    try:
        ecg = read_ecg(path, layout, checksum=checksum)
    except UserError as error:
        return _unreadable(path, name, error)
    verdicts = check(ecg, seconds, length, allow=allow)
    return Checked(
        path=str(path),
        format=name,
        found=tuple(verdict for verdict in verdicts if verdict.message),
        fs=ecg.fs,
        leads=ecg.leads,
        unrecognised=ecg.unrecognised,
        seconds=ecg.values.shape[1] / ecg.fs,
    )


def _unreadable(path: Path, name: str | None, error: UserError) -> Checked:
    text = str(error)
    verdict = Verdict(name="unreadable", value=math.nan, rule=text, action="reject", message=text)
    names = error.names if isinstance(error, NoLeadError) else ()
    return Checked(path=str(path), format=name, found=(verdict,), unrecognised=names)


def _files(paths: Iterable[Path]) -> Iterator[File]:
    """Every file once, in the order of paths and names."""
    seen = set()
    for path in paths:
        folder = path.is_dir()
        for file in _below(path) if folder else [path]:
            if file not in seen:
                seen.add(file)
                yield file, not folder


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        segments = segments_in(Path(place), names)  # each is a part of another record
        yield from (Path(place, name) for name in sorted(names) if name not in segments)


def _outcomes(
    work: Callable[[File], Outcome], files: Sequence[File], workers: int
) -> Generator[Outcome, None, None]:
    if workers == 1:
        yield from map(work, files)
        return
    from crossbeat.workers import process_pool

    try:
        with process_pool(workers) as pool:
            yield from pool.map(work, files, chunksize=16)
    except BrokenProcessPool as error:
        raise DataError(
            "workers must not be killed, got one that was killed (is the memory full?); "
            "use fewer --workers"
        ) from error


def _print_lines(outcomes: Iterable[Outcome], _: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    for outcome in outcomes:
        if isinstance(outcome, Checked):
            print(json.dumps(as_json(outcome), allow_nan=False), flush=True)
            counts[outcome.verdict] += 1
        else:
            counts[outcome] += 1
    return counts


def as_json(checked: Checked) -> dict[str, object]:
    """The JSON object that ``--json`` prints for a file."""
    return {
        "path": checked.path,
        "format": checked.format,
        "verdict": checked.verdict,
        "findings": [
            {
                "name": verdict.name,
                "lead": verdict.lead,
                "value": float(f"{verdict.value:.6g}") if math.isfinite(verdict.value) else None,
                "rule": verdict.rule,
            }
            for verdict in checked.found
        ],
        "fs": checked.fs,
        "leads": None if checked.leads is None else list(checked.leads),
        "unrecognised": list(checked.unrecognised),
        "seconds": checked.seconds,
    }


def _print_table(outcomes: Iterable[Outcome], total: int) -> Counter[str]:
    from crossbeat.cli.progress import bar
    from crossbeat.cli.tables import print_table

    counts: Counter[str] = Counter()
    rows = []
    with bar("checking") if total >= FILES_PER_WORKER else nullcontext(lambda *_: None) as show:
        for number, outcome in enumerate(outcomes, start=1):
            show(number, total)
            if isinstance(outcome, Checked):
                counts[outcome.verdict] += 1
                cells = (outcome.path, outcome.format or "", outcome.verdict, _what(outcome))
                rows.append([_plain(cell) for cell in cells])
            else:
                counts[outcome] += 1
    if rows:
        print_table("", ["file", "format", "verdict", "what"], rows)
    return counts


def _what(checked: Checked) -> str:
    """The messages, and the channels that are not recognised where no message names them."""
    said = told(checked.found)
    names = listed(checked.unrecognised)
    if names and not any(names in message for message in said):
        said.append(f"not recognised as a lead: {names}")
    return "; ".join(said)


def _plain(text: str) -> str:
    """The text without characters that format the table or move the cursor."""
    from rich.markup import escape

    return escape("".join(letter if letter.isprintable() else "?" for letter in text))


def _conclude(counts: Counter[str]) -> None:
    num = counts["ok"] + counts["repair"] + counts["reject"]
    note(
        f"{num} ECG{'s' * (num != 1)}: {counts['ok']} ok, {counts['repair']} repaired when used, "
        f"{counts['reject']} rejected; {counts['other'] + counts['plain']} other files skipped"
    )
    if counts["plain"]:
        note(
            f"skipped for want of a rate and unit: {counts['plain']} CSV or NumPy files; if they "
            f"are ECGs, say what they are, such as {HOW_TO_SAY}"
        )
    if not num:
        raise DataError("there must be an ECG to check, got none; give an ECG file or its folder")
    if counts["reject"]:
        raise DataError(f"{counts['reject']} of {num} ECGs are rejected; see above")
