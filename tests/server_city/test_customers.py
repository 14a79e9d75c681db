"""Who calls, what the card says, who must not go dry."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from server.customers.models import Account, Bill, Phone, Premise, Reading
from server.customers.selectors import (
    classes_of,
    customer_card,
    match_caller,
    priority_customers,
    search_accounts,
)
from server.customers.services import phone_was_used


@pytest.fixture
def accounts(city):
    """home, clinic, school with numbers of our own: home and school share one."""
    Phone.objects.all().delete()
    found = {a.premise.code: a for a in Account.objects.select_related("premise")}
    now = timezone.now()
    Phone.objects.create(account=found["home"], number="0401234567",
                         last_used_at=now - timedelta(days=3))
    Phone.objects.create(account=found["school"], number="0401234567",
                         last_used_at=now - timedelta(days=1))
    Phone.objects.create(account=found["clinic"], number="+8613912345678")
    Account.objects.filter(pk=found["home"].pk).update(name="Aino Koskinen")
    return {code: Account.objects.get(pk=a.pk) for code, a in found.items()}


@pytest.mark.parametrize("raw", ["+8613912345678", "008613912345678", "139-1234-5678",
                                 "13912345678"])
def test_one_account_is_recognised_however_the_number_is_written(accounts, raw):
    match = match_caller(raw)
    assert match.identity == "one"
    assert match.accounts == (accounts["clinic"],)
    assert match.number == "+8613912345678"


def test_several_accounts_come_most_recent_contact_first(accounts):
    match = match_caller("+358 40 123 4567")
    assert match.identity == "many"
    assert match.accounts == (accounts["school"], accounts["home"])
    phone_was_used(account=accounts["home"], number="0401234567")
    assert match_caller("0401234567").accounts[0] == accounts["home"]


def test_an_inactive_account_is_not_offered(accounts):
    Account.objects.filter(pk=accounts["school"].pk).update(active=False)
    match = match_caller("0401234567")
    assert (match.identity, match.accounts) == ("one", (accounts["home"],))


@pytest.mark.parametrize(("raw", "identity"), [("anonymous", "hidden"), ("", "hidden"),
                                               ("0409999999", "none"), ("965113", "none"),
                                               ("<b>" * 200, "hidden"), (None, "hidden")])
def test_unknown_and_hidden_callers_match_nobody(accounts, raw, identity):
    match = match_caller(raw)
    assert (match.identity, match.accounts) == (identity, ())


def test_a_caller_is_matched_in_one_query(accounts, django_assert_max_num_queries):
    with django_assert_max_num_queries(1):
        match = match_caller("0401234567")
        assert match.accounts[0].premise.code == "school"


def test_the_card_shows_meter_bill_use_and_what_to_mind(accounts):
    card = customer_card(accounts["clinic"])
    assert card["address"] == "Pohjoiskatu 7"
    assert card["meter"]["serial"].startswith("WM")
    assert card["balance_at"] is not None
    assert len(card["usage"]) == 24
    months = [u["month"] for u in card["usage"]]
    assert months == sorted(set(months))
    assert {"priority_hospital", "storage"} <= {f["code"] for f in card["flags"]}
    assert card["phone_masked"] == "+86139****5678"
    assert "priority_home" not in {f["code"] for f in customer_card(accounts["home"])["flags"]}


def test_an_account_never_billed_has_no_balance(accounts):
    Bill.objects.all().delete()
    Reading.objects.all().delete()
    card = customer_card(Account.objects.first())
    assert (card["balance"], card["balance_at"], card["usage"]) == (None, None, [])


def test_those_harmed_first_come_first(accounts):
    Premise.objects.filter(code="home").update(use="dialysis", storage_hours=0)
    listed = priority_customers(["school", "clinic", "home", "no-such"])
    assert [c["class"] for c in listed] == ["dialysis", "hospital", "school"]
    assert listed[0]["name"] == "Aino Koskinen"
    assert listed[0]["phone_masked"] == "040*****67"
    assert listed[1]["hours_left"] >= 4
    assert classes_of(["home", "school"]) == {"dialysis": 1, "school": 1}
    assert priority_customers([]) == []


def test_accounts_are_found_by_everything_a_caller_may_know(accounts):
    home = accounts["home"]
    serial = home.premise.meters.get().serial
    for query in (home.number, "aino", "040 1234567", "Pohjoiskatu 1", serial.lower()):
        assert home.number in {r["account"] for r in search_accounts(query)}, query
    assert search_accounts("x") == []
    assert search_accounts("%") == []
    assert search_accounts("100%_of nobody") == []


def test_the_search_door_is_for_the_desk_only(accounts, sign_in):
    answer = sign_in("agent").get("/api/customers", {"q": "Koskinen"}).json()
    row = answer["results"][0]
    assert row["phone_masked"] == "040*****67"
    assert "0401234567" not in str(answer)
    for role in ("crew", "manager", "auditor"):
        assert sign_in(role).get("/api/customers", {"q": "Koskinen"}).status_code == 403
    short = sign_in("agent").get("/api/customers", {"q": " "})
    assert (short.status_code, short.json()["errors"][0]["field"]) == (422, "q")
