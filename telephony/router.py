"""Keeps Asterisk's queue members as wanted, and open only where the next caller in turn waits.

Everything here may die at any moment: app_queue goes on with the members as they are, and the
dialplan opens an agent everywhere again when their phone answers. `resync` reads the present state
after either side was away.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from telephony.ami import events as ami_events
from telephony.ami.client import AmiActions, AmiError
from telephony.ami.events import MemberChanged, parse_event
from telephony.order import HELPER_PENALTY, Agent, Waiter, closed, expected_wait

log = logging.getLogger(__name__)
# Why a member is paused in one queue while somebody waits longer in another.
ORDER = "order"
NO_ANSWER = "no answer"
FREE_STATES = {0, 1}
# Asterisk's words for a telephone that is not there: invalid, unavailable.
AWAY_STATES = {4, 5}
# What Asterisk refused is asked for again after this time.
RETRY_S = 5.0


@dataclass(frozen=True, slots=True)
class Seat:
    """Where an agent sits: queues with penalties, and why they take no calls ('': they do)."""

    name: str
    penalties: Mapping[str, int]
    paused_for: str = ""


@dataclass(slots=True)
class _Member:
    penalty: int
    reason: str


@dataclass(slots=True)
class _Phone:
    status: int = 1
    guard_until: float = 0.0
    idle_since: float = 0.0
    ringing: str = ""


@dataclass(frozen=True, slots=True)
class Overflow:
    """When a queue's helpers ring: after so many seconds, or with so many waiting (0: never)."""

    after_s: int = 0
    waiting: int = 0


