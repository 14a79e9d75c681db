"""PostGIS connections kept for the next request (ADR 0021).

Under ASGI every request runs in a thread of its own, so Django's persistent connections persist
for one request: each paid for a new backend of PostgreSQL and for PostGIS loading into it. Django's
own pool needs psycopg 3. Here `close()` puts the connection back instead, and the next thread takes
it out again, after asking it whether it is alive.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from typing import Any

import psycopg2
from django.contrib.gis.db.backends.postgis import base
from psycopg2.extensions import TRANSACTION_STATUS_IDLE

KEPT = 12
OLDEST_S = 120.0


class Pool:
    """Idle connections of this process by what they connect to, the last used first."""

    def __init__(self, kept: int = KEPT, oldest_s: float = OLDEST_S) -> None:
        self._kept, self._oldest_s = kept, oldest_s
        self._idle: dict[tuple[Any, ...], deque[tuple[float, Any]]] = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def take(self, key: tuple[Any, ...]) -> Any | None:
        """A connection that answers, or None: then make one."""
        while True:
            with self._lock:
                self._ours()
                idle = self._idle.get(key)
                if not idle:
                    return None
                since, connection = idle.pop()
            if time.monotonic() - since <= self._oldest_s and _answers(connection):
                return connection
            _end(connection)

    def put(self, key: tuple[Any, ...], connection: Any) -> None:
        """Keep it for the next one; end it if it is in a transaction, closed, or one too many."""
        if (
            connection.closed
            or not connection.autocommit
            or connection.info.transaction_status != TRANSACTION_STATUS_IDLE
        ):
            _end(connection)
            return
        over = []
        with self._lock:
            self._ours()
            idle = self._idle.setdefault(key, deque())
            idle.append((time.monotonic(), connection))
            oldest = time.monotonic() - self._oldest_s
            while idle and (len(idle) > self._kept or idle[0][0] < oldest):
                over.append(idle.popleft()[1])
        for old in over:
            _end(old)

    def _ours(self) -> None:
        """A forked child must not talk through its parent's sockets, nor close them."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._idle = {}


def _answers(connection: Any) -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except psycopg2.Error:
        return False
    return not connection.closed


def _end(connection: Any) -> None:
    try:
        connection.close()
    except psycopg2.Error:
        return  # the other end is gone already


POOL = Pool()


class DatabaseWrapper(base.DatabaseWrapper):
    """The PostGIS backend; its connections come from the pool and go back there."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self._pool_key = tuple(sorted((k, str(v)) for k, v in conn_params.items()))
        kept = POOL.take(self._pool_key)
        return kept if kept is not None else super().get_new_connection(conn_params)

    def _close(self) -> None:
        connection = self.connection
        if connection is not None:
            with self.wrap_database_errors:
                POOL.put(self._pool_key, connection)
