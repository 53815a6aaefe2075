"""The sections of the report that tell what results hold."""

from collections.abc import Iterator
from dataclasses import replace

from crossbeat.evaluation import names
from crossbeat.evaluation.results import targets_of
from crossbeat.files import ReadJson
from crossbeat.report import forests, words
from crossbeat.report.page import bullets, folded, paragraph, pictures, sheet_table, table
from crossbeat.report.subject import Subject
from crossbeat.report.tables import Sheet, mean_first, of_measures, of_targets
from crossbeat.report.theme import picture
from crossbeat.targets import FINDING, KINDS


def result(it: Subject) -> Iterator[str]:
    """The picture of all models, and the result in a sentence."""
    results, metric = it.results, names.metric(it.kind.leads)
    limit = " and the limit" if results.get("limits") else ""
    drawn = picture(
        forests.bars(results),
        title=f"Mean {metric} of every model.",
        caption=(
            f"Mean over {len(targets_of(results))} {it.kind.plural} of "
            f"{results['test'].get('patients', 0):,} test patients. Thin lines across the bars: "
            f"{it.label(results['baseline'])}{limit}."
        ),
        alt=f"Bars of the mean {metric} of every model with 95 % intervals",
    )
    told = [
        paragraph(words.sentence(results), "headline"),
        *(paragraph(text, "caution") for text in words.remarks(results)),
        paragraph(words.DISCLAIMER, "notice"),
    ]
    yield f'<div class="first">{pictures([drawn])}<div>{"".join(told)}</div></div>'


def controls(it: Subject) -> Iterator[str]:
    """The paired differences."""
    results, metric = it.results, names.metric(it.kind.leads)
    yield bullets(words.controls(results))
    if forests.has_differences(results):
        drawn = picture(
            forests.differences(results),
            title="Paired differences",
            caption="Both models of a pair on the same patients.",
            alt=f"Plot of paired differences of {metric}",
        )
        yield pictures([drawn])
    first, *others = [_differences(it, results, metric) for metric in it.kind.metrics]
    yield first
    yield paragraph(
        "Both models of a pair are scored on the same test patients. ▲ and ▼ mark intervals that "
        f"exclude 0: the first model is clearly better or worse. One point is one percentage "
        f"point of {metric}.",
        "note",
    )
    if any(others):
        yield folded("Differences in other metrics", *others)


def targets(it: Subject) -> Iterator[str]:
    """Every metric of every target."""
    results, models = it.results, it.results["models"]
    drawn = picture(
        forests.forest(results),
        title=f"{names.metric(it.kind.leads)} of every model",
        caption="Point: the test split; line: 95 % interval.",
        alt=f"Forest plot of {names.metric(it.kind.leads)} by {it.kind.name} and model",
    )
    yield pictures([drawn])
    first, *others = [_values(it, results, metric) for metric in it.kind.metrics]
    yield first
    yield paragraph("The 95 % interval stands below each value.", "note")
    yield _tallies(it)
    yield from others
    yield paragraph(_notes(it), "note")
    told = [words.called(it.results, name) for name in models]
    meanings = [f"{name.label}: {name.meaning}" for name in told if name.meaning]
    yield folded("What each model is", bullets(meanings))


def _notes(it: Subject) -> str:
    lower = [names.metric(name) for name in it.kind.metrics if names.lower_is_better(name)]
    scaled = [names.metric(name) for name in it.kind.in_deviations]
    told = [
        f"For {words.listed(lower)} lower is better." if lower else "",
        f"The {words.listed(scaled)} of the mean is in standard deviations of the {it.kind.name} "
        "(SD)."
        if scaled
        else "",
        it.kind.note(it.results["test"][it.kind.plural]),
    ]
    return " ".join(filter(None, told))


def _tallies(it: Subject) -> str:
    """How many patients with every finding are found; nothing without patients."""
    if it.patients is None:
        return ""
    method, baseline = words.roles(it.results)
    header = ["Finding", "Patients with it", f"Found by {baseline}", f"Found by {method}"]
    header += [f"Only by {method}", f"Only by {baseline}", "By neither", "Patients without it"]
    header += [f"False alarms, {baseline}", f"False alarms, {method}"]
    rows = []
    for each in it.patients.tallies:
        numbers = [each.having, each.by_baseline, each.by_method, each.gained, each.lost]
        numbers += [each.by_neither, each.without, each.alarms_baseline, each.alarms_method]
        rows.append([words.titled(each.finding), *map("{:,}".format, numbers)])
    return table("Test patients found and missed", header, rows)


