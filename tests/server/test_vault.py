"""Sealed recordings: what goes in comes out, in any order, and nothing else does."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.calls.recordings import vault

OLD, NEW, OTHER = "a" * 48, "b" * 48, "c" * 48
RING = vault.Ring([OLD])
SIZES = [1, 44, vault.PIECE - 1, vault.PIECE, vault.PIECE + 1, 3 * vault.PIECE, 200_003]


def sealed(path: Path, plain: bytes, ring: vault.Ring = RING) -> vault.Sealed:
    return vault.seal(io.BytesIO(plain), len(plain), path, ring)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_sealed_opens_as_it_was(tmp_path, size):
    plain = os.urandom(size)
    told = sealed(tmp_path / "x.spr", plain)
    assert told.sha256 == hashlib.sha256(plain).hexdigest() and told.size == size
    assert told.stored == (tmp_path / "x.spr").stat().st_size
    with vault.opened(tmp_path / "x.spr", RING) as file:
        assert file.read() == plain
    assert vault.verify(tmp_path / "x.spr", RING, told.sha256)


@settings(max_examples=60, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(st.lists(st.tuples(st.integers(0, 150_000), st.integers(0, 90_000)), max_size=8))
def test_a_player_reads_anywhere_what_a_plain_file_would_give(tmp_path, asked):
    plain = bytes(n * 31 % 251 for n in range(140_000))
    path = tmp_path / "x.spr"
    if not path.exists():
        sealed(path, plain)
    with vault.opened(path, RING) as file, io.BytesIO(plain) as oracle:
        for at, length in asked:
            assert file.seek(at) == oracle.seek(at)
            assert file.read(length) == oracle.read(length)
            assert file.tell() == oracle.tell()


def test_nothing_of_the_sound_stands_in_the_sealed_file(tmp_path):
    plain = b"card number 4000 0000 0000 0002 " * 4000
    sealed(tmp_path / "x.spr", plain)
    held = (tmp_path / "x.spr").read_bytes()
    assert b"card" not in held and b"4000" not in held
    # and the same sound sealed again is another file
    sealed(tmp_path / "y.spr", plain)
    assert (tmp_path / "y.spr").read_bytes() != held


@pytest.mark.parametrize("at", [0, 5, 15, 21, 40, 90, vault.HEADER + 3, -1])
def test_a_changed_byte_is_noticed(tmp_path, at):
    path = tmp_path / "x.spr"
    told = sealed(path, os.urandom(1000))
    held = bytearray(path.read_bytes())
    held[at] ^= 1
    path.write_bytes(held)
    assert not vault.verify(path, RING, told.sha256)


def test_pieces_cannot_be_cut_off_exchanged_or_brought_from_elsewhere(tmp_path):
    path, step = tmp_path / "x.spr", vault.PIECE + vault.TAG
    told = sealed(path, os.urandom(3 * vault.PIECE))
    held = path.read_bytes()
    head, body = held[: vault.HEADER], held[vault.HEADER :]
    first, second, third = body[:step], body[step : 2 * step], body[2 * step :]
    for broken in (first + second, second + first + third, first + second + second,
                   first + second + third[:-1], b""):  # fmt: skip
        path.write_bytes(head + broken)
        assert not vault.verify(path, RING, told.sha256)
    # a shorter length in the header, with the pieces that fit it
    short = bytearray(head)
    short[12:20] = (2 * vault.PIECE).to_bytes(8, "big")
    path.write_bytes(bytes(short) + first + second)
    assert not vault.verify(path, RING, told.sha256)


def test_without_the_key_it_does_not_open_and_says_so(tmp_path):
    sealed(tmp_path / "x.spr", b"hello")
    with pytest.raises(vault.VaultError, match="key"):
        vault.opened(tmp_path / "x.spr", vault.Ring([OTHER]))


@pytest.mark.parametrize("text", ["", " , ", "short", "a" * 31])
def test_a_key_that_is_none_is_refused(text):
    with pytest.raises(vault.VaultError):
        vault.Ring(vault.secrets_in(text))


def test_a_new_key_wraps_old_files_anew_and_the_sound_stays(tmp_path):
    path, plain = tmp_path / "x.spr", os.urandom(100_000)
    told = sealed(path, plain)
    before = path.read_bytes()
    both = vault.Ring(vault.secrets_in(f"{NEW},{OLD}"))
    assert vault.key_id_of(path) == told.key_id != both.current.id
    assert vault.rewrap(path, both) == both.current.id == vault.key_id_of(path)
    assert path.read_bytes()[vault.HEADER :] == before[vault.HEADER :]
    # the old key is not needed any more
    assert vault.verify(path, vault.Ring([NEW]), told.sha256)
    assert not vault.verify(path, RING, told.sha256)
    assert not list(tmp_path.glob("*.part"))
