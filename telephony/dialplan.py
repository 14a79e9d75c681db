"""The dialplan as text: how a call travels when nobody but Asterisk is awake.

    trunk -> from-pstn -> Stasis(standpipe) --continue--> sp-queue -> Queue -> agent's phone
                 |  app away: STASISSTATUS=FAILED            |
                 |  app hung: T after 60 s                   | nobody there, too long, key 9
                 +-----------> sp-fallback ------------------+-> sp-message -> Record
    every caller's channel carries the hangup handler sp-ended

Rules kept here:

* Nothing a caller controls is ever put into an expression, a shell command or a file name. The
  number goes through FILTER, the name through URIENCODE, both are data afterwards.
* FILTER and URIENCODE refuse empty text and then yield leftovers, so one harmless character goes
  in front: FILTER drops it, readers of the encoded name do.
* Each milestone is one JSON line in `calls.jsonl` first and a manager event second: the event may
  find nobody listening, the line waits.
* The trunk's context reaches the service number and nothing else, so it can never dial out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

STASIS_APP = "standpipe"
QUEUE_CONTEXT = "sp-queue"
MESSAGE_CONTEXT = "sp-message"
EMERGENCY_PRIORITY = 10
LOST_AGENT_PRIORITY = 20
# A wav file without sound is its 44-byte header.
EMPTY_WAV_BYTES = 44


@dataclass(frozen=True, slots=True)
class DialplanValues:
    """Everything the dialplan needs. Paths are absolute, of harmless characters."""

    service_number: str
    queues: Sequence[str]
    extensions: Sequence[str]
    calls_log: str
    recordings: str
    prompts: str
    recorded_script: str
    watchdog_s: int = 60
    queue_timeout_s: int = 300
    message_max_s: int = 120


_NOW = "${STRFTIME(,UTC,%Y-%m-%dT%H:%M:%S.%3qZ)}"


def _line(v: DialplanValues, what: str, **fields: str) -> str:
    """`Set(FILE(...)=...)` that appends one JSON line. Values are dialplan text, already safe."""
    pairs = {"event": what, "call": "${SP_CALL_ID}", "at": _NOW, **fields}
    body = ",".join(f'"{key}":"{value}"' for key, value in pairs.items())
    return f"Set(FILE({v.calls_log},,,al,u)={{{body}}})"


def _block(exten: str, steps: Sequence[str]) -> str:
    """An extension's steps; a step written `(label),App()` can be jumped to."""
    first = f"exten => {exten},1,{steps[0]}"
    rest = (f" same => n{step if step.startswith('(') else ',' + step}" for step in steps[1:])
    return "\n".join([first, *rest])


def _from_pstn(v: DialplanValues) -> str:
    arrived = [
        "Set(__SP_CALL_ID=${UNIQUEID})",
        # A withheld number stays withheld even when the operator passes it along.
        'ExecIf($["${CALLERID(pres):0:6}" = "prohib"]?Set(CALLERID(all)=Anonymous <anonymous>))',
        "Set(SP_FROM=${FILTER(0-9+,x${CALLERID(num)})})",
        "Set(CHANNEL(hangup_handler_push)=sp-ended,s,1)",
        _line(
            v, "arrived", number="${SP_FROM}", name="${URIENCODE(x${CALLERID(name)})}",
            to="${EXTEN}",
        ),
        f"Set(TIMEOUT(absolute)={v.watchdog_s})",
        f"Stasis({STASIS_APP},incoming,${{EXTEN}})",
        "Set(TIMEOUT(absolute)=0)",
        "Set(SP_FALLBACK=${IF($[\"${STASISSTATUS}\" = \"SUCCESS\"]?returned:absent)})",
        "Goto(sp-fallback,s,1)",
    ]  # fmt: skip
    rescued = [
        "Set(TIMEOUT(absolute)=0)",
        "Set(SP_FALLBACK=watchdog)",
        "Goto(sp-fallback,s,1)",
    ]
    blocks = [_block(v.service_number, arrived), _block("T", rescued)]
    blocks += [_block(pattern, ["Congestion(2)", "Hangup(34)"]) for pattern in ("_X!", "_+X!")]
    return "[from-pstn]\n" + "\n".join(blocks)


def _fallback(v: DialplanValues) -> str:
    return "[sp-fallback]\n" + _block("s", [
        _line(v, "fallback", reason="${SP_FALLBACK}"),
        "UserEvent(SPFallback,CallId: ${SP_CALL_ID},Reason: ${SP_FALLBACK})",
        "Answer()",
        f"Playback({v.prompts}/recorded)",
        f"Goto({QUEUE_CONTEXT},s,1)",
    ])  # fmt: skip


