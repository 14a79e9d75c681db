"""What a caller hears of what is known, before anybody says hello.

A number proves nothing, so nothing personal is said: no name, no house number, no amount. Several
homes behind one number are offered by street and chosen by key, never assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count
from django.utils import timezone

from server.bursts import selectors as bursts
from server.calls import verdict
from server.calls.models import Call
from server.customers import selectors as customers
from server.customers.models import Account
from server.tickets.models import Incident
from telephony.flow import OPTION_KEYS, Spoken
from telephony.notices import (
    Crew,
    burst_notice,
    elsewhere_notice,
    nearby_notice,
    shutoff_notice,
    whose_place,
)
from telephony.sentences import Language, Say

# An incident that so many have called about lately is told to callers whose place is not known.
MANY_CALLERS = 10
LATELY = timedelta(hours=2)


def language_of(account: Account | None, usual: Language) -> Language:
    """The language of the account the number points to, else the telephone's own."""
    if account is None:
        return usual
    return "zh" if account.language.startswith("zh") else "en"


def says(code: str, data: dict[str, Any], language: Language, now: datetime) -> tuple[Say, ...]:
    """A verdict in spoken words; nothing where nothing is known. `data` is its evidence."""
    crew: Crew = data.get("crew_stage") or ""
    since, back = _moment(data.get("since")), _moment(data.get("back_at"))
    if code == verdict.INSIDE and since:
        return (shutoff_notice(language, since=since, until=back, now=now, crew=crew),)
    begins = _moment(data.get("from"))
    if code == verdict.PLANNED and begins:
        until = _moment(data.get("to"))
        return (shutoff_notice(language, since=begins, until=until, now=now, planned=True),)
    if code == verdict.SAME_SEGMENT:
        return (nearby_notice(language, since=since, now=now, crew=crew),)
    if code == verdict.PROBABLE_BURST:
        return (burst_notice(language),)
    return ()


def greeting(call: Call, language: Language, now: datetime) -> Spoken:
    """What is told first: the verdict of the caller's place, or which place is meant, or for
    somebody whose place is not known the one trouble that many call about.
    """
    known = says(call.verdict, call.verdict_data.get("data", {}), language, now)
    if known:
        return Spoken(known, "known")
    if call.identity == "many":
        places = _places(call)
        if any(verdict.of_premise(code).code != verdict.NOTHING for code, _street in places):
            return offer(places, language)
    if call.premise_id is None:
        street = _talk_of_the_town(now)
        if street is not None:
            return Spoken((elsewhere_notice(language, street=street),), "known")
    return Spoken((), "nothing")


def _places(call: Call) -> list[tuple[str, str]]:
    """(premise's code, what it is called aloud) of the homes behind a number.

    The street alone; where two stand in one street, the account's last digits tell them apart.
    """
    found = customers.match_caller(call.raw_number).accounts
    homes = list({a.premise.code: a for a in reversed(found)}.values())[::-1][: len(OPTION_KEYS)]
    streets = [a.premise.street for a in homes]
    return [
        (a.premise.code, a.premise.street if streets.count(a.premise.street) == 1
         else f"{a.premise.street}, {' '.join(a.number[-3:])}")
        for a in homes
    ]  # fmt: skip


def places_of(call: Call) -> list[tuple[str, str]]:
    """The homes to choose from, for a number that has several; else none."""
    return _places(call) if call.identity == "many" else []


def offer(places: Sequence[tuple[str, str]], language: Language) -> Spoken:
    """Ask which of the places is meant."""
    keyed = list(zip(OPTION_KEYS, places, strict=False))
    return Spoken(
        (whose_place(language, [(key, street) for key, (_code, street) in keyed]),), "",
        tuple((key, code) for key, (code, _street) in keyed),
    )  # fmt: skip


def _talk_of_the_town(now: datetime) -> str | None:
    """The street of the trouble that most people called about lately; None without such."""
    alert = bursts.open_alerts().order_by("-calls").first()
    if alert is not None and alert.calls >= MANY_CALLERS:
        return _street(alert.address)
    incident = (
        Incident.objects.exclude(state__in=("closed", "restored"))
        .filter(contacts__at__gt=now - LATELY)
        .annotate(lately=Count("contacts"))
        .filter(lately__gte=MANY_CALLERS)
        .order_by("-lately")
        .first()
    )
    return _street(incident.address) if incident is not None and incident.address else None


def _street(address: str) -> str:
    """An address without its house number: what may be told to anybody."""
    return address.rstrip("0123456789-/ ") or address


def _moment(iso: str | None) -> datetime | None:
    return datetime.fromisoformat(iso).astimezone(timezone.get_current_timezone()) if iso else None
