"""Single ways: found by the engine, told as legs on edges, a line and a turn list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from shapely import LineString

from routing.alternatives import other_ways
from routing.engine import Engine, Metric
from routing.errors import Unreachable
from routing.model import Leg, Route
from routing.places import Part, Place, straight_along, ways_in, ways_out
from routing.snap import Snapper, straight_m
from routing.table import Ints, StreetTable
from routing.turns import steps_of


class Ways:
    """Finds ways between places over one table of streets. Safe to share between threads."""

    def __init__(self, table: StreetTable, snapper: Snapper, engine: Engine) -> None:
        self._table = table
        self._snapper = snapper
        self._engine = engine
        self._texts = table.texts()

    def street(self, edge: int) -> str:
        """The name of an edge's street."""
        return self._texts[int(self._table.name[edge])]

    def access(self, edge: int) -> str:
        """Who may use an edge's street, "" for everybody."""
        return self._texts[int(self._table.access[edge])]

    def best(self, metric: Metric, start: Place, end: Place) -> Route:
        """The quickest way. Raises Unreachable."""
        return self._route(self._found(metric, start, end), end)

    def several(self, metric: Metric, start: Place, end: Place, k: int) -> list[Route]:
        """The quickest way and up to k - 1 others. Raises Unreachable."""
        best = self._found(metric, start, end)
        dearer = metric

        def search(ms: np.ndarray) -> list[Part] | None:
            nonlocal dearer
            dearer = self._engine.weighted(dearer, -1, ms, metric.closed)
            return self.parts(dearer, start, end)

        ways = other_ways(search, best, metric.ms, self._table.length, k)
        return [self._route(parts, end) for parts in ways]

    def parts(self, metric: Metric, start: Place, end: Place) -> list[Part] | None:
        """The edge parts of the quickest way, None when there is none."""
        outward = ways_out(self._table, self._engine.states, metric.ms, start)
        inward = ways_in(self._table, self._engine.states, metric.ms, end)
        found = self._engine.path(
            metric, [(s.state, s.ms) for s in outward], [(s.state, s.ms) for s in inward]
        )
        direct = straight_along(metric.ms, start, end)
        if direct is not None and (found is None or direct.ms <= found[0]):
            return [direct]
        if found is None:
            return None
        _, source, target, edges = found
        times = metric.ms[edges].tolist() if edges else []
        middle = [Part(e, 0.0, 1.0, ms) for e, ms in zip(edges, times, strict=True)]
        whole = (outward[source].part, *middle, inward[target].part)
        return [part for part in whole if part is not None]

    def _found(self, metric: Metric, start: Place, end: Place) -> list[Part]:
        parts = self.parts(metric, start, end)
        if parts is None:
            by_closure = bool(metric.closed) and (
                self.parts(self._engine.base, start, end) is not None
            )
            a = self._snapper.place(start.edge, start.fraction)
            b = self._snapper.place(end.edge, end.fraction)
            raise Unreachable(straight_m(*a, *b), by_closure)
        return parts

    def _route(self, parts: Sequence[Part], end: Place) -> Route:
        legs = self._legs(parts)
        points: list[tuple[float, float]] = []
        for leg in legs:
            points += leg.coordinates[1:] if points else leg.coordinates
        if not points:
            points = [self._snapper.place(end.edge, end.fraction)] * 2
        return Route(
            seconds=sum(round(leg.seconds * 1000) for leg in legs) / 1000,
            metres=sum(leg.metres for leg in legs),
            geometry=LineString(points),
            steps=steps_of(legs),
            legs=tuple(legs),
        )

    def _legs(self, parts: Sequence[Part]) -> list[Leg]:
        table, edges = self._table, np.array([part.edge for part in parts], dtype=np.int64)
        tails = table.node_id[table.tail[edges]].tolist()
        heads = table.node_id[table.head[edges]].tolist()
        keys, names = table.key[edges].tolist(), table.name[edges].tolist()
        metres = table.length[edges].tolist()
        lines = self._lines(parts, edges)
        return [
            Leg(
                (tails[i], heads[i], keys[i]),
                self._texts[names[i]],
                metres[i] * (part.end - part.start),
                part.ms / 1000,
                lines[i],
            )
            for i, part in enumerate(parts)
            if part.end > part.start
        ]

    def _lines(self, parts: Sequence[Part], edges: Ints) -> list[tuple[tuple[float, float], ...]]:
        """The course of each part; the points of all edges are fetched in one go."""
        first, last = self._table.point_at[edges], self._table.point_at[edges + 1]
        counts = last - first
        begins = np.cumsum(counts) - counts
        rows = np.arange(int(counts.sum())) + np.repeat(first - begins, counts)
        points = list(map(tuple, self._table.points[rows].tolist()))
        spans = zip(parts, begins.tolist(), (begins + counts).tolist(), strict=True)
        return [
            tuple(points[a:b]) if part.start <= 0 and part.end >= 1
            else self._snapper.part(part.edge, part.start, part.end)
            for part, a, b in spans
        ]  # fmt: skip
