"""Coordinate systems as files declare them, and whether the coordinates can be in them."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
from pyproj import CRS, Proj, Transformer
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_crs_info
from pyproj.exceptions import CRSError, ProjError

from gis_data.crs import utm_epsg
from gis_data.importing.values import Declared, ImportRefused

Bounds = tuple[float, float, float, float]

WGS84 = Declared(4326, "WGS 84", "standard")
_MERCATOR = {3857, 900913, 3785, 102100, 102113}
_CODE = re.compile(r"EPSG:(?::|\d+(?:\.\d+)*:)?(\d{4,6})$", re.IGNORECASE)
#: A place this far outside the city (share of its width, and degrees) is outside its extent.
_MARGIN_SHARE, _MARGIN_DEG = 0.25, 0.02
_MOST_CANDIDATES = 6


def declared(value: Any, source: Any, hints: tuple[int, ...] = ()) -> Declared | None:
    """The system named by an EPSG number, "EPSG:n", an OGC name, a proj4 text or WKT; None if none.

    Errors: ImportRefused on "crs" for a number nobody knows.
    """
    if value is None or value == "":
        return None
    text = str(value).strip()
    if text.upper().endswith("CRS84"):
        return replace(WGS84, source=source)
    code = _CODE.search(text)
    number = int(text) if text.isdigit() else int(code.group(1)) if code else None
    if number in _MERCATOR:
        number = 3857
    try:
        crs = CRS.from_epsg(number) if number is not None else CRS.from_user_input(text)
    except (CRSError, ValueError, TypeError, OverflowError) as error:
        if source == "given":
            raise ImportRefused(
                "crs", "unknown_crs", f"{text[:60]!r} is not a known coordinate system",
                {"crs": text[:60]},
            ) from error  # fmt: skip
        return None
    if number is None:
        number = epsg_of(crs)
    return Declared(number, crs.name, source, "" if number else crs.to_wkt(), hints)


def epsg_of(crs: CRS) -> int | None:
    """The EPSG number of a system written out in words, as .prj files do."""
    for sure in (70, 25):
        try:
            number = crs.to_epsg(sure)
        except (CRSError, ProjError):
            return None
        if number is not None:
            return int(number)
    return None


class System:
    """A coordinate system ready to turn a file's coordinates into lon/lat."""

    def __init__(self, crs: CRS) -> None:
        self.crs = crs
        self._to = Transformer.from_crs(crs, 4326, always_xy=True)

    @classmethod
    def of(cls, declared: Declared) -> System:
        if declared.epsg is not None:
            return cls(CRS.from_epsg(declared.epsg))
        return cls(CRS.from_wkt(declared.wkt))

    def lonlat(self, xy: Any) -> Any:
        """Array (n, 2) in the file's coordinates -> (n, 2) lon/lat, inf where it has none."""
        points = np.asarray(xy, dtype=float).reshape(-1, 2)
        with np.errstate(all="ignore"):
            lon, lat = self._to.transform(points[:, 0], points[:, 1])
        out = np.column_stack([lon, lat])
        wrong = ~np.isfinite(out).all(axis=1) | (np.abs(out[:, 0]) > 180) | (
            np.abs(out[:, 1]) > 90
        )  # fmt: skip
        out[wrong] = np.inf
        return out

    def area(self) -> Bounds | None:
        """West, south, east, north of the area it is made for; None for the whole earth."""
        area = self.crs.area_of_use
        if area is None or area.west > area.east or self.crs.to_epsg() == 3857:
            return None
        return (area.west - 1, area.south - 1, area.east + 1, area.north + 1)


def widened(bounds: Bounds) -> Bounds:
    """The city's extent with room for a works outside it."""
    west, south, east, north = bounds
    dx = max(_MARGIN_DEG, _MARGIN_SHARE * (east - west))
    dy = max(_MARGIN_DEG, _MARGIN_SHARE * (north - south))
    return west - dx, south - dy, east + dx, north + dy


def inside(lonlat: Any, bounds: Bounds | None) -> Any:
    """Boolean array: finite, and inside the bounds if there are any."""
    good = np.isfinite(lonlat).all(axis=1)
    if bounds is not None:
        west, south, east, north = bounds
        with np.errstate(invalid="ignore"):
            good &= (lonlat[:, 0] >= west) & (lonlat[:, 0] <= east)
            good &= (lonlat[:, 1] >= south) & (lonlat[:, 1] <= north)
    return good


def check_system(
    declared: Declared, xy: Any, city: Bounds | None, *, layer: str = ""
) -> System:
    """The system, if at least half of the finite coordinates can be in it.

    `city` is the expected extent in lon/lat. Errors: ImportRefused on "crs" that names systems
    which would fit, swapped axes, feet for metres, or degrees taken for metres.
    """
    system = System.of(declared)
    points = np.asarray(xy, dtype=float).reshape(-1, 2)
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return system
    label = f"EPSG:{declared.epsg}" if declared.epsg else declared.name
    hinted = [h for h in declared.hints if h != declared.epsg]
    area = widened(city) if city is not None else system.area()
    fits = _share(system, points, area) >= 0.5
    if fits and not (hinted and city is None and _elsewhere(system, hinted, points)):
        return system
    point = np.median(points, axis=0)
    found = candidates(points, city, hinted)
    params: dict[str, Any] = {
        "crs": label, "layer": layer, "x": float(point[0]), "y": float(point[1]),
        "candidates": list(found),
    }  # fmt: skip
    # Where the file itself gives the answer there is nothing to guess.
    about, code = ("", "crs_outside") if found and hinted else _explain(system, points, area)
    what = "outside the city" if city is not None else "outside the area it is made for"
    if fits:
        what, code = "but the file names another system beside it", "crs_contradiction"
    hint = f" {about}" if about else ""
    if found:
        hint += " These would fit: " + ", ".join(f"EPSG:{e} ({_name(e)})" for e in found) + "."
    raise ImportRefused(
        "crs", code,
        f"declared as {label} ({declared.name}), but ({point[0]:g}, {point[1]:g}) would then lie "
        f"{what}.{hint}" if not fits else
        f"declared as {label} ({declared.name}), {what}.{hint}",
        params, candidates=found,
    )  # fmt: skip


