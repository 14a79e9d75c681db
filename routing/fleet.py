"""Origins made ready for ranking: snapped and labelled once, asked often, corrected when moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from routing.engine import Engine, Labels, Metric
from routing.errors import BadCoordinate
from routing.model import Origin
from routing.places import Place
from routing.snap import Snapper
from routing.table import Floats, Ints, StreetTable

ON, OFF_NETWORK, BAD_POSITION = 0, 1, 2
_KEPT = 8


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """One row per origin, in the order given.

    `kind` is ON, OFF_NETWORK or BAD_POSITION; `edge`, `fraction`, `twin` its place (-1 for none),
    `rank` its place among the ids in order. seeds (ranks of states, -1 for none), seed_ms, seed_m:
    [origins, 2], where it gets onto the network. `labels` belong to `metric`.
    """

    ids: list[str]
    lons: list[float]
    lats: list[float]
    max_m: float
    kind: Any
    edge: Ints
    fraction: Floats
    twin: Ints
    rank: Ints
    seeds: Any
    seed_ms: Any
    seed_m: Any
    metric: Metric
    labels: Labels

    def place(self, row: int) -> Place:
        """Where the origin of a row stands; it must be ON."""
        return Place(int(self.edge[row]), float(self.fraction[row]), int(self.twin[row]))


class Fleets:
    """The fleets asked about of late. Safe to share between threads."""

    def __init__(self, table: StreetTable, twins: Ints, snapper: Snapper, engine: Engine) -> None:
        self._table = table
        self._twins = twins
        self._snapper = snapper
        self._engine = engine
        self._kept: list[Fleet] = []

    def get(self, metric: Metric, origins: Sequence[Origin], max_m: float) -> Fleet:
        """The origins made ready; asked again only those that moved are looked at anew."""
        ids = [origin.id for origin in origins]
        lons = [origin.lon for origin in origins]
        lats = [origin.lat for origin in origins]
        kept = self._kept
        known = next((f for f in kept if f.max_m == max_m and f.ids == ids), None)
        if known is None:
            fleet = self._new(metric, ids, lons, lats, max_m)
        else:
            fleet = known
            if known.lons != lons or known.lats != lats:
                fleet = self._moved(metric, known, lons, lats)
            if fleet.metric is not metric:
                fleet = self._weighed(metric, fleet)
            if fleet is known:
                return fleet
        others = [f for f in kept if f is not known]
        self._kept = [fleet, *others[: _KEPT - 1]]
        return fleet

    def of_places(self, metric: Metric, places: Sequence[Place | None]) -> Fleet:
        """A fleet of places, None for those on no street; it is not kept."""
        edge = np.array([-1 if p is None else p.edge for p in places], dtype=np.int64)
        fraction = np.array([0.0 if p is None else p.fraction for p in places], dtype=np.float64)
        kind = np.where(edge < 0, OFF_NETWORK, ON)
        twin = np.where(edge < 0, -1, self._twins[edge])
        empty: list[Any] = [0.0] * len(edge)
        seeds, seed_ms, seed_m = self._seeds(metric, edge, fraction, twin)
        labels = self._engine.label(metric, (), seeds, seed_ms, None)
        return Fleet(
            [""] * len(edge), empty, empty, 0.0, kind, edge, fraction, twin,
            np.arange(len(edge)), seeds, seed_ms, seed_m, metric, labels,
        )  # fmt: skip

    def _new(
        self, metric: Metric, ids: list[str], lons: list[float], lats: list[float], max_m: float
    ) -> Fleet:
        kind, edge, fraction = self._snapped(lons, lats, max_m)
        twin = np.where(edge < 0, -1, self._twins[edge])
        rank = np.empty(len(ids), dtype=np.int64)
        rank[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
        seeds, seed_ms, seed_m = self._seeds(metric, edge, fraction, twin)
        labels = self._engine.label(metric, (), seeds, seed_ms, None)
        return Fleet(
            ids, lons, lats, max_m, kind, edge, fraction, twin, rank, seeds, seed_ms, seed_m,
            metric, labels,
        )  # fmt: skip

    def _moved(self, metric: Metric, fleet: Fleet, lons: list[float], lats: list[float]) -> Fleet:
        pairs = zip(lons, fleet.lons, lats, fleet.lats, strict=True)
        rows = [i for i, (a, b, c, d) in enumerate(pairs) if a != b or c != d]
        found = self._snapped([lons[i] for i in rows], [lats[i] for i in rows], fleet.max_m)
        kind, edge, fraction = fleet.kind.copy(), fleet.edge.copy(), fleet.fraction.copy()
        kind[rows], edge[rows], fraction[rows] = found
        twin = np.where(edge < 0, -1, self._twins[edge])
        fleet = replace(
            fleet, lons=lons, lats=lats, kind=kind, edge=edge, fraction=fraction, twin=twin
        )
        if fleet.metric is not metric:
            return self._weighed(metric, fleet)
        seeds, seed_ms, seed_m = self._seeds(metric, edge, fraction, twin)
        labels = self._engine.label(metric, rows, seeds, seed_ms, fleet.labels)
        return replace(fleet, seeds=seeds, seed_ms=seed_ms, seed_m=seed_m, labels=labels)

    def _weighed(self, metric: Metric, fleet: Fleet) -> Fleet:
        seeds, seed_ms, seed_m = self._seeds(metric, fleet.edge, fleet.fraction, fleet.twin)
        labels = self._engine.label(metric, (), seeds, seed_ms, None)
        return replace(
            fleet, seeds=seeds, seed_ms=seed_ms, seed_m=seed_m, metric=metric, labels=labels
        )

    def _snapped(
        self, lons: Sequence[float], lats: Sequence[float], max_m: float
    ) -> tuple[Any, Ints, Floats]:
        """(kind, edge, fraction) of positions."""
        kind = np.zeros(len(lons), dtype=np.int64)
        for i, (lon, lat) in enumerate(zip(lons, lats, strict=True)):
            try:
                self._snapper.check(lon, lat)
            except BadCoordinate:
                kind[i] = BAD_POSITION
        edge = np.full(len(lons), -1, dtype=np.int64)
        fraction = np.zeros(len(lons))
        sound = np.flatnonzero(kind == ON)
        rows = sound.tolist()
        found, at, metres = self._snapper.nearest([lons[i] for i in rows], [lats[i] for i in rows])
        on = metres <= max_m
        kind[sound[~on]] = OFF_NETWORK
        edge[sound[on]], fraction[sound[on]] = found[on], at[on]
        return kind, edge, fraction

    def _seeds(self, metric: Metric, edge: Ints, at: Floats, twin: Ints) -> tuple[Any, Any, Any]:
        """The ways out that `places.ways_out` gives, of all rows at once."""
        table, after = self._table, self._engine.states.after
        on, middle = edge >= 0, (edge >= 0) & (at > 0) & (at < 1)
        states = np.full((len(edge), 2), -1, dtype=np.int64)
        # At a junction only that junction counts: the street itself may be closed.
        states[:, 0] = np.where(
            middle, after[edge], np.where(at <= 0, table.tail[edge], table.head[edge])
        )
        states[:, 1] = np.where(middle & (twin >= 0), after[twin], -1)
        states[~on] = -1
        shares = np.column_stack([np.where(middle, 1 - at, 0.0), np.where(middle, at, 0.0)])
        both = np.column_stack([edge, twin])
        ms = np.rint(shares * metric.ms[both]).astype(np.int32)
        # Both ends of a loop may be one state: the nearer counts, of two as near the first.
        same = (states[:, 0] == states[:, 1]) & (states[:, 1] >= 0)
        states[same & (ms[:, 0] <= ms[:, 1]), 1] = -1
        states[same & (ms[:, 0] > ms[:, 1]), 0] = -1
        return self._engine.ranks(states), ms, shares * table.length[both]
