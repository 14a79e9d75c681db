"""`./standpipe bench dispatch`: whole plans for a generated city, against greedy and VROOM.

One objective for all methods: weight x (seconds until somebody is there + 3 x seconds past the
promise), and what waits counted at the horizon. Each size is asked several times, methods in turn.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from routing.grid import generate_grid_city
from routing.index import StreetIndex
from server.dispatch.between import Between
from server.dispatch.optimising import Crew, Job, Plan, Problem, RollingPlanner
from server.dispatch.optimising.model import Arrays
from server.dispatch.optimising.rolling import GreedyPlanner
from server.dispatch.optimising.vroom import VroomPlanner

SIZES = ((100, 100), (300, 500), (500, 300), (500, 60))
JUNCTIONS = 120  # the city is so many streets wide
SKILLS = ("valve", "repair", "jetting", "sampling")
# weight, seconds promised, seconds of work (half as long to half as long again), share of all.
CLASSES = (
    (8.0, 3600.0, 7200.0, 0.1), (4.0, 5400.0, 5400.0, 0.25), (2.0, 14_400.0, 3600.0, 0.4),
    (1.0, 86_400.0, 1800.0, 0.25),
)  # fmt: skip


def run(*, sizes: tuple[tuple[int, int], ...] = SIZES, repeats: int = 5, width: int = JUNCTIONS,
        vroom: bool = True) -> list[dict[str, Any]]:  # fmt: skip
    """Rows of the form all benches have, with what was planned beside the times."""
    city = City.grow(width)
    RollingPlanner().plan(_problem(city, 12, 5, seed=0))  # compiled before anything is timed
    rows = []
    for m, n in sizes:
        rows += _size(city, m, n, repeats, vroom=vroom)
    return rows


@dataclass(frozen=True)
class City:
    index: StreetIndex
    corners: list[tuple[float, float]]
    name: str

    @classmethod
    def grow(cls, width: int) -> City:
        graph = generate_grid_city(width)
        corners = [(float(d["x"]), float(d["y"])) for _, d in graph.nodes(data=True)]
        name = f"generated city of {width} x {width} junctions"
        return cls(StreetIndex.compile(graph), corners, name)

    def places(self, r: Any, k: int) -> list[tuple[float, float]]:
        return [self.corners[int(i)] for i in r.integers(0, len(self.corners), k)]


def _problem(city: City, m: int, n: int, *, seed: int) -> Problem:
    r = np.random.default_rng(seed)
    jobs, crews = [], []
    shares = [c[3] for c in CLASSES]
    for k in range(m):
        weight, due, work, _share = CLASSES[int(r.choice(len(CLASSES), p=shares))]
        work = round(work * float(r.uniform(0.5, 1.5)))
        jobs.append(
            Job(f"I-{k}", weight, work, due, frozenset({SKILLS[int(r.integers(len(SKILLS)))]}))
        )
    for c in range(n):
        able = frozenset(s for s in SKILLS if r.random() < 0.6) or frozenset(SKILLS)
        crews.append(Crew(c, float(r.uniform(0, 1800)), float(r.uniform(2, 8)) * 3600, able))
    places, stands = city.places(r, m), city.places(r, n)
    return Problem(
        tuple(jobs), tuple(crews), city.index.matrix(stands, places),
        city.index.matrix(places, places),
    )  # fmt: skip


def _size(city: City, m: int, n: int, repeats: int, *, vroom: bool) -> list[dict[str, Any]]:
    r = np.random.default_rng(m * 1000 + n)
    places, stands = city.places(r, m), city.places(r, n)
    problem = _problem(city, m, n, seed=m * 1000 + n)
    cost = np.nan_to_num(problem.drive_s, posinf=1e9)

    ways: dict[str, Callable[[], Any]] = {
        "rolling": lambda: RollingPlanner().plan(problem),
        "greedy": lambda: GreedyPlanner().plan(problem),
        "one-shot assignment (SciPy)": lambda: linear_sum_assignment(cost),
    }
    times: dict[str, list[Took]] = {name: [] for name in ways}
    plans: dict[str, Plan] = {}
    for _ in range(repeats):
        for name, ask in ways.items():
            found, took = _timed(ask)
            times[name].append(took)
            if isinstance(found, Plan):
                plans[name] = found
    if vroom:
        for name, hard in (("VROOM", False), ("VROOM, promises as windows", True)):
            planner = VroomPlanner(due_is_hard=hard, exploration=0)
            plans[name], took = _timed(lambda p=planner: p.plan(problem))  # type: ignore[misc]
            times[name] = [took]
    previous = plans["rolling"]
    news = replace(problem, previous=previous, switching_s=300.0)
    matrices, again, kept = [], [], previous
    for _ in range(repeats):
        # As the server does: crews have moved, one incident is new, the others stay where they are.
        between = Between()
        between.seconds(city.index, [], places[1:])
        ask = lambda b=between: b.seconds(city.index, stands, places)  # type: ignore[misc]  # noqa: E731
        matrices.append(_timed(ask)[1])
        kept, took = _timed(lambda: RollingPlanner().plan(news))
        again.append(took)
    whole = [a + b for a, b in zip(matrices, again, strict=True)]
    label = f"{city.name}, {m} incidents, {n} crews"
    ours = plans["rolling"]
    row = {
        "bench": f"dispatch.plan{m}x{n}", "n": m, **_ms(times["rolling"]),
        "versus": {
            k: float(np.median([x.wall for x in t]) / np.median([x.wall for x in times["rolling"]]))
            for k, t in times.items() if k != "rolling"
        },
        "objective_of_greedy": round(ours.objective / plans["greedy"].objective, 4),
        "methods": {k: _told(p, problem, times[k]) for k, p in plans.items()},
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "input": label,
    }  # fmt: skip
    replan = {
        "bench": f"dispatch.replan{m}x{n}", "n": m, **_ms(whole), "versus": {},
        "memory_mb": row["memory_mb"],
        "changed": sum(1 for j, c in kept.crew_of.items() if previous.crew_of.get(j) != c),
        "matrix": _ms(matrices),
        "input": f"{label}; one of them new: matrices and plan",
    }  # fmt: skip
    return [row, replan]


@dataclass(frozen=True)
class Took:
    """Milliseconds by the clock and of the processor: on a busy machine they differ."""

    wall: float
    cpu: float

    def __add__(self, other: Took) -> Took:
        return Took(self.wall + other.wall, self.cpu + other.cpu)


def _timed(ask: Callable[[], Any]) -> tuple[Any, Took]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = ask()
    took = Took((time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000)
    return found, took


def _ms(times: list[Took]) -> dict[str, float]:
    p50, p95 = np.percentile([t.wall for t in times], [50, 95])
    return {
        "p50_ms": round(float(p50), 2), "p95_ms": round(float(p95), 2),
        "rate_per_s": round(1000 / float(p50), 1),
        "cpu_ms": round(float(np.median([t.cpu for t in times])), 1),
    }  # fmt: skip


def _told(plan: Plan, problem: Problem, times: list[Took]) -> dict[str, Any]:
    """What a method planned: the objective in thousands, done, late, hours of driving."""
    arrays = Arrays.of(problem)
    row = {c.id: i for i, c in enumerate(problem.crews)}
    col = {j.id: k for k, j in enumerate(problem.jobs)}
    driven = 0.0
    last: dict[int, int] = {}
    for stop in sorted(plan.rows, key=lambda s: (s.crew, s.position)):
        j = col[stop.job]
        before = last.get(stop.crew)
        driven += arrays.drive[row[stop.crew], j] if before is None else arrays.between[before, j]
        last[stop.crew] = j
    served = sum(
        s_weight * (s.arrives_s + 3 * s.late_s)
        for s in plan.rows for s_weight in (problem.jobs[col[s.job]].weight,)
    )  # fmt: skip
    return {
        "ms": round(float(np.median([t.wall for t in times])), 1),
        "objective": round(plan.objective / 1000),
        "objective_of_done": round(served / 1000), "done": len(plan.rows), "late": plan.late,
        "driving_h": round(driven / 3600, 1),
    }  # fmt: skip
