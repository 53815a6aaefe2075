"""What passes from the X-ray to the ECG where one pair in ten has a report that was coded?

The same patients as in ``transfer``, 3,000 pairs, of which 300 have labels; the teacher learns from
these alone. Settings are those of ``transfer``, and phases that see labelled patients alone have
as many updates as there: with as many epochs, a tenth of the updates, direct training learned
nothing on some cohorts.

Cost: about 40 minutes on 2 cores where ``transfer`` has run, with which it shares phases.
Expected, written before it was run: ``crossbeat`` 3 points above ``direct`` and above
``no-alignment``, as the teacher tells of 2,700 pairs what no label does; ``shuffled`` nothing.
"""

from dataclasses import replace
from functools import partial

from common import long_enough, patients
from transfer import cells

from crossbeat.evaluation.names import CLEAN
from crossbeat.study import Study

LABELLED = 0.1
LEFT_OUT = ("resnet1d", "biot", "eccl", "cromotex-no-ssl", "cromotex-no-hard-negatives")
"""Other encoders and ablations: with 300 labels they are no question of this study."""


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
        question="What passes where one pair in ten has a label?",
        cells=(*longer, *(cell for cell in every if cell.model == CLEAN)),
        method="crossbeat",
        baseline="direct",
        differences=(("shuffled", "no-alignment"), ("distillation", "no-alignment")),
        limits=(CLEAN,),
    )
