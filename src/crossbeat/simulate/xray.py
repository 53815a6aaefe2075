"""Frontal chest X-rays of virtual patients."""

from collections.abc import Iterator
from concurrent.futures import Executor

import numpy as np
from jaxtyping import Float32, UInt8

from crossbeat.simulate.canvas import canvas, step, value
from crossbeat.simulate.devices import devices
from crossbeat.simulate.film import Film, take_film, thorax
from crossbeat.simulate.patient import Patients
from crossbeat.simulate.markings import lung_markings, ribs
from crossbeat.simulate.soft_tissue import abdomen, body, breasts, fluid, heart, lungs, mediastinum
from crossbeat.simulate.streams import Draws, in_order, spans

Images = UInt8[np.ndarray, "patient height width"]


def xrays(patients: Patients, seed: int, size: int, executor: Executor | None = None) -> Images:
    """The chest X-ray of each patient, bright where dense, the patient's right on the left.

    Args:
        patients: as ``draw_patients`` gives them, or changed copies.
        seed: of the film: another seed is another film of the same chests.
        size: pixels per side, 16 or more.
        executor: shares the blocks out; by default they are made one after the other.

    Raises:
        ValueError: ``size`` is below 16.
    """
    return np.concatenate(list(xray_blocks(patients, seed, size, executor)))


def xray_blocks(
    patients: Patients, seed: int, size: int, executor: Executor | None = None
) -> Iterator[Images]:
    """The same films block by block, in order: memory stays that of a few blocks."""
    if size < 16:
        raise ValueError(f"size must be 16 pixels or more, got {size}")
    jobs = ((patients.rows(rows), block, seed, size) for block, rows in spans(len(patients)))
    return in_order(xray_block, jobs, executor)


def xray_block(patients: Patients, block: int, seed: int, size: int) -> Images:
    """The films of the patients of one block; a function that a process pool can call."""
    draws = Draws(seed, block, len(patients), "film")
    film = take_film(patients, draws)
    made = np.empty((len(patients), size, size), dtype=np.uint8)
    grey = develop(thickness(patients, film, draws, size), film)
    grain = draws.normal("film noise", size, size) * value(film.grain)
    np.clip(grey + grain, 0, 255, out=grey)
    made[:] = grey
    return made


def noisier(films: Images, block: int, seed: int, noise: float) -> Images:
    """The films of one block with further noise, the same for every patient, whoever is there.

    Args:
        films: of the first patients of the block, 0 to 255.
        block: which block.
        seed: of the noise; 0 or more.
        noise: standard deviation in grey levels, 0 or more; what leaves 0 to 255 is clipped.
    """
    grain = Draws(seed, block, len(films), "noisier film").normal("noise", *films.shape[1:])
    return np.clip(np.rint(films + noise * grain), 0, 255).astype(np.uint8)


def thickness(
    patients: Patients, film: Film, draws: Draws, size: int
) -> Float32[np.ndarray, "patient height width"]:
    """Tissue that the rays cross at each pixel, in cm of water."""
    on, space = canvas(film, size), thorax(patients, film)
    seen = lungs(on, space)
    around = body(on, space, patients, film)
    filled = lung_markings(on, seen, patients, draws) + fluid(space, seen)
    filled += heart(on, space, patients)
    room = np.clip(0.82 * around - 1.8, 0, None) * (1 - 0.9 * np.clip(seen.side, 0, 1) ** 7)
    around -= np.clip(room - filled, 0, None) * seen.air
    around += mediastinum(on, space) * (0.6 + 0.4 * seen.air) * step(around - 1, 2)
    around += ribs(on, seen, patients, space.half) + abdomen(on, space, seen, patients)
    around += breasts(on, space, patients)
    return np.clip(around, 0, None) + devices(on, space, patients, film, draws)


def develop(
    thick: Float32[np.ndarray, "patient height width"], film: Film
) -> Float32[np.ndarray, "patient height width"]:
    """Grey levels of the film, 0 to 255: its characteristic curve, exposure and contrast."""
    depth = value(11 * np.exp(-0.18 * film.exposure))
    lift = value(1.2 * np.exp(0.25 * film.contrast))
    return 250 * (1 - np.exp(-thick / depth)) ** lift
