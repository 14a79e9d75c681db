"""Background work of this app: what the pressures say about which main it is."""

from __future__ import annotations

from typing import Any

from django_tasks import task

from gis_data.bursts.simulating import NoSimulation
from server.bursts import ranking, services
from server.bursts.models import Alert


@task()
def simulate(alert_id: int, calls: int) -> dict[str, Any]:
    """Rank the mains of an alert by simulated pressures; dropped when more have called since."""
    alert = Alert.objects.get(pk=alert_id)
    if alert.state != Alert.State.OPEN or alert.simulated_calls != calls:
        return {"status": "stale"}
    reports = list(alert.reports.order_by("at", "pk"))
    there = ranking.scene(reports, usual=services.usual_each(alert))
    try:
        found = ranking.from_pressures(there)
    except NoSimulation as error:
        services.keep_simulation(alert_id, calls, [], str(error))
        return {"status": "topology_only", "reason": str(error)}
    services.keep_simulation(alert_id, calls, found)
    return {"status": "done", "first": found[0]["pipe"] if found else None}
