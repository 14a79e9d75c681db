"""Who a campaign is for: read from shut-offs, arrears, closed tickets, call-backs or a list.

Each source yields people; `fill` turns them into targets. Whoever cannot be called is kept too,
with the reason, so that the list adds up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.refusals import Refused
from server.calls.models import DoNotCall
from server.campaigns.models import ArrearsCase, Campaign, Target
from server.customers import billing
from server.customers.models import Account
from server.customers.selectors import called_at, read_number
from server.outages.models import PremiseOff, ShutOff
from server.tickets.models import CallBack, Ticket

S = Target.State
MOST = 20_000
SETTLED_SHUTOFF = ("restored", "closed", "cancelled", "draft")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the list; `raw` is the number as it stands there."""

    raw: str
    name: str = ""
    language: str = "en"
    account: Account | None = None
    ticket: Ticket | None = None
    callback: CallBack | None = None
    case: ArrearsCase | None = None


def people_of(campaign: Campaign) -> Iterable[Person]:
    """Everybody the campaign's source names. Refused ("source.…") for one that cannot be read."""
    return _SOURCES[campaign.kind](campaign.source)


def fill(campaign: Campaign, people: Iterable[Person]) -> dict[str, int]:
    """Add people as targets; returns how many of each state or reason: {"waiting": 3, …}.

    Filled again, only those who are new are added: their numbers decide.
    """
    blocked = set(DoNotCall.objects.values_list("number", flat=True))
    listed = {t.number: t for t in campaign.targets.exclude(state=S.DROPPED)}
    have = set(listed)
    dropped = set(campaign.targets.filter(state=S.DROPPED).values_list("raw", "name", "reason"))
    counted: dict[str, int] = {}
    rows: list[Target] = []
    for person in people:
        number, reason = _number(person.raw, have, blocked)
        mark = (person.raw[:80], person.name[:120], reason)
        if reason == "duplicate" and _same(listed.get(number), person):
            continue
        if reason and mark in dropped:
            continue
        if not reason:
            have.add(number)
        else:
            dropped.add(mark)
        counted[reason or S.WAITING] = counted.get(reason or S.WAITING, 0) + 1
        rows.append(Target(
            campaign=campaign, raw=person.raw[:80], number=number, account=person.account,
            ticket=person.ticket, callback=person.callback, case=person.case,
            name=person.name[:120], language=person.language,
            state=S.DROPPED if reason else S.WAITING, reason=reason,
            settled_at=timezone.now() if reason else None,
        ))  # fmt: skip
        if len(rows) > MOST:
            raise Refused("source", "too_many", _("That is more than a campaign can hold."))
    with transaction.atomic():
        Target.objects.bulk_create(rows, batch_size=500)
    return counted


def _number(raw: str, have: set[str], blocked: set[str]) -> tuple[str, str]:
    """The number to dial and '' , or why it is left out."""
    if not raw.strip():
        return "", "no_number"
    read = read_number(raw)
    if read.number is None:
        return "", "not_a_number"
    if read.kind == "service":
        return read.number, "service"
    if read.number.startswith("+"):
        return read.number, "foreign"
    if read.number in have:
        return read.number, "duplicate"
    if read.number in blocked:
        return read.number, "do_not_call"
    return read.number, ""


def _same(there: Target | None, person: Person) -> bool:
    """The person is on the list from an earlier filling: no news, and no duplicate either."""
    return there is not None and (
        (person.account is not None and there.account_id == person.account.pk)
        or (person.ticket is not None and there.ticket_id == person.ticket.pk)
        or (person.callback is not None and there.callback_id == person.callback.pk)
    )


# -- the sources ----------------------------------------------------------------------------------


def _with_phones(accounts: Any) -> Any:
    return accounts.select_related("premise").prefetch_related("phones")


def _person(account: Account, **more: Any) -> Person:
    return Person(called_at(account), account.name, account.language, account, **more)


