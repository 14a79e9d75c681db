"""The sound of calls: sealed whatever ends in between, kept for its time, heard with a reason."""

from __future__ import annotations

import hashlib
import os
import struct
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from server.accounts.models import AuditRow
from server.accounts.refusals import Conflict, Refused
from server.calls import services
from server.calls.models import Call, Recording
from server.calls.recordings import (
    access,
    keeping,
    reconciling,
    removing,
    rotating,
    vault,
    watching,
)
from server.calls.recordings.models import Alarm, Gap, Hold, Keeping, SoundFile, TalkTime
from server.tickets.models import CallBack
from telephony.ami import events as ami

pytestmark = pytest.mark.django_db
ANNA = "0401000101"
LEGS = ("", "-in", "-out")


def tone(path: Path, seconds: float = 1.0, level: int = 8000) -> bytes:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(struct.pack("<2h", level, -level) * int(4000 * seconds))
    return path.read_bytes()


@pytest.fixture
def talked(cast, settings):
    """talked("c1"): Aino has talked with Anna for ten seconds, and the files are closed."""

    def make(call_id: str = "c1", *, seconds: float = 10.0, days_ago: float = 0, told: bool = True):
        at = datetime.now(UTC) - timedelta(days=days_ago, seconds=seconds + 70)
        services.rang(services.Ring(call_id, ANNA, "", "965113", at))
        services.answered(call_id, "1001", at=at, live=False)
        services.ended(call_id, at=at + timedelta(seconds=seconds), live=False)
        folder = settings.STANDPIPE["RECORDINGS"]
        for leg in LEGS:
            tone(folder / f"{call_id}{leg}.wav", seconds)
        if told:
            services.recorded(call_id, str(folder / f"{call_id}.wav"))
        return Call.objects.get(call_id=call_id)

    return make


def post(client, url, **body):
    return client.post(url, body, content_type="application/json")


def content(answer) -> bytes:
    return b"".join(answer.streaming_content)


# -- sealing --------------------------------------------------------------------------------------


def test_a_closed_recording_is_sealed_with_its_legs_and_the_plain_files_are_gone(talked, settings):
    folder = settings.STANDPIPE["RECORDINGS"]
    call = talked()
    plain = {leg: (folder / f"c1{leg}.wav").read_bytes() for leg in LEGS}
    assert keeping.step() == 3
    assert not list(folder.glob("*.wav")) and not list(folder.rglob("*.part"))
    for row, leg in zip(call.recording.files.order_by("pk"), LEGS, strict=True):
        assert row.sha256 == hashlib.sha256(plain[leg]).hexdigest()
        assert row.seconds == 10.0 and len(row.peaks) == 100
        assert bytes(row.peaks)[50] == 8000 // 128
        with keeping.open(call.recording, row.leg) as sound:
            assert sound.read() == plain[leg]
            sound.seek(-4, os.SEEK_END)
            assert sound.read() == plain[leg][-4:]
    assert keeping.step() == 0


def test_until_it_is_sealed_the_plain_file_plays(talked):
    call = talked()
    with keeping.open(call.recording) as sound:
        assert sound.read(4) == b"RIFF"


@pytest.mark.parametrize("crash", ["in the middle", "before the row", "before the plain file goes"])
def test_a_crash_in_any_step_of_sealing_loses_nothing(talked, settings, monkeypatch, crash):
    folder = settings.STANDPIPE["RECORDINGS"]
    call = talked()
    plain = (folder / "c1.wav").read_bytes()

    class Killed(BaseException):
        pass

    def dead(*args, **more):
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        if crash == "in the middle":
            patched.setattr(vault, "verify", dead)
            # a killed process leaves its half-written file behind
            patched.setattr(Path, "unlink", lambda *a, **k: None)
        elif crash == "before the row":
            patched.setattr(SoundFile.objects, "update_or_create", dead)
        else:
            patched.setattr(Path, "unlink", dead)
        keeping.step()
    assert (folder / "c1.wav").read_bytes() == plain
    assert keeping.step() == 3
    with keeping.open(call.recording) as sound:
        assert sound.read() == plain
    assert not list(folder.glob("*.wav")) and not list(folder.rglob("*.part"))


def test_what_cannot_be_read_back_does_not_replace_the_plain_file(talked, settings, monkeypatch):
    talked()
    monkeypatch.setattr(vault, "verify", lambda *a: False)
    with pytest.raises(vault.VaultError):
        keeping.step()
    assert len(list(settings.STANDPIPE["RECORDINGS"].glob("*.wav"))) == 3
    assert not SoundFile.objects.exists()


