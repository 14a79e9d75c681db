"""Calls of our own to the public network, and the numbers that nobody is allowed to call.

manager --Originate Local/<number>@sp-dial-out--> Asterisk --trunk--> PublicNetwork
                                                                       0401 answers, hums 700 Hz
                                                                       0402 is busy
                                                                       0403 rings for ever
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from telephony.ami.client import AmiClient, AmiError
from telephony.ami.events import DialOver
from telephony.ami.once import ask
from telephony.network import Line, PublicNetwork
from tests.telephony.conftest import Desk, Heard, eventually, listening

pytestmark = pytest.mark.live
ANSWERS, BUSY, RINGS, NOBODY = "0401230101", "0401230102", "0401230103", "0401230104"


@pytest.fixture
async def network(asterisk: Desk) -> AsyncIterator[PublicNetwork]:
    lines = {
        ANSWERS: Line(tone_hz=700, talk_s=1.5, keys="1", keys_after_s=0.4),
        BUSY: Line("busy"), RINGS: Line("rings"), NOBODY: Line("unknown"),
    }  # fmt: skip
    host, _, port = asterisk.config.trunk_contact.partition(":")
    async with PublicNetwork(lines, host=host, port=int(port)) as net:
        yield net


async def dial(ami: AmiClient, number: str, attempt: str, ring_s: int = 20) -> None:
    """As `server.calls.dialling` does: the answered call lands in an application that speaks."""
    await ami.action(
        "Originate", Channel=f"Local/{number}@sp-dial-out/n", Application="Milliwatt",
        Async=True, Timeout=(ring_s + 5) * 1000,
        Variable=[f"__SP_ATTEMPT={attempt}", f"__SP_RING_S={ring_s}"],
    )  # fmt: skip


async def over(heard: Heard, attempt: str) -> DialOver:
    """The dialplan's own word on this attempt."""

    def found() -> list[DialOver]:
        return [e for e in heard.events if isinstance(e, DialOver) and e.call_id == attempt]

    async def seen() -> bool:
        return bool(found())

    await eventually(seen, f"the end of {attempt}")
    return found()[0]


async def test_a_number_answers_is_busy_rings_for_ever_or_is_not_there(
    asterisk: Desk, network: PublicNetwork
) -> None:
    async with listening(asterisk) as (ami, heard):
        numbers = {"t1": ANSWERS, "t2": BUSY, "t3": RINGS, "t4": NOBODY}
        for attempt, number in numbers.items():
            await dial(ami, number, attempt, ring_s=2)
        ends = {a: (await over(heard, a)).status for a in numbers}
    assert ends == {"t1": "ANSWER", "t2": "BUSY", "t3": "NOANSWER", "t4": "CHANUNAVAIL"}
    (call,) = network.calls_to(ANSWERS)
    assert call.answered_at is not None and call.hung_up_by == "line"
    assert call.from_number == asterisk.config.service_number
    assert network.calls_to(RINGS)[0].hung_up_by == "caller"
    assert network.most_at_once() >= 2
    # the telephone heard our 1004 Hz and not itself
    sound = np.frombuffer(bytes(call.heard), dtype=np.uint8)
    assert len(sound) > 4000 and len(set(sound.tolist())) > 10


@pytest.mark.parametrize(
    "number",
    ["0900123456", "00881234567890", "0700123456", "+8812345678901", "112", "0401230101,1,x"],
)
async def test_expensive_foreign_and_odd_numbers_are_refused_before_the_network_hears_of_them(
    asterisk: Desk, network: PublicNetwork, number: str
) -> None:
    async with listening(asterisk) as (ami, heard):
        with_refusal = f"no-{abs(hash(number)) % 10000}"
        try:
            await dial(ami, number, with_refusal)
            assert (await over(heard, with_refusal)).status == "NOTALLOWED"
        except AmiError:
            pass  # Asterisk itself did not take it for a number
        await asyncio.sleep(0.2)
    assert network.calls == []


async def test_a_desk_phone_and_a_caller_find_no_way_out(
    asterisk: Desk, network: PublicNetwork
) -> None:
    outcome = await asterisk.caller().call("0401230111", to=ANSWERS, seconds=3, patience_s=5)
    assert not outcome.answered and outcome.final_code >= 400
    assert network.calls == []


def test_one_question_needs_no_event_loop(asterisk: Desk) -> None:
    c = asterisk.config
    address, account = ("127.0.0.1", c.ami_port), (c.ami_user, c.ami_password)
    assert ask(address, account, "Ping", {})[0].get("Ping") == "Pong"
    listed = ask(address, account, "QueueStatus", {"Queue": "faults"})
    assert listed[0].get("Response") == "Success"
    assert {m.get("Event") for m in listed[1:]} == {"QueueParams"}
    with pytest.raises(AmiError, match="BlindTransfer"):
        ask(address, account, "BlindTransfer", {"Channel": "PJSIP/none", "Exten": "1"})
    with pytest.raises(AmiError, match="refused the account"):
        ask(address, (c.ami_user, "wrong"), "Ping", {})
    with pytest.raises(AmiError, match="Ping"):
        ask(("127.0.0.1", 1), account, "Ping", {})


@pytest.mark.parametrize(
    "fields",
    [
        {"Application": "System", "Data": "touch {file}"},
        {"Application": "TrySystem", "Data": "touch {file}"},
        {"Application": "Wait", "Data": "${{SHELL(touch {file})}}"},
        {"Application": "MixMonitor", "Data": "{file}.wav,,touch {file}"},
    ],
)
async def test_a_stolen_manager_account_cannot_run_programs(
    asterisk: Desk, tmp_path: Path, fields: dict[str, str]
) -> None:
    file = tmp_path / "owned"
    asked = {key: value.format(file=file) for key, value in fields.items()}
    async with listening(asterisk) as (ami, _):
        with pytest.raises(AmiError):
            await ami.action("Originate", Channel="Local/s@sp-recorded", Async=True, **asked)
        with pytest.raises(AmiError):
            await ami.action("Command", Command=f"!touch {file}")
    await asyncio.sleep(0.3)
    assert not file.exists()
