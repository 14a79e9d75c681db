"""The manager's bytes: recorded ones, split ones, broken ones, hostile ones."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.agents import join_queue, leave_queue, members
from telephony.ami.client import AmiClient, AmiError
from telephony.ami.events import (
    AgentCompleted,
    AgentConnected,
    AgentNoAnswer,
    AgentRinging,
    Answered,
    CallEnded,
    Connected,
    Disconnected,
    MemberChanged,
    Other,
    PhoneReachable,
    Queued,
    QueueJoined,
    QueueLeft,
    RecordingReady,
    parse_event,
)
from telephony.ami.parser import (
    MAX_LINE_BYTES,
    AmiProtocolError,
    Message,
    Splitter,
    render_action,
)
from telephony.backoff import Backoff
from telephony.fakes import FakeAmi

RECORDED = (Path(__file__).parent / "recorded" / "ami_queue_call.txt").read_bytes()
CALL = "sp-1795399603.0"


def parsed(data: bytes) -> list[Message]:
    return Splitter().feed(data)


def test_a_recorded_queue_call_tells_its_story_in_order() -> None:
    events = [parse_event(m) for m in parsed(RECORDED) if m.get("Event")]
    story = [e for e in events if getattr(e, "call_id", "") == CALL]
    kinds = [type(e) for e in story]
    for kind in (Queued, QueueJoined, AgentRinging, Answered, AgentConnected, QueueLeft,
                 AgentCompleted, CallEnded, RecordingReady):  # fmt: skip
        assert kinds.count(kind) == 1, kind
    assert kinds.index(Queued) < kinds.index(QueueJoined) < kinds.index(AgentRinging)
    assert kinds.index(AgentRinging) < kinds.index(AgentConnected) < kinds.index(CallEnded)
    ringing = next(e for e in story if isinstance(e, AgentRinging))
    assert (ringing.agent, ringing.caller.number, ringing.caller.name) == (
        "1101", "0401234567", "Aino 王",
    )  # fmt: skip
    ended = next(e for e in story if isinstance(e, CallEnded))
    assert (ended.queue_status, ended.agent, ended.fallback) == ("", "1101", "")
    assert not ended.message_left
    statuses = [e.status for e in events if isinstance(e, MemberChanged) and not e.removed]
    assert {1, 2, 6} <= set(statuses)
    assert any(isinstance(e, PhoneReachable) and e.reachable for e in events)


def test_ring_time_of_a_missed_call_is_in_seconds_like_every_other() -> None:
    message = Message((("Event", "AgentRingNoAnswer"), ("Uniqueid", CALL),
                       ("Interface", "PJSIP/1001"), ("RingTime", "15000")))  # fmt: skip
    assert parse_event(message) == AgentNoAnswer(CALL, "1001", 15.0)


def test_an_unknown_event_is_no_error() -> None:
    event = parse_event(Message((("Event", "TestEvent"), ("Type", "StateChange"))))
    assert isinstance(event, Other) and event.name == "TestEvent"


def test_an_own_event_without_a_call_is_not_believed() -> None:
    assert isinstance(
        parse_event(Message((("Event", "UserEvent"), ("UserEvent", "SPCallEnded")))), Other
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(RECORDED)), max_size=40))
def test_any_split_of_the_stream_parses_equal(cuts: list[int]) -> None:
    splitter = Splitter()
    messages: list[Message] = []
    edges = [0, *sorted(cuts), len(RECORDED)]
    for start, end in pairwise(edges):
        messages += splitter.feed(RECORDED[start:end])
    assert messages == parsed(RECORDED)
    assert splitter.greeting.startswith("Asterisk Call Manager")


@given(st.binary(max_size=3000))
def test_garbage_never_raises_anything_but_the_protocol_error(data: bytes) -> None:
    try:
        for message in parsed(data):
            parse_event(message)
    except AmiProtocolError:
        return


VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=80)


@given(st.dictionaries(st.from_regex(r"[A-Z][a-zA-Z]{1,10}", fullmatch=True), VALUES, max_size=8))
def test_what_is_rendered_is_read_back(fields: dict[str, str]) -> None:
    fields = {k: v for k, v in fields.items() if k not in {"Action", "ActionID"}}
    (message,) = parsed(b"Asterisk Call Manager/11\r\n" + render_action("X", "7", fields))
    assert message.fields == (("Action", "X"), ("ActionID", "7"), *fields.items())


@pytest.mark.parametrize("value", ["a\r\nAction: Command", "a\nb", "a\rb", "a\0b"])
def test_a_line_break_in_a_field_is_refused_by_name(value: str) -> None:
    with pytest.raises(ValueError, match="MemberName"):
        render_action("QueueAdd", "1", {"MemberName": value})


def test_an_endless_line_is_refused() -> None:
    with pytest.raises(AmiProtocolError, match="longer"):
        parsed(b"Event: " + b"x" * (MAX_LINE_BYTES + 1))


def test_repeated_fields_and_variables_are_kept() -> None:
    (message,) = parsed(
        b"Event: A\r\nChanVariable: SP_CALL_ID=sp-1.2\r\nChanVariable: X=\r\n\r\n"
    )
    assert message.all("chanvariable") == ("SP_CALL_ID=sp-1.2", "X=")
    assert message.variable("SP_CALL_ID") == "sp-1.2" and message.variable("Y") == ""


def test_waiting_grows_up_to_its_limit_and_begins_again() -> None:
    backoff = Backoff(first=0.2, longest=5.0, chance=lambda: 1.0)
    assert [backoff.failed() for _ in range(7)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    backoff.succeeded()
    assert backoff.failed() == 0.2


class Peer:
    """A manager that drops its first caller, as a restarting Asterisk does."""

    def __init__(self) -> None:
        self.connections = 0
        self.asked: list[Message] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        splitter = Splitter(_started=True)
        while data := await reader.read(1000):
            for message in splitter.feed(data):
                self.asked.append(message)
                self.answer(message, writer)
            if self.connections == 1 and self.asked[-1].get("Action") == "Login":
                break
        writer.close()

    def booted(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n")

    def answer(self, message: Message, writer: asyncio.StreamWriter) -> None:
        action, number = message.get("Action"), message.get("ActionID").encode()
        if action == "QueueStatus":
            writer.write(b"Response: Success\r\nActionID: %b\r\nEventList: start\r\n\r\n" % number)
            writer.write(b"Event: QueueMember\r\nActionID: %b\r\nName: A\r\n"
                         b"Location: PJSIP/1001\r\nPaused: 1\r\nPausedReason: ACW\r\n"
                         b"Status: 1\r\nQueue: faults\r\n\r\n" % number)  # fmt: skip
            writer.write(b"Event: QueueStatusComplete\r\nActionID: %b\r\n"
                         b"EventList: Complete\r\n\r\n" % number)  # fmt: skip
        elif action == "QueueAdd":
            writer.write(b"Response: Error\r\nActionID: %b\r\nMessage: No\r\n\r\n" % number)
        elif action == "Login":
            writer.write(b"Response: Success\r\nActionID: %b\r\n\r\n" % number)
            self.booted(writer)
        else:
            writer.write(b"Response: Success\r\nActionID: %b\r\n\r\n" % number)


async def test_a_lost_connection_comes_back_and_says_so() -> None:
    peer = Peer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    ami = AmiClient("127.0.0.1", port, "u", "s", backoff=Backoff(first=0.01))
    await ami.connect()
    stream = ami.events()
    kinds = [type(await asyncio.wait_for(anext(stream), 5)) for _ in range(3)]
    assert kinds == [Connected, Disconnected, Connected]
    assert [m.agent for m in await members(ami, "faults")] == ["1001"]
    with pytest.raises(AmiError, match="QueueAdd: No"):
        await ami.action("QueueAdd", Queue="faults")
    await ami.close()
    with pytest.raises(AmiError, match="not connected"):
        await ami.action("Ping")
    server.close()


async def test_a_manager_that_is_let_in_early_waits_until_asterisk_is_up() -> None:
    """After a crash the door opens before the queues know QueueAdd: agents would be lost."""

    class Starting(Peer):
        def booted(self, writer: asyncio.StreamWriter) -> None:
            asyncio.get_running_loop().call_later(0.3, super().booted, writer)

    peer = Starting()
    peer.connections = 1  # the first connection is not dropped this time
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    ami = AmiClient("127.0.0.1", server.sockets[0].getsockname()[1], "u", "s")
    began = asyncio.create_task(ami.connect())
    await asyncio.sleep(0.15)
    assert [m.get("Action") for m in peer.asked] == ["Login"] and not began.done()
    await asyncio.wait_for(began, 5)
    assert isinstance(await asyncio.wait_for(anext(ami.events()), 5), Connected)
    await ami.close()
    server.close()


async def test_an_agent_who_is_in_the_queue_already_is_only_unpaused() -> None:
    ami = FakeAmi(refusals={"QueueAdd": "Unable to add interface: Already there"})
    await join_queue(ami, "faults", "1001", "Li Wei")
    assert [name for name, _ in ami.actions] == ["QueueAdd", "QueuePause"]
    assert ami.actions[1][1]["Paused"] is False
    with pytest.raises(ValueError, match="extension"):
        await leave_queue(ami, "faults", "1001@evil")
    with pytest.raises(ValueError, match="MemberName"):
        await join_queue(ami, "faults", "1001", "x\r\nAction: Logoff")
