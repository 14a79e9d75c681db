"""Calls: who rings, what we know before hello, what is kept whatever happens."""

from __future__ import annotations

import json
import shutil
import wave
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from server.accounts.models import AuditRow
from server.accounts.refusals import Conflict, Refused
from server.calls import agents, recovering, services, verdict
from server.calls.models import AgentInterval, AgentState, Call, Recording
from server.calls.switchboard import Switchboard
from server.outages import services as outages
from server.outages.models import PremiseOff, ShutOff
from server.tickets.models import CallBack, Ticket
from telephony.ami import events as ami
from telephony.fakes import FakeAmi, FakeAri

pytestmark = pytest.mark.django_db
RECORDED = Path(__file__).parents[1] / "telephony" / "recorded"
ANNA, FARM, BO = "0401000101", "0401000109", "+8613912345678"


def ring(number: str = ANNA, call: str = "c1", name: str = "") -> Call:
    return services.rang(services.Ring(call, number, name, "965113", datetime.now(UTC)))


def post(client, url, body):
    return client.post(url, body, content_type="application/json")


def tone(path: Path, seconds: float = 1.0) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"\x10\x20" * int(8000 * seconds))
    return path


# -- the four verdicts ----------------------------------------------------------------------------


def test_nothing_is_known_at_a_quiet_place(cast):
    assert ring().verdict == verdict.NOTHING
    assert verdict.of_premise(None).code == verdict.NOTHING


def test_neighbours_on_one_segment_hear_that_others_have_called(cast, register):
    incident = register("no_water", home="clinic").incident
    call = ring()
    assert call.verdict == verdict.SAME_SEGMENT
    assert call.verdict_data["incident"] == incident.pk
    assert ring("0401000107", "c2").verdict == verdict.NOTHING  # P7: the other side of V8


def test_who_stands_in_a_shut_off_hears_its_number(cast, burst):
    off = ShutOff.objects.get()
    for valve in ("V8", "V6", "V11"):
        outages.valve_closed(off, valve, at=timezone.now(), by="x")
    call = ring()
    assert call.verdict == verdict.INSIDE
    assert call.verdict_data["data"]["shut_off"] == off.number
    decision = Switchboard(FakeAri(), FakeAmi(), None).decision(call)
    assert len(decision.announce) == 1


def test_who_stands_in_a_planned_notice_hears_when(cast):
    from server.customers.models import Premise

    now = timezone.now()
    off = ShutOff.objects.create(target="P8", planned=True, state="noticed", number="A-9",
                                 notice_from=now + timedelta(hours=2),
                                 notice_to=now + timedelta(hours=4))  # fmt: skip
    PremiseOff.objects.create(shut_off=off, premise=Premise.objects.get(code="anna"))
    call = ring()
    assert call.verdict == verdict.PLANNED and call.verdict_data["data"]["shut_off"] == "A-9"
    assert Switchboard(FakeAri(), FakeAmi(), None).decision(call).announce


def test_a_dialysis_patient_stands_in_front_of_the_queue(cast):
    board = Switchboard(FakeAri(), FakeAmi(), None)
    assert board.decision(ring("0401000102", "c1")).priority == 5
    assert board.decision(ring(ANNA, "c2")).priority == 0


# -- who rings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "identity", "matches"),
    [(ANNA, "one", 1), ("040 1000101", "one", 1), ("+358401000101", "one", 1), (FARM, "many", 2),
     ("0409999999", "none", 0), ("", "hidden", 0), ("anonymous", "hidden", 0),
     ("'; DROP TABLE calls; --", "hidden", 0)],
)  # fmt: skip
def test_numbers_are_matched_and_several_homes_are_offered_not_assumed(
    cast, client_of, number, identity, matches
):
    call = ring(number)
    assert call.identity == identity
    card = client_of(cast.aino).get("/api/calls/c1").json()
    assert len(card["matches"]) == matches
    assert (card["customer"] is not None) == (identity == "one")
    assert card["verdict"]["text"]


def test_a_name_of_500_characters_with_markup_is_only_text(cast, client_of):
    name = "<script>alert(1)</script>" * 20
    assert ring("", name=name).name == name[:80]
    live = client_of(cast.aino).get("/api/calls/live").json()
    assert live[0]["name"] == name[:80]


