"""Two telephone sites in one list of calls: lost, cut off, found again, counted once.

site sp  (keeps the queue) --- line --- site sp2
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from server.accounts.models import AuditRow
from server.accounts.refusals import Refused
from server.calls import (
    agents,
    exchange,
    recovering,
    services,
    sites,
    supervising,
    switchboard,
)
from server.calls.models import Call
from server.calls.switchboard import Switchboard
from server.campaigns import running
from server.desk import control
from server.tickets.models import CallBack
from telephony.ami import events as ami
from telephony.ami.client import AmiError
from telephony.ami.parser import Message
from telephony.fakes import FakeAmi, FakeAri
from telephony.identity import CallerId
from telephony.router import Router, Seat
from telephony.sites import Sites
from telephony.tones import tone_samples, write_wav
from tests.server.ringing import member

pytestmark = pytest.mark.django_db


@pytest.fixture
def two_sites(cast, settings, tmp_path: Path) -> Path:
    """The log folder of the second site."""
    folder = tmp_path / "second"
    folder.mkdir()
    settings.STANDPIPE["CALL_LOG"].mkdir(parents=True, exist_ok=True)
    settings.STANDPIPE = {
        **settings.STANDPIPE,
        "FURTHER_SITES": json.dumps([{
            "code": "sp2", "ari": "http://127.0.0.1:2/ari", "ami": "127.0.0.1:2",
            "log": str(folder), "ws": "ws://127.0.0.1:2/ws",
        }]),
    }  # fmt: skip
    return folder


def ring(call_id: str, minutes_ago: float = 1) -> Call:
    at = timezone.now() - timedelta(minutes=minutes_ago)
    return services.rang(services.Ring(call_id, "0401000101", "", "965113", at))


def told(folder: Path, *lines: dict[str, str]) -> None:
    with (folder / "calls.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def at(second: int) -> str:
    moment = datetime.now(UTC) - timedelta(minutes=10) + timedelta(seconds=second)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_after_a_cut_line_both_sites_counts_are_one_list_without_a_duplicate(
    two_sites, settings
) -> None:
    """sp answered its own calls, sp2 its own; one was handed over before the line was cut and is
    told by both files. The same linked id at both sites is two calls."""
    first = settings.STANDPIPE["CALL_LOG"]
    whole = [("arrived", 0), ("queued", 3), ("answered", 5), ("ended", 60)]
    for site, folder in (("sp", first), ("sp2", two_sites)):
        for n in range(3):
            told(folder, *(
                {"event": event, "call": f"{site}-1795399603.{n}", "at": at(second),
                 "number": f"040100010{n}", "agent": "1001"}
                for event, second in whole
            ))  # fmt: skip
    handed = "sp2-1795399700.0"
    told(two_sites, {"event": "arrived", "call": handed, "at": at(1), "number": "0401000107"},
         {"event": "handed", "call": handed, "at": at(4), "to": "sp"})  # fmt: skip
    told(first, {"event": "arrived", "call": handed, "at": at(4), "number": "0401000107"},
         {"event": "queued", "call": handed, "at": at(4), "queue": "faults"},
         {"event": "answered", "call": handed, "at": at(9), "agent": "1002"},
         {"event": "ended", "call": handed, "at": at(80), "agent": "1002"})  # fmt: skip
    assert recovering.recover_calls() == 7
    assert recovering.recover_calls() == 0
    assert Call.objects.count() == 7
    by_site = {c: Call.objects.filter(call_id__startswith=f"{c}-").count() for c in ("sp", "sp2")}
    assert by_site == {"sp": 3, "sp2": 4}
    assert not Call.objects.exclude(recovered=True).exists()
    assert not Call.objects.exclude(state="ended", outcome="answered").exists()


def test_a_dead_site_cuts_its_own_talks_keeps_their_sound_and_owes_a_call(
    two_sites, settings
) -> None:
    talk, elsewhere, waiting = ring("sp-1.0"), ring("sp2-1.0"), ring("sp-2.0")
    unanswered = ring("sp-3.0")
    for call in (talk, elsewhere):
        services.answered(call.call_id, "1001", at=timezone.now())
    services.queued(waiting.call_id, at=timezone.now())
    sound = settings.STANDPIPE["RECORDINGS"] / "sp-1.0.wav"
    sound.parent.mkdir(parents=True, exist_ok=True)
    write_wav(sound, tone_samples(440, 16000))
    data = sound.read_bytes()
    sound.write_bytes(data[:40] + b"\0\0\0\0" + data[44:])  # killed before it wrote the length

    assert services.end_absent(set(), began_before=timezone.now(), site="sp") == 3
    for call in (talk, elsewhere, waiting, unanswered):
        call.refresh_from_db()
    assert (talk.state, talk.outcome, talk.cut) == ("ended", "answered", True)
    assert (waiting.state, waiting.outcome, waiting.cut) == ("ended", "abandoned", True)
    assert (unanswered.state, unanswered.outcome, unanswered.cut) == ("ended", "abandoned", True)
    assert (elsewhere.state, elsewhere.cut) == ("talking", False)
    assert talk.recording.seconds == 2.0
    owed = set(CallBack.objects.values_list("call_id", "reason"))
    assert owed == {("sp-1.0", "hung_up"), ("sp-2.0", "missed"), ("sp-3.0", "missed")}


async def test_dead_is_told_from_out_of_reach(two_sites, monkeypatch) -> None:
    """Nobody listens any more for ten seconds: cut. No answer through a cut line: wait."""
    ended: list[tuple[set[str], str]] = []
    monkeypatch.setattr(
        services, "end_absent",
        lambda present, *, began_before, site="": ended.append((present, site)) or 1,
    )  # fmt: skip
    monkeypatch.setattr(switchboard, "DEAD_AFTER", timedelta(seconds=0.2))
    board = Switchboard([FakeAri(), FakeAri()], FakeAmi(), None)  # type: ignore[arg-type]
    await board._take(ami.Disconnected("no route", refused=False, site="sp2"))
    await board._take(ami.Disconnected("refused", refused=True, site="sp"))
    assert ended == []
    await asyncio.sleep(0.3)
    await board._take(ami.Disconnected("no route", refused=False, site="sp2"))
    await board._take(ami.Disconnected("refused", refused=True, site="sp"))
    assert ended == [(set(), "sp")]


def test_an_agent_who_moves_is_written_down(cast) -> None:
    services.moved("1001", "sp2")
    row = AuditRow.objects.get(action="agent.moved")
    assert row.to_state == "sp2"


def test_the_desk_learns_where_else_it_may_register(two_sites, settings, cast) -> None:
    settings.STANDPIPE = {**settings.STANDPIPE, "SIP_WS_URL": "ws://127.0.0.1:1/ws"}
    assert agents.me(cast.aino)["sip"]["further_ws"] == ["ws://127.0.0.1:2/ws"]
    assert sites.several() and [site.code for site in sites.known()] == ["sp", "sp2"]
    assert sites.of_channel("sp2-1795.3") == "sp2" and sites.of_channel("PJSIP/1001-0001") == ""
    with pytest.raises(Refused) as no:
        exchange.act("Ping", site="sp3")
    assert no.value.field == "site"


def test_when_asterisk_is_away_a_person_is_told_so_and_nothing_is_done(two_sites) -> None:
    with pytest.raises(Refused) as no:
        exchange.act("Ping")
    assert no.value.field == "telephone" and no.value.code == "exchange"


def answering(monkeypatch, **lists) -> None:
    """Sites by code: what each lists; one that is not named is away."""

    def ask(address, account, name, fields):
        assert name == "QueueStatus" and fields == {"Queue": "faults"}
        code = next(site.code for site in sites.known() if site.ami == address)
        if code not in lists:
            raise AmiError(f"{name}: no answer")
        return [Message((("Response", "Success"),)), *lists[code]]

    monkeypatch.setattr(exchange, "ask", ask)


def test_a_campaign_rings_for_the_agents_of_all_sites_that_answer(two_sites, monkeypatch) -> None:
    """1001 sits at the first site, 1002 and 1003 at the second; one caller waits at each."""
    caller = Message((("Event", "QueueEntry"),))
    first = [member("PJSIP/1001"), member("PJSIP/1002@site-sp2"), member("PJSIP/1003@site-sp2")]
    second = [member("PJSIP/1001@site-sp"), member("PJSIP/1002"), member("PJSIP/1003")]
    answering(monkeypatch, sp=first, sp2=second)
    assert running.free_agents("faults") == 3
    answering(monkeypatch, sp=[*first, caller], sp2=[*second, caller])
    assert running.free_agents("faults") == 1
    answering(monkeypatch, sp=[*first, caller])
    assert running.free_agents("faults") == 0  # one agent here, one caller here
    answering(monkeypatch, sp2=second)
    assert running.free_agents("faults") == 2
    answering(monkeypatch)
    with pytest.raises(Refused) as no:
        running.free_agents("faults")
    assert (no.value.field, no.value.code) == ("telephone", "exchange")


def in_a_talk(at: str, call_id: str) -> Message:
    return Message((
        ("Channel", "PJSIP/1001-00000002"), ("ChannelStateDesc", "Up"), ("BridgeId", "b"),
        ("Uniqueid", f"{at}-9.1"), ("Linkedid", call_id),
    ))  # fmt: skip


@pytest.mark.parametrize("away", [(), ("sp",)], ids=["both answer", "the first is dead"])
def test_a_talk_at_the_second_site_is_muted_held_and_listened_to_there(
    two_sites, cast, monkeypatch, away
) -> None:
    """Aino's telephone moved to sp2 when sp died; it stays there when sp is back."""
    call = ring("sp2-1.0")
    services.answered(call.call_id, "1001", at=timezone.now())
    call.refresh_from_db()
    asked: list[tuple[str, str, str]] = []

    def ask(address, account, name, fields):
        code = next(site.code for site in sites.known() if site.ami == address)
        if code in away:
            raise AmiError(f"{name}: no answer")
        if name == "CoreShowChannels":
            here = [in_a_talk("sp2", "sp2-1.0")] if code == "sp2" else []
            return [Message((("Response", "Success"),)), *here]
        asked.append((code, name, str(fields.get("Channel"))))
        return [Message((("Response", "Success"),))]

    monkeypatch.setattr(exchange, "ask", ask)
    control.act(call, "mute", by=cast.aino)
    control.act(call, "hold", by=cast.aino, on=False)
    control.act(call, "key", by=cast.aino, key="5")
    assert asked == [
        ("sp2", "MuteAudio", "PJSIP/1001-00000002"), ("sp2", "Setvar", "sp2-1.0"),
        ("sp2", "PlayDTMF", "sp2-1.0"),
    ]  # fmt: skip
    assert supervising.talking_channel(cast.aino) == ("sp2-9.1", "sp2-1.0")


