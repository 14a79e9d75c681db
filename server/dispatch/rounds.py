"""Planned rounds: what can wait, put onto crews so that little is driven, kept as pins.

The plan for response (planning.py) wants somebody everywhere soon. A round wants little driving
and every promise kept; what does not fit waits for another day. It only proposes: kept, its rows
are pins to which the plan in force holds, and a dispatcher's word sends as ever.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from django.utils import timezone
from django.utils.dateformat import format as day_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Refused
from server.dispatch import accepting, gathering, needing, planning, waiting
from server.dispatch.gathering import Gathered
from server.dispatch.needing import Missing
from server.dispatch.optimising import Plan
from server.dispatch.optimising.model import Arrays
from server.dispatch.optimising.vroom import VroomPlanner
from server.dispatch.ranking import Candidate
from server.streets import index as streets
from server.tickets.models import Incident, Kind
from server.workforce.models import Crew

CAN_WAIT = ("P3", "P4")
MOST = 200  # jobs in one round: VROOM takes seconds for more


@dataclass(frozen=True)
class Asked:
    """Which kinds of incident (none named: all) and which crews (None: all on shift)."""

    kinds: frozenset[str] = frozenset()
    crews: frozenset[int] | None = None


def asked_for(kinds: Any, crews: Any) -> Asked:
    """What was asked, from lists of codes and of numbers. Refused naming the field."""
    if kinds is not None and not (
        isinstance(kinds, list) and all(isinstance(k, str) and k in Kind.values for k in kinds)
    ):
        raise Refused("kinds", "unknown", _("There is no such kind of incident."))
    if crews is not None and not (
        isinstance(crews, list) and all(type(c) is int and 0 < c < 2**31 for c in crews)
    ):
        raise Refused("crews", "unknown", _("There is no such crew."))
    if crews and Crew.objects.filter(pk__in=crews).count() != len(set(crews)):
        raise Refused("crews", "unknown", _("There is no such crew."))
    return Asked(frozenset(kinds or ()), None if crews is None else frozenset(crews))


def propose(asked: Asked, at: datetime | None = None) -> dict[str, Any]:
    """A round for what can wait and has no crew in hand; nothing is stored."""
    began = time.perf_counter()
    at = at or timezone.now()
    open_ = waiting.without_crew().filter(priority__in=CAN_WAIT)
    if asked.kinds:
        open_ = open_.filter(kind__in=asked.kinds)
    taken, left = _sorted_out(list(open_))
    crews = gathering.on_shift(at)
    chosen = {c.id for c in crews if asked.crews is None or c.id in asked.crews}
    gathered = _gather(at, taken, chosen)
    plan = VroomPlanner(missed_too=True).plan(gathered.problem)
    found = planning.body_of(gathered, plan)
    rows = {m.row: m for m in gathered.missing}
    driven = {s.job: s.arrives_s - s.starts_s for s in plan.rows}
    for r in found["rows"]:
        m = rows[r["row"]]
        r |= {**_shown(m.incident), "driven_s": round(driven[m.row])}
        r["lon"], r["lat"] = _spot(m)
    for w in found["waiting"]:
        w["why"] = _why(w["why"], w["row"], gathered)
    found["waiting"] = [
        {**w, **_shown(rows[w["row"]].incident), "why_text": waiting.why_text(w["why"], {})}
        for w in found["waiting"]
    ] + left
    return {
        **found, "made_at": at, "took_ms": round((time.perf_counter() - began) * 1000, 1),
        "driven_min": round(sum(driven.values()) / 60, 1),
        "crews": [_crew(c, c.id in chosen, plan, rows, at) for c in crews],
    }  # fmt: skip


def _gather(at: datetime, incidents: Iterable[Incident], chosen: set[int]) -> Gathered:
    """For these crews alone: no plan before, whose crews a round need not keep."""
    others = set(Crew.objects.values_list("pk", flat=True)) - chosen
    return gathering.gather(at, incidents, without=others)


def _sorted_out(
    incidents: list[Incident],
) -> tuple[list[Incident], list[dict[str, Any]]]:
    """What a round may hold, and what it may not with the reason."""
    several = _several(needing.missing(incidents))
    taken: list[Incident] = []
    left = []
    for i in incidents:
        if i.geom is None:
            why = "unlocated"
        elif i.pk in several:
            why = "several_crews"
        elif len(taken) == MOST:
            why = "round_full"
        else:
            taken.append(i)
            continue
        left.append(
            {"row": None, "incident": i.pk, "kind": None, "why": why, "ahead": [],
             "why_text": waiting.why_text(why, {}), **_shown(i)}
        )  # fmt: skip
    return taken, left


def _several(missing: Iterable[Missing]) -> set[int]:
    """Incidents that want more than one crew for one thing: a pin is for one."""
    counted = Counter((m.incident.pk, m.kind) for m in missing)
    return {pk for (pk, _kind), n in counted.items() if n > 1}


def _why(why: str, row: str, gathered: Gathered) -> str:
    """The planner's reason in the words of a round."""
    pinned = gathered.problem.pinned.get(row)
    if pinned is not None and pinned not in {c.id for c in gathered.crews}:
        return "pinned"
    return "no_room" if why == "others_first" else why


