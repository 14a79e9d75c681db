"""The isolation plan as the shut-off keeps it: asset ids only, ready for JSON.

    {"target", "targets", "valves": [{"asset", "sequence", "minimal"}], "pipes", "nodes",
     "unintended_pipes", "unintended_nodes", "premises", "hydrants_lost",
     "warnings": [{"code", "text"}], "inoperable": [...], "leans_on": [...], "network_version"}

`leans_on` are valves another shut-off closes and this one does not turn: while they are shut they
bound it, and whoever opens them must know.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from gis_data.isolation import IsolationPlan
from gis_data.tracing import Dry
from server.network import graph
from server.network.models import Hydrant, Valve


def make(
    target: str,
    *,
    inoperable: Collection[str] = (),
    still_ours: Collection[str] = (),
    also_closed: Collection[str] = (),
) -> dict[str, Any]:
    """Compute the plan for `target` on the network in force.

    Valves that are closed already bound the segment without being turned, except `still_ours`:
    those are this shut-off's own and stay in its list. `also_closed` are those other jobs close.
    """
    plan: IsolationPlan = graph.isolate(
        target, inoperable=inoperable, still_ours=still_ours, also_closed=also_closed
    )
    minimal = set(plan.minimal_valves)
    return {
        "target": plan.target,
        "targets": [plan.target],
        "valves": [
            {"asset": asset, "sequence": n, "minimal": asset in minimal}
            for n, asset in enumerate(plan.valves_to_close, start=1)
        ],
        "pipes": sorted(plan.segment_pipes),
        "nodes": sorted(plan.segment_nodes),
        "unintended_pipes": sorted(plan.unintended_pipes),
        "unintended_nodes": sorted(plan.unintended_nodes),
        "premises": sorted(plan.premises),
        "hydrants_lost": sorted(plan.hydrants_lost),
        "warnings": [{"code": w.code, "text": w.text} for w in plan.warnings],
        "inoperable": sorted(inoperable),
        "leans_on": sorted(set(plan.already_closed) & set(also_closed)),
        "network_version": graph.version(),
    }


def make_all(
    targets: Sequence[str],
    *,
    inoperable: Collection[str] = (),
    still_ours: Collection[str] = (),
    also_closed: Collection[str] = (),
) -> dict[str, Any]:
    """One plan that takes all `targets` out of service at the same time.

    The valves are those around the union of the segments: one that stands between two of them
    need not be turned. Who is dry is asked of the network with exactly these valves shut.
    """
    single = [
        make(t, inoperable=inoperable, still_ours=still_ours, also_closed=also_closed)
        for t in dict.fromkeys(targets)
    ]
    whole = dict(single[0])
    for plan in single[1:]:
        whole = _joined(whole, plan)
    if len(single) > 1:
        _who_is_dry(whole, also_closed)
    # Whoever another job leaves dry as well must hear of this one too: its hours may differ.
    alone = dry_alone(whole)
    whole["premises"] = sorted(set(whole["premises"]) | alone)
    return whole


def _joined(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    pipes = set(a["pipes"]) | set(b["pipes"])
    nodes = set(a["nodes"]) | set(b["nodes"])
    valves = {v["asset"]: v for v in [*b["valves"], *a["valves"]]}
    within = {
        name
        for name, pipe, node in Valve.objects.filter(asset__in=valves).values_list(
            "asset", "pipe", "node"
        )
        if pipe in pipes and node in nodes
    }
    order = dict.fromkeys(v["asset"] for v in [*a["valves"], *b["valves"]])
    kept = [valves[name] for name in order if name not in within]
    warnings = {w["code"] + w["text"]: w for w in [*a["warnings"], *b["warnings"]]}
    return {
        **a,
        "targets": [*a["targets"], *b["targets"]],
        "valves": [{**v, "sequence": n} for n, v in enumerate(kept, start=1)],
        "pipes": sorted(pipes),
        "nodes": sorted(nodes),
        "premises": sorted({*a["premises"], *b["premises"]}),
        "hydrants_lost": sorted({*a["hydrants_lost"], *b["hydrants_lost"]}),
        "warnings": list(warnings.values()),
        "leans_on": sorted({*a["leans_on"], *b["leans_on"]}),
    }


def _who_is_dry(plan: dict[str, Any], also_closed: Collection[str]) -> None:
    shut = {v["asset"] for v in plan["valves"]} | set(also_closed)
    dry = dry_with(shut, plan["pipes"])
    plan["unintended_pipes"] = sorted(set(dry.pipes) - set(plan["pipes"]))
    plan["unintended_nodes"] = sorted(set(dry.nodes) - set(plan["nodes"]))
    plan["premises"] = sorted({*plan["premises"], *dry.premises})
    lost = Hydrant.objects.filter(node__in=dry.nodes).values_list("asset", flat=True)
    plan["hydrants_lost"] = sorted({*plan["hydrants_lost"], *lost})


def dry_with(valves: Collection[str], drained: Collection[str] = ()) -> Dry:
    """Who has no water with these valves shut, and no others, and these pipes drained."""
    return graph.dry(closed=still_there(valves), blocked_segments=segments_of(drained))


def still_there(valves: Collection[str]) -> list[str]:
    """Those the network in force knows: a plan may be older than the last import."""
    return sorted(v for v in valves if graph.segment_of(v) is not None)


def dry_alone(plan: dict[str, Any]) -> set[str]:
    """Premises that this plan leaves dry by itself, whatever other jobs do."""
    shut = {v["asset"] for v in plan["valves"]} | set(plan.get("leans_on", ()))
    return set(dry_with(shut, plan["pipes"]).premises)


def segments_of(pipes: Collection[str]) -> list[int]:
    """The valve segments of pipes, as the network in force numbers them."""
    found = {graph.segment_of(pipe) for pipe in pipes}
    return sorted(s for s in found if s is not None)


def repair_hours(diameter_mm: float) -> float:
    """How long the water is usually off for a repair, until the crew says better. A target."""
    return 3.0 if diameter_mm <= 150 else 5.0 if diameter_mm <= 400 else 9.0
