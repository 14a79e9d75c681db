"""The news that a recording's files are closed: a hook of the shell and its context."""

from __future__ import annotations

from telephony.dialplan.text import block, line
from telephony.dialplan.values import EMPTY_WAV_BYTES, DialplanValues


def recorded(v: DialplanValues) -> str:
    """Entered by a call file that the recording hook drops once the files are closed."""
    wav = f"{v.recordings}/${{SP_CALL_ID}}.wav"
    return "[sp-recorded]\n" + block("s", [
        "Answer()",
        "Set(CDR_PROP(disable)=1)",
        f"Set(SP_BYTES=0${{STAT(s,{wav})}})",
        line(v, "recorded", bytes="${SP_BYTES}"),
        f"UserEvent(SPRecordingReady,CallId: ${{SP_CALL_ID}},Path: {wav},Bytes: ${{SP_BYTES}})",
        "Hangup(16)",
    ])  # fmt: skip


def render_recorded_script(spool_outgoing: str, spool_tmp: str, recordings: str) -> str:
    """The hook that MixMonitor runs when a recording's files are closed. `$1` is the call id.

    It removes recordings of calls that were never bridged and drops a call file, which Asterisk
    picks up at once, or at its next start when it is stopping now: the news cannot be lost.
    """
    return f"""#!/bin/sh
set -eu
id=$1
set --
for leg in "$id" "$id-in" "$id-out"; do
  if [ -f "{recordings}/$leg.wav" ]; then set -- "$@" "{recordings}/$leg.wav"; fi
done
# One program for all of them: this runs at the end of every call.
if [ $# -gt 0 ]; then find "$@" -size -{EMPTY_WAV_BYTES + 1}c -delete; fi
[ -f "{recordings}/$id.wav" ] || exit 0
call="{spool_tmp}/recorded-$id.call"
printf 'Channel: Local/s@sp-recorded\\nSetvar: SP_CALL_ID=%s\\n' "$id" > "$call"
printf 'Application: Wait\\nData: 5\\nMaxRetries: 0\\nWaitTime: 5\\n' >> "$call"
mv "$call" "{spool_outgoing}/"
"""