def test_the_agent_asks_which_home_and_the_verdict_follows(cast, client_of, register):
    from server.customers.models import Account

    incident = register("no_water", home="farm1").incident
    ring(FARM)
    desk, account = client_of(cast.aino), Account.objects.get(premise__code="farm2")
    card = post(desk, "/api/calls/c1/identify", {"account": account.number}).json()
    assert card["identity"] == "one" and card["place"]["premise"] == "farm2"
    assert card["verdict"]["code"] == "same_segment"
    assert card["incident"]["number"] == incident.number
    assert post(desk, "/api/calls/c1/identify", {"account": "none"}).status_code == 422


def test_a_call_told_twice_is_one_call(cast):
    assert ring() == ring()
    assert Call.objects.count() == 1


# -- what the agent writes ------------------------------------------------------------------------


def test_a_draft_survives_the_end_of_the_call_and_somebody_calls_back(cast, client_of):
    ring()
    services.answered("c1", "1001", at=timezone.now())
    desk = client_of(cast.aino)
    draft = {"kind": "leak", "note": "water in the cellar 水"}
    desk.put("/api/calls/c1/draft", draft, content_type="application/json")
    services.ended("c1", at=timezone.now())
    assert desk.get("/api/calls/c1").json()["draft"] == draft
    assert CallBack.objects.get().reason == "hung_up"
    assert AgentState.objects.get(user=cast.aino).state == "wrap"
    assert post(desk, "/api/calls/c1/register", draft).status_code == 201
    assert desk.get("/api/calls/c1").json()["draft"] == {}


def test_a_draft_has_an_end(cast, client_of):
    ring()
    answer = client_of(cast.aino).put(
        "/api/calls/c1/draft", {"note": "x" * 30_000}, content_type="application/json"
    )
    assert answer.status_code == 422


def test_registering_twice_gives_one_ticket(cast, client_of):
    ring()
    desk = client_of(cast.aino)
    first = post(desk, "/api/calls/c1/register", {"kind": "leak"})
    again = post(desk, "/api/calls/c1/register", {"kind": "burst", "note": "other words"})
    assert first.json()["ticket"] == again.json()["ticket"]
    assert Ticket.objects.count() == 1
    assert Ticket.objects.get().contact.call == Call.objects.get()


@pytest.mark.parametrize(
    ("body", "field"),
    [({"kind": "x"}, "kind"), ({}, "kind"), ({"kind": "leak", "place": "here"}, "place"),
     ({"kind": "leak", "place": {"lon": "a", "lat": 1}}, "place"),
     ({"kind": "leak", "place": {"lon": 24.93}}, "place"),
     ({"kind": "leak", "symptoms": ["wet"]}, "symptoms"),
     ({"kind": "leak", "join_incident": "x"}, "join_incident"),
     ({"kind": "leak", "join_incident": 10**30}, "join_incident")],
)  # fmt: skip
def test_a_bad_form_is_refused_naming_the_field_and_the_call_stays_open(
    cast, client_of, body, field
):
    ring()
    answer = post(client_of(cast.aino), "/api/calls/c1/register", body)
    assert answer.status_code == 422, answer.content
    assert answer.json()["errors"][0]["field"] == field
    assert Call.objects.get().contact is None and not Ticket.objects.exists()


# -- how it ends ----------------------------------------------------------------------------------


def test_whoever_hangs_up_in_the_queue_is_called_back_once(cast):
    ring()
    services.queued("c1", at=timezone.now())
    for _ in range(2):
        services.ended("c1", at=timezone.now())
    assert Call.objects.get().outcome == "abandoned"
    assert CallBack.objects.get().reason == "missed"


def test_a_left_message_is_a_call_we_owe(cast):
    ring()
    services.queued("c1", at=timezone.now())
    services.ended("c1", at=timezone.now(), message_left=True)
    assert (Call.objects.get().outcome, CallBack.objects.get().reason) == ("message", "message")


