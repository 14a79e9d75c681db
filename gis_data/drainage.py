"""The drainage network: a directed network of its own that never mixes with drinking water.

Coordinates are (lon, lat) in EPSG:4326; levels, depths and lengths in metres, diameters in
millimetres, slopes as metres of fall per metre.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf
from typing import Literal

from shapely.geometry import LineString

from gis_data.model import UnknownElement

Carries = Literal["foul", "storm", "combined"]
ManholeKind = Literal["manhole", "gully", "pump", "outfall"]


@dataclass(frozen=True, slots=True)
class Manhole:
    """A place where sewers meet: `ground_m` is its cover, `invert_m` the bottom of the channel."""

    id: str
    lon: float
    lat: float
    ground_m: float
    invert_m: float
    kind: ManholeKind = "manhole"


@dataclass(frozen=True, slots=True)
class Sewer:
    """A sewer main; water runs from manhole `start` to manhole `end`."""

    id: str
    start: str
    end: str
    geometry: LineString
    length_m: float
    diameter_mm: float
    material: str = ""
    year: int | None = None
    carries: Carries = "foul"
    invert_start_m: float | None = None
    invert_end_m: float | None = None
    street: str = ""

    @property
    def slope(self) -> float | None:
        """Fall per metre, negative where it runs uphill; None where the levels are not known."""
        if self.invert_start_m is None or self.invert_end_m is None or self.length_m <= 0:
            return None
        return (self.invert_start_m - self.invert_end_m) / self.length_m


@dataclass(frozen=True)
class Drainage:
    """Sewers and manholes; each maps id to value."""

    crs_measure: int
    manholes: Mapping[str, Manhole] = field(default_factory=dict)
    sewers: Mapping[str, Sewer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """Sewers and manholes met from `target` on, nearest first, with the length of the sewers.

    `ends`: where the water leaves the network (downstream), or where it begins (upstream).
    """

    target: str
    sewers: tuple[str, ...]
    manholes: tuple[str, ...]
    length_m: float
    ends: tuple[str, ...]


def downstream(drainage: Drainage, target: str) -> Run:
    """Where the water of a sewer or manhole runs to. Errors: UnknownElement."""
    return _run(drainage, target, forward=True)


def upstream(drainage: Drainage, target: str) -> Run:
    """What runs into a sewer or manhole, and so backs up when it is blocked.

    Errors: UnknownElement.
    """
    return _run(drainage, target, forward=False)


def _run(drainage: Drainage, target: str, *, forward: bool) -> Run:
    """Breadth first by metres of sewer; the target itself is not counted."""
    away: dict[str, list[Sewer]] = {}
    for sewer in drainage.sewers.values():
        away.setdefault(sewer.start if forward else sewer.end, []).append(sewer)
    if target in drainage.sewers:
        first = drainage.sewers[target]
        begin = first.end if forward else first.start
    elif target in drainage.manholes:
        begin = target
    else:
        raise UnknownElement(target)
    met: dict[str, float] = {begin: 0.0}
    sewers: dict[str, None] = {}
    queue = [(0.0, begin)]
    while queue:
        far, here = heappop(queue)
        if far > met[here]:
            continue
        for sewer in away.get(here, ()):
            sewers.setdefault(sewer.id)
            there = sewer.end if forward else sewer.start
            reached = far + sewer.length_m
            if reached < met.get(there, inf):
                met[there] = reached
                heappush(queue, (reached, there))
    # In a ring (which no gravity makes, but records do) the target meets itself again.
    sewers.pop(target, None)
    order = sorted(met, key=lambda name: (met[name], name))
    return Run(
        target, tuple(sewers), tuple(m for m in order if m != target),
        round(sum(drainage.sewers[s].length_m for s in sewers), 2),
        tuple(m for m in order if not away.get(m)),
    )  # fmt: skip
