"""Telephones and a gateway that are not on the exchange's machine: what they reach, and what not.

    gateway 127.0.0.3 ──┐
    stranger 127.0.0.4 ─┼── 127.0.0.2 exchange: SIP and sound
    desk 1101 127.0.0.5 ┘   127.0.0.1 exchange: ARI and AMI, for its own machine alone
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from telephony.agents import join_queue, leave_queue
from telephony.ami.events import AgentRinging, RecordingReady
from telephony.caller import Caller
from telephony.incoming import Decision, IncomingCall
from telephony.phone import AGENT_TONE_HZ, DeskPhone
from tests.telephony.conftest import PASSWORDS, Desk, listening, private_config, running
from tests.telephony.sound import loud_tones

pytestmark = pytest.mark.live
EXCHANGE, GATEWAY, STRANGER, DESK = "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"


@pytest.fixture(scope="module")
def house() -> Iterator[Desk]:
    with running(private_config(sip_address=EXCHANGE, trunk_addresses=(GATEWAY,))) as (desk,):
        yield desk


def calling_from(house: Desk, address: str) -> Caller:
    """Somebody there who knows no secret."""
    c = house.config
    return Caller(EXCHANGE, c.sip_port, c.pstn_port, "no-secret", local_host=address)


async def test_who_calls_through_the_gateway_is_heard_at_a_desk_and_in_the_recording(
    house: Desk,
) -> None:
    async def decide(call: IncomingCall) -> Decision:
        return Decision()

    telephone = DeskPhone(
        EXCHANGE, house.config.sip_port, "1101", PASSWORDS["1101"], ring_s=0.3, local_host=DESK
    )
    async with listening(house) as (ami, heard), telephone, house.application(decide):
        await join_queue(ami, "faults", "1101", "Desk 1")
        outcome = await calling_from(house, GATEWAY).call("0401230001", "Aino", seconds=7)
        assert outcome.answered and outcome.final_code == 200
        call_id = (await heard.one(AgentRinging)).call_id
        await heard.one(RecordingReady)
        await leave_queue(ami, "faults", "1101")
    recording = house.config.recordings / f"{call_id}.wav"
    assert loud_tones(recording, [440, AGENT_TONE_HZ]) == {440, AGENT_TONE_HZ}


async def test_a_stranger_in_the_same_network_is_no_gateway(house: Desk) -> None:
    astray = await calling_from(house, STRANGER).call("0401230002", seconds=2, patience_s=5)
    assert not astray.answered


@pytest.mark.parametrize("door", ["ari_port", "ami_port"])
def test_the_doors_of_our_own_processes_stay_shut_to_the_network(house: Desk, door: str) -> None:
    port = getattr(house.config, door)
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((EXCHANGE, port), timeout=5)
