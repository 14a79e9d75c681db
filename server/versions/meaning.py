"""What a schema map says of each kind of part: which columns files really fill, and which kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gis_data.importing import Built, LayerMap, SchemaMap

# Role of a layer -> kind of part.
KIND_OF = {
    "pipe": "pipe", "valve": "valve", "hydrant": "hydrant", "node": "node", "tank": "node",
    "source": "node", "service": "service", "premise": "premise", "control": "control",
    "pump": "control", "prv": "control", "check": "control", "manhole": "manhole",
    "sewer": "sewer", "station": "station",
}  # fmt: skip
# Where the attribute of a map and the column of the table are not called the same.
_COLUMN = {
    "diameter": "diameter_mm", "length": "length_m", "depth": "depth_m",
    "chamber_depth": "chamber_depth_m", "outlet": "outlet_mm", "flow": "flow_m3s",
    "elevation": "elevation_m", "demand": "base_demand_m3s", "head": "head_m",
    "pattern": "demand_pattern", "power": "power_w", "ground": "ground_m", "invert": "invert_m",
    "invert_start": "invert_start_m", "invert_end": "invert_end_m", "tank": "tank_m3",
}  # fmt: skip
# What follows from the shape of the network, whatever the columns.
_ALWAYS = {
    "node": {"kind"}, "pipe": {"start", "end", "origin"}, "valve": {"pipe", "node"},
    "control": {"start", "end", "kind"}, "hydrant": {"node"},
    "service": {"pipe", "measure", "premise"}, "station": {"service"},
    "manhole": set(), "sewer": {"start", "end"}, "premise": set(),
}  # fmt: skip
# What an EPANET file says; of materials, years, hydrants and customers it knows nothing.
_EPANET = {
    "node": {"kind", "elevation_m", "base_demand_m3s", "head_m", "tank", "demand_pattern"},
    "pipe": {"start", "end", "length_m", "diameter_mm", "roughness", "minor_loss", "one_way",
             "closed"},
    "control": {"start", "end", "kind", "diameter_mm", "setting", "curve", "closed", "power_w"},
    "valve": {"pipe", "node", "diameter_mm", "normally_open"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Meaning:
    """`given`: kind -> columns the files fill. `complete_nodes`: sources and tanks are among them.

    `only_adds`: kinds of which the files bring new parts only, such as lines to new premises.
    """

    given: Mapping[str, frozenset[str]]
    complete_nodes: bool
    only_adds: frozenset[str] = frozenset()


def of(schema_map: SchemaMap, file_format: str, built: Built) -> Meaning:
    """What files read by `schema_map` say of the network they built."""
    if file_format == "inp":
        given = {k: frozenset(v) for k, v in _EPANET.items() if k != "valve"}
        if built.network.valves:
            given["valve"] = frozenset(_EPANET["valve"])
        return Meaning(given, complete_nodes=True)
    roles = {m.role for m in schema_map.layers.values()}
    given = {}
    for m in schema_map.layers.values():
        kind = KIND_OF.get(m.role)
        if kind is not None:
            given[kind] = given.get(kind, frozenset(_ALWAYS[kind])) | _columns(kind, m)
    only_adds = set()
    if "pipe" in given:
        given.setdefault("node", frozenset(_ALWAYS["node"]))
    if "node" in given and "node" not in roles:
        # Tanks and sources alone say nothing of the other nodes.
        given["node"] = frozenset(_ALWAYS["node"])
    for zone in built.zones:
        # Areas of zones say of every pipe and node in which one it lies.
        column = {"pressure": "zone", "dma": "dma"}[zone.kind]
        for kind in ("pipe", "node"):
            if kind in given:
                given[kind] |= {column}
    if built.network.controls and "control" not in given:
        only_adds.add("control")
    if built.network.services and "service" not in given:
        only_adds.add("service")
    for kind in only_adds:
        given[kind] = frozenset(_ALWAYS[kind])
    draws_all = any(m.role == "node" and "kind" in m.columns for m in schema_map.layers.values())
    complete = draws_all or {"tank", "source"} <= roles
    return Meaning(given, complete, frozenset(only_adds))


def _columns(kind: str, m: LayerMap) -> frozenset[str]:
    found = set()
    for attribute in (*m.columns, *m.defaults):
        if attribute.startswith(("tank_", "level_")):
            found.add("tank")
        elif kind == "station" and attribute == "demand":
            found.add("demand_m3h")
        else:
            found.add(_COLUMN.get(attribute, attribute))
    return frozenset(found)
