"""Which crew does what, in which order, for a whole city at once. Pure: numbers in, a plan out.

`plan()` is the way in; `RollingPlanner` is made for response, `VroomPlanner` for planned rounds.
One objective judges every method:

    sum over jobs of weight x (seconds until somebody is there + 3 x seconds past the due time)

with what waits counted as if somebody came at the end of the horizon. See docs/dispatch.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from server.dispatch.optimising.model import (
    Crew,
    Floats,
    Job,
    Plan,
    Planner,
    Problem,
    Stop,
    Waiting,
)
from server.dispatch.optimising.rolling import RollingPlanner

__all__ = [
    "Crew", "Job", "Plan", "Planner", "Problem", "RollingPlanner", "Stop", "Waiting", "plan",
]  # fmt: skip


def plan(
    jobs: Sequence[Job], crews: Sequence[Crew], drive_s: Floats, drive_jobs_s: Floats, *,
    pinned: Mapping[str, int] | None = None, previous: Plan | None = None,
    switching_s: float = 0.0, planner: Planner | None = None,
) -> Plan:  # fmt: skip
    """A plan for `jobs` and `crews`. `drive_s[c, j]` and `drive_jobs_s[i, j]` are seconds of
    driving, inf where no street leads. ValueError for matrices of another shape.
    """
    problem = Problem(
        tuple(jobs), tuple(crews), drive_s, drive_jobs_s, pinned=dict(pinned or {}),
        previous=previous, switching_s=switching_s,
    )  # fmt: skip
    return (planner or RollingPlanner()).plan(problem)
