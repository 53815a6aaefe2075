"""What it costs to compare the files of a cohort with their checksums before training.

Run: ``python benchmarks/verify_cost.py [--patients 3000] [--repeats 5]``. For the small encoders of
the demo, whose epochs are the shortest, it prints the seconds to verify the files that a phase
reads, for the first time and later, beside the seconds of the phase's first epoch.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.virtual import Virtual
from crossbeat.data.verified import require_undamaged
from crossbeat.recipes import RECIPES
from crossbeat.recipes.presets import demo
from crossbeat.recipes.run import Plan, train
from crossbeat.training import TrainerSettings

PHASES = {"direct": ("ecg", "fine_tuning"), "teacher": ("xray", "teacher")}


def seconds_to_verify(cohort: Cohort, column: str, *, again: bool) -> float:
    """Args:
    again: read the files, as if nobody had.
    """
    files = cohort.info.files
    names = [name for name in files if name.startswith(f"{column}-")]
    started = time.perf_counter()
    require_undamaged(cohort.folder, files, names, again=again)
    return time.perf_counter() - started


def run() -> None:
    """Build, verify, train one epoch and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=3000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    quiet = TrainerSettings(accelerator="cpu", progress=False)
    with tempfile.TemporaryDirectory() as place:
        cohort = Virtual(num_patients=options.patients).build(Path(place) / "cohort")
        for name, (column, phase) in PHASES.items():
            recipe = demo(RECIPES[name])
            once = replace(recipe, **{phase: replace(getattr(recipe, phase), epochs=1)})
            plan = Plan(name=name, recipe=once, seed=0)
            first, later, epochs = [], [], []
            for number in range(options.repeats):
                first.append(seconds_to_verify(cohort, column, again=True))
                done = train(plan, cohort, Path(place) / f"{name}{number}", trainer=quiet)
                later.append(seconds_to_verify(cohort, column, again=False))
                epochs.append(done.phases[0]["history"][0]["seconds"])
            shares = [100 * median(each) / median(epochs) for each in (first, later)]
            print(
                f"{name}: {median(first):.3f} s to verify, {median(later):.4f} s later, "
                f"{median(epochs):.1f} s in the first epoch: {shares[0]:.1f} %, "
                f"then {shares[1]:.2f} %"
            )


if __name__ == "__main__":
    run()
