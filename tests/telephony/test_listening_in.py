"""A supervisor listens in on a real Asterisk, and the wire is asked who hears whom.

caller (500 Hz) ── Asterisk ── agent (1100 Hz)
                      │ ChanSpy
                supervisor (1800 Hz)
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import subprocess

import pytest

from telephony.agents import join_queue, leave_queue
from telephony.ami.client import AmiClient, AmiError
from telephony.ami.events import AgentConnected, Other, RecordingReady
from telephony.phone import DeskPhone
from telephony.sipp import may_send_raw
from telephony.supervise import KEYS, spy, switch
from tests.telephony.conftest import PASSWORDS, Desk, Heard, eventually, listening
from tests.telephony.ears import Ears
from tests.telephony.sound import loud_tones, seconds_of

# Tones of this run alone: other calls may go on over the same loopback.
OWN = os.getpid() % 25 * 10
CALLER, AGENT, BOSS = 500 + OWN, 1100 + OWN, 1800 + OWN
NAMES = {CALLER: "caller", AGENT: "agent", BOSS: "supervisor"}
TALK = {"caller": {"agent"}, "agent": {"caller"}}
MODES = {
    "listen": {**TALK, "supervisor": {"caller", "agent"}},
    "whisper": {"caller": {"agent"}, "agent": {"caller", "supervisor"},
                "supervisor": {"caller", "agent"}},
    "barge": {"caller": {"agent", "supervisor"}, "agent": {"caller", "supervisor"},
              "supervisor": {"caller", "agent"}},
}  # fmt: skip


async def settles(ears: Ears, wanted: dict[str, set[str]], what: str) -> None:
    """Wait until the wire says so, whatever it said while the mode was changing."""
    ears.forget()
    last: dict[str, set[str]] = {}

    async def so() -> bool:
        nonlocal last
        last = ears.hears()
        return last == wanted

    try:
        await eventually(so, what, 12)
    except AssertionError:
        raise AssertionError(f"{what}: wanted {wanted}, heard {last}") from None


def told(heard: Heard, name: str) -> list[Other]:
    return [e for e in heard.events if isinstance(e, Other) and e.name == name]


@pytest.mark.live
async def test_each_mode_lets_exactly_those_hear_whom_it_names(asterisk: Desk) -> None:
    if not may_send_raw():
        pytest.skip("only root can read the wire")
    ports = range(asterisk.config.rtp_start, asterisk.config.rtp_end + 1)
    sip = asterisk.config.sip_port
    agent, boss = (
        DeskPhone("127.0.0.1", sip, number, PASSWORDS[number], ring_s=0.2, hold_s=60, tone_hz=hz)
        for number, hz in (("1101", AGENT), ("1102", BOSS))
    )
    async with listening(asterisk) as (ami, heard), agent, boss:
        await join_queue(ami, "faults", "1101", "Desk 1")
        call = asyncio.create_task(asterisk.caller().call("0401235701", seconds=40, tone_hz=CALLER))
        try:
            with Ears(ports, NAMES) as ears:
                talk = await heard.one(AgentConnected)
                await settles(ears, TALK, "the talk alone")
                await ami.action(
                    "Originate", **spy("1102", talk.agent_channel_id, "spy-a1", "listen", "1101")
                )
                for mode in ("listen", "whisper", "barge", "listen", "barge"):
                    if mode != "listen" or told(heard, "DTMFEnd"):
                        await ami.action("PlayDTMF", **switch("spy-a1", mode))
                    await settles(ears, MODES[mode], mode)
                await ami.action("Hangup", Channel="spy-a1")
                await settles(ears, TALK, "after the end")
                # and beginning at once with another mode
                for n, mode in enumerate(("whisper", "barge")):
                    name = f"spy-b{n}"
                    await ami.action(
                        "Originate", **spy("1102", talk.agent_channel_id, name, mode, "1101")
                    )
                    await settles(ears, MODES[mode], f"{mode} from the beginning")
                    await ami.action("Hangup", Channel=name)
                    await settles(ears, TALK, f"after {mode}")
        finally:
            calls = [e.call_id for e in heard.events if isinstance(e, AgentConnected)]
            await _hang_up(ami, "spy-a1", "spy-b0", "spy-b1", *calls)
            await leave_queue(ami, "faults", "1101")
            await asyncio.gather(call, return_exceptions=True)
        # What the log is made from: who began, which keys, who ended.
        keys = [e.message.get("Digit") for e in told(heard, "DTMFEnd")
                if e.message.get("Uniqueid") == "spy-a1"]  # fmt: skip
        assert keys == [KEYS[m] for m in ("whisper", "barge", "listen", "barge")]
        begun = [e.message.get("SpyerUniqueid") for e in told(heard, "ChanSpyStart")]
        ended = [e.message.get("SpyerUniqueid") for e in told(heard, "ChanSpyStop")]
        assert begun == ended == ["spy-a1", "spy-b0", "spy-b1"]


async def _hang_up(ami: AmiClient, *names: str) -> None:
    for name in names:
        with contextlib.suppress(AmiError):  # it is gone already, which is what is wanted
            await ami.action("Hangup", Channel=name)


@pytest.mark.live
async def test_while_payment_data_are_spoken_the_files_are_silent_and_as_long(
    asterisk: Desk,
) -> None:
    """440 Hz and 1000 Hz, two seconds of nothing, and both again; all legs have one length."""
    async with listening(asterisk) as (ami, heard), asterisk.phone(hold_s=60):
        await join_queue(ami, "faults", "1101", "Desk 1")
        try:
            call = asyncio.create_task(asterisk.caller().call("0401235702", seconds=11))
            talk = await heard.one(AgentConnected)
            await asyncio.sleep(0.5)
            mute = {"Channel": talk.call_id, "Direction": "both"}
            await ami.action("MixMonitorMute", State="1", **mute)
            for _ in range(5):
                await asyncio.sleep(0.4)
            await ami.action("MixMonitorMute", State="0", **mute)
            await call

            async def closed() -> bool:
                return any(isinstance(e, RecordingReady) and e.call_id == talk.call_id
                           for e in heard.events)  # fmt: skip

            await eventually(closed, "the recording is closed")
        finally:
            await leave_queue(ami, "faults", "1101")
    whole = asterisk.config.recordings / f"{talk.call_id}.wav"
    muted = _silent_seconds(whole)
    assert 1.5 <= muted <= 3.5, muted
    for leg, hz in (("", {440, 1000}), ("-in", {440}), ("-out", {1000})):
        path = whole.with_name(f"{talk.call_id}{leg}.wav")
        assert loud_tones(path, [440, 1000]) == hz
        assert _silent_seconds(path) == pytest.approx(muted, abs=0.2)
        assert seconds_of(path) == pytest.approx(seconds_of(whole), abs=0.1)


@pytest.mark.live
async def test_with_no_room_on_the_disk_people_talk_on_and_calls_are_answered(
    asterisk: Desk,
) -> None:
    """The folder of recordings is a file system of 16 KiB: a second of sound, then nothing."""
    folder = asterisk.config.recordings
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode != 0:
        pytest.skip("no small file system can be mounted here")
    try:
        async with listening(asterisk) as (ami, _heard), asterisk.phone(hold_s=60) as phone:
            await join_queue(ami, "faults", "1101", "Desk 1")
            try:
                outcome = await asterisk.caller().call("0401235703", seconds=9)
                taken = phone.taken()
            finally:
                await leave_queue(ami, "faults", "1101")
        full = shutil.disk_usage(folder)
        left = {p.name: (p.stat().st_size, p.read_bytes()[:44]) for p in folder.glob("*.wav")}
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
    stored = asterisk.call_from("0401235703")
    # Nobody was cut off: the caller hung up, after the whole of the talk.
    assert outcome.answered and outcome.hung_up_by == "caller"
    assert [(t.call_id, t.answered) for t in taken] == [(stored.call_id, True)]
    assert stored.talk_s is not None and stored.talk_s >= 4
    assert full.free == 0
    # What was written is a file whose header tells its length, or 0 as that of a killed Asterisk:
    # it is kept as far as it goes, and listed as shorter than the talk.
    size, head = left[f"{stored.call_id}.wav"]
    assert 44 < size <= 16_384 and head[:4] == b"RIFF" and size / 16_000 < stored.talk_s - 3
    assert int.from_bytes(head[40:44], "little") in (0, size - 44)


def _silent_seconds(path: object) -> float:
    """How much of a recording holds nothing at all."""
    import wave

    import numpy as np

    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    tenths = np.abs(samples[: len(samples) // 800 * 800].reshape(-1, 800).astype(int)).max(axis=1)
    return float((tenths < 100).sum()) / 10


@pytest.mark.live
def test_no_telephone_can_dial_its_way_to_listening_in(asterisk: Desk) -> None:
    """Whatever context a telephone or a caller gets to, by any way: none of them spies."""
    files = asterisk.config.files()
    parts = re.split(r"^\[([\w-]+)\]$", files["extensions.conf"], flags=re.MULTILINE)
    text = dict(zip(parts[1::2], parts[2::2], strict=True))
    reached: set[str] = set()
    todo = set(re.findall(r"^context=([\w-]+)$", files["pjsip.conf"] + files["queues.conf"],
                          re.MULTILINE))  # fmt: skip
    assert {"sp-internal", "from-pstn"} <= todo
    while todo:
        here = todo.pop()
        reached.add(here)
        # Every context that is so much as named there counts as reachable.
        named = {c for c in text if re.search(rf"(?<![\w-]){re.escape(c)}(?![\w-])", text[here])}
        todo |= named - reached
    spying = {c for c in text if re.search(r"spy|snoop", text[c], re.IGNORECASE)}
    assert not spying & reached


@pytest.mark.parametrize(
    ("field", "values"),
    [("telephone", ("", "1102@x", "1102,x", "Local/1102")), ("channel_id", ("", "x,qB", "a b")),
     ("name", ("sp-1.0", "spy-", "spy-A,x")), ("caller", ("x", "1\r\nAction: Logoff"))],
)  # fmt: skip
def test_what_could_be_more_than_a_name_is_refused(field, values) -> None:
    good = {"telephone": "1102", "channel_id": "sp-1.1", "name": "spy-1", "caller": "1101"}
    assert spy(mode="listen", **good)["Data"] == "sp-1.1,qduE"
    for value in values:
        with pytest.raises(ValueError, match=field):
            spy(mode="listen", **{**good, field: value})
