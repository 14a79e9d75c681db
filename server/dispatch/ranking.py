"""Which crew should go: every crew in the list, with its reasons. Pure: values in, values out.

Cost in seconds = driving time on streets + waiting for the job in hand + detours and doubts
counted in seconds. Hard reasons exclude a crew; soft ones cost. Equal costs go to the lower load,
then to the smaller id, so that the order never depends on chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Candidate:
    """One crew as it stands at a moment, and how far it is from one place.

    What stands before `seconds` is true of the crew whatever it is asked to do. `seconds` (None
    where no street leads) and `metres` are of one place: `dataclasses.replace` them for another.
    """

    id: int
    name: str
    lon: float
    lat: float
    on_shift: bool
    shift_left_s: float
    state: str
    busy_s: float  # until it could start, 0 when free
    skills: frozenset[str]
    max_diameter_mm: int
    clamps_mm: frozenset[int]  # diameters of which there is one on the vehicle
    fix_age_s: float | None
    area: int | None  # None: works everywhere
    jobs_today: int = 0
    seconds: float | None = None
    metres: float | None = None


@dataclass(frozen=True)
class Need:
    """What the incident asks for."""

    skills: frozenset[str]
    diameter_mm: float
    work_s: float  # how long the job usually takes
    depot_detour_s: float
    priority: str
    area: int | None = None  # None: whoever comes is at home there


@dataclass(frozen=True)
class Reason:
    """Why a crew stands where it stands; `weight` are the seconds it costs."""

    code: str
    weight: float = 0.0
    hard: bool = False
    data: dict[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ranked:
    candidate: Candidate
    score: float
    reasons: tuple[Reason, ...]

    @property
    def excluded(self) -> bool:
        return any(r.hard for r in self.reasons)


STALE_S, OLD_S = 120.0, 600.0
OTHER_AREA_S = 180.0
LOAD_S = 120.0


def rank(candidates: Sequence[Candidate], need: Need) -> list[Ranked]:
    """Best first; excluded crews after all others, each with every reason that excludes it."""
    rows = [judge(c, need) for c in candidates]
    return sorted(
        rows, key=lambda r: (r.excluded, r.score, r.candidate.jobs_today, r.candidate.id)
    )


def judge(c: Candidate, need: Need) -> Ranked:
    """What one crew costs for one need, with every reason; others' standing has no say in it."""
    reasons = [*_hard(c, need), *_soft(c, need)]
    return Ranked(c, sum(r.weight for r in reasons), tuple(reasons))


def _hard(c: Candidate, need: Need) -> list[Reason]:
    found = []
    if not c.on_shift:
        found.append(Reason("off_shift", hard=True))
    if c.state in ("out_of_service", "off_duty", "break"):
        found.append(Reason("not_available", hard=True, data={"state": c.state}))
    if c.busy_s > 0:
        found.append(Reason("busy", hard=True, data={"seconds": c.busy_s}))
    found += [
        Reason("skill_missing", hard=True, data={"skill": skill})
        for skill in sorted(need.skills - c.skills)
    ]
    if c.seconds is None:
        found.append(Reason("unreachable", hard=True))
    return found


def _soft(c: Candidate, need: Need) -> list[Reason]:
    found = []
    if c.seconds is not None:
        found.append(
            Reason("drive", c.seconds, data={"seconds": c.seconds, "metres": c.metres or 0.0})
        )
    if need.diameter_mm > 0 and not any(mm >= need.diameter_mm for mm in c.clamps_mm):
        # Without the right clamp the way leads by the depot first.
        found.append(
            Reason("no_clamp", need.depot_detour_s, data={"diameter_mm": need.diameter_mm})
        )
    if need.diameter_mm > c.max_diameter_mm:
        found.append(Reason("pipe_too_large", 900.0, data={"diameter_mm": need.diameter_mm}))
    over = (c.seconds or 0.0) + need.work_s - c.shift_left_s
    if c.on_shift and over > 0:
        found.append(Reason("shift_ends", min(over, 3600.0), data={"seconds": c.shift_left_s}))
    if c.fix_age_s is None:
        found.append(Reason("no_fix", 600.0))
    elif c.fix_age_s > OLD_S:
        found.append(Reason("old_fix", 1200.0, data={"seconds": c.fix_age_s}))
    elif c.fix_age_s > STALE_S:
        found.append(Reason("stale_fix", 120.0, data={"seconds": c.fix_age_s}))
    if need.area is not None and c.area not in (None, need.area):
        found.append(Reason("other_area", OTHER_AREA_S))
    if c.jobs_today:
        found.append(Reason("load", LOAD_S * c.jobs_today, data={"jobs": c.jobs_today}))
    return found
