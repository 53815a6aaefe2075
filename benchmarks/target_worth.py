"""How many labelled patients is one patient worth whose target is better than a report's label?

Run: ``python benchmarks/target_worth.py``; half a minute. For each finding, half of 16,000 virtual
patients fit a linear read-out of the truth from the noise-free ECG parameters. On the other half
the squared correlation of each target with that read-out, divided by that of the report's label, is
how many labels the target is worth: the variance of an estimated effect falls with the number of
patients times this square, as long as effects are weak. A teacher is what the film shows plus noise
of a reader, as much as lowers its AUROC to the given one; its errors are its own, not the label's.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from crossbeat import simulate
from crossbeat.simulate.findings import severity

SEED, PATIENTS = 987654, 16_000
TEACHER = 0.91
TRUST = (1.0, 0.75, 0.5)
Column = Float[np.ndarray, " patient"]


def targets_of(finding: str) -> Iterator[tuple[str, float]]:
    """Each target by name, with its worth in labels."""
    patients = simulate.draw_patients(PATIENTS, SEED)
    truth = simulate.truth(patients)[finding].astype(float)
    label = (simulate.report_labels(patients, SEED)[finding] == simulate.POSITIVE).astype(float)
    film = simulate.film_measures(patients, SEED)[:, simulate.FINDINGS.index(finding)]
    inputs = simulate.ecg_determinants(patients).astype(float)
    inputs = (inputs - inputs.mean(axis=0)) / (inputs.std(axis=0) + 1e-9)
    half = PATIENTS // 2
    fitted = LogisticRegression(C=0.3, max_iter=500).fit(inputs[:half], truth[:half])
    told = fitted.decision_function(inputs)[half:]

    def square(target: Column) -> float:
        return float(np.corrcoef(target[half:], told)[0, 1] ** 2)

    one = square(label)
    yield "report's label", 1.0
    yield "truth", square(truth) / one
    yield "true severity", square(severity(patients)[finding].astype(float)) / one
    teacher = reader(truth, film.astype(float), TEACHER)
    believed = LogisticRegression().fit(teacher[:, None], label).predict_proba(teacher[:, None])
    for trust in TRUST:
        target = trust * believed[:, 1] + (1 - trust) * label
        yield f"teacher of AUROC {TEACHER:g}, trust {trust:g}", square(target) / one


def reader(truth: Column, film: Column, wanted: float) -> Column:
    """What the film shows, read with as much error as gives an AUROC."""
    error = np.random.default_rng(0).normal(size=len(film)) * film.std()
    low, high = 0.0, 20.0
    for _ in range(25):
        middle = (low + high) / 2
        above = roc_auc_score(truth, film + middle * error) > wanted
        low, high = (middle, high) if above else (low, middle)
    return film + low * error


def main() -> None:
    """Print a Markdown table."""
    found = [dict(targets_of(finding)) for finding in simulate.FINDINGS]
    print("| target | " + " | ".join(name.replace("_", " ") for name in simulate.FINDINGS) + " |")
    print("| --- " * (1 + len(found)) + "|")
    for target in found[0]:
        print(f"| {target} | " + " | ".join(f"{each[target]:.1f}" for each in found) + " |")


if __name__ == "__main__":
    main()
