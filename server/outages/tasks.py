"""Background work of this app: what the closure does to the pressures around it."""

from __future__ import annotations

from typing import Any

from django_tasks import task

from gis_data import hydraulics
from server.network import graph
from server.outages import services
from server.outages.models import ShutOff


@task()
def simulate(shut_off_id: int, version: int) -> dict[str, Any]:
    """Run the closed network; the result of a plan that changed meanwhile is dropped."""
    shut_off = ShutOff.objects.get(pk=shut_off_id)
    if shut_off.hydraulics.get("of") != version:
        return {"status": "stale"}
    report = hydraulics.pressures_after(
        graph.network(),
        graph.isolate(
            shut_off.target,
            inoperable=shut_off.plan["inoperable"],
            still_ours=[v["asset"] for v in shut_off.plan["valves"]],
        ),
    )
    result = {
        "status": report.status,
        "below_service": len(report.below_premises),
        "worst_node": report.worst_node,
        "worst_m": report.worst_pressure_m,
        "reason": report.reason,
    }
    services.keep_hydraulics(shut_off_id, version, result)
    return result
