"""Seconds between the places of jobs, kept from plan to plan: jobs stay where they are.

Only places not known yet are asked for, and everything again when streets are closed or opened.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from routing.index import StreetIndex
from server.dispatch.optimising.model import Floats

Place = tuple[float, float]


class Between:
    """The table of one process. Crews drive: their way to the jobs is asked for every time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: tuple[str, int] | None = None
        self._row: dict[Place, int] = {}
        self._seconds: Floats = np.zeros((0, 0))

    def seconds(self, index: StreetIndex, places: Sequence[Place]) -> Floats:
        """Shape (places, places); inf where no street leads."""
        with self._lock:
            state = (str(index.version), index.epoch)
            if self._of != state:
                self._of, self._row, self._seconds = state, {}, np.zeros((0, 0))
            fresh = [p for p in dict.fromkeys(places) if p not in self._row]
            # Kept are the places of this plan: what is settled is forgotten.
            known = [p for p in dict.fromkeys(places) if p in self._row]
            rows = [self._row[p] for p in known]
            old, n = self._seconds[np.ix_(rows, rows)], len(known)
            whole = np.empty((n + len(fresh), n + len(fresh)))
            whole[:n, :n] = old
            if fresh:
                whole[:, n:] = index.matrix([*known, *fresh], fresh)
            if fresh and known:
                whole[n:, :n] = index.matrix(fresh, known)
            self._row = {p: k for k, p in enumerate([*known, *fresh])}
            self._seconds = whole
            order = [self._row[p] for p in places]
            found: Floats = whole[np.ix_(order, order)]
            return found
