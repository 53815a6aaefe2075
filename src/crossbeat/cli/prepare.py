"""``crossbeat prepare NAME --out DIR``: build a cohort from published files."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from crossbeat.cli.options import command, note, parse
from crossbeat.errors import ConfigError, UserError, suggestion

if TYPE_CHECKING:
    from crossbeat.data.build import How
    from crossbeat.data.cohort import Cohort
    from crossbeat.data.registry import Builder


def run(arguments: list[str]) -> None:
    """Build the named cohort from its published files."""
    from crossbeat.data.registry import COHORTS

    if arguments[:1] in (["-h"], ["--help"]):
        print(_usage(COHORTS))
        return
    if not arguments or arguments[0] not in COHORTS:
        got = arguments[0] if arguments else "none"
        raise ConfigError(
            f"crossbeat prepare must start with one of {', '.join(COHORTS)}, "
            f"got {got!r}{suggestion(got, COHORTS, 'choose one of them')}"
        )
    name, rest = arguments[0], arguments[1:]
    parser = command(f"prepare {name}", f"Build a cohort: {_first_line(COHORTS[name])}")
    parser.add_argument("--out", type=Path, required=True, help="folder of the cohort")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="number of processes"
    )
    parser.add_argument(
        "--executor", type=str, default=None, help="use a cluster instead: dask://HOST:PORT"
    )
    parser.add_argument(
        "--allow_missing",
        action="store_true",
        help="accept a cohort that lost many of its files (more than 5 % unreadable)",
    )
    made = COHORTS[name]
    parser.add_class_arguments(made)
    options = parse(parser, rest)
    from crossbeat.workers import executor_of

    settings = made(**{each.name: options[each.name] for each in fields(made)})  # type: ignore[arg-type]
    with executor_of(options.executor, workers=options.workers) as executor:
        cohort = built(
            settings, options.out, executor=executor, allow_missing=options.allow_missing
        )
    note(f"{cohort.table.height} rows: {options.out}")
    for remark in cohort.info.notes:
        note(f"note: {remark}")
    note(f"next: crossbeat cohort show {options.out}")


def _usage(cohorts: Mapping[str, type]) -> str:
    width = max(map(len, cohorts)) + 2
    names = "\n".join(f"  {name:<{width}}{_first_line(of)}" for name, of in cohorts.items())
    return (
        f"usage: crossbeat prepare NAME --out DIR ...\n\nNAME is one of\n{names}\n\n"
        "crossbeat prepare NAME --help lists the options of one."
    )


def _first_line(of: type) -> str:
    return (of.__doc__ or "").strip().partition("\n")[0].replace("`", "")


def built(settings: "Builder", folder: Path, **how: "Unpack[How]") -> "Cohort":
    """Build the cohort of some settings, or open it if the folder already holds it.

    The settings are saved next to the folder, so that the same command continues or reuses it. If
    another process is building it with these settings, this one waits.

    Args:
        how: see ``How``; by default a bar shows the progress.

    Raises:
        ConfigError: the folder was built with other settings.
    """
    from crossbeat.cli.progress import bar
    from crossbeat.data.cohort import Cohort
    from crossbeat.files import write_whole

    if folder.name in ("", ".."):
        raise ConfigError(f"--out must be a new folder, got {folder}; give its name")
    request = folder.with_name(f"{folder.name}.request.json")
    asked = json.dumps(
        {"cohort": type(settings).__name__, "settings": asdict(settings)},  # type: ignore[call-overload]
        default=str,
        indent=1,
    )
    if folder.exists() and not request.is_file():
        got = "a folder" if folder.is_dir() else "a file"
        raise ConfigError(f"{folder} must be new, got {got} of others; choose another name")
    if request.is_file() and request.read_bytes() != asked.encode():
        begun = folder if folder.exists() else folder.with_name(f"{folder.name}.partial")
        raise ConfigError(
            f"{begun} was built with other settings, which {request.name} lists; choose another "
            "folder, or remove both"
        )
    if folder.exists():
        return Cohort.open(folder)
    write_whole(request, asked)
    try:
        if "progress" in how:
            return settings.build(folder, **how)
        with bar(f"building {folder.name}") as show:
            return settings.build(folder, **(how | {"progress": show}))
    except UserError:
        begun = folder.with_name(f"{folder.name}.partial") / "plan.json"
        if not folder.exists() and not begun.exists():
            request.unlink(missing_ok=True)  # nothing was begun: other settings may be next
        raise
