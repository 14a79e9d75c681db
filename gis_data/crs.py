"""Coordinate systems: measuring in metres, and the shifted coordinates of Chinese map services.

Storage is (lon, lat) in EPSG:4326. Measuring happens in a projected system named by its EPSG
number, never in Web Mercator, which overstates lengths by a fifth at the latitude of Xi'an.
GCJ-02 and BD-09 exist only at the edge, as `Position` values that carry their datum, so that the
shift can be applied neither twice nor outside China.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError as ProjCrsError
from shapely.geometry import Point, Polygon
from shapely.geometry.base import BaseGeometry

Datum = Literal["wgs84", "gcj02", "bd09"]
Geometry = TypeVar("Geometry", bound=BaseGeometry)
LonLat = tuple[float, float]

_WEB_MERCATOR = {3857, 900913, 3785}
_local = threading.local()


class CoordinateError(ValueError):
    """A coordinate or coordinate system cannot be used; `field` names which."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


def measuring_system(epsg: int) -> CRS:
    """The projected metric system of this EPSG number.

    Errors: CoordinateError for an unknown number, a system in degrees, or Web Mercator.
    """
    try:
        crs = CRS.from_epsg(epsg)
    except (ProjCrsError, ValueError, TypeError, OverflowError) as error:
        raise CoordinateError("crs", f"EPSG:{epsg} is not a known coordinate system") from error
    if epsg in _WEB_MERCATOR:
        raise CoordinateError(
            "crs",
            "Web Mercator must not be used to measure; name the local "
            "projected system of the utility",
        )
    if not crs.is_projected:
        raise CoordinateError(
            "crs",
            f"EPSG:{epsg} ({crs.name}) is not a projected system, lengths cannot be measured in it",
        )
    return crs


def _transformers(epsg: int) -> tuple[Transformer, Transformer, float]:
    cache: dict[int, tuple[Transformer, Transformer, float]]
    cache = _local.__dict__.setdefault("cache", {})
    if epsg not in cache:
        crs = measuring_system(epsg)
        unit = float(crs.axis_info[0].unit_conversion_factor)
        cache[epsg] = (
            Transformer.from_crs(4326, crs, always_xy=True),
            Transformer.from_crs(crs, 4326, always_xy=True),
            unit,
        )
    return cache[epsg]


def project_array(lonlat: Any, epsg: int) -> Any:
    """Array of shape (n, 2), lon and lat in degrees -> x and y in metres."""
    forward, _, unit = _transformers(epsg)
    points = np.asarray(lonlat, dtype=float).reshape(-1, 2)
    x, y = forward.transform(points[:, 0], points[:, 1])
    return np.column_stack([x, y]) * unit


def unproject_array(xy: Any, epsg: int) -> Any:
    """Array of shape (n, 2), x and y in metres -> lon and lat in degrees."""
    _, backward, unit = _transformers(epsg)
    points = np.asarray(xy, dtype=float).reshape(-1, 2) / unit
    lon, lat = backward.transform(points[:, 0], points[:, 1])
    return np.column_stack([lon, lat])


def project(lon: float, lat: float, epsg: int) -> tuple[float, float]:
    """(lon, lat) in degrees -> (x, y) in metres of the projected system."""
    check_lonlat(lon, lat)
    x, y = project_array([(lon, lat)], epsg)[0]
    return float(x), float(y)


def unproject(x: float, y: float, epsg: int) -> LonLat:
    """(x, y) in metres of the projected system -> (lon, lat) in degrees."""
    lon, lat = unproject_array([(x, y)], epsg)[0]
    return float(lon), float(lat)


def project_geometry(geometry: Geometry, epsg: int) -> Geometry:
    """A shapely geometry in lon/lat -> the same in metres."""
    projected: Geometry = shapely.transform(geometry, lambda c: project_array(c, epsg))
    return projected


def unproject_geometry(geometry: Geometry, epsg: int) -> Geometry:
    """A shapely geometry in metres -> the same in lon/lat."""
    back: Geometry = shapely.transform(geometry, lambda c: unproject_array(c, epsg))
    return back


def project_geometries(geometries: Any, epsg: int) -> Any:
    """An array of shapely geometries in lon/lat -> the array in metres, in one pass."""
    array = np.asarray(geometries, dtype=object)
    return shapely.transform(array, lambda c: project_array(c, epsg))


def unproject_geometries(geometries: Any, epsg: int) -> Any:
    """An array of shapely geometries in metres -> the array in lon/lat, in one pass."""
    array = np.asarray(geometries, dtype=object)
    return shapely.transform(array, lambda c: unproject_array(c, epsg))


