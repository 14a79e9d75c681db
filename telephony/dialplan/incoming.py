"""A call from the public network, up to the queue: with the application, or without it."""

from __future__ import annotations

from telephony.dialplan.text import block, line
from telephony.dialplan.values import QUEUE_CONTEXT, STASIS_APP, DialplanValues


def from_pstn(v: DialplanValues) -> str:
    arrived = [
        "Set(__SP_CALL_ID=${UNIQUEID})",
        # A withheld number stays withheld even when the operator passes it along.
        'ExecIf($["${CALLERID(pres):0:6}" = "prohib"]?Set(CALLERID(all)=Anonymous <anonymous>))',
        "Set(SP_FROM=${FILTER(0-9+,x${CALLERID(num)})})",
        "Set(CHANNEL(hangup_handler_push)=sp-ended,s,1)",
        line(
            v, "arrived", number="${SP_FROM}", name="${URIENCODE(x${CALLERID(name)})}",
            to="${EXTEN}",
        ),
        f"Set(TIMEOUT(absolute)={v.watchdog_s})",
        f"Stasis({STASIS_APP},incoming,${{EXTEN}})",
        "Set(TIMEOUT(absolute)=0)",
        "Set(SP_FALLBACK=${IF($[\"${STASISSTATUS}\" = \"SUCCESS\"]?returned:absent)})",
        "Goto(sp-fallback,s,1)",
    ]  # fmt: skip
    rescued = [
        "Set(TIMEOUT(absolute)=0)",
        "Set(SP_FALLBACK=watchdog)",
        "Goto(sp-fallback,s,1)",
    ]
    blocks = [block(v.service_number, arrived), block("T", rescued)]
    blocks += [block(pattern, ["Congestion(2)", "Hangup(34)"]) for pattern in ("_X!", "_+X!")]
    return "[from-pstn]\n" + "\n".join(blocks)


def fallback(v: DialplanValues) -> str:
    return "[sp-fallback]\n" + block("s", [
        line(v, "fallback", reason="${SP_FALLBACK}"),
        "UserEvent(SPFallback,CallId: ${SP_CALL_ID},Reason: ${SP_FALLBACK})",
        "Answer()",
        f"Playback({v.prompts}/recorded)",
        f"Goto({QUEUE_CONTEXT},s,1)",
    ])  # fmt: skip