def _shown(incident: Incident) -> dict[str, Any]:
    return {
        "number": incident.number, "priority": incident.priority, "address": incident.address,
        "incident_kind": incident.kind, "kind_label": str(incident.get_kind_display()),
    }  # fmt: skip


def _crew(
    c: Candidate, chosen: bool, plan: Plan, rows: dict[str, Missing], at: datetime
) -> dict[str, Any]:
    stops = [s for s in plan.rows if s.crew == c.id]
    spots = [(c.lon, c.lat), *(_spot(rows[s.job]) for s in stops)]
    return {
        "id": c.id, "name": c.name, "chosen": chosen, "busy": c.busy_s > 0,
        "shift_ends": at + timedelta(seconds=c.shift_left_s), "stops": len(stops),
        "driven_min": round(sum(s.arrives_s - s.starts_s for s in stops) / 60, 1),
        "course": _course(spots),
    }  # fmt: skip


def _spot(m: Missing) -> tuple[float, float]:
    return m.target.lon, m.target.lat


def _course(spots: list[tuple[float, float]]) -> dict[str, Any] | None:
    """The streets from where the crew is from stop to stop, as GeoJSON."""
    legs = []
    for a, b in pairwise(spots):
        try:
            legs.append(shapely.get_coordinates(streets.route(a, b).geometry).round(6).tolist())
        except Refused:
            continue  # the planner knew a way; a street was closed this moment
    return {"type": "MultiLineString", "coordinates": legs} if legs else None


# -- kept -----------------------------------------------------------------------------------------


def keep(rows: Any, asked: Asked, *, by: str) -> dict[str, Any]:
    """Pin the crews of these rows ([{"row", "crew"}]; None: a round made this moment, whole).

    Each row stands for itself: what has changed meanwhile is refused with the reason, the others
    are kept.
    """
    at = timezone.now()
    made = {r["row"]: r["crew"] for r in propose(asked, at)["rows"]} if rows is None else {}
    wanted = {row: crew or made.get(row) for row, crew in accepting.read_rows(rows, made)}
    if None in wanted.values():
        raise Refused("rows", "shape", _("Each row of a round says its crew."))
    now = _Now(at, wanted)
    reason = _("round of %(day)s") % {"day": _day(at)}
    kept, refused = [], []
    for row, crew_id in wanted.items():
        crew = now.crews.get(crew_id or 0)
        said = now.against(row, crew)
        if said is not None or crew is None:
            refused.append({**accepting.no(row, *(said or now.nobody())), "crew": crew_id})
            continue
        m = now.rows[row]
        try:
            if now.gathered.problem.pinned.get(row) != crew.pk:
                accepting.wish(m.incident, crew, "pin", by=by, reason=reason, order_kind=m.kind)
        except Refused as error:
            refused.append({**accepting.no(row, error.code, str(error)), "crew": crew.pk})
            continue
        kept.append({"row": row, "incident": m.incident.pk, "crew": crew.pk})
    record(
        "round.keep", f"round:{timezone.localdate(at)}", by=by,
        note=f"{len(kept)} kept, {len(refused)} refused",
    )  # fmt: skip
    return {"reason": reason, "kept": kept, "refused": refused}


