"""Words of campaigns: why somebody was not called, and what a call says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from string import Formatter
from typing import Any

from django.utils.translation import gettext as _

from telephony.sentences import Language, say_digits, say_number, say_time

REASONS: dict[str, Callable[[], str]] = {
    # left out when the list was made
    "no_number": lambda: _("no telephone number"),
    "not_a_number": lambda: _("no number that can be dialled"),
    "foreign": lambda: _("number of another country"),
    "service": lambda: _("a service number"),
    "duplicate": lambda: _("the number is on the list already"),
    "do_not_call": lambda: _("asked not to be called"),
    # no longer concerned when it was their turn
    "paid": lambda: _("has paid meanwhile"),
    "disputed": lambda: _("the bill is disputed"),
    "water_back": lambda: _("the water is back"),
    "cancelled": lambda: _("the shut-off was called off"),
    "not_affected": lambda: _("is not affected any more"),
    "reopened": lambda: _("the ticket was opened again"),
    "done": lambda: _("was called back already"),
    "account_closed": lambda: _("the account is closed"),
    "stopped": lambda: _("the campaign was stopped"),
    "window_over": lambda: _("the campaign's time is over"),
    # what came of a call
    "answered": lambda: _("answered"),
    "confirmed": lambda: _("confirmed by key"),
    "busy": lambda: _("busy"),
    "no_answer": lambda: _("no answer"),
    "refused": lambda: _("turned the call away"),
    "failed": lambda: _("failed"),
    "not_allowed": lambda: _("a number that may not be dialled from here"),
    "agent_away": lambda: _("your own telephone was not taken"),
    "machine": lambda: _("a machine answered"),
    "dropped": lambda: _("answered, but no agent came in time"),
}
CODE_WORDS: dict[str, Callable[[], str]] = {
    "informed": lambda: _("informed"),
    "promised": lambda: _("promised to pay"),
    "paid": lambda: _("says it is paid"),
    "disputed": lambda: _("disputes the bill"),
    "refused": lambda: _("does not want to talk"),
    "wrong_number": lambda: _("wrong number"),
    "do_not_call": lambda: _("never call again"),
    "later": lambda: _("call again later"),
    "no_answer": lambda: _("no answer"),
}
WHY: dict[str, Callable[[], str]] = {
    "speech": lambda: _("The text could not be spoken."),
    "telephone": lambda: _("The telephone exchange does not answer."),
    "billing": lambda: _("The billing system does not answer."),
}
# What a text may have filled in, per kind.
FIELDS: dict[str, frozenset[str]] = {
    "outage": frozenset({"utility", "name", "address", "start", "end"}),
    "dunning": frozenset({"utility", "name", "address", "amount", "days"}),
    "survey": frozenset({"utility", "name", "address", "ticket"}),
    "callback": frozenset({"utility", "name"}),
    "list": frozenset({"utility", "name"}),
}


def reason(code: str) -> str:
    """The reason in the reader's words."""
    return REASONS[code]() if code in REASONS else code


def fields_in(text: str) -> set[str] | None:
    """Names in braces; None where the braces are not in order."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        return None
    if any(spec or conversion for _text, _name, spec, conversion in parts):
        return None
    return {name for _text, name, _spec, _conversion in parts if name is not None}


def filled(text: str, values: dict[str, Any]) -> str:
    """The text with its values; what is not known is left out, with one space in its place."""
    known = {name: str(values.get(name) or "") for name in fields_in(text) or ()}
    return re.sub(r"\s{2,}", " ", text.format(**known)).strip()


_NUMBERS = re.compile(r"\d{1,2}:\d{2}|\d+(?:\.\d{1,2})?")


def spoken(text: str, language: Language) -> str:
    """Digits as words: times of day, amounts, numbers; what is longer digit by digit."""

    def words(found: re.Match[str]) -> str:
        said = _said(found.group(), language)
        return said if language == "zh" else f" {said} "

    return re.sub(r" {2,}", " ", _NUMBERS.sub(words, text)).strip()


def _said(digits: str, language: Language) -> str:
    if ":" in digits:
        hour, minute = (int(part) for part in digits.split(":"))
        if hour < 24 and minute < 60:
            return say_time(datetime(2000, 1, 1, hour, minute), language)  # noqa: DTZ001
        return say_digits(digits, language)
    whole, _point, part = digits.partition(".")
    if len(whole) > 4 or (len(whole) > 1 and whole[0] == "0"):
        said = say_digits(whole, language)
    else:
        said = say_number(int(whole), language)
    if not part or not int(part):
        return said
    point = "点" if language == "zh" else " point "
    return said + point + say_digits(part, language)


NO_CUT_OFF: dict[str, Callable[[], str]] = {
    "priority": lambda: _("Priority customers are never cut off."),
    "disputed": lambda: _("The bill is disputed: nobody is cut off until that is settled."),
    "paid": lambda: _("Nothing is overdue any more."),
    "not_noticed": lambda: _("The cut-off has not been announced to them yet."),
    "too_early": lambda: _("A cut-off has to be announced 72 hours before."),
    "billing_down": lambda: _("The billing system does not answer: nobody is cut off."),
}
# What the ladder's call says until somebody writes it otherwise. No figure: whoever answers the
# telephone is not yet known to be the customer.
LADDER_TEXT = {
    "en": "This is {utility}. There is an unpaid water bill for {address}. Please pay it, or call "
    "us if you have questions or cannot pay now. If you have paid, please ignore this call.",
    "zh-hans": "您好,这里是{utility}。{address}有水费尚未缴纳,请您尽快缴费。如有疑问或暂时"
    "无法缴费,请来电与我们联系。如已缴费,请忽略本次来电。",
}
