"""Finds the street nearest to a position, in projected metres."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer
from shapely import STRtree

from routing.errors import BadCoordinate
from routing.table import Floats, Ints, StreetTable

_EARTH_M = 6_371_009.0
#: A place this near to the end of a street is the junction itself.
_AT_JUNCTION_M = 0.01


def utm_epsg(lon: float, lat: float) -> int:
    """EPSG number of the UTM zone of a position."""
    zone = min(int((lon + 180) // 6) + 1, 60)
    return (32600 if lat >= 0 else 32700) + zone


def straight_m(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Great-circle distance in metres."""
    p1, p2 = math.radians(lat1), math.radians(lat2)
    half = (
        math.sin((p2 - p1) / 2) ** 2
        + math.cos(p1) * math.cos(p2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    )
    return 2 * _EARTH_M * math.asin(math.sqrt(min(1.0, half)))


def find_twins(table: StreetTable) -> Ints:
    """For each edge the edge of the same street the other way, -1 for one-way streets."""
    twins = np.full(table.edges, -1, dtype=np.int64)
    waiting: dict[tuple[int, int, bytes], list[int]] = {}
    at = table.point_at.tolist()
    pairs = zip(table.tail.tolist(), table.head.tolist(), strict=True)
    for edge, (tail, head) in enumerate(pairs):
        line = table.points[at[edge] : at[edge + 1]]
        turned = np.ascontiguousarray(line[::-1]).tobytes()
        found = waiting.get((head, tail, turned))
        if found:
            other = found.pop()
            twins[edge], twins[other] = other, edge
        else:
            waiting.setdefault((tail, head, line.tobytes()), []).append(edge)
    return twins


def _measures(xy: Floats, point_at: Ints) -> Floats:
    """How far along its edge each point lies, 0 to 1."""
    steps = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    steps[point_at[:-1]] = 0.0
    along = np.cumsum(steps)
    counts = np.diff(point_at)
    along -= np.repeat(along[point_at[:-1]], counts)
    whole = np.repeat(along[point_at[1:] - 1], counts)
    shares: Floats = np.divide(along, whole, out=np.zeros_like(along), where=whole > 0)
    return shares


class Snapper:
    """Streets of a table in an R-tree; one entry per street, both directions together."""

    def __init__(self, table: StreetTable, twins: Ints) -> None:
        self._table = table
        self._west, self._east = float(table.points[:, 0].min()), float(table.points[:, 0].max())
        self._south, self._north = float(table.points[:, 1].min()), float(table.points[:, 1].max())
        self.epsg = utm_epsg((self._west + self._east) / 2, (self._south + self._north) / 2)
        self._to_metres = Transformer.from_crs(4326, self.epsg, always_xy=True)
        x, y = self._to_metres.transform(table.points[:, 0], table.points[:, 1])
        self.xy: Floats = np.column_stack([x, y])
        self._at = table.point_at.tolist()
        self.measures = _measures(self.xy, table.point_at)
        counts = np.diff(table.point_at)
        lines = shapely.linestrings(self.xy, indices=np.repeat(np.arange(table.edges), counts))
        self._edges = np.flatnonzero((twins < 0) | (twins > np.arange(table.edges)))
        self._lines = lines[self._edges]
        self._lengths = shapely.length(self._lines)
        self._tree = STRtree(self._lines)
        # The tree is built at its first query; do that before threads share it.
        self._tree.query(shapely.box(0, 0, 0, 0))

    def check(self, lon: float, lat: float) -> None:
        """Raises BadCoordinate unless (lon, lat) is a position on earth, axes not swapped."""
        for field, value, limit in (("lon", lon, 180), ("lat", lat, 90)):
            if not isinstance(value, int | float | np.floating) or not math.isfinite(value):
                raise BadCoordinate(field, f"The {field} of the position is not a number.")
            if abs(value) > limit:
                hint = self._swapped_hint(lon, lat)
                raise BadCoordinate(
                    field, f"The {field} {value:g} is outside -{limit} to {limit}.{hint}"
                )
        if not self._near(lon, lat) and self._near(lat, lon):
            raise BadCoordinate("position", self._swapped_hint(lon, lat).strip())

    def _near(self, lon: float, lat: float) -> bool:
        return (
            self._west - 0.5 <= lon <= self._east + 0.5
            and self._south - 0.5 <= lat <= self._north + 0.5
        )

    def _swapped_hint(self, lon: float, lat: float) -> str:
        if self._near(lat, lon):
            return " Longitude and latitude look swapped: longitude comes first."
        return ""

    def nearest(self, lons: npt.ArrayLike, lats: npt.ArrayLike) -> tuple[Ints, Floats, Floats]:
        """(edge, fraction along it, metres away) for each position; the positions are sound.

        Between streets equally near the edge with the lower number wins. A fraction is exactly
        0 or 1 where the place is a junction.
        """
        x, y = self._to_metres.transform(np.asarray(lons, float), np.asarray(lats, float))
        points = shapely.points(np.atleast_1d(x), np.atleast_1d(y))
        (asked, found), metres = self._tree.query_nearest(
            points, all_matches=True, return_distance=True
        )
        order = np.lexsort((self._edges[found], asked))
        first = order[np.unique(asked[order], return_index=True)[1]]
        line = found[first]
        length = self._lengths[line]
        offset = shapely.line_locate_point(self._lines[line], points)
        with np.errstate(invalid="ignore", divide="ignore"):
            fraction = np.where(length > 0, offset / length, 0.0)
        fraction = np.where(offset < _AT_JUNCTION_M, 0.0, fraction)
        fraction = np.where(length - offset < _AT_JUNCTION_M, 1.0, fraction)
        # A street shorter than two junction sizes has both: the start counts.
        fraction = np.where(length < 2 * _AT_JUNCTION_M, 0.0, fraction)
        return self._edges[line], np.clip(fraction, 0.0, 1.0), metres[first]

    def crossed_by(self, area: shapely.Geometry) -> Ints:
        """The edges (one per street) that touch an area given in (lon, lat)."""

        def project(coordinates: Floats) -> Floats:
            x, y = self._to_metres.transform(coordinates[:, 0], coordinates[:, 1])
            return np.column_stack([x, y])

        hits = self._tree.query(shapely.transform(area, project), predicate="intersects")
        return np.sort(self._edges[hits])

    def part(self, edge: int, start: float, end: float) -> tuple[tuple[float, float], ...]:
        """The (lon, lat) points of an edge from one fraction of it to another, start <= end."""
        first, last = self._at[edge], self._at[edge + 1]
        lonlat, measures = self._table.points[first:last], self._measures(edge)
        if start <= 0 and end >= 1:
            return tuple(map(tuple, lonlat.tolist()))
        low, high = start * measures[-1], end * measures[-1]
        inner = lonlat[(measures > low) & (measures < high)]
        ends = [
            (
                float(np.interp(m, measures, lonlat[:, 0])),
                float(np.interp(m, measures, lonlat[:, 1])),
            )
            for m in (low, high)
        ]
        return (ends[0], *((float(a), float(b)) for a, b in inner), ends[1])

    def place(self, edge: int, fraction: float) -> tuple[float, float]:
        """The (lon, lat) at a fraction of an edge."""
        return (
            self.part(edge, fraction, fraction)[0]
            if 0 < fraction < 1
            else self._end(edge, fraction)
        )

    def side(
        self, edge: int, fraction: float, lon: float, lat: float
    ) -> Literal["left", "right", "on"]:
        """On which side of the edge, looking along it, a position lies."""
        x, y = self._to_metres.transform(lon, lat)
        first, last = self._at[edge], self._at[edge + 1]
        xy, measures = self.xy[first:last], self._measures(edge)
        piece = int(np.searchsorted(measures, fraction * measures[-1], side="right")) - 1
        piece = min(max(piece, 0), len(xy) - 2)
        (ax, ay), (bx, by) = xy[piece], xy[piece + 1]
        cross = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        if abs(cross) < 1e-6:
            return "on"
        return "left" if cross > 0 else "right"

    def _measures(self, edge: int) -> Floats:
        xy = self.xy[self._at[edge] : self._at[edge + 1]]
        steps = np.hypot(*np.diff(xy, axis=0).T)
        return np.concatenate([[0.0], np.cumsum(steps)])

    def _end(self, edge: int, fraction: float) -> tuple[float, float]:
        point = self._table.points[self._at[edge] if fraction <= 0 else self._at[edge + 1] - 1]
        return float(point[0]), float(point[1])
