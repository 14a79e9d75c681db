"""Verbs of the queues: where a call belongs, and who changes a queue, a skill or a reason."""

from __future__ import annotations

from dataclasses import dataclass

from server.accounts.models import Area
from server.calls.models import Call
from server.calls.queueing import selectors
from server.calls.queueing.models import GENERAL, Queue
from server.tickets.placing import area_of

# Hospitals and dialysis patients stand in front of the queue.
FIRST_PRIORITY = 5
FIRST_USES = ("hospital", "dialysis")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a caller is put: the queue's code, and the priority in it (higher is earlier)."""

    queue: str
    priority: int


def place(call: Call, need: str = "", priority: int = 0) -> Place:
    """The queue for a call that asks for the skill `need` (empty: general work), by its district.

    A district's own queue for that skill, else one for everywhere, else the general queue.
    """
    first = call.premise is not None and call.premise.use in FIRST_USES
    return Place(
        queue_for(need, area_of(call.premise.geom) if call.premise else None).code,
        max(priority, FIRST_PRIORITY if first else 0),
    )


def queue_for(need: str, area: Area | None) -> Queue:
    """The queue of a skill for callers from `area`."""
    rows = selectors.queues()
    general = selectors.by_code(GENERAL, rows)
    skill = need or general.skill
    fit = [q for q in rows if q.skill == skill]
    local = [q for q in fit if area is not None and q.area_id == area.pk]
    everywhere = [q for q in fit if q.area_id is None]
    return next(iter([*local, *everywhere]), general)
