"""Background work of this app: what the closure does to the pressures around it."""

from __future__ import annotations

from typing import Any

from django_tasks import task

from server.outages import hydraulics, services
from server.outages.models import ShutOff


@task()
def simulate(shut_off_id: int, version: int) -> dict[str, Any]:
    """Run the closed network; the result of a plan that changed meanwhile is dropped."""
    shut_off = ShutOff.objects.get(pk=shut_off_id)
    if shut_off.hydraulics.get("of") != version:
        return {"status": "stale"}
    result = hydraulics.judged(shut_off)
    services.keep_hydraulics(shut_off_id, version, result)
    return result
