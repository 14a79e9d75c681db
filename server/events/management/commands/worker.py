"""`manage worker`: background tasks, one after another, until told to stop."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.crypto import get_random_string
from django.utils.module_loading import import_string
from django_tasks_db.management.commands.db_worker import Worker

from server.events.loop import Stop, run

# What is swept even when the task that should have done it died with its worker.
SWEEPS = [
    "server.messaging.services.sweep", "server.outages.services.sweep",
    "server.bursts.services.sweep", "server.interfaces.services.send_due",
]  # fmt: skip


class Command(BaseCommand):
    help = "Run background tasks."
    # `standpipe check` and CI run them; six processes starting at once need not.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Stop()
        worker_id = get_random_string(16)
        sweeps = [import_string(path) for path in SWEEPS]

        def step() -> None:
            Worker(
                queue_names=["*"], interval=0, batch=True, backend_name="default",
                startup_delay=False, max_tasks=50, worker_id=worker_id, excluded_queue_names=[],
            ).run()  # fmt: skip
            for sweep in sweeps:
                sweep()

        run("worker", step, pause_s=0.2, stop=stop)
