"""The sentences of the report, made from the numbers by the same rules whoever wins."""

from collections.abc import Mapping, Sequence
from typing import Any

from crossbeat.evaluation import names
from crossbeat.evaluation.compare import MEAN
from crossbeat.evaluation.results import verdict

Json = Mapping[str, Any]

PRIMARY = "auroc"
"""The metric that the short answer is about."""

DISCLAIMER = (
    "Not a medical device: these models are for research and must not be used to diagnose, "
    "treat or triage anyone."
)

_KINDS = {
    "paired": "Each ECG and its X-ray come from the same patient.",
    "matched": (
        "Label-matched pairs: an ECG and its X-ray come from different patients who share labels. "
        "Such pairs can show that the method works. They cannot show that patients would gain."
    ),
    "single": "The cohort holds one modality.",
    "virtual": (
        "The patients are simulated. The figures show how methods compare where the truth is "
        "known; they say nothing about real patients."
    ),
}

_ONE_SEED = (
    "Each model was trained once. Another seed or another processor changes every figure a little; "
    "the intervals are over test patients alone."
)

LIMITS = (
    (
        "Intervals are 95 % intervals. For one run, the interval covers test patients. For several "
        "runs on the same patients, it covers patients and runs. If every seed has its own "
        "patients, it covers seeds. No interval covers another hospital or another recorder."
    ),
    (
        "Intervals are not corrected for the number of comparisons. If there is no true "
        "difference, 5 % of the intervals still exclude zero."
    ),
    (
        "Thresholds and calibration were chosen on validation patients; the test split was "
        "used for the figures of this report only."
    ),
    ("On small samples, the calibration error and its interval are too high."),
)


def kind(results: Json) -> str:
    """What the pairs of the cohort are; empty for a kind without an entry."""
    return _KINDS.get(str(results["cohort"].get("kind", "")), "")


def winner(method: str, baseline: str, found: Json) -> str:
    """Who won, in a few words.

    Args:
        method: what it is called.
        baseline: what it is called.
        found: the difference of the two, with a value.
    """
    return {
        1: f"Yes: {method} was better than {baseline}.",
        0: f"Not shown: {method} and {baseline} cannot be told apart.",
        -1: f"No: {method} was worse than {baseline}.",
    }[verdict(found)]


def sentence(results: Json) -> str:
    """The result in one sentence, whoever wins."""
    method, baseline = (names.model(role).label for role in _roles(results))
    one, other = (results["models"][name][MEAN][PRIMARY]["value"] for name in _roles(results))
    found = _main(results)[MEAN][PRIMARY]
    if None in (one, other, found["value"]):
        return "The mean AUROC is undefined on this test split."
    return (
        f"{_setting(results)}{method} reaches a mean AUROC of {100 * one:.1f}; "
        f"{baseline} reaches {100 * other:.1f}: {_gain(found)}{_way(results)}."
    )


def remarks(results: Json) -> list[str]:
    """What a reader has to know before the sentence is quoted."""
    texts = [kind(results), between_seeds(results, PRIMARY, called=names)]
    texts += [_doubt(results, name) for name in _others(results)]
    return [text for text in (*texts, *results.get("notes", ())) if text]


def controls(results: Json) -> list[str]:
    """A sentence on every model that the method is compared with, and on the limits."""
    texts = [_findings_sentence(results)]
    texts += [_control(results, name) for name in _others(results)]
    texts += [_teacher(results)] if "teacher" in results["models"] else []
    texts += [_limit(name, found) for name, found in results.get("limits", {}).items()]
    return [text for text in texts if text]


def limit_of(results: Json) -> tuple[str, Json] | None:
    """The limit that models are measured by: that of clean labels, else the first; its AUROC."""
    limits = {
        name: found[MEAN][PRIMARY]
        for name, found in results.get("limits", {}).items()
        if PRIMARY in found.get(MEAN, {})
    }
    name = names.CLEAN if names.CLEAN in limits else next(iter(limits), None)
    return None if name is None else (name, limits[name])


def between_seeds(results: Json, metric: str, *, called: names.Called) -> str:
    """How far apart the training seeds are, or that there is only one.

    Args:
        results: with one value of the mean for each run as ``by_run``, where there are several.
        metric: of the mean.
        called: what models and metrics are called.
    """
    ranges = []
    for name in _roles(results):
        runs = results["models"][name][MEAN][metric].get("by_run", [])
        known = [value for value in runs if value is not None]
        if len(known) > 1:
            label = called.model(name).label
            ranges.append(f"{min(known):.3f} to {max(known):.3f} for {label}")
    if ranges:
        return f"Between training seeds the mean {called.metric(metric)} ran from {listed(ranges)}."
    return _ONE_SEED if len(results["seeds"]) == 1 else ""


def listed(items: Sequence[str]) -> str:
    """Items with commas between them, the last after *and*."""
    return " and ".join(filter(None, (", ".join(items[:-1]), items[-1])))


def interval(found: Json) -> str:
    """An estimate in percent as text: the value, and its interval in brackets."""
    if found["value"] is None:
        return "undefined"
    if found["low"] is None:
        return f"{100 * found['value']:.1f}"
    return f"{100 * found['value']:.1f} ({100 * found['low']:.1f} to {100 * found['high']:.1f})"


