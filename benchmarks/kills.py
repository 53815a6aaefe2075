"""Kill commands at random moments, start them again, and compare what they leave.

Run: ``python benchmarks/kills.py [--kills 50] [--seed 0] [--json FILE]``. Each command is first run
without a kill. Then it is started and killed (SIGKILL, with all of its processes) again and again
after a random time, and at last runs to its end. Its files must equal those of the first run, and
no other file may be left. Takes about ten minutes on two cores; the exit code is 1 if files differ.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CROSSBEAT = [sys.executable, "-m", "crossbeat.cli"]
ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
SHORT = """
recipe:
  teacher: {epochs: 3, batch_size: 64, learning_rate: 0.001}
  alignment: {epochs: 3, batch_size: 64, learning_rate: 0.001}
  self_supervision: {epochs: 3, batch_size: 64, learning_rate: 0.001}
  fine_tuning: {epochs: 6, batch_size: 64, learning_rate: 0.001}
trainer: {progress: false, accelerator: cpu}
"""
TIMES = ("seconds", "hours", "reused", "sha256", "size", "folder")
"""Keys of records that differ from run to run or place to place, or follow from others that do."""

RECORDS = ("run.json", "finished.json", "phase.json", "seal.json", "cell.json", "results.json")
UNCOMPARED = ("lock", ".verified.json")
PAGES = (".html", ".png", ".svg", ".md")
"""Pages show hours; that they are there is all that is compared."""


def commands(place: Path) -> Iterator[tuple[str, list[str]]]:
    """The name of each command and its arguments; OUT stands for the folder of its files."""
    cohort, config = place / "cohort", place / "run.yaml"
    config.write_text(SHORT)
    made = ["prepare", "virtual", "--num_patients", "1500", "--image_size", "32"]
    subprocess.run([*CROSSBEAT, *made, "--out", str(cohort)], check=True, capture_output=True)
    chosen = ["--preset", "demo", "--config", str(config), "--cohort", str(cohort)]
    out = ["--out", "OUT"]
    yield "prepare", [*made[:3], "4000", *made[4:], "--workers", "2", *out]
    yield "train", ["train", "cromotex", *chosen, *out]
    parts = ["--out", "OUT/study", "--shared", "OUT/shared"]
    yield "study", ["study", "noise", "--small", "--workers", "2", *parts]
    sizes = ["--patients", "400", "--outside", "400", "--abundant", "400"]
    yield "demo", ["demo", *sizes, "--workers", "2", *out]


def placed(arguments: list[str], folder: Path) -> list[str]:
    return [each.replace("OUT", str(folder)) for each in arguments]


def start(arguments: list[str]) -> subprocess.Popen:
    return subprocess.Popen(
        [*CROSSBEAT, *arguments],
        env=ONE_THREAD,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen) -> None:
    told, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"a command failed after a kill:\n{told}")


def contents(folder: Path) -> dict[str, str]:
    """A digest of every file that is to be the same, by its name."""
    return {
        str(path.relative_to(folder)): _digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in UNCOMPARED
    }


def _digest(path: Path) -> str:
    if path.suffix in PAGES:
        return ""
    if path.name not in RECORDS:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return json.dumps(_without_times(json.loads(path.read_text())), sort_keys=True)


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(each) for key, each in value.items() if key not in TIMES}
    return [_without_times(each) for each in value] if isinstance(value, list) else value


def killed(arguments: list[str], number: int, longest: float, draw: random.Random) -> list[float]:
    """Start and kill a command some times, then let it end; seconds after which it was killed.

    A command that ends by itself before its kill is not counted.
    """
    moments: list[float] = []
    for _ in range(number):
        process = start(arguments)
        moment = draw.uniform(0.2, longest)
        try:
            process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            moments.append(round(moment, 2))
            continue
        break
    finish(start(arguments))
    return moments


def run() -> int:
    """Run, kill, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    draw, found = random.Random(options.seed), {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, arguments in commands(place):
            started = time.monotonic()
            finish(start(placed(arguments, place / "whole" / name)))
            longest = time.monotonic() - started
            moments: list[float] = []
            differing: set[str] = set()
            whole = contents(place / "whole" / name)
            attempt = 0
            while len(moments) < options.kills / 4:
                home = place / f"killed{attempt}" / name
                left = round(options.kills / 4 + 0.49) - len(moments)
                moments += killed(placed(arguments, home), left, 0.7 * longest, draw)
                now = contents(home)
                differing |= {path for path in {*whole, *now} if whole.get(path) != now.get(path)}
                differing |= {path.name for path in home.parent.iterdir() if path != home} - {
                    path.name for path in (place / "whole").iterdir()
                }
                attempt += 1
            found[name] = {
                "seconds": round(longest, 1),
                "files": len(whole),
                "kills": moments,
                "differing": sorted(differing),
            }
            print(f"{name}: {len(moments)} kills, {len(whole)} files, {len(differing)} differ")
            for path in sorted(differing)[:20]:
                print(f"  {path}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 1 if any(each["differing"] for each in found.values()) else 0


if __name__ == "__main__":
    sys.exit(run())
