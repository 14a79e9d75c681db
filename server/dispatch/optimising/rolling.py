"""The planner for response: assignment in rounds, then a bounded search, the plan before kept."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from server.dispatch.optimising.model import (
    LATE_FACTOR,
    Arrays,
    Crew,
    Floats,
    Job,
    Plan,
    Problem,
    Stop,
    Waiting,
)

NEVER = 1e15
LONGEST = 96  # stops in one route
WORTH_S = 60.0  # weighted seconds for which a plan once made is changed


@dataclass(frozen=True)
class RollingPlanner:
    """Hungarian assignment round after round, then relocating, swapping and exchanging tails.

    `effort` bounds the search by stops looked at, so that the answer never depends on how busy the
    machine is.
    """

    effort: int = 3_000_000

    def plan(self, problem: Problem) -> Plan:
        a = Arrays.of(problem)
        if not problem.jobs or not problem.crews:
            return finish(problem, a, Routes.empty(a))
        plain = replace(a, switching=0.0)
        order = urgency(problem, a)
        # The fresh plan does not know the one before: asked twice, it is the same twice.
        starts = (rounds(plain), greedy(plain, order))
        fresh = min(starts, key=lambda r: r.total(plain))
        if problem.previous is None:
            fresh.search(plain, order, self.effort)
            return finish(problem, a, fresh)
        # Nobody is told something else for the sake of seconds.
        kept = Routes.of(problem, a, problem.previous)
        kept.search(replace(a, least=WORTH_S), order, self.effort)
        # A short search tells whether beginning anew may pay; only then it is gone through with.
        fresh.search(plain, order, self.effort // 8)
        fresh.recost(a)
        if kept.total(a) <= fresh.total(a):
            return finish(problem, a, kept)
        fresh.recost(plain)
        fresh.search(plain, order, self.effort)
        return finish(problem, a, fresh)


@dataclass(frozen=True)
class GreedyPlanner:
    """The most urgent first, each to who is there soonest: what people do, and our yardstick."""

    def plan(self, problem: Problem) -> Plan:
        a = Arrays.of(problem)
        return finish(problem, a, greedy(a, urgency(problem, a)))


@dataclass(eq=False)
class Routes:
    """Who does what in which order, as the loops hold it; `place[j]` is -1 for what waits."""

    routes: Any
    length: Any
    cost: Floats
    done: Floats
    place: Any

    @classmethod
    def empty(cls, a: Arrays) -> Routes:
        n, m = a.drive.shape
        most = _most_stops(a)
        return cls(
            np.zeros((n, most), dtype=np.int64), np.zeros(n, dtype=np.int64), np.zeros(n),
            np.zeros((n, most)), np.full(m, -1, dtype=np.int64),
        )  # fmt: skip

    @classmethod
    def of(cls, problem: Problem, a: Arrays, plan: Plan) -> Routes:
        """What still stands of an earlier plan: known jobs and crews, in the same order."""
        made = cls.empty(a)
        crew = {c.id: i for i, c in enumerate(problem.crews)}
        job = {j.id: k for k, j in enumerate(problem.jobs)}
        for stop in sorted(plan.rows, key=lambda s: (s.crew, s.position)):
            c, j = crew.get(stop.crew, -1), job.get(stop.job, -1)
            if c >= 0 and j >= 0 and made.length[c] + 1 < made.routes.shape[1]:
                made.append(c, j, a)
                if made.cost[c] == np.inf:  # ruled out, or no longer before the shift ends
                    made.drop_last(c, a)
        return made

    def append(self, c: int, j: int, a: Arrays) -> None:
        n = int(self.length[c])
        self._put(c, [*self.routes[c, :n], j], a)
        self.place[j] = c

    def drop_last(self, c: int, a: Arrays) -> None:
        n = int(self.length[c]) - 1
        self.place[self.routes[c, n]] = -1
        self._put(c, list(self.routes[c, :n]), a)

    def _put(self, c: int, jobs: list[int], a: Arrays) -> None:
        from server.dispatch.optimising.kernels import put

        room = np.array([*jobs, 0], dtype=np.int64)
        put(self.routes, self.length, self.cost, self.done, c, room, len(jobs), _flat(a))

    def recost(self, a: Arrays) -> None:
        for c in np.flatnonzero(self.length):
            self._put(int(c), list(self.routes[c, : int(self.length[c])]), a)

    def total(self, a: Arrays) -> float:
        waits = self.place < 0
        return float(self.cost.sum() + _waiting(a)[waits].sum())

    def search(self, a: Arrays, order: Any, effort: int) -> None:
        from server.dispatch.optimising.kernels import improve

        improve(self.routes, self.length, self.cost, self.done, self.place, order, _flat(a), effort)


def _most_stops(a: Arrays) -> int:
    """No route holds more: the longest time a crew has, by the shortest job."""
    m = a.drive.shape[1]
    if m == 0:
        return 2
    longest = float((a.shift - a.free).max(initial=0.0) + a.overtime.max())
    shortest = max(float(a.work.min()), 1.0)
    most = LONGEST if not np.isfinite(longest) else int(longest // shortest) + 1
    return int(min(m, most, LONGEST)) + 2


def _flat(a: Arrays) -> tuple[Any, ...]:
    return (
        a.drive, a.between, a.detour, a.penalty, a.allowed, a.weight, a.work, a.due, a.earliest,
        a.latest, a.overtime, a.free, a.shift, a.before, a.switching, a.horizon, a.least,
    )  # fmt: skip


def _waiting(a: Arrays) -> Floats:
    from server.dispatch.optimising.kernels import TIE

    late = np.maximum(0.0, a.horizon - a.due)
    given_up = a.switching * (a.before >= 0)
    found: Floats = a.weight * (a.horizon + LATE_FACTOR * late + TIE * (late > 0) + given_up)
    return found


def urgency(problem: Problem, a: Arrays) -> Any:
    """Jobs by weight, then due time, then id: the one order everything is tried in."""
    keys = [(-a.weight[k], a.due[k], job.id, k) for k, job in enumerate(problem.jobs)]
    return np.array([k for *_rest, k in sorted(keys)], dtype=np.int64)


def _arrivals(a: Arrays, t: Floats, last: Any, rest: Any) -> tuple[Floats, Floats]:
    """(seconds until each crew would be at each of `rest` as its next job, cost; inf: cannot)."""
    way = a.drive[:, rest].copy()
    been = last >= 0
    if been.any():
        way[been] = a.between[np.ix_(last[been], rest)]
    arrive = np.maximum(t[:, None] + way + a.detour[:, rest], a.earliest[rest][None, :])
    over = arrive + a.work[rest][None, :] - a.shift[:, None]
    may = (
        a.allowed[:, rest] & (arrive < 1e11) & (arrive <= a.latest[rest][None, :])
        & (arrive < a.shift[:, None]) & (over <= a.overtime[rest][None, :])
    )  # fmt: skip
    late = np.maximum(0.0, arrive - a.due[rest][None, :])
    seconds = arrive + LATE_FACTOR * late + a.penalty[:, rest] + np.maximum(over, 0.0)
    cost = np.where(may, a.weight[rest][None, :] * seconds, np.inf)
    return arrive, cost


def rounds(a: Arrays) -> Routes:
    """One job per crew by the Hungarian method, then the next from there, until nobody can.

    With more jobs than crews it matters what a job left over costs: as much as if somebody came at
    the horizon, so that in every round what must not wait is taken first.
    """
    made = Routes.empty(a)
    t, last = a.free.copy(), np.full(len(a.free), -1, dtype=np.int64)
    rest = np.arange(a.drive.shape[1])
    while len(rest) and int(made.length.max()) + 1 < made.routes.shape[1]:
        arrive, cost = _arrivals(a, t, last, rest)
        can = np.isfinite(cost)
        if not can.any():
            break
        left = _waiting(a)[rest]
        table = np.where(can, cost - left[None, :], NEVER)
        crews, jobs = linear_sum_assignment(table)
        taken = [(c, k) for c, k in zip(crews, jobs, strict=True) if can[c, k]]
        if not taken:
            break
        for c, k in taken:
            j = int(rest[k])
            made.routes[c, made.length[c]] = j
            made.length[c] += 1
            made.place[j] = c
            t[c], last[c] = arrive[c, k] + a.work[j], j
        rest = np.delete(rest, [k for _c, k in taken])
    made.recost(a)
    return made


def greedy(a: Arrays, order: Any) -> Routes:
    from server.dispatch.optimising import kernels

    made = Routes.empty(a)
    kernels.greedy(made.routes, made.length, made.cost, made.done, made.place, order, _flat(a))
    return made


def finish(problem: Problem, a: Arrays, made: Routes) -> Plan:
    """Routes as people read them, with the plain objective (no tie-breaks, no switching)."""
    stops, objective = [], 0.0
    for c, crew in enumerate(problem.crews):
        t, last = float(a.free[c]), -1
        for position in range(int(made.length[c])):
            j = int(made.routes[c, position])
            way = float(a.drive[c, j] if last < 0 else a.between[last, j])
            arrive = max(t + way + float(a.detour[c, j]), float(a.earliest[j]))
            late = max(0.0, arrive - float(a.due[j]))
            end = arrive + float(a.work[j])
            over = max(0.0, end - float(a.shift[c]))
            seconds = arrive + LATE_FACTOR * late + float(a.penalty[c, j]) + over
            objective += float(a.weight[j]) * seconds
            leaves = max(t, arrive - way - float(a.detour[c, j]))
            stops.append(
                Stop(crew.id, problem.jobs[j].id, position, leaves, arrive, end, late, over)
            )
            t, last = end, j
    waits = [j for j in range(len(problem.jobs)) if made.place[j] < 0]
    past = np.maximum(0.0, a.horizon - a.due)
    objective += float((a.weight * (a.horizon + LATE_FACTOR * past))[waits].sum())
    return Plan(tuple(stops), tuple(_why(problem, a, made, j) for j in waits), objective)


def _why(problem: Problem, a: Arrays, made: Routes, j: int) -> Waiting:
    """Why nobody goes there: the first thing that stands in the way."""
    job = problem.jobs[j]
    if not problem.crews:
        return Waiting(job.id, "no_crew")
    pinned = problem.pinned.get(job.id)
    able = [
        c for c, crew in enumerate(problem.crews)
        if (crew.id == pinned if pinned is not None else job.skills <= crew.skills)
    ]  # fmt: skip
    if not able:
        return Waiting(job.id, "no_crew" if pinned is not None else "no_skill")
    asked = able if pinned is not None else [
        c for c in able if problem.crews[c].id not in job.without
    ]  # fmt: skip
    if not asked:
        return Waiting(job.id, job.why_without)
    reached = [c for c in asked if a.allowed[c, j]]
    if not reached:
        return Waiting(job.id, "unreachable")
    none = np.full(len(problem.crews), -1, dtype=np.int64)
    arrive, cost = _arrivals(a, a.free, none, np.array([j]))
    alone = [c for c in reached if np.isfinite(cost[c, 0])]
    if not alone:
        return Waiting(job.id, "shift_ends")
    soonest = min(alone, key=lambda c: (arrive[c, 0], problem.crews[c].load, c))
    ahead = made.routes[soonest, : int(made.length[soonest])]
    return Waiting(job.id, "others_first", tuple(problem.jobs[int(k)].id for k in ahead))


def warm() -> float:
    """Have the loops compiled before the first incident; the seconds it took."""
    began = time.perf_counter()
    jobs = tuple(Job(str(k), 1.0, 600.0, 600.0 * k) for k in range(4))
    stands = np.arange(8.0).reshape(2, 4)
    problem = Problem(jobs, (Crew(1), Crew(2)), stands, np.ones((4, 4)))
    RollingPlanner().plan(replace(problem, previous=RollingPlanner().plan(problem)))
    return time.perf_counter() - began
