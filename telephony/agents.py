"""An agent's place in the queue. Every verb may be repeated: the second time changes nothing."""

from __future__ import annotations

from telephony.ami.client import AmiActions, AmiError
from telephony.ami.events import MemberChanged, parse_event


def _interface(extension: str) -> str:
    if not extension.isdecimal() or not extension.isascii():
        raise ValueError(f"extension: {extension!r} is not digits")
    return f"PJSIP/{extension}"


async def join_queue(
    ami: AmiActions, queue: str, extension: str, name: str, *, paused_for: str = ""
) -> None:
    """Put the phone into the queue, paused when `paused_for` says why. Raises AmiError."""
    interface = _interface(extension)
    try:
        await ami.action(
            "QueueAdd", Queue=queue, Interface=interface, MemberName=name,
            StateInterface=interface, Paused=bool(paused_for), Reason=paused_for,
        )  # fmt: skip
    except AmiError as refused:
        if "Already there" not in str(refused):
            raise
        await pause(ami, queue, extension, paused_for)


async def leave_queue(ami: AmiActions, queue: str, extension: str) -> None:
    """Take the phone out of the queue; a call in progress goes on. Raises AmiError."""
    try:
        await ami.action("QueueRemove", Queue=queue, Interface=_interface(extension))
    except AmiError as refused:
        if "Not there" not in str(refused):
            raise


async def pause(ami: AmiActions, queue: str, extension: str, reason: str) -> None:
    """No calls to this phone for `reason` (for example ACW); an empty reason ends the pause."""
    await ami.action(
        "QueuePause", Queue=queue, Interface=_interface(extension), Paused=bool(reason),
        Reason=reason,
    )  # fmt: skip


async def members(ami: AmiActions, queue: str) -> list[MemberChanged]:
    """Everyone in the queue now, with state and pause. For reading after a reconnect."""
    listed = await ami.actions_list("QueueStatus", Queue=queue)
    events = [parse_event(message) for message in listed]
    return [event for event in events if isinstance(event, MemberChanged)]


async def calls_waiting(ami: AmiActions, queue: str) -> list[str]:
    """Call ids standing in the queue now, first in line first."""
    listed = await ami.actions_list("QueueStatus", Queue=queue)
    entries = [m for m in listed if m.get("Event") == "QueueEntry"]
    entries.sort(key=lambda m: m.number("Position"))
    return [m.get("Uniqueid") for m in entries]


async def calls_present(ami: AmiActions) -> set[str]:
    """Call ids of every call Asterisk holds now, so that the others can be ended."""
    channels = await ami.actions_list("CoreShowChannels")
    return {m.get("Linkedid") for m in channels if m.get("Linkedid")}
