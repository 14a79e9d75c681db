"""Callers who hung up and keep their place: written down once, rung once, when it is their turn.

    keep ──► waiting ──turn()──► dialling ──► reached: in the queue, before all of their priority
                                     └──────► missed: on the list of calls we owe

Whoever dies at any point loses nobody and rings nobody twice: the row is committed before the
number is rung, and the attempt is named after the row, so that asking again finds it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.calls import dialling
from server.calls.models import Call, DialAttempt
from server.calls.queueing.models import KeptPlace
from server.events.services import publish
from server.tickets import services as tickets
from server.tickets.models import CallBack
from telephony.order import Waiter
from telephony.sentences import Language

log = logging.getLogger("standpipe.telephony")
State = KeptPlace.State
RING_S = 30


def keep(
    call_id: str, *, queue: str, priority: int, since: datetime, number: str, at: datetime
) -> KeptPlace | None:
    """The caller will be rung at `number` when it is their turn; may be told more than once."""
    with transaction.atomic():
        call = Call.objects.select_for_update().filter(call_id=call_id).first()
        if call is None or not number:
            return None
        place, made = KeptPlace.objects.get_or_create(
            call=call,
            defaults={
                "number": number[:24], "queue": queue[:20], "priority": priority, "since": since,
                "asked_at": at,
            },
        )  # fmt: skip
        if made:
            call.outcome = Call.Outcome.CALL_BACK
            call.queued_at = call.queued_at or since
            call.save(update_fields=["outcome", "queued_at"])
            # A missed call of the same caller is not owed as well.
            CallBack.objects.filter(
                call_id=call_id, reason=CallBack.Reason.MISSED, done_at=None
            ).delete()
            _tell("place.kept", place)
    return place


def turn(
    waiting: Sequence[Waiter], staffed: Mapping[str, tuple[int, int]], *, hello: str = ""
) -> int:
    """Ring those whose turn it is; settle those who were rung. Returns how many were rung.

    `waiting` are the callers on the line, `staffed` (agents, free ones) by queue. A kept place is
    next when nobody of its queue stands before it, and at most as many are rung at a time as there
    are free agents, one at least. `hello` is the sound played to whoever answers.
    """
    settle()
    rung = 0
    dialling_now: dict[str, int] = {}
    for place in KeptPlace.objects.filter(state=State.DIALLING):
        dialling_now[place.queue] = dialling_now.get(place.queue, 0) + 1
    for place in KeptPlace.objects.filter(state=State.WAITING):
        agents, free = staffed.get(place.queue, (0, 0))
        before = (-place.priority, place.since.timestamp())
        ahead = sum(1 for w in waiting if w.queue == place.queue and w.turn[:2] < before)
        if agents and ahead == 0 and dialling_now.get(place.queue, 0) < max(1, free):
            dialling_now[place.queue] = dialling_now.get(place.queue, 0) + 1
            with transaction.atomic():
                # Two processes at once: the second finds it taken.
                taken = KeptPlace.objects.filter(pk=place.pk, state=State.WAITING).update(
                    state=State.DIALLING, dialled_at=timezone.now()
                )
            if taken:
                rung += _ring(place, hello)
    return rung


def _key(place: KeptPlace) -> str:
    return f"kept:{place.pk}"


def _ring(place: KeptPlace, hello: str) -> bool:
    try:
        dialling.dial(
            place.number, by="queue", purpose=DialAttempt.Purpose.CALLBACK, key=_key(place),
            on_answer=dialling.ToQueue(
                place.queue, place.priority, since=place.since.timestamp(), first=True, hello=hello
            ),
            subject=f"kept:{place.pk}", ring_s=RING_S, account=place.call.account,
        )  # fmt: skip
    except Conflict:
        # Somebody rings that number at this moment; the turn is not lost.
        KeptPlace.objects.filter(pk=place.pk).update(state=State.WAITING, dialled_at=None)
        return False
    except Refused as refused:
        log.warning("kept place %s could not be rung: %s", place.pk, refused)
        _over(place, State.MISSED, "refused")
        return False
    return True


def settle() -> None:
    """What became of those being rung; one whose ringing never began is rung now."""
    for place in KeptPlace.objects.filter(state=State.DIALLING).select_related("call"):
        attempt = DialAttempt.objects.filter(key=_key(place)).first()
        if attempt is None:
            _ring(place, "")
        elif attempt.answered_at is not None:
            _over(place, State.REACHED, attempt.result)
        elif attempt.ended_at is not None:
            _over(place, State.MISSED, attempt.result)


def _over(place: KeptPlace, state: str, result: str) -> None:
    with transaction.atomic():
        changed = KeptPlace.objects.filter(pk=place.pk, state=State.DIALLING).update(
            state=state, result=result, done_at=timezone.now()
        )
        if not changed:
            return
        if state == State.MISSED:
            tickets.owe_call_back(CallBack.Reason.MISSED, place.number, call_id=place.call.call_id)
        place.refresh_from_db()
        _tell("place.over", place)


def answered(call_id: str) -> None:
    """Somebody who had asked for our call rang again and was answered: nothing is left to do."""
    call = Call.objects.filter(call_id=call_id).first()
    if call is not None and call.phone:
        for place in KeptPlace.objects.filter(state=State.WAITING, call__phone=call.phone).exclude(
            call=call
        ):
            cancel(place, by="system")


def cancel(place: KeptPlace, *, by: str) -> None:
    """Nobody is rung. Conflict when it is too late for that."""
    with transaction.atomic():
        changed = KeptPlace.objects.filter(pk=place.pk, state=State.WAITING).update(
            state=State.CANCELLED, done_at=timezone.now()
        )
        if not changed:
            raise Conflict("place", "over", _("That caller has been rung already."))
        record("place.cancel", f"kept:{place.pk}", by=by)
        place.refresh_from_db()
        _tell("place.over", place)


def _tell(name: str, place: KeptPlace) -> None:
    publish(
        name, f"kept:{place.pk}", topic="calls", place=place.pk, call=place.call.call_id,
        queue=place.queue, state=place.state,
    )  # fmt: skip


def hello(language: Language) -> str:
    """Path of what somebody who answers our call hears first."""
    return str(settings.STANDPIPE["PROMPTS"] / language / "callback-hello")


def moment(epoch_s: float, at: datetime) -> datetime:
    """Asterisk's epoch as a time; `at` where it told none."""
    return datetime.fromtimestamp(epoch_s, UTC) if epoch_s > 0 else at
