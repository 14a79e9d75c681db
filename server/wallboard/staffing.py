"""How many agents the calls to come need, half hour by half hour, beside those planned.

Erlang A is for planning, Erlang C the cautious line: it lets nobody give up. Divided by what is
left after shrinkage that is the roster. Handling time, patience and shrinkage are measured over
four weeks; where too little was measured they are assumed, and said to be.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.moments import midnight
from server.accounts.refusals import Refused
from server.calls.models import AgentState
from server.calls.rules import SERVICE_LEVEL_S
from server.forecast import erlang
from server.forecast import history as past
from server.forecast import selectors as forecast
from server.forecast.models import AgentShift, DayNote
from server.forecast.simulate import simulate
from server.wallboard.counting import figures
from server.wallboard.facts import facts
from server.wallboard.figures import queue_now

USUAL = {"aht_s": 180.0, "patience_s": 120.0, "shrinkage": 0.3}
TARGET = 0.8
MEASURED_OVER = timedelta(days=28)
LEAST_ANSWERED = 100
LEAST_ABANDONED = 30
KEPT_S = 600
AHEAD_SLOTS = 6


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan is reckoned with. `measured` names those of USUAL that are no assumption."""

    aht_s: float
    patience_s: float
    shrinkage: float
    target: float = TARGET
    within_s: float = SERVICE_LEVEL_S
    measured: tuple[str, ...] = ()


def measured(queue: str, now: datetime) -> dict[str, float]:
    """Handling time, patience (total wait / abandons) and shrinkage of the last four weeks."""
    key = f"staffing:{queue}"
    if (kept := cache.get(key)) is not None:
        return dict(kept)
    start = now - MEASURED_OVER
    f = facts(start, now, around=False)
    calls = [c for c in f.calls if not queue or c.queue == queue]
    spans = [s for s in f.spans if not queue or s.queue == queue]
    got = figures(calls, spans, f.plans, start, now)
    found: dict[str, float] = {}
    if got["answered"] >= LEAST_ANSWERED and got["aht_s"]:
        found["aht_s"] = round(got["aht_s"], 1)
    gone = got["abandoned"] + got["short_abandons"]
    waited = sum(c.wait_s or 0.0 for c in calls)
    if gone >= LEAST_ABANDONED:
        found["patience_s"] = round(waited / gone, 1)
    if got["planned_s"] >= 8 * 3600 * 10 and got["shrinkage"] is not None:
        found["shrinkage"] = round(min(got["shrinkage"], 0.9), 3)
    cache.set(key, found, KEPT_S)
    return found


def terms(queue: str, given: dict[str, str], now: datetime) -> Terms:
    """What was asked for, else what was measured, else what is usual. Refused names the field."""
    known = measured(queue, now)
    values: dict[str, float] = {}
    for name, (least, most) in _RANGES.items():
        raw = given.get(name, "")
        if raw:
            values[name] = _number(name, raw, least, most)
        elif name in USUAL:
            values[name] = known.get(name, USUAL[name])
    names = tuple(n for n in USUAL if n in known and not given.get(n))
    return Terms(**values, measured=names)


_RANGES = {
    "aht_s": (1.0, 7200.0), "patience_s": (1.0, 7200.0), "shrinkage": (0.0, 0.9),
    "target": (0.01, 0.999), "within_s": (0.0, 3600.0),
}  # fmt: skip


def _number(name: str, raw: str, least: float, most: float) -> float:
    try:
        value = float(raw)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise Refused(
            name, "range",
            _("A number from %(least)s to %(most)s is needed.") % {"least": least, "most": most},
        )  # fmt: skip
    return value


def plan(
    queue: str, on: date, given: dict[str, str], now: datetime | None = None
) -> dict[str, Any]:
    """The staffing table of one day.

    `rows`: 48 of {"at", "calls", "erlang", "agents", "agents_c", "rostered", "rostered_c",
    "planned", "gap"}; `calls` None where nothing is forecast. `today` adds what a simulation says
    of the next hours with the agents of now, on a day that is out of line.
    """
    now = now or timezone.now()
    t = terms(queue, given, now)
    calls = forecast.slots_of(queue, on, now)
    planned = _planned(on)
    rows = [_row(on, n, expected, planned[n], t) for n, expected in enumerate(calls)]
    most = max((r["erlang"] or 0.0 for r in rows), default=0.0)
    note, quality = DayNote.objects.filter(on=on).first(), forecast.quality(queue, now)
    burst = bool(note is not None and note.outlier)
    return {
        "queue": queue, "on": on, "terms": asdict(t), "rows": rows,
        "assumptions": [str(_ASSUMED[a]()) for a in erlang.ASSUMPTIONS],
        "trunks": erlang.trunks_needed(most, 0.01) if most else None,
        "burst": burst, "simulated": _simulated(calls, t, now) if burst else None,
        "label": quality["label"] if quality else forecast.label(None),
    }  # fmt: skip


_ASSUMED = {
    "poisson_arrivals": lambda: _("calls come independently of each other"),
    "exponential_times": lambda: _("talks and patience are exponential"),
    "one_skill": lambda: _("every agent can take every call"),
}


def _row(on: date, n: int, calls: float | None, planned: int, t: Terms) -> dict[str, Any]:
    at = past.slot_start(on, n)
    blank = dict.fromkeys(("erlang", "agents", "agents_c", "rostered", "rostered_c", "gap"))
    if calls is None:
        return {"at": at, "calls": None, **blank, "planned": planned}
    load = erlang.load(2 * calls, t.aht_s)
    a = erlang.agents_for(load, t.aht_s, target=t.target, within_s=t.within_s,
                          patience_s=t.patience_s)  # fmt: skip
    c = erlang.agents_for(load, t.aht_s, target=t.target, within_s=t.within_s, patience_s=None)
    needed = erlang.rostered(a, t.shrinkage)
    return {
        "at": at, "calls": round(calls, 1), "erlang": round(load, 2), "agents": a, "agents_c": c,
        "rostered": needed, "rostered_c": erlang.rostered(c, t.shrinkage), "planned": planned,
        "gap": planned - needed,
    }  # fmt: skip


def _planned(on: date) -> list[int]:
    """How many agents are planned in the middle of each half hour."""
    start, end = midnight(on), midnight(on + timedelta(days=1))
    shifts = list(
        AgentShift.objects.filter(starts__lt=end, ends__gt=start).values_list("starts", "ends")
    )
    quarter = timedelta(minutes=15)
    middles = [past.slot_start(on, n) + quarter for n in range(48)]
    return [sum(1 for s, e in shifts if s <= m < e) for m in middles]


def _simulated(calls: list[float | None], t: Terms, now: datetime) -> dict[str, Any] | None:
    """The next three hours with the agents who are here and what waits now."""
    local = timezone.localtime(now)
    slot = local.hour * 2 + local.minute // 30
    ahead = [c or 0.0 for c in calls[slot : slot + AHEAD_SLOTS]]
    here = AgentState.objects.exclude(state__in=("signed_out", "paused")).count()
    if not ahead or sum(ahead) * 5 > 100_000:
        return None
    found = simulate(
        ahead, [here] * len(ahead), aht_s=t.aht_s, patience_s=t.patience_s, within_s=t.within_s,
        waiting=queue_now(now)["waiting_now"], runs=5,
    )  # fmt: skip
    return {
        "agents": here,
        "slots": [
            {"at": past.slot_start(local.date(), slot + n), "service_level": s.service_level,
             "abandoned": s.abandoned, "mean_wait_s": s.mean_wait_s}
            for n, s in enumerate(found)
        ],
    }  # fmt: skip
