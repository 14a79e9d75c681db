"""Customers who call: real SIP calls on a schedule, with a story behind each."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from django.conf import settings

from server.customers.models import Phone
from server.network.models import Pipe, ServiceLine
from server.tickets.models import Incident
from telephony.caller import Caller
from telephony.config import derived_trunk_secret
from telephony.sipp import CallerError

log = logging.getLogger("standpipe.simulator")
KINDS = ("burst", "leak", "no_water", "burst", "discoloured", "low_pressure")
SECONDS = 25.0


@dataclass
class Story:
    """What one caller will say, found again by the number they call from."""

    number: str
    kind: str
    note: str
    # What the caller answers when asked whose number it is (several may share one).
    account: str = ""


NOTES = {
    "burst": "Water is shooting out of the road.",
    "leak": "Water runs along the kerb since this morning.",
    "no_water": "No water in the whole house.",
    "discoloured": "The water is brown.",
    "low_pressure": "Only a trickle on the third floor.",
}


@dataclass
class CallersSim:
    """Places calls in threads of their own; `tick` once a second."""

    every_s: float
    seed: int
    first_after_s: float = 15.0
    most_open: int = 4
    stories: dict[str, Story] = field(default_factory=dict)
    placed: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        self._random = Random(f"{self.seed}:callers")
        self._next: datetime | None = None
        self._queue: list[tuple[datetime, Story]] = []

    @property
    def possible(self) -> bool:
        return "STANDPIPE_SIP_PORT" in os.environ

    def tick(self, now: datetime) -> None:
        if not self.possible:
            return
        if self._next is None:
            self._next = now + timedelta(seconds=self.first_after_s)
        if now >= self._next:
            self._next = now + timedelta(seconds=self.every_s * self._random.uniform(0.7, 1.3))
            open_now = Incident.objects.exclude(state__in=["closed", "restored"]).count()
            if open_now < self.most_open:
                self._begin_story(now)
        due = [q for q in self._queue if q[0] <= now]
        self._queue = [q for q in self._queue if q[0] > now]
        for _at, story in due:
            self._call(story)

    def _begin_story(self, now: datetime) -> None:
        kind = self._random.choice(KINDS)
        phones = list(
            Phone.objects.filter(account__active=True).order_by("pk").values_list("pk", flat=True)
        )
        if not phones:
            return
        phone = Phone.objects.select_related("account__premise").get(
            pk=self._random.choice(phones)
        )
        self._queue.append((now, Story(phone.number, kind, NOTES[kind], phone.account.number)))
        if kind != "burst":
            return
        # The neighbours on the same main call too, a little later.
        for n, number in enumerate(self._neighbours(phone), start=1):
            later = now + timedelta(seconds=20 * n + self._random.uniform(0, 10))
            self._queue.append((later, Story(number, "no_water", NOTES["no_water"])))

    def _neighbours(self, phone: Phone) -> list[str]:
        line = ServiceLine.objects.filter(premise=phone.account.premise.code).first()
        pipe = Pipe.objects.filter(asset=line.pipe).first() if line else None
        if pipe is None or pipe.segment is None:
            return []
        pipes = Pipe.objects.filter(segment=pipe.segment).values_list("asset", flat=True)
        codes = ServiceLine.objects.filter(pipe__in=list(pipes)).values_list("premise", flat=True)
        numbers = list(
            Phone.objects.filter(account__premise__code__in=list(codes))
            .exclude(number=phone.number)
            .order_by("pk")
            .values_list("number", flat=True)
        )
        return self._random.sample(numbers, min(2, len(numbers)))

    def _call(self, story: Story) -> None:
        self.stories[story.number] = story
        self.placed += 1
        threading.Thread(target=self._ring, args=(story,), daemon=True).start()

    def _ring(self, story: Story) -> None:
        caller = Caller(
            os.environ.get("STANDPIPE_SIP_HOST", "127.0.0.1"),
            int(os.environ["STANDPIPE_SIP_PORT"]), int(os.environ["STANDPIPE_PSTN_PORT"]),
            derived_trunk_secret(os.environ["STANDPIPE_ARI_PASSWORD"]),
        )  # fmt: skip
        try:
            asyncio.run(caller.call(
                story.number, seconds=SECONDS, to=settings.STANDPIPE["SERVICE_NUMBER"],
            ))
        except (CallerError, OSError) as error:
            self.failed += 1
            log.warning("a simulated call failed: %s", error)
