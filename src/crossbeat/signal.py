"""An ECG and a batch of ECGs: values in millivolts, leads by name, sampling rate in hertz.

``Ecg`` is one record as a reader returns it (NumPy). ``Ecgs`` is a batch as views and encoders
take it (PyTorch). Functions here are batched and pure: they return new values.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from torch import Tensor


@dataclass(frozen=True)
class Ecg:
    """One ECG.

    Args:
        values: millivolts.
        leads: the name of each row of ``values``.
        fs: sampling rate in hertz.
    """

    values: Float32[np.ndarray, "lead time"]
    leads: tuple[str, ...]
    fs: float


@dataclass(frozen=True)
class Ecgs:
    """A batch of ECGs of the same leads, rate and length.

    Args:
        values: millivolts; after a normalisation, the unit that it gives.
        leads: the name of each row.
        fs: sampling rate in hertz.
    """

    values: Float[Tensor, "batch lead time"]
    leads: tuple[str, ...]
    fs: float
