"""A crowd of callers from one SIPp, a room of telephones from another.

0402220000 .. 0402220005 ═══► Asterisk ═══► 1101, 1102 (both at one address)
"""

from __future__ import annotations

import pytest

from telephony.agents import join_queue, leave_queue
from telephony.crowd import MOST_AT_ONCE, MOST_CALLS, PhoneRoom, call_all, told
from telephony.incoming import Decision, IncomingCall
from telephony.sipp import CallerError, parse_trace
from tests.telephony.conftest import PASSWORDS, Desk, listening

NUMBERS = [f"040222{n:04}" for n in range(6)]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("numbers", {"numbers": []}),
        ("numbers", {"numbers": ["0401"] * 2}),
        ("numbers", {"numbers": [str(10**6 + n) for n in range(MOST_CALLS + 1)]}),
        ("number", {"numbers": ["O4O1"]}),
        ("per_second", {"per_second": 0}),
        ("per_second", {"per_second": 51}),
        ("at_once", {"at_once": MOST_AT_ONCE + 1}),
        ("seconds", {"seconds": 0}),
        ("keys", {"keys": "x"}),
    ],
)
async def test_a_crowd_beyond_its_bounds_is_refused_before_anybody_calls(field, wrong) -> None:
    asked = {"numbers": NUMBERS, "per_second": 5, "at_once": 5, "seconds": 2.0, **wrong}
    with pytest.raises(CallerError, match=f"^{field}: "):
        await call_all(9, "secret", **asked)


def test_a_call_that_was_refused_and_one_that_nobody_answered_are_told_apart() -> None:
    at = "----------------------------------------------- 2026-11-26T09:00:00.{ms}\n"
    way = "UDP message {way} [300] bytes:\n\n"
    text = ""
    for ms, sent, line, call in [
        ("100000", True, "INVITE sip:965113@127.0.0.1 SIP/2.0", "a"),
        ("110000", True, "INVITE sip:965113@127.0.0.1 SIP/2.0", "b"),
        ("120000", False, "SIP/2.0 503 Busy", "a"),
    ]:
        number = {"a": "0401", "b": "0402"}[call]
        text += (
            at.format(ms=ms)
            + way.format(way="sent" if sent else "received")
            + (f"{line}\nFrom: <sip:{number}@127.0.0.1>;tag=1\nCall-ID: {call}\nCSeq: 1 INVITE\n\n")
        )
    first, second = told(parse_trace(text))
    assert (first.number, first.final_code, first.answered_at) == ("0401", 503, None)
    assert (second.number, second.final_code, second.answered_at) == ("0402", 0, None)


@pytest.mark.live
async def test_a_crowd_is_answered_by_a_room_of_telephones(asterisk: Desk) -> None:
    async def decide(call: IncomingCall) -> Decision:
        return Decision()

    config = asterisk.config
    room = PhoneRoom(config.sip_port, PASSWORDS, hold_s=1.0)
    async with listening(asterisk) as (ami, _heard), asterisk.application(decide), room:
        for extension in PASSWORDS:
            await join_queue(ami, "faults", extension, f"Desk {extension}")
        try:
            calls = await call_all(
                config.sip_port, config.secret_of_trunk, NUMBERS, per_second=6, at_once=6,
                seconds=25.0, keys="0",
            )  # fmt: skip
        finally:
            for extension in PASSWORDS:
                await leave_queue(ami, "faults", extension)
    assert [c.number for c in calls] == NUMBERS
    assert all(c.answered_at and c.final_code == 200 for c in calls)
    began = [c.invited_at for c in calls]
    # Six a second means one every sixth of a second, not six at once.
    assert (began[-1] - began[0]).total_seconds() > 0.5
    talked = [asterisk.call_from(number) for number in NUMBERS]
    assert {call.agent for call in talked} == set(PASSWORDS)
