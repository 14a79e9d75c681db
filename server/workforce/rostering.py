"""Verbs for the roster: shifts, crews on call, leave. The database keeps them from overlapping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.events.services import publish
from server.workforce import patterns
from server.workforce.models import Crew, Leave, Member, OnCallCrew, Shift, Vehicle

LONGEST = timedelta(hours=36)  # of one shift
LONGEST_DUTY = timedelta(days=366)  # of one time on call or on leave
CALLED_OUT = timedelta(hours=8)
KEPT_ON = timedelta(hours=4)
# A clock that was away this long still keeps a crew on from the end of its shift.
LATE = timedelta(hours=1)
MOST_DAYS = 370


@dataclass(frozen=True)
class Wanted:
    """A shift as somebody asks for it."""

    crew: Crew
    starts: datetime
    ends: datetime
    kind: str = Shift.Kind.DAY
    vehicle: Vehicle | None = None
    members: tuple[Member, ...] = ()
    note: str = ""


def add_shift(wanted: Wanted, *, by: str) -> Shift:
    """One shift more. Conflict ('starts', 'overlaps') names the other shift."""
    return _store(Shift(), wanted, by=by)


def change_shift(shift: Shift, wanted: Wanted, *, by: str) -> Shift:
    return _store(shift, wanted, by=by)


def _store(shift: Shift, wanted: Wanted, *, by: str) -> Shift:
    _check_span(wanted.starts, wanted.ends, LONGEST)
    if wanted.kind not in Shift.Kind.values:
        raise Refused("kind", "unknown", _("There is no such kind of shift."))
    if any(m.crew_id != wanted.crew.pk for m in wanted.members):
        text = _("A member of another crew cannot work this shift.")
        raise Refused("members", "other_crew", text)
    new = shift.pk is None
    shift.crew, shift.kind, shift.vehicle = wanted.crew, wanted.kind, wanted.vehicle
    shift.starts, shift.ends, shift.note = wanted.starts, wanted.ends, wanted.note[:120]
    with _named(shift), transaction.atomic():
        shift.save()
        shift.members.set(wanted.members)
        _log("shift.added" if new else "shift.changed", shift.crew, text_of(shift), by=by)
    return shift


def remove_shift(shift: Shift, *, by: str) -> None:
    """A shift that has not begun goes; one that is being worked ends now; what is over stays."""
    now = timezone.now()
    if shift.ends <= now:
        raise Conflict("shift", "over", _("What has been worked stays in the record."))
    with transaction.atomic():
        said = text_of(shift)
        if shift.starts <= now:
            shift.ends = now
            shift.save(update_fields=["ends"])
        else:
            shift.delete()
        _log("shift.removed", shift.crew, said, by=by)


def swap_shifts(one: Shift, other: Shift, *, by: str) -> None:
    """Two crews take each other's shifts; hours stay, people and vehicles go with the crew."""
    if one.crew_id == other.crew_id:
        raise Refused("with", "same_crew", _("Both are shifts of the same crew."))
    if min(one.starts, other.starts) <= timezone.now():
        raise Conflict("shift", "begun", _("A shift that has begun cannot be swapped."))
    with _named(one, other), transaction.atomic():
        with connection.cursor() as cursor:
            # Looked at when both have moved: half a swap may well overlap.
            cursor.execute("SET CONSTRAINTS no_overlapping_shifts DEFERRED")
        one.crew, other.crew = other.crew, one.crew
        for shift in (one, other):
            shift.vehicle = None
            shift.members.clear()
            shift.save(update_fields=["crew", "vehicle"])
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS no_overlapping_shifts IMMEDIATE")
        _log("shift.swapped", one.crew, f"{text_of(one)} / {text_of(other)}", by=by)


@dataclass(frozen=True)
class Preview:
    """What a pattern would add, and what stands in its way."""

    crew: Crew
    kind: str
    starts: datetime
    ends: datetime
    in_the_way: Shift | None


def apply_pattern(
    name: str, crews: Sequence[Crew], first: date, last: date, *, by: str, preview: bool = False
) -> list[Preview]:
    """Shifts of a pattern over a range of days. What is in the roster already stays as it is."""
    if name not in patterns.PATTERNS:
        raise Refused("pattern", "unknown", _("There is no such pattern."))
    if not crews:
        raise Refused("crews", "required", _("Choose at least one crew."))
    if last < first:
        raise Refused("to", "before_start", _("It ends before it begins."))
    if (last - first).days >= MOST_DAYS:
        raise Refused("to", "too_long", _("A pattern is laid over a year at most."))
    zone = ZoneInfo(settings.TIME_ZONE)
    planned = patterns.apply(
        patterns.PATTERNS[name], len(crews), first, last, zone, step=patterns.STEP.get(name, 0)
    )
    if not planned:
        return []
    known = Shift.objects.filter(
        crew__in=crews, ends__gt=planned[0].starts, starts__lt=max(p.ends for p in planned)
    )
    by_crew: dict[int, list[Shift]] = {c.pk: [] for c in crews}
    for shift in known.select_related("crew"):
        by_crew[shift.crew_id].append(shift)
    found = []
    for p in planned:
        crew = crews[p.crew]
        there = (s for s in by_crew[crew.pk] if s.starts < p.ends and s.ends > p.starts)
        found.append(Preview(crew, p.kind, p.starts, p.ends, next(there, None)))
    if not preview:
        new = [f for f in found if f.in_the_way is None]
        with _named(), transaction.atomic():
            Shift.objects.bulk_create(
                Shift(crew=f.crew, kind=f.kind, starts=f.starts, ends=f.ends) for f in new
            )
            for crew in crews:
                mine = sum(f.crew.pk == crew.pk for f in new)
                _log("shift.pattern", crew, f"{name} {first}..{last}: {mine}", by=by)
    return found


