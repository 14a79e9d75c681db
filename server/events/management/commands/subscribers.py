"""`manage subscribers`: carry events to those who asked to hear of them, until told to stop."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string

from server.events.loop import run
from server.events.reading import CHANNEL, Listener, renumber_after_restore
from server.events.subscribing import deliver, retry_failed

log = logging.getLogger("standpipe.events")


def _start_up() -> None:
    """What the settings want done once; a broker that is away now is caught up with later."""
    for path in settings.EVENT_STARTUP:
        try:
            import_string(path)()
        except RuntimeError as error:
            log.warning("%s has to wait: %s", path, error)


class Command(BaseCommand):
    help = "Deliver events to their subscribers."
    # `standpipe check` and CI run them; six processes starting at once need not.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        listener = Listener(CHANNEL)
        checked = False

        def step() -> None:
            nonlocal checked
            if not checked:
                renumber_after_restore()
                _start_up()
                checked = True
            if deliver() == 0:
                retry_failed()
                # A short wait: an event held back by a running transaction gives no second call.
                listener.wait(0.2)

        run("subscribers", step)
        listener.close()
