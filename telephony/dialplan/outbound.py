"""The way out to the public network, for calls that we make ourselves.

Nothing leads here but an Originate of ours (`Local/<number>@sp-dial-out`): neither the trunk's
context nor the desks' knows the name. What may be called is a list of patterns, so that a stolen
account cannot ring up expensive numbers abroad.
"""

from __future__ import annotations

from telephony.dialplan.text import block, dial_line
from telephony.dialplan.values import OUT_CONTEXT, DialplanValues

_RING_S = "${IF($[0${FILTER(0-9,x${SP_RING_S})} > 0]?${FILTER(0-9,x${SP_RING_S})}:30)}"


def outbound(v: DialplanValues) -> str:
    """`SP_ATTEMPT` names the attempt, `SP_RING_S` says how long to ring (30 s)."""
    known = "${DIALPLAN_EXISTS(sp-dial-%s,${EXTEN},1)}"
    steps = [
        # Lengths, not texts: what is dialled is never part of an expression.
        "GotoIf($[${LEN(${FILTER(0-9+,x${EXTEN})})} = ${LEN(${EXTEN})}]?clean:refused)",
        f"(clean),GotoIf($[{known % 'denied'} = 0 & {known % 'allowed'} = 1]?dial:refused)",
        f"(dial),Set(CALLERID(all)={v.service_number} <{v.service_number}>)",
        "Set(CHANNEL(hangup_handler_push)=sp-dialled,s,1)",
        f"Dial(PJSIP/${{EXTEN}}@trunk,{_RING_S})",
        # Kept now: Busy and Congestion put causes of their own in its place.
        "Set(SP_CAUSE=${HANGUPCAUSE})",
        # The channel that asked for this call must hear how it went: Busy and Congestion say so.
        'ExecIf($["${DIALSTATUS}" = "BUSY"]?Busy(1))',
        'ExecIf($["${DIALSTATUS}" = "CONGESTION"]?Congestion(1))',
        'ExecIf($["${DIALSTATUS}" = "CHANUNAVAIL"]?Congestion(1))',
        "Hangup(19)",
        "(refused)," + dial_line(
            v, "over", status="NOTALLOWED", cause="21", number="${FILTER(0-9+,x${EXTEN})}"
        ),
        "UserEvent(SPDialRefused,Attempt: ${SP_ATTEMPT},Number: ${FILTER(0-9+,x${EXTEN})})",
        "Hangup(21)",
    ]
    told = [
        dial_line(v, "over", status="${DIALSTATUS}", cause="${SP_CAUSE}"),
        "UserEvent(SPDialled,Attempt: ${SP_ATTEMPT},Status: ${DIALSTATUS},Cause: ${SP_CAUSE})",
        "Return()",
    ]
    if not v.trunk_out:
        steps = ["Goto(refused)", *steps[-3:]]
    parts = [
        f"[{OUT_CONTEXT}]\n" + "\n".join(block(pattern, steps) for pattern in ("_X!", "_+X!")),
        "[sp-dialled]\n" + block("s", told),
    ]
    for name, patterns in (("allowed", v.dial_allowed), ("denied", v.dial_denied)):
        if patterns:
            parts.append(f"[sp-dial-{name}]\n" + "\n".join(
                block(f"_{pattern}", ["NoOp()"]) for pattern in patterns
            ))  # fmt: skip
    return "\n\n".join(parts)