def _queue(v: DialplanValues) -> str:
    wav = f"{v.recordings}/${{SP_CALL_ID}}"
    monitor = (
        f"MixMonitor({wav}.wav,br({wav}-in.wav)t({wav}-out.wav),"
        f"/bin/sh {v.recorded_script} ${{SP_CALL_ID}})"
    )
    steps = [
        "Set(TIMEOUT(absolute)=0)",
        "Answer()",
        f'ExecIf($["${{SP_QUEUE}}" = ""]?Set(SP_QUEUE={v.queues[0]}))',
        "Set(QUEUE_PRIO=$[0${SP_PRIORITY} + 0])",
        "Set(__TRANSFER_CONTEXT=sp-internal)",
        monitor,
        f"(join),{_line(v, 'queued', queue='${SP_QUEUE}', priority='${QUEUE_PRIO}')}",
        "UserEvent(SPQueued,CallId: ${SP_CALL_ID},Queue: ${SP_QUEUE},QueuePriority: ${QUEUE_PRIO})",
        f"Queue(${{SP_QUEUE}},tcb(sp-predial^s^1(${{CHANNEL}})),,,{v.queue_timeout_s},,sp-answered)",
        'GotoIf($["${QUEUESTATUS}" = "CONTINUE"]?agent-left)',
        f"Goto({MESSAGE_CONTEXT},s,1)",
        "(agent-left),Wait(0.3)",
        # 44 is Asterisk's cause for a phone whose media stopped: a closed browser, a lost network.
        'GotoIf($["${SHARED(SP_AGENT_CAUSE)}" = "44"]?lost)',
        "Hangup(16)",
        "(lost),Set(SHARED(SP_AGENT_CAUSE)=)",
        _line(v, "agent_lost"),
        f"Playback({v.prompts}/reconnect)",
        # A caller whose agent's phone died comes back in front of everybody else. The recording
        # goes on by itself.
        f"Set(QUEUE_PRIO={LOST_AGENT_PRIORITY})",
        "Goto(join)",
    ]
    keys = "[sp-queue-keys]\n" + _block("9", [f"Goto({MESSAGE_CONTEXT},s,1)"])
    own = f"[{QUEUE_CONTEXT}]\n" + _block("s", steps)
    doors = [_queue_door(queue) for queue in v.queues]
    return "\n\n".join([own, *doors, keys])


def queue_context(queue: str) -> str:
    """Where the application sends a caller for `queue`, with the priority as the extension.

    The application must not set channel variables instead: a channel it has written to may no
    longer write files or read their sizes in the dialplan ("dangerous function blocked").
    """
    return f"sp-to-{queue}"


def _queue_door(queue: str) -> str:
    return f"[{queue_context(queue)}]\n" + _block("_X!", [
        f"Set(SP_QUEUE={queue})",
        "Set(SP_PRIORITY=${EXTEN})",
        f"Goto({QUEUE_CONTEXT},s,1)",
    ])  # fmt: skip


def _agent_side(v: DialplanValues) -> str:
    """Runs on the agent's channel: before its INVITE, at its answer, at its end."""
    predial = [
        "Set(PJSIP_HEADER(add,X-SP-Call-Id)=${SP_CALL_ID})",
        "Set(SP_CALLER_CHANNEL=${ARG1})",
        "Set(CHANNEL(hangup_handler_push)=sp-agent-ended,s,1)",
        "Return()",
    ]
    answered = [
        "Set(SP_AGENT=${FILTER(0-9A-Za-z_-,.${CHANNEL(endpoint)})})",
        _line(v, "answered", agent="${SP_AGENT}"),
        "UserEvent(SPAnswered,CallId: ${SP_CALL_ID},Agent: ${SP_AGENT})",
        "Return()",
    ]
    ended = [
        'ExecIf($["${HANGUPCAUSE}" = "44"]?Set(SHARED(SP_AGENT_CAUSE,${SP_CALLER_CHANNEL})=44))',
        "Return()",
    ]
    return "\n\n".join([
        "[sp-predial]\n" + _block("s", predial),
        "[sp-answered]\n" + _block("s", answered),
        "[sp-agent-ended]\n" + _block("s", ended),
    ])  # fmt: skip


