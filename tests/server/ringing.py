"""Asterisk and time as campaigns' tests have them: what it was asked, what it tells, later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from server.accounts.refusals import Refused
from server.calls import exchange, listeners
from server.calls.models import DialAttempt
from server.campaigns import services, speaking
from server.campaigns.models import Campaign, Target, Try
from telephony.ami import events as ami
from telephony.ami.parser import Message

ANNA, CLINIC, CAI, DORA, FARM = (
    "0401000101", "0401000102", "0401000106", "0401000107", "0401000109",
)  # fmt: skip
TEXT = {"en": "Hello {name}."}
ALWAYS = {"opens": "00:00", "closes": "23:59:59"}


def member(place: str, *, status: str = "1", paused: str = "0", last: float = 0) -> Message:
    """An agent as a site's `QueueStatus` lists them: 1 is not in use."""
    return Message((
        ("Event", "QueueMember"), ("Location", place), ("Status", status), ("Paused", paused),
        ("LastCall", str(int(last))),
    ))  # fmt: skip


class Exchange:
    """Asterisk as far as a campaign knows it: what it was asked, who is free."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.free = 0
        self.waiting = 0
        self.away = False

    def act(self, name: str, *, site: str = "", **fields: Any) -> None:
        if self.away:
            raise Refused("telephone", "exchange", "away")
        if name == "Originate":
            self.asked.append(fields)

    def listed_at_each(self, name: str, **fields: Any) -> dict[str, list[Message]]:
        if self.away:
            raise Refused("telephone", "exchange", "away")
        rows = [member(f"PJSIP/12{n:02}") for n in range(self.free)]
        rows += [member("PJSIP/1301", status="2"), member("PJSIP/1302", paused="1")]
        return {"sp": rows + [Message((("Event", "QueueEntry"),))] * self.waiting}

    def numbers(self) -> list[str]:
        return [DialAttempt.objects.get(call_id=a["ChannelId"]).number for a in self.asked]


def stand_in(monkeypatch: pytest.MonkeyPatch) -> Exchange:
    """An exchange that remembers, in place of Asterisk; sentences are spoken to nobody."""
    made = Exchange()
    monkeypatch.setattr(exchange, "act", made.act)
    monkeypatch.setattr(exchange, "listed_at_each", made.listed_at_each)
    monkeypatch.setattr(speaking, "spoken_file", lambda folder, text, language: f"/{language}")
    return made


def tell(event: ami.AmiEvent) -> None:
    listeners.tell(event, timezone.now())


def over(number: str, status: str = "NOANSWER", cause: int = 0) -> None:
    """The ring of this number that goes on ends."""
    row = DialAttempt.objects.get(number=number, ended_at=None)
    tell(ami.DialOver(row.call_id, status, cause))


def taken(number: str, *keys: str, heard: str = "") -> DialAttempt:
    row = DialAttempt.objects.get(number=number, ended_at=None)
    tell(ami.DialTaken(row.call_id, heard))
    for n, key in enumerate(keys, 1):
        tell(ami.DialKey(row.call_id, n, key))
    return row


def campaign(numbers: str = f"{ANNA},Anna\n{CAI},Cai", **more: Any) -> Campaign:
    what = {"name": "x", "kind": "list", "source": {"numbers": numbers}, "text": TEXT, **ALWAYS}
    return services.write({**what, **more}, by="sari")


def started(*args: Any, **more: Any) -> Campaign:
    return services.act(campaign(*args, **more), "start", by="sari")


def ago(**past: float) -> None:
    """Let time pass for everything that was rung."""
    by = timedelta(**past)
    for row in DialAttempt.objects.all():
        DialAttempt.objects.filter(pk=row.pk).update(placed_at=row.placed_at - by)
    for made in Try.objects.all():
        Try.objects.filter(pk=made.pk).update(at=made.at - by)
    for target in Target.objects.exclude(next_at=None):
        Target.objects.filter(pk=target.pk).update(next_at=target.next_at - by)
