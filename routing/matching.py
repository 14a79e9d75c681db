"""Which streets a row of positions was driven on, and how far that was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import numpy as np

from routing.compiled.jit import freeze
from routing.compiled.matching import driven, likeliest
from routing.compiled.projection import all_to_metres
from routing.model import Fix
from routing.snap import Snapper
from routing.table import Floats, Ints, StreetTable

#: How far a position may lie from its street, and how many streets are weighed.
RADIUS_M = 50.0
_MOST = 8


class Matcher:
    """Map matching over one table of streets. Safe to share between threads."""

    def __init__(self, table: StreetTable, twins: Ints, snapper: Snapper) -> None:
        self._twins = twins
        self._snapper = snapper
        first_out = np.searchsorted(table.tail, np.arange(table.nodes + 1))
        self._tail, self._head = freeze(table.tail, np.int64), freeze(table.head, np.int64)
        self._streets = (
            freeze(first_out, np.int64), self._tail, self._head,
            freeze(table.length, np.float64), freeze(twins, np.int64),
        )  # fmt: skip

    def match(self, points: Sequence[Fix], sigma_m: float) -> tuple[Ints, Floats, list[int], float]:
        """(edge of each position or -1, fraction, edges driven in order, metres)."""
        order = _in_order(points)
        edge = np.full(len(points), -1, dtype=np.int64)
        fraction = np.zeros(len(points))
        lonlat = np.array([(lon, lat) for lon, lat, _ in points], dtype=np.float64).reshape(-1, 2)
        xy = all_to_metres(freeze(lonlat), self._snapper.zone)
        near = {i: self._candidates(*lonlat[i].tolist()) for i in order}
        known = [i for i in order if near[i]]
        if not known:
            return edge, fraction, [], 0.0
        # Positions nearer than the error of the device say nothing of the direction driven.
        kept = [known[0]]
        for i in known[1:]:
            if np.hypot(*(xy[i] - xy[kept[-1]])) >= 2 * sigma_m:
                kept.append(i)
        rows = [row for i in kept for row in near[i]]
        first = np.cumsum([0, *(len(near[i]) for i in kept)])
        edges = np.array([row[0] for row in rows], dtype=np.int64)
        shares = np.array([row[1] for row in rows], dtype=np.float64)
        metres = np.array([row[2] for row in rows], dtype=np.float64)
        places = freeze(xy[kept])
        chosen = likeliest(
            freeze(first, np.int64), freeze(edges), freeze(shares), freeze(metres), places,
            *self._streets, float(sigma_m),
        )  # fmt: skip
        edge[kept], fraction[kept] = edges[chosen], shares[chosen]
        path, begins, far = driven(
            freeze(edges[chosen]), freeze(shares[chosen]), places, *self._streets, float(sigma_m)
        )
        self._between(known, kept, near, path, begins, edge, fraction)
        roads = [int(path[0])]
        roads += [int(e) for d, e in pairwise(path) if e != d]
        return edge, fraction, roads, float(np.nansum(far))

    def _candidates(self, lon: float, lat: float) -> list[tuple[int, float, float]]:
        """(edge, fraction, metres away) of the streets near, both directions."""
        found = []
        columns = self._snapper.around(lon, lat, RADIUS_M, _MOST)
        for edge, at, metres in zip(*(c.tolist() for c in columns), strict=True):
            found.append((edge, at, metres))
            twin = int(self._twins[edge])
            if twin >= 0:
                found.append((twin, 1 - at, metres))
        return found

    def _between(
        self, known: list[int], kept: list[int], near: dict[int, list[tuple[int, float, float]]],
        path: Ints, begins: Ints, edge: Ints, fraction: Floats,
    ) -> None:  # fmt: skip
        """Puts the positions left out before on the nearest street driven about then."""
        step = 0
        for i in known:
            if step + 1 < len(kept) and i == kept[step + 1]:
                step += 1
            if edge[i] >= 0:
                continue
            last = int(begins[step + 2]) if step + 2 < len(kept) else len(path)
            roads = {int(edge[kept[step]]), *path[int(begins[step]) : last].tolist()}
            row = min((r for r in near[i] if r[0] in roads), key=lambda r: r[2], default=None)
            if row is not None:
                edge[i], fraction[i] = row[0], row[1]


def _in_order(points: Sequence[Fix]) -> list[int]:
    """The positions by time; those given at one time keep their order."""
    times = [t.timestamp() if isinstance(t, datetime) else float(t) for _, _, t in points]
    return sorted(range(len(points)), key=times.__getitem__)
