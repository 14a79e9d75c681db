"""The one connection of a process to the broker, for order lists."""

from __future__ import annotations

import os
import threading

from django.conf import settings

from mqtt.publisher import Publisher
from server.dispatch.lists import order_list
from server.workforce.models import Crew

_lock = threading.Lock()
_held: Publisher | None = None


def publisher() -> Publisher:
    """Connected in the background at first use; kept for the life of the process."""
    global _held
    with _lock:
        if _held is None:
            m = settings.STANDPIPE["MQTT"]
            _held = Publisher(
                host=m["host"], port=m["port"], user=m["user"], password=m["password"],
                name=f"orders-{os.getpid()}",
            )  # fmt: skip
            _held.start()
        return _held


def send_list(crew: Crew) -> int:
    """Send a crew its whole list; returns the version. Raises PublishError: try again later."""
    orders = order_list(crew)
    publisher().orders(crew.device, orders)
    return orders.version


def send_all_lists() -> int:
    """At the start of the process that publishes: every crew gets its list once."""
    return sum(1 for crew in Crew.objects.filter(disbanded_at=None) if send_list(crew))
