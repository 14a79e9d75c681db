"""Verbs of the forecast: made anew each day, days marked, shifts of agents kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.models import User
from server.accounts.moments import midnight
from server.accounts.refusals import Refused
from server.events.services import publish
from server.forecast import history as past
from server.forecast.backtest import HORIZONS, Verdict, judge
from server.forecast.model import SLOTS, Day, Fit, History, Numbers, fit, interval, naive, spread
from server.forecast.models import AgentShift, DayCounts, DayNote, Run
from server.forecast.outliers import outliers, storm

log = logging.getLogger("standpipe.forecast")
AHEAD_D = 28
FOR_NAIVE_D = 56


def refresh(now: datetime | None = None) -> list[Run]:
    """Count, mark, judge and forecast every queue from today on. A day's run is made once more
    without harm: what it learns from ends with yesterday.
    """
    now = now or timezone.now()
    today = timezone.localtime(now).date()
    past.count_days(now)
    mark_outliers(today)
    queues = sorted(set(DayCounts.objects.values_list("queue", flat=True)) | {""})
    return [_run(queue, today, now) for queue in queues]


def mark_outliers(today: date) -> list[date]:
    """Mark the days of all queues together that are out of line; by hand overrules."""
    known = past.history("", today)
    if known is None:
        return []
    # Judged as if none were marked, so that a mark can also go away.
    bare = History(tuple(replace(d, outlier=False) for d in known.days), known.counts)
    found = {known.days[i].on: why for i, why in outliers(bare)}
    with transaction.atomic():
        DayNote.objects.filter(on__lt=today, outlier=True).exclude(outlier_why="hand").exclude(
            on__in=list(found)
        ).update(outlier=None, outlier_why="")
        for on, why in found.items():
            note, _made = DayNote.objects.get_or_create(on=on)
            if note.outlier_why != "hand":
                note.outlier, note.outlier_why = True, why
                note.save(update_fields=["outlier", "outlier_why"])
    return sorted(found)


def watch_today(now: datetime | None = None) -> bool:
    """Mark today when a half hour of it was a storm of calls (a burst); whether it is marked."""
    now = now or timezone.now()
    today = timezone.localtime(now).date()
    run = Run.objects.filter(queue="", on=today).first()
    note = DayNote.objects.filter(on=today).first()
    if note is not None and note.outlier is not None:
        return note.outlier
    usual = run.days[0]["expected"] if run is not None and run.days else None
    counts = past.counted(midnight(today), now + timedelta(seconds=1)).get(("", today))
    if counts is None:
        return False
    expected = np.array([v or 0.0 for v in usual]) if usual else np.zeros(SLOTS)
    if not storm(np.array(counts, float), expected):
        return False
    with transaction.atomic():
        DayNote.objects.update_or_create(
            on=today, defaults={"outlier": True, "outlier_why": "storm", "by": ""}
        )
        publish("forecast.outlier", f"day:{today}", topic="wall", on=today.isoformat(), why="storm")
    return True


def _run(queue: str, today: date, now: datetime) -> Run:
    known = past.history(queue, today)
    ahead = past.days_between(today, today + timedelta(days=AHEAD_D - 1))
    verdict = judge(known) if known is not None else Verdict("naive", "no_history", 0.0)
    made = fit(known) if known is not None and verdict.show == "model" else None
    days = [_forecast(known, made, verdict, day, n) for n, day in enumerate(ahead)]
    run, _made = Run.objects.update_or_create(
        queue=queue, on=today,
        defaults={
            "made_at": now, "show": verdict.show, "why": verdict.why,
            "weeks": round(verdict.weeks, 1), "days": days,
            "measures": {str(h): m for h, m in verdict.measures.items()},
            "day_spread": made.day_spread if made is not None else 0.05,
        },
    )  # fmt: skip
    return run


def _forecast(
    known: History | None, made: Fit | None, verdict: Verdict, day: Day, n: int
) -> dict[str, Any]:
    """One day as it is stored. `n`: 0 for today."""
    blank = dict.fromkeys(("expected", "low", "high"), [None] * SLOTS)
    if known is None:
        return {"on": day.on.isoformat(), **blank}
    if made is not None:
        expected = made.expected(day)
        horizon = min(h for h in HORIZONS if h >= n + 1)
        by = verdict.spreads.get(horizon, made.slot_spread)
    else:
        expected, by = naive(known, day.on), _naive_spread(known)
    if np.isnan(expected).any():
        return {"on": day.on.isoformat(), **blank}
    low, high = interval(expected, by)
    return {
        "on": day.on.isoformat(), "expected": [round(float(v), 2) for v in expected],
        "low": [int(v) for v in low], "high": [int(v) for v in high],
    }  # fmt: skip


def _naive_spread(known: History) -> float:
    """How far "as a week ago" has been off within the last weeks."""
    pairs: list[tuple[Numbers, Numbers]] = []
    n = len(known.days)
    for i in range(max(7, n - FOR_NAIVE_D), n):
        now, before = known.counts[i], known.counts[i - 7]
        if not (np.isnan(now).any() or np.isnan(before).any() or known.days[i].outlier):
            pairs.append((now, before))
    if not pairs:
        return 0.25
    return spread(np.array([a for a, _b in pairs]), np.array([b for _a, b in pairs]))


def sweep(enqueue: Callable[[], object] | None = None) -> None:
    """For the clock: a run for today when there is none, and whether today is out of line."""
    now = timezone.now()
    minute = int(now.timestamp() // 60)
    if _last.get("minute") == minute:
        return
    _last["minute"] = minute
    today = timezone.localtime(now).date()
    if _last.get("asked") != today and not Run.objects.filter(queue="", on=today).exists():
        _last["asked"] = today
        if enqueue is None:
            from server.forecast.tasks import forecast

            forecast.enqueue()
        else:
            enqueue()
    watch_today(now)


_last: dict[str, Any] = {}


def mark_day(
    on: date, *, by: str, outlier: bool | None = None, kind: str | None = None, name: str = ""
) -> DayNote:
    """By hand: a day teaches nothing (or does after all), is a holiday, is a make-up workday."""
    if kind is not None and kind not in ("", "holiday", "workday"):
        raise Refused("kind", "unknown", _("Choose holiday, make-up workday or neither."))
    with transaction.atomic():
        note, _made = DayNote.objects.select_for_update().get_or_create(on=on)
        if outlier is not None:
            note.outlier, note.outlier_why = outlier, "hand"
        if kind is not None:
            note.kind, note.name = kind, name[:80]
        note.by = by
        note.save()
        record("forecast.day", f"day:{on}", note=f"{kind or ''} {outlier}", by=by)
    return note


def plan_shift(username: str, starts: datetime, ends: datetime, *, by: str) -> AgentShift:
    """An agent is to be at the telephone. Refused for times that overlap another of theirs."""
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None or not user.extension:
        raise Refused("agent", "unknown", _("There is no such agent with a telephone line."))
    if not starts < ends <= starts + timedelta(hours=16):
        raise Refused("ends", "order", _("A shift ends after it begins, within 16 hours."))
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        if AgentShift.objects.filter(user=user, starts__lt=ends, ends__gt=starts).exists():
            raise Refused("starts", "overlap", _("This agent has a shift at that time already."))
        shift = AgentShift.objects.create(user=user, starts=starts, ends=ends)
        record("agent_shift.plan", f"user:{user.pk}", note=f"{starts} {ends}", by=by)
    return shift


def drop_shift(shift: AgentShift, *, by: str) -> None:
    with transaction.atomic():
        record("agent_shift.drop", f"user:{shift.user_id}",
               note=f"{shift.starts} {shift.ends}", by=by)  # fmt: skip
        shift.delete()
