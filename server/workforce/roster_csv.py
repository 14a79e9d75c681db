"""A roster as a table for spreadsheets, out and in: one shift a line, the utility's wall clock.

    crew,starts,ends,kind,vehicle,members,note
    crew1,2026-03-02 08:00,2026-03-02 20:00,day,SP-101,,
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.moments import parse_moment
from server.accounts.refusals import Refused
from server.accounts.spreadsheets import plain
from server.workforce import rostering
from server.workforce.models import Crew, Member, Shift, Vehicle
from server.workforce.rostering import Wanted

COLUMNS = ("crew", "starts", "ends", "kind", "vehicle", "members", "note")
MOST_LINES = 20_000


class _Echo:
    def write(self, text: str) -> str:
        return text


def lines(start: datetime, end: datetime) -> Iterator[str]:
    """The shifts that begin in [start, end) as RFC 4180 with a byte order mark.

    A cell that a spreadsheet would run as a formula begins with '.
    """
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield "\ufeff" + writer.writerow(COLUMNS)
    rows = Shift.objects.filter(starts__gte=start, starts__lt=end)
    for s in rows.select_related("crew", "vehicle").prefetch_related("members"):
        members = "; ".join(m.name for m in s.members.all())
        yield writer.writerow(
            [s.crew.code, _local(s.starts), _local(s.ends), s.kind,
             plain(s.vehicle.plate if s.vehicle else ""), plain(members), plain(s.note)]
        )  # fmt: skip


def _local(at: datetime) -> str:
    """Wall clock; the hour that comes twice in autumn with its distance from UTC."""
    here = timezone.localtime(at)
    twice = here.utcoffset() != here.replace(fold=1 - here.fold).utcoffset()
    return f"{here:%Y-%m-%d %H:%M%z}" if twice else f"{here:%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class BadLine:
    """What is wrong with a line, counted from 1 as a spreadsheet does."""

    line: int
    field: str
    text: str


@dataclass(frozen=True)
class Imported:
    """How many shifts are new and how many were there already; or what is wrong, and none."""

    new: int
    known: int
    bad: list[BadLine]


class _Undo(Exception):
    """Nothing of this is to stay."""


def read(text: str, *, by: str, preview: bool = False) -> Imported:
    """Take in a table. One bad line and nothing is stored; every bad line is named.

    A line that is in the roster already is no error: the same table may come twice.
    """
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=_delimiter(text)))
    if not rows or "crew" not in [c.strip().lower() for c in rows[0]]:
        said = _("The first line names the columns: %(names)s.") % {"names": ", ".join(COLUMNS)}
        raise Refused("text", "no_header", said)
    if len(rows) > MOST_LINES:
        raise Refused("text", "too_long", _("That is more than 20,000 lines."))
    names = [c.strip().lower() for c in rows[0]]
    bad: list[BadLine] = []
    new = known = 0
    try:
        with transaction.atomic():
            lookup = _Lookup()
            for number, row in enumerate(rows[1:], start=2):
                if not any(c.strip() for c in row):
                    continue
                cells = dict(zip(names, (c.strip().removeprefix("'") for c in row), strict=False))
                try:
                    wanted = lookup.wanted(cells)
                    if _is_known(wanted):
                        known += 1
                        continue
                    rostering.add_shift(wanted, by=by)
                    new += 1
                except Refused as no:
                    bad.append(BadLine(number, no.field, str(no)))
            if bad or preview:
                raise _Undo
    except _Undo:
        pass
    return Imported(0 if bad else new, known, bad)


def _delimiter(text: str) -> str:
    """Spreadsheets of half of Europe write semicolons."""
    head = text.split("\n", 1)[0]
    return max(",;\t", key=head.count)


def _is_known(w: Wanted) -> bool:
    return Shift.objects.filter(
        crew=w.crew, starts=w.starts, ends=w.ends, kind=w.kind, vehicle=w.vehicle
    ).exists()


class _Lookup:
    """Names of a table to rows of the database."""

    def __init__(self) -> None:
        self.crews = {c.code: c for c in Crew.objects.all()}
        self.crews |= {c.name: c for c in self.crews.values()}
        self.vehicles = {v.plate: v for v in Vehicle.objects.all()}
        self.members = {(m.crew_id, m.name): m for m in Member.objects.filter(active=True)}

    def wanted(self, cells: dict[str, str]) -> Wanted:
        crew = self.crews.get(cells.get("crew", ""))
        if crew is None:
            raise Refused("crew", "unknown", _("There is no such crew."))
        plate = cells.get("vehicle", "")
        if plate and plate not in self.vehicles:
            raise Refused("vehicle", "unknown", _("There is no such vehicle."))
        members = []
        for name in filter(None, (n.strip() for n in cells.get("members", "").split(";"))):
            if (crew.pk, name) not in self.members:
                text = _("%(name)s is no member of this crew.") % {"name": name}
                raise Refused("members", "unknown", text)
            members.append(self.members[crew.pk, name])
        return Wanted(
            crew, _moment(cells, "starts"), _moment(cells, "ends"),
            cells.get("kind") or Shift.Kind.DAY, self.vehicles.get(plate), tuple(members),
            cells.get("note", ""),
        )  # fmt: skip


def _moment(cells: dict[str, str], field: str) -> datetime:
    raw = cells.get(field, "")
    found = parse_moment(raw)
    if found is None:
        text = _("That is not a time like 2026-03-01 08:00: %(raw)s") % {"raw": raw[:40]}
        raise Refused(field, "not_a_date", text)
    return found
