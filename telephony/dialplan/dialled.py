"""What follows when a number that we rang is taken: an agent, a queue, or a spoken notice.

    Originate Local/<number>@sp-dial-out ──taken──► sp-dialled-queue    the queue, as a caller
                                          └───────► sp-dialled-notice   text, questions, keys
    Originate PJSIP/<agent>  ──taken──► sp-dialled-agent ──► Local/<number>@sp-dial-out

Every step is a line in `dials.jsonl` first and an event second, as in `calls.jsonl`: a notice is
no call of a customer, so it has a file of its own.
"""

from __future__ import annotations

from telephony.dialplan.text import block, dial_line, line
from telephony.dialplan.values import (
    AFTER_CLICK,
    AFTER_NOTICE,
    AFTER_QUEUE,
    OUT_CONTEXT,
    QUEUE_CONTEXT,
    TRANSFER_CONTEXT,
    DialplanValues,
)

# A notice that goes on for longer has met something that does not hang up.
_LONGEST_NOTICE_S = 240
_KEY_WAIT_S = 6
_ASKED_TIMES = 2
# A person says a word or two and waits; a machine goes on. Milliseconds.
_PAUSE_MS = 800
_GREETING_MS = 1800


def dialled(v: DialplanValues) -> str:
    """The contexts above."""
    return "\n\n".join([_to_queue(v), _to_agent(v), _taken(v), _notice(v), _screen()])


def _taken_steps(v: DialplanValues) -> list[str]:
    return [
        dial_line(v, "taken", heard="${SP_HEARD}"),
        "UserEvent(SPDialTaken,Attempt: ${SP_ATTEMPT},Heard: ${SP_HEARD})",
    ]


def _to_queue(v: DialplanValues) -> str:
    """`SP_TO_QUEUE` names the queue, the extension is the priority.

    Whom we called does not wait as long as somebody who called us: after `SP_PATIENCE` seconds
    they hear that we are sorry, and nobody asks them for a message.
    """
    wav = f"{v.recordings}/${{SP_CALL_ID}}"
    return f"[{AFTER_QUEUE}]\n" + block("_X!", [
        "Set(SP_FROM=${FILTER(0-9+,x${SP_NUMBER})})",
        "Set(CHANNEL(hangup_handler_push)=sp-ended,s,1)",
        *_taken_steps(v),
        'ExecIf($["${SP_HELLO}" != ""]?Playback(${SP_HELLO}))',
        "Set(SP_QUEUE=${SP_TO_QUEUE})",
        "Set(SP_PRIORITY=${EXTEN})",
        f"GotoIf($[0${{SP_PATIENCE}} = 0]?{QUEUE_CONTEXT},s,1)",
        "Gosub(sp-queue-terms,s,1)",
        f"Set(__TRANSFER_CONTEXT={TRANSFER_CONTEXT})",
        f"MixMonitor({wav}.wav,br({wav}-in.wav)t({wav}-out.wav),"
        f"/bin/sh {v.recorded_script} ${{SP_CALL_ID}})",
        line(v, "queued", queue="${SP_QUEUE}", priority="${QUEUE_PRIO}", since="${SP_SINCE}"),
        "UserEvent(SPQueued,CallId: ${SP_CALL_ID},Queue: ${SP_QUEUE},"
        "QueuePriority: ${QUEUE_PRIO},Since: ${SP_SINCE})",
        "Queue(${SP_QUEUE},tcb(sp-predial^s^1(${CHANNEL})),,,${SP_PATIENCE},,sp-answered)",
        'GotoIf($["${QUEUESTATUS}" = "CONTINUE"]?sp-talked,s,1)',
        f"Playback({v.prompts}/called-sorry)",
        "Hangup(16)",
    ])  # fmt: skip


def _to_agent(v: DialplanValues) -> str:
    """On the channel of the agent who took the telephone; the extension is the number to ring."""
    wav = f"{v.recordings}/${{SP_CALL_ID}}"
    steps = [
        "Set(SP_FROM=${FILTER(0-9+,x${SP_NUMBER})})",
        "Set(CHANNEL(hangup_handler_push)=sp-ended,s,1)",
        "Set(__TRANSFER_CONTEXT=sp-internal)",
        # The legs the other way round: here the agent's channel is the one that is recorded, and
        # `-in` holds the customer in every recording.
        f"MixMonitor({wav}.wav,br({wav}-out.wav)t({wav}-in.wav),"
        f"/bin/sh {v.recorded_script} ${{SP_CALL_ID}})",
        f"Dial(Local/${{EXTEN}}@{OUT_CONTEXT}/n,,TgU(sp-dial-taken))",
        'ExecIf($["${DIALSTATUS}" = "ANSWER"]?Hangup(16))',
        # The agent hears how it went before the line is gone.
        'ExecIf($["${DIALSTATUS}" = "BUSY"]?Busy(3))',
        "Congestion(3)",
        "Hangup(19)",
    ]
    return f"[{AFTER_CLICK}]\n" + "\n".join(block(pattern, steps) for pattern in ("_X!", "_+X!"))


