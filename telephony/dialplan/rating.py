"""How it went: asked of the caller when the agent has hung up.

    Queue(..c..) ──agent hangs up──► sp-talked ──a talk with one agent──► sp-rate: 1 to 5
                                         └─ anything else: let go, or back to an agent

The talk is over before the question: the recording is closed here and `asked` is its end, so no
time of an agent and no sound of a talk contains the answer. What is pressed is a line of
`calls.jsonl` first, as every milestone.
"""

from __future__ import annotations

from telephony.dialplan.text import block, heard_in_own_language, line
from telephony.dialplan.values import EMERGENCY_PRIORITY, DialplanValues
from telephony.prompt_texts import LANGUAGES

RATE_CONTEXT = "sp-rate"
ANSWER_S = 6
# The agent's leg and the caller's come out of the talk together; a leg that left earlier handed
# the caller on, to a number outside that tells nothing of itself.
TOGETHER_S = 3
_HUNG_UP = 16


def asked_after_talk(v: DialplanValues) -> list[str]:
    """Steps of `sp-talked` that lead to the question whoever is to hear it.

    Not who was called by us, was put in front (danger, an agent whose telephone died), or was
    handed on: `SP_ANSWERER` is the agent whom the queue gave and nobody else has had.
    """
    if not v.ask_rating:
        return []
    return [
        f'GotoIf($["${{SHARED(SP_AGENT_CAUSE)}}" = "{_HUNG_UP}" & "${{SHARED(SP_ANSWERER)}}" != ""'
        ' & "${SHARED(SP_ANSWERER)}" = "${SHARED(SP_AGENT_GONE)}"'
        f" & ${{LEN(${{SP_ATTEMPT}})}} = 0 & ${{LEN(${{SP_HANDED}})}} = 0"
        f" & 0${{SP_PRIORITY}} < {EMERGENCY_PRIORITY}"
        f" & ${{EPOCH}} - 0${{SHARED(SP_AGENT_LEFT)}} < {TOGETHER_S}]?{RATE_CONTEXT},s,1)",
    ]


def rating(v: DialplanValues) -> str:
    """The question; nothing where it is not asked."""
    if not v.ask_rating:
        return "; nobody is asked how it went"
    usual = v.prompts.rpartition("/")[2]
    unknown = " & ".join(f'"${{SP_LANGUAGE}}" != "{language}"' for language in LANGUAGES)
    return f"[{RATE_CONTEXT}]\n" + block("s", [
        line(v, "asked", agent="${SHARED(SP_ANSWERER)}"),
        "UserEvent(SPAsked,CallId: ${SP_CALL_ID})",
        "StopMixMonitor()",
        f"ExecIf($[{unknown}]?Set(SP_LANGUAGE={usual}))",
        "Set(SP_TRIES=0)",
        f"Set(SP_SAY={heard_in_own_language(v, 'rate-service')})",
        f"(ask),Read(SP_KEY,${{SP_SAY}},1,,1,{ANSWER_S})",
        'ExecIf($["${READSTATUS}" = "HANGUP"]?Hangup(16))',
        "Set(SP_KEY=${FILTER(1-5,x${SP_KEY})})",
        "GotoIf($[${LEN(${SP_KEY})} = 1]?rated)",
        # Who says nothing is not asked again.
        'GotoIf($["${READSTATUS}" = "TIMEOUT" | ${SP_TRIES} > 0]?bye)',
        "Set(SP_TRIES=1)",
        f"Set(SP_SAY={heard_in_own_language(v, 'rate-again')})",
        "Goto(ask)",
        "(rated)," + line(v, "rated", score="${SP_KEY}"),
        "UserEvent(SPRated,CallId: ${SP_CALL_ID},Score: ${SP_KEY})",
        f"Playback({heard_in_own_language(v, 'rate-thanks')})",
        "Hangup(16)",
        f"(bye),Playback({heard_in_own_language(v, 'goodbye')})",
        "Hangup(16)",
    ])  # fmt: skip
