"""A crew that drives the streets and works its orders through the app's own link and outbox."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from random import Random

import httpx
from PIL import Image, ImageDraw

from mobile_app.headless import CrewLink
from mobile_app.orders import LocalOrder
from mobile_app.session import Session, SessionError
from mobile_app.store import StoreError
from mqtt.fields import BadMessage
from routing.drive import Drive
from server.accounts.refusals import Refused
from server.simulator.faults import Fault, Reading, away, spoil
from server.streets import index as streets

log = logging.getLogger("standpipe.simulator")

# Seconds a step takes before the crew reports it; divided by the speed of the demo.
TAKES = {
    "accept": 4.0, "depart": 6.0, "arrive": 1.0, "close_valve": 20.0, "repaired": 60.0,
    "open_valve": 12.0, "restored": 5.0, "complete": 10.0,
}  # fmt: skip
SEIZED = 0.06  # share of valves that will not turn
IDLE_FIX_S = 10.0
AGAIN_S = 5.0  # orders are read anew this often even when nothing was heard


@dataclass(frozen=True, slots=True)
class CrewPlan:
    """What a simulated crew is and where it starts; travels to another process.

    `session` stands for a sign-in already made; `patrol` are places it drives to and fro between
    when it has no order; `fault` is what is wrong with its phone.
    """

    user: str
    password: str
    server: str
    state: Path
    at: tuple[float, float]
    speed: float
    seed: int
    session: Session | None = None
    fault: Fault = ""
    patrol: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """What phones have sent and what became of it, as far as they know."""

    positions: int = 0
    kept: int = 0  # positions still on the phone
    reports: int = 0
    stored: int = 0
    refused: int = 0
    waiting: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


class CrewSim:
    """One crew. Call `tick` about once a second."""

    def __init__(self, plan: CrewPlan) -> None:
        self.plan = plan
        self.user = plan.user
        self._heard = threading.Event()
        self._link = CrewLink(plan.server, plan.state, on_change=self._heard.set)
        # The phone may have been used before; only this run is accounted for.
        self._before = self._link.counts()
        self._sent_positions = self._link.queue.count()
        self._sent_reports = self._before.waiting
        self._random = Random(f"{plan.seed}:{plan.user}")
        self._at = self._home = plan.at
        self._drive: Drive | None = None
        self._drive_began: datetime | None = None
        self._goal: str = ""
        self._step: tuple[str, str, str] | None = None
        self._step_due: datetime | None = None
        self._next_fix: datetime | None = None
        self._retry_at: datetime | None = None
        self._read_at: datetime | None = None
        self._orders: list[LocalOrder] = []
        self._began_at: datetime | None = None

    def tick(self, now: datetime) -> None:
        if self._began_at is None and not self._begin(now):
            return
        self._sign_in_again(now)
        self._lose_and_find_signal(now)
        self._move(now)
        self._work(now)

    def close(self) -> None:
        self._link.close()

    def settle(self, timeout: float) -> bool:
        """Wait until every report has its answer and every position is with the broker."""
        if self._began_at is None:
            return True
        self._link.start()
        end = time.monotonic() + timeout
        while self._link.queue.count() or self._link.counts().waiting:
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def tally(self) -> Tally:
        now = self._link.counts()
        return Tally(
            positions=self._sent_positions, kept=self._link.queue.count(),
            reports=self._sent_reports, stored=now.stored - self._before.stored,
            refused=now.refused - self._before.refused, waiting=now.waiting,
        )  # fmt: skip

    def _begin(self, now: datetime) -> bool:
        if self._retry_at is not None and now < self._retry_at:
            return False
        try:
            if self.plan.session is not None:
                self._link.book.start_over()
                self._link.use_session(self.plan.session)
            elif self._link.session is None:
                self._link.sign_in(self.user, self.plan.password)
            self._link.start()
        except (SessionError, httpx.HTTPError) as error:
            log.info("%s cannot sign in yet: %s", self.user, error)
            self._retry_at = now + timedelta(seconds=3)
            return False
        self._began_at = now
        return True

    def _sign_in_again(self, now: datetime) -> None:
        """A phone that was cut off meanwhile: the app asks its crew to sign in."""
        link = self._link.link
        if link is None or not link.signed_out or self.plan.session is not None:
            return
        if self._retry_at is not None and now < self._retry_at:
            return
        self._retry_at = now + timedelta(seconds=3)
        self._link.stop()
        try:
            self._link.sign_in(self.user, self.plan.password)
        except (SessionError, httpx.HTTPError) as error:
            log.info("%s cannot sign in again yet: %s", self.user, error)
        self._link.start()

    def _lose_and_find_signal(self, now: datetime) -> None:
        if self.plan.fault != "offline" or self._began_at is None:
            return
        gone = away((now - self._began_at).total_seconds())
        if gone and self._link.link is not None:
            self._link.stop()
        elif not gone:
            self._link.start()

    def _move(self, now: datetime) -> None:
        speed = heading = None
        if self._drive is not None and self._drive_began is not None:
            driven = (now - self._drive_began) * self.plan.speed
            along = self._drive.at(self._drive_began + driven)
            self._at = (along.lon, along.lat)
            speed, heading = along.speed_mps * self.plan.speed, along.heading
            if along.done:
                self._drive, speed = None, 0.0
        elif self._next_fix is not None and now < self._next_fix:
            return
        self._next_fix = now + timedelta(seconds=IDLE_FIX_S)
        read = spoil(Reading(*self._at, 4.0, now), self.plan.fault, self._random)
        self._link.position(
            read.lon, read.lat, speed_mps=speed, heading=heading, accuracy_m=read.accuracy_m,
            battery=80.0, fix_time=read.fix_time,
        )  # fmt: skip
        self._sent_positions += 1

    def _drive_to(self, place: tuple[float, float], goal: str, now: datetime) -> None:
        if self._goal == goal:
            return
        self._goal = goal
        try:
            self._drive = Drive(streets.route(self._at, place), now)
        except Refused as error:
            log.warning("%s finds no way to %s: %s", self.user, goal, error)
            self._at, self._drive = place, None
            return
        self._drive_began = now

    def _work(self, now: datetime) -> None:
        mine = self._mine(now)
        if not mine:
            self._idle(now)
            return
        order = mine[0]
        step = order.main_step
        if order.order.state == "en_route":
            place = order.order.place
            self._drive_to((place.lon, place.lat), order.order.number, now)
            if self._drive is not None:
                return
        if step is None:
            return
        valve = self._valve(order, step)
        key = (order.order.number, step, valve)
        if self._step != key:
            self._step = key
            pace = TAKES.get(step, 5.0) * self._random.uniform(0.8, 1.3) / self.plan.speed
            self._step_due = now + timedelta(seconds=pace)
            return
        if self._step_due is not None and now >= self._step_due and not order.waiting_reports:
            self._report(order, step, valve)
            self._step_due = None

    def _mine(self, now: datetime) -> list[LocalOrder]:
        """Read from the phone's disk when something was heard, as two hundred phones are many."""
        due = self._read_at is None or (now - self._read_at).total_seconds() >= AGAIN_S
        if due or self._heard.is_set():
            self._heard.clear()
            self._read_at = now
            self._orders = [o for o in self._link.orders() if not o.ended and not o.cancelled]
        return self._orders

    def _idle(self, now: datetime) -> None:
        if not self.plan.patrol:
            if self._goal not in ("", "home"):
                self._drive_to(self._home, "home", now)
        elif self._drive is None:
            goal = self._random.randrange(len(self.plan.patrol))
            self._goal = ""
            self._drive_to(self.plan.patrol[goal], f"patrol {goal}", now)

    def _valve(self, order: LocalOrder, step: str) -> str:
        if step == "close_valve":
            return order.next_valve or ""
        return order.closed_valve or "" if step == "open_valve" else ""

    def _report(self, order: LocalOrder, step: str, valve: str) -> None:
        number = order.order.number
        try:
            if step == "close_valve":
                condition = next((v.condition for v in order.order.valves if v.id == valve), "")
                if condition == "no" or self._random.random() < SEIZED:
                    self._link.report(
                        "cannot_close_valve", number, valve=valve, reason="seized", place=self._at
                    )
                else:
                    self._link.report(
                        "close_valve", number, valve=valve, turns=self._random.randint(12, 40),
                        place=self._at,
                    )  # fmt: skip
            elif step == "open_valve":
                self._link.report("open_valve", number, valve=valve, place=self._at)
            elif step == "repaired":
                self._link.report(
                    "repaired", number, note="Clamp fitted, trench still open.",
                    photo=self._picture(number), place=self._at,
                )  # fmt: skip
            else:
                self._link.report(step, number, place=self._at)  # type: ignore[arg-type]
        except (BadMessage, StoreError) as error:
            log.warning("%s could not report %s: %s", self.user, step, error)
            return
        self._sent_reports += 1
        self._heard.set()

    def _picture(self, number: str) -> Path:
        """A drawn picture of a clamp: the demo has no camera."""
        image = Image.new("RGB", (640, 480), (122, 101, 82))
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 200, 640, 290), fill=(60, 90, 110))
        draw.rectangle((260, 180, 380, 310), fill=(190, 190, 196))
        draw.text((20, 20), f"{self.user}  {number}", fill=(255, 255, 255))
        out = BytesIO()
        image.save(out, "JPEG", quality=70)
        path = self._link.store.directory / f"{number}.jpg"
        path.write_bytes(out.getvalue())
        return path