def test_a_call_back_is_done_once_and_not_fixed_opens_the_ticket_again(cast, client_of, register):
    ticket = register("leak", home="anna")
    Ticket.objects.filter(pk=ticket.pk).update(state="call_back", result="clamp")
    owed = CallBack.objects.create(reason="water_back", phone="1", ticket=ticket,
                                   due_at=timezone.now())  # fmt: skip
    desk = client_of(cast.aino)
    assert post(desk, f"/api/call-backs/{owed.pk}", {"outcome": "maybe"}).status_code == 422
    assert post(desk, f"/api/call-backs/{owed.pk}", {"outcome": "not_fixed"}).status_code == 200
    ticket.refresh_from_db()
    assert (ticket.state, ticket.reopened) == ("reopened", 1)
    assert post(desk, f"/api/call-backs/{owed.pk}", {"outcome": "reached"}).status_code == 409
    assert CallBack.objects.get().outcome == "not_fixed"


def test_calls_whose_end_was_lost_do_not_wait_for_ever(cast):
    ring()
    Call.objects.update(started_at=timezone.now() - timedelta(hours=5))
    assert services.close_lost() == 1
    assert Call.objects.get().state == "ended"


# -- agents ---------------------------------------------------------------------------------------


def test_an_agents_day_is_kept_in_stretches_without_gaps(cast):
    call = ring()
    for state in ("ready", "ringing", "talking", "ready", "paused", "signed_out"):
        agents.set_state(cast.aino, state, reason="lunch" if state == "paused" else "",
                         call=call if state == "talking" else None)  # fmt: skip
    rows = list(AgentInterval.objects.filter(user=cast.aino).order_by("started_at", "pk"))
    assert [r.state for r in rows] == ["ready", "ringing", "talking", "ready", "paused"]
    assert all(a.ended_at == b.started_at for a, b in pairwise(rows))
    assert rows[-1].ended_at is not None
    before = AgentInterval.objects.count()
    agents.set_state(cast.aino, "signed_out")
    assert AgentInterval.objects.count() == before


def test_pausing_needs_a_reason_and_a_telephone(cast, client_of):
    desk = client_of(cast.aino)
    assert post(desk, "/api/me/state", {"state": "paused"}).status_code == 422
    assert post(desk, "/api/me/state", {"state": "flying"}).status_code == 422
    assert post(client_of(cast.mika), "/api/me/state", {"state": "ready"}).status_code == 422
    told = post(desk, "/api/me/state", {"state": "paused", "reason": "lunch"}).json()
    assert (told["state"], told["reason"]) == ("paused", "lunch")


def test_no_agent_is_ready_without_a_telephone(cast):
    agents.set_state(cast.aino, "ready")
    services.phone_gone("1001")
    assert AgentState.objects.get(user=cast.aino).state == "paused"
    services.phone_gone("9999")
    services.not_answered("9999")


def test_the_end_of_an_old_call_does_not_disturb_the_next_one(cast):
    ring(call="c1")
    ring(call="c2")
    services.answered("c1", "1001", at=timezone.now())
    services.answered("c2", "1001", at=timezone.now())
    services.ended("c1", at=timezone.now())
    row = AgentState.objects.get(user=cast.aino)
    assert (row.state, row.call.call_id) == ("talking", "c2")


# -- the sound ------------------------------------------------------------------------------------


def test_only_files_in_the_folder_are_recordings(cast, tmp_path, settings):
    ring()
    outside = tone(tmp_path / "outside.wav")
    inside = settings.STANDPIPE["RECORDINGS"]
    for path in (str(outside), str(inside / "../outside.wav"), "/etc/passwd"):
        with pytest.raises(Refused) as no:
            services.recorded("c1", path)
        assert no.value.code == "outside"
    link = settings.STANDPIPE["RECORDINGS"] / "link.wav"
    link.symlink_to(outside)
    with pytest.raises(Refused):
        services.recorded("c1", str(link))
    assert not Recording.objects.exists()


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"x" * 500, b"RIFF\x00\x00\x00\x00WAVE" + b"\0" * 60]
)
def test_a_broken_recording_is_no_recording_and_no_error(cast, settings, content):
    ring()
    path = settings.STANDPIPE["RECORDINGS"] / "c1.wav"
    path.write_bytes(content)
    assert services.recorded("c1", str(path)) is None


