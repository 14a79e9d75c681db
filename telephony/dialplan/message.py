"""A caller whom nobody can take leaves a message; who cannot leave one is told so and called."""

from __future__ import annotations

from telephony.dialplan.text import block, heard, line
from telephony.dialplan.values import EMPTY_WAV_BYTES, MESSAGE_CONTEXT, ROOM_FILE, DialplanValues


def leave_message(v: DialplanValues) -> str:
    message = f"{v.recordings}/${{SP_CALL_ID}}-message.wav"
    return f"[{MESSAGE_CONTEXT}]\n" + block("s", [
        "Set(TIMEOUT(absolute)=0)",
        "Answer()",
        line(v, "message_offered", status="${QUEUESTATUS}"),
        # The telephony process takes this file away while the disk is full.
        f'GotoIf($["${{STAT(e,{v.recordings}/{ROOM_FILE})}}" != "1"]?no-room)',
        f"Playback({heard(v, 'leave-message')})",
        # k: a caller who hangs up instead of pressing # has left a message too.
        f"Record({message},8,{v.message_max_s},k)",
        'GotoIf($["${RECORD_STATUS}" = "ERROR"]?no-room)',
        f"GotoIf($[0${{STAT(s,{message})}} <= {EMPTY_WAV_BYTES}]?no-room)",
        'GotoIf($["${RECORD_STATUS}" = "TIMEOUT"]?cut)',
        f"Playback({heard(v, 'message-thanks')})",
        "Hangup(16)",
        f"(cut),Playback({heard(v, 'message-cut')})",
        "Hangup(16)",
        f"(no-room),{line(v, 'message_failed', status='${RECORD_STATUS}')}",
        f"Playback({heard(v, 'message-failed')})",
        "Hangup(16)",
    ])  # fmt: skip
