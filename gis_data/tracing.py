"""Traces: where an element's water comes from, where it goes, and what is dry when valves are shut.

Water moves between a link and its end node unless the link is shut or a shut valve stands there;
check valves, pumps and reducing valves let it pass one way. Nothing here knows pressures.

* `upstream`: what can lie on the water's way from a source to the target without passing anything
  twice. Ways are judged by direction (some source can send water there, and from there water can
  come to the target); that nothing is passed twice is judged without it, so beside one-way elements
  the answer may hold a little too much, never too little.
* `downstream`: what has no way from a source except through the target. In a loop nothing lies
  downstream of a pipe: which way the water runs there is for hydraulics to say.
* `connected`: everything joined to the target, whatever the direction, up to shut valves.
* `source_path`: the shortest way, by length of pipe, from the nearest source.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from gis_data.compiled.columns import freeze
from gis_data.compiled.index import SegmentIndex
from gis_data.compiled.questions import affected
from gis_data.compiled.walks import (
    between,
    conducting_ends,
    joined_cells,
    nearest_source,
    reached_elements,
)
from gis_data.model import NetworkError, UnknownElement

TraceKind = Literal["upstream", "downstream", "connected", "source_path"]


@dataclass(frozen=True, slots=True)
class Trace:
    """What a trace found, the target included; ids in the order of the network.

    For `source_path` pipes, nodes and controls stand in the order of the water, source first.
    `length_m`: of all pipes. `sources`: those among the nodes. `reached`: whether any source
    reaches the target; where none does, `upstream` holds the target alone, `downstream` and
    `source_path` nothing.
    """

    kind: TraceKind
    target: str
    pipes: tuple[str, ...]
    nodes: tuple[str, ...]
    controls: tuple[str, ...]
    length_m: float
    sources: tuple[str, ...]
    reached: bool


@dataclass(frozen=True, slots=True)
class Dry:
    """What has lost its water; ids in the order of the network, premises sorted.

    A premise counts when a line of its own fell dry and no other line still has water.
    """

    pipes: tuple[str, ...]
    nodes: tuple[str, ...]
    controls: tuple[str, ...]
    premises: tuple[str, ...]


def trace(
    index: SegmentIndex,
    element: str,
    kind: TraceKind,
    *,
    closed: Collection[str] = (),
    opened: Collection[str] = (),
) -> Trace:
    """The trace from a pipe, node ("node:<id>" where a link shares its name), control or hydrant.

    A valve or service line stands for its pipe. `closed`: valves, pipes or controls shut at
    present beside those that normally are; `opened`: normally closed valves that stand open.
    Errors: UnknownElement; NetworkError ('kind').
    """
    if kind not in get_args(TraceKind):
        known = ", ".join(get_args(TraceKind))
        raise NetworkError("kind", f"{str(kind)[:40]!r} is none of {known}")
    return _Asked(index, element, frozenset(closed), frozenset(opened)).trace(kind)


def dry_after(
    index: SegmentIndex,
    *,
    closed: Collection[str],
    opened: Collection[str] = (),
    blocked_segments: Collection[int] = (),
) -> Dry:
    """What no source reaches with exactly these shut, less what is dry in the normal state.

    `closed`: valves, pipes and controls, beside the normally closed; `opened`: normally closed
    valves that stand open; `blocked_segments`: numbers of `index` that no water can pass, such as
    a drained one with its burst. Errors: UnknownElement; NetworkError ('blocked_segments').
    """
    _check(index, closed, opened)
    for segment in blocked_segments:
        if not 0 <= segment < index.segment_count:
            raise NetworkError("blocked_segments", f"there is no segment {segment}")
    net, normal = index.arrays, index.standing()
    then = index.with_shut(closed)
    standing = then.standing(frozenset(closed), frozenset(opened))
    blocked = np.unique(then.top.cell[index.elements_in(sorted(set(blocked_segments)))])
    state, _ = standing.lost(then.top, blocked)
    wet = (standing.reach.order >= 0) & ((state == 0) | (state == 3))
    dry = np.flatnonzero((normal.reach.order >= 0)[index.top.cell] & ~wet[then.top.cell])
    pipes, nodes, controls = index.names(dry)
    top = then.top
    premises, _ = affected(
        (dry[dry >= net.nodes] - net.nodes).astype(np.int32), top.feed_starts, top.feed_rows,
        top.service_feed, net.service_premise, top.service_hours, top.line_starts, top.line_rows,
        then.link_cell, standing.reach.order, state,
    )  # fmt: skip
    return Dry(pipes, nodes, controls, tuple(sorted({*net.names("premise", premises)})))


class _Asked:
    """One question: the index with everything shut that is, and the element it is about."""

    def __init__(
        self, index: SegmentIndex, name: str, closed: frozenset[str], opened: frozenset[str]
    ) -> None:
        _check(index, closed, opened)
        self.name = name
        # A valve stands for its pipe, which comes first.
        self.target = index.elements_of(name)[0]
        self.index = index.with_shut(closed)
        self.standing = self.index.standing(closed, opened)
        net, top = self.index.arrays, self.index.top
        self.cell = int(top.cell[self.target])
        self.reached = bool(self.standing.reach.order[self.cell] >= 0)
        self._graph = (top.end_node, net.link_one_way, top.node_starts, top.node_ends)

    def trace(self, kind: TraceKind) -> Trace:
        if kind == "source_path":
            return self._path()
        top = self.index.top
        if kind == "connected":
            cells = joined_cells(
                self.cell, top.out_starts, top.out_heads, top.out_valves, top.in_starts,
                top.in_tails, top.in_valves, self.standing.shut,
            )  # fmt: skip
            return self._found(kind, self.index.elements_of_cells(cells))
        if not self.reached:
            # Nothing can come here; and nothing hangs on it that had water.
            return self._found(kind, np.array([self.target] * (kind == "upstream"), np.int64))
        wet = self.standing.reach.order[top.cell] >= 0
        if kind == "downstream":
            others = reached_elements(
                top.source_nodes, self.target, False, self._open(), *self._graph
            )
            return self._found(kind, np.flatnonzero(wet & ~others))
        to_here = reached_elements(
            freeze(np.array([self.target], np.int32)), -1, True, self._open(), *self._graph
        )
        on_way = between(
            self.target, self._is_source(), wet & to_here, self._open(), top.end_node,
            top.node_starts, top.node_ends,
        )  # fmt: skip
        return self._found(kind, np.flatnonzero(on_way))

    def _open(self) -> Any:
        return conducting_ends(
            self.index.top.end_valve, self.standing.shut, self.index.link_shut
        )

    def _is_source(self) -> Any:
        return self.index.arrays.node_kind > 0

    def _path(self) -> Trace:
        net = self.index.arrays
        length = np.concatenate([net.pipe_length_m, np.zeros(net.links - net.pipes)])
        way, metres = nearest_source(
            self.target, self._is_source(), length, self._open(), *self._graph
        )
        if not len(way):
            return Trace("source_path", self.name, (), (), (), 0.0, (), False)
        nodes = net.names("node", way[way < net.nodes])
        links = way[way >= net.nodes] - net.nodes
        return Trace(
            "source_path", self.name, net.names("link", links[links < net.pipes]), nodes,
            net.names("link", links[links >= net.pipes]), float(metres), nodes[:1], True,
        )  # fmt: skip

    def _found(self, kind: TraceKind, elements: Any) -> Trace:
        net = self.index.arrays
        pipes, nodes, controls = self.index.names(elements)
        links = elements[elements >= net.nodes] - net.nodes
        here = elements[elements < net.nodes]
        return Trace(
            kind, self.name, pipes, nodes, controls,
            float(net.pipe_length_m[links[links < net.pipes]].sum()),
            net.names("node", here[net.node_kind[here] > 0]), self.reached,
        )  # fmt: skip


def _check(index: SegmentIndex, closed: Collection[str], opened: Collection[str]) -> None:
    net = index.arrays
    for name in closed:
        if net.row("valve", name) < 0 and net.row("link", name) < 0:
            raise UnknownElement(name)
    for name in opened:
        if net.row("valve", name) < 0:
            raise UnknownElement(name)
