"""Closures meet crews on their way: who goes another way, and when it is worth going back.

A closure touches only those whose way still leads through it. When streets open again, a crew is
sent another way only if that saves at least `SAVES_S`: a list that changes for nothing is not read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

import shapely
from django.db import transaction
from django.utils import timezone
from shapely import LineString, MultiLineString, Point
from shapely.ops import substring

from routing.errors import OffNetwork, Unreachable
from routing.index import StreetIndex
from routing.model import M_PER_DEGREE, Route
from server.accounts.audit import record
from server.accounts.refusals import Refused
from server.dispatch import services
from server.dispatch.models import WorkOrder
from server.dispatch.setting_out import begins_at, sets_out
from server.dispatch.states import State
from server.events.reading import Row
from server.streets import in_force
from server.streets import index as streets
from server.streets.models import StreetChange
from server.streets.selectors import course

#: States of a crew that has been sent and is not there.
NOT_THERE = (State.DISPATCHED, State.ACCEPTED, State.EN_ROUTE)
#: A way back through an opened street has to save so many seconds.
SAVES_S = 60.0
#: A way that changes the arrival by less, and nothing else, is the same way.
SAME_S = 20.0
#: A way is on a street when it runs along it: those that cross over or under it share less.
_ALONG_M = 8.0
_BESIDE = 1.5 / M_PER_DEGREE


@dataclass(frozen=True)
class Ahead:
    """What is left of the way an order has: its line, and the seconds at the speeds of then."""

    line: LineString
    seconds: float


def follow(row: Row) -> int:
    """A street was closed, slowed or opened: the number of orders that got another way."""
    phase, state, was = (row.payload.get(k) for k in ("phase", "state", "was"))
    begun = phase in ("made", "accepted", "began") and state == "in_force"
    over = phase == "ended" or (phase == "lifted" and was == "in_force")
    if not (begun or over):
        return 0
    index = streets.index(fresh=True)
    change = StreetChange.objects.get(pk=row.payload["change"])
    shut = course(index, in_force.edges_of(index, in_force.change_of(change))) if begun else None
    orders = WorkOrder.objects.filter(state__in=NOT_THERE, crew__isnull=False)
    return sum(
        _look_at(pk, index, shut, change, by=row.by) for pk in orders.values_list("pk", flat=True)
    )


def _look_at(
    pk: int, index: StreetIndex, shut: MultiLineString | None, change: StreetChange, *, by: str
) -> int:
    """One order, under its lock: 1 when it got another way, or none any more."""
    with transaction.atomic():
        order = (
            WorkOrder.objects.select_for_update(of=("self",), no_key=True)
            .select_related("crew__position", "incident")
            .filter(pk=pk, state__in=NOT_THERE)
            .first()
        )
        if order is None or order.crew is None or order.incident.geom is None:
            return 0
        lon, lat = begins_at(order)
        ahead = left_of(order, (lon, lat))
        if shut is not None and (ahead is None or not runs_along(ahead.line, shut)):
            return 0
        way, straight_m = find_way(index, order, (lon, lat))
        if not _worth_it(ahead, way, opened=shut is None):
            return 0
        before = order.eta_at
        order.route = None if way is None else streets.route_json(way)
        leaves = sets_out(order, timezone.now())
        order.eta_at = None if way is None else leaves + timedelta(seconds=way.seconds)
        order.version += 1
        order.save(update_fields=["route", "eta_at", "version"])
        step = "cut_off" if way is None else "rerouted"
        record(f"order.{step}", f"order:{order.number}", to_state=order.state, by=by,
               note=f"street:{change.pk} {', '.join(change.streets[:3])}".strip())  # fmt: skip
        services.tell(
            order, step, order.state, by=by, change=change.pk, streets=change.streets[:3],
            eta_before=before.isoformat() if before else None,
            straight_m=None if straight_m is None else round(straight_m),
        )  # fmt: skip
    return 1


def _worth_it(ahead: Ahead | None, way: Route | None, *, opened: bool) -> bool:
    if way is None:
        return ahead is not None  # told once, not at every closure
    if ahead is None:
        return True
    saved = ahead.seconds - way.seconds
    if opened:
        return saved >= SAVES_S
    moved = way.geometry.hausdorff_distance(ahead.line) > 20 / M_PER_DEGREE
    return moved or abs(saved) >= SAME_S


def left_of(order: WorkOrder, place: tuple[float, float]) -> Ahead | None:
    """The way ahead of a crew at `place`: the rest of the order's, None where it has none."""
    if not order.route or len(order.route["geometry"]) < 2:
        return None
    whole = LineString(order.route["geometry"])
    gone = whole.project(Point(place), normalized=True)
    rest = substring(whole, gone, 1.0, normalized=True)
    if not isinstance(rest, LineString):
        rest = LineString([rest, rest])
    return Ahead(rest, float(order.route["seconds"]) * (1.0 - gone))


def runs_along(way: LineString, shut: MultiLineString) -> bool:
    """Whether a way leads along one of some streets, and not merely across."""
    shared = way.intersection(shut.buffer(_BESIDE))
    if shared.is_empty:
        return False
    squeeze = math.cos(math.radians(shared.centroid.y))
    metres = shapely.transform(shared, lambda xy: xy * [M_PER_DEGREE * squeeze, M_PER_DEGREE])
    return float(metres.length) > _ALONG_M


def find_way(
    index: StreetIndex, order: WorkOrder, place: tuple[float, float]
) -> tuple[Route | None, float | None]:
    """The way from a place to where the order leads; without one, the metres in a straight line."""
    assert order.incident.geom is not None
    goal = order.target or order.incident.geom
    try:
        return index.route(place, (goal.x, goal.y)), None
    except Unreachable as error:
        return None, error.straight_m
    except OffNetwork as error:
        return None, error.distance_m


def problem_of(order: WorkOrder) -> str:
    """Why a crew that has been sent has no way, in the reader's language; "" where it has one."""
    if order.state not in NOT_THERE or order.route:
        return ""
    if order.crew is None or order.incident.geom is None:
        return ""
    goal = order.target or order.incident.geom
    try:
        streets.route(begins_at(order), (goal.x, goal.y))
    except Refused as error:
        return str(error)
    return ""
