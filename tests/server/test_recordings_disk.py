"""A full disk, a disk that is not there: calls go on, somebody is told, the oldest make room."""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from server.calls import services
from server.calls.models import Call
from server.calls.recordings import disk, keeping, reconciling, removing, watching, wav
from server.calls.recordings.models import Alarm, Gap, Keeping, SoundFile
from telephony.ami import events as ami
from tests.server.test_recordings import tone

pytestmark = pytest.mark.django_db
KIB = 1024


@pytest.fixture
def call(cast, settings):
    """call("c1", days_ago=40): a talk with its recording, 64 KiB of it sealed."""

    def make(call_id: str, *, days_ago: float = 0.0, keys: str = "") -> Call:
        at = timezone.now() - timedelta(days=days_ago, minutes=3)
        services.rang(services.Ring(call_id, "0401000101", "", "965113", at))
        Call.objects.filter(call_id=call_id).update(keys=keys)
        services.answered(call_id, "1001", at=at, live=False)
        services.ended(call_id, at=at + timedelta(seconds=4), live=False)
        tone(settings.STANDPIPE["RECORDINGS"] / f"{call_id}.wav", 4.0)
        keeping.step()
        return Call.objects.get(call_id=call_id)

    return make


class SmallDisk:
    """A disk of a hundred small files' room, as the library that measures sees it."""

    def __init__(self, monkeypatch, room: int) -> None:
        self.room = room
        monkeypatch.setattr(disk, "measure", self.measure)

    def measure(self, folder: Path) -> disk.Space:
        used = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
        return disk.Space(self.room, max(0, self.room - used))


def test_at_95_percent_the_alarm_stands_and_the_oldest_that_may_go_make_room(
    call, settings, monkeypatch
):
    for n in range(10):
        call(f"c{n}", days_ago=100 - n)
    held, danger, young = call("held", days_ago=200), call("danger", days_ago=150, keys="1"), None
    young = call("young", days_ago=3)
    removing.hold(held.recording, on=True, reason="court case", by="sari")
    used = sum(p.stat().st_size for p in keeping.folder().rglob("*.spr"))
    small = SmallDisk(monkeypatch, int(used / 0.96))
    disk.look()
    assert Alarm.objects.get(closed_at=None).code == "disk_full"
    gone = Keeping.objects.exclude(removed_at=None).order_by("recording__call__started_at")
    names = [k.recording.call.call_id for k in gone]
    assert names == [f"c{n}" for n in range(len(names))] and 0 < len(names) < 10
    assert small.measure(keeping.folder()).percent <= 92
    for kept in (held, danger, young):
        assert kept.recording.files.exists()
    small.room *= 2
    disk.look()
    assert not Alarm.objects.filter(closed_at=None).exists()


def test_with_nothing_that_may_go_the_alarm_stands_and_nothing_is_removed(call, monkeypatch):
    call("young", days_ago=3)
    call("danger", days_ago=150, keys="1")
    SmallDisk(monkeypatch, 10)
    disk.look()
    assert Alarm.objects.get(closed_at=None).code == "disk_full"
    assert SoundFile.objects.count() == 2


def test_a_folder_that_is_not_mounted_is_told_from_an_empty_one(call, settings):
    folder = settings.STANDPIPE["RECORDINGS"]
    assert disk.look() is not None and (folder / disk.MARK).exists()
    call("c1")
    away = folder.with_name("away")
    folder.rename(away)
    assert disk.look() is None
    folder.mkdir()  # the place where the disk was mounted, with nothing in it
    assert disk.look() is None
    assert Alarm.objects.get(closed_at=None).code == "unmounted"
    folder.rmdir()
    away.rename(folder)
    assert disk.look() is not None
    assert not Alarm.objects.filter(closed_at=None).exists()


def test_alarms_of_the_disk_come_within_a_minute():
    assert next(every for part, every in watching.ROUND if part is disk.look) < 60


def test_what_could_not_be_recorded_is_listed_as_a_gap(call):
    """The disk was away: Asterisk wrote nothing."""
    lost = call("c1", days_ago=1)
    removed = lost.recording
    removed.delete()
    reconciling.look()
    assert Gap.objects.get().call == lost


