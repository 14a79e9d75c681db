"""Listening in: who may, what is written down, what agents see. Asterisk is a fake at its border.

Sari (supervisor, 1004) ── ChanSpy ──> Aino (agent, 1001) ── Anna
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from server.accounts.models import AuditRow
from server.accounts.refusals import Refused
from server.calls import exchange, services, supervising
from server.calls.models import Call
from server.calls.recordings import pausing
from server.calls.recordings.models import Pause, Supervision
from server.events.models import Event
from telephony.ami.events import parse_event
from telephony.ami.parser import Message

pytestmark = pytest.mark.django_db


class Exchange:
    """Asterisk as the web process sees it: what was asked, and which channels there are."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict]] = []
        self.channels = [
            {"Channel": "PJSIP/trunk-00000001", "Uniqueid": "sp-1.0", "Linkedid": "sp-1.0",
             "BridgeId": "b"},
            {"Channel": "PJSIP/1001-00000002", "Uniqueid": "sp-1.1", "Linkedid": "sp-1.0",
             "BridgeId": "b"},
            {"Channel": "PJSIP/10010-00000003", "Uniqueid": "sp-1.2", "Linkedid": "sp-1.2",
             "BridgeId": "c"},
        ]  # fmt: skip
        self.away = False
        self.answering = ["sp"]

    def act(self, name: str, *, site: str = "", **fields) -> Message:
        if self.away:
            raise Refused("telephone", "exchange", "away", reason="refused")
        self.asked.append((name, fields))
        return Message((("Response", "Success"),))

    def listed_at_each(self, name: str, **fields) -> dict[str, list[Message]]:
        found = {site: [] for site in self.answering}
        for c in self.channels:
            site = c["Uniqueid"].removeprefix("spy-").partition("-")[0]
            if site in found:
                found[site].append(Message(tuple(c.items())))
        return found


@pytest.fixture
def asterisk(monkeypatch):
    fake = Exchange()
    monkeypatch.setattr(exchange, "act", fake.act)
    monkeypatch.setattr(exchange, "listed_at_each", fake.listed_at_each)
    return fake


@pytest.fixture
def talk(cast, asterisk):
    now = timezone.now()
    services.rang(services.Ring("sp-1.0", "0401000101", "", "965113", now))
    services.answered("sp-1.0", "1001", at=now)
    return Call.objects.get()


def tell(name: str, **fields: str) -> None:
    event = parse_event(Message((("Event", name), *fields.items())))
    supervising.hear(event, timezone.now())


def post(client, url, **body):
    return client.post(url, body, content_type="application/json")


LISTEN = "/api/agents/aino/listen"


def begun(client, mode: str = "listen") -> Supervision:
    assert post(client, LISTEN, mode=mode).status_code == 201
    row = Supervision.objects.get(ended_at=None)
    tell("ChanSpyStart", SpyerUniqueid=row.channel)
    row.refresh_from_db()
    return row


def actions() -> list[tuple[str, str]]:
    return list(
        AuditRow.objects.filter(action__startswith="supervision.")
        .order_by("id").values_list("action", "to_state")
    )  # fmt: skip


def test_the_supervisors_own_telephone_rings_for_exactly_this_agents_channel(
    talk, cast, client_of, asterisk
):
    row = begun(client_of(cast.sari))
    name, fields = asterisk.asked[0]
    assert name == "Originate" and fields["Channel"] == "PJSIP/1004"
    assert fields["Data"] == "sp-1.1,qduE" and fields["Application"] == "ChanSpy"
    assert fields["ChannelId"] == row.channel and row.call == talk and row.started_at


@pytest.mark.parametrize("who", ["aino", "mika", "juho", "hui", "anu"])
def test_nobody_but_a_supervisor_and_nothing_is_asked_of_asterisk(
    talk, cast, client_of, asterisk, who
):
    client = client_of(getattr(cast, who))
    assert post(client, LISTEN, mode="listen").status_code == 403
    assert client.delete(LISTEN).status_code == 403
    assert client.get("/api/supervision").status_code == 403
    assert not asterisk.asked and not Supervision.objects.exists()


