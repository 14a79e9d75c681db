"""The demo's past: made-up calls of thirty weeks, so that there is a forecast to look at."""

from __future__ import annotations

import random
from datetime import date, timedelta

from django.utils import timezone

from server.forecast.models import DayCounts, DayNote

WEEKS = 30
# Calls of an ordinary Monday by half hour: quiet nights, a morning peak, a smaller one after noon.
SHAPE = (
    *[0.3] * 11, 0.5, 1, 2, 4, 7, 10, 12, 13, 13, 12, 11, 9, 8, 9, 10, 11, 10, 9, 8, 7, 6, 5, 5, 4,
    4, 4, 3, 3, 3, 2, 2, 1.5, 1.5, 1, 1, 0.5, 0.5,
)  # fmt: skip
WEEK = (1.0, 0.92, 0.9, 0.9, 0.95, 0.45, 0.35)
# Of the demo city's country; moving feasts are left to the import.
HOLIDAYS = {(1, 1): "uudenvuodenpäivä", (1, 6): "loppiainen", (5, 1): "vappu",
            (12, 6): "itsenäisyyspäivä", (12, 24): "jouluaatto", (12, 25): "joulupäivä",
            (12, 26): "tapaninpäivä"}  # fmt: skip


def load_history(seed: int) -> int:
    """Days of made-up calls up to yesterday; none where there is a past already."""
    if DayCounts.objects.exists():
        return 0
    draw = random.Random(seed)
    today = timezone.localdate()
    for year in (today.year, today.year + 1):
        for (month, day), name in HOLIDAYS.items():
            DayNote.objects.get_or_create(
                on=date(year, month, day), defaults={"kind": "holiday", "name": name}
            )
    rows = []
    for n in range(7 * WEEKS, 0, -1):
        on = today - timedelta(days=n)
        level = WEEK[on.weekday()] * draw.gauss(1.0, 0.07)
        if (on.month, on.day) in HOLIDAYS:
            level *= 0.4
        counts = [_poisson(draw, max(0.05, level * v)) for v in SHAPE]
        rows.append(DayCounts(on=on, counts=counts, source="import"))
    DayCounts.objects.bulk_create(rows)
    return len(rows)


def _poisson(draw: random.Random, mean: float) -> int:
    count, at = 0, draw.expovariate(mean)
    while at < 1:
        count += 1
        at += draw.expovariate(mean)
    return count
