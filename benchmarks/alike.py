"""How many nearly equal signals of different patients the audit finds, and how many it makes up.

Run: ``python benchmarks/alike.py [--patients 2000] [--data ../shared/data]``. Every ECG, X-ray and
cine of virtual patients, and every ECG of PTB-XL and X-ray of ChestX-ray14 where ``--data`` has
them, gets a copy under another patient, changed in one way. A pair without a copy is a false alarm,
or a real double of the data set. Takes about eight minutes on one core.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image
from scipy.signal import resample_poly

from crossbeat.data.alike import alike, signatures
from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.nih import NihCxr14
from crossbeat.data.sources.ptbxl import PtbXl
from crossbeat.data.sources.virtual import Virtual
from crossbeat.data.sources.virtual_hearts import VirtualHearts
from crossbeat.data.table import owner_column

Copy = Callable[[np.ndarray], np.ndarray]


def lowest_bits(signals: np.ndarray) -> np.ndarray:
    copy = signals.copy()
    copy[..., ::3] ^= 1
    return copy


def one_sample_later(ecgs: np.ndarray) -> np.ndarray:
    copy = np.roll(ecgs, 1, axis=-1)
    copy[..., 0] = ecgs[..., 0]
    return copy


def resampled(up: int, down: int) -> Copy:
    def copy(ecgs: np.ndarray) -> np.ndarray:
        there = resample_poly(ecgs.astype(float), up, down, axis=-1)
        back = np.rint(resample_poly(there, down, up, axis=-1))
        return back.clip(-32767, 32767).astype(np.int16)

    return copy


def resized(share: float) -> Copy:
    def one(film: np.ndarray) -> np.ndarray:
        side = film.shape[0]
        other = round(side * share)
        there = Image.fromarray(film).resize((other, other), Image.Resampling.BILINEAR)
        return np.asarray(there.resize((side, side), Image.Resampling.BILINEAR))

    return lambda films: np.stack([one(film) for film in films])


def grey_noise(cines: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 2, cines.shape).astype(np.float32)
    return np.rint(cines + noise).clip(0, 255).astype(np.uint8)


def one_grey_level_lighter(cines: np.ndarray) -> np.ndarray:
    return np.minimum(cines, 254) + np.uint8(1)


def one_pixel_aside(cines: np.ndarray) -> np.ndarray:
    return np.concatenate([cines[..., :1], cines[..., :-1]], axis=-1)


def one_frame_later(cines: np.ndarray) -> np.ndarray:
    return np.roll(cines, 1, axis=1)


CINE_COPIES: dict[str, Copy] = {
    "noise of two grey levels": grey_noise,
    "one grey level lighter": one_grey_level_lighter,
    "one pixel aside": one_pixel_aside,
    "one frame later": one_frame_later,
}

COPIES: dict[str, dict[str, Copy]] = {
    "ecg": {
        "other lowest bits": lowest_bits,
        "one sample later": one_sample_later,
        "resampled to five times the rate and back": resampled(5, 1),
        "resampled to four fifths of the rate and back": resampled(4, 5),
    },
    "xray": {
        "other lowest bits": lowest_bits,
        "resized to twice its size and back": resized(2.0),
        "resized to three quarters and back": resized(0.75),
    },
    "cine": CINE_COPIES,
    "cine_long": CINE_COPIES,
}


def pairs(name: str, signals: np.ndarray, patients: list[str]) -> int:
    """How many pairs the audit counts."""
    number = len(signals)
    table = pl.DataFrame(
        {"patient": patients, "record": patients, "split": ["train"] * number}
        | {name: np.arange(number), owner_column(name): patients}
    )
    digests = [blake2b(each.tobytes(), digest_size=12).hexdigest() for each in signals]
    signed = signatures(name, signals)
    assert signed is not None
    found = alike(table, {name: digests}, {name: signed}, lambda _, rows: signals[rows])
    return int(found["pairs"])


def cohorts(place: Path, patients: int, data: Path) -> Iterator[tuple[str, Cohort]]:
    """Virtual patients, and public data sets where they are."""
    hearts = VirtualHearts(num_patients=patients, long_axis=True)
    builders = {
        "virtual patients": Virtual(num_patients=patients, image_size=64),
        "virtual hearts": hearts,
    }
    if (data / "ptb-xl").is_dir():
        builders["PTB-XL"] = PtbXl(root=data / "ptb-xl")
    if (data / "nih-cxr14").is_dir():
        builders["ChestX-ray14"] = NihCxr14(root=data / "nih-cxr14")
    with ThreadPoolExecutor(1) as executor:
        for name, builder in builders.items():
            yield name, builder.build(place / name.replace(" ", "-"), executor=executor)


def run() -> None:
    """Build, copy, audit and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=2000)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        for called, cohort in cohorts(Path(place), options.patients, options.data):
            for name, copies in COPIES.items():
                shards = sorted(cohort.folder.glob(f"{name}-*.npy"))
                if not shards:
                    continue
                signals = np.concatenate([np.load(path) for path in shards])
                owners = cohort.table.drop_nulls(name).unique(name, keep="first").sort(name)
                signals = signals[owners[name].to_numpy()]
                ids = owners[owner_column(name)].to_list()
                others = [f"copy of {each}" for each in ids]
                started = time.perf_counter()
                signatures(name, signals)
                each = (time.perf_counter() - started) / len(signals) * 1e3
                alone = pairs(name, signals, ids)
                print(f"{called}, {len(signals)} {name}s: {alone} pairs without copies, ", end="")
                print(f"{each:.2f} ms for a signature")
                for words, copy in copies.items():
                    both = np.concatenate([signals, copy(signals)])
                    print(f"  {words}: {pairs(name, both, ids + others) - alone} found")


if __name__ == "__main__":
    run()
