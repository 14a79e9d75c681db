"""Draws small street maps in ASCII and answers for them by another road: NetworkX Dijkstra.

A---B-->C      letters are junctions; - and | two-way streets, > < ^ v one-way ones.
|   v          A character is 10 m wide and 20 m high; everyone drives 36 km/h, 10 m a second.
D---E
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import networkx as nx
from shapely import LineString

from routing import EdgeId, Snap

ORIGIN = (25.0, 60.0)
_DEGREE_M = 111_195.0
_LON_M = _DEGREE_M * math.cos(math.radians(ORIGIN[1]))


def at(x: float, y: float) -> tuple[float, float]:
    """The (lon, lat) of a place x metres east and y metres south of the map's corner."""
    return ORIGIN[0] + x / _LON_M, ORIGIN[1] - y / _DEGREE_M


def street_map(drawing: str, names: dict[str, str] | None = None) -> nx.MultiDiGraph:
    """The graph of a drawing; junction X is node ord("X"). `names`: street by its two ends."""
    rows = [row for row in drawing.splitlines() if row.strip()]
    indent = min(len(row) - len(row.lstrip()) for row in rows)
    rows = [row[indent:] for row in rows]
    graph = nx.MultiDiGraph(crs="epsg:4326")
    cells = {(r, c): char for r, row in enumerate(rows) for c, char in enumerate(row)}
    for (r, c), char in cells.items():
        if char.isalpha() and char.isupper():
            x, y = at(c * 10, r * 20)
            graph.add_node(ord(char), x=x, y=y)
    for (r, c), char in cells.items():
        if not (char.isalpha() and char.isupper()):
            continue
        for dr, dc, line, ahead, back, metres in (
            (0, 1, "-", ">", "<", 10),
            (1, 0, "|", "v", "^", 20),
        ):
            seen, place = "", (r + dr, c + dc)
            while cells.get(place, " ") in (line, ahead, back):
                seen += cells[place]
                place = (place[0] + dr, place[1] + dc)
            other = cells.get(place, " ")
            if not seen or not (other.isalpha() and other.isupper()):
                continue
            name = (names or {}).get(char + other, "")
            length = float(metres * (len(seen) + 1))
            if ahead in seen or back not in seen:
                _add(graph, char, other, length, name)
            if back in seen or ahead not in seen:
                _add(graph, other, char, length, name)
    return graph


def _add(graph: nx.MultiDiGraph, a: str, b: str, length: float, name: str) -> None:
    ends = [(graph.nodes[ord(end)]["x"], graph.nodes[ord(end)]["y"]) for end in (a, b)]
    graph.add_edge(
        ord(a),
        ord(b),
        name=name,
        length=length,
        speed_kph=36.0,
        travel_time=length / 10,
        geometry=LineString(ends),
    )


def way_back(graph: nx.MultiDiGraph, edge: EdgeId) -> EdgeId | None:
    """The edge of the same street the other way: the same line drawn from its other end."""
    u, v, _ = edge
    line = list(graph.edges[edge]["geometry"].coords)
    for other, data in graph.get_edge_data(v, u, default={}).items():
        if (v, u, other) != edge and list(data["geometry"].coords) == line[::-1]:
            return (v, u, other)
    return None


def dijkstra_ms(
    graph: nx.MultiDiGraph, start: Snap, end: Snap, closed: Collection[EdgeId] = ()
) -> int | None:
    """Whole milliseconds of the quickest way by NetworkX, None without one.

    The two places become nodes of their own, tied to the ends of their streets; closed edges are
    taken out, but for the two stretches between a place and the ends of its street.
    """
    open_graph: Any = nx.MultiDiGraph()
    open_graph.add_nodes_from(graph.nodes)
    for u, v, key, data in graph.edges(keys=True, data=True):
        if (u, v, key) not in closed:
            open_graph.add_edge(u, v, ms=whole_ms(data))
    here = positions(graph, start)
    there = positions(graph, end)
    for edge, fraction in here:
        ms = whole_ms(graph.edges[edge])
        if fraction in (0, 1):
            open_graph.add_edge("start", edge[int(fraction)], ms=0)
        else:
            open_graph.add_edge("start", edge[1], ms=round((1 - fraction) * ms))
    for edge, fraction in there:
        ms = whole_ms(graph.edges[edge])
        if fraction in (0, 1):
            open_graph.add_edge(edge[int(fraction)], "end", ms=0)
        else:
            open_graph.add_edge(edge[0], "end", ms=round(fraction * ms))
    for edge, a in here:
        for other, b in there:
            if edge == other and a <= b and not (a in (0, 1) and b in (0, 1)):
                # Of the two positions on a street the drawn one gives the share, unrounded.
                share = b - a if edge == start.edge else start.fraction - end.fraction
                if end.edge != start.edge:
                    share = b - a
                open_graph.add_edge("start", "end", ms=round(share * whole_ms(graph.edges[edge])))
    try:
        return int(nx.dijkstra_path_length(open_graph, "start", "end", weight="ms"))
    except nx.NetworkXNoPath:
        return None


def positions(graph: nx.MultiDiGraph, snap: Snap) -> list[tuple[EdgeId, float]]:
    places = [(snap.edge, snap.fraction)]
    back = way_back(graph, snap.edge)
    if back is not None:
        places.append((back, 1 - snap.fraction))
    return places


def whole_ms(data: dict[str, Any]) -> int:
    return round(data["travel_time"] * 1000)
