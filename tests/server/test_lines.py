"""Lines: occupancy of outside and internal lines, what is down, what was only thought busy.

    trunk   30 channels    two calls on it
    gsm      8 channels    cannot be reached
    1001     Aino, agent   talks
    1010     the pumping station, nobody's desk, talks
    1011     the store, registered, idle
"""  # fmt: skip

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from server.accounts.refusals import Refused
from server.calls import agents, lines, listeners, services
from server.calls.models import AgentInterval, AgentState, Call, Line, LineSpan
from telephony.ami import events as told
from telephony.ami.client import AmiError
from telephony.ami.parser import Message
from telephony.fakes import FakeAmi

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh(settings):
    settings.STANDPIPE = {**settings.STANDPIPE, "TRUNKS": {"trunk": 30, "gsm": 8}}
    lines.forget()
    yield
    lines.forget()


def other(name: str, **fields: str) -> told.Other:
    return told.Other(name, Message(tuple(fields.items())))


def begins(channel: str, unique: str) -> told.Other:
    return other("Newchannel", Channel=channel, Uniqueid=unique)


def hangs_up(unique: str) -> told.Other:
    return other("Hangup", Uniqueid=unique)


def listed(**lines_: str) -> list[Message]:
    return [
        Message(
            (("Event", "DeviceStateChange"), ("Device", f"PJSIP/{n.lstrip('_')}"), ("State", s))
        )
        for n, s in lines_.items()
    ]


def held(*channels: tuple[str, str]) -> list[Message]:
    return [
        Message((("Event", "CoreShowChannel"), ("Uniqueid", u), ("Channel", c),
                 ("Duration", "00:00:30")))
        for u, c in channels
    ]  # fmt: skip


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def a_board() -> lines.Board:
    board = lines.Board()
    board.reached |= lines.endpoints(
        listed(trunk="INUSE", gsm="UNAVAILABLE", _1001="INUSE", _1010="INUSE",
               _1011="NOT_INUSE", _1099="UNAVAILABLE")
    )  # fmt: skip
    for channel, unique in (("PJSIP/trunk-01", "sp-1"), ("PJSIP/1001-02", "sp-2"),
                            ("PJSIP/trunk-03", "sp-3"), ("PJSIP/1010-04", "sp-4"),
                            ("Local/5@x-05;1", "sp-5"), ("Snoop/9-06", "sp-6")):  # fmt: skip
        board.hear(begins(channel, unique), NOON)
    return board


def test_lines_are_counted_by_kind_and_what_is_down_leaves_the_denominator(cast):
    agents.set_state(cast.aino, "ready")
    lines.write(a_board(), at(2))
    now = lines.lines_now(at(3))
    assert (now["trunks"]["busy"], now["trunks"]["available"]) == (2, 30)
    assert now["trunks"]["down"] == ["gsm"]
    assert now["trunks"]["occupancy"] == pytest.approx(2 / 30)
    # 1099 is not registered; 1001 is a desk.
    assert (now["internal"]["busy"], now["internal"]["registered"]) == (1, 2)
    assert [r["name"] for r in now["agents"]] == ["1001"]
    assert {r["name"]: r["state"] for r in now["internal"]["list"]} == {
        "1010": "busy", "1011": "idle", "1099": "down",
    }  # fmt: skip
    assert not now["stale"] and lines.lines_now(at(30))["stale"]


def test_with_every_line_down_there_is_no_occupancy(cast):
    board = lines.Board()
    board.hear(other("DeviceStateChange", Device="PJSIP/trunk", State="UNAVAILABLE"), NOON)
    board.hear(other("DeviceStateChange", Device="PJSIP/1010", State="INVALID"), NOON)
    lines.write(board, NOON)
    now = lines.lines_now(NOON)
    assert now["trunks"]["occupancy"] is None and now["internal"]["occupancy"] is None
    assert lines.occupancy("trunk", NOON, at(60)) is None


