"""The pictures of a study's report."""

from collections.abc import Mapping, Sequence
from typing import Any

from crossbeat.cli.training_curves import training_curves
from crossbeat.data.cohort import Cohort
from crossbeat.evaluation import figures, forests, names
from crossbeat.evaluation.ecg_page import ecg_page
from crossbeat.evaluation.embedding_map import embedding_map
from crossbeat.evaluation.pictures import Picture, xray
from crossbeat.evaluation.predictions import Predictions
from crossbeat.evaluation.theme import colours, picture
from crossbeat.recipes import predicted_names
from crossbeat.recipes.run import Run, embeddings, evaluation_rows
from crossbeat.signal import Ecg

Pictures = dict[str, Sequence[Picture]]


def illustrate(
    results: Mapping[str, Any],
    scored: Mapping[str, Predictions],
    runs: Mapping[str, Run],
    cohort: Cohort,
) -> Pictures:
    """Every picture of the report, by the place where it stands.

    Args:
        results: as ``compare`` returns them.
        scored: one run of each model.
        runs: the same runs.
        cohort: whose test split was measured.
    """
    method = runs[results["method"]]
    return {
        "results": [_forest(results)],
        "ablations": [_differences(results)],
        "roc": _curves(results, scored, figures.roc, "ROC curve"),
        "calibration": _curves(results, scored, figures.calibration, "Calibration"),
        "embeddings": _maps(method, cohort) if "ecg_encoder" in method.parts else [],
        "ecg": [_ecg(cohort)] if cohort.info.leads else [],
        "xrays": _xrays(cohort, predicted_names(method.recipe)) if cohort.info.image_size else [],
        "training": training_curves(method),
    }


def _forest(results: Mapping[str, Any]) -> Picture:
    return picture(
        forests.forest(results),
        title="AUROC of every model",
        caption="Point: the test split; line: 95 % interval.",
        alt="Forest plot of AUROC by finding and model",
    )


def _differences(results: Mapping[str, Any]) -> Picture:
    return picture(
        forests.differences(results),
        title="Paired differences",
        caption="Both models of a pair on the same patients.",
        alt="Plot of paired differences of AUROC",
    )


def _curves(
    results: Mapping[str, Any], scored: Mapping[str, Predictions], draw: Any, title: str
) -> list[Picture]:
    method, baseline = results["method"], results["baseline"]
    shown = {
        name: scored[name]
        for name in (baseline, method, "distillation", "teacher")
        if name in scored
    }
    paint = colours(shown, method=method, baseline=baseline)
    return [
        picture(
            draw(shown, finding, paint),
            title=names.plain(finding).capitalize(),
            caption=f"{title} on the test split.",
            alt=f"{title} of {len(shown)} models for {names.plain(finding)}",
        )
        for finding in scored[method].findings
    ]


def _maps(run: Run, cohort: Cohort) -> list[Picture]:
    rows = evaluation_rows(cohort, "test")
    truth = cohort.truth(rows, predicted_names(run.recipe)).double().numpy()
    shown = []
    for when, stage in _stages(run).items():
        vectors = embeddings(stage, cohort, rows).double().numpy()
        drawn = embedding_map(vectors, seed=run.seed, most=1000)
        shown += [
            picture(
                figures.embedding(drawn.points, truth[drawn.rows, column], finding=finding),
                title=f"{names.plain(finding).capitalize()}, {when}",
                caption=f"t-SNE of {len(drawn.rows)} test ECGs by the encoder {when}.",
                alt=f"Map of ECG embeddings {when}, coloured by {names.plain(finding)}",
            )
            for column, finding in enumerate(predicted_names(run.recipe))
        ]
    return shown


def _stages(run: Run) -> dict[str, Run]:
    """The encoder before and after alignment, or as it is where nothing was aligned."""
    phases = [phase["name"] for phase in run.phases]
    if "alignment" not in phases:
        return {"after training": run}
    before = run.after(phases[phases.index("alignment") - 1]) if phases[0] != "alignment" else run
    return {"before alignment": before, "after alignment": run.after("alignment")}


def _ecg(cohort: Cohort) -> Picture:
    row = evaluation_rows(cohort, "test")[:1]
    batch = cohort.ecgs(row)
    ecg = Ecg(batch.values[0].numpy(), batch.leads, batch.fs)
    return picture(
        ecg_page(ecg),
        title=f"Patient {cohort.patients(row)[0]}",
        caption="As the encoder gets it, before normalisation: 25 mm/s, 10 mm/mV.",
        alt="12-lead ECG on paper",
        wide=True,
    )


def _xrays(cohort: Cohort, findings: tuple[str, ...]) -> list[Picture]:
    rows = evaluation_rows(cohort, "test")
    truth = cohort.truth(rows, findings).numpy() == 1
    none = rows[~truth.any(axis=1)][:1]
    chosen = [("None of the findings", none)]
    for column, finding in enumerate(findings):
        alone = truth[:, column] & (truth.sum(axis=1) == 1)
        chosen.append((names.plain(finding).capitalize(), rows[alone][:1]))
    return [
        xray(
            cohort.xrays(row)[0].numpy(),
            title=title,
            caption=f"Patient {cohort.patients(row)[0]}, as the encoder sees it.",
        )
        for title, row in chosen
        if len(row)
    ]
