"""The table of checks tells the rules that the code has."""

import numpy as np
from pages import ROOT

from crossbeat import simulate
from crossbeat.leads import STANDARD
from crossbeat.quality import check
from crossbeat.signal import Ecg


def test_the_rule_of_every_check_stands_in_the_table() -> None:
    text = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")
    values = simulate.ecgs(simulate.draw_patients(1, 0), 0)[0]
    verdicts = check(Ecg(np.asarray(values), STANDARD, 500.0), 10.0)
    assert not [v.name for v in verdicts if f"\n| `{v.name}` | {v.rule} |" not in text]
