"""From database rows to what ranking needs, and from its answer to what screens show."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from routing.model import Origin
from server.accounts.refusals import Refused
from server.dispatch import states
from server.dispatch.models import WorkOrder
from server.dispatch.ranking import Candidate, Need, Piece, Ranked, rank
from server.dispatch.wording import explain, shown, why_nobody
from server.network.models import Pipe, Valve
from server.outages.models import ShutOff, ValveTask
from server.places.models import City
from server.streets import index as streets
from server.tickets.models import Incident, Kind
from server.workforce import selectors as workforce
from server.workforce.hours import Limits
from server.workforce.models import Depot, Skill, Stock

__all__ = [
    "SKILLS", "WORK_S", "at_place", "candidates", "depots_by_way", "explain", "held_orders",
    "needs_of", "place_of", "rank_crews", "shown", "why_nobody",
]  # fmt: skip

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
LEAST_BUSY_S = 600.0  # a job in hand takes ten minutes more, whatever the clock says
BACK_S = 2 * 3600.0  # who has more than this left after the work gets home in time


def rank_crews(incident: Incident, at: datetime | None = None) -> tuple[list[Ranked], float]:
    """All crews, best first, and the milliseconds it took. Refused for an unlocated incident."""
    started = time.perf_counter()
    place, need = place_of(incident), needs_of(incident)
    ranked = rank(at_place(candidates(at), need, place), need)
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
    wanted = pipe if clamped else None
    limits = settings.STANDPIPE["HOURS"]
    return Need(
        skills=SKILLS[incident.kind],
        diameter_mm=wanted.diameter_mm if wanted is not None else 0.0,
        work_s=WORK_S[incident.priority], priority=incident.priority, area=incident.area_id,
        item=Stock.Item.CLAMP, material=wanted.material if wanted is not None else "",
        valve_mm=_largest_valve(incident),
        limits=Limits(limits["work"], limits["rest"], limits["nights"]),
    )  # fmt: skip


def _largest_valve(incident: Incident) -> float:
    """DN of the largest valve of the shut-off's plan that is still to be turned."""
    tasks = ValveTask.objects.filter(
        shut_off__in=ShutOff.objects.filter(incident=incident).exclude(state="cancelled")
    ).exclude(state=ValveTask.State.DROPPED)
    sizes = Valve.objects.filter(asset__in=tasks.values("asset"))
    return max(sizes.values_list("diameter_mm", flat=True), default=0.0)


def candidates(at: datetime | None = None) -> list[Candidate]:
    """Every crew as it stands at `at` (now), without seconds to any place."""
    at = at or timezone.now()
    busy, done = _in_hand(at), _done_today(at)
    return [
        _candidate(row, at, busy.get(row.crew.pk, 0.0), done.get(row.crew.pk, 0))
        for row in workforce.availability(at)
    ]


def _candidate(
    row: workforce.Availability, at: datetime, busy_s: float, jobs_today: int
) -> Candidate:
    crew, vehicle = row.crew, row.vehicle
    base = (crew.base.x, crew.base.y)
    lon, lat, fix = workforce.position_of(crew)
    if not row.on_shift or (fix is not None and row.starts is not None and fix < row.starts):
        # Seen last in an earlier shift: since then it has been home.
        (lon, lat), fix = base, None
    left_s = (row.until - at).total_seconds() if row.until else 0.0
    if row.called_out_for:
        left_s = min(left_s, busy_s)  # goes home with its order: nothing is planned behind it
    due = vehicle.inspection_due if vehicle is not None else None
    return Candidate(
        id=crew.pk, name=crew.shown, lon=lon, lat=lat,
        on_shift=row.on_shift,
        shift_left_s=left_s,
        relieved=row.relieved, state=row.state, busy_s=busy_s, skills=row.skills,
        max_diameter_mm=crew.max_diameter_mm, stock=_pieces(row.stock),
        fix_age_s=(at - fix).total_seconds() if fix else None,
        area=crew.area_id, jobs_today=jobs_today, base=base,
        on_call=row.on_call, call_out_s=row.call_out_s, leave=row.leave,
        nobody_here=row.here == (),
        break_left_s=(row.break_until - at).total_seconds() if row.break_until else None,
        lapsed={skill: day.isoformat() for skill, day in row.lapsed.items()},
        away_with=row.away_with,
        valve_keys_mm=tuple(vehicle.valve_keys_mm) if vehicle is not None else (),
        vehicle_out=vehicle.out_of_service if vehicle is not None else "",
        inspection_due=due.isoformat() if due and due < timezone.localdate(at) else "",
        hours=row.hours,
    )  # fmt: skip


def _pieces(rows: Sequence[Stock]) -> tuple[Piece, ...]:
    return tuple(
        Piece(s.item, s.diameter_mm, s.to_mm or s.diameter_mm, frozenset(s.materials), s.free)
        for s in rows
        if s.free > 0
    )