@pytest.fixture
def sound(cast, settings):
    ring()
    services.answered("c1", "1001", at=timezone.now())
    path = tone(settings.STANDPIPE["RECORDINGS"] / "c1.wav")
    services.recorded("c1", str(path))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("asked", "status", "cut"),
    [("", 200, slice(None)), ("bytes=0-43", 206, slice(0, 44)),
     ("bytes=100-", 206, slice(100, None)), ("bytes=-50", 206, slice(-50, None)),
     ("bytes=0-99999999", 206, slice(None)),
     ("bytes=99999999-", 416, None), ("bytes=50-10", 416, None), ("bytes=-0", 416, None),
     ("bytes=-", 200, slice(None)), ("cats=1-2", 200, slice(None))],
)  # fmt: skip
def test_a_player_can_seek(cast, client_of, sound, asked, status, cut):
    answer = client_of(cast.aino).get(
        "/api/calls/c1/recording?reason=check", headers={"Range": asked} if asked else {}
    )
    assert answer.status_code == status
    if status == 416:
        assert answer["Content-Range"] == f"bytes */{len(sound)}"
    else:
        assert b"".join(answer.streaming_content) == sound[cut]


def test_each_play_is_written_down_and_a_missing_sound_is_404(cast, client_of, sound):
    refused = client_of(cast.sari).get("/api/calls/c1/recording")
    assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == "reason"
    client_of(cast.sari).get("/api/calls/c1/recording?reason=check")
    assert AuditRow.objects.get(action="recording.play").by == "sari"
    ring(call="c2")
    missing = client_of(cast.sari).get("/api/calls/c2/recording?reason=check")
    assert missing.status_code == 404 and missing.json()["errors"][0]["code"] == "missing"
    assert client_of(cast.mika).get("/api/calls/c1/recording").status_code == 403


# -- rebuilt afterwards ---------------------------------------------------------------------------


@pytest.fixture
def log(cast, settings):
    shutil.copy(RECORDED / "calls.jsonl", settings.STANDPIPE["CALL_LOG"] / "calls.jsonl")
    shutil.copy(RECORDED / "queue_log.txt", settings.STANDPIPE["CALL_LOG"] / "queue_log")
    tone(settings.STANDPIPE["RECORDINGS"] / "sp-1795399392.0.wav")
    return settings.STANDPIPE["CALL_LOG"] / "calls.jsonl"


def test_calls_of_the_time_we_were_away_are_rebuilt_once(log):
    made = recovering.recover_calls()
    assert made == Call.objects.count() > 5
    assert all(Call.objects.values_list("recovered", flat=True))
    # One has no end in the file: Asterisk was killed. It is ended when nobody can be on it.
    assert Call.objects.exclude(state="ended").count() == 1
    taken = Call.objects.get(call_id="sp-1795399392.0")
    assert (taken.outcome, taken.name) == ("answered", "Aino Virtanen")
    assert taken.queued_at < taken.answered_at < taken.ended_at
    assert taken.recording.seconds == 1.0
    missed = Call.objects.filter(outcome__in=["abandoned", "message"]).exclude(phone="")
    assert missed.exists()
    assert {c.call_id for c in missed} == set(CallBack.objects.values_list("call_id", flat=True))
    assert recovering.recover_calls() == 0
    assert Call.objects.count() == made


def test_a_rebuilt_call_says_nothing_of_what_the_agent_does_now(log, cast):
    cast.aino.extension = "1101"  # who took the recorded calls
    cast.aino.save()
    agents.set_state(cast.aino, "signed_out")
    recovering.recover_calls()
    assert Call.objects.filter(agent=cast.aino).exists()
    assert AgentState.objects.get(user=cast.aino).state == "signed_out"
    assert not AgentInterval.objects.exists()


def test_one_call_that_cannot_be_stored_keeps_no_other_out(log, monkeypatch):
    told = recovering.services.rang

    def picky(one: services.Ring) -> Call:
        if one.call_id == "sp-1795399392.0":
            raise ValueError("a NUL, say")
        return told(one)

    monkeypatch.setattr(recovering.services, "rang", picky)
    assert recovering.recover_calls() > 3
    assert not Call.objects.filter(call_id="sp-1795399392.0").exists()


