"""What follows from the columns: segments, cells, arcs, and who reaches whom.

`Topology` depends on what lies in the street and is made once for each version; `Standing` depends
on how the valves stand and is made again, in some hundredths of a second, when one is turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gis_data.compiled.columns import NetworkArrays, freeze
from gis_data.compiled.kernels import (
    arcs_between,
    group,
    group_sides,
    label_elements,
    reach_tree,
    without_supply,
)


@dataclass(frozen=True, eq=False)
class Topology:
    """Labels and groupings of one version; forms as in `gis_data.compiled.kernels`.

    `end_node`, `end_valve`: of each link end, the first valve that stands there. `valve_row`: the
    link end of each valve, -1 where the records place it on none. `*_starts` with the item column
    beside it are groupings.
    """

    end_node: Any
    end_valve: Any
    valve_row: Any
    node_starts: Any
    node_ends: Any
    segment: Any
    cell: Any
    segment_starts: Any
    segment_elements: Any
    cell_starts: Any
    cell_elements: Any
    side_starts: Any
    side_rows: Any
    out_starts: Any
    out_heads: Any
    out_valves: Any
    in_starts: Any
    in_tails: Any
    in_valves: Any
    source_nodes: Any
    hydrant_starts: Any
    hydrant_rows: Any
    service_feed: Any
    service_hours: Any
    feed_starts: Any
    feed_rows: Any
    line_starts: Any
    line_rows: Any

    @property
    def segments(self) -> int:
        return len(self.segment_starts) - 1

    @property
    def cells(self) -> int:
        return len(self.cell_starts) - 1

    @classmethod
    def of(cls, net: NetworkArrays, link_shut: Any | None = None) -> Topology:
        """Derived from the columns; `link_shut` instead of the network's own where given."""
        shut = freeze(net.link_shut if link_shut is None else link_shut)
        end_node = freeze(np.concatenate([net.link_start, net.link_end]))
        end_valve, valve_row = _placed(net, end_node)
        nodes = net.nodes
        segment, segments, cell, cells = label_elements(
            end_node, end_valve, shut, net.link_one_way, nodes
        )
        segment, cell = freeze(segment), freeze(cell)
        segment_groups = group(segment, segments)
        cell_groups = group(cell, cells)
        sides = group_sides(end_node, end_valve, segment, segments, nodes)
        arcs = arcs_between(end_node, end_valve, shut, net.link_one_way, cell, cells, nodes)
        feed, hours = _feeds(net)
        arrays = (
            end_node, end_valve, valve_row, *group(end_node, nodes), segment, cell,
            *segment_groups, *cell_groups, *sides,
            *arcs, np.flatnonzero(net.node_kind > 0).astype(np.int32),
            *group(net.hydrant_node, nodes), feed, hours, *group(feed, net.links),
            *group(net.service_premise, len(net.premise_id)),
        )  # fmt: skip
        return cls(*map(freeze, arrays))


@dataclass(frozen=True, eq=False)
class Reach:
    """The tree of cells that some sources reach; see `kernels.reach_tree`."""

    order: Any
    first: Any
    last: Any
    line: Any

    @classmethod
    def of(cls, top: Topology, shut: Any, sources: Any) -> Reach:
        starts = np.unique(top.cell[sources]).astype(np.int32)
        return cls(*reach_tree(top.out_starts, top.out_heads, top.out_valves, shut, starts))


@dataclass(frozen=True, eq=False)
class Standing:
    """How the valves stand, and who has water then.

    `shut`: of each valve; where several stand at one link end, its first stands for all of them.
    `reach`: from all sources; `piped`: from reservoirs alone, None where there are no tanks.
    """

    shut: Any
    reach: Reach
    piped: Reach | None

    @classmethod
    def of(cls, net: NetworkArrays, top: Topology, shut: Any) -> Standing:
        shut = freeze(shut)
        from_reservoirs = top.source_nodes[net.node_kind[top.source_nodes] == 2]
        whole = Reach.of(top, shut, top.source_nodes)
        if len(from_reservoirs) == len(top.source_nodes):
            return cls(shut, whole, None)
        return cls(shut, whole, Reach.of(top, shut, from_reservoirs))

    def lost(self, top: Topology, blocked: Any, *, piped: bool = False) -> tuple[Any, Any]:
        """(state of each cell, cells without supply) when nothing passes the `blocked` cells."""
        reach = self.piped if piped and self.piped is not None else self.reach
        state, lost = without_supply(
            top.out_starts, top.out_heads, top.out_valves, top.in_starts, top.in_tails,
            top.in_valves, self.shut, reach.order, reach.first, reach.last, reach.line, blocked,
        )  # fmt: skip
        return state, lost


def _placed(net: NetworkArrays, end_node: Any) -> tuple[Any, Any]:
    """(first valve of each link end, link end of each valve)."""
    row = np.full(len(net.valve_id), -1, np.int32)
    known = np.flatnonzero((net.valve_link >= 0) & (net.valve_node >= 0))
    link, node = net.valve_link[known], net.valve_node[known]
    at_start = end_node[link] == node
    at_end = end_node[link + net.links] == node
    row[known] = np.where(at_start, link, np.where(at_end, link + net.links, -1))
    valve = np.full(2 * net.links, -1, np.int32)
    placed = np.flatnonzero(row >= 0)[::-1]
    valve[row[placed]] = placed
    return freeze(valve), freeze(row)


def _feeds(net: NetworkArrays) -> tuple[Any, Any]:
    """(link that feeds each service line, hours its station's tank lasts)."""
    feed = net.service_link.copy()
    hours = np.zeros(len(feed))
    through = np.flatnonzero(net.service_station >= 0)
    station = net.service_station[through]
    hours[through] = net.station_hours[station]
    inlet = net.station_service[station]
    through, inlet = through[inlet >= 0], inlet[inlet >= 0]
    # A station may itself stand behind a station; more than a few in a row are a mistake.
    for _ in range(4):
        feed[through] = feed[inlet]
    inlets = net.station_service >= 0
    own = net.station_service[inlets]
    np.maximum.at(hours, own, net.station_hours[inlets])
    return feed.astype(np.int32), hours
