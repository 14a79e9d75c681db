"""What the telephone menu looks up for a caller, and what it writes down for one.

Bills and tickets are told only to somebody who knows a second thing: the last digits of the meter,
a PIN, or the telephone number a ticket was given. An unknown number and a wrong second factor
sound the same. Each function runs in a thread and returns what is to be said.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from server.accounts.audit import record
from server.accounts.models import AuditRow
from server.calls import menu, speaking, verdict
from server.calls.models import Call
from server.customers import billing
from server.customers.models import Account
from server.customers.selectors import read_number
from server.outages import selectors as outages
from server.tickets import services as tickets
from server.tickets.models import CallBack, Ticket
from telephony.flow import Spoken
from telephony.notices import Crew, bill_notice, callback_notice, ticket_notice
from telephony.sentences import Language, Say

log = logging.getLogger("standpipe.telephony")
BY = "telephone menu"
CALL_BACK_MINUTES = 60
BILL_TICKET_MINUTES = 4 * 60


def look_up(
    call_id: str, what: str, entered: Mapping[str, str], language: Language,
    *, now: datetime | None = None,
) -> Spoken:  # fmt: skip
    """The enquiry `what` of a call. Raises Call.DoesNotExist, KeyError for one there is not."""
    call = Call.objects.select_related("account", "premise").get(call_id=call_id)
    return _ENQUIRIES[what](call, entered, language, now or timezone.localtime())


def _verdict(call: Call, entered: Mapping[str, str], language: Language, now: datetime) -> Spoken:
    """The place was chosen by key: what is known there."""
    offered = {code for code, _street in speaking.places_of(call)}
    if entered.get("choice") not in offered:
        return Spoken((), "nothing")
    return _told_of(menu.placed(call, entered["choice"], by=BY), language, now)


def _told_of(call: Call, language: Language, now: datetime) -> Spoken:
    known = speaking.says(call.verdict, call.verdict_data.get("data", {}), language, now)
    return Spoken(known, "known") if known else Spoken((), "nothing")


def _outage(call: Call, entered: Mapping[str, str], language: Language, now: datetime) -> Spoken:
    """Is the water off there? For the caller's own place, or that of an account they name."""
    if entered.get("account"):
        account = _account(entered["account"])
        if account is None:
            return Spoken((Say("not-understood", language),), "unknown")
        call = menu.placed(call, account.premise.code, by=BY)
    elif entered.get("choice"):
        offered = {code for code, _street in speaking.places_of(call)}
        if entered["choice"] not in offered:
            return Spoken((), "unknown")
        call = menu.placed(call, entered["choice"], by=BY)
    elif call.premise is None:
        places = speaking.places_of(call)
        return speaking.offer(places, language) if places else Spoken((), "unknown")
    else:
        # It may have changed while the caller went through the menu.
        call = menu.placed(call, call.premise.code, by=BY)
    told = _told_of(call, language, now)
    return told if told.says else Spoken((Say("not-known-place", language),), "nothing")


def _account(digits: str) -> Account | None:
    return Account.objects.select_related("premise").filter(number=digits, active=True).first()


def _bill(call: Call, entered: Mapping[str, str], language: Language, now: datetime) -> Spoken:
    account = _account(entered.get("account", ""))
    if account is None or not billing.verify(account, entered.get("factor", "")):
        record("call.wrong_factor", f"call:{call.call_id}", note="bill", by=BY)
        return _wrong(language)
    menu.verified(call, account, by=BY)
    try:
        found = billing.statement(account)
    except billing.BillingDown as down:
        old, says = down.cached, (Say("lookup-down", language),)
        if old is not None and old.balance is not None:
            says = (_bill_said(old.balance, old, language, stale=True),)
        return Spoken(says, "down")
    if found.balance is None:
        return Spoken((Say("no-bill", language),), "ok")
    return Spoken((_bill_said(found.balance, found, language),), "ok")


