"""A caller whom nobody can take leaves a message."""

from __future__ import annotations

from telephony.dialplan.text import block, line
from telephony.dialplan.values import MESSAGE_CONTEXT, DialplanValues


def leave_message(v: DialplanValues) -> str:
    message = f"{v.recordings}/${{SP_CALL_ID}}-message.wav"
    return f"[{MESSAGE_CONTEXT}]\n" + block("s", [
        "Set(TIMEOUT(absolute)=0)",
        "Answer()",
        line(v, "message_offered", status="${QUEUESTATUS}"),
        f"Playback({v.prompts}/leave-message)",
        # k: a caller who hangs up instead of pressing # has left a message too.
        f"Record({message},8,{v.message_max_s},k)",
        f"Playback({v.prompts}/message-thanks)",
        "Hangup(16)",
    ])  # fmt: skip
