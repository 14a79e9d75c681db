"""From database rows to what ranking needs, and from its answer to what screens show."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from routing.model import Origin
from server.accounts.refusals import Refused
from server.dispatch import states
from server.dispatch.models import WorkOrder
from server.dispatch.ranking import Candidate, Need, Ranked, Reason, rank
from server.network.models import Pipe
from server.places.models import City
from server.streets import index as streets
from server.tickets.models import Incident, Kind
from server.workforce import selectors as workforce
from server.workforce.models import Crew, Skill

SKILLS: dict[str, frozenset[str]] = {
    Kind.BURST: frozenset({Skill.VALVE, Skill.REPAIR}),
    Kind.LEAK: frozenset({Skill.REPAIR}),
    Kind.NO_WATER: frozenset({Skill.VALVE}),
    Kind.LOW_PRESSURE: frozenset({Skill.VALVE}),
    Kind.DISCOLOURED: frozenset({Skill.SAMPLING}),
    Kind.METER: frozenset({Skill.METER}),
    Kind.SEWER: frozenset({Skill.JETTING}),
    Kind.HYDRANT: frozenset({Skill.VALVE}),
    # Whoever can read a plan can stop a digger.
    Kind.CONSTRUCTION: frozenset({Skill.VALVE}),
    Kind.DEFECT: frozenset({Skill.VALVE}),
    Kind.PLANNED: frozenset({Skill.VALVE, Skill.REPAIR}),
    Kind.ENQUIRY: frozenset(),
}
WORK_S = {"P1": 4 * 3600.0, "P2": 3 * 3600.0, "P3": 2 * 3600.0, "P4": 3600.0}


def rank_crews(incident: Incident, at: datetime | None = None) -> tuple[list[Ranked], float]:
    """All crews, best first, and the milliseconds it took. Refused for an unlocated incident."""
    started = time.perf_counter()
    place = place_of(incident)
    rows = candidates(at)
    reached = {
        r.id: r for r in streets.reach(place, [Origin(str(c.id), c.lon, c.lat) for c in rows])
    }
    ways = ((c, reached[str(c.id)]) for c in rows)
    here = [replace(c, seconds=way.seconds, metres=way.metres) for c, way in ways]
    ranked = rank(here, needs_of(incident))
    return ranked, (time.perf_counter() - started) * 1000


def place_of(incident: Incident) -> tuple[float, float]:
    """(lon, lat) of an incident. Refused ('place', 'unlocated') for one that has none yet."""
    if incident.geom is None:
        raise Refused("place", "unlocated", _("This incident has no place yet."))
    return incident.geom.x, incident.geom.y


def needs_of(incident: Incident, kind: str = WorkOrder.Kind.REPAIR) -> Need:
    """What a work order of `kind` asks for there; a clamp is wanted only by who repairs."""
    pipe = Pipe.objects.filter(asset=incident.pipe).first() if incident.pipe else None
    clamped = incident.kind in (Kind.BURST, Kind.LEAK) and kind == WorkOrder.Kind.REPAIR
    return Need(
        skills=SKILLS[incident.kind],
        diameter_mm=pipe.diameter_mm if pipe is not None and clamped else 0.0,
        work_s=WORK_S[incident.priority], depot_detour_s=_depot_detour(place_of(incident)),
        priority=incident.priority, area=incident.area_id,
    )  # fmt: skip


def candidates(at: datetime | None = None) -> list[Candidate]:
    """Every crew as it stands at `at` (now), without seconds to any place."""
    at = at or timezone.now()
    return [_candidate(crew, at) for crew in _busy(workforce.crews(at))]


def _candidate(crew: Crew, at: datetime) -> Candidate:
    lon, lat, fix = workforce.position_of(crew)
    shift = next((s for s in crew.now_shifts if s.starts <= at), None)
    return Candidate(
        id=crew.pk, name=crew.shown, lon=lon, lat=lat, on_shift=crew.on_shift,
        shift_left_s=(shift.ends - at).total_seconds() if shift else 0.0,
        state=crew.state, busy_s=3600.0 if crew.holding else 0.0,
        skills=frozenset(workforce.valid_skills(crew, at)),
        max_diameter_mm=crew.max_diameter_mm,
        clamps_mm=frozenset(s.diameter_mm for s in crew.stock.all() if s.quantity > 0),
        fix_age_s=(at - fix).total_seconds() if fix else None,
        area=crew.area_id, jobs_today=crew.jobs_today,
    )  # fmt: skip


def _busy(crews: Any) -> list[Crew]:
    day = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return list(
        crews.annotate(
            holding=Count(
                "work_orders", filter=Q(work_orders__state__in=sorted(states.HOLDING)),
                distinct=True,
            ),
            jobs_today=Count(
                "work_orders",
                filter=Q(work_orders__ended_at__gte=day, work_orders__state="completed"),
                distinct=True,
            ),
        )
    )  # fmt: skip


def _depot_detour(place: tuple[float, float]) -> float:
    city = City.objects.first()
    if city is None:
        return 900.0
    back = streets.reach(place, [Origin("depot", city.depot.x, city.depot.y)])[0]
    return back.seconds if back.seconds is not None else 900.0


def explain(reason: Reason) -> str:
    """A reason in the reader's language."""
    d = reason.data
    minutes = max(1, round(float(d.get("seconds", 0)) / 60))
    texts = {
        "off_shift": _("not on shift"),
        "not_available": _("not available"),
        "busy": _("has a job in hand"),
        "skill_missing": _("lacks the skill: %(skill)s"),
        "unreachable": _("no street leads there"),
        "drive": _("%(minutes)s min to drive, %(km)s km"),
        "no_clamp": _("no clamp for DN%(dn)s: by the depot first"),
        "pipe_too_large": _("DN%(dn)s is larger than the crew usually repairs"),
        "shift_ends": _("shift ends in %(minutes)s min"),
        "no_fix": _("no position yet, reckoned from the base"),
        "old_fix": _("position is %(minutes)s min old"),
        "stale_fix": _("position is %(minutes)s min old"),
        "other_area": _("from another district"),
        "load": _("%(jobs)s jobs today"),
    }
    skill = str(d.get("skill", ""))
    return texts[reason.code] % {
        "minutes": minutes,
        "km": f"{float(d.get('metres', 0)) / 1000:.1f}",
        "dn": round(float(d.get("diameter_mm", 0))),
        "skill": dict(Skill.choices).get(skill, skill),
        "jobs": d.get("jobs", 0),
    }


def shown(row: Ranked) -> dict[str, Any]:
    c = row.candidate
    return {
        "crew": {"id": c.id, "name": c.name},
        "seconds": c.seconds,
        "metres": c.metres,
        "score": round(row.score, 1),
        "state": c.state,
        "fix_age_s": c.fix_age_s,
        "reasons": [
            {"code": r.code, "text": explain(r), "weight": round(r.weight, 1), "hard": r.hard}
            for r in row.reasons
        ],
    }


def held_orders(crew_ids: list[int]) -> dict[int, str]:
    """Number of the order each crew has in hand."""
    rows = WorkOrder.objects.filter(crew_id__in=crew_ids, state__in=sorted(states.HOLDING))
    return {o.crew_id: o.number or "" for o in rows if o.crew_id is not None}
