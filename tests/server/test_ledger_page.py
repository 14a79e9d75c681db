"""The ledger's doors: figures of a period as known at a moment, and every word behind them."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from server.accounts.models import AuditRow
from server.customers.models import Premise
from server.ledger import reports, services
from server.ledger.models import SupplyFact
from server.outages.models import ShutOff

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
STREET = ["anna", "clinic", "school", "tea"]
PERIOD = "from=2026-11-20&to=2026-11-21"


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


@pytest.fixture
def story(burst):
    """Church Street is shut at 0 and open again at 200; Bo's planned work lasts from 30 to 60.

    Anna telephones at 190 that she has had water since 185.
    """
    off = ShutOff.objects.get(incident=burst)
    moment = patch("server.ledger.services.timezone.now")
    with moment as now:
        now.return_value = at(1)
        services.water_off(STREET, at=at(0), shut_off=off.number, planned=False, by="north",
                           source="valve V8 closed")  # fmt: skip
        now.return_value = at(61)
        services.water_off(["bo"], at=at(30), shut_off="A-9", planned=True, by="sari")
        services.water_on(["bo"], at=at(60), shut_off="A-9", by="sari")
        now.return_value = at(190)
        services.water_on(["anna"], at=at(185), shut_off=off.number, by="aino",
                          basis="confirmed", source="customer")  # fmt: skip
        now.return_value = at(201)
        services.water_on(STREET, at=at(200), shut_off=off.number, by="north")
    return off


@pytest.fixture
def get(cast, client_of):
    def asked(path, user=cast.hui, **more):
        return client_of(user).get(f"/api/ledger{path}", **more)

    return asked


def test_the_page_of_a_day_says_all_of_it(story, get):
    found = get(f"?{PERIOD}").json()
    assert found["minutes"] == 3 * 200 + 185 + 30
    assert found["properties"] == 12 and found["per_property"] == 815 / 12
    assert [o["interruptions"] for o in found["over"]] == [4, 0, 0, 0]
    assert found["over_3h_per_property"] == 785 / 12
    assert (found["planned"], found["unplanned"]) == (30, 785)
    assert found["confirmed"] == 0, "only one end of Anna's interval is somebody's word"
    assert {g["key"]: g["minutes"] for g in found["by_class"]} == {
        "dialysis": 200, "school": 200, "shop": 200, "home": 215,
    }  # fmt: skip
    assert sum(g["minutes"] for g in found["by_district"]) == found["minutes"]
    assert set(found["definitions"]) == set(reports.DEFINITIONS)
    assert found["course"]["unit"] == "hour"
    rows = {r["at"][11:16]: (r["planned"], r["unplanned"]) for r in found["course"]["rows"]}
    assert rows["10:00"] == (30, 240) and sum(sum(r) for r in rows.values()) == 815


def test_as_of_an_hour_ago_nobody_knew_it_yet(story, get):
    def known(minute):
        moment = at(minute).isoformat().replace("+00:00", "Z")
        return get(f"?{PERIOD}&as_of={moment}").json()["minutes"]

    assert known(0.5) == 0
    assert known(40) == 4 * 40
    assert known(195) == 3 * 195 + 185 + 30


def test_the_shut_offs_of_a_day_with_their_causes(story, get):
    found = get(f"/shutoffs?{PERIOD}").json()
    first, second = found["shut_offs"]
    assert first["number"] == story.number and first["cause"] == "burst"
    assert first["premises"] == 4 and first["minutes"] == 785
    assert first["started_at"] == "2026-11-20T08:00:00Z"
    assert first["ended_at"] == "2026-11-20T11:20:00Z"
    assert first["confirmed_share"] == 0 and first["place"] == "Church Street 21"
    assert (second["number"], second["cause"], second["minutes"]) == ("A-9", "planned", 30)
    assert {c["key"]: c["minutes"] for c in found["by_cause"]} == {"burst": 785, "planned": 30}


def test_planned_work_without_an_incident_is_placed_by_the_street_of_its_main(story, get):
    ShutOff.objects.create(number="A-9", target="P3", planned=True)
    second = get(f"/shutoffs?{PERIOD}").json()["shut_offs"][1]
    assert (second["number"], second["place"]) == ("A-9", "Mill Street")


def test_a_shut_off_is_still_off_while_one_house_is(story, get):
    with patch("server.ledger.services.timezone.now", return_value=at(202)):
        services.water_off(["cai"], at=at(150), shut_off=story.number, planned=False, by="x")
    first = get(f"/shutoffs?{PERIOD}&as_of=2026-11-20T12:00:00Z").json()["shut_offs"][0]
    assert first["premises"] == 5 and first["ended_at"] is None
    assert first["minutes"] == 785 + 240 - 150


def test_a_premise_shows_every_word_about_it_and_when_it_was_heard(story, get, cast):
    with patch("server.ledger.services.timezone.now", return_value=at(300)):
        services.void(["anna"], shut_off=story.number, by="sari", reason="wrong house")
    before = get("/premises/anna?as_of=2026-11-20T12:00:00Z").json()
    assert before["intervals"] == [
        {"shut_off": story.number, "off_at": "2026-11-20T08:00:00Z",
         "on_at": "2026-11-20T11:05:00Z", "planned": False, "minutes": 185.0,
         "off_basis": "modelled", "on_basis": "confirmed", "confirmed": False},
    ]  # fmt: skip
    assert [(f["kind"], f["basis"], f["by"], f["taken_back"]) for f in before["facts"]] == [
        ("off", "modelled", "north", False), ("on", "confirmed", "aino", False),
        ("on", "modelled", "north", False),
    ]  # fmt: skip
    after = get("/premises/anna").json()
    assert after["intervals"] == []
    assert [f["taken_back"] for f in after["facts"]] == [True, True, True, False]
    assert after["facts"][-1]["source"] == "wrong house"
    english = get("/premises/anna", user=cast.anu).json()["facts"]
    assert english[0]["source_label"] == "valve V8 closed"
    chinese = after["facts"]  # Hui reads Chinese
    assert "V8" in chinese[0]["source_label"] and "valve" not in chinese[0]["source_label"]
    assert chinese[-1]["source_label"] == "wrong house"
    names = [p["premise"] for p in get(f"/shutoffs/{story.number}?{PERIOD}").json()["premises"]]
    assert names == ["clinic", "school", "tea"]


def test_nobodys_name_or_number_is_in_any_answer(story, get):
    """The ledger is of houses: who lives there is not its business."""
    for path in (f"?{PERIOD}", f"/shutoffs?{PERIOD}", f"/shutoffs/{story.number}?{PERIOD}",
                 "/premises/anna"):  # fmt: skip
        assert "Virtanen" not in get(path).content.decode() and "0401000101" not in str(
            get(path).content
        )


def test_the_export_is_read_back_to_the_same_minutes(story, get):
    answer = get(f".csv?{PERIOD}")
    raw = b"".join(answer.streaming_content)
    assert raw.startswith(b"\xef\xbb\xbf") and answer["Content-Type"].startswith("text/csv")
    assert answer["Content-Disposition"].endswith('"ledger-20261120-20261121.csv"')
    text = raw.decode("utf-8-sig")
    assert all(line.endswith("\r") for line in text.split("\n") if line)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert tuple(rows[0]) == reports.CSV_COLUMNS
    assert sum(float(r["minutes"]) for r in rows) == 815  # no two shut-offs over one house here
    assert {r["premise"] for r in rows} == {"anna", "clinic", "school", "tea", "bo"}
    assert "Church Street" not in text
    assert AuditRow.objects.filter(action="ledger.export", by="hui").exists()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_of_the_export_is_a_formula(text):
    assert reports.cell(text) == "'" + text


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=30))
def test_a_cell_survives_the_spreadsheet_whatever_is_in_it(text):
    """Quotes, commas and line ends of RFC 4180."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([reports.cell(text), "next"])
    (back,) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert back[1] == "next" and back[0].removeprefix("'") == text.removeprefix("'")


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [("from=tomorrow", "from", "not_a_date"), ("to=2026-02-30", "to", "not_a_date"),
     ("from=2026-11-21&to=2026-11-20", "from", "after_end"),
     ("from=2026-11-20&to=2026-11-20", "from", "after_end"),
     ("from=1971-01-01&to=2999-12-31", "from", "too_long"),
     ("from=0001-01-01", "from", "not_a_date"), ("to=9999-12-31", "to", "not_a_date"),
     ("as_of=2999-01-01", "as_of", "in_the_future"), ("as_of=%00", "as_of", "not_a_date")],
)  # fmt: skip
@pytest.mark.parametrize("path", ["", "/shutoffs", ".csv"])
def test_a_question_nobody_can_answer_is_refused_naming_the_field(cast, get, path, query, field,
                                                                 code):  # fmt: skip
    answer = get(f"{path}?{query}")
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["field"], error["code"]) == (422, field, code)


