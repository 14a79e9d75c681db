"""The ladder for unpaid bills: text, call, announcement, visit; off it as soon as it is paid.

    day 0   text          day 3   call (by the dialler)        day 6   cut-off announced
    day 9   visit: may cut off, 72 h have passed     the clinic is talked to, never cut off

The balance is read before each step. `later` turns the clocks of the case back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as generated
from hypothesis import strategies as st

from server.accounts.refusals import Conflict, Refused
from server.calls import exchange
from server.campaigns import ladder, rungs, running, speaking
from server.campaigns.models import ArrearsCase, Campaign, Target
from server.customers import billing
from server.customers.models import Account, Bill
from server.messaging.models import SmsMessage
from server.messaging.services import send_due_now
from server.outages import law
from server.tickets.models import Ticket

pytestmark = pytest.mark.django_db
# A loaded machine is no fault of the rule.
unhurried = generated(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(autouse=True)
def daytime(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts may leave at any hour of the test's day."""
    monkeypatch.setattr(law, "may_text_at", lambda rules, now: now)
    monkeypatch.setattr(speaking, "spoken_file", lambda folder, text, language: "/x")


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = []

    def act(name: str, *, site: str = "", **fields: Any) -> None:
        if name == "Originate":
            asked.append(fields)

    monkeypatch.setattr(exchange, "act", act)
    return asked


@pytest.fixture(autouse=True)
def bills(town: Any) -> None:
    """Only those of the story owe anything."""
    Bill.objects.all().delete()


def owes(home: str, amount: str = "60.00", *, overdue_days: int = 40) -> Bill:
    account = Account.objects.get(premise__code=home)
    due = timezone.localdate() - timedelta(days=overdue_days)
    return Bill.objects.create(
        account=account, number=f"B-{home}", period="2026-09", issued_on=due - timedelta(days=14),
        due_on=due, amount=Decimal(amount),
    )  # fmt: skip


def pays(home: str) -> None:
    bill = Bill.objects.get(account__premise__code=home)
    bill.paid = bill.amount
    bill.save()


def case_of(home: str) -> ArrearsCase:
    return ArrearsCase.objects.get(account__premise__code=home)


def later(**past: float) -> None:
    by = timedelta(**past)
    for case in ArrearsCase.objects.all():
        for name in ("next_at", "stepped_at", "noticed_at"):
            if getattr(case, name):
                setattr(case, name, getattr(case, name) - by)
        case.save()
    for target in Target.objects.exclude(settled_at=None):
        Target.objects.filter(pk=target.pk).update(settled_at=target.settled_at - by)
    for sms in SmsMessage.objects.exclude(sent_at=None):
        SmsMessage.objects.filter(pk=sms.pk).update(sent_at=sms.sent_at - by)


def called(home: str, state: str = "reached") -> None:
    """The dialler has settled the ladder's call to them."""
    target = Target.objects.get(account__premise__code=home, campaign__source__ladder=True)
    target.state, target.settled_at = state, timezone.now()
    target.save()


def climb(home: str) -> None:
    """As far as the announcement, every step in its time."""
    ladder.open_cases("20", 30, by="sari")
    ladder.sweep()
    later(days=3)
    ladder.sweep()
    called(home)
    ladder.sweep()
    later(days=3)
    ladder.sweep()
    send_due_now()


def steps(home: str) -> list[str]:
    return list(case_of(home).steps.values_list("step", flat=True))


# -- up -------------------------------------------------------------------------------------------


def test_one_step_at_a_time_and_not_before_its_time(cast):
    owes("cai")
    assert ladder.open_cases("20", 30, by="sari") == 1
    ladder.sweep()
    assert steps("cai") == ["sms"]
    ladder.sweep()
    later(days=2.9)
    ladder.sweep()
    assert steps("cai") == ["sms"]
    later(days=0.2)
    ladder.sweep()
    ladder.sweep()
    assert steps("cai") == ["sms", "call"]
    later(days=30)
    ladder.sweep()
    assert steps("cai") == ["sms", "call"]  # the call has not been settled
    called("cai", "exhausted")
    ladder.sweep()
    later(days=3.1)
    ladder.sweep()
    assert steps("cai") == ["sms", "call", "notice"]
    send_due_now()
    later(days=3.1)
    ladder.sweep()
    assert steps("cai") == ["sms", "call", "notice", "visit"]
    visit = case_of("cai").visit
    assert visit is not None and visit.kind == "meter" and "announced in time" in visit.note
    assert not SmsMessage.objects.filter(template="registered").exists()
    assert [str(s.balance) for s in case_of("cai").steps.all()] == ["60.00"] * 4


