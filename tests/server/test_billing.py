"""What somebody owes and uses, and what is said when the billing system does not answer."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median
from typing import Any

import httpx
import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.accounts.refusals import Refused
from server.customers import billing
from server.customers.billing import figures, systems
from server.customers.billing.figures import BillLine, ReadingLine, anomaly_of, arrears_of
from server.customers.models import Account, Bill, BillingCopy, Meter, Reading
from server.customers.selectors import customer_card

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 26)


def reading(months_ago: int, used: float, *, estimated: bool = False) -> ReadingLine:
    months = 2026 * 12 + 10 - months_ago
    return ReadingLine(date(months // 12, months % 12 + 1, 1), 0.0, used, estimated)


def usual(n: int = 12, used: float = 10.0) -> list[ReadingLine]:
    return [reading(n - i, used) for i in range(n)]


@pytest.fixture
def anna(town: Any) -> Account:
    return Account.objects.select_related("premise").get(premise__code="anna")


@pytest.fixture
def remote(settings: Any) -> Any:
    """The utility's own billing system: `remote.answer` is what it says, or the error it makes."""

    class Remote:
        answer: Any = None
        asked = 0

        def handle(self, request: httpx.Request) -> httpx.Response:
            self.asked += 1
            if isinstance(self.answer, Exception):
                raise self.answer
            if isinstance(self.answer, httpx.Response):
                return self.answer
            return httpx.Response(200, json=self.answer)

    there = Remote()
    made = systems.RemoteBilling(
        "http://billing.test", "t", "EUR", transport=httpx.MockTransport(there.handle)
    )
    before = billing.system
    billing.system = lambda: made  # type: ignore[assignment]
    yield there
    billing.system = before


SAID = {
    "balance": "48.20", "as_of": "2026-11-25T22:00:00+02:00",
    "bills": [{"number": "B1", "issued_on": "2026-10-31", "due_on": "2026-11-21",
               "amount": "48.20", "paid": "0", "used_m3": 9}],
    "readings": [{"read_on": "2026-10-31", "value_m3": 812.4, "used_m3": 9, "estimated": True}],
}  # fmt: skip


# --- what stands out


def test_a_month_of_more_than_three_times_the_usual_hints_at_a_leak_behind_the_meter() -> None:
    found = anomaly_of([*usual(), reading(0, 34.0)])
    assert found is not None
    assert (found.used_m3, found.median_m3, found.ratio) == (34.0, 10.0, 3.4)
    assert anomaly_of([*usual(), reading(0, 30.0)]) is None


def test_an_estimate_is_nobodys_use() -> None:
    assert anomaly_of([*usual(), reading(0, 99.0, estimated=True)]) is None
    # Guessed too low for two months, then read: 45 in three months is 15 a month, not 43.
    low = [reading(2, 1.0, estimated=True), reading(1, 1.0, estimated=True), reading(0, 43.0)]
    assert anomaly_of([*usual(), *low]) is None


def test_a_few_months_say_nothing_and_an_empty_house_is_no_measure() -> None:
    assert anomaly_of([*usual(5), reading(0, 90.0)]) is None
    assert anomaly_of([*usual(12, 0.0), reading(0, 2.9)]) is None
    assert anomaly_of([*usual(12, 0.0), reading(0, 3.1)]) is not None


# The first example of a busy machine is slow without being wrong.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@patient
@given(st.lists(st.floats(0, 500), min_size=8, max_size=24))
def test_an_anomaly_is_what_the_plain_rule_says(used: list[float]) -> None:
    said = anomaly_of([reading(len(used) - i, m3) for i, m3 in enumerate(used)])
    expected = used[-1] > 3 * max(median(used[:-1]), 1.0)
    assert (said is not None) == expected


@patient
@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 20_000), st.integers(-60, 60)),
                max_size=30))  # fmt: skip
