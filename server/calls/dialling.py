"""Ringing people: one door for agents, call-backs and campaigns.

The attempt is written down and committed before Asterisk is asked. Whoever dies in between has
rung nobody a second time: the same `key` gives the same attempt back, and a number is rung by one
attempt at a time. How it went comes from the dialplan (telephony/dialplan/dialled.py), by event or
from its file.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.models import User
from server.accounts.refusals import Conflict, Refused
from server.calls import exchange
from server.calls.models import Call, DialAttempt, DoNotCall
from server.customers import selectors as customers
from server.customers.models import Account
from server.events.services import publish
from telephony.dialplan import AFTER_CLICK, AFTER_NOTICE, AFTER_QUEUE, OUT_CONTEXT

Result = DialAttempt.Result
Purpose = DialAttempt.Purpose
# A row whose end nobody told us is given up after its ringing and this.
LOST_AFTER = timedelta(seconds=60)
LONGEST_TALK = timedelta(hours=4)
LONGEST_RING_S = 120
# The note of an attempt that Asterisk's list of allowed numbers turned away: trying again is vain.
NOT_ALLOWED = "not allowed"
# The agent who wanted to ring did not take the own telephone: nobody else was rung.
AGENT_AWAY = "the agent's telephone was not taken"
# DIALSTATUS and, where that is vague, the Q.850 cause behind it.
_BY_STATUS = {
    "ANSWER": Result.ANSWERED, "BUSY": Result.BUSY, "NOANSWER": Result.NO_ANSWER,
    "CANCEL": Result.NO_ANSWER, "NOTALLOWED": Result.FAILED,
}  # fmt: skip
_BY_CAUSE = {17: Result.BUSY, 18: Result.NO_ANSWER, 19: Result.NO_ANSWER, 21: Result.REFUSED}


@dataclass(frozen=True, slots=True)
class ToAgent:
    """The agent's telephone rings first; when it is taken, the number is rung."""

    extension: str


@dataclass(frozen=True, slots=True)
class ToQueue:
    """The number is rung; who answers goes to the queue, before everybody of a lower priority.

    With `patience_s` they wait no longer than that and then hear that we are sorry; without, as
    long as any caller.
    With a place kept since `since` (epoch seconds), and `first` before all of the same priority.
    `hello` is a sound (path without extension) that is played before.
    """

    queue: str
    priority: int = 0
    patience_s: int = 0
    since: float = 0.0
    first: bool = False
    hello: str = ""


@dataclass(frozen=True, slots=True)
class ToNotice:
    """The number is rung; who answers hears `intro`, then each question until a key is pressed.

    Paths of sound files without extension. `screen` asks Asterisk first whether a person or a
    machine answered; a machine hears the intro only, or nothing with `machine_hears` off.
    """

    intro: str
    questions: tuple[str, ...] = ()
    thanks: str = ""
    screen: bool = False
    machine_hears: bool = True


OnAnswer = ToAgent | ToQueue | ToNotice


def dial(
    number: str,
    *,
    by: str,
    purpose: str,
    on_answer: OnAnswer,
    key: str = "",
    subject: str = "",
    ring_s: int = 25,
    account: Account | None = None,
    site: str = "",
) -> int:
    """Ring `number` for at most `ring_s` seconds; returns the attempt's id at once.

    With a `key` that was used before nobody is rung: the id of that attempt comes back. Call it
    outside a transaction (RuntimeError inside one). Refused ("number", "not_dialable" or
    "do_not_call"; "telephone" where Asterisk says no), Conflict ("number", "ringing") while the
    number is being rung.
    """
    number = _dialable(number)
    if not 5 <= ring_s <= LONGEST_RING_S:
        raise Refused("ring_s", "range", _("Let it ring between 5 and 120 seconds."))
    if purpose == Purpose.CAMPAIGN and is_do_not_call(number):
        raise Refused("number", "do_not_call", _("That number asked not to be called."))
    if key and (found := DialAttempt.objects.filter(key=key).first()) is not None:
        return found.pk
    _give_up_lost(number)
    attempt = _write(
        number, by=by, purpose=purpose, on_answer=on_answer, key=key, subject=subject,
        ring_s=ring_s, account=account, site=site,
    )  # fmt: skip
    if attempt is None:
        return DialAttempt.objects.get(key=key).pk
    try:
        exchange.act("Originate", site=site, **_originate(attempt, on_answer))
    except Refused as refused:
        ended(attempt.call_id, status="CHANUNAVAIL", at=timezone.now(), note=str(refused))
        raise
    return attempt.pk


