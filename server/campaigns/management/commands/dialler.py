"""`manage dialler`: ring for campaigns and walk the ladder for arrears; a second one stands by."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from server.campaigns import ladder, running
from server.events.leader import Leadership
from server.events.loop import Stop, run


class Command(BaseCommand):
    help = "Ring for campaigns, and remind of unpaid bills."
    # `standpipe check` and CI run them; six processes starting at once need not.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        leader = Leadership("dialler")

        def step() -> None:
            if leader.take():
                running.step()
                ladder.step()

        run("dialler", step, pause_s=0.5, stop=Stop())
        leader.release()