def test_a_premise_nobody_knows_is_404_and_named_in_the_readers_language(cast, get):
    answer = get("/premises/nowhere", headers={"Accept-Language": "zh-hans"})
    assert answer.status_code == 404 and "nowhere" in answer.json()["errors"][0]["text"]


def test_the_page_opens_to_its_readers_and_to_nobody_else(cast, client_of):
    for user in (cast.hui, cast.sari, cast.juho, cast.anu):
        assert client_of(user).get("/ledger").status_code == 200
    for user in (cast.aino, cast.mika):
        assert client_of(user).get("/ledger").status_code == 403


def test_a_plain_recount_in_sql_gives_the_same(story, get):
    """Minute by minute with generate_series, of the facts that stand."""
    sql = """
        WITH word AS (
            SELECT premise_id, shut_off, kind, max(at) FILTER (WHERE basis = 'modelled') AS m,
                   max(at) FILTER (WHERE basis = 'confirmed') AS c
            FROM ledger_supplyfact GROUP BY 1, 2, 3)
        SELECT count(DISTINCT (a.premise_id, minute)) FROM word a
        JOIN word b ON (b.premise_id, b.shut_off, b.kind) = (a.premise_id, a.shut_off, 'on'),
        generate_series(coalesce(a.c, a.m), coalesce(b.c, b.m) - interval '1 second',
                        interval '1 minute') AS minute
        WHERE a.kind = 'off'
    """
    with connection.cursor() as cursor:
        cursor.execute(sql)
        (counted,) = cursor.fetchone()
    assert counted == get(f"?{PERIOD}").json()["minutes"]


