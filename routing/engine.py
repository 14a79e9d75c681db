"""The contraction hierarchy: what routingkit-cch needs, and how threads may share it.

A CCH and its metric may be read by every thread; query objects belong to the thread that made
them and panic anywhere else. So queries live in thread-local
storage, and a closure makes a new metric (same hierarchy, other weights) that each thread takes
up at its next question. A metric never changes once made.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from routingkit_cch import CCH, CCHManyToOne, CCHMetric, CCHQuery, compute_order_inertial

from routing.table import Ints, StreetTable

#: The weight that RoutingKit takes for "no way through".
_INFINITE = 2**31 - 1
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Metric:
    """Weights of one moment: `arc_edge` is the fastest open edge of each arc, -1 for none."""

    epoch: int
    closed: frozenset[int]
    arc_edge: Ints
    cch: CCHMetric


@dataclass(slots=True)
class _Mine:
    """The query objects of one thread for one engine."""

    engine: weakref.ref[Engine]
    metric: Metric
    query: CCHQuery
    many: CCHManyToOne | None = None
    pinned: bytes = b""


class _Local(threading.local):
    def __init__(self) -> None:
        self.mine: dict[int, _Mine] = {}


_LOCAL = _Local()


def make_order(table: StreetTable) -> Ints:
    """Nested-dissection order of the nodes: the slow part, done once per map."""
    tail, head, _ = _arcs(table)
    order = compute_order_inertial(
        table.nodes, tail.tolist(), head.tolist(), table.lat.tolist(), table.lon.tolist()
    )
    return np.array(order, dtype=np.int64)


def _arcs(table: StreetTable) -> tuple[Ints, Ints, Ints]:
    """Simple arcs (tail, head) and the arc of each edge; loops have none (-1)."""
    code = table.tail * table.nodes + table.head
    proper = table.tail != table.head
    unique, inverse = np.unique(code[proper], return_inverse=True)
    arc_of = np.full(table.edges, -1, dtype=np.int64)
    arc_of[proper] = inverse
    return unique // table.nodes, unique % table.nodes, arc_of


class Engine:
    """The hierarchy over a street table. Safe to share between threads.

    Parallel edges become one arc that stands for the fastest of them still open.
    """

    def __init__(self, table: StreetTable, order: Ints) -> None:
        self._number = next(_NUMBERS)
        self._ms = np.asarray(table.ms)
        tail, head, self._arc_of = _arcs(table)
        edges = np.lexsort((np.arange(table.edges), self._ms, self._arc_of))
        edges = edges[self._arc_of[edges] >= 0]
        self._edges = edges
        self._first = np.searchsorted(self._arc_of[edges], np.arange(len(tail) + 1))
        self._cch = CCH(order.tolist(), tail.tolist(), head.tolist(), False)
        self._base_edge = edges[self._first[:-1]]
        self._base_ms = self._ms[self._base_edge].tolist()
        self.base = self._metric(0, frozenset())

    def _metric(self, epoch: int, closed: frozenset[int]) -> Metric:
        best, weights = self._base_edge, self._base_ms
        arcs = {int(self._arc_of[edge]) for edge in closed} - {-1}
        if arcs:
            best, weights = best.copy(), weights.copy()
        for arc in arcs:
            options = self._edges[self._first[arc] : self._first[arc + 1]].tolist()
            still = next((edge for edge in options if edge not in closed), -1)
            best[arc] = still
            weights[arc] = int(self._ms[still]) if still >= 0 else _INFINITE
        return Metric(epoch, closed, best, CCHMetric(self._cch, weights))

    def with_closed(self, epoch: int, closed: Iterable[int]) -> Metric:
        """A metric for the whole set of closed edges, customised anew on the same hierarchy."""
        edges = frozenset(closed)
        if not edges:
            return Metric(epoch, edges, self.base.arc_edge, self.base.cch)
        return self._metric(epoch, edges)

    def path(
        self,
        metric: Metric,
        sources: Sequence[tuple[int, int]],
        targets: Sequence[tuple[int, int]],
    ) -> tuple[int, list[int], list[int]] | None:
        """The cheapest way from any (node, milliseconds so far) to any (node, still to go).

        Returns (milliseconds, nodes, edges), or None when there is no way.
        """
        mine = self._mine(metric)
        result = mine.query.run_multi(list(sources), list(targets))
        # The result must be gone before the next question: the library panics otherwise.
        cost, nodes, arcs = result.distance, result.node_path, result.arc_path
        del result
        if cost is None or cost >= _INFINITE:
            return None
        return cost, nodes, metric.arc_edge[arcs].tolist() if arcs else []

    def costs_to(
        self,
        metric: Metric,
        nodes: npt.NDArray[np.int64],
        targets: Sequence[tuple[int, int]],
    ) -> npt.NDArray[np.float64]:
        """Milliseconds from each of `nodes` to the nearest target; infinite where no way leads.

        The nodes stay pinned in this thread, so asking again with the same ones is quick.
        """
        mine = self._mine(metric)
        key = nodes.tobytes()
        if mine.many is None:
            mine.many = CCHManyToOne(metric.cch, nodes.tolist())
        elif mine.pinned != key:
            mine.many.repin_sources(nodes.tolist())
        mine.pinned = key
        costs = np.array(mine.many.distances_to_multi(list(targets)), dtype=np.float64)
        return np.where(np.isnan(costs) | (costs >= _INFINITE), np.inf, costs)

    def _mine(self, metric: Metric) -> _Mine:
        mine = _LOCAL.mine.get(self._number)
        if mine is None or mine.metric.cch is not metric.cch:
            # Query objects of engines that are gone must be dropped by their own thread: here.
            for number in [n for n, m in _LOCAL.mine.items() if m.engine() is None]:
                del _LOCAL.mine[number]
            mine = _Mine(weakref.ref(self), metric, CCHQuery(metric.cch))
            _LOCAL.mine[self._number] = mine
        return mine
