"""Listening in on a talk: what Asterisk is asked for, and how it tells that it happens.

The listener's own telephone is rung, and the call to it runs ChanSpy on exactly one channel. There
is nothing of this in the dialplan: whoever cannot use the manager account cannot get there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# What names our channels, and the header that lets the listener's browser answer by itself.
PREFIX = "spy-"
HEADER = "X-SP-Supervise"
# The key that ChanSpy understands as the mode.
KEYS: Mapping[str, str] = {"listen": "4", "whisper": "5", "barge": "6"}
_BEGIN_WITH = {"listen": "", "whisper": "w", "barge": "B"}
# q: no tone to anybody; d: the keys change the mode; u: exactly this channel, not all that begin
# like it; E: over when that channel is.
_OPTIONS = "qduE"
RING_S = 20


def spy(
    telephone: str, channel_id: str, name: str, mode: str, caller: str = ""
) -> dict[str, Any]:
    """Fields of the Originate that rings `telephone` and listens to the channel `channel_id`.

    `name` begins with PREFIX and becomes the id of the listener's channel. Raises ValueError
    naming what is not harmless.
    """
    for field, value, shape in (
        ("telephone", telephone, r"[0-9]{2,8}"), ("channel_id", channel_id, r"[0-9A-Za-z._-]+"),
        ("name", name, rf"{PREFIX}[0-9a-z][0-9a-z-]*"), ("caller", caller, r"[0-9]{0,8}"),
    ):  # fmt: skip
        if not re.fullmatch(shape, value):
            raise ValueError(f"{field}: {value!r} cannot be used")
    return {
        "Channel": f"PJSIP/{telephone}", "ChannelId": name, "Application": "ChanSpy",
        "Data": f"{channel_id},{_OPTIONS}{_BEGIN_WITH[mode]}", "Async": True,
        "Timeout": RING_S * 1000, "CallerID": f'"Listening" <{caller}>',
        "Variable": f"PJSIP_HEADER(add,{HEADER})={name}",
    }  # fmt: skip


def switch(name: str, mode: str) -> dict[str, str]:
    """Fields of the PlayDTMF that changes the mode of the listener's channel `name`."""
    return {"Channel": name, "Digit": KEYS[mode], "Receive": "true", "Duration": "200"}
