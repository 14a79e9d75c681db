"""Reads about customers: who calls, what the card of an account says, who must not go dry."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings
from django.db.models import F, Max, Prefetch, Q
from django.utils.translation import gettext as _

from server.customers import billing
from server.customers.models import Account, Meter, Phone, Premise, UseClass
from server.customers.phones import Number, is_landline, mask, normalise

MANY_LIMIT = 10
# The order in which people are looked after when water goes off: who is harmed first.
PRIORITY_CLASSES = (UseClass.DIALYSIS, UseClass.HOSPITAL, UseClass.CARE, UseClass.SCHOOL)


@dataclass(frozen=True, slots=True)
class CallerMatch:
    """Whose number it may be. `many` leaves the choice to the agent: a number proves nothing.

    `number` is the comparable form of what the trunk said, None where it hid it.
    """

    identity: Literal["one", "many", "none", "hidden"]
    number: str | None
    accounts: tuple[Account, ...] = ()
    extension: str = ""


def read_number(raw: object) -> Number:
    """`raw` as this utility writes numbers (its country, area and service number)."""
    home = settings.STANDPIPE
    return normalise(
        raw, home["COUNTRY_CODE"], home["AREA_CODE"], service_numbers=(home["SERVICE_NUMBER"],)
    )


def match_caller(raw: object) -> CallerMatch:
    """The active accounts a number belongs to, most recent contact first, at most ten.

    Accounts come with `premise` loaded. Never raises for any number.
    """
    read = read_number(raw)
    if read.number is None:
        return CallerMatch("hidden", None, extension=read.extension)
    if read.kind == "service":
        return CallerMatch("none", read.number, extension=read.extension)
    phones = (
        Phone.objects.filter(number=read.number, account__active=True)
        .select_related("account__premise")
        .order_by(F("last_used_at").desc(nulls_last=True), "account_id")[:MANY_LIMIT]
    )
    accounts = tuple(phone.account for phone in phones)
    identity: Literal["one", "many", "none"] = (
        "none" if not accounts else "one" if len(accounts) == 1 else "many"
    )
    return CallerMatch(identity, read.number, accounts, read.extension)


def phones_of(account: Account) -> list[str]:
    """The numbers of an account, the one used last first."""
    return [phone.number for phone in account.phones.all()]


def called_at(account: Account | None) -> str:
    """The number at which an account is called: the one used last; "" when there is none."""
    return next(iter(phones_of(account)), "") if account else ""


def texted_at(account: Account) -> str:
    """The number to which an account's texts go: a mobile before a fixed line; "" when none."""
    country = settings.STANDPIPE["COUNTRY_CODE"]
    return min(phones_of(account), key=lambda n: is_landline(n, country), default="")


def customer_card(account: Account) -> dict[str, Any]:
    """What an agent sees of a customer before hello; the caller's tickets and contacts come on top.

    {name, account, premise, address, use, use_label, language, meter: {serial, diameter_mm,
    installed_on} | None, balance, balance_at, usage: [{month, m3, estimated}], bill (as
    `billing.as_json`, or None), flags: [{code, text}], phone_masked, sms_consent, active}; money is
    text with two decimals, dates are ISO. Asks no other system: the card must stand at once.
    """
    premise = account.premise
    known = billing.known(account)
    bill = billing.as_json(known) if known else None
    meter = Meter.objects.filter(premise=premise, active=True).first()
    return {
        "name": account.name,
        "account": account.number,
        "premise": premise.code,
        "address": premise.address,
        "use": premise.use,
        "use_label": premise.get_use_display(),
        "language": account.language,
        "active": account.active,
        "sms_consent": account.sms_consent,
        "meter": None
        if meter is None
        else {
            "serial": meter.serial,
            "diameter_mm": meter.diameter_mm,
            "installed_on": meter.installed_on and meter.installed_on.isoformat(),
        },
        # Never billed is not the same as nothing owed.
        "balance": bill["balance"] if bill else None,
        "balance_at": bill["as_of"][:10] if bill and bill["balance"] is not None else None,
        "usage": [
            {"month": r["month"], "m3": r["m3"], "estimated": r["estimated"]}
            for r in (bill["readings"] if bill else [])
        ],
        "bill": bill,
        "flags": _flags(account, premise, known),
        "phone_masked": mask(called_at(account)),
    }


