"""Who is calling, as far as the network says. Numbers and names here were typed by strangers."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

NAME_LENGTH = 80
NUMBER_LENGTH = 32
# What networks send in place of a number that the caller withheld or the network does not know.
_WITHHELD = {"", "anonymous", "unknown", "restricted", "private", "unavailable", "withheld"}


@dataclass(frozen=True, slots=True)
class CallerId:
    """`number` is digits with an optional leading plus, empty when hidden. `name` is plain text."""

    number: str
    name: str

    @property
    def hidden(self) -> bool:
        """True when the network gave no number to look up."""
        return not self.number


def clean_name(text: str) -> str:
    """At most 80 characters of text without control, format or surrogate characters.

    Markup is kept as the text it is; whoever shows it escapes it.
    """
    text = re.sub(r"\\+(?=[\"\\])", "", text)  # SIP's quoting, undone once too little on the way
    kept = "".join(
        " " if char.isspace() else char
        for char in text[: NAME_LENGTH * 8]
        if char.isspace() or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"}
    )
    return re.sub(r" +", " ", kept).strip()[:NAME_LENGTH].rstrip()


def clean_number(text: str) -> str:
    """Digits with an optional leading plus; empty for anything that is not a telephone number."""
    text = text.strip()
    if text.lower() in _WITHHELD:
        return ""
    compact = re.sub(r"[\s().-]", "", text)[:NUMBER_LENGTH]
    return compact if re.fullmatch(r"\+?[0-9]{2,31}", compact) else ""


def caller_id(number: str, name: str) -> CallerId:
    """The cleaned pair. A name that only repeats "anonymous" or the number is left out."""
    clean = clean_number(number)
    shown = clean_name(name)
    if shown.lower() in _WITHHELD or shown == clean:
        shown = ""
    return CallerId(number=clean, name=shown)
