"""A supervisor listens to a talk, whispers to the agent, or speaks with both.

    asked (row, Originate) --ChanSpyStart--> started --key 4, 5, 6--> another mode --> ended

The supervisor's own telephone rings, and the call to it runs ChanSpy on exactly the agent's
channel. No extension leads here: nobody can dial it. The mode is what Asterisk heard last, so that
the log is right too when it was changed on the telephone's keys.
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.models import User
from server.accounts.refusals import Conflict, NotAllowed, Refused
from server.calls import exchange, sites
from server.calls.models import Call
from server.calls.recordings.models import Supervision
from server.events.services import personal, publish
from telephony.ami.events import AmiEvent, DialNotBegun, Other, agent_of
from telephony.supervise import KEYS, PREFIX, spy
from telephony.supervise import switch as switching

log = logging.getLogger("standpipe.telephony")
FORGOTTEN = timedelta(seconds=60)


def listen(agent: User, mode: str, *, by: User) -> Supervision:
    """Begin, or change the mode of what goes on. Raises Refused, Conflict, NotAllowed."""
    if mode not in KEYS:
        raise Refused("mode", "unknown", _("Choose listen, whisper or barge."))
    if by.role != "supervisor":
        raise NotAllowed("", "role", _("Only a supervisor may listen in."))
    if not by.extension:
        raise Refused("telephone", "no_extension", _("You have no telephone line to listen with."))
    if agent.pk == by.pk:
        raise Refused("agent", "yourself", _("You cannot listen to yourself."))
    row = Supervision.objects.filter(supervisor=by, ended_at=None).first()
    if row is not None and row.agent_id == agent.pk and row.started_at is not None:
        return switch(row, mode)
    channel, call_id = talking_channel(agent)
    if row is not None:
        end(row, "another", by=by.username)
    return _begin(agent, mode, channel, call_id, by)


def _begin(agent: User, mode: str, channel: str, call_id: str, by: User) -> Supervision:
    with transaction.atomic():
        row = Supervision.objects.create(
            # The site is in the name, so that later questions go to the same Asterisk.
            channel=f"{PREFIX}{sites.of_channel(channel) or sites.FIRST}-{uuid.uuid4().hex}",
            supervisor=by, agent=agent, mode=mode,
            call=Call.objects.filter(call_id=call_id).first(), asked_at=timezone.now(),
        )  # fmt: skip
        record("supervision.asked", _subject(row), to_state=mode, note=agent.username,
               by=by.username)  # fmt: skip
    try:
        exchange.act(
            "Originate", site=_site(row),
            **spy(by.extension, channel, row.channel, mode, agent.extension),
        )  # fmt: skip
    except Refused:
        _close(row, "telephone")
        raise
    return row


def switch(row: Supervision, mode: str) -> Supervision:
    """Another mode while it runs. The row changes when Asterisk has heard the key."""
    exchange.act("PlayDTMF", site=_site(row), **switching(row.channel, mode))
    return row


def end(row: Supervision, why: str = "ended", *, by: str) -> None:
    """Hang up the supervisor's telephone; one that is gone already is no error."""
    try:
        exchange.act("Hangup", site=_site(row), Channel=row.channel)
    except Refused as no:
        log.info("supervision %s: %s", row.pk, no.extra.get("reason", no))
    _close(row, why, by=by)


def talking_channel(agent: User) -> tuple[str, str]:
    """(channel's id, call's id) of the agent's talk. Raises Conflict when the agent has none."""
    if agent.extension:
        everywhere = exchange.listed_at_each("CoreShowChannels").values()
        for m in (m for held in everywhere for m in held):
            channel = m.get("Channel")
            ours = channel.startswith("PJSIP/") and agent_of(channel) == agent.extension
            # Somebody who listens in is in no bridge.
            if ours and m.get("BridgeId") and not m.get("Uniqueid").startswith(PREFIX):
                return m.get("Uniqueid"), m.get("Linkedid")
    raise Conflict("agent", "not_talking", _("%(name)s is not talking now.") % {"name": agent.name})


def active() -> list[dict[str, Any]]:
    """Who listens to whom, now."""
    rows = Supervision.objects.filter(ended_at=None).select_related("supervisor", "agent", "call")
    return [shape(row) for row in rows]


def open_to(agent: User) -> list[dict[str, Any]]:
    """Who hears this agent now, as far as the house lets the agent know: {supervisor, mode, since}.

    By the names that people go by; since when in this mode. Empty says nothing: perhaps nobody
    listens, perhaps the agent is not to know.
    """
    rows = Supervision.objects.filter(agent=agent, ended_at=None).exclude(started_at=None)
    return [
        {"supervisor": row.supervisor.name, "mode": row.mode, "since": row.mode_at or row.asked_at}
        for row in rows.select_related("supervisor").order_by("started_at")
        if _openly(row.mode)
    ]


def _openly(mode: str) -> bool:
    """Whether the agent may know; one who is spoken to notices anyhow."""
    policy = settings.STANDPIPE["TELL_LISTENED"]
    return bool(policy == "always" or (policy == "spoken" and mode != "listen"))


