"""A smooth made-up ground for extracts that carry no heights, and the two pressure zones on it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from gis_data.growing.corridors import Corridors

LOW, HIGH = "low", "high"
_SHARE_HIGH = 0.28
_LEAST_PLACES = 5


@dataclass(frozen=True, slots=True)
class Ground:
    """A hill on gently rolling ground, the same for the same seed. Metres throughout."""

    west: float
    south: float
    size: float
    hill: tuple[float, float]
    height: float
    phase: tuple[float, float]

    def elevation(self, xy: Any) -> Any:
        """Array (n, 2) in metres -> heights above sea level, shape (n,)."""
        points = np.asarray(xy, dtype=float).reshape(-1, 2)
        u = (points[:, 0] - self.west) / self.size
        v = (points[:, 1] - self.south) / self.size
        rolling = 1.6 * np.sin(5.1 * u + self.phase[0]) * np.cos(4.3 * v + self.phase[1])
        away = (u - self.hill[0]) ** 2 + (v - self.hill[1]) ** 2
        return np.round(5.0 + rolling + self.height * np.exp(-away / (2 * 0.2**2)), 2)


def ground_under(graph: Corridors, rng: np.random.Generator) -> Ground:
    """Ground for the area of the corridors; the hill stands away from the middle."""
    xy = np.array(list(graph.places.values()))
    west, south = xy.min(axis=0)
    size = float(np.ptp(xy, axis=0).max())
    middle = np.median(xy, axis=0)
    far = np.hypot(*(xy - middle).T)
    # Of the places at the rim, the one with most others around it: a hill nobody lives on
    # would need no zone.
    rim = np.flatnonzero(far >= np.quantile(far, 0.7))
    crowd = [(np.hypot(*(xy - xy[i]).T) < 0.22 * size).sum() for i in rim]
    top = xy[rim[int(np.argmax(crowd))]]
    height = float(np.clip(0.018 * size, 22.0, 34.0))
    phase = rng.uniform(0, 2 * np.pi, 2)
    return Ground(
        float(west),
        float(south),
        size,
        (float((top[0] - west) / size), float((top[1] - south) / size)),
        height,
        (float(phase[0]), float(phase[1])),
    )


def zones_of(graph: Corridors, heights: dict[int, float]) -> dict[int, str]:
    """Place -> zone; both zones hang together. One zone only where the graph is too small."""
    places = sorted(graph.places)
    near: dict[int, set[int]] = {p: set() for p in places}
    for edge in graph.edges:
        near[edge.a].add(edge.b)
        near[edge.b].add(edge.a)
    limit = float(np.quantile([heights[p] for p in places], 1 - _SHARE_HIGH))
    high = _largest({p for p in places if heights[p] > limit}, near)
    low = _largest(set(places) - high, near)
    high = set(places) - low
    if min(len(high), len(low)) < _LEAST_PLACES:
        return dict.fromkeys(places, LOW)
    return {p: HIGH if p in high else LOW for p in places}


def _largest(chosen: set[int], near: dict[int, set[int]]) -> set[int]:
    best: set[int] = set()
    left = set(chosen)
    while left:
        start = min(left)
        part, queue = {start}, deque([start])
        while queue:
            for other in near[queue.popleft()]:
                if other in left and other not in part:
                    part.add(other)
                    queue.append(other)
        left -= part
        if len(part) > len(best):
            best = part
    return best