def _in_hand(at: datetime) -> dict[int, float]:
    """Seconds until each crew that has a job in hand should be done with it."""
    rows = WorkOrder.objects.filter(state__in=sorted(states.HOLDING)).values_list(
        "crew", "priority", "on_site_at", "eta_at"
    )
    found = {}
    for crew, priority, on_site_at, eta_at in rows:
        began = on_site_at or max(eta_at or at, at)
        left = (began - at).total_seconds() + WORK_S.get(priority, 3600.0)
        found[crew] = max(left, LEAST_BUSY_S)
    return found


def _done_today(at: datetime) -> dict[int, int]:
    midnight = timezone.localtime(at).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = WorkOrder.objects.filter(ended_at__gte=midnight, state=states.State.COMPLETED)
    return dict(rows.order_by().values_list("crew").annotate(Count("pk")))


def at_place(
    rows: Sequence[Candidate], need: Need, place: tuple[float, float]
) -> list[Candidate]:
    """The candidates with their way to `place`: there, back to their base, by a depot."""
    # A way back is asked for only where it can matter; it is taken to be as long as the way out.
    late = [
        c for c in rows
        if c.base and c.on_shift and not c.relieved and c.shift_left_s < need.work_s + BACK_S
    ]  # fmt: skip
    depots = depots_for(need) if need.diameter_mm > 0 else []
    asked = [Origin(f"c{c.id}", c.lon, c.lat) for c in rows]
    asked += [Origin(f"b{c.id}", *c.base) for c in late if c.base]
    asked += [Origin(f"d{n}", d.lon, d.lat) for n, d in enumerate(depots)]
    reached = {r.id: r for r in streets.reach(place, asked)}
    back = {c.id: reached[f"b{c.id}"].seconds or 0.0 for c in late}
    without = [c for c in rows if not any(piece.fits(need) for piece in c.stock)]
    detours = _detours(depots, [reached[f"d{n}"].seconds for n in range(len(depots))], without)
    found = []
    for c in rows:
        way = reached[f"c{c.id}"]
        by, depot = detours.get(c.id, (None, ""))
        found.append(
            replace(
                c, seconds=way.seconds, metres=way.metres, back_s=back.get(c.id, 0.0),
                detour_s=None if by is None or way.seconds is None else max(0.0, by - way.seconds),
                depot=depot,
            )
        )  # fmt: skip
    return found


@dataclass(frozen=True)
class _At:
    """A depot that has the piece."""

    name: str
    lon: float
    lat: float


def depots_for(need: Need) -> list[_At]:
    """Depots with a piece for this pipe. Where none is registered the city's own is taken to have
    what is wanted: nobody has counted there.
    """
    known = workforce.depots_with_stock()
    if not known:
        city = City.objects.first()
        return [_At("", city.depot.x, city.depot.y)] if city is not None else []
    return [
        _At(depot.shown, depot.geom.x, depot.geom.y)
        for depot, stock in known
        if any(piece.fits(need) for piece in _pieces(stock))
    ]


def _detours(
    depots: Sequence[_At], onward: Sequence[float | None], crews: Sequence[Candidate]
) -> dict[int, tuple[float, str]]:
    """For each crew the shortest way by a depot to the place: seconds, and which depot."""
    best: dict[int, tuple[float, str]] = {}
    if not crews:
        return best
    origins = [Origin(str(c.id), c.lon, c.lat) for c in crews]
    for depot, rest in zip(depots, onward, strict=True):
        if rest is None:
            continue
        for r in streets.reach((depot.lon, depot.lat), origins):
            if r.seconds is None:
                continue
            whole = (r.seconds + rest, depot.name)
            crew = int(r.id)
            best[crew] = min(best.get(crew, whole), whole)
    return best


def depots_by_way(
    start: tuple[float, float], place: tuple[float, float], need: Need
) -> list[Depot]:
    """Depots with a piece for this pipe; that with the shortest way by it to `place` first."""
    having = [
        depot for depot, stock in workforce.depots_with_stock()
        if any(piece.fits(need) for piece in _pieces(stock))
    ]  # fmt: skip
    if len(having) < 2:
        return having
    onward = {
        r.id: r.seconds
        for r in streets.reach(place, [Origin(d.code, d.geom.x, d.geom.y) for d in having])
    }
    far = float("inf")

    def whole(depot: Depot) -> float:
        there = streets.reach((depot.geom.x, depot.geom.y), [Origin("", *start)])[0].seconds
        rest = onward[depot.code]
        return far if there is None or rest is None else there + rest

    return sorted(having, key=lambda d: (whole(d), d.code))


def held_orders(crew_ids: list[int]) -> dict[int, str]:
    """Number of the order each crew has in hand."""
    rows = WorkOrder.objects.filter(crew_id__in=crew_ids, state__in=sorted(states.HOLDING))
    return {o.crew_id: o.number or "" for o in rows if o.crew_id is not None}
