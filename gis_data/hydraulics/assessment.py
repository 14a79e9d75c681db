"""What a closure does to those outside it, over the real day for as long as the work lasts.

The network runs twice through the same hours, once as it is and once with the valves of the plan
shut from the start of the work on, with its tanks, patterns, controls and rules. All values are at
nodes outside the plan: who is inside has no water anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from gis_data.hydraulics.fire import FirePoint, fire_points
from gis_data.hydraulics.running import (
    REQUIRED_PRESSURE_M,
    Simulation,
    SimulationFailed,
    shut_links,
    simulate,
    with_moves_at,
    without_rules_on,
)
from gis_data.hydraulics.stirring import Stirred, stirred_mains
from gis_data.hydraulics.tanks import TankLeft, drained_at, tanks_left, without_supply
from gis_data.isolation import IsolationPlan
from gis_data.model import Network, NetworkError

DAY_S = 86400
#: Why there is only the topology, as codes to be put into words.
Why = Literal["", "too_large", "no_answer", "unbalanced", "timeout", "failed"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as short, and how much is worth computing.

    `required_m`: service pressure. `fire_need_m3s`: what a fire point must give at 0.1 MPa.
    `fire_hydrants`: how many hydrants, nearest the closure first, are tested. `most_pipes`: above
    it nothing is simulated. `lookahead_h`: how far tanks are followed beyond the work.
    """

    required_m: float = REQUIRED_PRESSURE_M
    fire_need_m3s: float = 0.015
    fire_hydrants: int = 30
    most_pipes: int = 50_000
    lookahead_h: float = 24.0


@dataclass(frozen=True, slots=True)
class Short:
    """A premise below service pressure: the least pressure, when (seconds after the start), and
    the share of its demand it still gets then (0 to 1)."""

    premise: str
    node: str
    least_m: float
    at_s: int
    share: float


@dataclass(frozen=True)
class Assessment:
    """The closure judged. `topology_only` means nobody could say, `why` and `reason` tell why.

    `start_s`: second of the day the work starts, `hours` how long. `least_m`: node -> lowest
    pressure during the work, of all nodes outside the plan. `fire_tested`: how many hydrants were.
    """

    status: Literal["done", "topology_only"]
    why: Why = ""
    reason: str = ""
    start_s: int = 0
    hours: float = 0.0
    below: tuple[Short, ...] = ()
    worst_node: str = ""
    worst_m: float | None = None
    worst_drop_m: float | None = None
    worst_at_s: int | None = None
    tanks: tuple[TankLeft, ...] = ()
    fire_tested: int = 0
    fire_lost: tuple[FirePoint, ...] = ()
    stirred: tuple[Stirred, ...] = ()
    warnings: tuple[str, ...] = ()
    least_m: Mapping[str, float] = field(default_factory=dict)


def assess(
    network: Network,
    plan: IsolationPlan,
    *,
    start_s: int = 0,
    hours: float = 4.0,
    opened: Collection[str] = (),
    tank_levels: Mapping[str, float] | None = None,
    limits: Limits | None = None,
) -> Assessment:
    """Judge the plan for work from second `start_s` of the day on. Never raises.

    `opened`: normally closed valves that stand open. `tank_levels`: metres above the floor at the
    start of the work; without them the tanks come from running the day from midnight on.
    """
    limits = limits or Limits()
    start_s, hours = int(start_s) % DAY_S, min(max(float(hours), 0.0), 14 * 24.0)
    if len(network.pipes) > limits.most_pipes:
        said = f"{len(network.pipes)} pipes, {limits.most_pipes} is the most that is simulated"
        return Assessment("topology_only", "too_large", said, start_s, hours)
    try:
        runs = _run_twice(network, plan, start_s, hours, opened, tank_levels, limits)
        if not (runs.base.solved and runs.after.solved):
            said = "; ".join(dict.fromkeys((*runs.base.warnings, *runs.after.warnings)))
            said = said or "the pressures are not numbers"
            return Assessment("topology_only", "unbalanced", said[:300], start_s, hours)
        return _judged(network, plan, runs, hours, opened, limits)
    except (SimulationFailed, NetworkError) as error:
        return Assessment("topology_only", "no_answer", str(error)[:300], start_s, hours)
    # Whatever absurd records do to the arithmetic, the dispatcher keeps the topology.
    except Exception as error:  # noqa: BLE001
        said = f"{type(error).__name__}: {error}"[:300]
        return Assessment("topology_only", "failed", said, start_s, hours)


