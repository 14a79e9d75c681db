"""One caller, another agent: transfer, consultation, and the way back when nobody answers.

    agent 1 --AMI BlindTransfer--> sp-transfer: ring agent 2
                                      | busy, no answer        answered: talk
                                      v                             |
                                   agent 1 again, three times at most, then the front of the queue
    agent 1 --AMI BlindTransfer--> sp-transfer,<queue>_<place>: that queue by its own rules; the
                                   fourth time in one call: the front of it
    agent 1 --AMI Atxfer--> sp-consult: agent 2, while the caller hears music
    agent's browser loaded again --> sp-resume: the same agent first, then the front of the queue

Everything here runs on the caller's channel (sp-consult: on a channel of the consultation), so the
recording, the hangup handler and the call's name go along by themselves.
"""

from __future__ import annotations

from telephony.dialplan.rating import asked_after_talk
from telephony.dialplan.text import block, heard, line
from telephony.dialplan.values import (
    CONSULT_CONTEXT,
    LOST_AGENT_PRIORITY,
    OUT_CONTEXT,
    QUEUE_CODE,
    QUEUE_CONTEXT,
    RESUME_CONTEXT,
    TRANSFER_CONTEXT,
    DialplanValues,
)

RING_S = 15
# So often a transfer may come back before the caller goes to the front of the queue instead.
MOST_RETURNS = 3
# So often a caller may be sent from queue to queue before they stand in front of everybody.
MOST_HANDED = 3
# How long a browser may take to be there again after it was loaded anew.
RETURN_S = 8
# Music instead of ringing: the caller has been talking already.
_RING = "m(default)gt"


def _dial(extension: str, how: str = "") -> str:
    """Ring one desk; afterwards the caller's channel goes on in the dialplan."""
    before = f"b(sp-predial^s^1(${{CHANNEL}}^{how}))"
    return f"Dial(PJSIP/{extension},{RING_S},{_RING}{before}U(sp-answered))"


# Who transfers stands in the name of their channel: PJSIP/1101-0000001f.
_BACK = [
    'ExecIf($["${BLINDTRANSFER}" != ""]?Set(SP_BACK=${FILTER(0-9,x${CUT(CUT(BLINDTRANSFER,-,1),'
    "/,2)})}))",
    "Set(BLINDTRANSFER=)",
]


def queue_place(queue: str, place: int) -> str:
    """The extension of the transfer's context that leads to a queue, at `place` in it from 1.

    The place counts callers of higher priority too; nobody of a higher one is overtaken. Raises
    ValueError for what cannot be a queue.
    """
    if not QUEUE_CODE.fullmatch(queue) or not 1 <= place <= 9999:
        raise ValueError(f"queue: {queue!r} at place {place} is none")
    return f"{queue}_{place}"


def _to_queue(v: DialplanValues) -> str:
    """Since when the caller waits and with what priority stays, so their turn is what it was."""
    # Two signs at least: one alone would be the extension that Asterisk runs at a hang-up.
    return block("_[a-z].", [
        *_BACK,
        "Set(SP_QUEUE=${CUT(EXTEN,_,1)})",
        "Set(SP_POSITION=${FILTER(0-9,x${CUT(EXTEN,_,2)})})",
        "UserEvent(SPTransfer,CallId: ${SP_CALL_ID},From: ${SP_BACK},To: ${SP_QUEUE})",
        line(v, "transferred", agent="${SP_BACK}", to="${SP_QUEUE}"),
        "Set(SP_RETURNS=0)",
        "Set(SP_HANDED=$[0${SP_HANDED} + 1])",
        f"GotoIf($[${{SP_HANDED}} <= {MOST_HANDED}]?join)",
        f"Set(SP_PRIORITY={LOST_AGENT_PRIORITY})",
        "Set(SP_POSITION=)",
        "(join),Gosub(sp-queue-terms,s,1)",
        f"Goto({QUEUE_CONTEXT},s,join)",
    ])  # fmt: skip


def transfer(v: DialplanValues) -> str:
    start = [
        *_BACK,
        "Set(SP_TO=${EXTEN})",
        "UserEvent(SPTransfer,CallId: ${SP_CALL_ID},From: ${SP_BACK},To: ${SP_TO})",
        line(v, "transferred", agent="${SP_BACK}", to="${SP_TO}"),
        "Goto(sp-ring,s,1)",
    ]
    ring = [
        _dial("${SP_TO}", "transfer"),
        'GotoIf($["${DIALSTATUS}" = "ANSWER"]?talked)',
        "Set(SP_RETURNS=$[0${SP_RETURNS} + 1])",
        "UserEvent(SPTransferFailed,CallId: ${SP_CALL_ID},From: ${SP_BACK},To: ${SP_TO},"
        "Status: ${DIALSTATUS},Returns: ${SP_RETURNS})",
        line(v, "transfer_failed", agent="${SP_BACK}", to="${SP_TO}", status="${DIALSTATUS}"),
        f'GotoIf($["${{SP_BACK}}" = "" | ${{SP_RETURNS}} > {MOST_RETURNS}]?front)',
        _dial("${SP_BACK}", "back"),
        'GotoIf($["${DIALSTATUS}" = "ANSWER"]?returned)',
        f"(front),Goto({RESUME_CONTEXT},front,1)",
        "(talked),Set(SP_RETURNS=0)",
        "(returned),Goto(sp-talked,s,1)",
    ]
    # The agent has left the talk, and the caller is still there.
    talked = [
        "Wait(0.3)",
        f'GotoIf($["${{SHARED(SP_AGENT_CAUSE)}}" = "44"]?{RESUME_CONTEXT},s,1)',
        *asked_after_talk(v),
        "Hangup(16)",
    ]
    blocks = [block(extension, start) for extension in v.extensions]
    refuse = [block(pattern, ["Congestion(2)", "Hangup(34)"]) for pattern in ("_X!", "_+X!")]
    return "\n\n".join([
        f"[{TRANSFER_CONTEXT}]\n" + "\n".join([*blocks, _to_queue(v), *refuse]),
        "[sp-ring]\n" + block("s", ring),
        "[sp-talked]\n" + block("s", talked),
        _resume(v),
        _consult(v),
        _hold(),
    ])  # fmt: skip