def affected(source: dict[str, Any]) -> Iterable[Person]:
    """Everybody inside a shut-off who has no water, or is about to have none."""
    number = str(source.get("shut_off") or "")
    shut_off = ShutOff.objects.filter(number=number).first()
    if shut_off is None:
        raise Refused("source.shut_off", "unknown", _("There is no such shut-off."))
    if shut_off.state in SETTLED_SHUTOFF:
        raise Refused("source.shut_off", "over", _("That shut-off is not decided, or it is over."))
    premises = PremiseOff.objects.filter(shut_off=shut_off, on_at=None).values("premise")
    rows = Account.objects.filter(active=True, premise__in=premises).order_by("id")
    return [_person(a) for a in _with_phones(rows)]


def _in_arrears(source: dict[str, Any]) -> Iterable[Person]:
    if source.get("ladder"):
        return []  # the ladder puts people in one by one
    least, days = least_and_days(source)
    try:
        owing = billing.arrears(timezone.now(), least, days)
    except billing.BillingDown:
        raise Refused("source", "billing_down", _("The billing system does not answer.")) from None
    numbers = [row.account for row in owing]
    found = {a.number: a for a in _with_phones(Account.objects.filter(number__in=numbers))}
    return [_person(found[n]) for n in numbers if n in found and found[n].active]


def least_and_days(source: dict[str, Any]) -> tuple[Decimal, int]:
    """How much, overdue for how long, makes a case of dunning. Refused ("source.…")."""
    try:
        least = Decimal(str(source.get("least") or "1"))
    except InvalidOperation:
        least = Decimal("NaN")
    if not least.is_finite() or not 0 < least < 10**9:
        raise Refused("source.least", "range", _("Say an amount above zero."))
    return least, whole(source.get("days"), "source.days", 0, 3650, 30)


def whole(value: Any, field: str, least: int, most: int, default: int) -> int:
    """A whole number in a range; `default` for none. Refused (`field`)."""
    if value in (None, ""):
        return default
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = least - 1
    if isinstance(value, bool) or not least <= number <= most:
        text = _("Say a whole number between %(least)s and %(most)s.")
        raise Refused(field, "range", text % {"least": least, "most": most})
    return number


def _after_tickets(source: dict[str, Any]) -> Iterable[Person]:
    days = whole(source.get("days"), "source.days", 1, 90, 7)
    kind = str(source.get("kind") or "")
    rows = Ticket.objects.filter(
        state__in=("closed", "audited"), closed_at__gte=timezone.now() - timedelta(days=days)
    ).select_related("account")
    if kind:
        rows = rows.filter(kind=kind)
    # The newest first: who had two tickets is asked about the last one.
    return [
        Person(t.customer_phone, t.customer_name, t.language, t.account, t)
        for t in rows.order_by("-closed_at", "-id")
    ]


def _owed(source: dict[str, Any]) -> Iterable[Person]:
    rows = CallBack.objects.filter(done_at=None).select_related("ticket__account")
    if why := str(source.get("reason") or ""):
        rows = rows.filter(reason=why)
    found = []
    for row in rows.order_by("due_at"):
        ticket = row.ticket
        found.append(Person(
            row.phone, ticket.customer_name if ticket else "",
            ticket.language if ticket else "en", ticket.account if ticket else None,
            callback=row,
        ))  # fmt: skip
    return found


def _pasted(source: dict[str, Any]) -> Iterable[Person]:
    text = source.get("numbers")
    if not isinstance(text, str) or not text.strip():
        raise Refused("source.numbers", "required", _("Paste at least one number."))
    found = []
    for line in text.splitlines():
        if not line.strip():
            continue
        number, _comma, name = line.replace(";", ",").replace("\t", ",").partition(",")
        found.append(Person(number.strip(), name.strip()))
    return found


_SOURCES: dict[str, Callable[[dict[str, Any]], Iterable[Person]]] = {
    Campaign.Kind.OUTAGE: affected,
    Campaign.Kind.DUNNING: _in_arrears,
    Campaign.Kind.SURVEY: _after_tickets,
    Campaign.Kind.CALLBACK: _owed,
    Campaign.Kind.LIST: _pasted,
}
