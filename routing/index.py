"""The compiled street index: ranks crews by travel time, finds routes, takes closures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import shapely
from shapely import LineString

from routing.compiled.squares import Squares
from routing.engine import Engine, Metric
from routing.errors import OffNetwork, RoutingError, SnapshotError, UnknownEdge
from routing.fleet import ON, Fleet, Fleets
from routing.isochrone import grounds_round, pieces_within
from routing.matching import Matcher
from routing.model import (
    Closure,
    Coverage,
    EdgeId,
    Fix,
    Isochrone,
    LonLat,
    Matched,
    Origin,
    Reach,
    ReachNote,
    Route,
    Snap,
)
from routing.places import Part, Place, Seed, straight_along, ways_in, ways_out
from routing.snap import Snapper, find_twins
from routing.snapshot import read_snapshot, verify_snapshot, write_snapshot
from routing.state import StreetState, must_carry_a_zone
from routing.table import Floats, Ints, StreetTable
from routing.walking import street_graph, walking_metres
from routing.ways import Ways

#: How far a position may lie from the nearest street.
MAX_SNAP_M = 300.0
#: For how many of the first origins `nearest` works out metres when not told.
MEASURED = 20
#: A Reach of a row, without the Python function that a named tuple goes through: there are many.
_reach: Callable[[tuple[Any, ...]], Reach] = partial(tuple.__new__, Reach)
_NOTES: tuple[ReachNote, ...] = ("unreachable", "off_network", "bad_position")


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
        twins: Ints,
        engine: Engine,
        squares: Squares,
        version: str,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._table = table
        self._twins = twins
        self._engine = engine
        self._snapper = Snapper(table, squares)
        self._ways = Ways(table, self._snapper, engine)
        self._fleets = Fleets(table, twins, self._snapper, engine)
        self._state = StreetState(table, twins, engine, clock)
        self._lock = threading.Lock()
        self._on_foot: Any = None
        self._matcher: Matcher | None = None
        self.version = version

    # -- making, saving, opening ---------------------------------------------------------------

    @classmethod
    def compile(
        cls, graph: nx.MultiDiGraph, clock: Callable[[], datetime] = utc_now
    ) -> StreetIndex:
        """Compiles an OSMnx-form graph. Raises RoutingError when it has no edge or is unsound."""
        return cls.of_table(StreetTable.from_graph(graph), clock)

    @classmethod
    def of_table(cls, table: StreetTable, clock: Callable[[], datetime] = utc_now) -> StreetIndex:
        """Compiles a table of streets. Raises RoutingError when it has no edge."""
        if table.edges == 0:
            raise RoutingError("A street graph without edges cannot be compiled.")
        twins = find_twins(table)
        engine, squares = Engine.of(table), Squares.of(table, twins)
        return cls(table, twins, engine, squares, table.version(), clock=clock)

    def save(self, directory: Path | str) -> None:
        """Writes the index (without closures) so that `open` finds the old or the new, whole."""
        arrays = {
            **self._table.arrays(), "twins": self._twins,
            **self._engine.columns(), **self._snapper.squares.columns(),
        }  # fmt: skip
        counts = {"nodes": self._table.nodes, "edges": self._table.edges}
        write_snapshot(Path(directory), self.version, arrays, counts)

    @classmethod
    def open(cls, directory: Path | str, clock: Callable[[], datetime] = utc_now) -> StreetIndex:
        """Maps what `save` wrote. Raises SnapshotError.

        Checks what can be checked at once; `verify` reads everything. Streets saved before there
        was an engine of our own are compiled and saved anew, which may take half a minute.
        """
        version, arrays = read_snapshot(Path(directory))
        try:
            table = StreetTable.from_arrays(arrays)
            if "order" in arrays:
                index = cls.of_table(table, clock)
                if index.version != version:
                    raise SnapshotError(f"{Path(directory).name} is not the version it says.")
                try:
                    index.save(directory)
                except OSError:
                    # A folder that cannot be written to: this process has its own copy.
                    return index
                return cls.open(directory, clock)
            engine, squares = Engine.named(table, arrays), Squares.named(arrays)
            return cls(table, arrays["twins"], engine, squares, version, clock=clock)
        except (KeyError, ValueError, IndexError) as error:
            raise SnapshotError(
                f"The street snapshot {Path(directory).name} lacks a column or is unsound."
            ) from error

    @staticmethod
    def verify(directory: Path | str) -> str:
        """Reads all of what `save` wrote and checks it; returns the version.

        Raises SnapshotError.
        """
        return verify_snapshot(Path(directory))

    @property
    def nodes(self) -> int:
        """How many junctions and dead ends."""
        return self._table.nodes

    @property
    def edges(self) -> int:
        """How many directed edges."""
        return self._table.edges

    @property
    def states(self) -> int:
        """How many places the search tells apart: junctions, and those split by restrictions."""
        return self._engine.states.count

    def warm(self) -> None:
        """Makes this thread's scratch columns, so that its first question is quick."""
        self._engine.path(self._current(), [(0, 0)], [(0, 0)])

    # -- questions -----------------------------------------------------------------------------

    def snap(self, lon: float, lat: float, max_m: float = MAX_SNAP_M) -> Snap:
        """The place on a street nearest to a position. Raises BadCoordinate, OffNetwork."""
        self._snapper.check(lon, lat)
        edges, fractions, metres = self._snapper.nearest([lon], [lat])
        edge, fraction = int(edges[0]), float(fractions[0])
        if metres[0] > max_m:
            raise OffNetwork(float(metres[0]), max_m)
        on_lon, on_lat = self._snapper.place(edge, fraction)
        side = self._snapper.side(edge, fraction, lon, lat)
        return Snap(
            self._edge_id(edge), fraction, float(metres[0]), on_lon, on_lat,
            self._ways.street(edge), side, self._ways.access(edge),
        )  # fmt: skip

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
        if not origins:
            return []
        fleet = self._fleets.get(metric, origins, max_m)
        inward = self._ways_in(metric, target)
        total = self._costs(metric, fleet, [(inward, target)])[:, 0]
        order = np.lexsort((fleet.rank, total, fleet.kind))
        ranked = order.tolist()
        known = int(np.count_nonzero(total < np.inf))
        seconds: list[float | None] = (total[order] / 1000).tolist()
        seconds[known:] = [None] * (len(ranked) - known)
        metres: list[float | None] = [None] * len(ranked)
        measured = min(MEASURED if k is None else max(k, 0), known)
        metres[:measured] = self._metres(metric, fleet, order[:measured], total, inward, target)
        notes: list[ReachNote] = [""] * known
        notes += [_NOTES[kind] for kind in fleet.kind[order[known:]].tolist()]
        if metric.closed:
            for position in np.flatnonzero(self._on_closed(metric, fleet)[order[:known]]).tolist():
                notes[position] = "on_closed_street"
        ids = [fleet.ids[i] for i in ranked]
        return list(map(_reach, zip(ids, seconds, metres, notes, strict=True)))

    def route(
        self,
        origin: tuple[float, float] | Snap,
        destination: tuple[float, float] | Snap,
        max_m: float = MAX_SNAP_M,
    ) -> Route:
        """The quickest way. Raises Unreachable, BadCoordinate, OffNetwork."""
        start, end = self._place(origin, max_m), self._place(destination, max_m)
        return self._ways.best(self._current(), start, end)

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
        start, end = self._place(origin, max_m), self._place(destination, max_m)
        return self._ways.several(self._current(), start, end, k)

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
        starts, ends = self._places(origins, max_m), self._places(destinations, max_m)
        seconds = np.full((len(starts), len(ends)), np.inf)
        columns = [j for j, place in enumerate(ends) if place is not None]
        if starts and columns:
            fleet = self._fleets.of_places(metric, starts)
            targets = [(self._ways_in(metric, end), end) for end in ends if end is not None]
            seconds[:, columns] = self._costs(metric, fleet, targets) / 1000
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
        streets = [
            pieces_within(
                self._table, self._twins, metric, soonest, starts, limit * 1000,
                self._snapper.measures,
            )
            for limit in limits_s
        ]  # fmt: skip
        rows = zip(limits_s, streets, grounds_round(streets), strict=True)
        return [Isochrone(float(limit), lines, area) for limit, lines, area in rows]

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

    def match(self, points: Sequence[Fix], sigma_m: float = 10.0) -> Matched:
        """The streets on which a row of positions (lon, lat, time) was driven.

        `sigma_m`: how far positions usually lie from where the vehicle was. A position farther
        than 50 m from every street is on none. Raises BadCoordinate.
        """
        if not (isinstance(sigma_m, int | float) and 0 < sigma_m <= 100):
            raise RoutingError("sigma_m must lie between 0 and 100 metres.")
        for lon, lat, _ in points:
            self._snapper.check(lon, lat)
        with self._lock:
            if self._matcher is None:
                self._matcher = Matcher(self._table, self._twins, self._snapper)
        edges, fractions, driven, metres = self._matcher.match(points, sigma_m)
        rows = edges.tolist()
        return Matched(
            edges=tuple(None if edge < 0 else self._edge_id(edge) for edge in rows),
            fractions=tuple(fractions.tolist()),
            streets=tuple("" if edge < 0 else self._ways.street(edge) for edge in rows),
            metres=metres,
            driven=tuple(self._edge_id(edge) for edge in driven),
        )

    # -- closures and speeds --------------------------------------------------------------------

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
        return self._ways.street(self._edge_number(edge))

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

    def _place(self, at: tuple[float, float] | Snap, max_m: float) -> Place:
        ((place, metres),) = self._snapped([at])
        if metres > max_m:
            raise OffNetwork(metres, max_m)
        return place

    def _places(
        self, places: Sequence[tuple[float, float] | Snap], max_m: float
    ) -> list[Place | None]:
        """Each place on its street, None for those too far from any. Raises BadCoordinate."""
        return [place if metres <= max_m else None for place, metres in self._snapped(places)]

    def _snapped(self, places: Sequence[tuple[float, float] | Snap]) -> list[tuple[Place, float]]:
        """Places on streets, and how far they lay from them; a Snap lies on one."""
        asked = [at for at in places if not isinstance(at, Snap)]
        for lon, lat in asked:
            self._snapper.check(lon, lat)
        columns = self._snapper.nearest([at[0] for at in asked], [at[1] for at in asked])
        rows = zip(*(column.tolist() for column in columns), strict=True)
        found = []
        for at in places:
            if isinstance(at, Snap):
                edge, fraction, metres = self._edge_number(at.edge), at.fraction, 0.0
                twin = int(self._twins[edge])
                # Of a two-way street the lower edge stands for both.
                if 0 <= twin < edge:
                    edge, fraction = twin, 1.0 - fraction
            else:
                edge, fraction, metres = next(rows)
            found.append((Place(edge, fraction, int(self._twins[edge])), metres))
        return found

    def _ways_in(self, metric: Metric, target: Place) -> list[Seed]:
        return ways_in(self._table, self._engine.states, metric.ms, target)

    def _costs(
        self, metric: Metric, fleet: Fleet, targets: Sequence[tuple[list[Seed], Place]]
    ) -> Floats:
        """Milliseconds from each of the fleet to each place, infinite where no way leads."""
        seeds = [[(s.state, s.ms) for s in inward] for inward, _ in targets]
        total = self._engine.costs(metric, fleet.labels, seeds)
        at: dict[int, list[int]] = {}
        for column, (_, target) in enumerate(targets):
            at.setdefault(target.edge, []).append(column)
        for row in np.flatnonzero(np.isin(fleet.edge, list(at))).tolist():
            start = fleet.place(row)
            for column in at[start.edge]:
                direct = straight_along(metric.ms, start, targets[column][1])
                if direct is not None:
                    total[row, column] = min(total[row, column], direct.ms)
        return total

    def _metres(
        self, metric: Metric, fleet: Fleet, rows: Ints, total: Floats, inward: list[Seed],
        target: Place,
    ) -> list[float | None]:  # fmt: skip
        """Metres of the quickest way from some rows of a fleet."""
        if not len(rows):
            return []
        length = self._table.length

        def far(part: Part | None) -> float:
            return 0.0 if part is None else float(length[part.edge]) * (part.end - part.start)

        targets = [(s.state, s.ms, far(s.part)) for s in inward]
        metres: list[float | None] = self._engine.metres(
            metric, rows, fleet.seeds, fleet.seed_ms, fleet.seed_m, targets
        ).tolist()
        for position in np.flatnonzero(fleet.edge[rows] == target.edge).tolist():
            direct = straight_along(metric.ms, fleet.place(int(rows[position])), target)
            if direct is not None and direct.ms <= total[rows[position]]:
                metres[position] = far(direct)
        return metres

    def _soonest(
        self, metric: Metric, origins: Sequence[Origin], max_m: float
    ) -> tuple[Floats, list[tuple[Part, float]]]:
        """Milliseconds to every junction, and the stretches on which the origins set out."""
        if not origins:
            return np.full(self._table.nodes, np.inf), []
        fleet = self._fleets.get(metric, origins, max_m)
        seeds = [
            seed for row in np.flatnonzero(fleet.kind == ON).tolist()
            for seed in ways_out(self._table, self._engine.states, metric.ms, fleet.place(row))
        ]  # fmt: skip
        soonest = self._engine.from_any(metric, [(s.state, s.ms) for s in seeds])
        return soonest, [(seed.part, 0.0) for seed in seeds if seed.part is not None]

    @staticmethod
    def _on_closed(metric: Metric, fleet: Fleet) -> Any:
        inside = (fleet.fraction > 0) & (fleet.fraction < 1)
        shut = metric.shut[fleet.edge] | ((fleet.twin >= 0) & metric.shut[fleet.twin])
        return inside & shut


__all__ = ["MAX_SNAP_M", "MEASURED", "LonLat", "StreetIndex"]