def test_arrears_are_what_is_open_after_its_due_day(rows: list[tuple[int, int, int]]) -> None:
    bills = [
        BillLine(str(i), "2026-10", TODAY, TODAY + timedelta(days=due), Decimal(amount) / 100,
                 Decimal(min(paid, amount)) / 100, 0.0)
        for i, (amount, paid, due) in enumerate(rows)
    ]  # fmt: skip
    late = [(a - min(p, a), d) for a, p, d in rows if d < 0 and p < a]
    found = arrears_of(bills, TODAY)
    assert (found is None) == (not late)
    if found is not None:
        assert found.amount * 100 == sum(cents for cents, _due in late)
        assert found.days == -min(d for _cents, d in late)


# --- the town's own bills


def test_the_balance_is_the_sum_of_what_is_open(anna: Account) -> None:
    Bill.objects.filter(account=anna).update(paid=0)
    said = billing.statement(anna)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(amount - paid) FROM customers_bill WHERE account_id = %s", [anna.pk]
        )
        assert said.balance == cursor.fetchone()[0]
    assert len(said.bills) == len(said.readings) == 24
    assert said.bills[0].issued_on > said.bills[-1].issued_on
    assert said.readings[0].read_on < said.readings[-1].read_on
    assert said.arrears is not None and said.arrears.bills >= 23


def test_the_register_of_the_town_adds_up() -> None:
    """Each reading is the one before and what was used; each bill belongs to a reading."""
    for account in Account.objects.all():
        rows = list(Reading.objects.filter(account=account))
        for before, after in pairwise(rows):
            assert after.value_m3 == pytest.approx(before.value_m3 + after.used_m3, abs=0.06)
        months = {f"{r.read_on:%Y-%m}": r.used_m3 for r in rows}
        assert {b.period: b.used_m3 for b in Bill.objects.filter(account=account)} == months


def test_every_way_of_asking_gives_the_same_figure(
    anna: Account, client_of: Any, cast: Any
) -> None:
    Bill.objects.filter(account=anna, period__lt="2026").update(paid=0)
    balance = f"{billing.statement(anna).balance:.2f}"
    door = client_of(cast.aino).get(f"/api/customers/{anna.number}/statement").json()
    assert door["statement"]["balance"] == balance == customer_card(anna)["balance"]
    assert door["down"] is False and door["statement"]["cached"] is False


def test_who_owes_long_enough_and_enough_is_found_the_oldest_first(anna: Account) -> None:
    Bill.objects.all().delete()
    bo = Account.objects.get(premise__code="bo")
    now = timezone.now()
    for account, amount, days in ((anna, 80, 40), (bo, 30, 90), (bo, 25, 10)):
        due = timezone.localdate(now) - timedelta(days=days)
        Bill.objects.create(
            account=account, number=f"{account.number}-{days}", period="2026-10", issued_on=due,
            due_on=due, amount=amount,
        )  # fmt: skip
    listed = billing.arrears(now, 20, 30)
    assert [(o.account, o.amount) for o in listed] == [(bo.number, 55), (anna.number, 80)]
    assert [o.account for o in billing.arrears(now, 60, 30)] == [anna.number]
    assert billing.arrears(now, 20, 100) == []


def test_an_account_never_billed_owes_nothing_known(anna: Account) -> None:
    Bill.objects.filter(account=anna).delete()
    said = billing.statement(anna)
    assert (said.balance, said.arrears) == (None, None)


# --- the utility's own system


def test_another_billing_system_stands_behind_the_same_door(remote: Any, anna: Account) -> None:
    remote.answer = SAID
    said = billing.statement(anna)
    assert (said.balance, said.cached) == (Decimal("48.20"), False)
    assert said.as_of == datetime(2026, 11, 25, 20, 0, tzinfo=UTC)
    assert said.readings[0].estimated and said.bills[0].open == Decimal("48.20")


