"""Find the main a point belongs to: the foot on the pipe, how far along, how far away."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely

from gis_data.crs import project, project_geometries, unproject_array
from gis_data.model import Network, NetworkError

_AMBIGUOUS_M = 5.0
_AMBIGUOUS_RATIO = 1.2
_ROUND_THE_CITY_M = 2000.0


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

    def __init__(self, network: Network) -> None:
        self._epsg = network.crs_measure
        self._pipes = [
            p
            for p in network.pipes.values()
            if p.role == "distribution" and not p.geometry.is_empty
        ]
        self._shapes = project_geometries([p.geometry for p in self._pipes], self._epsg)
        self._tree = shapely.STRtree(self._shapes)
        self._service = {s.premise: s.pipe for s in network.services.values()}
        self._bounds = tuple(shapely.total_bounds(self._shapes)) if self._pipes else None

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
        point = shapely.Point(x, y)
        near = self._tree.query(point, predicate="dwithin", distance=radius_m)
        if not len(near):
            return SnapHits([], ambiguous=False)
        distances = shapely.distance(self._shapes[near], point)
        served = self._service.get(premise, "")
        wanted = street.casefold()

        def rank(k: int) -> tuple[int, float, str]:
            pipe = self._pipes[int(near[k])]
            if served and pipe.id == served:
                order = 0
            else:
                order = 1 if wanted and pipe.street.casefold() == wanted else 2
            return order, round(float(distances[k]), 4), pipe.id

        ranked = sorted((rank(k), k) for k in range(len(near)))
        reasons = ("service", "street", "distance")
        best = ranked[: max(limit, 2)]
        hits = self._hits(
            [int(near[k]) for _, k in best],
            point,
            [float(distances[k]) for _, k in best],
            [reasons[order] for (order, _, _), _ in best],
        )
        return SnapHits(hits[:limit], ambiguous=_ambiguous(hits))

    def _hits(
        self, found: list[int], point: shapely.Point, distances: list[float], reasons: list[str]
    ) -> list[SnapHit]:
        shapes = self._shapes[found]
        measures = shapely.line_locate_point(shapes, point, normalized=True)
        feet = shapely.line_interpolate_point(shapes, measures, normalized=True)
        lonlat = unproject_array(shapely.get_coordinates(feet), self._epsg)
        return [
            SnapHit(p.id, float(at[0]), float(at[1]), float(m), d, p.street, reason)
            for p, at, m, d, reason in zip(
                [self._pipes[k] for k in found], lonlat, measures, distances, reasons, strict=True
            )
        ]

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
