from pathlib import Path

import pytest
from tiny_cohorts import build_tiny

from crossbeat.data.cohort import Cohort


@pytest.fixture
def tiny(tmp_path: Path) -> Cohort:
    return build_tiny(tmp_path / "tiny")
