"""People who report trouble at the counter: incidents faster than one telephone can take them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from server.accounts.refusals import Refused
from server.customers.models import Account
from server.simulator.callers import KINDS, NOTES
from server.tickets import services as tickets
from server.tickets.models import Contact
from server.tickets.placing import Where
from server.tickets.services import Registration

log = logging.getLogger("standpipe.simulator")
CLERK = "agent4"


@dataclass
class Visitors:
    """One person every `every_s` seconds on average; `tick` about once a second."""

    every_s: float
    seed: int
    registered: int = 0
    refused: int = 0

    def __post_init__(self) -> None:
        self._random = Random(f"{self.seed}:visitors")
        self._next: datetime | None = None
        self._accounts: list[int] = []

    def tick(self, now: datetime) -> None:
        self._next = self._next or now
        while self._next <= now:
            self._next += timedelta(seconds=self.every_s * self._random.uniform(0.7, 1.3))
            self._one()

    def _one(self) -> None:
        if not self._accounts:
            self._accounts = list(
                Account.objects.filter(active=True).order_by("pk").values_list("pk", flat=True)
            )
        account = Account.objects.select_related("premise").get(
            pk=self._random.choice(self._accounts)
        )
        kind = self._random.choice(KINDS)
        what = Registration(
            kind=kind, where=Where(premise=account.premise.code), note=NOTES[kind],
            name=account.name, language=account.language, channel=Contact.Channel.VISIT,
            account=account,
        )  # fmt: skip
        try:
            tickets.register(what, by=CLERK)
        except Refused as error:
            self.refused += 1
            log.warning("a visitor's report was refused: %s", error)
        else:
            self.registered += 1
