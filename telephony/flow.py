"""What to do next in the conversation before the queue: a pure function of what has happened.

    DECIDING --decided--> PLAYING --played--> WAITING --key / silence--> on through the tree
                             ^                                              |
                             +------ ASKING <-- what was entered -----------+--> queue, message,
    1 emergency and 0 person at every level                                      call back, end

The tree (`ivr_tree.py`) says what is heard and which key leads where; the interpreter keeps what
no tree may take away. Digits entered are never part of what is remembered of a conversation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from telephony.dialplan import EMERGENCY_PRIORITY
from telephony.ivr_tree import DAYS, OTHER, Node, Tree
from telephony.ivr_trees import BUILT_IN
from telephony.sentences import Language, Say

KEY_WAIT_S = 4.0
# Nobody presses as fast or as often as this; a fax, a broken line and an attack do.
FLOOD_KEYS, FLOOD_S, MOST_KEYS = 12, 2.0, 80
MAX_STEPS = 60
# The same wrong numbers are not tried for ever.
WRONG_TRIES = 3
OPTION_KEYS = "2345678"


@dataclass(frozen=True, slots=True)
class Spoken:
    """What an enquiry found: its result (a way of the tree) and what the caller hears.

    With `options` (key, value) the caller first chooses by key; the enquiry is then made again
    with the value as `choice`. `language` changes the call's language from here on.
    """

    says: tuple[Say, ...] = ()
    result: str = ""
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What is known as the call arrives: how it is greeted and where it stands in the queue.

    `announce` is the verdict in words (nothing for most). With `options`, (key, value) pairs, it
    asks which place the caller means. `priority` 0 is the usual place, higher comes first;
    `queue` empty is the usual queue; `language` None the telephone's own; `now` is the local time
    for opening hours, None when they are not to be looked at (then it is open).
    """

    announce: Sequence[Say] = ()
    priority: int = 0
    queue: str = ""
    tree: Tree = BUILT_IN
    language: Language | None = None
    options: tuple[tuple[str, str], ...] = ()
    now: datetime | None = None
    # The number the call came from can be called back.
    number_known: bool = False


class Stage(Enum):
    """Where the conversation stands."""

    DECIDING = "deciding"
    PLAYING = "playing"
    WAITING = "waiting"
    ASKING = "asking"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step of a call's way: seconds since its arrival, the node, the key that led there.

    `key` is empty where none was needed, how many digits were entered ("4 digits"; never which),
    or the result of an enquiry. The nodes of the two keys that no tree has are "@person" and
    "@emergency".
    """

    at: float
    node: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """The conversation so far. `node` is where the caller is or is being led."""

    language: Language
    stage: Stage = Stage.DECIDING
    decision: Decision = Decision()
    keys: str = ""
    late: bool = False
    node: str = ""
    tries: int = 0
    wrong: int = 0
    digits: str = ""
    entered: Mapping[str, str] = field(default_factory=dict)
    options: tuple[tuple[str, str], ...] = ()
    queue: str = ""
    path: tuple[PathStep, ...] = ()
    pressed_at: tuple[float, ...] = ()
    pressed: int = 0
    deaf: bool = False
    # Results of enquiries that were spoken, in order: what the menu did for the caller.
    told: tuple[str, ...] = ()


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
class Answered:
    """An enquiry is answered; None when it was late or failed."""

    spoken: Spoken | None


@dataclass(frozen=True, slots=True)
class Gone:
    """The caller hung up."""


Happening = Decided | Played | Pressed | NoKey | Answered | Gone


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer the call."""


@dataclass(frozen=True, slots=True)
class Play:
    """Play these, one after another; keys are heard meanwhile."""

    says: tuple[Say, ...]


@dataclass(frozen=True, slots=True)
class Hush:
    """Stop what is playing: the caller has begun to enter digits."""


