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
from server.calls.recordings import disk, keeping, reconciling, removing, watching
from server.calls.recordings.models import Alarm, Gap, Keeping, SoundFile
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
