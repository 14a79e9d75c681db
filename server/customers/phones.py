"""Telephone numbers and caller names as they arrive from a trunk, made comparable. Pure.

Numbers of the utility's own country are kept in the national form people write (in China a mobile
number without the trunk 0, a landline with it; in Finland both with it); numbers of other countries
are kept as +E.164. What a trunk says proves nothing: it may pre-fill, it may not open an account.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Literal

NAME_LENGTH = 80
Kind = Literal["person", "service", "hidden"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number in its comparable form; None where the trunk gave nothing that can be called.

    `kind`: `service` is a short public number (matches no customer), `hidden` means no number.
    """

    number: str | None
    extension: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Plan:
    """How a country writes its numbers; patterns are matched against the number without trunk 0."""

    mobile: re.Pattern[str]
    landline: re.Pattern[str]
    local: re.Pattern[str]
    service: re.Pattern[str]
    # Freephone and the like: dialled as they stand, without trunk 0 or area code.
    special: re.Pattern[str]
    mobile_keeps_zero: bool = True
    # Foreign mobiles that arrive without their country code and cannot be one of ours.
    guests: dict[str, re.Pattern[str]] = field(default_factory=dict)


_NEVER = re.compile(r"(?!)")
_CHINESE_MOBILE = re.compile(r"1[3-9]\d{9}")
PLANS = {
    "86": Plan(
        mobile=_CHINESE_MOBILE,
        landline=re.compile(r"10\d{8}|2\d\d{8}|[3-9]\d\d\d{7,8}"),
        local=re.compile(r"[2-8]\d{6,7}"),
        service=re.compile(r"1\d{2,5}|9\d{4,5}"),
        special=re.compile(r"[48]00\d{7}"),
        mobile_keeps_zero=False,
    ),
    "358": Plan(
        mobile=re.compile(r"(?:4\d|50)\d{4,9}"),
        landline=re.compile(r"[1-9]\d{4,9}"),
        local=re.compile(r"[2-9]\d{4,7}"),
        service=re.compile(r"1\d{2,5}"),
        special=_NEVER,
        guests={"86": _CHINESE_MOBILE},
    ),
}
_ANY_COUNTRY = Plan(
    mobile=_NEVER,
    landline=re.compile(r"[1-9]\d{4,12}"),
    local=re.compile(r"[2-9]\d{4,7}"),
    service=re.compile(r"1\d{2,5}"),
    special=_NEVER,
)
# What follows the number proper: ;ext=12  x12  #12  ,12  转12
_EXTENSION = re.compile(
    r"\s*(?:;\s*ext(?:ension)?\s*=|ext(?:ension)?\.?|x|#|,|转|轉)\s*(\d{1,10})\s*$"
)
_SCHEME = re.compile(r"^<?\s*(?:sips?|tel|callto):", re.IGNORECASE)
_DECORATION = re.compile(r"[\s().\-/·‐-―]")


def normalise(
    raw: object,
    country_code: str = "86",
    area_code: str = "029",
    *,
    service_numbers: tuple[str, ...] = (),
) -> Number:
    """The number behind what a trunk, a form or a file says. Never raises; idempotent.

    `country_code` and `area_code` are the utility's own ("358", "09"); `service_numbers` are short
    numbers of the utility that match no customer.
    """
    text = _plain(raw)
    extension = ""
    if (found := _EXTENSION.search(text)) is not None:
        extension, text = found.group(1), text[: found.start()]
    text = re.split(r"[@;>]", _SCHEME.sub("", text), maxsplit=1)[0]
    text = re.sub(r"(?<=\d)\s*\(0\)", "", text)
    text = _DECORATION.sub("", text)
    if not re.fullmatch(r"\+?\d{2,24}", text):
        return Number(None, extension, "hidden")
    if text in service_numbers:
        return Number(text, extension, "service")
    plan = PLANS.get(country_code, _ANY_COUNTRY)
    if text[0] == "+" or (text.startswith("00") and len(text) > 8):
        digits = text.lstrip("+") if text[0] == "+" else text[2:]
        return _international(digits, extension, plan, country_code)
    return _national(text, extension, plan, country_code, area_code)


def _international(digits: str, extension: str, plan: Plan, country_code: str) -> Number:
    if digits.startswith(country_code):
        own = _own(digits[len(country_code) :].lstrip("0"), plan)
        if own is not None:
            return Number(own, extension, "person")
    elif re.fullmatch(r"[1-9]\d{6,14}", digits):
        return Number(f"+{digits}", extension, "person")
    return Number(None, extension, "hidden")


def _national(
    digits: str, extension: str, plan: Plan, country_code: str, area_code: str
) -> Number:
    if plan.special.fullmatch(digits):
        return Number(digits, extension, "person")
    if plan.service.fullmatch(digits):
        return Number(digits, extension, "service")
    without_zero = digits.lstrip("0")
    for code, pattern in plan.guests.items():
        if pattern.fullmatch(without_zero):
            return Number(f"+{code}{without_zero}", extension, "person")
        if digits.startswith(code) and pattern.fullmatch(digits[len(code) :]):
            return Number(f"+{digits}", extension, "person")
    own: str | None = None
    if digits[0] == "0":
        own = _own(without_zero, plan)
    elif plan.local.fullmatch(digits):
        own = _own(area_code.lstrip("0") + digits, plan)
    elif digits.startswith(country_code) and len(digits) > 10:
        own = _own(digits[len(country_code) :].lstrip("0"), plan)
    if own is None and digits[0] != "0":
        own = _own(digits, plan)
    return Number(own, extension, "hidden" if own is None else "person")


def _own(significant: str, plan: Plan) -> str | None:
    """The national form of a number given without trunk 0, or None if the country has no such."""
    if plan.mobile.fullmatch(significant):
        return f"0{significant}" if plan.mobile_keeps_zero else significant
    if plan.special.fullmatch(significant):
        return significant
    if plan.landline.fullmatch(significant):
        return f"0{significant}"
    return None


def _plain(raw: object) -> str:
    text = unicodedata.normalize("NFKC", str(raw or ""))[:200]
    # Digits of every script read as digits; marks of direction and the like are dropped.
    return "".join(
        str(unicodedata.decimal(c)) if c.isdecimal() else c.lower()
        for c in text
        if unicodedata.category(c) not in {"Cf", "Cc", "Cs", "Cn"}
    ).strip().strip("\"'")


def is_landline(number: str, country_code: str) -> bool:
    """Whether a number in its stored form stands on a desk, where a text arrives at nobody.

    Of numbers from other countries that is not known: False.
    """
    plan = PLANS.get(country_code)
    if plan is None or number.startswith("+"):
        return False
    return plan.mobile.fullmatch(number.lstrip("0")) is None


def clean_name(raw: object) -> str:
    """A caller's name fit to store: one line, no control or direction marks, 80 characters.

    Markup stays as text; every screen escapes what it shows.
    """
    text = unicodedata.normalize("NFC", str(raw or "")[:2000])
    kept = "".join(" " if c.isspace() else c for c in text if _visible(c))
    return " ".join(kept.strip("\"' ").split())[:NAME_LENGTH].strip()


def _visible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) not in {
        "Cc", "Cf", "Cs", "Co", "Cn",
    }


def mask(number: str | None) -> str:
    """A number with its middle hidden, enough for a person who knows it to recognise it."""
    if not number:
        return ""
    if len(number) < 7:
        return number[:1] + "*" * (len(number) - 1)
    head = 6 if number[0] == "+" else 3
    tail = 4 if len(number) - head > 7 else 2
    return number[:head] + "*" * (len(number) - head - tail) + number[-tail:]
