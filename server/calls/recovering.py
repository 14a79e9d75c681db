"""Calls that happened while we were away, rebuilt from what Asterisk wrote down itself.

Each call is stored in a transaction of its own, and the cursor is moved after them: whoever dies in
between reads the same again. One transaction around all would keep every event after it from being
read, and so every screen waiting, until the last call is stored.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from server.accounts.refusals import Refused
from server.calls import dialling, services, sites, voicemail
from server.calls.models import Call, Rating
from server.calls.queueing import callbacks
from server.calls.services import Ring
from server.events.models import Cursor
from telephony.ami.events import DialKey, DialOver, DialTaken
from telephony.dials import read_dials
from telephony.recovery import RecoveredCall, recover

log = logging.getLogger("standpipe.telephony")
CURSOR = "telephony.calls_log"
DIALS_CURSOR = "telephony.dials_log"


def recover_calls() -> int:
    """Bring the database in line with every site's files; returns how many calls were new."""
    return sum(_recover_site(site) for site in sites.known())


def _cursor(name: str, site: sites.Site) -> str:
    return name if site.code == sites.FIRST else f"{name}.{site.code}"


def _recover_site(site: sites.Site) -> int:
    folder = site.log
    cursor, _made = Cursor.objects.get_or_create(subscriber=_cursor(CURSOR, site))
    found = recover(
        folder / "calls.jsonl", settings.STANDPIPE["RECORDINGS"],
        queue_log=folder / "queue_log", mark=cursor.event_id,
    )  # fmt: skip
    for bad in found.bad:
        log.warning("call log, byte %s: %s", bad.offset, bad.reason)
    fresh = sum(_safely(call) for call in _not_stored(found.calls))
    _move_to(cursor, found.mark)
    if fresh:
        log.info("%s calls were rebuilt from Asterisk's files", fresh)
    return fresh


def _move_to(cursor: Cursor, mark: int) -> None:
    if mark != cursor.event_id:
        cursor.event_id = mark
        cursor.save(update_fields=["event_id"])


def recover_dials() -> int:
    """Bring attempts in line with every site's file of them; returns how many lines were read."""
    return sum(_recover_dials_of(site) for site in sites.known())


def _recover_dials_of(site: sites.Site) -> int:
    cursor, _made = Cursor.objects.get_or_create(subscriber=_cursor(DIALS_CURSOR, site))
    found = read_dials(site.log / "dials.jsonl", cursor.event_id)
    if found.bad:
        log.warning("the file of dialled calls: %s lines cannot be read", found.bad)
    for event, at in found.told:
        match event:
            case DialTaken(call_id=call, heard=heard):
                dialling.answered(call, at=at, heard=heard)
            case DialKey(call_id=call, question=question, key=key):
                dialling.pressed(call, question, key, at=at)
            case DialOver(call_id=call, status=status, cause=cause):
                dialling.ended(call, status=status, cause=cause, at=at)
    _move_to(cursor, found.mark)
    return len(found.told)


def _not_stored(calls: Iterable[RecoveredCall]) -> list[RecoveredCall]:
    """The calls of which the files tell something that the database does not have.

    Most were told by their events while they went on; a long one keeps those after it in the file.
    """
    told = list(calls)
    rows = Call.objects.filter(call_id__in=[one.call_id for one in told])
    known = {row.call_id: row for row in rows.select_related("recording", "kept_place", "rating")}
    return [one for one in told if not _is_stored(one, known.get(one.call_id))]


def _is_stored(told: RecoveredCall, call: Call | None) -> bool:
    if call is None:
        return False
    waits = call.state in (Call.State.RINGING, Call.State.IVR)
    if told.queued_at is not None and (
        waits or call.queued_at is None or call.priority != told.priority
        or told.queue not in ("", call.queue)
    ):  # fmt: skip
        return False
    if told.answered_at is not None and call.answered_at is None:
        return False
    if told.wants_back is not None and not hasattr(call, "kept_place"):
        return False
    if not _rating_is_stored(told, call):
        return False
    if told.ended_at is not None:
        left = told.message is not None
        owed = call.outcome != Call.Outcome.ANSWERED and voicemail.was_offered(
            call, told.status, left
        )
        if owed or call.state != Call.State.ENDED:
            return False
    return hasattr(call, "recording") or (told.recording is None and told.message is None)


def _rating_is_stored(told: RecoveredCall, call: Call) -> bool:
    if told.asked_at is None:
        return True
    row: Rating | None = getattr(call, "rating", None)
    return row is not None and (not told.score or row.score is not None)


def _safely(told: RecoveredCall) -> bool:
    """One call that cannot be stored is named in the log and does not keep the others out."""
    try:
        with transaction.atomic():
            return _bring_in(told)
    except (DataError, IntegrityError, OSError, ValueError, Refused):
        log.exception("call %s could not be rebuilt", told.call_id)
        return False


def _bring_in(told: RecoveredCall) -> bool:
    now = timezone.now()
    made = not Call.objects.filter(call_id=told.call_id).exists()
    started = told.arrived_at or told.queued_at or told.ended_at or now
    # A call that is still going on is told by its own events; leave it to them.
    if made and told.ended_at is None and now - started < timedelta(minutes=2):
        return False
    if made:
        call = services.rang(
            Ring(told.call_id, told.caller.number, told.caller.name, told.dialled, started)
        )
        Call.objects.filter(pk=call.pk).update(recovered=True)
    if told.queued_at is not None:
        services.queued(
            told.call_id, at=told.queued_at, queue=told.queue, priority=told.priority
        )
    call = Call.objects.get(call_id=told.call_id)
    if told.answered_at is not None and call.answered_at is None:
        live = told.ended_at is None
        services.answered(told.call_id, told.agent, at=told.answered_at, live=live)
    if told.message is not None and not hasattr(call, "recording"):
        voicemail.heard(told.call_id, str(told.message))
    if (back := told.wants_back) is not None:
        callbacks.keep(
            told.call_id, queue=back.queue, priority=back.priority, number=back.number,
            since=callbacks.moment(back.since, back.at), at=back.at,
        )  # fmt: skip
    if told.ended_at is not None:
        services.ended(
            told.call_id, at=told.ended_at, status=told.status,
            message_left=told.message is not None, live=not made, waiting=told.waiting,
        )  # fmt: skip
        voicemail.after(told.call_id, told.status, message_left=told.message is not None)
    if told.asked_at is not None:
        services.asked_how_it_went(told.call_id, at=told.asked_at)
    if told.score:
        services.rated(told.call_id, told.score, at=told.rated_at or told.ended_at or now)
    if not hasattr(call, "recording"):
        if told.recording is not None:
            services.recorded(told.call_id, str(told.recording))
        elif told.message is not None:
            services.recorded(told.call_id, str(told.message), kind="message")
    return made
