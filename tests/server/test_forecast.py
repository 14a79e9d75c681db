"""The forecast over the tables: counted days, days marked, today's run, imports, agents' shifts."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import numpy as np
import pytest
from django.utils import timezone

from server.accounts.refusals import Refused
from server.calls.models import Call
from server.forecast import history, selectors, services
from server.forecast.models import AgentShift, DayCounts, DayNote, Run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("english")]
MONDAY = date(2026, 6, 1)
SHAPE = np.array([0] * 14 + [6, 12, 20, 28, 30, 30, 26, 22, 18, 20, 24, 26, 24, 20, 16, 12]
                 + [8] * 6 + [4] * 12, float)  # fmt: skip


def local(on: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime.combine(on, time(hour, minute, second), tzinfo=timezone.get_current_timezone())


def fill(weeks: int, *, until: date = MONDAY, seed: int = 2) -> None:
    """So many weeks of counted days before `until`, busy on workdays."""
    draw = np.random.default_rng(seed)
    rows = []
    for n in range(7 * weeks):
        on = until - timedelta(days=7 * weeks - n)
        factor = 1.0 if on.weekday() < 5 else 0.3
        counts = draw.poisson(factor * SHAPE).tolist()
        rows.append(DayCounts(on=on, counts=counts, source="import"))
    DayCounts.objects.bulk_create(rows)


def a_call(n: str, at: datetime, *, wait: float = 4, outcome: str = "answered",
           direction: str = "in") -> Call:  # fmt: skip
    over = at + timedelta(seconds=wait)
    return Call.objects.create(
        call_id=n, started_at=at, queued_at=at, ended_at=over, state="ended", outcome=outcome,
        answered_at=over if outcome == "answered" else None, direction=direction,
    )  # fmt: skip


def test_days_are_counted_by_the_local_clock_without_those_who_hung_up_at_once():
    """A call at 00:10 in Helsinki belongs to that day, although it is still yesterday in UTC."""
    a_call("a", local(MONDAY, 0, 10))
    a_call("b", local(MONDAY, 23, 59, 59))
    a_call("c", local(MONDAY, 9, 30), outcome="abandoned", wait=4)
    a_call("d", local(MONDAY, 9, 29, 59), outcome="abandoned", wait=5)
    a_call("e", local(MONDAY, 9, 30), outcome="message", wait=2)
    a_call("out", local(MONDAY, 9, 30), direction="out")
    a_call("today", local(MONDAY + timedelta(days=2), 9))
    history.count_days(local(MONDAY + timedelta(days=2), 12))
    got = DayCounts.objects.get(on=MONDAY, queue="").counts
    assert {n: c for n, c in enumerate(got) if c} == {0: 1, 18: 1, 19: 1, 47: 1}
    # A day between without a call is a zero; today is not over.
    assert sum(DayCounts.objects.get(on=MONDAY + timedelta(days=1), queue="").counts) == 0
    assert DayCounts.objects.count() == 2


def test_counting_twice_changes_nothing_and_late_calls_are_added():
    a_call("a", local(MONDAY, 9))
    later = local(MONDAY + timedelta(days=1), 12)
    history.count_days(later)
    a_call("recovered", local(MONDAY, 9, 1))
    history.count_days(later)
    assert DayCounts.objects.get().counts[18] == 2


def test_imported_days_are_not_overwritten_by_the_first_days_of_ours():
    history.import_counts("date,time,queue,calls\n2026-06-01,09:00,,40\n", by="sari")
    a_call("a", local(MONDAY, 15))
    history.count_days(local(MONDAY + timedelta(days=1), 1))
    assert DayCounts.objects.get(on=MONDAY, queue="").counts[18] == 40


def test_thirty_weeks_give_a_tested_forecast_for_four_weeks():
    fill(30)
    run = services.refresh(local(MONDAY, 0, 5))[0]
    assert (run.show, run.why, run.on) == ("model", "passed", MONDAY)
    assert len(run.days) == 28 and all(len(d["expected"]) == 48 for d in run.days)
    assert run.measures["7"]["mase"] < 1
    assert sum(run.days[0]["expected"]) == pytest.approx(SHAPE.sum(), rel=0.1)
    assert sum(run.days[5]["expected"]) == pytest.approx(0.3 * SHAPE.sum(), rel=0.2)
    day = run.days[0]
    assert all(lo <= e <= hi for lo, e, hi in zip(day["low"], day["expected"], day["high"],
                                                  strict=True))  # fmt: skip
    assert selectors.label(run) == ""


@pytest.mark.parametrize(
    ("weeks", "why", "says"),
    [(0, "no_history", "no week of calls"), (2, "short_history", "needs four"),
     (6, "not_tested", "too few to test")],
)  # fmt: skip
def test_little_history_is_labelled_and_answered_by_last_week(weeks, why, says):
    fill(weeks)
    run = services.refresh(local(MONDAY, 0, 5))[0]
    assert (run.show, run.why) == ("naive", why)
    assert says in selectors.label(run)
    if weeks:
        last = DayCounts.objects.get(on=MONDAY - timedelta(days=7)).counts
        assert run.days[0]["expected"] == [float(c) for c in last]
    else:
        assert run.days[0]["expected"] == [None] * 48


def test_today_shows_what_came_beside_what_was_expected_and_lifts_the_rest():
    fill(30)
    services.refresh(local(MONDAY, 0, 5))
    now = local(MONDAY, 10, 10)
    n = 0
    for slot in range(14, 21):
        for _k in range(int(2 * SHAPE[slot])):
            if slot == 20 and _k > 5:
                break
            n += 1
            a_call(f"t{n}", history.slot_start(MONDAY, slot) + timedelta(seconds=_k))
    got = selectors.today("", now)
    assert got["slot"] == 20 and got["offered"] == n
    assert [s["actual"] for s in got["slots"][14:18]] == [12, 24, 40, 56]
    assert got["slots"][21]["actual"] is None and got["slots"][21]["updated"] is not None
    assert got["slots"][3]["updated"] is None
    # Twice as many calls as expected so far: the rest of the day is lifted, no mark is made.
    assert got["updated_today"] > got["expected_today"] * 1.2
    assert got["slots"][24]["updated"] > got["slots"][24]["expected"]
    assert not got["outlier"]


def test_a_storm_of_calls_marks_today_at_once_and_the_day_never_teaches():
    """2,000 calls in a quarter of an hour from one burst (F39)."""
    fill(30)
    services.refresh(local(MONDAY, 0, 5))
    at = local(MONDAY, 9)
    Call.objects.bulk_create(
        Call(call_id=f"s{n}", started_at=at, queued_at=at + timedelta(seconds=n * 0.45),
             state="queued")
        for n in range(2000)
    )  # fmt: skip
    now = local(MONDAY, 9, 16)
    assert services.watch_today(now)
    note = DayNote.objects.get(on=MONDAY)
    assert (note.outlier, note.outlier_why) == (True, "storm")
    got = selectors.today("", now)
    assert got["outlier"] and "out of line" in got["label"]
    tomorrow = MONDAY + timedelta(days=1)
    run = services.refresh(local(tomorrow, 0, 5))[0]
    assert DayNote.objects.get(on=MONDAY).outlier
    assert sum(run.days[6]["expected"]) < 1.15 * SHAPE.sum()  # the Monday after is a Monday


def test_by_hand_overrules_the_rule_both_ways():
    fill(30)
    day = DayCounts.objects.get(on=MONDAY - timedelta(days=10))
    day.counts[20] += 500
    day.save()
    services.mark_outliers(MONDAY)
    assert DayNote.objects.get(on=day.on).outlier
    services.mark_day(day.on, by="sari", outlier=False)
    services.mark_outliers(MONDAY)
    assert DayNote.objects.get(on=day.on).outlier is False
    # A mark of the rule goes away with its reason.
    other = DayCounts.objects.get(on=MONDAY - timedelta(days=20))
    other.counts[20] += 500
    other.save()
    services.mark_outliers(MONDAY)
    other.counts[20] -= 500
    other.save()
    services.mark_outliers(MONDAY)
    assert DayNote.objects.get(on=other.on).outlier is None


def test_the_clock_asks_once_a_day_for_a_run(monkeypatch):
    asked: list[int] = []
    monkeypatch.setattr(services, "_last", {})
    for _again in range(3):
        services._last.pop("minute", None)
        services.sweep(lambda: asked.append(1))
    assert asked == [1]
    Run.objects.create(on=timezone.localdate(), made_at=timezone.now(), show="naive",
                       why="no_history", weeks=0)  # fmt: skip
    monkeypatch.setattr(services, "_last", {})
    services.sweep(lambda: asked.append(2))
    assert asked == [1]


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "no line"), ("date,time,queue,calls\n", "no line"), ("2026-06-01,09:00,x", "Line 1"),
     ("2026-06-01,09:00,,4\n2026-13-01,09:00,,4", "Line 2"), ("2026-06-01,25:00,,4", "time"),
     ("2026-06-01,09:00,,-4", "whole number"), ("2026-06-01,9,,4", "time"),
     ("2026-06-01,09:00,,four", "whole number"), ("1066-10-14,09:00,,4", "date")],
)  # fmt: skip
def test_a_bad_line_of_an_import_is_named_and_nothing_comes_in(text, says):
    with pytest.raises(Refused, match=says):
        history.import_counts(text, by="sari")
    assert not DayCounts.objects.exists()


def test_holidays_make_up_workdays_and_frost_come_in_from_a_file():
    text = (
        "日期,kind,name,lowest_c\n2026-10-01,holiday,国庆节,\n2026-10-10,workday,调休,\n"
        "2026-12-30,,,-21.5"
    )
    assert history.import_notes(text, by="sari") == 3
    days = {d.on: d for d in history.days_between(date(2026, 10, 1), date(2026, 12, 31))}
    assert days[date(2026, 10, 1)].kind == 7
    assert days[date(2026, 10, 10)].kind == 2  # a Saturday that works
    assert days[date(2026, 12, 30)].frost == 21.5
    with pytest.raises(Refused, match="Line 1"):
        history.import_notes("2026-10-01,party", by="sari")


def test_the_doors_answer_and_refuse_by_name(cast, client_of):
    sari = client_of(cast.sari)
    got = sari.get("/api/forecast?days=3").json()
    assert got["days"] == [] and got["quality"] is None
    assert "no forecast yet" in got["today"]["label"]
    assert sari.get("/api/forecast?days=99").json()["errors"][0]["field"] == "days"

    def post(door: str, body: dict[str, object]):
        return sari.post(f"/api/forecast/{door}", body, content_type="application/json")

    assert (
        post("days", {"on": "2026-12-24", "kind": "holiday", "name": "Eve"}).json()["name"] == "Eve"
    )
    assert post("days", {"on": "soon"}).json()["errors"][0]["field"] == "on"
    assert (
        post("days", {"on": "2026-12-24", "kind": "party"}).json()["errors"][0]["field"] == "kind"
    )
    assert (
        post("days", {"on": "2026-12-24", "outlier": "x"}).json()["errors"][0]["field"] == "outlier"
    )
    assert post("import", {"what": "weather", "text": ""}).json()["errors"][0]["field"] == "what"
    answer = post("import", {"what": "calls", "text": "2026-06-01,09:00,,4"})
    assert answer.json()["days"] == 1 and answer.json()["quality"]["why"] in (
        "no_history", "short_history", "not_tested", "worse", "passed",
    )  # fmt: skip


def test_shifts_of_an_agent_do_not_overlap(cast):
    at = local(MONDAY, 8)
    shift = services.plan_shift("aino", at, at + timedelta(hours=8), by="sari")
    with pytest.raises(Refused) as refused:
        services.plan_shift("aino", at + timedelta(hours=7), at + timedelta(hours=9), by="sari")
    assert refused.value.field == "starts"
    services.plan_shift("aino", at + timedelta(hours=8), at + timedelta(hours=9), by="sari")
    for name, ends, field in (("juho", 8, "agent"), ("aino", 0, "ends"), ("aino", 40, "ends")):
        with pytest.raises(Refused) as refused:
            services.plan_shift(name, at, at + timedelta(hours=ends), by="sari")
        assert refused.value.field == field
    services.drop_shift(shift, by="sari")
    assert AgentShift.objects.count() == 1
