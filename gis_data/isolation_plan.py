"""The reasoning behind `gis_data.isolation.isolate`, step by step on a segment index."""

from __future__ import annotations

from typing import Any

import numpy as np

from gis_data.isolation import IsolationPlan, SegmentIndex, Warning
from gis_data.model import UnknownElement


def make_plan(
    index: SegmentIndex,
    target: str,
    inoperable: frozenset[str],
    closed: frozenset[str],
    opened: frozenset[str],
) -> IsolationPlan:
    """See `gis_data.isolation.isolate`; `index` already holds the closed pipes."""
    network = index.network
    for name in (*inoperable, *opened):
        if name not in network.valves:
            raise UnknownElement(name)
    stuck = index._never_turns | _mask(index, inoperable)
    shut = (index._normally_shut | _mask(index, closed)) & ~_mask(index, opened)
    # The first valve of an end stands for all of them.
    end_shut, end_stuck = shut.copy(), stuck.copy()
    for first, more in index._spare.items():
        end_shut[first] = shut[[first, *more]].any()
        end_stuck[first] = stuck[[first, *more]].all()

    elements = index._elements_of(target)
    if target in network.valves and target in index._valve_number:
        number = index._valve_number[target]
        first = index._spare_of.get(number, number)
        end_stuck[first], end_shut[first] = True, False
    segments, through = _grown(
        index, {int(s) for s in index._segment[elements]}, end_shut, end_stuck
    )
    inside = np.zeros(index.segment_count, bool)
    inside[list(segments)] = True
    sides = index._boundary_sides(inside, sorted(segments))
    valves = index._side_valve[sides]
    is_shut = end_shut[valves]

    members = index._by_segment.of(sorted(segments))
    blocked = np.zeros(index._cells, bool)
    blocked[index._cell[members]] = True
    conducting = (
        (index._arc_valve < 0) | ~end_shut[index._arc_valve]
        if len(end_shut)
        else np.ones(len(index._arc_valve), bool)
    )
    before, piped = index._reach_before(conducting)
    outside = index._source_cells[~blocked[index._source_cells]]
    after = index._reach(conducting, blocked, outside)
    lost_cells = np.flatnonzero((before >= 0) & (after < 0) & ~blocked)
    lost = index._by_cell.of(lost_cells)

    far = np.where(
        inside[index._side_node[sides]], index._side_link_cell[sides], index._side_node_cell[sides]
    )
    to_close = _in_order(index, valves[~is_shut], far[~is_shut], before, after, stuck)
    fed = {
        int(v) for v, cell in zip(valves[~is_shut], far[~is_shut], strict=True) if after[cell] >= 0
    }
    names = [_turning(index, v, stuck) for v in to_close]
    segment_pipes, segment_nodes, segment_controls = index._names(members)
    lost_pipes, lost_nodes, lost_controls = index._names(lost)
    dry = np.concatenate([members, lost])
    premises = tuple(sorted({p for e in dry for p in index._premises.get(int(e), ())}))
    already = tuple(sorted(index._valve_ids[v] for v in valves[is_shut]))
    plan = IsolationPlan(
        target,
        tuple(names),
        tuple(_turning(index, v, stuck) for v in to_close if v in fed),
        segment_pipes,
        segment_nodes,
        lost_pipes,
        lost_nodes,
        tuple(sorted(h for e in dry for h in index._hydrants.get(int(e), ()))),
        premises,
        (),
        tuple(sorted(segments)),
        segment_controls,
        lost_controls,
        already,
        tuple(sorted(closed)),
        tuple(sorted(inoperable)),
    )
    return _with_warnings(index, plan, through, members, before, after, piped, conducting, blocked)


def _mask(index: SegmentIndex, names: frozenset[str]) -> Any:
    mask = np.zeros(len(index._valve_ids), bool)
    mask[[index._valve_number[n] for n in names if n in index._valve_number]] = True
    return mask


