"""Verbs for calls: it rang, it waits, somebody answered, it is over, the sound is there."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.models import User
from server.accounts.refusals import Conflict, Refused
from server.calls import agents, queueing, verdict
from server.calls.models import AgentState, Call, Rating, Recording
from server.calls.recordings import keeping
from server.calls.wording import sentence
from server.customers import selectors as customers
from server.events.services import publish
from server.tickets import services as tickets
from server.tickets.models import CallBack, Contact, Ticket
from server.tickets.placing import Where
from server.tickets.services import Registration
from telephony.mending import mend_wav

log = logging.getLogger("standpipe.telephony")

# An enquiry that was answered: whoever hangs up after it got what they called for.
SERVED = frozenset({"bill:ok", "ticket:ok", "outage:known", "bill_ticket:ok", "callback:ok"})
# What may become of a call in the menu; whoever stood in a queue gave up there.
IN_MENU = frozenset(
    {Call.Outcome.SERVED, Call.Outcome.INFORMED, Call.Outcome.IVR, Call.Outcome.ABANDONED}
)
# Less voice than this is a missed call, not a message.
LEAST_VOICE_S = 2.0


@dataclass(frozen=True)
class Ring:
    """A call as it arrives; number and name are what a stranger's telephone claims."""

    call_id: str
    number: str
    name: str
    called: str
    at: datetime


def rang(ring: Ring) -> Call:
    """A call arrives: who is it, where do they live, what is known there. Then say so at once.

    The number proves nothing: it prefills the form and opens nothing.
    """
    with transaction.atomic():
        found = Call.objects.filter(call_id=ring.call_id).first()
        if found is not None:
            return found
        match = customers.match_caller(ring.number)
        account = match.accounts[0] if match.identity == "one" else None
        premise = account.premise if account else None
        known = verdict.of_premise(premise.code if premise else None)
        call, _made = Call.objects.get_or_create(
            call_id=ring.call_id,
            defaults={
                "channel_id": ring.call_id, "raw_number": ring.number[:80],
                "phone": match.number or "", "name": ring.name[:80], "called": ring.called[:24],
                "identity": match.identity, "account": account, "premise": premise,
                "segment": known.segment, "verdict": known.code, "verdict_data": known.json(),
                "started_at": ring.at, "popped_at": timezone.now(),
            },
        )  # fmt: skip
        tell_call("call.ringing", call)
        return call


def queued(call_id: str, *, at: datetime, queue: str = "", priority: int | None = None) -> None:
    """The caller stands in a queue now; in which, and with what priority, where that is told."""
    with transaction.atomic():
        call = Call.objects.select_for_update().filter(call_id=call_id).first()
        if call is None:
            return
        was = (call.queue, call.priority)
        if priority is not None:
            call.priority = priority
        if queue and queue[:20] != call.queue:
            call.queue, call.skill = queue[:20], queueing.skill_of(queue)
        joins = call.state in (Call.State.RINGING, Call.State.IVR)
        # Its end was told first: this is the word that was missed while nobody listened.
        waited = call.state == Call.State.ENDED and call.queued_at is None
        if not (joins or waited) and was == (call.queue, call.priority):
            return
        if joins:
            call.state = Call.State.QUEUED
        if joins or waited:
            call.queued_at = call.queued_at or at
        if waited and call.outcome in IN_MENU:
            call.outcome = Call.Outcome.ABANDONED
            _owe(call)
        call.save(update_fields=["queue", "skill", "priority", "state", "queued_at", "outcome"])
        if joins:
            tell_call("call.queued", call)


def offered(call_id: str, extension: str) -> None:
    """An agent's telephone rings: that agent's screen comes to the front."""
    call = Call.objects.filter(call_id=call_id).first()
    user = agents.by_extension(extension)
    if call is None or user is None:
        return
    with transaction.atomic():
        agents.set_state(user, AgentState.State.RINGING, call=call)
        tell_call("call.offered", call, agent=user.username)


def answered(call_id: str, extension: str, *, at: datetime, live: bool = True) -> None:
    """An agent has taken the call. `live` is False for one rebuilt afterwards: what the agent is
    doing now has nothing to do with it.
    """
    with transaction.atomic():
        user = agents.by_extension(extension)
        call = Call.objects.select_for_update().filter(call_id=call_id).first()
        if call is None or (user is not None and _talk_already(call, user)):
            return
        call.agent, call.answered_at = user, call.answered_at or at
        call.state, call.outcome = Call.State.TALKING, Call.Outcome.ANSWERED
        if call.direction == Call.Direction.IN:
            call.queued_at = call.queued_at or call.started_at
        call.save(update_fields=["agent", "answered_at", "state", "outcome", "queued_at"])
        if user is not None and live:
            agents.set_state(user, AgentState.State.TALKING, call=call)
        tell_call("call.answered", call, agent=user.username if user else extension)


