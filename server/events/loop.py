"""What every long-running door has in common: stop on SIGTERM after the piece in hand, and beat."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import InterfaceError, OperationalError, close_old_connections, connection

from server.events.services import beat

log = logging.getLogger("standpipe")


class Stop:
    """Set by SIGTERM or SIGINT; ask it between two pieces of work."""

    def __init__(self) -> None:
        self._event = threading.Event()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._set)
            signal.signal(signal.SIGINT, self._set)

    def _set(self, *_: Any) -> None:
        self._event.set()

    def set(self) -> None:
        self._event.set()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        return self._event.wait(seconds)


def run(
    name: str, step: Callable[[], Any], *, pause_s: float = 0.0, stop: Stop | None = None
) -> None:
    """Repeat `step` until told to stop. A lost database is waited for, with growing patience."""
    # Asked by identity: a Stop that is not set yet is false.
    stop = stop if stop is not None else Stop()
    away_s = 0.5
    last_beat = 0.0
    while not stop:
        try:
            close_old_connections()
            step()
            if time.monotonic() - last_beat > 2.0:
                beat(name)
                last_beat = time.monotonic()
            away_s = 0.5
        except (OperationalError, InterfaceError) as error:
            log.warning("%s: the database is away (%s); again in %.1f s", name, error, away_s)
            connection.close()
            stop.wait(away_s)
            away_s = min(away_s * 2, 10.0)
        if pause_s:
            stop.wait(pause_s)
