"""Which batch size and temperature does contrastive learning need?

Cost: about 40 minutes on 2 cores.
Expected: small temperatures fit label errors and perform worse; larger batches gain little.
"""

from collections.abc import Iterator
from dataclasses import replace

from choices import chosen
from common import patients
from curves import curve_seeds

from crossbeat.study import Cell, Study

BATCHES = (64, 256, 1024)
TEMPERATURES = (0.03, 0.1, 0.3)


def cells(*, small: bool) -> Iterator[Cell]:
    """Both recipes at every batch size and temperature, and direct training."""
    for seed in curve_seeds(small=small):
        cohort = patients(seed, small=small)
        direct = chosen("direct", small=small)
        yield Cell(model="direct", recipe_name="direct", recipe=direct, cohort=cohort, seed=seed)
        for batch in (32, 64) if small else BATCHES:
            for temperature in TEMPERATURES[-1:] if small else TEMPERATURES:
                for name in ("clip", "cromotex"):
                    recipe = chosen(name, small=small)
                    alignment = replace(recipe.alignment, batch_size=batch)
                    yield Cell(
                        model=name,
                        recipe_name=name,
                        recipe=replace(recipe, temperature=temperature, alignment=alignment),
                        cohort=cohort,
                        seed=seed,
                        point=f"{batch}, {temperature:g}",
                    )


def study(*, small: bool) -> Study:
    """CLIP and CroMoTEX over batch size and temperature."""
    return Study(
        question="Which batch size and temperature does contrastive learning need?",
        axis="batch size, temperature",
        cells=tuple(cells(small=small)),
        method="cromotex",
        baseline="direct",
    )
