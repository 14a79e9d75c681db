"""How the broker says it is: what waits in it, and what it had to drop.

Mosquitto publishes both under `$SYS` every `sys_interval` seconds (its manual, "Broker status").
A message is dropped when the queue of somebody who is away, or too slow, is full; whoever sent it
hears nothing of that, so somebody has to say so.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mqtt.connection import Incoming

DROPPED = "$SYS/broker/publish/messages/dropped"
WAITING = "$SYS/broker/store/messages/count"
TOPICS = (DROPPED, WAITING)
# A drop is over and cannot be put right; whoever comes to work later has to see it all the same.
SHOWN_FOR = timedelta(hours=1)
# A quarter of what one queue may hold (`mqtt/broker.py`): fifty seconds of a thousand each.
MANY_WAITING = 50_000


class BrokerCondition:
    """Follows the broker's own counters; `alarms` is for `/health`."""

    def __init__(self) -> None:
        self.waiting = 0
        self._counted = 0  # as the broker has it, since its start
        self._lost = 0  # of those, what is still to be shown
        self._lost_at: datetime | None = None

    def take(self, message: Incoming) -> None:
        """One message of `TOPICS`; another's, or one that is no number, changes nothing."""
        try:
            value = int(message.payload)
        except ValueError:
            return
        if message.topic == WAITING:
            self.waiting = value
        elif message.topic == DROPPED:
            self._dropped(value, message.received_at)

    def _dropped(self, counted: int, at: datetime) -> None:
        # A broker that was started again counts from nought.
        grown = counted - self._counted if counted >= self._counted else counted
        self._counted = counted
        if grown:
            self._lost = grown + (self._lost if self._shown(at) else 0)
            self._lost_at = at

    def _shown(self, now: datetime) -> bool:
        return self._lost_at is not None and now - self._lost_at < SHOWN_FOR

    def alarms(self, now: datetime | None = None) -> list[str]:
        """What a person has to know, in sentences; none when all is well."""
        told = []
        if self._lost and self._shown(now or datetime.now(UTC)):
            told.append(f"the broker dropped {self._lost} messages: a queue was full")
        if self.waiting > MANY_WAITING:
            told.append(f"{self.waiting} messages wait in the broker: whoever reads is behind")
        return told
