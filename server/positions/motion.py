"""Whether a subject drives, stands, or stands with the engine on. Pure.

Speed alone lies: receivers report none, or a walking pace while parked. So standing means not to
have come further than `STILL_M` from one place for `STILL_S`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime

from routing.model import M_PER_DEGREE

STILL_M = 40.0
STILL_S = 90.0

MOVING, STANDING, IDLING = "moving", "standing", "idling"


@dataclass(frozen=True, slots=True)
class Motion:
    """The state, since when, and the place and time from which the next fix is measured."""

    state: str
    since: datetime
    lon: float
    lat: float
    at: datetime


def follow(
    before: Motion | None, lon: float, lat: float, at: datetime, *, accuracy_m: float = 0.0,
    engine: bool | None = None,
) -> Motion:  # fmt: skip
    """The state after one more fix; older ones than the last change nothing."""
    if before is None:
        # Nothing to compare with: standing until it has moved.
        return Motion(IDLING if engine else STANDING, at, lon, lat, at)
    if at <= before.at and before.state == MOVING:
        return before
    east = (lon - before.lon) * math.cos(math.radians(lat))
    far = math.hypot(east, lat - before.lat) * M_PER_DEGREE
    if far > STILL_M + accuracy_m:
        since = before.since if before.state == MOVING else at
        return Motion(MOVING, since, lon, lat, at)
    if (at - before.at).total_seconds() < STILL_S:
        return before
    state = IDLING if engine else STANDING
    if state == before.state:
        return before
    # Since it came to this place, where that is when it stopped; else since the engine changed.
    return replace(before, state=state, since=before.at if before.state == MOVING else at)
