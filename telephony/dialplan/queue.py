"""The queue: recorded, waiting, taken by an agent, called back, or given up."""

from __future__ import annotations

import re

from telephony.dialplan.text import block, line
from telephony.dialplan.values import (
    CALLBACK_CONTEXT,
    MESSAGE_CONTEXT,
    QUEUE_CODE,
    QUEUE_CONTEXT,
    QUEUE_DOOR,
    TRANSFER_CONTEXT,
    DialplanValues,
)
from telephony.order import HELPER_PENALTY

KEYS, KEYS_WITHOUT_CALLBACK = "sp-queue-keys", "sp-queue-keys-plain"
_PRIORITY = "Set(QUEUE_PRIO=$[0${SP_PRIORITY} + 0])"
# STRFTIME's %s is wrong where the process has another time zone than the machine.
_EPOCH = "${EPOCH}.${STRFTIME(,,%3q)}"


def queue(v: DialplanValues) -> str:
    wav = f"{v.recordings}/${{SP_CALL_ID}}"
    monitor = (
        f"MixMonitor({wav}.wav,br({wav}-in.wav)t({wav}-out.wav),"
        f"/bin/sh {v.recorded_script} ${{SP_CALL_ID}})"
    )
    count = "${QUEUE_WAITING_COUNT(${SP_QUEUE})}"
    told = {"queue": "${SP_QUEUE}", "priority": "${QUEUE_PRIO}", "since": "${SP_SINCE}"}
    steps = [
        "Set(TIMEOUT(absolute)=0)",
        "Answer()",
        "Gosub(sp-queue-terms,s,1)",
        *(["Gosub(sp-elsewhere,s,1)", _PRIORITY] if v.sites else []),
        f"Set(__TRANSFER_CONTEXT={TRANSFER_CONTEXT})",
        # Without our program nobody else tells the caller that they may leave a message.
        'ExecIf($["${SP_FALLBACK}" != ""]?Set(CHANNEL(musicclass)=waiting))',
        monitor,
        f"(join),Set(QUEUE_MAX_PENALTY={HELPER_PENALTY - 1})",
        f"ExecIf($[${{SP_CROWD}} > 0 & {count} >= ${{SP_CROWD}}]?"
        f"Set(QUEUE_MAX_PENALTY={2 * HELPER_PENALTY}))",
        line(v, "queued", **told),
        "UserEvent(SPQueued,CallId: ${SP_CALL_ID},Queue: ${SP_QUEUE},"
        "QueuePriority: ${QUEUE_PRIO},Since: ${SP_SINCE})",
        "Queue(${SP_QUEUE},tcb(sp-predial^s^1(${CHANNEL})),,,${SP_WAIT},,sp-answered,,"
        "${SP_POSITION})",
        'GotoIf($["${QUEUESTATUS}" = "CONTINUE"]?agent-left)',
        'GotoIf($["${QUEUESTATUS}" = "TIMEOUT" | "${QUEUESTATUS}" = "FULL"]?give-up)',
        f"Goto({MESSAGE_CONTEXT},s,1)",
        f"(give-up),GotoIf($[${{SP_CALLBACK}} = 0]?{MESSAGE_CONTEXT},s,1)",
        f"Read(SP_KEY,{v.prompts}/callback-or-message,1,,1,4)",
        f'GotoIf($["${{SP_KEY}}" = "2"]?{CALLBACK_CONTEXT},s,1)',
        f"Goto({MESSAGE_CONTEXT},s,1)",
        "(agent-left),Goto(sp-talked,s,1)",
        "(join-again),Set(QUEUE_PRIO=${SP_PRIORITY})",
        "Goto(join)",
    ]
    to_message = block("9", [f"Goto({MESSAGE_CONTEXT},s,1)"])
    to_callback = block("2", [f"Goto({CALLBACK_CONTEXT},s,1)"])
    return "\n\n".join([
        f"[{QUEUE_CONTEXT}]\n" + block("s", steps),
        _terms(v), _doors(v), _call_back(v),
        f"[{KEYS}]\n{to_message}\n{to_callback}", f"[{KEYS_WITHOUT_CALLBACK}]\n{to_message}",
    ])  # fmt: skip