def _bill_said(
    balance: Decimal, found: billing.Statement, language: Language, *, stale: bool = False
) -> Say:
    day = timezone.localtime(found.as_of).date()
    return bill_notice(
        language, balance=balance, as_of=day, currency=found.currency, stale=stale
    )  # fmt: skip


def _wrong(language: Language) -> Spoken:
    return Spoken((Say("wrong", language),), "wrong")


def _bill_ticket(
    call: Call, entered: Mapping[str, str], language: Language, now: datetime
) -> Spoken:
    """Billing is down: somebody looks it up and calls."""
    if not call.phone:
        return Spoken((), "down")
    ticket = menu.written_down(
        call, kind="enquiry", note="Bill enquiry by telephone; billing did not answer.", by=BY
    )
    owed = tickets.owe_call_back(
        CallBack.Reason.ASKED, call.phone, call_id=call.call_id, ticket=ticket,
        minutes=BILL_TICKET_MINUTES,
    )  # fmt: skip
    return _called_by(owed, language, now)


def _called_by(owed: CallBack | None, language: Language, now: datetime) -> Spoken:
    if owed is None:
        return Spoken((), "down")
    return Spoken((callback_notice(language, due=owed.due_at, now=now),), "ok")


def _ticket(call: Call, entered: Mapping[str, str], language: Language, now: datetime) -> Spoken:
    digits = entered.get("ticket", "")
    number = f"T-{int(digits):05d}" if digits.isascii() and digits.isdigit() else ""
    ticket = Ticket.objects.select_related("account", "premise", "incident").filter(
        number=number
    ).first()  # fmt: skip
    if ticket is None or not _may_hear(ticket, entered.get("ticket_factor", "")):
        record("call.wrong_factor", f"call:{call.call_id}", note=f"ticket {number}", by=BY)
        return _wrong(language)
    record("ticket.told", f"ticket:{ticket.number}", note=call.call_id, by=BY)
    back = outages.inside(ticket.premise.code) if ticket.premise else None
    crew: Crew = verdict.crew_stage(ticket.incident) if ticket.incident else ""
    return Spoken((ticket_notice(
        language, number=digits, state=ticket.state, crew=crew,
        back_at=back.back_at if back else None, now=now,
    ),), "ok")  # fmt: skip


def _may_hear(ticket: Ticket, factor: str) -> bool:
    """The last digits (4 or more) of the number the ticket was given, or the account's factor."""
    tried = AuditRow.objects.filter(
        action="call.wrong_factor", note=f"ticket {ticket.number}",
        at__gt=timezone.now() - billing.LOCKED_FOR,
    ).count()  # fmt: skip
    if tried >= billing.TRIES or len(factor) < 4:
        return False
    if ticket.customer_phone and ticket.customer_phone.endswith(factor):
        return True
    return ticket.account is not None and billing.verify(ticket.account, factor)


def _call_back(call: Call, entered: Mapping[str, str], language: Language, now: datetime) -> Spoken:
    """Owe the caller a call: at the number they call from, or at one of this country."""
    refused = Spoken((Say("callback-refused", language),), "refused")
    phone = call.phone
    if entered.get("callback"):
        read = read_number(entered["callback"])
        abroad = read.number is not None and read.number.startswith("+")
        if read.kind != "person" or read.number is None or abroad:
            return refused
        phone = read.number
    if not phone:
        return refused
    owed = CallBack.objects.filter(
        phone=phone, reason=CallBack.Reason.ASKED, done_at=None
    ).first() or tickets.owe_call_back(
        CallBack.Reason.ASKED, phone, call_id=call.call_id, minutes=CALL_BACK_MINUTES
    )
    record("call.asked_back", f"call:{call.call_id}", by=BY)
    return _called_by(owed, language, now)


_ENQUIRIES: dict[str, Callable[[Call, Mapping[str, str], Language, datetime], Spoken]] = {
    "verdict": _verdict, "outage": _outage, "bill": _bill, "bill_ticket": _bill_ticket,
    "ticket": _ticket, "callback": _call_back,
}  # fmt: skip
