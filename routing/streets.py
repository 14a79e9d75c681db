"""Builds the editable street model from an OSM file.

The model is a NetworkX MultiDiGraph in the form OSMnx uses: node attributes x, y; edge attributes
osmid, name, highway, oneway, maxspeed, length (m), speed_kph, travel_time (s), geometry
(LineString, lon/lat). Nothing here touches the network.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from shapely import LineString

from routing.errors import StreetFileError
from routing.osmfile import RawStreets, RawWay, access_of, oneway_of, read_osm
from routing.restrictions import drawn_out, kept_nodes, on_edges
from routing.table import StreetTable

#: Free-flow speeds in km/h where the way carries no limit.
CLASS_SPEEDS_KPH = {
    "motorway": 100.0,
    "motorway_link": 60.0,
    "trunk": 80.0,
    "trunk_link": 50.0,
    "primary": 50.0,
    "primary_link": 40.0,
    "secondary": 50.0,
    "secondary_link": 40.0,
    "tertiary": 40.0,
    "tertiary_link": 30.0,
    "unclassified": 40.0,
    "residential": 30.0,
    "living_street": 15.0,
    "road": 30.0,
    "service": 15.0,
}
# Limits outside this are mistakes of the map: nothing is driven at 0 or at 900 km/h.
_SLOWEST_KPH, _FASTEST_KPH = 5.0, 130.0


@dataclass(frozen=True, slots=True)
class Line:
    """A straight piece of street, ends as (lon, lat); `oneway` 1 along it, -1 against, 0 both."""

    start: tuple[float, float]
    end: tuple[float, float]
    name: str
    klass: str
    speed_kph: float | None = None
    oneway: int = 0


def build_streets(path: Path | str) -> nx.MultiDiGraph:
    """The drivable streets of an OSM extract (.osm.pbf, .osm, .osm.gz, .osm.bz2).

    Keeps the largest part in which every place reaches every other; what is cut off is told in
    graph.graph["report"] (counts) and graph.graph["islands"] (one row each: nodes, edges, metres,
    lon, lat). graph.graph["version"] names the content. travel_time is whole milliseconds, so
    that the compiled index and NetworkX add up the same figures. Raises StreetFileError.
    """
    path = Path(path)
    return streets_of(read_osm(path), path.name)


def streets_from_lines(lines: Iterable[Line], name: str) -> nx.MultiDiGraph:
    """The same model from straight pieces of street, for streets that come from a register.

    Ends within about a metre are one place. Raises StreetFileError as `build_streets`.
    """
    number: dict[tuple[int, int], int] = {}
    nodes: dict[int, tuple[float, float]] = {}
    ways = []
    for way, line in enumerate(lines, start=1):
        ends = []
        for lon, lat in (line.start, line.end):
            key = (round(lon * 1e5), round(lat * 1e5))
            node = number.setdefault(key, len(number) + 1)
            nodes.setdefault(node, (lon, lat))
            ends.append(node)
        tags = {"highway": line.klass if line.klass in CLASS_SPEEDS_KPH else "road"}
        if line.name:
            tags["name"] = line.name
        if line.speed_kph:
            tags["maxspeed"] = str(round(line.speed_kph))
        if line.oneway:
            tags["oneway"] = "yes" if line.oneway > 0 else "-1"
        else:
            tags["oneway"] = "no"
        if ends[0] != ends[1]:
            ways.append(RawWay(way, tags, [(ends[0], ends[1])]))
    return streets_of(RawStreets(nodes, ways, 0), name)


def streets_of(raw: RawStreets, name: str) -> nx.MultiDiGraph:
    """The model of streets read before; `name` is for the report. Raises StreetFileError."""
    if not raw.ways:
        raise StreetFileError(f"The file {name} holds no street that leads anywhere.")
    whole = _raw_graph(raw)
    parts = sorted(nx.strongly_connected_components(whole), key=lambda p: (-len(p), min(p)))
    islands = _islands(whole, parts[1:])
    counts = {"raw_nodes": whole.number_of_nodes(), "raw_edges": whole.number_of_edges()}
    whole.remove_nodes_from([node for part in parts[1:] for node in part])
    turns, left_out = drawn_out(raw)
    kept = _simplify(whole, kept_nodes(turns))
    if kept.number_of_edges() == 0:
        raise StreetFileError(f"The file {name} holds no street that leads anywhere.")
    _set_times(kept)
    kept.graph["restrictions"] = on_edges(turns, kept, raw.nodes)
    kept.graph["islands"] = islands
    kept.graph["report"] = {
        "file": name,
        "ways": len(raw.ways),
        "clipped_ways": raw.clipped_ways,
        **counts,
        "nodes": kept.number_of_nodes(),
        "edges": kept.number_of_edges(),
        "islands": len(parts) - 1,
        "island_nodes": sum(map(len, parts[1:])),
        "restrictions": {
            "read": len(raw.restrictions), "turns": len(kept.graph["restrictions"]),
            "off_the_streets": len(turns) - len(kept.graph["restrictions"]), **left_out,
        },
    }  # fmt: skip
    stamp(kept)
    return kept


def stamp(graph: nx.MultiDiGraph) -> str:
    """Sets and returns graph.graph["version"], which names the content: call it after an edit."""
    version = StreetTable.from_graph(graph).version()
    graph.graph["version"] = version
    return version


def _raw_graph(raw: RawStreets) -> nx.MultiDiGraph:
    """One edge per piece and direction; a piece drawn twice counts once."""
    # OSMnx is imported where it is used: it takes seconds, and only builders need it.
    import osmnx as ox

    graph = nx.MultiDiGraph(crs="epsg:4326")
    for way in raw.ways:
        forward, backward = oneway_of(way.tags)
        attributes: dict[str, Any] = {
            "osmid": way.id,
            "highway": way.tags["highway"],
            "oneway": not (forward and backward),
        }
        name = way.tags.get("name") or way.tags.get("ref")
        if name:
            attributes["name"] = name
        access = access_of(way.tags)
        if access:
            attributes["access"] = access
        if "maxspeed" in way.tags:
            attributes["maxspeed"] = way.tags["maxspeed"]
        for u, v in way.pieces:
            ends = ((u, v, forward, False), (v, u, backward, True))
            for tail, head, allowed, turned in ends:
                if allowed and not graph.has_edge(tail, head):
                    graph.add_edge(tail, head, **attributes, reversed=turned)
    for node in graph:
        lon, lat = raw.nodes[node]
        graph.nodes[node].update(x=lon, y=lat)
    spans = np.array([(*raw.nodes[u], *raw.nodes[v]) for u, v in graph.edges(keys=False)])
    lengths = ox.distance.great_circle(spans[:, 1], spans[:, 0], spans[:, 3], spans[:, 2])
    for (_, _, data), metres in zip(graph.edges(data=True), lengths.tolist(), strict=True):
        data["length"] = metres
    return graph


def _simplify(graph: nx.MultiDiGraph, kept: set[int]) -> nx.MultiDiGraph:
    """Removes the nodes that only bend a street, not those `kept`; keeps a lone ring as it is.

    An edge keeps to one name, class, limit and access, so that turn lists and speeds are clear.
    """
    import osmnx as ox

    for node in kept & set(graph.nodes):
        graph.nodes[node]["turns"] = True
    simple = ox.simplify_graph(
        graph, edge_attrs_differ=["highway", "maxspeed", "name", "access"], remove_rings=False,
        node_attrs_include=["turns"],
    )  # fmt: skip
    for _, data in simple.nodes(data=True):
        data.pop("turns", None)
    for u, v, data in simple.edges(data=True):
        if isinstance(data["osmid"], list):
            data["osmid"] = sorted(data["osmid"])
        if isinstance(data["reversed"], list):
            data["reversed"] = False
        if "geometry" not in data:
            a, b = simple.nodes[u], simple.nodes[v]
            data["geometry"] = LineString([(a["x"], a["y"]), (b["x"], b["y"])])
    return simple


def _set_times(graph: nx.MultiDiGraph) -> None:
    import osmnx as ox

    ox.add_edge_speeds(graph, hwy_speeds=CLASS_SPEEDS_KPH, fallback=30.0)
    for _, _, data in graph.edges(data=True):
        data["speed_kph"] = _sound_speed(data["speed_kph"], data["highway"])
    ox.add_edge_travel_times(graph)
    for _, _, data in graph.edges(data=True):
        data["length"] = round(float(data["length"]), 3)
        data["travel_time"] = max(1, round(float(data["travel_time"]) * 1000)) / 1000


def _sound_speed(speed: float, highway: str) -> float:
    if not math.isfinite(speed) or speed <= 0:
        speed = CLASS_SPEEDS_KPH.get(highway, 30.0)
    return min(max(float(speed), _SLOWEST_KPH), _FASTEST_KPH)


def _islands(whole: nx.MultiDiGraph, parts: list[set[int]]) -> list[dict[str, Any]]:
    rows = []
    for part in parts:
        inside = whole.subgraph(part)
        first = whole.nodes[min(part)]
        rows.append(
            {
                "nodes": len(part),
                "edges": inside.number_of_edges(),
                "metres": round(sum(d["length"] for _, _, d in inside.edges(data=True)), 1),
                "lon": first["x"],
                "lat": first["y"],
            }
        )
    return rows