def test_a_recording_nobody_told_us_of_is_found_in_the_folder(talked):
    call = talked(told=False)
    assert not Recording.objects.exists()
    assert keeping.step() == 3
    assert Recording.objects.get().call == call


def test_a_file_that_is_still_being_written_is_left_alone(cast, settings):
    """Asterisk writes the length into the header when it closes: 0 until then."""
    path = settings.STANDPIPE["RECORDINGS"] / "c1.wav"
    services.rang(services.Ring("c1", ANNA, "", "965113", timezone.now()))
    services.answered("c1", "1001", at=timezone.now())
    held = bytearray(tone(path))
    held[4:8] = held[40:44] = b"\0\0\0\0"
    path.write_bytes(held)
    assert services.recorded("c1", str(path)) is None
    assert keeping.step() == 0
    services.ended("c1", at=timezone.now())
    assert keeping.step() == 0 and path.exists()


def test_the_sound_a_killed_asterisk_left_is_kept_with_its_length_put_right(talked, settings):
    call = talked(told=False)
    folder = settings.STANDPIPE["RECORDINGS"]
    whole = (folder / "c1.wav").read_bytes()
    for leg in LEGS:
        path = folder / f"c1{leg}.wav"
        held = bytearray(path.read_bytes())
        held[4:8] = held[40:44] = b"\0\0\0\0"
        path.write_bytes(held)
        long_ago = timezone.now().timestamp() - 300
        os.utime(path, (long_ago, long_ago))
    assert keeping.step() == 3
    row = call.recording.files.get(leg="both")
    assert row.repaired and row.seconds == 10.0
    with keeping.open(call.recording) as sound:
        assert sound.read() == whole


def test_a_message_after_a_talk_is_one_more_leg(talked, settings):
    call = talked()
    path = settings.STANDPIPE["RECORDINGS"] / "c1-message.wav"
    tone(path, 2.0)
    services.recorded("c1", str(path), kind="message")
    keeping.step()
    call.recording.refresh_from_db()
    assert call.recording.kind == "call" and call.recording.seconds == 10.0
    assert call.recording.files.get(leg="message").seconds == 2.0


def test_without_a_key_nothing_is_lost_and_the_alarm_stands(talked, settings):
    settings.STANDPIPE = {**settings.STANDPIPE, "RECORDING_KEYS": ""}
    call = talked()
    watching.seal()
    assert Alarm.objects.get(closed_at=None).code == "keys"
    with keeping.open(call.recording) as sound:
        assert sound.read(4) == b"RIFF"


def test_after_a_new_key_the_files_are_wrapped_with_it_one_by_one(talked, settings):
    old = settings.STANDPIPE["RECORDING_KEYS"]
    call = talked()
    keeping.step()
    settings.STANDPIPE = {**settings.STANDPIPE, "RECORDING_KEYS": f"{'n' * 48},{old}"}
    assert (rotating.sweep(2), rotating.sweep(2), rotating.sweep(2)) == (2, 1, 0)
    settings.STANDPIPE = {**settings.STANDPIPE, "RECORDING_KEYS": "n" * 48}
    for leg in ("both", "caller", "agent"):
        with keeping.open(call.recording, leg) as sound:
            assert sound.read(4) == b"RIFF"


def test_a_key_that_was_taken_away_too_early_is_an_alarm(talked, settings):
    talked()
    keeping.step()
    old = settings.STANDPIPE["RECORDING_KEYS"]
    settings.STANDPIPE = {**settings.STANDPIPE, "RECORDING_KEYS": "n" * 48}
    watching.count_plain()
    assert Alarm.objects.get(closed_at=None).code == "old_keys"
    settings.STANDPIPE = {**settings.STANDPIPE, "RECORDING_KEYS": f"{'n' * 48},{old}"}
    watching.count_plain()
    assert not Alarm.objects.filter(closed_at=None).exists()


# -- how long -------------------------------------------------------------------------------------


def test_recordings_go_when_their_time_is_over_and_the_row_says_so(talked, settings):
    call = talked(days_ago=181)
    young = talked("c2", days_ago=179)
    keeping.step()
    assert removing.sweep() == 1
    kept = Keeping.objects.get(recording=call.recording)
    assert kept.removed_at and kept.removed_why == "retention"
    assert not list(settings.STANDPIPE["RECORDINGS"].rglob("c1*"))
    assert young.recording.files.count() == 3
    assert AuditRow.objects.get(action="recording.removed").note == "retention"
    assert removing.sweep() == 0


