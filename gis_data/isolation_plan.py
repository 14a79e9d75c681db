"""The reasoning behind `gis_data.isolation.isolate`, step by step on a segment index."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gis_data.compiled.index import SegmentIndex
from gis_data.compiled.questions import affected, grown
from gis_data.compiled.topology import Standing
from gis_data.isolation import IsolationPlan, Warning
from gis_data.model import UnknownElement


@dataclass(frozen=True, slots=True, eq=False)
class _Closure:
    """What is known when the valves are found: elements and cells in ascending order."""

    standing: Standing
    segments: Any
    through: tuple[str, ...]
    members: Any
    blocked: Any
    state: Any
    lost: Any

    def wet(self, cells: Any) -> Any:
        """Which cells still have water after the closure."""
        state = self.state[cells]
        return (self.standing.reach.order[cells] >= 0) & ((state == 0) | (state == 3))


def make_plan(
    index: SegmentIndex,
    target: str,
    inoperable: frozenset[str],
    closed: frozenset[str],
    opened: frozenset[str],
    usable: frozenset[str],
) -> IsolationPlan:
    """See `gis_data.isolation.isolate`; `index` already holds the closed pipes."""
    for name in (*inoperable, *opened, *usable):
        if not index.has_valve(name):
            raise UnknownElement(name)
    elements = index.elements_of(target)
    stuck, end_stuck = _stuck(index, inoperable, usable)
    forced = _as_valve(index, target)
    if forced >= 0:
        end_stuck[forced] = True
    closure = _close(index, elements, index.standing(closed, opened, forced), end_stuck)

    rows, of_link = index.border_of(closure.segments)
    valves = index.top.end_valve[rows]
    is_shut = closure.standing.shut[valves]
    net, top = index.arrays, index.top
    link_cells, node_cells = index.link_cell[rows % net.links], top.cell[top.end_node[rows]]
    far = np.where(of_link, node_cells, link_cells)[~is_shut]
    fed = closure.wet(far)
    names = [_turning(index, int(v), stuck) for v in valves[~is_shut]]
    before = closure.standing.reach.order[far]
    # Those with supply behind them first, nearest the source first: most flow stops soonest.
    order = sorted(
        range(len(names)),
        key=lambda k: (not fed[k], before[k] if before[k] >= 0 else top.cells, names[k]),
    )
    lost = index.elements_of_cells(closure.lost)
    segment_pipes, segment_nodes, segment_controls = index.names(closure.members)
    lost_pipes, lost_nodes, lost_controls = index.names(lost)
    premises = _premises(index, closure, lost)
    plan = IsolationPlan(
        target,
        tuple(names[k] for k in order),
        tuple(names[k] for k in order if fed[k]),
        segment_pipes,
        segment_nodes,
        lost_pipes,
        lost_nodes,
        _hydrants(index, closure.members, lost),
        tuple(sorted(premises)),
        (),
        tuple(closure.segments.tolist()),
        segment_controls,
        lost_controls,
        tuple(sorted(net.names("valve", valves[is_shut]))),
        tuple(sorted(closed)),
        tuple(sorted(inoperable)),
        tuple(sorted(opened)),
        tuple(sorted(usable)),
        tuple(sorted((p, hours) for p, hours in premises.items() if hours > 0)),
    )
    return replace(plan, warnings=tuple(_warnings(index, plan, closure)))


def _stuck(
    index: SegmentIndex, inoperable: frozenset[str], usable: frozenset[str]
) -> tuple[Any, Any]:
    """Which valves cannot be turned, and which link ends (by their first valve) therefore."""
    stuck = index.stuck.copy()
    for row in index.valve_rows(usable):
        stuck[row] = index.arrays.valve_operable[row] == 1
    stuck[index.valve_rows(inoperable)] = True
    at_end = stuck.copy()
    for first, more in index.spare.items():
        at_end[first] = stuck[[first, *more]].all()
    return stuck, at_end


def _as_valve(index: SegmentIndex, target: str) -> int:
    """Row of the valve a target is (the first at its end): broken, it is no boundary; else -1."""
    row = index.arrays.row("valve", target)
    if row < 0 or index.top.valve_row[row] < 0:
        return -1
    return index.spare_of.get(row, row)


def _close(
    index: SegmentIndex, elements: list[int], standing: Standing, end_stuck: Any
) -> _Closure:
    top, net = index.top, index.arrays
    segments, through = grown(
        top.segment[elements], top.side_starts, top.side_rows, top.end_node, top.end_valve,
        index.link_shut, top.segment, net.nodes, standing.shut, end_stuck,
    )  # fmt: skip
    members = index.elements_in(segments)
    blocked = np.unique(top.cell[members])
    state, lost = standing.lost(top, blocked)
    names = tuple(sorted(net.names("valve", through)))
    return _Closure(standing, segments, names, members, blocked, state, np.sort(lost))


def _turning(index: SegmentIndex, valve: int, stuck: Any) -> str:
    """The valve to turn at an end: the first that can be turned."""
    turns = [v for v in (valve, *index.spare.get(valve, ())) if not stuck[v]]
    return index.arrays.names("valve", turns[:1])[0]


def _premises(index: SegmentIndex, closure: _Closure, lost: Any) -> dict[str, float]:
    """Premises without water -> hours the tank of their station lasts, 0 without one."""
    top, net = index.top, index.arrays
    dry = np.concatenate([closure.members, lost])
    found, hours = affected(
        dry[dry >= net.nodes] - np.int32(net.nodes), top.feed_starts, top.feed_rows,
        top.service_feed, net.service_premise, top.service_hours, top.line_starts, top.line_rows,
        index.link_cell, closure.standing.reach.order, closure.state,
    )  # fmt: skip
    return dict(zip(net.names("premise", found), hours.tolist(), strict=True))


def _hydrants(index: SegmentIndex, members: Any, lost: Any) -> tuple[str, ...]:
    top, net = index.top, index.arrays
    nodes = np.concatenate([e[: np.searchsorted(e, net.nodes)] for e in (members, lost)])
    starts = top.hydrant_starts
    rows = [
        int(row)
        for node in nodes[starts[nodes + 1] > starts[nodes]]
        for row in top.hydrant_rows[starts[node] : starts[node + 1]]
    ]
    return tuple(sorted(net.names("hydrant", rows)))


def _warnings(index: SegmentIndex, plan: IsolationPlan, closure: _Closure) -> list[Warning]:
    said: list[Warning] = []
    sources = closure.members[np.isin(closure.members, index.top.source_nodes)]
    for source in index.arrays.names("node", sources):
        said.append(
            Warning(
                "no_valve_before_source",
                f"Cannot isolate below source {source}: no valve that can be "
                f"turned stands between it and {plan.target}.",
            )
        )
    said += _about_valves(index, plan, closure)
    if plan.already_closed:
        said.append(
            Warning(
                "already_closed", f"Found shut, keep them shut: {', '.join(plan.already_closed)}."
            )
        )
    order = closure.standing.reach.order
    if not len(index.top.source_nodes):
        said.append(
            Warning(
                "no_source",
                "The network has no reservoir or tank; who loses supply "
                "beyond the segment cannot be said.",
            )
        )
    elif (order[closure.blocked] < 0).all():
        said.append(
            Warning("already_without_supply", f"{plan.target} had no way to a source before.")
        )
    if plan.unintended_nodes or plan.unintended_pipes:
        said.append(
            Warning(
                "unintended",
                f"{len(plan.unintended_pipes)} pipes beyond the closed "
                "valves lose their last way to a source.",
            )
        )
    on_tank = _on_tank_only(index, closure)
    if on_tank:
        said.append(
            Warning(
                "tank_only",
                f"{on_tank} pipes are fed from a tank alone until the valves are open again.",
            )
        )
    wrong = _misplaced(index, closure)
    if wrong:
        said.append(
            Warning(
                "valve_not_on_pipe",
                "Left out, because the records do not place them "
                f"on a pipe end: {', '.join(sorted(wrong))}.",
            )
        )
    return said


def _about_valves(index: SegmentIndex, plan: IsolationPlan, closure: _Closure) -> list[Warning]:
    said = []
    through = [v for v in closure.through if v != plan.target]
    condition = index.conditions([*through, *plan.valves_to_close])
    paved = [v for v in through if condition[v] == "buried" and v not in plan.inoperable]
    stuck = [v for v in through if v not in paved]
    if stuck:
        said.append(
            Warning(
                "inoperable_valve",
                f"More is shut off because these valves cannot be turned: {', '.join(stuck)}.",
            )
        )
    if paved:
        said.append(
            Warning(
                "valve_buried",
                "More is shut off because the covers of these valves cannot be reached: "
                f"{', '.join(paved)}.",
            )
        )
    to_dig = [v for v in plan.valves_to_close if condition[v] == "buried"]
    if to_dig:
        said.append(
            Warning("valve_buried", f"To be dug out before they can turn: {', '.join(to_dig)}.")
        )
    doubtful = [v for v in plan.valves_to_close if condition[v] == "unknown"]
    if doubtful:
        said.append(
            Warning(
                "valve_untested", f"Nobody knows whether these valves turn: {', '.join(doubtful)}."
            )
        )
    return said


def _misplaced(index: SegmentIndex, closure: _Closure) -> list[str]:
    """Valves said to be hereabouts that the records place on no pipe end."""
    net = index.arrays
    rows = index.misplaced
    if not len(rows):
        return []
    # A missing pipe or node becomes -1, which is no element.
    link = np.where(net.valve_link[rows] >= 0, net.valve_link[rows] + net.nodes, -1)
    link[net.valve_link[rows] >= net.pipes] = -1
    near = np.isin(link, closure.members) | np.isin(net.valve_node[rows], closure.members)
    return list(net.names("valve", rows[near]))


def _on_tank_only(index: SegmentIndex, closure: _Closure) -> int:
    """How many pipes could reach a reservoir before, and only a tank after."""
    if closure.standing.piped is None:
        return 0
    _, cells = closure.standing.lost(index.top, closure.blocked, piped=True)
    elements = index.elements_of_cells(cells[closure.wet(cells)])
    net = index.arrays
    return int(((elements >= net.nodes) & (elements < net.nodes + net.pipes)).sum())
