"""What runs on the agent's channel: before its INVITE, at its answer, at its end."""

from __future__ import annotations

from telephony.dialplan.text import block, line
from telephony.dialplan.values import DialplanValues


def agent_side(v: DialplanValues) -> str:
    """Runs on the agent's channel: before its INVITE, at its answer, at its end."""
    predial = [
        "Set(PJSIP_HEADER(add,X-SP-Call-Id)=${SP_CALL_ID})",
        "Set(SP_CALLER_CHANNEL=${ARG1})",
        "Set(CHANNEL(hangup_handler_push)=sp-agent-ended,s,1)",
        "Return()",
    ]
    answered = [
        "Set(SP_AGENT=${FILTER(0-9A-Za-z_-,.${CHANNEL(endpoint)})})",
        line(v, "answered", agent="${SP_AGENT}"),
        "UserEvent(SPAnswered,CallId: ${SP_CALL_ID},Agent: ${SP_AGENT})",
        "Return()",
    ]
    ended = [
        'ExecIf($["${HANGUPCAUSE}" = "44"]?Set(SHARED(SP_AGENT_CAUSE,${SP_CALLER_CHANNEL})=44))',
        "Return()",
    ]
    return "\n\n".join([
        "[sp-predial]\n" + block("s", predial),
        "[sp-answered]\n" + block("s", answered),
        "[sp-agent-ended]\n" + block("s", ended),
    ])  # fmt: skip
