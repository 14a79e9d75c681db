"""The planner for planned rounds: VROOM, which spares driving and keeps windows.

It queues jobs on few crews, which suits inspections, meter visits and notices and is wrong for
response (docs/dispatch.md has the figures). Windows, shifts and skills are hard here: what does not
fit waits. Times are whole seconds, as VROOM counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from server.dispatch.optimising.model import Arrays, Floats, Plan, Problem
from server.dispatch.optimising.rolling import Routes, finish

FAR_S = 500_000  # nearly six days: nobody is sent that far (and VROOM overflows at more)


@dataclass(frozen=True)
class VroomPlanner:
    """`due_is_hard`: what cannot be begun by its due time waits for another day. `missed_too`:
    where nobody can be there in time any more the promise is no window, and the work is taken.
    """

    due_is_hard: bool = True
    missed_too: bool = False
    exploration: int = 1
    threads: int = 1  # more give another plan now and then

    def plan(self, problem: Problem) -> Plan:
        a = Arrays.of(problem)
        made = Routes.empty(a)
        if problem.jobs and problem.crews:
            for c, jobs in self._solve(problem, a).items():
                for j in jobs:
                    made.append(c, j, a)
                    if made.cost[c] == np.inf:  # by a second's rounding beyond a window
                        made.drop_last(c, a)
        return finish(problem, a, made)

    def _solve(self, problem: Problem, a: Arrays) -> dict[int, list[int]]:
        import vroom

        n, m = a.drive.shape
        asked = vroom.Input()
        asked.set_durations_matrix("car", _table(a))
        for c in range(n):
            able = {j + 1 for j in range(m) if a.allowed[c, j]}
            if not able or a.shift[c] <= a.free[c]:
                continue
            end = min(float(a.shift[c] + a.overtime.max()), FAR_S)
            asked.add_vehicle(
                vroom.Vehicle(
                    c + 1, start=c, skills=able,
                    time_window=vroom.TimeWindow(int(np.ceil(a.free[c])), int(end)),
                    # At most: the slots a plan's routes have.
                    max_tasks=min(m, len(_slots(a))),
                )
            )  # fmt: skip
        windows = self._latest(a)
        for j, job in enumerate(problem.jobs):
            latest = float(windows[j])
            if latest < a.earliest[j] or not a.allowed[:, j].any():
                continue
            # Who may do it is one skill of its own: skills, pins and exclusions at once.
            asked.add_job(
                vroom.Job(
                    j + 1, location=n + j, default_service=int(np.ceil(a.work[j])), skills={j + 1},
                    time_windows=[vroom.TimeWindow(int(np.ceil(a.earliest[j])), int(latest))],
                    priority=int(np.clip(round(job.weight * 10), 0, 100)),
                )
            )  # fmt: skip
        if not asked.jobs or not asked.vehicles:
            return {}
        found: dict[int, list[int]] = {}
        routes = asked.solve(exploration_level=self.exploration, nb_threads=self.threads).routes
        for row in routes[routes["type"] == "job"].to_dict("records"):
            found.setdefault(int(row["vehicle_id"]) - 1, []).append(int(row["id"]) - 1)
        return found

    def _latest(self, a: Arrays) -> Floats:
        """Until when each job may begin."""
        latest = np.minimum(a.latest, FAR_S)
        if not self.due_is_hard:
            return latest
        due = a.due
        if self.missed_too:
            there = np.where(a.allowed, a.free[:, None] + a.drive + a.detour, np.inf)
            soonest = np.maximum(there.min(axis=0, initial=np.inf), a.earliest)
            due = np.where(soonest + 1.0 > a.due, np.inf, a.due)  # a second for rounding
        found: Floats = np.minimum(latest, due)
        return found


def _slots(a: Arrays) -> Any:
    return range(Routes.empty(a).routes.shape[1] - 1)


def _table(a: Arrays) -> Any:
    """Seconds between all places: crews first, then jobs; nobody drives to a crew."""
    n, m = a.drive.shape
    table = np.full((n + m, n + m), float(FAR_S))
    table[:n, n:] = np.minimum(a.drive, FAR_S)
    table[n:, n:] = np.minimum(a.between, FAR_S)
    np.fill_diagonal(table, 0)
    return np.ceil(table).astype(np.uint32)
