"""The phone's line to the office: sends what waits, stores what comes, in that order of care.

Incoming order lists and acknowledgements are acknowledged to the broker after they are in SQLite.
Outgoing reports are repeated until the server's own acknowledgement has come. The broker keeps
our session while we are away, and tells the office when we vanish.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from mobile_app.orders import OrderBook
from mobile_app.outbox import Outbox
from mobile_app.positions import PositionQueue
from mobile_app.session import Session
from mobile_app.store import StoreError
from mqtt import topics
from mqtt.connection import Account, Connection, Incoming, Will
from mqtt.fields import BadMessage
from mqtt.messages import DeviceState, parse_ack, to_json
from mqtt.orders import parse_orders

log = logging.getLogger(__name__)

RESEND_S = 5.0  # doubled with each repetition
RESEND_MOST_S = 80.0
SESSION_S = 7 * 86400
WINDOW = 1000
# The broker saves once a second; what it has confirmed is forgotten only after that.
BROKER_SAVES_S = 2.5
REFUSED = ("Not authorized", "Bad user name or password")


class Link:
    """Works in the background between `start` and `stop`.

    `on_change` is called, from any thread, after anything a screen may want to show: connection,
    orders, counts.
    """

    def __init__(
        self,
        session: Session,
        outbox: Outbox,
        orders: OrderBook,
        positions: PositionQueue,
        *,
        on_change: Callable[[], None] | None = None,
        resend_s: float = RESEND_S,
    ) -> None:
        self._device = session.device
        self._outbox = outbox
        self._orders = orders
        self._positions = positions
        self._on_change = on_change or (lambda: None)
        self._resend_s = resend_s
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._due: dict[str, tuple[float, float]] = {}  # report id -> when to repeat, pause
        self._flying: dict[int, str] = {}  # message number -> position id
        self._confirmed: list[int] = []
        self._bounced: list[int] = []
        self._landed: deque[tuple[float, str]] = deque()  # when confirmed, position id
        self._positions_due, self._positions_pause = 0.0, resend_s
        self.since = datetime.now(UTC)
        self.storage_problem = ""
        self.garbage = 0
        self._connection = Connection(
            Account(
                session.mqtt_host, session.mqtt_port, session.mqtt_user, session.mqtt_password,
                client_id=session.device,
            ),
            subscriptions=(topics.orders(session.device), topics.ack(session.device)),
            on_message=self._arrived,
            on_change=self._changed,
            on_published=self._published,
            # A broker killed before it saved the office's subscription comes back without it.
            must_be_heard=True,
            will=Will(
                topics.state(session.device), to_json(DeviceState(False)),
                to_json(DeviceState(True)),
            ),
            session_s=SESSION_S,
        )

    @property
    def connected(self) -> bool:
        """Whether the broker is there now; `since` says since when that is so."""
        return self._connection.connected.is_set()

    @property
    def problem(self) -> str:
        """Why it is not there, in the broker's words."""
        return self._connection.problem

    @property
    def signed_out(self) -> bool:
        """Whether the broker no longer knows us: only a new sign-in helps."""
        return not self.connected and self.problem in REFUSED

    def start(self) -> None:
        """Connect in the background and begin to send."""
        self._thread = threading.Thread(target=self._pump, name="link", daemon=True)
        self._thread.start()
        self._connection.start()

    def stop(self) -> None:
        """Say goodbye and end. What waits stays in the store."""
        self._stop.set()
        self._wake.set()
        self._connection.stop()
        if self._thread is not None:
            self._thread.join(10)

    def wake(self) -> None:
        """Something new waits in the outbox or the position queue."""
        self._wake.set()

    def _changed(self, up: bool, problem: str) -> None:
        if up != getattr(self, "_was_up", None):
            self._was_up = up
            self.since = datetime.now(UTC)
        with self._lock:
            self._due.clear()
            self._flying.clear()
            # What a broker that was killed had not saved yet is sent again.
            self._landed.clear()
        self._wake.set()
        self._on_change()

    def _arrived(self, message: Incoming) -> None:
        try:
            if message.topic == topics.orders(self._device):
                if message.payload:
                    self._orders.take(parse_orders(message.payload))
            elif message.topic == topics.ack(self._device):
                ack = parse_ack(message.payload)
                self._outbox.settle(ack)
                with self._lock:
                    for one in ack.acks:
                        self._due.pop(one.id, None)
        except BadMessage as bad:
            # Nothing we could do would make it better: let it go, keep what we have.
            self.garbage += 1
            log.warning("the office sent something unreadable: %s", bad)
        except StoreError as problem:
            # Not acknowledged: the broker gives it to us again at the next connection.
            self._storage(str(problem))
            return
        self._storage("")
        self._connection.ack(message)
        self._wake.set()
        self._on_change()

    def _storage(self, problem: str) -> None:
        if problem != self.storage_problem:
            self.storage_problem = problem
            self._on_change()

    def _published(self, mid: int, problem: str | None) -> None:
        # Only noted here: the number may be confirmed before the pump has written it down.
        with self._lock:
            (self._confirmed if problem is None else self._bounced).append(mid)
        self._wake.set()

    def _pump(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(min(1.0, self._resend_s))
            self._wake.clear()
            try:
                self._sweep()
                if self.connected:
                    self._send_reports()
                    self._send_positions()
            except StoreError as problem:
                self._storage(str(problem))
                self._stop.wait(2.0)
            except RuntimeError as problem:
                log.warning("could not hand a message to the client: %s", problem)
                self._stop.wait(1.0)
            # Answers come one by one: looking at the queue after each would be most of the work.
            self._stop.wait(0.02)

    def _sweep(self) -> None:
        with self._lock:
            confirmed, self._confirmed = self._confirmed, []
            bounced, self._bounced = self._bounced, []
            landed = [self._flying.pop(mid) for mid in confirmed if mid in self._flying]
            back = [self._flying.pop(mid) for mid in bounced if mid in self._flying]
            now = time.monotonic()
            self._landed.extend((now, one) for one in landed)
            saved = []
            while self._landed and now - self._landed[0][0] > BROKER_SAVES_S:
                saved.append(self._landed.popleft()[1])
        if saved:
            self._positions.done(saved)
        if landed:
            self._positions_pause = self._resend_s
        if back:
            # Nobody at the other end, or no right to write: what came back waits a while.
            self._positions_due = time.monotonic() + self._positions_pause
            self._positions_pause = min(2 * self._positions_pause, RESEND_MOST_S)

    def _send_reports(self) -> None:
        now = time.monotonic()
        for report_id, body in self._outbox.waiting_bytes(WINDOW):
            with self._lock:
                due, pause = self._due.get(report_id, (0.0, self._resend_s))
                if due > now:
                    continue
                self._due[report_id] = (now + pause, min(2 * pause, RESEND_MOST_S))
            self._connection.publish(topics.report(self._device), body)

    def _send_positions(self) -> None:
        if time.monotonic() < self._positions_due:
            return
        with self._lock:
            busy = {*self._flying.values(), *(one for _, one in self._landed)}
        for position_id, body in self._positions.waiting_bytes(WINDOW):
            if position_id in busy:
                continue
            mid = self._connection.publish(topics.position(self._device), body)
            with self._lock:
                self._flying[mid] = position_id
