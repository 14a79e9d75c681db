"""Which valves to close, and who then has no water.

The network becomes a graph of *elements*: every node, pipe and control. A pipe and its end node are
joined unless an isolation valve stands between them. Three levels of it are kept:

* a *cell* is a set of elements that share water whatever happens: joined without a valve, without
  a check valve, pump or reducing valve between them;
* a *segment* is a set of cells joined by anything but a valve: what has to be emptied together;
* between cells run *arcs*: through a valve (both ways) or through something that conducts one way.

To isolate a target is to take its segment, add those behind valves that cannot be turned, close
the valves around it, and look which cells no source reaches any more. All of it lies in arrays
(`gis_data.compiled`); a question walks over the few that are near the target.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gis_data.compiled.index import SegmentIndex
from gis_data.model import Network, UnknownElement

__all__ = [
    "Alternative", "IsolationPlan", "SegmentIndex", "Warning", "alternatives", "isolate", "options",
]


@dataclass(frozen=True, slots=True)
class Warning:
    """Something the person closing valves should know."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class IsolationPlan:
    """How to take `target` out of service, and what it costs.

    `valves_to_close`: in the order of closing, supply side first. `minimal_valves`: those of them
    that have water behind them once the others are shut; closing only these is enough. `segment_*`
    is what is emptied, `unintended_*` what else loses its last way to a source; elements that had
    no water before are not counted again. `premises`: ids of the premises that get their water
    through one of these and through no other service line. `delayed`: those of them that drink
    through a secondary-supply station, with the hours its tank lasts. `already_closed`: boundary
    valves found shut. `closed`, `opened`, `inoperable` and `usable`: as asked.
    """

    target: str
    valves_to_close: tuple[str, ...]
    minimal_valves: tuple[str, ...]
    segment_pipes: tuple[str, ...]
    segment_nodes: tuple[str, ...]
    unintended_pipes: tuple[str, ...]
    unintended_nodes: tuple[str, ...]
    hydrants_lost: tuple[str, ...]
    premises: tuple[str, ...]
    warnings: tuple[Warning, ...]
    segments: tuple[int, ...] = ()
    segment_controls: tuple[str, ...] = ()
    unintended_controls: tuple[str, ...] = ()
    already_closed: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    inoperable: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    usable: tuple[str, ...] = ()
    delayed: tuple[tuple[str, float], ...] = ()

    @property
    def sequence(self) -> dict[str, int]:
        """Valve -> its place in the order of closing, from 1."""
        return {valve: k for k, valve in enumerate(self.valves_to_close, 1)}

    def warned(self, code: str) -> bool:
        """Whether a warning of this code was given."""
        return any(w.code == code for w in self.warnings)


@dataclass(frozen=True, slots=True)
class Alternative:
    """The plan should `valve` turn out stuck, and what it adds to the first plan."""

    valve: str
    plan: IsolationPlan
    extra_valves: tuple[str, ...]
    extra_premises: tuple[str, ...]


def isolate(
    network: Network | SegmentIndex,
    target: str,
    *,
    inoperable: Collection[str] = (),
    closed: Collection[str] = (),
    opened: Collection[str] = (),
    usable: Collection[str] = (),
) -> IsolationPlan:
    """The plan to isolate a pipe, node, control, valve, hydrant or service.

    Where a link and a node share a name, the link is meant; "node:<id>" names the node.

    `inoperable`: valves that cannot be turned, beside those the network knows; a valve whose cover
    cannot be reached counts as one unless it is named in `usable`. `closed`: valves, pipes or
    controls shut at present, for instance by other jobs. `opened`: normally closed valves that
    stand open. Errors: UnknownElement for an id the network does not have.
    """
    from gis_data.isolation_plan import make_plan

    return make_plan(
        _index_for(network, closed),
        target,
        frozenset(inoperable),
        frozenset(closed),
        frozenset(opened),
        frozenset(usable),
    )


def alternatives(network: Network | SegmentIndex, plan: IsolationPlan) -> tuple[Alternative, ...]:
    """Plan B for each valve of the plan that might not turn, in the plan's order."""
    index = _index_for(network, plan.closed)
    found = []
    for valve in plan.valves_to_close:
        other = _without(index, plan, [valve])
        had_valves, had_premises = set(plan.valves_to_close), set(plan.premises)
        found.append(
            Alternative(
                valve,
                other,
                tuple(v for v in other.valves_to_close if v not in had_valves),
                tuple(p for p in other.premises if p not in had_premises),
            )
        )
    return tuple(found)


def options(
    network: Network | SegmentIndex, plan: IsolationPlan, *, limit: int = 6
) -> tuple[IsolationPlan, ...]:
    """The plan itself and others for the same target that lean on fewer doubtful valves.

    A valve is doubtful where nobody knows whether it turns, or where it has to be dug out first.
    One other plan does without all of them, as far as it can; each of the rest without one. At
    most `limit`, no two of which close the same valves. `gis_data.plan_ranking` puts them in order.
    """
    index = _index_for(network, plan.closed)
    found = [plan]

    def add(other: IsolationPlan) -> None:
        if all(set(other.valves_to_close) != set(p.valves_to_close) for p in found):
            found.append(other)

    firm = plan
    # Each round may meet further doubtful valves; beyond three the plan only grows.
    for _ in range(3):
        doubtful = _doubtful(index, firm)
        if not doubtful:
            break
        firm = _without(index, firm, doubtful)
    add(firm)
    for valve in _doubtful(index, plan):
        if len(found) >= limit:
            break
        add(_without(index, plan, [valve]))
    return tuple(found[:limit])


def _doubtful(index: SegmentIndex, plan: IsolationPlan) -> list[str]:
    conditions = index.conditions(plan.valves_to_close)
    return [v for v in plan.valves_to_close if conditions[v] != "yes"]


def _without(index: SegmentIndex, plan: IsolationPlan, valves: Collection[str]) -> IsolationPlan:
    return isolate(
        index,
        plan.target,
        inoperable={*plan.inoperable, *valves},
        closed=plan.closed,
        opened=plan.opened,
        usable=[v for v in plan.usable if v not in valves],
    )


def _index_for(network: Network | SegmentIndex, closed: Collection[str]) -> SegmentIndex:
    index = network if isinstance(network, SegmentIndex) else SegmentIndex(network)
    for name in closed:
        if index.arrays.row("valve", name) < 0 and index.arrays.row("link", name) < 0:
            raise UnknownElement(name)
    return index.with_shut(closed)
