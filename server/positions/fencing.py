"""Which positions lie in which areas, and who has come in, gone out or stayed. Pure.

An area has two borders: its own, which one has to cross to come in, and another `MARGIN_M` outside,
which one has to cross to go out. A vehicle parked on the line, with a receiver that wanders by ten
metres, therefore comes in once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from routing.model import M_PER_DEGREE

MARGIN_M = 30.0
Pair = tuple[str, str]  # (subject, area)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Area:
    """What is watched. `key` names it ("fence:3"), `payload` is what its events say of it.

    `only` limits it to one subject. Whoever stays `dwell_s` is told of by the event `dwelt`;
    `border` is false where coming and going is nobody's news.
    """

    key: str
    shape: Any  # shapely polygon or multipolygon in degrees
    payload: Mapping[str, Any] = field(default_factory=dict)
    dwell_s: float | None = None
    only: str | None = None
    border: bool = True
    dwelt: str = "fence.dwelt"


def circle(lon: float, lat: float, metres: float) -> Any:
    """A round area, as a polygon of 32 corners in degrees."""
    angles = np.linspace(0, 2 * math.pi, 32, endpoint=False)
    high = metres / M_PER_DEGREE
    wide = high / max(math.cos(math.radians(lat)), 1e-6)
    return shapely.Polygon(
        np.column_stack([lon + wide * np.cos(angles), lat + high * np.sin(angles)])
    )


class Areas:
    """Areas made ready to be asked by many positions at once."""

    def __init__(self, areas: Iterable[Area]) -> None:
        self.areas = tuple(areas)
        self.of = {a.key: a for a in self.areas}
        inner = np.array([a.shape for a in self.areas], dtype=object)
        shapely.prepare(inner)
        outer = np.array([_wider(a.shape) for a in self.areas], dtype=object)
        shapely.prepare(outer)
        self._inner = shapely.STRtree(inner)
        self._outer = shapely.STRtree(outer)

    def inside(self, lon: Floats, lat: Floats) -> tuple[Any, Any]:
        """(position, area) by number for each position within an area's own border."""
        return tuple(self._inner.query(shapely.points(lon, lat), predicate="intersects"))

    def near(self, lon: Floats, lat: Floats) -> tuple[Any, Any]:
        """As `inside`, with the wider border."""
        return tuple(self._outer.query(shapely.points(lon, lat), predicate="intersects"))


def _wider(shape: Any) -> Any:
    lat = shape.centroid.y
    stretch = max(math.cos(math.radians(lat)), 1e-6)
    # Buffered where a degree is as long both ways.
    square = shapely.transform(shape, lambda xy: xy * [stretch, 1.0])
    wide = shapely.buffer(square, MARGIN_M / M_PER_DEGREE, quad_segs=4)
    return shapely.transform(wide, lambda xy: xy / [stretch, 1.0])


@dataclass(frozen=True)
class Crossings:
    """What has changed: pairs that came in and that went out."""

    entered: set[Pair]
    left: set[Pair]


def crossings(
    areas: Areas, subjects: Sequence[str], lon: Floats, lat: Floats, present: set[Pair]
) -> Crossings:
    """Compare where subjects are now (one position each) with where they were `present`.

    Who is not among `subjects` stays where it was.
    """
    if not len(subjects):
        return Crossings(set(), set())
    names = [a.key for a in areas.areas]
    only = [a.only for a in areas.areas]
    points, hits = areas.inside(lon, lat) if names else ((), ())
    inside = {
        (subjects[p], names[a])
        for p, a in zip(_list(points), _list(hits), strict=True)
        if only[a] is None or only[a] == subjects[p]
    }
    entered = inside - present
    seen = set(subjects)
    doubtful = [pair for pair in present if pair[0] in seen and pair not in inside]
    left: set[Pair] = set()
    if doubtful:
        at = {s: i for i, s in enumerate(subjects)}
        held = [pair for pair in doubtful if pair[1] in areas.of]
        left = set(doubtful) - set(held)  # the area itself is gone
        where = sorted({at[s] for s, _ in held})
        points, hits = areas.near(lon[where], lat[where]) if held else ((), ())
        near = {
            (subjects[where[p]], names[a])
            for p, a in zip(_list(points), _list(hits), strict=True)
        }
        left |= {pair for pair in held if pair not in near}
    return Crossings(entered, left)


def _list(values: Any) -> list[int]:
    return values.tolist() if hasattr(values, "tolist") else list(values)


def dwelt(
    areas: Areas, present: Mapping[Pair, datetime], told: set[Pair], now: datetime
) -> list[Pair]:
    """Who has stayed as long as the area asks and has not been told of."""
    found = []
    for pair, since in present.items():
        area = areas.of.get(pair[1])
        if area is None or area.dwell_s is None or pair in told:
            continue
        if (now - since).total_seconds() >= area.dwell_s:
            found.append(pair)
    return found
