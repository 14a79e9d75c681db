"""Rows from values: a city into the tables of network, places, customers and accounts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib.gis.geos import MultiPolygon as GeosMultiPolygon
from django.contrib.gis.geos import Point as GeosPoint
from django.contrib.gis.geos import Polygon as GeosPolygon
from django.db import connection
from django.utils.text import slugify
from shapely import wkb
from shapely.geometry import MultiPolygon, Point, Polygon

from gis_data.crossings import crossings
from gis_data.drainage import Drainage
from gis_data.helsinki import Area as CityArea
from gis_data.helsinki import City
from gis_data.model import Network
from gis_data.places import Address, Extract
from server.accounts.models import Area, Department
from server.cityload import rows
from server.cityload.bills import bill
from server.cityload.copying import copy_rows
from server.cityload.people import Customer
from server.customers import models as customers
from server.network import graph
from server.network import models as network
from server.places import houses, names
from server.places import models as places
from server.places.normalise import key

# Names of places the register of customers may need to find, in this order of deletion.
_TABLES_OF_NETWORK = (
    network.ServiceLine, network.Station, network.Hydrant, network.Valve, network.Control,
    network.Pipe, network.Node, network.Zone, network.Sewer, network.Manhole,
)
_TABLES_OF_PLACES = (
    places.Street, places.Building, places.Address, places.AddressRange, places.Crossing,
    places.Poi, places.Name,
)


def clear() -> None:
    """Empty the tables of the city. Raises ProtectedError where history holds a premise fast."""
    with connection.cursor() as cursor:
        # Many rows that nothing points to.
        for many in (customers.Bill, customers.Reading):
            cursor.execute(f'DELETE FROM "{many._meta.db_table}"')
    # Through the ORM: calls, tickets and contacts must let go of accounts and premises first.
    customers.Account.objects.all().delete()
    customers.Meter.objects.all().delete()
    customers.Premise.objects.all().delete()
    with connection.cursor() as cursor:
        for model in (*_TABLES_OF_NETWORK, *_TABLES_OF_PLACES):
            cursor.execute(f'DELETE FROM "{model._meta.db_table}"')


def fill_network(net: Network, source: str) -> network.NetworkVersion:
    """The network as the next version, and its compiled form kept for this process."""
    for kind in rows.NETWORK.values():
        copy_rows(kind.model, kind.fields, kind.of(net))
    number = graph.version() + 1
    counts = {k: len(getattr(net, k)) for k in
              ("nodes", "pipes", "valves", "controls", "hydrants", "services", "stations")}
    return network.NetworkVersion.objects.create(
        number=number, source=source[:200], summary=counts, header=graph.header_of(net)
    )


def fill_drainage(drainage: Drainage | None) -> dict[str, int]:
    """The sewers beside the mains; how many of what."""
    known = drainage or Drainage(0)
    return {f"{kind}s": copy_rows(r.model, r.fields, r.of(known))
            for kind, r in rows.DRAINAGE.items()}


def fill_zones(city: City) -> None:
    kinds = (("pressure", city.zones), ("dma", city.dmas))
    copy_rows(
        network.Zone, ("kind", "code", "name", "geom"),
        ((kind, a.id, a.name_en, _multi(a.polygon)) for kind, areas in kinds for a in areas),
    )


def _multi(shape: Any) -> MultiPolygon:
    return shape if isinstance(shape, MultiPolygon) else MultiPolygon([shape])


def _addresses(city: City | Extract) -> list[Address]:
    """Houses of the map; where nobody gave a map, those that the premises name."""
    known = city.places.addresses
    if known or city.places.ranges or isinstance(city, Extract):
        return known
    return [Address(p.id, p.street, p.number, p.lon, p.lat) for p in city.premises
            if p.street and p.number]  # fmt: skip


def fill_places(city: City | Extract) -> None:
    """Streets, houses, crossings and places, and all their names."""
    copy_rows(
        places.Street, ("name", "klass", "key", "geom"),
        ((s.name, s.klass, key(s.name), s.geometry) for s in city.streets),
    )
    copy_rows(
        places.Building, ("source_id", "name", "kind", "levels", "geom"),
        ((b.id, b.name, b.kind, b.levels, _multi(b.polygon)) for b in city.places.buildings),
    )
    copy_rows(
        places.Address,
        ("source_id", "street", "number", "postcode", "street_key", "number_key", "value", "until",
         "geom"),
        ((a.id, a.street, a.number, a.postcode, *houses.columns(a.street, a.number),
          Point(a.lon, a.lat)) for a in _addresses(city)),
    )
    copy_rows(
        places.AddressRange,
        ("street", "street_key", "left_from", "left_to", "right_from", "right_to", "geom"),
        ((r.street, key(r.street), *r.left, *r.right, r.line) for r in city.places.ranges),
    )
    copy_rows(
        places.Crossing, ("street_a", "street_b", "key_a", "key_b", "geom"),
        ((c.street_a, c.street_b, key(c.street_a), key(c.street_b), Point(c.lon, c.lat))
         for c in crossings(city.streets)),
    )
    copy_rows(
        places.Poi, ("name", "kind", "geom"),
        ((p.name, p.kind, Point(p.lon, p.lat)) for p in city.places.pois),
    )
    names.refresh()


def fill_customers(city: City, invented: list[Customer]) -> None:
    copy_rows(
        customers.Premise,
        ("code", "address", "street", "number", "use", "name", "persons", "floors",
         "storage_hours", "geom"),
        ((p.id, p.address, p.street, p.number, p.use, p.name, p.persons, p.floors,
          c.storage_hours, Point(p.lon, p.lat))
         for p, c in zip(city.premises, invented, strict=True)),
    )
    billed = {c.number: bill(c) for c in invented}
    ids = dict(customers.Premise.objects.values_list("code", "id"))
    owners = [ids[p.id] for p in city.premises]
    copy_rows(
        customers.Account,
        ("number", "premise", "name", "language", "sms_consent", "care"),
        ((c.number, owner, c.name, c.language, c.sms_consent, billed[c.number].care)
         for c, owner in zip(invented, owners, strict=True)),
    )
    copy_rows(
        customers.Meter, ("serial", "premise", "diameter_mm", "installed_on"),
        ((c.meter, owner, c.meter_mm, c.installed_on)
         for c, owner in zip(invented, owners, strict=True)),
    )
    accounts = dict(customers.Account.objects.values_list("number", "id"))
    copy_rows(customers.Phone, ("account", "number", "last_used_at"), _phones(invented, accounts))
    copy_rows(
        customers.Bill,
        ("account", "number", "period", "issued_on", "due_on", "amount", "paid", "used_m3"),
        ((accounts[number], *row) for number, b in billed.items() for row in b.bills),
    )
    copy_rows(
        customers.Reading, ("account", "read_on", "value_m3", "used_m3", "estimated"),
        ((accounts[number], *row) for number, b in billed.items() for row in b.readings),
    )


def _phones(
    invented: list[Customer], accounts: dict[str, int]
) -> Iterator[tuple[int, str, datetime | None]]:
    from server.customers.selectors import read_number

    for customer in invented:
        seen = set()
        for raw, used in customer.phones:
            number = read_number(raw).number
            if number is not None and number not in seen:
                seen.add(number)
                yield accounts[customer.number], number, used


def fill_areas(districts: list[CityArea]) -> None:
    """Districts and the departments that answer for them; those of the same code stay the same.

    Crews and duty lists point at areas, so a reload must not break these links.
    """
    _department("customer-service", "Customer service", "客户服务部", 1)
    _department("water-quality", "Water quality", "水质部", 2)
    kept = []
    for rank, district in enumerate(districts):
        code = slugify(district.id)[:40]
        place = district.name_en.removesuffix(" district")
        department = _department(f"repairs-{code}", f"Repairs {place}",
                                 f"{district.name_zh}抢修所", 10 + rank)
        area, _ = Area.objects.update_or_create(
            code=code,
            defaults={"name": district.name_en, "name_zh": district.name_zh, "rank": rank,
                      "department": department, "geom": _geos(_multi(district.polygon))},
        )
        kept.append(area.pk)
    Area.objects.exclude(pk__in=kept).delete()


def _department(code: str, name: str, name_zh: str, line: int) -> Department:
    department, _ = Department.objects.update_or_create(
        code=code,
        defaults={"name": name, "name_zh": name_zh, "duty_mobile": f"0400000{line:04d}"},
    )
    return department


def _geos(shape: Polygon | MultiPolygon) -> GeosMultiPolygon:
    from django.contrib.gis.geos import GEOSGeometry

    return GEOSGeometry(memoryview(wkb.dumps(shape)), srid=4326)  # type: ignore[return-value]


def fill_city(city: City, code: str, name_zh: str, source: dict[str, Any]) -> places.City:
    places.City.objects.exclude(code=code).delete()
    bounds = GeosPolygon.from_bbox(city.bounds)
    bounds.srid = 4326
    row, _ = places.City.objects.update_or_create(
        code=code,
        defaults={"name": city.name[:80], "name_zh": name_zh, "measure_epsg": city.crs_measure,
                  "bounds": bounds, "depot": GeosPoint(*city.depot, srid=4326), "source": source},
    )
    return row
