"""Which valves to close, and who then has no water.

The network becomes a graph of *elements*: every node, pipe and control. A pipe and its end node are
joined unless an isolation valve stands between them. Three levels of it are kept:

* a *cell* is a set of elements that share water whatever happens: joined without a valve, without
  a check valve, pump or reducing valve between them;
* a *segment* is a set of cells joined by anything but a valve: what has to be emptied together;
* between cells run *arcs*: through a valve (both ways) or through something that conducts one way.

To isolate a target is to take its segment, add those behind valves that cannot be turned, close
the valves around it, and look which cells no source reaches any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components

from gis_data.model import ONE_WAY_CONTROLS, Network, Pipe, UnknownElement, Valve


@dataclass(frozen=True, slots=True)
class Warning:
    """Something the person closing valves should know."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class IsolationPlan:
    """How to take `target` out of service, and what it costs.

    `valves_to_close`: in the order of closing, supply side first. `minimal_valves`: those of them
    that have water behind them once the others are shut; closing only these is enough. `segment_*`
    is what is emptied, `unintended_*` what else loses its last way to a source; elements that had
    no water before are not counted again. `premises`: ids of the premises on any of these.
    `already_closed`: boundary valves found shut. `closed` and `inoperable`: as asked.
    """

    target: str
    valves_to_close: tuple[str, ...]
    minimal_valves: tuple[str, ...]
    segment_pipes: tuple[str, ...]
    segment_nodes: tuple[str, ...]
    unintended_pipes: tuple[str, ...]
    unintended_nodes: tuple[str, ...]
    hydrants_lost: tuple[str, ...]
    premises: tuple[str, ...]
    warnings: tuple[Warning, ...]
    segments: tuple[int, ...] = ()
    segment_controls: tuple[str, ...] = ()
    unintended_controls: tuple[str, ...] = ()
    already_closed: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    inoperable: tuple[str, ...] = ()

    @property
    def sequence(self) -> dict[str, int]:
        """Valve -> its place in the order of closing, from 1."""
        return {valve: k for k, valve in enumerate(self.valves_to_close, 1)}

    def warned(self, code: str) -> bool:
        """Whether a warning of this code was given."""
        return any(w.code == code for w in self.warnings)


@dataclass(frozen=True, slots=True)
class Alternative:
    """The plan should `valve` turn out stuck, and what it adds to the first plan."""

    valve: str
    plan: IsolationPlan
    extra_valves: tuple[str, ...]
    extra_premises: tuple[str, ...]


