"""Clocks: what is promised when, what makes them stand still, and who hears in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.accounts.refusals import Refused
from server.messaging.models import SmsMessage
from server.service_level import policy, services
from server.service_level.models import Clock, Escalation

pytestmark = pytest.mark.django_db
TEN = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def at(clock_time: str) -> datetime:
    hours, minutes = clock_time.split(":")
    return TEN.replace(hour=int(hours), minute=int(minutes))


@pytest.fixture
def time(monkeypatch):
    """Set the clock services read: time('10:20')."""

    def set_to(clock_time: str) -> None:
        monkeypatch.setattr(services.timezone, "now", lambda: at(clock_time))

    return set_to


def a_clock(kind="repair", priority="P2", allowed_s=3600, **more) -> Clock:
    return services.start(
        kind, "incident:1", priority=priority, allowed_s=allowed_s, at=TEN, **more
    )


def test_a_pause_moves_the_deadline_by_its_length(time):
    """Started 10:00, paused 10:20 to 11:05, 60 minutes: due 11:45."""
    clock = a_clock()
    time("10:20")
    services.pause(clock, "permit_pending", by="mika")
    time("11:05")
    services.resume(clock, by="mika")
    clock.refresh_from_db()
    assert clock.due_at == at("11:45")
    assert clock.next_at == at("11:33")  # 48 working minutes after the start
    assert services.stop("repair", "incident:1", at=at("11:45")).state == "met"


def test_stopped_late_is_missed_and_stopped_in_a_pause_counts_it(time):
    clock = a_clock()
    assert services.stop("repair", "incident:1", at=at("11:01")).state == "missed"
    assert services.stop("repair", "incident:1", at=at("11:02")) is None
    Clock.objects.all().delete()
    clock = a_clock()
    time("10:50")
    services.pause(clock, "permit_pending", by="x")
    kept = services.stop("repair", "incident:1", at=at("12:00"))
    assert (kept.state, kept.paused_s) == ("met", 70 * 60)


def test_starting_twice_changes_nothing():
    first = a_clock()
    again = services.start("repair", "incident:1", priority="P1", allowed_s=60, at=at("12:00"))
    assert again == first and again.due_at == at("11:00")


def test_a_more_urgent_incident_shortens_the_promise_from_the_same_start():
    clock = a_clock(allowed_s=7200)
    services.tighten(clock, "P1", 3600)
    clock.refresh_from_db()
    assert (clock.due_at, clock.priority, clock.next_at) == (at("11:00"), "P1", at("10:48"))
    services.tighten(clock, "P4", 9000)  # never longer
    clock.refresh_from_db()
    assert clock.due_at == at("11:00")


def test_a_paused_clock_is_tightened_too_but_stands_still(time):
    clock = a_clock(allowed_s=7200)
    time("10:10")
    services.pause(clock, "permit_pending", by="x")
    services.tighten(clock, "P1", 3600)
    clock.refresh_from_db()
    assert clock.next_at is None
    time("10:40")
    services.resume(clock, by="x")
    clock.refresh_from_db()
    assert clock.due_at == at("11:30")


@pytest.mark.parametrize(
    ("kind", "priority", "reason", "allowed"),
    [
        ("arrival", "P1", "force_majeure", False), ("arrival", "P1", "customer_asked", False),
        ("arrival", "P2", "customer_asked", True), ("stop_water", "P1", "dangerous_site", False),
        ("stop_water", "P2", "dangerous_site", False), ("answer", "P2", "force_majeure", False),
        ("dispatch", "P3", "customer_asked", False), ("repair", "P1", "dangerous_site", True),
        ("repair", "P2", "lunch", False), ("repair", "P2", "", False),
    ],
)  # fmt: skip
def test_only_listed_reasons_stop_a_clock_and_some_clocks_never_stop(
    kind, priority, reason, allowed
):
    clock = a_clock(kind=kind, priority=priority)
    if allowed:
        services.pause(clock, reason, by="x")
    else:
        with pytest.raises(Refused) as no:
            services.pause(clock, reason, by="x")
        assert no.value.field == "reason"
    assert (Clock.objects.get().state == "paused") == allowed


def test_pausing_twice_and_resuming_what_runs_are_refused():
    clock = a_clock()
    with pytest.raises(Refused):
        services.resume(clock, by="x")
    services.pause(clock, "permit_pending", by="x")
    with pytest.raises(Refused):
        services.pause(clock, "permit_pending", by="x")


def test_each_mark_fires_once_at_80_and_at_100_per_cent():
    a_clock()
    assert services.fire_due(at("10:47")) == 0
    assert services.fire_due(at("10:48")) == 1
    assert services.fire_due(at("10:59")) == 0
    assert services.fire_due(at("11:00")) == 1
    assert services.fire_due(at("18:00")) == 0
    assert list(Escalation.objects.values_list("level", "late_s")) == [(80, 0), (100, 0)]


def test_marks_missed_while_nobody_watched_fire_on_return_marked_late():
    """Ten minutes of downtime across both marks."""
    a_clock(allowed_s=600)
    assert services.fire_due(at("10:18")) == 2
    late = dict(Escalation.objects.values_list("level", "late_s"))
    assert late == {80: 10 * 60, 100: 8 * 60}
    assert services.fire_due(at("10:18")) == 0


def test_no_mark_fires_before_its_time_whatever_the_index_says():
    clock = a_clock()
    services.fire_due(at("10:48"))
    Clock.objects.filter(pk=clock.pk).update(next_at=at("10:30"))
    services.fire_due(at("10:50"))
    assert list(Escalation.objects.values_list("level", flat=True)) == [80]
    assert Clock.objects.get().next_at == at("11:00")


def test_paused_and_settled_clocks_fire_nothing():
    services.pause(a_clock(), "permit_pending", by="x")
    services.start("repair", "incident:2", priority="P2", allowed_s=60, at=TEN)
    services.stop("repair", "incident:2", at=TEN)
    assert services.fire_due(at("23:00")) == 0


def test_the_ladder_tells_the_right_people_by_text(cast, register, news):
    """P1 at 80 %: the supervisor. At 100 %: the manager too. Each once, each in their language."""
    incident = register("burst", home="anna").incident
    news()
    assert set(Clock.objects.filter(incident=incident).values_list("kind", flat=True)) == {
        "dispatch", "arrival", "stop_water", "repair",
    }  # fmt: skip
    begun = incident.opened_at

    def told() -> list[str]:
        rows = SmsMessage.objects.filter(template="escalation").order_by("pk")
        return list(rows.values_list("to", flat=True))

    services.fire_due(begun + timedelta(minutes=4, seconds=1))
    news()
    assert told() == ["0401000002"]
    services.fire_due(begun + timedelta(minutes=5, seconds=1))
    news()
    assert sorted(told()) == ["0401000002", "0401000002", "0401000003"]
    chinese = SmsMessage.objects.get(template="escalation", to="0401000003")
    assert chinese.language == "zh-hans" and "100%" in chinese.body
    assert Escalation.objects.order_by("pk").last().told == ["sari", "hui"]


def test_an_acknowledgement_is_kept_once_and_the_clock_runs_on():
    clock = a_clock()
    services.fire_due(at("10:48"))
    step = Escalation.objects.get()
    services.acknowledge(step, by="sari")
    services.acknowledge(step, by="mika")
    assert step.acknowledged_by == "sari"
    assert Clock.objects.get(pk=clock.pk).state == "running"


def test_clocks_follow_the_call_and_the_order(cast, register, news):
    from server.calls import services as calls

    calls.rang(calls.Ring("c1", "0401000101", "", "965113", TEN))
    calls.queued("c1", at=TEN)
    news()
    assert Clock.objects.get(subject="call:c1").state == "running"
    calls.answered("c1", "1001", at=TEN)
    news()
    assert Clock.objects.get(subject="call:c1").state in ("met", "missed")


@pytest.mark.parametrize("priority", ["P1", "P2", "P3", "P4"])
def test_every_priority_has_its_times_and_more_urgent_is_never_longer(priority):
    for kind, allowed in policy.ALLOWED_S.items():
        ordered = [allowed[p] for p in ("P1", "P2", "P3", "P4") if p in allowed]
        assert ordered == sorted(ordered), kind
    assert set(policy.clocks_for("burst", priority)) >= {"dispatch", "arrival", "repair"}