def test_texts_go_to_the_mobile_and_the_call_to_the_number_used_last(cast):
    """Cai rang from a desk yesterday; a cut-off announced there would be read by nobody."""
    owes("cai")
    Account.objects.get(premise__code="cai").phones.create(
        number="0912345", last_used_at=timezone.now() - timedelta(days=1)
    )
    climb("cai")
    texted = SmsMessage.objects.values_list("template", "to").order_by("pk")
    assert list(texted) == [("arrears_reminder", "0401000106"), ("cut_off_notice", "0401000106")]
    assert Target.objects.get(account__premise__code="cai").number == "0912345"


def test_who_owes_little_or_not_for_long_is_not_on_the_ladder(cast):
    owes("cai", "19.99")
    owes("dora", overdue_days=30)
    owes("anna", overdue_days=31)
    assert ladder.open_cases("20", 30, by="sari") == 1
    assert ladder.open_cases("20", 30, by="sari") == 0  # once
    assert case_of("anna").amount == Decimal("60.00")


def test_without_consent_to_texts_the_next_step_comes_and_somebody_hands_the_notice_over(cast):
    owes("cai")
    Account.objects.filter(premise__code="cai").update(sms_consent=False)
    climb("cai")
    case = case_of("cai")
    assert not SmsMessage.objects.filter(to="0401000106").exists()
    assert case.step == "notice" and ladder.told_at(case) is None
    later(days=4)
    ladder.sweep()
    assert "Do not cut off" in case_of("cai").visit.note
    with pytest.raises(Conflict) as refused:
        ladder.act(case, "cut_off", reason="", by="sari")
    assert refused.value.code == "not_noticed"
    ladder.act(case, "noticed", reason="handed to Cai", by="sari")
    with pytest.raises(Conflict) as refused:
        ladder.act(case, "cut_off", reason="", by="sari")
    assert refused.value.code == "too_early"
    later(hours=72)
    assert ladder.act(case, "cut_off", reason="", by="sari").cut_at is not None


def test_who_owes_again_in_a_later_month_is_called_again(cast, monkeypatch):
    owes("cai")
    ladder.open_cases("20", 30, by="sari")
    ladder.sweep()
    later(days=3)
    ladder.sweep()
    called("cai")
    past = {"ladder": True, "least": "0.01", "month": "1999-12"}
    Campaign.objects.update(most_tries=5, source=past)
    ladder.act(case_of("cai"), "close", reason="a mistake", by="sari")
    ladder.open_cases("20", 30, by="sari")
    ladder.sweep()
    later(days=3)
    ladder.sweep()
    first, second = Campaign.objects.order_by("id")
    assert second.most_tries == 5 and second.targets.get().state == "waiting"
    assert second.number != first.number
    monkeypatch.setattr(exchange, "act", lambda *_, **__: None)
    running.run(first)
    first.refresh_from_db()
    assert first.state == "done"


# -- nobody is cut off who must not be ------------------------------------------------------------


@unhurried
@given(
    st.booleans(), st.booleans(), st.booleans(), st.none() | st.integers(0, 200),
    st.integers(0, 200),
)  # fmt: skip
def test_no_setting_cuts_anybody_off_before_72_hours(priority, disputed, owing, hours_ago, notice):
    now = datetime(2026, 11, 26, 9, tzinfo=timezone.get_current_timezone())
    noticed = now - timedelta(hours=hours_ago) if hours_ago is not None else None
    code = rungs.why_no_cut_off(
        priority=priority, disputed=disputed, owes=owing, noticed_at=noticed,
        rules=rungs.Rules(notice=timedelta(hours=notice)), now=now,
    )  # fmt: skip
    may = (
        not priority and not disputed and owing and hours_ago is not None
        and hours_ago >= max(72, notice)
    )
    assert (code == "") == may


def test_priority_customers_are_called_and_visited_and_never_cut_off(cast):
    owes("clinic")
    climb("clinic")
    case = case_of("clinic")
    assert case.priority and steps("clinic") == ["sms", "call", "visit"]
    assert "never cut off" in case.visit.note
    ladder.act(case, "noticed", reason="x", by="sari")
    later(days=9)
    with pytest.raises(Conflict) as refused:
        ladder.act(case, "cut_off", reason="", by="sari")
    assert refused.value.code == "priority"


def test_72_hours_count_from_when_the_text_left_not_from_when_it_was_written(cast):
    owes("cai")
    climb("cai")
    case = case_of("cai")
    SmsMessage.objects.filter(pk=case.notice_id).update(state="failed")
    later(days=5)
    with pytest.raises(Conflict) as refused:
        ladder.act(case, "cut_off", reason="", by="sari")
    assert refused.value.code == "not_noticed"


# -- off ------------------------------------------------------------------------------------------


