"""Carry events to their subscribers, in order, each effect exactly once.

Every subscriber has a cursor of its own, moved in the transaction of the effect. One that fails
does not hold up the others: the event is put aside with the reason and tried again later.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from functools import cache

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from server.accounts.context import Acting, act_as
from server.events.models import Cursor, Event, FailedDelivery
from server.events.reading import Mark, Row, after

log = logging.getLogger("standpipe.events")
Subscriber = Callable[[Row], None]
MAX_ATTEMPTS = 12
# No event is read past a transaction that still writes: a long one holds up every screen.
LONGEST_S = 0.05
_BEHIND = """
    SELECT name FROM unnest(%s::text[]) WITH ORDINALITY AS wanted (name, place)
    LEFT JOIN events_cursor c ON c.subscriber = name
    WHERE EXISTS (
        SELECT 1 FROM events_event e
        WHERE (e.xid, e.id) > (coalesce(c.xid, 0), coalesce(c.event_id, 0))
          AND e.xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    )
    ORDER BY place
"""


def hears(*kinds: str) -> Callable[[Subscriber], Subscriber]:
    """Only events of these kinds (the word before the dot) are handed over.

    A subscriber without it is given all; of a call alone there are a dozen.
    """

    def mark(subscriber: Subscriber) -> Subscriber:
        subscriber.kinds = frozenset(kinds)  # type: ignore[attr-defined]
        return subscriber

    return mark


def _is_for(name: str, row: Row) -> bool:
    kinds: frozenset[str] | None = getattr(subscribers()[name], "kinds", None)
    return kinds is None or row.name.partition(".")[0] in kinds


@cache
def subscribers() -> dict[str, Subscriber]:
    return {path: import_string(path) for path in settings.EVENT_SUBSCRIBERS}


def deliver(limit: int = 50) -> int:
    """Take every subscriber past its next events; returns past how many, heard or not."""
    return sum(_deliver_to(name, limit) for name in _behind())


def _behind() -> list[str]:
    """Those for whom there is something, in their order: one look for all of them."""
    with connection.cursor() as cursor:
        cursor.execute(_BEHIND, [list(subscribers())])
        return [name for (name,) in cursor.fetchall()]


def _deliver_to(name: str, limit: int) -> int:
    done = 0
    began = time.monotonic()
    with transaction.atomic():
        if not _alone_with(name):
            return 0
        cursor, _made = Cursor.objects.get_or_create(subscriber=name)
        for row in after(Mark(cursor.xid, cursor.event_id), limit=limit):
            _hand_over(name, row)
            cursor.xid, cursor.event_id = row.mark
            done += 1
            if time.monotonic() - began > LONGEST_S:
                break
        if done:
            cursor.save(update_fields=["xid", "event_id"])
    return done


def _alone_with(name: str) -> bool:
    """Take a subscriber until the transaction ends; False while another worker has it.

    Not the cursor's row: to lock a row is a write, and while the subscriber thinks nobody could
    read past it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"subscriber {name}"]
        )
        return bool(cursor.fetchone()[0])


def _hand_over(name: str, row: Row) -> bool:
    if not _is_for(name, row):
        return True
    try:
        with (
            transaction.atomic(),
            act_as(Acting(by=row.by or "system", role="system")),
        ):
            subscribers()[name](row)
    except Exception as error:
        # Whatever it was, it is kept and tried again.
        log.exception("%s could not take event %s %s", name, row.mark, row.name)
        put_aside(name, row.mark.event_id, error)
        return False
    return True


def put_aside(name: str, event_id: int, error: Exception) -> None:
    """Keep a failed delivery with its reason; the wait doubles from 2 s to an hour."""
    kept, _ = FailedDelivery.objects.get_or_create(
        subscriber=name, event_id=event_id, defaults={"attempts": 0}
    )
    kept.attempts += 1
    kept.error = "".join(traceback.format_exception(error))[-4000:]
    wait = timedelta(seconds=min(2**kept.attempts, 3600))
    kept.next_try_at = timezone.now() + wait if kept.attempts < MAX_ATTEMPTS else None
    kept.save()


def retry_failed() -> int:
    """Try again what is due; returns how many went through."""
    done = 0
    due = FailedDelivery.objects.filter(done_at=None, next_try_at__lte=timezone.now())
    for pk in list(due.values_list("pk", flat=True)[:50]):
        with transaction.atomic():
            kept = (
                FailedDelivery.objects.select_for_update(skip_locked=True)
                .filter(pk=pk, done_at=None)
                .first()
            )
            if kept is None or kept.subscriber not in subscribers():
                continue
            event = Event.objects.get(pk=kept.event_id)
            row = Row(
                Mark(event.xid, event.pk), event.name, event.topic, event.subject,
                event.payload, event.by, event.at,
            )  # fmt: skip
            if _hand_over(kept.subscriber, row):
                kept.done_at = timezone.now()
                kept.next_try_at = None
                kept.save(update_fields=["done_at", "next_try_at"])
                done += 1
    return done
