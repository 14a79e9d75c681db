"""What a desk phone may dial: another desk. There is no way out to the public network."""

from __future__ import annotations

from telephony.dialplan.text import block
from telephony.dialplan.values import DialplanValues


def internal(v: DialplanValues) -> str:
    """What a desk phone may dial: another desk. There is no way out to the public network."""
    blocks = [block(extension, [f"Dial(PJSIP/{extension},20,t)", "Hangup()"])
              for extension in v.extensions]  # fmt: skip
    # Somebody who tries numbers outside may be a thief with an account of ours: it is told.
    odd = [
        "UserEvent(SPOddNumber,Account: ${CHANNEL(endpoint)},"
        "Address: ${CHANNEL(pjsip,remote_addr)},Number: ${FILTER(0-9+,x${EXTEN})})",
        "Congestion(2)",
        "Hangup(34)",
    ]
    blocks += [block(pattern, odd) for pattern in ("_X!", "_+X!")]
    return "[sp-internal]\n" + "\n".join(blocks)
