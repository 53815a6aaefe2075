"""The sentences of a cardiac MRI report, made from the numbers; they are the same whoever wins."""

from collections.abc import Mapping
from typing import Any

from crossbeat.evaluation import measurement_names as names
from crossbeat.evaluation.compare import MEAN
from crossbeat.evaluation.report_words import between_seeds, listed, winner
from crossbeat.evaluation.results import verdict
from crossbeat.evaluation.retrieval import DIFFERENCE

Json = Mapping[str, Any]

PRIMARY = "r2"
"""The metric that the short answer is about."""

_KINDS = {
    "paired": "Each ECG and its cine MRI come from the same patient.",
    "single": "The cohort holds one modality.",
    "virtual": (
        "The patients are simulated. The numbers show that the code and the method do what they "
        "should where the truth is known; they say nothing about real patients."
    ),
}

_DOUBTS = {
    **dict.fromkeys(
        ("shuffled", "ptacl-shuffled"),
        " So the gain cannot be put down to who was paired with whom.",
    ),
    "ptacl-shuffled-frames": " So the gain cannot be put down to the order of the frames.",
    **dict.fromkeys(
        ("global", "ptacl-global"), " So the alignment in time was not shown to matter."
    ),
}
"""What follows where the method gains on the baseline, and not on a control."""

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
        "R² compares with telling everyone the mean of the test patients; it is below zero for a "
        "model that does worse. Estimates are drawn towards the middle: the largest hearts are "
        "told too small."
    ),
    (
        "The larger the gallery, the rarer the own patient is found: recall cannot be compared "
        "between galleries of different size."
    ),
)


def question(results: Json) -> str:
    """What the study asks, in one sentence."""
    method, baseline = (names.model(results[role]) for role in ("method", "baseline"))
    aside = f" ({baseline.meaning})" if baseline.meaning else ""
    return (
        f"Does {method.label} predict cardiac measurements from an ECG better than "
        f"{baseline.label}{aside}, in patients that neither model has seen?"
    )


def kind(results: Json) -> str:
    """What the pairs of the cohort are; empty for a kind without an entry."""
    return _KINDS.get(str(results["cohort"].get("kind", "")), "")


def headline(results: Json) -> str:
    """Who won, in a few words."""
    method, baseline = (names.model(results[role]).label for role in ("method", "baseline"))
    found = _main(results)[MEAN][PRIMARY]
    if found["value"] is None:
        return "The mean over measurements is undefined on this test split."
    return winner(method, baseline, found)


def answer(results: Json) -> list[str]:
    """The short answer: the mean, the measurements, the controls, the teacher, the other tasks."""
    method, baseline = results["method"], results["baseline"]
    others = [name for name in results["models"] if name not in (method, baseline, *names.TEACHERS)]
    sentences = [
        _mean(results),
        _measurements(results),
        between_seeds(results, PRIMARY, called=names),
    ]
    sentences += [_control(results, name) for name in others]
    sentences += [_teacher(results), _screening(results), _retrieval(results)]
    return [sentence for sentence in sentences if sentence]


def interval(found: Json) -> str:
    """An estimate as text: the value, and its interval in brackets."""
    return _text(found, "")


def _text(found: Json, sign: str) -> str:
    if found["value"] is None:
        return "undefined"
    value, *ends = (
        None if found[end] is None else f"{found[end]:{sign}.3f}".replace("-", "−")
        for end in ("value", "low", "high")
    )
    return f"{value}" if None in ends else f"{value} ({ends[0]} to {ends[1]})"


def _mean(results: Json) -> str:
    method, baseline = results["method"], results["baseline"]
    one, other = (results["models"][name][MEAN][PRIMARY] for name in (method, baseline))
    found = _main(results)[MEAN][PRIMARY]
    if found["value"] is None:
        return ""
    return (
        f"Over all measurements, {names.model(method).label} reached a mean R² of {interval(one)}, "
        f"{names.model(baseline).label} {interval(other)}: a difference of {_text(found, '+')}"
        f"{'' if verdict(found) else ', which includes zero'}."
    )


def _measurements(results: Json) -> str:
    groups: dict[int, list[str]] = {1: [], 0: [], -1: []}
    for name, found in _main(results).items():
        if name != MEAN and found[PRIMARY]["value"] is not None:
            value = f"{found[PRIMARY]['value']:+.3f}".replace("-", "−")
            groups[verdict(found[PRIMARY])].append(f"{name} ({value})")
    titles = {1: "Clearly better", 0: "No clear difference", -1: "Clearly worse"}
    told = [f"{text}: {listed(groups[sign])}." for sign, text in titles.items() if groups[sign]]
    return " ".join(told)


def _control(results: Json, name: str) -> str:
    method = results["method"]
    found = results["differences"][f"{method} - {name}"][MEAN][PRIMARY]
    if found["value"] is None:
        return ""
    control = names.model(name)
    aside = f" ({control.meaning})" if control.meaning else ""
    doubt = _DOUBTS.get(name, "") if verdict(_main(results)[MEAN][PRIMARY]) > 0 else ""
    told = {
        1: f"gained {_text(found, '+')} in mean R².",
        0: f"showed no clear difference in mean R²: {_text(found, '+')}.{doubt}",
        -1: f"lost in mean R²: {_text(found, '+')}.{doubt}",
    }
    against = f"Against {control.label}{aside}, {names.model(method).label} "
    return against + told[verdict(found)]


def _teacher(results: Json) -> str:
    method, baseline = results["method"], results["baseline"]
    teachers = [name for name in results["models"] if name in names.TEACHERS]
    if not teachers or teachers[0] in (method, baseline):
        return ""
    top, one, other = (
        results["models"][name][MEAN][PRIMARY] for name in (teachers[0], method, baseline)
    )
    text = f"The {names.model(teachers[0]).label} itself reached {interval(top)}."
    if None in (top["value"], one["value"], other["value"]):
        return text
    gap = top["value"] - other["value"]
    if gap <= 0:
        return f"{text} It was no better than {names.model(baseline).label}."
    share = max(0.0, (one["value"] - other["value"]) / gap)
    return (
        f"{text} {names.model(method).label} closed {100 * share:.0f} % of the gap between "
        f"{names.model(baseline).label} and it."
    )


def _screening(results: Json) -> str:
    if "screening" not in results:
        return ""
    method, models = results["method"], results["screening"]["models"]
    told = [
        f"{finding}: AUROC {interval(found['auroc'])}"
        for finding, found in models[method].items()
        if finding != MEAN
    ]
    return f"Screening by the estimate of {names.model(method).label}: {listed(told)}."


def _retrieval(results: Json) -> str:
    method, limits = results["method"], results.get("retrieval_limits", {})
    if method not in results.get("retrieval", {}):
        return ""
    found = results["retrieval"][method]
    beside = [
        f"{names.model(name).label} {interval(each[DIFFERENCE])}" for name, each in limits.items()
    ]
    own, similar = found["recall@10"], found[DIFFERENCE]
    return (
        f"Searching with an ECG by {names.model(method).label}, the own cine is among the 10 "
        f"nearest with a probability of {interval(own)}, and the 10 nearest other patients differ "
        f"by {interval(similar)} standard deviations{f' ({listed(beside)})' if beside else ''}."
    )


def _main(results: Json) -> Json:
    return results["differences"]["{method} - {baseline}".format(**results)]
