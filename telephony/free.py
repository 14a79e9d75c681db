"""Who could take a call now, counted over all telephone sites. Pure: no clock, no database.

Every site lists every agent of the queue: at the site of the telephone as `PJSIP/1101` with what
the telephone is doing, at the others as `PJSIP/1101@site-sp2` with what they were told of it
(telephony.sites). So an agent is counted at home, and looked at everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from telephony.ami.events import agent_of
from telephony.ami.parser import Message

# Asterisk's device states of app_queue.
NOT_IN_USE = "1"
# In use, busy, ringing, both, on hold.
_OCCUPIED = {"2", "3", "6", "7", "8"}


def free_and_waiting(
    sites: Iterable[Iterable[Message]], now: float, guard_s: float
) -> tuple[int, int]:
    """(agents who could take a call, callers who wait), from each site's `QueueStatus`.

    An agent is free whose own site says so while no site says otherwise: in a talk, paused, or in
    the `guard_s` seconds after a talk (`now` is seconds since the epoch). Only the site where a
    talk was handed out knows when it ended. A caller stands in the queue of one site.
    """
    at_home: set[str] = set()
    held: set[str] = set()
    callers = 0
    for listed in sites:
        for message in listed:
            if message.get("Event") == "QueueEntry":
                callers += 1
            if message.get("Event") != "QueueMember":
                continue
            place, status = message.get("Location"), message.get("Status")
            agent = agent_of(place)
            # The guard does not show in the device state.
            rested = message.number("LastCall") + guard_s <= now
            if status in _OCCUPIED or message.get("Paused") != "0" or not rested:
                held.add(agent)
            elif status == NOT_IN_USE and "@" not in place:
                at_home.add(agent)
    return len(at_home - held), callers