# -- one place in the queue for each agent ---------------------------------------------------------


def state_of(extension: str, state: str) -> ami.Other:
    fields = (("Event", "DeviceStateChange"), ("Device", f"PJSIP/{extension}"), ("State", state))
    return ami.Other("DeviceStateChange", Message(fields))


async def until(true, what: str) -> None:
    for _ in range(100):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(what)


async def test_an_agent_stands_in_each_queue_once_and_moves_with_the_telephone() -> None:
    north, south = FakeAmi(), FakeAmi()
    both = Sites({"sp": north, "sp2": south})
    await both.connect()
    try:
        north.feed(ami.Connected())
        south.feed(ami.Connected())
        await until(lambda: len(both.up) == 2, "both are up")
        south.feed(ami.PhoneReachable("1001", True))
        await until(lambda: both.home_of("1001") == "sp2", "the telephone is in the south")
        await both.action("QueueAdd", Queue="faults", Interface="PJSIP/1001", Paused=False)
        added = [
            [
                (f["Interface"], f["StateInterface"])
                for name, f in site.actions
                if name == "QueueAdd"
            ]
            for site in (north, south)
        ]
        assert added == [
            [("PJSIP/1001@site-sp2", "Custom:away1001")], [("PJSIP/1001", "PJSIP/1001")]
        ]  # fmt: skip
        south.feed(state_of("1001", "INUSE"))
        said = ("Setvar", {"Variable": "DEVICE_STATE(Custom:away1001)", "Value": "INUSE"})
        await until(lambda: said in north.actions, "the north hears that the agent talks")
        # the south rang the north's telephone over a dead line: nobody is paused for that
        south.feed(ami.PhoneReachable("1002", False), ami.AgentNoAnswer("sp2-1.0", "1002", 15.0))
        # the same person signs in in the north: one place again, the old one is taken away
        north.actions.clear()
        north.feed(ami.PhoneReachable("1001", True))
        await until(lambda: any(name == "QueueAdd" for name, _ in north.actions), "moved")
        names = [(name, f["Interface"]) for name, f in north.actions if name.startswith("Queue")]
        assert names == [("QueueRemove", "PJSIP/1001@site-sp2"), ("QueueAdd", "PJSIP/1001")]
        # the telephone that was left behind goes away: nobody is signed out for that
        heard: list[object] = []

        async def listen() -> None:
            async for event in both.events():
                heard.append(event)

        task = asyncio.create_task(listen())
        south.feed(ami.PhoneReachable("1001", False), ami.Disconnected("gone", True))
        await until(lambda: ami.Disconnected("gone", True, "sp2") in heard, "the site is gone")
        gone = [e for e in heard if isinstance(e, ami.PhoneReachable) and not e.reachable]
        assert gone == [] and both.up == ("sp",)
        assert not [e for e in heard if isinstance(e, ami.AgentNoAnswer)]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    finally:
        await both.close()


