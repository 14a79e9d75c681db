"""An answer by the long way: Dijkstra over edges and what was driven before them.

Every vehicle carries its last edges along, so that each restriction can be read off as it is
written; nothing of the splitting of junctions in `routing.compiled.states` is used.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import networkx as nx

from routing import EdgeId, Snap
from tests.routing.maps import positions, whole_ms

Driven = tuple[EdgeId, ...]


def allowed(restrictions: Sequence[Mapping[str, Any]], driven: Driven, edge: EdgeId) -> bool:
    """Whether `edge` may follow what was driven."""
    for row in restrictions:
        between = list(row["via"]) if isinstance(row["via"], list) else []
        before = (row["from"], *between)
        if driven[-len(before) :] != before:
            continue
        if (row["kind"] == "no") == (edge == row["to"]):
            return False
    return True


class LineGraph:
    """The streets of a graph with all that may have been driven before each junction."""

    def __init__(self, graph: nx.MultiDiGraph, closed: Collection[EdgeId] = ()) -> None:
        self.graph = graph
        self.rules = graph.graph.get("restrictions", [])
        self.kept = max(
            (1 + (len(r["via"]) if isinstance(r["via"], list) else 0) for r in self.rules),
            default=1,
        )
        self.lines: Any = nx.DiGraph()
        self.at: dict[int, set[Driven]] = {}
        waiting: list[tuple[int, Driven]] = [(node, ()) for node in graph]
        waiting += [(v, ((u, v, key),)) for u, v, key in graph.edges(keys=True)]
        while waiting:
            node, driven = waiting.pop()
            if driven in self.at.setdefault(node, set()):
                continue
            self.at[node].add(driven)
            self.lines.add_node((node, driven))
            for _, v, key in graph.out_edges(node, keys=True):
                edge = (node, v, key)
                if edge in closed or not allowed(self.rules, driven, edge):
                    continue
                after = (*driven, edge)[-self.kept :]
                ms = whole_ms(graph.edges[edge])
                self.lines.add_edge((node, driven), (v, after), ms=ms)
                waiting.append((v, after))

    def ms(self, start: Snap, end: Snap) -> int | None:
        """Whole milliseconds of the quickest way, None without one."""
        graph, lines = self.graph, self.lines
        here, there = positions(graph, start), positions(graph, end)
        # Between two states there is one edge, so that each way in has a node of its own.
        for n, (edge, fraction) in enumerate(here):
            if fraction in (0, 1):
                lines.add_edge("start", ("out", n), ms=0)
                lines.add_edge(("out", n), (edge[int(fraction)], ()), ms=0)
            else:
                ms = round((1 - fraction) * whole_ms(graph.edges[edge]))
                lines.add_edge("start", ("out", n), ms=ms)
                lines.add_edge(("out", n), (edge[1], (edge,)), ms=0)
        for n, (edge, fraction) in enumerate(there):
            lines.add_edge(("in", n), "end", ms=0)
            for driven in self.at[edge[0] if fraction not in (0, 1) else edge[int(fraction)]]:
                if fraction in (0, 1):
                    lines.add_edge((edge[int(fraction)], driven), ("in", n), ms=0)
                elif allowed(self.rules, driven, edge):
                    ms = round(fraction * whole_ms(graph.edges[edge]))
                    lines.add_edge((edge[0], driven), ("in", n), ms=ms)
        found: list[int] = []
        for edge, a in here:
            for other, b in there:
                if edge == other and a <= b and not (a in (0, 1) and b in (0, 1)):
                    share = b - a if edge == start.edge else start.fraction - end.fraction
                    share = share if end.edge == start.edge else b - a
                    found.append(round(share * whole_ms(graph.edges[edge])))
        with contextlib.suppress(nx.NetworkXNoPath):
            found.append(int(nx.dijkstra_path_length(lines, "start", "end", weight="ms")))
        ends = [(side, n) for side in ("out", "in") for n in range(2)]
        lines.remove_nodes_from(["start", "end", *ends])
        return min(found, default=None)
