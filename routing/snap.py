"""Finds the street nearest to a position, in projected metres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import shapely

from routing.compiled.jit import freeze
from routing.compiled.projection import all_to_metres, to_metres
from routing.compiled.squares import Squares, all_nearest_to, edges_in, streets_around, twins_of
from routing.errors import BadCoordinate
from routing.table import Floats, Ints, StreetTable

_EARTH_M = 6_371_009.0


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
    twins: Ints = twins_of(
        freeze(table.tail, np.int64), freeze(table.head, np.int64),
        freeze(np.searchsorted(table.tail, np.arange(table.nodes + 1)), np.int64),
        freeze(table.points, np.float64), freeze(table.point_at, np.int64),
    )  # fmt: skip
    twins.flags.writeable = False
    return twins


class Snapper:
    """The streets of a table in a grid; one entry per street, both directions together."""

    def __init__(self, table: StreetTable, squares: Squares) -> None:
        self._table = table
        self.squares = squares
        frame: list[float] = squares.frame.tolist()
        self._west, self._south, self._east, self._north, zone = frame
        self._zone = int(zone)
        g = squares
        self._grid = (g.box, g.xy, g.along, g.edge_of, g.ends, g.starts, g.pieces, self._zone)

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

    def nearest(self, lons: Sequence[float], lats: Sequence[float]) -> tuple[Ints, Floats, Floats]:
        """(edge, fraction along it, metres away) for each position; the positions are sound.

        Between streets equally near the edge with the lower number wins. A fraction is exactly
        0 or 1 where the place is a junction.
        """
        lon, lat = freeze(lons, np.float64), freeze(lats, np.float64)
        found: tuple[Ints, Floats, Floats] = all_nearest_to(*self._grid, lon, lat)
        return found

    @property
    def zone(self) -> int:
        """The UTM zone of the streets, negative in the south."""
        return self._zone

    def around(
        self, lon: float, lat: float, radius_m: float, most: int
    ) -> tuple[Ints, Floats, Floats]:
        """(edges, fractions, metres) of the streets within a radius, nearest first."""
        found: tuple[Ints, Floats, Floats] = streets_around(
            *self._grid, float(lon), float(lat), float(radius_m), most
        )
        return found

    def crossed_by(self, area: shapely.Geometry) -> Ints:
        """The edges (one per street) that touch an area given in (lon, lat)."""

        def project(coordinates: Floats) -> Floats:
            xy: Floats = all_to_metres(freeze(coordinates, np.float64), self._zone)
            return xy

        ground = shapely.transform(area, project)
        g = self.squares
        west, south, east, north = ground.bounds
        near = edges_in(
            g.box, g.xy, g.edge_of, g.starts, g.pieces, west, south, east, north, len(g.ends) - 1
        )
        if not len(near):
            return np.zeros(0, dtype=np.int64)
        counts = (g.ends[near + 1] - g.ends[near]).astype(np.int64)
        rows = np.repeat(np.arange(len(near)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        lines = shapely.linestrings(g.xy[np.repeat(g.ends[near], counts) + within], indices=rows)
        shapely.prepare(ground)
        crossed: Ints = near[shapely.intersects(ground, lines)]
        return crossed

    @cached_property
    def measures(self) -> Floats:
        """How far along its edge each point of the table lies, 0 to 1."""
        g = self.squares
        whole = np.repeat(g.along[g.ends[1:] - 1], np.diff(g.ends))
        shares: Floats = np.divide(g.along, whole, out=np.zeros(len(g.along)), where=whole > 0)
        return shares

    def part(self, edge: int, start: float, end: float) -> tuple[tuple[float, float], ...]:
        """The (lon, lat) points of an edge from one fraction of it to another, start <= end."""
        first, last = self._span(edge)
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
        x, y = to_metres(float(lon), float(lat), self._zone)
        first, last = self._span(edge)
        xy, measures = self.squares.xy[first:last], self._measures(edge)
        piece = int(np.searchsorted(measures, fraction * measures[-1], side="right")) - 1
        piece = min(max(piece, 0), len(xy) - 2)
        (ax, ay), (bx, by) = xy[piece], xy[piece + 1]
        cross = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        if abs(cross) < 1e-6:
            return "on"
        return "left" if cross > 0 else "right"

    def _span(self, edge: int) -> tuple[int, int]:
        return int(self.squares.ends[edge]), int(self.squares.ends[edge + 1])

    def _measures(self, edge: int) -> Any:
        first, last = self._span(edge)
        return self.squares.along[first:last]

    def _end(self, edge: int, fraction: float) -> tuple[float, float]:
        first, last = self._span(edge)
        point = self._table.points[first if fraction <= 0 else last - 1]
        return float(point[0]), float(point[1])
