"""``crossbeat bench NAME``: measure the speed and the memory of one part."""

import importlib
import json
import os
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from crossbeat.cli.options import at_least, command, note, parse
from crossbeat.cli.tables import print_table

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
    parser.add_argument("name", type=Literal[*BENCHES], help=listed)
    parser.add_argument("--seed", type=int, default=0, help="seed of the generated data, 0 or more")
    parser.add_argument(
        "--small", action="store_true", help="use little data, only to check that it runs"
    )
    parser.add_argument(
        "--folder", type=Path, default=None, help="keep the generated data here for the next run"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parse(parser, arguments)
    at_least(options, seed=0)
    note(f"{options.name}: {BENCHES[options.name]}")
    bench = importlib.import_module(f"crossbeat.bench.{options.name}")
    with nullcontext(options.folder) if options.folder else TemporaryDirectory() as folder:
        cases = bench.cases(seed=options.seed, small=options.small, folder=Path(folder))
    if options.json:
        from crossbeat.recipes.record import versions

        told = {name: options[name] for name in ("seed", "small")}
        told |= {"cases": cases, "cores": os.cpu_count(), "versions": versions()}
        print(json.dumps({"bench": options.name, **told}, indent=1))
        return
    columns = list(dict.fromkeys(name for case in cases.values() for name in case))
    rows = [
        [name, *(_text(case.get(column)) for column in columns)] for name, case in cases.items()
    ]
    print_table(f"{options.name}, seed {options.seed}", ["case", *columns], rows)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)
