"""What crossbeat says of damaged cohorts and saved models.

Run: ``python benchmarks/damage.py [--json FILE]``. Small cohorts and models are made, copied,
altered in one way each, and used. A damaged folder must be refused in one sentence, or must make no
difference. ``docs/damage.md`` has the tables. The script takes about a minute on one core; the exit
code is 1 if any way is missed.
"""

import argparse
import contextlib
import io
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from crossbeat.cli import main
from crossbeat.cli.evaluate import save_model
from crossbeat.data.sources.virtual import Virtual
from crossbeat.recipes import RECIPES
from crossbeat.recipes.presets import demo
from crossbeat.recipes.run import Plan, train
from crossbeat.training import Optimisation, TrainerSettings
from crossbeat.training.checkpoint import load_tensors, save_tensors

Change = Callable[[Path, Path], None]
"""Alters the first folder; the second is another one of the same kind."""

WEIGHTS = "model.safetensors"
MODEL_FILES = (WEIGHTS, "config.json", "preprocessing.json", "chosen.json", "seal.json")
COHORT_FILES = ("ecg-00000.npy", "xray-00000.npy", "table.parquet", "audit.json", "cohort.json")
TRAINER = TrainerSettings(accelerator="cpu", progress=False)


def removed(path: Path) -> None:
    path.unlink()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    contents = path.read_bytes()
    path.write_bytes(contents[: len(contents) // 2])


def flipped(path: Path) -> None:
    contents = bytearray(path.read_bytes())
    contents[2 * len(contents) // 3] ^= 4
    path.write_bytes(contents)


def as_list(path: Path) -> None:
    path.write_text("[]")


def as_nothing(path: Path) -> None:
    path.write_text("{}")


def of_another(name: str) -> Change:
    return lambda folder, other: shutil.copy(other / name, folder / name)


def of_file(name: str, change: Callable[[Path], None]) -> Change:
    return lambda folder, _: change(folder / name)


def edited(name: str, change: Callable[[dict[str, Any]], object]) -> Change:
    def edit(folder: Path, _: Path) -> None:
        values = json.loads((folder / name).read_text())
        change(values)
        (folder / name).write_text(json.dumps(values, indent=1))

    return edit


def tensors(change: Callable[[dict[str, torch.Tensor]], object]) -> Change:
    def edit(folder: Path, _: Path) -> None:
        values, told = load_tensors(folder / WEIGHTS)
        change(values)
        save_tensors(folder / WEIGHTS, values, told)

    return edit


def first_weight(value: float) -> Callable[[dict[str, torch.Tensor]], object]:
    def change(values: dict[str, torch.Tensor]) -> None:
        next(each for each in values.values() if each.is_floating_point()).view(-1)[0] = value

    return change


def set_to(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda told: told.update(values)


def turned(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda told: told.update({key: told[key][::-1]})


def each_finding(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda told: [told[finding].update(values) for finding in told]


def exchange_choices(told: dict[str, Any]) -> None:
    first, second, *_ = told
    told[first], told[second] = told[second], told[first]


def add_row(path: Path) -> None:
    array = np.load(path)
    array[0] = array[1]
    np.save(path, array)


def model_changes() -> Iterator[tuple[str, Change]]:
    """Ways to alter the folder of a saved model."""
    for name in MODEL_FILES:
        for way in (removed, emptied, cut, flipped):
            yield f"{name} {way.__name__}", of_file(name, way)
        yield f"{name} of another model", of_another(name)
    for name in MODEL_FILES[1:]:
        yield f"{name} is a list", of_file(name, as_list)
        yield f"{name} is an empty object", of_file(name, as_nothing)
    for words, change in {
        "one tensor fewer": lambda values: values.pop(next(iter(values))),
        "one tensor more": lambda values: values.update(more=torch.zeros(3)),
        "a weight is NaN": first_weight(float("nan")),
        "a weight is infinite": first_weight(float("inf")),
        "a weight is 0": first_weight(0.0),
        "weights in 16 bits": lambda values: values.update(
            {name: each.half() for name, each in values.items() if each.is_floating_point()}
        ),
    }.items():
        yield f"{WEIGHTS}: {words}", tensors(change)
    for words, change in {
        "findings in another order": turned("findings"),
        "a finding renamed": lambda told: told["findings"].__setitem__(0, "gout"),
        "another encoder": lambda told: told["ecg"].update(encoder="biot-small"),
        "another normalisation": lambda told: told["ecg"].update(normalisation="z"),
        "another format": set_to(format=99),
        "another recipe": set_to(recipe="clip"),
    }.items():
        yield f"config.json: {words}", edited("config.json", change)
    for words, change in {
        "leads in another order": turned("leads"),
        "another sampling rate": set_to(fs=200.0),
        "another length": set_to(seconds=5.0),
        "the baseline stays": set_to(baseline=False),
        "another unit": set_to(unit="NU"),
        "another normalisation": set_to(normalisation="z"),
        "no leads": lambda told: told.pop("leads"),
    }.items():
        yield f"preprocessing.json: {words}", edited("preprocessing.json", change)
    for words, change in {
        "slope -1": each_finding(slope=-1.0),
        "slope of text": each_finding(slope="steep"),
        "another threshold": each_finding(threshold=3.0),
        "findings exchanged": exchange_choices,
        "a finding fewer": lambda told: told.pop(next(iter(told))),
    }.items():
        yield f"chosen.json: {words}", edited("chosen.json", change)
    yield "README.md edited", of_file("README.md", lambda path: path.write_text("Our model.\n"))
    yield "metrics.json edited", edited("metrics.json", set_to(auroc=1.0))
    yield "a file more", of_file("notes.txt", lambda path: path.write_text("ours"))


def cohort_changes() -> Iterator[tuple[str, Change]]:
    """Ways to alter the folder of a cohort."""
    for name in COHORT_FILES:
        for way in (removed, cut, flipped):
            yield f"{name} {way.__name__}", of_file(name, way)
        yield f"{name} of another cohort", of_another(name)
    yield "ecg-00000.npy: an ECG twice", of_file("ecg-00000.npy", add_row)
    for words, change in {
        "leads in another order": turned("leads"),
        "another sampling rate": set_to(fs=200.0),
        "another gain": set_to(ecg_gain=500.0),
        "findings in another order": turned("findings"),
        "another kind": set_to(kind="matched"),
        "another unit": set_to(unit="NU"),
        "a file fewer": lambda told: told["files"].pop("xray-00000.npy"),
        "no digest": lambda told: told.pop("sha256"),
    }.items():
        yield f"cohort.json: {words}", edited("cohort.json", change)
    yield "a file more", of_file("notes.txt", lambda path: path.write_text("ours"))


def said(arguments: list[str]) -> tuple[int, str, str]:
    """Exit code, output and errors of a command; exit code -1 for a traceback."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except Exception as error:
            return -1, "", f"traceback: {error!r}"
    return code, out.getvalue(), err.getvalue()


def judged(whole: tuple[int, str, str], now: tuple[int, str, str], folder: Path) -> dict[str, str]:
    code, out, err = now
    if code == 0:
        return {"now": "harmless: same answer" if out == whole[1] else "MISSED: another answer"}
    if code < 0 or not err.startswith("error: "):
        return {"now": f"MISSED: {err.strip()}"}
    words = err.strip().splitlines()[0].removeprefix("error: ").replace(f"{folder}/", "")
    return {"now": f"refused: {words.replace(str(folder), 'the folder')}"}


def small_model(cohort: Any, folder: Path, seed: int) -> Path:
    short = Optimisation(learning_rate=1e-3, epochs=1, batch_size=16)
    recipe = replace(demo(RECIPES["direct"]), fine_tuning=short)
    run = train(Plan(name="direct", recipe=recipe, seed=seed), cohort, folder, trainer=TRAINER)
    save_model(run)
    return folder / "model"


def damage_of_models(place: Path) -> list[dict[str, str]]:
    """What ``predict`` says of each altered folder of a model."""
    cohort = Virtual(num_patients=300, image_size=16).build(place / "cohort")
    model, other = (small_model(cohort, place / f"run{seed}", seed) for seed in (0, 1))
    ecg = place / "ecg.npy"
    np.save(ecg, cohort.ecgs(np.array([0])).values[0].numpy().T)
    layout = ["--layout.fs", "100", "--layout.unit", "mV"]
    layout += ["--layout.leads", json.dumps(cohort.info.leads)]

    def predict(folder: Path) -> tuple[int, str, str]:
        return said(["predict", str(folder), str(ecg), "--json", *layout])

    return list(_judge(model, other, model_changes(), predict, place / "altered"))


def damage_of_cohorts(place: Path) -> list[dict[str, str]]:
    """What training says of each altered folder of a cohort."""
    whole, other = (
        Virtual(num_patients=120, image_size=16, seed=seed).build(place / f"cohort{seed}").folder
        for seed in (0, 1)
    )
    short = {"teacher": "teacher", "direct": "fine_tuning"}

    def use(folder: Path) -> tuple[int, str, str]:
        out = place / "run"
        for recipe, phase in short.items():
            given = ["train", recipe, "--preset", "demo", "--cohort", str(folder)]
            given += ["--out", str(out), f"--recipe.{phase}.epochs", "1"]
            code, _, err = said([*given, "--trainer.progress", "false"])
            shutil.rmtree(out, ignore_errors=True)
            if code:
                return code, "", err
        return 0, "trained", ""

    return list(_judge(whole, other, cohort_changes(), use, place / "altered"))


def _judge(
    whole: Path,
    other: Path,
    changes: Iterator[tuple[str, Change]],
    use: Callable[[Path], tuple[int, str, str]],
    place: Path,
) -> Iterator[dict[str, str]]:
    shutil.copytree(whole, place)
    expected = use(place)
    assert expected[0] == 0, expected
    for words, change in changes:
        shutil.rmtree(place)
        shutil.copytree(whole, place)
        change(place, other)
        yield {"altered": words} | judged(expected, use(place), place)


def table(rows: list[dict[str, str]]) -> str:
    """A Markdown table: the ways to alter a folder, and the first half of what is said of them."""
    ways_of: dict[str, list[str]] = {}
    for row in rows:
        words = re.sub(r", got (Expecting|Unterminated|Invalid|\w+Error).*", "", row["now"])
        ways_of.setdefault(words.partition("; ")[0], []).append(row["altered"])
    lines = [f"| {'; '.join(ways)} | {words} |" for words, ways in ways_of.items()]
    return "\n".join(["| altered | now |", "| --- | --- |", *lines])


def run() -> int:
    """Make, alter, use and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        found = {
            "models": damage_of_models(Path(place) / "models"),
            "cohorts": damage_of_cohorts(Path(place) / "cohorts"),
        }
    for kind, rows in found.items():
        print(f"{kind}\n\n{table(rows)}\n")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    missed = [row for rows in found.values() for row in rows if row["now"].startswith("MISSED")]
    counts = {kind: len(rows) for kind, rows in found.items()}
    print(f"{counts['models']} altered models, {counts['cohorts']} altered cohorts", end=", ")
    print(f"{len(missed)} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(run())
