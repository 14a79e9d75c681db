"""Who hears what Asterisk tells, and who carries out what other processes wish of it.

All are tables that other parts add to, when they load (`AppConfig.ready`):

* `LISTENERS` run in Asterisk's order in the switchboard's one ordering thread, the core one first.
  One that fails is named in the log and does not keep the others from hearing.
* `SWEEPS` run one after another every two seconds, whether anything was heard or not.
* `WISHES` are events by which a web process asks something of the telephony process.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from server.calls import dialling, guarding, lines, services, voicemail
from server.calls.insisting import Insisting
from server.calls.queueing import callbacks
from telephony.ami import events as told

if TYPE_CHECKING:
    from server.calls.switchboard import Switchboard

log = logging.getLogger("standpipe.telephony")
Listener = Callable[[told.AmiEvent, datetime], None]
Wish = Callable[["Switchboard", dict[str, Any]], Awaitable[None]]
Sweep = Callable[["Switchboard"], Awaitable[None]]


def follow_call(event: told.AmiEvent, now: datetime) -> None:
    """The life of a call, as the manager's events tell it."""
    match event:
        case told.Queued(call_id=call, queue=queue, priority=priority):
            services.queued(call, at=now, queue=queue, priority=priority)
        case told.QueueJoined(call_id=call, queue=queue):
            services.queued(call, at=now, queue=queue)
        case told.AgentRinging(call_id=call, agent=agent):
            services.offered(call, agent)
        case (
            told.AgentConnected(call_id=call, agent=agent)
            | told.Answered(call_id=call, agent=agent)
        ):
            services.answered(call, agent, at=now)
        case told.CallBackWanted(call_id=call, queue=queue, priority=priority):
            callbacks.keep(
                call, queue=queue, priority=priority, number=event.number, at=now,
                since=callbacks.moment(event.since, now),
            )  # fmt: skip
        case told.AgentNoAnswer(agent=agent):
            services.not_answered(agent)
        case told.CallEnded(call_id=call, queue_status=status, message_left=left):
            services.ended(call, at=now, status=status, message_left=left)
            voicemail.after(call, status, message_left=left)
        case told.RatingAsked(call_id=call):
            services.talk_over(call, at=now)
        case told.Rated(call_id=call, score=score):
            services.rated(call, score, at=now)
        case told.RecordingReady(call_id=call, path=path):
            services.recorded(call, path)
        case told.MessageLeft(call_id=call, path=path):
            voicemail.heard(call, path)
            services.recorded(call, path, kind="message")
        case told.PhoneReachable(agent=agent, reachable=False):
            services.phone_gone(agent)
        case _:
            pass


def follow_kept_places(event: told.AmiEvent, now: datetime) -> None:
    """Whoever is answered needs no call-back any more."""
    if isinstance(event, told.AgentConnected):
        callbacks.answered(event.call_id)


def follow_dialling(event: told.AmiEvent, now: datetime) -> None:
    """The life of a call that we make."""
    match event:
        case told.DialTaken(call_id=call, heard=heard):
            dialling.answered(call, at=now, heard=heard)
        case told.DialKey(call_id=call, question=question, key=key):
            dialling.pressed(call, question, key, at=now)
        case told.DialOver(call_id=call, status=status, cause=cause):
            dialling.ended(call, status=status, cause=cause, at=now)
        case told.DialNotBegun(context=context, extension=number):
            dialling.not_begun(context, number, at=now)
        case _:
            pass


LISTENERS: list[Listener] = [
    follow_call, follow_kept_places, follow_dialling, lines.follow, guarding.follow,
]  # fmt: skip
SWEEPS: list[Sweep] = [lines.look, guarding.keep]


# Of the messages that are no news of a queue or of our own dialplan, what some listener stores.
STORED = frozenset(
    {"Newchannel", "Hangup", "DeviceStateChange", "DTMFEnd", "ChanSpyStart", "ChanSpyStop"}
)


def concerns(event: told.AmiEvent) -> bool:
    """Whether a listener may store something of it. Most of what a busy exchange says is for the
    router alone, or for nobody, and need not stand in line.
    """
    if isinstance(event, told.Other):
        return event.name in STORED
    return not isinstance(event, told.MemberChanged)


def tell(event: told.AmiEvent, now: datetime, insist: Insisting | None = None) -> None:
    """Hand one event to every listener in turn; with `insist`, when the database is back."""
    for listener in LISTENERS:
        try:
            if insist is None:
                listener(event, now)
            else:
                insist(now, listener, event, now)
        except Exception:
            # One event that cannot be stored must not deafen us; the call log has it too.
            log.exception("%s could not take %s", listener.__name__, type(event).__name__)


async def _seat_agent(board: Switchboard, payload: dict[str, Any]) -> None:
    await board.seat(
        payload["extension"], payload["name"], payload["state"], payload.get("reason", "")
    )


async def _seat_after_change(board: Switchboard, payload: dict[str, Any]) -> None:
    if payload["state"] in ("wrap", "ready", "paused", "signed_out"):
        await _seat_agent(board, payload)


async def _set_up_queues(board: Switchboard, payload: dict[str, Any]) -> None:
    await board.set_up_queues()


WISHES: dict[str, Wish] = {
    "agent.wants": _seat_agent, "agent.changed": _seat_after_change,
    "queues.changed": _set_up_queues,
}  # fmt: skip
