"""Telephone accounts that Asterisk knows: the agents' browsers and two desk phones."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telephony.sip import Phone

BROWSERS = ("1001", "1002", "1003", "1004")
DESK_PHONES = ("1101", "1102")


def phone_password(seed: str, extension: str) -> str:
    """The SIP password of an extension; the server derives the same from the same seed."""
    return hmac.new(seed.encode(), extension.encode(), hashlib.sha256).hexdigest()[:24]


def phones(seed: str) -> list[Phone]:
    """Every telephone with its password."""
    from telephony.sip import Phone

    return [
        Phone(extension=number, password=phone_password(seed, number),
              name=f"{'Agent' if number in BROWSERS else 'Desk'} {number[-1]}",
              webrtc=number in BROWSERS)
        for number in (*BROWSERS, *DESK_PHONES)
    ]  # fmt: skip
