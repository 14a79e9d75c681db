"""The picture of one past moment: what the office knew then, and where the crews were.

States, valves and water are told as they were *known* at the moment; positions as they *were*, for
a telephone that was off the air tells afterwards where it had been.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connection
from django.utils.translation import gettext as _

from server.accounts.refusals import Refused
from server.events.models import Cursor
from server.ledger import selectors as ledger
from server.replay.folding import changes

SUBSCRIBER = "server.replay.subscribers.keep_spans"
TAIL = 20_000
BACK_FOR = timedelta(hours=1)
Picture = dict[tuple[str, str], dict[str, Any]]


def picture(at: datetime) -> Picture:
    """What held at `at`, by (kind, subject); each with `since` beside its own fields."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, subject, data, begins FROM replay_span "
            "WHERE tstzrange(begins, ends) @> %s::timestamptz",
            [at],
        )
        found: Picture = {
            (kind, subject): {**_read(data), "since": begins}
            for kind, subject, data, begins in cursor.fetchall()
        }
        for name, subject, payload, happened in _tail(cursor, at):
            for change in changes(name, subject, _read(payload)):
                key = (change.kind, change.subject)
                if change.data is None:
                    found.pop(key, None)
                    continue
                held = found.get(key)
                same = held is not None and _without_since(held) == change.data
                since = held["since"] if held is not None and same else happened
                found[key] = {**change.data, "since": since}
    return found


def _without_since(data: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in data.items() if k != "since"}


def _tail(cursor: Any, at: datetime) -> Iterable[tuple[str, str, Any, datetime]]:
    """Events up to `at` that the spans do not hold yet. Refused while there are very many."""
    mark = Cursor.objects.filter(subscriber=SUBSCRIBER).first()
    xid, event = (mark.xid, mark.event_id) if mark else (-(2**62), 0)
    cursor.execute(
        "SELECT name, subject, payload, at FROM events_event "
        "WHERE (xid, id) > (%s, %s) AND at <= %s ORDER BY xid, id LIMIT %s",
        [xid, event, at, TAIL + 1],
    )
    rows: list[tuple[str, str, Any, datetime]] = cursor.fetchall()
    if len(rows) > TAIL:
        raise Refused(
            "at", "still_reading",
            _("The record of past days is still being read. Try again in a minute."), status=503,
        )  # fmt: skip
    return rows


def _read(data: Any) -> dict[str, Any]:
    if isinstance(data, str):
        return dict(orjson.loads(data))
    return dict(data)


def of_kind(found: Picture, kind: str) -> dict[str, dict[str, Any]]:
    """The subjects of one kind with what is known of them."""
    return {subject: data for (k, subject), data in found.items() if k == kind}


def water(
    at: datetime, found: Picture
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Where the tap was dry at `at`, and where the water had come back within the hour before:
    two lists of (lon, lat).
    """
    open_then = sorted(str(d["number"]) for d in of_kind(found, "shutoff").values())
    since = at - BACK_FOR
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT shut_off FROM ledger_supplyfact "
            "WHERE recorded_at > %s AND recorded_at <= %s AND kind = 'on'",
            [since, at],
        )
        recent = {row[0] for row in cursor.fetchall()}
    return ledger.dry_and_back(
        at, sorted({*open_then, *recent}), still_open=open_then, back_since=since
    )
