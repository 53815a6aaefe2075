"""One latent heart per virtual patient: the person, the diseases and the resulting state.

Causes run one way: person -> chronic disease -> muscle, chambers and filling pressure -> fluid in
lung and pleura -> conduction and rhythm. The ECG (``electrical``) and the X-ray (``film``) both
depend on this state, and not on each other.

====================  ==========================================================================
effect                reason and source
====================  ==========================================================================
pressure -> mass      hypertension and obesity (Levy et al. 1988, Ann Intern Med 108:7) and kidney
                      disease (Foley et al. 1995, Kidney Int 47:186) thicken the left ventricle
infarct -> EF         lost muscle does not contract; the ventricle dilates (Pfeffer and Braunwald
                      1990, Circulation 81:1161)
stiffness -> pressure hypertrophy, age and a weak ventricle raise the filling pressure, and the
                      left atrium grows with it (Tsang et al. 2002, Am J Cardiol 90:1284)
left atrium -> AF     a large atrium, age and failure sustain fibrillation (Vaziri et al. 1994,
                      Circulation 89:724; Benjamin et al. 1994, JAMA 271:840)
pressure -> water     fluid leaves the capillaries as wedge pressure exceeds oncotic pressure, or
                      at normal pressure when they leak (Ware and Matthay 2005, N Engl J Med
                      353:2788); chronic failure tolerates high pressure with dry lungs (Chakko
                      et al. 1991, Am J Med 90:353)
pressure -> pleura    heart failure is the commonest cause of an effusion, mostly bilateral;
                      infection and tumour follow, one-sided (Light 2002, N Engl J Med 346:1971)
low EF -> LBBB        bundle branch block accompanies failure (Baldasseroni et al. 2002, Am Heart
                      J 143:398)
====================  ==========================================================================

The sources give the direction. The sizes are ours, set once so that the prevalences are those of
a hospital cohort (see ``findings``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Bool, Float32, Int64

from crossbeat.simulate.streams import Draws, spans

Trait = Float32[np.ndarray, " patient"]
Flag = Bool[np.ndarray, " patient"]

OWN = (
    *("heart", "thorax", "voltage", "precordial", "lateral", "axis", "rotation", "rate"),
    *("p_duration", "p_voltage", "pr", "qrs", "qt", "t_voltage", "t_angle", "st"),
    *("irregularity", "ectopy", "diaphragm", "pedicle"),
)
"""Healthy differences between people, as standard scores: the columns of ``Patients.own``."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Patients:
    """Virtual patients, one row each; ``dataclasses.replace`` makes the counterfactual.

    Standard scores are 0 in the healthy adult and count in standard deviations of healthy adults.

    Args:
        age: years.
        male: male rather than female.
        height: metres.
        bmi: body mass index in kg/m2.
        hypertension: chronic high blood pressure.
        kidney_disease: chronic, with volume overload and high potassium.
        lung_disease: chronic obstructive, with overinflated lungs.
        acuity: how ill today, standard score of the cohort.
        infarct_anterior: share of the anterior wall that is scar, 0 to 1.
        infarct_inferior: share of the inferior wall that is scar, 0 to 1.
        hypertrophy: left ventricular mass, standard score.
        ejection_fraction: of the left ventricle, percent.
        dilatation: left ventricular size, standard score.
        left_atrium: size, standard score.
        right_heart: size of right atrium and ventricle, standard score.
        pericardial_fluid: ml.
        wedge_pressure: pulmonary capillary wedge pressure in mmHg.
        lung_water: extravascular, ml per kg.
        effusion_right: pleural fluid on the right, ml.
        effusion_left: pleural fluid on the left, ml.
        consolidation: pneumonia or collapse, 0 (none) to 1 (a lobe); signed: negative is right.
        potassium: serum, mmol/l.
        beta_blocker: takes one.
        qt_drug: takes a drug that prolongs repolarisation.
        fibrillation: atrial fibrillation now.
        left_block: left bundle branch block.
        right_block: right bundle branch block.
        paced: a pacemaker stimulates the right ventricle.
        own: healthy differences, one column per name in ``OWN``.
    """

    age: Trait
    male: Flag
    height: Trait
    bmi: Trait
    hypertension: Flag
    kidney_disease: Flag
    lung_disease: Flag
    acuity: Trait
    infarct_anterior: Trait
    infarct_inferior: Trait
    hypertrophy: Trait
    ejection_fraction: Trait
    dilatation: Trait
    left_atrium: Trait
    right_heart: Trait
    pericardial_fluid: Trait
    wedge_pressure: Trait
    lung_water: Trait
    effusion_right: Trait
    effusion_left: Trait
    consolidation: Trait
    potassium: Trait
    beta_blocker: Flag
    qt_drug: Flag
    fibrillation: Flag
    left_block: Flag
    right_block: Flag
    paced: Flag
    own: Float32[np.ndarray, "patient own"]

    def __len__(self) -> int:
        return len(self.age)

    def rows(self, rows: slice | Int64[np.ndarray, " some"]) -> "Patients":
        """Some of the patients."""
        return Patients(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def variation(self, name: str) -> Trait:
        """One healthy difference by its name in ``OWN``."""
        return self.own[:, OWN.index(name)]


def draw_patients(num: int, seed: int, *, hours: float = 0.0) -> Patients:
    """Draw virtual patients of a hospital, at a first or a later time.

    Args:
        num: how many, 1 or more; patient i does not depend on it.
        seed: 0 or more.
        hours: 0 or more; the same patients so much later, what changes within days (``TAU``)
            having moved on from the state at 0 hours.

    Raises:
        ValueError: ``num`` is below 1, or ``seed`` or ``hours`` below 0.
    """
    if num < 1:
        raise ValueError(f"num must be 1 or more, got {num}")
    return joined(
        [draw_block(block, seed, rows.stop - rows.start, hours) for block, rows in spans(num)]
    )


def joined(parts: Sequence[Patients]) -> Patients:
    """The patients of all parts, one after the other."""
    traits = [f.name for f in fields(Patients)]
    return Patients(**{t: np.concatenate([getattr(part, t) for part in parts]) for t in traits})


def draw_block(block: int, seed: int, num: int, hours: float = 0.0) -> Patients:
    """The first ``num`` patients of one block, some hours later."""
    draws = Draws(seed, block, num, "patient")
    now = replace(draws, kept=kept(hours))
    state = _person(draws)
    state |= _disease(draws, state)
    state |= _muscle(draws, state)
    state |= _rhythm(draws, state)
    state["acuity"] = now.normal("acuity")
    state |= _fluid(now, state)
    state |= _conduction(draws, state)
    state["own"] = draws.normal("own", len(OWN))
    traits = {f.name: state[f.name] for f in fields(Patients)}
    return Patients(
        **{k: v if v.dtype == bool else v.astype(np.float32) for k, v in traits.items()}
    )


State = dict[str, np.ndarray]


def _person(draws: Draws) -> State:
    male = draws.uniform("sex") < 0.52
    return {
        "age": np.clip(63 + 16 * draws.normal("age"), 18, 97),
        "male": male,
        "height": 1.625 + 0.13 * male + 0.068 * draws.normal("height"),
        "bmi": np.clip(27.5 * np.exp(0.2 * draws.normal("bmi")), 15, 60),
        "acuity": draws.normal("acuity"),
    }


def _disease(draws: Draws, state: State) -> State:
    old, fat = (state["age"] - 63) / 16, (state["bmi"] - 27.5) / 5.5
    hypertension = 0.5 * old + 0.3 * fat + draws.normal("hypertension") > 0.1
    coronary = 0.5 * old + 0.3 * state["male"] + 0.3 * hypertension + draws.normal("coronary") > 1.3
    scar = np.where(coronary, np.clip(0.35 + 0.45 * draws.normal("scar"), 0, 1), 0)
    anterior = draws.uniform("scar site") < 0.5
    return {
        "hypertension": hypertension,
        "kidney_disease": 0.3 * old + 0.4 * hypertension + draws.normal("kidney") > 1.4,
        "lung_disease": 0.2 * old - 0.2 * fat + draws.normal("lung") > 1.2,
        "infarct_anterior": scar * anterior,
        "infarct_inferior": scar * ~anterior,
        "coronary": coronary,
        "myopathy": draws.normal("myopathy") > 1.65,
        "beta_blocker": 0.8 * coronary + 0.5 * hypertension + draws.normal("beta") > 0.9,
        "qt_drug": draws.normal("qt drug") + 0.3 * state["acuity"] > 1.4,
    }


def _muscle(draws: Draws, state: State) -> State:
    old, fat = (state["age"] - 63) / 16, (state["bmi"] - 27.5) / 5.5
    kidney, myopathy = state["kidney_disease"], state["myopathy"]
    mass = 0.75 * state["hypertension"] + 0.7 * kidney + 0.25 * fat + 0.2 * old
    hypertrophy = mass + 0.8 * draws.normal("hypertrophy")
    scar = state["infarct_anterior"] * 1.2 + state["infarct_inferior"] * 0.8
    weak = 30 * scar + myopathy * (20 + 7 * draws.normal("myopathy depth"))
    ef = np.clip(61 - weak - 1.5 * np.maximum(hypertrophy, 0) + 5 * draws.normal("ef"), 12, 75)
    dilatation = 0.075 * (61 - ef) + 0.6 * kidney + 0.6 * draws.normal("dilatation")
    stiff = 0.45 * hypertrophy + 0.045 * (61 - ef) + 0.3 * old + 0.4 * kidney
    filling = stiff + 0.5 * draws.normal("filling")
    return {
        "hypertrophy": hypertrophy,
        "ejection_fraction": ef,
        "dilatation": dilatation,
        "filling": filling,
        "left_atrium": 0.7 * filling + 0.5 * draws.normal("left atrium"),
        "right_heart": 0.4 * filling + 0.8 * state["lung_disease"] + 0.5 * draws.normal("right"),
    }


def _rhythm(draws: Draws, state: State) -> State:
    old = (state["age"] - 63) / 16
    score = 0.45 * state["left_atrium"] + 0.4 * old + 0.15 * state["acuity"]
    fibrillation = score + draws.normal("fibrillation") > 1.75
    return {
        "fibrillation": fibrillation,
        "left_atrium": state["left_atrium"] + 0.8 * fibrillation,
        "right_heart": state["right_heart"] + 0.6 * fibrillation,
    }


def _fluid(draws: Draws, state: State) -> State:
    filling, acuity, kidney = state["filling"], state["acuity"], state["kidney_disease"]
    failing = 0.75 * filling + 0.45 * acuity + 0.5 * state["fibrillation"] + 0.4 * kidney
    decompensation = np.maximum(0, failing + 0.9 * draws.normal("decompensation") - 0.42)
    wedge = np.clip(9 + 2.2 * filling + 6.0 * decompensation + 1.5 * draws.normal("wedge"), 4, 42)
    leak = np.maximum(0, 0.7 * acuity + draws.normal("leak") - 1.7)
    water = 5.6 + 0.6 * np.maximum(0, wedge - 14.5) + 6 * leak + 1.3 * draws.normal("water")
    transudate = 30 * np.maximum(0, wedge - 15 + 4 * draws.normal("lymph"))
    other = np.maximum(0, 0.45 * acuity + draws.normal("exudate") - 1.45) * 900
    right = draws.uniform("exudate side") < 0.55
    tilt = np.exp(0.45 * draws.normal("side"))
    patch = np.maximum(0, 0.4 * acuity + draws.normal("consolidation") - 1.2)
    swelling = np.maximum(0, 0.3 * acuity + 0.5 * kidney + draws.normal("pericardium") - 1.7)
    return {
        "wedge_pressure": wedge,
        "lung_water": np.clip(water, 3, 25),
        "effusion_right": np.clip(transudate * 1.15 * tilt + other * right, 0, 2500),
        "effusion_left": np.clip(transudate / tilt + other * ~right, 0, 2500),
        "consolidation": np.clip(patch, 0, 1) * np.where(right, -1, 1),
        "pericardial_fluid": 15 + 350 * swelling,
    }


def _conduction(draws: Draws, state: State) -> State:
    old, weak = (state["age"] - 63) / 16, (61 - state["ejection_fraction"]) / 10
    left = 0.4 * weak + 0.2 * old + 0.15 * state["hypertrophy"] + draws.normal("left block") > 2.25
    right = 0.25 * old + 0.3 * state["lung_disease"] + draws.normal("right block") > 1.9
    block = 0.3 * old + 0.2 * weak + 0.3 * state["fibrillation"] + draws.normal("av block") > 2.35
    kidney = 0.7 * state["kidney_disease"] * np.abs(draws.normal("kidney potassium"))
    return {
        "left_block": left & ~block,
        "right_block": right & ~left & ~block,
        "paced": block,
        "potassium": np.clip(4.1 + 0.4 * draws.normal("potassium") + kidney, 2.5, 7.5),
    }


_DAY = 24.0

TAU: Mapping[str, float] = {
    # Who is acutely ill gets better or worse within days; decompensation, the pressure that it
    # brings and the water that follows yield to diuretics and oxygen.
    **dict.fromkeys(("acuity", "decompensation", "wedge", "water"), 3 * _DAY),
    "leak": 7 * _DAY,  # inflammation of the lung outlasts the congestion
    # The pleura empties more slowly than the lung; what pressure makes of an effusion follows it.
    **dict.fromkeys(("lymph", "exudate"), 10 * _DAY),
    "pericardium": 14 * _DAY,  # neither drained nor resorbed as fast, as a rule
    # Half of all pneumonias have left the film by then (Mittl et al. 1994, Am J Respir Crit Care
    # Med 149:630).
    "consolidation": 14 * _DAY,
    # Whatever is left lies where it lay: of an exudate or a consolidation; and how a transudate is
    # shared out.
    **dict.fromkeys(("exudate side", "side"), 28 * _DAY),
}
"""Hours in which the correlation falls to 1/e, for each random quantity that treatment or time
changes within days; all else stays. What is drawn anew keeps its distribution, so that a later film
is one of the same hospital. The order follows from physiology; the sizes, but for the pneumonias,
are ours."""


def kept(hours: float) -> dict[str, float]:
    """How much each changing quantity has in common with itself some hours before, 0 to 1."""
    if not 0 <= hours < np.inf:
        raise ValueError(f"hours must be 0 or more and finite, got {hours}")
    return {name: float(np.exp(-hours / tau)) for name, tau in TAU.items()} if hours else {}


def heart_diameter(patients: Patients) -> Trait:
    """Transverse diameter of the cardiac silhouette in mm, on a film without magnification.

    Dilated chambers widen it most; a thick wall grows inwards first. Pericardial fluid counts, as
    on any film. Weight and an elevated diaphragm turn the heart across the chest.
    """
    chambers = (
        5.0 * np.maximum(patients.dilatation, -1)
        + 2.2 * patients.left_atrium
        + 3.0 * patients.right_heart
        + 1.8 * np.maximum(patients.hypertrophy, 0)
        + 0.05 * patients.pericardial_fluid
    )
    person = 126 + 7 * patients.male + 45 * (patients.height - 1.69) + 0.75 * (patients.bmi - 27.5)
    person = person + 0.12 * (patients.age - 63)
    return (person + chambers + 4.5 * patients.variation("heart")).astype(np.float32)


def thorax_diameter(patients: Patients) -> Trait:
    """Largest inner diameter of the rib cage in mm, on a film without magnification."""
    person = 279 + 20 * patients.male + 70 * (patients.height - 1.69) + 0.8 * (patients.bmi - 27.5)
    habit = 11 * patients.lung_disease + 10 * patients.variation("thorax")
    return (person + habit).astype(np.float32)
