"""Which crew should go: every crew in the list, with its reasons. Pure: values in, values out.

Cost in seconds = driving time on streets + waiting for the job in hand + detours and doubts
counted in seconds. Hard reasons exclude a crew; soft ones cost. A crew whose position is too old
to be believed stands behind all others that can go. Equal costs go to the lower load, then to the
smaller id, so that the order never depends on chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from server.workforce.hours import Hours, Limits

# What each doubt costs, in seconds of driving. docs/dispatch.md says the same as a table.
SECONDS: dict[str, float] = {
    "no_stock": 3600.0,  # no depot has the piece either: somebody has to bring it
    "valve_key": 600.0,
    "pipe_too_large": 900.0,
    "shift_ends": 3600.0,  # at most; as many as the job reaches beyond the shift
    "relieved": 300.0,  # likewise, where the crew's next team takes over on the spot
    "no_fix": 600.0,
    "stale_fix": 120.0,
    "old_fix": 1200.0,
    "other_area": 180.0,
    "load": 120.0,  # for each job completed today
    "tired": 3600.0,  # at most; half of what the job reaches beyond the first limit
    "rest_short": 600.0,  # for each hour of rest missing
    "nights": 300.0,  # for each night from the first limit on
    "inspection_overdue": 300.0,
}
STALE_S, OLD_S = 120.0, 600.0


@dataclass(frozen=True)
class Piece:
    """Pieces of one kind: which pipes they fit, and how many are promised to nobody."""

    item: str
    from_mm: float
    to_mm: float
    materials: frozenset[str]  # empty: all
    free: int

    def fits(self, need: Need) -> bool:
        """Whether there is one for this pipe. Where a material is not known it is no objection."""
        return (
            self.free > 0
            and self.item == need.item
            and self.from_mm <= need.diameter_mm <= self.to_mm
            and (not self.materials or not need.material or need.material in self.materials)
        )


@dataclass(frozen=True)
class Candidate:
    """One crew as it stands at a moment, and how far it is from one place.

    What stands before `seconds` is true of the crew whatever it is asked to do. `seconds` (None
    where no street leads) and what follows are of one place: `dataclasses.replace` them for
    another, or let `candidates.at_place` do it for all crews at once.
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
    stock: tuple[Piece, ...]
    fix_age_s: float | None
    area: int | None  # None: works everywhere
    jobs_today: int = 0
    base: tuple[float, float] | None = None
    relieved: bool = False  # the crew's next team takes over when this shift ends
    on_call: bool = False
    call_out_s: float = 0.0  # from the call to being on the road, of a crew on call
    leave: str = ""  # kind of leave of the whole crew
    nobody_here: bool = False  # all its members are away
    break_left_s: float | None = None  # None: no end is known
    lapsed: Mapping[str, str] = field(default_factory=dict)  # skill -> last day it was good for
    away_with: Mapping[str, str] = field(default_factory=dict)  # skill -> who took it along
    valve_keys_mm: tuple[int, ...] = ()  # empty: nobody has written them down
    vehicle_out: str = ""  # why the vehicle cannot be driven
    inspection_due: str = ""  # the day, where it has passed
    hours: Hours | None = None
    seconds: float | None = None
    metres: float | None = None
    back_s: float = 0.0  # from the place to its base
    detour_s: float | None = None  # beyond `seconds`, by the best depot that has the piece
    depot: str = ""


@dataclass(frozen=True)
class Need:
    """What the work asks for. `diameter_mm` 0: no piece is wanted."""

    skills: frozenset[str]
    diameter_mm: float
    work_s: float  # how long the job usually takes
    priority: str
    area: int | None = None  # None: whoever comes is at home there
    item: str = "clamp"
    material: str = ""
    valve_mm: float = 0.0  # the largest valve of the plan
    queued: bool = False  # a crew with a job in hand may come afterwards
    limits: Limits = field(default_factory=Limits)


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

    @property
    def doubtful(self) -> bool:
        """Nobody knows where it is by now: behind all others that can go."""
        return any(r.code == "old_fix" for r in self.reasons)


def rank(candidates: Sequence[Candidate], need: Need) -> list[Ranked]:
    """Best first; excluded crews after all others, each with every reason that excludes it."""
    return sorted((judge(c, need) for c in candidates), key=place_in_line)


def place_in_line(r: Ranked) -> tuple[bool, bool, float, int, int]:
    """What crews are sorted by."""
    return (r.excluded, r.doubtful, r.score, r.candidate.jobs_today, r.candidate.id)


def judge(c: Candidate, need: Need) -> Ranked:
    """What one crew costs for one need, with every reason; others' standing has no say in it."""
    reasons = (*_hard(c, need), *_soft(c, need))
    return Ranked(c, sum(r.weight for r in reasons), reasons)


def _hard(c: Candidate, need: Need) -> Iterator[Reason]:
    if not c.on_shift and not c.on_call:
        yield Reason("off_shift", hard=True)
    if c.leave:
        yield Reason("on_leave", hard=True, data={"kind": c.leave})
    elif c.nobody_here:
        yield Reason("nobody_here", hard=True)
    endless = c.state == "break" and c.break_left_s is None
    if c.state in ("out_of_service", "off_duty") or endless:
        yield Reason("not_available", hard=True, data={"state": c.state})
    if c.busy_s > 0 and not need.queued:
        yield Reason("busy", hard=True, data={"seconds": c.busy_s})
    for skill in sorted(need.skills - c.skills):
        if skill in c.lapsed:
            data: dict[str, str | float] = {"skill": skill, "day": c.lapsed[skill]}
            yield Reason("skill_lapsed", hard=True, data=data)
        elif skill in c.away_with:
            data = {"skill": skill, "who": c.away_with[skill]}
            yield Reason("skill_away", hard=True, data=data)
        else:
            yield Reason("skill_missing", hard=True, data={"skill": skill})
    if c.vehicle_out:
        yield Reason("vehicle_out", hard=True, data={"why": c.vehicle_out})
    yield from _too_tired(c, need)
    if c.seconds is None:
        yield Reason("unreachable", hard=True)