def test_paid_between_the_list_and_the_call_nobody_is_rung(cast, rung):
    owes("cai")
    owes("dora")
    ladder.open_cases("20", 30, by="sari")
    ladder.sweep()
    later(days=3)
    ladder.sweep()
    Campaign.objects.update(opens="00:00", closes="23:59:59")
    pays("cai")
    running.step()  # before any sweep has seen the payment
    assert [f["Channel"] for f in rung] == ["Local/0401000107@sp-dial-out/n"]
    assert Target.objects.get(account__premise__code="cai").reason == "paid"


def test_a_payment_stops_everything_within_a_sweep(cast):
    owes("cai")
    climb("cai")
    later(days=3.1)
    ladder.sweep()
    case = case_of("cai")
    assert case.visit.state in ("triaged", "assigned")
    assert ladder.SWEEP_S <= 30  # promised: 60 s, with a dialler's round and a slow answer in it
    pays("cai")
    assert ladder.sweep()["paid"] == 1
    case.refresh_from_db()
    assert case.state == "paid" and case.next_at is None
    assert Ticket.objects.get(pk=case.visit_id).state == "cancelled"
    with pytest.raises(Conflict):
        ladder.act(case, "cut_off", reason="", by="sari")


def test_a_text_that_has_not_left_is_withdrawn_when_it_is_paid(cast):
    owes("cai")
    ladder.open_cases("20", 30, by="sari")
    ladder.sweep()
    pays("cai")
    ladder.sweep()
    send_due_now()
    assert SmsMessage.objects.get(template="arrears_reminder").state == "failed"


def test_a_disputed_bill_is_held_and_goes_on_where_it_was(cast, rung):
    owes("cai")
    ladder.open_cases("20", 30, by="sari")
    ladder.sweep()
    case = case_of("cai")
    with pytest.raises(Refused):
        ladder.act(case, "hold", reason=" ", by="sari")
    ladder.act(case, "hold", reason="meter read wrongly", by="sari")
    later(days=30)
    ladder.sweep()
    assert steps("cai") == ["sms", "hold"]
    ladder.act(case, "release", reason="", by="sari")
    ladder.sweep()
    assert steps("cai") == ["sms", "hold", "release", "call"]
    ladder.act(case_of("cai"), "hold", reason="again", by="sari")
    Campaign.objects.update(opens="00:00", closes="23:59:59")
    running.step()
    assert not rung and Target.objects.get().reason == "disputed"


def test_while_the_billing_system_is_down_nobody_is_asked_for_money(cast, rung, monkeypatch):
    owes("cai")
    ladder.open_cases("20", 30, by="sari")
    ladder.sweep()
    later(days=3)
    ladder.sweep()
    later(days=3)
    Campaign.objects.update(opens="00:00", closes="23:59:59")

    def down(*_: Any, **__: Any) -> Any:
        raise billing.BillingDown(None)

    statement = billing.statement
    monkeypatch.setattr(billing, "statement", down)
    monkeypatch.setattr(billing, "arrears", down)
    assert ladder.sweep() == {"paid": 0, "stepped": 0}
    running.step()
    assert not rung
    target = Target.objects.get()
    assert (target.state, target.tries) == ("waiting", 0)
    assert Campaign.objects.get().why == "billing"
    with pytest.raises(Refused):
        ladder.open_cases("20", 30, by="sari")
    with pytest.raises(Conflict) as refused:
        ladder.act(case_of("cai"), "cut_off", reason="", by="sari")
    assert refused.value.code == "billing_down"
    monkeypatch.setattr(billing, "statement", statement)
    Target.objects.update(next_at=None)
    running.step()
    assert len(rung) == 1 and Campaign.objects.get().why == ""


# -- the doors ------------------------------------------------------------------------------------


def test_a_supervisor_lists_and_holds_an_agent_sees(cast, client_of):
    owes("cai")
    boss, desk = client_of(cast.sari), client_of(cast.aino)

    def post(client: Any, url: str, body: dict[str, Any]) -> Any:
        return client.post(url, body, content_type="application/json")

    assert post(desk, "/api/arrears", {}).status_code == 403
    assert post(boss, "/api/arrears", {"least": "x"}).status_code == 422
    assert post(boss, "/api/arrears", {"least": "20", "days": 30}).json() == {"listed": 1}
    shown = desk.get("/api/arrears").json()
    assert shown["counts"]["listed"] == 1 and shown["results"][0]["next"] == "sms"
    url = f"/api/arrears/{shown['results'][0]['id']}/actions"
    assert post(boss, url, {"verb": "hold", "reason": "wrong"}).json()["state"] == "held"
    assert post(boss, url, {"verb": "hold", "reason": "wrong"}).status_code == 409
    assert post(boss, url, {"verb": "x"}).status_code == 422
    assert desk.get("/api/arrears?state=held").json()["results"][0]["reason"] == "wrong"
