"""Where something is: as somebody told us, and what that means on the network."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.gis.db.models.functions import Distance
from django.contrib.gis.geos import Point
from django.utils.translation import gettext as _

from server.accounts.models import Area
from server.accounts.refusals import Refused
from server.customers.models import Premise
from server.network import selectors as network
from server.network import sewers
from server.places.shifted import check_datum
from server.tickets.models import Kind

# A point this near to the main of its premise means that main, whichever is the nearest.
SERVICE_REACH_M = 100.0
# Two points so near to each other are one house.
HOUSE_M = 10.0


@dataclass(frozen=True)
class Where:
    """Where it is: a point, an address in words, a premise, the id on a plate.

    All may be missing but then say so. `asset` is what was pointed at: a pipe, valve, sewer.
    """

    lon: float | None = None
    lat: float | None = None
    address: str = ""
    premise: str = ""
    asset: str = ""


@dataclass(frozen=True)
class Place:
    """Where something is, and what that means on the network; `point` is None when unknown.

    On a pipe and its valve segment, or on a sewer, never on both.
    """

    point: Point | None
    address: str
    pipe: str
    segment: int | None
    area: Area | None
    sewer: str = ""


def locate(where: Where, premise: Premise | None, *, kind: str = "") -> Place:
    """Put a place on pipe, segment and area, or on a sewer where `kind` is trouble in the drains.

    Refused for a point that cannot be in the city, and for an asset of the other network.
    """
    drains = kind == Kind.SEWER
    if where.lon is not None and where.lat is not None and where.address:
        # Outside the city, swapped axes and NaN are refused here, naming the field.
        check_datum(*network.check_position(where.lon, where.lat), where.address)
    if where.asset:
        _check_network(where.asset, drains=drains)
        if where.lon is None or where.lat is None:
            lon, lat = network.asset_place(where.asset)
            where = Where(lon, lat, where.address or where.asset, where.premise, where.asset)
    if drains:
        return _on_sewer(where, premise)
    if where.lon is None or where.lat is None:
        if premise is None:
            return Place(None, where.address, "", None, None)
        on = network.place_of_premise(premise.code)
        point = premise.geom
        pipe, segment = (on.pipe, on.segment) if on else ("", None)
        return Place(point, where.address or premise.address, pipe, segment, area_of(point))
    hit = _own_main(where, premise) or network.snap(where.lon, where.lat)
    point = Point(where.lon, where.lat, srid=4326)
    pipe, segment = (hit.pipe, hit.segment) if hit.pipe else _main_of_house_at(point)
    return Place(point, where.address, pipe, segment, area_of(point))


def _check_network(asset: str, *, drains: bool) -> None:
    """A blocked sewer stands on a sewer, a burst on a main: never one on the other."""
    if drains == sewers.is_sewer(asset):
        return
    if drains:
        network.asset(asset)  # says so where there is no such thing at all
        text = _("%(asset)s carries drinking water: a blocked sewer is on a sewer or a manhole.")
        raise Refused("asset", "not_a_sewer", text % {"asset": asset})
    text = _("%(asset)s is a sewer: trouble with the water is on a pipe, a valve or a hydrant.")
    raise Refused("asset", "not_water", text % {"asset": asset})


def _on_sewer(where: Where, premise: Premise | None) -> Place:
    """The sewer near the point; without one in reach the place is kept and stands on none."""
    if where.lon is not None and where.lat is not None:
        near = sewers.nearest(where.lon, where.lat)
        point, address = Point(where.lon, where.lat, srid=4326), where.address
    elif premise is not None:
        point, address = premise.geom, where.address or premise.address
        near = sewers.nearest(point.x, point.y)
    else:
        return Place(None, where.address, "", None, None)
    named = where.asset if where.asset and sewers.is_main(where.asset) else ""
    return Place(
        point, address, "", None, area_of(point), named or (near.sewer if near else "")
    )


def _own_main(where: Where, premise: Premise | None) -> network.SnapResult | None:
    """A house may stand nearer to a main than to its own: the service line says which it is."""
    own = network.place_of_premise(premise.code) if premise is not None else None
    if own is None or premise is None:
        return None
    near = network.snap(where.lon, where.lat, radius_m=SERVICE_REACH_M, premise=premise.code)
    return near if near.pipe == own.pipe else None


def _main_of_house_at(point: Point) -> tuple[str, int | None]:
    """(pipe, segment) of the service line of the house that stands there; ("", None) for none.

    For a house in a yard, out of reach of every main: an address was chosen, not a customer.
    """
    reach = network.degrees_around(HOUSE_M, point.y)
    nearest = (
        Premise.objects.filter(geom__dwithin=(point, reach))
        .annotate(far=Distance("geom", point))
        .order_by("far", "pk")
        .first()
    )
    on = network.place_of_premise(nearest.code) if nearest is not None else None
    return (on.pipe, on.segment) if on is not None else ("", None)


def area_of(point: Point | None) -> Area | None:
    """The area that answers for a point; on a border the smallest rank, so there is one answer."""
    if point is None:
        return None
    return Area.objects.filter(geom__covers=point).order_by("rank", "pk").first()
