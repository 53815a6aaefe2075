"""``crossbeat bench`` prints what was measured; the pairing bench checks itself by a plain scan."""

import importlib
import json
import os
import sys

import numpy as np
import polars as pl
import pytest

from crossbeat.bench import cine, in_new_process, loader, pairing, peak_gb, prepare, store
from crossbeat.cli import main
from crossbeat.cli.bench import BENCHES
from crossbeat.data.pairing import Pairing, pair
from crossbeat.errors import ConfigError

ONCE = Pairing(rule="nearest", window=24.0, reuse=False)


@pytest.fixture
def here(monkeypatch):
    """Starting processes takes seconds: measure in this one."""

    def call(function, *arguments, threads):
        return function(*arguments)

    for name in BENCHES:
        bench = importlib.import_module(f"crossbeat.bench.{name}")
        monkeypatch.setattr(bench, "in_new_process", call)


@pytest.fixture
def measured(here, tmp_path, capsys):
    """What a bench prints as JSON."""

    def run(name, *options):
        words = ["bench", name, "--small", "--json", "--folder", str(tmp_path), *options]
        assert main(words) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_the_bench_of_pairing_measures_every_rule_and_compares_the_pairs(
    measured, tmp_path, monkeypatch
):
    found = measured("pairing", "--seed", "3")
    assert (found["bench"], found["seed"], found["small"]) == ("pairing", 3, True)
    assert found["versions"].keys() >= {"python", "polars", "numpy"}
    cases = found["cases"]
    every = {name: case for name, case in cases.items() if name.startswith("pairing/ours/")}
    assert [case["rule"] for case in every.values()] == [str(rule) for rule in pairing.RULES]
    assert all(case["pairs"] > 0 for case in cases.values())
    worst = cases["pairing/ours"]
    assert worst["seconds"] == max(case["seconds"] for case in every.values())
    assert worst["peak_gb"] == max(case["peak_gb"] for case in every.values())
    assert (worst["xrays"], worst["ecgs"]) == (2_400, 8_000)
    assert cases["pairing/scan"]["rule"] == f"all {len(pairing.RULES)}, equal to ours"
    monkeypatch.setattr(pairing, "pair", lambda *three, stays: pair(*three, stays=stays).tail(-1))
    with pytest.raises(RuntimeError, match="pairs by ed-stay must equal those of the scan"):
        pairing.cases(seed=0, small=True, folder=tmp_path)


def test_the_bench_of_prepare_measures_each_step_beside_the_usual_one(
    measured, tmp_path, monkeypatch
):
    pytest.importorskip("wfdb")
    cases = measured("prepare")["cases"]
    steps = {name for name in cases if not name.startswith("memory/")}
    assert steps == {*prepare.RIVALS, *prepare.RIVALS.values(), "quality/ours", "film/ours"}
    assert all(cases[name]["per_second"] > 0 for name in steps)
    for name, rival in prepare.RIVALS.items():
        ratio = cases[name]["per_second"] / cases[rival]["per_second"]
        assert cases[name]["ratio"] == pytest.approx(ratio)
    for name in ("memory/4", "memory/8"):
        assert cases[name]["peak_gb"] >= cases[name]["before_gb"] > 0
        assert cases[name]["ecgs"] > 0
    trees = {path.name for path in tmp_path.iterdir()}
    assert trees == {"mimic-4-seed-0", "mimic-8-seed-0"}  # kept for the next time, no more
    usual = prepare.usual_filtered
    monkeypatch.setattr(prepare, "usual_filtered", lambda record, fs: 1.01 * usual(record, fs))
    with pytest.raises(RuntimeError, match="must be the same ECG by both ways, got a difference"):
        prepare.cases(seed=0, small=True, folder=tmp_path)
    monkeypatch.setitem(sys.modules, "wfdb", None)
    with pytest.raises(ConfigError, match=r"pip install 'crossbeat\[formats\]'"):
        prepare.usual_read(tmp_path / "none.hea")


def test_the_bench_of_the_loader_reads_every_batch_of_a_cohort_that_is_there(
    measured, tiny, tmp_path
):
    (tmp_path / "virtual-512-seed-0").symlink_to(tiny.folder)
    case = measured("loader")["cases"]["loader/ours"]
    assert case["per_second"] > 0 < case["first_per_second"]
    assert (case["records"], case["batch"]) == (120, 120)


