"""Where two named streets meet: "corner of X and Y" as a place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from gis_data.crs import project_array, unproject_array, utm_epsg
from gis_data.places import Street

_SAME_CROSSING_M = 60.0


@dataclass(frozen=True, slots=True)
class Crossing:
    """Two streets meet here; names in alphabetical order."""

    street_a: str
    street_b: str
    lon: float
    lat: float


def crossings(streets: Sequence[Street]) -> list[Crossing]:
    """All places where streets of different names share a point, in order of names.

    The several points at which two dual carriageways meet are one crossing; streets that meet again
    further on meet in two crossings. Bridges share no point with what they cross.
    """
    named = [s for s in streets if s.name]
    if not named:
        return []
    at: dict[tuple[int, int], set[str]] = defaultdict(set)
    for street in named:
        for lon, lat in np.asarray(street.geometry.coords, dtype=float)[:, :2]:
            at[round(lon * 1e7), round(lat * 1e7)].add(street.name)
    points: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for (lon, lat), names in at.items():
        ordered = sorted(names)
        for i, first in enumerate(ordered):
            for second in ordered[i + 1 :]:
                points[first, second].append((lon / 1e7, lat / 1e7))
    if not points:
        return []
    epsg = utm_epsg(*next(iter(points.values()))[0])
    found = []
    for (first, second), where in sorted(points.items()):
        xy = project_array(sorted(where), epsg)
        blobs = shapely.union_all(shapely.buffer(shapely.points(xy), _SAME_CROSSING_M / 2))
        for blob in getattr(blobs, "geoms", [blobs]):
            inside = xy[shapely.covers(blob, shapely.points(xy))]
            lon, lat = unproject_array([inside.mean(axis=0)], epsg)[0]
            found.append(Crossing(first, second, round(float(lon), 7), round(float(lat), 7)))
    return found
