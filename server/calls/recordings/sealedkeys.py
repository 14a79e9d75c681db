"""Keys for recordings under a passphrase: what may lie in a backup or be carried elsewhere. Pure.

    {"standpipe_sealed_keys": 1, "kdf": {"name": "scrypt", "n", "r", "p", "salt"}, "key_ids": [...],
     "nonce", "sealed"}

The passphrase becomes a key by scrypt; AES-256-GCM seals the keys and authenticates all that stands
beside them, so ids or parameters that were exchanged do not open.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from server.calls.recordings import keyfile, vault
from server.calls.recordings.keyfile import Held

FORM = 1
# Whoever has the file may try as often as they like: 128 MiB and half a second each time.
COST = 2**17
BLOCK, LANES = 8, 1
# A file from elsewhere may not ask for all of the memory.
MOST_COST = 2**20
SHORTEST = 12


class SealedKeysError(Exception):
    """`code`: short (the passphrase), foreign, newer, passphrase (wrong, or the file changed)."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def seal_keys(keys: Sequence[Held], passphrase: str) -> str:
    """The keys under `passphrase`, as text. Raises SealedKeysError: short."""
    if len(passphrase) < SHORTEST:
        raise SealedKeysError("short", f"a passphrase has {SHORTEST} characters at least")
    kdf = {"name": "scrypt", "n": COST, "r": BLOCK, "p": LANES, "salt": _text(os.urandom(16))}
    head = {"standpipe_sealed_keys": FORM, "kdf": kdf, "key_ids": [id_of(key) for key in keys]}
    nonce = os.urandom(12)
    sealed = AESGCM(_key(passphrase, kdf)).encrypt(nonce, keyfile.dump(keys).encode(), _about(head))
    return json.dumps({**head, "nonce": _text(nonce), "sealed": _text(sealed)}, indent=1) + "\n"


def open_keys(text: str, passphrase: str) -> list[Held]:
    """The keys again. Raises SealedKeysError: foreign, newer, passphrase."""
    held = _read(text)
    try:
        about = _about({name: held[name] for name in ("standpipe_sealed_keys", "kdf", "key_ids")})
        nonce, sealed = _bytes(held["nonce"]), _bytes(held["sealed"])
        key = _key(passphrase, held["kdf"])
        plain = AESGCM(key).decrypt(nonce, sealed, about)
        return keyfile.parse(plain.decode())
    except InvalidTag:
        raise SealedKeysError(
            "passphrase", "the passphrase is another one, or the file was changed"
        ) from None
    except (KeyError, TypeError, ValueError):
        raise SealedKeysError("foreign", "this is no file of sealed recording keys") from None


def id_of(key: Held) -> str:
    """The name of a key, as recordings and lists have it."""
    return vault.id_of(key.secret)


def _read(text: str) -> dict[str, Any]:
    try:
        held: dict[str, Any] = json.loads(text)
        form, ids = held["standpipe_sealed_keys"], held["key_ids"]
    except (ValueError, KeyError, TypeError):
        raise SealedKeysError("foreign", "this is no file of sealed recording keys") from None
    if form != FORM:
        raise SealedKeysError("newer", f"form {form} of sealed keys; this version reads {FORM}")
    if not isinstance(ids, list):
        raise SealedKeysError("foreign", "this is no file of sealed recording keys")
    return held


def _key(passphrase: str, kdf: dict[str, Any]) -> bytes:
    n, r, p = int(kdf["n"]), int(kdf["r"]), int(kdf["p"])
    if kdf["name"] != "scrypt" or not 2 <= n <= MOST_COST or r != BLOCK or p != LANES:
        raise ValueError("parameters that no version of ours writes")
    return Scrypt(_bytes(kdf["salt"]), length=32, n=n, r=r, p=p).derive(passphrase.encode())


def _about(head: dict[str, Any]) -> bytes:
    return json.dumps(head, sort_keys=True, separators=(",", ":")).encode()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
