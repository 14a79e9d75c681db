"""Sound at rest: sealed in pieces, so that a player may begin to read in the middle.

    magic "SPR1" | key id 8 | plain size 8 | prefix 4 | wrapped data key 60 | piece | piece | ...

Each file has a data key of its own; the installation's key only wraps it, so a new key of the
installation costs a new header and no new sound. A piece is AES-256-GCM over 64 KiB; its number
and whether it is the last are authenticated with it, so pieces cannot be exchanged, dropped or cut
off unnoticed. Pure: bytes and files in, bytes and files out, no Django.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"SPR1"
PIECE = 64 * 1024
TAG = 16
SUFFIX = ".spr"
# The shortest secret that is worth deriving a key from.
SHORTEST = 32
_HEAD = struct.Struct(">4s8sQ4s")
_WRAPPED = 12 + 32 + TAG
HEADER = _HEAD.size + _WRAPPED


class VaultError(Exception):
    """A sealed file cannot be read: no such key, cut short, changed, or not one of ours."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the installation. `id` (16 hexadecimal digits) names it and tells nothing of it."""

    id: str
    secret: bytes


class Ring:
    """The installation's keys: the first seals, all of them open."""

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            raise VaultError("there is no key for recordings (standpipe manage recording_keys add)")
        self._keys: dict[str, Key] = {}
        for secret in secrets:
            key = _derived(secret)
            self._keys.setdefault(key.id, key)
        self.current = next(iter(self._keys.values()))

    def find(self, key_id: str) -> Key:
        """The key of that id. Raises VaultError."""
        try:
            return self._keys[key_id]
        except KeyError:
            raise VaultError(f"the key {key_id} of this recording is not here") from None

    @property
    def ids(self) -> list[str]:
        return list(self._keys)


def secrets_in(text: str) -> list[str]:
    """The secrets of a setting: separated by commas, the newest first."""
    return [secret.strip() for secret in text.split(",") if secret.strip()]


def id_of(secret: str) -> str:
    """The id of the key that this secret makes. Raises VaultError."""
    return _derived(secret).id


def _derived(secret: str) -> Key:
    if len(secret) < SHORTEST:
        raise VaultError(f"a key for recordings has {SHORTEST} characters at least")
    made = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"standpipe recordings")
    held = made.derive(secret.encode())
    return Key(hashlib.sha256(b"id" + held).hexdigest()[:16], held)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was sealed: bytes and SHA-256 of the plain sound, bytes on disk, the key's id."""

    size: int
    sha256: str
    stored: int
    key_id: str


def seal(plain: IO[bytes], size: int, target: Path, ring: Ring) -> Sealed:
    """Write `size` bytes of `plain` sealed into `target` (replaced), onto the disk itself.

    Raises OSError, and VaultError when `plain` is shorter.
    """
    data_key, prefix = AESGCM.generate_key(256), os.urandom(4)
    digest, left, number = hashlib.sha256(), size, 0
    cipher = AESGCM(data_key)
    with target.open("wb") as out:
        out.write(_header(ring.current, data_key, size, prefix))
        while True:
            piece = _exactly(plain, min(PIECE, left))
            left -= len(piece)
            digest.update(piece)
            last = left == 0
            out.write(cipher.encrypt(_nonce(prefix, number), piece, _about(number, last)))
            number += 1
            if last:
                break
        out.flush()
        os.fsync(out.fileno())
        stored = out.tell()
    return Sealed(size, digest.hexdigest(), stored, ring.current.id)


def _exactly(plain: IO[bytes], length: int) -> bytes:
    held = b""
    while len(held) < length:
        more = plain.read(length - len(held))
        if not more:
            raise VaultError("the sound became shorter while it was read")
        held += more
    return held


def _header(key: Key, data_key: bytes, size: int, prefix: bytes) -> bytes:
    head = _HEAD.pack(MAGIC, bytes.fromhex(key.id), size, prefix)
    nonce = os.urandom(12)
    return head + nonce + AESGCM(key.secret).encrypt(nonce, data_key, head)