@dataclass(frozen=True, slots=True)
class Runs:
    """Both runs. Second 0 of the arrays is second `zero_s` of the day; work starts at `start_s`."""

    base: Simulation
    after: Simulation
    zero_s: int
    start_s: int


def _run_twice(
    network: Network,
    plan: IsolationPlan,
    start_s: int,
    hours: float,
    opened: Collection[str],
    levels: Mapping[str, float] | None,
    limits: Limits,
) -> Runs:
    ahead = max(hours, limits.lookahead_h) if any_tank(network) else hours
    # The rules let go of the valves in both runs, or the runs would part before the work begins.
    network = without_rules_on(network, shut_links(network, plan.valves_to_close))
    need = limits.required_m
    if levels is not None:
        network = _clock_set(network, start_s)
        base = simulate(network, hours=max(24.0, hours), closed=plan.closed, opened=opened,
                        required_pressure_m=need, start_s=start_s, tank_levels=levels)  # fmt: skip
        shut = {*plan.closed, *plan.valves_to_close}
        after = simulate(network, hours=ahead, closed=shut, opened=opened,
                         required_pressure_m=need, start_s=start_s, tank_levels=levels)  # fmt: skip
        return Runs(base, after, start_s, 0)
    first = start_s / 3600
    base = simulate(network, hours=max(24.0, first + hours), closed=plan.closed, opened=opened,
                    required_pressure_m=need)  # fmt: skip
    timed, at_once, _ = with_moves_at(network, start_s, closed=plan.valves_to_close)
    after = simulate(timed, hours=first + ahead, closed={*plan.closed, *at_once}, opened=opened,
                     required_pressure_m=need)  # fmt: skip
    return Runs(base, after, 0, start_s)


def any_tank(network: Network) -> bool:
    return any(n.kind == "tank" for n in network.nodes.values())


def _clock_set(network: Network, start_s: int) -> Network:
    """Rules "AT TIME" count from midnight; the run starts at `start_s`."""
    before: dict[str, str] = {}
    later, other = [], []
    for line in network.rules:
        words = line.split()
        if [w.upper() for w in words[3:5]] != ["AT", "TIME"] or len(words) < 6:
            other.append(line)
            continue
        at = _seconds(words[5:]) - start_s
        if at > 0:
            later.append(
                " ".join((*words[:5], f"{at // 3600}:{at % 3600 // 60:02d}:{at % 60:02d}"))
            )
        else:
            before[words[1]] = " ".join((*words[:3], "AT TIME 0:00:00"))
    return replace(network, rules=(*other, *before.values(), *later))


def _seconds(words: list[str]) -> int:
    """EPANET's "5", "5.5", "5:30" or "5 MIN" in seconds."""
    if ":" in words[0]:
        parts = [float(p) for p in words[0].split(":")]
        return round(sum(p * s for p, s in zip(parts, (3600, 60, 1), strict=False)))
    unit = words[1].upper() if len(words) > 1 else "HOURS"
    scale = 1 if unit.startswith("SEC") else 60 if unit.startswith("MIN") else 3600
    return round(float(words[0]) * (scale * 24 if unit.startswith("DAY") else scale))


