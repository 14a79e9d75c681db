"""From the time at every junction to what can be reached by then: pieces of street, and ground."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import shapely
from scipy import ndimage
from shapely import MultiLineString, MultiPolygon, Polygon

from routing.engine import Metric
from routing.model import M_PER_DEGREE
from routing.places import Part
from routing.table import Floats, Ints, StreetTable

#: The ground is drawn in squares of at least this, and at most so many a side.
_CELL_M = 40.0
_CELLS = 600


def pieces_within(
    table: StreetTable,
    twins: Ints,
    metric: Metric,
    node_ms: Floats,
    starts: list[tuple[Part, float]],
    limit_ms: float,
    measure_at: Floats,
) -> MultiLineString:
    """The pieces of street, (lon, lat), that are driven on before `limit_ms`.

    `node_ms` is when the soonest is at each node, `starts` the stretches on which origins set out
    with the milliseconds at which each begins; `measure_at` is how far along its edge each point
    of the table lies, 0 to 1. Nobody drives into a closed edge. A street driven both ways comes
    once.
    """
    ms = metric.ms.astype(np.float64)
    left = limit_ms - node_ms[table.tail]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(ms > 0, left / ms, np.where(left >= 0, 1.0, 0.0))
    share = np.where((left >= 0) & ~metric.shut, np.clip(share, 0.0, 1.0), 0.0)
    both = share + np.where(twins >= 0, share[twins], 0.0) >= 1.0
    whole = np.flatnonzero(both & ((twins < 0) | (twins > np.arange(len(twins)))))
    counts = np.diff(table.point_at)[whole]
    rows = np.repeat(np.arange(len(whole)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    points = table.points[np.repeat(table.point_at[whole], counts) + within]
    lines = [shapely.linestrings(points, indices=rows)] if len(whole) else []
    ends = [(int(e), 0.0, float(share[e])) for e in np.flatnonzero((share > 0) & ~both)]
    for part, begun in starts:
        long = float(ms[part.edge])
        far = part.end if long <= 0 else min(part.end, part.start + (limit_ms - begun) / long)
        if not both[part.edge]:
            ends.append((part.edge, part.start, far))
    pieces = [
        shapely.LineString(_stretch(table, measure_at, edge, low, high))
        for edge, low, high in ends
        if high - low > 1e-9
    ]
    some = np.array(pieces, dtype=object)
    if not lines and not pieces:
        return MultiLineString()
    made: MultiLineString = shapely.multilinestrings(np.concatenate([*lines, some]))
    return made


def _stretch(
    table: StreetTable, measure_at: Floats, edge: int, low: float, high: float
) -> list[tuple[float, float]]:
    first, last = table.point_at[edge], table.point_at[edge + 1]
    points, at = table.points[first:last], measure_at[first:last]
    inner = points[(at > low) & (at < high)].tolist()
    ends = [tuple(np.interp(m, at, points[:, c]) for c in (0, 1)) for m in (low, high)]
    return [ends[0], *map(tuple, inner), ends[1]]


def grounds_round(streets: Sequence[MultiLineString]) -> list[Polygon | MultiPolygon]:
    """The ground round some streets, (lon, lat), for each of the given.

    All of the streets lie inside, small gaps are filled; where one has all the streets of
    another, it has all of its ground.
    """
    bounds = np.array([some.bounds for some in streets if not some.is_empty])
    if not len(bounds):
        return [Polygon() for _ in streets]
    frame = (*bounds[:, :2].min(axis=0).tolist(), *bounds[:, 2:].max(axis=0).tolist())
    drawn: list[Polygon | MultiPolygon] = [_ground(some, frame) for some in streets]
    order = sorted(range(len(drawn)), key=lambda i: streets[i].length)
    for before, here in pairwise(order):
        # Cut corners could let the border of the smaller out.
        drawn[here] = _polygon(shapely.union(drawn[here], drawn[before]))
    return drawn


def _ground(
    streets: MultiLineString, frame: tuple[float, float, float, float]
) -> Polygon | MultiPolygon:
    if streets.is_empty:
        return Polygon()
    west, south, east, north = frame
    scale = math.cos(math.radians((south + north) / 2)) * M_PER_DEGREE
    wide, high = (east - west) * scale, (north - south) * M_PER_DEGREE
    cell = max(_CELL_M, wide / _CELLS, high / _CELLS)
    _, points, (offsets, _) = shapely.to_ragged_array([streets])
    line = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    xy = (points - (west, south)) * (scale, M_PER_DEGREE) / cell
    a, b = xy[:-1], xy[1:]
    same = line[:-1] == line[1:]
    a, b = a[same], b[same]
    # So many places along each straight that none of the squares it runs through is far.
    steps = np.ceil(np.hypot(*(b - a).T) * 2).astype(np.int64) + 1
    row = np.repeat(np.arange(len(a)), steps)
    along = np.arange(len(row)) - np.repeat(np.cumsum(steps) - steps, steps)
    part = (along / np.maximum(np.repeat(steps, steps) - 1, 1))[:, None]
    places = a[row] + (b - a)[row] * part
    margin = 4
    shape = (math.ceil(high / cell) + 2 * margin, math.ceil(wide / cell) + 2 * margin)
    grid = np.zeros(shape, dtype=bool)
    grid[places[:, 1].astype(np.int64) + margin, places[:, 0].astype(np.int64) + margin] = True
    grid = ndimage.binary_dilation(grid, np.ones((3, 3), dtype=bool))
    grid = ndimage.binary_erosion(ndimage.binary_dilation(grid, iterations=2), iterations=2) | grid
    edges = np.diff(np.pad(grid, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, begins = np.nonzero(edges == 1)
    _, ends = np.nonzero(edges == -1)
    boxes = shapely.box(begins, rows, ends, rows + 1)
    whole = shapely.union_all(boxes).simplify(0.8)

    def to_degrees(coordinates: Floats) -> Floats:
        degrees: Floats = (coordinates - margin) * cell / (scale, M_PER_DEGREE) + (west, south)
        return degrees

    return _polygon(shapely.transform(whole, to_degrees))


def _polygon(area: shapely.Geometry) -> Polygon | MultiPolygon:
    if not isinstance(area, Polygon | MultiPolygon):
        raise TypeError("the ground round streets is a polygon")
    return area
