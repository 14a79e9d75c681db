"""The keys of recordings: added while all runs, sealed with anew, retired, carried elsewhere."""

from __future__ import annotations

import errno
import io
import json
import os

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import translation

from server.accounts.models import AuditRow
from server.accounts.refusals import Conflict, Refused
from server.calls.recordings import keeping, keyfile, keyring, keys, rotating, sealedkeys, vault
from server.calls.recordings.models import SoundFile
from tests.server.test_recordings import talked as talked

pytestmark = pytest.mark.django_db
WORDS = "water finds its way down"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Cheap to try, for tests alone."""
    monkeypatch.setattr(sealedkeys, "COST", 2**4)
    monkeypatch.setattr(rotating, "_began_behind", 0)


def add(**more) -> str:
    return keys.add(by="root", **more)


def run(*words, **environment) -> str:
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        call_command("recording_keys", *words, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def first_bytes(call) -> list[bytes]:
    found = []
    for leg in ("both", "caller", "agent"):
        with keeping.open(call.recording, leg) as sound:
            found.append(sound.read(4))
    return found


def test_a_new_key_seals_the_next_recording_at_once_and_the_old_ones_open(talked):
    before = talked("c1")
    keeping.step()
    old = keyring.ring().current.id
    new = add(note="yearly")
    after = talked("c2")
    keeping.step()
    assert {f.key_id for f in before.recording.files.all()} == {old}
    assert {f.key_id for f in after.recording.files.all()} == {new} != {old}
    assert first_bytes(before) == first_bytes(after) == [b"RIFF"] * 3
    row = AuditRow.objects.get(action="recording.key_added")
    assert (row.from_state, row.to_state, row.note, row.by) == (old, new, "yearly", "root")


def test_the_list_says_what_each_key_seals_and_never_shows_a_key(talked, settings):
    talked("c1")
    keeping.step()
    old, new = keyring.ring().current.id, add()
    talked("c2")
    talked("c3")
    keeping.step()
    shown = run("list")
    lines = {line.split()[0]: line for line in shown.splitlines()[1:]}
    assert list(lines) == [new, old]
    assert lines[new].split()[2:4] == ["2", "6"] and "seals the next" in lines[new]
    assert lines[old].split()[2:4] == ["1", "3"] and "opens" in lines[old]
    assert lines[new].split()[1].startswith("20") and lines[old].split()[1] == "-"
    secrets = [*(k.secret for k in keyfile.read(keyring.path())), *keyring.from_setting()]
    told = shown + run("list", "--json") + str(list(AuditRow.objects.values()))
    assert len(secrets) == 2 and not any(secret in told for secret in secrets)
    # A key that recordings need and nobody has is named as well.
    settings.STANDPIPE = {**settings.STANDPIPE, "RECORDING_KEYS": ""}
    assert [row["kept_in"] for row in json.loads(run("list", "--json"))] == ["file", ""]
    assert keys.lacking() == {old: 3}


def test_old_recordings_are_sealed_anew_in_steps_that_may_end_anywhere(talked):
    calls = [talked(f"c{n}") for n in range(4)]
    keeping.step()
    new = add()
    seen = []
    assert keys.reseal(by="root", limit=5) == {"done": 5, "failed": 0, "left": 7}
    found = keys.reseal(by="root", tell=lambda done, of: seen.append((done, of)))
    assert found == {"done": 7, "failed": 0, "left": 0} and seen == [(7, 7)]
    assert keys.reseal(by="root") == {"done": 0, "failed": 0, "left": 0}
    assert set(SoundFile.objects.values_list("key_id", flat=True)) == {new}
    assert all(first_bytes(call) == [b"RIFF"] * 3 for call in calls)
    for row in SoundFile.objects.all():
        assert vault.key_id_of(keeping.folder() / row.name) == new
    notes = AuditRow.objects.filter(action="recording.resealed").order_by("pk")
    assert [row.note for row in notes] == ["5 files", "7 files"]


def test_a_damaged_file_keeps_no_other_waiting(talked):
    talked("c1")
    talked("c2")
    keeping.step()
    add()
    first = SoundFile.objects.order_by("pk")[0]
    (keeping.folder() / first.name).write_bytes(b"SPR1 and nothing more")
    assert [rotating.sweep(1) for _ in range(7)] == [0, 1, 1, 1, 1, 1, 0]
    with pytest.raises(CommandError, match="1 files could not be opened"):
        run("reseal")
    assert rotating.older().get() == first


def test_a_disk_that_fills_up_stops_it_with_the_number_and_leaves_no_half_file(talked, monkeypatch):
    call = talked("c1")
    keeping.step()
    add()
    true, told = os.fsync, []

    def full(descriptor):
        told.append(descriptor)
        if len(told) > 2:  # the first file and its folder
            raise OSError(errno.ENOSPC, "No space left on device")
        true(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(vault.os, "fsync", full)
        with pytest.raises(Refused, match="Stopped after 1 files: No space left"):
            keys.reseal(by="root")
    assert not list(keeping.folder().rglob("*.part"))
    assert first_bytes(call) == [b"RIFF"] * 3
    assert keys.reseal(by="root")["done"] == 2


def test_nothing_is_sealed_anew_into_the_place_of_a_disk_that_is_away(talked):
    talked("c1")
    keeping.step()
    add()
    keeping.folder().rename(keeping.folder().with_name("away"))
    with pytest.raises(Refused) as no:
        keys.reseal(by="root")
    assert no.value.code == "away"


def test_a_key_goes_only_when_it_seals_nothing(talked, settings):
    old = keyring.ring().current.id
    with pytest.raises(Conflict, match="STANDPIPE_RECORDING_KEYS"):
        keys.retire(old, by="root")
    first = add()
    talked("c1")
    keeping.step()
    with pytest.raises(Conflict, match="Add a new one first"):
        keys.retire(first, by="root")
    newest = add()
    with pytest.raises(Conflict, match="still seals 3 files"):
        keys.retire(first.upper(), by="root")
    for wrong, code in (("0" * 16, "unknown"), ("../../etc/passwd", "form"), ("", "form")):
        with pytest.raises(Refused) as no:
            keys.retire(wrong, by="root")
        assert no.value.code == code
    keys.reseal(by="root")
    keys.retire(first, by="root", note="yearly")
    assert keyring.ring().ids == [newest, old]
    assert AuditRow.objects.get(action="recording.key_retired").subject == f"key:{first}"
    assert keyring.path().stat().st_mode & 0o077 == 0


def test_a_recording_that_is_being_sealed_while_its_key_goes_is_sealed_with_another(
    talked, monkeypatch
):
    call = talked("c1")
    first = add()
    verify = vault.verify

    def meanwhile(*words):
        monkeypatch.setattr(vault, "verify", verify)
        add()
        keys.retire(first, by="root")  # it seals nothing that the database knows
        return verify(keeping.folder() / words[0], keyring.ring(), words[2]) or True

    monkeypatch.setattr(vault, "verify", meanwhile)
    with pytest.raises(vault.VaultError, match=first):
        keeping.step()
    assert SoundFile.objects.count() == 0 and first_bytes(call) == [b"RIFF"] * 3
    assert keeping.step() == 3
    assert {f.key_id for f in call.recording.files.all()} == {keyring.ring().current.id}


def test_keys_carried_elsewhere_open_the_recordings_there(talked, settings, tmp_path):
    call = talked("c1")
    add()
    keeping.step()
    ids, file = keyring.ring().ids, tmp_path / "keys.sealed"
    run("export", str(file), STANDPIPE_KEY_PASSPHRASE=WORDS)
    assert file.stat().st_mode & 0o077 == 0
    assert not any(secret in file.read_text() for secret in [
        *(k.secret for k in keyfile.read(keyring.path())), *keyring.from_setting()])  # fmt: skip
    settings.STANDPIPE = {
        **settings.STANDPIPE, "RECORDING_KEYS": "e" * 48,
        "RECORDING_KEY_FILE": tmp_path / "elsewhere.json",
    }  # fmt: skip
    own = keyring.ring().current.id
    with pytest.raises(vault.VaultError):
        keeping.open(call.recording)
    told = run("import", str(file), STANDPIPE_KEY_PASSPHRASE=WORDS)
    assert all(key_id in told for key_id in ids)
    assert first_bytes(call) == [b"RIFF"] * 3
    # What seals here stays what it was, and a second time brings nothing new.
    assert keyring.ring().current.id == own and keyring.ring().ids == [own, *ids]
    assert keys.bring(file, WORDS, by="root") == {"new": [], "known": ids}
    assert AuditRow.objects.get(action="recording.keys_imported").note == " ".join(ids)


def test_what_cannot_be_exported_or_imported_is_refused_with_the_reason(cast, tmp_path):
    file = tmp_path / "keys.sealed"

    def code(verb, *words) -> str:
        with pytest.raises(Refused) as no:
            verb(*words, by="root")
        return no.value.code

    assert code(keys.export, file, "short") == "short" and not file.exists()
    keys.export(file, WORDS, by="root")
    held = file.read_text()
    assert code(keys.export, file, WORDS) == "exists" and file.read_text() == held
    assert code(keys.export, tmp_path / "no/such/folder", WORDS) == "unwritable"
    assert code(keys.bring, file, f"{WORDS}!") == "passphrase"
    assert code(keys.bring, tmp_path / "none", WORDS) == "unreadable"
    sealed = json.loads(held)
    for change, wanted in (
        ({"standpipe_sealed_keys": 2}, "newer"), ({"key_ids": ["0" * 16]}, "passphrase"),
        ({"kdf": {**sealed["kdf"], "n": 2**40}}, "foreign"), ({"sealed": "?"}, "foreign"),
        ({"key_ids": None}, "foreign"), ({"kdf": None}, "foreign"),
    ):  # fmt: skip
        file.write_text(json.dumps({**sealed, **change}))
        assert code(keys.bring, file, WORDS) == wanted, change
    for text in ("[]", "nothing", "{}", "7"):
        file.write_text(text)
        assert code(keys.bring, file, WORDS) == "foreign"
    file.write_bytes(b"\xff\xfe\x00")
    assert code(keys.bring, file, WORDS) == "unreadable"
    assert not keyring.path().exists()


def test_the_command_refuses_in_the_readers_language_and_asks_nobody_where_nobody_is(
    cast, monkeypatch, tmp_path
):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandError, match="STANDPIPE_KEY_PASSPHRASE_FILE"):
        run("export", str(tmp_path / "k"))
    (tmp_path / "words").write_text(f"{WORDS}\n")
    run("export", str(tmp_path / "k"), STANDPIPE_KEY_PASSPHRASE_FILE=str(tmp_path / "words"))
    assert len(keys.bring(tmp_path / "k", WORDS, by="root")["known"]) == 1
    with translation.override("zh-hans"), pytest.raises(CommandError, match="密钥"):
        run("retire", "0" * 16)


def test_an_export_onto_a_full_disk_leaves_neither_half_a_file_nor_a_row(
    cast, tmp_path, monkeypatch
):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(keys.os, "fsync", full)
        with pytest.raises(Refused, match="cannot be written: No space left"):
            keys.export(tmp_path / "k", WORDS, by="root")
    exported = AuditRow.objects.filter(action="recording.keys_exported")
    assert not (tmp_path / "k").exists() and not exported.exists()
    ids = keys.export(tmp_path / "k", WORDS, by="root")
    assert exported.get().note == " ".join(ids)


def test_keys_that_cannot_be_used_or_written_are_refused_with_the_reason(cast, settings, tmp_path):
    held = settings.STANDPIPE
    settings.STANDPIPE = {**held, "RECORDING_KEYS": "too short"}
    with pytest.raises(Refused, match="32 characters"):
        keys.export(tmp_path / "k", WORDS, by="root")
    assert not (tmp_path / "k").exists()
    settings.STANDPIPE = {**held, "RECORDING_KEY_FILE": tmp_path / "no/such/folder/keys.json"}
    with pytest.raises(Refused, match=r"keys\.json cannot be written: No such file"):
        add()
    assert not AuditRow.objects.filter(action__startswith="recording.key").exists()


def test_a_damaged_file_of_keys_is_said_and_never_written_over(cast):
    keyring.path().write_text("{")
    with pytest.raises(Refused, match=r"recording_keys\.json"):
        add()
    with pytest.raises(vault.VaultError, match="cannot be read"):
        keyring.ring()
    assert keyring.path().read_text() == "{"
