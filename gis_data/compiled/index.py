"""`SegmentIndex`: one version of the network, ready for questions."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gis_data.compiled.columns import NetworkArrays, freeze
from gis_data.compiled.grid import Grid
from gis_data.compiled.questions import border, gathered
from gis_data.compiled.storage import read_folder, write_folder
from gis_data.compiled.topology import Standing, Topology
from gis_data.model import Network, UnknownElement

_KEPT = 8


class SegmentIndex:
    """Segments of a network, ready for isolation questions. Shared by threads; never changed.

    An *element* is a node (its row) or a link (number of nodes + its row).
    """

    def __init__(
        self,
        network: Network | NetworkArrays,
        topology: Topology | None = None,
        grid: Grid | None = None,
    ) -> None:
        net = NetworkArrays.from_network(network) if isinstance(network, Network) else network
        self.arrays = net
        self.top = Topology.of(net) if topology is None else topology
        self._grid = grid
        self.link_shut = net.link_shut
        self.segment_count = self.top.segments
        self.link_cell = self.top.cell[net.nodes :]
        self.stuck = freeze((net.valve_operable == 1) | (net.valve_access == 0))
        self._standings: OrderedDict[Any, Standing] = OrderedDict()
        self._shut_links: tuple[Any, SegmentIndex] | None = None
        self.misplaced = freeze(np.flatnonzero(self.top.valve_row < 0).astype(np.int32))
        # A second valve at the same end: either of them will do.
        placed = np.flatnonzero(self.top.valve_row >= 0)
        first = self.top.end_valve[self.top.valve_row[placed]]
        self.spare: dict[int, list[int]] = {}
        for row, of in zip(placed[first != placed].tolist(), first[first != placed].tolist(),
                           strict=True):
            self.spare.setdefault(of, []).append(row)
        self.spare_of = {s: of for of, more in self.spare.items() for s in more}

    # --- files ----------------------------------------------------------------------------------

    def save(self, folder: Path, of: str = "") -> None:
        """Write everything to a folder, for `open`. `of`: what it is, asked for at opening."""
        arrays: dict[str, Any] = {}
        notes: dict[str, Any] = {}
        for f in fields(self.arrays):
            value = getattr(self.arrays, f.name)
            (arrays if isinstance(value, np.ndarray) else notes)[f"net.{f.name}"] = value
        for part, whole in (("top", self.top), ("grid", self.grid)):
            for f in fields(whole):
                arrays[f"{part}.{f.name}"] = getattr(whole, f.name)
        write_folder(folder, of, arrays, notes)

    @classmethod
    def open(cls, folder: Path, of: str = "") -> SegmentIndex:
        """Map a saved folder. Errors: StorageError."""
        arrays, notes = read_folder(folder, of)
        parts: dict[str, dict[str, Any]] = {"net": {}, "top": {}, "grid": {}}
        for name, value in {**arrays, **notes}.items():
            part, _, column = name.partition(".")
            parts[part][column] = value
        return cls(NetworkArrays(**parts["net"]), Topology(**parts["top"]), Grid(**parts["grid"]))

    @property
    def grid(self) -> Grid:
        """The grid over the mains, for snapping; made when first asked for."""
        if self._grid is None:
            self._grid = Grid.of(self.arrays)
        return self._grid

    def with_conditions(self, operable: Any, access: Any) -> SegmentIndex:
        """The same network with other conditions of its valves, codes as in `NetworkArrays`."""
        net = replace(self.arrays, valve_operable=freeze(operable), valve_access=freeze(access))
        other = SegmentIndex(net, self.top, self._grid)
        # Who has water hangs on how the valves stand, not on whether they turn.
        other._standings = self._standings
        return other

    # --- asking ---------------------------------------------------------------------------------

    def segment_of(self, element: str) -> int:
        """Segment number of a pipe, node, control, hydrant or service. Errors: UnknownElement."""
        return int(self.top.segment[self.elements_of(element)[0]])

    def members(self, segment: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(pipes, nodes) of a segment, in the order of the network."""
        pipes, nodes, _ = self.names(self.elements_in([segment]))
        return pipes, nodes

    def boundary(self, segment: int) -> tuple[str, ...]:
        """Valves with exactly one side in the segment, whatever their state."""
        rows, _ = self.border_of(np.array([segment], np.int32))
        return tuple(sorted(self.arrays.names("valve", self.top.end_valve[rows])))

    def has_valve(self, name: str) -> bool:
        return self.arrays.row("valve", name) >= 0

    def conditions(self, valves: Iterable[str]) -> dict[str, str]:
        """Condition of each valve: yes, no, unknown, or buried (its cover cannot be reached).

        Errors: UnknownElement.
        """
        net, found = self.arrays, {}
        for name in valves:
            row = net.row("valve", name)
            if row < 0:
                raise UnknownElement(name)
            known = ("yes", "no", "unknown")[net.valve_operable[row]]
            found[name] = "buried" if known != "no" and net.valve_access[row] == 0 else known
        return found

    @property
    def ignored_valves(self) -> list[str]:
        """Valves that the records do not place on a pipe end."""
        return list(self.arrays.names("valve", self.misplaced))

    @cached_property
    def pipe_segments(self) -> dict[str, int]:
        """Segment of every pipe and control."""
        net = self.arrays
        every = net.names("link", slice(None))
        return dict(zip(every, self.top.segment[net.nodes :].tolist(), strict=True))

    @cached_property
    def node_segments(self) -> dict[str, int]:
        """Segment of every node."""
        net = self.arrays
        every = net.names("node", slice(None))
        return dict(zip(every, self.top.segment[: net.nodes].tolist(), strict=True))

    # --- for the modules that reason on it ------------------------------------------------------

    def elements_of(self, target: str) -> list[int]:
        """Elements a target stands for; several where it bounds or blocks."""
        net = self.arrays
        node = net.row("node", target[5:]) if target.startswith("node:") else -1
        if node >= 0:
            return [node]
        link = net.row("link", target)
        if link >= 0:
            return self._of_link(link)
        node = net.row("node", target)
        if node >= 0:
            return [node]
        hydrant = net.row("hydrant", target)
        if hydrant >= 0 and net.hydrant_node[hydrant] >= 0:
            return [int(net.hydrant_node[hydrant])]
        service = net.row("service", target)
        if service >= 0 and net.service_link[service] >= 0:
            return self._of_link(int(net.service_link[service]))
        valve = net.row("valve", target)
        if valve >= 0:
            found = [int(net.valve_link[valve]), int(net.valve_node[valve])]
            known = [net.nodes + found[0]] if found[0] >= 0 else []
            known += [found[1]] if found[1] >= 0 else []
            if known:
                return known
        raise UnknownElement(target)

    def _of_link(self, link: int) -> list[int]:
        net, top = self.arrays, self.top
        if not self.link_shut[link]:
            return [net.nodes + link]
        # Nobody says where along a shut pipe it is shut: empty it towards both ends.
        ends = (link, link + net.links)
        return [net.nodes + link, *(int(top.end_node[e]) for e in ends if top.end_valve[e] < 0)]

    def elements_in(self, segments: Iterable[int]) -> Any:
        """Elements of segments, in ascending order."""
        groups = np.fromiter(segments, np.int32)
        return gathered(groups, self.top.segment_starts, self.top.segment_elements)

    def elements_of_cells(self, cells: Any) -> Any:
        """Elements of cells, in ascending order."""
        return gathered(cells, self.top.cell_starts, self.top.cell_elements)

    def border_of(self, segments: Any) -> tuple[Any, Any]:
        """(link ends whose valve has one side in `segments`, whether the link is that side)."""
        top = self.top
        return border(
            segments, top.side_starts, top.side_rows, top.end_node, self.link_shut, top.segment,
            self.arrays.nodes,
        )  # fmt: skip

    def names(self, elements: Any) -> tuple[tuple[str, ...], ...]:
        """(pipes, nodes, controls) among elements in ascending order, in the network's order."""
        net = self.arrays
        nodes, pipes = np.searchsorted(elements, (net.nodes, net.nodes + net.pipes))
        return (
            net.names("link", elements[nodes:pipes] - net.nodes),
            net.names("node", elements[:nodes]),
            net.names("link", elements[pipes:] - net.nodes),
        )

    def valve_rows(self, names: Collection[str]) -> list[int]:
        """Rows of those names that are valves."""
        return [row for row in (self.arrays.row("valve", n) for n in names) if row >= 0]

    def standing(
        self,
        closed: frozenset[str] = frozenset(),
        opened: frozenset[str] = frozenset(),
        forced: int = -1,
    ) -> Standing:
        """Who has water with these valves closed and opened. The last few are remembered.

        `forced`: row of a valve to take as open whatever else is said.
        """
        key = (closed, opened, forced)
        found = self._standings.get(key)
        if found is None:
            shut = ~self.arrays.valve_open
            shut[self.valve_rows(closed)] = True
            shut[self.valve_rows(opened)] = False
            for first, more in self.spare.items():
                shut[first] = shut[[first, *more]].any()
            if forced >= 0:
                shut[forced] = False
            found = Standing.of(self.arrays, self.top, shut)
            # Plain assignment: at worst two threads compute the same.
            self._standings[key] = found
            while len(self._standings) > _KEPT:
                try:
                    self._standings.popitem(last=False)
                except KeyError:
                    break
        return found

    def with_shut(self, names: Collection[str]) -> SegmentIndex:
        """Itself, or the index of the same network with these pipes and controls shut as well."""
        rows = frozenset(
            row for row in (self.arrays.row("link", n) for n in names)
            if row >= 0 and not self.link_shut[row]
        )
        if not rows:
            return self
        if self._shut_links is None or self._shut_links[0] != rows:
            shut = self.link_shut.copy()
            shut[list(rows)] = True
            other = SegmentIndex(self.arrays, Topology.of(self.arrays, shut), self._grid)
            other.link_shut = freeze(shut)
            self._shut_links = (rows, other)
        return self._shut_links[1]
