"""Is my water on? Asked by anybody, without a script: a sentence, and nothing of other people.

Also the same question at the agent's desk, by address, premise or point.
"""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from server.customers.models import Account
from server.outages import services
from server.outages.models import ShutOff
from server.tickets.models import Ticket
from tests import town

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_asked_before():
    cache.clear()


@pytest.fixture
def off(burst):
    """P8 is off: Anna, the clinic, the tea house and the school."""
    found = ShutOff.objects.get(incident=burst)
    for valve in ("V8", "V6", "V11"):
        services.valve_closed(found, valve, at=timezone.now(), by="north")
    found.refresh_from_db()
    return found


@pytest.fixture
def works(cast):
    """Works that are noticed for tomorrow in Harbour Street, at the gym."""
    from server.outages import planning
    from server.outages.planning import Works

    starts = timezone.now() + timedelta(hours=26)
    found = planning.create(
        Works(["P12"], starts, starts + timedelta(hours=2), "new valve"), by="juho",
        role="engineer",
    )  # fmt: skip
    ShutOff.objects.filter(pk=found.pk).update(state="noticed")
    return found


def ask(what: str, language: str = "en") -> str:
    answer = Client(headers={"Accept-Language": language}).get("/water", {"q": what})
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def said(page: str, name: str = "water-answer") -> str:
    found = re.search(rf'data-testid="{name}"[^>]*>([^<]*)<', page)
    return found.group(1).strip() if found else ""


def account(home: str) -> str:
    return Account.objects.get(premise__code=home).number


def test_an_address_gets_a_sentence(off):
    page = ask("Church Street 21")
    since = f"{timezone.localtime(off.started_at):%H:%M}"
    assert said(page).startswith(f"Your water is off since {since}; we expect it back about ")
    assert "Your water is on" in said(ask("Mill Street 9"))


def test_an_account_and_a_ticket_get_the_same_and_name_nobody(off):
    ticket = Ticket.objects.get().number
    for asked in (account("anna"), ticket, ticket.lower(), ticket.replace("T-", "t")):
        page = ask(asked)
        assert "Your water is off" in said(page), asked
        for secret in ("Virtanen", "Church Street 21", "0401000101", "anna", "clinic", "Clinic"):
            assert secret not in page, (asked, secret)
    assert "Church Street" in page, "streets are named"


def test_a_house_to_come_hears_when(works):
    page = ask(account("gym"))
    assert "on" in said(page) and "Planned: no water from" in said(page, "water-planned")
    assert "new valve" in page


def test_where_nothing_is_off_the_nearest_is_named(off):
    page = ask("Mill Street 9")
    assert "Nearest to you" in page and re.search(r"\d+ m away", page)


def test_it_speaks_chinese(off):
    page = ask("Church Street 21", "zh-hans")
    assert said(page).startswith("您处自") and said(page).endswith("。")
    assert "抢修" in page or "爆管" in page


@pytest.mark.parametrize(
    "asked",
    ["zzzz", "T-99999", "T-00000000000000000", "99999999", "' OR 1=1 --", "<script>x</script>",
     "\x00", "%00", "🚰" * 90, "12", "60.17, 200", "a" * 5000],
)  # fmt: skip
def test_what_nobody_understands_is_answered_in_words(cast, asked):
    page = ask(asked)
    assert "<script>x" not in page
    assert asked.strip("\x00") == "" or said(page, "water-problem") or said(page)


def test_the_page_runs_no_script_and_wants_no_sign_in(off):
    page = ask("Church Street 21")
    assert "<script" not in page and 'method="get"' in page


def test_who_asks_all_day_is_told_to_wait(off):
    client = Client(headers={"Accept-Language": "en"})
    answers = [client.get("/water", {"q": "x y"}).status_code for _ in range(35)]
    assert answers[:30] == [200] * 30 and answers[-1] == 429
    assert client.get("/water").status_code == 200, "the list is there all the same"


# -- at the desk ----------------------------------------------------------------------------------


def near(client, **query) -> dict:
    answer = client.get("/api/shutoffs", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_the_desk_hears_what_covers_a_place_and_else_the_nearest(off, works, cast, client_of):
    desk = client_of(cast.aino)
    for query in ({"premise": "anna"}, {"address": "Church Street 21"},
                  {"near": "{},{}".format(*town.along("P8", 0.3))}):  # fmt: skip
        found = near(desk, **query)
        assert [s["number"] for s in found["covering"]] == [off.number], query
        assert found["covering"][0]["back_at"] and found["covering"][0]["cause"] == "Burst main"
    found = near(desk, premise="bo")
    assert found["covering"] == [] and [s["number"] for s in found["nearest"]] == [
        off.number, works.number,
    ]  # fmt: skip
    assert found["nearest"][0]["distance_m"] < found["nearest"][1]["distance_m"]
    # Bo lives half a block from C, where P6 begins, which is dry with P8.
    assert found["nearest"][0]["distance_m"] == pytest.approx(0.5 * 222, rel=0.15)


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [({"premise": "nobody"}, 404, "premise"), ({"address": "qqqq"}, 404, "address"),
     ({"near": "x"}, 422, "near"), ({"near": "1,2,3"}, 422, "near"),
     ({"near": "nan,1"}, 422, "near"), ({"near": "999,1"}, 422, "near")],
)  # fmt: skip
def test_a_place_that_is_none_is_refused_by_its_field(cast, client_of, query, status, field):
    answer = client_of(cast.aino).get("/api/shutoffs", query)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["field"] == field


def test_the_list_has_what_is_off_first_and_says_what_is_in_the_way(off, works, cast, client_of):
    rows = client_of(cast.anu).get("/api/shutoffs").json()["shutoffs"]
    assert [r["number"] for r in rows] == [off.number, works.number]
    assert (rows[0]["off_now"], rows[0]["customers"], rows[0]["priority_customers"]) == (4, 4, 2)
    assert rows[1]["notice"]["due_at"] and not rows[0]["overdue"]


def test_one_shut_off_tells_all_of_it(off, cast, client_of):
    shown = client_of(cast.juho).get(f"/api/shutoffs/{off.number}").json()
    assert shown["off_now"] == 4 and shown["off_by_class"]["dialysis"] == 1
    assert {v["state"] for v in shown["valves"]} == {"closed"}
    assert shown["allowed"] == ["permit", "leave_closed"]
    assert {"valve.close", "shutoff.start"} <= {e["what"] for e in shown["timeline"]}
    services.work_done(off, at=timezone.now(), by="north")
    shown = client_of(cast.mika).get(f"/api/shutoffs/{off.number}").json()
    order = shown["reopening"]
    assert {r["valve"] for r in order} == {"V8", "V6", "V11"}
    assert order[0]["back"] == 3 and order[1]["back"] == 1, "the school comes with V11"
