"""A crew that drives the streets and works its orders through the app's own link and outbox."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from random import Random

import httpx
from PIL import Image, ImageDraw

from mobile_app.headless import CrewLink
from mobile_app.orders import LocalOrder
from mobile_app.session import SessionError
from mobile_app.store import StoreError
from mqtt.fields import BadMessage
from routing.drive import Drive
from server.accounts.refusals import Refused
from server.streets import index as streets

log = logging.getLogger("standpipe.simulator")

# Seconds a step takes before the crew reports it; divided by the speed of the demo.
TAKES = {
    "accept": 4.0, "depart": 6.0, "arrive": 1.0, "close_valve": 20.0, "repaired": 60.0,
    "open_valve": 12.0, "restored": 5.0, "complete": 10.0,
}  # fmt: skip
SEIZED = 0.06  # share of valves that will not turn
IDLE_FIX_S = 10.0


class CrewSim:
    """One crew. Call `tick` about once a second."""

    def __init__(
        self, *, user: str, password: str, server: str, state: Path, at: tuple[float, float],
        speed: float, seed: int,
    ) -> None:  # fmt: skip
        self.user = user
        self._password = password
        self._link = CrewLink(server, state)
        self._random = Random(f"{seed}:{user}")
        self._at = self._home = at
        self._speed = speed
        self._drive: Drive | None = None
        self._drive_began: datetime | None = None
        self._goal: str = ""
        self._step: tuple[str, str, str] | None = None
        self._step_due: datetime | None = None
        self._next_fix: datetime | None = None
        self._retry_at: datetime | None = None
        self._started = False
        self.sent_positions = 0
        self.sent_reports = 0

    def tick(self, now: datetime) -> None:
        if not self._started and not self._begin(now):
            return
        self._move(now)
        self._work(now)

    def close(self) -> None:
        self._link.close()

    def settle(self, timeout: float) -> bool:
        """Wait until every report has its answer."""
        return self._link.wait_settled(timeout) if self._started else True

    @property
    def refused_reports(self) -> int:
        return self._link.counts().refused

    def _begin(self, now: datetime) -> bool:
        if self._retry_at is not None and now < self._retry_at:
            return False
        try:
            if self._link.session is None:
                self._link.sign_in(self.user, self._password)
            self._link.start()
        except (SessionError, httpx.HTTPError) as error:
            log.info("%s cannot sign in yet: %s", self.user, error)
            self._retry_at = now + timedelta(seconds=3)
            return False
        self._started = True
        return True

    def _move(self, now: datetime) -> None:
        speed = heading = None
        if self._drive is not None and self._drive_began is not None:
            driven = (now - self._drive_began) * self._speed
            along = self._drive.at(self._drive_began + driven)
            self._at = (along.lon, along.lat)
            speed, heading = along.speed_mps * self._speed, along.heading
            if along.done:
                self._drive, speed = None, 0.0
        elif self._next_fix is not None and now < self._next_fix:
            return
        self._next_fix = now + timedelta(seconds=IDLE_FIX_S)
        self._link.position(
            *self._at, speed_mps=speed, heading=heading, accuracy_m=4.0, battery=80.0
        )
        self.sent_positions += 1

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
        mine = [o for o in self._link.orders() if not o.ended and not o.cancelled]
        if not mine:
            if self._goal not in ("", "home"):
                self._drive_to(self._home, "home", now)
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
            pace = TAKES.get(step, 5.0) * self._random.uniform(0.8, 1.3) / self._speed
            self._step_due = now + timedelta(seconds=pace)
            return
        if self._step_due is not None and now >= self._step_due and not order.waiting_reports:
            self._report(order, step, valve)
            self._step_due = None

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
        self.sent_reports += 1

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
