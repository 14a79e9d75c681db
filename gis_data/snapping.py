"""Find the main a point belongs to: the foot on the pipe, how far along, how far away."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gis_data.compiled.columns import NetworkArrays
from gis_data.compiled.grid import Grid, nearest_pipes
from gis_data.compiled.index import SegmentIndex
from gis_data.compiled.kernels import group
from gis_data.crs import project, unproject_array
from gis_data.model import Network, NetworkError

_AMBIGUOUS_M = 5.0
_AMBIGUOUS_RATIO = 1.2
_ROUND_THE_CITY_M = 2000.0
_REASONS = ("service", "street", "distance")
_NO_STREET = np.zeros(0, bool)


class SnapError(NetworkError):
    """The point cannot be snapped because it is no place in this network's city."""


@dataclass(frozen=True, slots=True)
class SnapHit:
    """A main near the point. `measure`: 0..1 from the pipe's start; `lon`, `lat`: the foot."""

    pipe: str
    lon: float
    lat: float
    measure: float
    distance_m: float
    street: str = ""
    reason: str = "distance"


class SnapHits(list[SnapHit]):
    """Hits, best first. `ambiguous`: the second is nearly as good, so show both."""

    def __init__(self, hits: list[SnapHit], *, ambiguous: bool) -> None:
        super().__init__(hits)
        self.ambiguous = ambiguous


class Snapper:
    """Snaps points to the distribution mains of one network, measured in its projected system."""

    def __init__(self, network: Network | NetworkArrays | SegmentIndex) -> None:
        if isinstance(network, SegmentIndex):
            self.arrays, self.grid = network.arrays, network.grid
        else:
            self.arrays = (
                NetworkArrays.from_network(network) if isinstance(network, Network) else network
            )
            self.grid = Grid.of(self.arrays)
        self._epsg = self.arrays.crs_measure
        west, south, east, north = self.grid.bounds.tolist()
        self._bounds = None if math.isnan(west) else (west, south, east, north)

    def snap(
        self,
        lon: float,
        lat: float,
        radius_m: float = 50.0,
        *,
        premise: str = "",
        street: str = "",
        limit: int = 5,
    ) -> SnapHits:
        """Mains within `radius_m`, best first; empty when there are none.

        Preferred are the main of the premise's service line, then mains of the named street, then
        the nearest. Errors: SnapError (field lon, lat or radius_m) for numbers that are no
        position, swapped axes, or a place outside the city.
        """
        x, y = self._checked(lon, lat, radius_m)
        net, grid = self.arrays, self.grid
        streets = self._in_street(street)
        pipes, standing, distances, measures, feet = nearest_pipes(
            x, y, float(radius_m), max(limit, 2), self._main_of(premise),
            _NO_STREET if streets is None else streets, streets is not None, net.pipe_street,
            grid.box, grid.starts, grid.pieces, grid.pipe_of, grid.rank, net.line_xy,
            net.line_starts,
        )  # fmt: skip
        if not len(pipes):
            return SnapHits([], ambiguous=False)
        lonlat = unproject_array(feet, self._epsg)
        hits = [
            SnapHit(pipe, at[0], at[1], measure, distance, street_name.decode(), _REASONS[order])
            for pipe, at, measure, distance, street_name, order in zip(
                net.names("link", pipes), lonlat.tolist(), measures.tolist(), distances.tolist(),
                net.street_name[net.pipe_street[pipes]].tolist(), standing.tolist(), strict=True,
            )
        ]  # fmt: skip
        return SnapHits(hits[:limit], ambiguous=_ambiguous(hits))

    def _main_of(self, premise: str) -> int:
        """Row of the main that a premise's service line taps; -1 for none to snap to."""
        net = self.arrays
        row = net.row("premise", premise) if premise else -1
        if row < 0:
            return -1
        starts, lines = self._lines
        pipe = int(net.service_link[lines[starts[row + 1] - 1]])
        return pipe if 0 <= pipe < net.pipes and net.pipe_snaps[pipe] else -1

    @cached_property
    def _lines(self) -> tuple[Any, Any]:
        found: tuple[Any, Any] = group(self.arrays.service_premise, len(self.arrays.premise_id))
        return found

    @cached_property
    def _streets(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for k, name in enumerate(self.arrays.street_name.tolist()):
            found.setdefault(name.decode().casefold(), []).append(k)
        return found

    def _in_street(self, street: str) -> Any:
        """Flags of the streets of that name; None where there is none."""
        rows = self._streets.get(street.casefold()) if street else None
        if rows is None:
            return None
        flags = np.zeros(len(self.arrays.street_name), bool)
        flags[rows] = True
        return flags

    def _checked(self, lon: float, lat: float, radius_m: float) -> tuple[float, float]:
        for field, value in (("lon", lon), ("lat", lat)):
            if isinstance(value, bool) or not isinstance(value, (int, float, np.floating)):
                raise SnapError(field, "not a number")
            if not math.isfinite(value):
                raise SnapError(field, "not a finite number")
        if not (math.isfinite(radius_m) and 0 < radius_m <= 5000):
            raise SnapError("radius_m", "must be more than 0 and at most 5000 metres")
        if self._bounds is None:
            raise SnapError("network", "the network has no distribution mains")
        here = self._inside(lon, lat)
        if here is not None:
            return here
        if self._inside(lat, lon) is not None:
            raise SnapError(
                "lon,lat",
                f"({lon:g}, {lat:g}) is outside the city, ({lat:g}, {lon:g})"
                " is inside: longitude and latitude look swapped",
            )
        check = "" if abs(lon) <= 180 and abs(lat) <= 90 else ", nor anywhere on earth"
        raise SnapError("lon,lat", f"({lon:g}, {lat:g}) is not in this city{check}")

    def _inside(self, lon: float, lat: float) -> tuple[float, float] | None:
        """The point in metres if it lies in or near the city."""
        if abs(lon) > 180 or abs(lat) > 90 or self._bounds is None:
            return None
        x, y = project(lon, lat, self._epsg)
        west, south, east, north = self._bounds
        margin = _ROUND_THE_CITY_M
        inside = west - margin <= x <= east + margin and south - margin <= y <= north + margin
        return (x, y) if inside else None


def _ambiguous(hits: list[SnapHit]) -> bool:
    """The second best, of equal standing, is within 5 m or a fifth of the best."""
    if len(hits) < 2 or hits[0].reason != hits[1].reason or hits[0].reason == "service":
        return False
    first, second = hits[0].distance_m, hits[1].distance_m
    return second < first + _AMBIGUOUS_M or second < first * _AMBIGUOUS_RATIO
