"""`manage clock`: ask once a second what is due, and fire it; a second one stands by.

Deadlines, offers nobody has answered, the plan for what nobody has in hand, when crews that are on
their way will be there, what ends by its time (closures, breaks, shifts), the day's forecast of
calls.
Deadlines come first and do not depend on the others: what fails is written down and tried again
after half a minute. Beside them, what positions mean (server/positions/watching.py), and the sound
of calls (server/calls/recordings/watching.py).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError

from server.calls.queueing import items
from server.calls.recordings import watching as recordings
from server.dispatch import arrivals, eta, offers, overtime, planning
from server.events.leader import Leadership
from server.events.loop import Stop, run
from server.forecast import services as forecast
from server.led import driving as boards
from server.positions import watching as positions
from server.service_level.services import fire_due
from server.streets.services import tell_due
from server.workforce import turns
from server.workforce.services import end_announced

log = logging.getLogger("standpipe.clock")
AGAIN_S = 30.0
SWEEPS: tuple[Callable[[], object], ...] = (
    offers.sweep, planning.sweep, offers.send_automatic, eta.sweep, tell_due, end_announced,
    overtime.sweep, turns.tell, forecast.sweep, items.sweep,
)  # fmt: skip


class Sweeps:
    """The sweeps beside the deadlines; one that has failed rests, the others go on."""

    def __init__(self, sweeps: tuple[Callable[[], object], ...] = SWEEPS) -> None:
        self._sweeps = sweeps
        self._resting: dict[Callable[[], object], float] = {}

    def run(self) -> None:
        now = time.monotonic()
        for sweep in self._sweeps:
            if self._resting.get(sweep, 0.0) > now:
                continue
            try:
                sweep()
            except (OperationalError, InterfaceError):
                raise  # the loop waits for the database
            except Exception:
                log.exception("%s.%s failed", sweep.__module__, sweep.__qualname__)
                self._resting[sweep] = now + AGAIN_S


class Command(BaseCommand):
    help = "Watch deadlines, offers, the plan, arrival times, and what ends by its time."
    # `standpipe check` and CI run them; six processes starting at once need not.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Stop()
        leader = Leadership("clock")
        others = Sweeps()

        def step() -> None:
            if leader.take():
                fire_due()
                others.run()

        over = threading.Event()
        watching = threading.Thread(
            target=positions.run, args=((positions.fences, positions.incidents, arrivals.areas),
                                        over), name="positions", daemon=True,
        )  # fmt: skip
        watching.start()
        showing = threading.Thread(target=boards.run, args=(over,), name="boards", daemon=True)
        showing.start()
        looking_after = threading.Thread(
            target=recordings.run, args=(over,), name="recordings", daemon=True
        )
        looking_after.start()
        run("clock", step, pause_s=1.0, stop=stop)
        over.set()
        watching.join(10)
        showing.join(10)
        looking_after.join(10)
        leader.release()
