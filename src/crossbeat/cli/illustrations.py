"""The pictures of a study's report."""

from collections.abc import Mapping, Sequence
from typing import Any

from crossbeat.cli.training_curves import training_curves
from crossbeat.data.cohort import Cohort
from crossbeat.evaluation import figures, forests, names
from crossbeat.evaluation.bars import bars
from crossbeat.evaluation.ecg_page import ecg_page
from crossbeat.evaluation.embedding_map import embedding_map
from crossbeat.evaluation.patients import Patients
from crossbeat.evaluation.pictures import Picture, xray
from crossbeat.evaluation.predictions import Predictions
from crossbeat.evaluation.report_patients import HELPED, MISSED
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
    patients: Patients | None,
) -> Pictures:
    """Every picture of the report, by the place where it stands.

    Args:
        results: as ``compare`` returns them.
        scored: one run of each model.
        runs: the same runs.
        cohort: whose test split was measured.
        patients: among whom are two to be shown.
    """
    method = runs[results["method"]]
    shown = {HELPED: patients.helped, MISSED: patients.missed} if patients else {}
    return {
        "models": [_bars(results)],
        **{place: _patient(cohort, each.row) for place, each in shown.items() if each},
        "differences": _differences(results),
        "findings": [_forest(results)],
        "roc": _curves(results, scored, figures.roc, "ROC curve"),
        "calibration": _curves(results, scored, figures.calibration, "Calibration"),
        "embeddings": _maps(method, cohort) if "ecg_encoder" in method.parts else [],
        "training": training_curves(method),
    }


def _bars(results: Mapping[str, Any]) -> Picture:
    number = len(results["test"]["findings"])
    return picture(
        bars(results),
        title="Mean AUROC of every model.",
        caption=(
            f"Mean over {number} findings of {results['test']['patients']:,} test patients. Thin "
            f"lines across the bars: {names.model(results['baseline']).label}"
            f"{' and the limit' if results.get('limits') else ''}."
        ),
        alt="Bars of the mean AUROC of every model with 95 % intervals",
    )


def _forest(results: Mapping[str, Any]) -> Picture:
    return picture(
        forests.forest(results),
        title="AUROC of every model",
        caption="Point: the test split; line: 95 % interval.",
        alt="Forest plot of AUROC by finding and model",
    )


def _differences(results: Mapping[str, Any]) -> list[Picture]:
    """Of the method from every other model but the teacher, if there is one."""
    if not set(results["models"]) - {results["method"], "teacher"}:
        return []
    return [
        picture(
            forests.differences(results),
            title="Paired differences",
            caption="Both models of a pair on the same patients.",
            alt="Plot of paired differences of AUROC",
        )
    ]


def _curves(
    results: Mapping[str, Any], scored: Mapping[str, Predictions], draw: Any, title: str
) -> list[Picture]:
    method, baseline = results["method"], results["baseline"]
    shown = {
        name: scored[name]
        for name in dict.fromkeys((baseline, method, "cromotex", "distillation", "teacher"))
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


def _patient(cohort: Cohort, row: int) -> list[Picture]:
    """The ECG and the X-ray of a test patient, as far as there are any.

    Args:
        row: among the test samples.
    """
    rows = evaluation_rows(cohort, "test")[row : row + 1]
    shown = []
    if cohort.info.leads:
        batch = cohort.ecgs(rows)
        shown.append(
            picture(
                ecg_page(Ecg(batch.values[0].numpy(), batch.leads, batch.fs)),
                title="The ECG.",
                caption="Both models read this ECG and nothing else.",
                alt="12-lead ECG on paper",
                wide=True,
            )
        )
    if cohort.info.image_size:
        caption = "It is shown for the reader. The ECG models do not read it."
        shown.append(
            xray(cohort.images("xray", rows)[0].numpy(), title="The X-ray.", caption=caption)
        )
    return shown
