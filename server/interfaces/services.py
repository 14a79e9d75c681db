"""Verbs for webhooks: who hears of what, and sending it until they have it."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpcore
import orjson
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.events.models import Event
from server.interfaces import posting
from server.interfaces.models import Delivery, Webhook

log = logging.getLogger("standpipe.interfaces")
MAX_ATTEMPTS = 12
# Who calls is nobody else's business: calls, agents and texts are not told.
FAMILIES = (
    "incident", "ticket", "order", "shutoff", "valve", "network", "burst", "defect", "claim",
)  # fmt: skip
_NAME = re.compile(r"[a-z_]+\.(?:[a-z_]+|\*)")
# What an event may say of persons stays here.
_PERSONAL = frozenset({"phone", "phone_masked", "name", "customer", "address", "caller"})


def internal_hosts() -> frozenset[str]:
    """Hosts of the utility's own network that the operator has named (STANDPIPE_WEBHOOK_HOSTS)."""
    return frozenset(settings.STANDPIPE.get("WEBHOOK_HOSTS", ()))


def register(name: str, url: str, events: object, *, by: str) -> tuple[Webhook, str]:
    """A new webhook and its secret, which is shown this once. Refused naming the field."""
    name = " ".join(name.split())
    if not name or len(name) > 80:
        raise Refused("name", "length", _("Give it a name."))
    try:
        posting.check_url(url, internal=internal_hosts())
    except posting.AddressRefused as error:
        text = _("That address cannot be used: %(why)s.") % {"why": str(error)}
        raise Refused("url", "address", text) from error
    wanted = read_events(events)
    secret = secrets.token_hex(24)
    try:
        with transaction.atomic():
            hook = Webhook.objects.create(name=name, url=url, events=wanted, secret=secret, by=by)
            record("webhook.register", f"webhook:{hook.pk}", to_state="active", by=by, note=url)
    except IntegrityError:
        raise Conflict("name", "exists", _("There is one of that name.")) from None
    return hook, secret


def read_events(events: object) -> list[str]:
    """Names or families of events. Refused for none, or for those nobody outside hears of."""
    if not isinstance(events, Sequence) or isinstance(events, str) or not 1 <= len(events) <= 50:
        raise Refused("events", "shape", _("List the events it should hear of."))
    names = [str(e) for e in events]
    for name in names:
        if not _NAME.fullmatch(name) or name.partition(".")[0] not in FAMILIES:
            text = _("“%(name)s” is no event that is told to others.")
            raise Refused("events", "unknown", text % {"name": name[:40]})
    return sorted(set(names))


def change(hook: Webhook, step: str, *, by: str) -> str:
    """pause, resume, rotate (a new secret, returned) or remove. Refused for another word."""
    if step not in ("pause", "resume", "rotate", "remove"):
        raise Refused("step", "unknown", _("There is no such step."))
    secret = ""
    with transaction.atomic():
        hook = Webhook.objects.select_for_update().get(pk=hook.pk)
        record(f"webhook.{step}", f"webhook:{hook.pk}", by=by, note=hook.url)
        if step == "remove":
            hook.delete()
            return ""
        if step == "rotate":
            secret = hook.secret = secrets.token_hex(24)
        else:
            hook.active, hook.stopped_for = step == "resume", ""
        hook.save()
    return secret


def hears(hook: Webhook, name: str) -> bool:
    """Whether a webhook wants an event."""
    return name in hook.events or f"{name.partition('.')[0]}.*" in hook.events


def put_down(event_id: int, name: str) -> None:
    """Note an event for everybody who wants it; sent by the worker."""
    if name.partition(".")[0] not in FAMILIES:
        return
    now = timezone.now()
    Delivery.objects.bulk_create(
        [
            Delivery(webhook=hook, event_id=event_id, next_try_at=now)
            for hook in Webhook.objects.filter(active=True)
            if hears(hook, name)
        ],
        ignore_conflicts=True,
    )


def send_due(limit: int = 5) -> int:
    """Send what is due, a few at a time; how many were tried."""
    tried = 0
    for _n in range(limit):
        with transaction.atomic():
            row = (
                Delivery.objects.select_for_update(skip_locked=True, of=("self",))
                .filter(
                    state=Delivery.State.WAITING, next_try_at__lte=timezone.now(),
                    webhook__active=True,
                )
                .select_related("webhook", "event")
                .order_by("next_try_at", "pk")
                .first()
            )
            if row is None:
                break
            _send(row)
        tried += 1
    return tried


def _send(row: Delivery) -> None:
    body = orjson.dumps(told(row.event))
    row.attempts += 1
    try:
        row.status, said = posting.post(
            row.webhook.url, body, _headers(row, body), internal=internal_hosts()
        )
        row.error = "" if 200 <= row.status < 300 else said[:300]
    except posting.AddressRefused as error:
        row.status, row.error = None, str(error)[:300]
        row.attempts = MAX_ATTEMPTS  # it will not become another address by itself
    except (OSError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as e:
        row.status, row.error = None, f"{type(e).__name__}: {e}"[:300]
    now = timezone.now()
    if row.status is not None and 200 <= row.status < 300:
        row.state, row.done_at, row.next_try_at = Delivery.State.DONE, now, None
    elif row.status == 410 or row.attempts >= MAX_ATTEMPTS:
        row.state, row.next_try_at = Delivery.State.FAILED, None
        _stop(row)
    else:
        row.next_try_at = now + timedelta(seconds=min(2**row.attempts, 3600))
    row.save()


def _stop(row: Delivery) -> None:
    """The other side is gone, or was never to be reached: a person has to look."""
    hook = row.webhook
    hook.active = False
    hook.stopped_for = f"{row.status or ''} {row.error}".strip()[:200]
    hook.save(update_fields=["active", "stopped_for"])
    record("webhook.stop", f"webhook:{hook.pk}", to_state="stopped", note=hook.stopped_for)
    log.warning("webhook %s was stopped: %s", hook.name, hook.stopped_for)


def told(event: Event) -> dict[str, Any]:
    """What leaves the house of an event: no names, numbers or addresses of persons."""
    return {
        "id": event.pk, "name": event.name, "subject": event.subject, "at": event.at,
        "data": {k: v for k, v in event.payload.items() if k not in _PERSONAL},
    }  # fmt: skip


def _headers(row: Delivery, body: bytes) -> dict[str, str]:
    moment = str(int(timezone.now().timestamp()))
    return {
        "Content-Type": "application/json",
        "User-Agent": "Standpipe",
        "X-Standpipe-Event": row.event.name,
        "X-Standpipe-Delivery": str(row.pk),
        "X-Standpipe-Timestamp": moment,
        "X-Standpipe-Signature": signature(row.webhook.secret, moment, body),
    }


def signature(secret: str, moment: str, body: bytes) -> str:
    """sha256=hex HMAC of "<timestamp>.<body>": the timestamp makes an old message a stale one."""
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"
