"""Telling a waiting caller something without holding up the queue.

An announcement by app_queue keeps a free agent waiting until it is over. This one is whispered into
the caller's channel by a channel of its own, over the music; the queue does not know of it.
"""

from __future__ import annotations

from telephony.dialplan.text import block
from telephony.dialplan.values import DialplanValues

WHISPER_CONTEXT = "sp-whisper"


def whisper(v: DialplanValues) -> str:
    """`SP_TARGET` is the caller's channel id; the other end of the Local channel speaks."""
    return f"[{WHISPER_CONTEXT}]\n" + block("s", [
        "Set(CDR_PROP(disable)=1)",
        # u: exactly this channel; w: speak to it alone; E: end when it ends; q: no beep.
        "ChanSpy(${SP_TARGET},quwE)",
        "Hangup(16)",
    ])  # fmt: skip
