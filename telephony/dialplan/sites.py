"""Several Asterisks as one switchboard: one keeps the queue, the others hand their callers over.

    site B: trunk -> from-pstn -> .. -> sp-queue -> sp-elsewhere --SIP--> site A: from-site -> Queue
                                            |  A does not answer, A dies                       |
                                            +-> B's own Queue                                  |
    site B: agent's phone <- from-site <------------------------------SIP----------------------+

The queue of the first site that answers holds everybody, so first come is first served over the
whole city by app_queue's own rule, with none of our processes alive. A site that cannot reach it
keeps its own callers and its own agents. What arrives from another site is never sent back.
"""

from __future__ import annotations

from telephony.dialplan.text import block, heard, line
from telephony.dialplan.values import LOST_AGENT_PRIORITY, DialplanValues
from telephony.sip import SITE_HEADER, site_endpoint

# The other site answers at once or not at all: it has nothing to look up.
REACH_S = 3
# Asterisk's causes for a leg whose sound stopped, and for one whose far end fell silent.
CUT_CAUSES = ("44", "102", "127")


def hand_over(v: DialplanValues) -> str:
    """`Gosub(sp-elsewhere,s,1)`: returns when the caller has to be served here."""
    steps = ['GotoIf($["${SP_VISITOR}" = "1"]?here)']
    for site in v.sites_before:
        endpoint = site_endpoint(site)
        steps += [
            f'GotoIf($["${{DEVICE_STATE(PJSIP/{endpoint})}}" = "UNAVAILABLE"]?past-{site})',
            line(v, "handed", to=site),
            f"Set(SP_AWAY={site})",
            "Set(SHARED(SP_AGENT_CAUSE)=)",
            f"Dial(PJSIP/queue@{endpoint},{REACH_S},gb(sp-to-site^s^1(${{CHANNEL}})))",
            "Set(SP_AWAY=)",
            'GotoIf($["${DIALSTATUS}" = "ANSWER"]?served)',
            f"(past-{site}),NoOp()",
        ]
    steps += [
        "(here),Return()",
        "(served),Wait(0.3)",
        'GotoIf($["${SHARED(SP_AGENT_CAUSE)}" = "cut"]?lost)',
        "Set(SP_AWAY=over)",
        "Hangup(16)",
        # The site died with our caller in it: in front of everybody else, in our own queue.
        "(lost)," + line(v, "returned"),
        f"Playback({heard(v, 'reconnect')})",
        f"Set(SP_PRIORITY={LOST_AGENT_PRIORITY})",
        "Return()",
    ]
    causes = " | ".join(f'"${{HANGUPCAUSE}}" = "{cause}"' for cause in CUT_CAUSES)
    return "\n\n".join([
        "[sp-elsewhere]\n" + block("s", steps),
        "[sp-to-site]\n" + block("s", [
            f"Set(PJSIP_HEADER(add,{SITE_HEADER})={v.site_secret})",
            "Set(PJSIP_HEADER(add,X-SP-Call-Id)=${SP_CALL_ID})",
            # Runs on the channel to the other site, which knows nothing of the caller's own.
            *(f"Set(PJSIP_HEADER(add,X-SP-{name.title()})=${{IMPORT(${{ARG1}},SP_{name})}})"
              for name in ("QUEUE", "PRIORITY", "SINCE", "LANGUAGE")),
            "Set(SP_CALLER_CHANNEL=${ARG1})",
            "Set(CHANNEL(hangup_handler_push)=sp-site-ended,s,1)",
            "Return()",
        ]),
        "[sp-site-ended]\n" + block("s", [
            f"ExecIf($[{causes}]?Set(SHARED(SP_AGENT_CAUSE,${{SP_CALLER_CHANNEL}})=cut))",
            "Return()",
        ]),
    ])  # fmt: skip


def visitors(v: DialplanValues) -> str:
    """What another site sends here: a caller for the queue, or a call for one of our phones."""
    call_id = (
        # The id's two parts, each filtered: a hyphen cannot be told to FILTER.
        "${FILTER(0-9a-z,/${CUT(SP_TOLD,-,1)})}-${FILTER(0-9.,/${CUT(SP_TOLD,-,2)})}"
    )
    told = [
        "Set(SP_TOLD=${PJSIP_HEADER(read,X-SP-Call-Id)})",
        f"Set(__SP_CALL_ID={call_id})",
    ]
    queue = [
        *told,
        "Set(SP_VISITOR=1)",
        "Set(SP_FROM=${FILTER(0-9+,x${CALLERID(num)})})",
        "Set(CHANNEL(hangup_handler_push)=sp-ended,s,1)",
        "Set(SP_QUEUE=${FILTER(0-9a-z,/${PJSIP_HEADER(read,X-SP-Queue)})})",
        "Set(SP_PRIORITY=${FILTER(0-9,x${PJSIP_HEADER(read,X-SP-Priority)})})",
        "Set(SP_SINCE=${FILTER(0-9.,/${PJSIP_HEADER(read,X-SP-Since)})})",
        "Set(SP_LANGUAGE=${FILTER(a-z,/${PJSIP_HEADER(read,X-SP-Language)})})",
        line(
            v, "arrived", number="${SP_FROM}", name="${URIENCODE(x${CALLERID(name)})}",
            to=v.service_number,
        ),
        "Goto(sp-queue,s,1)",
    ]  # fmt: skip
    phone = [
        *told,
        # Whoever is on the telephone already is busy, whatever the other site believes.
        'GotoIf($["${DEVICE_STATE(PJSIP/${EXTEN})}" != "NOT_INUSE"]?busy)',
        "Dial(PJSIP/${EXTEN},,b(sp-predial^s^1(${CHANNEL})))",
        'ExecIf($["${DIALSTATUS}" = "BUSY"]?Busy(1))',
        "Hangup(${HANGUPCAUSE})",
        "(busy),Busy(1)",
    ]
    blocks = [block("queue", queue)]
    blocks += [block(extension, phone) for extension in v.extensions]
    blocks += [block("_X!", ["Hangup(1)"])]
    return "[from-site]\n" + "\n".join(blocks)


def sites(v: DialplanValues) -> str:
    """Both sides; nothing where there is one site only."""
    if not v.sites:
        return "; one site"
    return "\n\n".join([hand_over(v), visitors(v)])
