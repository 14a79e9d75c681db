"""The five topics of a device, and reading a topic back into device and kind.

``sp/v1/dev/{device}/pos|report|state`` are written by the device, ``ack|orders`` by the server.
The device name is also its user name at the broker, which is how the access rules bind the two.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from mqtt.fields import BadMessage

Kind = Literal["pos", "report", "state", "ack", "orders"]
KINDS: tuple[Kind, ...] = get_args(Kind)

ROOT = "sp/v1/dev"
# No "/", "+", "#", "$" or blanks: a name can neither leave its branch nor become a wildcard.
DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_device(device: str) -> str:
    """The name unchanged; ValueError naming the field when it cannot be a device."""
    if not DEVICE.fullmatch(device):
        raise ValueError(
            f"device: {device[:80]!r} is not 1 to 64 letters, digits, '.', '_' or '-' "
            "starting with a letter or digit"
        )
    return device


def topic(device: str, kind: Kind) -> str:
    """``topic('crew1', 'pos') == 'sp/v1/dev/crew1/pos'``; ValueError for a bad device name."""
    return f"{ROOT}/{check_device(device)}/{kind}"


def position(device: str) -> str:
    """Where the device sends its positions (QoS 1)."""
    return topic(device, "pos")


def report(device: str) -> str:
    """Where the device sends its reports (QoS 1)."""
    return topic(device, "report")


def state(device: str) -> str:
    """Where ``online`` and, as last will, ``offline`` stand retained."""
    return topic(device, "state")


def ack(device: str) -> str:
    """Where the server says which reports are stored (QoS 1)."""
    return topic(device, "ack")


def orders(device: str) -> str:
    """Where the whole current order list stands retained (QoS 1)."""
    return topic(device, "orders")


def parse_topic(value: str) -> tuple[str, Kind]:
    """Device and kind of a topic; BadMessage('topic', ...) when it is not one of ours."""
    head, _, tail = value.removeprefix(f"{ROOT}/").partition("/")
    if value.startswith(f"{ROOT}/") and DEVICE.fullmatch(head):
        for kind in KINDS:
            if tail == kind:
                return head, kind
    raise BadMessage("topic", f"{value[:120]!r} is not a Standpipe device topic")