@pytest.mark.parametrize("trouble", [
    httpx.ConnectError("refused"), httpx.ReadTimeout("late"), httpx.Response(500),
    httpx.Response(200, text="<html>maintenance</html>"), [1, 2],
    {**SAID, "balance": "NaN"}, {**SAID, "bills": [{"number": "B1"}]}, {**SAID, "bills": {"a": 1}},
    {**SAID, "as_of": "yesterday"},
])  # fmt: skip
def test_when_it_is_down_the_last_figures_come_with_their_date(
    remote: Any, anna: Account, trouble: Any
) -> None:
    remote.answer = SAID
    billing.statement(anna)
    remote.answer = trouble
    with pytest.raises(billing.BillingDown) as down:
        billing.statement(anna)
    assert down.value.cached is not None
    assert (down.value.cached.balance, down.value.cached.cached) == (Decimal("48.20"), True)
    assert down.value.cached.as_of == datetime(2026, 11, 25, 20, 0, tzinfo=UTC)


def test_without_a_last_answer_no_figure_is_given(
    remote: Any, anna: Account, client_of: Any, cast: Any
) -> None:
    remote.answer = httpx.ConnectError("refused")
    door = client_of(cast.aino).get(f"/api/customers/{anna.number}/statement").json()
    assert door == {"down": True, "statement": None}
    with pytest.raises(billing.BillingDown):
        billing.arrears(timezone.now(), 1, 0)


def test_a_dead_system_costs_one_call_the_time_out_not_every_call(
    remote: Any, anna: Account
) -> None:
    remote.answer = httpx.ConnectError("refused")
    for _ in range(5):
        with pytest.raises(billing.BillingDown):
            billing.statement(anna)
    assert remote.asked == 1


def test_the_card_asks_nobody(remote: Any, anna: Account) -> None:
    remote.answer = SAID
    assert customer_card(anna)["balance"] is None
    assert remote.asked == 0
    billing.statement(anna)
    assert customer_card(anna)["balance"] == "48.20"
    BillingCopy.objects.update(statement={"bills": "broken"})
    assert customer_card(anna)["balance"] is None


def test_what_it_does_not_know_is_no_error(remote: Any, anna: Account) -> None:
    remote.answer = httpx.Response(404)
    assert billing.statement(anna).balance is None


def test_a_statement_survives_its_json_form(anna: Account) -> None:
    said = billing.statement(anna)
    again = systems.read_statement(
        anna.number, json.loads(json.dumps(figures.as_json(said))), at=said.as_of, currency="EUR"
    )
    assert again == said


# --- the second factor


def meter_digits(account: Account) -> str:
    serial = Meter.objects.get(premise=account.premise, active=True).serial
    return "".join(c for c in serial if c.isdigit())


def test_the_last_digits_of_the_meter_or_a_pin_prove_the_caller(anna: Account) -> None:
    digits = meter_digits(anna)
    assert billing.verify(anna, digits[-4:])
    assert billing.verify(anna, f"{digits[-5:-2]} {digits[-2:]}")
    assert not billing.verify(anna, digits[-3:])
    billing.set_pin(anna, "7391", by="aino")
    assert billing.verify(anna, "7391")
    billing.set_pin(anna, "", by="aino")
    assert not billing.verify(anna, "7391")
    for bad in ("12", "123456789", "12a4", "１２３４"):
        with pytest.raises(Refused):
            billing.set_pin(anna, bad, by="aino")


def test_three_wrong_answers_end_it_for_a_quarter_of_an_hour(
    anna: Account, client_of: Any, cast: Any
) -> None:
    digits = meter_digits(anna)[-4:]
    wrong = "0000" if digits != "0000" else "1111"
    assert [billing.verify(anna, wrong) for _ in range(3)] == [False] * 3
    assert billing.locked(anna)
    assert not billing.verify(anna, digits)
    door = client_of(cast.aino).post(
        f"/api/customers/{anna.number}/verify", {"factor": digits}, "application/json"
    )
    assert door.json() == {"verified": False, "locked": True}
    Account.objects.filter(pk=anna.pk).update(wrong_factor_at=timezone.now() - timedelta(hours=1))
    assert billing.verify(anna, digits)
    assert not billing.locked(anna)


def test_an_empty_factor_is_refused_by_name(anna: Account, client_of: Any, cast: Any) -> None:
    door = client_of(cast.aino).post(
        f"/api/customers/{anna.number}/verify", {"factor": " "}, "application/json"
    )
    assert (door.status_code, door.json()["errors"][0]["field"]) == (422, "factor")
