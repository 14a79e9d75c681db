"""After the repair: which valve first, where the air comes out, where to flush and how much."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gis_data.isolation import IsolationPlan
from gis_data.model import Network, Pipe

FLUSHING_MS = 1.5
Why = Literal["dead_end", "high_point", "low_point"]


@dataclass(frozen=True, slots=True)
class Flush:
    """A hydrant to flush from, in this order. `flow_m3s` moves `diameter_mm` at the target speed.

    `volume_m3`: water standing between the valve filled from and here, what has to come out once.
    """

    hydrant: str
    sequence: int
    why: tuple[Why, ...]
    diameter_mm: float
    flow_m3s: float
    volume_m3: float


@dataclass(frozen=True, slots=True)
class Step:
    """One step of putting back into service, as a code with what it needs to be put into words.

    sample, air, no_outlet, fill, flush, open, stay_shut; `why`: smallest, strongest, only_one
    (fill), nearest, spare (open), dead_end, high_point, low_point (air, flush).
    """

    sequence: int
    code: str
    asset: str = ""
    why: str = ""
    diameter_mm: float | None = None
    turns: int | None = None
    flow_m3s: float | None = None
    head_m: float | None = None


def flushing(
    network: Network, plan: IsolationPlan, *, speed_ms: float = FLUSHING_MS, start: str = ""
) -> tuple[Flush, ...]:
    """Hydrants inside the segment at dead ends, high and low points, from the source side on.

    `start`: the valve filled from; the plan's first where none is named.
    """
    inside = set(plan.segment_nodes)
    at = _mains(network, set(plan.segment_pipes))
    whole: dict[str, int] = defaultdict(int)
    for link in network.links():
        whole[link.start] += 1
        whole[link.end] += 1
    valve = start or (first_valve(network, plan, {})[0] if plan.valves_to_close else "")
    away = _volumes(network, plan, valve, at)
    found = []
    for hydrant in network.hydrants.values():
        if hydrant.node not in inside or not at.get(hydrant.node):
            continue
        why = _why(network, hydrant.node, at, whole[hydrant.node])
        if why:
            diameter = max(p.diameter_mm for p in at[hydrant.node])
            flow = speed_ms * float(np.pi) * (diameter / 1000.0) ** 2 / 4
            found.append((away.get(hydrant.node, np.inf), hydrant.id, why, diameter, flow))
    found.sort(key=lambda f: f[:2])
    return tuple(
        Flush(name, k, why, diameter, round(flow, 5), round(v, 2) if np.isfinite(v) else 0.0)
        for k, (v, name, why, diameter, flow) in enumerate(found, 1)
    )


def reopening(
    network: Network,
    plan: IsolationPlan,
    *,
    heads_m: Mapping[str, float] | None = None,
    contamination_suspected: bool = False,
    speed_ms: float = FLUSHING_MS,
) -> tuple[Step, ...]:
    """How to bring the segment back: air out at the high points, one valve slowly, then the rest.

    `heads_m`: head at the nodes after the closure (pressure plus elevation); without it the valve
    nearest the source is taken for the strongest. Flushing waits for the sample where
    contamination is suspected.
    """
    heads = heads_m or {}
    steps: list[Step] = []

    def add(code: str, asset: str = "", **more: object) -> None:
        steps.append(Step(len(steps) + 1, code, asset, **more))  # type: ignore[arg-type]

    if not plan.valves_to_close:
        return ()
    first, why = first_valve(network, plan, heads)
    points = flushing(network, plan, speed_ms=speed_ms, start=first)
    height = {h.id: network.nodes[h.node].elevation_m for h in network.hydrants.values()}
    high = sorted((p for p in points if "high_point" in p.why), key=lambda p: -height[p.hydrant])
    for point in high:
        add("air", point.hydrant, why="high_point")
    if not high:
        add("no_outlet")
    valve = network.valves[first]
    add("fill", first, why=why, diameter_mm=valve.diameter_mm, turns=valve.turns,
        head_m=_head(network, plan, first, heads))  # fmt: skip
    if contamination_suspected:
        add("sample")
    for point in points:
        add("flush", point.hydrant, why=point.why[0], flow_m3s=point.flow_m3s,
            diameter_mm=point.diameter_mm)  # fmt: skip
    if not contamination_suspected and points:
        add("sample")
    minimal = set(plan.minimal_valves)
    rest = [v for v in plan.valves_to_close if v != first]
    for name in sorted(rest, key=lambda v: (v not in minimal, plan.sequence[v])):
        valve = network.valves[name]
        add("open", name, why="nearest" if name in minimal else "spare",
            diameter_mm=valve.diameter_mm, turns=valve.turns)  # fmt: skip
    for name in plan.already_closed:
        if not network.valves[name].normally_open:
            add("stay_shut", name)
    return tuple(steps)


def first_valve(
    network: Network, plan: IsolationPlan, heads: Mapping[str, float]
) -> tuple[str, str]:
    """The valve to fill from, and why: the smallest of those with water behind, then the strongest.

    A small valve fills slowly even if somebody turns it too far.
    """
    fed = list(plan.minimal_valves or plan.valves_to_close)
    if len(fed) == 1:
        return fed[0], "only_one"

    def key(name: str) -> tuple[float, float, int]:
        head = _head(network, plan, name, heads)
        return network.valves[name].diameter_mm, -(head or 0.0), plan.sequence[name]

    fed.sort(key=key)
    smaller = network.valves[fed[0]].diameter_mm < network.valves[fed[1]].diameter_mm
    return fed[0], "smallest" if smaller else "strongest"


def _head(
    network: Network, plan: IsolationPlan, valve: str, heads: Mapping[str, float]
) -> float | None:
    """Head on the supplied side of a valve; None where nobody computed it."""
    record = network.valves[valve]
    pipe = network.pipes[record.pipe]
    inside = set(plan.segment_nodes)
    # The pipe belongs to the segment, or the node does: water stands on the other side.
    outer = record.node if record.pipe in plan.segment_pipes else (
        pipe.end if pipe.start == record.node else pipe.start
    )  # fmt: skip
    found = heads.get(outer) if outer not in inside else None
    return None if found is None else round(found, 1)


def _mains(network: Network, pipes: set[str]) -> dict[str, list[Pipe]]:
    at: dict[str, list[Pipe]] = defaultdict(list)
    for name in sorted(pipes):
        pipe = network.pipes[name]
        at[pipe.start].append(pipe)
        at[pipe.end].append(pipe)
    return at


def _volumes(
    network: Network, plan: IsolationPlan, valve: str, at: Mapping[str, list[Pipe]]
) -> dict[str, float]:
    """Node of the segment -> m3 in the mains on the shortest way from the valve filled from."""
    record = network.valves.get(valve)
    if record is None:
        return {}
    inside = set(plan.segment_nodes)
    starts = {record.node} & inside
    if record.pipe in plan.segment_pipes:
        pipe = network.pipes[record.pipe]
        starts |= {pipe.start, pipe.end} & inside
    done: dict[str, float] = {}
    heap = [(0.0, node) for node in sorted(starts)]
    while heap:
        volume, here = heapq.heappop(heap)
        if here in done:
            continue
        done[here] = volume
        for pipe in at.get(here, ()):
            other = pipe.end if pipe.start == here else pipe.start
            if other in inside and other not in done:
                holds = float(np.pi) * (pipe.diameter_mm / 1000.0) ** 2 / 4 * pipe.length_m
                heapq.heappush(heap, (volume + holds, other))
    return done


def _why(network: Network, node: str, at: Mapping[str, list[Pipe]], links: int) -> tuple[Why, ...]:
    here = network.nodes[node].elevation_m
    around = [network.nodes[p.end if p.start == node else p.start].elevation_m for p in at[node]]
    found: list[Why] = []
    if links == 1:
        found.append("dead_end")
    if all(here >= other for other in around):
        found.append("high_point")
    elif all(here <= other for other in around):
        found.append("low_point")
    return tuple(found)
