"""A call from the public network, up to the queue: with the application, or without it."""

from __future__ import annotations

from telephony.dialplan.text import block, heard, line
from telephony.dialplan.values import MENU_CONTEXT, QUEUE_CONTEXT, STASIS_APP, DialplanValues


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
        *_application(v, "incoming,${EXTEN}"),
    ]  # fmt: skip
    blocks = [block(v.service_number, arrived), block("T", _RESCUED)]
    blocks += [block(pattern, ["Congestion(2)", "Hangup(34)"]) for pattern in ("_X!", "_+X!")]
    menu = [block("s", _application(v, "more")), block("T", _RESCUED)]
    return "[from-pstn]\n" + "\n".join(blocks) + f"\n\n[{MENU_CONTEXT}]\n" + "\n".join(menu)


def _application(v: DialplanValues, arguments: str) -> list[str]:
    """Hand the call to the application; it comes back by `continue`, or into the fallback."""
    return [
        f"Set(TIMEOUT(absolute)={v.watchdog_s})",
        f"Stasis({STASIS_APP},{arguments})",
        "Set(TIMEOUT(absolute)=0)",
        'Set(SP_FALLBACK=${IF($["${STASISSTATUS}" = "SUCCESS"]?returned:absent)})',
        "Goto(sp-fallback,s,1)",
    ]


_RESCUED = ["Set(TIMEOUT(absolute)=0)", "Set(SP_FALLBACK=watchdog)", "Goto(sp-fallback,s,1)"]


def fallback(v: DialplanValues) -> str:
    return "[sp-fallback]\n" + block("s", [
        line(v, "fallback", reason="${SP_FALLBACK}"),
        "UserEvent(SPFallback,CallId: ${SP_CALL_ID},Reason: ${SP_FALLBACK})",
        "Answer()",
        f"Playback({heard(v, 'recorded')})",
        f"Goto({QUEUE_CONTEXT},s,1)",
    ])  # fmt: skip