def _talk_already(call: Call, user: User) -> bool:
    """Asterisk's queue and the dialplan both say who took a call; the second says nothing new."""
    return (call.state, call.agent_id) == (Call.State.TALKING, user.pk) and (
        AgentState.objects.filter(user=user, call=call, state=AgentState.State.TALKING).exists()
    )


def ended(
    call_id: str, *, at: datetime, status: str = "", message_left: bool = False,
    live: bool = True, cut: bool = False, waiting: bool | None = None,
) -> None:  # fmt: skip
    """It is over. Whoever hung up before an answer, or left a message, is owed a call.

    `cut`: nobody hung up, the exchange died under it; a caller whose talk was cut is owed one too.
    `waiting`: whether the caller stood in a queue at the end; None where the call's state says it.
    """
    with transaction.atomic():
        call = Call.objects.select_for_update().filter(call_id=call_id).first()
        if call is None or call.state == Call.State.ENDED:
            return
        call.ended_at, call.cut = at, cut
        if not call.outcome and call.direction == Call.Direction.OUT:
            call.outcome = Call.Outcome.ABANDONED if call.queued_at else Call.Outcome.NOT_REACHED
        elif not call.outcome:
            call.outcome = (
                Call.Outcome.MESSAGE if message_left and has_words(call)
                else outcome_in_menu(call) if call.queued_at is None
                else Call.Outcome.ABANDONED
            )  # fmt: skip
        # Somebody had it and handed it on, or was lost: the caller gave up waiting for the next.
        waits = call.state == Call.State.QUEUED if waiting is None else waiting
        gave_up = waits and call.outcome == Call.Outcome.ANSWERED
        call.state = Call.State.ENDED
        call.save(update_fields=["ended_at", "cut", "outcome", "state"])
        if gave_up and not cut:
            _owe_again(call, words=message_left and has_words(call))
        else:
            _owe(call)
        if live and call.agent is not None and call.outcome == Call.Outcome.ANSWERED:
            agents.after_call(call.agent, call)
        tell_call("call.ended", call, outcome=call.outcome, status=status)


def has_words(call: Call) -> bool:
    """There is a message to listen to, as far as it was listened to by now."""
    return bool(call.menu.get("voice_s", LEAST_VOICE_S) >= LEAST_VOICE_S)


def outcome_in_menu(call: Call) -> str:
    """What became of a call that never reached the queue and left no message."""
    told = set(call.menu.get("told", ()))
    if told & SERVED:
        return Call.Outcome.SERVED
    if "verdict:known" in told or call.verdict in (verdict.INSIDE, verdict.PLANNED):
        return Call.Outcome.INFORMED
    met_menu = call.path or call.state == Call.State.IVR
    return Call.Outcome.IVR if met_menu else Call.Outcome.ABANDONED


def _owe(call: Call) -> None:
    if call.direction == Call.Direction.OUT:
        return  # whoever rang them rings again, by rules of their own
    if call.outcome in (Call.Outcome.ABANDONED, Call.Outcome.IVR):
        tickets.owe_call_back(CallBack.Reason.MISSED, call.phone, call_id=call.call_id)
    elif call.outcome == Call.Outcome.MESSAGE:
        tickets.owe_call_back(CallBack.Reason.MESSAGE, call.phone, call_id=call.call_id)
    elif call.outcome == Call.Outcome.ANSWERED and (call.cut or call.draft) and not call.contact_id:
        # What the agent had begun to write stays as a draft, and somebody calls back.
        tickets.owe_call_back(CallBack.Reason.HUNG_UP, call.phone, call_id=call.call_id)


def _owe_again(call: Call, *, words: bool) -> None:
    if call.direction == Call.Direction.IN:
        reason = CallBack.Reason.MESSAGE if words else CallBack.Reason.MISSED
        tickets.owe_call_back(reason, call.phone, call_id=call.call_id)


