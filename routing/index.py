"""The compiled street index: ranks crews by travel time, finds routes, takes closures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import shapely
from shapely import LineString

from routing.alternatives import other_ways
from routing.engine import Engine, Metric, make_order
from routing.errors import (
    BadCoordinate,
    OffNetwork,
    RoutingError,
    SnapshotError,
    UnknownEdge,
    Unreachable,
)
from routing.isochrone import grounds_round, pieces_within
from routing.model import (
    Closure,
    Coverage,
    EdgeId,
    Isochrone,
    Leg,
    LonLat,
    Origin,
    Reach,
    ReachNote,
    Route,
    Snap,
)
from routing.places import (
    Fleet,
    Part,
    Place,
    Seed,
    make_fleet,
    straight_along,
    ways_in,
    ways_out,
)
from routing.snap import Snapper, find_twins, straight_m
from routing.snapshot import read_snapshot, write_snapshot
from routing.state import StreetState, must_carry_a_zone
from routing.table import Floats, Ints, StreetTable
from routing.turns import steps_of
from routing.walking import street_graph, walking_metres

#: How far a position may lie from the nearest street.
MAX_SNAP_M = 300.0
#: For how many of the first origins `nearest` works out metres when not told.
MEASURED = 20
_FLEETS_KEPT = 8
_SNAPS_KEPT = 20_000


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class StreetIndex:
    """Streets ready for questions; every method may be called from any thread.

    Positions are (lon, lat). Costs are whole milliseconds inside, seconds outside; two answers
    that cost the same are ordered by id. A closed edge may not be driven through; a place on it
    can still be left and reached from its ends, as crews are let into works.
    """

    def __init__(
        self,
        table: StreetTable,
        order: Ints,
        twins: Ints,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._table = table
        self._order = order
        self._twins = twins
        self._snapper = Snapper(table, twins)
        self._engine = Engine(table, order)
        self._texts = table.texts()
        self._lock = threading.Lock()
        self._state = StreetState(table, twins, self._engine, clock)
        self._fleets: list[Fleet] = []
        self._snaps: dict[tuple[float, float], tuple[int, float, float]] = {}
        self._on_foot: Any = None
        self.version = table.version()

    # -- making, saving, opening ---------------------------------------------------------------

    @classmethod
    def compile(
        cls, graph: nx.MultiDiGraph, clock: Callable[[], datetime] = utc_now
    ) -> StreetIndex:
        """Compiles an OSMnx-form graph. Raises RoutingError when it has no edge or is unsound."""
        table = StreetTable.from_graph(graph)
        if table.edges == 0:
            raise RoutingError("A street graph without edges cannot be compiled.")
        return cls(table, make_order(table), find_twins(table), clock=clock)

    def save(self, directory: Path | str) -> None:
        """Writes the index (without closures) so that `open` finds the old or the new, whole."""
        arrays = {**self._table.arrays(), "order": self._order, "twins": self._twins}
        counts = {"nodes": self._table.nodes, "edges": self._table.edges}
        write_snapshot(Path(directory), self.version, arrays, counts)

    @classmethod
    def open(cls, directory: Path | str, clock: Callable[[], datetime] = utc_now) -> StreetIndex:
        """Opens what `save` wrote, checking every file. Raises SnapshotError."""
        version, arrays = read_snapshot(Path(directory))
        try:
            table = StreetTable.from_arrays(arrays)
            index = cls(table, arrays["order"], arrays["twins"], clock=clock)
        except (KeyError, ValueError, IndexError) as error:
            raise SnapshotError(
                f"The street snapshot {Path(directory).name} lacks a column or is unsound."
            ) from error
        if index.version != version:
            raise SnapshotError(
                f"The street snapshot {Path(directory).name} is not the version it says."
            )
        return index

    @property
    def nodes(self) -> int:
        """How many junctions and dead ends."""
        return self._table.nodes

    @property
    def edges(self) -> int:
        """How many directed edges."""
        return self._table.edges

    def warm(self) -> None:
        """Makes this thread's query objects, so that its first question is quick."""
        self._engine.path(self._current(), [(0, 0)], [(0, 0)])

    # -- questions -----------------------------------------------------------------------------

    def snap(self, lon: float, lat: float, max_m: float = MAX_SNAP_M) -> Snap:
        """The place on a street nearest to a position. Raises BadCoordinate, OffNetwork."""
        self._snapper.check(lon, lat)
        edge, fraction, metres = self._snap(float(lon), float(lat))
        if metres > max_m:
            raise OffNetwork(metres, max_m)
        on_lon, on_lat = self._snapper.place(edge, fraction)
        side = self._snapper.side(edge, fraction, lon, lat)
        return Snap(self._edge_id(edge), fraction, metres, on_lon, on_lat, self._street(edge), side)

    def nearest(
        self,
        to: tuple[float, float] | Snap,
        origins: Sequence[Origin],
        k: int | None = None,
        max_m: float = MAX_SNAP_M,
    ) -> list[Reach]:
        """All origins by travel time to a place; those that cannot get there stand last.

        `metres` along the road is worked out for the first `k` (20 when not given). Behind the
        reachable come those of note "unreachable", "off_network" (farther than `max_m` from any
        street) and "bad_position", each by id. Raises BadCoordinate or OffNetwork for `to`.
        """
        metric = self._current()
        target = self._place(to, max_m)
        fleet = self._fleet(metric, tuple(origins), max_m)
        inward = ways_in(self._table, metric.ms, target)
        reaches: list[Reach] = []
        if fleet.places:
            total = self._costs(metric, fleet, inward, target)
            order = np.lexsort((fleet.rank, total))
            known = int(np.count_nonzero(total < np.inf))
            measured = min(MEASURED if k is None else max(k, 0), known)
            ranked = order.tolist()
            seconds: list[float | None] = (total[order] / 1000).tolist()
            seconds[known:] = [None] * (len(ranked) - known)
            metres: list[float | None] = [None] * len(ranked)
            for position in range(measured):
                metres[position] = self._metres(
                    metric, fleet.places[ranked[position]], inward, target
                )
            notes: list[ReachNote] = [""] * len(ranked)
            notes[known:] = ["unreachable"] * (len(ranked) - known)
            if metric.closed:
                for position in range(known):
                    if self._on_closed(metric, fleet.places[ranked[position]]):
                        notes[position] = "on_closed_street"
            ids = [fleet.ids[i] for i in ranked]
            reaches = list(map(Reach, ids, seconds, metres, notes))
        reaches += [Reach(name, None, None, note) for name, note in fleet.off]
        return reaches

    def route(
        self,
        origin: tuple[float, float] | Snap,
        destination: tuple[float, float] | Snap,
        max_m: float = MAX_SNAP_M,
    ) -> Route:
        """The quickest way. Raises Unreachable, BadCoordinate, OffNetwork."""
        metric = self._current()
        start, end = self._place(origin, max_m), self._place(destination, max_m)
        parts = self._parts(metric, start, end, ways_in(self._table, metric.ms, end))
        if parts is None:
            raise self._unreachable(metric, start, end)
        return self._route(parts, end)

    def alternatives(
        self,
        origin: tuple[float, float] | Snap,
        destination: tuple[float, float] | Snap,
        k: int = 3,
        max_m: float = MAX_SNAP_M,
    ) -> list[Route]:
        """The quickest way, and up to k - 1 others that differ from it and from each other.

        Raises Unreachable, BadCoordinate, OffNetwork.
        """
        metric = self._current()
        start, end = self._place(origin, max_m), self._place(destination, max_m)
        best = self._parts(metric, start, end, ways_in(self._table, metric.ms, end))
        if best is None:
            raise self._unreachable(metric, start, end)

        def search(ms: Ints) -> list[Part] | None:
            dearer = self._engine.weighted(-1, ms, metric.closed)
            return self._parts(dearer, start, end, ways_in(self._table, ms, end))

        ways = other_ways(search, best, metric.ms, self._table.length, k)
        return [self._route(parts, end) for parts in ways]

    def matrix(
        self,
        origins: Sequence[tuple[float, float] | Snap],
        destinations: Sequence[tuple[float, float] | Snap],
        max_m: float = MAX_SNAP_M,
    ) -> Floats:
        """Seconds from each origin to each destination, shape (origins, destinations).

        Infinite where no way leads or a place lies farther than `max_m` from any street. Raises
        BadCoordinate.
        """
        metric = self._current()
        seconds = np.full((len(origins), len(destinations)), np.inf)
        starts, ends = self._places(origins, max_m), self._places(destinations, max_m)
        rows = [i for i, place in enumerate(starts) if place is not None]
        on = [(str(i), place) for i, place in enumerate(starts) if place is not None]
        if not on:
            return seconds
        fleet = make_fleet(self._table, metric.ms, metric.epoch, (), max_m, on, [])
        for column, end in enumerate(ends):
            if end is not None:
                inward = ways_in(self._table, metric.ms, end)
                seconds[rows, column] = self._costs(metric, fleet, inward, end) / 1000
        return seconds

    def coverage(self, origins: Sequence[Origin], max_m: float = MAX_SNAP_M) -> Coverage:
        """How soon the first of the origins is at each junction; those on no street are left out.

        A closed street is not driven through.
        """
        metric = self._current()
        table = self._table
        soonest, _ = self._soonest(metric, origins, max_m)
        return Coverage(soonest / 1000, np.asarray(table.lon), np.asarray(table.lat))

    def isochrone(
        self,
        origins: Sequence[Origin],
        limits_s: Sequence[float],
        max_m: float = MAX_SNAP_M,
    ) -> list[Isochrone]:
        """What the first of the origins reaches within each of the limits (seconds), as given."""
        for limit in limits_s:
            if not (isinstance(limit, int | float) and limit >= 0):
                raise RoutingError("A time limit must be a number of seconds, not below zero.")
        metric = self._current()
        soonest, starts = self._soonest(metric, origins, max_m)
        closed = np.zeros(self._table.edges, dtype=bool)
        closed[list(metric.closed)] = True
        streets = [
            pieces_within(
                self._table, metric.ms, closed, soonest, starts, limit * 1000,
                self._snapper.measures,
            )
            for limit in limits_s
        ]  # fmt: skip
        rows = zip(limits_s, streets, grounds_round(streets), strict=True)
        return [Isochrone(float(limit), lines, area) for limit, lines, area in rows]

    def _soonest(
        self, metric: Metric, origins: Sequence[Origin], max_m: float
    ) -> tuple[Floats, list[tuple[Part, float]]]:
        """Milliseconds to every node, and the stretches on which the origins set out."""
        fleet = self._fleet(metric, tuple(origins), max_m)
        seeds = [s for place in fleet.places for s in ways_out(self._table, metric.ms, place)]
        soonest = self._engine.from_any(metric, [(s.node, s.ms) for s in seeds])
        return soonest, [(seed.part, 0.0) for seed in seeds if seed.part is not None]

    # -- closures ------------------------------------------------------------------------------

    def walking(
        self,
        starts: Sequence[tuple[float, float]],
        ends: Sequence[tuple[float, float]],
        limit_m: float,
    ) -> Floats:
        """Metres on foot from each start to each end, shape (starts, ends); inf beyond `limit_m`.

        Along the streets, one-way or not, closed or not. Raises BadCoordinate.
        """
        for lon, lat in (*starts, *ends):
            self._snapper.check(lon, lat)
        with self._lock:
            if self._on_foot is None:
                self._on_foot = street_graph(self._table)
        return walking_metres(self._table, self._on_foot, self._snapper, starts, ends, limit_m)

    @property
    def closures(self) -> tuple[Closure, ...]:
        """The closed edges, in order."""
        return self._state.closures()

    @property
    def speeds(self) -> dict[EdgeId, float]:
        """The edges not driven at the map's speed, and their km/h."""
        return self._state.speeds()

    @property
    def epoch(self) -> int:
        """Grows with every change of closures or speeds."""
        return self._current().epoch

    def close(
        self,
        edge_ids: Iterable[EdgeId],
        until: datetime | None = None,
        *,
        both_ways: bool = True,
    ) -> tuple[EdgeId, ...]:
        """Closes edges, and with `both_ways` the same street the other way; returns all closed.

        `until` must carry a time zone; from then on the edge is open again. Raises UnknownEdge.
        """
        must_carry_a_zone(until)
        edges = {self._edge_number(edge) for edge in edge_ids}
        return self._state.close(edges, until, both_ways=both_ways)

    def close_polygon(
        self, area: shapely.Geometry, until: datetime | None = None
    ) -> tuple[EdgeId, ...]:
        """Closes every street that touches an area given in (lon, lat); returns the edges."""
        must_carry_a_zone(until)
        return self._state.close(self._crossed(area), until, both_ways=True)

    def crossed_by(self, area: shapely.Geometry) -> tuple[EdgeId, ...]:
        """The edges, both ways, of every street that touches an area given in (lon, lat)."""
        edges = self._crossed(area)
        twins = {int(self._twins[edge]) for edge in edges} - {-1}
        return self._state.edge_ids(edges | twins)

    def _crossed(self, area: shapely.Geometry) -> set[int]:
        if area.is_empty or not area.is_valid:
            raise RoutingError("The area to close is empty or crosses itself.")
        west, south, east, north = area.bounds
        self._snapper.check(west, south)
        self._snapper.check(east, north)
        return set(self._snapper.crossed_by(area).tolist())

    def reopen(self, edge_ids: Iterable[EdgeId] | None = None, *, both_ways: bool = True) -> None:
        """Opens edges again; all of them when none are named. Raises UnknownEdge."""
        edges = None if edge_ids is None else {self._edge_number(edge) for edge in edge_ids}
        self._state.reopen(edges, both_ways=both_ways)

    def apply(self, closed: Iterable[EdgeId], speeds: Mapping[EdgeId, float] | None = None) -> None:
        """Puts exactly these closures and speeds (km/h) in force, in one stroke.

        Edges are meant as they are named, one direction each. Where the same are in force
        already nothing happens. Raises UnknownEdge, RoutingError for a speed that is none.
        """
        self._state.apply(closed, speeds or {})

    def has_edge(self, edge: EdgeId) -> bool:
        """Whether the streets have an edge of this name: a newer map may lack it."""
        try:
            self._edge_number(edge)
        except UnknownEdge:
            return False
        return True

    def edge_line(self, edge: EdgeId) -> LineString:
        """The course of an edge in (lon, lat), as it is driven. Raises UnknownEdge."""
        return LineString(self._snapper.part(self._edge_number(edge), 0.0, 1.0))

    def edge_name(self, edge: EdgeId) -> str:
        """The name of an edge's street, "" when it has none. Raises UnknownEdge."""
        return self._street(self._edge_number(edge))

    def edge_kph(self, edge: EdgeId) -> float:
        """The speed of an edge by the map, whatever is in force now. Raises UnknownEdge."""
        number = self._edge_number(edge)
        return float(self._table.length[number] / self._engine.base.ms[number] * 3600)

    def other_way(self, edge: EdgeId) -> EdgeId | None:
        """The same stretch of street in the other direction, None where there is none."""
        twin = int(self._twins[self._edge_number(edge)])
        return None if twin < 0 else self._edge_id(twin)

    def _current(self) -> Metric:
        return self._state.metric()

    # -- inside --------------------------------------------------------------------------------

    def _edge_id(self, edge: int) -> EdgeId:
        return self._state.edge_id(edge)

    def _edge_number(self, edge: EdgeId) -> int:
        return self._state.edge_number(edge)

    def _street(self, edge: int) -> str:
        return self._texts[int(self._table.name[edge])]

    def _snap(self, lon: float, lat: float) -> tuple[int, float, float]:
        known = self._snaps.get((lon, lat))
        if known is None:
            edge, fraction, metres = self._snapper.nearest([lon], [lat])
            known = int(edge[0]), float(fraction[0]), float(metres[0])
            self._remember({(lon, lat): known})
        return known

    def _remember(self, snaps: dict[tuple[float, float], tuple[int, float, float]]) -> None:
        if len(self._snaps) + len(snaps) > _SNAPS_KEPT:
            self._snaps = {}
        self._snaps.update(snaps)

    def _place(self, at: tuple[float, float] | Snap, max_m: float) -> Place:
        if isinstance(at, Snap):
            edge, fraction = self._edge_number(at.edge), at.fraction
            twin = int(self._twins[edge])
            # Of a two-way street the lower edge stands for both.
            if 0 <= twin < edge:
                edge, twin, fraction = twin, edge, 1.0 - fraction
            return Place(edge, fraction, twin)
        lon, lat = at
        self._snapper.check(lon, lat)
        edge, fraction, metres = self._snap(float(lon), float(lat))
        if metres > max_m:
            raise OffNetwork(metres, max_m)
        return Place(edge, fraction, int(self._twins[edge]))

    def _places(
        self, places: Sequence[tuple[float, float] | Snap], max_m: float
    ) -> list[Place | None]:
        """Each place on its street, None for those too far from any."""
        found: list[Place | None] = []
        for at in places:
            try:
                found.append(self._place(at, max_m))
            except OffNetwork:
                found.append(None)
        return found

    def _costs(self, metric: Metric, fleet: Fleet, inward: list[Seed], target: Place) -> Floats:
        """Milliseconds from each of the fleet to a place."""
        costs = self._engine.costs_to(metric, fleet.nodes, [(s.node, s.ms) for s in inward])
        total = np.minimum(costs[fleet.head] + fleet.head_ms, costs[fleet.tail] + fleet.tail_ms)
        for i in np.flatnonzero(fleet.edge == target.edge).tolist():
            direct = straight_along(metric.ms, fleet.places[i], target)
            if direct is not None:
                total[i] = min(total[i], direct.ms)
        return total

    def _fleet(self, metric: Metric, origins: tuple[Origin, ...], max_m: float) -> Fleet:
        """The origins made ready; the same ones asked again are found as they were."""
        for fleet in self._fleets:
            if (fleet.epoch, fleet.max_m) == (metric.epoch, max_m) and fleet.origins == origins:
                return fleet
        fleet = self._new_fleet(metric, origins, max_m)
        self._fleets = [fleet, *self._fleets[: _FLEETS_KEPT - 1]]
        return fleet

    def _new_fleet(self, metric: Metric, origins: tuple[Origin, ...], max_m: float) -> Fleet:
        off: list[tuple[str, ReachNote]] = []
        sound: list[Origin] = []
        snaps: dict[tuple[float, float], tuple[int, float, float]] = {}
        new: dict[tuple[float, float], None] = {}
        for origin in origins:
            at = (origin.lon, origin.lat)
            known = self._snaps.get(at)
            if known is None:
                try:
                    self._snapper.check(*at)
                except BadCoordinate:
                    off.append((origin.id, "bad_position"))
                    continue
                new[at] = None
            else:
                snaps[at] = known
            sound.append(origin)
        if new:
            lons, lats = zip(*new, strict=True)
            rows = zip(*(part.tolist() for part in self._snapper.nearest(lons, lats)), strict=True)
            fresh = dict(zip(new, rows, strict=True))
            self._remember(fresh)
            snaps.update(fresh)
        on: list[tuple[str, Place]] = []
        for origin in sound:
            edge, fraction, metres = snaps[origin.lon, origin.lat]
            if metres > max_m:
                off.append((origin.id, "off_network"))
            else:
                on.append((origin.id, Place(edge, fraction, int(self._twins[edge]))))
        return make_fleet(self._table, metric.ms, metric.epoch, origins, max_m, on, off)

    def _on_closed(self, metric: Metric, place: Place) -> bool:
        return not place.junction and (place.edge in metric.closed or place.twin in metric.closed)

    def _parts(
        self, metric: Metric, start: Place, end: Place, inward: list[Seed]
    ) -> list[Part] | None:
        """The edge parts of the quickest way, None when there is none."""
        outward = ways_out(self._table, metric.ms, start)
        found = self._engine.path(
            metric, [(s.node, s.ms) for s in outward], [(s.node, s.ms) for s in inward]
        )
        direct = straight_along(metric.ms, start, end)
        if direct is not None and (found is None or direct.ms <= found[0]):
            return [direct]
        if found is None:
            return None
        _, nodes, edges = found
        first = next(seed.part for seed in outward if seed.node == nodes[0])
        last = next(seed.part for seed in inward if seed.node == nodes[-1])
        middle = (Part(edge, 0.0, 1.0, int(metric.ms[edge])) for edge in edges)
        return [part for part in (first, *middle, last) if part is not None]

    def _metres(self, metric: Metric, start: Place, inward: list[Seed], end: Place) -> float:
        length = self._table.length
        parts = self._parts(metric, start, end, inward) or []
        return sum(float(length[part.edge]) * (part.end - part.start) for part in parts)

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
        return [
            Leg(
                (tails[i], heads[i], keys[i]),
                self._texts[names[i]],
                metres[i] * (part.end - part.start),
                part.ms / 1000,
                self._snapper.part(part.edge, part.start, part.end),
            )
            for i, part in enumerate(parts)
            if part.end > part.start
        ]

    def _unreachable(self, metric: Metric, start: Place, end: Place) -> Unreachable:
        inward = ways_in(self._table, metric.ms, end)
        by_closure = bool(metric.closed) and (
            self._parts(self._engine.base, start, end, inward) is not None
        )
        a = self._snapper.place(start.edge, start.fraction)
        b = self._snapper.place(end.edge, end.fraction)
        return Unreachable(straight_m(*a, *b), by_closure)


__all__ = ["MAX_SNAP_M", "MEASURED", "LonLat", "StreetIndex"]
