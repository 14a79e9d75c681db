"""Who comes to work and who goes home, and who stays because the trench is open.

  R--v1--A--B--C      Crew North is in the trench at C when its shift ends:
                |     it is at work until the order is over, four hours at most
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.gis.geos import Point
from django.utils import timezone

from server.accounts.models import AuditRow
from server.dispatch import candidates, overtime
from server.dispatch import services as dispatch
from server.dispatch.services import Step
from server.dispatch.setting_out import begins_at
from server.dispatch.states import Who
from server.events.models import Event
from server.messaging.models import SmsMessage
from server.workforce import rostering, turns
from server.workforce import services as workforce
from server.workforce.availability import availability
from server.workforce.models import Certificate, Crew, CrewPosition, Member, Shift
from server.workforce.selectors import crew_features

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def of(crew: Any, at: datetime | None = None) -> Any:
    return next(a for a in availability(at) if a.crew.pk == crew.pk)


def told() -> list[tuple[str, str, str | None]]:
    rows = Event.objects.filter(name__startswith="shift.").order_by("pk")
    return [(r.name, r.payload["name"], r.payload["until"]) for r in rows]


# -- told once, whatever made it ------------------------------------------------------------------


def test_a_shift_that_begins_or_ends_is_told_once_to_whoever_draws_crews(cast):
    now = timezone.now()
    turns.tell(now)
    before = len(told())
    assert [of(crew, now).on_shift for crew in (cast.night, cast.north)] == [False, True]
    shift = Shift.objects.get(crew=cast.north, starts__lte=now, ends__gt=now)
    night = Shift.objects.create(crew=cast.night, starts=shift.ends, ends=shift.ends + 8 * HOUR)
    assert turns.tell(now) == 0

    assert turns.tell(shift.ends) >= 2
    since = told()[before:]
    assert ("shift.ended", cast.north.name, None) in since
    assert ("shift.began", cast.night.name, night.ends.isoformat()) in since
    assert turns.tell(shift.ends) == 0
    # A clock that was away in between tells what holds when it is back, and nothing of the rest.
    assert turns.tell(night.ends + HOUR) == 1
    assert told()[-1] == ("shift.ended", cast.night.name, None)


def test_a_city_whose_crews_all_change_at_six_is_told_a_part_at_a_time(cast, monkeypatch):
    monkeypatch.setattr(turns, "MOST", 2)
    passes = [turns.tell() for _ in range(3)]
    assert passes == [2, 1, 0]
    assert len({name for _event, name, _until in told()}) == 3


def test_a_team_that_takes_over_from_its_own_crew_is_no_news(cast):
    turns.tell()
    shift = Shift.objects.get(crew=cast.north)
    Shift.objects.create(crew=cast.north, starts=shift.ends, ends=shift.ends + 8 * HOUR)
    before = [row for row in told() if row[1] == cast.north.name]
    turns.tell(shift.ends + timedelta(seconds=1))
    assert [row for row in told() if row[1] == cast.north.name] == before


@pytest.mark.parametrize(
    "gap_min, relieved", [(0, True), (30, True), (31, False), (None, False)]
)
def test_a_crew_is_relieved_where_its_own_next_team_begins_in_time(cast, gap_min, relieved):
    shift = Shift.objects.get(crew=cast.north)
    if gap_min is not None:
        starts = shift.ends + timedelta(minutes=gap_min)
        Shift.objects.create(crew=cast.north, starts=starts, ends=starts + 8 * HOUR)
    # Another crew's shift relieves nobody.
    Shift.objects.filter(crew=cast.south).update(starts=shift.ends, ends=shift.ends + HOUR)
    assert of(cast.north).relieved == relieved
    assert not of(cast.night).relieved, "who does not work cannot be relieved"


def test_a_crew_that_was_disbanded_in_its_shift_has_gone_home(cast):
    now = timezone.now()
    turns.tell(now)
    Crew.objects.filter(pk=cast.north.pk).update(disbanded_at=now)
    assert turns.tell(now + timedelta(seconds=1)) == 1
    assert told()[-1][:2] == ("shift.ended", cast.north.name)


# -- the shift runs out under a crew with work in hand --------------------------------------------


def sent(burst: Any, crew: Crew, *steps: str) -> Any:
    order = dispatch.assign(burst, crew, by="mika", reason="for the test")
    went_on(order, *steps)
    return order


def went_on(order: Any, *steps: str) -> None:
    crew = order.crew
    for step in steps:
        made = Step(step, timezone.now(), reason="permit pending" if step == "pause" else "")
        dispatch.act(order, made, who=Who.CREW, by=crew.code, crew=crew)
        order.refresh_from_db()


def ran_out(crew: Crew, ago: timedelta = timedelta(seconds=2)) -> Shift:
    shift = Shift.objects.get(crew=crew)
    shift.starts, shift.ends = timezone.now() - 8 * HOUR, timezone.now() - ago
    shift.save()
    return shift


def test_who_stands_in_the_trench_is_at_work_until_the_order_is_over(cast, burst):
    eino = Member.objects.create(crew=cast.north, name="Eino")
    order = sent(burst, cast.north, "accept", "depart", "arrive")
    turns.tell()
    before = told()
    shift = ran_out(cast.north)
    shift.members.set([eino])
    assert not of(cast.north).on_shift

    assert overtime.sweep() == 1
    more = Shift.objects.get(crew=cast.north, called_out_for=order.number)
    assert (more.kind, more.starts) == ("extra", shift.ends)
    assert list(more.members.all()) == [eino]
    assert abs(more.ends - timezone.now() - rostering.KEPT_ON) < timedelta(minutes=1)
    # On the map, followed, its hours counted; and nobody was told that it had gone.
    assert cast.north.pk in {f["id"] for f in crew_features()["features"]}
    assert turns.tell() == 0 and told() == before
    assert overtime.sweep() == 0
    entry = AuditRow.objects.get(action="shift.kept_on")
    assert entry.by == "clock" and str(order.number) in entry.note

    went_on(order, "repaired", "restored", "complete")
    assert turns.tell() == 1 and told()[-1] == ("shift.ended", cast.north.name, None)


def test_nothing_is_planned_behind_the_order_that_keeps_a_crew(cast, burst):
    """It goes home with that: its shift lasts no longer than the job in hand."""
    sent(burst, cast.north, "accept", "depart", "arrive")
    busy = next(c for c in candidates.candidates() if c.id == cast.north.pk)
    assert 0 < busy.busy_s < busy.shift_left_s
    ran_out(cast.north)
    overtime.sweep()
    kept = next(c for c in candidates.candidates() if c.id == cast.north.pk)
    assert kept.on_shift and kept.shift_left_s <= kept.busy_s


@pytest.mark.parametrize(
    "steps, stays",
    [((), False), (("accept",), True), (("accept", "depart", "arrive", "pause"), False)],
)
def test_only_work_that_was_taken_on_and_goes_on_keeps_a_crew(cast, burst, steps, stays):
    sent(burst, cast.north, *steps)
    ran_out(cast.north)
    assert overtime.sweep() == int(stays)
    assert of(cast.north).on_shift == stays


def test_a_forgotten_last_step_is_followed_home_for_four_hours_at_most(cast, burst):
    order = sent(burst, cast.north, "accept", "depart", "arrive")
    ran_out(cast.north)
    overtime.sweep()
    more = Shift.objects.get(called_out_for=order.number)
    more.starts, more.ends = more.starts - 5 * HOUR, timezone.now() - timedelta(seconds=1)
    Shift.objects.filter(crew=cast.north, called_out_for="").delete()
    more.save()
    assert overtime.sweep() == 0
    assert not of(cast.north).on_shift


def test_the_next_shift_takes_over_from_overtime_and_a_vehicle_given_away_stays_away(cast, burst):
    van = cast.north.vehicle
    order = sent(burst, cast.north, "accept", "depart", "arrive")
    shift = ran_out(cast.north)
    shift.vehicle = van
    shift.save()
    now = timezone.now()
    following = Shift.objects.create(crew=cast.north, starts=now + HOUR, ends=now + 9 * HOUR)
    Shift.objects.filter(crew=cast.night).delete()
    Shift.objects.create(crew=cast.night, starts=now, ends=now + 9 * HOUR, vehicle=van)
    assert overtime.sweep() == 1
    more = Shift.objects.get(called_out_for=order.number)
    assert (more.ends, more.vehicle) == (following.starts, None)


def test_a_clock_that_was_away_keeps_the_crew_on_from_the_end_of_its_shift(cast, burst):
    order = sent(burst, cast.north, "accept", "depart", "arrive")
    shift = ran_out(cast.north, timedelta(minutes=20))
    assert overtime.sweep() == 1
    assert Shift.objects.get(called_out_for=order.number).starts == shift.ends


# -- called out from home -------------------------------------------------------------------------


def test_who_is_called_out_is_woken_by_a_text_and_told_when_nobody_need_come(cast, burst, news):
    """Eino and Aili lie in bed, Otto is on holiday; Crew Night's phone speaks Chinese."""
    now = timezone.now()
    cast.night.user.language = "zh-hans"
    cast.night.user.save()
    crew = {
        name: Member.objects.create(crew=cast.night, name=name, mobile=mobile)
        for name, mobile in (("Eino", "+358401000501"), ("Aili", "+358401000502"),
                             ("Otto", "+358401000503"), ("Toivo", ""))
    }  # fmt: skip
    for member in crew.values():
        for skill in ("valve", "repair"):
            Certificate.objects.create(member=member, skill=skill, expires_on=None)
    rostering.give_leave(
        cast.night, now - HOUR, now + HOUR, kind="holiday", member=crew["Otto"], by="sari"
    )
    rostering.put_on_call(cast.night, now - HOUR, now + 10 * HOUR, by="sari")
    order = dispatch.assign(burst, cast.night, by="mika", reason="nobody else")
    news()
    texts = SmsMessage.objects.filter(template="called_out").order_by("to")
    assert [t.to[-3:] for t in texts] == ["501", "502"]
    assert all(order.number in t.body and "请出动" in t.body for t in texts)

    order.refresh_from_db()
    dispatch.act(
        order, Step("recall", timezone.now(), reason="x"), who=Who.DISPATCHER, by="mika"
    )
    news()
    off = SmsMessage.objects.filter(template="called_off").order_by("to")
    assert [t.to for t in off] == [t.to for t in texts]