def _nonce(prefix: bytes, number: int) -> bytes:
    # The data key seals one file only, so a counter never repeats under it.
    return prefix + struct.pack(">Q", number)


def _about(number: int, last: bool) -> bytes:
    return struct.pack(">QB", number, last)


def _opened(head: bytes, ring: Ring) -> tuple[bytes, int, bytes]:
    """(data key, plain size, prefix) of a header. Raises VaultError."""
    if len(head) < HEADER or head[:4] != MAGIC:
        raise VaultError("this is not a sealed recording, or its beginning is missing")
    _magic, key_id, size, prefix = _HEAD.unpack_from(head)
    wrapped = head[_HEAD.size : HEADER]
    key = ring.find(key_id.hex())
    try:
        data_key = AESGCM(key.secret).decrypt(wrapped[:12], wrapped[12:], head[: _HEAD.size])
    except InvalidTag:
        raise VaultError("the recording's header was changed") from None
    return data_key, size, prefix


def key_id_of(path: Path) -> str:
    """Which key a sealed file needs. Raises OSError, VaultError."""
    with path.open("rb") as file:
        head = file.read(_HEAD.size)
    if len(head) < _HEAD.size or head[:4] != MAGIC:
        raise VaultError("this is not a sealed recording, or its beginning is missing")
    return head[4:12].hex()


class SealedReader(io.RawIOBase):
    """A sealed file as the plain one: `read`, `seek`, `tell`. Decrypts the pieces that are read."""

    def __init__(self, path: Path, ring: Ring) -> None:
        super().__init__()
        self._file = path.open("rb")
        try:
            head = self._file.read(HEADER)
            data_key, self.size, self._prefix = _opened(head, ring)
        except BaseException:
            self._file.close()
            raise
        self._cipher = AESGCM(data_key)
        self._last = max(0, (self.size - 1) // PIECE)
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("a place before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: object) -> int:
        into = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        if not len(into) or self._at >= self.size:
            return 0
        number, skip = divmod(self._at, PIECE)
        part = self._piece(number)[skip : skip + len(into)]
        into[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _piece(self, number: int) -> bytes:
        if self._held[0] != number:
            length = min(PIECE, self.size - number * PIECE) + TAG
            self._file.seek(HEADER + number * (PIECE + TAG))
            sealed = self._file.read(length)
            about = _about(number, number == self._last)
            try:
                plain = self._cipher.decrypt(_nonce(self._prefix, number), sealed, about)
            except InvalidTag:
                raise VaultError(f"the recording is damaged in piece {number}") from None
            self._held = (number, plain)
        return self._held[1]

    def close(self) -> None:
        self._file.close()
        super().close()


def opened(path: Path, ring: Ring) -> IO[bytes]:
    """The plain sound of a sealed file, seekable. Raises OSError, VaultError."""
    return io.BufferedReader(SealedReader(path, ring), PIECE)


def verify(path: Path, ring: Ring, sha256: str) -> bool:
    """Whether every piece opens and the plain sound has this SHA-256."""
    digest = hashlib.sha256()
    try:
        with opened(path, ring) as plain:
            while block := plain.read(PIECE):
                digest.update(block)
    except VaultError:
        return False
    return hmac.compare_digest(digest.hexdigest(), sha256)


def rewrap(path: Path, ring: Ring) -> str:
    """Wrap the data key with the ring's current key; the sound is copied as it is. Key id.

    The new file stands beside the old one and takes its place whole, or not at all.
    """
    with path.open("rb") as file:
        data_key, size, prefix = _opened(file.read(HEADER), ring)
        part = path.with_name(f"{path.name}.part")
        try:
            with part.open("wb") as out:
                out.write(_header(ring.current, data_key, size, prefix))
                while block := file.read(1024 * 1024):
                    out.write(block)
                out.flush()
                os.fsync(out.fileno())
            part.replace(path)
        finally:
            # A full disk is not made fuller by half a file.
            part.unlink(missing_ok=True)
    sync_folder(path.parent)
    return ring.current.id


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
