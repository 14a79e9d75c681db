"""What the dialplan is written from, and the names that others know it by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

STASIS_APP = "standpipe"
# Travels in extensions, where an underscore ends it.
QUEUE_CODE = re.compile(r"[a-z][a-z0-9]{0,19}")
QUEUE_CONTEXT = "sp-queue"
QUEUE_DOOR = "sp-to-queue"
CALLBACK_CONTEXT = "sp-callback"
MESSAGE_CONTEXT = "sp-message"
# Back into the application, with the watchdog set anew: a menu may take longer than it allows.
MENU_CONTEXT = "sp-menu"
# The only way to the public network; nothing but our own Originate leads here.
OUT_CONTEXT = "sp-dial-out"
# Where a number that we rang goes when it is taken.
AFTER_CLICK = "sp-dialled-agent"
AFTER_QUEUE = "sp-dialled-queue"
AFTER_NOTICE = "sp-dialled-notice"
TRANSFER_CONTEXT = "sp-transfer"
CONSULT_CONTEXT = "sp-consult"
RESUME_CONTEXT = "sp-resume"
EMERGENCY_PRIORITY = 10
LOST_AGENT_PRIORITY = 20
# Stands among the recordings while there is room for more.
ROOM_FILE = ".room"
# A wav file without sound is its 44-byte header.
EMPTY_WAV_BYTES = 44


@dataclass(frozen=True, slots=True)
class DialplanValues:
    """Everything the dialplan needs. Paths are absolute, of harmless characters.

    `own` is the directory in which our program writes files while Asterisk runs.

    `dial_allowed` and `dial_denied` are Asterisk's patterns of numbers; a number that fits one of
    the second is refused whatever the first say. Without `trunk_out` nobody is called at all.
    `sites` are the other Asterisks of this switchboard; those of `sites_before` keep the queue
    while they answer.
    """

    service_number: str
    queues: Sequence[str]
    extensions: Sequence[str]
    calls_log: str
    recordings: str
    prompts: str
    own_prompts: str
    recorded_script: str
    own: str
    watchdog_s: int = 60
    queue_timeout_s: int = 300
    # Those extensions that are browsers.
    browsers: Sequence[str] = ()
    message_max_s: int = 180
    ask_rating: bool = True
    trunk_out: bool = False
    dial_allowed: Sequence[str] = ()
    dial_denied: Sequence[str] = ()
    sites: Sequence[str] = ()
    sites_before: Sequence[str] = ()
    site_secret: str = ""

    @property
    def dials_log(self) -> str:
        """The file of the calls that we make, beside that of the callers'."""
        return f"{self.calls_log.rpartition('/')[0]}/dials.jsonl"
