"""Only one process of a kind at work; a stand-by takes over when the first one dies.

The lock lives in a database session: when the process or its connection ends, so does the lock.
"""

from __future__ import annotations

import zlib
from typing import Any

import psycopg2
from django.db import connection


class Leadership:
    """Hold `name` while this object's connection lives."""

    def __init__(self, name: str) -> None:
        self._key = zlib.crc32(name.encode())
        self._conn: Any = None

    def take(self) -> bool:
        """Whether we hold it now. Asks again on each call; never waits."""
        try:
            if self._conn is None or self._conn.closed:
                settings = connection.get_connection_params()
                settings.pop("cursor_factory", None)
                self._conn = psycopg2.connect(**settings)
                self._conn.autocommit = True
                self._held = False
            with self._conn.cursor() as cursor:
                if self._held:
                    cursor.execute("SELECT 1")  # the session, and with it the lock, is alive
                    return True
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [self._key])
                self._held = bool(cursor.fetchone()[0])
                return self._held
        except psycopg2.Error:
            self.release()
            return False

    def release(self) -> None:
        if self._conn is not None:
            self._conn.close()
        self._conn = None
        self._held = False

    _held = False
