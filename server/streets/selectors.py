"""What screens read of the streets: the changes with their course, the street at a place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import shapely
from django.db.models import Q, QuerySet
from django.utils import timezone
from shapely import MultiLineString

from routing.index import StreetIndex
from routing.model import EdgeId
from routing.turns import bearing
from server.streets import in_force
from server.streets.index import geojson, opened
from server.streets.models import StreetChange
from server.streets.reading import placed

#: How long an ended or lifted change stays in the list.
SHOWN_FOR = timedelta(hours=12)


def changes(at: datetime | None = None) -> QuerySet[StreetChange]:
    """Suggested, planned and in force, and those over not longer than half a day; newest first.

    With `at`: those in force at that moment, as they were.
    """
    rows = StreetChange.objects.all()
    if at is not None:
        return rows.filter(
            Q(ends_at=None) | Q(ends_at__gt=at), Q(lifted_at=None) | Q(lifted_at__gt=at),
            starts_at__lte=at, accepted_at__lte=at,
        )  # fmt: skip
    since = timezone.now() - SHOWN_FOR
    return rows.filter(
        Q(lifted_at=None) | Q(lifted_at__gt=since), Q(ends_at=None) | Q(ends_at__gt=since)
    )


def listed(at: datetime | None = None) -> dict[str, Any]:
    """The changes for a page: {"changes": [...], "now"}; a street's course is drawn once."""
    index, now = opened(), timezone.now()
    return {"now": now, "changes": [shown(row, index, at or now) for row in changes(at)[:500]]}


def shown(
    row: StreetChange, index: StreetIndex | None = None, at: datetime | None = None
) -> dict[str, Any]:
    """One change as the API gives it."""
    index = index or opened()
    edges = in_force.edges_of(index, in_force.change_of(row))
    return {
        "id": row.pk,
        "kind": row.kind,
        "reason": row.reason,
        "reason_label": str(row.get_reason_display()),
        "note": row.note,
        "state": row.state(at or timezone.now()),
        "streets": row.streets,
        "kph": row.kph,
        "factor": row.factor,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
        "order": row.order_number,
        "by": row.by,
        "accepted_by": row.accepted_by,
        "lifted_at": row.lifted_at,
        "lifted_by": row.lifted_by,
        "lift_reason": row.lift_reason,
        "one_way": row.area is None and one_way(index, edges),
        "edges": len(edges),
        "area": None if row.area is None else geojson(shapely.from_wkb(bytes(row.area.wkb))),
        "course": geojson(course(index, edges)),
    }


def course(index: StreetIndex, edges: Sequence[EdgeId]) -> MultiLineString:
    """The streets of some edges as lines, each once though it has two directions."""
    lines: dict[tuple[Any, ...], shapely.LineString] = {}
    for edge in edges:
        line = index.edge_line(edge)
        key = tuple(line.coords)
        lines.setdefault(min(key, key[::-1]), line)
    return MultiLineString(list(lines.values()))


def one_way(index: StreetIndex, edges: Sequence[EdgeId]) -> bool:
    """Whether only one direction of a street with two is meant."""
    there = set(edges)
    return any((other := index.other_way(e)) is not None and other not in there for e in edges)


def street_at(lon: float, lat: float) -> dict[str, Any]:
    """The street a place lies on: name, side, distance, directions. Refused ('at')."""
    index = opened()
    snap = placed(index, (lon, lat), "at")
    back = index.other_way(snap.edge)
    edges = [snap.edge, *([back] if back else [])]
    return {
        "street": snap.street,
        "lon": round(snap.lon, 7),
        "lat": round(snap.lat, 7),
        "distance_m": round(snap.distance_m, 1),
        "side": snap.side,
        "kph": round(index.edge_kph(snap.edge), 1),
        "directions": [{"edge": list(edge), "towards": towards(index, edge)} for edge in edges],
        "course": geojson(course(index, edges)),
    }


def towards(index: StreetIndex, edge: EdgeId) -> str:
    """The compass point an edge leads to: n, ne, e, se, s, sw, w, nw."""
    points = list(index.edge_line(edge).coords)
    names = ("n", "ne", "e", "se", "s", "sw", "w", "nw")
    return names[round(bearing(points[0], points[-1]) / 45) % 8]
