"""The drainage network: a directed network of its own that never mixes with drinking water.

Coordinates are (lon, lat) in EPSG:4326; levels, depths and lengths in metres, diameters in
millimetres, slopes as metres of fall per metre.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from shapely.geometry import LineString

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
