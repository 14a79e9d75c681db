"""Seconds of driving for a plan: crews to jobs anew, job to job kept, because jobs stay in place.

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
    """The table of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: tuple[str, int] | None = None
        self._row: dict[Place, int] = {}
        self._seconds: Floats = np.zeros((0, 0))

    def seconds(
        self, index: StreetIndex, stands: Sequence[Place], places: Sequence[Place]
    ) -> tuple[Floats, Floats]:
        """Shapes (stands, places) and (places, places); inf where no street leads."""
        with self._lock:
            state = (str(index.version), index.epoch)
            if self._of != state:
                self._of, self._row, self._seconds = state, {}, np.zeros((0, 0))
            once = list(dict.fromkeys(places))
            # Kept are the places of this plan: what is settled is forgotten.
            known = [p for p in once if p in self._row]
            fresh = [p for p in once if p not in self._row]
            rows, n = [self._row[p] for p in known], len(known)
            whole = np.empty((len(once), len(once)))
            whole[:n, :n] = self._seconds[np.ix_(rows, rows)]
            # A destination costs, an origin hardly: what is new drives along with the crews.
            outward = index.matrix([*stands, *fresh], [*known, *fresh])
            whole[n:] = outward[len(stands) :]
            if fresh and known:
                whole[:n, n:] = index.matrix(known, fresh)
            self._row = {p: k for k, p in enumerate([*known, *fresh])}
            self._seconds = whole
            order = [self._row[p] for p in places]
            between: Floats = whole[np.ix_(order, order)]
            drive: Floats = outward[: len(stands)][:, order]
            return drive, between
