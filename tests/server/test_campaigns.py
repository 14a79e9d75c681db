"""Campaigns: who is on the list and who not, at which hour, how many at once, and never twice.

    P8 is shut off: the clinic (dialysis), Anna (and the school on P11) are dry. Bo has a number of
    another country, the two farms share one. Asterisk is a list of what it was asked; `tell` says
    what the dialplan would.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as generated
from hypothesis import strategies as st

from server.accounts.refusals import Conflict, Refused
from server.calls import dialling, exchange
from server.calls.models import Call
from server.campaigns import running, selectors, services
from server.campaigns.models import Campaign, Target, Try
from server.campaigns.policy import EVERY_DAY, Retry, Window, lines_wanted
from server.customers.models import Account
from server.outages.models import PremiseOff, ShutOff
from server.tickets.models import CallBack, Ticket
from telephony.ami import events as ami
from tests.server.ringing import (
    ALWAYS,
    ANNA,
    CAI,
    DORA,
    TEXT,
    ago,
    campaign,
    over,
    started,
    taken,
    tell,
)

pytestmark = pytest.mark.django_db
# A loaded machine is no fault of the rule.
unhurried = generated(deadline=None, suppress_health_check=[HealthCheck.too_slow])


# -- who is on the list ---------------------------------------------------------------------------


def test_everybody_inside_a_shut_off_is_on_the_list_once_or_left_out_with_a_reason(cast, dry):
    Account.objects.get(premise__code="school").phones.all().delete()
    made = services.write(
        {"name": "off", "kind": "outage", "source": {"shut_off": dry.number}, "text": TEXT},
        by="sari",
    )
    inside = set(PremiseOff.objects.filter(shut_off=dry).values_list("premise__code", flat=True))
    rows = {t.account.premise.code: (t.state, t.reason) for t in made.targets.all()}
    assert set(rows) == inside and {"anna", "clinic", "school"} <= inside
    assert rows["anna"] == rows["clinic"] == ("waiting", "")
    assert rows["school"] == ("dropped", "no_number")


def test_empty_foreign_short_unreadable_double_and_unwilling_numbers_are_left_out_by_reason(cast):
    dialling.do_not_call(DORA, reason="asked", by="sari")
    made = campaign(
        f"{ANNA},Anna\n+358 40 1000101,Anna again\n+8613912345678,Bo\n112,fire\n965113,us\n"
        f",nobody\nabc,x\n{DORA},Dora\n\n{CAI}"
    )
    rows = [(t.name, t.state, t.reason) for t in made.targets.all()]
    assert rows == [
        ("Anna", "waiting", ""), ("Anna again", "dropped", "duplicate"),
        ("Bo", "dropped", "foreign"), ("fire", "dropped", "service"),
        ("us", "dropped", "service"), ("nobody", "dropped", "no_number"),
        ("x", "dropped", "not_a_number"), ("Dora", "dropped", "do_not_call"),
        ("", "waiting", ""),
    ]  # fmt: skip


def test_a_survey_asks_after_closed_tickets_and_the_last_one_of_each_number(cast, register):
    for home, name in (("anna", "Anna"), ("anna", "Anna"), ("cai", "Cai")):
        register("enquiry", home=home, name=name, phone=ANNA if home == "anna" else CAI)
    Ticket.objects.update(state="closed", closed_at=timezone.now() - timedelta(days=1))
    Ticket.objects.filter(customer_name="Cai").update(closed_at=timezone.now() - timedelta(days=30))
    made = services.write({"name": "s", "kind": "survey", "source": {"days": 7}, "text": TEXT,
                           "questions": [{"keys": "12345", "en": "How was it?"}]}, by="sari")
    waiting = made.targets.get(state="waiting")
    assert waiting.ticket == Ticket.objects.filter(customer_name="Anna").latest("id")
    assert [t.reason for t in made.targets.filter(state="dropped")] == ["duplicate"]


def test_reading_the_list_again_adds_who_is_new_and_repeats_nobody(cast):
    CallBack.objects.create(reason="missed", phone=ANNA, due_at=timezone.now())
    made = services.write({"name": "c", "kind": "callback", "mode": "preview"}, by="sari")
    CallBack.objects.create(reason="missed", phone=CAI, due_at=timezone.now())
    CallBack.objects.create(reason="missed", phone="", due_at=timezone.now())
    services.act(made, "refill", by="sari")
    services.act(made, "refill", by="sari")
    assert sorted(made.targets.values_list("number", "reason")) == [
        ("", "no_number"), (ANNA, ""), (CAI, ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "field"),
    [({"name": " "}, "name"), ({"kind": "x"}, "kind"), ({"mode": "predictive"}, "mode"),
     ({"text": {}}, "text.en"), ({"text": {"en": "{password}"}}, "text.en"),
     ({"text": {"en": "{0.__class__}"}}, "text.en"), ({"text": {"en": "{"}}, "text.en"),
     ({"text": {"en": "x" * 601}}, "text.en"), ({"text": []}, "text"),
     ({"opens": "25:00"}, "opens"), ({"opens": "12:00", "closes": "12:00"}, "closes"),
     ({"weekdays": []}, "weekdays"), ({"weekdays": [7]}, "weekdays"),
     ({"weekdays": "1"}, "weekdays"), ({"gap_s": 5}, "gap_s"), ({"gap_s": "soon"}, "gap_s"),
     ({"most_tries": 0}, "most_tries"), ({"channels": 1e400}, "channels"),
     ({"ratio": 9}, "ratio"), ({"ratio": "nan"}, "ratio"), ({"after_s": {"moon": 9}}, "after_s"),
     ({"questions": [{"en": "?", "keys": "#"}]}, "questions.1.keys"),
     ({"questions": [{"en": "", "keys": "1"}]}, "questions.1.en"),
     ({"questions": ["x"]}, "questions.1"), ({"questions": [{}] * 4}, "questions"),
     ({"starts_at": "tomorrow"}, "starts_at"), ({"source": {"numbers": " "}}, "source.numbers"),
     ({"source": 3}, "source"), ({"kind": "outage", "source": {"shut_off": "?"}},
                                 "source.shut_off"),
     ({"kind": "dunning", "source": {"least": "-1"}}, "source.least"),
     ({"kind": "survey", "source": {"days": True}}, "source.days")],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_field_and_nothing_is_kept(cast, change, field):
    with pytest.raises(Refused) as refused:
        campaign(**change)
    assert refused.value.field == field
    assert not Campaign.objects.exists() and not Target.objects.exists()


# -- hours and pace -------------------------------------------------------------------------------

HELSINKI = ZoneInfo("Europe/Helsinki")


@unhurried
@given(
    st.integers(0, 1439), st.integers(0, 1439), st.sets(st.integers(0, 6), min_size=1),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001
)  # fmt: skip
def test_the_next_opening_is_open_and_no_minute_before_it_is(first, last, days, naive):
    opens, closes = (time(m // 60, m % 60) for m in sorted((first, last)))
    now = naive.replace(tzinfo=HELSINKI, second=0, microsecond=0)
    window = Window(opens, closes, days)
    found = window.next_opening(now)
    if opens == closes:
        assert found is None
        return
    assert found is not None and window.is_open(found) and found >= now
    # An oracle that walks: no quarter of an hour in between was open.
    step = now
    while step < found:
        inside = step.weekday() in days and opens <= step.time() < closes
        assert not inside
        step += timedelta(minutes=15)


@unhurried
@given(
    st.sampled_from(["progressive", "notice", "preview"]), st.integers(0, 30),
    st.floats(0.1, 3), st.integers(1, 60), st.integers(0, 40), st.integers(0, 40),
    st.integers(0, 40),
)  # fmt: skip
def test_pacing_never_exceeds_free_agents_times_ratio_nor_the_channels(
    mode, free, ratio, channels, ringing, talking, waiting
):
    more = lines_wanted(mode, free_agents=free, ratio=ratio, channels=channels, ringing=ringing,
                        talking=talking, waiting=waiting)  # fmt: skip
    assert more >= 0
    if more:
        assert ringing + waiting + talking + more <= channels
        if mode == "progressive":
            assert ringing + waiting + more <= free * ratio + 1e-6
    if mode == "preview" or (mode == "progressive" and free == 0):
        assert more == 0


@unhurried
@given(st.sampled_from(["busy", "no_answer", "failed", "machine", "refused", "answered"]),
       st.integers(1, 9), st.integers(60, 9999), st.dictionaries(
           st.sampled_from(["busy", "no_answer"]), st.integers(0, 99999)))  # fmt: skip
def test_nobody_is_tried_again_sooner_than_the_gap(result, tries, gap, after):
    now = datetime(2026, 11, 26, 9, tzinfo=HELSINKI)
    again = Retry(3, gap, after).again_at(result, tries, now)
    if result in ("refused", "answered") or tries >= 3:
        assert again is None
    else:
        assert again is not None
        assert (again - now).total_seconds() == max(gap, after.get(result, 0))


def test_outside_its_hours_and_weekdays_nobody_is_rung(cast, asterisk):
    now = timezone.localtime()
    closed = now - timedelta(hours=2)
    if closed.date() != now.date():
        closed = now.replace(hour=0, minute=0)
    row = started(opens="00:00", closes=f"{max(closed, now.replace(hour=0, minute=1)):%H:%M}")
    other = started(DORA, weekdays=[d for d in EVERY_DAY if d != now.weekday()])
    if now.hour >= 1:
        assert running.step() == 0 and not asterisk.asked
        assert selectors.shown(row)["open"] is False
    assert selectors.shown(other)["opens_at"].date() != now.date()


def test_a_notice_keeps_to_its_channels(cast, asterisk):
    row = started("\n".join(f"04012300{n:02}" for n in range(9)), channels=3)
    assert running.step() == 3 and running.step() == 0
    over(asterisk.numbers()[0])
    assert running.step() == 1
    assert running.going_on(row) == {"ringing": 3, "waiting": 0, "talking": 0}


def test_a_progressive_campaign_rings_for_free_agents_only(cast, asterisk):
    numbers = "\n".join(f"04012300{n:02}" for n in range(9))
    row = started(numbers, mode="progressive", ratio=1.5, channels=9)
    assert running.step() == 0  # nobody is free
    asterisk.free, asterisk.waiting = 3, 1
    assert running.step() == 3  # (3 free - 1 caller) x 1.5
    first = taken(asterisk.numbers()[0])
    assert running.step() == 0  # who has been answered and waits counts
    Call.objects.filter(call_id=first.call_id).update(answered_at=timezone.now())
    assert running.going_on(row) == {"ringing": 2, "waiting": 0, "talking": 1}
    assert running.step() == 1
    asterisk.free = 0
    over(asterisk.numbers()[1])
    assert running.step() == 0


def test_who_answered_and_found_no_agent_is_tried_again_and_counted_as_dropped(cast, asterisk):
    asterisk.free = 1
    row = started(CAI, mode="progressive")
    running.step()
    attempt = taken(CAI)
    tell(ami.Queued(attempt.call_id, "faults", 4))
    tell(ami.CallEnded(attempt.call_id, "ABANDON", "", False, ""))
    over(CAI, "ANSWER", 16)
    running.step()
    target = row.targets.get()
    assert (target.state, target.reason, target.tries) == ("waiting", "dropped", 1)
    assert selectors.report(row)["by_result"] == {"dropped": 1}


def test_asterisk_away_costs_nobody_a_try(cast, asterisk):
    asterisk.away = True
    row = started()
    assert running.step() == 0 and not Try.objects.exists()
    row.refresh_from_db()
    assert row.why == "telephone" and selectors.shown(row)["why"]
    asterisk.away = False
    assert running.step() == 2
    row.refresh_from_db()
    assert row.why == ""


# -- asked again when it is their turn ------------------------------------------------------------


def test_the_water_is_back_before_the_call_nobody_is_rung(cast, asterisk, dry):
    made = services.write({"name": "off", "kind": "outage", "source": {"shut_off": dry.number},
                           "text": TEXT, "channels": 1, **ALWAYS}, by="sari")  # fmt: skip
    services.act(made, "start", by="sari")
    PremiseOff.objects.filter(premise__code="clinic").update(on_at=timezone.now())
    running.step()
    assert made.targets.get(account__premise__code="clinic").reason in ("", "water_back")
    ShutOff.objects.update(state="restored")
    for number in asterisk.numbers():
        over(number)
    ago(hours=2)
    running.step()
    left = set(made.targets.exclude(state__in=("skipped", "dropped")).values_list("state"))
    assert not left and made.targets.filter(reason="water_back").count() >= 2


def test_a_ticket_opened_again_is_not_asked_about(cast, asterisk, register):
    register("enquiry", home="cai", name="Cai", phone=CAI)
    Ticket.objects.update(state="closed", closed_at=timezone.now())
    made = services.write({"name": "s", "kind": "survey", "text": TEXT, **ALWAYS}, by="sari")
    services.act(made, "start", by="sari")
    Ticket.objects.update(state="reopened")
    assert running.step() == 0 and made.targets.get().reason == "reopened"
    made.refresh_from_db()
    assert running.step() == 0
    made.refresh_from_db()
    assert made.state == "done"


def test_put_on_the_do_not_call_list_meanwhile(cast, asterisk):
    row = started(CAI)
    dialling.do_not_call(CAI, reason="asked", by="sari")
    assert running.step() == 0
    assert row.targets.get().reason == "do_not_call"


# -- never twice ----------------------------------------------------------------------------------


def test_not_answered_is_tried_again_after_the_gap_and_not_before(cast, asterisk):
    row = started(CAI, gap_s=1800, most_tries=2, after_s={"busy": 3600})
    running.step()
    over(CAI, "BUSY", 17)
    assert running.step() == 0
    ago(minutes=45)
    assert running.step() == 0  # busy waits an hour
    ago(minutes=16)
    assert running.step() == 1
    over(CAI)
    running.step()
    target = row.targets.get()
    assert (target.state, target.reason, target.tries) == ("exhausted", "no_answer", 2)
    running.step()
    row.refresh_from_db()
    assert row.state == "done"


def test_a_number_that_asterisk_may_not_dial_is_not_tried_again(cast, asterisk):
    row = started(CAI)
    running.step()
    over(CAI, "NOTALLOWED", 21)
    running.step()
    assert (row.targets.get().state, row.targets.get().reason) == ("exhausted", "not_allowed")


def test_two_campaigns_leave_a_number_alone_between_them(cast, asterisk):
    first, second = started(CAI, gap_s=3600), started(CAI, gap_s=600)
    assert running.step() == 1
    over(CAI, "ANSWER", 16)
    running.step()
    assert first.targets.get().state == "reached" and len(asterisk.asked) == 1
    ago(minutes=11)
    assert running.step() == 1 and second.targets.get().tries == 1


def test_the_dialler_dies_before_it_rang_and_the_try_is_taken_back(cast, asterisk, monkeypatch):
    row = started(CAI)

    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> int:
        raise Killed

    with monkeypatch.context() as here:
        here.setattr(dialling, "dial", die)
        with pytest.raises(Killed):
            running.step()
    assert Try.objects.count() == 1 and row.targets.get().state == "dialling"
    assert running.step() == 0  # it may still be at it
    ago(seconds=30)
    assert running.step() == 1
    assert asterisk.numbers() == [CAI] and row.targets.get().tries == 1


def test_the_dialler_dies_after_it_rang_and_the_ring_counts(cast, asterisk, monkeypatch):
    row = started(CAI, gap_s=3600)

    class Killed(BaseException):
        pass

    def die(name: str, **fields: Any) -> None:
        asterisk.act(name, **fields)
        if name == "Originate":
            raise Killed

    with monkeypatch.context() as here:
        here.setattr(exchange, "act", die)
        with pytest.raises(Killed):
            running.step()
    ago(seconds=30)
    assert running.step() == 0 and len(asterisk.asked) == 1
    over(CAI)
    running.step()
    assert row.targets.get().state == "waiting"
    assert running.step() == 0 and len(asterisk.asked) == 1
    assert Try.objects.get().result == "no_answer"


def test_a_pause_is_obeyed_at_once_and_a_stop_leaves_nobody_waiting(cast, asterisk):
    row = started("\n".join(f"04012300{n:02}" for n in range(5)), channels=2)
    running.step()
    services.act(row, "pause", by="sari")
    for number in asterisk.numbers():
        over(number, "ANSWER", 16)
    assert running.step() == 0 and len(asterisk.asked) == 2
    services.act(row, "resume", by="sari")
    assert running.step() == 2
    services.act(row, "stop", by="sari")
    assert running.step() == 0
    assert row.targets.filter(reason="stopped").count() == 1
    with pytest.raises(Conflict) as refused:
        services.act(row, "resume", by="sari")
    assert refused.value.extra["allowed"] == []


def test_its_time_is_over_and_who_was_not_called_is_listed_so(cast, asterisk):
    row = started(CAI, ends_at=(timezone.now() + timedelta(minutes=5)).isoformat())
    Campaign.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    assert running.step() == 0
    row.refresh_from_db()
    assert row.state == "done" and row.targets.get().reason == "window_over"
