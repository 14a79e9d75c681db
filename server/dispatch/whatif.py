"""What-if: what it costs to send another crew than the plan would, here and everywhere else."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from server.accounts.refusals import Refused
from server.dispatch import needing, planning
from server.dispatch.candidates import place_of
from server.dispatch.models import WorkOrder
from server.dispatch.optimising import Plan
from server.dispatch.planning import Made
from server.dispatch.wording import shown
from server.tickets.models import Incident
from server.workforce.models import Crew


def what_if(incident: Incident, crew: Crew) -> dict[str, Any]:
    """Two plans for all open incidents, with and without `crew` sent here, and what differs.

    Minutes are None where one of the two has nobody. Refused for an incident without a place.
    """
    place_of(incident)
    kind = _first_kind(incident)
    ranked = needing.rank_for(incident, kind)
    row = next(r for r in ranked if r.candidate.id == crew.pk)
    now = planning.propose()
    if not any(m.incident.pk == incident.pk for m in now.gathered.missing):
        raise Refused(
            "incident", "nobody_missing", _("Somebody has this incident in hand already.")
        )
    then = planning.propose(now.gathered.at, forced={incident.pk: crew.pk})
    before, after = _arrivals(now), _arrivals(then)
    others, total = [], 0.0
    for key, m in {m.row: m for m in now.gathered.missing}.items():
        a, b = before.get(key), after.get(key)
        if a is not None and b is not None:
            total += b - a
        if m.incident.pk != incident.pk and _minutes(a, b) != 0.0:
            others.append(
                {
                    "incident": m.incident.pk, "number": m.incident.number, "kind": m.kind,
                    "priority": m.incident.priority, "minutes_later": _minutes(a, b),
                    "waits": b is None,
                }
            )  # fmt: skip
    mine = next(m.row for m in now.gathered.missing if m.incident.pk == incident.pk)
    meant = now.plan.crew_of.get(mine)
    best = next((r for r in ranked if r.candidate.id == meant), ranked[0])
    late = _late(now.plan)
    numbers = {m.row: m.incident for m in now.gathered.missing}
    return {
        "incident": incident.pk, "kind": kind,
        "crew": {"id": crew.pk, "name": crew.shown},
        "instead_of": {"id": best.candidate.id, "name": best.candidate.name},
        "minutes_later": _minutes(before.get(mine), after.get(mine)),
        "others": others,
        "breaches": [
            {"incident": numbers[job].pk, "number": numbers[job].number}
            for job in sorted((_late(then.plan) | _left(then, now)) - late)
        ],
        "total_s": round(total), "objective": round(then.plan.objective - now.plan.objective),
        "reasons": shown(row)["reasons"],
    }  # fmt: skip


def _first_kind(incident: Incident) -> str:
    rows = needing.missing([incident])
    return rows[0].kind if rows else str(WorkOrder.Kind.REPAIR)


def _arrivals(made: Made) -> dict[str, float]:
    return {s.job: s.arrives_s for s in made.plan.rows}


def _minutes(a: float | None, b: float | None) -> float | None:
    if a is None or b is None:
        return 0.0 if a is b else None
    return round((b - a) / 60, 1)


def _late(plan: Plan) -> set[str]:
    return {s.job for s in plan.rows if s.late_s > 0}


def _left(then: Made, now: Made) -> set[str]:
    """Jobs that would have nobody any more."""
    return {w.job for w in then.plan.waiting} - {w.job for w in now.plan.waiting}