def _share(system: System, points: Any, area: Bounds | None) -> float:
    return float(np.mean(inside(system.lonlat(points), area)))


def _elsewhere(system: System, hinted: list[int], points: Any) -> bool:
    """Whether another system the file names puts the points somewhere quite different."""
    point = np.median(points, axis=0)
    here = system.lonlat(point)[0]
    for epsg in hinted:
        there = System(CRS.from_epsg(epsg)).lonlat(point)[0]
        if not np.isfinite(there).all() or float(np.abs(here - there).max()) > 0.01:
            return True
    return False


def _explain(system: System, points: Any, area: Bounds | None) -> tuple[str, str]:
    """The usual mistakes, tried in turn: a sentence and a code."""
    swapped = points[:, ::-1]
    if _share(system, swapped, area) >= 0.5:
        return "With its axes swapped (north before east) it would fit.", "crs_axes_swapped"
    degrees = bool(np.all(np.abs(points) <= [180, 90]))
    if degrees and not system.crs.is_geographic:
        return "The coordinates look like degrees: EPSG:4326?", "crs_degrees"
    if not degrees and system.crs.is_geographic:
        return "The coordinates are no degrees.", "crs_not_degrees"
    if area is not None and system.crs.is_projected:
        for factor, words in ((0.3048, "feet"), (1 / 0.3048, "metres"), (0.001, "millimetres")):
            if _share(system, points * factor, area) >= 0.5:
                return f"They would fit if they were {words}.", "crs_unit"
    if np.abs(points).max() < 1e5:
        return "They look like a local drawing, not like map coordinates.", "crs_local"
    return "", "crs_outside"


def candidates(points: Any, city: Bounds | None, hinted: list[int]) -> tuple[int, ...]:
    """EPSG numbers that put the points into the city, or into their own area if it is unknown."""
    found: list[int] = []
    sample = points[:: max(1, len(points) // 50)]
    for epsg in hinted:
        system = System(CRS.from_epsg(epsg))
        if _share(system, sample, widened(city) if city else system.area()) >= 0.5:
            found.append(epsg)
    if city is None:
        return tuple(found)
    area = AreaOfInterest(*city)
    infos = query_crs_info("EPSG", ["PROJECTED_CRS"], area_of_interest=area)
    middle = ((city[0] + city[2]) / 2, (city[1] + city[3]) / 2)
    scored: list[tuple[float, int]] = []
    for info in infos:
        use = info.area_of_use
        if info.deprecated or use is None or int(info.code) in found:
            continue
        width = (use.east - use.west) % 360 or 360
        # Systems of a continent or of the earth; nobody surveys in them, but the web draws in one.
        if width > 40 and int(info.code) != 3857:
            continue
        if _projected_share(int(info.code), sample, widened(city)) >= 0.5:
            centre = abs((use.east + use.west) / 2 - middle[0])
            scored.append((width + centre, int(info.code)))
    if _share(System(CRS.from_epsg(4326)), sample, widened(city)) >= 0.5:
        found.append(4326)
    for _, epsg in sorted(scored):
        if epsg not in found:
            found.append(epsg)
    return tuple(found[:_MOST_CANDIDATES])


def _projected_share(epsg: int, points: Any, area: Bounds) -> float:
    """As `_share`, without the shift between datums: a hundred metres matter little here."""
    try:
        lon, lat = Proj(CRS.from_epsg(epsg))(points[:, 0], points[:, 1], inverse=True)
    except (CRSError, ProjError):
        return 0.0
    return float(np.mean(inside(np.column_stack([lon, lat]), area)))


def _name(epsg: int) -> str:
    return str(CRS.from_epsg(epsg).name)


def measuring_epsg(system: System, lonlat: Any, wanted: int | None) -> int:
    """The projected system to measure in: the wanted one, the file's own, or the local UTM zone.

    Web Mercator and degrees store positions and measure nothing.
    """
    epsg = wanted if wanted is not None else system.crs.to_epsg()
    if epsg is not None and epsg != 3857:
        crs = CRS.from_epsg(epsg)
        if crs.is_projected:
            return int(epsg)
    if wanted is not None:
        raise ImportRefused(
            "crs_measure", "not_measuring", f"EPSG:{wanted} cannot measure lengths",
            {"crs": wanted},
        )  # fmt: skip
    middle = np.median(lonlat[np.isfinite(lonlat).all(axis=1)], axis=0)
    if not all(math.isfinite(v) for v in middle):
        raise ImportRefused("geometry", "no_geometry", "no record has a usable geometry")
    return utm_epsg(float(middle[0]), float(middle[1]))
