"""Which fixes to keep, and which may move the marker: a list of steps read from top to bottom.

`STEPS` is the whole policy. Each step looks at one fix and at what is known of its device and
either says nothing or decides; the first to decide wins. Nothing here does I/O.

Three times are kept apart: `fix_time` (the satellites), `device_time` (the device's own clock)
and `received_at` (this server). The first orders a track, the last is the only one we vouch for,
and the difference of the other two shows how wrong the device's clock is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from mqtt.messages import Position

EARTH_M = 6_371_008.8
DEGREE_M = math.radians(1) * EARTH_M
RECENT = 256  # fixes remembered per device; the database's unique key catches older repeats
# What makes a fix the same fix: one device makes one at a time, or numbers them.
Key = tuple[datetime, int]


class Fix(NamedTuple):
    """A position as it reached the server."""

    device: str
    position: Position
    received_at: datetime


class Latest(NamedTuple):
    """Where a device was last seen: what the map shows of it."""

    fix_time: datetime
    lon: float
    lat: float
    accuracy_m: float = 0.0


@dataclass(slots=True)
class Known:
    """What is remembered of a device between batches.

    `skew_s` says how far the device's clock is ahead of ours (None before the first fix).
    `shifts` are the times in which its crew works, (start, end); None: it may always be tracked.
    `listed` is false for a device that nobody registered, or whose account was revoked.
    """

    marker: Latest | None = None
    skew_s: float | None = None
    suspect: Latest | None = None
    suspects: int = 0
    shifts: tuple[tuple[datetime, datetime], ...] | None = None
    listed: bool = True
    # Shared by the copies of one device; filled by `settle` alone.
    recent: dict[Key, None] = field(default_factory=dict)
    fresh: set[Key] = field(default_factory=set)

    def copy(self) -> Known:
        return Known(self.marker, self.skew_s, self.suspect, self.suspects, self.shifts,
                     self.listed, self.recent, set(self.fresh))  # fmt: skip

    @property
    def shift_started(self) -> datetime | None:
        """Start of the first shift that is known of."""
        return self.shifts[0][0] if self.shifts else None


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits of the steps. `area` is (west, south, east, north) of the city, in degrees."""

    future_s: float = 120
    past_s: float = 24 * 3600
    accuracy_m: float = 200
    speed_mps: float = 70  # 250 km/h: no crew vehicle is faster
    agreeing: int = 3  # so many "impossible" fixes that agree: it was the marker that was wrong
    area: tuple[float, float, float, float] | None = None


class Verdict(NamedTuple):
    """What to do with one fix: `keep` it in the track, let it move the `marker`, and why not."""

    position: Position
    device: str
    received_at: datetime
    keep: bool
    marker: bool
    reason: str | None
    skew_s: float


class Finding(NamedTuple):
    """What a step that speaks up decided."""

    keep: bool
    reason: str


Step = Callable[[Fix, Known, Rules], Finding | None]


def distance_m(a: Latest | Position, b: Latest | Position) -> float:
    """Great-circle distance in metres."""
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    h = (
        math.sin((lat_b - lat_a) / 2) ** 2
        + math.cos(lat_a) * math.cos(lat_b) * math.sin(math.radians(b.lon - a.lon) / 2) ** 2
    )
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(h)))


def _reachable(a: Latest, b: Position, rules: Rules) -> bool:
    seconds = abs((b.fix_time - a.fix_time).total_seconds())
    # Both fixes may be off by their accuracy, and GPS times are often whole seconds.
    within = rules.speed_mps * max(seconds, 1.0) + a.accuracy_m + b.accuracy_m
    # Round the corner is never shorter, and reckoned in a tenth of the time.
    if (abs(a.lat - b.lat) + abs(a.lon - b.lon)) * DEGREE_M <= within:
        return True
    return distance_m(a, b) <= within


def reject_invalid(fix: Fix, known: Known, rules: Rules) -> Finding | None:
    """Numbers that are no place. The parser refuses them too; replayed rows come past it."""
    at = fix.position
    # Comparing with NaN is false.
    if not (-180 <= at.lon <= 180 and -90 <= at.lat <= 90 and at.accuracy_m < math.inf):
        return Finding(False, "invalid")
    if abs(at.lon) < 1e-3 and abs(at.lat) < 1e-3:
        return Finding(False, "null_island")
    return None


def reject_future(fix: Fix, known: Known, rules: Rules) -> Finding | None:
    """More than two minutes ahead of our clock: it would sit on the map as the newest for ever."""
    if fix.position.fix_time <= fix.received_at:
        return None
    if fix.position.fix_time > fix.received_at + timedelta(seconds=rules.future_s):
        return Finding(False, "future")
    return None


def reject_too_old(fix: Fix, known: Known, rules: Rules) -> Finding | None:
    """Older than a day before the shift: 1970, a reset receiver, or a replayed recording."""
    start = min(known.shift_started or fix.received_at, fix.received_at)
    if fix.position.fix_time < start - timedelta(seconds=rules.past_s):
        return Finding(False, "too_old")
    return None


def reject_stranger(fix: Fix, known: Known, rules: Rules) -> Finding | None:
    """A device that is not in the register, or no longer."""
    return None if known.listed else Finding(False, "unknown_device")


def reject_off_shift(fix: Fix, known: Known, rules: Rules) -> Finding | None:
    """Made while the crew was not at work: where people are then is nobody's business.

    The fix's own time counts, not when it reached us: a phone that was offline brings the rest of
    the shift later, and must not bring the evening.
    """
    if known.shifts is None:
        return None
    at = fix.position.fix_time
    for start, end in known.shifts:
        if start <= at < end:
            return None
    return Finding(False, "off_shift")