class SegmentIndex:
    """Segments of a network, ready for isolation questions. Build again after an edit."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.node_ids = list(network.nodes)
        self.link_ids = [*network.pipes, *network.controls]
        self._pipes = len(network.pipes)
        self._nodes = len(self.node_ids)
        self.size = self._nodes + len(self.link_ids)
        # EPANET lets a node and a link share a name, so each kind has its own list.
        self._node_at = {name: k for k, name in enumerate(self.node_ids)}
        self._link_at = {name: self._nodes + k for k, name in enumerate(self.link_ids)}
        self._remembered: tuple[bytes, Any, Any] | None = None
        self._read_ends()
        self._label()
        self._lists()

    # --- building -------------------------------------------------------------------------------

    def _read_ends(self) -> None:
        """One row for each link end: node, link, whether it conducts out only, closed, valve."""
        links = self.network.links()
        count = len(links)
        start = np.array([self._node_at[link.start] for link in links], np.int64)
        end = np.array([self._node_at[link.end] for link in links], np.int64)
        shut = np.array([link.closed for link in links], bool)
        one_way = np.array(
            [
                link.one_way if isinstance(link, Pipe) else link.kind in ONE_WAY_CONTROLS
                for link in links
            ],
            bool,
        )
        link = np.arange(count) + self._nodes
        self._end_node = np.concatenate([start, end])
        self._end_link = np.concatenate([link, link])
        self._end_one_way = np.concatenate([np.zeros(count, bool), one_way])
        self._end_shut = np.concatenate([shut, shut])
        self._valve_ids: list[str] = []
        self._spare: dict[int, list[int]] = {}
        self.ignored_valves: list[str] = []
        valve_at = np.full(2 * count, -1, np.int64)
        for valve in self.network.valves.values():
            row = self._row_of(valve, count)
            if row is None:
                self.ignored_valves.append(valve.id)
                continue
            number = len(self._valve_ids)
            self._valve_ids.append(valve.id)
            if valve_at[row] >= 0:
                # A second valve at the same end: either of them will do.
                self._spare.setdefault(int(valve_at[row]), []).append(number)
            else:
                valve_at[row] = number
        self._end_valve = valve_at
        self._valve_number = {name: k for k, name in enumerate(self._valve_ids)}
        self._spare_of = {s: first for first, more in self._spare.items() for s in more}
        self._normally_shut = np.array(
            [not self.network.valves[v].normally_open for v in self._valve_ids], bool
        )
        self._never_turns = np.array(
            [self.network.valves[v].operable == "no" for v in self._valve_ids], bool
        )

    def _row_of(self, valve: Valve, count: int) -> int | None:
        link = self._link_at.get(valve.pipe, -1) - self._nodes
        node = self._node_at.get(valve.node, -1)
        if link < 0 or node < 0:
            return None
        if self._end_node[link] == node:
            return link
        return link + count if self._end_node[link + count] == node else None

    def _label(self) -> None:
        valved = self._end_valve >= 0
        conducts = ~self._end_shut
        free = ~valved & conducts
        self.segment_count, self._segment = self._components(free)
        self._cells, self._cell = self._components(free & ~self._end_one_way)
        # Arcs between cells: through a valve, or one way.
        rows = np.flatnonzero(conducts & (valved | self._end_one_way))
        self._arc_node = self._cell[self._end_node[rows]]
        self._arc_link = self._cell[self._end_link[rows]]
        self._arc_valve = self._end_valve[rows]
        self._arc_one_way = self._end_one_way[rows]
        self._arc_row = rows
        # Every valve bounds segments, even on a pipe that is shut anyway.
        rows = np.flatnonzero(valved)
        self._side_valve = self._end_valve[rows]
        self._side_shut = self._end_shut[rows]
        self._side_node = self._segment[self._end_node[rows]]
        self._side_link = self._segment[self._end_link[rows]]
        self._side_node_cell = self._cell[self._end_node[rows]]
        self._side_link_cell = self._cell[self._end_link[rows]]
        sources = [(self._node_at[n.id], n.kind) for n in self.network.sources()]
        self._sources = np.array([e for e, _ in sources], np.int64)
        self._source_cells = self._cell[self._sources] if sources else np.zeros(0, np.int64)
        self._reservoir = np.array([kind == "reservoir" for _, kind in sources], bool)

    def _components(self, rows: Any) -> tuple[int, Any]:
        a, b = self._end_node[rows], self._end_link[rows]
        graph = coo_matrix((np.ones(len(a), np.int8), (a, b)), shape=(self.size, self.size))
        count, label = connected_components(graph, directed=False)
        return int(count), label

    def _lists(self) -> None:
        self._by_segment = _grouped(self._segment, self.segment_count)
        self._by_cell = _grouped(self._cell, self._cells)
        both = np.concatenate([self._side_node, self._side_link])
        self._sides_at = _grouped(both, self.segment_count)
        self._hydrants: dict[int, list[str]] = {}
        for hydrant in self.network.hydrants.values():
            if hydrant.node in self._node_at:
                self._hydrants.setdefault(self._node_at[hydrant.node], []).append(hydrant.id)
        self._premises: dict[int, list[str]] = {}
        for service in self.network.services.values():
            if service.pipe in self._link_at:
                self._premises.setdefault(self._link_at[service.pipe], []).append(service.premise)

    # --- asking ---------------------------------------------------------------------------------

    def segment_of(self, element: str) -> int:
        """Segment number of a pipe, node, control, hydrant or service. Errors: UnknownElement."""
        return int(self._segment[self._elements_of(element)[0]])

    def members(self, segment: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(pipes, nodes) of a segment, in the order of the network."""
        pipes, nodes, _ = self._names(self._by_segment.of([segment]))
        return pipes, nodes

    def boundary(self, segment: int) -> tuple[str, ...]:
        """Valves with exactly one side in the segment, whatever their state."""
        inside = np.zeros(self.segment_count, bool)
        inside[segment] = True
        return tuple(
            sorted(
                self._valve_ids[self._side_valve[k]]
                for k in self._boundary_sides(inside, [segment])
            )
        )

    @cached_property
    def pipe_segments(self) -> dict[str, int]:
        """Segment of every pipe and control."""
        return {name: int(self._segment[e]) for name, e in self._link_at.items()}

    @cached_property
    def node_segments(self) -> dict[str, int]:
        """Segment of every node."""
        return {name: int(self._segment[e]) for name, e in self._node_at.items()}

    def _elements_of(self, target: str) -> list[int]:
        """Elements a target stands for; several where it bounds or blocks."""
        network = self.network
        if target.startswith("node:") and target[5:] in self._node_at:
            return [self._node_at[target[5:]]]
        if target in self._link_at:
            element = self._link_at[target]
            row = element - self._nodes
            if self._end_shut[row]:
                # Nobody says where along a shut pipe it is shut: empty it towards both ends.
                ends = [row, row + len(self.link_ids)]
                return [element, *(int(self._end_node[e]) for e in ends if self._end_valve[e] < 0)]
            return [element]
        if target in self._node_at:
            return [self._node_at[target]]
        if target in network.hydrants:
            return self._elements_of("node:" + network.hydrants[target].node)
        if target in network.services:
            return self._elements_of(network.services[target].pipe)
        if target in network.valves:
            valve = network.valves[target]
            found = [self._link_at.get(valve.pipe), self._node_at.get(valve.node)]
            known = [e for e in found if e is not None]
            if known:
                return known
        raise UnknownElement(target)

    def _names(self, elements: Any) -> tuple[tuple[str, ...], ...]:
        ordered = np.sort(np.asarray(elements, dtype=np.int64))
        nodes = ordered[ordered < self._nodes]
        links = ordered[ordered >= self._nodes] - self._nodes
        return (
            tuple(self.link_ids[k] for k in links[links < self._pipes]),
            tuple(self.node_ids[k] for k in nodes),
            tuple(self.link_ids[k] for k in links[links >= self._pipes]),
        )

    def _boundary_sides(self, inside: Any, segments: Iterable[int]) -> Any:
        sides = np.unique(self._sides_at.of(segments) % max(len(self._side_valve), 1))
        # A valve on a pipe that is shut anyway matters only to that pipe.
        sides = sides[inside[self._side_link[sides]] | ~self._side_shut[sides]]
        return sides[inside[self._side_node[sides]] != inside[self._side_link[sides]]]

    def _reach_before(self, conducting: Any) -> tuple[Any, Any]:
        """Reach from all sources and from reservoirs alone, with nothing isolated. Remembered."""
        key = conducting.tobytes()
        if self._remembered is None or self._remembered[0] != key:
            nothing = np.zeros(self._cells, bool)
            self._remembered = (
                key,
                self._reach(conducting, nothing, self._source_cells),
                self._reach(conducting, nothing, self._source_cells[self._reservoir]),
            )
        return self._remembered[1], self._remembered[2]

    def _reach(self, conducting: Any, blocked: Any, starts: Any) -> Any:
        """Order in which cells are reached from `starts`; -1 for cells that are not."""
        order = np.full(self._cells, -1, np.int64)
        starts = np.unique(starts)
        if not len(starts):
            return order
        use = conducting & ~blocked[self._arc_node] & ~blocked[self._arc_link]
        back = use & ~self._arc_one_way
        tail = np.concatenate(
            [self._arc_link[use], self._arc_node[back], np.full(len(starts), self._cells)]
        )
        head = np.concatenate([self._arc_node[use], self._arc_link[back], starts])
        size = self._cells + 1
        graph = csr_matrix((np.ones(len(tail), np.int8), (tail, head)), shape=(size, size))
        visited = breadth_first_order(graph, self._cells, directed=True, return_predecessors=False)[
            1:
        ]
        order[visited] = np.arange(len(visited))
        return order


