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

    `name` is the client id: give every process its own.
    """

    def __init__(
        self, *, host: str, port: int, user: str, password: str, name: str = "publisher"
    ) -> None:
        self._connection = Connection(
            Account(host, port, user, password, client_id=name),
            on_published=self._confirmed, session_s=0,
        )
        self._lock = threading.Condition()
        self._results: dict[int, str | None] = {}
        self._given_up: set[int] = set()
        self._versions: dict[str, int] = {}

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
        with self._lock:
            if orders.version < self._versions.get(device, 0):
                return False
            self._versions[device] = orders.version
        self._send(topics.orders(device), to_json(orders), timeout, retain=True)
        return True

    def acks(self, device: str, ack: Ack, *, timeout: float = 5.0) -> None:
        """Tell a device which reports are stored; PublishError when unconfirmed."""
        self._send(topics.ack(device), to_json(ack), timeout)

    def forget(self, device: str, *, timeout: float = 5.0) -> None:
        """Remove what stands retained for a device that is gone."""
        with self._lock:
            self._versions.pop(device, None)
        self._send(topics.orders(device), b"", timeout, retain=True)
        self._send(topics.state(device), b"", timeout, retain=True)

    def _send(self, topic: str, payload: bytes, timeout: float, *, retain: bool = False) -> None:
        until = time.monotonic() + timeout
        # Not handed to the client while offline: it would be sent unasked at some later time.
        if not self._connection.connected.wait(timeout):
            reason = self._connection.problem or "no connection"
            raise PublishError(f"the broker is not there: {reason}")
        # Never under our lock: paho calls `_confirmed` while it holds the lock `publish` needs.
        mid = self._connection.publish(topic, payload, retain=retain)
        with self._lock:
            while mid not in self._results:
                left = until - time.monotonic()
                if left <= 0:
                    self._given_up.add(mid)
                    raise PublishError(f"the broker did not confirm {topic} in {timeout:g} s")
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
