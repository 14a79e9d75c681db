"""`manage simulator`: the demo's life, until told to stop."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from server.events.loop import Stop, run
from server.simulator.running import Simulation


class Command(BaseCommand):
    help = "Crews, callers and colleagues of the demo."
    # `standpipe check` and CI run them; six processes starting at once need not.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        simulation = Simulation()
        stop = Stop()
        simulation.start()
        try:
            run("simulator", simulation.tick, pause_s=1.0, stop=stop)
        finally:
            simulation.stop()
