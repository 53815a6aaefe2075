import numpy as np
import pytest

from crossbeat.leads import MIMIC
from crossbeat.readers import read_ecg
from crossbeat.readers.ecg.wfdb import write_wfdb
from crossbeat.signal import Ecg


def test_what_is_written_is_read_back_to_the_microvolt(tmp_path):
    values = np.random.default_rng(0).normal(size=(12, 500)).astype(np.float32)
    header = write_wfdb(Ecg(values, MIMIC, 250.0), tmp_path / "record")
    back = read_ecg(header)
    assert (back.leads, back.fs) == (MIMIC, 250.0)
    np.testing.assert_allclose(back.values, values, atol=0.00051)


@pytest.mark.parametrize("bad", [33.0, np.nan, 32.7676, -32.7677])
def test_what_does_not_fit_into_16_bits_is_refused(tmp_path, bad):
    values = np.zeros((1, 10), np.float32)
    values[0, 3] = bad
    with pytest.raises(ValueError, match="finite and within 32 mV"):
        write_wfdb(Ecg(values, ("I",), 100.0), tmp_path / "record")


def test_the_rate_is_written_in_full(tmp_path):
    values = np.ones((1, 10), np.float32)
    assert read_ecg(write_wfdb(Ecg(values, ("I",), 1000 / 3), tmp_path / "a")).fs == pytest.approx(
        1000 / 3, abs=1e-9
    )


def test_a_name_that_no_header_may_have_is_refused(tmp_path):
    values = np.ones((1, 10), np.float32)
    with pytest.raises(ValueError, match=r"letters, digits, - and _, got 'a\.b'"):
        write_wfdb(Ecg(values, ("I",), 100.0), tmp_path / "a.b")
