"""What Asterisk says of its lines: the lists and events from which occupancy is counted."""

from __future__ import annotations

import asyncio

from telephony.agents import join_queue, leave_queue
from telephony.ami.client import AmiClient
from telephony.ami.events import AgentConnected, CallEnded, Other
from telephony.flow import Decision
from telephony.incoming import IncomingCall
from tests.telephony.conftest import Desk, eventually, listening


async def _states(ami: AmiClient) -> dict[str, str]:
    listed = await ami.actions_list("DeviceStateList")
    return {m.get("Device"): m.get("State") for m in listed if m.get("Device")}


async def _nothing_known(call: IncomingCall) -> Decision:
    return Decision()


async def test_asterisk_names_every_line_its_state_and_the_channels_on_it(asterisk: Desk) -> None:
    async with listening(asterisk) as (ami, heard):
        before = await _states(ami)
        print(before)
        assert {f"PJSIP/{n}" for n in ("trunk", "1001", "1101", "1102")} <= set(before)
        assert before["PJSIP/1001"] == "UNAVAILABLE"
        async with asterisk.phone("1101"), asterisk.application(_nothing_known):

            async def registered() -> bool:
                return (await _states(ami))["PJSIP/1101"] == "NOT_INUSE"

            await eventually(registered, "the phone's line is idle")
            await join_queue(ami, "faults", "1101", "Desk 1")
            calling = asyncio.create_task(asterisk.caller().call("0401230777", seconds=9))
            await heard.one(AgentConnected)
            channels = [m for m in await ami.actions_list("CoreShowChannels")
                        if m.get("Event") == "CoreShowChannel"]  # fmt: skip
            on = {m.get("Channel").rpartition("-")[0]: m for m in channels}
            assert {"PJSIP/trunk", "PJSIP/1101"} <= set(on)
            assert len(on["PJSIP/trunk"].get("Duration").split(":")) == 3
            assert (await _states(ami))["PJSIP/1101"] == "INUSE"
            begun = {e.message.get("Uniqueid"): e.message.get("Channel") for e in heard.events
                     if isinstance(e, Other) and e.name == "Newchannel"}  # fmt: skip
            for message in (on["PJSIP/trunk"], on["PJSIP/1101"]):
                assert begun[message.get("Uniqueid")] == message.get("Channel")
            await calling
            await heard.one(CallEnded)
            wanted = {on["PJSIP/trunk"].get("Uniqueid"), on["PJSIP/1101"].get("Uniqueid")}

            async def both_over() -> bool:
                return wanted <= {e.message.get("Uniqueid") for e in heard.events
                                  if isinstance(e, Other) and e.name == "Hangup"}  # fmt: skip

            await eventually(both_over, "both channels are hung up")
            await leave_queue(ami, "faults", "1101")
