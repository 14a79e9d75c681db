"""The engine: states and hierarchy of one street table, and the weights of a moment over them.

Every array is read-only and shared by threads; a change makes new weights and leaves the old ones
to the questions that still use them. Only the scratch columns of searches belong to a thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from routing.compiled import search, weights
from routing.compiled.hierarchy import Hierarchy
from routing.compiled.jit import freeze
from routing.compiled.states import States
from routing.table import Floats, Ints, StreetTable

#: With more changed streets than this the whole hierarchy is customised anew.
_MANY = 3000


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """Weights of one moment.

    `ms`: milliseconds of each edge by the speeds in force, closed ones too; `shut`: whether it is
    closed; `cost` and `best`: of each arc the milliseconds and the edge that is fastest, -1 for
    none; `up`, `down`: the hierarchy's.
    """

    epoch: int
    closed: frozenset[int]
    ms: Any
    shut: Any
    cost: Any
    best: Any
    up: Any
    down: Any

    def columns(self) -> dict[str, Any]:
        """The columns by name, `closed` left out."""
        return {
            f"weights.{name}": getattr(self, name) for name in ("ms", "cost", "best", "up", "down")
        }


class _Scratch:
    """Columns that searches of one thread use and leave as they found them."""

    def __init__(self, count: int) -> None:
        def far() -> Any:
            return np.full(count, weights.FAR, dtype=np.int32)

        def free() -> Any:
            return np.empty(count, dtype=np.int32)

        self.one = (far(), free(), free())
        self.both = (*self.one, far(), free(), free())


class Engine:
    """Searches over a street table. Safe to share between threads."""

    def __init__(
        self,
        table: StreetTable,
        states: States,
        hierarchy: Hierarchy,
        kept: dict[str, Any] | None = None,
    ) -> None:
        self.states = states
        self.hierarchy = hierarchy
        h = hierarchy
        self._length = freeze(table.length, np.float64)
        self._tree = (h.up_at, h.up_head)
        self._links = (h.low, h.down_at, h.down_arc, h.up_input, h.down_input)
        self._mine = threading.local()
        shut = freeze(np.zeros(table.edges, dtype=np.bool_))
        if kept is not None:
            names = ("ms", "cost", "best", "up", "down")
            ms, cost, best, up, down = (kept[f"weights.{name}"] for name in names)
        else:
            ms = freeze(table.ms, np.int32)
            cost = np.empty(len(states.tail), dtype=np.int32)
            best = np.empty(len(states.tail), dtype=np.int32)
            arcs = freeze(np.arange(len(cost)), np.int64)
            weights.arc_costs(arcs, states.arc_at, states.arc_edges, ms, shut, cost, best)
            cost, best = freeze(cost), freeze(best)
            up, down = map(freeze, weights.customise(*self._tree, h.up_input, h.down_input, cost))
        self.base = Metric(0, frozenset(), ms, shut, cost, best, up, down)

    @classmethod
    def of(cls, table: StreetTable) -> Engine:
        """The engine of a table: splits junctions, orders, customises."""
        states = States.of(table)
        return cls(table, states, Hierarchy.of(table, states))

    @classmethod
    def named(cls, table: StreetTable, arrays: dict[str, Any]) -> Engine:
        """The engine whose `columns` these are; KeyError when one is missing."""
        return cls(table, States.named(arrays), Hierarchy.named(arrays), arrays)

    def columns(self) -> dict[str, Any]:
        """Every column by name, for `named`."""
        return {**self.states.columns(), **self.hierarchy.columns(), **self.base.columns()}

    def weighted(self, before: Metric, epoch: int, ms: Any, closed: Iterable[int]) -> Metric:
        """The weights by other milliseconds and closed edges, worked out from those before."""
        base, states, h = self.base, self.states, self.hierarchy
        closed = frozenset(closed)
        if not closed and ms is base.ms:
            return replace(base, epoch=epoch)
        ms = freeze(ms, np.int32)
        shut = np.zeros(len(base.shut), dtype=np.bool_)
        shut[list(closed)] = True
        other = before.shut != shut
        if ms is not before.ms:
            other |= ms != before.ms
        shut = freeze(shut)
        arcs = self._arcs_of(np.flatnonzero(other))
        cost, best = before.cost.copy(), before.best.copy()
        weights.arc_costs(freeze(arcs), states.arc_at, states.arc_edges, ms, shut, cost, best)
        arcs = arcs[cost[arcs] != before.cost[arcs]]
        cost, best = freeze(cost), freeze(best)
        if len(arcs) > _MANY:
            up, down = weights.customise(*self._tree, h.up_input, h.down_input, cost)
        else:
            up, down = before.up.copy(), before.down.copy()
            place = h.place[arcs]
            changed = freeze(np.where(place >= 0, place, ~place), np.int32)
            weights.update(*self._tree, *self._links, cost, up, down, changed)
        return Metric(epoch, closed, ms, shut, cost, best, freeze(up), freeze(down))

    def _arcs_of(self, edges: Ints) -> Ints:
        states = self.states
        arcs = states.arc_of_edge[edges]
        if len(states.extra_edge):
            more = states.arc_of_extra[np.isin(states.extra_edge, edges)]
            arcs = np.concatenate([arcs, more])
        return np.unique(arcs[arcs >= 0]).astype(np.int64)

    def _scratch(self) -> _Scratch:
        found: _Scratch | None = getattr(self._mine, "scratch", None)
        if found is None:
            found = self._mine.scratch = _Scratch(self.states.count)
        return found

    def ranks(self, states: Any) -> Any:
        """Ranks of states as searches want them; -1 stays."""
        states = np.asarray(states, dtype=np.int64)
        return freeze(np.where(states >= 0, self.hierarchy.rank[states], -1), np.int32)

    def path(
        self,
        metric: Metric,
        sources: Sequence[tuple[int, int]],
        targets: Sequence[tuple[int, int]],
    ) -> tuple[int, int, int, list[int]] | None:
        """The quickest way from any (state, milliseconds so far) to any (state, still to go).

        Returns (milliseconds, number of the source, of the target, edges), None for no way.
        """
        rank = self.hierarchy.rank
        a, b = np.array(sources, dtype=np.int32), np.array(targets, dtype=np.int32)
        ms, source, target, arcs = search.find_way(
            *self._tree, *self._links, metric.cost, metric.up, metric.down,
            freeze(rank[a[:, 0]]), freeze(a[:, 1]), freeze(rank[b[:, 0]]), freeze(b[:, 1]),
            *self._scratch().both,
        )  # fmt: skip
        if ms >= weights.FAR:
            return None
        return int(ms), int(source), int(target), metric.best[arcs].tolist()

    def label(
        self, metric: Metric, rows: Any, seeds: Any, seed_ms: Any, labels: Labels | None
    ) -> Labels:
        """Labels of origins, those of `rows` made new, the others as in `labels`.

        seeds (ranks) and seed_ms: [origins, 2]. Where `labels` is None all rows are needed.
        """
        count = len(seeds)
        width = 256 if labels is None else labels.rank.shape[1]
        while True:
            if labels is None:
                rank = np.empty((count, width), dtype=np.int32)
                ms = np.empty((count, width), dtype=np.int32)
                size = np.zeros(count, dtype=np.int32)
                rows = np.arange(count)
            else:
                rank, ms, size = labels.rank.copy(), labels.ms.copy(), labels.size.copy()
            needed = search.label_rows(
                *self._tree, metric.up, freeze(rows, np.int64), freeze(seeds), freeze(seed_ms),
                *self._scratch().one, rank, ms, size,
            )  # fmt: skip
            if needed <= width:
                return Labels(freeze(rank), freeze(ms), freeze(size))
            labels, width = None, int(needed * 1.25)

    def costs(
        self, metric: Metric, labels: Labels, targets: Sequence[Sequence[tuple[int, int]]]
    ) -> Floats:
        """Milliseconds [origins, destinations], infinite where no way leads.

        Each destination is a list of (state, milliseconds still to go).
        """
        at = np.cumsum([0, *map(len, targets)])
        flat = np.array([seed for seeds in targets for seed in seeds], dtype=np.int32)
        flat = flat.reshape(-1, 2)
        found = search.costs_to(
            *self._tree, metric.down, freeze(at, np.int64),
            freeze(self.hierarchy.rank[flat[:, 0]]), freeze(flat[:, 1]), *self._scratch().one,
            labels.rank, labels.ms, labels.size,
        )  # fmt: skip
        return np.where(found >= weights.FAR, np.inf, found)

    def metres(
        self, metric: Metric, rows: Any, seeds: Any, seed_ms: Any, seed_m: Any,
        targets: Sequence[tuple[int, int, float]],
    ) -> Floats:  # fmt: skip
        """Metres of the quickest way from some rows of origins; NaN where there is none.

        Seeds as for `label`, with their metres; targets: (state, milliseconds, metres to go).
        """
        states, ms, far = zip(*targets, strict=True)
        found: Floats = search.way_metres(
            *self._tree, *self._links, metric.cost, metric.up, metric.down, metric.best,
            self._length, freeze(rows, np.int64), freeze(seeds), freeze(seed_ms), freeze(seed_m),
            self.ranks(states), freeze(ms, np.int32), freeze(far, np.float64),
            *self._scratch().both,
        )  # fmt: skip
        return found

    def from_any(self, metric: Metric, sources: Sequence[tuple[int, int]]) -> Floats:
        """Milliseconds from the soonest of (state, milliseconds so far) to every junction."""
        flat = np.array(sources, dtype=np.int32).reshape(-1, 2)
        reached = search.sweep(
            *self._tree, metric.up, metric.down, freeze(self.hierarchy.rank[flat[:, 0]]),
            freeze(flat[:, 1]),
        )  # fmt: skip
        found: Floats = search.soonest_at(
            reached, self.hierarchy.rank, self.states.node, self.states.nodes
        )
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Of each origin the ranks it climbs to and the milliseconds: [origins, width] and sizes."""

    rank: Any
    ms: Any
    size: Any