def _resume(v: DialplanValues) -> str:
    """The agent's browser is gone. One that was only loaded again is back within seconds."""
    start = [
        "Set(SP_AGENT=${FILTER(0-9,x${SHARED(SP_AGENT_GONE)})})",
        "Set(SHARED(SP_AGENT_CAUSE)=)",
        line(v, "agent_lost", agent="${SP_AGENT}"),
        "UserEvent(SPAgentLost,CallId: ${SP_CALL_ID},Agent: ${SP_AGENT})",
        f"GotoIf($[${{DIALPLAN_EXISTS({RESUME_CONTEXT},${{SP_AGENT}},1)}} = 1]?"
        f"{RESUME_CONTEXT},${{SP_AGENT}},1:{RESUME_CONTEXT},front,1)",
    ]
    # No other caller may ring there first.
    again = [
        "PauseQueueMember(,PJSIP/${EXTEN},,resume)",
        f"Playback({heard(v, 'reconnect')})",
        f"Set(SP_UNTIL=$[${{EPOCH}} + {RETURN_S}])",
        "StartMusicOnHold()",
        '(look),GotoIf($["${DEVICE_STATE(PJSIP/${EXTEN})}" = "NOT_INUSE"]?there)',
        "Wait(0.25)",
        "GotoIf($[${EPOCH} < ${SP_UNTIL}]?look)",
        "StopMusicOnHold()",
        f"Goto({RESUME_CONTEXT},front,1)",
        "(there),StopMusicOnHold()",
        _dial("${EXTEN}", "resume"),
        f'GotoIf($["${{DIALSTATUS}}" = "ANSWER"]?sp-talked,s,1:{RESUME_CONTEXT},front,1)',
    ]
    # In front of everybody else; the recording goes on by itself.
    front = [
        "UserEvent(SPBackToQueue,CallId: ${SP_CALL_ID})",
        "Set(SP_RETURNS=0)",
        f"Set(SP_PRIORITY={LOST_AGENT_PRIORITY})",
        "Set(SP_POSITION=)",
        f"Goto({QUEUE_CONTEXT},s,join-again)",
    ]
    parts = [block("s", start), block("front", front)]
    parts += [block(extension, again) for extension in v.browsers]
    return f"[{RESUME_CONTEXT}]\n" + "\n".join(parts)


def _consult(v: DialplanValues) -> str:
    """Whom an agent may ask before handing a caller over: a desk, or a number outside."""
    asked = [
        "UserEvent(SPConsult,CallId: ${SP_CALL_ID},To: ${EXTEN})",
        f"Dial(PJSIP/${{EXTEN}},{RING_S},tb(sp-predial^s^1(${{SP_CALLER_CHANNEL}}^consult))"
        "U(sp-consulted))",
        'ExecIf($["${DIALSTATUS}" = "BUSY"]?Busy(1))',
        "Hangup(17)",
    ]
    consulted = [
        "Set(SP_AGENT=${FILTER(0-9A-Za-z_-,.${CHANNEL(endpoint)})})",
        "UserEvent(SPConsulted,CallId: ${SP_CALL_ID},Agent: ${SP_AGENT},AgentChannel: ${CHANNEL})",
        "Return()",
    ]
    blocks = [block(extension, asked) for extension in v.extensions]
    blocks += [block(pattern, [f"Goto({OUT_CONTEXT},${{EXTEN}},1)"]) for pattern in ("_X!", "_+X!")]
    return f"[{CONSULT_CONTEXT}]\n" + "\n".join(blocks) + "\n\n[sp-consulted]\n" + block(
        "s", consulted
    )  # fmt: skip


def _hold() -> str:
    """Music for the caller of a desk telephone, whose own button nobody presses."""
    return "[sp-hold]\n" + block("s", [
        "UserEvent(SPHold,CallId: ${SP_CALL_ID},Holder: ${SHARED(SP_HOLDER)})",
        "StartMusicOnHold()",
        "Set(SP_HELD_UNTIL=$[${EPOCH} + 900])",
        '(held),GotoIf($["${SHARED(SP_HOLD)}" != "1" | ${EPOCH} > ${SP_HELD_UNTIL}]?back)',
        'GotoIf($["${CHANNEL_EXISTS(${SHARED(SP_HOLDER)})}" = "0"]?back)',
        "Wait(0.2)",
        "Goto(held)",
        "(back),StopMusicOnHold()",
        "Set(SHARED(SP_HOLD)=)",
        "UserEvent(SPUnhold,CallId: ${SP_CALL_ID},Holder: ${SHARED(SP_HOLDER)})",
        "Return()",
    ])  # fmt: skip
