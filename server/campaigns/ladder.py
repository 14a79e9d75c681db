"""Accounts in arrears go up the ladder one step at a time, and off it as soon as they have paid.

Every step begins by reading the balance. A sweep asks the billing system for all that is owed
every `SWEEP_S` seconds: who is not among them has paid, and whatever was about to happen does not.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.campaigns import listing, rungs, wording
from server.campaigns.models import ArrearsCase, ArrearsStep, Campaign, Target
from server.customers import billing
from server.customers.models import Account
from server.customers.selectors import PRIORITY_CLASSES, called_at, texted_at
from server.events.services import publish
from server.messaging import services as messaging
from server.messaging.models import SmsMessage
from server.outages import law
from server.outages.notices import moment
from server.outages.notices import rules as notice_rules
from server.tickets import services as tickets
from server.tickets.models import Contact, Kind
from server.tickets.placing import Where
from server.tickets.services import Registration

log = logging.getLogger("standpipe.campaigns")
St, Step = ArrearsCase.State, ArrearsCase.Step
SWEEP_S = 15.0
CENT = Decimal("0.01")
OPEN = (St.OPEN, St.HELD)
_swept = -SWEEP_S


def rules() -> rungs.Rules:
    hours = settings.STANDPIPE["DUNNING"]
    return rungs.Rules(
        timedelta(hours=hours["after_text_h"]), timedelta(hours=hours["after_call_h"]),
        timedelta(hours=hours["notice_h"]),
    )  # fmt: skip


def step() -> None:
    """One round for the dialler: who has paid, and whose next step is due."""
    global _swept
    if time.monotonic() - _swept < SWEEP_S:
        return
    _swept = time.monotonic()
    sweep()


def sweep(now: datetime | None = None) -> dict[str, int]:
    """{paid, stepped}. Nothing is done while the billing system does not answer."""
    now = now or timezone.now()
    cases = ArrearsCase.objects.filter(state__in=OPEN).select_related("account")
    if not cases.exists():
        return {"paid": 0, "stepped": 0}
    try:
        owed = {row.account: row.amount for row in billing.arrears(now, CENT, 0)}
    except billing.BillingDown:
        log.warning("nobody is reminded: the billing system does not answer")
        return {"paid": 0, "stepped": 0}
    paid = stepped = 0
    for case in cases:
        if case.account.number not in owed:
            paid += _paid(case.pk)
    due = cases.filter(state=St.OPEN, next_at__lte=now).order_by("next_at", "id")
    for pk in list(due.values_list("pk", flat=True)[:200]):
        stepped += _advance(pk, now)
    _after_calls()
    return {"paid": paid, "stepped": stepped}


def open_cases(least: Any, days: Any, *, by: str) -> int:
    """Put everybody who owes so much for so long on the ladder; returns how many are new."""
    amount, older = listing.least_and_days({"least": least, "days": days})
    now = timezone.now()
    try:
        owing = billing.arrears(now, amount, older)
    except billing.BillingDown:
        raise Refused("", "billing_down", _("The billing system does not answer.")) from None
    have = set(ArrearsCase.objects.filter(state__in=OPEN).values_list("account__number", flat=True))
    accounts = Account.objects.filter(
        number__in=[row.account for row in owing], active=True
    ).select_related("premise")
    known = {a.number: a for a in accounts}
    rows = [
        ArrearsCase(
            account=known[row.account], amount=row.amount, since=row.since, next_at=now,
            priority=known[row.account].premise.use in PRIORITY_CLASSES,
        )
        for row in owing
        if row.account in known and row.account not in have
    ]  # fmt: skip
    with transaction.atomic():
        ArrearsCase.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
        record("arrears.list", "arrears", note=f"{len(rows)} new, {amount} for {older} d", by=by)
        _tell(None, "listed", by=by)
    return len(rows)


# -- a step ---------------------------------------------------------------------------------------


def _advance(pk: int, now: datetime) -> bool:
    with transaction.atomic():
        case = _locked(pk)
        if case is None or case.state != St.OPEN or case.next_at is None or case.next_at > now:
            return False
        wanted = rungs.following(case.step, priority=case.priority)
        if wanted is None:
            _save(case, next_at=None)
            return False
        if wanted in (Step.SMS, Step.NOTICE):
            leaves = law.may_text_at(notice_rules(), timezone.localtime(now))
            if leaves > now:
                _save(case, next_at=leaves)
                return False
        try:
            known = billing.statement(case.account)
        except billing.BillingDown:
            return False
        if known.arrears is None:
            _close_as_paid(case, known.balance)
            return False
        case.amount, case.checked_at = known.arrears.amount, now
        what = _STEPS[wanted](case, now)
        if what is None:
            return False
        case.step, case.stepped_at = wanted, now
        case.next_at = (
            None if wanted in (Step.CALL, Step.VISIT) else rungs.due_at(wanted, now, rules())
        )
        case.save()
        ArrearsStep.objects.create(
            case=case, step=wanted, at=now, balance=known.balance, what=what[:200], by="system"
        )
        record(f"arrears.{wanted}", f"account:{case.account.number}", note=what, by="system")
        _tell(case, wanted, by="system")
        return True


def _text(case: ArrearsCase, template: str, **values: Any) -> SmsMessage | None:
    if not case.account.sms_consent:
        return None
    return messaging.text(
        texted_at(case.account), template, language=case.account.language,
        dedupe=f"{template}:{case.pk}", utility=settings.STANDPIPE["UTILITY"],
        account=case.account.number, amount=f"{case.amount:.2f}", **values,
    )  # fmt: skip


def _send_text(case: ArrearsCase, now: datetime) -> str:
    sent = _text(case, "arrears_reminder", since=f"{case.since:%Y-%m-%d}")
    return f"sms {sent.pk}" if sent else "no text: no number, or no consent to texts"


def _call(case: ArrearsCase, now: datetime) -> str | None:
    """Into the list of the ladder's calls; its result takes the case on (`_after_calls`)."""
    account, campaign = case.account, calls()
    if campaign.state in (Campaign.State.STOPPED, Campaign.State.DONE):
        return "no call: stopped"
    person = listing.Person(called_at(account), account.name, account.language, account, case=case)
    counted = listing.fill(campaign, [person])
    reason = next(iter(counted), "duplicate")
    return "listed for a call" if reason == Target.State.WAITING else f"no call: {reason}"


