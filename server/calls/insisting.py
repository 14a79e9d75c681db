"""What Asterisk says once must be stored, though the database may be away just then."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections

log = logging.getLogger("standpipe.telephony")
# A database that crashed is back long before. What is older the exchange's own file tells.
PATIENCE = timedelta(minutes=2)
PAUSE_S = 0.5
T = TypeVar("T")


class Insisting:
    """Does a piece of work again and again while the database is away. For a thread, not a loop."""

    def __init__(self, *, pause_s: float = PAUSE_S) -> None:
        self._stop = threading.Event()
        self._pause_s = pause_s

    def stop(self) -> None:
        """Whoever waits gives up at once."""
        self._stop.set()

    def __call__(self, since: datetime, work: Callable[..., T], *args: Any) -> T:
        """`work(*args)`, which must be whole or nothing, for something that happened at `since`.

        Raises what `work` raises: the database's absence only after PATIENCE or `stop`.
        """
        while True:
            try:
                return work(*args)
            except (OperationalError, InterfaceError) as error:
                if self._stop.is_set() or datetime.now(UTC) - since > PATIENCE:
                    raise
                name = getattr(work, "__name__", "a piece of work")
                log.warning("%s: the database is away (%s)", name, str(error).strip())
                self._stop.wait(self._pause_s)
                close_old_connections()
