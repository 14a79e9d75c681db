"""Where something is: as somebody told us, and what that means on the network."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.gis.geos import Point

from server.accounts.models import Area
from server.customers.models import Premise
from server.network import selectors as network

# A point this near to the main of its premise means that main, whichever is the nearest.
SERVICE_REACH_M = 100.0


@dataclass(frozen=True)
class Where:
    """Where it is: a point, an address in words, a premise; all may be missing but then say so."""

    lon: float | None = None
    lat: float | None = None
    address: str = ""
    premise: str = ""


@dataclass(frozen=True)
class Place:
    """Where something is, and what that means on the network; `point` is None when unknown."""

    point: Point | None
    address: str
    pipe: str
    segment: int | None
    area: Area | None


def locate(where: Where, premise: Premise | None) -> Place:
    """Put a place on pipe, segment and area. Refused for a point that cannot be in the city."""
    if where.lon is None or where.lat is None:
        if premise is None:
            return Place(None, where.address, "", None, None)
        on = network.place_of_premise(premise.code)
        point = premise.geom
        pipe, segment = (on.pipe, on.segment) if on else ("", None)
        return Place(point, where.address or premise.address, pipe, segment, area_of(point))
    # Outside the city, swapped axes and NaN are refused here, naming the field.
    hit = _own_main(where, premise) or network.snap(where.lon, where.lat)
    point = Point(where.lon, where.lat, srid=4326)
    return Place(point, where.address, hit.pipe or "", hit.segment, area_of(point))


def _own_main(where: Where, premise: Premise | None) -> network.SnapResult | None:
    """A house may stand nearer to a main than to its own: the service line says which it is."""
    own = network.place_of_premise(premise.code) if premise is not None else None
    if own is None or premise is None:
        return None
    near = network.snap(where.lon, where.lat, radius_m=SERVICE_REACH_M, premise=premise.code)
    return near if near.pipe == own.pipe else None


def area_of(point: Point | None) -> Area | None:
    """The area that answers for a point; on a border the smallest rank, so there is one answer."""
    if point is None:
        return None
    return Area.objects.filter(geom__covers=point).order_by("rank", "pk").first()
