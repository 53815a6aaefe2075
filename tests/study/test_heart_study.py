"""A study of hearts: limits stand beside the models, and are told of the same patients."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crossbeat.data.sources.virtual_hearts import VirtualHearts
from crossbeat.errors import DataError
from crossbeat.evaluation.measurement_results import read_measurement_results, write_measurement_results
from crossbeat.recipes import RECIPES
from crossbeat.recipes.presets import demo
from crossbeat.study import Cell, Study
from crossbeat.study.heart_results import results_of_hearts
from crossbeat.study.results import Finished
from crossbeat.study.work import Workshop
from crossbeat.training import Optimisation, TrainerSettings
from crossbeat.workers import share

HEARTS = VirtualHearts(num_patients=120, frames=4, cine_size=32, val=0.3, test=0.4, measured=0.5)
SHORT = Optimisation(learning_rate=1e-3, epochs=1, batch_size=8)


def cell(model: str, base: str, seed: int, hearts: VirtualHearts = HEARTS, **more: Any) -> Cell:
    recipe: Any = demo(RECIPES[base])
    phases = ("masked_cine", "alignment", "regression")
    changes = {name: SHORT for name in phases if hasattr(recipe, name)}
    own = replace(hearts, seed=seed)
    test = replace(HEARTS, seed=seed)
    made = replace(recipe, **changes)
    return Cell(
        model=model, recipe_name=base, recipe=made, cohort=own, test=test, seed=seed, **more
    )


def study(*cells: Cell) -> Study:
    return Study(
        question="Does it hold?", cells=cells, method="ptacl", baseline="direct", limits=("all",)
    )


ALL = replace(HEARTS, measured=1.0, frames=2, cine_size=16)
STUDY = study(
    *(cell("direct", "direct-heart", seed) for seed in (0, 1)),
    *(cell("ptacl", "ptacl", seed) for seed in (0, 1)),
    cell("all", "direct-heart", 0, ALL, latent_limit=True),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("hearts")
    quiet = TrainerSettings(progress=False)
    workshop = Workshop(folder=folder, shared=folder / "shared", trainer=quiet)
    list(share(workshop.tasks(STUDY.cells), workers=1))
    return Finished.of(STUDY, workshop)


def test_limits_stand_beside_the_models_and_are_compared_with_none(
    finished: Finished, tmp_path: Path
) -> None:
    write_measurement_results(tmp_path / "results.json", results_of_hearts(finished, replicates=20))
    results = read_measurement_results(tmp_path / "results.json")
    assert list(results["models"]) == ["direct", "ptacl"]
    assert list(results["differences"]) == ["ptacl - direct"]
    assert list(results["limits"]) == ["latent", "heart-rate", "all"]
    assert set(results["screening"]["models"]) == {"direct", "ptacl"}
    probes = {"direct, linear probe", "ptacl, linear probe"}
    assert set(results["readings"]["linear probe"]["models"]) == probes
    assert set(results["retrieval"]) == {"ptacl"}
    assert results["cells"] == {"finished": 5, "all": 5}


def test_a_limit_of_other_patients_is_refused(finished: Finished) -> None:
    homes = dict(finished.homes)
    others = homes[next(each for each in STUDY.cells if each.seed == 1)]
    homes[STUDY.cells[-1]] = others
    with pytest.raises(DataError, match="limit all must have the same test samples"):
        results_of_hearts(replace(finished, homes=homes), replicates=20)
