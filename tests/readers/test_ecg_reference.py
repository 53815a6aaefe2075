"""Every real file of the reference data: what it is, how long, how large; or why it is refused."""

import numpy as np
import pytest

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD, limb_leads
from crossbeat.readers import identify, read_ecg

PTB_XL = ("00001", "00008", "00017", "00039", "00200")
CINC = ("E07500", "E07511", "HR06004", "JS20000", "JS20006", "JS20018")
ODD, CINC_ENDS = ("Q0012", "Q0122", "Q1805", "HR00001"), (".hea", ".mat")
LEADS = ("avf", "avl", "avr", "i", "ii", "iii", *(f"v{number}" for number in range(1, 7)))

LICENCES = ("LUDB_ODC-BY", "PTB-XL_CC-BY-4.0", "pydicom", "sierra-ecg-tools")
LICENCES += ("torch_ecg_MIT", "wfdb-python")

READ = {  # name: format, hertz, seconds
    **{f"{name}_hr{end}": ("wfdb", 500, 10) for name in PTB_XL for end in (".hea", ".dat")},
    **{f"{name}_lr{end}": ("wfdb", 100, 10) for name in PTB_XL for end in (".hea", ".dat")},
    **{f"{name}{end}": ("wfdb", 500, 10) for name in CINC for end in (".hea", ".mat")},
    **{f"ludb_{name}{end}": ("wfdb", 500, 10) for name in (1, 104) for end in (".hea", ".dat")},
    **{f"s0010_re{end}": ("wfdb", 1000, 38.4) for end in (".hea", ".dat", ".xyz")},
    **{f"cinc2020_v1_odd/A0001{end}": ("wfdb", 500, 15) for end in (".hea", ".mat")},
    **{f"cinc2020_v1_odd/Q0005{end}": ("wfdb", 500, 47.706) for end in (".hea", ".mat")},
    **{f"cinc2020_v1_odd/{name}{end}": ("wfdb", 500, 10) for name in ODD for end in CINC_ENDS},
    "mortara_12lead.dcm": ("dicom", 1000, 10),
    "philips_sierra_1_03.xml": ("philips-sierra-xml", 500, 10.528),
    "philips_sierra_1_04.xml": ("philips-sierra-xml", 500, 10.6),
    "philips_sierra_1_04_01.xml": ("philips-sierra-xml", 500, 10.6),
    "code15_1238362_400hz.mat": ("matlab", 400, 7.335),
    "cpsc2018_A1980.mat": ("matlab", 500, 10),
}
NO_HEADER = "binary without a signature; .* must lie beside it and name it"
RECORD_LINE = r"E00001\.hea: the record line .* got 'E00001\.mat 12"
REFUSED = {
    **{f"ludb_{name}.{lead}": NO_HEADER for name in (1, 104) for lead in LEADS},
    **{f"cinc2020_v1_odd/E00001{end}": RECORD_LINE for end in (".hea", ".mat")},
    **{
        f"licences/{name}.txt": "but is text without columns of leads; it reads wfdb"
        for name in LICENCES
    },
}


def test_every_file_is_expected_to_read_or_not(shared):
    folder = shared / "data" / "ecg-formats"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", READ)
def test_a_file_reads_as_what_it_is(shared, name):
    path = shared / "data" / "ecg-formats" / name
    kind, fs, seconds = READ[name]
    ecg = read_ecg(path)
    assert (identify(path), ecg.leads, ecg.fs) == (kind, STANDARD, fs)
    assert ecg.values.shape[1] / fs == pytest.approx(seconds)
    assert np.isfinite(ecg.values).all()
    size = np.abs(ecg.values - np.median(ecg.values, axis=1, keepdims=True)).max(axis=1)
    assert ((size > 0.1) & (size < 8)).all(), size  # mV, with the known wrong gain of HR00001


@pytest.mark.parametrize(
    "name", [*(name for name in READ if READ[name][0] != "wfdb"), "s0010_re.dat"]
)
def test_limb_leads_follow_from_the_first_two(shared, name):
    """To a few stored units: so the leads are neither swapped nor scaled apart."""
    ecg = read_ecg(shared / "data" / "ecg-formats" / name)
    rows = dict(zip(ecg.leads, ecg.values, strict=True))
    for lead, expected in limb_leads(rows["I"], rows["II"]).items():
        np.testing.assert_allclose(rows[lead], expected, atol=0.025, err_msg=lead)


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_is_refused_with_the_right_reason(shared, name):
    with pytest.raises(DataError, match=REFUSED[name]):
        read_ecg(shared / "data" / "ecg-formats" / name)
