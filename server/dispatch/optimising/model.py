"""What a planner gets and gives. Times are seconds from the moment of planning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
INF = float("inf")
LATE_FACTOR = 3.0
HORIZON_S = 12 * 3600.0  # what waits counts as if somebody came then


@dataclass(frozen=True)
class Job:
    """One piece of work at one place. `weight` says how urgent, `due_s` when somebody should be
    there (may be past), `earliest_s` and `latest_s` when the work may begin at all.

    `overtime_s` is how long it may keep a crew beyond its shift, `without` are crews that will
    not do it, `why_without` says why (for what has to wait because of that).
    """

    id: str
    weight: float
    work_s: float
    due_s: float = INF
    skills: frozenset[str] = frozenset()
    earliest_s: float = 0.0
    latest_s: float = INF
    overtime_s: float = 0.0
    without: frozenset[int] = frozenset()
    why_without: str = "excluded"


@dataclass(frozen=True)
class Crew:
    """One crew: free in `free_s` (when its work in hand ends), its shift over in `shift_s`."""

    id: int
    free_s: float = 0.0
    shift_s: float = INF
    skills: frozenset[str] = frozenset()
    load: int = 0  # jobs done today: equal costs go to the lower load, then the smaller id


@dataclass(frozen=True)
class Stop:
    """A crew at a job: sets out, is there, is done."""

    crew: int
    job: str
    position: int
    starts_s: float
    arrives_s: float
    ends_s: float
    late_s: float
    overtime_s: float


@dataclass(frozen=True)
class Waiting:
    """A job nobody goes to, and why: no_crew, no_skill, excluded (or why_without), unreachable,
    shift_ends, others_first. `ahead` are the jobs that keep the crew nearest in time.
    """

    job: str
    why: str
    ahead: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    rows: tuple[Stop, ...]
    waiting: tuple[Waiting, ...]
    objective: float

    @property
    def late(self) -> int:
        return sum(1 for s in self.rows if s.late_s > 0)

    @property
    def crew_of(self) -> dict[str, int]:
        return {s.job: s.crew for s in self.rows}


@dataclass(frozen=True, eq=False)
class Problem:
    """All a planner needs. `penalty_s` (crews x jobs) are doubts counted in seconds that cost but
    take no time (a stale position); `detour_s` is time on top of the drive (the depot).

    A job of `previous` that changes its crew costs `switching_s` as if it came that much later.
    """

    jobs: tuple[Job, ...]
    crews: tuple[Crew, ...]
    drive_s: Floats
    between_s: Floats
    pinned: dict[str, int] = field(default_factory=dict)
    previous: Plan | None = None
    switching_s: float = 0.0
    penalty_s: Floats | None = None
    detour_s: Floats | None = None
    horizon_s: float = HORIZON_S

    def __post_init__(self) -> None:
        n, m = len(self.crews), len(self.jobs)
        for name, shape in (
            ("drive_s", (n, m)), ("between_s", (m, m)), ("penalty_s", (n, m)),
            ("detour_s", (n, m)),
        ):  # fmt: skip
            table = getattr(self, name)
            if table is not None and table.shape != shape:
                raise ValueError(f"{name} is {table.shape}, not {shape}")
        if len({j.id for j in self.jobs}) != m or len({c.id for c in self.crews}) != n:
            raise ValueError("jobs and crews need an id of their own each")


class Planner(Protocol):
    """A method behind the one interface."""

    def plan(self, problem: Problem) -> Plan: ...


@dataclass(frozen=True, eq=False)
class Arrays:
    """A problem as the loops read it: crews and jobs by row."""

    drive: Floats
    between: Floats
    detour: Floats
    penalty: Floats
    allowed: Any  # bool, crews x jobs
    weight: Floats
    work: Floats
    due: Floats
    earliest: Floats
    latest: Floats
    overtime: Floats
    free: Floats
    shift: Floats
    before: Any  # int, the crew's row a job had in the plan before, -1 for none
    switching: float
    horizon: float
    least: float = 1e-6  # weighted seconds a change has to gain

    @classmethod
    def of(cls, p: Problem) -> Arrays:
        n, m = len(p.crews), len(p.jobs)
        row = {c.id: i for i, c in enumerate(p.crews)}
        had = p.previous.crew_of if p.previous is not None else {}

        def column(name: str) -> Floats:
            return np.array([getattr(j, name) for j in p.jobs], dtype=np.float64)

        shift = np.array([c.shift_s for c in p.crews], dtype=np.float64)
        ends = [s for s in shift if np.isfinite(s)]
        return cls(
            drive=_finite(p.drive_s), between=_finite(p.between_s),
            detour=np.zeros((n, m)) if p.detour_s is None else np.ascontiguousarray(p.detour_s),
            penalty=np.zeros((n, m)) if p.penalty_s is None else np.ascontiguousarray(p.penalty_s),
            allowed=allowed(p),
            weight=column("weight"), work=column("work_s"), due=column("due_s"),
            earliest=column("earliest_s"), latest=column("latest_s"),
            overtime=column("overtime_s"),
            free=np.array([c.free_s for c in p.crews], dtype=np.float64), shift=shift,
            before=np.array([row.get(had.get(j.id, -1), -1) for j in p.jobs], dtype=np.int64),
            switching=p.switching_s,
            # Nothing in a plan may look dearer than leaving it.
            horizon=max([p.horizon_s, *(float(e) * 1.5 for e in ends)]),
        )  # fmt: skip


def _finite(seconds: Floats) -> Floats:
    """Where no street leads it takes longer than anything else (kernels.NOWHERE) but not inf."""
    return np.ascontiguousarray(np.nan_to_num(seconds, posinf=1e12), dtype=np.float64)


def allowed(p: Problem) -> npt.NDArray[np.bool_]:
    """Crews x jobs: has the skills, is not ruled out; a pinned job is its crew's, skills or not."""
    found = np.zeros((len(p.crews), len(p.jobs)), dtype=np.bool_)
    wanted = {j.skills for j in p.jobs}
    able = {s: np.array([s <= c.skills for c in p.crews], dtype=np.bool_) for s in wanted}
    row = {c.id: i for i, c in enumerate(p.crews)}
    for k, job in enumerate(p.jobs):
        crew = p.pinned.get(job.id)
        if crew is not None:
            if crew in row:
                found[row[crew], k] = True
            continue
        found[:, k] = able[job.skills]
        for ruled_out in job.without:
            if ruled_out in row:
                found[row[ruled_out], k] = False
    found &= np.isfinite(p.drive_s)
    return found
