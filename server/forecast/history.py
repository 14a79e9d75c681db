"""The past by half hour: counted from our own calls, or imported from the exchange before."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.moments import midnight
from server.accounts.refusals import Refused
from server.calls.models import Call
from server.calls.rules import SHORT_ABANDON_S
from server.customers.models import Premise
from server.forecast.model import SLOTS, Day, History
from server.forecast.models import DayCounts, DayNote
from server.outages.models import ShutOff

# A call of yesterday may still end or be rebuilt today.
COUNTED_AGAIN_D = 3
MOST_DAYS = 730
MOST_ROWS = 200_000

# Joined a queue, and did not hang up within the first seconds.
_COUNT = """
SELECT c.queue, (c.queued_at AT TIME ZONE %(zone)s)::date AS day,
       (extract(hour FROM c.queued_at AT TIME ZONE %(zone)s) * 2
        + floor(extract(minute FROM c.queued_at AT TIME ZONE %(zone)s) / 30))::int AS slot,
       count(*)
FROM calls_call c
WHERE c.direction = 'in' AND c.queued_at >= %(start)s AND c.queued_at < %(end)s
  AND NOT (c.answered_at IS NULL AND c.outcome IN ('abandoned', 'informed')
           AND c.ended_at - c.queued_at < make_interval(secs => %(short)s))
