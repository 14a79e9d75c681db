"""Writes the turn list of a route."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from routing.model import M_PER_DEGREE, Leg, Step, Turn

#: Directions are taken over this length: the last metres into a junction often bend.
_LOOK_M = 12.0
#: Along one street only a bend sharper than this is worth a line of its own.
_SAME_STREET_DEGREES = 60.0


def bearing(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Compass direction from a to b in degrees, 0 north, 90 east."""
    east = (b[0] - a[0]) * math.cos(math.radians((a[1] + b[1]) / 2))
    return math.degrees(math.atan2(east, b[1] - a[1])) % 360


def turn_by(before: float, after: float) -> Turn:
    """The turn from one compass direction to another."""
    angle = (after - before + 180) % 360 - 180
    size = abs(angle)
    if size < 20:
        return "straight"
    if size > 170:
        return "u_turn"
    if angle > 0:
        return "slight_right" if size < 50 else "right" if size < 130 else "sharp_right"
    return "slight_left" if size < 50 else "left" if size < 130 else "sharp_left"


def steps_of(legs: Sequence[Leg]) -> tuple[Step, ...]:
    """The turn list: first "depart", last "arrive" (of no length); one line per street."""
    steps: list[Step] = []
    before = 0.0
    for i, leg in enumerate(legs):
        points = leg.coordinates
        # A straight leg is left as it was entered.
        after = bearing(*points) if len(points) == 2 else _leaving(points, backwards=False)
        arrived = before
        before = after if len(points) == 2 else _leaving(points[::-1], backwards=True)
        if i == 0:
            steps.append(Step(leg.street, leg.metres, leg.seconds, "depart"))
            continue
        last = steps[-1]
        bend = abs((after - arrived + 180) % 360 - 180)
        if leg.street == last.street and bend < _SAME_STREET_DEGREES:
            steps[-1] = Step(
                last.street, last.metres + leg.metres, last.seconds + leg.seconds, last.turn
            )
        else:
            steps.append(Step(leg.street, leg.metres, leg.seconds, turn_by(arrived, after)))
    if not steps:
        steps.append(Step("", 0.0, 0.0, "depart"))
    steps.append(Step(steps[-1].street, 0.0, 0.0, "arrive"))
    return tuple(steps)


def _leaving(points: Sequence[tuple[float, float]], backwards: bool) -> float:
    """Direction of travel at the first of the points, looking some metres along them."""
    start, far = points[0], points[-1]
    gone = 0.0
    for a, b in pairwise(points):
        scale = math.cos(math.radians(a[1]))
        gone += math.hypot((b[0] - a[0]) * scale, b[1] - a[1]) * M_PER_DEGREE
        if gone >= _LOOK_M:
            far = b
            break
    return bearing(far, start) if backwards else bearing(start, far)