def recorded(call_id: str, path: str, *, kind: str = "call") -> Recording | None:
    """The recording is closed: keep its length and checksum. None for an empty file.

    It is sealed a moment later (server/calls/recordings/keeping.py); what was sealed already stays.
    """
    folder = Path(settings.STANDPIPE["RECORDINGS"]).resolve()
    file = Path(path).resolve()
    if not file.is_relative_to(folder):
        raise Refused("path", "outside", f"{file.name} is not in the recordings' folder")
    call = Call.objects.filter(call_id=call_id).first()
    sound = keeping.ready(file, ended=call is not None and call.state == Call.State.ENDED)
    if call is None or sound is None:
        return None  # still being written: the event that it is ready comes later
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None  # sealed this moment by whoever looks after recordings
    digest = hashlib.sha256(content).hexdigest()
    with transaction.atomic():
        row = Recording.objects.filter(call=call).first()
        if row is not None and (row.files.exists() or (row.kind, kind) == ("call", "message")):
            # A message after a talk is one more leg; the talk stays what the recording is.
            return row
        row, _made = Recording.objects.update_or_create(
            call=call,
            defaults={
                "file": str(file.relative_to(folder)), "seconds": round(sound.seconds, 2),
                "size": len(content), "sha256": digest, "kind": kind,
            },
        )  # fmt: skip
        keeping.classify(row)
        tell_call("call.recorded", call, seconds=row.seconds)
    return row


def save_draft(call: Call, draft: dict[str, Any], *, by: str) -> None:
    """What the agent has typed so far; survives a refresh, a crash and the end of the call."""
    if len(str(draft)) > 20_000:
        raise Refused("draft", "too_long", _("That is too much for a draft."))
    # One that arrives late, after the contact was registered, is nobody's draft any more.
    Call.objects.filter(pk=call.pk, contact=None).update(draft=draft)


def register(call: Call, what: dict[str, Any], *, by: str) -> Ticket:
    """The agent registers what the caller says; the call's contact is made once."""
    with transaction.atomic():
        call = Call.objects.select_for_update().get(pk=call.pk)
        if call.contact_id is not None:
            found = Ticket.objects.filter(contact_id=call.contact_id).first()
            if found is not None:
                return found
        place = what.get("place") or {}
        if not isinstance(place, dict):
            raise Refused("place", "shape", _("A place needs a longitude and a latitude."))
        account = call.account
        ticket = tickets.register(
            Registration(
                kind=str(what.get("kind") or ""),
                where=Where(
                    lon=_degrees(place, "lon"), lat=_degrees(place, "lat"),
                    address=str(place.get("address") or ""),
                    premise=str(place.get("premise") or ""),
                    asset=str(place.get("asset") or "")[:60],
                ),
                symptoms=tickets.answers(what.get("symptoms")), note=str(what.get("note") or ""),
                name=str(what.get("name") or (account.name if account else call.name)),
                phone=str(what.get("phone") or call.phone),
                language=account.language if account else "en",
                channel=Contact.Channel.PHONE, call_id=call.call_id, account=account,
                verdict=call.verdict, join_incident=_whole(what.get("join_incident")),
            ),
            by=by,
        )  # fmt: skip
        call.contact = ticket.contact
        call.draft = {}
        call.save(update_fields=["contact", "draft"])
        agents.registered(call)
        if account is not None and call.phone:
            account.phones.filter(number=call.phone).update(last_used_at=timezone.now())
        return ticket


def _degrees(place: dict[str, Any], axis: str) -> float | None:
    value = place.get(axis)
    if value in (None, ""):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        text = _("A place needs a longitude and a latitude.")
        raise Refused("place", "not_a_number", text) from None


def _whole(value: Any) -> int | None:
    if value in (None, ""):
        return None
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise Refused("join_incident", "unknown", _("There is no such incident.")) from None


def close_lost(older_than: timedelta = timedelta(hours=4)) -> int:
    """Calls whose end never reached us are ended, so no figure counts them as live for ever."""
    lost = Call.objects.filter(started_at__lt=timezone.now() - older_than).exclude(state="ended")
    for call in lost:
        ended(call.call_id, at=timezone.now(), status="LOST")
    return len(lost)


def end_absent(present: set[str], *, began_before: datetime, site: str = "") -> int:
    """End the calls that Asterisk does not hold any more; returns how many.

    Asterisk itself was killed: they are recorded as cut, with the sound up to the cut. A call
    younger than `began_before` may not have been there when Asterisk was asked. `site` limits it
    to the calls that arrived at one of several sites.
    """
    gone = (
        Call.objects.filter(started_at__lt=began_before)
        .exclude(state=Call.State.ENDED)
        .exclude(call_id__in=present)
    )
    if site:
        gone = gone.filter(call_id__startswith=f"{site}-")
    for call in gone:
        ended(call.call_id, at=timezone.now(), status="LOST", cut=True)
        _keep_sound_of(call)
    return len(gone)


