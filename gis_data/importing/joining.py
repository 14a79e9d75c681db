"""Loose lines into a network: ends that meet share a node, lines are cut where others end on them.

Everything is in metres. Names of made nodes come from their place, so that the same drawing gives
the same names whatever the order of its records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from scipy.spatial import cKDTree
from shapely.geometry import LineString

XY = tuple[float, float]


class Namer:
    """Names for nodes that no record names, and where each node lies."""

    def __init__(self, known: Mapping[str, XY]) -> None:
        self.at: dict[str, XY] = dict(known)

    def make(self, x: float, y: float) -> str:
        """A new node here: "n" and its place in decimetres."""
        name = stem = f"n{round(x * 10)}_{round(y * 10)}"
        number = 2
        while name in self.at:
            name, number = f"{stem}.{number}", number + 1
        self.at[name] = (float(x), float(y))
        return name


def join_ends(
    geometries: Any, named: Sequence[tuple[str, str]], namer: Namer, snap: float
) -> list[list[str]]:
    """Start and end node of every line; "" in `named` means an end to be joined by its place.

    Ends within `snap` of each other, or of a known node, share it. Two known nodes are never
    joined, nor the two ends of one short line.
    """
    ends = [list(pair) for pair in named]
    loose = [(i, side) for i, pair in enumerate(named) for side in (0, 1) if not pair[side]]
    if not loose:
        return ends
    first = shapely.get_coordinates(shapely.get_point(geometries, 0))
    last = shapely.get_coordinates(shapely.get_point(geometries, -1))
    places = np.stack([first, last], axis=1)
    known = list(namer.at)
    fixed = np.array([namer.at[name] for name in known], dtype=float).reshape(-1, 2)
    points = np.vstack([fixed, [places[i, side] for i, side in loose]])
    # Records without a place still have a name; they cannot be met by an end.
    finite = np.isfinite(points).all(axis=1)
    tree = cKDTree(np.where(finite[:, None], points, 1e30))
    pairs = tree.query_pairs(snap, output_type="ndarray")
    pairs = pairs[finite[pairs].all(axis=1)] if len(pairs) else pairs.reshape(-1, 2)
    away = np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], np.round(away, 4)))
    groups = _Groups(len(points), len(known))
    gap = np.hypot(*(first - last).T)
    short = (gap <= snap) & (shapely.length(geometries) <= 3 * snap)
    for k, (i, _) in enumerate(loose, len(known)):
        if short[i]:
            groups.apart[k] = {i}
    for k in order:
        groups.join(int(pairs[k, 0]), int(pairs[k, 1]))
    members: dict[int, list[int]] = defaultdict(list)
    for k in range(len(points)):
        members[groups.root(k)].append(k)
    fresh: list[tuple[XY, list[int]]] = []
    for group in members.values():
        name = next((known[k] for k in group if k < len(known)), "")
        if name:
            for k in group:
                if k >= len(known):
                    i, side = loose[k - len(known)]
                    ends[i][side] = name
        else:
            x, y = min((float(points[k][0]), float(points[k][1])) for k in group)
            fresh.append(((x, y), group))
    for (x, y), group in sorted(fresh):
        name = namer.make(x, y)
        for k in group:
            i, side = loose[k - len(known)]
            ends[i][side] = name
    return ends


class _Groups:
    """Union of points, with what must stay apart."""

    def __init__(self, count: int, known: int) -> None:
        self._parent = list(range(count))
        self._known = known
        #: Point -> lines whose other end must not join its group.
        self.apart: dict[int, set[int]] = {}
        self._fixed = set(range(known))

    def root(self, k: int) -> int:
        parent = self._parent
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    def join(self, a: int, b: int) -> None:
        a, b = self.root(a), self.root(b)
        if a == b or (a in self._fixed and b in self._fixed):
            return
        mine, theirs = self.apart.get(a), self.apart.get(b)
        if mine and theirs and mine & theirs:
            return
        self._parent[b] = a
        if b in self._fixed:
            self._fixed.add(a)
        if theirs:
            self.apart[a] = (mine or set()) | theirs


@dataclass(slots=True)
class Part:
    """A line or a part of one: metres from `since` to `until` along line number `line`."""

    line: int
    start: str
    end: str
    geometry: LineString
    since: float
    until: float


class Lines:
    """The lines of a network, cut as often as needed. Parts keep the order of their lines."""

    def __init__(self, geometries: Any, ends: Sequence[Sequence[str]]) -> None:
        lengths = shapely.length(geometries)
        self.parts = [
            Part(i, a, b, geometry, 0.0, float(length))
            for i, ((a, b), geometry, length) in enumerate(
                zip(ends, geometries, lengths, strict=True)
            )
        ]

    def geometries(self) -> Any:
        out = np.empty(len(self.parts), dtype=object)
        out[:] = [p.geometry for p in self.parts]
        return out

    def cut(self, cuts: Mapping[int, Sequence[tuple[float, str]]]) -> None:
        """Cut parts at (metres along the part, node); points of one part in any order."""
        if not cuts:
            return
        parts: list[Part] = []
        for k, part in enumerate(self.parts):
            if k not in cuts:
                parts.append(part)
                continue
            at = [0.0, *(m for m, _ in sorted(cuts[k])), part.until - part.since]
            nodes = [part.start, *(n for _, n in sorted(cuts[k])), part.end]
            for a, b, start, end, piece in zip(
                at, at[1:], nodes, nodes[1:], _pieces(part.geometry, at), strict=False
            ):
                parts.append(
                    Part(part.line, start, end, piece, part.since + a, part.since + b)
                )
        self.parts = parts


def _pieces(line: LineString, at: Sequence[float]) -> Any:
    """The line between each two of these distances along it, which rise from its start to its end.

    (shapely's `substring` measures the whole line again for every piece.)
    """
    coords = shapely.get_coordinates(line)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(coords, axis=0).T))])
    cuts = np.array(at[1:-1])
    between = np.column_stack([np.interp(cuts, along, coords[:, k]) for k in (0, 1)])
    places = [coords[0], *between, coords[-1]]
    flat: list[Any] = []
    of: list[int] = []
    for k in range(len(at) - 1):
        inner = coords[(along > at[k] + 1e-9) & (along < at[k + 1] - 1e-9)]
        piece = [places[k], *inner, places[k + 1]]
        flat += piece
        of += [k] * len(piece)
    return shapely.linestrings(np.array(flat), indices=np.array(of))


def cut_rings(lines: Lines, namer: Namer) -> int:
    """A line that ends where it starts becomes two; returns how many there were."""
    cuts: dict[int, list[tuple[float, str]]] = {}
    for k, part in enumerate(lines.parts):
        if part.start == part.end:
            half = part.geometry.length / 2
            point = part.geometry.interpolate(half)
            cuts[k] = [(half, namer.make(point.x, point.y))]
    lines.cut(cuts)
    return len(cuts)


def cut_at_nodes(lines: Lines, nodes: Sequence[str], namer: Namer, snap: float) -> int:
    """Cut every line on whose inside one of these nodes lies; returns the number of cuts."""
    nodes = [n for n in nodes if np.isfinite(namer.at[n]).all()]
    if not nodes or not lines.parts:
        return 0
    geometries = lines.geometries()
    points = shapely.points(np.array([namer.at[n] for n in nodes]))
    tree = shapely.STRtree(geometries)
    which, on = tree.query(points, predicate="dwithin", distance=snap)
    along = shapely.line_locate_point(geometries[on], points[which])
    lengths = shapely.length(geometries[on])
    inside = (along > snap) & (along < lengths - snap)
    cuts: dict[int, list[tuple[float, str]]] = defaultdict(list)
    for k in np.lexsort((on, which)):
        node, part = nodes[int(which[k])], lines.parts[int(on[k])]
        if inside[k] and node not in (part.start, part.end):
            cuts[int(on[k])].append((float(along[k]), node))
    lines.cut(cuts)
    return sum(map(len, cuts.values()))