def _grown(
    index: SegmentIndex, segments: set[int], shut: Any, stuck: Any
) -> tuple[set[int], list[str]]:
    """Add the segments behind valves that stand open and cannot be turned."""
    through: set[str] = set()
    queue = list(segments)
    size = max(len(index._side_valve), 1)
    while queue:
        here = queue.pop()
        for side in index._sides_at.of([here]) % size:
            valve = index._side_valve[side]
            if not stuck[valve] or shut[valve]:
                continue
            a, b = int(index._side_node[side]), int(index._side_link[side])
            if index._side_shut[side] and here != b:
                continue
            if a != b:
                through.add(index._valve_ids[valve])
            for other in (a, b):
                if other not in segments:
                    segments.add(other)
                    queue.append(other)
    return segments, sorted(through)


def _turning(index: SegmentIndex, valve: int, stuck: Any) -> str:
    """The valve to turn at an end: the first that can be turned."""
    turns = [v for v in (valve, *index._spare.get(int(valve), ())) if not stuck[v]]
    name: str = index._valve_ids[turns[0]]
    return name


def _in_order(
    index: SegmentIndex, valves: Any, far: Any, before: Any, after: Any, stuck: Any
) -> list[int]:
    """Those with supply behind them first, nearest the source first: most flow stops soonest."""

    def key(k: int) -> tuple[int, int, str]:
        reached = int(before[far[k]])
        return (
            0 if after[far[k]] >= 0 else 1,
            reached if reached >= 0 else index._cells,
            _turning(index, valves[k], stuck),
        )

    return [int(valves[k]) for k in sorted(range(len(valves)), key=key)]


def _with_warnings(
    index: SegmentIndex,
    plan: IsolationPlan,
    through: list[str],
    members: Any,
    before: Any,
    after: Any,
    piped: Any,
    conducting: Any,
    blocked: Any,
) -> IsolationPlan:
    from dataclasses import replace

    network = index.network
    inside = set(plan.segment_nodes)
    said: list[Warning] = []
    for source in network.sources():
        if source.id in inside:
            said.append(
                Warning(
                    "no_valve_before_source",
                    f"Cannot isolate below source {source.id}: no valve that can be "
                    f"turned stands between it and {plan.target}.",
                )
            )
    stuck = [v for v in through if v != plan.target]
    if stuck:
        said.append(
            Warning(
                "inoperable_valve",
                f"More is shut off because these valves cannot be turned: {', '.join(stuck)}.",
            )
        )
    doubtful = [v for v in plan.valves_to_close if network.valves[v].operable == "unknown"]
    if doubtful:
        said.append(
            Warning(
                "valve_untested", f"Nobody knows whether these valves turn: {', '.join(doubtful)}."
            )
        )
    if plan.already_closed:
        said.append(
            Warning(
                "already_closed", f"Found shut, keep them shut: {', '.join(plan.already_closed)}."
            )
        )
    if not len(index._sources):
        said.append(
            Warning(
                "no_source",
                "The network has no reservoir or tank; who loses supply "
                "beyond the segment cannot be said.",
            )
        )
    elif (before[index._cell[members]] < 0).all():
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
    on_tank = _on_tank_only(index, after, piped, conducting, blocked)
    if on_tank:
        said.append(
            Warning(
                "tank_only",
                f"{on_tank} pipes are fed from a tank alone until the valves are open again.",
            )
        )
    nearby = set(plan.segment_pipes)
    wrong = [
        v
        for v in index.ignored_valves
        if network.valves[v].pipe in nearby or network.valves[v].node in inside
    ]
    if wrong:
        said.append(
            Warning(
                "valve_not_on_pipe",
                "Left out, because the records do not place them "
                f"on a pipe end: {', '.join(sorted(wrong))}.",
            )
        )
    return replace(plan, warnings=tuple(said))


def _on_tank_only(
    index: SegmentIndex, after: Any, piped: Any, conducting: Any, blocked: Any
) -> int:
    """How many pipes could reach a reservoir before, and only a tank after."""
    if index._reservoir.all() or not len(index._reservoir):
        return 0
    from_reservoirs = index._source_cells[index._reservoir]
    now = index._reach(conducting, blocked, from_reservoirs[~blocked[from_reservoirs]])
    cells = np.flatnonzero((piped >= 0) & (now < 0) & (after >= 0))
    return len(index._names(index._by_cell.of(cells))[0])
