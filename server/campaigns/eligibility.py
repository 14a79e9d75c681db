"""Is it still true? Asked of every target at the moment its number would be rung."""

from __future__ import annotations

from collections.abc import Callable

from server.calls import dialling
from server.campaigns.listing import least_and_days
from server.campaigns.models import ArrearsCase, Campaign, Target
from server.customers import billing
from server.outages.models import PremiseOff, ShutOff
from server.tickets.models import CallBack, Ticket


class NotNow(Exception):
    """It cannot be told at this moment; `why` is a code of wording.WHY."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def reason_against(target: Target) -> str:
    """Why the target is not to be called any more; '' when it is. Raises NotNow.

    Everything is read again: what was listed an hour ago may be paid, repaired or withdrawn.
    """
    if dialling.is_do_not_call(target.number):
        return "do_not_call"
    return _CHECKS[target.campaign.kind](target)


def _water_off(target: Target) -> str:
    shut_off = ShutOff.objects.filter(
        number=str(target.campaign.source.get("shut_off") or "")
    ).first()
    if shut_off is None or shut_off.state == ShutOff.State.CANCELLED:
        return "cancelled"
    if shut_off.state in (ShutOff.State.RESTORED, ShutOff.State.CLOSED):
        return "water_back"
    if target.account is None:
        return ""
    row = PremiseOff.objects.filter(shut_off=shut_off, premise_id=target.account.premise_id).first()
    if row is None:
        return "not_affected"
    return "water_back" if row.on_at is not None else ""


def _owes(target: Target) -> str:
    account = target.account
    if account is None:
        return "not_affected"
    account.refresh_from_db()
    if not account.active:
        return "account_closed"
    held = ArrearsCase.objects.filter(account=account, state=ArrearsCase.State.HELD)
    if held.exists():
        return "disputed"
    if target.case_id is not None:
        case = ArrearsCase.objects.get(pk=target.case_id)
        if case.state == ArrearsCase.State.PAID:
            return "paid"
        if case.state == ArrearsCase.State.CLOSED:
            return "not_affected"
    try:
        known = billing.statement(account)
    except billing.BillingDown:
        # Nobody is asked for money on old figures.
        raise NotNow("billing") from None
    least, _days = least_and_days(target.campaign.source)
    if known.arrears is None or known.arrears.amount < least:
        return "paid"
    return ""


def _still_closed(target: Target) -> str:
    if target.ticket_id is None:
        return ""
    state = Ticket.objects.values_list("state", flat=True).get(pk=target.ticket_id)
    return "" if state in ("closed", "audited") else "reopened"


def _still_owed(target: Target) -> str:
    if target.callback_id is None:
        return ""
    done = CallBack.objects.values_list("done_at", flat=True).get(pk=target.callback_id)
    return "" if done is None else "done"


_CHECKS: dict[str, Callable[[Target], str]] = {
    Campaign.Kind.OUTAGE: _water_off,
    Campaign.Kind.DUNNING: _owes,
    Campaign.Kind.SURVEY: _still_closed,
    Campaign.Kind.CALLBACK: _still_owed,
    Campaign.Kind.LIST: lambda target: "",
}
