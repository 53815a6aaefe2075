"""Samples as the signal files of WFDB records store them, in each format of fixed width.

Source: WFDB Applications Guide, signal(5).
"""

from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Storage(NamedTuple):
    """A format.

    Args:
        block: how many bytes the first samples of a block take: none, one, two, ..., all.
        unpack: the samples of whole blocks, given as bytes, in a row.
        missing: what is stored where there is no sample; nothing stands for it in format 8.
    """

    block: tuple[int, ...]
    unpack: Callable[[np.ndarray], np.ndarray]
    missing: int | None

    def least(self, num: int) -> int:
        """Bytes that so many samples take at least: the last block may be cut."""
        whole, rest = divmod(num, self.per_block)
        return whole * self.block[-1] + self.block[rest]

    def most(self, num: int) -> int:
        """Bytes that so many samples take at most: in whole blocks."""
        return -(-num // self.per_block) * self.block[-1]

    def holds(self, size: int) -> int:
        """How many samples so many bytes hold."""
        whole, rest = divmod(size, self.block[-1])
        return whole * self.per_block + bisect_right(self.block, rest) - 1

    def read(self, data: bytes, offset: int, num: int) -> np.ndarray:
        """The first samples of a file.

        Args:
            data: all of the file.
            offset: bytes before the first sample.
            num: how many; the file holds them.
        """
        stored = np.frombuffer(data, np.uint8, offset=offset)[: self.most(num)]
        lacking = self.most(num) - stored.size
        if lacking:
            stored = np.append(stored, np.zeros(lacking, np.uint8))
        return self.unpack(stored)[:num]

    @property
    def per_block(self) -> int:
        """Samples of a block."""
        return len(self.block) - 1


def _view(kind: str, zero: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    def unpack(stored: np.ndarray) -> np.ndarray:
        samples = stored.view(kind)
        return samples.astype(np.int32) - zero if zero else samples

    return unpack


def _three_bytes(stored: np.ndarray) -> np.ndarray:
    low, middle, high = stored.reshape(-1, 3).T.astype(np.int32)
    return _signed(low | middle << 8 | high << 16, 24)


def _pairs_of_12_bits(stored: np.ndarray) -> np.ndarray:
    first, shared, second = stored.reshape(-1, 3).T.astype(np.int32)
    return _signed(_in_turn(first | (shared & 0x0F) << 8, second | (shared & 0xF0) << 4), 12)


def _triples_split(stored: np.ndarray) -> np.ndarray:
    """Two words with a sample in bits 1 to 10 each, and half of the third above them."""
    low, high = stored.view("<u2").reshape(-1, 2).T.astype(np.int32)
    third = low >> 11 | high >> 11 << 5
    return _signed(_in_turn(low >> 1 & 0x3FF, high >> 1 & 0x3FF, third), 10)


def _triples_in_order(stored: np.ndarray) -> np.ndarray:
    word = stored.view("<u4").astype(np.int64)
    return _signed(_in_turn(word & 0x3FF, word >> 10 & 0x3FF, word >> 20 & 0x3FF), 10)


def _in_turn(*samples: np.ndarray) -> np.ndarray:
    return np.stack(samples, axis=1).ravel()


def _signed(samples: np.ndarray, bits: int) -> np.ndarray:
    """Two's complements of so many bits."""
    half = 1 << (bits - 1)
    return (samples ^ half) - half


FORMATS = {
    8: Storage((0, 1), _view("i1"), None),
    16: Storage((0, 2), _view("<i2"), -(2**15)),
    24: Storage((0, 3), _three_bytes, -(2**23)),
    32: Storage((0, 4), _view("<i4"), -(2**31)),
    61: Storage((0, 2), _view(">i2"), -(2**15)),
    80: Storage((0, 1), _view("u1", 2**7), -(2**7)),
    160: Storage((0, 2), _view("<u2", 2**15), -(2**15)),
    212: Storage((0, 2, 3), _pairs_of_12_bits, -(2**11)),
    310: Storage((0, 2, 4, 4), _triples_split, -(2**9)),
    311: Storage((0, 2, 3, 4), _triples_in_order, -(2**9)),
}
"""By the number of the format."""


def sums(samples: np.ndarray) -> list[int]:
    """The checksum of each column, as header(5) has it: the sum modulo 65,536.

    Args:
        samples: [time, signal], integers.
    """
    num, width = samples.shape
    if samples.dtype != np.int16 or not samples.flags.c_contiguous:
        total = samples.sum(axis=0, dtype=np.int64).astype(np.int16)
    else:  # tenfold as fast: long rows, which wrap round
        end = num // _ROWS * _ROWS
        rows = np.add.reduce(samples[:end].reshape(-1, _ROWS * width), axis=0, dtype=np.int16)
        total = np.add.reduce(rows.reshape(_ROWS, width), axis=0, dtype=np.int16)
        if end < num:
            total += np.add.reduce(samples[end:], axis=0, dtype=np.int16)
    return list(total.view(np.uint16).tolist())


_ROWS = 50
"""Samples of every signal that are added side by side."""
