"""What the page, the API and the export say of a period: plain values, ready for JSON and CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from server.accounts.spreadsheets import plain
from server.customers.models import Premise, UseClass
from server.ledger import selectors, sql
from server.ledger.models import SupplyFact
from server.ledger.services import since_void
from server.ledger.wording import source_label
from server.tickets.models import Kind

SHUT_OFFS_SHOWN = 500
PREMISES_SHOWN = 500
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Asked:
    """A period [start, end) and the moment whose knowledge is asked for."""

    start: datetime
    end: datetime
    as_of: datetime

    @property
    def params(self) -> dict[str, Any]:
        return {
            "start": self.start, "end": self.end, "as_of": self.as_of, "until": self.as_of,
            "planned": "", "basis": "", "shut_off": "",
        }  # fmt: skip


# What each figure means, on the page under it and in the answer beside it.
DEFINITIONS = {
    "minutes": gettext_lazy(
        "Per premise the union of its intervals without water inside the period, summed: two "
        "shut-offs over one house count once."
    ),
    "per_property": gettext_lazy("Customer-minutes lost / all premises served."),
    "over_3h_per_property": gettext_lazy(
        "England's form: minutes of interruptions of 3 hours and more / all premises served."
    ),
    "interruptions": gettext_lazy(
        "Stretches without water that touch the period. Their mean length is the minutes lost / "
        "their number."
    ),
    "over": gettext_lazy(
        "Interruptions by their whole length, also where a part lies outside the period; the "
        "minutes are those inside."
    ),
    "planned": gettext_lazy(
        "A minute is planned only where no unplanned shut-off covers it too; the two add up to "
        "the whole."
    ),
    "confirmed": gettext_lazy(
        "Confirmed: a crew, a customer or a meter said so, for both ends. Modelled: it follows "
        "from the valves and the pipes."
    ),
}


def summary(asked: Asked, zone: str) -> dict[str, Any]:
    """Figures, groups and course of a period."""
    found = selectors.minutes(asked.start, asked.end, as_of=asked.as_of)
    sums = found.sums
    return {
        "from": asked.start, "to": asked.end, "as_of": asked.as_of,
        "properties": found.properties,
        "minutes": found.total,
        "per_property": found.per_property,
        "over_3h_per_property": found.over_3h_per_property,
        "interruptions": sums.interruptions,
        "interruptions_per_property": found.interruptions_per_property,
        "mean_minutes": found.mean_minutes,
        "premises": sums.premises,
        "over": [
            {"hours": o.hours, "interruptions": o.interruptions, "minutes": o.minutes,
             "per_property": o.per_property}
            for o in sums.over
        ],
        "planned": sums.planned, "unplanned": sums.unplanned,
        "confirmed": sums.confirmed, "modelled": sums.modelled,
        "by_class": [
            {"label": dict(UseClass.choices).get(g["key"], g["key"]), **g}
            for g in _groups(found.by_use)
        ],
        "by_zone": _groups(found.by_zone),
        "by_dma": _groups(found.by_dma),
        "by_district": _groups(found.by_district),
        "course": course(asked, zone),
        "definitions": {name: str(text) for name, text in DEFINITIONS.items()},
    }  # fmt: skip


def _groups(by: dict[str, selectors.Sums]) -> list[dict[str, Any]]:
    return [
        {
            "key": key, "minutes": s.minutes, "planned": s.planned, "unplanned": s.unplanned,
            "confirmed": s.confirmed, "modelled": s.modelled, "premises": s.premises,
            "interruptions": s.interruptions, "over_3h": s.over[0].interruptions,
        }
        for key, s in by.items()
    ]  # fmt: skip


def buckets(start: datetime, end: datetime, zone: str) -> tuple[str, list[datetime]]:
    """("hour" | "day" | "month" | "year", the edges): as fine as fits on a screen.

    Edges are midnights and firsts of the utility's zone; the first and last are the period's own.
    """
    here = ZoneInfo(zone)
    days = (end - start).total_seconds() / _DAY_S
    unit = "hour" if days <= 2 else "day" if days <= 62 else "month" if days <= 1900 else "year"
    edges = [start]
    while (after := _next_edge(edges[-1].astimezone(here), unit)) < end:
        edges.append(after)
    return unit, [*edges, end]


def _next_edge(local: datetime, unit: str) -> datetime:
    if unit == "hour":
        # Counted in UTC: an hour that the clock shows twice is two.
        utc = local.astimezone(ZoneInfo("UTC"))
        return utc.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if unit == "day":
        return midnight + timedelta(days=1)
    if unit == "month":
        return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    return midnight.replace(month=1, day=1, year=midnight.year + 1)


def course(asked: Asked, zone: str) -> dict[str, Any]:
    """{"unit", "rows": [{"at", "planned", "unplanned"}]}: minutes lost, by hour or by day."""
    unit, edges = buckets(asked.start, asked.end, zone)
    rows = _rows(sql.COURSE, {**asked.params, "los": edges[:-1], "his": edges[1:]})
    return {
        "unit": unit,
        "rows": [
            {"at": at.astimezone(ZoneInfo(zone)).isoformat(),
             "planned": float((whole - bad) / 60), "unplanned": float(bad / 60)}
            for at, whole, bad in rows
        ],
    }  # fmt: skip


def shut_offs(asked: Asked) -> dict[str, Any]:
    """The shut-offs that made anybody dry, most minutes first, and minutes by cause.

    A shut-off is charged all its own minutes, also where another covers them: the column may add
    up to more than the whole.
    """
    rows = [
        {
            "number": number, "planned": planned, "started_at": off, "ended_at": on,
            "premises": premises, "minutes": float(inside / 60),
            "confirmed_share": float(sure / inside) if inside else None,
            "cause": cause, "cause_label": _cause(cause), "place": place, "incident": incident,
        }
        for number, planned, off, on, premises, inside, sure, cause, place, incident in _rows(
            sql.BY_SHUT_OFF, asked.params
        )
    ]  # fmt: skip
    causes: dict[str, dict[str, Any]] = {}
    for row in rows:
        cause = causes.setdefault(
            row["cause"],
            {"key": row["cause"], "label": row["cause_label"], "minutes": 0.0, "shut_offs": 0},
        )
        cause["minutes"] += row["minutes"]
        cause["shut_offs"] += 1
    return {
        "from": asked.start, "to": asked.end, "as_of": asked.as_of,
        "shut_offs": rows[:SHUT_OFFS_SHOWN], "truncated": len(rows) > SHUT_OFFS_SHOWN,
        "by_cause": sorted(causes.values(), key=lambda c: -c["minutes"]),
    }  # fmt: skip


def _cause(code: str) -> str:
    if code == "planned":
        return _("planned work")
    return str(dict(Kind.choices).get(code, _("not known")))


def premises_of(number: str, asked: Asked) -> dict[str, Any]:
    """Who was dry in a shut-off within the period, and for how long; 500 premises at most."""
    labels = dict(UseClass.choices)
    rows = [
        {**row, "class_label": labels.get(row["class"], row["class"])}
        for row in intervals(asked, number)
    ]
    return {
        "number": number,
        "premises": rows[:PREMISES_SHOWN], "truncated": len(rows) > PREMISES_SHOWN,
    }  # fmt: skip


def premise(row: Premise, as_of: datetime) -> dict[str, Any]:
    """When a premise was dry as known at `as_of`, and every word about it recorded by then."""
    facts = list(SupplyFact.objects.filter(premise=row, recorded_at__lte=as_of).order_by("id"))
    standing = {
        f.pk
        for number in {f.shut_off for f in facts}
        for f in since_void([f for f in facts if f.shut_off == number])
    }
    return {
        "premise": row.code, "address": row.address, "class": row.use,
        "class_label": row.get_use_display(), "as_of": as_of,
        "intervals": [
            {
                "shut_off": i.shut_off, "off_at": i.start, "on_at": i.end, "planned": i.planned,
                "minutes": ((i.end or as_of) - i.start).total_seconds() / 60,
                "off_basis": i.start_basis, "on_basis": i.end_basis if i.end else None,
                "confirmed": i.confirmed,
            }
            for i in selectors.intervals(row.code, as_of)
        ],
        "facts": [
            {
                "shut_off": f.shut_off, "kind": f.kind, "kind_label": f.get_kind_display(),
                "at": f.at, "recorded_at": f.recorded_at, "basis": f.basis,
                "basis_label": "" if f.kind == "void" else f.get_basis_display(),
                "by": f.by, "source": f.source,
                "source_label": source_label(f.source),
                "taken_back": f.kind != "void" and f.pk not in standing,
            }
            for f in facts
        ],
    }  # fmt: skip


_INTERVAL = (
    "premise", "address", "class", "zone", "dma", "district", "shut_off", "planned", "off_at",
    "on_at", "off_basis", "on_basis", "minutes", "confirmed",
)  # fmt: skip


def intervals(asked: Asked, number: str = "") -> Iterator[dict[str, Any]]:
    """One row per premise and interval that touches the period, oldest first; `minutes` inside it.

    The rows of one premise may overlap where shut-offs do; the union of them is what counts.
    """
    for row in _rows(sql.INTERVALS, {**asked.params, "shut_off": number}):
        found = dict(zip(_INTERVAL, row, strict=True))
        found["minutes"] = float(found["minutes"] / 60)
        found["on_basis"] = found["on_basis"] if found["on_at"] else None
        yield found


# The export leaves the address out: a code and what hangs on it answer every recount.
CSV_COLUMNS = tuple(name for name in _INTERVAL if name != "address")


class _Echo:
    def write(self, text: str) -> str:
        return text


def csv_lines(asked: Asked) -> Iterator[str]:
    """The intervals of a period as RFC 4180, with a byte order mark for spreadsheets.

    Times are ISO 8601 in UTC; a cell that a spreadsheet would run as a formula begins with '.
    """
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield "\ufeff" + writer.writerow(CSV_COLUMNS)
    for row in intervals(asked):
        yield writer.writerow([cell(row[name]) for name in CSV_COLUMNS])


def cell(value: Any) -> str:
    """A value as it stands in a spreadsheet, never as a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, datetime):
        return value.astimezone(ZoneInfo("UTC")).isoformat()
    return plain(str(value))


def _rows(query: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return list(cursor.fetchall())