def test_an_emergency_is_kept_longer_by_itself_and_a_complaint_by_a_person(talked, cast):
    danger, dispute = talked("c1", days_ago=400), talked("c2", days_ago=400)
    Call.objects.filter(call_id="c1").update(keys="1")
    keeping.step()
    assert Keeping.objects.get(recording=danger.recording).retention == "emergency"
    removing.choose(dispute.recording, "complaint", reason="goes to court", by="sari")
    assert removing.sweep() == 0
    with pytest.raises(Refused):
        removing.choose(dispute.recording, "for ever", reason="goes to court", by="sari")


def test_a_legal_hold_outlasts_every_time_until_it_is_lifted(talked, cast, client_of):
    call, audit = talked(days_ago=999), client_of(cast.anu)
    keeping.step()
    url = "/api/recordings/c1/hold"
    assert post(audit, url, on=True, reason="").status_code == 422
    assert post(audit, url, on=True, reason="court case 12/2026").status_code == 200
    assert post(audit, url, on=True, reason="again").status_code == 409
    assert removing.sweep() == 0
    assert not removing.remove(call.recording, "by hand")
    assert post(audit, url, on=False, reason="case closed").status_code == 200
    assert removing.sweep() == 1
    hold = Hold.objects.get()
    assert (hold.by, hold.reason, hold.lifted_why) == ("anu", "court case 12/2026", "case closed")
    assert [a.action for a in AuditRow.objects.filter(subject="call:c1").order_by("id")
            if a.action.startswith("recording.")] == [
        "recording.hold", "recording.hold_lifted", "recording.removed"]  # fmt: skip
    assert post(audit, url, on=True, reason="too late").status_code == 409


# -- who hears ------------------------------------------------------------------------------------


@pytest.fixture
def kept(talked):
    call = talked()
    keeping.step()
    return call


def test_a_reason_is_asked_and_opens_the_legs_with_their_waveforms(kept, cast, client_of):
    boss = client_of(cast.sari)
    refused = post(boss, "/api/recordings/c1/open", reason=" ")
    assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == "reason"
    told = post(boss, "/api/recordings/c1/open", reason="customer disputes the promise").json()
    assert [leg["leg"] for leg in told["legs"]] == ["both", "caller", "agent"]
    assert all(len(leg["peaks"]) == 100 for leg in told["legs"])
    for leg in told["legs"]:
        whole = boss.get(leg["url"])
        assert whole.status_code == 200 and "no-store" in whole["Cache-Control"]
        assert hashlib.sha256(content(whole)).hexdigest() == leg["sha256"]
        part = boss.get(leg["url"], headers={"Range": "bytes=70000-70099"})
        assert part.status_code == 206 and len(content(part)) == 100
    rows = AuditRow.objects.filter(subject="call:c1", by="sari").order_by("id")
    assert [(r.action, r.note) for r in rows if r.action.startswith("recording.")] == [
        ("recording.open", "customer disputes the promise"),
        ("recording.play", "both"), ("recording.play", "caller"), ("recording.play", "agent"),
    ]  # fmt: skip


def test_an_agent_hears_their_own_calls_and_those_they_owe_and_no_other(kept, cast, client_of):
    from server.accounts.models import User

    other = User.objects.create_user("eero", role="agent", extension="1002")
    assert post(client_of(cast.aino), "/api/recordings/c1/open", reason="note").status_code == 200
    desk = client_of(other)
    assert post(desk, "/api/recordings/c1/open", reason="curious").status_code == 404
    assert AuditRow.objects.get(action="recording.refused").note == "not theirs"
    CallBack.objects.create(reason="hung_up", phone="1", call_id="c1", due_at=timezone.now())
    assert post(desk, "/api/recordings/c1/open", reason="I call back").status_code == 200
    for nobody in (cast.mika, cast.juho, cast.hui, cast.north.user):
        assert post(client_of(nobody), "/api/recordings/c1/open", reason="xxx").status_code == 403


@pytest.mark.parametrize(
    "url",
    ["/api/recordings/../../etc/passwd", "/api/recordings/..%2f..%2fetc%2fpasswd",
     "/api/recordings/kept/2026/11/26/c1-both.spr", "/api/recordings/sound/..%2fc1.wav",
     "/api/recordings/sound/WzEsImJvdGgiLDFd:1tZ:xxxx", "/api/recordings/c2",
     "/api/recordings/sp-1795399392.1", "/api/calls/c2/recording?reason=xxx",
     "/api/recordings/.standpipe-recordings"],
)  # fmt: skip
def test_what_is_guessed_is_404_and_written_down(kept, cast, client_of, url):
    boss = client_of(cast.sari)
    answer = boss.generic("GET", url)
    assert answer.status_code == 404
    assert b"RIFF" not in answer.content
    assert AuditRow.objects.filter(action="recording.refused").count() == 1


