"""What screens read of the forecast: today against it, the days ahead, how good it has been."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.moments import midnight
from server.forecast import history as past
from server.forecast.model import SLOTS, interval, update
from server.forecast.models import DayNote, Run

Numbers = list[float | None]


def label(run: Run | None, *, outlier: bool = False) -> str:
    """What has to stand beside the figures, in the reader's language; empty for a tested model."""
    if outlier:
        return _("Today is out of line: the forecast of this morning no longer holds.")
    if run is None:
        return _("There is no forecast yet.")
    if run.why == "no_history":
        return _("No forecast: there is no week of calls to learn from yet.")
    if run.why == "short_history":
        return _(
            "As a week ago: %(weeks)s weeks of calls are known, a forecast needs four."
        ) % {"weeks": f"{run.weeks:.1f}"}  # fmt: skip
    if run.why == "not_tested":
        return _(
            "As a week ago: %(weeks)s weeks of calls are too few to test a forecast on."
        ) % {"weeks": f"{run.weeks:.1f}"}  # fmt: skip
    if run.why == "worse":
        return _("As a week ago: the model was not better when tried on the past.")
    return ""


def today(queue: str = "", now: datetime | None = None) -> dict[str, Any]:
    """Today by half hour: what was expected this morning, what came, what the rest will be.

    `slots`: 48 of {"at", "expected", "low", "high", "actual", "updated"}; `actual` is null for
    half hours to come (the running one has what came so far), `updated` for those that are over.
    """
    now = now or timezone.now()
    on = timezone.localtime(now).date()
    run = Run.objects.filter(queue=queue, on=on).first()
    note = DayNote.objects.filter(on=on).first()
    outlier = bool(note is not None and note.outlier)
    local = timezone.localtime(now)
    slot = local.hour * 2 + local.minute // 30
    counts = past.counted(midnight(on), now + timedelta(seconds=1)).get(
        (queue, on), [0] * SLOTS
    )
    stored = run.days[0] if run is not None and run.days else None
    known = stored is not None and stored["expected"][0] is not None
    rest: list[float] | None = None
    if stored is not None and known and run is not None:
        expected = np.array(stored["expected"], float)
        rest = [round(float(v), 2) for v in update(expected, counts[:slot], run.day_spread)]
    slots = [
        {
            "at": past.slot_start(on, n),
            "expected": stored["expected"][n] if stored else None,
            "low": stored["low"][n] if stored else None,
            "high": stored["high"][n] if stored else None,
            "actual": counts[n] if n <= slot else None,
            "updated": rest[n] if rest is not None and n >= slot else None,
        }
        for n in range(SLOTS)
    ]  # fmt: skip
    so_far = sum(counts[: slot + 1])
    return {
        "queue": queue, "on": on, "slot": slot, "slots": slots, "outlier": outlier,
        "show": run.show if run else None, "why": run.why if run else "none",
        "label": label(run, outlier=outlier), "weeks": run.weeks if run else 0.0,
        "offered": so_far,
        "expected_so_far": _so_far(stored, slot, local) if known else None,
        "expected_today": round(sum(stored["expected"]), 1) if stored and known else None,
        "updated_today": round(sum(counts[:slot]) + sum(rest[slot:]), 1) if rest else None,
    }  # fmt: skip


def _so_far(stored: dict[str, Any] | None, slot: int, local: datetime) -> float:
    """What should have come until this minute; of the running half hour the part that is over."""
    if stored is None:
        return 0.0
    part = (local.minute % 30 + local.second / 60) / 30
    expected: list[float] = stored["expected"]
    return round(sum(expected[:slot]) + part * expected[slot], 1)


def coming(queue: str = "", days: int = 7, now: datetime | None = None) -> list[dict[str, Any]]:
    """The next days: {"on", "kind", "name", "expected", "low", "high"}, totals of the day."""
    now = now or timezone.now()
    on = timezone.localtime(now).date()
    run = Run.objects.filter(queue=queue, on=on).first()
    if run is None:
        return []
    noted = past.notes(on, on + timedelta(days=days))
    out = []
    for stored in run.days[:days]:
        day = date.fromisoformat(stored["on"])
        note = noted.get(day)
        total = _total(stored, run.day_spread)
        out.append({"on": day, "kind": note.kind if note else "", "name": note.name if note else "",
                    **total})  # fmt: skip
    return out


def _total(stored: dict[str, Any], day_spread: float) -> dict[str, float | None]:
    if stored["expected"][0] is None:
        return {"expected": None, "low": None, "high": None}
    total = float(sum(stored["expected"]))
    low, high = interval(np.array([total]), max(day_spread, 1e-4))
    return {"expected": round(total, 1), "low": float(low[0]), "high": float(high[0])}


def slots_of(queue: str, on: date, now: datetime | None = None) -> list[float | None]:
    """Expected calls in each half hour of a day within the next four weeks; all None if unknown.

    Today's half hours to come are brought up to what has come.
    """
    now = now or timezone.now()
    first = timezone.localtime(now).date()
    run = Run.objects.filter(queue=queue, on=first).first()
    n = (on - first).days
    if run is None or not 0 <= n < len(run.days):
        return [None] * SLOTS
    if n == 0:
        slots = today(queue, now)["slots"]
        return [s["updated"] if s["updated"] is not None else s["expected"] for s in slots]
    return list(run.days[n]["expected"])


def quality(queue: str = "", now: datetime | None = None) -> dict[str, Any] | None:
    """How today's run was judged; None without one."""
    on = timezone.localtime(now or timezone.now()).date()
    run = Run.objects.filter(queue=queue, on=on).first()
    if run is None:
        return None
    return {
        "show": run.show, "why": run.why, "weeks": run.weeks, "made_at": run.made_at,
        "measures": run.measures, "label": label(run),
    }  # fmt: skip
