"""A backup of one state brought into another, empty one: rows, files, and sound that opens."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from ops import archive, backup, backup_keys, restore, store
from ops.archive import read_manifest
from ops.errors import OpsError
from ops.paths import State
from ops.say import Say
from ops.secrets import ensure_secrets
from ops.supervise import Supervisor
from server.calls.recordings import keyfile, sealedkeys, vault
from tests.ops.test_postgres import another_site, start

WORDS = "water finds its way down"
TALK = b"RIFF" + bytes(range(256)) * 600  # more than two pieces
NAME = "recordings/kept/2026/11/26/c1-both.spr"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cheap to try, for tests alone."""
    monkeypatch.setattr(sealedkeys, "COST", 2**4)


@pytest.fixture
def lived_in(state: State) -> State:
    """A state with a sealed recording, a plain one, a photo and a prompt of the utility's own."""
    ensure_secrets(state)
    sealed = state.root / NAME
    sealed.parent.mkdir(parents=True)
    vault.seal(io.BytesIO(TALK), len(TALK), sealed, ring_of(state))
    (state.root / "recordings/c2.wav").write_bytes(b"RIFF just now")
    (state.root / "recordings/kept/half.spr.part").write_bytes(b"half")
    (state.root / "photos/pit.jpg").write_bytes(b"P" * 5000)
    (state.root / "own-prompts/en").mkdir(parents=True)
    (state.root / "own-prompts/en/hello.wav").write_bytes(b"RIFF hello")
    return state


@pytest.fixture
def elsewhere() -> Iterator[State]:
    """Another state, empty."""
    other = State(Path(tempfile.mkdtemp(prefix="sp-"))).prepare()
    ensure_secrets(other)
    try:
        yield other
    finally:
        Supervisor(other).stop()
        shutil.rmtree(other.root, ignore_errors=True)


def ring_of(state: State) -> vault.Ring:
    return vault.Ring([key.secret for key in keyfile.read(state.root / keyfile.NAME)])


def pack(state: State, tmp_path: Path, *, words: str = WORDS, apart: Path | None = None) -> Path:
    """A backup without a database in it."""
    dump, file = tmp_path / "dump", tmp_path / "b.tar"
    dump.write_bytes(b"D" * 100)
    key_id = ring_of(state).current.id
    contents = backup.Contents(needs={key_id: 1})
    backup._take_keys(state, contents, words, Say())
    if apart is not None:
        contents.apart = store.take(state, apart).listed
    backup._pack(file, state, dump, contents)
    return file


