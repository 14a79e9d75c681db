"""What others read of the ledger: minutes lost in a period, as known at any moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from django.db import connection
from django.utils import timezone

from server.customers.models import Premise
from server.ledger import sql
from server.ledger.models import SupplyFact

Basis = Literal["modelled", "confirmed"]
THRESHOLDS_H = (3, 6, 12, 24)
# The number of GROUPING SETS' row -> which grouping it is.
_GROUPINGS = {0b1111: "whole", 0b0111: "use", 0b1011: "zone", 0b1101: "dma", 0b1110: "district"}


@dataclass(frozen=True, slots=True)
class Over:
    """Interruptions that lasted at least `hours`: how many, their minutes, and per property."""

    hours: int
    interruptions: int
    minutes: float
    per_property: float | None


@dataclass(frozen=True, slots=True)
class Sums:
    """Minutes of some premises in a period. `planned` + `unplanned` = `minutes`, and so with

    `modelled` + `confirmed`; `premises` had `interruptions` between them.
    """

    minutes: float = 0.0
    unplanned: float = 0.0
    confirmed: float = 0.0
    interruptions: int = 0
    premises: int = 0
    over: tuple[Over, ...] = ()

    @property
    def planned(self) -> float:
        return self.minutes - self.unplanned

    @property
    def modelled(self) -> float:
        return self.minutes - self.confirmed


@dataclass(frozen=True, slots=True)
class Minutes:
    """Customer-minutes lost in [start, end) as known at `as_of`, whole and apart.

    `properties` are all premises served; rates are None where there are none. `by_use`, `by_zone`,
    `by_dma` and `by_district` each add up to the whole.
    """

    start: datetime
    end: datetime
    as_of: datetime
    properties: int
    sums: Sums
    by_use: dict[str, Sums] = field(default_factory=dict)
    by_zone: dict[str, Sums] = field(default_factory=dict)
    by_dma: dict[str, Sums] = field(default_factory=dict)
    by_district: dict[str, Sums] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Customer-minutes."""
        return self.sums.minutes

    @property
    def per_property(self) -> float | None:
        return _per(self.sums.minutes, self.properties)

    @property
    def interruptions_per_property(self) -> float | None:
        return _per(self.sums.interruptions, self.properties)

    @property
    def mean_minutes(self) -> float | None:
        """How long an interruption lasted on average, within the period."""
        return _per(self.sums.minutes, self.sums.interruptions)

    def over(self, hours: int) -> Over:
        """Interruptions of at least `hours`, one of THRESHOLDS_H. KeyError for another."""
        return {o.hours: o for o in self.sums.over}[hours]

    @property
    def over_3h_per_property(self) -> float | None:
        """England's form: property-minutes of interruptions of 3 h and more / properties."""
        return self.over(3).per_property


@dataclass(frozen=True, slots=True)
class Interval:
    """From when to when a premise was dry in a shut-off; `end` None while it still is.

    `start_basis` and `end_basis` say whose word counts: "modelled" or "confirmed".
    """

    shut_off: str
    start: datetime
    end: datetime | None
    planned: bool
    start_basis: str
    end_basis: str | None
    facts: tuple[SupplyFact, ...]

    @property
    def confirmed(self) -> bool:
        return self.start_basis == "confirmed" and self.end_basis in (None, "confirmed")


def minutes(
    start: datetime,
    end: datetime,
    *,
    as_of: datetime | None = None,
    planned: bool | None = None,
    basis: Basis | None = None,
    groups: bool = True,
    until: datetime | None = None,
) -> Minutes:
    """Customer-minutes lost in [start, end): per premise the union of its intervals, summed.

    `as_of` asks what was known at a past moment (now by default); an interval still open then
    counts to that moment. `until` counts open ones to another moment with today's knowledge.
    `planned` and `basis` keep one part only. An interruption is a run of the union; how long it
    is, is judged by the whole of it, also where a part lies outside the period.
    """
    known = as_of or timezone.now()
    params = {
        "start": start, "end": max(start, end), "as_of": known, "until": until or known,
        "planned": "" if planned is None else "planned" if planned else "unplanned",
        "basis": basis or "",
    }  # fmt: skip
    served = Premise.objects.count()
    by: dict[str, dict[str, Sums]] = {name: {} for name in _GROUPINGS.values()}
    if groups:
        for grouping, key, *row in _rows(sql.GROUPS, params):
            by[_GROUPINGS[grouping]][key or ""] = _sums(row, served)
        (whole,) = by["whole"].values()
    else:
        (total,) = _rows(sql.TOTAL, params)
        whole = _sums(total, served)
    return Minutes(
        start, end, known, served, whole, by["use"], by["zone"], by["dma"], by["district"]
    )


def intervals(premise: str, as_of: datetime | None = None) -> list[Interval]:
    """When the premise (by code) was dry as known at `as_of`, oldest first, with the facts of it.

    [] for a code of no premise. Facts recorded later, and voided ones, are left out.
    """
    known = as_of or timezone.now()
    facts = list(
        SupplyFact.objects.filter(premise__code=premise, recorded_at__lte=known).order_by("id")
    )
    if not facts:
        return []
    rows = _rows(
        sql.SPANS_OF_ONE + "SELECT shut_off, spell, off_at, on_at, planned, off_basis, on_basis "
        "FROM spans ORDER BY off_at, shut_off, spell",
        {"as_of": known, "until": known, "premise": facts[0].premise_id},
    )
    return [
        Interval(
            number, off, on if on and on <= known else None, planned, off_basis, on_basis,
            tuple(f for f in facts if (f.shut_off, f.spell) == (number, spell)),
        )
        for number, spell, off, on, planned, off_basis, on_basis in rows
    ]  # fmt: skip


def dry_and_back(
    at: datetime, numbers: list[str], *, still_open: list[str], back_since: datetime
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Where the tap was dry at `at`, and where the water had come back since `back_since`.

    Two lists of (lon, lat), of the premises in the shut-offs `numbers`, as known at `at`; dry is
    only what stands in one of those `still_open`.
    """
    rows = _rows(
        sql.DRY_AND_BACK,
        {"as_of": at, "until": at, "numbers": numbers, "open": still_open,
         "back_since": back_since},
    ) if numbers else []  # fmt: skip
    return (
        [(lon, lat) for lon, lat, dry in rows if dry],
        [(lon, lat) for lon, lat, dry in rows if not dry],
    )


def _rows(query: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return list(cursor.fetchall())


def _sums(row: Any, properties: int) -> Sums:
    """One row of sql._SUMS; seconds become minutes."""
    interruptions, premises, inside, unplanned, confirmed, *over = row
    return Sums(
        _minutes(inside), _minutes(unplanned), _minutes(confirmed), interruptions, premises,
        tuple(
            Over(hours, over[2 * i], lost, _per(lost, properties))
            for i, hours in enumerate(THRESHOLDS_H)
            for lost in (_minutes(over[2 * i + 1]),)
        ),
    )  # fmt: skip


def _minutes(seconds: Decimal | None) -> float:
    return float((seconds or Decimal(0)) / 60)


def _per(amount: float, of: int) -> float | None:
    return amount / of if of else None