def _too_tired(c: Candidate, need: Need) -> Iterator[Reason]:
    h, limits = c.hours, need.limits
    if h is None:
        return
    if h.worked_s >= limits.work_h[1] * 3600:
        data: dict[str, str | float] = {"seconds": h.worked_s, "limit": limits.work_h[1]}
        yield Reason("hours_over", hard=True, data=data)
    # A call from home breaks into the rest: it costs, but that is what being on call is for.
    if c.on_shift and h.rest_s is not None and h.rest_s < limits.rest_h[1] * 3600:
        data = {"seconds": h.rest_s, "limit": limits.rest_h[1]}
        yield Reason("no_rest", hard=True, data=data)
    if h.nights >= limits.nights[1]:
        yield Reason("nights_over", hard=True, data={"nights": h.nights})


def _soft(c: Candidate, need: Need) -> Iterator[Reason]:
    if c.seconds is not None:
        data: dict[str, str | float] = {"seconds": c.seconds, "metres": c.metres or 0.0}
        yield Reason("drive", c.seconds, data=data)
    if c.busy_s > 0 and need.queued:
        yield Reason("finish", c.busy_s, data={"seconds": c.busy_s})
    if c.on_call and not c.on_shift:
        yield Reason("call_out", c.call_out_s, data={"seconds": c.call_out_s})
    if c.state == "break" and c.break_left_s:
        yield Reason("break", c.break_left_s, data={"seconds": c.break_left_s})
    yield from _equipment(c, need)
    yield from _time(c, need)
    yield from _position(c)
    if need.area is not None and c.area not in (None, need.area):
        yield Reason("other_area", SECONDS["other_area"])
    if c.jobs_today:
        yield Reason("load", SECONDS["load"] * c.jobs_today, data={"jobs": c.jobs_today})


def _equipment(c: Candidate, need: Need) -> Iterator[Reason]:
    dn = need.diameter_mm
    if dn > 0 and not any(piece.fits(need) for piece in c.stock):
        data: dict[str, str | float] = {"item": need.item, "diameter_mm": dn}
        if c.detour_s is None:
            yield Reason("no_stock", SECONDS["no_stock"], data=data)
        else:
            # Without the right piece the way leads by a depot first.
            data |= {"seconds": c.detour_s, "depot": c.depot}
            yield Reason("no_clamp", c.detour_s, data=data)
    if dn > c.max_diameter_mm:
        yield Reason("pipe_too_large", SECONDS["pipe_too_large"], data={"diameter_mm": dn})
    if c.valve_keys_mm and need.valve_mm > max(c.valve_keys_mm):
        yield Reason("valve_key", SECONDS["valve_key"], data={"diameter_mm": need.valve_mm})
    if c.inspection_due:
        day: dict[str, str | float] = {"day": c.inspection_due}
        yield Reason("inspection_overdue", SECONDS["inspection_overdue"], data=day)


def _time(c: Candidate, need: Need) -> Iterator[Reason]:
    until_done = (c.seconds or 0.0) + need.work_s + (c.busy_s if need.queued else 0.0)
    over = until_done + c.back_s - c.shift_left_s
    if c.on_shift and over > 0 and c.relieved:
        cost = min(over, SECONDS["relieved"])
        yield Reason("relieved", cost, data={"seconds": c.shift_left_s})
    elif c.on_shift and over > 0:
        cost = min(over, SECONDS["shift_ends"])
        yield Reason("shift_ends", cost, data={"seconds": c.shift_left_s, "back": c.back_s})
    h, limits = c.hours, need.limits
    if h is None:
        return
    # Who is relieved works to the end of the shift, not of the job.
    on_the_job = min(until_done, c.shift_left_s) if c.relieved else until_done
    over = h.worked_s + on_the_job - limits.work_h[0] * 3600
    if over > 0:
        yield Reason("tired", min(over / 2, SECONDS["tired"]), data={"seconds": h.worked_s})
    if h.rest_s is not None and h.rest_s < limits.rest_h[0] * 3600:
        missing = limits.rest_h[0] - h.rest_s / 3600
        data: dict[str, str | float] = {"seconds": h.rest_s, "limit": limits.rest_h[0]}
        yield Reason("rest_short", SECONDS["rest_short"] * missing, data=data)
    if h.nights >= limits.nights[0]:
        cost = SECONDS["nights"] * (h.nights - limits.nights[0] + 1)
        yield Reason("nights", cost, data={"nights": h.nights})


def _position(c: Candidate) -> Iterator[Reason]:
    if c.on_call and not c.on_shift:
        return  # at home: nobody is tracked there
    if c.fix_age_s is None:
        yield Reason("no_fix", SECONDS["no_fix"])
    elif c.fix_age_s > OLD_S:
        yield Reason("old_fix", SECONDS["old_fix"], data={"seconds": c.fix_age_s})
    elif c.fix_age_s > STALE_S:
        yield Reason("stale_fix", SECONDS["stale_fix"], data={"seconds": c.fix_age_s})
