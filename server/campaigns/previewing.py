"""Preview: the agent reads first and rings by key; nobody is rung that nobody looked at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.models import User
from server.accounts.refusals import Conflict, NotAllowed, Refused
from server.calls.models import Call
from server.campaigns import eligibility, running, services, speaking, wording
from server.campaigns.models import Campaign, Target
from server.customers import billing
from server.customers.selectors import customer_card
from server.outages import selectors as outages
from server.tickets import selectors as tickets

S = Target.State
# A record that an agent has open and does nothing with goes back to the list.
HELD_FOR = timedelta(minutes=15)


def mine(agent: User) -> Target | None:
    """The record the agent has before them: being read, being called, or still to be coded.

    In progressive campaigns that is whoever was put through to them last.
    """
    now = timezone.now()
    open_ = Target.objects.filter(agent=agent, code="").select_related("campaign", "account")
    held = open_.filter(state=S.WAITING, claimed_at__gt=now - HELD_FOR)
    called = open_.filter(
        Q(state=S.DIALLING) | Q(state=S.REACHED, settled_at__gt=now - timedelta(hours=8))
    ).exclude(campaign__mode=Campaign.Mode.NOTICE)
    found = called.order_by("-id").first() or held.order_by("-claimed_at").first()
    return found or _put_through(agent)


def _put_through(agent: User) -> Target | None:
    """A progressive call that goes on this moment is settled only when it is over."""
    call = Call.objects.filter(
        agent=agent, direction=Call.Direction.OUT, state=Call.State.TALKING
    ).first()
    if call is None:
        return None
    return (
        Target.objects.filter(tries_made__attempt__call_id=call.call_id, code="")
        .select_related("campaign", "account")
        .first()
    )


def claim(campaign: Campaign, agent: User) -> Target | None:
    """The next record of a preview campaign for this agent; None when there is none just now."""
    if campaign.mode != Campaign.Mode.PREVIEW:
        raise Conflict("campaign", "mode", _("This campaign rings by itself."))
    found = mine(agent)
    if found is not None:
        return found
    campaign.refresh_from_db()
    if campaign.state != Campaign.State.RUNNING:
        raise Conflict("campaign", "not_running", _("This campaign does not run."))
    now = timezone.now()
    while True:
        with transaction.atomic():
            target: Target | None = (
                services.waiting(campaign, now)
                .filter(Q(agent=None) | Q(claimed_at__lt=now - HELD_FOR))
                .order_by(F("next_at").asc(nulls_first=True), "id")
                .select_for_update(skip_locked=True, of=("self",))
                .first()
            )
            if target is None:
                return None
            target.campaign = campaign
            try:
                reason = eligibility.reason_against(target)
            except eligibility.NotNow as later:
                raise Conflict("campaign", later.why, wording.WHY[later.why]()) from None
            if reason:
                target.state, target.reason, target.settled_at = S.SKIPPED, reason, now
                target.save(update_fields=["state", "reason", "settled_at"])
                continue
            target.agent, target.claimed_at = agent, now
            target.save(update_fields=["agent", "claimed_at"])
            return target


def ring(target: Target, agent: User) -> Target:
    """Ring the customer: the agent's telephone first. Everything is asked again before.

    Refused ("telephone", "no_line") for an agent without one; Conflict with the reason where the
    customer is not to be called after all.
    """
    if not agent.extension:
        raise Refused("telephone", "no_line", _("You have no telephone line."))
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update().get(pk=target.campaign_id)
        row = Target.objects.select_for_update().get(pk=target.pk)
        if row.agent_id != agent.pk:
            raise NotAllowed("target", "not_yours", _("Another agent has this customer."))
        if row.state != S.WAITING:
            raise Conflict("target", row.state, _("This customer was called already."))
        if campaign.state != Campaign.State.RUNNING:
            raise Conflict("campaign", "not_running", _("This campaign does not run."))
        if not running.window_of(campaign).is_open(timezone.localtime()):
            raise Conflict("campaign", "closed", _("Nobody is called at this hour."))
        made = running.begin(row, campaign)
    row.refresh_from_db()
    if made is None:
        if row.state == S.SKIPPED:
            text = _("Not called: %(why)s.") % {"why": wording.reason(row.reason)}
            raise Conflict("target", row.reason, text)
        raise Conflict("target", "left_alone", _("This number was called a short while ago."))
    if not running.ring(made, running.to_agent(agent), by=agent.username):
        raise Refused("telephone", "exchange", _("The call could not be made. Please try again."))
    row.refresh_from_db()
    return row


def record_of(target: Target) -> dict[str, Any]:
    """What the agent reads before, while and after calling."""
    campaign, account = target.campaign, target.account
    attempt = target.tries_made.order_by("-id").values(
        "attempt__call_id", "attempt__result", "attempt__answered_at", "attempt__ended_at"
    ).first()  # fmt: skip
    return {
        "id": target.pk, "campaign": campaign.number, "campaign_name": campaign.name,
        "kind": campaign.kind, "mode": campaign.mode, "state": target.state,
        "name": target.name, "number": target.number, "tries": target.tries,
        "last": wording.reason(target.reason) if target.reason else "",
        "say": _said(target),
        "customer": customer_card(account) if account else None,
        "open_tickets": tickets.open_tickets_of(account.pk) if account else [],
        "bill": _bill(target), "water": _water(target),
        "ticket": target.ticket.number if target.ticket else None,
        "call": attempt["attempt__call_id"] if attempt else None,
        "ringing": bool(attempt and attempt["attempt__call_id"]
                        and attempt["attempt__answered_at"] is None
                        and attempt["attempt__ended_at"] is None),
        "talking": bool(attempt and attempt["attempt__answered_at"]
                        and attempt["attempt__ended_at"] is None),
        "code": target.code, "note": target.note,
        "codes": [{"code": c, "text": text()} for c, text in wording.CODE_WORDS.items()],
    }  # fmt: skip


def _said(target: Target) -> str:
    try:
        return speaking.text_of(target)
    except billing.BillingDown:
        return ""


def _bill(target: Target) -> dict[str, Any] | None:
    if target.account is None or target.campaign.kind != Campaign.Kind.DUNNING:
        return None
    try:
        known = billing.statement(target.account)
    except billing.BillingDown as down:
        if down.cached is None:
            return None
        known = down.cached
    late = known.arrears
    return {
        "amount": f"{late.amount:.2f}" if late else None, "days": late.days if late else 0,
        "since": late.since if late else None, "currency": known.currency,
        "as_of": known.as_of, "cached": known.cached,
    }  # fmt: skip


def _water(target: Target) -> dict[str, Any] | None:
    if target.account is None:
        return None
    off = outages.inside(target.account.premise.code)
    if off is None:
        return None
    return {"shut_off": off.shut_off.number, "since": off.since, "back_at": off.back_at}
