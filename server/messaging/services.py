"""Queue a text in the transaction that has the news; send it after that is committed."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from server.events.services import publish
from server.messaging.gateways import SendError, gateway
from server.messaging.models import SmsMessage
from server.messaging.templates import render

log = logging.getLogger("standpipe.messaging")
MAX_ATTEMPTS = 6


def text(
    to: str,
    template: str,
    *,
    language: str,
    dedupe: str,
    ticket: str = "",
    audience: str = "customer",
    not_before: datetime | None = None,
    **values: Any,
) -> SmsMessage | None:
    """Queue one text. None when there is no number, or when it was queued before (`dedupe`).

    It leaves at once, or at `not_before`: what can wait does not wake anybody.
    """
    if not to:
        return None
    body = render(template, language, values)
    row, made = SmsMessage.objects.get_or_create(
        dedupe=dedupe[:160],
        defaults={
            "to": to, "body": body, "language": language, "template": template,
            "ticket": ticket, "audience": audience, "next_try_at": not_before or timezone.now(),
        },
    )  # fmt: skip
    if not made:
        return None
    # Enqueued in this transaction: the task is there exactly when the text is.
    from server.messaging.tasks import send_due

    send_due.enqueue()
    return row


def withdraw(messages: Collection[int]) -> int:
    """Texts that have not left and are no longer true never leave; returns how many were held."""
    return SmsMessage.objects.filter(
        pk__in=list(messages), state=SmsMessage.State.QUEUED
    ).update(state=SmsMessage.State.FAILED, error="withdrawn: no longer true")


def send_due_now(limit: int = 200) -> int:
    """Send what is due, one by one; two workers never take the same text. Returns how many."""
    sent = 0
    while sent < limit and _send_one():
        sent += 1
    return sent


def _claim() -> SmsMessage | None:
    with transaction.atomic():
        row = (
            SmsMessage.objects.select_for_update(skip_locked=True)
            .filter(state=SmsMessage.State.QUEUED, next_try_at__lte=timezone.now())
            .order_by("pk")
            .first()
        )
        if row is not None:
            # Written before the gateway is called: a crash in between leaves "sending", which is
            # reported as unknown, never sent a second time.
            row.state = SmsMessage.State.SENDING
            row.attempts += 1
            row.next_try_at = timezone.now()  # since when it is being sent
            row.save(update_fields=["state", "attempts", "next_try_at"])
        return row


def _send_one() -> bool:
    row = _claim()
    if row is None:
        return False
    now = timezone.now()
    try:
        accepted = gateway().send(to=row.to, body=row.body, reference=f"sms-{row.pk}")
    except SendError as error:
        row.error = str(error)[:200]
        if error.unknown:
            row.state = SmsMessage.State.UNKNOWN
        elif error.permanent or row.attempts >= MAX_ATTEMPTS:
            row.state = SmsMessage.State.FAILED
        else:
            row.state = SmsMessage.State.QUEUED
            row.next_try_at = now + timedelta(seconds=2**row.attempts)
    except Exception as error:
        # A fault of ours or of the gateway's own code: it may have gone out, so nobody is told
        # twice, and the texts behind it are not held up.
        log.exception("text %s", row.pk)
        row.error, row.state = f"{type(error).__name__}: {error}"[:200], SmsMessage.State.UNKNOWN
    else:
        row.state, row.gateway_id, row.sent_at = SmsMessage.State.SENT, accepted.gateway_id, now
        row.error = ""
    with transaction.atomic():
        row.save()
        publish(
            "sms.sent" if row.state == SmsMessage.State.SENT else "sms.failed",
            f"sms:{row.pk}", topic="messages", template=row.template, ticket=row.ticket,
            state=row.state,
        )  # fmt: skip
    return True


def settle_interrupted(older_than: timedelta = timedelta(minutes=2)) -> int:
    """Texts a crash left in "sending" become "unknown": a person decides, nobody is told twice."""
    return SmsMessage.objects.filter(
        state=SmsMessage.State.SENDING, next_try_at__lt=timezone.now() - older_than
    ).update(state=SmsMessage.State.UNKNOWN)


def sweep() -> None:
    """What the worker does between tasks: repeats that are due, and what a crash left behind."""
    send_due_now()
    settle_interrupted()
