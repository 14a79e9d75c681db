"""A uniform grid over the streets: which is nearest to a point, exactly, ring by ring."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from routing.compiled.jit import freeze, inlined, kernel
from routing.compiled.projection import all_to_metres, to_metres, utm_zone
from routing.table import StreetTable

_MIN_STEP_M = 25.0
#: A place this near to the end of a street is the junction itself.
_AT_JUNCTION_M = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Squares:
    """Pieces of street sorted into squares.

    `frame`: west, south, east, north in degrees, UTM zone. `box`: west and south in metres, the
    side of a square in metres, how many squares wide and high. Piece k is the straight from
    xy[k] to xy[k + 1]; square s holds pieces[starts[s]:starts[s + 1]]. `along`: metres of each
    point from the start of its edge; `edge_of`: the edge of each point; `ends`: the first point
    of each edge, and one more. Of a street driven both ways only the lower edge is in squares.
    """

    frame: Any
    box: Any
    xy: Any
    along: Any
    edge_of: Any
    ends: Any
    starts: Any
    pieces: Any

    @classmethod
    def of(cls, table: StreetTable, twins: Any) -> Squares:
        """The grid over a table with at least one edge."""
        points = freeze(table.points, np.float64)
        west, south = points.min(axis=0).tolist()
        east, north = points.max(axis=0).tolist()
        zone = utm_zone((west + east) / 2, (south + north) / 2)
        xy = freeze(all_to_metres(points, zone))
        counts = np.diff(table.point_at)
        edge_of = freeze(np.repeat(np.arange(table.edges), counts), np.int32)
        ends = freeze(table.point_at, np.int64)
        numbers = np.arange(table.edges)
        used = freeze((twins < 0) | (twins > numbers))
        pieces = max(1, int((counts[used] - 1).sum()))
        low, high = xy.min(axis=0), xy.max(axis=0)
        wide, tall = (high - low).tolist()
        step = max(_MIN_STEP_M, math.sqrt(wide * tall / pieces), (wide + tall) / pieces)
        box = freeze(
            np.array([low[0], low[1], step, wide // step + 1, tall // step + 1]), np.float64
        )
        starts, sorted_in = _sorted_in(box, xy, ends, used)
        return cls(
            freeze(np.array([west, south, east, north, float(zone)])), box, xy,
            freeze(_measured(xy, ends)), edge_of, ends, freeze(starts), freeze(sorted_in),
        )  # fmt: skip

    @classmethod
    def named(cls, arrays: dict[str, Any]) -> Squares:
        """From columns by name; KeyError when one is missing."""
        return cls(**{field.name: arrays[f"squares.{field.name}"] for field in fields(cls)})

    def columns(self) -> dict[str, Any]:
        """Every column by name, for `named`."""
        return {f"squares.{field.name}": getattr(self, field.name) for field in fields(self)}


@kernel
def _measured(xy: Any, ends: Any) -> Any:
    along = np.zeros(len(xy))
    for edge in range(len(ends) - 1):
        for k in range(ends[edge] + 1, ends[edge + 1]):
            step = math.hypot(xy[k, 0] - xy[k - 1, 0], xy[k, 1] - xy[k - 1, 1])
            along[k] = along[k - 1] + step
    return along


@kernel
def _sorted_in(box: Any, xy: Any, ends: Any, used: Any) -> tuple[Any, Any]:
    """Pieces by square: every square that a piece runs through, and some beside it."""
    wide, high, step = int(box[3]), int(box[4]), box[2]
    starts = np.zeros(wide * high + 1, np.int64)
    pieces = np.empty(0, np.int32)
    at = starts
    for again in range(2):
        if again:
            for s in range(wide * high):
                starts[s + 1] += starts[s]
            at = starts.copy()
            pieces = np.empty(starts[wide * high], np.int32)
        for edge in range(len(ends) - 1):
            if not used[edge]:
                continue
            for k in range(ends[edge], ends[edge + 1] - 1):
                ax, ay = (xy[k, 0] - box[0]) / step, (xy[k, 1] - box[1]) / step
                bx, by = (xy[k + 1, 0] - box[0]) / step, (xy[k + 1, 1] - box[1]) / step
                first = max(0, min(high - 1, int(min(ay, by))))
                last = max(0, min(high - 1, int(max(ay, by))))
                for row in range(first, last + 1):
                    # The part of the piece within the row, a hair wider for rounding.
                    t0, t1 = 0.0, 1.0
                    if abs(by - ay) > 1e-9:
                        u, v = (row - ay) / (by - ay), (row + 1 - ay) / (by - ay)
                        t0, t1 = max(0.0, min(u, v)), min(1.0, max(u, v))
                    x0, x1 = ax + (bx - ax) * t0, ax + (bx - ax) * t1
                    left = max(0, min(wide - 1, int(min(x0, x1) - 1e-6)))
                    right = max(0, min(wide - 1, int(max(x0, x1) + 1e-6)))
                    for column in range(left, right + 1):
                        s = row * wide + column
                        if again:
                            pieces[at[s]] = k
                            at[s] += 1
                        else:
                            starts[s + 1] += 1
    return starts, pieces


@inlined
def _foot(x: float, y: float, xy: Any, k: int) -> tuple[float, float]:
    """(metres from a point to piece k, share of the piece at the nearest place)."""
    ax, ay = xy[k, 0], xy[k, 1]
    dx, dy = xy[k + 1, 0] - ax, xy[k + 1, 1] - ay
    square = dx * dx + dy * dy
    share = ((x - ax) * dx + (y - ay) * dy) / square if square > 0 else 0.0
    if share <= 0:
        return math.hypot(x - ax, y - ay), 0.0
    if share >= 1:
        return math.hypot(x - xy[k + 1, 0], y - xy[k + 1, 1]), 1.0
    return math.hypot(x - (ax + dx * share), y - (ay + dy * share)), share


@inlined
def _fraction(offset: float, length: float) -> float:
    """How far along its edge a place lies; exactly 0 or 1 at a junction."""
    # A street shorter than two junction sizes has both: the start counts.
    if length < 2 * _AT_JUNCTION_M or offset < _AT_JUNCTION_M:
        return 0.0
    if length - offset < _AT_JUNCTION_M:
        return 1.0
    return offset / length


@kernel
def nearest_to(
    box: Any,
    xy: Any,
    along: Any,
    edge_of: Any,
    ends: Any,
    starts: Any,
    pieces: Any,
    zone: int,
    lon: float,
    lat: float,
) -> tuple[int, float, float]:
    """(edge, fraction of it, metres away) of the street nearest to a position in degrees.

    Between streets equally near the edge with the lower number counts.
    """
    x, y = to_metres(lon, lat, zone)
    wide, high, step = int(box[3]), int(box[4]), box[2]
    column = int(max(0.0, min(wide - 1.0, (x - box[0]) // step)))
    row = int(max(0.0, min(high - 1.0, (y - box[1]) // step)))
    best, piece, part = np.inf, -1, 0.0
    ring = 0
    while True:
        low, top = max(0, row - ring), min(high - 1, row + ring)
        left, right = max(0, column - ring), min(wide - 1, column + ring)
        for r in range(low, top + 1):
            edge_row = r == row - ring or r == row + ring
            c = left
            while c <= right:
                if not edge_row and c != column - ring and c != column + ring:
                    # Within the ring everything has been seen.
                    c = right if column + ring == right and c < right else right + 1
                    continue
                s = r * wide + c
                for n in range(starts[s], starts[s + 1]):
                    k = pieces[n]
                    metres, share = _foot(x, y, xy, k)
                    if metres < best or (metres == best and edge_of[k] < edge_of[piece]):
                        best, piece, part = metres, k, share
                c += 1
        # How near a square outside the rings seen could be.
        beyond = np.inf
        if column - ring > 0:
            beyond = min(beyond, x - (box[0] + (column - ring) * step))
        if column + ring < wide - 1:
            beyond = min(beyond, box[0] + (column + ring + 1) * step - x)
        if row - ring > 0:
            beyond = min(beyond, y - (box[1] + (row - ring) * step))
        if row + ring < high - 1:
            beyond = min(beyond, box[1] + (row + ring + 1) * step - y)
        if beyond > best or beyond == np.inf:
            break
        ring += 1
    edge = edge_of[piece]
    offset = along[piece] + part * (along[piece + 1] - along[piece])
    return edge, _fraction(offset, along[ends[edge + 1] - 1]), best


@kernel
def all_nearest_to(
    box: Any,
    xy: Any,
    along: Any,
    edge_of: Any,
    ends: Any,
    starts: Any,
    pieces: Any,
    zone: int,
    lons: Any,
    lats: Any,
) -> tuple[Any, Any, Any]:
    """`nearest_to` of many positions, as three columns."""
    edges = np.empty(len(lons), np.int64)
    fractions = np.empty(len(lons))
    metres = np.empty(len(lons))
    for i in range(len(lons)):
        edges[i], fractions[i], metres[i] = nearest_to(
            box, xy, along, edge_of, ends, starts, pieces, zone, lons[i], lats[i]
        )
    return edges, fractions, metres


@kernel
def streets_around(
    box: Any,
    xy: Any,
    along: Any,
    edge_of: Any,
    ends: Any,
    starts: Any,
    pieces: Any,
    zone: int,
    lon: float,
    lat: float,
    radius: float,
    most: int,
) -> tuple[Any, Any, Any]:
    """Up to `most` streets within a radius in metres, nearest first: edges, fractions, metres."""
    x, y = to_metres(lon, lat, zone)
    wide, high, step = int(box[3]), int(box[4]), box[2]
    left = int(max(0.0, min(wide - 1.0, (x - radius - box[0]) // step)))
    right = int(max(0.0, min(wide - 1.0, (x + radius - box[0]) // step)))
    low = int(max(0.0, min(high - 1.0, (y - radius - box[1]) // step)))
    top = int(max(0.0, min(high - 1.0, (y + radius - box[1]) // step)))
    edges = np.empty(most, np.int64)
    offsets = np.empty(most)
    metres = np.empty(most)
    count = 0
    for r in range(low, top + 1):
        for c in range(left, right + 1):
            s = r * wide + c
            for n in range(starts[s], starts[s + 1]):
                k = pieces[n]
                far, share = _foot(x, y, xy, k)
                if far > radius or (count == most and far >= metres[count - 1]):
                    continue
                edge = edge_of[k]
                at = -1
                for i in range(count):
                    if edges[i] == edge:
                        at = i
                if at >= 0 and metres[at] <= far:
                    continue
                if at < 0:
                    if count < most:
                        count += 1
                    at = count - 1
                while at > 0 and metres[at - 1] > far:
                    edges[at], offsets[at] = edges[at - 1], offsets[at - 1]
                    metres[at] = metres[at - 1]
                    at -= 1
                edges[at], metres[at] = edge, far
                offsets[at] = along[k] + share * (along[k + 1] - along[k])
    fractions = np.empty(count)
    for i in range(count):
        fractions[i] = _fraction(offsets[i], along[ends[edges[i] + 1] - 1])
    return edges[:count].copy(), fractions, metres[:count].copy()


@kernel
def edges_in(
    box: Any,
    xy: Any,
    edge_of: Any,
    starts: Any,
    pieces: Any,
    west: float,
    south: float,
    east: float,
    north: float,
    edges: int,
) -> Any:
    """Edges with a piece whose rectangle meets one given in metres, ascending."""
    wide, high, step = int(box[3]), int(box[4]), box[2]
    left = int(max(0.0, min(wide - 1.0, (west - box[0]) // step)))
    right = int(max(0.0, min(wide - 1.0, (east - box[0]) // step)))
    low = int(max(0.0, min(high - 1.0, (south - box[1]) // step)))
    top = int(max(0.0, min(high - 1.0, (north - box[1]) // step)))
    hit = np.zeros(edges, np.bool_)
    for r in range(low, top + 1):
        for c in range(left, right + 1):
            for n in range(starts[r * wide + c], starts[r * wide + c + 1]):
                k = pieces[n]
                hit[edge_of[k]] |= (
                    max(xy[k, 0], xy[k + 1, 0]) >= west and min(xy[k, 0], xy[k + 1, 0]) <= east
                    and max(xy[k, 1], xy[k + 1, 1]) >= south
                    and min(xy[k, 1], xy[k + 1, 1]) <= north
                )  # fmt: skip
    return np.flatnonzero(hit)


@kernel
def twins_of(tail: Any, head: Any, first_out: Any, points: Any, ends: Any) -> Any:
    """For each edge the one with the same line the other way, -1 for none; each has one only."""
    twins = np.full(len(tail), -1, np.int64)
    for edge in range(len(tail)):
        if twins[edge] >= 0:
            continue
        many = ends[edge + 1] - ends[edge]
        for other in range(first_out[head[edge]], first_out[head[edge] + 1]):
            if other <= edge or twins[other] >= 0 or head[other] != tail[edge]:
                continue
            if ends[other + 1] - ends[other] != many:
                continue
            same = True
            for i in range(many):
                a, b = ends[edge] + i, ends[other + 1] - 1 - i
                if points[a, 0] != points[b, 0] or points[a, 1] != points[b, 1]:
                    same = False
                    break
            if same:
                twins[edge], twins[other] = other, edge
                break
    return twins
