"""Other ways that a driver would call other ways: found by making the known ones dearer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from routing.places import Part
from routing.table import MAX_EDGE_MS, Floats, Ints

#: Each street of a way found costs so much more in the next search.
_DEARER = 1.5
#: An alternative takes at most this many times the best, plus a minute.
_LONGEST = 1.5
_MORE_MS = 60_000
#: How much of its length an alternative may share with one already chosen.
_SHARED = 0.7
_TRIES = 4

Search = Callable[[Any], Sequence[Part] | None]


def other_ways(
    search: Search, best: Sequence[Part], edge_ms: Ints, length: Floats, k: int
) -> list[list[Part]]:
    """`best` and up to k - 1 other ways, quickest first; parts with their true milliseconds.

    `search` finds the quickest way by other milliseconds per edge, None when there is none.
    """
    chosen = [list(best)]
    limit = sum(part.ms for part in best) * _LONGEST + _MORE_MS
    dearer = np.array(edge_ms, dtype=np.int64)
    _raise(dearer, best)
    for _ in range(_TRIES * max(k - 1, 0)):
        if len(chosen) >= k:
            break
        found = search(dearer.astype(np.int32))
        if found is None:
            break
        _raise(dearer, found)
        way = [
            part._replace(ms=round((part.end - part.start) * int(edge_ms[part.edge])))
            for part in found
        ]
        if sum(part.ms for part in way) > limit:
            continue
        if all(_shared(way, other, length) <= _SHARED for other in chosen):
            chosen.append(way)
    return [chosen[0], *sorted(chosen[1:], key=lambda way: sum(part.ms for part in way))]


def _raise(ms: Ints, way: Sequence[Part]) -> None:
    edges = np.unique(np.array([part.edge for part in way], dtype=np.int64))
    ms[edges] = np.minimum(np.rint(ms[edges] * _DEARER) + 1, MAX_EDGE_MS)


def _shared(way: Sequence[Part], other: Sequence[Part], length: Floats) -> float:
    """The share of the way's metres that lie on edges of the other."""
    edges = {part.edge for part in other}
    metres = [(float(length[p.edge]) * (p.end - p.start), p.edge in edges) for p in way]
    whole = sum(m for m, _ in metres)
    return sum(m for m, both in metres if both) / whole if whole > 0 else 1.0
