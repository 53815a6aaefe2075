"""Retrieval: against the definitions as a slow loop, by hand, and what chance and ties give."""

import math

import numpy as np
import pytest

from crossbeat.errors import DataError
from crossbeat.evaluation import retrieval
from crossbeat.evaluation.retrieval import Items, retrieve

NAMES = ("LVEDV", "LVEF")
MEASURED = ("1", "10", "apart", "gain", "LVEF", "LVEF by lot", "gain by lot")


def items(seed: int, num: int, *, patients: int | None = None) -> Items:
    rng = np.random.default_rng(seed)
    measurements = rng.normal(size=(num, 2)) * [30, 8] + [150, 60]
    owners = np.array([f"p{number % (patients or num)}" for number in range(num)])
    return Items(rng.normal(size=(num, 5)), measurements, owners)


def slowly(queries: Items, gallery: Items) -> dict[str, list[float]]:
    """The measures, one query and one item at a time, where nothing is unknown."""
    spread = gallery.measurements.std(axis=0)
    found: dict[str, list[float]] = {name: [] for name in MEASURED}
    owned = zip(queries.embeddings, queries.measurements, queries.patients, strict=True)
    for query, heart, patient in owned:
        lengths = np.linalg.norm(query) * np.linalg.norm(gallery.embeddings, axis=1)
        cosines = gallery.embeddings @ query / lengths
        order = sorted(range(len(cosines)), key=lambda at: -cosines[at])
        ranked = [gallery.patients[at] for at in order]
        found["1"].append(float(patient in ranked[:1]))
        found["10"].append(float(patient in ranked[:10]))
        others = [at for at in order if gallery.patients[at] != patient]
        apart = np.abs(gallery.measurements - heart) / spread
        found["apart"].append(apart[others[:10]].mean())
        found["LVEF"].append(apart[others[:10], 1].mean())
        gains = np.exp(-apart.mean(axis=1))
        best = sorted((gains[at] for at in others), reverse=True)[:10]
        discounts = [1 / math.log2(1 + rank) for rank in range(1, 11)]
        reached = sum(gains[at] * less for at, less in zip(others, discounts, strict=False))
        ideal = sum(np.multiply(best, discounts))
        found["gain"].append(reached / ideal)
        found["LVEF by lot"].append(apart[others, 1].mean())
        found["gain by lot"].append(gains[others].mean() * sum(discounts) / ideal)
    return found


def test_every_measure_is_what_its_definition_says(monkeypatch):
    monkeypatch.setattr(retrieval, "_BLOCK", 7)  # several blocks, the last one short
    queries, gallery = items(0, 40), items(1, 60, patients=50)
    expected, told = slowly(queries, gallery), retrieve(queries, gallery, NAMES)
    for kind, ours, theirs in (
        (told.found, "recall@1", "1"),
        (told.found, "recall@10", "10"),
        (told.found, "measurement_difference@10", "apart"),
        (told.found, "LVEF_difference@10", "LVEF"),
        (told.found, "ndcg@10", "gain"),
        (told.random, "LVEF_difference@10", "LVEF by lot"),
        (told.random, "ndcg@10", "gain by lot"),
    ):
        np.testing.assert_allclose(kind.measures[ours], expected[theirs], rtol=1e-5, err_msg=theirs)


def test_by_lot_the_own_patient_is_found_as_often_as_it_has_items():
    random = retrieve(items(0, 40), items(1, 60, patients=45), NAMES).random.measures
    assert random["recall@1"][[0, 30]] == pytest.approx([2 / 60, 1 / 60])
    assert random["recall@10"][30] == pytest.approx(10 / 60)  # one item among 60
    assert random["recall@10"][0] == pytest.approx(1 - (50 * 49) / (60 * 59))  # two of them


