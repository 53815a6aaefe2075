"""``crossbeat bench prepare``: ECGs read, filtered and stored, beside ``wfdb`` and ``scipy``."""

import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import blake2b
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int16
from PIL import Image
from scipy.signal import medfilt, resample_poly

from crossbeat.bench import Cases, in_new_process, peak_gb
from crossbeat.data.info import CohortInfo, file_info
from crossbeat.data.sources.builder import read_wave
from crossbeat.data.sources.mimic import SECONDS, Mimic
from crossbeat.data.store import to_int16
from crossbeat.errors import ConfigError, DataError
from crossbeat.files import Json, write_whole
from crossbeat.leads import INDEPENDENT, STANDARD
from crossbeat.quality import require
from crossbeat.readers import read_ecg, read_xray
from crossbeat.signal import Ecg, Preprocessing
from crossbeat.simulate.hospital import VirtualMimic

Wave = Int16[np.ndarray, "lead time"]

FS = 100
"""Hertz, of stored ECGs."""

CLEAN = Preprocessing(leads=STANDARD, fs=float(FS), seconds=SECONDS, baseline=True)
RIVALS = {
    "read/ours": "read/wfdb",
    "filter/ours": "filter/usual",
    "store/ours": "store/usual",
    "chain/ours": "chain/usual",
    "chain/unchecked": "chain/usual",
}

FILM = (3056, 2544)
"""Pixels of most X-rays of MIMIC-CXR."""

_SAME = 2e-3
"""Millivolts: stored integers have steps of half of it."""

_ENDS = FS // 2
"""Samples at each end that differ: the usual way takes the signal for 0 outside, ours does not."""


def cases(*, seed: int, small: bool, folder: Path) -> Cases:
    """Records per second of a core, and the memory that ``prepare mimic`` takes.

    ``chain/ours`` is the way of an ECG into a cohort: read, check, filter, store.
    ``chain/unchecked`` leaves out the checks, which ``chain/usual`` lacks as well; ``quality/ours``
    is the checks alone. ``film/ours`` reads JPEGs of a detector's size to 224 pixels. Time is that
    of the processor, so that other work on the machine counts less.

    Raises:
        ConfigError: the package ``wfdb`` is absent.
        RuntimeError: both ways do not give the same ECGs.
    """
    num, rounds = (8, 1) if small else (256, 5)
    tree = written(num, seed, folder)
    seconds = in_new_process(timed, tree, num, rounds, threads=1)
    found: Cases = {name: {"per_second": num / taken} for name, taken in seconds.items()}
    for name, rival in RIVALS.items():
        found[name]["ratio"] = found[name]["per_second"] / found[rival]["per_second"]
    found["film/ours"] = {"per_second": in_new_process(films, 1 if small else 10, threads=1)}
    for num in (4, 8) if small else (500, 2_000):
        tree = written(num, seed, folder)
        found[f"memory/{num}"] = in_new_process(prepared, tree, threads=1)
    return found


def written(num_patients: int, seed: int, folder: Path) -> Path:
    """A virtual MIMIC with coarse X-rays, which take less time to draw."""
    tree = folder / f"mimic-{num_patients}-seed-{seed}"
    VirtualMimic(num_patients=num_patients, seed=seed, film_size=16).write(tree)
    return tree


def timed(tree: Path, num: int, rounds: int) -> dict[str, float]:
    """Seconds of a core that each step takes for some records: the median of the rounds.

    Args:
        tree: a virtual MIMIC.
        num: records, 1 or more.
        rounds: 1 or more; in each, every step is run once.
    """
    files = _usable(sorted(tree.rglob("*.hea")), num)
    _check_same(files)
    with TemporaryDirectory(dir=tree.parent) as out:
        steps = _steps(files, Path(out))
        for step in steps.values():  # files come from memory from now on
            step()
        taken: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(rounds):
            for name, step in steps.items():
                begin = time.process_time()
                step()
                taken[name].append(time.process_time() - begin)
    return {name: median(each) for name, each in taken.items()}


def films(num: int) -> float:
    """X-rays per second of a core: 7.8 million pixels with noise, 4 MB of JPEG each.

    Args:
        num: how often it is read, 1 or more.
    """
    y, x = np.mgrid[: FILM[0], : FILM[1]]
    noise = np.random.default_rng(0).normal(0, 12, FILM)
    shadow = 128 + 90 * np.sin(x / 400) * np.cos(y / 500) + noise
    with TemporaryDirectory() as folder:
        file = Path(folder) / "film.jpg"
        Image.fromarray(np.clip(shadow, 0, 255).astype(np.uint8)).save(file, quality=95)
        read_xray(file, 224)
        begin = time.process_time()
        for _ in range(num):
            read_xray(file, 224)
        return num / (time.process_time() - begin)