class _Grouped:
    """Which items carry a label: items sorted by label, with the starts of each run."""

    def __init__(self, labels: Any, count: int) -> None:
        self._order = np.argsort(labels, kind="stable")
        self._starts = np.searchsorted(labels[self._order], np.arange(count + 1))

    def of(self, labels: Iterable[int]) -> Any:
        parts = [self._order[self._starts[k] : self._starts[k + 1]] for k in labels]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _grouped(labels: Any, count: int) -> _Grouped:
    return _Grouped(np.asarray(labels), count)


def isolate(
    network: Network | SegmentIndex,
    target: str,
    *,
    inoperable: Collection[str] = (),
    closed: Collection[str] = (),
    opened: Collection[str] = (),
) -> IsolationPlan:
    """The plan to isolate a pipe, node, control, valve, hydrant or service.

    Where a link and a node share a name, the link is meant; "node:<id>" names the node.

    `inoperable`: valves that cannot be turned, beside those the network knows. `closed`: valves or
    pipes shut at present, for instance by other jobs. `opened`: normally closed valves that stand
    open. Errors: UnknownElement for an id the network does not have.
    """
    from gis_data.isolation_plan import make_plan

    return make_plan(
        _index_for(network, closed),
        target,
        frozenset(inoperable),
        frozenset(closed),
        frozenset(opened),
    )


def alternatives(network: Network | SegmentIndex, plan: IsolationPlan) -> tuple[Alternative, ...]:
    """Plan B for each valve of the plan that might not turn, in the plan's order."""
    index = _index_for(network, plan.closed)
    found = []
    for valve in plan.valves_to_close:
        other = isolate(
            index, plan.target, inoperable={*plan.inoperable, valve}, closed=plan.closed
        )
        had_valves, had_premises = set(plan.valves_to_close), set(plan.premises)
        found.append(
            Alternative(
                valve,
                other,
                tuple(v for v in other.valves_to_close if v not in had_valves),
                tuple(p for p in other.premises if p not in had_premises),
            )
        )
    return tuple(found)


def _index_for(network: Network | SegmentIndex, closed: Collection[str]) -> SegmentIndex:
    from dataclasses import replace

    whole = network.network if isinstance(network, SegmentIndex) else network
    for name in closed:
        if name not in whole.valves and name not in whole.pipes and name not in whole.controls:
            raise UnknownElement(name)
    pipes = {n for n in closed if n in whole.pipes and not whole.pipes[n].closed}
    controls = {n for n in closed if n in whole.controls and not whole.controls[n].closed}
    if pipes or controls:
        return SegmentIndex(
            replace(
                whole,
                pipes={
                    n: replace(p, closed=True) if n in pipes else p for n, p in whole.pipes.items()
                },
                controls={
                    n: replace(c, closed=True) if n in controls else c
                    for n, c in whole.controls.items()
                },
            )
        )
    return network if isinstance(network, SegmentIndex) else SegmentIndex(network)
