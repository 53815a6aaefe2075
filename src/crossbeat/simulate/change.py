"""How fast a patient's state changes between an ECG and an X-ray some hours later.

Chronic disease, muscle, chambers, filling pressure, rhythm, conduction and potassium stay. What
treatment or time changes within days is drawn anew little by little: after some hours its random
part is correlated by exp(-hours / tau) with what it was. It keeps its distribution, so that a later
film is one of the same hospital.

==================  ========  ====================================================================
what                tau       reason
==================  ========  ====================================================================
acuity              3 days    most who are acutely ill get better or worse within days
pressure, water     3 days    decompensation, the pressure that it brings and the water that follows
                              yield to diuretics and oxygen within days
leaking vessels     1 week    inflammation of the lung outlasts the congestion
effusions           10 days   the pleura empties more slowly than the lung, in one to two weeks;
                              what pressure makes of an effusion follows the pressure
pericardial fluid   2 weeks   it is neither drained nor resorbed as fast, as a rule
consolidation       2 weeks   half of all pneumonias have left the film after two weeks (Mittl et
                              al. 1994, Am J Respir Crit Care Med 149:630)
the side of these   4 weeks   whatever is left of the old one lies where it lay
==================  ========  ====================================================================

The order follows from physiology. The sizes, but for the pneumonias, are ours.
"""

from collections.abc import Mapping

import numpy as np

_DAY = 24.0

TAU: Mapping[str, float] = {
    "acuity": 3 * _DAY,
    "decompensation": 3 * _DAY,
    "wedge": 3 * _DAY,
    "water": 3 * _DAY,
    "leak": 7 * _DAY,
    "lymph": 10 * _DAY,
    "exudate": 10 * _DAY,
    "pericardium": 14 * _DAY,
    "consolidation": 14 * _DAY,
    "exudate side": 28 * _DAY,
    "side": 28 * _DAY,
}
"""Hours in which the correlation falls to 1/e, for each random quantity of ``latent`` that changes;
"exudate side" is that of a consolidation too, "side" how a transudate is shared out."""


def kept(hours: float) -> dict[str, float]:
    """How much each changing quantity has in common with itself some hours before, 0 to 1.

    Args:
        hours: 0 or more; with 0 nothing changes, and nothing is named.

    Raises:
        ValueError: ``hours`` is below 0 or not finite.
    """
    if not 0 <= hours < np.inf:
        raise ValueError(f"hours must be 0 or more and finite, got {hours}")
    return {name: float(np.exp(-hours / tau)) for name, tau in TAU.items()} if hours else {}
