"""What agents are doing: one row for now, and the stretches of time behind it."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from server.accounts.models import User
from server.calls import sites
from server.calls.models import AgentInterval, AgentState, Call
from server.calls.queueing import selectors
from server.events.services import publish


def phone_password(extension: str) -> str:
    """The SIP password of an extension, derived from one secret so nothing has to be stored."""
    seed = settings.STANDPIPE["PHONE_PASSWORD_SEED"].encode()
    return hmac.new(seed, extension.encode(), hashlib.sha256).hexdigest()[:24]


def by_extension(extension: str) -> User | None:
    """Whose telephone it is; nobody's for an empty extension."""
    return User.objects.filter(extension=extension).first() if extension else None


def set_state(
    user: User, state: str, *, reason: str = "", call: Call | None = None
) -> AgentState:
    """Change what an agent is doing; the stretch before is closed at the same instant."""
    now = timezone.now()
    with transaction.atomic():
        row, made = AgentState.objects.select_for_update().get_or_create(
            user=user, defaults={"state": AgentState.State.SIGNED_OUT, "since": now}
        )
        same = (row.state, row.reason, row.call_id) == (state, reason, call.pk if call else None)
        if not made and same:
            return row
        AgentInterval.objects.filter(user=user, ended_at=None).update(ended_at=now)
        if state != AgentState.State.SIGNED_OUT:
            AgentInterval.objects.create(
                user=user, state=state, reason=reason[:40], call=call, started_at=now
            )
        row.state, row.reason, row.since, row.call = state, reason[:40], now, call
        row.save()
        publish(
            "agent.changed", f"user:{user.pk}", topic="calls", agent=user.username,
            name=user.name, state=state, reason=reason, extension=user.extension,
        )  # fmt: skip
    return row


def after_call(user: User, call: Call) -> None:
    """The call is over: wrap-up while its form is open or its queue gives time for it, else ready.

    An agent who signed out or is busy with another call by now is left alone.
    """
    row = AgentState.objects.filter(user=user).first()
    if row is not None and (row.state == AgentState.State.SIGNED_OUT or row.call_id != call.pk):
        return
    wraps = unfinished(call) or selectors.by_code(call.queue).wrap_s > 0
    set_state(
        user, AgentState.State.WRAP_UP if wraps else AgentState.State.READY,
        call=call if wraps else None,
    )  # fmt: skip


def unfinished(call: Call) -> bool:
    """Something was begun to be written down and nothing is registered."""
    return bool(call.draft) and call.contact_id is None


def registered(call: Call) -> None:
    """The form is done: so is the wrap-up, unless its queue gives more time."""
    if selectors.by_code(call.queue).wrap_s == 0:
        for row in AgentState.objects.filter(state=AgentState.State.WRAP_UP, call=call):
            set_state(row.user, AgentState.State.READY)


def end_wrap_ups() -> int:
    """Whose after-call work has lasted as long as their queue allows is ready again.

    A draft that is still open stays, and the call is owed as for one who hung up.
    """
    now = timezone.now()
    over = 0
    rows = AgentState.objects.filter(state=AgentState.State.WRAP_UP).select_related("user", "call")
    queues = selectors.queues() if rows else []
    for row in rows:
        queue = selectors.by_code(row.call.queue if row.call else "", queues)
        writes = row.call is not None and unfinished(row.call)
        limit = max(queue.wrap_limit_s, queue.wrap_s) if writes else queue.wrap_s
        if now - row.since >= timedelta(seconds=limit):
            set_state(row.user, AgentState.State.READY)
            over += 1
    return over


def ask_queue(user: User, state: str, reason: str = "") -> None:
    """Ask the telephony process to bring the queue in line (it hears the event)."""
    publish(
        "agent.wants", f"user:{user.pk}", agent=user.username, extension=user.extension,
        name=user.name, state=state, reason=reason,
    )  # fmt: skip


def has_telephone() -> bool:
    """Whether this start profile runs a telephone exchange."""
    return settings.STANDPIPE["PROFILE"] in ("full", "calls-only")


def me(user: User) -> dict[str, Any]:
    """What the desk needs to know of the person at it."""
    row = AgentState.objects.filter(user=user).first()
    sip = None
    on_desk = user.extension in settings.STANDPIPE["DESK_PHONES"]
    if user.extension and not on_desk and settings.STANDPIPE["SIP_WS_URL"] and has_telephone():
        sip = {
            "ws": settings.STANDPIPE["SIP_WS_URL"],
            # Where the telephone may register when that site does not answer.
            "further_ws": [site.ws for site in sites.known()[1:] if site.ws],
            "uri": f"sip:{user.extension}@127.0.0.1",
            "user": user.extension,
            "password": phone_password(user.extension),
        }
    return {
        "user": user.username, "name": user.name, "role": user.role, "language": user.language,
        "extension": user.extension, "desk_phone": on_desk,
        "sip": sip, "telephone": has_telephone(),
        "state": row.state if row else AgentState.State.SIGNED_OUT,
        "reason": row.reason if row else "", "since": row.since if row else None,
        "call": row.call.call_id if row and row.call else None,
    }  # fmt: skip