def shape(row: Supervision) -> dict[str, Any]:
    return {
        "channel": row.channel, "supervisor": row.supervisor.username, "agent": row.agent.username,
        "agent_name": row.agent.name, "call": row.call.call_id if row.call else None,
        "mode": row.mode, "asked_at": row.asked_at, "started_at": row.started_at,
        "ended_at": row.ended_at, "ended_why": row.ended_why,
    }  # fmt: skip


# -- what Asterisk tells --------------------------------------------------------------------------


def hear(event: AmiEvent, now: datetime) -> None:
    """Follow ChanSpy; a listener of the switchboard."""
    if isinstance(event, DialNotBegun):
        row = _row(event.channel_id) or _ringing(event.agent)
        if row is not None and not event.context:
            _close(row, "no_answer")
    if not isinstance(event, Other):
        return
    message = event.message
    if event.name in ("ChanSpyStart", "ChanSpyStop"):
        row = _row(message.get("SpyerUniqueid"))
        if row is not None and event.name == "ChanSpyStart":
            _started(row, now)
        elif row is not None:
            _close(row, "over")
    elif event.name == "DTMFEnd" and message.get("Direction") == "Received":
        row = _row(message.get("Uniqueid"))
        mode = next((m for m, key in KEYS.items() if key == message.get("Digit")), None)
        if row is not None and mode is not None:
            _changed(row, mode, now)
    elif event.name == "Hangup":
        row = _row(message.get("Uniqueid"))
        if row is not None:
            _close(row, "over" if row.started_at else "no_answer")


def _row(channel: str) -> Supervision | None:
    if not channel.startswith(PREFIX):
        return None
    return Supervision.objects.filter(channel=channel, ended_at=None).first()


def _ringing(extension: str) -> Supervision | None:
    """Of a telephone that is not there no channel was made: it has no id to know it by."""
    return Supervision.objects.filter(
        supervisor__extension=extension, started_at=None, ended_at=None
    ).first()


def _started(row: Supervision, now: datetime) -> None:
    with transaction.atomic():
        row.started_at = row.started_at or now
        row.mode_at = row.mode_at or now
        row.save(update_fields=["started_at", "mode_at"])
        record("supervision.started", _subject(row), to_state=row.mode, note=row.agent.username,
               by=row.supervisor.username)  # fmt: skip
        _tell("supervision.started", row)


def _changed(row: Supervision, mode: str, now: datetime) -> None:
    if row.mode == mode:
        return
    with transaction.atomic():
        before, row.mode, row.mode_at = row.mode, mode, now
        row.save(update_fields=["mode", "mode_at"])
        record("supervision.changed", _subject(row), from_state=before, to_state=mode,
               note=row.agent.username, by=row.supervisor.username)  # fmt: skip
        _tell("supervision.changed", row, before)


def _close(row: Supervision, why: str, *, by: str = "") -> None:
    with transaction.atomic():
        closed = Supervision.objects.filter(pk=row.pk, ended_at=None).update(
            ended_at=timezone.now(), ended_why=why[:40]
        )
        if not closed:
            return
        row.refresh_from_db()
        record("supervision.ended", _subject(row), from_state=row.mode, to_state=why,
               note=row.agent.username, by=by or row.supervisor.username)  # fmt: skip
        _tell("supervision.ended", row)


def sweep() -> None:
    """End rows whose channel is gone: Asterisk or we were away when it ended."""
    rows = list(Supervision.objects.filter(ended_at=None, asked_at__lt=timezone.now() - FORGOTTEN))
    if not rows:
        return
    try:
        there = {
            site: {m.get("Uniqueid") for m in held}
            for site, held in exchange.listed_at_each("CoreShowChannels").items()
        }
    except Refused as no:
        log.warning("who listens in cannot be asked just now: %s", no)
        return
    for row in rows:
        held = there.get(_site(row))
        # Of a site that is away nobody knows what it holds.
        if held is not None and row.channel not in held:
            _close(row, "lost")


def _site(row: Supervision) -> str:
    return row.channel.split("-")[1]


def _subject(row: Supervision) -> str:
    return f"call:{row.call.call_id}" if row.call else f"user:{row.agent_id}"


def _tell(name: str, row: Supervision, before: str = "") -> None:
    """Supervisors hear all of it. The agent's own screens, and nobody else's, hear what stands on
    them from now on, when the house has chosen that they may; otherwise not even that it ended.
    """
    publish(
        name, f"user:{row.agent_id}", topic="supervision",
        agent=row.agent.username, supervisor=row.supervisor.username,
        supervisor_name=row.supervisor.name, mode=row.mode, channel=row.channel,
        call=row.call.call_id if row.call else None, why=row.ended_why,
    )  # fmt: skip
    if _openly(row.mode) or (before and _openly(before)):
        publish(
            "supervision.shown", f"user:{row.agent_id}", topic=personal(row.agent_id),
            listeners=[{**who, "since": who["since"].isoformat()} for who in open_to(row.agent)],
        )  # fmt: skip
