"""The stored network as a value of gis_data: every column of every row, an object each.

For who needs all of it, as the hydraulics do. Questions of topology go to the compiled network
(`server.network.graph`), which is a hundred times smaller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import shapely
from django.contrib.gis.db.models.functions import AsWKB
from django.db.models import F, Model

from gis_data import model as gis
from server.network.models import (
    Control,
    Hydrant,
    NetworkVersion,
    Node,
    Pipe,
    ServiceLine,
    Station,
    Valve,
)

_COLLECTIONS = {"nodes", "pipes", "valves", "controls", "hydrants", "services", "stations"}


def _rows(model: type[Model], *fields: str) -> Iterator[tuple[Any, ...]]:
    """Rows of `fields` with the geometry last, as a shapely value, in the order of ids."""
    query = model._default_manager.order_by("id").annotate(wkb=AsWKB(F("geom")))
    rows = query.values_list(*fields, "wkb")
    return ((*row[:-1], shapely.from_wkb(bytes(row[-1]))) for row in rows.iterator(5000))


def read_network(number: int) -> gis.Network:
    """The stored network as a value of gis_data."""
    header = NetworkVersion.objects.get(number=number).header
    nodes = {
        row[0]: gis.Node(
            id=row[0], kind=row[1], lon=row[-1].x, lat=row[-1].y, elevation_m=row[2],
            base_demand_m3s=row[3], head_m=row[4],
            tank=gis.TankShape(**row[5]) if row[5] else None,
            zone=row[6], dma=row[7], demand_pattern=row[8],
        )
        for row in _rows(Node, "asset", "kind", "elevation_m", "base_demand_m3s", "head_m",
                         "tank", "zone", "dma", "demand_pattern")
    }
    pipes = {
        row[0]: gis.Pipe(
            id=row[0], start=row[1], end=row[2], length_m=row[3], diameter_mm=row[4],
            material=row[5], year=row[6], roughness=row[7], role=row[8], zone=row[9], dma=row[10],
            street=row[11], one_way=row[12], closed=row[13], minor_loss=row[14], depth_m=row[15],
            origin=row[16], geometry=row[-1],
        )
        for row in _rows(Pipe, "asset", "start", "end", "length_m", "diameter_mm", "material",
                         "year", "roughness", "role", "zone", "dma", "street", "one_way",
                         "closed", "minor_loss", "depth_m", "origin")
    }
    valves = {
        row[0]: gis.Valve(
            id=row[0], pipe=row[1], node=row[2], kind=row[3], diameter_mm=row[4],
            normally_open=row[5], operable=row[6], turns=row[7], accessible=row[8], closes=row[9],
            chamber_depth_m=row[10], gas=row[11], lon=row[-1].x, lat=row[-1].y,
        )
        for row in _rows(Valve, "asset", "pipe", "node", "kind", "diameter_mm", "normally_open",
                         "operable", "turns", "accessible", "closes", "chamber_depth_m", "gas")
    }
    controls = {
        row[0]: gis.Control(
            id=row[0], start=row[1], end=row[2], kind=row[3], diameter_mm=row[4], setting=row[5],
            curve=tuple((q, h) for q, h in row[6] or ()), closed=row[7], power_w=row[8],
            geometry=row[-1],
        )
        for row in _rows(Control, "asset", "start", "end", "kind", "diameter_mm", "setting",
                         "curve", "closed", "power_w")
    }
    hydrants = {
        row[0]: gis.Hydrant(
            id=row[0], node=row[1], kind=row[2], outlet_mm=row[3], flow_m3s=row[4],
            standpipe=row[5], fire_critical=row[6], lon=row[-1].x, lat=row[-1].y,
        )
        for row in _rows(Hydrant, "asset", "node", "kind", "outlet_mm", "flow_m3s", "standpipe",
                         "fire_critical")
    }
    services = {
        row[0]: gis.Service(id=row[0], pipe=row[1], measure=row[2], premise=row[3],
                            diameter_mm=row[4], material=row[5], station=row[6],
                            geometry=row[-1])
        for row in _rows(ServiceLine, "asset", "pipe", "measure", "premise", "diameter_mm",
                         "material", "station")
    }
    stations = {
        row[0]: gis.Station(
            id=row[0], service=row[1], tank_m3=row[2], demand_m3h=row[3], floors=row[4],
            operator=row[5], lon=row[-1].x, lat=row[-1].y,
        )
        for row in _rows(Station, "asset", "service", "tank_m3", "demand_m3h", "floors",
                         "operator")
    }
    return gis.Network(
        nodes=nodes, pipes=pipes, valves=valves, controls=controls, hydrants=hydrants,
        services=services,
        stations=stations, **_whole(header),
    )


def header_of(network: gis.Network) -> dict[str, Any]:
    """What belongs to the network as a whole, as JSON: name, system, patterns, rules."""
    return {
        f.name: getattr(network, f.name) for f in fields(network) if f.name not in _COLLECTIONS
    }


def _whole(header: dict[str, Any]) -> dict[str, Any]:
    known = {f.name for f in fields(gis.Network)} - _COLLECTIONS
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in header.items() if k in known}
    values["patterns"] = {k: tuple(v) for k, v in header.get("patterns", {}).items()}
    return values
