"""The network as it would be after a draft: the one in force with the changes laid over it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import shapely
from django.contrib.gis.db.models.functions import AsWKB
from django.db.models import F, Model

from gis_data import drainage as sewerage
from gis_data import model as gis
from gis_data.importing import PremiseRow, ZoneRow
from server.customers.models import Premise
from server.network import graph
from server.network.models import Manhole, ServiceLine, Sewer, Zone
from server.versions.models import NetworkChange, NetworkImport

_PLURAL = {"node": "nodes", "pipe": "pipes", "valve": "valves", "control": "controls",
           "hydrant": "hydrants", "service": "services", "station": "stations"}  # fmt: skip
_CLASSES: dict[str, type[Any]] = {
    "node": gis.Node, "pipe": gis.Pipe, "valve": gis.Valve, "control": gis.Control,
    "hydrant": gis.Hydrant, "service": gis.Service, "station": gis.Station,
    "manhole": sewerage.Manhole, "sewer": sewerage.Sewer,
}  # fmt: skip
_LINES = {"pipe", "control", "service", "sewer"}
# Facts of the field and numbers of tables, which the values do not carry.
_NOT_OURS = {"id", "asset", "position", "last_operated_at", "geom"}


def after(draft: NetworkImport) -> tuple[gis.Network, sewerage.Drainage]:
    """Pipes and sewers once `draft` is approved, as values of gis_data."""
    version = graph.version()
    base = graph.read_network(version) if version else gis.Network("", 4326, {}, {})
    drains = drainage_in_force(base.crs_measure)
    parts: dict[str, dict[str, Any]] = {
        **{kind: dict(getattr(base, many)) for kind, many in _PLURAL.items()},
        "manhole": dict(drains.manholes), "sewer": dict(drains.sewers),
    }  # fmt: skip
    rows = NetworkChange.objects.filter(of=draft, kind__in=parts).exclude(
        action=NetworkChange.Action.KEPT
    )
    for kind, asset, said in rows.order_by("id").values_list("kind", "asset", "after").iterator():
        if said is None:
            parts[kind].pop(asset, None)
        elif asset in parts[kind]:
            parts[kind][asset] = replace(parts[kind][asset], **_values(kind, said))
        else:
            parts[kind][asset] = _CLASSES[kind](id=asset, **_values(kind, said))
    whole: dict[str, Any] = {many: parts[kind] for kind, many in _PLURAL.items()}
    network = replace(base, **whole, **_header(draft.header))
    return network, sewerage.Drainage(base.crs_measure, parts["manhole"], parts["sewer"])


def _values(kind: str, said: Mapping[str, Any]) -> dict[str, Any]:
    values = {k: v for k, v in said.items() if k not in _NOT_OURS}
    if (geom := said.get("geom")) is not None:
        shape = shapely.from_wkb(geom)
        values |= {"geometry": shape} if kind in _LINES else {"lon": shape.x, "lat": shape.y}
    if values.get("tank"):
        values["tank"] = gis.TankShape(**values["tank"])
    if "curve" in values:
        values["curve"] = tuple(tuple(point) for point in values["curve"] or ())
    return values


def _header(said: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in said.items()}
    if "patterns" in said:
        values["patterns"] = {k: tuple(v) for k, v in said["patterns"].items()}
    return values


def _rows(model: type[Model], *fields: str) -> Iterator[tuple[Any, ...]]:
    """Rows of `fields`, the geometry last as a shapely value."""
    query = model._default_manager.order_by("id").annotate(wkb=AsWKB(F("geom")))
    rows = query.values_list(*fields, "wkb")
    return (
        (*row[:-1], None if row[-1] is None else shapely.from_wkb(bytes(row[-1])))
        for row in rows.iterator(5000)
    )


def drainage_in_force(crs: int) -> sewerage.Drainage:
    """The sewers and manholes of the tables."""
    manholes = {
        row[0]: sewerage.Manhole(
            id=row[0], lon=row[-1].x, lat=row[-1].y, ground_m=row[2], invert_m=row[3], kind=row[1]
        )
        for row in _rows(Manhole, "asset", "kind", "ground_m", "invert_m")
    }
    sewers = {
        row[0]: sewerage.Sewer(
            id=row[0], start=row[1], end=row[2], length_m=row[3], diameter_mm=row[4],
            material=row[5], year=row[6], carries=row[7], invert_start_m=row[8],
            invert_end_m=row[9], street=row[10], geometry=row[-1],
        )
        for row in _rows(Sewer, "asset", "start", "end", "length_m", "diameter_mm",
                              "material", "year", "carries", "invert_start_m", "invert_end_m",
                              "street")
    }  # fmt: skip
    return sewerage.Drainage(crs, manholes, sewers)


def premises_in_force() -> list[PremiseRow]:
    """The premises of the tables, with the first service line that leads to each."""
    lines: dict[str, str] = {}
    for asset, premise in ServiceLine.objects.order_by("id").values_list("asset", "premise"):
        lines.setdefault(premise, asset)
    return [
        PremiseRow(
            id=row[0], lon=row[-1].x, lat=row[-1].y, service=lines.get(row[0], ""),
            address=row[1], street=row[2], number=row[3], use=row[4], name=row[5],
            persons=row[6], floors=row[7],
        )
        for row in _rows(Premise, "code", "address", "street", "number", "use", "name", "persons",
                         "floors")
    ]  # fmt: skip


def zones_in_force() -> list[ZoneRow]:
    """The areas of pressure zones and metered areas that are drawn."""
    return [
        ZoneRow(id=row[0], name=row[1], kind=row[2], geometry=row[-1])
        for row in _rows(Zone, "code", "name", "kind") if row[-1] is not None
    ]
