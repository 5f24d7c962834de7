"""The twelve jobs: what each is, and what it cost before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from tools.jobs import courses, enrolling, grading
from tools.jobs.agent import Agent, Cost
from tools.jobs.place import Place

Who: TypeAlias = Literal["admin", "facade", "student"]


@dataclass(frozen=True, slots=True)
class Job:
    """A job: `run` does it and returns which checks failed, empty if it is right.

    `before` is its cost on 23 November 2026, and `was_right` whether it ended right then. `most`
    is the bound of its characters now; None if only the sum is bounded. `who` does it: the
    administrator, the same where functions are only found by words, or a student.
    """

    number: int
    title: str
    run: Callable[[Agent, Place], str]
    before: Cost
    was_right: str = "yes"
    most: int | None = None
    who: Who = "admin"


JOBS: Final = (
    Job(
        1,
        "Enrol the registrar's list of 120 people, of whom three are unknown",
        enrolling.enrol_from_a_file,
        Cost(3, 8_500, 20_600),
    ),
    Job(
        2,
        "Make 40 accounts, a cohort of them, a course, and two groups alternately",
        enrolling.make_a_class,
        Cost(12, 13_100, 2_700),
    ),
    Job(
        3,
        "Remind the 100 students who have not submitted",
        grading.remind,
        Cost(4, 30_100, 75_000),
        "sent",
        most=1_500,
    ),
    Job(4, "Change the start date of a course", courses.change_start_date, Cost(2, 200, 400)),
    Job(
        5,
        "Say what is due for a student in a week",
        courses.what_is_due,
        Cost(2, 300, 1_900),
        who="student",
    ),
    Job(
        6,
        "Grade five with a comment; one grade is too high, one person does not exist",
        grading.grade_five,
        Cost(3, 800, 4_900),
        "no",
    ),
    Job(
        7,
        "Copy a course without its people",
        courses.copy_without_people,
        Cost(1, 100, 200),
        "no",
    ),
    Job(
        8,
        "Find the courses that no student has opened for 30 days",
        courses.unused_courses,
        Cost(1, 0, 13_700),
        "partly",
    ),
    Job(9, "Make a page and a quiz", courses.make_a_page, Cost(14, 1_000, 6_000), "no"),
    Job(
        10,
        "Take the students of a course out again and keep the teachers",
        enrolling.take_out_again,
        Cost(2, 7_300, 800),
        most=1_000,
    ),
    Job(
        11,
        "Enrol by 600 rows of ids, of which five are wrong",
        enrolling.enrol_six_hundred,
        Cost(2, 54_000, 1_800),
        most=30_000,
    ),
    Job(
        12,
        "Change the start date, with functions found by words",
        courses.change_start_date_by_facade,
        Cost(4, 400, 5_400),
        who="facade",
    ),
)

SHARE: Final = 0.25
"""The most that all jobs may cost, as a part of what they did."""
