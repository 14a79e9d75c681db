"""A generated city of any size, for benchmarks and tests where no real one is at hand."""

from __future__ import annotations

import math
import random

import networkx as nx
from shapely import LineString

from routing.model import M_PER_DEGREE
from routing.streets import stamp

_BLOCK_M = 110.0


def generate_grid_city(
    n: int, seed: int = 965113, lon: float = 24.9, lat: float = 60.2
) -> nx.MultiDiGraph:
    """A city of n x n jittered junctions, in the form `build_streets` gives; n >= 2.

    Every fifth street is fast; every fourth street in between is one-way, in turn this way and
    that. The outermost streets are two-way, so every place reaches every other.
    """
    if n < 2:
        raise ValueError("n: a grid city has at least 2 x 2 junctions.")
    chance = random.Random(seed)
    scale = math.cos(math.radians(lat))
    graph = nx.MultiDiGraph(crs="epsg:4326", simplified=True)
    for i in range(n):
        for j in range(n):
            east = (j + chance.uniform(-0.2, 0.2)) * _BLOCK_M
            north = (i + chance.uniform(-0.2, 0.2)) * _BLOCK_M
            graph.add_node(
                i * n + j,
                x=lon + east / M_PER_DEGREE / scale,
                y=lat + north / M_PER_DEGREE,
            )
    for i in range(n):
        for j in range(n):
            if j + 1 < n:
                _street(graph, i * n + j, i * n + j + 1, i, n, f"Row {i + 1}")
            if i + 1 < n:
                _street(graph, i * n + j, (i + 1) * n + j, j, n, f"Column {j + 1}")
    stamp(graph)
    return graph


def _street(graph: nx.MultiDiGraph, u: int, v: int, line: int, n: int, name: str) -> None:
    fast = line % 5 == 0
    oneway = not fast and line % 4 == 2 and 0 < line < n - 1
    if oneway and line % 8 == 6:
        u, v = v, u
    a, b = graph.nodes[u], graph.nodes[v]
    scale = math.cos(math.radians(a["y"]))
    length = math.hypot((b["x"] - a["x"]) * scale, b["y"] - a["y"]) * M_PER_DEGREE
    speed = 50.0 if fast else 30.0
    common = {
        "name": name,
        "highway": "secondary" if fast else "residential",
        "oneway": oneway,
        "length": round(length, 3),
        "speed_kph": speed,
        "travel_time": max(1, round(length / speed * 3600)) / 1000,
    }
    ends = [(a["x"], a["y"]), (b["x"], b["y"])]
    graph.add_edge(u, v, **common, geometry=LineString(ends))
    if not oneway:
        graph.add_edge(v, u, **common, geometry=LineString(ends[::-1]))
