"""Two years of bills and readings for an invented customer, the same for the same customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from server.cityload.people import Customer

PRICE_M3 = 4.20
MONTHLY_FEE = 6.50
DAYS_TO_PAY = 21
# How often nobody reads the meter, and how often a leak behind it shows in the last month.
ESTIMATED = 0.06
LEAKING = 0.015
_CARE = (("medical", 0.01), ("vulnerable", 0.03), ("key", 0.035))


class BillRow(NamedTuple):
    number: str
    period: str
    issued_on: date
    due_on: date
    amount: str
    paid: str
    used_m3: float


class ReadingRow(NamedTuple):
    read_on: date
    value_m3: float
    used_m3: float
    estimated: bool


@dataclass(frozen=True, slots=True)
class Billed:
    """Oldest first."""

    bills: list[BillRow]
    readings: list[ReadingRow]
    care: str


def bill(customer: Customer) -> Billed:
    """One reading and one bill a month for the months of `usage_m3`."""
    # Dice of their own: who somebody is must not change with how bills are made.
    dice = Random(f"bills {customer.number}")
    used = list(customer.usage_m3)
    if dice.random() < LEAKING:
        used[-1] = round(used[-1] * dice.uniform(3.5, 6), 1)
    guessed = [dice.random() < ESTIMATED for _ in used]
    # A leak is found by reading the meter.
    guessed[-1] = guessed[-1] and used[-1] == customer.usage_m3[-1]
    last = len(used) - 1
    value = float(dice.randrange(20, 900))
    bills, readings = [], []
    for k, m3 in enumerate(used):
        day = month_end(customer.billed_until, last - k)
        value = round(value + m3, 1)
        readings.append(ReadingRow(day, value, m3, guessed[k]))
        amount = f"{m3 * PRICE_M3 + MONTHLY_FEE:.2f}"
        paid = "0.00" if last - k < customer.owed_bills else amount
        bills.append(BillRow(
            f"{customer.number}-{day:%y%m}", f"{day:%Y-%m}", day,
            day + timedelta(days=DAYS_TO_PAY), amount, paid, m3,
        ))  # fmt: skip
    luck = dice.random()
    care = next((code for code, share in _CARE if luck < share), "")
    return Billed(bills, readings, care)


def month_end(day: date, back: int) -> date:
    """The last day of the month `back` months before that of `day`."""
    months = day.year * 12 + day.month - back
    return date(months // 12, months % 12 + 1, 1) - timedelta(days=1)
