"""The sentences of the report, made from the numbers by the same rules whoever wins."""

from collections.abc import Iterator, Mapping, Sequence

from crossbeat.evaluation import names
from crossbeat.evaluation.patients import Answer, Example, Tally
from crossbeat.evaluation.results import kind_of, targets_of, verdict
from crossbeat.evaluation.retrieval import DIFFERENCE
from crossbeat.files import ReadJson
from crossbeat.metrics import MEAN
from crossbeat.modalities import MODALITIES, EcgModel, one_of
from crossbeat.report.tables import Cell, cell

DISCLAIMER = (
    "Not a medical device: these models are for research and must not be used to diagnose, "
    "treat or triage anyone."
)

_KINDS = {
    "paired": "Each ECG and its {other} come from the same patient.",
    "matched": (
        "Label-matched pairs: an ECG and its {other} come from different patients who share "
        "labels. Such pairs can show that the method works. They cannot show that patients would "
        "gain."
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

_LIMITS = (
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
)
_LIMITS_OF = {
    "findings": "On small samples, the calibration error and its interval are too high.",
    "measurements": (
        "R² compares with telling everyone the mean of the test patients; it is below zero for a "
        "model that does worse. Estimates are drawn towards the middle: the largest hearts are "
        "told too small."
    ),
    "retrieval": (
        "The larger the gallery, the rarer the own patient is found: recall cannot be compared "
        "between galleries of different size."
    ),
}

_DOUBTS = {
    "shuffled-frames": "The gain does not need the order of the frames.",
    "shuffled": "The gain does not need the patient's own {other}.",
    "global": "The alignment in time is not shown to matter.",
}
"""What a control that does as well takes from a gain, by how its name ends."""


def other_modality(results: ReadJson) -> str:
    """The modality beside the ECG from which models of these results learned, by their settings."""
    for settings in results.get("settings", {}).values():
        for each in settings.values():
            name = each.get("modality") if isinstance(each, Mapping) else None
            if name:
                return one_of(name)
    return kind_of(results).other


def called(results: ReadJson, name: str) -> names.Name:
    """How a model of these results is called, and what it is."""
    return names.model(name, kind_of(results), other_modality(results))


def label(results: ReadJson, name: str) -> str:
    """How a model of these results is called."""
    return called(results, name).label


def pair(results: ReadJson, name: str) -> str:
    """How a pair of models of these results is called."""
    return names.pair(name, kind_of(results), other_modality(results))


def roles(results: ReadJson) -> tuple[str, str]:
    """The labels of the method and the baseline."""
    return label(results, results["method"]), label(results, results["baseline"])


def cohort_kind(results: ReadJson) -> str:
    """What the pairs of the cohort are; empty for a kind without an entry."""
    return _KINDS.get(str(results["cohort"].get("kind", "")), "").format(
        other=other_modality(results)
    )


def sentence(results: ReadJson) -> str:
    """The result in one sentence, whoever wins."""
    metric = _leads(results)
    method, baseline = roles(results)
    one, other = (_mean(results, results[role]) for role in ("method", "baseline"))
    found = _main(results)
    if None in (one["value"], other["value"], found["value"]):
        return f"The mean {names.metric(metric)} is undefined on this test split."
    one_told, other_told = (minus(cell(each, metric).value) for each in (one, other))
    return (
        f"{_setting(results)}{method} reaches a mean {names.metric(metric)} of {one_told}; "
        f"{baseline} reaches {other_told}: {_gain(found, metric)}{_way(results)}."
    )


def remarks(results: ReadJson) -> list[str]:
    """What a reader has to know before the sentence is quoted."""
    texts = [cohort_kind(results), between_seeds(results)]
    texts += [_doubt(results, name) for name in _others(results)]
    return [text for text in (*texts, *results.get("notes", ())) if text]


def controls(results: ReadJson) -> list[str]:
    """A sentence on every model that the method is compared with, and on the limits."""
    texts = [_by_target(results)]
    texts += [_control(results, name) for name in _others(results)]
    texts += [_teacher(results, name) for name in results["models"] if name in names.TEACHERS]
    texts += [_limit(results, name) for name in results.get("limits", {})]
    return [text for text in texts if text]


def limits(results: ReadJson) -> list[str]:
    """What limits the study, by what it has measured."""
    measured = {*results, kind_of(results).plural}
    told = [text for part, text in _LIMITS_OF.items() if part in measured]
    return [*_LIMITS, *told, *results["cohort"].get("notes", ())]


def limit_of(results: ReadJson) -> tuple[str, ReadJson] | None:
    """The limit that models are measured by: that of clean labels, else the first; its mean."""
    metric = _leads(results)
    found = {
        name: each[MEAN][metric]
        for name, each in results.get("limits", {}).items()
        if metric in each.get(MEAN, {})
    }
    name = names.CLEAN if names.CLEAN in found else next(iter(found), None)
    return None if name is None else (name, found[name])


def between_seeds(results: ReadJson) -> str:
    """How far apart the training seeds are, or that there is only one."""
    ranges = []
    metric = _leads(results)
    for name in (results["method"], results["baseline"]):
        runs = _mean(results, name).get("by_run", [])
        known = [value for value in runs if value is not None]
        if len(known) > 1:
            ranges.append(f"{min(known):.3f} to {max(known):.3f} for {label(results, name)}")
    if ranges:
        called = names.metric(metric)
        return f"Between training seeds the mean {called} ran from {listed(ranges)}."
    return _ONE_SEED if len(results["seeds"]) == 1 else ""


def screened(results: ReadJson) -> str:
    """How well the method's estimates screen."""
    found = results["screening"]["models"][results["method"]]
    told = [
        f"{finding}: AUROC {cell(each['auroc'], 'auroc')}"
        for finding, each in found.items()
        if finding != MEAN
    ]
    return f"Screening by the estimate of {roles(results)[0]}: {listed(told)}."


def retrieved(results: ReadJson) -> str:
    """How well the method's embeddings find patients; empty if it did not search."""
    found = results["retrieval"].get(results["method"])
    if found is None:
        return ""
    beside = [
        f"{label(results, name)} {cell(each[DIFFERENCE], DIFFERENCE)}"
        for name, each in results.get("retrieval_limits", {}).items()
    ]
    return (
        f"Searching with an ECG by {roles(results)[0]}, the own {other_modality(results)} is among "
        f"the 10 nearest in {cell(found['recall@10'], 'recall@10')} % of searches, and the 10 "
        f"nearest other patients differ by {cell(found[DIFFERENCE], DIFFERENCE)} standard "
        "deviations"
        f"{f' ({listed(beside)})' if beside else ''}."
    )


def found_in_all(tally: Tally, method: str, baseline: str) -> str:
    """How many patients with a finding two models find."""
    return (
        f"Of {tally.having:,} test patients with {names.plain(tally.finding)}, {baseline} finds "
        f"{tally.by_baseline:,} and {method} finds {tally.by_method:,}. {capital(method)} finds "
        f"{tally.gained:,} whom {baseline} misses, and misses {tally.lost:,} whom {baseline} "
        f"finds. Of {tally.without:,} patients without the finding, {baseline} raises a false "
        f"alarm for {tally.alarms_baseline:,} and {method} for {tally.alarms_method:,}."
    )


def said_of(example: Example, finding: str, method: str, baseline: str) -> str:
    """What two models say of a patient who has a finding."""
    told = [_said(baseline, example.baseline), _said(method, example.method)]
    return f"The patient has {finding}. {' '.join(told)}"


def rule(example: Example, whom: str, by: str) -> str:
    """How a patient was chosen."""
    if example.among == 1:
        return f"This is the only patient {whom}."
    return (
        f"How the patient was chosen: of the {example.among:,} patients {whom}, this one has the "
        f"median {by}. Thresholds were chosen on validation patients."
    )


def listed(items: Sequence[str]) -> str:
    """Items with commas between them, the last after *and*."""
    return " and ".join(filter(None, (", ".join(items[:-1]), items[-1])))


def capital(text: str) -> str:
    """A sentence's first word; a name that is written small stays small."""
    return text if text.startswith("crossbeat") else text[:1].upper() + text[1:]


def titled(name: str) -> str:
    """A name in code as the first words of a title."""
    return capital(names.plain(name))


def minus(text: str) -> str:
    """Numbers with a true minus sign, as people print them."""
    return text.replace("-", "−")


def _mean(results: ReadJson, name: str) -> ReadJson:
    return results["models"][name][MEAN][_leads(results)]


def _apart(results: ReadJson, name: str) -> ReadJson:
    pair = f"{results['method']} - {name}"
    return results["differences"][pair][MEAN][_leads(results)]


def _main(results: ReadJson) -> ReadJson:
    return _apart(results, results["baseline"])


def _told(found: ReadJson, results: ReadJson) -> str:
    return minus(str(cell(found, _leads(results))))


def _signed(found: ReadJson, metric: str) -> Cell:
    told = cell(found, metric, signed=True)
    return Cell(minus(told.value), minus(told.ends))


def _points(found: ReadJson, metric: str) -> str:
    """Such as ``+2.1 points (95 % interval +1.0 to +3.2)``."""
    told = _signed(found, metric)
    return f"{told.value} points" + (f" (95 % interval {told.ends})" if told.ends else "")


def _setting(results: ReadJson) -> str:
    """What the models learned from, as the beginning of a sentence; empty where it is not known."""
    counts = results["cohort"].get("training", {})
    ecgs, pairs = counts.get("ecgs", 0), counts.get("pairs", 0)
    if not pairs:
        return f"With {ecgs:,} ECGs, " if ecgs else ""
    known, labels = counts["labelled_pairs"], kind_of(results).labels
    other = other_modality(results)
    text = f"With {pairs:,} pairs of ECG and {other}"
    if ecgs > pairs and "labelled_ecgs" in counts:  # results of older versions tell of pairs alone
        text = f"With {ecgs:,} ECGs, {pairs:,} of them with {_a(other)}"
        if counts["labelled_ecgs"] < ecgs:
            text += f" and {counts['labelled_ecgs']:,} with {labels}"
    elif known < pairs:
        text += f", of which {known:,} have {labels}"
    return f"{text}{_taught(results, known)}, "


def _taught(results: ReadJson, pairs: int) -> str:
    """What a teacher learned from, if it is more than the labelled pairs."""
    counts = results["cohort"]["training"]
    others = [name for name in MODALITIES if name != EcgModel.modality]
    number, label = max(
        (counts.get(f"labelled_{name}s", 0), MODALITIES[name].label) for name in others
    )
    if number <= pairs or not any(
        "teacher" in each for each in results.get("settings", {}).values()
    ):
        return ""
    known = kind_of(results).labelled
    return f", and a teacher that has learned from {number:,} {known} {label}"


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOUXaeiou' else 'a'} {noun}"


def _gain(found: ReadJson, metric: str) -> str:
    told, sign = _signed(found, metric), verdict(found)
    if not told.ends:
        return f"a difference of {told.value} points"
    if sign == 0:
        return f"the difference of {told.value} points may be chance (95 % interval {told.ends})"
    low, high = (found["low"], found["high"]) if sign > 0 else (-found["high"], -found["low"])
    size = cell({"value": abs(found["value"]), "low": low, "high": high}, metric)
    word = "gain" if sign > 0 else "loss"
    return f"a {word} of {size.value} points (95 % interval {size.ends})"


def _way(results: ReadJson) -> str:
    """The share of the way to the limit of clean labels, where the method gains."""
    limit = limit_of(results)
    if limit is None or limit[0] != names.CLEAN or verdict(_main(results)) <= 0:
        return ""
    one, other = (_mean(results, results[role])["value"] for role in ("method", "baseline"))
    top = limit[1]["value"]
    if top is None or top <= other:
        return ""
    return f", {100 * (one - other) / (top - other):.0f} % of the way to the clean-label limit"


def _by_target(results: ReadJson) -> str:
    metric = _leads(results)
    found = results["differences"]["{method} - {baseline}".format(**results)]
    groups: dict[int, list[str]] = {1: [], 0: [], -1: []}
    for target in targets_of(results):
        each = found[target][metric]
        if each["value"] is not None:
            value = f"{names.plain(target)} ({_signed(each, metric).value})"
            groups[verdict(each)].append(value)
    texts = {1: "Clearly better", 0: "No clear difference", -1: "Clearly worse"}
    told = [f"{text}: {listed(groups[sign])}." for sign, text in texts.items() if groups[sign]]
    return " ".join(told)


def _others(results: ReadJson) -> Iterator[str]:
    known = (results["method"], results["baseline"], *names.TEACHERS)
    return (name for name in results["models"] if name not in known)


def _control(results: ReadJson, name: str) -> str:
    metric, found = _leads(results), _apart(results, name)
    if found["value"] is None:
        return ""
    method, control = roles(results)[0], called(results, name)
    told = {
        1: f"{capital(method)} is better than {control.label} by {_points(found, metric)}.",
        0: (
            f"{capital(method)} differs from {control.label} by {_points(found, metric)}: "
            "this may be chance."
        ),
        -1: f"{capital(method)} is worse than {control.label}: {_points(found, metric)}.",
    }
    meaning = f" {capital(control.label)}: {control.meaning}." if control.meaning else ""
    return told[verdict(found)] + meaning


def _doubt(results: ReadJson, name: str) -> str:
    """What a control takes from a gain; empty where the method beats it, and without a gain."""
    found = _apart(results, name)
    if verdict(_main(results)) <= 0 or found["value"] is None or verdict(found) > 0:
        return ""
    control = label(results, name)
    start = f"{capital(roles(results)[0])} is not shown to be better than {control}."
    for ending, doubt in _DOUBTS.items():
        if name.endswith(ending):
            return f"{start} {doubt.format(other=other_modality(results))}"
    if "no-" in name:
        return f"{start} The part that {control} lacks is not shown to matter."
    return f"{start} This simpler model may be enough."


def _teacher(results: ReadJson, name: str) -> str:
    found = _mean(results, name)
    if found["value"] is None:
        return ""
    teacher = called(results, name)
    return f"The {teacher.label} {teacher.meaning} and reaches {_told(found, results)}."


def _leads(results: ReadJson) -> str:
    return kind_of(results).leads


def _limit(results: ReadJson, name: str) -> str:
    found = results["limits"][name].get(MEAN, {}).get(_leads(results))
    if found is None:
        return ""
    bound = names.limit(name)
    aside = f" ({bound.meaning})" if bound.meaning else ""
    return f"Upper limit, {bound.label}{aside}: {_told(found, results)}."


def _said(model: str, answer: Answer) -> str:
    below = answer.probability < answer.threshold
    outcome = "reaches" if answer.reached else "is below" if below else "does not reach"
    found, least = (100 * share for share in (answer.probability, answer.threshold))
    digits = next((n for n in range(4) if f"{found:.{n}f}" != f"{least:.{n}f}"), 0)
    return (
        f"{capital(model)} gives a probability of {found:.{digits}f} %, which {outcome} its "
        f"threshold of {least:.{digits}f} %."
    )