def _judged(
    network: Network,
    plan: IsolationPlan,
    runs: Runs,
    hours: float,
    opened: Collection[str],
    limits: Limits,
) -> Assessment:
    base, after = runs.base, runs.after
    steps = np.array(after.times_s)
    work = np.flatnonzero((steps >= runs.start_s) & (steps <= runs.start_s + hours * 3600))
    # Between two steps of EPANET nothing changes but the level of tanks.
    same = np.searchsorted(base.times_s, np.minimum(steps[work], base.times_s[-1]), "right") - 1
    dry = {*plan.segment_nodes, *plan.unintended_nodes}
    # A node cut off has a negative pressure in EPANET's books; at the tap that is nothing.
    now = np.maximum(_without_drained(network, plan, runs, opened)[work], 0.0)
    then = base.pressure_m[same]
    at = {name: k for k, name in enumerate(after.nodes)}
    served = [
        at[n.id]
        for n in network.nodes.values()
        if n.kind == "junction" and n.base_demand_m3s > 0 and n.id not in dry
    ]
    short = (now < limits.required_m) & (then >= limits.required_m)
    since = steps[work] - runs.start_s
    below = _below(network, plan, after.nodes, served, now, short, since, limits)
    worst = _worst(after.nodes, served, now, then, since)
    live = [k for name, k in at.items() if name not in dry]
    peak = int(work[np.argmax(after.demand_m3s[work][:, served].sum(axis=1))]) if served else 0
    closed = {*plan.closed, *plan.valves_to_close}
    tested, lost = fire_points(
        network,
        plan,
        closed=closed,
        opened=opened,
        at_s=(runs.zero_s + int(steps[peak])),
        levels=tank_levels_at(network, after, peak),
        need_m3s=limits.fire_need_m3s,
        most=limits.fire_hydrants,
        required_m=limits.required_m,
    )
    first = np.searchsorted(steps, runs.start_s)
    return Assessment(
        "done",
        "",
        "",
        (runs.zero_s + runs.start_s) % DAY_S,
        hours,
        below,
        *worst,
        tanks_left(network, after, int(first)),
        tested,
        lost,
        stirred_mains(network, plan, base, after, work),
        tuple(w for w in after.warnings if w not in base.warnings),
        {after.nodes[k]: round(float(now[:, k].min()), 2) for k in live} if len(work) else {},
    )


def tank_levels_at(network: Network, run: Simulation, step: int) -> dict[str, float]:
    """Tank -> level above its floor at a step of a run."""
    return {
        name: float(run.pressure_m[step, k])
        for k, name in enumerate(run.nodes)
        if network.nodes[name].kind == "tank"
    }


def _without_drained(
    network: Network, plan: IsolationPlan, runs: Runs, opened: Collection[str]
) -> Any:
    """Pressures of the closed network, zero wherever only a drained tank is left to feed from."""
    pressure = runs.after.pressure_m.copy()
    drained = drained_at(network, runs.after)
    shut = {*plan.closed, *plan.valves_to_close}
    seen: dict[frozenset[str], list[int]] = {}
    at = {name: k for k, name in enumerate(runs.after.nodes)}
    for step, empty in enumerate(drained):
        if not empty:
            continue
        if empty not in seen:
            cut = without_supply(network, shut, opened, empty)
            seen[empty] = [at[name] for name in cut]
        pressure[step, seen[empty]] = 0.0
    return pressure


def _below(
    network: Network,
    plan: IsolationPlan,
    names: tuple[str, ...],
    served: list[int],
    now: Any,
    short: Any,
    since: Any,
    limits: Limits,
) -> tuple[Short, ...]:
    lost = set(plan.premises)
    living = premises_by_node(network)
    found = []
    for k in served:
        if not len(since) or not short[:, k].any():
            continue
        when = np.flatnonzero(short[:, k])
        step = int(when[np.argmin(now[when, k])])
        least = float(now[step, k])
        share = float(np.sqrt(min(max(least, 0.0) / limits.required_m, 1.0)))
        for premise in living.get(names[k], ()):
            if premise not in lost:
                found.append(
                    Short(premise, names[k], round(least, 2), int(since[step]), round(share, 3))
                )
    return tuple(sorted(found, key=lambda s: (s.least_m, s.premise)))


def _worst(
    names: tuple[str, ...], served: list[int], now: Any, then: Any, since: Any
) -> tuple[str, float | None, float | None, int | None]:
    if not served or not len(since):
        return "", None, None, None
    here = now[:, served]
    step, column = np.unravel_index(int(np.argmin(here)), here.shape)
    k = served[int(column)]
    drop = float(then[step, k] - now[step, k])
    return names[k], round(float(now[step, k]), 2), round(drop, 2), int(since[step])


def premises_by_node(network: Network) -> dict[str, list[str]]:
    """Node -> premises whose service taps a pipe nearer to it than to the pipe's other end."""
    found: dict[str, list[str]] = {}
    for service in network.services.values():
        pipe = network.pipes[service.pipe]
        nearer = pipe.start if service.measure <= 0.5 else pipe.end
        held = found.setdefault(nearer, [])
        if service.premise not in held:
            held.append(service.premise)
    return found