def test_the_oracle_is_never_beaten_and_finds_its_own():
    told = retrieve(items(0, 40), items(1, 60, patients=50), NAMES)
    for other in (told.found.measures, told.random.measures):
        name = "measurement_difference@10"
        assert (told.oracle.measures[name] <= other[name] + 1e-6).all()
        assert (other["ndcg@10"] <= 1 + 1e-6).all()
    assert told.oracle.measures["ndcg@10"] == pytest.approx(np.ones(40))
    assert told.oracle.measures["recall@1"].tolist() == [1.0] * 40


def test_the_own_patient_is_no_similar_patient():
    gallery = items(0, 30)
    told = retrieve(gallery, gallery, NAMES)  # its own item is at cosine 1 and distance 0
    assert told.found.measures["recall@1"].tolist() == [1.0] * 30
    assert told.oracle.measures["measurement_difference@10"].min() > 0.05


def test_ties_are_drawn_by_lot_behind_what_is_nearer():
    gallery = items(0, 30)
    embeddings = np.tile([0.0, 1.0], (30, 1))
    embeddings[:8] = [1.0, 0.0]  # eight items of others are nearest, then 22 are level
    query = Items(np.array([[1.0, 0.1]]), gallery.measurements[20:21], gallery.patients[20:21])
    level = Items(embeddings, gallery.measurements, gallery.patients)
    found = retrieve(query, level, NAMES).found.measures
    assert found["recall@1"].tolist() == [0.0]
    assert found["recall@10"] == pytest.approx([2 / 22])


def test_what_is_unknown_is_nan_and_items_without_measurements_are_still_found():
    gallery, queries = items(1, 40), items(0, 42)
    gallery.measurements[5] = np.nan
    queries.measurements[7, 0] = np.nan
    whole = retrieve(queries, gallery, NAMES)
    for kind in (whole.found.measures, whole.random.measures, whole.oracle.measures):
        absent = np.flatnonzero(np.isnan(kind["recall@10"])).tolist()
        assert absent == [40, 41]  # who is not in the gallery
        for name in ("measurement_difference@10", "LVEF_difference@10", "ndcg@10"):
            assert np.flatnonzero(np.isnan(kind[name])).tolist() == [7]
    assert whole.random.measures["recall@1"][5] == pytest.approx(1 / 40)
    less = [np.delete(each, 5, axis=0) for each in (gallery.embeddings, gallery.measurements)]
    without = retrieve(queries, Items(*less, np.delete(gallery.patients, 5)), NAMES)
    name = "measurement_difference@10"
    np.testing.assert_allclose(whole.found.measures[name], without.found.measures[name], rtol=1e-6)


@pytest.mark.parametrize(("num", "others"), [(0, 0), (1, 0), (10, 9)])
def test_too_few_patients_to_search_are_told_with_what_to_do(num, others):
    with pytest.raises(DataError, match=rf"10 items of other .* got {others}; search a cohort"):
        retrieve(items(0, 5), items(1, num), NAMES)


def test_what_cannot_be_searched_is_refused():
    queries, gallery = items(0, 5), items(1, 30)
    short = Items(queries.embeddings[:, :3], queries.measurements, queries.patients)
    with pytest.raises(ValueError, match="embeddings of the same length"):
        retrieve(short, gallery, NAMES)
    with pytest.raises(ValueError, match="at least one query"):
        retrieve(items(0, 0), gallery, NAMES)
    named = r"both must have the measurements \('LVEF',\), got \[2, 2\]"
    with pytest.raises(ValueError, match=named):
        retrieve(queries, gallery, ("LVEF",))
    flat = Items(gallery.embeddings, np.ones((30, 2)), gallery.patients)
    with pytest.raises(ValueError, match="measurements of a gallery must vary"):
        retrieve(queries, flat, NAMES)
    with pytest.raises(ValueError, match=r"must describe the same items, got \[5, 4, 5\]"):
        Items(queries.embeddings, queries.measurements[:4], queries.patients)
    with pytest.raises(ValueError, match="embeddings must be finite"):
        Items(queries.embeddings * np.nan, queries.measurements, queries.patients)