def utm_epsg(lon: float, lat: float) -> int:
    """EPSG number of the UTM zone (WGS 84) that holds the position."""
    check_lonlat(lon, lat)
    zone = min(60, int((lon + 180) // 6) + 1)
    return (32600 if lat >= 0 else 32700) + zone


def check_lonlat(lon: float, lat: float) -> None:
    """Raise CoordinateError unless both are finite and in range, with a hint if swapped."""
    for field, value in (("lon", lon), ("lat", lat)):
        if not math.isfinite(value):
            raise CoordinateError(field, "not a finite number")
    if abs(lat) > 90:
        hint = "; longitude and latitude look swapped" if abs(lon) <= 90 else ""
        raise CoordinateError("lat", f"{lat:g} is outside -90..90{hint}")
    if abs(lon) > 180:
        raise CoordinateError("lon", f"{lon:g} is outside -180..180")


def is_plausible(x: float, y: float, epsg: int, *, margin_deg: float = 1.0) -> bool:
    """Whether (x, y), in the system's own units, lies in the area the system is made for."""
    try:
        check_projected([(x, y)], epsg, margin_deg=margin_deg)
    except CoordinateError:
        return False
    return True


def check_projected(xy: Any, epsg: int, *, margin_deg: float = 1.0) -> Any:
    """Array (n, 2) in the system's own units -> lon/lat (n, 2).

    Errors: CoordinateError with a hint when a point cannot belong to that system.
    """
    crs = measuring_system(epsg)
    unit = float(crs.axis_info[0].unit_conversion_factor)
    points = np.asarray(xy, dtype=float).reshape(-1, 2)
    lonlat = unproject_array(points * unit, epsg)
    area = crs.area_of_use
    good = np.isfinite(points).all(axis=1) & np.isfinite(lonlat).all(axis=1)
    if area is not None:
        west, east = area.west - margin_deg, area.east + margin_deg
        good &= (lonlat[:, 1] >= area.south - margin_deg) & (
            lonlat[:, 1] <= area.north + margin_deg
        )
        if area.west <= area.east:
            good &= (lonlat[:, 0] >= west) & (lonlat[:, 0] <= east)
    if not good.all():
        x, y = points[int(np.argmin(good))]
        raise CoordinateError(
            "crs",
            f"{int((~good).sum())} of {len(points)} coordinates, for instance ({x:g}, "
            f"{y:g}), cannot be in EPSG:{epsg} ({crs.name}). {_hint(float(x), float(y))}",
        )
    return lonlat


def _hint(x: float, y: float) -> str:
    if not (math.isfinite(x) and math.isfinite(y)):
        return "A coordinate is not a number."
    if abs(x) <= 180 and abs(y) <= 90:
        return (
            "They look like degrees or like a drawing without a coordinate system: give the "
            "system the file was drawn in."
        )
    if abs(x) < 1e5 and abs(y) < 1e5:
        return "They look like a local drawing, not like map coordinates."
    return "Was another zone or another system meant, or are the axes swapped?"


# --- shifted coordinates of Chinese map services ------------------------------------------------

# A coarse outline of the mainland, good to some tens of kilometres: enough to refuse a shift for
# Seoul, Hanoi or Helsinki. (lon, lat)
_CHINA = Polygon(
    [
        (73.5, 39.4),
        (74.9, 37.2),
        (78.0, 35.4),
        (78.8, 32.5),
        (81.2, 30.0),
        (86.0, 27.9),
        (88.9, 27.3),
        (92.0, 26.9),
        (97.4, 28.2),
        (97.6, 24.0),
        (99.3, 22.1),
        (101.6, 21.1),
        (105.3, 23.2),
        (106.7, 22.0),
        (108.1, 21.3),
        (108.3, 18.2),
        (110.5, 17.9),
        (113.6, 21.6),
        (114.6, 22.5),
        (119.3, 24.8),
        (122.6, 29.5),
        (122.6, 37.3),
        (121.0, 39.0),
        (124.3, 39.8),
        (126.9, 41.7),
        (130.8, 42.4),
        (131.3, 45.0),
        (135.2, 48.4),
        (131.0, 47.9),
        (127.3, 50.6),
        (123.6, 53.7),
        (120.0, 52.8),
        (116.6, 49.9),
        (119.9, 46.8),
        (111.8, 45.1),
        (111.0, 43.3),
        (105.0, 41.5),
        (97.0, 42.7),
        (91.0, 45.2),
        (87.8, 49.2),
        (85.5, 47.1),
        (82.3, 45.5),
        (80.2, 42.2),
        (76.8, 40.6),
    ]
)
_AXIS = 6378245.0
_ECCENTRICITY2 = 0.00669342162296594323


@dataclass(frozen=True, slots=True)
class Position:
    """A position that knows its datum: `wgs84` (GPS, storage), `gcj02` or `bd09`."""

    lon: float
    lat: float
    datum: Datum = "wgs84"


def in_china(lon: float, lat: float) -> bool:
    """Whether the shifted datums apply here (coarse outline of the mainland)."""
    check_lonlat(lon, lat)
    return bool(_CHINA.covers(Point(lon, lat)))


def convert(position: Position, datum: Datum) -> Position:
    """The same place in another datum; asking for the datum it has already changes nothing.

    Errors: CoordinateError outside China, where no shift exists.
    """
    if position.datum == datum:
        return position
    if datum not in ("wgs84", "gcj02", "bd09"):
        raise CoordinateError("datum", f"{datum!r} is not one of wgs84, gcj02, bd09")
    if position.datum == "wgs84":
        lon, lat = wgs84_to_gcj02(position.lon, position.lat)
        return convert(Position(lon, lat, "gcj02"), datum)
    if position.datum == "gcj02":
        if datum == "bd09":
            return Position(*gcj02_to_bd09(position.lon, position.lat), "bd09")
        return Position(*gcj02_to_wgs84(position.lon, position.lat), "wgs84")
    lon, lat = bd09_to_gcj02(position.lon, position.lat)
    return convert(Position(lon, lat, "gcj02"), datum)


def wgs84_to_gcj02(lon: float, lat: float) -> LonLat:
    """GPS position -> GCJ-02, the public formula."""
    _require_china(lon, lat)
    d_lon, d_lat = _shift(lon, lat)
    return lon + d_lon, lat + d_lat


def gcj02_to_wgs84(lon: float, lat: float) -> LonLat:
    """GCJ-02 -> GPS position by fixed-point iteration; returns within a millionth of a metre."""
    _require_china(lon, lat)
    x, y = lon, lat
    for _ in range(12):
        d_lon, d_lat = _shift(x, y)
        x, y = lon - d_lon, lat - d_lat
    return x, y


def gcj02_to_bd09(lon: float, lat: float) -> LonLat:
    """GCJ-02 -> BD-09."""
    _require_china(lon, lat)
    return _bd_forward(lon, lat)


def bd09_to_gcj02(lon: float, lat: float) -> LonLat:
    """BD-09 -> GCJ-02 by fixed-point iteration."""
    _require_china(lon, lat)
    x, y = lon - 0.0065, lat - 0.006
    for _ in range(12):
        fx, fy = _bd_forward(x, y)
        x, y = x + lon - fx, y + lat - fy
    return x, y


def _bd_forward(lon: float, lat: float) -> LonLat:
    z = math.hypot(lon, lat) + 0.00002 * math.sin(lat * math.pi * 3000.0 / 180.0)
    theta = math.atan2(lat, lon) + 0.000003 * math.cos(lon * math.pi * 3000.0 / 180.0)
    return z * math.cos(theta) + 0.0065, z * math.sin(theta) + 0.006


def _require_china(lon: float, lat: float) -> None:
    if not in_china(lon, lat):
        raise CoordinateError(
            "lon,lat", f"({lon:g}, {lat:g}) is not in China; GCJ-02 and BD-09 do not exist there"
        )


def _shift(lon: float, lat: float) -> LonLat:
    x, y = lon - 105.0, lat - 35.0
    root = math.sqrt(abs(x))
    wave = 20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)
    d_lat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    d_lat += (
        (
            wave
            + 20.0 * math.sin(y * math.pi)
            + 40.0 * math.sin(y / 3.0 * math.pi)
            + 160.0 * math.sin(y / 12.0 * math.pi)
            + 320.0 * math.sin(y * math.pi / 30.0)
        )
        * 2.0
        / 3.0
    )
    d_lon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    d_lon += (
        (
            wave
            + 20.0 * math.sin(x * math.pi)
            + 40.0 * math.sin(x / 3.0 * math.pi)
            + 150.0 * math.sin(x / 12.0 * math.pi)
            + 300.0 * math.sin(x / 30.0 * math.pi)
        )
        * 2.0
        / 3.0
    )
    rad = math.radians(lat)
    magic = 1 - _ECCENTRICITY2 * math.sin(rad) ** 2
    d_lat = d_lat * 180.0 / ((_AXIS * (1 - _ECCENTRICITY2)) / (magic * math.sqrt(magic)) * math.pi)
    d_lon = d_lon * 180.0 / (_AXIS / math.sqrt(magic) * math.cos(rad) * math.pi)
    return d_lon, d_lat
