"""Which of several plans for the same target harms least: a pure order, nothing looked up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from gis_data.isolation import IsolationPlan

#: Classes of premises that cannot be without water for long.
CRITICAL: frozenset[str] = frozenset({"dialysis", "hospital", "care", "school"})
#: How much doubt a valve adds by its condition.
_DOUBT: Mapping[str, int] = {"yes": 0, "unknown": 1, "buried": 2, "no": 3}


@dataclass(frozen=True, slots=True, order=True)
class Cost:
    """What a plan costs, the worst first: plans compare in this order.

    `people` in the premises without water, `critical` premises among them, `hydrants` lost,
    `doubt` about the valves (1 for each untested, 2 for each to dig out, 3 for each known not to
    turn), `valves` to turn.
    """

    people: int
    critical: int
    hydrants: int
    doubt: int
    valves: int


@dataclass(frozen=True, slots=True)
class Ranked:
    """A plan with its cost."""

    plan: IsolationPlan
    cost: Cost


def cost_of(
    plan: IsolationPlan,
    *,
    persons: Mapping[str, int],
    classes: Mapping[str, str],
    conditions: Mapping[str, str],
    critical: Collection[str] = CRITICAL,
) -> Cost:
    """What a plan costs. Premises without an entry count one person, valves as untested."""
    return Cost(
        sum(persons.get(p, 1) for p in plan.premises),
        sum(classes.get(p, "") in critical for p in plan.premises),
        len(plan.hydrants_lost),
        sum(_DOUBT.get(conditions.get(v, "unknown"), 1) for v in plan.valves_to_close),
        len(plan.valves_to_close),
    )


def ranked(
    plans: Iterable[IsolationPlan],
    *,
    persons: Mapping[str, int],
    classes: Mapping[str, str],
    conditions: Mapping[str, str],
    critical: Collection[str] = CRITICAL,
) -> list[Ranked]:
    """The plans, the least harm first; plans of equal cost by the valves they close.

    `persons` and `classes`: of premises; `conditions`: of valves (`SegmentIndex.conditions`). A
    plan that leaves the target below a source isolates nothing: it comes last whatever it costs.
    """
    found = [
        Ranked(p, cost_of(p, persons=persons, classes=classes, conditions=conditions,
                          critical=critical))
        for p in plans
    ]  # fmt: skip
    return sorted(
        found,
        key=lambda r: (r.plan.warned("no_valve_before_source"), r.cost, r.plan.valves_to_close),
    )
