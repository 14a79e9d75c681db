"""Read events in the one order that loses none, and be woken when there are more.

Order is (xid, id), and reading stops at the oldest transaction still running: an event with a
smaller number may otherwise still be committed behind the reader's back.
"""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
import psycopg2
import psycopg2.extensions
from django.db import connection, transaction

CHANNEL = "standpipe_events"
POSITIONS_CHANNEL = "standpipe_positions"


class Mark(NamedTuple):
    """A place in the list of events; on the wire it is '<xid>-<id>'."""

    xid: int
    event_id: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.event_id}"

    @classmethod
    def parse(cls, text: str) -> Mark | None:
        """The mark of a text, or None where it is none of ours (browsers hand back anything)."""
        left, _, right = text.partition("-")
        if not (left.isascii() and left.isdigit() and right.isascii() and right.isdigit()):
            return None
        xid, event_id = int(left[:20]), int(right[:20])
        return cls(xid, event_id) if max(xid, event_id) < 2**63 else None


class Row(NamedTuple):
    mark: Mark
    name: str
    topic: str
    subject: str
    payload: dict[str, Any]
    by: str
    at: datetime


_READ = """
    SELECT xid, id, name, topic, subject, payload, by, at
    FROM events_event
    WHERE (xid, id) > (%s, %s)
      AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
      AND (%s::text[] IS NULL OR topic = ANY(%s))
    ORDER BY xid, id
    LIMIT %s
"""


def after(mark: Mark, *, topics: Sequence[str] | None = None, limit: int = 200) -> list[Row]:
    """Events after `mark` that no running transaction can still get in front of."""
    names = list(topics) if topics is not None else None
    with connection.cursor() as cursor:
        cursor.execute(_READ, [mark.xid, mark.event_id, names, names, limit])
        rows = cursor.fetchall()
    return [Row(Mark(xid, pk), *rest) for xid, pk, *rest in _with_json(rows)]


def _with_json(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [
        (*r[:5], orjson.loads(r[5]) if isinstance(r[5], str) else r[5], *r[6:]) for r in rows
    ]


def waiting_behind(mark: Mark) -> bool:
    """Whether there are committed events that are held back by a running transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM events_event WHERE (xid, id) > (%s, %s))",
            [mark.xid, mark.event_id],
        )
        return bool(cursor.fetchone()[0])


def end() -> Mark:
    """The place just before everything that is still to come."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return Mark(cursor.fetchone()[0] - 1, 2**62)


def renumber_after_restore() -> int:
    """Put restored events behind those to come; returns how many rows were moved.

    Transaction numbers belong to a cluster. A backup restored into a younger one brings numbers
    from "the future": new events would sort before every cursor and never be read. The restored
    numbers, and the cursors', are moved below zero by one step, which keeps their order.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE events_event IN ACCESS EXCLUSIVE MODE")
        cursor.execute(
            "SELECT max(xid), max(id) FROM events_event "
            "WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
        )
        newest, last = cursor.fetchone()
        if newest is None:
            return 0
        cursor.execute("UPDATE events_cursor SET xid = xid - %s", [newest + 1])
        # The one change an event ever sees: its place, not what it says. What was written here
        # since the restore has larger ids and stands right already.
        cursor.execute("ALTER TABLE events_event DISABLE TRIGGER events_are_append_only")
        cursor.execute("UPDATE events_event SET xid = xid - %s WHERE id <= %s", [newest + 1, last])
        moved = int(cursor.rowcount)
        cursor.execute("ALTER TABLE events_event ENABLE TRIGGER events_are_append_only")
        return moved


class Listener:
    """A connection of its own that sleeps until the database says there is news."""

    def __init__(self, *channels: str) -> None:
        self._channels = channels
        self._conn: Any = None

    def _connect(self) -> Any:
        settings = connection.get_connection_params()
        settings.pop("cursor_factory", None)
        conn = psycopg2.connect(**settings)
        conn.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_AUTOCOMMIT)
        with conn.cursor() as cursor:
            for channel in self._channels:
                cursor.execute(f"LISTEN {channel}")
        return conn

    def wait(self, timeout_s: float) -> set[str]:
        """The channels that called within `timeout_s`; an empty set when none did.

        A lost connection counts as a call on every channel (something may have been missed).
        """
        try:
            if self._conn is None or self._conn.closed:
                self._conn = self._connect()
                return set(self._channels)
            if select.select([self._conn], [], [], timeout_s) == ([], [], []):
                return set()
            self._conn.poll()
        except (psycopg2.Error, OSError):
            self.close()
            time.sleep(min(timeout_s, 0.5))
            return set(self._channels)
        called = {n.channel for n in self._conn.notifies}
        self._conn.notifies.clear()
        return called

    def close(self) -> None:
        if self._conn is not None and not self._conn.closed:
            self._conn.close()
        self._conn = None
