"""Runs the jobs one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tools.jobs.agent import Agent, AnswerError, Cost, agent_of
from tools.jobs.listed import JOBS, SHARE, Job, Who
from tools.jobs.place import Place


@dataclass(frozen=True, slots=True)
class Done:
    """A job, what it cost, what is wrong with it (empty if nothing is), and all that was said."""

    job: Job
    cost: Cost
    wrong: str
    told: list[str]

    @property
    def faults(self) -> Iterator[str]:
        """Yield a line for each way in which the job does not end as it must."""
        if self.wrong:
            yield f"job {self.job.number}: {self.wrong}"
        if self.job.most is not None and self.cost.characters > self.job.most:
            yield f"job {self.job.number}: {self.cost.characters:,} characters of {self.job.most:,}"


def run_all(place: Place) -> list[Done]:
    """Do every job, in their order: some build upon earlier ones."""
    site, folder = place.site, place.folder
    with (
        agent_of(site.url, site.token, folder) as admin,
        agent_of(site.url, site.token, folder, MOODLE_MCP_MODE="facade") as facade,
        agent_of(site.url, place.student.token, folder) as student,
    ):
        agents: dict[Who, Agent] = {"admin": admin, "facade": facade, "student": student}
        return [_run(job, agents[job.who], place) for job in JOBS]


def _run(job: Job, agent: Agent, place: Place) -> Done:
    agent.cost, agent.told = Cost(), []
    try:
        wrong = job.run(agent, place)
    except AnswerError as error:
        wrong = str(error)
    return Done(job, agent.cost, wrong, agent.told)


def total(costs: Sequence[Cost]) -> Cost:
    """Add up costs."""
    return sum(costs, Cost())


def faults(done: Sequence[Done]) -> list[str]:
    """Return a line for everything that is wrong or too dear."""
    found = [line for each in done for line in each.faults]
    now = total([each.cost for each in done]).characters
    before = total([each.job.before for each in done]).characters
    if now > SHARE * before:
        found.append(f"all jobs: {now:,} characters of at most {SHARE * before:,.0f}")
    return found