def test_what_a_state_holds_is_brought_into_another_and_its_recording_opens(
    lived_in: State, elsewhere: State, tmp_path: Path
) -> None:
    site = another_site(lived_in)
    supervisor = start(site)
    key_id = ring_of(lived_in).current.id
    site.cluster.sql(
        "SET ROLE standpipe; CREATE TABLE recordings_soundfile (key_id text);"
        f"INSERT INTO recordings_soundfile VALUES ('{key_id}'), ('{key_id}');"
        "CREATE TABLE django_migrations (app text, name text);"
        "INSERT INTO django_migrations VALUES ('recordings', '0001_initial'), ('x', '1');",
        "standpipe",
    )
    file, apart = tmp_path / "b.tar", tmp_path / "store"
    wish = backup.Wish(file, recordings=apart)
    backup.write(lived_in, site.cluster, wish, WORDS, Say())
    supervisor.stop()
    manifest = read_manifest(file)
    assert manifest["recordings"] == {"needs": {key_id: 2}, "sealed": [key_id]}
    assert manifest["migrations"] == ["recordings.0001_initial", "x.1"]
    assert file.stat().st_mode & 0o077 == 0 and not list(tmp_path.glob(".*"))
    assert not list((lived_in.root / "recordings").glob(f"{backup.ASIDE}*"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STANDPIPE_KEY_PASSPHRASE", WORDS)
        brought = backup_keys.brought(file, manifest, None, without=False)
    other = another_site(elsewhere)
    start(other)
    again = restore.Wish(file, recordings=apart)
    restore.read_in(other.state, other.cluster, again, manifest, brought, Say())
    count = other.cluster.sql("SELECT count(*) FROM recordings_soundfile;", "standpipe")
    assert count == "2"
    with vault.opened(other.state.root / NAME, ring_of(other.state)) as sound:
        assert sound.read() == TALK
    assert (other.state.root / "recordings/c2.wav").read_bytes() == b"RIFF just now"
    assert (other.state.root / "photos/pit.jpg").stat().st_size == 5000
    prompt = other.state.root / "own-prompts/en/hello.wav"
    assert prompt.read_bytes() == b"RIFF hello"
    assert prompt.parents[1].stat().st_mode & 0o005 == 0o005  # Asterisk's user plays it
    with pytest.raises(OpsError, match="is not empty"):
        restore.read_in(other.state, other.cluster, again, manifest, brought, Say())


def test_the_keys_lie_in_it_under_the_passphrase_alone(lived_in: State, tmp_path: Path) -> None:
    file = pack(lived_in, tmp_path)
    secret = keyfile.read(lived_in.root / keyfile.NAME)[0].secret
    assert secret.encode() not in file.read_bytes()
    assert keyfile.NAME not in read_manifest(file)["members"]
    text = archive.read_member(file, archive.SEALED_KEYS)
    assert [key.secret for key in sealedkeys.open_keys(text, WORDS)] == [secret]


def test_a_backup_whose_keys_are_nowhere_is_refused_before_anything_is_touched(
    lived_in: State, elsewhere: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = pack(lived_in, tmp_path, words="")
    manifest, key_id = read_manifest(file), ring_of(lived_in).current.id

    def check(exported: Path | None = None, *, without: bool = False) -> list[str]:
        brought = backup_keys.brought(file, manifest, exported, without=without)
        here = [*brought, *backup_keys.keys_of(elsewhere)]
        return backup_keys.check_all_here(manifest, here, file, without=without)

    with pytest.raises(OpsError, match=rf"{key_id} \(1 files\).*--keys FILE"):
        check()
    assert check(without=True) == [key_id]
    exported = tmp_path / "keys.sealed"
    exported.write_text(sealedkeys.seal_keys(keyfile.read(lived_in.root / keyfile.NAME), WORDS))
    monkeypatch.setenv("STANDPIPE_KEY_PASSPHRASE", "another one altogether")
    with pytest.raises(OpsError, match="the passphrase is another one"):
        check(exported)
    monkeypatch.setenv("STANDPIPE_KEY_PASSPHRASE", WORDS)
    assert check(exported) == []
    monkeypatch.delenv("STANDPIPE_KEY_PASSPHRASE")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(OpsError, match="STANDPIPE_KEY_PASSPHRASE_FILE"):
        check(exported)
    with pytest.raises(OpsError, match="12 characters"):
        monkeypatch.setenv("STANDPIPE_KEY_PASSPHRASE", "short")
        backup_keys.ask_passphrase(new=True)


def test_keys_that_come_with_a_backup_stand_in_front_and_none_is_lost(
    lived_in: State, elsewhere: State
) -> None:
    theirs = keyfile.read(lived_in.root / keyfile.NAME)
    own = keyfile.read(elsewhere.root / keyfile.NAME)
    restore.take_keys(elsewhere, theirs)
    restore.take_keys(elsewhere, theirs)
    assert keyfile.read(elsewhere.root / keyfile.NAME) == [*theirs, *own]


def test_a_backup_of_a_newer_version_is_refused(
    lived_in: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"migrations": ["recordings.0001_initial", "recordings.9999_later", "auth.0099_x"]}
    assert archive.newer_than_us(told) == ["recordings.9999_later"]
    monkeypatch.setattr(archive, "newer_than_us", lambda manifest: ["recordings.9999_later"])
    file = pack(lived_in, tmp_path)
    with pytest.raises(OpsError, match="made by a newer version"):
        read_manifest(file)
    monkeypatch.undo()
    monkeypatch.setattr(backup, "FORMAT", archive.FORMAT + 1)
    monkeypatch.setattr(sealedkeys, "COST", 2**4)
    with pytest.raises(OpsError, match="this version reads formats up to"):
        read_manifest(pack(lived_in, tmp_path))


def test_what_is_sealed_while_the_database_is_dumped_is_in_the_backup_plain(
    lived_in: State, tmp_path: Path
) -> None:
    """The dump knows the call and no sealed file of it."""
    dump = tmp_path / "dump"
    dump.write_bytes(b"D")
    plain = lived_in.root / "recordings/c2.wav"
    with backup._plain_aside(lived_in) as held:
        plain.unlink()  # sealed, and removed
        backup._pack(tmp_path / "b.tar", lived_in, dump, backup.Contents(plain=held))
    assert "recordings/c2.wav" in read_manifest(tmp_path / "b.tar")["members"]
    with tarfile.open(tmp_path / "b.tar") as tar:
        source = tar.extractfile("recordings/c2.wav")
        assert source is not None and source.read() == b"RIFF just now"
    names = read_manifest(tmp_path / "b.tar")["members"]
    assert not [name for name in names if "part" in name or backup.ASIDE in name]


def test_a_file_that_goes_while_we_pack_does_not_end_the_backup(
    lived_in: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump = tmp_path / "dump"
    dump.write_bytes(b"D")
    found = list(backup._members(lived_in, dump, backup.Contents()))
    (lived_in.root / "recordings/c2.wav").unlink()
    monkeypatch.setattr(backup, "_members", lambda *words: iter(found))
    backup._pack(tmp_path / "b.tar", lived_in, dump)
    names = read_manifest(tmp_path / "b.tar")["members"]
    assert NAME in names and "recordings/c2.wav" not in names


def test_the_store_takes_each_recording_once_and_again_when_it_has_changed(
    lived_in: State, tmp_path: Path
) -> None:
    place = tmp_path / "store"
    assert store.take(lived_in, place).copied == 1
    second = store.take(lived_in, place)
    assert second.copied == 0 and list(second.listed) == [NAME]
    # A new key of the installation: another header, another file.
    old, new = ring_of(lived_in), vault.Ring(["n" * 48, *secrets_of(lived_in)])
    vault.rewrap(lived_in.root / NAME, new)
    third = store.take(lived_in, place)
    assert third.copied == 1 and third.listed != second.listed
    for taken, ring in ((second, old), (third, new)):
        into = tmp_path / ring.current.id
        store.check(taken.listed, place, Path("b.tar"))
        store.bring(taken.listed, place, into)
        with vault.opened(into / NAME, ring) as sound:
            assert sound.read() == TALK
    # What no backup names for so long may go; what the last one named stays.
    old_object = place / "objects" / second.listed[NAME]["sha256"][:2]
    path = old_object / second.listed[NAME]["sha256"]
    os.utime(path, (0, 0))
    assert store.forget(place, 35) == 1 and not path.exists()
    store.check(third.listed, place, Path("b.tar"))


def secrets_of(state: State) -> list[str]:
    return [key.secret for key in keyfile.read(state.root / keyfile.NAME)]


def test_a_store_that_lacks_or_damaged_a_recording_is_named(
    lived_in: State, tmp_path: Path
) -> None:
    place = tmp_path / "store"
    file = pack(lived_in, tmp_path, apart=place)
    manifest = read_manifest(file)
    assert NAME not in manifest["members"] and NAME in manifest["apart"]
    with pytest.raises(OpsError, match="--recordings DIR"):
        store.check(manifest["apart"], None, file)
    sha256 = manifest["apart"][NAME]["sha256"]
    path = place / "objects" / sha256[:2] / sha256
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(content)
    store.check(manifest["apart"], place, file)
    with pytest.raises(OpsError, match="damaged"):
        store.bring(manifest["apart"], place, tmp_path / "into")
    path.unlink()
    with pytest.raises(OpsError, match=r"1 of 1 recordings of b\.tar are not there"):
        store.check(manifest["apart"], place, file)
    # The next backup puts it right.
    assert store.take(lived_in, place).copied == 1


def test_a_store_that_goes_away_meanwhile_is_said_and_what_is_here_stays(
    lived_in: State, elsewhere: State, tmp_path: Path
) -> None:
    place = tmp_path / "store"
    file = pack(lived_in, tmp_path, apart=place)
    manifest = read_manifest(file)
    shutil.rmtree(place)
    own = elsewhere.root / "photos/own.jpg"
    own.write_bytes(b"own")
    # Nothing but the question whether it is empty reaches the database.
    cluster = SimpleNamespace(sql=lambda *words: "0")
    wish = restore.Wish(file, recordings=place, force=True)
    with pytest.raises(OpsError, match=f"{place}.*No such file"):
        restore.read_in(elsewhere, cluster, wish, manifest, [], Say())  # type: ignore[arg-type]
    assert own.read_bytes() == b"own" and not list(elsewhere.root.glob(".restore-*"))


def test_keys_of_secrets_json_move_into_their_own_file(state: State) -> None:
    ensure_secrets(state)
    (first,) = secrets_of(state)
    held = (state.root / "secrets.json").read_text()
    assert first not in held
    (state.root / "secrets.json").write_text(
        held.replace("{", '{"recording_keys": "' + "a" * 40 + ", " + "b" * 40 + '",', 1)
    )
    ensure_secrets(state)
    assert secrets_of(state) == [first, "a" * 40, "b" * 40]
    assert "recording_keys" not in (state.root / "secrets.json").read_text()
    assert (state.root / keyfile.NAME).stat().st_mode & 0o077 == 0
    (state.root / keyfile.NAME).write_text("{")
    with pytest.raises(OpsError, match="restore it"):
        (state.root / "secrets.json").write_text(
            held.replace("{", '{"recording_keys": "' + "a" * 40 + '",', 1)
        )
        ensure_secrets(state)
