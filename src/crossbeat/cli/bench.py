"""``crossbeat bench NAME``: measure the speed and the memory of one part."""

import importlib
import json
import os
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from crossbeat.cli.options import command, note, parse
from crossbeat.cli.tables import print_table
from crossbeat.errors import ConfigError, suggestion

BENCHES = {
    "pairing": "pair 240,000 X-rays with 800,000 ECGs by every rule, against a brute-force scan",
    "prepare": "read, filter and store ECGs, against wfdb and scipy; memory by size of the tree",
    "loader": "load random batches of 256 pairs from a cohort of 10,000 pairs on disk",
    "store": "read random batches of 256 ECGs from shards, against one array of the same size",
    "cine": "draw cines, read frames from disk and encode them",
}


def run(arguments: list[str]) -> None:
    """Run a benchmark and print its measurements."""
    parser = command("bench", "Measure the speed and the memory of one part.")
    listed = "; ".join(f"{name}: {summary}" for name, summary in BENCHES.items())
    parser.add_argument("name", type=str, help=listed)
    parser.add_argument("--seed", type=int, default=0, help="seed of the generated data, 0 or more")
    parser.add_argument(
        "--small", action="store_true", help="use little data, only to check that it runs"
    )
    parser.add_argument(
        "--folder", type=Path, default=None, help="keep the generated data here for the next run"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parse(parser, arguments)
    if options.name not in BENCHES:
        raise ConfigError(
            f"crossbeat bench must be one of {', '.join(BENCHES)}, got {options.name!r}"
            f"{suggestion(options.name, BENCHES, 'choose one of them')}"
        )
    if options.seed < 0:
        raise ConfigError(f"--seed must be 0 or more, got {options.seed}; choose another")
    note(f"{options.name}: {BENCHES[options.name]}")
    bench = importlib.import_module(f"crossbeat.bench.{options.name}")
    with nullcontext(options.folder) if options.folder else TemporaryDirectory() as folder:
        cases = bench.cases(seed=options.seed, small=options.small, folder=Path(folder))
    if options.json:
        print(json.dumps(_described(options.name, options.seed, options.small, cases), indent=1))
        return
    columns = list(dict.fromkeys(name for case in cases.values() for name in case))
    rows = [
        [name, *(_text(case.get(column)) for column in columns)] for name, case in cases.items()
    ]
    print_table(f"{options.name}, seed {options.seed}", ["case", *columns], rows)


def _described(name: str, seed: int, small: bool, cases: dict[str, Any]) -> dict[str, Any]:
    from crossbeat.recipes.record import versions

    return {
        "bench": name,
        "seed": seed,
        "small": small,
        "cases": cases,
        "cores": os.cpu_count(),
        "versions": versions(),
    }


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)