def test_calls_that_are_stored_are_left_alone_while_a_long_one_goes_on(log, monkeypatch):
    long = {"event": "arrived", "call": "long", "at": datetime.now(UTC).isoformat()}
    log.write_text(json.dumps(long) + "\n" + log.read_text())
    recovering.recover_calls()
    before = list(Call.objects.order_by("pk").values())
    store, again = recovering._bring_in, []

    def watched(told):
        again.append(told.call_id)
        return store(told)

    monkeypatch.setattr(recovering, "_bring_in", watched)
    assert recovering.recover_calls() == 0
    assert "long" in again and "sp-1795399392.0" not in again
    assert list(Call.objects.order_by("pk").values()) == before


def test_calls_are_rebuilt_one_by_one_so_that_screens_need_not_wait_for_the_last(log, monkeypatch):
    """An event is read when no older transaction runs any more."""
    store, here, inside = recovering._safely, len(connection.savepoint_ids), []

    def watched(told):
        inside.append(len(connection.savepoint_ids) - here)
        return store(told)

    monkeypatch.setattr(recovering, "_safely", watched)
    assert recovering.recover_calls() == len(inside) > 5
    assert set(inside) == {0}


# -- the switchboard ------------------------------------------------------------------------------


def test_the_switchboard_takes_what_asterisk_tells_in_its_order(cast, settings, monkeypatch):
    """Events in, rows out; the work runs in this thread so that the test's transaction sees it."""
    ring()
    tone(settings.STANDPIPE["RECORDINGS"] / "c1.wav")
    fake = FakeAmi()
    board = Switchboard(FakeAri(), fake, None)

    async def here(self, pool, work, *args, **kw):
        from asgiref.sync import sync_to_async

        return await sync_to_async(work, thread_sensitive=True)(*args, **kw)

    monkeypatch.setattr(Switchboard, "_in", here)
    path = str(settings.STANDPIPE["RECORDINGS"] / "c1.wav")
    fake.feed(
        ami.Queued("c1", "faults", 0), ami.AgentRinging("c1", "1001", "x", None),
        ami.AgentConnected("c1", "1001", "x", 1.0, 1.0),
        ami.RecordingReady("nobody", "/etc/passwd", 1),  # refused, logged, and on it goes
        ami.CallEnded("c1", "CONTINUE", "1001", False, ""), ami.RecordingReady("c1", path, 16044),
        ami.PhoneReachable("1004", False),
    )  # fmt: skip
    fake.finish()
    from asgiref.sync import async_to_sync

    async_to_sync(board._listen)()
    call = Call.objects.get()
    assert (call.state, call.outcome, call.agent) == ("ended", "answered", cast.aino)
    assert call.recording.seconds == 1.0
    assert AgentState.objects.get(user=cast.aino).state == "ready"


def test_agents_are_seated_in_the_queue_as_they_want(cast, monkeypatch):
    from asgiref.sync import async_to_sync, sync_to_async

    async def here(self, pool, work, *args, **kw):
        return await sync_to_async(work, thread_sensitive=True)(*args, **kw)

    monkeypatch.setattr(Switchboard, "_in", here)
    fake = FakeAmi()
    seat = async_to_sync(Switchboard(FakeAri(), fake, None).seat)
    seat("1001", "Aino", "ready", "")
    seat("1001", "Aino", "paused", "break")
    seat("1001", "Aino", "signed_out", "")
    assert [(name, f.get("Paused"), f.get("Reason")) for name, f in fake.actions] == [
        ("QueueAdd", False, ""), ("QueuePause", True, "break"), ("QueueRemove", None, None),
    ]  # fmt: skip
    assert {f["Queue"] for _, f in fake.actions} == {"faults"}
    broken = FakeAmi(refusals={"QueueAdd": "gone"})
    async_to_sync(Switchboard(FakeAri(), broken, None).seat)("1001", "Aino", "ready", "")  # logged


def test_a_location_link_goes_out_once_per_call(cast, client_of):
    ring()
    desk = client_of(cast.aino)
    assert post(desk, "/api/calls/c1/location-link", {}).status_code == 201
    assert post(desk, "/api/calls/c1/location-link", {}).status_code == 409
    ring("", "c2")
    assert post(desk, "/api/calls/c2/location-link", {}).status_code == 422
    assert Conflict.status == 409