def _values(
    it: Subject, found: ReadJson, metric: str, *, part: str = "models", reading: str = ""
) -> str:
    """A table of a metric: a row per model, the mean first."""

    def called(name: str) -> str:
        return it.label(name.removesuffix(f", {reading}"))

    sheet = of_targets(found, metric, part=part, called=called, columns=mean_first(found))
    title = f"{reading}: {sheet.title}" if reading else words.capital(sheet.title)
    sheet = replace(sheet, title=title).fitting()
    return sheet_table(sheet, marked=it.label(it.results["method"]))


def _differences(it: Subject, found: ReadJson, metric: str, *, reading: str = "") -> str:
    def called(pair: str) -> str:
        return words.pair(it.results, pair.replace(f", {reading}", ""))

    columns = mean_first(found)
    sheet = of_targets(found, metric, part="differences", called=called, columns=columns)
    points = " in points" if names.in_percent(metric) else ""
    title = f"{f'{reading}: ' if reading else ''}Differences in {names.metric(metric)}{points}"
    return sheet_table(replace(sheet, title=title).fitting())


def screened(it: Subject) -> Iterator[str]:
    """Findings that are told from estimates of measurements."""
    found = it.results["screening"]
    yield paragraph(words.screened(it.results))
    yield paragraph(
        "A low estimate calls the finding; the AUROC does not ask whether the estimate is right.",
        "note",
    )
    yield _values(it, found, FINDING.leads)
    yield _differences(it, found, FINDING.leads)


def second_kind(it: Subject) -> Iterator[str]:
    """The targets of models that predict several kinds, beside those of the kind that leads."""
    for kind in KINDS.values():
        for metric in kind.metrics if kind.plural in it.results else ():
            yield _values(it, it.results[kind.plural], metric)
            yield _differences(it, it.results[kind.plural], metric)


def probes(it: Subject) -> Iterator[str]:
    """Linear probes of the encoders."""
    yield paragraph(
        "A linear model reads the frozen embeddings. The encoders themselves learned from the "
        "targets of all training patients; self-supervision used none.",
        "note",
    )
    for name, found in it.results.get("readings", {}).items():
        yield _values(it, found, it.kind.leads, reading=name)
        yield _differences(it, found, it.kind.leads, reading=name)
    for share, models in it.results.get("probes", {}).items():
        sheet = of_targets({"models": models}, it.kind.leads, called=it.label)
        yield sheet_table(replace(sheet, title=f"{sheet.title} with {share} of the labels"))


def retrieval(it: Subject) -> Iterator[str]:
    """How well embeddings find the own patient and similar ones."""
    yield paragraph(
        "Recall is of the own patient; all else is about the 10 nearest other patients, in "
        "standard deviations of the gallery. A random search and one that knows the measurements "
        "are the limits.",
        "note",
    )
    yield paragraph(words.retrieved(it.results))
    yield from measured(it, "retrieval")


def measured(it: Subject, part: str) -> Iterator[str]:
    """The tables of what was measured row by row."""
    for alone in (False, True):
        values, limits, pairs = (
            of_measures(it.results, part, ending=ending, alone=alone, called=called)
            for ending, called in (
                ("", it.label),
                ("_limits", it.label),
                ("_differences", lambda name: words.pair(it.results, name)),
            )
        )
        yield sheet_table(Sheet(values.title, values.header, [*values.rows, *limits.rows]))
        yield sheet_table(replace(pairs, title=f"{values.title}, differences"))


def limits(it: Subject) -> Iterator[str]:
    """The upper limits, and what no interval covers."""
    found = {"models": it.results["models"], "limits": it.results.get("limits", {})}
    sheet = of_targets(
        found,
        it.kind.leads,
        part="limits",
        called=lambda name: names.limit(name).label,
        columns=mean_first(found),
    )
    yield sheet_table(replace(sheet, header=["Upper limit", *sheet.header[1:]]))
    yield bullets(words.limits(it.results))