def put_on_call(
    crew: Crew, starts: datetime, ends: datetime, *, call_out_min: int = 30, by: str
) -> OnCallCrew:
    """A crew is on call at home."""
    _check_span(starts, ends, LONGEST_DUTY)
    if not 0 <= call_out_min <= 240:
        text = _("From the call to the road it takes 0 to 240 minutes.")
        raise Refused("call_out_min", "out_of_range", text)
    row = OnCallCrew(crew=crew, starts=starts, ends=ends, call_out_min=call_out_min)
    with _named(row), transaction.atomic():
        row.save()
        _log("on_call.added", crew, span_text(starts, ends), by=by)
    return row


def remove_on_call(row: OnCallCrew, *, by: str) -> None:
    _cut_short(row, "on_call.removed", by=by)


def give_leave(
    crew: Crew, starts: datetime, ends: datetime, *, kind: str, by: str,
    member: Member | None = None, note: str = "",
) -> Leave:  # fmt: skip
    """A member, or the whole crew, is away."""
    _check_span(starts, ends, LONGEST_DUTY)
    if kind not in Leave.Kind.values:
        raise Refused("kind", "unknown", _("There is no such kind of leave."))
    if member is not None and member.crew_id != crew.pk:
        raise Refused("member", "other_crew", _("That person belongs to another crew."))
    row = Leave(crew=crew, member=member, kind=kind, starts=starts, ends=ends, note=note[:120])
    with _named(row), transaction.atomic():
        row.save()
        who = member.name if member is not None else crew.name
        _log("leave.given", crew, f"{who}: {kind} {span_text(starts, ends)}", by=by)
    return row


def remove_leave(row: Leave, *, by: str) -> None:
    _cut_short(row, "leave.removed", by=by)


def _cut_short(row: OnCallCrew | Leave, action: str, *, by: str) -> None:
    """What lies ahead goes; what has begun ends now; what is over stays in the record."""
    now = timezone.now()
    if row.ends <= now:
        raise Conflict("", "over", _("What is over stays in the record."))
    with transaction.atomic():
        said = span_text(row.starts, row.ends)
        if row.starts < now:
            row.ends = now
            row.save(update_fields=["ends"])
        else:
            row.delete()
        _log(action, row.crew, said, by=by)


def call_out(crew: Crew, order: str, *, by: str) -> Shift | None:
    """A crew on call is sent: it is at work from now on. None for a crew that is on shift."""
    now = timezone.now()
    if Shift.objects.filter(crew=crew, starts__lte=now, ends__gt=now).exists():
        return None
    duty = OnCallCrew.objects.filter(crew=crew, starts__lte=now, ends__gt=now).first()
    if duty is None:
        return None
    following = Shift.objects.filter(crew=crew, starts__gt=now).order_by("starts").first()
    ends = now + CALLED_OUT
    if following is not None:
        ends = min(ends, following.starts)
    with transaction.atomic():
        shift = Shift.objects.create(
            crew=crew, kind=Shift.Kind.EXTRA, starts=now, ends=ends, called_out_for=order[:20]
        )
        _log("shift.called_out", crew, f"{order} {text_of(shift)}", by=by)
    return shift


def keep_on(crew: Crew, order: str, *, by: str) -> Shift | None:
    """A crew's shift ran out with `order` in hand: it is at work until that ends, at most KEPT_ON.

    With the same people, and the same vehicle unless somebody else has it by now. None where the
    crew is on shift.
    """
    now = timezone.now()
    rows = Shift.objects.filter(crew=crew)
    if rows.filter(starts__lte=now, ends__gt=now).exists():
        return None
    last = rows.filter(ends__lte=now, ends__gt=now - LATE).order_by("-ends").first()
    following = rows.filter(starts__gt=now).order_by("starts").first()
    starts = now if last is None else last.ends
    ends = now + KEPT_ON
    if following is not None:
        ends = min(ends, following.starts)
    vehicle = last.vehicle if last is not None else None
    if vehicle is not None and vehicle.shifts.filter(starts__lt=ends, ends__gt=starts).exists():
        vehicle = None
    with transaction.atomic():
        shift = Shift.objects.create(
            crew=crew, kind=Shift.Kind.EXTRA, starts=starts, ends=ends, vehicle=vehicle,
            called_out_for=order[:20],
        )  # fmt: skip
        if last is not None:
            shift.members.set(last.members.all())
        _log("shift.kept_on", crew, f"{order} {text_of(shift)}", by=by)
    return shift


