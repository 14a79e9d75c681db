"""The hangup handler that every caller's channel carries."""

from __future__ import annotations

from telephony.dialplan.text import block, line
from telephony.dialplan.values import EMPTY_WAV_BYTES, DialplanValues


def ended(v: DialplanValues) -> str:
    message = f"{v.recordings}/${{SP_CALL_ID}}-message.wav"
    has_message = (
        f'${{IF($["${{STAT(e,{message})}}" = "1" & 0${{STAT(s,{message})}} > '
        f"{EMPTY_WAV_BYTES}]?1:0)}}"
    )
    agent = "${FILTER(0-9A-Za-z_-,.${CUT(SP_MEMBER,@,1)})}"
    left = f"SPMessageLeft,CallId: ${{SP_CALL_ID}},Path: {message}"
    return "[sp-ended]\n" + block("s", [
        # Served at another site: that one tells how it went.
        'GotoIf($["${SP_AWAY}" != ""]?away)',
        f"Set(SP_MESSAGE={has_message})",
        "Set(SP_MEMBER=${CUT(MEMBERINTERFACE,/,2)})",
        f"Set(SP_AGENT={agent})",
        line(
            v, "ended", number="${SP_FROM}", status="${QUEUESTATUS}", agent="${SP_AGENT}",
            abandoned="${IF($[\"${ABANDONED}\" = \"TRUE\"]?1:0)}", message="${SP_MESSAGE}",
            fallback="${SP_FALLBACK}",
        ),
        'ExecIf($["${SP_MESSAGE}" = "1"]?UserEvent(' + left + "))",
        "UserEvent(SPCallEnded,CallId: ${SP_CALL_ID},QueueStatus: ${QUEUESTATUS},"
        "Agent: ${SP_AGENT},Message: ${SP_MESSAGE},Fallback: ${SP_FALLBACK})",
        "(away),Return()",
    ])  # fmt: skip