def test_the_bench_of_the_store_compares_shards_with_one_array(measured, tmp_path):
    found = measured("store")["cases"]
    assert [case["files"] for case in found.values()] == [4, 1, 8]
    assert all(case["per_second"] > 0 < case["first_per_second"] for case in found.values())
    assert found["store/one-array"]["ratio"] == 1
    assert len(list(tmp_path.rglob("*.npy"))) == 13
    shard = next(tmp_path.glob("store-ours-*/00000.npy"))
    np.save(shard, np.load(shard)[::-1])
    with pytest.raises(RuntimeError, match="store/ours must give the rows of the one array"):
        store.cases(seed=0, small=True, folder=tmp_path)


def test_the_bench_of_cines_draws_and_encodes(measured, tmp_path):
    found = measured("cine")["cases"]
    assert found["draw/ours"]["per_second"] > 0
    case = found["encode/ours"]
    assert (case["frames"], case["per_second"] > 0) == (cine.BATCH * 4, True)
    assert 0 < case["loading_share"] < 1
    assert (tmp_path / f"hearts-{cine.BATCH}-seed-0").is_dir()


def test_what_was_measured_is_a_table(monkeypatch, capsys):
    given = {"ours": {"seconds": 1.23456, "pairs": 12345}, "scan": {"seconds": 321.4}}
    monkeypatch.setattr(loader, "cases", lambda **_: given)
    assert main(["bench", "loader"]) == 0
    out = capsys.readouterr().out
    lines = [[cell.strip() for cell in line.split("│")] for line in out.split("\n")]
    assert ["", "ours", "1.23", "12,345", ""] in lines
    assert ["", "scan", "321", "", ""] in lines


def test_the_scan_pairs_as_worked_out_by_hand():
    def at(*hours):
        return pl.Series([round(each * 3.6e9) for each in hours]).cast(pl.Datetime("us"))

    ecgs = pl.DataFrame({"patient": ["a"] * 3, "record": ["q", "p", "r"], "time": at(5, 5, 8)})
    xrays = pl.DataFrame({"patient": [*"aaab"], "record": [*"wxyz"], "time": at(4, 5.5, 6, 5)})
    stays = pl.DataFrame({"patient": ["a", "a"], "begin": at(4, 5), "end": at(5, 6)})
    for rule, expected in (
        (Pairing(), [(0, 0), (1, 1), (2, 0)]),
        (Pairing(reuse=False), [(0, 0), (1, 1)]),
        (Pairing(rule="nearest", window=1.0), [(0, 1), (1, 1), (2, 1)]),
        (ONCE, [(0, 0), (1, 1), (2, 2)]),
        (Pairing(rule="within", window=0.5), [(1, 0), (1, 1)]),
    ):
        assert pairing.scanned_pairs(ecgs, xrays, stays, rule) == expected


def test_records_are_of_the_seed_and_as_uneven_as_those_of_a_hospital():
    ecgs, xrays, stays = drawn = pairing.draw_records(3_000, 10_000, 0)
    assert (ecgs.height, xrays.height, stays.height) == (10_000, 3_000, 5_000)
    again = pairing.draw_records(3_000, 10_000, 0)
    assert all(one.equals(same) for one, same in zip(drawn, again, strict=True))
    assert not ecgs.equals(pairing.draw_records(3_000, 10_000, 1)[0])
    assert 0 < ecgs["time"].null_count() < 100
    assert ecgs["time"].drop_nulls().dt.second().max() == 0
    assert xrays["time"].drop_nulls().dt.second().max() > 0
    counts = np.sort(ecgs["patient"].value_counts()["count"].to_numpy())
    assert counts[-1] > 10 * np.median(counts)
    assert xrays["patient"].n_unique() < ecgs["patient"].n_unique() / 2


def test_of_shrinking_gaps_each_record_is_nearest_to_the_next():
    ecgs, xrays, stays = pairing.shrinking_gaps(20)
    times = pl.concat([ecgs["time"], xrays["time"]]).sort()
    gaps = times.diff().drop_nulls().to_physical().to_numpy()
    assert (np.diff(gaps) < 0).all()
    assert pair(ecgs, xrays, Pairing(), stays=stays).height == 20
    assert pair(ecgs, xrays, ONCE)["ecg"].to_list() == list(range(20))


def test_a_new_process_has_its_own_threads_and_memory():
    before = os.environ.get("POLARS_MAX_THREADS")
    assert in_new_process(os.getenv, "POLARS_MAX_THREADS", threads=3) == "3"
    assert os.environ.get("POLARS_MAX_THREADS") == before
    held = np.ones(30_000_000)  # 0.24 GB of this process
    assert 0 < in_new_process(peak_gb, threads=1) < held.nbytes / 1e9 < peak_gb()
