"""Where a vehicle is that drives a route: what the simulator moves crews by."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from routing.errors import RoutingError
from routing.model import Leg, Route
from routing.turns import bearing


@dataclass(frozen=True, slots=True)
class Along:
    """A moment of a drive: position, compass heading, speed, how much is left."""

    lon: float
    lat: float
    heading: float
    speed_mps: float
    street: str
    metres: float
    remaining_s: float
    done: bool


class Drive:
    """A route driven from `started_at` (with a time zone), each edge at its own steady speed."""

    def __init__(self, route: Route, started_at: datetime) -> None:
        if started_at.tzinfo is None:
            raise RoutingError("started_at must carry a time zone.")
        self.route = route
        self.started_at = started_at
        # A leg that takes less than a millisecond is jumped over.
        self._legs = [leg for leg in route.legs if leg.seconds > 0]
        self._ends: list[float] = []
        self._gone: list[float] = []
        seconds = metres = 0.0
        for leg in self._legs:
            self._gone.append(metres)
            seconds += leg.seconds
            metres += leg.metres
            self._ends.append(seconds)
        self._metres = metres

    @property
    def arrives_at(self) -> datetime:
        """When the drive is done."""
        return self.started_at + timedelta(seconds=self._ends[-1] if self._ends else 0.0)

    def at(self, when: datetime) -> Along:
        """The moment `when`. Before the start it stands there; after the end it is done.

        `metres` never falls as time goes on.
        """
        if when.tzinfo is None:
            raise RoutingError("The time asked for must carry a time zone.")
        elapsed = (when - self.started_at).total_seconds()
        whole = self._ends[-1] if self._ends else 0.0
        if elapsed >= whole:
            lon, lat = self.route.geometry.coords[-1][:2]
            heading, street = self._final()
            return Along(lon, lat, heading, 0.0, street, self._metres, 0.0, True)
        standing = elapsed < 0
        elapsed = max(0.0, elapsed)
        index = min(bisect_right(self._ends, elapsed), len(self._legs) - 1)
        leg = self._legs[index]
        share = (elapsed - (self._ends[index] - leg.seconds)) / leg.seconds
        share = min(max(share, 0.0), 1.0)
        lon, lat, heading = _place(leg, share)
        speed = 0.0 if standing else leg.metres / leg.seconds
        metres = self._gone[index] + share * leg.metres
        return Along(lon, lat, heading, speed, leg.street, metres, whole - elapsed, False)

    def _final(self) -> tuple[float, str]:
        if not self._legs:
            return 0.0, ""
        leg = self._legs[-1]
        return _place(leg, 1.0)[2], leg.street


def _place(leg: Leg, share: float) -> tuple[float, float, float]:
    """(lon, lat, heading) at a share of a leg's length."""
    points = leg.coordinates
    lengths = [
        math.hypot((b[0] - a[0]) * math.cos(math.radians(a[1])), b[1] - a[1])
        for a, b in pairwise(points)
    ]
    left = share * sum(lengths)
    heading = 0.0
    for a, b, length in zip(points, points[1:], lengths, strict=False):
        if length <= 0:
            continue
        heading = bearing(a, b)
        if left <= length:
            part = left / length
            return a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part, heading
        left -= length
    return points[-1][0], points[-1][1], heading
