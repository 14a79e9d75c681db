"""Stand-ins at the border, for tests of programs that speak through this library."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from mqtt import topics
from mqtt.ingest import Answers, Handler, Received
from mqtt.messages import Ack, DeviceState, Position, Report, parse_ack, to_json
from mqtt.orders import OrderList, parse_orders
from mqtt.publisher import PublishError


class FakePublisher:
    """Takes what Publisher takes and remembers it, having passed it through its JSON form."""

    def __init__(self) -> None:
        self.retained: dict[str, OrderList] = {}
        self.sent: list[tuple[str, OrderList | Ack]] = []
        self.connected = True

    def start(self) -> None:
        """Nothing to connect."""

    def stop(self) -> None:
        """Nothing to disconnect."""

    def orders(self, device: str, orders: OrderList, *, timeout: float = 5.0) -> bool:
        """As Publisher.orders."""
        self._check(device)
        before = self.retained.get(device)
        if before is not None and orders.version < before.version:
            return False
        self.retained[device] = parse_orders(to_json(orders))
        self.sent.append((device, self.retained[device]))
        return True

    def acks(self, device: str, ack: Ack, *, timeout: float = 5.0) -> None:
        """As Publisher.acks."""
        self._check(device)
        self.sent.append((device, parse_ack(to_json(ack))))

    def forget(self, device: str, *, timeout: float = 5.0) -> None:
        """As Publisher.forget."""
        self._check(device)
        self.retained.pop(device, None)

    def _check(self, device: str) -> None:
        topics.check_device(device)
        if not self.connected:
            raise PublishError("the broker is not there: no connection")


def deliver(
    handle: Handler, device: str, messages: Iterable[Position | Report | DeviceState]
) -> Answers:
    """Give a handler a batch from one device as Ingest would; its answers, never None."""
    now = datetime.now(UTC)
    batch = [Received(device, _kind(message), message, now) for message in messages]
    return handle(batch) or {}


def _kind(message: Position | Report | DeviceState) -> topics.Kind:
    if isinstance(message, Position):
        return "pos"
    return "report" if isinstance(message, Report) else "state"
