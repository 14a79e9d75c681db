"""A network as tables: one row for each asset, columns named after what they hold and its unit.

The names are those that `importing.suggest_map` knows, so a file of ours comes back in without a
person.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shapely.geometry import MultiPolygon, Point

from gis_data.drainage import Drainage, Manhole, Sewer
from gis_data.importing.header import header_rows
from gis_data.importing.values import PremiseRow, ZoneRow
from gis_data.model import (
    Control,
    Hydrant,
    Network,
    Node,
    Pipe,
    Service,
    Station,
    Valve,
)

Kind = Literal["text", "number", "integer", "yes_no"]
Column = tuple[str, Kind, Callable[[Any], Any]]


@dataclass(frozen=True, slots=True)
class Table:
    """`rows`: values in the order of `columns`; `geometry`: one for each row, or None."""

    name: str
    shape: Literal["Point", "LineString", "MultiPolygon", "None"]
    columns: tuple[tuple[str, Kind], ...]
    rows: Sequence[tuple[Any, ...]]
    geometry: list[Any]


def _word(value: bool | None) -> str | None:
    """Yes and no as words: a GeoPackage has no column for "nobody knows"."""
    return None if value is None else "yes" if value else "no"


def _of(name: str) -> Callable[[Any], Any]:
    return lambda element: getattr(element, name)


def _texts(*names: str) -> list[Column]:
    return [(name, "text", _of(name)) for name in names]


def _numbers(*names: str) -> list[Column]:
    return [(name, "number", _of(name)) for name in names]


def _curve(control: Control) -> str:
    return json.dumps([list(point) for point in control.curve]) if control.curve else ""


def _tank(name: str) -> Callable[[Node], Any]:
    return lambda node: None if node.tank is None else getattr(node.tank, name)


_NODES: list[Column] = [
    *_texts("id", "kind"),
    *_numbers("elevation_m", "base_demand_m3s", "head_m"),
    *_texts("demand_pattern", "zone", "dma"),
    ("tank_diameter_m", "number", _tank("diameter_m")),
    ("level_initial_m", "number", _tank("initial_level_m")),
    ("level_min_m", "number", _tank("min_level_m")),
    ("level_max_m", "number", _tank("max_level_m")),
]
_PIPES: list[Column] = [
    *_texts("id", "start", "end"),
    *_numbers("length_m", "diameter_mm"),
    *_texts("material"),
    ("year", "integer", _of("year")),
    *_numbers("roughness"),
    *_texts("role", "zone", "dma", "street"),
    ("one_way", "text", lambda p: _word(p.one_way)),
    ("closed", "text", lambda p: _word(p.closed)),
    *_numbers("minor_loss", "depth_m"),
    *_texts("origin"),
]
_VALVES: list[Column] = [
    *_texts("id", "pipe", "node", "kind"),
    *_numbers("diameter_mm"),
    ("normal_position", "text", lambda v: "open" if v.normally_open else "closed"),
    *_texts("operable"),
    ("turns", "integer", _of("turns")),
    ("accessible", "text", lambda v: _word(v.accessible)),
    *_texts("closes"),
    *_numbers("chamber_depth_m"),
    ("gas", "text", lambda v: _word(v.gas)),
]
_CONTROLS: list[Column] = [
    *_texts("id", "kind", "start", "end"),
    *_numbers("diameter_mm", "setting"),
    ("closed", "text", lambda c: _word(c.closed)),
    *_numbers("power_w"),
    ("curve", "text", _curve),
]
_HYDRANTS: list[Column] = [
    *_texts("id", "node", "kind"),
    *_numbers("outlet_mm", "flow_m3s"),
    ("standpipe", "text", lambda h: _word(h.standpipe)),
    ("fire_critical", "text", lambda h: _word(h.fire_critical)),
]
_SERVICES: list[Column] = [
    *_texts("id", "pipe"),
    *_numbers("measure"),
    *_texts("premise"),
    *_numbers("diameter_mm"),
    *_texts("material", "station"),
]
_STATIONS: list[Column] = [
    *_texts("id", "service"),
    *_numbers("tank_m3", "demand_m3h"),
    *_texts("floors", "operator"),
]
_MANHOLES: list[Column] = [*_texts("id", "kind"), *_numbers("ground_m", "invert_m")]
_SEWERS: list[Column] = [
    *_texts("id", "start", "end"),
    *_numbers("length_m", "diameter_mm"),
    *_texts("material"),
    ("year", "integer", _of("year")),
    *_texts("carries"),
    *_numbers("invert_start_m", "invert_end_m"),
    *_texts("street"),
]
_PREMISES: list[Column] = [
    *_texts("id", "service", "address", "street", "number", "name", "use"),
    ("persons", "integer", _of("persons")),
    ("floors", "integer", _of("floors")),
    *_numbers("demand_m3s"),
    *_texts("building"),
]
_ZONES: list[Column] = _texts("id", "name", "kind")

#: Table -> its columns, and the asset whose fields they hold.
COLUMNS: Mapping[str, list[Column]] = {
    "nodes": _NODES, "pipes": _PIPES, "controls": _CONTROLS, "valves": _VALVES,
    "hydrants": _HYDRANTS, "services": _SERVICES, "stations": _STATIONS, "manholes": _MANHOLES,
    "sewers": _SEWERS, "premises": _PREMISES, "zones": _ZONES,
}  # fmt: skip
ELEMENTS: Mapping[str, type] = {
    "nodes": Node, "pipes": Pipe, "valves": Valve, "controls": Control, "hydrants": Hydrant,
    "services": Service, "stations": Station, "manholes": Manhole, "sewers": Sewer,
    "premises": PremiseRow, "zones": ZoneRow,
}  # fmt: skip


def tables(
    network: Network,
    drainage: Drainage | None = None,
    premises: Iterable[PremiseRow] = (),
    zones: Iterable[ZoneRow] = (),
) -> list[Table]:
    """Tables that have rows, geometry in lon/lat."""
    drains = drainage or Drainage(network.crs_measure)
    found = [
        _table("nodes", "Point", network.nodes.values()),
        _table("pipes", "LineString", network.pipes.values()),
        _table("controls", "LineString", network.controls.values()),
        _table("valves", "Point", network.valves.values()),
        _table("hydrants", "Point", network.hydrants.values()),
        _table("services", "LineString", network.services.values()),
        _table("stations", "Point", network.stations.values()),
        _table("manholes", "Point", drains.manholes.values()),
        _table("sewers", "LineString", drains.sewers.values()),
        _table("premises", "Point", premises),
        _table("zones", "MultiPolygon", zones),
    ]
    return [table for table in found if table.rows]


def header_table(network: Network) -> Table:
    """What belongs to the network as a whole: patterns, rules, formula."""
    rows = header_rows(network)
    return Table("network", "None", (("key", "text"), ("value", "text")), rows, [None] * len(rows))


def _table(
    name: str,
    shape: Literal["Point", "LineString", "MultiPolygon"],
    elements: Iterable[Any],
) -> Table:
    elements, columns = list(elements), COLUMNS[name]
    return Table(
        name,
        shape,
        tuple((column, kind) for column, kind, _ in columns),
        [tuple(read(e) for _, _, read in columns) for e in elements],
        [_geometry(e, shape) for e in elements],
    )


def _geometry(element: Any, shape: str) -> Any:
    if shape == "Point":
        return Point(element.lon, element.lat)
    geometry = element.geometry
    if shape == "MultiPolygon" and geometry.geom_type == "Polygon":
        return MultiPolygon([geometry])
    return geometry
