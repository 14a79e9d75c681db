"""The dialplan as text: how a call travels when nobody but Asterisk is awake.

    trunk -> from-pstn -> Stasis(standpipe) --continue--> sp-queue -> Queue -> agent's phone
                 |  app away: STASISSTATUS=FAILED            |
                 |  app hung: T after 60 s                   | nobody there, too long, key 9
                 +-----------> sp-fallback ------------------+-> sp-message -> Record
    the agent has hung up -> sp-talked -> sp-rate: how did it go, 1 to 5
    every caller's channel carries the hangup handler sp-ended
    of several sites one keeps the queue, the others hand over: sp-elsewhere -> its from-site
    our own Originate -> sp-dial-out -> trunk; when it is taken -> sp-dialled-…

One file a part; a new part is a function from the values to text, added to PARTS. Rules kept:

* Nothing a caller controls is ever put into an expression, a shell command or a file name. The
  number goes through FILTER, the name through URIENCODE, both are data afterwards.
* FILTER and URIENCODE refuse empty text and then yield leftovers, so one harmless character goes
  in front: FILTER drops it, readers of the encoded name do.
* Each milestone is one JSON line in `calls.jsonl` first and a manager event second: the event may
  find nobody listening, the line waits.
* The trunk's context reaches the service number and nothing else, so it can never dial out.
"""

from __future__ import annotations

from collections.abc import Callable

from telephony.dialplan.agents import agent_side
from telephony.dialplan.dialled import dialled
from telephony.dialplan.ended import ended
from telephony.dialplan.incoming import fallback, from_pstn
from telephony.dialplan.internal import internal
from telephony.dialplan.message import leave_message
from telephony.dialplan.outbound import outbound
from telephony.dialplan.queue import queue, queue_door
from telephony.dialplan.rating import rating
from telephony.dialplan.recorded import recorded, render_recorded_script
from telephony.dialplan.sites import sites
from telephony.dialplan.transfer import queue_place, transfer
from telephony.dialplan.values import (
    AFTER_CLICK,
    AFTER_NOTICE,
    AFTER_QUEUE,
    CALLBACK_CONTEXT,
    CONSULT_CONTEXT,
    EMERGENCY_PRIORITY,
    EMPTY_WAV_BYTES,
    LOST_AGENT_PRIORITY,
    MENU_CONTEXT,
    MESSAGE_CONTEXT,
    OUT_CONTEXT,
    QUEUE_CONTEXT,
    QUEUE_DOOR,
    STASIS_APP,
    TRANSFER_CONTEXT,
    DialplanValues,
)
from telephony.dialplan.whisper import WHISPER_CONTEXT, whisper

__all__ = [
    "AFTER_CLICK",
    "AFTER_NOTICE",
    "AFTER_QUEUE",
    "CALLBACK_CONTEXT",
    "CONSULT_CONTEXT",
    "EMERGENCY_PRIORITY",
    "EMPTY_WAV_BYTES",
    "LOST_AGENT_PRIORITY",
    "MENU_CONTEXT",
    "MESSAGE_CONTEXT",
    "OUT_CONTEXT",
    "PARTS",
    "QUEUE_CONTEXT",
    "QUEUE_DOOR",
    "STASIS_APP",
    "TRANSFER_CONTEXT",
    "WHISPER_CONTEXT",
    "DialplanValues",
    "queue_door",
    "queue_place",
    "render_dialplan",
    "render_recorded_script",
]  # fmt: skip

PARTS: tuple[Callable[[DialplanValues], str], ...] = (
    from_pstn, fallback, queue, agent_side, leave_message, ended, recorded, internal, outbound,
    dialled, transfer, sites, whisper, rating,
)  # fmt: skip


def render_dialplan(v: DialplanValues) -> str:
    """The whole of extensions.conf."""
    general = "[general]\nstatic=yes\nwriteprotect=yes\nclearglobalvars=yes\n"
    return "\n\n".join([general, *(part(v) for part in PARTS)]) + "\n"
