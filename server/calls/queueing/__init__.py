"""Who waits for whom: queues by skill and district, the order of answering, places kept.

`queueing.now()` and `queueing.place()` are what other parts use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from server.calls.models import Call
    from server.calls.queueing.services import Place


def now() -> list[dict[str, Any]]:
    """Each queue now (selectors.now)."""
    from server.calls.queueing import selectors

    return selectors.now()


def place(call: Call, need: str = "", priority: int = 0) -> Place:
    """Queue and priority for a call (services.place)."""
    from server.calls.queueing import services

    return services.place(call, need, priority)


def skill_of(queue: str) -> str:
    """The skill that the queue of this code asks for."""
    from server.calls.queueing import selectors

    return selectors.by_code(queue).skill
