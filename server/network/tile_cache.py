"""Tiles remembered: the bytes of a tile are kept until a table it was made from changes.

Every statement that changes one of those tables leaves a row in `network_tilechange` (a trigger
writes it, so nobody can forget to). The rows of a layer's tables, counted and summed, are its
stamp: it moves when the change is committed, not before. The stamp is read before the tile, so a
kept tile is never older than the stamp it is kept under.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

from django.db import connection

from server.network.models import TileStore
from server.network.tiles import EACH_PIPE, LAYERS, tile

MAX_BYTES = 48 * 2**20
# What an entry weighs beside its bytes: key, stamp, tag and the dictionary's own.
_OVERHEAD = 400

Key = tuple[str, str, int, int, int]
Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Made:
    """A tile and its tag (quoted, as HTTP wants it)."""

    body: bytes
    etag: str


class TileCache:
    """The tiles used last, up to `max_bytes`. For threads."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max = max_bytes
        self._held: OrderedDict[Key, tuple[Stamp, Made]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, key: Key, stamp: Stamp) -> Made | None:
        """The tile kept under `key`, if it was made at `stamp`."""
        with self._lock:
            found = self._held.get(key)
            if found is None or found[0] != stamp:
                return None
            self._held.move_to_end(key)
            return found[1]

    def put(self, key: Key, stamp: Stamp, made: Made) -> None:
        weight = len(made.body) + _OVERHEAD
        with self._lock:
            self._drop(key)
            if weight > self._max:
                return
            self._held[key] = (stamp, made)
            self._size += weight
            while self._size > self._max:
                self._drop(next(iter(self._held)))

    def _drop(self, key: Key) -> None:
        old = self._held.pop(key, None)
        if old is not None:
            self._size -= len(old[1].body) + _OVERHEAD

    def clear(self) -> None:
        with self._lock:
            self._held.clear()
            self._size = 0

    @property
    def size(self) -> int:
        """Bytes held, as counted."""
        return self._size


_cache = TileCache()


def stamp_of(layer: str, z: int) -> Stamp:
    """What changes whenever a table behind the layer at this zoom has changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(sum(id), 0)::bigint FROM network_tilechange "
            "WHERE source = ANY(%s)",
            [list(LAYERS[layer].at(z).tables)],
        )
        count, total = cursor.fetchone()
    return int(count), int(total)


def tile_of(layer: str, z: int, x: int, y: int) -> Made:
    """The tile, from memory where no table behind it has changed. `layer` is a key of LAYERS."""
    if z < LAYERS[layer].min_zoom:
        return _made(b"")
    key = (str(connection.settings_dict["NAME"]), layer, z, x, y)
    stamp = stamp_of(layer, z)
    found = _cache.get(key, stamp)
    if found is None:
        stored = _stored(z, x, y) if layer == "pipes" and z <= EACH_PIPE else None
        found = _made(tile(layer, z, x, y) if stored is None else stored)
        _cache.put(key, stamp, found)
    return found


def _stored(z: int, x: int, y: int) -> bytes | None:
    """A tile of mains made beforehand, if it is still true."""
    row = TileStore.objects.filter(z=z, x=x, y=y).values_list("body", flat=True).first()
    return None if row is None else bytes(row)


def forget() -> None:
    """Drop every kept tile of this process."""
    _cache.clear()


def _made(body: bytes) -> Made:
    return Made(body, f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"')
