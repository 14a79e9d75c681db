"""From the database to a problem for the planner: jobs, crews, and what everything costs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from django.conf import settings

from server.dispatch import candidates, needing
from server.dispatch.between import Between
from server.dispatch.models import PlanWish
from server.dispatch.needing import Missing
from server.dispatch.optimising import Crew, Job, Plan, Problem, Stop
from server.dispatch.optimising.model import INF, Floats
from server.dispatch.ranking import Candidate, Need, judge
from server.dispatch.selectors import clocks_of
from server.dispatch.waiting import due
from server.streets import index as streets
from server.tickets.models import Incident

# How much a second of waiting weighs, and how long work may outlast a shift.
WEIGHT = {"P1": 8.0, "P2": 4.0, "P3": 2.0, "P4": 1.0}
OVERTIME_S = {"P1": 4 * 3600.0, "P2": 2 * 3600.0, "P3": 0.0, "P4": 0.0}
# Reasons that are time itself: the planner reckons them, they are no penalty on top.
TIME = frozenset(
    {"drive", "finish", "call_out", "break", "shift_ends", "relieved", "tired", "no_clamp",
     "no_stock", "load"}
)
_between = Between()
ON_CALL_S = 12 * 3600.0  # who is called out may be kept as long as a shift


@dataclass(frozen=True, eq=False)
class Gathered:
    at: datetime
    missing: list[Missing]
    crews: list[Candidate]
    problem: Problem


def gather(
    at: datetime, incidents: Iterable[Incident], *, without: Collection[int] = (),
    forced: Mapping[int, int] | None = None, previous: Plan | None = None,
) -> Gathered:  # fmt: skip
    """Everything the planner needs at `at`. `without` are crews to leave out, `forced` incident ->
    crew (for a what-if); what dispatchers want stands in PlanWish.
    """
    wanted = needing.missing(incidents)
    known = candidates.candidates(at)
    crews = [c for c in known if c.id not in without and not _hard(c)]
    pinned, excluded = _wishes(wanted)
    for row, crew in _forced(wanted, forced or {}).items():
        pinned[row] = crew
        if crew not in {c.id for c in crews}:
            crews += [c for c in known if c.id == crew]
    asked = needing.asked({m.incident.pk for m in wanted})
    jobs = _jobs(wanted, at, excluded, asked)
    drive, between, detour, penalty = _costs(wanted, crews)
    return Gathered(
        at, wanted, crews,
        Problem(
            jobs, tuple(_crew(c) for c in crews), drive, between, pinned=pinned,
            previous=previous, switching_s=settings.STANDPIPE["PLAN"]["switching_s"],
            penalty_s=penalty, detour_s=detour,
        ),
    )  # fmt: skip


def on_shift(at: datetime) -> list[Candidate]:
    """Crews on shift to which something can be given: a round calls nobody out of bed."""
    return [c for c in candidates.candidates(at) if c.on_shift and not _hard(c)]


def _hard(c: Candidate) -> bool:
    """Whether nothing at all can be given to a crew: off shift, on leave, without a vehicle…"""
    idle = Need(frozenset(), 0.0, 0.0, "P3", queued=True)
    return any(r.hard for r in judge(replace(c, seconds=0.0), idle).reasons)


def _crew(c: Candidate) -> Crew:
    free = c.busy_s
    if c.on_call and not c.on_shift:
        free += c.call_out_s
    if c.state == "break" and c.break_left_s:
        free = max(free, c.break_left_s)
    shift = c.shift_left_s if c.on_shift else ON_CALL_S
    return Crew(c.id, free, shift, c.skills, c.jobs_today)


def _wishes(wanted: list[Missing]) -> tuple[dict[str, int], dict[str, set[int]]]:
    """(row -> the crew pinned, row -> crews ruled out)."""
    pinned: dict[str, int] = {}
    excluded: dict[str, set[int]] = {}
    rows = PlanWish.objects.filter(incident__in={m.incident.pk for m in wanted}, ended_at=None)
    for wish in rows:
        for m in wanted:
            if m.incident.pk != wish.incident_id or wish.order_kind not in ("", m.kind):
                continue
            if wish.kind == PlanWish.Kind.PIN:
                pinned.setdefault(m.row, wish.crew_id)
                if not wish.order_kind:
                    break  # one crew, one of the incident's orders: the first
            else:
                excluded.setdefault(m.row, set()).add(wish.crew_id)
    return pinned, excluded


def _forced(wanted: list[Missing], forced: Mapping[int, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for m in wanted:
        crew = forced.get(m.incident.pk)
        if crew is not None and not any(k.startswith(f"{m.incident.pk}:") for k in found):
            found[m.row] = crew
    return found


def _jobs(
    wanted: list[Missing], at: datetime, excluded: Mapping[str, set[int]],
    asked: Mapping[int, set[int]],
) -> tuple[Job, ...]:  # fmt: skip
    clocks = clocks_of([m.incident.pk for m in wanted])
    jobs = []
    for m in wanted:
        due_at = due(clocks[m.incident.pk])
        said_no, ruled_out = asked.get(m.incident.pk, set()), excluded.get(m.row, set())
        jobs.append(
            Job(
                m.row, WEIGHT[m.incident.priority], m.need.work_s,
                (due_at - at).total_seconds() if due_at else INF, m.need.skills,
                earliest_s=(m.begins_at - at).total_seconds() if m.begins_at else 0.0,
                overtime_s=OVERTIME_S[m.incident.priority],
                without=frozenset(said_no | ruled_out),
                why_without="all_asked" if said_no else "excluded",
            )
        )  # fmt: skip
    return tuple(jobs)


def _costs(wanted: list[Missing], crews: list[Candidate]) -> tuple[Floats, Floats, Floats, Floats]:
    """Seconds of driving crews x jobs and jobs x jobs, detours by a depot, doubts in seconds."""
    n, m = len(crews), len(wanted)
    places = [(w.target.lon, w.target.lat) for w in wanted]
    stands = [(c.lon, c.lat) for c in crews]
    empty: Floats = np.zeros((n, m))
    if not n or not m:
        return empty, np.zeros((m, m)), empty, empty
    drive, between = _between.seconds(streets.index(), stands, places)
    detour, penalty = np.zeros((n, m)), np.zeros((n, m))
    classes: dict[tuple[Any, ...], list[int]] = {}
    for j, w in enumerate(wanted):
        key = (w.need.diameter_mm, w.need.material, w.need.valve_mm, w.need.area, w.need.work_s)
        classes.setdefault(key, []).append(j)
    for columns in classes.values():
        need = replace(wanted[columns[0]].need, skills=frozenset(), queued=True)
        penalty[:, columns] = _doubts(crews, need)[:, None]
        if need.diameter_mm > 0:
            detour[:, columns] = _detours(crews, need, places, columns, drive)
    return drive, between, detour, penalty


def _doubts(crews: list[Candidate], need: Need) -> Floats:
    """What speaks against each crew for such a job, in seconds, without the time it takes."""
    return np.array(
        [
            sum(r.weight for r in judge(replace(c, seconds=0.0), need).reasons
                if not r.hard and r.code not in TIME)
            for c in crews
        ],
        dtype=np.float64,
    )  # fmt: skip


def _detours(
    crews: list[Candidate], need: Need, places: list[tuple[float, float]], columns: list[int],
    drive: Floats,
) -> Floats:  # fmt: skip
    """Seconds more by a depot, for crews without the piece; an hour where no depot has it."""
    lacking = [c for c, crew in enumerate(crews) if not any(p.fits(need) for p in crew.stock)]
    found = np.zeros((len(crews), len(columns)))
    if not lacking:
        return found
    found[lacking] = 3600.0
    depots = candidates.depots_for(need)
    if depots:
        spots = [(d.lon, d.lat) for d in depots]
        there = streets.index().matrix([(crews[c].lon, crews[c].lat) for c in lacking], spots)
        onward = streets.index().matrix(spots, [places[j] for j in columns])
        best = (there[:, :, None] + onward[None, :, :]).min(axis=1)
        with np.errstate(invalid="ignore"):
            more = best - drive[np.ix_(lacking, columns)]
        found[lacking] = np.where(np.isfinite(more), np.maximum(more, 0.0), 3600.0)
    return found


def plan_of(body: Mapping[str, Any]) -> Plan | None:
    """The plan a stored proposal holds, as far as the next one needs it."""
    rows = tuple(
        Stop(r["crew"], r["row"], r["position"], 0.0, 0.0, 0.0, 0.0, 0.0)
        for r in body.get("rows", ())
    )
    return Plan(rows, (), 0.0) if rows else None