@dataclass(frozen=True, slots=True)
class WaitForKey:
    """Wait for a key, `seconds` at most."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Enquire:
    """Look `what` up with what was entered; `Answered` tells the result."""

    what: str
    entered: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ToQueue:
    """Give the call to the queue."""

    priority: int
    queue: str


@dataclass(frozen=True, slots=True)
class ToMessage:
    """Let the caller leave a message."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """The conversation is over and was satisfied."""


Step = Answer | Play | Hush | WaitForKey | Enquire | ToQueue | ToMessage | HangUp
Steps = tuple[Step, ...]


def next_steps(flow: Flow, happening: Happening, at: float = 0.0) -> tuple[Flow, Steps]:
    """What to do after `happening`, `at` seconds after the call's arrival, and the conversation
    as it stands then.
    """
    if flow.stage is Stage.OVER:
        return flow, ()
    if isinstance(happening, Gone):
        return replace(flow, stage=Stage.OVER), ()
    if isinstance(happening, Decided):
        return _decided(flow, happening.decision, at)
    if isinstance(happening, Pressed):
        return _pressed(flow, happening.digit, at)
    if isinstance(happening, Answered) and flow.stage is Stage.ASKING:
        return _answered(flow, happening.spoken, at)
    if isinstance(happening, Played) and flow.stage is Stage.PLAYING:
        return _played(flow, at)
    if isinstance(happening, NoKey) and flow.stage is Stage.WAITING:
        return _silent(flow, at)
    return flow, ()


def _decided(flow: Flow, decision: Decision | None, at: float) -> tuple[Flow, Steps]:
    if flow.stage is not Stage.DECIDING:
        return flow, ()
    known = decision or Decision()
    flow = replace(
        flow, decision=known, late=decision is None, language=known.language or flow.language
    )
    flow, steps = _enter(flow, known.tree.start, at)
    return flow, (Answer(), *steps)


# --- walking ---------------------------------------------------------------------------------


def _here(flow: Flow) -> Node:
    return flow.decision.tree.nodes[flow.node]


def _enter(
    flow: Flow, name: str, at: float, says: tuple[Say, ...] = (), key: str = ""
) -> tuple[Flow, Steps]:
    """Go to a node and on, until somebody has to press, to be asked or to take over."""
    tree = flow.decision.tree
    for _ in range(len(tree.nodes) + 1):
        node = tree.nodes[name]
        flow = replace(
            flow, node=name, tries=0, digits="", options=(), queue=node.queue or flow.queue
        )
        flow, key = _noted(flow, at, key), ""
        if node.kind == "language":
            other: Language = "en" if flow.language == "zh" else "zh"
            flow = replace(flow, language=other if node.language == "other"
                           else "zh" if node.language == "zh" else "en")  # fmt: skip
            name = node.next
        elif node.kind == "hours":
            name = node.ways["open" if _open(node, flow.decision.now) else "closed"]
        elif node.kind == "say":
            says += _says(flow, node.say)
            name = node.next
        elif node.kind == "enquiry" and node.what == "verdict" and not flow.decision.options:
            says += tuple(flow.decision.announce)
            result = "known" if flow.decision.announce else "nothing"
            if flow.decision.announce:
                flow = replace(flow, told=(*flow.told, "verdict:known"))
            name = node.ways.get(result, node.next)
        elif node.kind == "enquiry" and node.what == "verdict":
            says += tuple(flow.decision.announce)
            flow = replace(flow, options=flow.decision.options)
            return replace(flow, stage=Stage.PLAYING), (Play(says),)
        else:
            return _arrive(flow, node, says)
    # Cannot happen in a checked tree; a caller must not depend on that.
    return _to_person(flow, at)


def _arrive(flow: Flow, node: Node, says: tuple[Say, ...]) -> tuple[Flow, Steps]:
    """Where one has to press, to wait or to leave: say what there is to say first."""
    if node.kind == "callback":
        says += _says(flow, ["callback-this-number" if flow.decision.number_known
                             else "callback-enter"])  # fmt: skip
    else:
        says += _says(flow, node.say)
    flow = replace(flow, stage=Stage.PLAYING)
    return (flow, (Play(says),)) if says else _played(flow, 0.0)


def _enquire(flow: Flow, what: str) -> tuple[Flow, Steps]:
    return replace(flow, stage=Stage.ASKING), (Enquire(what, dict(flow.entered)),)


def _says(flow: Flow, names: Sequence[str]) -> tuple[Say, ...]:
    other: Language = "en" if flow.language == "zh" else "zh"
    return tuple(
        Say(name.removeprefix(OTHER), other if name.startswith(OTHER) else flow.language)
        for name in names
    )


def _open(node: Node, now: datetime | None) -> bool:
    if now is None:
        return True
    if DAYS[now.weekday()] not in node.days or now.date().isoformat() in node.holidays:
        return False
    return node.opens <= now.strftime("%H:%M") < node.closes


def _noted(flow: Flow, at: float, key: str) -> Flow:
    if len(flow.path) >= MAX_STEPS:
        return flow
    return replace(flow, path=(*flow.path, PathStep(round(at, 1), flow.node, key)))


# --- happenings ------------------------------------------------------------------------------


def _played(flow: Flow, at: float) -> tuple[Flow, Steps]:
    node = _here(flow)
    if node.kind == "enquiry" and not flow.options:
        return _enquire(flow, node.what)
    if flow.options or node.kind in ("menu", "ask", "callback"):
        return replace(flow, stage=Stage.WAITING), (WaitForKey(node.wait_s or KEY_WAIT_S),)
    over = replace(flow, stage=Stage.OVER)
    if node.kind == "message":
        return over, (ToMessage(),)
    if node.kind == "end":
        return over, (HangUp(),)
    return _leave(flow, node.priority)


def _pressed(flow: Flow, digit: str, at: float) -> tuple[Flow, Steps]:
    flow = _heard(flow, at)
    if flow.deaf or flow.stage is Stage.DECIDING:
        return flow, ()
    node = _here(flow)
    if _entering(flow, node):
        return _digit(flow, node, digit, at)
    flow = replace(flow, keys=(flow.keys + digit)[:20])
    if digit == "1":
        return _to_person(flow, at, "1")
    if digit == "0":
        return _to_person(flow, at, "0")
    if flow.stage is Stage.ASKING:
        return flow, ()
    if flow.options:
        chosen = dict(flow.options).get(digit)
        if chosen is not None:
            flow = _noted(replace(flow, entered={**flow.entered, "choice": chosen}), at, digit)
            return _enquire(replace(flow, options=()), node.what)
    if node.kind == "callback":
        return _callback_key(flow, digit, at)
    keys = flow.decision.tree.keys
    way = (node.keys.get(digit) if node.kind == "menu" else None) or keys.get(digit)
    if way is not None:
        return _enter(flow, way, at, key=digit)
    if node.kind == "menu" and flow.stage is Stage.WAITING:
        # "*" says it all again, and is no mistake.
        return _again(flow, at, () if digit == "*" else ("not-a-choice",), digit)
    return flow, ()


def _heard(flow: Flow, at: float) -> Flow:
    """Count keys; too many too fast, and no more are heard: silence then leads to a person."""
    recent = (*flow.pressed_at, at)[-FLOOD_KEYS:]
    fast = len(recent) == FLOOD_KEYS and recent[-1] - recent[0] < FLOOD_S
    deaf = flow.deaf or fast or flow.pressed >= MOST_KEYS
    return replace(flow, pressed_at=recent, pressed=flow.pressed + 1, deaf=deaf)


def _silent(flow: Flow, at: float) -> tuple[Flow, Steps]:
    node = _here(flow)
    if flow.options:
        # Nothing chosen: nothing assumed.
        return _enter(flow, node.ways.get("nothing", node.next), at)
    if _entering(flow, node) and flow.digits:
        return _entry_done(flow, node, at)
    return _again(flow, at, ())


def _again(flow: Flow, at: float, first: Sequence[str], key: str = "") -> tuple[Flow, Steps]:
    """The menu or question once more, `first` in front; after the last try to a person."""
    node = _here(flow)
    flow = _noted(replace(flow, tries=flow.tries + 1, digits=""), at, key)
    if flow.tries >= (1 if flow.deaf else node.tries):
        if node.kind == "menu" and node.otherwise and not first:
            return _enter(flow, node.otherwise, at)
        return _to_person(flow, at, key)
    names = list(node.say)
    if node.kind == "callback":
        names = ["callback-enter" if _entering(flow, node) else "callback-this-number"]
    play = Play(_says(flow, [*first, *names]))
    return replace(flow, stage=Stage.PLAYING), (play,)


def _to_person(flow: Flow, at: float, key: str = "") -> tuple[Flow, Steps]:
    """What the two keys that no tree can take away do, and where helplessness ends."""
    emergency = key == "1"
    flow = replace(flow, node="@emergency" if emergency else "@person")
    return _leave(_noted(flow, at, key), EMERGENCY_PRIORITY if emergency else 0)


def _leave(flow: Flow, priority: int) -> tuple[Flow, Steps]:
    over = replace(flow, stage=Stage.OVER)
    way = ToQueue(max(priority, flow.decision.priority), flow.queue or flow.decision.queue)
    return over, (way,)


# --- digits ----------------------------------------------------------------------------------


def _entering(flow: Flow, node: Node) -> bool:
    if flow.stage not in (Stage.PLAYING, Stage.WAITING) or flow.options:
        return False
    if node.kind == "callback":
        return not flow.decision.number_known or "callback" in flow.entered
    return node.kind == "ask"


def _digit(flow: Flow, node: Node, digit: str, at: float) -> tuple[Flow, Steps]:
    first = (Hush(),) if flow.stage is Stage.PLAYING else ()
    flow = replace(flow, stage=Stage.WAITING)
    if digit == "#":
        flow, steps = _entry_done(flow, node, at)
        return flow, (*first, *steps)
    flow = replace(flow, digits="" if digit == "*" else flow.digits + digit)
    if len(flow.digits) >= node.most:
        flow, steps = _entry_done(flow, node, at)
        return flow, (*first, *steps)
    return flow, (*first, WaitForKey(node.wait_s))


def _entry_done(flow: Flow, node: Node, at: float) -> tuple[Flow, Steps]:
    digits = flow.digits
    if digits in ("0", "1"):
        return _to_person(replace(flow, keys=(flow.keys + digits)[:20]), at, digits)
    least = 3 if node.kind == "callback" else node.least
    if len(digits) < least:
        return _again(flow, at, ("not-understood",), f"{len(digits)} digits")
    what = "callback" if node.kind == "callback" else node.what
    flow = replace(flow, entered={**flow.entered, what: digits}, digits="")
    if node.kind == "callback":
        return _enquire(_noted(flow, at, f"{len(digits)} digits"), "callback")
    return _enter(flow, node.next, at, key=f"{len(digits)} digits")


def _callback_key(flow: Flow, digit: str, at: float) -> tuple[Flow, Steps]:
    """At "this number or another?": 2 takes the caller's own, 3 asks for another."""
    if digit == "2":
        return _enquire(_noted(flow, at, digit), "callback")
    if digit == "3":
        flow = _noted(replace(flow, entered={**flow.entered, "callback": ""}), at, digit)
        return replace(flow, stage=Stage.PLAYING), (Play(_says(flow, ["callback-enter"])),)
    if flow.stage is Stage.WAITING:
        return _again(flow, at, ("not-a-choice",), digit)
    return flow, ()


