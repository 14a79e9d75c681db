"""What a campaign's call says, in the customer's language, as sound that Asterisk can play."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import timezone

from server.calls.dialling import ToNotice
from server.campaigns import wording
from server.campaigns.models import Target
from server.customers import billing
from server.outages.models import ShutOff
from server.outages.notices import moment
from telephony.prompts import PromptError, spoken_file
from telephony.sentences import Language


class CannotSpeak(Exception):
    """There is no sound for the text; the reason is in the text of the exception."""


def language_of(target: Target) -> str:
    """The customer's language where the campaign is written in it, else the one it is."""
    wished = "zh-hans" if target.language.startswith("zh") else "en"
    texts = target.campaign.text
    return wished if wished in texts or not texts else next(iter(texts))


def values_of(target: Target) -> dict[str, Any]:
    """What is filled in for this customer; read at the moment of the call."""
    campaign, account = target.campaign, target.account
    values: dict[str, Any] = {
        "utility": settings.STANDPIPE["UTILITY"], "name": target.name,
        "address": account.premise.address if account else "",
        "ticket": target.ticket.number if target.ticket else "",
    }  # fmt: skip
    if campaign.kind == "outage":
        off = ShutOff.objects.filter(number=str(campaign.source.get("shut_off"))).first()
        start = off and (off.started_at or off.notice_from)
        end = off and (off.expected_back_at or off.notice_to)
        language = language_of(target)
        values["start"] = moment(start, language) if start else ""
        values["end"] = moment(end, language) if end else ""
    if campaign.kind == "dunning" and account is not None:
        known = billing.statement(account)
        if known.arrears is not None:
            values["amount"] = f"{known.arrears.amount:.2f}"
            values["days"] = str(known.arrears.days)
    return values


def text_of(target: Target) -> str:
    """The text as this customer hears it, before digits become words."""
    return wording.filled(target.campaign.text.get(language_of(target), ""), values_of(target))


def notice(target: Target) -> ToNotice:
    """The sounds of the call. Raises CannotSpeak."""
    campaign = target.campaign
    language = language_of(target)
    values = values_of(target)
    intro = wording.filled(campaign.text.get(language, ""), values)
    asked = [
        wording.filled(q.get(language) or q.get("en") or q.get("zh-hans") or "", values)
        for q in campaign.questions
    ]
    return ToNotice(
        _sound(intro, language), tuple(_sound(text, language) for text in asked),
        thanks=_sound(_thanks(language), language) if asked else "", screen=campaign.screen,
        machine_hears=campaign.machine_hears,
    )  # fmt: skip


def _thanks(language: str) -> str:
    return "谢谢您的配合,再见。" if language.startswith("zh") else "Thank you. Goodbye."


def _sound(text: str, language: str) -> str:
    tongue: Language = "zh" if language.startswith("zh") else "en"
    try:
        return spoken_file(settings.STANDPIPE["PROMPTS"], wording.spoken(text, tongue), tongue)
    except (PromptError, OSError) as why:
        raise CannotSpeak(f"at {timezone.now():%H:%M}: {why}") from why