def _terms(v: DialplanValues) -> str:
    """Which queue, since when, and its rules, from the small file written for each queue."""
    first = v.queues[0]
    setting = f"{v.own}/${{SP_QUEUE}}.queue"
    steps = [
        "Set(SP_QUEUE=${FILTER(a-z0-9,-${SP_QUEUE})})",
        f'ExecIf($["${{SP_QUEUE}}" = ""]?Set(SP_QUEUE={first}))',
        f"ExecIf($[${{QUEUE_EXISTS(${{SP_QUEUE}})}} = 0]?Set(SP_QUEUE={first}))",
        _PRIORITY,
        f'ExecIf($["${{SP_SINCE}}" = ""]?Set(SP_SINCE={_EPOCH}))',
        f"Set(SP_WAIT=${{FILTER(0-9,x${{FILE({setting},0,1,l)}})}})",
        f"Set(SP_CROWD=0${{FILTER(0-9,x${{FILE({setting},1,1,l)}})}})",
        f"Set(SP_CALLBACK=${{FILTER(0-9,x${{FILE({setting},2,1,l)}})}})",
        f'ExecIf($["${{SP_WAIT}}" = ""]?Set(SP_WAIT={v.queue_timeout_s}))',
        'ExecIf($["${SP_CALLBACK}" = ""]?Set(SP_CALLBACK=1))',
        # Agents of other queues are members too, but ring only after a while or in a crowd.
        f"Set(QUEUE_MAX_PENALTY={HELPER_PENALTY - 1})",
        "Return()",
    ]
    return "[sp-queue-terms]\n" + block("s", steps)


def queue_door(queue: str, priority: int, language: str = "") -> tuple[str, str]:
    """(context, extension) by which the application sends a caller into a queue.

    All travel as the extension, with the caller's language, where it is known, behind. The
    application must not set channel variables instead: a channel it has written to may no longer
    write files or read their sizes in the dialplan ("dangerous function blocked"). A queue that
    Asterisk does not know leads to the first one. Raises ValueError for what cannot be a queue.
    """
    if not QUEUE_CODE.fullmatch(queue) or not 0 <= priority <= 1000:
        raise ValueError(f"queue: {queue!r} with priority {priority} is none")
    if not re.fullmatch(r"[a-z]{0,8}", language):
        raise ValueError(f"language: {language!r} is none")
    return QUEUE_DOOR, "_".join([queue, str(priority), *([language] if language else [])])


def _doors(v: DialplanValues) -> str:
    take_apart = ["Set(SP_QUEUE=${CUT(EXTEN,_,1)})", "Set(SP_PRIORITY=${CUT(EXTEN,_,2)})",
                  "Set(SP_LANGUAGE=${CUT(EXTEN,_,3)})"]  # fmt: skip
    own = block("_[a-z].", [*take_apart, f"Goto({QUEUE_CONTEXT},s,1)"])
    back = block("_[a-z].", [*take_apart, f"Goto({CALLBACK_CONTEXT},s,1)"])
    return f"[{QUEUE_DOOR}]\n{own}\n\n[{CALLBACK_CONTEXT}-to]\n{back}"


def _call_back(v: DialplanValues) -> str:
    """Hang up and be called: the place is kept by our program, who hears of it."""
    told = {
        "queue": "${SP_QUEUE}", "priority": "${QUEUE_PRIO}", "since": "${SP_SINCE}",
        "number": "${SP_BACK}",
    }  # fmt: skip
    return f"[{CALLBACK_CONTEXT}]\n" + block("s", [
        "Set(TIMEOUT(absolute)=0)",
        "Answer()",
        "Gosub(sp-queue-terms,s,1)",
        "Set(SP_BACK=${SP_FROM})",
        "GotoIf($[${LEN(${SP_BACK})} > 4]?known)",
        f"Read(SP_TYPED,{v.prompts}/callback-enter,15,,2,8)",
        "Set(SP_BACK=${FILTER(0-9,x${SP_TYPED})})",
        f"GotoIf($[${{LEN(${{SP_BACK}})}} < 5]?{MESSAGE_CONTEXT},s,1)",
        f"(known),{line(v, 'callback_wanted', **told)}",
        "UserEvent(SPCallBackWanted,CallId: ${SP_CALL_ID},Queue: ${SP_QUEUE},"
        "QueuePriority: ${QUEUE_PRIO},Since: ${SP_SINCE},Number: ${SP_BACK})",
        f"Playback({v.prompts}/callback-kept)",
        "Hangup(16)",
    ])  # fmt: skip
