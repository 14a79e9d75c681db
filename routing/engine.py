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
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from routing.table import Floats, Ints, StreetTable

#: The weight that RoutingKit takes for "no way through".
_INFINITE = 2**31 - 1
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Metric:
    """Weights of one moment: `arc_edge` is the fastest open edge of each arc, -1 for none.

    `ms` are the milliseconds of each edge by the speeds in force, closed ones too.
    """

    epoch: int
    closed: frozenset[int]
    ms: Ints
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
        self._nodes = table.nodes
        tail, head, self._arc_of = _arcs(table)
        self._tail, self._head = tail, head
        edges = np.argsort(self._arc_of, kind="stable")
        self._edges = edges[self._arc_of[edges] >= 0]
        self._first = np.searchsorted(self._arc_of[self._edges], np.arange(len(tail)))
        self._cch = CCH(order.tolist(), tail.tolist(), head.tolist(), False)
        self.base = self.weighted(0, self._ms, ())

    def weighted(self, epoch: int, ms: Ints, closed: Iterable[int]) -> Metric:
        """A metric by other milliseconds and closed edges, customised on the same hierarchy."""
        shut = frozenset(closed)
        if epoch and not shut and np.array_equal(ms, self._ms):
            return Metric(epoch, shut, self._ms, self.base.arc_edge, self.base.cch)
        cost = ms[self._edges].copy()
        if shut:
            cost[np.isin(self._edges, list(shut))] = _INFINITE
        weights = np.minimum.reduceat(cost, self._first) if len(cost) else cost
        per_arc = np.repeat(weights, np.diff(np.append(self._first, len(cost))))
        at = np.flatnonzero(cost == per_arc)[::-1]
        best = np.full(len(weights), -1, dtype=np.int64)
        best[self._arc_of[self._edges[at]]] = self._edges[at]
        best[weights >= _INFINITE] = -1
        return Metric(epoch, shut, ms, best, CCHMetric(self._cch, weights.tolist()))

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

    def from_any(self, metric: Metric, sources: Sequence[tuple[int, int]]) -> Floats:
        """Milliseconds from the soonest of (node, milliseconds so far) to every node."""
        nodes = self._nodes
        if not sources:
            return np.full(nodes, np.inf)
        open_arcs = np.flatnonzero(metric.arc_edge >= 0)
        # A node more, from which the sources are reached; SciPy takes 0 for no arc at all.
        starts: dict[int, int] = {}
        for node, ms in sources:
            starts[node] = min(ms, starts.get(node, ms))
        tail = np.concatenate([self._tail[open_arcs], np.full(len(starts), nodes)])
        head = np.concatenate([self._head[open_arcs], list(starts)])
        cost = np.concatenate([metric.ms[metric.arc_edge[open_arcs]], list(starts.values())])
        arcs = csr_array((cost + 1e-7, (tail, head)), shape=(nodes + 1, nodes + 1))
        found: Floats = np.rint(dijkstra(arcs, indices=nodes)[:nodes])
        return found

    def _mine(self, metric: Metric) -> _Mine:
        mine = _LOCAL.mine.get(self._number)
        if mine is None or mine.metric.cch is not metric.cch:
            # Query objects of engines that are gone must be dropped by their own thread: here.
            for number in [n for n, m in _LOCAL.mine.items() if m.engine() is None]:
                del _LOCAL.mine[number]
            mine = _Mine(weakref.ref(self), metric, CCHQuery(metric.cch))
            _LOCAL.mine[self._number] = mine
        return mine
