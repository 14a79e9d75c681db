"""Callers and phones as text: scenarios SIPp will read, sounds it plays, traces it writes."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.caller import Caller, CallerError, check_call, outcome
from telephony.phone import DeskPhone
from telephony.sipp import (
    Sound,
    caller_scenario,
    display_name,
    escaped,
    parse_trace,
    phone_scenario,
    register_scenario,
)
from telephony.tones import KeyPress, linear_to_ulaw, packets, tone_ulaw, write_pcap

TRACE = """----------------------------------------------- 2026-11-23T08:00:00.100000
UDP message sent (600 bytes):

INVITE sip:965113@127.0.0.1:15060 SIP/2.0
Call-ID: 1-2@127.0.0.1
CSeq: 1 INVITE

----------------------------------------------- 2026-11-23T08:00:00.105000
UDP message received [400] bytes :

SIP/2.0 100 Trying
CSeq: 1 INVITE

----------------------------------------------- 2026-11-23T08:00:00.120000
UDP message received [700] bytes :

SIP/2.0 200 OK
CSeq: 1 INVITE
X-Note: a

----------------------------------------------- 2026-11-23T08:00:05.000000
UDP message received [300] bytes :

BYE sip:caller@127.0.0.1 SIP/2.0
CSeq: 2 BYE
"""


def unescaped(text: str) -> str:
    raw, index = bytearray(), 0
    while index < len(text):
        if text.startswith("\\x", index):
            raw.append(int(text[index + 2 : index + 4], 16))
            index += 4
        else:
            raw += text[index].encode()
            index += 1
    return raw.decode()


def test_a_trace_tells_when_the_call_was_made_answered_and_ended() -> None:
    story = outcome(parse_trace(TRACE), "pcap")
    assert story.answered and story.final_code == 200 and story.hung_up_by == "desk"
    assert story.invited_at and story.answered_at and story.ended_at
    assert (story.answered_at - story.invited_at).total_seconds() == pytest.approx(0.02)
    assert story.invited_at.utcoffset() is not None
    assert parse_trace(TRACE)[2].header("x-note") == "a"


def test_a_refused_call_is_no_answer() -> None:
    refused = outcome(parse_trace(TRACE.replace("200 OK", "503 Busy")), "none")
    assert not refused.answered and refused.final_code == 503 and refused.answered_at is None


def test_an_empty_trace_is_a_call_that_never_was() -> None:
    assert outcome(parse_trace(""), "none").final_code == 0


@given(st.text(max_size=500))
def test_no_name_can_break_out_of_its_place(name: str) -> None:
    shown = display_name(name)
    assert all(char not in shown for char in "[]<>\r\n;,&")
    if name:
        plain = unescaped(shown.removeprefix('"').removesuffix('" '))
        assert plain.count('"') == plain.count('\\"')


@given(st.text(max_size=100))
def test_escaping_loses_nothing(text: str) -> None:
    assert unescaped(escaped(text)) == text


@pytest.mark.parametrize("number", ["0401234567", ""])
@pytest.mark.parametrize("way", ["pcap", "stream", "none"])
def test_scenarios_are_xml_and_every_jump_has_its_label(number: str, way: str) -> None:
    sound = Sound(way, "sound")
    texts = [
        caller_scenario(number=number, name='<b>"[x]', secret="s", seconds=3, sound=sound,
                        info_keys="1" if way == "stream" else ""),
        phone_scenario(ring_s=0.5, hold_s=3, sound=sound),
        register_scenario(extension="1101", password="p", contact="127.0.0.1:5", expires=60),
    ]  # fmt: skip
    for text in texts:
        root = ET.fromstring(text)
        labels = {label.get("id") for label in root.iter("label")}
        for step in root.iter():
            for attribute in ("next", "ontimeout"):
                if step.get(attribute):
                    assert step.get(attribute) in labels
    assert ("Privacy: id" in texts[0]) == (number == "")
    assert ("P-Asserted-Identity" in texts[0]) == (number != "")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("12ab", "", 5.0, "965113"), "number"),
        (("0401234567", "A", 5.0, "965113"), "keys"),
        (("0401234567", "", 0.0, "965113"), "seconds"),
        (("0401234567", "", float("nan"), "965113"), "seconds"),
        (("0401234567", "", 5.0, "sip:x"), "to"),
    ],
)
def test_an_impossible_call_is_refused_naming_the_argument(
    arguments: tuple[str, str, float, str], field: str
) -> None:
    with pytest.raises(CallerError, match=f"^{field}"):
        check_call(*arguments)


async def test_a_machine_without_sipp_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CallerError, match="sip-tester"):
        await Caller("127.0.0.1", 15060, 15070, "s").call("0401234567")


def test_a_phone_with_a_hostile_password_is_refused() -> None:
    with pytest.raises(CallerError, match="password"):
        DeskPhone("127.0.0.1", 15060, "1101", "x]\n")
    with pytest.raises(CallerError, match="extension"):
        DeskPhone("127.0.0.1", 15060, "desk", "x")


def test_mu_law_agrees_with_the_standards_corner_values() -> None:
    assert [linear_to_ulaw(n) for n in (0, 32767, -32768, 1000, -1000)] == [
        0xFF, 0x80, 0x00, 0xCE, 0x4E,
    ]  # fmt: skip
    assert tone_ulaw(0, 0.01) == b"\xff" * 80 and len(tone_ulaw(440, 2.5)) == 20000


def test_keys_lie_in_the_same_stream_as_the_sound(tmp_path: Path) -> None:
    stream = list(packets(tone_ulaw(440, 2.0), [KeyPress("1", 0.5), KeyPress("#", 1.0)]))
    kinds = [rtp[1] & 0x7F for _, rtp in stream]
    assert kinds.count(101) == 20 and set(kinds) == {0, 101}
    numbers = [struct.unpack("!H", rtp[2:4])[0] for _, rtp in stream]
    assert numbers == list(range(1, len(stream) + 1))
    assert all(a <= b for (a, _), (b, _) in pairwise(stream))
    events = [rtp for _, rtp in stream if rtp[1] & 0x7F == 101]
    assert [rtp[12] for rtp in events] == [1] * 10 + [11] * 10
    assert [bool(rtp[13] & 0x80) for rtp in events[:10]] == [False] * 7 + [True] * 3
    write_pcap(tmp_path / "x.pcap", iter(stream))
    assert (tmp_path / "x.pcap").read_bytes()[:4] == b"\xd4\xc3\xb2\xa1"
    with pytest.raises(ValueError, match="keys"):
        KeyPress("A", 1.0)
