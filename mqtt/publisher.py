"""The server's voice: order lists (retained) and acknowledgements, confirmed by the broker."""

from __future__ import annotations

import threading
import time

from mqtt import topics
from mqtt.connection import Account, Connection
from mqtt.messages import Ack, to_json
from mqtt.orders import OrderList


class PublishError(RuntimeError):
    """The broker did not confirm in time, or refused. Nothing is known to be lost: try again."""


class Publisher:
    """Keeps one connection open and publishes through it; safe for several threads.

    After a lost connection it repeats the last order list of every device by itself. At its
    start a server publishes all current lists once.

    `name` is the client id: give every process its own.
    """

    def __init__(
        self, *, host: str, port: int, user: str, password: str, name: str = "publisher"
    ) -> None:
        self._connection = Connection(
            Account(host, port, user, password, client_id=name),
            on_published=self._confirmed, on_change=self._changed, session_s=0,
        )
        self._lock = threading.Condition()
        self._results: dict[int, str | None] = {}
        self._given_up: set[int] = set()
        # Held from the choice of a list to its sending, so that lists leave in order of version.
        self._in_order = threading.Lock()
        self._latest: dict[str, OrderList] = {}

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        return self._connection.connected.is_set()

    def start(self) -> None:
        """Connect in the background."""
        self._connection.start()

    def stop(self) -> None:
        """Disconnect."""
        self._connection.stop()

    def __enter__(self) -> Publisher:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def orders(self, device: str, orders: OrderList, *, timeout: float = 5.0) -> bool:
        """Put a crew's order list in place of the one before; PublishError when unconfirmed.

        False, and nothing is sent, when this publisher has already sent a newer version: a late
        retry must not bring an old list back.
        """
        until = time.monotonic() + timeout
        self._wait_connected(timeout)
        with self._in_order:
            before = self._latest.get(device)
            if before is not None and orders.version < before.version:
                return False
            mid = self._connection.publish(topics.orders(device), to_json(orders), retain=True)
            self._latest[device] = orders
        self._wait_confirmed(mid, topics.orders(device), until)
        return True

    def acks(self, device: str, ack: Ack, *, timeout: float = 5.0) -> None:
        """Tell a device which reports are stored; PublishError when unconfirmed."""
        self._send(topics.ack(device), to_json(ack), timeout)

    def forget(self, device: str, *, timeout: float = 5.0) -> None:
        """Remove what stands retained for a device that is gone."""
        with self._in_order:
            self._latest.pop(device, None)
        self._send(topics.orders(device), b"", timeout, retain=True)
        self._send(topics.state(device), b"", timeout, retain=True)

    def _send(self, topic: str, payload: bytes, timeout: float, *, retain: bool = False) -> None:
        until = time.monotonic() + timeout
        self._wait_connected(timeout)
        # Never under our lock: paho calls `_confirmed` while it holds the lock `publish` needs.
        mid = self._connection.publish(topic, payload, retain=retain)
        self._wait_confirmed(mid, topic, until)

    def _wait_connected(self, timeout: float) -> None:
        # Not handed to the client while offline: it would be sent unasked at some later time.
        if not self._connection.connected.wait(timeout):
            reason = self._connection.problem or "no connection"
            raise PublishError(f"the broker is not there: {reason}")

    def _wait_confirmed(self, mid: int, topic: str, until: float) -> None:
        with self._lock:
            while mid not in self._results:
                left = until - time.monotonic()
                if left <= 0:
                    self._given_up.add(mid)
                    raise PublishError(f"the broker did not confirm {topic} in time")
                self._lock.wait(left)
            problem = self._results.pop(mid)
        if problem is not None:
            raise PublishError(f"the broker refused {topic}: {problem}")

    def _confirmed(self, mid: int, problem: str | None) -> None:
        with self._lock:
            if mid in self._given_up:
                self._given_up.discard(mid)
            else:
                self._results[mid] = problem
                self._lock.notify_all()

    def _changed(self, up: bool, problem: str) -> None:
        """Send every last list again: a broker killed in the same moment may have lost it.

        It saves at the end of its turn, up to a tenth of a second after it has confirmed.
        """
        if not up:
            return
        with self._in_order:
            for device, orders in self._latest.items():
                mid = self._connection.publish(topics.orders(device), to_json(orders), retain=True)
                with self._lock:
                    self._given_up.add(mid)