def _announce(case: ArrearsCase, now: datetime) -> str:
    from_moment = now + rules().notice_kept
    case.notice = _text(case, "cut_off_notice", start=moment(from_moment, case.account.language))
    if case.notice is None:
        return "to be handed over: no number, or no consent to texts"
    return f"sms {case.notice.pk}"


def _visit(case: ArrearsCase, now: datetime) -> str:
    refusal = why_no_cut_off(case, now)
    if case.priority:
        note = _("Unpaid bill: visit and talk. Priority customer, never cut off.")
    elif refusal:
        note = _("Unpaid bill: visit and hand over the notice. Do not cut off.")
    else:
        note = _("Unpaid bill: visit. The cut-off was announced in time.")
    case.visit = tickets.register(
        Registration(
            Kind.METER, Where(premise=case.account.premise.code), note=note,
            name=case.account.name, language=case.account.language,
            channel=Contact.Channel.VISIT, account=case.account,
        ),
        by="system",
    )  # fmt: skip
    return f"ticket {case.visit.number}"


_STEPS: dict[str, Any] = {
    Step.SMS: _send_text, Step.CALL: _call, Step.NOTICE: _announce, Step.VISIT: _visit,
}  # fmt: skip


def calls() -> Campaign:
    """The campaign of this month that carries the ladder's calls, with the last one's rules.

    One a month: a number is on a campaign once, and whoever owes again in a later month is called.
    """
    ours = Campaign.objects.filter(kind=Campaign.Kind.DUNNING, source__ladder=True)
    month = f"{timezone.localdate():%Y-%m}"
    found = ours.filter(source__month=month).first()
    if found is not None:
        return found
    last = ours.order_by("-id").first()
    row = last or Campaign(
        kind=Campaign.Kind.DUNNING, text=wording.LADDER_TEXT,
        name=_("Unpaid bills: calls of the ladder"),
    )  # fmt: skip
    row.pk, row.number, row.ended_at, row.why, row.version = None, None, None, "", 0
    row._state.adding = True
    row.source = {"ladder": True, "least": "0.01", "month": month}
    row.state, row.started_at, row.by = Campaign.State.RUNNING, timezone.now(), "system"
    row.save()
    row.number = f"C-{row.pk:04d}"
    row.save(update_fields=["number"])
    return row


def _after_calls() -> None:
    """Cases whose call is settled, or that could not be called, go on."""
    waiting = ArrearsCase.objects.filter(state=St.OPEN, step=Step.CALL, next_at=None)
    for case in waiting.prefetch_related("targets"):
        mine = list(case.targets.all())
        if any(t.state in (Target.State.WAITING, Target.State.DIALLING) for t in mine):
            continue
        since = max(
            [t.settled_at for t in mine if t.settled_at], default=case.stepped_at or case.opened_at
        )
        ArrearsCase.objects.filter(pk=case.pk, next_at=None, step=Step.CALL).update(
            next_at=rungs.due_at(Step.CALL, since, rules())
        )


# -- off the ladder -------------------------------------------------------------------------------


