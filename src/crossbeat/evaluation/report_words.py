"""The sentences of the report, made from the numbers; they are the same whoever wins."""

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
        "Such pairs can show that the method works as a mechanism, not that patients would gain."
    ),
    "single": "The cohort holds one modality.",
    "virtual": (
        "The patients are simulated. The numbers show that the code and the method do what they "
        "should where the truth is known; they say nothing about real patients."
    ),
}

_ONE_SEED = (
    "This is one training seed: another, or this one on another processor, may put the models in "
    "another order. The intervals are over test patients alone."
)

LIMITS = (
    (
        "Intervals are 95 % intervals. A single run's are over its test patients; those of several "
        "runs on the same patients are over patients and runs; where every seed has patients of "
        "its own they are over seeds. They do not cover another hospital or another recorder."
    ),
    (
        "Nothing is corrected for the number of comparisons: of many differences without "
        "substance, one in twenty has an interval that excludes zero."
    ),
    (
        "Thresholds and calibration were chosen on validation patients; the test split was "
        "used for the figures of this report only."
    ),
    ("The calibration error is biased upwards on small samples, and its interval with it."),
)


def question(results: Json) -> str:
    """What the study asks, in one sentence."""
    method, baseline = (names.model(results[role]) for role in ("method", "baseline"))
    findings = listed([names.plain(name) for name in results["test"]["findings"]])
    return (
        f"Does {method.label} find {findings} in an ECG better than {baseline.label}"
        f"{_aside(baseline.meaning)}, in patients that neither has seen?"
    )


def kind(results: Json) -> str:
    """What the pairs of the cohort are; empty for a kind without an entry."""
    return _KINDS.get(str(results["cohort"].get("kind", "")), "")


def headline(results: Json) -> str:
    """Who won, in a few words."""
    method, baseline = (names.model(results[role]).label for role in ("method", "baseline"))
    found = _main(results)[MEAN][PRIMARY]
    if found["value"] is None:
        return "The mean over findings is undefined on this test split."
    return winner(method, baseline, found)


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


def answer(results: Json) -> list[str]:
    """The short answer: the mean, the findings, the controls, the teacher and the limits."""
    seeds = between_seeds(results, PRIMARY, called=names)
    sentences = [_mean_sentence(results), _findings_sentence(results), seeds]
    others = [name for name in results["models"] if name not in _roles(results)]
    sentences += [_control(results, name) for name in others if name != "teacher"]
    if "teacher" in others:
        sentences.append(_teacher(results))
    sentences += [_limit(name, found) for name, found in results.get("limits", {}).items()]
    return [sentence for sentence in sentences if sentence]


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
    """An estimate as text: the value, and its interval in brackets."""
    if found["value"] is None:
        return "undefined"
    if found["low"] is None:
        return f"{found['value']:.3f}"
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def signed(found: Json) -> tuple[str, str]:
    """A difference in points (hundredths), and its interval; the latter may be empty."""
    if found["value"] is None:
        return "undefined", ""
    value = _points(found["value"])
    if found["low"] is None:
        return value, ""
    return value, f"{_points(found['low'])} to {_points(found['high'])}"


def _mean_sentence(results: Json) -> str:
    method, baseline = _roles(results)
    one, other = (results["models"][name][MEAN][PRIMARY] for name in (method, baseline))
    found = _main(results)[MEAN][PRIMARY]
    if found["value"] is None:
        return ""
    return (
        f"Over all findings, {names.model(method).label} reached a mean AUROC of {interval(one)}, "
        f"{names.model(baseline).label} {interval(other)}: a difference of {_difference(found)}"
        f"{'' if verdict(found) else ', which includes zero'}."
    )


def _findings_sentence(results: Json) -> str:
    groups: dict[int, list[str]] = {1: [], 0: [], -1: []}
    for finding, found in _main(results).items():
        if finding != MEAN and found[PRIMARY]["value"] is not None:
            value = f"{names.plain(finding)} ({_points(found[PRIMARY]['value'])})"
            groups[verdict(found[PRIMARY])].append(value)
    texts = {1: "Clearly better", 0: "No clear difference", -1: "Clearly worse"}
    told = [f"{text}: {listed(groups[sign])}." for sign, text in texts.items() if groups[sign]]
    return " ".join(told)


def _control(results: Json, name: str) -> str:
    method = names.model(results["method"]).label
    control = names.model(name)
    found = results["differences"][f"{results['method']} - {name}"][MEAN][PRIMARY]
    if found["value"] is None:
        return ""
    against = f"Against {control.label}{_aside(control.meaning)}, {method} "
    told = {
        1: f"gained {_difference(found)}.",
        0: f"showed no clear difference: {_difference(found)}.{_doubt(results, name)}",
        -1: f"lost: {_difference(found)}.{_doubt(results, name)}",
    }
    return against + told[verdict(found)]


def _doubt(results: Json, name: str) -> str:
    if verdict(_main(results)[MEAN][PRIMARY]) <= 0:
        return ""
    if name == "shuffled":
        return " So the gain cannot be put down to who was paired with whom."
    if name.startswith("no-"):
        return " So this part of the method was not shown to matter."
    return " So this simpler way may explain the gain."


def _teacher(results: Json) -> str:
    method, baseline = _roles(results)
    top, one, other = (
        results["models"][name][MEAN][PRIMARY] for name in ("teacher", method, baseline)
    )
    if None in (top["value"], one["value"], other["value"]):
        return ""
    text = f"The {names.model('teacher').label} itself reached {interval(top)}."
    gap = top["value"] - other["value"]
    if gap <= 0:
        return (
            f"{text} It was no better than {names.model(baseline).label}: it had little to teach."
        )
    share = (one["value"] - other["value"]) / gap
    if share <= 0:
        return f"{text} {names.model(method).label} closed none of the gap to it."
    return (
        f"{text} {names.model(method).label} closed {100 * share:.0f} % of the gap between "
        f"{names.model(baseline).label} and it."
    )


def _limit(name: str, found: Json) -> str:
    bound = names.limit(name)
    if MEAN not in found or PRIMARY not in found[MEAN]:
        return ""
    return f"Upper limit “{bound.label}”{_aside(bound.meaning)}: {interval(found[MEAN][PRIMARY])}."


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