def test_occupancy_of_a_period_is_busy_seconds_over_available_ones(cast):
    """Two calls of 60 and 30 s on 30 channels up for 2 min: 90 / 3600."""
    board = a_board()
    lines.write(board, NOON)
    board.hear(hangs_up("sp-3"), at(30))
    lines.write(board, at(40))
    board.hear(hangs_up("sp-1"), at(60))
    lines.write(board, at(60))
    assert lines.occupancy("trunk", NOON, at(120)) == pytest.approx(90 / (30 * 120))
    # Cut at both ends of the period.
    assert lines.occupancy("trunk", at(30), at(60)) == pytest.approx(30 / (30 * 30))


def test_a_group_that_goes_down_takes_its_time_and_its_calls_out(cast):
    board = a_board()
    lines.write(board, NOON)
    board.hear(told.PhoneReachable("gsm", True), at(60))
    lines.write(board, at(60))
    board.hear(told.PhoneReachable("trunk", False), at(60))
    lines.write(board, at(60))
    # trunk: 30 channels for 60 s with two calls; gsm: 8 for the 60 s after it, empty.
    assert lines.occupancy("trunk", NOON, at(120)) == pytest.approx(120 / (30 * 60 + 8 * 60))
    assert lines.lines_now(at(60))["trunks"]["down"] == ["trunk"]


def test_a_call_that_begins_and_ends_between_two_writings_is_not_lost(cast):
    board = lines.Board(reached={"trunk": True})
    board.hear(begins("PJSIP/trunk-0a", "sp-9"), NOON)
    board.hear(hangs_up("sp-9"), at(1.5))
    lines.write(board, at(2))
    span = LineSpan.objects.get(what="busy")
    assert (span.started_at, span.ended_at) == (NOON, at(1.5))


def test_a_talk_whose_end_nobody_told_is_cleared_by_asking(cast):
    board = a_board()
    lines.write(board, NOON)
    gone = board.correct(held(("sp-1", "PJSIP/trunk-01"), ("sp-7", "PJSIP/1011-07")), at(100))
    assert gone == 5 - 1 - 1 + 0  # sp-2, sp-3, sp-4; Local and Snoop were never lines
    lines.write(board, at(100))
    now = {r.name: r.busy for r in Line.objects.all()}
    assert (now["trunk"], now["1001"], now["1010"], now["1011"]) == (1, 0, 0, 1)
    assert LineSpan.objects.get(channel="sp-2").ended_at == at(100)
    # A call that began before we asked is known with its age.
    assert LineSpan.objects.get(channel="sp-7").started_at == at(70)


def test_a_call_that_begins_while_asterisk_writes_its_list_is_no_phantom(cast):
    board = lines.Board()
    board.hear(begins("PJSIP/trunk-01", "sp-1"), NOON)
    assert board.correct([], at(1)) == 0
    assert board.busy() == {"trunk": 1}


def test_of_two_exchanges_a_silent_one_keeps_its_calls(cast):
    board = lines.Board(several=True)
    board.hear(begins("PJSIP/trunk-01", "a-1"), NOON)
    board.hear(begins("PJSIP/1010-02", "b-2"), NOON)
    board.hear(begins("PJSIP/site-b-03", "a-3"), NOON)
    assert board.correct([], at(60), {"b"}) == 1
    assert board.busy() == {"trunk": 1}
    two = listed(_1001="UNAVAILABLE") + listed(_1001="NOT_INUSE", **{"site-b": "INUSE"})
    assert lines.endpoints(two) == {"1001": True}


def test_an_agent_talking_without_a_channel_is_freed(cast):
    services.rang(services.Ring("sp-1", "0401000101", "", "965113", NOON))
    services.answered("sp-1", "1001", at=NOON)
    AgentState.objects.update(since=NOON)
    assert lines.clear_phantoms({"1001"}, at(60)) == []
    assert lines.clear_phantoms(set(), at(2)) == []  # too young to say
    assert lines.clear_phantoms(set(), at(60)) == ["1001"]
    assert AgentState.objects.get(user=cast.aino).state == "ready"
    assert lines.clear_phantoms(set(), at(60)) == []