def test_a_link_ends_and_is_for_one_person(kept, cast, client_of, monkeypatch):
    boss = client_of(cast.sari)
    url = post(boss, "/api/recordings/c1/open", reason="check").json()["legs"][0]["url"]
    assert client_of(cast.anu).get(url).status_code == 404
    assert AuditRow.objects.get(action="recording.refused").note == "somebody else's link"
    now = signing.time.time
    monkeypatch.setattr(signing.time, "time", lambda: now() + access.LINK_S + 25)
    assert boss.get(url).status_code == 404
    assert AuditRow.objects.filter(action="recording.refused", note="expired link").exists()


def test_a_role_taken_away_closes_the_links_that_are_out(kept, cast, client_of):
    boss = client_of(cast.sari)
    url = post(boss, "/api/recordings/c1/open", reason="check").json()["legs"][0]["url"]
    cast.sari.role = "agent"
    cast.sari.save()
    assert boss.get(url).status_code == 404


@pytest.mark.parametrize(("address", "may"), [
    ("127.0.0.1", True), ("192.168.3.4", True), ("10.8.0.2", True), ("::1", True),
    ("::ffff:10.0.0.1", True), ("8.8.8.8", False), ("2001:db8::1", False), ("", False),
])  # fmt: skip
def test_recordings_are_heard_from_our_networks_only(kept, cast, client_of, address, may):
    boss = client_of(cast.sari)
    told = boss.post("/api/recordings/c1/open", {"reason": "check"}, REMOTE_ADDR=address,
                     content_type="application/json")  # fmt: skip
    assert told.status_code == (200 if may else 404)
    assert AuditRow.objects.filter(action="recording.refused", note="network").exists() is not may


def test_a_damaged_recording_is_404_and_raises_the_alarm(kept, cast, client_of):
    row = kept.recording.files.get(leg="both")
    path = keeping.folder() / row.name
    path.write_bytes(path.read_bytes()[:40])
    boss = client_of(cast.sari)
    url = post(boss, "/api/recordings/c1/open", reason="check").json()["legs"][0]["url"]
    assert boss.get(url).status_code == 404
    assert Alarm.objects.get(closed_at=None).code == "damaged"


def test_the_list_is_searched_by_number_agent_ticket_and_day(kept, talked, cast, client_of):
    talked("c2", days_ago=3)
    Call.objects.filter(call_id="c2").update(agent=None, phone="+8613912345678")
    boss = client_of(cast.anu)

    def found(**asked):
        answer = boss.get("/api/recordings", asked)
        assert answer.status_code == 200, answer.content
        return [r["call"] for r in answer.json()["recordings"]]

    assert found() == ["c1", "c2"]
    assert found(q=ANNA) == ["c1"] and found(q="040 100 0101") == ["c1"]
    assert found(q="aino") == found(q="Aino") == ["c1"]
    assert found(q="c2") == ["c2"] and found(q="nobody") == []
    today = timezone.localtime()
    assert found(**{"from": f"{today - timedelta(days=1):%Y-%m-%d}"}) == ["c1"]
    assert found(to=f"{today - timedelta(days=1):%Y-%m-%d}") == ["c2"]
    assert found(kind="message") == [] and found(retention="standard") == ["c1", "c2"]
    assert found(held="1") == []
    row = boss.get("/api/recordings", {"q": "c1"}).json()["recordings"][0]
    assert "0101" in row["from_masked"] and "0401000101" not in str(row)
    for bad in ({"from": "yesterday"}, {"kind": "fax"}, {"retention": "x"}, {"page": "x"},
                {"from": "9999-99-99"}, {"to": "9999-12-31"}):  # fmt: skip
        refused = boss.get("/api/recordings", bad)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == next(iter(bad))


def test_the_auditor_sees_who_has_listened_and_why(kept, cast, client_of):
    post(client_of(cast.sari), "/api/recordings/c1/open", reason="training")
    told = client_of(cast.anu).get("/api/recordings/c1").json()
    assert {f["leg"] for f in told["files"]} == {"both", "caller", "agent"}
    assert ("sari", "recording.open", "training") in {
        (r["by"], r["action"], r["note"]) for r in told["log"]
    }


# -- what is missing ------------------------------------------------------------------------------


