"""How much does the X-ray teach the ECG model if 10 % of pairs have a label?

The patients are those of ``transfer``: 3,000 pairs, of which 300 have labels. The teacher learns
only from these. Settings are those of ``transfer``. Phases that use only labelled patients have as
many updates as in ``transfer``: with as many epochs, and so a tenth of the updates, direct training
learned nothing on some cohorts.

Cost: about 40 minutes on 2 cores after ``transfer``, with which it shares phases.
Expected, written before it was run: ``crossbeat`` 3 points above ``direct`` and above
``no-alignment``, because the teacher gives targets for 2,700 pairs without a label; ``shuffled``
gains nothing.
"""

from dataclasses import replace
from functools import partial

from common import long_enough, patients
from transfer import cells

from crossbeat.evaluation.names import CLEAN
from crossbeat.study import Study

LABELLED = 0.1
LEFT_OUT = ("resnet1d", "biot", "eccl", "cromotex-no-ssl", "cromotex-no-hard-negatives")
"""Other encoders and ablations, which this study leaves out."""


def study(*, small: bool) -> Study:
    """The recipes and controls of the main study with few labels."""
    few = partial(patients, small=small, labelled=0.4 if small else LABELLED)
    every = tuple(cells(few, small=small))
    longer = (
        replace(cell, recipe=long_enough(cell.recipe_name, cell.recipe, few(cell.seed)))
        for cell in every
        if cell.model not in (*LEFT_OUT, CLEAN)
    )
    return Study(
        question="How much does the X-ray teach the ECG model if 10 % of pairs have a label?",
        cells=(*longer, *(cell for cell in every if cell.model == CLEAN)),
        method="crossbeat",
        baseline="direct",
        differences=(("shuffled", "no-alignment"), ("distillation", "no-alignment")),
        limits=(CLEAN,),
    )