def signed(found: Json) -> tuple[str, str]:
    """A difference in points (hundredths), and its interval; the latter may be empty."""
    if found["value"] is None:
        return "undefined", ""
    value = _points(found["value"])
    if found["low"] is None:
        return value, ""
    return value, f"{_points(found['low'])} to {_points(found['high'])}"


def capital(text: str) -> str:
    """A sentence's first word; a name that is written small stays small."""
    return text if text.startswith("crossbeat") else text[:1].upper() + text[1:]


def _setting(results: Json) -> str:
    """What the models learned from, as the beginning of a sentence; empty where it is not known."""
    counts = results["cohort"].get("training", {})
    pairs, labelled, films = (
        counts.get(name) for name in ("pairs", "labelled_pairs", "labelled_xrays")
    )
    if not pairs:
        return ""
    text = f"With {pairs:,} pairs of ECG and X-ray"
    if labelled < pairs:
        text += f", of which {labelled:,} have labels"
    if films > labelled:
        text += f", and a teacher that has learned from {films:,} labelled X-rays"
    return f"{text}, "


def _gain(found: Json) -> str:
    points = abs(100 * found["value"])
    if found["low"] is None:
        return f"a difference of {_points(found['value'])} points"
    if verdict(found) == 0:
        low, high = (_points(found[end]) for end in ("low", "high"))
        return (
            f"the difference of {_points(found['value'])} points may be chance "
            f"(95 % interval {low} to {high})"
        )
    ends = sorted(abs(100 * found[end]) for end in ("low", "high"))
    word = "gain" if verdict(found) > 0 else "loss"
    return f"a {word} of {points:.1f} points (95 % interval {ends[0]:.1f} to {ends[1]:.1f})"


def _way(results: Json) -> str:
    """The share of the way to the limit of clean labels, where the method gains."""
    limit = limit_of(results)
    if limit is None or limit[0] != names.CLEAN or verdict(_main(results)[MEAN][PRIMARY]) <= 0:
        return ""
    one, other = (results["models"][name][MEAN][PRIMARY]["value"] for name in _roles(results))
    top = limit[1]["value"]
    if top is None or top <= other:
        return ""
    return f", {100 * (one - other) / (top - other):.0f} % of the way to the clean-label limit"


def _findings_sentence(results: Json) -> str:
    groups: dict[int, list[str]] = {1: [], 0: [], -1: []}
    for finding, found in _main(results).items():
        if finding != MEAN and found[PRIMARY]["value"] is not None:
            value = f"{names.plain(finding)} ({_points(found[PRIMARY]['value'])})"
            groups[verdict(found[PRIMARY])].append(value)
    texts = {1: "Clearly better", 0: "No clear difference", -1: "Clearly worse"}
    told = [f"{text}: {listed(groups[sign])}." for sign, text in texts.items() if groups[sign]]
    return " ".join(told)


def _others(results: Json) -> list[str]:
    """The models beside the method, the baseline and the teacher."""
    return [name for name in results["models"] if name not in (*_roles(results), "teacher")]


def _control(results: Json, name: str) -> str:
    method, control = names.model(results["method"]).label, names.model(name)
    found = results["differences"][f"{results['method']} - {name}"][MEAN][PRIMARY]
    if found["value"] is None:
        return ""
    told = {
        1: f"{capital(method)} is better than {control.label} by {_difference(found)}.",
        0: (
            f"{capital(method)} differs from {control.label} by {_difference(found)}: "
            "this may be chance."
        ),
        -1: f"{capital(method)} is worse than {control.label}: {_difference(found)}.",
    }
    meaning = f" {capital(control.label)}: {control.meaning}." if control.meaning else ""
    return told[verdict(found)] + meaning


def _doubt(results: Json, name: str) -> str:
    """What a control takes from a gain; empty where the method beats it, and without a gain."""
    found = results["differences"][f"{results['method']} - {name}"][MEAN][PRIMARY]
    gained = verdict(_main(results)[MEAN][PRIMARY]) > 0
    if not gained or found["value"] is None or verdict(found) > 0:
        return ""
    method, control = names.model(results["method"]).label, names.model(name).label
    start = f"{capital(method)} is not shown to be better than {control}."
    if name.endswith("shuffled"):
        return f"{start} The gain does not need the patient's own X-ray."
    if "no-" in name:
        return f"{start} The part that {control} lacks is not shown to matter."
    return f"{start} This simpler model may be enough."


def _teacher(results: Json) -> str:
    found = results["models"]["teacher"][MEAN][PRIMARY]
    if found["value"] is None:
        return ""
    return f"The X-ray teacher reads the X-ray itself and reaches {interval(found)}."


def _limit(name: str, found: Json) -> str:
    bound = names.limit(name)
    if MEAN not in found or PRIMARY not in found[MEAN]:
        return ""
    return f"Upper limit, {bound.label}{_aside(bound.meaning)}: {interval(found[MEAN][PRIMARY])}."


def _roles(results: Json) -> tuple[str, str]:
    return results["method"], results["baseline"]


def _main(results: Json) -> Json:
    return results["differences"]["{} - {}".format(*_roles(results))]


def _difference(found: Json) -> str:
    value, ends = signed(found)
    return f"{value} points (95 % interval {ends})" if ends else f"{value} points"


def _points(value: float) -> str:
    text = f"{100 * value:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")


def _aside(meaning: str) -> str:
    return f" ({meaning})" if meaning else ""