GROUP BY 1, 2, 3
"""


def slot_start(on: date, slot: int) -> datetime:
    """The beginning of a half hour by the local clock."""
    at = time(slot // 2, 30 * (slot % 2))
    return datetime.combine(on, at, tzinfo=timezone.get_current_timezone())


def counted(start: datetime, end: datetime) -> dict[tuple[str, date], list[int]]:
    """(queue, local day) -> 48 counts, from the calls themselves; "" is all of them."""
    found: dict[tuple[str, date], list[int]] = defaultdict(lambda: [0] * SLOTS)
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT, {"zone": settings.TIME_ZONE, "start": start, "end": end,
                     "short": SHORT_ABANDON_S},
        )  # fmt: skip
        for queue, day, slot, n in cursor.fetchall():
            for name in {"", queue}:
                found[(name, day)][slot] += n
    return dict(found)


def count_days(now: datetime) -> int:
    """Bring the counted days up to yesterday; returns how many rows were written."""
    today = timezone.localtime(now).date()
    first = Call.objects.filter(queued_at__isnull=False).order_by("queued_at").first()
    if first is None or first.queued_at is None:
        return 0
    begin = timezone.localtime(first.queued_at).date()
    last = DayCounts.objects.filter(queue="", source="calls").order_by("-on").first()
    if last is not None:
        begin = max(begin, last.on - timedelta(days=COUNTED_AGAIN_D - 1))
    begin = max(begin, today - timedelta(days=MOST_DAYS))
    if begin >= today:
        return 0
    found = counted(midnight(begin), midnight(today))
    queues = {q for q, _day in found} | {""} | set(
        DayCounts.objects.filter(source="calls").values_list("queue", flat=True)
    )  # fmt: skip
    days = [begin + timedelta(days=n) for n in range((today - begin).days)]
    # A day before our first call of a queue is unknown, a day between without a call is a zero.
    # What was imported for a day we counted ourselves only in part stays.
    imported = set(
        DayCounts.objects.filter(source="import", on__gte=begin).values_list("queue", "on")
    )
    rows = [
        DayCounts(queue=queue, on=day, counts=found.get((queue, day), [0] * SLOTS))
        for queue in queues for day in days
        if (queue, day) not in imported
    ]  # fmt: skip
    DayCounts.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["queue", "on"],
        update_fields=["counts", "source"],
    )  # fmt: skip
    return len(rows)


def notes(start: date, end: date) -> dict[date, DayNote]:
    return {n.on: n for n in DayNote.objects.filter(on__gte=start, on__lte=end)}


def planned_off(start: date, end: date) -> dict[date, float]:
    """Local day -> share of all premises that works planned for it leave dry."""
    everybody = Premise.objects.count()
    out: dict[date, float] = defaultdict(float)
    if not everybody:
        return out
    rows = ShutOff.objects.filter(
        planned=True, notice_from__gte=midnight(start),
        notice_from__lt=midnight(end + timedelta(days=1)),
    ).exclude(state="cancelled")  # fmt: skip
    for begins, dry in rows.values_list("notice_from", Count("premises")):
        if begins is not None:
            out[timezone.localtime(begins).date()] += dry / everybody
    return out


def days_between(start: date, end: date) -> list[Day]:
    """[start, end] with what is known of each."""
    noted, off = notes(start, end), planned_off(start, end)
    out = []
    for n in range((end - start).days + 1):
        on = start + timedelta(days=n)
        note = noted.get(on)
        lowest = note.lowest_c if note is not None else None
        out.append(
            Day(
                on, holiday=note is not None and note.kind == "holiday",
                workday=note is not None and note.kind == "workday",
                outlier=bool(note is not None and note.outlier),
                off_share=off.get(on, 0.0), frost=max(0.0, -lowest) if lowest is not None else 0.0,
            )
        )  # fmt: skip
    return out


def history(queue: str, today: date) -> History | None:
    """All days before `today` that are known, the gaps between as NaN; None without any."""
    rows = dict(
        DayCounts.objects.filter(
            queue=queue, on__lt=today, on__gte=today - timedelta(days=MOST_DAYS)
        ).values_list("on", "counts")
    )
    if not rows:
        return None
    first, last = min(rows), today - timedelta(days=1)
    days = days_between(first, last)
    counts = np.full((len(days), SLOTS), np.nan)
    for i, day in enumerate(days):
        if day.on in rows:
            counts[i] = rows[day.on]
    return History(tuple(days), counts)


def import_counts(text: str, *, by: str) -> int:
    """Calls of the exchange before: lines `date,time,queue,calls`, a head line allowed.

    The time is the beginning of the half hour. Returns how many days came in. Refused names the
    line. Days given again are replaced as a whole.
    """
    found: dict[tuple[str, date], list[int]] = defaultdict(lambda: [0] * SLOTS)
    for line, row in _rows(text, 4):
        on, slot, calls = _day(row[0], line), _slot(row[1], line), _whole(row[3], line)
        queue = row[2].strip()[:20]
        for name in {"", queue}:
            found[(name, on)][slot] += calls
    with transaction.atomic():
        DayCounts.objects.bulk_create(
            [DayCounts(queue=q, on=d, counts=c, source="import") for (q, d), c in found.items()],
            update_conflicts=True, unique_fields=["queue", "on"],
            update_fields=["counts", "source"],
        )  # fmt: skip
        record("forecast.history", "forecast", note=f"{len(found)}", by=by)
    return len({on for _q, on in found})


def import_notes(text: str, *, by: str) -> int:
    """Days out of line: lines `date,kind,name,lowest_c`; kind is holiday, workday or empty."""
    rows = []
    for line, row in _rows(text, 2):
        kind = row[1].strip()
        if kind not in ("", "holiday", "workday"):
            raise _bad(line, _("the kind is holiday, workday or nothing"))
        cold = row[3].strip() if len(row) > 3 else ""
        try:
            lowest = float(cold) if cold else None
        except ValueError:
            raise _bad(line, _("the lowest temperature is not a number")) from None
        if lowest is not None and not -90 <= lowest <= 60:
            raise _bad(line, _("the lowest temperature is not a number"))
        rows.append(DayNote(on=_day(row[0], line), kind=kind, lowest_c=lowest, by=by,
                            name=row[2].strip()[:80] if len(row) > 2 else ""))  # fmt: skip
    with transaction.atomic():
        DayNote.objects.bulk_create(
            list({r.on: r for r in rows}.values()), update_conflicts=True, unique_fields=["on"],
            update_fields=["kind", "name", "lowest_c", "by"],
        )  # fmt: skip
        record("forecast.days", "forecast", note=f"{len(rows)}", by=by)
    return len(rows)


def _rows(text: str, least: int) -> list[tuple[int, list[str]]]:
    rows = [
        (n, row) for n, row in enumerate(csv.reader(io.StringIO(text.lstrip("\ufeff"))), 1)
        if any(cell.strip() for cell in row)
    ]  # fmt: skip
    if rows and rows[0][1][0].strip().lower() in ("date", "日期"):
        rows = rows[1:]
    if not rows:
        raise Refused("file", "empty", _("There is no line in this file."))
    if len(rows) > MOST_ROWS:
        raise Refused("file", "too_long", _("That are too many lines."))
    for line, row in rows:
        if len(row) < least:
            raise _bad(line, _("there are too few columns"))
    return rows


def _bad(line: int, what: Any) -> Refused:
    text = _("Line %(line)s: %(what)s.") % {"line": line, "what": what}
    return Refused("file", "line", text)


def _day(raw: str, line: int) -> date:
    try:
        on = date.fromisoformat(raw.strip())
    except ValueError:
        raise _bad(line, _("the date is not like 2026-11-26")) from None
    if not 1990 <= on.year <= 2100:
        raise _bad(line, _("the date is not like 2026-11-26"))
    return on


def _slot(raw: str, line: int) -> int:
    hours, _colon, rest = raw.strip().partition(":")
    minutes = rest[:2]
    if not (hours.isdecimal() and minutes.isdecimal()) or int(hours) > 23 or int(minutes) > 59:
        raise _bad(line, _("the time is not like 08:30"))
    return int(hours) * 2 + int(minutes) // 30


def _whole(raw: str, line: int) -> int:
    text = raw.strip()
    if not (text.isascii() and text.isdecimal()) or len(text) > 6:
        raise _bad(line, _("the number of calls is not a whole number"))
    return int(text)