def prepared(tree: Path) -> Json:
    """Make the cohort of a tree; ``before_gb`` was needed to load code alone."""
    before, begin = peak_gb(), time.perf_counter()
    settings = Mimic(
        ecg=tree / "mimic-iv-ecg",
        cxr=tree / "mimic-cxr-jpg",
        ed=tree / "mimic-iv-ed",
        hosp=tree / "mimic-iv" / "hosp",
        unpaired_ecgs=True,
        fs=float(FS),
    )
    with TemporaryDirectory(dir=tree.parent) as out, ThreadPoolExecutor(1) as here:
        table = settings.build(Path(out) / "cohort", executor=here, allow_missing=True).table
    return {
        "peak_gb": peak_gb(),
        "before_gb": before,
        "ecgs": table["ecg"].n_unique(),
        "xrays": table["xray"].n_unique(),
        "seconds": time.perf_counter() - begin,
    }


def _steps(files: Sequence[Path], out: Path) -> dict[str, Callable[[], object]]:
    ecgs = [read_ecg(file) for file in files]
    records = [usual_read(file) for file in files]
    waves = [_filtered(ecg) for ecg in ecgs]
    plain = [usual_filtered(record, FS) for record in records]

    def usual_store(values: Iterable[np.ndarray]) -> None:
        for file, each in zip(files, values, strict=True):
            np.save(out / f"{file.stem}.npy", each)

    def usual_chain_of(file: Path) -> np.ndarray:
        return usual_filtered(usual_read(file), FS)

    return {
        "read/ours": lambda: _each(read_ecg, files),
        "read/wfdb": lambda: _each(usual_read, files),
        "quality/ours": lambda: _each(lambda ecg: require(ecg, "", SECONDS), ecgs),
        "filter/ours": lambda: _each(_filtered, ecgs),
        "filter/usual": lambda: _each(lambda record: usual_filtered(record, FS), records),
        "store/ours": lambda: _store(waves, out),
        "store/usual": lambda: usual_store(plain),
        "chain/ours": lambda: _store([read_wave(str(file), clean=CLEAN) for file in files], out),
        "chain/unchecked": lambda: _store([_filtered(read_ecg(file)) for file in files], out),
        "chain/usual": lambda: usual_store(map(usual_chain_of, files)),
    }


def _each(function: Callable[[Any], object], given: Iterable[object]) -> None:
    for one in given:  # nothing is kept: memory is used again, as a build does
        function(one)


def _filtered(ecg: Ecg) -> Wave:
    return to_int16(CLEAN.apply(ecg).values[None], CohortInfo.ecg_gain, "the bench")[0]


def _store(waves: Sequence[Wave], out: Path) -> None:
    """One shard with its checksum, and a digest of each signal, as a cohort has them."""
    for wave in waves:
        blake2b(wave.tobytes(), digest_size=12).hexdigest()
    write_whole(out / "ecg-00000.npy", partial(np.save, arr=np.stack(waves)))
    file_info(out / "ecg-00000.npy", len(waves))


def _usable(headers: Sequence[Path], num: int) -> list[Path]:
    found: list[Path] = []
    for header in headers:
        try:
            read_wave(str(header), clean=CLEAN)
        except DataError:
            continue
        found.append(header)
        if len(found) == num:
            break
    assert len(found) == num
    return found


def _check_same(files: Sequence[Path]) -> None:
    rows = [STANDARD.index(lead) for lead in INDEPENDENT]  # limb leads are derived by one way only
    for file in files:
        ours = _filtered(read_ecg(file))[rows] / CohortInfo.ecg_gain
        usual = usual_filtered(usual_read(file), FS)[rows]
        apart = np.abs(ours - usual)[:, _ENDS:-_ENDS].max()
        if not apart < _SAME:
            raise RuntimeError(
                f"{file} must be the same ECG by both ways, got a difference of {apart:g} mV"
            )


def usual_read(header: Path) -> Any:
    """A record as ``wfdb`` has it.

    Raises:
        ConfigError: the package is absent.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own dependencies
            import wfdb
    except ImportError:
        raise ConfigError(
            "the bench of prepare compares with wfdb, got no such package; "
            "pip install 'crossbeat[formats]'"
        ) from None
    return wfdb.rdrecord(str(header.with_suffix("")))


def usual_filtered(record: Any, fs: int) -> Float32[np.ndarray, "lead time"]:
    """The twelve leads at ``fs`` hertz, less two running medians of 0.2 s and 0.6 s.

    Source: the preprocessing of CroMoTEX (arXiv:2506.19329), without its scaling of each lead,
    which belongs to models here.
    """
    rows = [record.sig_name.index(lead) for lead in STANDARD]
    values = np.nan_to_num(record.p_signal.T[rows])
    resampled = resample_poly(values, fs, round(record.fs), axis=-1)
    return np.stack([_without_baseline(lead, fs) for lead in resampled]).astype(np.float32)


def _without_baseline(lead: Float[np.ndarray, " time"], fs: int) -> Float[np.ndarray, " time"]:
    first, second = (2 * (round(window * fs) // 2) + 1 for window in (0.2, 0.6))
    return lead - medfilt(medfilt(lead, first), second)
