"""What callers hear, in words: fixed prompts and sentences with times, in English and Chinese.

Digits are written out as words, because speech engines read them by rules of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from telephony.prompt_texts import LANGUAGES, PROMPTS, Language

__all__ = ["LANGUAGES", "PROMPTS", "Language", "Say"]

# Prompts of a utility's own are said by name as well; whether one is there shows when it is played.
_PROMPT = re.compile(r"[a-z][a-z0-9-]{0,39}")
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ZH_DIGITS = "零一二三四五六七八九"
EN_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def say_number(number: int, language: Language) -> str:
    """A number of 0 to 9999 in words. Raises ValueError outside."""
    if not 0 <= number <= 9999:
        raise ValueError(f"number: {number} is not between 0 and 9999")
    return _zh_number(number) if language == "zh" else _en_number(number)


def _en_number(number: int) -> str:
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return _TENS[tens] + (f" {_ONES[rest]}" if rest else "")
    unit, word = (1000, "thousand") if number >= 1000 else (100, "hundred")
    head, rest = divmod(number, unit)
    joint = " and " if rest < 100 else " "
    return f"{_en_number(head)} {word}" + (f"{joint}{_en_number(rest)}" if rest else "")


def _zh_number(number: int) -> str:
    if number < 10:
        return _ZH_DIGITS[number]
    text, gap = "", False
    for unit, word in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, unit)
        if digit:
            text += ("零" if gap else "") + _ZH_DIGITS[digit] + word
            gap = False
        elif text:
            gap = True
    return text.removeprefix("一") if text.startswith("一十") else text


def say_digits(digits: str, language: Language) -> str:
    """A string of digits one by one, as for a ticket number."""
    words = [(_ONES if language == "en" else _ZH_DIGITS)[int(d)] for d in digits if d.isdecimal()]
    return (" " if language == "en" else "").join(words)


def say_time(moment: datetime, language: Language) -> str:
    """The clock time of `moment` in its own zone: "fourteen oh five", "十四点零五分"."""
    hour, minute = moment.hour, moment.minute
    if language == "zh":
        if minute == 0:
            return f"{_zh_number(hour)}点整"
        return f"{_zh_number(hour)}点{'零' if minute < 10 else ''}{_zh_number(minute)}分"
    if minute == 0:
        return f"{_en_number(hour)} o'clock"
    return f"{_en_number(hour)} {'oh ' if minute < 10 else ''}{_en_number(minute)}"


def say_day_and_time(moment: datetime, now: datetime, language: Language) -> str:
    """The clock time, with the day when it is not `now`'s. Both in the same zone."""
    clock = say_time(moment, language)
    if moment.date() == now.date():
        return clock
    if language == "zh":
        return f"{_zh_number(moment.month)}月{_zh_number(moment.day)}日{clock}"
    return f"{clock} on {EN_MONTHS[moment.month - 1]} {_en_number(moment.day)}"


@dataclass(frozen=True, slots=True)
class Say:
    """One thing to say: a fixed prompt by name, or a sentence with a prompt to fall back on."""

    prompt: str
    language: Language = "en"
    sentence: str = ""

    def __post_init__(self) -> None:
        if not _PROMPT.fullmatch(self.prompt):
            raise ValueError(f"prompt: {self.prompt!r} is not the name of a prompt")
        if self.language not in LANGUAGES:
            raise ValueError(f"language: {self.language!r} is not one of {', '.join(LANGUAGES)}")
