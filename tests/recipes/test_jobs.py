"""Runs side by side give what runs one after another give."""

from functools import partial

import pytest
from small_recipes import QUIET, same, small

from crossbeat.data.cohort import Cohort
from crossbeat.recipes.jobs import Job, run_jobs
from crossbeat.recipes.run import Plan, Run


def job(name, cohort, out, *after):
    plan = Plan(name=name, recipe=small(name), seed=0)
    opens = partial(Cohort.open, cohort.folder)
    return Job(
        plan=plan, cohort=opens, folder=out / name, after=tuple(out / each for each in after)
    )


def jobs_of(cohort, out):
    return [
        job("distillation", cohort, out, "teacher"),
        job("direct", cohort, out),
        job("teacher", cohort, out),
    ]


def run(jobs, out, workers):
    done = run_jobs(jobs, shared=out / "phases", workers=workers, trainer=QUIET)
    return [finished.folder.name for finished in done]


def test_a_job_waits_for_those_whose_phases_it_shares(tiny, tmp_path):
    assert run(jobs_of(tiny, tmp_path), tmp_path, 1) == ["direct", "teacher", "distillation"]
    assert [phase["reused"] for phase in Run.open(tmp_path / "distillation").phases] == [
        True,
        False,
    ]


@pytest.mark.slow
def test_two_workers_give_the_weights_of_one(tiny, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    run(jobs_of(tiny, one), one, 1)
    order = run(jobs_of(tiny, two), two, 2)
    assert sorted(order) == ["direct", "distillation", "teacher"]
    assert order.index("teacher") < order.index("distillation")
    assert [phase["reused"] for phase in Run.open(two / "distillation").phases] == [True, False]
    for name in order:
        assert same(Run.open(one / name).parts, Run.open(two / name).parts)


@pytest.mark.parametrize("workers", [1, 2])
def test_waiting_for_a_job_that_there_is_none_of_is_refused(workers, tiny, tmp_path):
    lonely = [job("distillation", tiny, tmp_path, "teacher")]
    with pytest.raises(ValueError, match=r"jobs wait for runs that no job makes: .*teacher"):
        run(lonely, tmp_path, workers)


@pytest.mark.parametrize("workers", [1, 2])
def test_jobs_that_wait_for_one_another_are_refused(workers, tiny, tmp_path):
    circle = [job("direct", tiny, tmp_path, "teacher"), job("teacher", tiny, tmp_path, "direct")]
    with pytest.raises(ValueError, match=r"jobs wait for one another: .*direct.*teacher"):
        run(circle, tmp_path, workers)
