"""What goes wrong with phones in the field, done on purpose, so that a rehearsal shows it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Literal

Fault = Literal["", "clock_ahead", "jumps", "swapped", "coarse", "offline"]
KINDS: tuple[Fault, ...] = ("clock_ahead", "jumps", "swapped", "coarse", "offline")
# A van in a tunnel: away for so long, then there for so long.
AWAY_S, THERE_S = 20.0, 40.0
JUMP_DEG = 0.4  # some forty kilometres


@dataclass(frozen=True, slots=True)
class Reading:
    """What a receiver says: degrees, metres, a time with its zone."""

    lon: float
    lat: float
    accuracy_m: float
    fix_time: datetime


def fault_of(number: int, share: float) -> Fault:
    """The fault of the `number`-th vehicle (from 0) when `share` (0 to 1) of them have one.

    The faulty ones are spread evenly and take the kinds in turn, so a run can be repeated.
    """
    before, after = int(number * share), int((number + 1) * share)
    return KINDS[before % len(KINDS)] if after > before else ""


def spoil(reading: Reading, fault: Fault, chance: Random) -> Reading:
    """The reading as a receiver with this fault gives it; every third or so, not all."""
    if fault in ("", "offline") or chance.random() > 0.35:
        return reading
    if fault == "clock_ahead":
        return replace(reading, fix_time=reading.fix_time + timedelta(days=1))
    if fault == "jumps":
        return replace(reading, lon=reading.lon + JUMP_DEG)
    if fault == "swapped":
        return replace(reading, lon=reading.lat, lat=reading.lon)
    return replace(reading, accuracy_m=900.0)


def away(seconds: float) -> bool:
    """Whether a phone with the fault `offline` is without signal so many seconds after it began."""
    return seconds % (AWAY_S + THERE_S) > THERE_S
