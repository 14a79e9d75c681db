"""Ways to send a text: one module each, one class `Gateway` with `send`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True)
class Accepted:
    """The gateway has taken the text under this id."""

    gateway_id: str


class SendError(Exception):
    """It did not go out. `permanent`: trying again cannot help. `unknown`: it may have gone out."""

    def __init__(self, text: str, *, permanent: bool = False, unknown: bool = False) -> None:
        super().__init__(text)
        self.permanent = permanent
        self.unknown = unknown


class SmsGateway(Protocol):
    def send(self, *, to: str, body: str, reference: str) -> Accepted:
        """Hand over one text; `reference` is ours and stays the same over repeats."""


GATEWAYS = {
    "file": "server.messaging.gateways.file.Gateway",
    "http": "server.messaging.gateways.http.Gateway",
}


@cache
def gateway() -> SmsGateway:
    """The gateway of the settings."""
    made: SmsGateway = import_string(GATEWAYS[settings.STANDPIPE["SMS_GATEWAY"]])()
    return made