@dataclass
class Router:
    """One Asterisk's queues. `guard_s` is its `wrapuptime`: no phone rings so soon after a call."""

    ami: AmiActions
    guard_s: float = 3.0
    clock: Callable[[], float] = time.time
    overflow: dict[str, Overflow] = field(default_factory=dict)
    seats: dict[str, Seat] = field(default_factory=dict)
    _members: dict[tuple[str, str], _Member] = field(default_factory=dict)
    _phones: dict[str, _Phone] = field(default_factory=dict)
    _waiting: dict[str, Waiter] = field(default_factory=dict)
    _told: dict[str, tuple[int, float]] = field(default_factory=dict)
    _refused: dict[tuple[str, str], float] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def waiting(self) -> list[Waiter]:
        """Callers in all queues, in the order in which they are to be answered."""
        return sorted(self._waiting.values(), key=lambda w: w.turn)

    def staffed(self, queue: str) -> tuple[int, int]:
        """(agents who take this queue's calls, those of them who are free now).

        Whose telephone went with its site, or with a cable, takes none until it is back.
        """
        outside = HELPER_PENALTY
        mine = [
            a for a in self._agents()
            if a.penalties.get(queue, outside) < HELPER_PENALTY
            and self._phone(a.extension).status not in AWAY_STATES
        ]  # fmt: skip
        free = sum(1 for a in mine if a.free_at is not None and a.free_at <= self.clock())
        return len(mine), free

    def wait_of(self, call_id: str, handling_s: float) -> tuple[int, float | None] | None:
        """(position, expected wait in seconds or None) of a waiting caller; None if not waiting.

        Before a caller are those whose turn is earlier and whom the same agents may take.
        """
        own = self._waiting.get(call_id)
        if own is None:
            return None
        team = {e for e, s in self.seats.items() if own.queue in s.penalties}
        rivals = {q for e in team for q in self.seats[e].penalties} | {own.queue}
        position = 1 + sum(1 for w in self._waiting.values()
                           if w.queue == own.queue and w.turn < own.turn)  # fmt: skip
        ahead = sum(1 for w in self._waiting.values() if w.queue in rivals and w.turn < own.turn)
        return position, expected_wait(ahead, *self.staffed(own.queue), handling_s)

    # -- what is wanted ---------------------------------------------------------------------------

    async def seat(self, extension: str, seat: Seat) -> None:
        """Put the phone where it belongs; may be repeated. What is refused is logged."""
        if not extension.isdecimal() or not extension.isascii():
            raise ValueError(f"extension: {extension!r} is not digits")
        self.seats[extension] = seat
        await self.settle()

    async def unseat(self, extension: str) -> None:
        """Out of all queues; a call in progress goes on."""
        self.seats.pop(extension, None)
        await self.settle()

    # -- what happens -----------------------------------------------------------------------------

    async def take(self, event: ami_events.AmiEvent) -> None:
        """Follow one event of Asterisk."""
        if self._follow(event):
            await self.settle()

    def _follow(self, event: ami_events.AmiEvent) -> bool:
        """Note it; whether anything may have to change now."""
        now = self.clock()
        match event:
            case ami_events.Queued(call_id=call, priority=priority, since=since):
                self._told[call] = (priority, since or now)
                return False
            case ami_events.QueueJoined(call_id=call, queue=queue):
                self._join(call, queue, now)
            case ami_events.QueueLeft(call_id=call) | ami_events.Abandoned(call_id=call):
                self._waiting.pop(call, None)
            case ami_events.CallEnded(call_id=call):
                self._told.pop(call, None)
                return self._waiting.pop(call, None) is not None
            case ami_events.AgentRinging(call_id=call, agent=agent):
                self._phone(agent).ringing = call
            case ami_events.AgentConnected(call_id=call, agent=agent):
                self._waiting.pop(call, None)
                self._phone(agent).ringing = ""
            case ami_events.AgentNoAnswer(agent=agent):
                self._phone(agent).ringing = ""
                seat = self.seats.get(agent)
                if seat is not None and not seat.paused_for:
                    self.seats[agent] = replace(seat, paused_for=NO_ANSWER)
            case ami_events.AgentCompleted(agent=agent):
                phone = self._phone(agent)
                # app_queue counts the guard in whole seconds of the clock.
                phone.idle_since, phone.guard_until = now, math.floor(now) + self.guard_s
            case MemberChanged():
                return self._follow_member(event)
            case _:
                return False
        return True

    def _join(self, call: str, queue: str, now: float) -> None:
        priority, since = self._told.get(call, (0, now))
        rule = self.overflow.get(queue, Overflow())
        helped: float | None = now + rule.after_s if rule.after_s else None
        here = sum(1 for w in self._waiting.values() if w.queue == queue)
        if rule.waiting and here >= rule.waiting:
            helped = now
        self._waiting[call] = Waiter(call, queue, priority, since, helped)

    def _follow_member(self, event: MemberChanged) -> bool:
        if not event.agent.isdecimal():
            return False
        key = (event.agent, event.queue)
        if event.removed:
            return self._members.pop(key, None) is not None
        phone = self._phone(event.agent)
        changed = (phone.status in FREE_STATES) != (event.status in FREE_STATES)
        phone.status = event.status
        if event.status in FREE_STATES:
            phone.ringing = ""
        reason = (event.paused_reason or "paused") if event.paused else ""
        member = self._members.get(key)
        if member is None:
            self._members[key] = _Member(event.penalty, reason)
            return True
        changed = changed or member.reason != reason
        member.reason = reason
        return changed

    def _phone(self, extension: str) -> _Phone:
        return self._phones.setdefault(extension, _Phone())

    # -- bringing both together -------------------------------------------------------------------

    def _agents(self) -> list[Agent]:
        found = []
        for extension, seat in self.seats.items():
            if seat.paused_for:
                continue
            phone = self._phone(extension)
            busy = phone.status not in FREE_STATES or bool(phone.ringing)
            found.append(Agent(
                extension, seat.penalties, None if busy else phone.guard_until, phone.idle_since
            ))  # fmt: skip
        return found

    def _wanted(self) -> dict[tuple[str, str], _Member]:
        ringing = {p.ringing for p in self._phones.values() if p.ringing}
        callers = [w for w in self._waiting.values() if w.call_id not in ringing]
        shut = closed(self._agents(), callers, self.clock())
        return {
            (extension, queue): _Member(
                penalty, seat.paused_for or (ORDER if (extension, queue) in shut else "")
            )
            for extension, seat in self.seats.items()
            for queue, penalty in seat.penalties.items()
        }

    async def settle(self) -> None:
        """Tell Asterisk whatever it has different. Also called by the clock: guards end."""
        async with self._lock:
            wanted = self._wanted()
            now = self.clock()
            for key in [k for k in self._members if k not in wanted]:
                await self._do(key, "QueueRemove", now)
            for key, want in wanted.items():
                if self._refused.get(key, 0.0) > now:
                    continue
                have = self._members.get(key)
                if have is None:
                    await self._add(key, want, now)
                    continue
                if have.penalty != want.penalty:
                    await self._do(key, "QueuePenalty", now, Penalty=want.penalty)
                    have.penalty = want.penalty
                if have.reason != want.reason:
                    # First noted, then told: the event that confirms it may overtake the answer.
                    have.reason = want.reason
                    await self._do(
                        key, "QueuePause", now, Paused=bool(want.reason), Reason=want.reason
                    )

    async def _add(self, key: tuple[str, str], want: _Member, now: float) -> None:
        self._members[key] = _Member(want.penalty, want.reason)
        interface = f"PJSIP/{key[0]}"
        try:
            await self.ami.action(
                "QueueAdd", Queue=key[1], Interface=interface, MemberName=self.seats[key[0]].name,
                StateInterface=interface, Penalty=want.penalty, Paused=bool(want.reason),
                Reason=want.reason,
            )  # fmt: skip
        except AmiError as refused:
            if "Already there" in str(refused):
                await self._do(key, "QueuePenalty", now, Penalty=want.penalty)
                await self._do(key, "QueuePause", now, Paused=bool(want.reason), Reason=want.reason)
                return
            self._refuse(key, refused, now)

    async def _do(
        self, key: tuple[str, str], name: str, now: float, **fields: str | int | bool
    ) -> None:
        try:
            await self.ami.action(name, Queue=key[1], Interface=f"PJSIP/{key[0]}", **fields)
            if name == "QueueRemove":
                self._members.pop(key, None)
        except AmiError as refused:
            if name == "QueueRemove":
                self._members.pop(key, None)
                if "Not there" in str(refused):
                    return
            self._refuse(key, refused, now)

    def _refuse(self, key: tuple[str, str], refused: AmiError, now: float) -> None:
        log.warning("queue member %s in %s: %s", key[0], key[1], refused)
        self._members.pop(key, None)
        self._refused[key] = now + RETRY_S

    async def resync(self, seats: Mapping[str, Seat]) -> None:
        """After a time without events: the members and callers there are, and all seats wanted.

        Raises AmiError when Asterisk cannot be asked.
        """
        listed = await self.ami.actions_list("QueueStatus")
        now = self.clock()
        before = dict(self._waiting)
        self._members.clear()
        self._waiting.clear()
        self._refused.clear()
        for phone in self._phones.values():
            phone.ringing = ""
        for message in listed:
            if message.get("Event") == "QueueEntry":
                call = message.get("Uniqueid")
                known = before.get(call)
                self._told.setdefault(
                    call, (int(message.number("Priority")), now - message.number("Wait"))
                )
                self._join(call, message.get("Queue"), now)
                if known is not None:
                    self._waiting[call] = known
                continue
            event = parse_event(message)
            if isinstance(event, MemberChanged):
                self._follow_member(event)
        self.seats = dict(seats)
        await self.settle()
