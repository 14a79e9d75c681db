"""What to do next in the conversation before the queue: a pure function of what has happened.

    DECIDING --decided--> PLAYING --played--> WAITING --no key--> queue
        nothing known: PLAYING --played--> queue
        keys in PLAYING and WAITING: 1 emergency, 0 and # person, 9 message
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from telephony.dialplan import EMERGENCY_PRIORITY
from telephony.sentences import Language, Say

KEY_WAIT_S = 4.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What the caller hears before the queue (nothing for most), and where they stand in it.

    `priority` 0 is the usual place, higher comes first; `queue` empty is the usual queue.
    """

    announce: Sequence[Say] = ()
    priority: int = 0
    queue: str = ""


class Stage(Enum):
    """Where the conversation stands."""

    DECIDING = "deciding"
    PLAYING = "playing"
    WAITING = "waiting"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Flow:
    """The conversation so far."""

    language: Language
    stage: Stage = Stage.DECIDING
    decision: Decision = Decision()
    keys: str = ""
    late: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision, or None when it was late or failed."""

    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Played:
    """The announcement is over, or could not be played."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key."""

    digit: str


@dataclass(frozen=True, slots=True)
class NoKey:
    """The wait for a key is over."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The caller hung up."""


Happening = Decided | Played | Pressed | NoKey | Gone


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer the call."""


@dataclass(frozen=True, slots=True)
class Play:
    """Play these, one after another; keys are heard meanwhile."""

    says: tuple[Say, ...]


@dataclass(frozen=True, slots=True)
class WaitForKey:
    """Wait for a key, `seconds` at most."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ToQueue:
    """Give the call to the queue."""

    priority: int
    queue: str


@dataclass(frozen=True, slots=True)
class ToMessage:
    """Let the caller leave a message."""


Step = Answer | Play | WaitForKey | ToQueue | ToMessage


def next_steps(flow: Flow, happening: Happening) -> tuple[Flow, tuple[Step, ...]]:
    """What to do after `happening`, and the conversation as it stands then.

    Keys: 1 goes to a person as an emergency, 0 and # to a person at once, 9 to a message; other
    keys change nothing. Nothing pressed: the queue.
    """
    if flow.stage is Stage.OVER:
        return flow, ()
    if isinstance(happening, Gone):
        return replace(flow, stage=Stage.OVER), ()
    if isinstance(happening, Decided):
        return _decided(flow, happening.decision)
    if isinstance(happening, Pressed):
        return _pressed(flow, happening.digit)
    if isinstance(happening, Played) and flow.stage is Stage.PLAYING:
        if flow.decision.announce:
            return replace(flow, stage=Stage.WAITING), (WaitForKey(KEY_WAIT_S),)
        return _to_queue(flow, flow.decision.priority)
    if isinstance(happening, NoKey) and flow.stage is Stage.WAITING:
        return _to_queue(flow, flow.decision.priority)
    return flow, ()


def _decided(flow: Flow, decision: Decision | None) -> tuple[Flow, tuple[Step, ...]]:
    if flow.stage is not Stage.DECIDING:
        return flow, ()
    known = replace(
        flow, stage=Stage.PLAYING, decision=decision or Decision(), late=decision is None
    )
    # The law wants the caller told of the recording, whatever else is said.
    says = [Say("recorded", flow.language)]
    if known.decision.announce:
        says += [*known.decision.announce, Say("choose-key", flow.language)]
    return known, (Answer(), Play(tuple(says)))


def _pressed(flow: Flow, digit: str) -> tuple[Flow, tuple[Step, ...]]:
    flow = replace(flow, keys=(flow.keys + digit)[:20])
    if flow.stage is Stage.DECIDING:
        return flow, ()
    if digit == "1":
        return _to_queue(flow, max(EMERGENCY_PRIORITY, flow.decision.priority))
    if digit in {"0", "#"}:
        return _to_queue(flow, flow.decision.priority)
    if digit == "9":
        return replace(flow, stage=Stage.OVER), (ToMessage(),)
    return flow, ()


def _to_queue(flow: Flow, priority: int) -> tuple[Flow, tuple[Step, ...]]:
    over = replace(flow, stage=Stage.OVER)
    return over, (ToQueue(priority, flow.decision.queue),)
