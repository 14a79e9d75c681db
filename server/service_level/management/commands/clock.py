"""`manage clock`: ask once a second what is due, and fire it; a second one stands by.

Deadlines, offers nobody has answered, the plan for what nobody has in hand, and when crews that
are on their way will be there.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from server.dispatch import eta, offers, planning
from server.events.leader import Leadership
from server.events.loop import Stop, run
from server.service_level.services import fire_due
from server.streets.services import tell_due
from server.workforce.services import end_announced


class Command(BaseCommand):
    help = "Watch the deadlines, and closures of streets and breaks that end by their time."
    # `standpipe check` and CI run them; six processes starting at once need not.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Stop()
        leader = Leadership("clock")

        def step() -> None:
            if leader.take():
                fire_due()
                offers.sweep()
                planning.sweep()
                offers.send_automatic()
                eta.sweep()
                tell_due()
                end_announced()

        run("clock", step, pause_s=1.0, stop=stop)
        leader.release()