@pytest.fixture
def tiny(tmp_path, settings):
    """A real file system of 320 KiB in the place of the recordings."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=320k", "tmpfs", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode != 0:
        pytest.skip("no small file system can be mounted here")
    settings.STANDPIPE = {**settings.STANDPIPE, "RECORDINGS": folder}
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_on_a_really_full_disk_the_plain_file_stays_until_there_is_room(call, tiny):
    at = timezone.now() - timedelta(minutes=3)
    services.rang(services.Ring("c1", "0401000101", "", "965113", at))
    services.answered("c1", "1001", at=at, live=False)
    services.ended("c1", at=at + timedelta(seconds=8), live=False)
    plain = tone(tiny / "c1.wav", 8.0)
    ballast = tiny / "ballast"
    ballast.write_bytes(b"x" * (178 * KIB))
    watching.seal()  # no room for the second copy: no error that ends the round
    assert (tiny / "c1.wav").read_bytes() == plain and not list(tiny.rglob("*.part"))
    disk.look()
    assert Alarm.objects.get(closed_at=None).code == "disk_full"
    ballast.unlink()
    watching.seal()
    assert not (tiny / "c1.wav").exists()
    with keeping.open(Call.objects.get(call_id="c1").recording) as sound:
        assert sound.read() == plain


def talk(call_id: str, seconds: float) -> Call:
    """A talk of so long, by Asterisk's own count; the files are for the test to make."""
    at = timezone.now() - timedelta(minutes=3)
    services.rang(services.Ring(call_id, "0401000101", "", "965113", at))
    services.answered(call_id, "1001", at=at, live=False)
    services.ended(call_id, at=at + timedelta(seconds=seconds), live=False)
    reconciling.hear(ami.AgentCompleted(call_id, "1001", 1, round(seconds), "caller"), at)
    return Call.objects.get(call_id=call_id)


@pytest.mark.parametrize("closed", [True, False])
def test_what_did_not_fit_on_a_really_full_disk_is_kept_as_far_as_it_goes_and_listed(tiny, closed):
    """Asterisk writes until there is no room, and talks on; its last word is the header."""
    call = talk("c1", 30.0)
    whole = tone(tiny.with_name("whole.wav"), 30.0)
    with pytest.raises(OSError, match="No space"), (tiny / "c1.wav").open("wb", 0) as file:
        left = memoryview(whole)
        while left:
            left = left[file.write(left[:4096]) :]
    held = (tiny / "c1.wav").stat().st_size
    head = wav.header(8000, held - wav.HEADER if closed else 0)
    with (tiny / "c1.wav").open("r+b") as file:
        file.write(head)
    os.utime(tiny / "c1.wav", (0, 0))
    services.recorded("c1", str(tiny / "c1.wav"))
    (tiny / disk.MARK).touch()  # it was there when the disk was not full yet
    disk.look()
    watching.seal()  # no room for the sealed one
    reconciling.look()
    gap = Gap.objects.get()
    assert (gap.call, gap.kind) == (call, "short")
    assert gap.seconds == pytest.approx(30.0 - held / 16000, abs=0.2)
    assert {a.code for a in Alarm.objects.filter(closed_at=None)} == {"disk_full", "gaps"}
    subprocess.run(["mount", "-o", "remount,size=2m", str(tiny)], check=True)
    watching.seal()
    disk.look()
    with keeping.open(call.recording) as sound:
        assert sound.read()[wav.HEADER :] == whole[wav.HEADER : held]
    assert {a.code for a in Alarm.objects.filter(closed_at=None)} == {"gaps"}


def test_what_was_written_into_the_place_of_a_disk_that_was_away_is_a_gap(call, tiny):
    """A real disk: taken away in the middle of the day, and mounted again."""
    call("before")
    watching.seal()
    disk.look()
    subprocess.run(["umount", str(tiny)], check=True)
    try:
        lost = talk("c1", 10.0)
        tone(tiny / "c1.wav", 10.0)
        services.recorded("c1", str(tiny / "c1.wav"))
        disk.look()
        assert Alarm.objects.get(closed_at=None).code == "unmounted"
        watching.seal()
        # Sealed here it would stand in the database as kept, and be hidden by the disk.
        assert SoundFile.objects.filter(recording__call=lost).count() == 0
        reconciling.look()
        assert not Gap.objects.exists()  # nobody can tell yet
    finally:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=320k", "tmpfs", str(tiny)], check=True)
    (tiny / disk.MARK).touch()  # it is the same disk
    disk.look()
    reconciling.look()
    assert [(g.call.call_id, g.kind) for g in Gap.objects.all()] == [("c1", "missing")]
    # Somebody looks into the place below, and puts the file back.
    tone(tiny / "c1.wav", 10.0)
    watching.seal()
    reconciling.look()
    assert Gap.objects.get().closed_how == "found"
    assert not Alarm.objects.filter(closed_at=None).exists()


def test_from_a_disk_that_is_away_to_the_alarm_it_takes_less_than_a_minute(call, tiny):
    """By the round's own clock, whatever else is due."""
    call("before")
    disk.look()
    subprocess.run(["umount", str(tiny)], check=True)
    try:
        parts, second = watching.Round(), 0
        while not Alarm.objects.filter(code="unmounted", closed_at=None).exists():
            parts.step(now=1000.0 + second)
            second += 1
            assert second <= 60
    finally:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=320k", "tmpfs", str(tiny)], check=True)
    assert second <= 11
