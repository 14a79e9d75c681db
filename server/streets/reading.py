"""What people and programs send about streets, read and checked: positions, areas, times."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from django.utils.translation import gettext as _
from shapely import Point, Polygon
from shapely.errors import GEOSException
from shapely.geometry import shape

from routing.errors import BadCoordinate, OffNetwork
from routing.index import StreetIndex
from routing.model import M_PER_DEGREE, Snap
from server.accounts.moments import parse_moment
from server.accounts.refusals import Refused
from server.network.selectors import check_position

MOST_POINTS = 5_000
MOST_RADIUS_M = 20_000.0


def position(text: str, name: str) -> tuple[float, float]:
    """ "lon,lat" as two numbers. Refused, naming the field.

    Whether they are a place of this city is asked where it is not near a street (`placed`): the
    streets know at once, the border takes a question to the database.
    """
    if not text.strip():
        raise Refused(name, "required", _("Say where: lon,lat in degrees."))
    lon, comma, lat = text.partition(",")
    try:
        place = float(lon), float(lat)
    except ValueError:
        comma = ""
    if not comma or not all(map(math.isfinite, place)):
        raise Refused(name, "not_a_position", _("A position is two numbers in degrees: lon,lat."))
    return place


def placed(index: StreetIndex, place: tuple[float, float], name: str) -> Snap:
    """The place on the street next to a position. Refused as `check_position`, "off_network"."""
    try:
        return index.snap(*place)
    except BadCoordinate as error:
        check_position(*place, name)
        raise Refused(name, "not_a_position", str(error)) from error
    except OffNetwork as error:
        check_position(*place, name)
        raise Refused(
            name, "off_network",
            _("There is no street near that place: the nearest is %(m)s m away.")
            % {"m": round(error.distance_m)},
            distance_m=round(error.distance_m, 1),
        ) from error  # fmt: skip


def whole(text: str | None, name: str, low: int, high: int, usual: int) -> int:
    """A whole number between two bounds; `usual` where nothing was said. Refused."""
    if text in (None, ""):
        return usual
    try:
        number = int(str(text))
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise Refused(
            name, "out_of_range",
            _("Give a whole number from %(low)s to %(high)s.") % {"low": low, "high": high},
        )  # fmt: skip
    return number


def number(value: Any, name: str) -> float | None:
    """A number of a JSON body; None for none. Refused."""
    if value in (None, ""):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise Refused(name, "malformed", _("Give a number."))
    return found


def edges(value: Any) -> list[tuple[int, int, int]]:
    """[[from node, to node, key], …] of a JSON body, at most 500; none for None. Refused."""
    if value is None:
        return []
    wrong = Refused("edges", "malformed", _("The file of streets has no such stretch of street."))
    if not isinstance(value, list) or len(value) > 500:
        raise wrong
    try:
        return [(int(u), int(v), int(key)) for u, v, key in value]
    except (TypeError, ValueError, OverflowError):
        raise wrong from None


def minutes(text: str) -> list[float]:
    """ "5,10,15" as rising seconds; 15 minutes where nothing was said. Refused ('minutes')."""
    words = [word for word in text.split(",") if word.strip()] or ["15"]
    try:
        found = sorted({float(word) for word in words})
    except ValueError:
        found = []
    if not found or len(found) > 6 or not all(0 < m <= 240 for m in found):
        raise Refused("minutes", "out_of_range", _("Give up to six times from 1 to 240 minutes."))
    return [60.0 * m for m in found]


def moment(value: Any, name: str) -> datetime | None:
    """An ISO time as a time with its zone (the utility's where none is said); None for none."""
    if value in (None, ""):
        return None
    found = parse_moment(str(value))
    if found is None:
        raise Refused(name, "malformed", _("Write a time like 2026-05-01T14:30."))
    return found


def area(data: Mapping[str, Any]) -> shapely.Geometry | None:
    """The area of a request: `area` (GeoJSON polygon) or `centre` [lon, lat] with `radius_m`.

    None where neither is there. Refused ('area', 'centre', 'radius_m').
    """
    if data.get("area") is not None:
        return polygon(data["area"])
    if data.get("centre") is None:
        return None
    return circle(pair(data["centre"], "centre"), data.get("radius_m"))


def pair(value: Any, name: str) -> tuple[float, float]:
    """[lon, lat] or "lon,lat" of a JSON body. Refused."""
    if isinstance(value, str):
        return check_position(*position(value, name), name)
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise Refused(name, "not_a_position", _("A position is two numbers in degrees: lon,lat."))
    return check_position(value[0], value[1], name)


def polygon(value: Any) -> shapely.Geometry:
    """A GeoJSON Polygon or MultiPolygon in (lon, lat) that can be closed. Refused ('area')."""
    wrong = _("Draw an area of at least three corners that does not cross itself.")
    try:
        found = shape(value)
        points = shapely.get_coordinates(found)
    except (TypeError, ValueError, KeyError, AttributeError, GEOSException):
        raise Refused("area", "malformed", wrong) from None
    if found.geom_type not in ("Polygon", "MultiPolygon") or found.is_empty:
        raise Refused("area", "malformed", wrong)
    if len(points) > MOST_POINTS:
        raise Refused("area", "too_large", _("That area has too many corners."))
    if not np.isfinite(points).all():
        raise Refused("area", "malformed", wrong)
    if not found.is_valid:
        raise Refused("area", "crosses_itself", wrong)
    return shapely.force_2d(found)


def circle(centre: tuple[float, float], radius: Any) -> Polygon:
    """The ground within `radius` metres of a place. Refused ('radius_m')."""
    try:
        metres = float(radius)
    except (TypeError, ValueError):
        metres = math.nan
    if not 1 <= metres <= MOST_RADIUS_M:
        raise Refused(
            "radius_m", "out_of_range",
            _("Give a radius from %(low)s to %(high)s m.") % {"low": 1, "high": int(MOST_RADIUS_M)},
        )  # fmt: skip
    squeeze = math.cos(math.radians(centre[1]))
    corners = shapely.get_coordinates(Point(0, 0).buffer(metres / M_PER_DEGREE, quad_segs=12))
    return Polygon(corners / [squeeze, 1.0] + centre)
