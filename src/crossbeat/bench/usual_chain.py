"""ECGs prepared as scripts usually do it: ``wfdb``, then ``scipy`` lead by lead, a file per record.

Source: the preprocessing of CroMoTEX (arXiv:2506.19329), without its scaling of each lead, which
belongs to models here.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32
from scipy.signal import medfilt, resample_poly

from crossbeat.errors import ConfigError
from crossbeat.leads import STANDARD


def read(header: Path) -> Any:
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


def filtered(record: Any, fs: int) -> Float32[np.ndarray, "lead time"]:
    """The twelve leads at another rate, less two running medians of 0.2 s and 0.6 s.

    Args:
        record: of ``wfdb``.
        fs: the rate wanted, in hertz.
    """
    rows = [record.sig_name.index(lead) for lead in STANDARD]
    values = np.nan_to_num(record.p_signal.T[rows])
    resampled = resample_poly(values, fs, round(record.fs), axis=-1)
    return np.stack([_without_baseline(lead, fs) for lead in resampled]).astype(np.float32)


def store(values: Float32[np.ndarray, "lead time"], path: Path) -> None:
    """A file of its own for a record."""
    np.save(path, values)


def _without_baseline(lead: Float[np.ndarray, " time"], fs: int) -> Float[np.ndarray, " time"]:
    first, second = (2 * (round(window * fs) // 2) + 1 for window in (0.2, 0.6))
    return lead - medfilt(medfilt(lead, first), second)