def test_after_a_restart_of_ours_open_calls_go_on_and_lost_ones_end_when_last_seen(cast):
    before = a_board()
    lines.write(before, at(10))
    after = lines.Board()
    after.correct(held(("sp-1", "PJSIP/trunk-01")), at(300))
    lines.take_over(after)
    lines.write(after, at(300))
    assert LineSpan.objects.filter(what="busy", channel="sp-1").count() == 1
    assert LineSpan.objects.get(channel="sp-1").started_at == NOON
    assert LineSpan.objects.get(channel="sp-3").ended_at == at(10)


def test_the_switchboard_asks_and_writes_by_itself(cast):
    """One sweep against the library's fake: what it lists stands in the rows afterwards."""
    ami = FakeAmi(
        lists={
            "CoreShowChannels": held(("sp-1", "PJSIP/trunk-01")),
            "DeviceStateList": listed(trunk="INUSE", _1011="NOT_INUSE"),
        }
    )

    class Board:
        def __init__(self, lag_s: float = 0.0) -> None:
            self.ami, self.lag_s = ami, lag_s

        def managers(self):
            return {"": self.ami}

        async def in_order(self, work, *args):
            # In this thread: within a loop Django would open a connection of its own and commit.
            return await sync_to_async(work)(*args)

    look = async_to_sync(lines.look)
    look(Board())
    look(Board())
    # Late with storing, its list is not asked for: what goes on would look as if it were over.
    lines._asked_at = -1e9
    look(Board(lag_s=9.0))
    assert [n for n, _f in ami.actions] == ["CoreShowChannels", "DeviceStateList"]
    assert Line.objects.get(name="trunk").busy == 1
    assert Line.objects.get(name="trunk").channels == 30


def test_a_site_that_is_dead_for_hours_is_named_once_in_the_log_and_once_when_it_is_back(caplog):
    ami = FakeAmi(lists={"CoreShowChannels": [], "DeviceStateList": []})
    dead = AmiError("not connected to Asterisk")

    class Board:
        lag_s = 0.0

        def managers(self):
            return {"sp2": self}

        async def actions_list(self, name):
            if self.away:
                raise dead
            return await ami.actions_list(name)

        async def in_order(self, work, *args):
            return None

    board = Board()
    with caplog.at_level("INFO", logger="standpipe.telephony"):
        for board.away in (True, True, True, False, False, True):
            lines._asked_at = -1e9
            asyncio.run(lines.look(board))
    said = [r.getMessage() for r in caplog.records]
    lines._mute.clear()
    assert said == [
        "site sp2 does not say which lines are busy: not connected to Asterisk",
        "site sp2 says again which lines are busy",
        "site sp2 does not say which lines are busy: not connected to Asterisk",
    ]


def test_time_on_a_call_knows_its_call(cast):
    services.rang(services.Ring("sp-1", "0401000101", "", "965113", NOON))
    services.answered("sp-1", "1001", at=NOON)
    assert AgentInterval.objects.get(state="talking").call == Call.objects.get()


def test_a_rating_counts_once_and_must_be_one_to_five(cast):
    services.rang(services.Ring("sp-1", "0401000101", "", "965113", NOON))
    assert services.asked_how_it_went("sp-1", at=NOON).score is None
    with pytest.raises(Refused) as refused:
        services.rated("sp-1", 6, at=NOON)
    assert refused.value.field == "score"
    services.rated("sp-1", 4, at=at(5))
    services.rated("sp-1", 1, at=at(9))
    assert services.rated("sp-1", 5, at=at(9)).score == 4
    assert services.rated("nobody", 5, at=NOON) is None


def test_whatever_a_listener_stores_is_put_in_line():
    """A message that no listener names goes to the router alone, so none may be forgotten."""
    named: set[str] = set()
    for path in (Path(listeners.__file__).parents[1]).rglob("*.py"):
        text = path.read_text("utf-8")
        named |= set(re.findall(r'Other\(name="(\w+)"', text))
    assert {"Newchannel", "Hangup", "DeviceStateChange"} <= named <= listeners.STORED
    for name in ("ChanSpyStart", "ChanSpyStop", "DTMFEnd"):
        assert listeners.concerns(told.Other(name, Message(())))
    assert not listeners.concerns(told.Other("BridgeEnter", Message(())))