def _keep_sound_of(call: Call) -> None:
    """The recording of a call that was cut has sound and a head that knows nothing of it."""
    folder = Path(settings.STANDPIPE["RECORDINGS"])
    try:
        for leg in ("", "-in", "-out"):
            mend_wav(folder / f"{call.call_id}{leg}.wav")
        recorded(call.call_id, str(folder / f"{call.call_id}.wav"))
    except (OSError, Refused) as error:
        log.warning("the sound of %s could not be kept: %s", call.call_id, error)


def tell_call(name: str, call: Call, **more: Any) -> None:
    """Tell the screens what became of a call."""
    publish(
        name, f"call:{call.call_id}", topic="calls", call=call.call_id, id=call.call_id,
        state=call.state, verdict=call.verdict, identity=call.identity,
        text=sentence(call.verdict, call.verdict_data), name_shown=call.name,
        incident=call.verdict_data.get("incident"), **more,
    )  # fmt: skip


def identify(call: Call, account: Any, *, by: str) -> Call:
    """The agent chose the account; place and verdict follow from it."""
    with transaction.atomic():
        call = Call.objects.select_for_update(of=("self",)).get(pk=call.pk)
        known = verdict.of_premise(account.premise.code)
        call.account, call.premise, call.identity = account, account.premise, "one"
        call.segment, call.verdict, call.verdict_data = known.segment, known.code, known.json()
        call.save()
        record("call.identify", f"call:{call.call_id}", note=account.number, by=by)
        tell_call("call.identified", call)
    return call


def call_back_done(row: CallBack, outcome: str, *, by: str) -> None:
    """We called. "Not fixed" re-opens the ticket; reached and fixed lets the centre close it."""
    with transaction.atomic():
        if CallBack.objects.select_for_update().get(pk=row.pk).done_at is not None:
            raise Conflict("outcome", "done", _("That call was made already."))
        row.done_at, row.outcome, row.by = timezone.now(), outcome, by
        row.save()
        record("callback.done", f"callback:{row.pk}", to_state=outcome, by=by)
        if outcome == "not_fixed" and row.ticket is not None:
            tickets.act(
                row.ticket, "reopen", role="agent", by=by, reason=_("The customer says not fixed.")
            )


def not_answered(extension: str) -> None:
    """An agent's telephone rang out: Asterisk paused that member, and so do we."""
    user = agents.by_extension(extension)
    if user is not None:
        agents.set_state(user, AgentState.State.PAUSED, reason="no answer")


def moved(extension: str, site: str) -> None:
    """An agent's telephone signed in at another site: the place in the queue went along."""
    user = agents.by_extension(extension)
    if user is not None:
        record("agent.moved", f"user:{user.pk}", to_state=site)


def phone_gone(extension: str) -> None:
    """An agent's telephone is no longer there: no ready agent without a telephone."""
    user = agents.by_extension(extension)
    row = AgentState.objects.filter(user=user).first() if user else None
    if user is not None and row is not None and row.state == AgentState.State.READY:
        agents.set_state(user, AgentState.State.PAUSED, reason="telephone gone")


def talk_over(call_id: str, *, at: datetime) -> None:
    """The agent has hung up; the caller is asked how it went, which is no part of the call."""
    with transaction.atomic():
        ended(call_id, at=at)
        asked_how_it_went(call_id, at=at)


def asked_how_it_went(call_id: str, *, at: datetime) -> Rating | None:
    """The caller is asked for a rating; the same call is asked once."""
    call = Call.objects.filter(call_id=call_id).first()
    return Rating.objects.get_or_create(call=call, defaults={"asked_at": at})[0] if call else None


def rated(call_id: str, score: int, *, at: datetime) -> Rating | None:
    """What the caller said, 1 to 5. The first word counts."""
    if not 1 <= score <= 5:
        raise Refused("score", "range", _("A rating is a number from 1 to 5."))
    with transaction.atomic():
        row = asked_how_it_went(call_id, at=at)
        if row is None or row.score is not None:
            return row
        row.score, row.rated_at = score, at
        row.save(update_fields=["score", "rated_at"])
        tell_call("call.rated", row.call, score=score)
    return row


def handed_on(call_id: str) -> None:
    """An agent has given the call to somebody else."""
    Call.objects.filter(call_id=call_id).update(transfers=F("transfers") + 1)
