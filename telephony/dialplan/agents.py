"""What runs on the agent's channel: before its INVITE, at its answer, at its end."""

from __future__ import annotations

from telephony.dialplan.text import block, line
from telephony.dialplan.values import DialplanValues
from telephony.sip import SITE_HEADER


def _behind_a_line(v: DialplanValues) -> list[str]:
    """An agent at another site answers through the line to it: the queue says which agent."""
    if not v.sites:
        return []
    return [
        "Set(SP_MEMBER=${IMPORT(${SP_CALLER_CHANNEL},MEMBERINTERFACE)})",
        'ExecIf($["${SP_AGENT:0:4}" = "site"]?'
        "Set(SP_AGENT=${FILTER(0-9,/${CUT(SP_MEMBER,@,1)})}))",
    ]


def agent_side(v: DialplanValues) -> str:
    """Runs on the agent's channel: before its INVITE, at its answer, at its end."""
    predial = [
        # Shown to the line to another site, and to no telephone.
        *([f'ExecIf($["${{CHANNEL(endpoint):0:5}}" = "site-"]?'
           f"Set(PJSIP_HEADER(add,{SITE_HEADER})={v.site_secret}))"] if v.sites else []),
        "Set(PJSIP_HEADER(add,X-SP-Call-Id)=${SP_CALL_ID})",
        # Why it rings, where it is no new call: transfer, back, consult, resume.
        'ExecIf($["${ARG2}" != ""]?Set(PJSIP_HEADER(add,X-SP-Why)=${ARG2}))',
        # Inherited, so that whoever is consulted from here knows the caller too.
        "Set(__SP_CALLER_CHANNEL=${ARG1})",
        "Set(SP_WHY=${ARG2})",
        "Set(__DYNAMIC_FEATURES=sphold)",
        "Set(CHANNEL(hangup_handler_push)=sp-agent-ended,s,1)",
        "Return()",
    ]
    answered = [
        "Set(SP_AGENT=${FILTER(0-9A-Za-z_-,.${CHANNEL(endpoint)})})",
        *_behind_a_line(v),
        line(v, "answered", agent="${SP_AGENT}"),
        "UserEvent(SPAnswered,CallId: ${SP_CALL_ID},Agent: ${SP_AGENT},AgentChannel: ${CHANNEL},"
        "Why: ${SP_WHY})",
        # Who hands a caller on takes none of it back: nobody is the one to be rated any more.
        'ExecIf($["${SP_WHY}" = "transfer"]?Set(SHARED(SP_ANSWERER,${SP_CALLER_CHANNEL})=))',
        'ExecIf($["${SP_WHY}" = ""]?'
        "Set(SHARED(SP_ANSWERER,${SP_CALLER_CHANNEL})=${CHANNEL(endpoint)}))",
        # What our program had closed to them, so that this call was next, is open again even
        # should it be dead by now.
        'ExecIf($["${SP_WHY}" = ""]?UnpauseQueueMember(,PJSIP/${SP_AGENT},i))',
        "Return()",
    ]
    ended = [
        # Why the last agent to leave left: 44 is Asterisk's cause for a telephone whose sound
        # stopped, and what a browser says that is being loaded again.
        "Set(SHARED(SP_AGENT_CAUSE,${SP_CALLER_CHANNEL})=${HANGUPCAUSE})",
        "Set(SHARED(SP_AGENT_GONE,${SP_CALLER_CHANNEL})=${CHANNEL(endpoint)})",
        "Set(SHARED(SP_AGENT_LEFT,${SP_CALLER_CHANNEL})=${EPOCH})",
        "UserEvent(SPAgentLeft,CallId: ${SP_CALL_ID},Agent: ${CHANNEL(endpoint)},"
        "AgentChannel: ${CHANNEL},Cause: ${HANGUPCAUSE})",
        "Return()",
    ]
    return "\n\n".join([
        "[sp-predial]\n" + block("s", predial),
        "[sp-answered]\n" + block("s", answered),
        "[sp-agent-ended]\n" + block("s", ended),
    ])  # fmt: skip
