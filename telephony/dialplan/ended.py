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
    agent = "${FILTER(0-9A-Za-z_-,.${CUT(MEMBERINTERFACE,/,2)})}"
    left = f"SPMessageLeft,CallId: ${{SP_CALL_ID}},Path: {message}"
    return "[sp-ended]\n" + block("s", [
        f"Set(SP_MESSAGE={has_message})",
        f"Set(SP_AGENT={agent})",
        line(
            v, "ended", number="${SP_FROM}", status="${QUEUESTATUS}", agent="${SP_AGENT}",
            abandoned="${IF($[\"${ABANDONED}\" = \"TRUE\"]?1:0)}", message="${SP_MESSAGE}",
            fallback="${SP_FALLBACK}",
        ),
        'ExecIf($["${SP_MESSAGE}" = "1"]?UserEvent(' + left + "))",
        "UserEvent(SPCallEnded,CallId: ${SP_CALL_ID},QueueStatus: ${QUEUESTATUS},"
        "Agent: ${SP_AGENT},Message: ${SP_MESSAGE},Fallback: ${SP_FALLBACK})",
        "Return()",
    ])  # fmt: skip
