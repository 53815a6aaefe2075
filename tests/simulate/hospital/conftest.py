import pytest
from virtual_mimics import NOTHING_WRONG, write


@pytest.fixture(scope="session")
def sound(tmp_path_factory):
    """A tree in which nothing is wrong."""
    return write(tmp_path_factory.mktemp("mimic") / "sound", num_patients=40, faults=NOTHING_WRONG)
