"""Hardly trained models of few virtual patients, and what they say."""

from dataclasses import replace

import numpy as np
from crossbeat.evaluation.calibration import Calibration
from crossbeat.evaluation.choices import Choice

from crossbeat.recipes import RECIPES
from crossbeat.recipes.presets import demo
from crossbeat.recipes.run import Plan, train, validation
from crossbeat.training import Optimisation, TrainerSettings

PATIENTS, SEED = 80, 0


def trained(name, cohort, folder, phase):
    short = Optimisation(learning_rate=1e-3, epochs=1, batch_size=16)
    recipe = replace(demo(RECIPES[name]), **{phase: short})
    plan = Plan(name=name, recipe=recipe, seed=0)
    quiet = TrainerSettings(accelerator="cpu", progress=False)
    return train(plan, cohort, folder, trainer=quiet)


def spread(run, cohort):
    """Calibrations under which the scores of a hardly trained model make different answers."""
    scores = validation(run, cohort).scores
    return tuple(
        Choice(float(np.median(each)), Calibration(1 / each.std(), -each.mean() / each.std()))
        for each in scores.T
    )


def probabilities(predictor, ecg):
    return [answer.probability for answer in predictor.predict(ecg, "test")]
