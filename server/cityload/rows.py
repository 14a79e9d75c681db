"""The values of a network as rows: for each kind of part its table, columns, values in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from shapely.geometry import Point

from gis_data.drainage import Drainage
from gis_data.model import Network
from server.network import models as network


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the parts of one kind go; `of` gives a tuple for each, in the order of `fields`."""

    model: type[Model]
    fields: tuple[str, ...]
    of: Callable[[Any], Iterable[tuple[Any, ...]]]


def _nodes(net: Network) -> Iterable[tuple[Any, ...]]:
    return (
        (n.id, n.kind, n.elevation_m, n.base_demand_m3s, n.head_m,
         None if n.tank is None else {k: getattr(n.tank, k) for k in n.tank.__slots__},
         n.zone, n.dma, n.demand_pattern, Point(n.lon, n.lat))
        for n in net.nodes.values()
    )  # fmt: skip


def _pipes(net: Network) -> Iterable[tuple[Any, ...]]:
    return (
        (p.id, p.start, p.end, p.length_m, p.diameter_mm, p.material, p.year, p.roughness,
         p.role, p.zone, p.dma, p.street, p.one_way, p.closed, p.minor_loss, p.depth_m, p.origin,
         p.geometry)
        for p in net.pipes.values()
    )  # fmt: skip


def _valves(net: Network) -> Iterable[tuple[Any, ...]]:
    return (
        (v.id, v.pipe, v.node, v.kind, v.diameter_mm, v.normally_open,
         "open" if v.normally_open else "closed", v.operable, v.turns,
         v.accessible, v.closes, v.chamber_depth_m, v.gas, Point(v.lon, v.lat))
        for v in net.valves.values()
    )  # fmt: skip


def _controls(net: Network) -> Iterable[tuple[Any, ...]]:
    return (
        (c.id, c.start, c.end, c.kind, c.diameter_mm, c.setting, c.curve or None, c.closed,
         c.power_w, c.geometry)
        for c in net.controls.values()
    )  # fmt: skip


def _hydrants(net: Network) -> Iterable[tuple[Any, ...]]:
    return (
        (h.id, h.node, h.kind, h.outlet_mm, h.flow_m3s, h.standpipe, h.fire_critical,
         Point(h.lon, h.lat))
        for h in net.hydrants.values()
    )  # fmt: skip


def _services(net: Network) -> Iterable[tuple[Any, ...]]:
    return (
        (s.id, s.pipe, s.measure, s.premise, s.diameter_mm, s.material, s.station, s.geometry)
        for s in net.services.values()
    )


def _stations(net: Network) -> Iterable[tuple[Any, ...]]:
    return (
        (s.id, s.service, s.tank_m3, s.demand_m3h, s.floors, s.operator, Point(s.lon, s.lat))
        for s in net.stations.values()
    )


def _manholes(drainage: Drainage) -> Iterable[tuple[Any, ...]]:
    return (
        (m.id, m.kind, m.ground_m, m.invert_m, Point(m.lon, m.lat))
        for m in drainage.manholes.values()
    )


def _sewers(drainage: Drainage) -> Iterable[tuple[Any, ...]]:
    return (
        (s.id, s.start, s.end, s.length_m, s.diameter_mm, s.material, s.year, s.carries,
         s.invert_start_m, s.invert_end_m, s.street, s.geometry)
        for s in drainage.sewers.values()
    )  # fmt: skip


NETWORK: dict[str, Rows] = {
    "node": Rows(
        network.Node,
        ("asset", "kind", "elevation_m", "base_demand_m3s", "head_m", "tank", "zone", "dma",
         "demand_pattern", "geom"),
        _nodes,
    ),
    "pipe": Rows(
        network.Pipe,
        ("asset", "start", "end", "length_m", "diameter_mm", "material", "year", "roughness",
         "role", "zone", "dma", "street", "one_way", "closed", "minor_loss", "depth_m", "origin",
         "geom"),
        _pipes,
    ),
    "valve": Rows(
        network.Valve,
        ("asset", "pipe", "node", "kind", "diameter_mm", "normally_open", "position", "operable",
         "turns", "accessible", "closes", "chamber_depth_m", "gas", "geom"),
        _valves,
    ),
    "control": Rows(
        network.Control,
        ("asset", "start", "end", "kind", "diameter_mm", "setting", "curve", "closed", "power_w",
         "geom"),
        _controls,
    ),
    "hydrant": Rows(
        network.Hydrant,
        ("asset", "node", "kind", "outlet_mm", "flow_m3s", "standpipe", "fire_critical", "geom"),
        _hydrants,
    ),
    "service": Rows(
        network.ServiceLine,
        ("asset", "pipe", "measure", "premise", "diameter_mm", "material", "station", "geom"),
        _services,
    ),
    "station": Rows(
        network.Station,
        ("asset", "service", "tank_m3", "demand_m3h", "floors", "operator", "geom"),
        _stations,
    ),
}  # fmt: skip

DRAINAGE: dict[str, Rows] = {
    "manhole": Rows(
        network.Manhole, ("asset", "kind", "ground_m", "invert_m", "geom"), _manholes
    ),
    "sewer": Rows(
        network.Sewer,
        ("asset", "start", "end", "length_m", "diameter_mm", "material", "year", "carries",
         "invert_start_m", "invert_end_m", "street", "geom"),
        _sewers,
    ),
}  # fmt: skip
