"""What is in force on the streets: closures, speeds other than the map's, and their weights."""

from __future__ import annotations

import math
import operator
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from routing.engine import Engine, Metric
from routing.errors import RoutingError, UnknownEdge
from routing.model import Closure, EdgeId
from routing.table import MAX_EDGE_MS, Ints, StreetTable


def must_carry_a_zone(until: datetime | None) -> None:
    """Raises RoutingError for a time without a zone."""
    if until is not None and until.tzinfo is None:
        raise RoutingError("until must carry a time zone.")


class StreetState:
    """Closures and speeds of one process, and the metric that follows from them.

    Changes take a lock and put a new metric in place; a metric never changes, so that a question
    in another thread sees the state before or after and no mixture.
    """

    def __init__(
        self, table: StreetTable, twins: Ints, engine: Engine, clock: Callable[[], datetime]
    ) -> None:
        self._table = table
        self._twins = twins
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._metric: Metric = engine.base
        self._closed: dict[int, datetime | None] = {}
        self._speeds: dict[int, float] = {}
        self._next_expiry: datetime | None = None

    def metric(self) -> Metric:
        """The weights of now: closures that have run out are lifted first."""
        expiry = self._next_expiry
        if expiry is not None and self._clock() >= expiry:
            with self._lock:
                now = self._clock()
                closed = {e: u for e, u in self._closed.items() if u is None or u > now}
                self._change(closed, self._speeds)
        return self._metric

    def closures(self) -> tuple[Closure, ...]:
        """The closed edges, in order."""
        self.metric()
        with self._lock:
            rows = sorted(self._closed.items(), key=lambda row: row[0])
        return tuple(Closure(self.edge_id(edge), until) for edge, until in rows)

    def speeds(self) -> dict[EdgeId, float]:
        """Edges not driven at the map's speed, km/h."""
        with self._lock:
            rows = sorted(self._speeds.items())
        return {self.edge_id(edge): kph for edge, kph in rows}

    def close(
        self, edges: Iterable[int], until: datetime | None, *, both_ways: bool
    ) -> tuple[EdgeId, ...]:
        """Closes edges, with `both_ways` those the other way too; returns all it closed."""
        shut = self._with_twins(set(edges), both_ways)
        with self._lock:
            self._change({**self._closed, **dict.fromkeys(shut, until)}, self._speeds)
        return self.edge_ids(shut)

    def reopen(self, edges: Iterable[int] | None, *, both_ways: bool) -> None:
        """Opens edges again, all of them for None; speeds stay."""
        freed = None if edges is None else self._with_twins(set(edges), both_ways)
        with self._lock:
            kept = {} if freed is None else {
                e: u for e, u in self._closed.items() if e not in freed
            }  # fmt: skip
            self._change(kept, self._speeds)

    def apply(self, closed: Iterable[EdgeId], speeds: Mapping[EdgeId, float]) -> None:
        """Puts exactly these closures and speeds (km/h) in force. Raises UnknownEdge, RoutingError.

        Nothing changes, and the epoch stays, where they are in force already.
        """
        shut: dict[int, datetime | None] = {self.edge_number(edge): None for edge in closed}
        slow = {}
        for edge, kph in speeds.items():
            if not (isinstance(kph, int | float) and math.isfinite(kph) and kph > 0):
                raise RoutingError(f"The speed of street edge {edge!r:.60} must be above zero.")
            slow[self.edge_number(edge)] = float(kph)
        with self._lock:
            self._change(shut, slow)

    def edge_id(self, edge: int) -> EdgeId:
        """The public name of an edge number."""
        table = self._table
        return (
            int(table.node_id[table.tail[edge]]),
            int(table.node_id[table.head[edge]]),
            int(table.key[edge]),
        )

    def edge_ids(self, edges: Iterable[int]) -> tuple[EdgeId, ...]:
        """Public names, in the order of the numbers."""
        return tuple(self.edge_id(edge) for edge in sorted(edges))

    def edge_number(self, edge: EdgeId) -> int:
        """The number of an edge by its public name. Raises UnknownEdge."""
        table = self._table
        try:
            u, v, key = (operator.index(number) for number in edge)
            tail, head = (int(np.searchsorted(table.node_id, node)) for node in (u, v))
            # Edges are sorted by tail, head and key.
            first, last = (int(k) for k in np.searchsorted(table.tail, (tail, tail + 1)))
            heads = table.head[first:last]
            first, last = (first + int(k) for k in np.searchsorted(heads, (head, head + 1)))
            found = first + int(np.searchsorted(table.key[first:last], key))
            if found < last and self.edge_id(found) == (u, v, key):
                return found
        except (IndexError, TypeError, ValueError, OverflowError):
            pass
        raise UnknownEdge(f"There is no street edge {edge!r:.60}.")

    def _with_twins(self, edges: set[int], both_ways: bool) -> set[int]:
        if not both_ways:
            return edges
        return edges | {int(self._twins[edge]) for edge in edges} - {-1}

    def _change(self, closed: dict[int, datetime | None], speeds: dict[int, float]) -> None:
        """Takes up a new state; the caller holds the lock."""
        if closed.keys() != self._closed.keys() or speeds != self._speeds:
            ms = self._metric.ms if speeds == self._speeds else self._milliseconds(speeds)
            before = self._metric
            self._metric = self._engine.weighted(before, before.epoch + 1, ms, closed)
        self._closed, self._speeds = closed, speeds
        times = [until for until in closed.values() if until is not None]
        self._next_expiry = min(times) if times else None

    def _milliseconds(self, speeds: Mapping[int, float]) -> Any:
        if not speeds:
            return self._engine.base.ms
        ms = self._engine.base.ms.copy()
        edges = np.fromiter(speeds.keys(), dtype=np.int64, count=len(speeds))
        kph = np.fromiter(speeds.values(), dtype=np.float64, count=len(speeds))
        ms[edges] = np.clip(np.rint(self._table.length[edges] / kph * 3600), 1, MAX_EDGE_MS)
        return ms