def reject_duplicate(fix: Fix, known: Known, rules: Rules) -> Finding | None:
    """The same fix again: MQTT delivers at least once, and devices repeat what was not answered."""
    key = (fix.position.fix_time, fix.position.seq)
    return Finding(False, "duplicate") if key in known.recent or key in known.fresh else None


def flag_outside(fix: Fix, known: Known, rules: Rules) -> Finding | None:
    """Outside the city; called `swapped` when the exchanged pair would lie inside."""
    if rules.area is None:
        return None
    west, south, east, north = rules.area
    at = fix.position
    if west <= at.lon <= east and south <= at.lat <= north:
        return None
    if west <= at.lat <= east and south <= at.lon <= north:
        return Finding(False, "swapped")
    return Finding(True, "outside")


def flag_inaccurate(fix: Fix, known: Known, rules: Rules) -> Finding | None:
    """A circle of half a kilometre says which city, not which street."""
    return Finding(True, "inaccurate") if fix.position.accuracy_m > rules.accuracy_m else None


def flag_late(fix: Fix, known: Known, rules: Rules) -> Finding | None:
    """Made before the fix on the map: it belongs into the track and must not move the crew back."""
    if known.marker is not None and fix.position.fix_time <= known.marker.fix_time:
        return Finding(True, "late")
    return None


def flag_jump(fix: Fix, known: Known, rules: Rules) -> Finding | None:
    """Faster than any vehicle, until enough such fixes agree with each other."""
    if known.marker is None or _reachable(known.marker, fix.position, rules):
        return None
    agrees = known.suspect is not None and _reachable(known.suspect, fix.position, rules)
    if agrees and known.suspects + 1 >= rules.agreeing:
        return None
    return Finding(True, "jump")


STEPS: tuple[Step, ...] = (
    reject_invalid,
    reject_future,
    reject_too_old,
    reject_stranger,
    reject_off_shift,
    reject_duplicate,
    flag_outside,
    flag_inaccurate,
    flag_late,
    flag_jump,
)

# Kept aside for a person to look at, not thrown away: the device's clock needs attention.
QUARANTINED = ("future", "too_old", "swapped")


def skew(fix: Fix, known: Known) -> float:
    """Seconds by which the device's clock is ahead of ours.

    A queued message only ever arrives later, so each one bounds the error from below and the
    greatest seen is the best estimate. It forgets slowly, so that a corrected clock shows.
    """
    seen = (fix.position.device_time - fix.received_at).total_seconds()
    if known.skew_s is None or seen >= known.skew_s:
        return seen
    return known.skew_s + (seen - known.skew_s) * 0.01


def judge(fix: Fix, known: Known, rules: Rules) -> Verdict:
    """The verdict on one fix; writes into `known` what is known of its device afterwards."""
    at = fix.position
    finding = None
    for step in STEPS:
        finding = step(fix, known, rules)
        if finding is not None:
            break
    known.skew_s = skew(fix, known)
    if finding is None:
        known.marker = Latest(at.fix_time, at.lon, at.lat, at.accuracy_m)
        known.suspect, known.suspects = None, 0
    elif finding.reason == "jump":
        near = known.suspect is not None and _reachable(known.suspect, at, rules)
        known.suspects = known.suspects + 1 if near else 1
        known.suspect = Latest(at.fix_time, at.lon, at.lat, at.accuracy_m)
    keep = finding is None or finding.keep
    if keep:
        known.fresh.add((at.fix_time, at.seq))
    return Verdict(
        at, fix.device, fix.received_at, keep, finding is None,
        None if finding is None else finding.reason, known.skew_s,
    )  # fmt: skip


def advance(
    batch: Iterable[Fix], latest: Mapping[str, Known | Latest], rules: Rules = Rules()
) -> tuple[list[Verdict], dict[str, Known]]:
    """Verdicts in the order of the batch, and the new knowledge about the devices in it.

    Nothing given is changed. Pass what came back into the next call, through `settle` once it is
    stored; a fresh start needs no more than `Latest` per device. Within the batch a device's fixes
    are judged by their fix time: the network may shuffle them, the vehicle did not.
    """
    fixes = list(batch)
    knowledge: dict[str, Known] = {}
    verdicts: dict[int, Verdict] = {}
    times = [fix.position.fix_time for fix in fixes]
    for index in sorted(range(len(fixes)), key=times.__getitem__):
        fix = fixes[index]
        known = knowledge.get(fix.device)
        if known is None:
            known = knowledge[fix.device] = _known(latest.get(fix.device))
        verdicts[index] = judge(fix, known, rules)
    return [verdicts[i] for i in range(len(fixes))], knowledge


def _known(value: Known | Latest | None) -> Known:
    if isinstance(value, Latest):
        return Known(marker=value)
    return value.copy() if value is not None else Known()


def settle(knowledge: Iterable[Known]) -> None:
    """The batch is stored: its fixes count among those that are remembered as seen."""
    for known in knowledge:
        known.recent.update(dict.fromkeys(known.fresh))
        known.fresh.clear()
        while len(known.recent) > RECENT:
            del known.recent[next(iter(known.recent))]


def process(
    batch: Sequence[Fix], latest: Mapping[str, Known | Latest], rules: Rules = Rules()
) -> list[Verdict]:
    """`advance` for those who only want the verdicts."""
    return advance(batch, latest, rules)[0]
