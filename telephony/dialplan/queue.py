"""The queue: recorded, waiting, taken by an agent, or given up."""

from __future__ import annotations

from telephony.dialplan.text import block, line
from telephony.dialplan.values import (
    MESSAGE_CONTEXT,
    QUEUE_CONTEXT,
    TRANSFER_CONTEXT,
    DialplanValues,
)


def queue(v: DialplanValues) -> str:
    wav = f"{v.recordings}/${{SP_CALL_ID}}"
    monitor = (
        f"MixMonitor({wav}.wav,br({wav}-in.wav)t({wav}-out.wav),"
        f"/bin/sh {v.recorded_script} ${{SP_CALL_ID}})"
    )
    steps = [
        "Set(TIMEOUT(absolute)=0)",
        "Answer()",
        f'ExecIf($["${{SP_QUEUE}}" = ""]?Set(SP_QUEUE={v.queues[0]}))',
        *(["Gosub(sp-elsewhere,s,1)"] if v.sites else []),
        "Set(QUEUE_PRIO=$[0${SP_PRIORITY} + 0])",
        f"Set(__TRANSFER_CONTEXT={TRANSFER_CONTEXT})",
        monitor,
        f"(join),{line(v, 'queued', queue='${SP_QUEUE}', priority='${QUEUE_PRIO}')}",
        "UserEvent(SPQueued,CallId: ${SP_CALL_ID},Queue: ${SP_QUEUE},QueuePriority: ${QUEUE_PRIO})",
        f"Queue(${{SP_QUEUE}},tcb(sp-predial^s^1(${{CHANNEL}})),,,{v.queue_timeout_s},,sp-answered)",
        'GotoIf($["${QUEUESTATUS}" = "CONTINUE"]?agent-left)',
        f"Goto({MESSAGE_CONTEXT},s,1)",
        "(agent-left),Goto(sp-talked,s,1)",
        "(join-again),Set(QUEUE_PRIO=${SP_PRIORITY})",
        "Goto(join)",
    ]
    keys = "[sp-queue-keys]\n" + block("9", [f"Goto({MESSAGE_CONTEXT},s,1)"])
    own = f"[{QUEUE_CONTEXT}]\n" + block("s", steps)
    doors = [_queue_door(queue) for queue in v.queues]
    return "\n\n".join([own, *doors, keys])


def queue_context(queue: str) -> str:
    """Where the application sends a caller for `queue`, with the priority as the extension.

    The application must not set channel variables instead: a channel it has written to may no
    longer write files or read their sizes in the dialplan ("dangerous function blocked").
    """
    return f"sp-to-{queue}"


def _queue_door(queue: str) -> str:
    return f"[{queue_context(queue)}]\n" + block("_X!", [
        f"Set(SP_QUEUE={queue})",
        "Set(SP_PRIORITY=${EXTEN})",
        f"Goto({QUEUE_CONTEXT},s,1)",
    ])  # fmt: skip
