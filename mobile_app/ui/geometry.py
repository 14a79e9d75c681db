"""Plain arithmetic for the map: degrees to metres, lines to ribbons of triangles."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

Point = tuple[float, float]
CHUNK = 8000  # quads per mesh: four vertices each, indices are 16 bit


class Plane:
    """Metres east and north of a point. True to a few millimetres over a district."""

    def __init__(self, lon: float, lat: float) -> None:
        self.lon, self.lat = lon, lat
        self._east = 111_320 * math.cos(math.radians(lat))
        self._north = 110_574.0

    def metres(self, lon: float, lat: float) -> Point:
        """Degrees to metres from the origin."""
        return (lon - self.lon) * self._east, (lat - self.lat) * self._north

    def line(self, points: Iterable[Point]) -> list[Point]:
        """`metres` for a whole line."""
        return [self.metres(lon, lat) for lon, lat in points]


def ribbons(
    lines: Iterable[tuple[Sequence[Point], float]],
) -> list[tuple[list[float], list[int]]]:
    """Lines with widths as vertices (x, y, u, v) and triangle indices, in chunks for Mesh."""
    chunks: list[tuple[list[float], list[int]]] = []
    vertices: list[float] = []
    indices: list[int] = []
    quads = 0
    for line, width in lines:
        half = width / 2
        for (x0, y0), (x1, y1) in itertools.pairwise(line):
            length = math.hypot(x1 - x0, y1 - y0)
            if length == 0:
                continue
            # A little longer than the line, so that bends leave no gaps.
            ex, ey = (x1 - x0) / length * half * 0.6, (y1 - y0) / length * half * 0.6
            nx, ny = -(y1 - y0) / length * half, (x1 - x0) / length * half
            x0, y0, x1, y1 = x0 - ex, y0 - ey, x1 + ex, y1 + ey
            first = quads * 4
            vertices += (
                x0 + nx, y0 + ny, 0, 0, x0 - nx, y0 - ny, 0, 0,
                x1 - nx, y1 - ny, 0, 0, x1 + nx, y1 + ny, 0, 0,
            )
            indices += (first, first + 1, first + 2, first, first + 2, first + 3)
            quads += 1
            if quads == CHUNK:
                chunks.append((vertices, indices))
                vertices, indices, quads = [], [], 0
    if quads:
        chunks.append((vertices, indices))
    return chunks


def middles(line: Sequence[Point]) -> list[Point]:
    """The middle of each piece of a line."""
    return [((x0 + x1) / 2, (y0 + y1) / 2) for (x0, y0), (x1, y1) in itertools.pairwise(line)]


def bounds(points: Iterable[Point]) -> tuple[float, float, float, float] | None:
    """(west, south, east, north) or None for no points."""
    rows = list(points)
    if not rows:
        return None
    xs, ys = [x for x, _ in rows], [y for _, y in rows]
    return min(xs), min(ys), max(xs), max(ys)
