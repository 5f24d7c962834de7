"""The everyday jobs on the demo site: right, and within their bounds."""

from __future__ import annotations

import pytest

from tools.docs.__main__ import DOCS
from tools.jobs.agent import Cost
from tools.jobs.listed import JOBS, Job
from tools.jobs.page import page
from tools.jobs.running import Done, faults
from tools.jobs.sites import on_demo_site


@pytest.fixture(scope="module")
def done() -> list[Done]:
    return on_demo_site()[1]


def test_every_job_is_right_and_none_costs_too_much(done: list[Done]) -> None:
    assert faults(done) == []


def test_the_page_is_of_these_jobs(done: list[Done]) -> None:
    """`python -m tools.jobs --page` rewrites it; figures may differ by the length of ids."""
    written = (DOCS / "jobs.md").read_text(encoding="utf-8")
    for each in done:
        assert f"| {each.job.number} | {each.job.title} |" in written
    assert written.splitlines()[:3] == page(done, "").splitlines()[:3]


def test_what_is_wrong_or_too_dear_is_named() -> None:
    dear = Job(3, "Remind", lambda agent, place: "", Cost(1, 400, 400), most=100)
    assert faults([Done(dear, Cost(1, 100, 150), "nobody has it", [])]) == [
        "job 3: nobody has it",
        "job 3: 250 characters of 100",
        "all jobs: 250 characters of at most 200",
    ]


def test_the_bounds_are_those_that_were_agreed() -> None:
    assert {each.number: each.most for each in JOBS if each.most} == {
        3: 1_500,
        10: 1_000,
        11: 30_000,
    }
