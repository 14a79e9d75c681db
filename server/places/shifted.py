"""Coordinates of a Chinese map service sent as if they were GPS.

Map services in China show GCJ-02 (or BD-09 on top of it), which lies some 460 m from WGS 84 at
Xi'an. A number alone does not show it; with the address beside it, it does: the house stands where
the point would be once it is shifted back.
"""

from __future__ import annotations

import math
from typing import Literal

from django.utils.translation import gettext as _

from gis_data.crs import CoordinateError, Position, convert, in_china
from server.accounts.refusals import Refused
from server.places.search import find_places

#: Nearer than this the point is where its address is, whatever its datum.
_FAR_M = 200.0
_HOUSE_M = 80.0
_GRADES = frozenset({"room", "building", "number", "crossing", "asset"})


def check_datum(lon: float, lat: float, address: str, field: str = "place") -> None:
    """Refused ('shifted_datum', with the point put right) where the address says that the
    coordinates are GCJ-02 or BD-09. Silent where nothing can be said.
    """
    if not address.strip() or not in_china(lon, lat):
        return
    known = next((f for f in find_places(address).results if f.grade in _GRADES and f.inside), None)
    if known is None or _metres(lon, lat, known.lon, known.lat) <= _FAR_M:
        return
    datums: tuple[Literal["gcj02", "bd09"], ...] = ("gcj02", "bd09")
    for datum in datums:
        try:
            back = convert(Position(lon, lat, datum), "wgs84")
        except CoordinateError:
            continue
        if _metres(back.lon, back.lat, known.lon, known.lat) <= _HOUSE_M:
            text = _(
                "These are coordinates of a map service (%(datum)s), %(metres)d m from the "
                "address. Send WGS 84."
            )
            away = _metres(lon, lat, known.lon, known.lat)
            raise Refused(
                field, "shifted_datum", text % {"datum": datum.upper(), "metres": round(away, -1)},
                suggestion={"lon": round(back.lon, 7), "lat": round(back.lat, 7)},
            )  # fmt: skip


def _metres(lon: float, lat: float, to_lon: float, to_lat: float) -> float:
    """Across a town the earth is flat enough."""
    east = (to_lon - lon) * math.cos(math.radians((lat + to_lat) / 2))
    return math.hypot(east, to_lat - lat) * 111_320.0
