"""Background work of this app."""

from __future__ import annotations

from django_tasks import task

from server.messaging import services


@task()
def send_due() -> int:
    """Send the texts that are due."""
    return services.send_due_now()
