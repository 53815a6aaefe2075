"""A cohort is made by a cluster as by this machine."""

from pathlib import Path

import pytest

from crossbeat.cli import main

SETTINGS = ["--num_patients", "500", "--image_size", "16", "--fs", "50"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_two_workers_of_a_cluster_write_the_same_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="", silence_logs=50
    ) as cluster:
        address = cluster.scheduler_address.replace("tcp://", "dask://")
        there = ["prepare", "virtual", "--out", str(tmp_path / "there"), *SETTINGS]
        assert main([*there, "--executor", address]) == 0
    assert "500 rows" in capsys.readouterr().err
    here = ["prepare", "virtual", "--out", str(tmp_path / "here"), *SETTINGS]
    assert main([*here, "--workers", "1"]) == 0
    files = {path.name for path in (tmp_path / "here").iterdir()}
    assert len(files) > 4
    for name in files:
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()