def test_beginning_changing_and_ending_are_written_down(talk, cast, client_of, asterisk):
    boss = client_of(cast.sari)
    row = begun(boss)
    assert post(boss, LISTEN, mode="whisper").status_code == 201
    assert asterisk.asked[-1] == (
        "PlayDTMF",
        {"Channel": row.channel, "Digit": "5", "Receive": "true", "Duration": "200"},
    )
    # the mode is what Asterisk heard, also when it was pressed on the telephone's own keys
    tell("DTMFEnd", Uniqueid=row.channel, Digit="5", Direction="Received")
    tell("DTMFEnd", Uniqueid=row.channel, Digit="6", Direction="Received")
    tell("DTMFEnd", Uniqueid=row.channel, Digit="9", Direction="Received")
    tell("DTMFEnd", Uniqueid="sp-1.0", Digit="4", Direction="Received")
    assert boss.get("/api/supervision").json()["supervisions"][0]["mode"] == "barge"
    assert boss.delete(LISTEN).json()["ended_at"]
    tell("ChanSpyStop", SpyerUniqueid=row.channel)
    tell("Hangup", Uniqueid=row.channel)
    assert asterisk.asked[-1] == ("Hangup", {"Channel": row.channel})
    assert actions() == [
        ("supervision.asked", "listen"), ("supervision.started", "listen"),
        ("supervision.changed", "whisper"), ("supervision.changed", "barge"),
        ("supervision.ended", "ended"),
    ]  # fmt: skip
    assert boss.delete(LISTEN).status_code == 404
    assert {r.by for r in AuditRow.objects.filter(action__startswith="supervision.")} == {"sari"}


@pytest.mark.parametrize(("policy", "mode", "seen"), [
    ("always", "listen", True), ("spoken", "listen", False), ("spoken", "whisper", True),
    ("spoken", "barge", True), ("never", "listen", False), ("never", "barge", False),
])  # fmt: skip
def test_agents_see_it_as_the_house_has_chosen(talk, cast, client_of, settings, policy, mode, seen):
    settings.STANDPIPE = {**settings.STANDPIPE, "TELL_LISTENED": policy}
    aino = client_of(cast.aino)
    before = aino.get("/api/me").json()
    boss = client_of(cast.sari)
    row = begun(boss, mode)
    me = aino.get("/api/me").json()
    if seen:
        since = row.mode_at.isoformat().replace("+00:00", "Z")
        assert me["listeners"] == [{"supervisor": "Sari", "mode": mode, "since": since}]
    else:
        # Not even an empty field, and no name of theirs anywhere.
        assert me == before
        assert "sari" not in str([aino.get(url).json() for url in AGENTS_DOORS]).lower()
    boss.delete(LISTEN)
    assert aino.get("/api/me").json() == before
    shown = Event.objects.filter(name="supervision.shown").order_by("id")
    assert [len(e.payload["listeners"]) for e in shown] == ([1, 0] if seen else [])
    # Aino's own screens alone: no colleague's and no dispatcher's.
    assert {e.topic for e in shown} == ({f"user:{cast.aino.pk}"} if seen else set())
    rest = Event.objects.filter(name__startswith="supervision.").exclude(name="supervision.shown")
    assert {(e.topic, e.payload["agent"]) for e in rest} == {("supervision", "aino")}


AGENTS_DOORS = (
    "/api/calls/live", "/api/calls/sp-1.0", "/api/calls/sp-1.0/talk", "/api/desk/colleagues",
    "/api/wall", "/api/items",
)  # fmt: skip


def test_who_stops_speaking_and_listens_on_leaves_the_agents_screen(
    talk, cast, client_of, settings
):
    settings.STANDPIPE = {**settings.STANDPIPE, "TELL_LISTENED": "spoken"}
    aino = client_of(cast.aino)
    row = begun(client_of(cast.sari), "listen")
    shown = Event.objects.filter(name="supervision.shown").order_by("id")
    assert "listeners" not in aino.get("/api/me").json() and not shown.exists()
    for key, modes in (("5", ["whisper"]), ("6", ["barge"]), ("4", [])):
        tell("DTMFEnd", Uniqueid=row.channel, Digit=key, Direction="Received")
        assert [w["mode"] for w in aino.get("/api/me").json().get("listeners", [])] == modes
        assert [w["mode"] for w in shown.last().payload["listeners"]] == modes
    # Since when they were spoken to, not since when somebody listened.
    assert shown[0].payload["listeners"][0]["since"] > row.started_at.isoformat()
    tell("Hangup", Uniqueid=row.channel)
    assert len(shown.all()) == 3


def test_of_a_telephone_that_is_not_answered_nothing_stays(talk, cast, client_of):
    boss = client_of(cast.sari)
    post(boss, LISTEN, mode="listen")
    # of a line that is not there no channel was ever made
    tell("OriginateResponse", Response="Failure", Uniqueid="<null>", Channel="PJSIP/1004")
    row = Supervision.objects.get()
    assert (row.ended_why, row.started_at) == ("no_answer", None)
    assert boss.get("/api/supervision").json() == {"supervisions": []}


def test_asterisk_away_is_said_and_nothing_stays(talk, cast, client_of, asterisk):
    asterisk.away = True
    refused = post(client_of(cast.sari), LISTEN, mode="listen")
    assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == "telephone"
    assert Supervision.objects.get().ended_why == "telephone"


