"""Written work: taken in once, offered by the skills of the queues, answered, put away.

waiting ──offer()──► offered ──take──► open ──finish──► done
   ▲                    │
   └──pass, or no answer in a minute
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.models import User
from server.accounts.refusals import Conflict, Refused
from server.calls.models import AgentState
from server.calls.queueing import offering, seating, services
from server.calls.queueing.models import AgentProfile, WorkItem
from server.customers import selectors as customers
from server.events.services import publish
from server.messaging.services import text as send_text
from server.tickets.models import Ticket
from server.tickets.placing import area_of

State = WorkItem.State
OFFER_S = 60
LONGEST_BODY = 10_000
LONGEST_REPLY = 600


def receive(
    kind: str, *, ref: str, sender: str, body: str, name: str = "", subject: str = "",
    skill: str = "",
) -> WorkItem:  # fmt: skip
    """Take in something written; the same `ref` of the same kind once. Refused names the field."""
    if kind not in WorkItem.Kind.values:
        raise Refused("kind", "unknown", _("Choose sms, email or web."))
    sender, body = sender.strip()[:120], body.strip()
    if not sender:
        raise Refused("from", "required", _("Say how we can reach you."))
    if not ref.strip():
        raise Refused("id", "required", _("A message needs a name of its own."))
    if not body:
        raise Refused("text", "required", _("There is no text."))
    if len(body) > LONGEST_BODY:
        raise Refused("text", "too_long", _("That is too long."))
    with transaction.atomic():
        ref = f"{kind}:{ref.strip()}"[:160]
        found = WorkItem.objects.filter(ref=ref).first()
        if found is not None:
            return found
        match = customers.match_caller(sender) if kind != WorkItem.Kind.EMAIL else None
        account = match.accounts[0] if match is not None and match.identity == "one" else None
        area = area_of(account.premise.geom) if account else None
        item, made = WorkItem.objects.get_or_create(
            ref=ref,
            defaults={
                "kind": kind, "sender": (match.number if match and match.number else sender),
                "name": name.strip()[:80], "subject": " ".join(subject.split())[:200],
                "body": body, "account": account, "received_at": timezone.now(),
                "queue": services.queue_for(skill, area).code,
            },
        )  # fmt: skip
        if made:
            _tell("item.received", item)
    return item


def sweep() -> int:
    """Take back what nobody answered, offer what waits; returns how many were offered."""
    now = timezone.now()
    if not WorkItem.objects.filter(state__in=(State.WAITING, State.OFFERED)).exists():
        return 0
    for late in WorkItem.objects.filter(
        state=State.OFFERED, offered_at__lt=now - timedelta(seconds=OFFER_S)
    ).select_related("agent"):
        _let_pass(late)
    given = 0
    rows = list(WorkItem.objects.filter(state=State.WAITING)[:200])
    items = [
        offering.Item(r.pk, r.queue, r.priority, r.received_at.timestamp(), r.passed) for r in rows
    ]
    for pk, username in offering.offers(items, writers(), now.timestamp()):
        user = User.objects.get(username=username)
        with transaction.atomic():
            if WorkItem.objects.filter(pk=pk, state=State.WAITING).update(
                state=State.OFFERED, agent=user, offered_at=now
            ):
                given += 1
                _tell("item.offered", WorkItem.objects.select_related("agent").get(pk=pk))
    return given


def writers() -> list[offering.Writer]:
    """Everybody signed in to the queues, with what they have in hand."""
    seats = seating.all_seats()
    last_given = dict(
        WorkItem.objects.filter(agent__isnull=False)
        .values_list("agent")
        .annotate(last=Max("offered_at"))
    )
    open_now = dict(
        WorkItem.objects.filter(state__in=(State.OFFERED, State.OPEN))
        .values_list("agent")
        .annotate(n=Count("pk"))
    )
    profiles = {p.pk: p for p in AgentProfile.objects.all()}
    found = []
    for row in AgentState.objects.select_related("user"):
        seat = seats.get(row.user.extension)
        if seat is None:
            continue
        profile = profiles.get(row.user_id) or AgentProfile()
        last = last_given.get(row.user_id)
        found.append(offering.Writer(
            row.user.username, seat.penalties, row.state, open_now.get(row.user_id, 0),
            profile.text_limit, profile.text_while_talking, last.timestamp() if last else 0.0,
        ))  # fmt: skip
    return found


def take(pk: int, *, by: User) -> WorkItem:
    """The agent takes what was offered, or picks what waits."""
    with transaction.atomic():
        item = _locked(pk)
        if item.state == State.OPEN and item.agent_id == by.pk:
            return item
        mine = item.state == State.OFFERED and item.agent_id == by.pk
        if not mine and item.state != State.WAITING:
            raise Conflict("item", "taken", _("Somebody else has it."))
        item.state, item.agent, item.opened_at = State.OPEN, by, timezone.now()
        item.offered_at = item.offered_at or item.opened_at
        item.save()
        _tell("item.taken", item)
    return item


def pass_on(pk: int, *, by: User) -> WorkItem:
    """Not mine: it goes back to its place and is offered to somebody else."""
    with transaction.atomic():
        item = _locked(pk)
        if item.agent_id != by.pk or item.state not in (State.OFFERED, State.OPEN):
            raise Conflict("item", "not_yours", _("You do not have it in hand."))
        _let_pass(item)
    return item


def finish(pk: int, what: dict[str, Any], *, by: User) -> WorkItem:
    """Answered, registered as a ticket, or nothing to do. A reply goes out by text, once."""
    outcome = str(what.get("outcome") or "")
    reply = str(what.get("reply") or "").strip()
    ticket = str(what.get("ticket") or "").strip()
    if outcome not in WorkItem.Outcome.values:
        raise Refused("outcome", "unknown", _("Say what came of it."))
    if len(reply) > LONGEST_REPLY:
        raise Refused("reply", "too_long", _("That is too long."))
    with transaction.atomic():
        item = _locked(pk)
        if item.state == State.DONE:
            raise Conflict("item", "done", _("It is done already."))
        if item.agent_id != by.pk or item.state != State.OPEN:
            raise Conflict("item", "not_yours", _("You do not have it in hand."))
        if outcome == WorkItem.Outcome.TICKET and not Ticket.objects.filter(number=ticket).exists():
            raise Refused("ticket", "unknown", _("There is no such ticket."))
        if reply:
            if not reachable(item):
                raise Refused("reply", "no_number", _("We have no number to text."))
            send_text(
                item.sender, "written_reply", language=_language(item),
                dedupe=f"item:{item.pk}", ticket=ticket, utility=settings.STANDPIPE["UTILITY"],
                text=reply,
            )  # fmt: skip
        elif outcome == WorkItem.Outcome.ANSWERED and reachable(item):
            raise Refused("reply", "required", _("Write the answer."))
        item.state, item.outcome, item.reply = State.DONE, outcome, reply
        item.ticket, item.done_at = ticket[:20], timezone.now()
        item.save()
        record("item.done", f"item:{item.pk}", to_state=outcome, by=by.username)
        _tell("item.done", item)
    return item


def reachable(item: WorkItem) -> bool:
    """Whether the sender can be answered by text."""
    return customers.read_number(item.sender).kind == "person"


def listed(user: User) -> dict[str, Any]:
    """What the desk shows: what is mine, and how much waits where I could take it."""
    mine = WorkItem.objects.filter(
        agent=user, state__in=(State.OFFERED, State.OPEN)
    ).select_related("account")
    waiting = WorkItem.objects.filter(state=State.WAITING).count()
    return {"mine": [item_json(item) for item in mine], "waiting": waiting}


def item_json(item: WorkItem) -> dict[str, Any]:
    return {
        "id": item.pk, "kind": item.kind, "label": str(item.get_kind_display()),
        "state": item.state, "from": item.sender, "name": item.name, "subject": item.subject,
        "text": item.body, "queue": item.queue, "received_at": item.received_at,
        "offered_at": item.offered_at, "reachable": reachable(item),
        "account": item.account.number if item.account else None,
        "customer": item.account.name if item.account else "",
    }  # fmt: skip


def _let_pass(item: WorkItem) -> None:
    """Back to its place; who let it pass is not asked again for a while."""
    with transaction.atomic():
        if item.agent is not None:
            item.passed = {**item.passed, item.agent.username: timezone.now().timestamp()}
        item.state, item.agent, item.offered_at, item.opened_at = State.WAITING, None, None, None
        item.save()
        _tell("item.passed", item)


def _locked(pk: int) -> WorkItem:
    item = WorkItem.objects.select_for_update(of=("self",)).filter(pk=pk).first()
    if item is None:
        raise Refused("item", "unknown", _("There is no such message."), status=404)
    return item


def _language(item: WorkItem) -> str:
    if item.account is not None:
        return item.account.language
    return "zh-hans" if any("\u4e00" <= char <= "\u9fff" for char in item.body) else "en"


def _tell(name: str, item: WorkItem) -> None:
    publish(
        name, f"item:{item.pk}", topic="calls", item=item.pk, state=item.state, kind=item.kind,
        queue=item.queue, agent=item.agent.username if item.agent else "",
    )  # fmt: skip
