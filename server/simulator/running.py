"""Put the demo's crews, callers and colleagues together and let time pass."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.utils import timezone

from server.accounts.demo import demo_password
from server.places.models import Street
from server.simulator.accounting import Books
from server.simulator.callers import CallersSim
from server.simulator.colleagues import Colleagues, Desk
from server.simulator.crews import CrewPlan, Tally
from server.simulator.faults import fault_of
from server.simulator.recruits import PREFIX, recruited, session_of
from server.simulator.squads import muster
from server.simulator.telephones import Telephones
from server.simulator.visitors import Visitors
from server.workforce.demo import top_up_shifts
from server.workforce.models import Crew
from server.workforce.selectors import position_of

# One agent's telephone takes a call every half minute; what is more comes to the counter.
MOST_CALLS_PER_HOUR = 100.0
PATROL_PLACES = 12
SHIFT_SPARE = timedelta(minutes=30)


@dataclass
class Simulation:
    """`vehicles` crews; a call every `call_every_s` seconds (0: none).

    More vehicles than the city has crews are recruited for the time (see recruits.py). `faults`
    is the share (0 to 1) of vehicles with something wrong. `visit_every_s` are reports at the
    counter (0: none). Without `colleagues` nobody answers, sends or closes.
    """

    vehicles: int = 8
    call_every_s: float = 150.0
    visit_every_s: float = 0.0
    speed: float = 3.0
    seed: int = 965113
    colleagues: bool = True
    faults: float = 0.0
    minutes: float = 60.0
    # The demo stays readable: no new story while so many incidents are open.
    most_open: int = 4

    def start(self) -> None:
        top_up_shifts()
        own = list(
            Crew.objects.exclude(code__startswith=PREFIX)
            .select_related("position", "user")
            .order_by("code")[: self.vehicles]
        )
        self._stack = ExitStack()
        until = timezone.now() + timedelta(minutes=self.minutes) + SHIFT_SPARE
        extra = self._stack.enter_context(
            recruited(self.vehicles - len(own), until=until, seed=self.seed)
        )
        self._books = Books([crew.device for crew in (*own, *extra)])
        chance = Random(f"{self.seed}:patrol")
        corners = _corners(chance) if extra else []
        self._phones = self._stack.enter_context(_phones())
        self.plans = [self._plan(n, crew, corners, chance) for n, crew in enumerate((*own, *extra))]
        self._squads = muster(self.plans)
        self.callers = CallersSim(
            every_s=self.call_every_s or 1e9, seed=self.seed, most_open=self.most_open
        )  # fmt: skip
        self.visitors = Visitors(every_s=self.visit_every_s or 1e9, seed=self.seed)
        self._telephones = Telephones()
        self._telephones.start()
        self.desk = Desk() if self.callers.possible and self.colleagues else None
        if self.desk is not None:
            self.desk.start()
        self._colleagues = Colleagues(self.callers, self.desk) if self.colleagues else None
        self._topped_up = timezone.localdate()

    def _plan(
        self, number: int, crew: Crew, corners: list[tuple[float, float]], chance: Random
    ) -> CrewPlan:
        server = f"http://127.0.0.1:{os.environ.get('STANDPIPE_WEB_PORT', '8000')}"
        m = settings.STANDPIPE["MQTT"]
        hired = crew.code.startswith(PREFIX)
        phones = self._phones if hired else Path(settings.STATE) / "simulator"
        lon, lat, _fix = position_of(crew)
        return CrewPlan(
            user=crew.user.username, password=demo_password(), server=server,
            state=phones / crew.code, at=(lon, lat), speed=self.speed, seed=self.seed,
            session=session_of(crew, server, m["host"], m["port"]) if hired else None,
            fault=fault_of(number, self.faults),
            patrol=tuple(chance.sample(corners, min(PATROL_PLACES, len(corners)))) if hired else (),
        )  # fmt: skip

    def tick(self) -> None:
        now = timezone.now()
        for squad in self._squads:
            squad.tick(now)
        if self.call_every_s:
            self.callers.tick(now)
        if self.visit_every_s:
            self.visitors.tick(now)
        if self._colleagues is not None:
            self._colleagues.tick(now)
        if timezone.localdate() != self._topped_up:
            self._topped_up = timezone.localdate()
            top_up_shifts()

    def stop(self) -> None:
        self._telephones.stop()
        if self.desk is not None:
            self.desk.stop()
            self.desk.join(5)
        for squad in self._squads:
            squad.close()
        self._stack.close()

    def tally(self) -> Tally:
        """What the phones know of what they have sent."""
        return sum((squad.tally() for squad in self._squads), Tally())

    def settle(self, timeout_s: float = 60.0) -> None:
        """Give every message time for its answer before the ledger is drawn up."""
        for squad in self._squads:
            squad.settle(timeout_s)
        phones = self.tally()
        # What the broker has taken is not yet what the database has.
        self._books.wait(phones.positions - phones.kept, timeout_s)

    def ledger(self) -> dict[str, Any]:
        """sent = stored + refused with reason + still on the phone, for positions and reports."""
        phones = self.tally()
        settled = {
            "stored": phones.stored, "refused": phones.refused, "waiting": phones.waiting,
        }  # fmt: skip
        faults = Counter(plan.fault for plan in self.plans if plan.fault)
        return {
            "vehicles": len(self.plans),
            "faulty": dict(sorted(faults.items())),
            "positions": self._books.positions(sent=phones.positions, kept=phones.kept),
            "reports": {
                "sent": phones.reports, **settled,
                "balance": phones.reports - sum(settled.values()),
            },
            "calls": {"placed": self.callers.placed, "failed": self.callers.failed},
            "visitors": {
                "registered": self.visitors.registered, "refused": self.visitors.refused,
            },
            "work": self._books.work(),
        }  # fmt: skip


def balanced(ledger: dict[str, Any]) -> bool:
    """Whether every message of a rehearsal is accounted for."""
    return ledger["positions"]["balance"] == 0 and ledger["reports"]["balance"] == 0


def split_rate(per_hour: float) -> tuple[float, float]:
    """(seconds between calls, seconds between visitors) for so many incidents an hour; 0: none."""
    calls = min(per_hour, MOST_CALLS_PER_HOUR) if "STANDPIPE_SIP_PORT" in os.environ else 0.0
    visits = per_hour - calls
    return (3600 / calls if calls > 0 else 0.0), (3600 / visits if visits > 0 else 0.0)


@contextmanager
def _phones() -> Iterator[Path]:
    """Where recruits' phones keep their files: in memory where the system has a place for that.

    Two hundred phones that write through to one disk wait for each other, as real ones do not.
    """
    memory = Path("/dev/shm")
    home = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    with TemporaryDirectory(prefix="standpipe-phones-", dir=home) as folder:
        yield Path(folder)


def _corners(chance: Random) -> list[tuple[float, float]]:
    """Beginnings of streets to drive to and fro between."""
    rows = list(Street.objects.order_by("pk").values_list("geom", flat=True)[:20_000])
    starts = (line.coords[0] for line in chance.sample(rows, min(400, len(rows))))
    return [(lon, lat) for lon, lat, *_ in starts]


def ends_at(minutes: float) -> datetime:
    return timezone.now() + timedelta(minutes=minutes)