def test_listening_to_another_agent_ends_the_first(talk, cast, client_of, asterisk):
    from server.accounts.models import User

    User.objects.create_user("eero", role="agent", extension="1002")
    asterisk.channels.append({"Channel": "PJSIP/1002-00000009", "Uniqueid": "sp-2.1",
                              "Linkedid": "sp-2.0", "BridgeId": "d"})  # fmt: skip
    boss = client_of(cast.sari)
    first = begun(boss)
    assert post(boss, "/api/agents/eero/listen", mode="listen").status_code == 201
    first.refresh_from_db()
    assert first.ended_why == "another"
    assert Supervision.objects.get(ended_at=None).agent.username == "eero"


@pytest.mark.parametrize(("url", "mode", "status", "field"), [
    (LISTEN, "shout", 422, "mode"), (LISTEN, "", 422, "mode"),
    ("/api/agents/sari/listen", "listen", 422, "agent"),
    ("/api/agents/mika/listen", "listen", 409, "agent"),
    ("/api/agents/nobody/listen", "listen", 404, ""),
])  # fmt: skip
def test_what_cannot_be_listened_to_is_refused_by_name(
    talk, cast, client_of, url, mode, status, field
):
    answer = post(client_of(cast.sari), url, mode=mode)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["field"] == field


def test_a_supervisor_without_a_line_is_told_so(talk, cast, client_of):
    cast.sari.extension = ""
    cast.sari.save()
    assert post(client_of(cast.sari), LISTEN, mode="listen").status_code == 422


def test_an_agent_who_does_not_talk_cannot_be_listened_to(talk, cast, client_of, asterisk):
    for channel in asterisk.channels:
        channel["BridgeId"] = ""
    assert post(client_of(cast.sari), LISTEN, mode="listen").status_code == 409


def test_what_ended_while_nobody_listened_is_ended_afterwards(talk, cast, client_of, asterisk):
    row = begun(client_of(cast.sari))
    Supervision.objects.update(asked_at=timezone.now() - timedelta(minutes=5))
    asterisk.channels.append({"Channel": "PJSIP/2001-00000009", "Uniqueid": row.channel})
    supervising.sweep()
    assert Supervision.objects.get().ended_at is None
    asterisk.channels.pop()
    # Its site does not answer: nobody knows.
    asterisk.answering = ["sp2"]
    supervising.sweep()
    assert Supervision.objects.get().ended_at is None
    asterisk.answering = ["sp", "sp2"]
    supervising.sweep()
    assert Supervision.objects.get().ended_why == "lost"


# -- silence for payment data ---------------------------------------------------------------------

PAUSE = "/api/calls/sp-1.0/pause-recording"


def test_the_agent_silences_the_recording_of_their_own_call_and_it_is_written_down(
    talk, cast, client_of, asterisk
):
    desk = client_of(cast.aino)
    assert post(desk, PAUSE, on=True).json()["paused"] is True
    assert post(desk, PAUSE, on=True).json()["paused"] is True
    assert post(desk, PAUSE, on=False).json()["paused"] is False
    assert [(n, f["State"]) for n, f in asterisk.asked] == [
        ("MixMonitorMute", "1"), ("MixMonitorMute", "0")]  # fmt: skip
    assert asterisk.asked[0][1]["Channel"] == "sp-1.0"
    pause = Pause.objects.get()
    assert pause.by == pause.ended_by == "aino" and pause.ended_at
    names = [e.name for e in Event.objects.filter(name__startswith="recording.").order_by("id")]
    assert names == ["recording.paused", "recording.resumed"]
    assert AuditRow.objects.filter(subject="call:sp-1.0", action="recording.paused").count() == 1


def test_another_agents_call_is_not_silenced(talk, cast, client_of, asterisk):
    from server.accounts.models import User

    other = User.objects.create_user("eero", role="agent", extension="1002")
    assert post(client_of(other), PAUSE, on=True).status_code == 403
    assert post(client_of(cast.sari), PAUSE, on=True).status_code == 200
    assert post(client_of(cast.aino), PAUSE, on="yes").status_code == 422
    assert post(client_of(cast.aino), "/api/calls/x/pause-recording", on=True).status_code == 404


def test_what_asterisk_did_not_do_is_not_written_down_as_silent(talk, cast, client_of, asterisk):
    asterisk.away = True
    assert post(client_of(cast.aino), PAUSE, on=True).status_code == 422
    assert not Pause.objects.exists()


def test_a_forgotten_pause_ends_by_itself_and_with_the_call(talk, cast, client_of, asterisk):
    post(client_of(cast.aino), PAUSE, on=True)
    pausing.sweep()
    assert Pause.objects.get().ended_at is None
    Pause.objects.update(started_at=timezone.now() - pausing.LONGEST - timedelta(seconds=1))
    pausing.sweep()
    assert Pause.objects.get().ended_by == "recordings"
    assert asterisk.asked[-1][1]["State"] == "0"
    post(client_of(cast.aino), PAUSE, on=True)
    services.ended("sp-1.0", at=timezone.now())
    assert post(client_of(cast.aino), PAUSE, on=False).status_code == 409
    pausing.sweep()
    assert not Pause.objects.filter(ended_at=None).exists()
