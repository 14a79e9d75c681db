"""Verbs for what happens in the telephone menu: how a call left it, what was proved in it."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from server.accounts.audit import record
from server.calls import services, verdict
from server.calls.models import Call
from server.customers.models import Account, Premise
from server.tickets import services as tickets
from server.tickets.models import CallBack, Contact, Ticket
from server.tickets.services import Registration
from telephony.incoming import LeftFlow


def entered(call_id: str) -> None:
    """The caller hears the greeting and the menu."""
    Call.objects.filter(call_id=call_id, state=Call.State.RINGING).update(state=Call.State.IVR)


def left(how: LeftFlow) -> None:
    """Keep a call's way through the menu; it may stand in the queue or be over by now."""
    with transaction.atomic():
        call = Call.objects.select_for_update(of=("self",)).filter(call_id=how.call_id).first()
        if call is None:
            return
        call.keys = how.keys[:20]
        call.path = [
            {"at": step.at, "node": step.node, "key": step.key} for step in how.path
        ]  # fmt: skip
        call.menu = {
            **call.menu, "version": how.version, "to": how.to, "told": list(how.told),
            "late": how.late,
        }  # fmt: skip
        if call.state == Call.State.ENDED and call.queued_at is None:
            _judge_again(call)
        call.save(update_fields=["keys", "path", "menu", "outcome"])


def _judge_again(call: Call) -> None:
    """The end of the call was told before the end of the conversation."""
    if call.outcome in (Call.Outcome.IVR, Call.Outcome.INFORMED, Call.Outcome.ABANDONED):
        call.outcome = services.outcome_in_menu(call)
        if call.outcome in (Call.Outcome.SERVED, Call.Outcome.INFORMED):
            CallBack.objects.filter(
                call_id=call.call_id, reason=CallBack.Reason.MISSED, done_at=None
            ).delete()


def placed(call: Call, premise_code: str, *, by: str) -> Call:
    """The caller says which place they mean: the verdict follows, whose account it is does not."""
    known = verdict.of_premise(premise_code)
    with transaction.atomic():
        call = Call.objects.select_for_update(of=("self",)).get(pk=call.pk)
        _stand_at(call, known)
        call.save()
        services.tell_call("call.identified", call)
    return call


def verified(call: Call, account: Account, *, by: str) -> Call:
    """The caller knew the account's number and its second factor."""
    with transaction.atomic():
        call = Call.objects.select_for_update(of=("self",)).get(pk=call.pk)
        call.account, call.identity, call.verified = account, "one", True
        _stand_at(call, verdict.of_premise(account.premise.code))
        call.save()
        record("call.verified", f"call:{call.call_id}", note=account.number, by=by)
        services.tell_call("call.identified", call)
    return call


def _stand_at(call: Call, known: verdict.Verdict) -> None:
    call.premise = Premise.objects.filter(code=known.premise).first()
    call.segment, call.verdict, call.verdict_data = known.segment, known.code, known.json()


def written_down(call: Call, *, kind: str, note: str, by: str, **more: Any) -> Ticket:
    """The ticket of a call that no agent has talked with; made once."""
    with transaction.atomic():
        call = Call.objects.select_for_update(of=("self",)).get(pk=call.pk)
        if call.contact_id is not None:
            found = Ticket.objects.filter(contact_id=call.contact_id).first()
            if found is not None:
                return found
        # The number proves nothing: only what was verified goes on the account.
        account = call.account if call.verified else None
        ticket = tickets.register(
            Registration(
                kind=kind, note=note, name=account.name if account else call.name,
                phone=call.phone, language=call.account.language if call.account else "en",
                call_id=call.call_id, account=account, verdict=call.verdict,
                channel=more.get("channel", Contact.Channel.PHONE),
            ),
            by=by,
        )  # fmt: skip
        call.contact = ticket.contact
        call.save(update_fields=["contact"])
    return ticket
