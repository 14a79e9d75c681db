"""What the operator tells the telephone exchange: read when its files are written, at its start.

The server takes the service number and the language by the same names (ops/settings.py).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from ops.errors import OpsError

# How often a gateway of the operator's is asked whether it is there (SIP OPTIONS), in seconds.
ASKED_EVERY_S = 30
MOST_S = 3600
LOOPBACK = "127.0.0.1"


def exchange_settings(
    outer: Mapping[str, str] = os.environ, *, network: str = ""
) -> dict[str, Any]:
    """Fields of `telephony.config.AsteriskConfig` from STANDPIPE_… names in `outer`.

    `network` (host:port) is where our own calls go out when no gateway is named; nobody asks
    whether that is there. OpsError naming what cannot be read; addresses and numbers are checked
    by the configuration itself.
    """
    contact = outer.get("STANDPIPE_TRUNK_CONTACT", "").strip()
    language = outer.get("STANDPIPE_LANGUAGE", "").strip().lower()
    told: dict[str, Any] = {
        "language": "zh" if language.startswith("zh") else "en",
        "ask_rating": asks_rating(outer),
        "trunk_contact": contact or network,
        "trunk_addresses": _words(outer.get("STANDPIPE_TRUNK_ADDRESSES", "")),
        "trunk_asked_s": _seconds(outer, ASKED_EVERY_S if contact else 0),
    }
    if address := outer.get("STANDPIPE_SIP_ADDRESS", "").strip():
        told["sip_address"] = address
    if number := outer.get("STANDPIPE_SERVICE_NUMBER", "").strip():
        told["service_number"] = number
    return told


def asks_rating(outer: Mapping[str, str] = os.environ) -> bool:
    """Whether callers are asked how it went. It is the exchange that asks: no server reads it."""
    word = outer.get("STANDPIPE_ASK_RATING", "").strip().lower()
    if word in ("", "1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise OpsError(f"STANDPIPE_ASK_RATING must be yes or no, not {word!r}", 2)


def sip_host(outer: Mapping[str, str] = os.environ) -> str:
    """Where telephones of this machine (the demo's callers) reach the exchange."""
    address = outer.get("STANDPIPE_SIP_ADDRESS", "").strip()
    return LOOPBACK if address in ("", "0.0.0.0") else address


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[,\s]+", text) if word)


def _seconds(outer: Mapping[str, str], default: int) -> int:
    word = outer.get("STANDPIPE_TRUNK_ASKED_S", "").strip()
    if not word:
        return default
    if not re.fullmatch(r"[0-9]{1,4}", word) or int(word) > MOST_S:
        raise OpsError(
            f"STANDPIPE_TRUNK_ASKED_S must be seconds from 0 to {MOST_S}, not {word!r}", 2
        )
    return int(word)
