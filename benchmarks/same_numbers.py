"""What every recipe gives in a small size: digests of its weights, and the numbers of its results.

Run: ``python benchmarks/same_numbers.py OUT.json [--against OTHER.json] [--recipes a,b]``. A change
of the code that must not change a result is measured before and after it, on one machine. Only
commands are called, so the script outlives what is behind them. With ``--against`` the exit code is
1 if a weight differs in a bit, or if a number of the other file is missing. It takes 3 minutes on
one core.
"""

import argparse
import contextlib
import hashlib
import io
import json
import sys
import tempfile
from bisect import bisect
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from safetensors.numpy import load_file

from crossbeat.cli import main
from crossbeat.cli.simulate import write_example

PATIENTS = ["--num_patients=240", "--image_size=32", "--seed=3", "--val=0.2", "--test=0.3"]
HEARTS = ["--num_patients=160", "--frames=6", "--cine_size=32", "--seed=2", "--val=0.2"]
WITH_CINES = (
    *("ptacl", "ptacl-global", "ptacl-shuffled-frames", "ptacl-shuffled", "mmcl", "girlanda"),
    *("dual-phase", "eccl-heart", "direct-heart", "cine-teacher"),
)
COMPARED = (("direct", "cromotex", "teacher"), ("direct-heart", "ptacl", "cine-teacher"))
NOT_RESULTS = ("settings", "versions", "hours", "seconds", "cohort", "trained_on", "seeds")


def said(*words: str | Path) -> str:
    """What a command prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()) as err:
        code = main([str(word) for word in words])
    if code:
        raise SystemExit(f"crossbeat {' '.join(map(str, words))}: {err.getvalue()}")
    return out.getvalue()


def numbers(value: Any) -> list[float]:
    """All numbers of a result, sorted: names may change, numbers may not."""
    if isinstance(value, dict):
        inner = [each for name, each in value.items() if name not in NOT_RESULTS]
    elif isinstance(value, list):
        inner = value
    else:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return [value] if is_number and value == value else []
    return sorted(number for each in inner for number in numbers(each))


def digest(array: np.ndarray) -> str:
    """A short digest of an array's shape, type and bytes."""
    text = f"{array.shape} {array.dtype}".encode()
    return hashlib.sha256(text + np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def phases_of(name: str) -> list[str]:
    """The phases whose settings a recipe has."""
    settings = json.loads(said("show", name, "--preset", "demo", "--json"))
    settings = settings.get("settings", settings)
    return [k for k, v in settings.items() if isinstance(v, dict) and "learning_rate" in v]


def measured(name: str, cohort: Path, folder: Path) -> dict[str, Any]:
    """Train a recipe, and everything that can be asked of its run."""
    short = [
        word
        for phase in phases_of(name)
        for word in (f"--recipe.{phase}.epochs=2", f"--recipe.{phase}.batch_size=32")
    ]
    command = ("train", name, "--preset", "demo", "--cohort", cohort, "--out", folder)
    said(*command, "--trainer.accelerator", "cpu", "--trainer.progress", "false", *short)
    weights = load_file(folder / "weights.safetensors")
    found: dict[str, Any] = {
        "weights": {
            part: digest(
                np.concatenate([v.ravel() for k, v in weights.items() if k.split(".")[0] == part])
            )
            for part in sorted({key.split(".")[0] for key in weights})
        },
        "results": numbers(json.loads(said("evaluate", folder, "--json"))),
    }
    if (folder / "model").is_dir():
        saved = load_file(folder / "model" / "model.safetensors")
        found["model"] = digest(np.concatenate([v.ravel() for _, v in sorted(saved.items())]))
        said("embed", folder, "--out", folder / "embeddings.parquet")
        vectors = pl.read_parquet(folder / "embeddings.parquet")["embedding"].to_numpy()
        found["embeddings"] = [float(vectors.mean()), float(np.abs(vectors).mean())]
        example = write_example(folder / "example")
        found["answer"] = numbers(json.loads(said("predict", folder, example, "--json")))
    return found


def everything(names: list[str], home: Path) -> dict[str, Any]:
    """Of each recipe, and of two comparisons."""
    said("simulate", "--out", home / "patients", *PATIENTS)
    said("prepare", "virtual-hearts", "--out", home / "hearts", "--long_axis=true", *HEARTS)
    found = {}
    for name in names:
        print(name, flush=True)
        cohort = home / ("hearts" if name in WITH_CINES else "patients")
        found[name] = measured(name, cohort, home / name)
    for several in COMPARED:
        if set(several) <= set(names):
            runs = [home / name for name in several]
            text = said("evaluate", *runs, "--json", "--report", home / "report.html")
            found[" ".join(several)] = {"results": numbers(json.loads(text))}
    return found


def missing(now: list[float], before: list[float]) -> int:
    """How many numbers of ``before`` have no counterpart within a billionth in ``now``."""
    left, count = list(now), 0
    for number in before:
        at = bisect(left, number)
        near = [i for i in (at - 1, at) if 0 <= i < len(left) and isclose(left[i], number)]
        if near:
            del left[near[0]]
        count += not near
    return count


def isclose(one: float, other: float) -> bool:
    """Equal up to what another order of the same sums changes."""
    return abs(one - other) <= 1e-12 + 1e-6 * abs(other)


def differences(now: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """What of ``before`` is not in ``now``."""
    wrong = []
    for name, old in before.items():
        for what, values in old.items():
            found = now.get(name, {}).get(what)
            if isinstance(values, list) and (count := missing(found or [], values)):
                wrong.append(f"{name}: {count} of {len(values)} numbers of {what}")
            elif not isinstance(values, list) and found != values:
                wrong.append(f"{name}: {what}, {values} before, {found} now")
    return wrong


def run() -> None:
    """Measure, write, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--recipes", default="")
    options = parser.parse_args()
    torch.set_num_threads(1)
    listed = list(json.loads(said("recipes", "--json")))
    names = options.recipes.split(",") if options.recipes else listed
    with tempfile.TemporaryDirectory() as home:
        found = everything(names, Path(home))
    options.out.write_text(json.dumps(found, indent=1))
    if options.against:
        before = json.loads(options.against.read_text())
        if options.recipes:
            before = {name: each for name, each in before.items() if name in found}
        wrong = differences(found, before)
        print("\n".join(wrong) or "all numbers are the same")
        sys.exit(bool(wrong))


if __name__ == "__main__":
    run()
