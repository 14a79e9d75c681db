"""Which normally closed valves to open, so that those cut off beside the job get water meanwhile.

Tried one by one and in pairs, each in EPANET over the hours of the work. An option stands only if
the pressures hold for those it feeds and for those it takes the water from, no pressure rises
above what its zone bears, and nothing contaminated joins.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from gis_data.hydraulics.running import (
    REQUIRED_PRESSURE_M,
    Simulation,
    SimulationFailed,
    shut_links,
    simulate,
    with_moves_at,
    without_rules_on,
)
from gis_data.hydraulics.tanks import without_supply
from gis_data.isolation import IsolationPlan
from gis_data.model import Network, Valve

HIGHEST_M = 90.0
_CONDITION = {"yes": 0, "unknown": 1, "no": 2}


@dataclass(frozen=True, slots=True)
class Option:
    """Valves to open together and what that does. Pressures in metres, over the hours of the work.

    `premises`: those it brings back. `refused`: why not, as codes: low_pressure (it cannot hold
    theirs), others_fall, too_high, contaminated, not_solved, nobody (feeds no premise); empty where
    it stands.
    """

    valves: tuple[str, ...]
    premises: tuple[str, ...]
    turns: int
    lowest_m: float | None
    highest_m: float | None
    operable: str
    accessible: bool
    refused: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.refused

    @property
    def per_turn(self) -> float:
        """Premises brought back for each turn of a spindle."""
        return len(self.premises) / max(self.turns, 1)


@dataclass(frozen=True)
class _Case:
    """What all trials share. `cut`: nodes without supply, `short`: nodes with too little."""

    network: Network
    plan: IsolationPlan
    opened: frozenset[str]
    start_s: int
    hours: float
    levels: Mapping[str, float] | None
    required_m: float
    highest: Mapping[str, float]
    highest_m: float
    contaminated: frozenset[str]
    cut: frozenset[str]
    short: frozenset[str]
    closed: frozenset[str] = field(default_factory=frozenset)


def restoration_options(
    network: Network,
    plan: IsolationPlan,
    *,
    opened: Collection[str] = (),
    short_nodes: Collection[str] = (),
    contaminated: Collection[str] = (),
    start_s: int = 0,
    hours: float = 0.0,
    tank_levels: Mapping[str, float] | None = None,
    required_m: float = REQUIRED_PRESSURE_M,
    highest_m: float = HIGHEST_M,
    zone_highest_m: Mapping[str, float] | None = None,
    most_runs: int = 80,
    budget_s: float | None = None,
) -> tuple[Option, ...]:
    """Options of one or two valves, those that stand first, best first.

    `short_nodes`: nodes that keep their supply but fall below service pressure. `contaminated`:
    nodes whose water must reach nobody. `hours` 0 judges one instant at mean demand. No more than
    `most_runs` simulations, and none begun after `budget_s` seconds; single valves come first.
    Ranked by premises per turn of a valve, then the valves' condition. Errors: none of hydraulics;
    a trial EPANET cannot solve is refused.
    """
    began = time.monotonic()
    cut = frozenset(plan.unintended_nodes)
    short = frozenset(short_nodes) - cut - frozenset(plan.segment_nodes)
    if not cut and not short and not plan.unintended_pipes:
        return ()
    shut = frozenset({*plan.closed, *plan.valves_to_close})
    case = _Case(
        network, plan, frozenset(opened), int(start_s), hours, tank_levels, required_m,
        dict(zone_highest_m or {}), highest_m, frozenset(contaminated), cut, short, shut,
    )  # fmt: skip
    entries, within = _candidates(case)
    if not entries:
        return ()
    try:
        before = _run(case, ())
    except SimulationFailed:
        before = None
    found: dict[tuple[str, ...], Option] = {}
    pairs = [p for p in combinations(sorted({*entries, *within}), 2) if set(p) & set(entries)]
    for valves in [*((v,) for v in entries), *pairs]:
        late = budget_s is not None and time.monotonic() - began > budget_s
        if len(found) >= most_runs or late:
            break
        if not _adds_nothing(case, valves, found):
            found[valves] = _tried(case, valves, before)
    kept = [o for o in found.values() if o.premises or o.refused]
    return tuple(sorted(kept, key=_rank))


def _rank(option: Option) -> tuple[bool, float, int, bool, int, tuple[str, ...]]:
    return (
        not option.accepted,
        -option.per_turn,
        _CONDITION[option.operable],
        not option.accessible,
        len(option.valves),
        option.valves,
    )


def _candidates(case: _Case) -> tuple[list[str], list[str]]:
    """Closed valves that let supply in, and those beyond them that could pass it on."""
    network, plan = case.network, case.plan
    standing: dict[str, list[Valve]] = {}
    for valve in network.valves.values():
        if valve.id in case.closed or not (valve.normally_open or valve.id in case.opened):
            standing.setdefault(valve.pipe, []).append(valve)
    inside, mains = set(plan.segment_nodes), set(plan.segment_pipes)
    # Parts that had no water before either: the way in may lead through them.
    unreached = without_supply(network, case.closed, case.opened) - inside
    wanting = case.cut | case.short | unreached
    entries: list[str] = []
    within: list[str] = []
    for pipe_id, shut in sorted(standing.items()):
        pipe = network.pipes[pipe_id]
        # Two closed valves on one pipe: one of them belongs to a job, or both have to move.
        if len(shut) != 1 or shut[0].id in case.closed or shut[0].operable == "no" or pipe.closed:
            continue
        ends = {pipe.start, pipe.end}
        if pipe_id in mains or ends & inside or not ends & wanting:
            continue
        fed = ends - case.cut - unreached
        enters = any((ends - {n}) & wanting and (n not in case.short or ends & case.cut)
                     for n in fed)  # fmt: skip
        (entries if enters else within).append(shut[0].id)
    return entries, within


def _adds_nothing(
    case: _Case, valves: tuple[str, ...], found: Mapping[tuple[str, ...], Option]
) -> bool:
    """Nobody could be fed so, or one of the two alone stands already and feeds all of them."""
    near = {n for v in valves for p in (case.network.pipes[case.network.valves[v].pipe],)
            for n in (p.start, p.end)}  # fmt: skip
    regained = case.cut - _still_cut(case, valves)
    if not regained and not near & case.short:
        return True
    alone = [found[(v,)] for v in valves if (v,) in found]
    most = _premises_of(case, regained) | _premises_of(case, case.short)
    return any(o.accepted and set(o.premises) >= most for o in alone)


def _still_cut(case: _Case, valves: Collection[str]) -> set[str]:
    return without_supply(case.network, case.closed, {*case.opened, *valves})


def _run(case: _Case, valves: Collection[str]) -> Simulation:
    moved = shut_links(case.network, {*case.plan.valves_to_close, *valves})
    network = without_rules_on(case.network, moved)
    more = {"required_pressure_m": case.required_m, "tank_levels": case.levels}
    if case.hours <= 0 or case.levels is not None:
        return simulate(
            network, hours=case.hours, closed=case.closed, opened={*case.opened, *valves},
            start_s=case.start_s, **more,  # type: ignore[arg-type]
        )  # fmt: skip
    timed, shut, open_ = with_moves_at(
        network, case.start_s, closed=case.plan.valves_to_close, opened=valves
    )
    return simulate(
        timed, hours=case.start_s / 3600 + case.hours, closed={*case.plan.closed, *shut},
        opened={*case.opened, *open_}, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def _tried(case: _Case, valves: tuple[str, ...], before: Simulation | None) -> Option:
    network = case.network
    records = [network.valves[v] for v in valves]
    turns = sum(v.turns or round(v.diameter_mm / 25.4 * 3) + 2 for v in records)
    operable = max((v.operable for v in records), key=_CONDITION.__getitem__)
    accessible = all(v.accessible is not False for v in records)
    regained = case.cut - _still_cut(case, valves)
    premises = _premises_of(case, regained)
    if case.contaminated & (regained | _joined(case, valves)):
        return Option(valves, tuple(sorted(premises)), turns, None, None, operable, accessible,
                      ("contaminated",))  # fmt: skip
    try:
        run = _run(case, valves)
    except SimulationFailed:
        run = None
    if run is None or before is None or not run.solved:
        return Option(valves, tuple(sorted(premises)), turns, None, None, operable, accessible,
                      ("not_solved",))  # fmt: skip
    at = {name: k for k, name in enumerate(run.nodes)}
    least, most = _range(run, case)
    was, was_most = _range(before, case)
    served = {n.id for n in network.nodes.values() if n.kind == "junction" and n.base_demand_m3s}
    dry = {*case.plan.segment_nodes, *case.plan.unintended_nodes}
    fed = regained & served
    helped = {n for n in case.short & served if least[at[n]] >= case.required_m > was[at[n]]}
    others = served - dry
    refused = []
    if any(least[at[n]] < case.required_m for n in fed):
        refused.append("low_pressure")
    if any(least[at[n]] < case.required_m <= was[at[n]] for n in others):
        refused.append("others_fall")
    watched = [n for n in (regained | case.short | others) if n in at]
    # What was too high before is no fault of this option.
    if any(most[at[n]] > max(_bears(case, n), was_most[at[n]] + 0.5) for n in watched):
        refused.append("too_high")
    lowest = [float(least[at[n]]) for n in (fed | helped)]
    premises |= _premises_of(case, helped)
    if not premises and not refused:
        refused.append("low_pressure" if case.short else "nobody")
    return Option(
        valves, tuple(sorted(premises)), turns, round(min(lowest), 2) if lowest else None,
        round(float(max((most[at[n]] for n in watched), default=0.0)), 2),
        operable, accessible, tuple(refused),
    )  # fmt: skip


def _range(run: Simulation, case: _Case) -> tuple[np.ndarray, np.ndarray]:
    """(least, most) pressure of every node during the work."""
    timed = case.hours > 0 and case.levels is None
    steps = np.array(run.times_s) >= (case.start_s if timed else 0)
    return run.pressure_m[steps].min(axis=0), run.pressure_m[steps].max(axis=0)


def _bears(case: _Case, node: str) -> float:
    return case.highest.get(case.network.nodes[node].zone, case.highest_m)


def _joined(case: _Case, valves: Collection[str]) -> set[str]:
    """Nodes that share water with what the valves open to, whichever way it runs."""
    network = case.network
    shut = shut_links(network, case.closed)
    for valve in network.valves.values():
        if not valve.normally_open and valve.id not in case.opened and valve.id not in valves:
            shut.add(valve.pipe)
    at: dict[str, list[str]] = {}
    for link in network.links():
        if link.id not in shut and not link.closed:
            at.setdefault(link.start, []).append(link.end)
            at.setdefault(link.end, []).append(link.start)
    mains = [network.pipes[network.valves[v].pipe] for v in valves]
    queue = [n for p in mains for n in (p.start, p.end)]
    found = set(queue)
    while queue:
        for other in at.get(queue.pop(), ()):
            if other not in found:
                found.add(other)
                queue.append(other)
    return found


def _premises_of(case: _Case, nodes: Collection[str]) -> set[str]:
    """Premises these nodes feed, of those the plan cut off or the closure left short."""
    network, lost = case.network, set(case.plan.premises)
    mains = set(case.plan.segment_pipes)
    found = set()
    for service in network.services.values():
        pipe = network.pipes[service.pipe]
        if service.pipe in mains:
            continue
        nearer = pipe.start if service.measure <= 0.5 else pipe.end
        if service.premise in lost:
            fed = pipe.start in nodes or pipe.end in nodes
        else:
            fed = nearer in nodes and nearer in case.short
        if fed:
            found.add(service.premise)
    return found