def _flags(
    account: Account, premise: Premise, known: billing.Statement | None
) -> list[dict[str, str]]:
    flags = []
    if account.care:
        flags.append({"code": account.care, "text": str(account.get_care_display())})
    if premise.use in PRIORITY_CLASSES:
        text = _("Priority customer: %(use)s") % {"use": premise.get_use_display()}
        flags.append({"code": f"priority_{premise.use}", "text": str(text)})
    if premise.storage_hours:
        text = _("Own storage for %(hours)g hours") % {"hours": premise.storage_hours}
        flags.append({"code": "storage", "text": str(text)})
    if known is not None and known.arrears is not None:
        text = _("Bill overdue for %(days)s days") % {"days": known.arrears.days}
        flags.append({"code": "owes", "text": str(text)})
    if known is not None and known.anomaly is not None:
        text = _("Use %(ratio)s times the usual: perhaps a leak behind the meter") % {
            "ratio": f"{known.anomaly.ratio:g}"
        }
        flags.append({"code": "anomaly", "text": str(text)})
    if not account.sms_consent:
        flags.append({"code": "no_sms", "text": str(_("Does not want text messages"))})
    return flags


def priority_customers(codes: Collection[str]) -> list[dict[str, Any]]:
    """Those of the premises on the priority register, who is harmed first first.

    [{premise, name, class, class_label, address, hours_left, phone_masked, account, lon, lat}];
    `hours_left` is how long the premise can live on its own storage.
    """
    rows = Premise.objects.filter(code__in=list(codes), use__in=PRIORITY_CLASSES).prefetch_related(
        Prefetch("accounts", Account.objects.filter(active=True).order_by("id")),
        "accounts__phones",
    )
    order = {str(use): i for i, use in enumerate(PRIORITY_CLASSES)}
    found = []
    for premise in sorted(rows, key=lambda p: (order[p.use], p.storage_hours, p.code)):
        account = next(iter(premise.accounts.all()), None)
        found.append({
            "premise": premise.code,
            "name": premise.name or (account.name if account else premise.address),
            "class": premise.use,
            "class_label": premise.get_use_display(),
            "address": premise.address,
            "hours_left": premise.storage_hours,
            "phone_masked": mask(called_at(account)),
            "account": account.number if account else "",
            "lon": premise.geom.x,
            "lat": premise.geom.y,
        })
    return found


def classes_of(codes: Collection[str]) -> dict[str, int]:
    """How many of the premises are of which use class: {"home": 12, "school": 1}."""
    uses = Premise.objects.filter(code__in=list(codes)).values_list("use", flat=True)
    counts: dict[str, int] = {}
    for use in uses:
        counts[use] = counts.get(use, 0) + 1
    return dict(sorted(counts.items()))


def search_accounts(query: str, limit: int = 20) -> list[dict[str, Any]]:
    """Accounts whose number, telephone number, meter, name or address answers to `query`.

    [{account, name, address, premise, use, phone_masked, lon, lat}], best first.
    """
    query = " ".join(query.split())[:80]
    if len(query) < 2:
        return []
    wanted = Q(number=query) | Q(name__icontains=query) | Q(premise__address__icontains=query)
    wanted |= Q(premise__meters__serial__iexact=query) | Q(premise__name__icontains=query)
    number = read_number(query)
    if number.kind == "person":
        wanted |= Q(phones__number=number.number)
    rows = (
        Account.objects.filter(wanted)
        .annotate(last_contact=Max("phones__last_used_at"))
        .select_related("premise")
        .prefetch_related("phones")
        .order_by(F("last_contact").desc(nulls_last=True), "name", "id")[:limit]
    )
    return [
        {
            "account": account.number,
            "name": account.name,
            "address": account.premise.address,
            "premise": account.premise.code,
            "use": account.premise.use,
            "active": account.active,
            "phone_masked": mask(called_at(account)),
            "lon": account.premise.geom.x,
            "lat": account.premise.geom.y,
        }
        for account in rows
    ]