def _day(at: datetime) -> str:
    chinese = (get_language() or "").startswith("zh")
    return day_format(timezone.localtime(at), "n月j日" if chinese else "j F")


class _Now:
    """How things stand for the rows somebody wants kept."""

    def __init__(self, at: datetime, wanted: dict[str, int | None]) -> None:
        keys = {int(head) for row in wanted if (head := row.split(":")[0]).isdecimal()}
        self.incidents = Incident.objects.in_bulk([k for k in keys if k < 2**63])
        self.crews = Crew.objects.in_bulk([c for c in wanted.values() if c and c < 2**31])
        self.held = waiting.holders(self.incidents)
        self.gathered = _gather(
            at, waiting.without_crew().filter(pk__in=self.incidents),
            {c.id for c in gathering.on_shift(at)},
        )  # fmt: skip
        self.rows = {m.row: m for m in self.gathered.missing}
        self.several = _several(self.gathered.missing)
        self.table = Arrays.of(self.gathered.problem)
        self.column = {j.id: k for k, j in enumerate(self.gathered.problem.jobs)}
        self.line = {c.id: k for k, c in enumerate(self.gathered.crews)}

    def nobody(self) -> tuple[str, str]:
        return "unknown", _("There is no such crew.")

    def against(self, row: str, crew: Crew | None) -> tuple[str, str] | None:
        """(code, words) of what stands against this row with this crew; None: nothing."""
        head = row.split(":")[0]
        incident = self.incidents.get(int(head)) if head.isdecimal() else None
        if incident is not None and incident.pk in self.held:
            text = _("%(crew)s has %(number)s now.")
            return "taken", text % {"crew": self.held[incident.pk], "number": incident.number}
        m = self.rows.get(row)
        if incident is None or m is None:
            return "gone", _("That waits for nobody any more.")
        if incident.priority not in CAN_WAIT:
            text = _("%(number)s is urgent now and belongs in no round.")
            return "urgent", text % {"number": incident.number}
        if incident.pk in self.several:
            return "several_crews", waiting.why_text("several_crews", {})
        return self.nobody() if crew is None else self._unable(m, crew)

    def _unable(self, m: Missing, crew: Crew) -> tuple[str, str] | None:
        who = {"crew": crew.shown, "number": m.incident.number}
        if crew.pk not in self.line:
            return "crew_out", _("%(crew)s is not on shift or can take nothing now.") % who
        c, j = self.line[crew.pk], self.column[m.row]
        if self.gathered.problem.pinned.get(m.row, crew.pk) != crew.pk:
            return "pinned", _("A dispatcher wants another crew for %(number)s.") % who
        if not m.need.skills <= self.gathered.crews[c].skills:
            return "no_skill", _("%(crew)s lacks the skills for %(number)s.") % who
        if crew.pk in self.gathered.problem.jobs[j].without:
            return "excluded", _("%(crew)s is ruled out for %(number)s or has declined it.") % who
        if not self.table.allowed[c, j]:
            return "unreachable", _("No street leads %(crew)s to %(number)s.") % who
        t = self.table
        there = max(t.free[c] + t.drive[c, j] + t.detour[c, j], t.earliest[j])
        if there + t.work[j] > t.shift[c] or not np.isfinite(there):
            return "shift_ends", _("The shift of %(crew)s ends before %(number)s is done.") % who
        return None