# --- answers ---------------------------------------------------------------------------------


def _answered(flow: Flow, spoken: Spoken | None, at: float) -> tuple[Flow, Steps]:
    node = _here(flow)
    if spoken is None:
        spoken = Spoken(_says(flow, ["lookup-down"]), "down")
    if spoken.options:
        flow = replace(flow, stage=Stage.PLAYING, options=spoken.options)
        return flow, (Play(spoken.says),)
    if node.kind == "callback":
        return _callback_answered(flow, node, spoken, at)
    if spoken.result == "wrong":
        flow = replace(flow, wrong=flow.wrong + 1)
        if flow.wrong >= WRONG_TRIES:
            return _to_person(flow, at, "wrong")
    else:
        flow = replace(flow, told=(*flow.told, f"{node.what}:{spoken.result}"))
    # Numbers are asked for anew: what was entered for one enquiry opens no other.
    flow = replace(flow, entered={})
    return _enter(
        flow, node.ways.get(spoken.result, node.next), at, tuple(spoken.says), key=spoken.result
    )


def _callback_answered(flow: Flow, node: Node, spoken: Spoken, at: float) -> tuple[Flow, Steps]:
    if spoken.result == "ok":
        flow = replace(flow, told=(*flow.told, "callback:ok"), entered={})
        return _enter(flow, node.next, at, tuple(spoken.says), key="ok")
    if spoken.result == "down":
        return _to_person(flow, at, "down")
    flow = replace(flow, stage=Stage.WAITING, entered={**flow.entered, "callback": ""})
    return _again(flow, at, tuple(say.prompt for say in spoken.says), spoken.result)