def test_an_answered_call_without_a_file_is_an_alarm_and_a_gap_until_it_is_found(
    talked, settings, cast, client_of
):
    folder = settings.STANDPIPE["RECORDINGS"]
    call = talked(told=False)
    for leg in LEGS:
        (folder / f"c1{leg}.wav").rename(folder / f"c1{leg}.away")
    assert reconciling.look() == 1
    assert reconciling.look() == 1
    alarm = Alarm.objects.get()
    assert (alarm.code, alarm.closed_at) == ("gaps", None)
    boss = client_of(cast.sari)
    gap = boss.get("/api/recordings/gaps").json()["gaps"][0]
    assert (gap["call"], gap["kind"], gap["seconds"]) == ("c1", "missing", 10.0)
    assert "c1" not in str(boss.get("/api/recordings").json())
    for leg in LEGS:
        (folder / f"c1{leg}.away").rename(folder / f"c1{leg}.wav")
    keeping.step()
    assert reconciling.look() == 0
    alarm.refresh_from_db()
    assert alarm.closed_at and Gap.objects.get(call=call).closed_how == "found"


def test_a_call_is_given_a_minute_and_found_missing_within_five(cast):
    now = timezone.now()
    for call_id, ago in (("c1", 30), ("c2", 61)):
        at = now - timedelta(seconds=ago)
        services.rang(services.Ring(call_id, ANNA, "", "965113", at - timedelta(seconds=20)))
        services.answered(call_id, "1001", at=at - timedelta(seconds=10), live=False)
        services.ended(call_id, at=at, live=False)
    assert reconciling.look() == 1
    assert Gap.objects.get().call.call_id == "c2"
    slowest = next(every for part, every in watching.ROUND if part is reconciling.look)
    assert reconciling.GRACE.total_seconds() + slowest < 300


def test_abandoned_calls_and_removed_recordings_are_no_gaps(talked):
    services.rang(services.Ring("c9", ANNA, "", "965113", timezone.now() - timedelta(minutes=9)))
    services.ended("c9", at=timezone.now() - timedelta(minutes=8))
    old = talked(days_ago=5)
    keeping.step()
    removing.remove(old.recording, "retention")
    assert reconciling.look() == 0


@pytest.mark.parametrize(("talk_s", "gaps"), [(10, 0), (12, 0), (13, 0), (14, 1), (60, 1)])
def test_a_recording_shorter_than_the_talk_is_a_gap(talked, talk_s, gaps):
    """Asterisk counts whole seconds: 13 may be 12.0, which is within the two seconds allowed."""
    talked(seconds=10.0)
    half = talk_s // 2
    for part in (half, talk_s - half):  # two agents, one after the other
        reconciling.hear(ami.AgentCompleted("c1", "1001", 1, part, "caller"), timezone.now())
    assert TalkTime.objects.get().seconds == talk_s
    assert reconciling.look() == gaps


def test_looking_for_gaps_asks_no_more_for_many_whole_calls(talked):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert reconciling.look() == 0
        return len(queries)

    def whole(n):
        talked(f"g{n}")
        reconciling.hear(ami.AgentCompleted(f"g{n}", "1001", 1, 10, "caller"), timezone.now())

    whole(0)
    asked()  # the folder gets its mark
    one = asked()
    for n in range(1, 5):
        whole(n)
    assert asked() == one


def test_a_person_says_why_a_recording_is_missing_and_the_alarm_ends(talked, cast, client_of):
    talked(told=False)
    for path in keeping.folder().glob("*.wav"):
        path.unlink()
    reconciling.look()
    gap = Gap.objects.get()
    assert post(client_of(cast.anu), f"/api/recordings/gaps/{gap.pk}", note="x").status_code == 403
    boss = client_of(cast.sari)
    assert post(boss, f"/api/recordings/gaps/{gap.pk}", note="").status_code == 422
    assert post(boss, f"/api/recordings/gaps/{gap.pk}", note="disk was full").status_code == 200
    assert post(boss, f"/api/recordings/gaps/{gap.pk}", note="disk was full").status_code == 409
    assert reconciling.look() == 0
    assert not Alarm.objects.filter(closed_at=None).exists()
    with pytest.raises(Conflict):
        reconciling.close(gap, note="again", by="sari")


def test_the_alarm_is_heard_at_health_and_on_the_page(talked, cast, client_of, client):
    talked(told=False)
    for path in keeping.folder().glob("*.wav"):
        path.unlink()
    reconciling.look()
    watching.tell()
    assert "1 " in client.get("/health").json()["alarms"][0]
    state = client_of(cast.sari).get("/api/recordings/state").json()
    assert state["alarms"][0]["code"] == "gaps" and state["gaps"] == 1
    assert state["disk"]["total"] > 0
