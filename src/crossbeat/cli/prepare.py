"""``crossbeat prepare NAME --out DIR``: build a cohort from published files."""

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from crossbeat.cli.options import command, note, parse
from crossbeat.errors import ConfigError, suggestion


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
    made: Any = COHORTS[name]
    parser.add_class_arguments(made)
    options = parse(parser, rest)
    from crossbeat.cli.cohorts import built
    from crossbeat.workers import executor_of

    settings = made(**{each.name: options[each.name] for each in fields(made)})
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
