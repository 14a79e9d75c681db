"""A closure judged whole: what it does, and which valves would help. One question, one process."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gis_data.hydraulics.assessment import Assessment, Limits, assess
from gis_data.hydraulics.bounded import TimedOut, bounded
from gis_data.hydraulics.running import SimulationFailed
from gis_data.isolation import IsolationPlan
from gis_data.model import Network
from gis_data.restoration.options import HIGHEST_M, Option, restoration_options


@dataclass(frozen=True, slots=True)
class Judged:
    """What the closure does and the ways to feed those cut off meanwhile."""

    assessment: Assessment
    options: tuple[Option, ...] = ()


def judge(
    network: Network,
    plan: IsolationPlan,
    *,
    start_s: int = 0,
    hours: float = 4.0,
    opened: Collection[str] = (),
    tank_levels: Mapping[str, float] | None = None,
    limits: Limits | None = None,
    contaminated: Collection[str] = (),
    highest_m: float = HIGHEST_M,
    zone_highest_m: Mapping[str, float] | None = None,
    most_runs: int = 80,
    budget_s: float | None = None,
) -> Judged:
    """`assess`, then `restoration_options` for those cut off or left short. Never raises."""
    limits = limits or Limits()
    found = assess(
        network, plan, start_s=start_s, hours=hours, opened=opened, tank_levels=tank_levels,
        limits=limits,
    )  # fmt: skip
    if found.status != "done":
        return Judged(found)
    options = restoration_options(
        network, plan, opened=opened, short_nodes={s.node for s in found.below},
        contaminated=contaminated, start_s=start_s, hours=hours, tank_levels=tank_levels,
        required_m=limits.required_m, highest_m=highest_m, zone_highest_m=zone_highest_m,
        most_runs=most_runs, budget_s=budget_s,
    )  # fmt: skip
    return Judged(found, options)


def judge_bounded(
    network: Network, plan: IsolationPlan, *, timeout_s: float = 90.0, **more: object
) -> Judged:
    """`judge` in a process of its own, killed after `timeout_s`; then only the topology is known.

    Options are tried for a quarter of that time. Where the whole takes too long all the same, what
    the closure does is asked for once more without them. Never raises for hydraulics.
    """
    why, reason = "no_answer", ""
    more.setdefault("budget_s", timeout_s / 4)
    for task, share in ((judge, 0.65), (_assessed, 0.35)):
        try:
            return bounded(task, network, plan, timeout_s=timeout_s * share, **more)
        except TimedOut as error:
            why, reason = "timeout", str(error)
        except SimulationFailed as error:
            why, reason = "no_answer", str(error)[:300]
    return Judged(Assessment("topology_only", why, reason))  # type: ignore[arg-type]


def _assessed(
    network: Network,
    plan: IsolationPlan,
    *,
    start_s: int = 0,
    hours: float = 4.0,
    opened: Collection[str] = (),
    tank_levels: Mapping[str, float] | None = None,
    limits: Limits | None = None,
    **_unused: object,
) -> Judged:
    return Judged(assess(
        network, plan, start_s=start_s, hours=hours, opened=opened, tank_levels=tank_levels,
        limits=limits,
    ))  # fmt: skip
