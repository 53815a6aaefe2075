"""The verdict of a check, and a short text for several verdicts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The result of one check of the whole record or of one lead.

    Args:
        name: of the check.
        value: what was measured, in the unit that the rule names.
        rule: in words, with its limit.
        action: whether the ECG may be used as it is, after a repair by ``require``, or not.
        lead: the lead, or those that belong together, with commas; empty for the whole record.
        message: what is wrong and what to do, or a remark on an ECG that may be used as it is;
            empty if there is none.
    """

    name: str
    value: float
    rule: str
    action: Literal["ok", "repair", "reject"] = "ok"
    lead: str = ""
    message: str = ""


def judged(
    name: str,
    rule: str,
    values: Mapping[str, float],
    *,
    bad: Callable[[float], bool],
    message: str,
) -> list[Verdict]:
    """A verdict on each lead that is to be rejected, or one that all are well.

    Args:
        values: what was measured, by lead.
        bad: whether a value breaks the rule.
        message: what follows the name of the lead in a sentence.
    """
    found = [
        Verdict(
            name=name,
            value=value,
            rule=rule,
            action="reject",
            lead=lead,
            message=f"lead {lead} {message}",
        )
        for lead, value in values.items()
        if bad(value)
    ]
    return found or [Verdict(name=name, value=max(values.values(), default=0.0), rule=rule)]


def told(verdicts: Iterable[Verdict]) -> list[str]:
    """The messages; leads with the same message are listed together."""
    leads: dict[tuple[bool, str], list[str]] = {}
    for verdict in verdicts:
        text = verdict.message.removeprefix(f"lead {verdict.lead} ")
        leads.setdefault((text != verdict.message, text), []).append(verdict.lead)
    return [
        f"lead {', '.join(names)} {text}" if of_lead else text
        for (of_lead, text), names in leads.items()
        if text
    ]