def _paid(pk: int) -> bool:
    with transaction.atomic():
        case = _locked(pk)
        if case is None or case.state not in OPEN:
            return False
        try:
            # The list of what is owed was read a moment ago: ask once more before believing it.
            known = billing.statement(case.account)
        except billing.BillingDown:
            return False
        if known.arrears is not None:
            return False
        _close_as_paid(case, known.balance)
        return True


def _close_as_paid(case: ArrearsCase, balance: Decimal | None) -> None:
    now = timezone.now()
    case.state, case.closed_at, case.next_at, case.checked_at = St.PAID, now, None, now
    case.save()
    ArrearsStep.objects.create(
        case=case, step="paid", at=now, balance=balance, what="", by="system"
    )
    _stop_everything(case, "paid", by="system")
    record("arrears.paid", f"account:{case.account.number}", to_state=case.state, by="system")
    _tell(case, "paid", by="system")


def _stop_everything(case: ArrearsCase, reason: str, *, by: str) -> None:
    """Texts that have not left, calls not made, a visit nobody has begun."""
    texts = SmsMessage.objects.filter(
        dedupe__in=[f"{name}:{case.pk}" for name in ("arrears_reminder", "cut_off_notice")]
    )
    messaging.withdraw(list(texts.values_list("pk", flat=True)))
    case.targets.filter(state=Target.State.WAITING).update(
        state=Target.State.SKIPPED, reason=reason, settled_at=timezone.now()
    )
    visit = case.visit
    if visit is not None and visit.state in ("registered", "triaged", "assigned", "returned"):
        tickets.act(visit, "cancel", role="supervisor", by=by, reason=wording.reason(reason))


def act(case: ArrearsCase, verb: str, *, reason: str, by: str) -> ArrearsCase:
    """hold (disputed), release, close, noticed (handed over), cut_off. Conflict if not allowed."""
    if verb not in ("hold", "release", "close", "noticed", "cut_off"):
        raise Refused("verb", "unknown", _("There is no such step."))
    if verb in ("hold", "close", "noticed") and not reason.strip():
        raise Refused("reason", "required", _("Say why."))
    with transaction.atomic():
        row = _locked(case.pk)
        needs = {"release": St.HELD}.get(verb, St.OPEN)
        if row is None or (row.state != needs and not (verb == "close" and row.state == St.HELD)):
            raise Conflict("verb", "not_now", _("That cannot be done with this account now."))
        now = timezone.now()
        if verb == "hold":
            row.state, row.reason, row.held_by = St.HELD, reason.strip()[:200], by
            _stop_everything(row, "disputed", by=by)
        elif verb == "release":
            row.state, row.reason = St.OPEN, ""
            row.next_at = row.next_at or now
        elif verb == "close":
            row.state, row.reason, row.closed_at = St.CLOSED, reason.strip()[:200], now
            row.next_at = None
            _stop_everything(row, "not_affected", by=by)
        elif verb == "noticed":
            row.noticed_at = now
        else:
            _cut_off(row, now)
        row.save()
        ArrearsStep.objects.create(case=row, step=verb, at=now, what=reason.strip()[:200], by=by)
        record(f"arrears.{verb}", f"account:{row.account.number}", note=reason, by=by)
        _tell(row, verb, by=by)
    return row


def _cut_off(case: ArrearsCase, now: datetime) -> None:
    code = why_no_cut_off(case, now)
    if code:
        raise Conflict("verb", code, wording.NO_CUT_OFF[code]())
    case.cut_at = now


def why_no_cut_off(case: ArrearsCase, now: datetime) -> str:
    """Why this customer may not be cut off now; the balance is read. '' when it is allowed."""
    try:
        owes = billing.statement(case.account).arrears is not None
    except billing.BillingDown:
        return "billing_down"
    return rungs.why_no_cut_off(
        priority=case.account.premise.use in PRIORITY_CLASSES, disputed=case.state == St.HELD,
        owes=owes, noticed_at=told_at(case), rules=rules(), now=now,
    )  # fmt: skip


def told_at(case: ArrearsCase) -> datetime | None:
    """When the announcement reached them: the text left, or somebody handed it over."""
    sent = case.notice
    if sent is not None and sent.state in (SmsMessage.State.SENT, SmsMessage.State.DELIVERED):
        return sent.sent_at
    return case.noticed_at


def _locked(pk: int) -> ArrearsCase | None:
    return (
        ArrearsCase.objects.select_for_update(of=("self",))
        .select_related("account__premise", "notice", "visit")
        .filter(pk=pk)
        .first()
    )


def _save(case: ArrearsCase, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(case, name, value)
    case.save(update_fields=list(fields))


def _tell(case: ArrearsCase | None, change: str, *, by: str) -> None:
    publish(
        "arrears.changed", f"arrears:{case.pk}" if case else "arrears", topic="calls", by=by,
        change=change, case=case.pk if case else None,
    )  # fmt: skip
