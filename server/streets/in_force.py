"""From the table of changes to what a street index takes up: which edges are closed, which slow.

Pure but for the two readers. An area is asked of the index that will take it up, so that a newer
street file needs nobody's help; named edges are looked for by their course where it has other
numbers.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import shapely
from django.db import connection
from django.db.models import Q
from shapely import LineString
from shapely.ops import substring

from routing.errors import RoutingError
from routing.index import StreetIndex
from routing.model import M_PER_DEGREE, EdgeId
from server.streets.models import StreetChange

log = logging.getLogger("standpipe.streets")

#: How far beside its old course a street of a newer file may run and still be the same one.
SAME_STREET_M = 4.0


class Change(NamedTuple):
    """A row of the changes, as much as the index needs. `area`, `course` in (lon, lat)."""

    id: int
    version: int
    closes: bool
    area: shapely.Geometry | None
    edges: tuple[EdgeId, ...]
    course: tuple[LineString, ...]
    kph: float | None
    factor: float | None
    starts_at: datetime
    ends_at: datetime | None


def read_epoch() -> str:
    """Another value after every write to the changes; '' before the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT value::text FROM streets_streetepoch WHERE id = 1")
        row = cursor.fetchone()
    return row[0] if row else ""


def read_changes(now: datetime) -> list[Change]:
    """Accepted changes that nobody has lifted and that have not ended, oldest first."""
    rows = StreetChange.objects.filter(
        Q(ends_at=None) | Q(ends_at__gt=now), lifted_at=None, accepted_at__isnull=False
    )
    return [change_of(row) for row in rows.order_by("pk")]


def change_of(row: StreetChange) -> Change:
    """The same of a row at hand, whatever its state."""
    lines = shapely.from_wkb(bytes(row.course.wkb)).geoms if row.course is not None else ()
    return Change(
        row.pk, row.version, row.kind == "closed",
        None if row.area is None else shapely.from_wkb(bytes(row.area.wkb)),
        tuple((int(u), int(v), int(k)) for u, v, k in row.edges), tuple(lines), row.kph,
        row.factor, row.starts_at, row.ends_at,
    )  # fmt: skip


def due(changes: Iterable[Change], now: datetime) -> tuple[list[Change], datetime | None]:
    """Those in force at `now`, and when that set changes next by time alone."""
    active: list[Change] = []
    turns: list[datetime] = []
    for change in changes:
        if change.ends_at is not None and change.ends_at <= now:
            continue
        if change.starts_at > now:
            turns.append(change.starts_at)
            continue
        active.append(change)
        if change.ends_at is not None:
            turns.append(change.ends_at)
    return active, min(turns, default=None)


def edges_of(index: StreetIndex, change: Change) -> tuple[EdgeId, ...]:
    """The edges a change means in this index; those that are no longer there are left out."""
    try:
        if change.area is not None:
            return index.crossed_by(change.area)
        found: dict[EdgeId, None] = {}
        for edge, line in zip(change.edges, change.course, strict=True):
            if index.has_edge(edge):
                found[edge] = None
            else:
                found.update(dict.fromkeys(_by_course(index, line)))
        return tuple(found)
    except (RoutingError, ValueError) as error:
        # One change that no longer fits must not take the others out of force.
        log.error("street change %s cannot be taken up: %s", change.id, error)
        return ()


def _by_course(index: StreetIndex, line: LineString) -> list[EdgeId]:
    """Edges that run along the middle of a line and in its direction."""
    middle = substring(line, 0.25, 0.75, normalized=True)
    width = SAME_STREET_M / M_PER_DEGREE
    found = []
    for edge in index.crossed_by(middle.buffer(width)):
        course = index.edge_line(edge)
        start, end = (line.project(shapely.Point(course.coords[i])) for i in (0, -1))
        shared = course.intersection(line.buffer(2 * width)).length
        if end > start and shared >= 0.5 * min(course.length, line.length):
            found.append(edge)
    return found


def weights(
    index: StreetIndex,
    changes: Sequence[Change],
    edges: Mapping[int, tuple[EdgeId, ...]],
) -> tuple[set[EdgeId], dict[EdgeId, float]]:
    """The closed edges and the km/h of slow ones; `edges` names those of each change by its id.

    Where changes meet, closed comes before slow and the lowest speed counts. Nothing is made
    faster than the map says.
    """
    closed = {edge for change in changes if change.closes for edge in edges[change.id]}
    speeds: dict[EdgeId, float] = {}
    for change in changes:
        if change.closes:
            continue
        for edge in edges[change.id]:
            own = index.edge_kph(edge)
            kph = own * change.factor if change.factor is not None else change.kph
            assert kph is not None  # a constraint of the table
            if edge not in closed and kph < own:
                speeds[edge] = min(kph, speeds.get(edge, math.inf))
    return closed, speeds