def _message(v: DialplanValues) -> str:
    message = f"{v.recordings}/${{SP_CALL_ID}}-message.wav"
    return f"[{MESSAGE_CONTEXT}]\n" + _block("s", [
        "Set(TIMEOUT(absolute)=0)",
        "Answer()",
        _line(v, "message_offered", status="${QUEUESTATUS}"),
        f"Playback({v.prompts}/leave-message)",
        # k: a caller who hangs up instead of pressing # has left a message too.
        f"Record({message},8,{v.message_max_s},k)",
        f"Playback({v.prompts}/message-thanks)",
        "Hangup(16)",
    ])  # fmt: skip


def _ended(v: DialplanValues) -> str:
    message = f"{v.recordings}/${{SP_CALL_ID}}-message.wav"
    has_message = (
        f'${{IF($["${{STAT(e,{message})}}" = "1" & 0${{STAT(s,{message})}} > '
        f'{EMPTY_WAV_BYTES}]?1:0)}}'
    )
    agent = "${FILTER(0-9A-Za-z_-,.${CUT(MEMBERINTERFACE,/,2)})}"
    left = f"SPMessageLeft,CallId: ${{SP_CALL_ID}},Path: {message}"
    return "[sp-ended]\n" + _block("s", [
        f"Set(SP_MESSAGE={has_message})",
        f"Set(SP_AGENT={agent})",
        _line(
            v, "ended", number="${SP_FROM}", status="${QUEUESTATUS}", agent="${SP_AGENT}",
            abandoned="${IF($[\"${ABANDONED}\" = \"TRUE\"]?1:0)}", message="${SP_MESSAGE}",
            fallback="${SP_FALLBACK}",
        ),
        'ExecIf($["${SP_MESSAGE}" = "1"]?UserEvent(' + left + "))",
        "UserEvent(SPCallEnded,CallId: ${SP_CALL_ID},QueueStatus: ${QUEUESTATUS},"
        "Agent: ${SP_AGENT},Message: ${SP_MESSAGE},Fallback: ${SP_FALLBACK})",
        "Return()",
    ])  # fmt: skip


def _recorded(v: DialplanValues) -> str:
    """Entered by a call file that the recording hook drops once the files are closed."""
    wav = f"{v.recordings}/${{SP_CALL_ID}}.wav"
    return "[sp-recorded]\n" + _block("s", [
        "Answer()",
        "Set(CDR_PROP(disable)=1)",
        f"Set(SP_BYTES=0${{STAT(s,{wav})}})",
        _line(v, "recorded", bytes="${SP_BYTES}"),
        f"UserEvent(SPRecordingReady,CallId: ${{SP_CALL_ID}},Path: {wav},Bytes: ${{SP_BYTES}})",
        "Hangup(16)",
    ])  # fmt: skip


def _internal(v: DialplanValues) -> str:
    """What a desk phone may dial: another desk. There is no way out to the public network."""
    blocks = [_block(extension, [f"Dial(PJSIP/{extension},20,t)", "Hangup()"])
              for extension in v.extensions]  # fmt: skip
    blocks += [_block(pattern, ["Congestion(2)", "Hangup(34)"]) for pattern in ("_X!", "_+X!")]
    return "[sp-internal]\n" + "\n".join(blocks)


def render_dialplan(v: DialplanValues) -> str:
    """The whole of extensions.conf."""
    general = "[general]\nstatic=yes\nwriteprotect=yes\nclearglobalvars=yes\n"
    parts = [
        general, _from_pstn(v), _fallback(v), _queue(v), _agent_side(v), _message(v), _ended(v),
        _recorded(v), _internal(v),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def render_recorded_script(spool_outgoing: str, spool_tmp: str, recordings: str) -> str:
    """The hook that MixMonitor runs when a recording's files are closed. `$1` is the call id.

    It removes recordings of calls that were never bridged and drops a call file, which Asterisk
    picks up at once, or at its next start when it is stopping now: the news cannot be lost.
    """
    return f"""#!/bin/sh
set -eu
id=$1
for leg in "$id" "$id-in" "$id-out"; do
  file="{recordings}/$leg.wav"
  if [ -f "$file" ] && [ "$(wc -c < "$file")" -le {EMPTY_WAV_BYTES} ]; then rm -f "$file"; fi
done
[ -f "{recordings}/$id.wav" ] || exit 0
call="{spool_tmp}/recorded-$id.call"
printf 'Channel: Local/s@sp-recorded\\nSetvar: SP_CALL_ID=%s\\n' "$id" > "$call"
printf 'Application: Wait\\nData: 5\\nMaxRetries: 0\\nWaitTime: 5\\n' >> "$call"
mv "$call" "{spool_outgoing}/"
"""