def test_who_comes_from_home_is_there_the_call_out_later_and_comes_from_the_base(cast, burst):
    """Crew Night was seen last at A yesterday; its base is F, and it needs twenty minutes."""
    now = timezone.now()
    yesterday = now - 20 * HOUR
    CrewPosition.objects.create(
        crew=cast.night, geom=cast.north.base, fix_time=yesterday, device_time=yesterday,
        received_at=yesterday,
    )  # fmt: skip
    rostering.put_on_call(cast.night, now - HOUR, now + 10 * HOUR, call_out_min=20, by="sari")
    order = dispatch.assign(burst, cast.night, by="mika", reason="nobody else")
    way = timedelta(seconds=order.route["seconds"])
    assert order.ready_at - order.dispatched_at == timedelta(minutes=20)
    assert abs(order.eta_at - order.ready_at - way) < timedelta(seconds=1)
    start = Point(*order.route["geometry"][0], srid=4326)
    assert start.distance(cast.night.base) < start.distance(cast.north.base)
    # The place is put right while they get dressed: still twenty minutes, less what has passed.
    dispatch.reroute(burst, by="mika")
    order.refresh_from_db()
    assert order.eta_at >= order.ready_at
    assert Point(*order.route["geometry"][0], srid=4326).distance(start) == 0
    # Seen on the road meanwhile, that is where its way begins.
    CrewPosition.objects.update(fix_time=timezone.now(), geom=cast.south.base)
    order.crew.refresh_from_db()
    assert begins_at(order) == (cast.south.base.x, cast.south.base.y)
    # Off they go earlier than reckoned: from then on the way alone counts.
    went_on(order, "accept", "depart")
    assert order.eta_at < order.ready_at


def test_who_is_on_a_break_finishes_it_first(cast, burst):
    workforce.take_break(cast.north, 30, by="north")
    order = dispatch.assign(burst, cast.north, by="mika", reason="close by")
    assert order.eta_at - order.dispatched_at > timedelta(minutes=29)
    went_on(order, "accept", "depart")
    assert order.eta_at - order.dispatched_at < timedelta(minutes=29)


def test_a_crew_without_registered_people_is_woken_at_its_own_number(cast, burst, news):
    now = timezone.now()
    cast.night.user.mobile = "+358401000509"
    cast.night.user.save()
    rostering.put_on_call(cast.night, now - HOUR, now + 10 * HOUR, by="sari")
    dispatch.assign(burst, cast.night, by="mika", reason="nobody else")
    news()
    (woken,) = SmsMessage.objects.filter(template="called_out")
    assert woken.to[-3:] == "509" and woken.language == "en"


def test_who_is_on_shift_has_the_app_in_hand_and_gets_no_text(cast, burst, news):
    Member.objects.create(crew=cast.north, name="Eino", mobile="+358401000501")
    sent(burst, cast.north, "accept")
    news()
    assert not SmsMessage.objects.filter(template__startswith="called_").exists()
