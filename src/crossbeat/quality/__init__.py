"""Quality checks of an ECG: an ECG with errors is repaired or rejected."""

import numpy as np

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD, complete
from crossbeat.quality import disturbances, samples
from crossbeat.quality.heart import Allow, check_heart
from crossbeat.quality.limb import check_limb, check_reversal, mend
from crossbeat.quality.recording import Verdict, fill, recording, told
from crossbeat.quality.samples import Length, cut, pad
from crossbeat.signal import Ecg

__all__ = ["FIRST", "NOTHING", "Allow", "Length", "Verdict", "check", "require", "told"]

FIRST = Length()
"""Uses the first part of a longer record and rejects a shorter one."""

NOTHING = Allow()
"""Rejects every ECG that a check finds faulty."""


@np.errstate(over="ignore", invalid="ignore")  # of numbers that are no millivolts
def check(
    ecg: Ecg,
    seconds: float,
    length: Length = FIRST,
    *,
    allow: Allow = NOTHING,
    remarks: bool = True,
) -> list[Verdict]:
    """The verdict of each check, in a fixed order: one, or one for each faulty lead.

    If an ECG has no samples, only its leads, length and gaps are checked.

    Args:
        ecg: of any leads, rate and length.
        seconds: the length that is needed.
        length: which part of a longer ECG is checked, and whether a shorter one is padded.
        allow: faults that are only remarked on.
        remarks: whether to include checks that never reject; they take time.
    """
    part = cut(ecg, seconds, length)
    found = samples.check_leads(ecg)
    found += [samples.check_length(ecg, seconds, length), *samples.check_gaps(part)]
    record = recording(part)
    if record is None:
        return found
    spoilt = samples.check_flat(record) + samples.check_dropout(record)
    spoilt += samples.check_clipped(record)
    noise = disturbances.between_beats(record)
    found += [*spoilt, samples.check_unit(record, noise)]
    lost = {verdict.lead for verdict in spoilt if verdict.action == "reject"}
    sound = recording(part, without=lost) if lost else record
    if sound is not None:
        found += [check_limb(sound), *check_heart(sound, allow)]
    found += disturbances.check_noise(record, noise) + disturbances.check_wander(record)
    if remarks:
        found += [check_reversal(record), disturbances.check_mains(record)]
        found.append(disturbances.check_pacing(record, noise))
    return found


def require(
    ecg: Ecg, source: str, seconds: float, length: Length = FIRST, allow: Allow = NOTHING
) -> Ecg:
    """Check an ECG and return its twelve leads, repaired where that is safe.

    Missing limb leads are derived from I and II. Swapped or inverted limb leads are corrected.
    Short gaps are interpolated. The record is cut or padded to the required length.

    Args:
        ecg: of any leads, rate and length.
        source: names the ECG in messages, such as its file.
        seconds: the length that is needed.
        length: how to treat a longer or shorter ECG.
        allow: faults with which it is returned all the same.

    Raises:
        DataError: a check rejects the ECG; the message lists each that does.
    """
    verdicts = check(ecg, seconds, length, allow=allow, remarks=False)
    worst = [verdict for verdict in verdicts if verdict.action == "reject"]
    if worst:
        raise DataError(f"{source}: {'; '.join(told(worst))}", rule=worst[0].name)
    part = cut(ecg, seconds, length)
    part = Ecg(fill(part.values), part.leads, part.fs)
    if any(verdict.name == "limb" and verdict.action == "repair" for verdict in verdicts):
        part = mend(part)
    whole = Ecg(complete(part.values, part.leads, STANDARD), STANDARD, part.fs)
    return pad(whole, seconds)
