"""The isolation plan as the shut-off keeps it: asset ids only, ready for JSON.

    {"target", "valves": [{"asset", "sequence", "minimal"}], "pipes", "nodes",
     "unintended_pipes", "unintended_nodes", "premises", "hydrants_lost",
     "warnings": [{"code", "text"}], "inoperable": [...], "network_version"}
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from gis_data.isolation import IsolationPlan
from server.network import graph


def make(
    target: str, *, inoperable: Collection[str] = (), still_ours: Collection[str] = ()
) -> dict[str, Any]:
    """Compute the plan for `target` on the network in force.

    Valves that are closed already bound the segment without being turned, except `still_ours`:
    those are this shut-off's own and stay in its list.
    """
    plan: IsolationPlan = graph.isolate(target, inoperable=inoperable, still_ours=still_ours)
    minimal = set(plan.minimal_valves)
    return {
        "target": plan.target,
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
        "network_version": graph.version(),
    }


def repair_hours(diameter_mm: float) -> float:
    """How long the water is usually off for a repair, until the crew says better. A target."""
    return 3.0 if diameter_mm <= 150 else 5.0 if diameter_mm <= 400 else 9.0