async def test_who_waits_hears_of_the_agents_of_both_sites() -> None:
    """1001 sits in the south, 1002 in the north; each stands in both queues and counts once."""
    north, south = FakeAmi(), FakeAmi()
    both = Sites({"sp": north, "sp2": south})
    router = Router(both)

    async def listen() -> None:
        async for event in both.events():
            await router.take(event)

    def now(site: FakeAmi, extension: str, status: int) -> None:
        site.feed(ami.MemberChanged("faults", extension, status, False, ""))

    await both.connect()
    task = asyncio.create_task(listen())
    try:
        for site in (north, south):
            site.feed(ami.Connected())
        await until(lambda: len(both.up) == 2, "both are up")
        south.feed(ami.PhoneReachable("1001", True))
        north.feed(ami.PhoneReachable("1002", True))
        await until(lambda: both.home_of("1001") == "sp2", "the telephone is in the south")
        for extension in ("1001", "1002"):
            await router.seat(extension, Seat(extension, {"faults": 0}))
            for site in (north, south):
                now(site, extension, 1)
        assert router.staffed("faults") == (2, 2)
        # Somebody talks in the south; the north, which keeps the queue, has it from us.
        south.feed(state_of("1001", "INUSE"))
        said = ("Setvar", {"Variable": "DEVICE_STATE(Custom:away1001)", "Value": "INUSE"})
        await until(lambda: said in north.actions, "the north hears that the agent talks")
        for site in (south, north):
            now(site, "1001", 2)
        await until(lambda: router.staffed("faults") == (2, 1), "one of two is free")
        now(north, "1002", 2)
        nobody = CallerId("", "")
        north.feed(ami.QueueJoined("sp-1.0", "faults", nobody, 1, 1))
        await until(lambda: router.wait_of("sp-1.0", 60) == (1, 30.0), "two work on the calls")
        # The south is lost, and its telephones with it: one works on them.
        south.feed(ami.Disconnected("gone", True))
        lost = ("Setvar", {"Variable": "DEVICE_STATE(Custom:away1001)", "Value": "UNAVAILABLE"})
        await until(lambda: lost in north.actions, "the north hears that the telephone is gone")
        now(north, "1001", 5)
        await until(lambda: router.wait_of("sp-1.0", 60) == (1, 60.0), "one works on the calls")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await both.close()