def _dialable(number: object) -> str:
    """The number as it is dialled. Refused ("number") for what is none."""
    read = customers.read_number(number)
    if read.kind != "person" or read.number is None:
        raise Refused("number", "not_dialable", _("That is no number that can be dialled."))
    return read.number


def _write(
    number: str, *, by: str, purpose: str, on_answer: OnAnswer, key: str, subject: str,
    ring_s: int, account: Account | None, site: str,
) -> DialAttempt | None:  # fmt: skip
    """The attempt, committed; None where another process has just written one with this key."""
    now = timezone.now()
    token = uuid4().hex[:16]
    kind = {ToAgent: "agent", ToQueue: "queue", ToNotice: "notice"}[type(on_answer)]
    then = {"kind": kind, **asdict(on_answer)}
    try:
        with transaction.atomic(durable=True):
            attempt = DialAttempt.objects.create(
                key=key or f"once:{token}", number=number, purpose=purpose, subject=subject[:60],
                by=by[:150], site=site, call_id=f"out-{token}", then=then, ring_s=ring_s,
                placed_at=now,
            )  # fmt: skip
            if not isinstance(on_answer, ToNotice):
                _card(attempt, account, by)
            record("dial", f"dial:{attempt.pk}", note=f"{purpose} {subject}", by=by)
            _tell("dial.placed", attempt)
    except IntegrityError:
        if key and DialAttempt.objects.filter(key=key).exists():
            return None
        raise Conflict(
            "number", "ringing", _("That number is being called at this moment.")
        ) from None
    return attempt


def _card(attempt: DialAttempt, account: Account | None, by: str) -> None:
    """The call an agent will have: with whom, so that the desk has its card."""
    match = customers.match_caller(attempt.number)
    if account is None and match.identity == "one":
        account = match.accounts[0]
    Call.objects.create(
        call_id=attempt.call_id, channel_id=attempt.call_id, direction=Call.Direction.OUT,
        raw_number=attempt.number, phone=attempt.number,
        name=account.name if account else "", identity="one" if account else match.identity,
        account=account, premise=account.premise if account else None,
        agent=User.objects.filter(username=by).first() if attempt.purpose == Purpose.CLICK
        else None,
        started_at=attempt.placed_at,
    )  # fmt: skip


def _originate(attempt: DialAttempt, on_answer: OnAnswer) -> dict[str, Any]:
    """The fields of Asterisk's Originate. Values hold no comma: it would begin another one."""
    number = attempt.number
    variables = {
        "__SP_ATTEMPT": attempt.call_id, "__SP_CALL_ID": attempt.call_id, "__SP_NUMBER": number,
        "__SP_RING_S": str(attempt.ring_s),
    }  # fmt: skip
    fields: dict[str, Any] = {
        "Async": True, "ChannelId": attempt.call_id, "CallerID": f"<{number}>", "Priority": 1,
        # Asterisk gives up by itself a moment after the trunk should have.
        "Timeout": (attempt.ring_s + 5) * 1000,
    }  # fmt: skip
    rung = f"Local/{number}@{OUT_CONTEXT}/n"
    match on_answer:
        case ToAgent(extension=extension):
            fields |= {"Channel": f"PJSIP/{extension}", "Context": AFTER_CLICK, "Exten": number}
            variables |= {
                "PJSIP_HEADER(add,X-SP-Call-Id)": attempt.call_id,
                "PJSIP_HEADER(add,X-SP-Dial)": number,
                "__SP_CLICKED": extension,
            }
        case ToQueue(queue=queue, priority=priority) as place:
            fields |= {"Channel": rung, "Context": AFTER_QUEUE, "Exten": str(priority)}
            variables |= {
                "SP_TO_QUEUE": queue, "SP_PATIENCE": str(place.patience_s), "SP_HELLO": place.hello,
            }  # fmt: skip
            if place.since:
                variables["SP_SINCE"] = f"{place.since:.3f}"
            if place.first:
                variables["SP_POSITION"] = "1"
        case ToNotice() as notice:
            fields |= {"Channel": rung, "Context": AFTER_NOTICE, "Exten": "s"}
            variables |= {
                "SP_INTRO": notice.intro,
                "SP_THANKS": notice.thanks,
                "SP_ASKED": str(len(notice.questions)),
                "SP_SCREEN": str(int(notice.screen)),
                "SP_MACHINE": str(int(notice.machine_hears)),
                **{f"SP_ASK_{n}": path for n, path in enumerate(notice.questions, 1)},
            }
    return {**fields, "Variable": [f"{name}={value}" for name, value in variables.items()]}


# -- what became of it ----------------------------------------------------------------------------


