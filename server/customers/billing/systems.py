"""Where the bills are: in our own tables, or in the utility's own billing system.

A billing system is two questions (`BillingSystem`). `own` answers them from the tables Bill and
Reading; `remote` asks another system by HTTP as docs/billing.md says. A third would be a class
with these two methods.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol
from urllib.parse import quote

import httpx
from django.db.models import F, Min, Sum
from django.utils import timezone

from server.customers.billing.figures import BillLine, ReadingLine, Statement, statement_of
from server.customers.models import Bill, Reading

# A system that did not answer is left alone for so long: an outage must not cost every call the
# time-out.
REST_S = 15.0


class Unreachable(Exception):
    """The billing system gave no answer that can be used; the text says why, for the log."""


@dataclass(frozen=True, slots=True)
class Owing:
    """An account in arrears: its number, how much is overdue and since when."""

    account: str
    amount: Decimal
    since: date


class BillingSystem(Protocol):
    def statement(self, account: str, *, at: datetime) -> Statement:
        """The account's figures now. Errors: Unreachable."""

    def arrears(self, at: datetime, *, least: Decimal, older_than_days: int) -> list[Owing]:
        """Accounts that owe at least so much for longer than so many days. Errors: Unreachable."""


class OwnBilling:
    """The bills are kept here."""

    def __init__(self, currency: str) -> None:
        self._currency = currency

    def statement(self, account: str, *, at: datetime) -> Statement:
        bills = [
            BillLine(b.number, b.period, b.issued_on, b.due_on, b.amount, b.paid, b.used_m3)
            for b in Bill.objects.filter(account__number=account)
        ]
        readings = [
            ReadingLine(r.read_on, r.value_m3, r.used_m3, r.estimated)
            for r in Reading.objects.filter(account__number=account)
        ]
        today = timezone.localdate(at)
        return statement_of(
            account, bills, readings, as_of=at, today=today, currency=self._currency
        )

    def arrears(self, at: datetime, *, least: Decimal, older_than_days: int) -> list[Owing]:
        today = timezone.localdate(at)
        rows = (
            Bill.objects.filter(paid__lt=F("amount"), due_on__lt=today, account__active=True)
            .values("account__number")
            .annotate(open=Sum(F("amount") - F("paid")), since=Min("due_on"))
            .filter(open__gte=least, since__lt=today - timedelta(days=older_than_days))
            .order_by("since", "account__number")
        )
        return [Owing(r["account__number"], r["open"], r["since"]) for r in rows]


class RemoteBilling:
    """The utility's own billing system, asked by HTTP. Never waits longer than `timeout_s`."""

    def __init__(
        self, url: str, token: str, currency: str, *, timeout_s: float = 2.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:  # fmt: skip
        self._url, self._currency = url.rstrip("/"), currency
        self._rest_until = 0.0
        self._client = httpx.Client(
            transport=transport, headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx.Timeout(timeout_s),
        )  # fmt: skip

    def statement(self, account: str, *, at: datetime) -> Statement:
        said = self._ask(f"/accounts/{quote(account, safe='')}", {})
        if said is None:
            return statement_of(
                account, [], [], as_of=at, today=timezone.localdate(at), currency=self._currency
            )
        if not isinstance(said, dict):
            raise Unreachable("the answer is no object")
        return read_statement(account, said, at=at, currency=self._currency)

    def arrears(self, at: datetime, *, least: Decimal, older_than_days: int) -> list[Owing]:
        said = self._ask(
            "/arrears", {"least": f"{least:.2f}", "older_than_days": str(older_than_days)}
        )
        try:
            return [
                Owing(str(row["account"]), _money(row["amount"]), _day(row["since"]))
                for row in said or []
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise Unreachable(f"arrears cannot be read: {error}") from error

    def _ask(self, path: str, params: Mapping[str, str]) -> Any:
        if time.monotonic() < self._rest_until:
            raise Unreachable("it did not answer a moment ago")
        try:
            answer = self._client.get(self._url + path, params=dict(params))
            if answer.status_code == 404:
                return None
            answer.raise_for_status()
            return answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            self._rest_until = time.monotonic() + REST_S
            raise Unreachable(f"{type(error).__name__}: {error}") from error


def read_statement(
    account: str, said: Mapping[str, Any], *, at: datetime, currency: str, cached: bool = False
) -> Statement:
    """A statement from its JSON form (docs/billing.md). Errors: Unreachable, naming the field."""
    try:
        as_of = datetime.fromisoformat(str(said["as_of"])) if said.get("as_of") else at
        if as_of.tzinfo is None:
            as_of = timezone.make_aware(as_of)
        balance = said.get("balance")
        return statement_of(
            account, [_bill(b) for b in _rows(said, "bills")],
            [_reading(r) for r in _rows(said, "readings")], as_of=as_of,
            today=timezone.localdate(at), currency=str(said.get("currency") or currency)[:3],
            balance=None if balance in (None, "") else _money(balance), cached=cached,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise Unreachable(f"the statement cannot be read: {error!r}") from error


def _rows(said: Mapping[str, Any], name: str) -> Iterable[Mapping[str, Any]]:
    rows = said.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
        raise ValueError(f"{name}: no list of objects")
    return rows


def _bill(row: Mapping[str, Any]) -> BillLine:
    issued = _day(row["issued_on"])
    return BillLine(
        str(row["number"]), str(row.get("period") or f"{issued:%Y-%m}"), issued,
        _day(row["due_on"]), _money(row["amount"]), _money(row.get("paid") or 0),
        float(row.get("used_m3") or 0),
    )  # fmt: skip


def _reading(row: Mapping[str, Any]) -> ReadingLine:
    used = row["m3"] if "m3" in row else row["used_m3"]
    return ReadingLine(
        _day(row["read_on"]), float(row["value_m3"]), float(used), row.get("estimated") is True
    )


def _day(value: Any) -> date:
    return date.fromisoformat(str(value)[:10])


def _money(value: Any) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is no amount") from error
    if not amount.is_finite() or abs(amount) >= Decimal(10) ** 10:
        raise ValueError(f"{value!r} is no amount")
    return amount.quantize(Decimal("0.01"))