def _taken(v: DialplanValues) -> str:
    """On the customer's side of an agent's call: from here on it is a call like others."""
    return "[sp-dial-taken]\n" + block("s", [
        *_taken_steps(v),
        line(v, "answered", agent="${SP_CLICKED}"),
        "UserEvent(SPAnswered,CallId: ${SP_CALL_ID},Agent: ${SP_CLICKED})",
        "Return()",
    ])  # fmt: skip


def _notice(v: DialplanValues) -> str:
    """`SP_INTRO`, `SP_ASK_1…`, `SP_THANKS` are sounds, `SP_ASKED` counts the questions.

    `SP_SCREEN` listens for a machine first; `SP_MACHINE` lets a machine hear the text. A key during
    the text answers the first question.
    """
    steps = [
        f"Set(TIMEOUT(absolute)={_LONGEST_NOTICE_S})",
        'ExecIf($["${SP_SCREEN}" = "1"]?Gosub(sp-dial-screen,s,1))',
        *_taken_steps(v),
        'GotoIf($["${SP_HEARD}" = "MACHINE"]?machine)',
        "Set(SP_N=0)",
        "Set(SP_BEFORE=${SP_INTRO})",
        "GotoIf($[0${SP_ASKED} > 0]?ask)",
        "Playback(${SP_INTRO})",
        "Goto(thanks)",
        "(ask),Set(SP_N=$[${SP_N} + 1])",
        "GotoIf($[${SP_N} > 0${SP_ASKED}]?thanks)",
        "Set(SP_SAY=${SP_ASK_${SP_N}})",
        'ExecIf($["${SP_BEFORE}" != ""]?Set(SP_SAY=${SP_BEFORE}&${SP_SAY}))',
        f"Read(SP_KEY,${{SP_SAY}},1,,{_ASKED_TIMES},{_KEY_WAIT_S})",
        "Set(SP_BEFORE=)",
        'ExecIf($["${READSTATUS}" = "HANGUP"]?Hangup(16))',
        "Set(SP_KEY=${FILTER(0-9*,x${SP_KEY})})",
        dial_line(v, "key", question="${SP_N}", key="${SP_KEY}"),
        "UserEvent(SPDialKey,Attempt: ${SP_ATTEMPT},Question: ${SP_N},Key: ${SP_KEY})",
        "Goto(ask)",
        '(thanks),ExecIf($["${SP_THANKS}" != ""]?Playback(${SP_THANKS}))',
        "Hangup(16)",
        '(machine),ExecIf($["${SP_MACHINE}" = "1"]?Playback(${SP_INTRO}))',
        "Hangup(16)",
    ]
    return f"[{AFTER_NOTICE}]\n" + block("s", steps) + "\n" + block("T", ["Hangup(16)"])


def _screen() -> str:
    """Whether a person or a machine took the call, by how long it speaks before it pauses.

    Costs up to three seconds of silence before the text begins.
    """
    clock = "${STRFTIME(,,%s%3q)}"
    return "[sp-dial-screen]\n" + block("s", [
        "Set(SP_HEARD=NOTSURE)",
        "WaitForNoise(60,1,3)",
        'ExecIf($["${WAITSTATUS}" != "NOISE"]?Return())',
        f"Set(SP_SPOKE={clock})",
        f"WaitForSilence({_PAUSE_MS},1,4)",
        f"Set(SP_SPOKE=$[{clock} - ${{SP_SPOKE}}])",
        "Set(SP_HEARD=HUMAN)",
        f'ExecIf($["${{WAITSTATUS}}" != "SILENCE" | ${{SP_SPOKE}} > {_GREETING_MS + _PAUSE_MS}]'
        "?Set(SP_HEARD=MACHINE))",
        "Return()",
    ])  # fmt: skip