def end_call_out(order: str, *, by: str) -> None:
    """The order is over: who was called out or kept on for it goes home."""
    now = timezone.now()
    rows = Shift.objects.filter(called_out_for=order, starts__lt=now, ends__gt=now)
    for shift in rows.select_related("crew") if order else ():
        shift.ends = now
        shift.save(update_fields=["ends"])
        _log("shift.sent_home", shift.crew, f"{order} {text_of(shift)}", by=by)


# -- words ---------------------------------------------------------------------------------------


def span_text(starts: datetime, ends: datetime) -> str:
    """'3 March 2026 08:00–17:00'; with both days where it goes over midnight."""
    a, b = timezone.localtime(starts), timezone.localtime(ends)
    day = date_format(a, "DATE_FORMAT")
    if a.date() == b.date():
        return f"{day} {a:%H:%M}–{b:%H:%M}"
    return f"{day} {a:%H:%M} – {date_format(b, 'DATE_FORMAT')} {b:%H:%M}"


def text_of(shift: Shift) -> str:
    return f"{shift.get_kind_display()} {span_text(shift.starts, shift.ends)}"


def _check_span(starts: datetime, ends: datetime, longest: timedelta) -> None:
    if ends <= starts:
        raise Refused("ends", "before_start", _("It ends before it begins."))
    if ends - starts > longest:
        hours = round(longest.total_seconds() / 3600)
        text = _("That is longer than %(hours)s hours.") % {"hours": hours}
        raise Refused("ends", "too_long", text)


@contextmanager
def _named(*rows: models.Model) -> Iterator[None]:
    """The database refused an overlap: say with which row, in words."""
    try:
        yield
    except IntegrityError as error:
        said = str(error)
        for constraint, make in _OVERLAPS.items():
            if constraint in said:
                raise make(rows) from error
        raise


def _other(rows: Sequence[models.Model], model: Any, **whose: Any) -> Any:
    """The row that was there first."""
    for row in rows:
        found: Any = row
        mine = {name: getattr(found, key) for name, key in whose.items()}
        others = model.objects.filter(starts__lt=found.ends, ends__gt=found.starts, **mine)
        other = others.exclude(pk__in=[r.pk for r in rows if r.pk]).first()
        if other is not None:
            return other
    return None


def _shift_overlaps(rows: Sequence[models.Model]) -> Conflict:
    other = _other(rows, Shift, crew_id="crew_id")
    text = _("This crew already works then.")
    if other is not None:
        words = {"crew": other.crew.shown, "shift": text_of(other)}
        text = _("%(crew)s already works then: %(shift)s.") % words
    return Conflict("starts", "overlaps", text, other=other.pk if other else None)


def _vehicle_taken(rows: Sequence[models.Model]) -> Conflict:
    other = _other(rows, Shift, vehicle_id="vehicle_id")
    text = _("This vehicle is driven by another crew then.")
    if other is not None:
        words = {
            "plate": other.vehicle.plate, "crew": other.crew.shown, "shift": text_of(other),
        }  # fmt: skip
        text = _("%(plate)s is with %(crew)s then: %(shift)s.") % words
    return Conflict("vehicle", "vehicle_taken", text, other=other.pk if other else None)


def _on_call_already(rows: Sequence[models.Model]) -> Conflict:
    other = _other(rows, OnCallCrew, crew_id="crew_id")
    text = _("This crew is already on call then.")
    if other is not None:
        words = {"crew": other.crew.shown, "span": span_text(other.starts, other.ends)}
        text = _("%(crew)s is already on call then: %(span)s.") % words
    return Conflict("starts", "overlaps", text)


def _away_already(rows: Sequence[models.Model]) -> Conflict:
    other = _other(rows, Leave, crew_id="crew_id", member_id="member_id")
    text = _("That leave is already written down.")
    if other is not None:
        who = other.member.name if other.member else other.crew.shown
        words = {
            "who": who, "kind": other.get_kind_display(),
            "span": span_text(other.starts, other.ends),
        }  # fmt: skip
        text = _("%(who)s is already away then: %(kind)s %(span)s.") % words
    return Conflict("starts", "overlaps", text)


_OVERLAPS = {
    "no_overlapping_shifts": _shift_overlaps,
    "one_vehicle_one_shift": _vehicle_taken,
    "on_call_once": _on_call_already,
    "one_leave_at_a_time": _away_already,
    "one_leave_of_a_crew_at_a_time": _away_already,
}


def _log(action: str, crew: Crew, said: str, *, by: str) -> None:
    record(action, f"crew:{crew.pk}", note=said, by=by)
    publish(
        "roster.changed", f"crew:{crew.pk}", topic="crews", by=by, crew=crew.pk, change=action
    )