# -- the course -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "zone", "unit", "edges"),
    [
        # The night the clocks go back has 25 hours in Helsinki, and none is lost or doubled.
        ("2026-10-24T21:00", "2026-10-25T22:00", "Europe/Helsinki", "hour", 26),
        ("2026-11-01T00:00", "2026-12-01T00:00", "UTC", "day", 31),
        ("2026-01-01T00:00", "2027-01-01T00:00", "Asia/Shanghai", "month", 14),
        ("2017-01-01T00:00", "2026-01-01T00:00", "UTC", "year", 10),
    ],
)
def test_the_course_is_as_fine_as_fits_on_a_screen(start, end, zone, unit, edges):
    a, b = (datetime.fromisoformat(t).replace(tzinfo=UTC) for t in (start, end))
    found, cuts = reports.buckets(a, b, zone)
    assert found == unit and len(cuts) == edges
    assert (cuts[0], cuts[-1]) == (a, b)
    assert all(x < y for x, y in pairwise(cuts))
    if unit != "hour":
        assert all(c.astimezone(ZoneInfo(zone)).hour == 0 for c in cuts[1:-1])


def test_the_course_adds_up_to_the_whole(cast):
    services.water_off(["anna"], at=at(-3000), shut_off="A-1", planned=False, by="x")
    services.water_on(["anna"], at=at(3000), shut_off="A-1", by="x")
    services.water_off(["anna"], at=at(-600), shut_off="A-2", planned=True, by="x")
    services.water_on(["anna"], at=at(4000), shut_off="A-2", by="x")
    asked = reports.Asked(at(-5000), at(5000), datetime.now(UTC))
    found = reports.summary(asked, "Asia/Shanghai")
    rows = found["course"]["rows"]
    assert sum(r["unplanned"] for r in rows) == pytest.approx(found["unplanned"]) == 6000
    assert sum(r["planned"] for r in rows) == pytest.approx(found["planned"]) == 1000
    assert SupplyFact.objects.count() == 4 and Premise.objects.count() == 12