def answered(call_id: str, *, at: datetime, heard: str = "") -> None:
    """Somebody, or a machine, took the call."""
    with transaction.atomic():
        attempt = DialAttempt.objects.select_for_update().filter(call_id=call_id).first()
        if attempt is None or attempt.answered_at is not None:
            return
        attempt.answered_at, attempt.result, attempt.heard = at, Result.ANSWERED, heard[:8].lower()
        attempt.save(update_fields=["answered_at", "result", "heard"])
        _tell("dial.answered", attempt)


def pressed(call_id: str, question: int, key: str, *, at: datetime) -> None:
    """A question was answered with a key; an empty key is no answer."""
    if not key:
        return
    with transaction.atomic():
        attempt = DialAttempt.objects.select_for_update().filter(call_id=call_id).first()
        if attempt is None or str(question) in attempt.keys:
            return
        attempt.keys[str(question)] = key[:1]
        attempt.save(update_fields=["keys"])
        _tell("dial.key", attempt, question=question, pressed=key[:1])


def ended(call_id: str, *, status: str, at: datetime, cause: int = 0, note: str = "") -> None:
    """The ringing or the talk is over. `status` is Asterisk's DIALSTATUS."""
    with transaction.atomic():
        attempt = DialAttempt.objects.select_for_update().filter(call_id=call_id).first()
        if attempt is None or attempt.ended_at is not None:
            return
        attempt.ended_at, attempt.cause = at, cause
        attempt.result = attempt.result or result_of(status, cause)
        if attempt.result == Result.ANSWERED:  # the word that it was taken may have been lost
            attempt.answered_at = attempt.answered_at or at
        attempt.note = NOT_ALLOWED if status == "NOTALLOWED" else note[:200]
        attempt.save(update_fields=["ended_at", "answered_at", "cause", "result", "note"])
        call = Call.objects.filter(call_id=call_id).exclude(state=Call.State.ENDED)
        if attempt.answered_at is None:
            call.update(state=Call.State.ENDED, outcome=Call.Outcome.NOT_REACHED, ended_at=at)
        _tell("dial.ended", attempt)


def result_of(status: str, cause: int) -> str:
    """One of the five results; what is neither known nor clear has failed."""
    return _BY_STATUS.get(status) or _BY_CAUSE.get(cause) or Result.FAILED


def not_begun(context: str, number: str, *, at: datetime) -> None:
    """The agent who wanted to ring `number` did not take the own telephone."""
    if context != AFTER_CLICK:
        return
    row = DialAttempt.objects.filter(number=number, ended_at=None, answered_at=None).first()
    if row is not None and row.then["kind"] == "agent":
        ended(row.call_id, status="CHANUNAVAIL", at=at, note=AGENT_AWAY)


def end_absent(present: set[str], *, began_before: datetime) -> int:
    """End the attempts that Asterisk does not hold any more; returns how many."""
    gone = DialAttempt.objects.filter(ended_at=None, placed_at__lt=began_before)
    lost = list(gone.exclude(call_id__in=present).values_list("call_id", flat=True))
    for call_id in lost:
        ended(call_id, status="LOST", at=timezone.now(), note="lost")
    return len(lost)


def _give_up_lost(number: str) -> None:
    now = timezone.now()
    for row in DialAttempt.objects.filter(number=number, ended_at=None):
        ringing = row.answered_at is None
        patience = timedelta(seconds=row.ring_s) + LOST_AFTER if ringing else LONGEST_TALK
        if now - row.placed_at > patience:
            ended(row.call_id, status="LOST", at=now, note="lost")


# -- who does not want to be rung -----------------------------------------------------------------


def is_do_not_call(number: str) -> bool:
    """Whether campaigns may not ring the (normalised) number."""
    return DoNotCall.objects.filter(number=number).exists()


def do_not_call(number: object, *, reason: str, by: str) -> DoNotCall:
    """Put a number on the list of those no campaign rings. Refused ("number") for no number."""
    number = _dialable(number)
    with transaction.atomic():
        row, made = DoNotCall.objects.get_or_create(
            number=number, defaults={"reason": reason[:200], "by": by}
        )
        if made:
            record("donotcall.add", f"donotcall:{row.pk}", note=reason, by=by)
    return row


def may_call_again(row: DoNotCall, *, by: str) -> None:
    """Take a number off the list."""
    with transaction.atomic():
        record("donotcall.remove", f"donotcall:{row.pk}", note=row.reason, by=by)
        row.delete()


def _tell(name: str, attempt: DialAttempt, **more: Any) -> None:
    publish(
        name, f"dial:{attempt.pk}", topic="calls", dial=attempt.pk, call=attempt.call_id,
        purpose=attempt.purpose, about=attempt.subject, result=attempt.result, by=attempt.by,
        **more,
    )  # fmt: skip
