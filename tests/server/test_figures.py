"""The wall and the managers' page: every figure recounted from the rows another way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.bi.figures import summary
from server.calls.models import AgentInterval, Call
from server.outages.models import ShutOff
from server.service_level.models import Clock
from server.tickets.models import Ticket
from server.wallboard.figures import agent_occupancy, calls_between, city, ratio, wall

pytestmark = pytest.mark.django_db
DAY = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
END = DAY + timedelta(hours=8)


def a_call(n: int, joined: float | None, answered: float | None, ended: float | None,
           outcome: str) -> Call:  # fmt: skip
    def at(seconds: float | None) -> datetime | None:
        return None if seconds is None else DAY + timedelta(seconds=seconds)

    return Call.objects.create(
        call_id=f"f{n}", started_at=at(joined or 0), queued_at=at(joined), answered_at=at(answered),
        ended_at=at(ended), outcome=outcome, state="ended" if ended is not None else "queued",
    )  # fmt: skip


# joined, answered, ended, outcome
FIXED = [
    (0, 5, 100, "answered"), (10, 25, 60, "answered"), (20, 36, 99, "answered"),
    (30, None, 34, "abandoned"), (40, None, 45, "abandoned"), (50, None, 150, "abandoned"),
    (60, None, 90, "message"), (70, None, None, ""), (80, 85, None, "answered"),
    (None, None, 12, "informed"),
]  # fmt: skip


def test_a_fixed_list_of_calls_gives_these_figures():
    for n, row in enumerate(FIXED):
        a_call(n, *row)
    got = calls_between(DAY, END)
    assert got["joined"] == 9
    assert got["short_abandons"] == 1  # 4 s; 5 s is not short
    assert got["offered"] == 8
    assert (got["answered"], got["abandoned"]) == (4, 2)
    assert (got["messages"], got["waiting_still"]) == (1, 1)
    assert got["answered_within"] == 3  # 5, 15 and 5 s; 16 s is too late
    assert got["connect_rate"] == 0.5 and got["service_level"] == 0.375
    assert got["abandon_rate"] == 0.25
    assert got["asa_s"] == pytest.approx((5 + 15 + 16 + 5) / 4)


CALLS = st.lists(
    st.tuples(
        st.none() | st.integers(0, 1000), st.none() | st.integers(0, 100), st.integers(0, 200),
        st.sampled_from(["abandoned", "message", "informed", "going on"]),
    ),
    max_size=15,
)  # fmt: skip


@settings(max_examples=25, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(CALLS)
def test_every_call_that_joined_is_counted_in_exactly_one_place(db, rows):
    Call.objects.all().delete()
    for n, (joined, wait, length, outcome) in enumerate(rows):
        start = joined or 0
        if wait is not None:
            a_call(n, joined, start + wait, start + wait + length, "answered")
        elif outcome == "going on":
            a_call(n, joined, None, None, "")
        else:
            a_call(n, joined, None, start + length, outcome)
    got = calls_between(DAY, END)
    assert got["joined"] == sum(1 for r in rows if r[0] is not None)
    assert got["offered"] + got["short_abandons"] == got["joined"]
    assert got["offered"] == (
        got["answered"] + got["abandoned"] + got["messages"] + got["waiting_still"]
    )
    assert all(v is None or v >= 0 for v in got.values())
    assert (got["connect_rate"] is None) == (got["offered"] == 0)


def test_where_nothing_could_be_counted_there_is_no_rate():
    got = calls_between(DAY, END)
    for name in ("connect_rate", "service_level", "abandon_rate", "asa_s"):
        assert got[name] is None
    assert agent_occupancy(DAY, END) is None
    assert ratio(0, 0) is None and ratio(0, 4) == 0


def test_occupancy_is_talk_and_wrap_over_time_staffed(cast):
    """60 min: 20 talk, 10 wrap, 20 ready, 10 paused; cut at both ends of the period."""
    at = DAY - timedelta(minutes=5)
    for state, minutes in (("talking", 25), ("wrap", 10), ("ready", 20), ("paused", 10),
                           ("ringing", 10)):  # fmt: skip
        AgentInterval.objects.create(user=cast.aino, state=state, started_at=at,
                                     ended_at=at + timedelta(minutes=minutes))  # fmt: skip
        at += timedelta(minutes=minutes)
    assert agent_occupancy(DAY, DAY + timedelta(hours=1)) == pytest.approx(30 / 50)


def test_the_wall_agrees_with_the_rows(cast, burst):
    found = wall()
    assert found["incidents_by_priority"] == {"P1": 1, "P2": 0, "P3": 0, "P4": 0}
    assert found["crews_by_state"] == {"available": 4}
    assert found["customers_without_water"] == 0
    due = Clock.objects.filter(state="running").order_by("due_at").first()
    assert found["next_breaches"][0]["kind"] == due.kind == "dispatch"
    assert found["today"]["joined"] == 0


def test_the_city_in_one_line_agrees_with_the_wall_and_counts_nobody_off_shift(cast, burst):
    """Crew Night sleeps; the burst is the only thing open, and its first promise breaks next."""
    found, on_the_wall = city(), wall()
    assert found["incidents_by_priority"] == on_the_wall["incidents_by_priority"]
    assert found["customers_without_water"] == on_the_wall["customers_without_water"]
    assert sum(found["crews_by_state"].values()) == 3
    first = Clock.objects.filter(state="running", incident=burst).order_by("due_at", "pk").first()
    assert first is not None
    assert found["next_breach"] == {
        "incident": burst.number, "kind": first.kind, "due_at": first.due_at,
    }  # fmt: skip
    assert found["notices"] == 0
    ShutOff.objects.create(
        target="P9", number="A-0900", planned=True, state="noticed", noticed_at=first.started_at
    )
    assert city()["notices"] == 1


def test_the_five_figures_are_the_recounted_ones(cast, register):
    for n, row in enumerate(FIXED):
        a_call(n, *row)
    for kind in ("leak", "leak", "meter"):
        register(kind, home="gym")
    Ticket.objects.update(opened_at=DAY)
    for state in ("met", "met", "missed", "running", "cancelled"):
        Clock.objects.create(kind="arrival", subject=state + str(Clock.objects.count()),
                             state=state, started_at=DAY, allowed_s=60, due_at=DAY)  # fmt: skip
    found = {f["id"]: f for f in summary(DAY, END, "Europe/Helsinki")["figures"]}
    assert set(found) == {
        "connect_rate", "arrival_on_time", "repair_on_time", "minutes_per_property", "tickets",
    }  # fmt: skip
    assert found["connect_rate"]["value"] == 0.5
    assert sum(h["offered"] for h in found["connect_rate"]["series"]) == 9
    assert found["arrival_on_time"]["value"] == pytest.approx(2 / 3)
    assert found["repair_on_time"]["value"] is None
    assert found["minutes_per_property"]["value"] == 0
    assert found["tickets"]["parts"] == {"leak": 2, "meter": 1}
    assert all(f["definition"] for f in found.values())


@pytest.mark.parametrize(
    ("query", "field"),
    [("from=yesterday", "from"), ("to=2026-13-45", "to"), ("from=2026-02-30", "from"),
     ("from=2026-11-20&to=2026-11-19", "from"), ("to=%00", "to"), ("from=0000-01-01", "from")],
)  # fmt: skip
def test_a_bad_date_is_refused_naming_it(cast, client_of, query, field):
    answer = client_of(cast.hui).get(f"/api/bi/summary?{query}")
    assert answer.status_code == 422, answer.content
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    "query",
    ["", "from=2026-11-01", "from=2026-11-01T00:00:00Z", "to=2999-01-01",
     "from=1971-01-01&to=9000-12-31"],
)  # fmt: skip
def test_a_good_date_is_answered(cast, client_of, query):
    assert client_of(cast.hui).get(f"/api/bi/summary?{query}").status_code == 200
