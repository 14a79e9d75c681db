"""A crew without a screen: the app's own sign-in, store, link and queues behind one object.

The Kivy app shows one of these; the demo's simulator drives eight of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx

from mobile_app import session as sessions
from mobile_app.district import District, DistrictError
from mobile_app.link import RESEND_S, Link
from mobile_app.orders import LocalOrder, OrderBook, local_orders
from mobile_app.outbox import Counts, Outbox, Refusal
from mobile_app.positions import Fix, PositionQueue
from mobile_app.session import Server, Session, SessionError
from mobile_app.store import Store, StoreError
from mobile_app.text import Language
from mqtt.messages import Action, Position, Report


class CrewLink:
    """One crew: sign in, see orders, report, send positions. Methods are safe from any thread.

    `state` is a directory of this crew's own. Usage::

        crew = CrewLink("http://127.0.0.1:8000", state)
        crew.sign_in("crew1", "secret")
        crew.start()
        for order in crew.orders():
            if order.main_step == "accept":
                crew.report("accept", order.order.number)
        crew.position(24.94, 60.17, speed_mps=9.0)
        crew.stop()
    """

    def __init__(
        self,
        server: str,
        state: Path,
        *,
        language: Language = "en",
        on_change: Callable[[], None] | None = None,
        http: httpx.Client | None = None,
        resend_s: float = RESEND_S,
    ) -> None:
        self.store = Store(state)
        self.server = Server(server, language, http)
        self.outbox = Outbox(self.store)
        self.book = OrderBook(self.store)
        self.queue = PositionQueue(self.store)
        self.session: Session | None = sessions.load(self.store)
        self.link: Link | None = None
        self.photo_problem = ""
        self._on_change = on_change or (lambda: None)
        self._resend_s = resend_s
        self._photos_wake = threading.Event()
        self._stop = threading.Event()
        self._photos: threading.Thread | None = None

    def sign_in(self, user: str, password: str) -> Session:
        """Ask the server who we are; SessionError in the user's language. Starts nothing yet."""
        session = self.server.sign_in(user, password)
        if self.session is None or self.session.device != session.device:
            self.book.start_over()
        elif session.token != self.session.token:
            # The server's truth comes retained right after; versions may have begun anew.
            self.book.start_over()
        self.use_session(session)
        return session

    def use_session(self, session: Session) -> None:
        """Take a session from elsewhere, e.g. one the program made itself."""
        sessions.save(self.store, session)
        self.session = session

    def sign_out(self) -> None:
        """Stop and forget the session. Unsent reports stay for the next sign-in."""
        self.stop()
        sessions.save(self.store, None)
        self.session = None

    def start(self) -> None:
        """Connect and begin to send; SessionError `sign_in_again` when nobody has signed in."""
        if self.session is None:
            raise self.server.error("sign_in_again")
        if self.link is not None:
            return
        self._stop.clear()
        self.link = Link(
            self.session, self.outbox, self.book, self.queue,
            on_change=self._changed, resend_s=self._resend_s,
        )
        self.link.start()
        self._photos = threading.Thread(target=self._send_photos, name="photos", daemon=True)
        self._photos.start()

    def stop(self) -> None:
        """Disconnect. Everything unsent stays in the store."""
        self._stop.set()
        self._photos_wake.set()
        if self.link is not None:
            self.link.stop()
            self.link = None
        if self._photos is not None:
            self._photos.join(20)
            self._photos = None

    def close(self) -> None:
        """Stop and give files and sockets back."""
        self.stop()
        self.server.close()
        self.store.close()

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        return self.link is not None and self.link.connected

    def wait_connected(self, timeout: float) -> bool:
        """Wait for the connection; False when it did not come in `timeout` seconds."""
        return self._wait(lambda: self.connected, timeout)

    def orders(self) -> list[LocalOrder]:
        """Orders as they are now, waiting reports applied; cancelled ones first."""
        return local_orders(
            self.book.orders(), self.outbox.waiting(5000), self.outbox.settling()
        )

    def report(
        self,
        action: Action,
        order: str,
        *,
        note: str | None = None,
        valve: str | None = None,
        reason: str | None = None,
        turns: int | None = None,
        place: tuple[float, float] | None = None,
        photo: Path | None = None,
        at: datetime | None = None,
    ) -> Report:
        """Put a report on the disk and on its way; raises as Outbox.add."""
        report = self.outbox.add(
            action, order, note=note, valve=valve, reason=reason, turns=turns, place=place,
            photo=photo, at=at,
        )
        if self.link is not None:
            self.link.wake()
        if photo is not None:
            self._photos_wake.set()
        self._on_change()
        return report

    def position(
        self,
        lon: float,
        lat: float,
        *,
        accuracy_m: float = 5.0,
        speed_mps: float | None = None,
        heading: float | None = None,
        battery: float | None = None,
        fix_time: datetime | None = None,
    ) -> Position:
        """Queue a fix and send it; raises BadMessage when it is no place on earth."""
        fix = Fix(lon, lat, accuracy_m, fix_time or datetime.now(UTC), speed_mps, heading)
        position = self.queue.add(fix, battery=battery)
        if self.link is not None:
            self.link.wake()
        return position

    def counts(self) -> Counts:
        """How many reports wait, are with the office, were refused."""
        return self.outbox.counts()

    def refused(self) -> list[Refusal]:
        """Refusals the crew has not seen yet."""
        return self.outbox.refused()

    def wait_settled(self, timeout: float) -> bool:
        """Wait until the server has answered every report; False when time ran out."""
        return self._wait(lambda: self.counts().waiting == 0, timeout)

    def district(self) -> District | None:
        """The map on this phone, None when there is none or it is damaged."""
        try:
            return District.open(self._district_path)
        except DistrictError:
            return None

    def fetch_district(self) -> bool:
        """Bring the map up to date over HTTP; True when it changed; SessionError when it failed."""
        if self.session is None:
            raise self.server.error("sign_in_again")
        return self.server.fetch_district(self.session, self._district_path)

    @property
    def _district_path(self) -> Path:
        return self.store.directory / "district.sqlite"

    def _changed(self) -> None:
        self._photos_wake.set()
        self._on_change()

    def _send_photos(self) -> None:
        pause = 2.0
        while not self._stop.is_set():
            self._photos_wake.wait(pause)
            self._photos_wake.clear()
            try:
                sent = self._send_photos_once()
            except (SessionError, StoreError) as problem:
                self.photo_problem = str(problem)
                pause = min(pause * 2, 60.0)
                self._stop.wait(pause)
            else:
                self.photo_problem = ""
                pause = 2.0
                if sent:
                    self._on_change()

    def _send_photos_once(self) -> int:
        """A picture goes after its report: the server wants to know what it belongs to."""
        assert self.session is not None
        waiting = {report.id for report in self.outbox.waiting(5000)}
        sent = 0
        for photo in self.outbox.photos_waiting():
            if self._stop.is_set() or photo.report_id in waiting:
                continue
            try:
                self.server.send_photo(self.session, photo)
            except SessionError as problem:
                if problem.code != "bad_photo":
                    raise
                self.outbox.photo_done(photo.report_id, problem.text)
            else:
                self.outbox.photo_done(photo.report_id)
            sent += 1
        return sent

    def _wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True
