"""The figures of an account's bill, and what can be told from them. Pure.

Money is Decimal with two places in the currency of the settings; volumes are cubic metres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from statistics import median
from typing import Any

MONTHS = 24
# A month of more than so many times the median hints at a leak behind the meter.
ANOMALY_RATIO = 3.0
# Below so many real readings nobody knows what is usual; a dry holiday home is no measure.
ANOMALY_MONTHS = 6
LEAST_MEDIAN_M3 = 1.0


@dataclass(frozen=True, slots=True)
class BillLine:
    """One bill; `open` is what is still to be paid of it."""

    number: str
    period: str
    issued_on: date
    due_on: date
    amount: Decimal
    paid: Decimal
    used_m3: float

    @property
    def open(self) -> Decimal:
        return self.amount - self.paid


@dataclass(frozen=True, slots=True)
class ReadingLine:
    """What the meter showed on a day, and the use since the reading before."""

    read_on: date
    value_m3: float
    used_m3: float
    estimated: bool


@dataclass(frozen=True, slots=True)
class Arrears:
    """What is overdue: how much, since the oldest due day, of how many bills."""

    amount: Decimal
    since: date
    days: int
    bills: int


@dataclass(frozen=True, slots=True)
class Anomaly:
    """The last real reading says so many cubic metres a month, so many times the median."""

    month: str
    used_m3: float
    median_m3: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Statement:
    """An account's figures as of an instant. Bills are newest first, readings oldest first.

    `balance` is what the customer owes, negative for a credit, None where nothing was ever billed.
    `cached` says that the billing system does not answer: then no figure goes without `as_of`.
    """

    account: str
    balance: Decimal | None
    as_of: datetime
    currency: str
    bills: tuple[BillLine, ...] = ()
    readings: tuple[ReadingLine, ...] = ()
    arrears: Arrears | None = None
    anomaly: Anomaly | None = None
    cached: bool = False


def statement_of(
    account: str, bills: Sequence[BillLine], readings: Sequence[ReadingLine], *, as_of: datetime,
    today: date, currency: str, balance: Decimal | None = None, cached: bool = False,
) -> Statement:  # fmt: skip
    """The statement behind bills and readings; `balance` where the system says one itself."""
    newest = sorted(bills, key=lambda b: (b.issued_on, b.number), reverse=True)
    oldest = sorted(readings, key=lambda r: r.read_on)[-MONTHS:]
    if balance is None and newest:
        balance = sum((b.open for b in newest), Decimal("0.00"))
    return Statement(
        account, balance, as_of, currency, tuple(newest[:MONTHS]), tuple(oldest),
        arrears_of(newest, today), anomaly_of(oldest), cached,
    )  # fmt: skip


def arrears_of(bills: Sequence[BillLine], today: date) -> Arrears | None:
    """What of the bills is past its due day; None when nothing is."""
    late = [b for b in bills if b.open > 0 and b.due_on < today]
    if not late:
        return None
    since = min(b.due_on for b in late)
    amount = sum((b.open for b in late), Decimal("0.00"))
    return Arrears(amount, since, (today - since).days, len(late))


def anomaly_of(readings: Sequence[ReadingLine]) -> Anomaly | None:
    """Whether the last real reading stands out. Oldest first.

    Estimates are nobody's use: a real reading after some of them counts for all the months since
    the last real one, and the median is over such months.
    """
    monthly: list[tuple[date, float]] = []
    used, months = 0.0, 0
    for reading in readings:
        used, months = used + reading.used_m3, months + 1
        if not reading.estimated:
            monthly.append((reading.read_on, used / months))
            used, months = 0.0, 0
    if len(monthly) <= ANOMALY_MONTHS:
        return None
    day, last = monthly[-1]
    usual = max(median(m3 for _day, m3 in monthly[:-1]), LEAST_MEDIAN_M3)
    if last <= ANOMALY_RATIO * usual:
        return None
    return Anomaly(f"{day:%Y-%m}", round(last, 1), round(usual, 1), round(last / usual, 1))


def as_json(known: Statement) -> dict[str, Any]:
    """For screens and other programs: money as text with two decimals, days as ISO."""
    return {
        "account": known.account,
        "balance": None if known.balance is None else f"{known.balance:.2f}",
        "as_of": known.as_of.isoformat(),
        "currency": known.currency,
        "cached": known.cached,
        "bills": [
            {"number": b.number, "period": b.period, "issued_on": b.issued_on.isoformat(),
             "due_on": b.due_on.isoformat(), "amount": f"{b.amount:.2f}", "paid": f"{b.paid:.2f}",
             "open": f"{b.open:.2f}", "used_m3": b.used_m3}
            for b in known.bills
        ],
        "readings": [
            {"read_on": r.read_on.isoformat(), "month": f"{r.read_on:%Y-%m}",
             "value_m3": r.value_m3, "m3": r.used_m3, "estimated": r.estimated}
            for r in known.readings
        ],
        "arrears": known.arrears and {
            "amount": f"{known.arrears.amount:.2f}", "since": known.arrears.since.isoformat(),
            "days": known.arrears.days, "bills": known.arrears.bills,
        },
        "anomaly": known.anomaly and {
            "month": known.anomaly.month, "m3": known.anomaly.used_m3,
            "median_m3": known.anomaly.median_m3, "ratio": known.anomaly.ratio,
        },
    }  # fmt: skip
