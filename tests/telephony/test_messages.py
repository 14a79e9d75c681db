"""Voice mail on a real Asterisk: words, no words, too many words, and no room for any."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony.ami.events import CallEnded, MessageLeft
from telephony.dialplan.values import ROOM_FILE
from telephony.flow import Decision
from telephony.incoming import IncomingCall
from telephony.prompts import synthesise
from telephony.sipp import may_send_raw
from telephony.wav import loud_seconds
from tests.telephony.conftest import Desk, Heard, eventually, listening, private_config, running
from tests.telephony.sound import loud_tones, seconds_of
from tests.telephony.test_menu_walked import VOICE


@pytest.fixture(scope="module")
def exchange() -> Iterator[Desk]:
    """An Asterisk whose prompts are tones and whose messages last three seconds at most."""
    config = private_config(message_max_s=3, rtp_start=32500, rtp_end=32800)
    synthesise(config.prompts, voice=VOICE)
    with running(config) as (desk,):
        yield desk


async def decide(call: IncomingCall) -> Decision:
    return Decision()


async def leave(desk: Desk, number: str, seconds: float, *, audio: bool) -> tuple[CallEnded, Heard]:
    """Press 9, say something or nothing, hang up after `seconds`."""
    async with listening(desk) as (_ami, heard), desk.application(decide):
        await desk.caller().call(
            number, keys="9", keys_after_s=0.8, seconds=seconds, audio=audio, tone_hz=440
        )
        ended = await heard.one(CallEnded)

        async def written() -> bool:
            return any(line["event"] == "ended" and line["call"] == ended.call_id
                       for line in desk.log_lines())  # fmt: skip

        await eventually(written, "the end is in the file")
    return ended, heard


def events_of(desk: Desk, call_id: str) -> list[str]:
    return [line["event"] for line in desk.log_lines() if line["call"] == call_id]


async def test_a_message_is_kept_and_cut_at_its_longest(exchange: Desk) -> None:
    ended, heard = await leave(exchange, "0407000001", 9.0, audio=True)
    assert ended.message_left
    file = Path((await heard.one(MessageLeft)).path)
    assert 2.5 <= seconds_of(file) <= 3.5
    assert 440 in loud_tones(file, [440, 1000])
    assert exchange.call_from("0407000001").message == file


async def test_silence_is_stored_as_silence_and_measured_as_such(exchange: Desk) -> None:
    ended, _heard = await leave(exchange, "0407000002", 5.0, audio=False)
    file = exchange.config.recordings / f"{ended.call_id}-message.wav"
    assert not file.exists() or loud_seconds(file.read_bytes()[44:]) < 0.5


async def test_without_room_nothing_is_recorded_and_the_number_is_kept(exchange: Desk) -> None:
    flag = exchange.config.recordings / ROOM_FILE
    flag.unlink()
    try:
        ended, _heard = await leave(exchange, "0407000003", 4.0, audio=True)
    finally:
        flag.touch()
    assert not ended.message_left
    assert "message_failed" in events_of(exchange, ended.call_id)
    assert not (exchange.config.recordings / f"{ended.call_id}-message.wav").exists()
    assert exchange.call_from("0407000003").caller.number == "0407000003"


@pytest.mark.skipif(not may_send_raw(), reason="only root can mount a small disk")
async def test_a_disk_that_fills_up_while_somebody_speaks_is_told_as_well(exchange: Desk) -> None:
    folder = exchange.config.recordings
    small = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    if await asyncio.to_thread(lambda: subprocess.run(small, check=False).returncode):
        pytest.skip("this container may not mount")
    try:
        (folder / ROOM_FILE).touch()
        ended, _heard = await leave(exchange, "0407000004", 8.0, audio=True)
    finally:
        await asyncio.to_thread(subprocess.run, ["umount", "-l", str(folder)], check=True)
    assert "message_failed" in events_of(exchange, ended.call_id)
    assert exchange.call_from("0407000004").caller.number == "0407000004"
