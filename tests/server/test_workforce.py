"""Who works when, with whom and with what; every answer against a walk over the rows.

The town's crews: North (A), South (G), Meter (E) and Night (F), each with a van. Here some of them
get members, certificates and leave.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from django.utils import timezone

from server.accounts.moments import midnight
from server.accounts.refusals import Conflict, Refused
from server.dispatch import candidates
from server.dispatch import services as dispatch
from server.dispatch.services import Step
from server.dispatch.states import Who
from server.workforce import boards, roster_csv, rostering, services, staffing
from server.workforce.availability import availability, coverage
from server.workforce.models import (
    Certificate,
    CrewStatus,
    Leave,
    Member,
    OnCallCrew,
    Shift,
    Skill,
    Vehicle,
)
from server.workforce.rostering import Wanted

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def of(crew: Any, at: datetime | None = None) -> Any:
    return next(a for a in availability(at) if a.crew.pk == crew.pk)


def hire(crew: Any, name: str, *skills: str, until: date | None = None) -> Member:
    member = Member.objects.create(crew=crew, name=name)
    for skill in skills:
        Certificate.objects.create(member=member, skill=skill, expires_on=until)
    return member


def away(member: Member, starts: datetime, ends: datetime, kind: str = "sick") -> Leave:
    return rostering.give_leave(member.crew, starts, ends, kind=kind, member=member, by="sari")


# -- who works at a moment ------------------------------------------------------------------------


def test_the_one_query_says_what_a_walk_over_all_rows_says(cast):
    """Random rosters, any moment: shift, on call, who is there, what they may do."""
    rng = random.Random(7)
    crews = [cast.north, cast.south, cast.meter, cast.night]
    base = datetime(2026, 5, 4, tzinfo=UTC)
    quarter = timedelta(minutes=15)
    Shift.objects.all().delete()
    for crew in crews[:3]:
        for n in range(rng.randint(1, 4)):
            skills = rng.sample(Skill.values, 3)
            member = hire(crew, f"{crew.code}{n}")
            for skill in skills:
                day = (base + timedelta(days=rng.randint(-1, 5))).date()
                Certificate.objects.create(
                    member=member, skill=skill, expires_on=rng.choice([None, day])
                )
    for crew in crews:
        team = list(Member.objects.filter(crew=crew))
        for model, many in ((Shift, 8), (OnCallCrew, 3), (Leave, 3)):
            for _n in range(many):
                start = base + rng.randint(0, 4 * 24 * 4) * quarter
                row = model(crew=crew, starts=start, ends=start + rng.randint(1, 50) * quarter)
                if model is Leave and team and rng.random() < 0.8:
                    row.member = rng.choice(team)
                try:
                    with transaction.atomic():
                        row.save()
                except IntegrityError:
                    continue  # it would overlap; the others do
                if model is Shift and team and rng.random() < 0.5:
                    row.members.set(rng.sample(team, rng.randint(1, len(team))))
    moments = [base + rng.randint(0, 5 * 24 * 4) * quarter for _n in range(40)]
    for at in moments:
        for row in availability(at):
            assert _seen(row) == _walked(row.crew, at), (row.crew.code, at)
    for at, skills in coverage(moments).items():
        expected: dict[str, int] = {}
        for row in availability(at):
            for skill in row.skills if row.on_shift and not row.leave else ():
                expected[skill] = expected.get(skill, 0) + 1
        assert skills == expected


def _seen(a: Any) -> Any:
    return (a.on_shift, a.on_call, bool(a.leave), a.here and set(a.here), set(a.skills))


def _walked(crew: Any, at: datetime) -> Any:
    """The same from the rows, one by one."""

    def on(rows: Any) -> list[Any]:
        return [r for r in rows if r.starts <= at < r.ends]

    shifts, duty = on(Shift.objects.filter(crew=crew)), on(OnCallCrew.objects.filter(crew=crew))
    leave = on(Leave.objects.filter(crew=crew))
    team = list(Member.objects.filter(crew=crew, active=True))
    named = set(shifts[0].members.all()) if shifts else set()
    here = [
        m for m in team
        if (not named or m in named) and not any(row.member_id == m.pk for row in leave)
    ]
    day = timezone.localdate(at)
    holders = [c for m in here for c in m.certificates.all()] if team else crew.skills.all()
    skills = {c.skill for c in holders if c.expires_on is None or c.expires_on >= day}
    present = ({m.pk for m in here} or ()) if team else None
    whole = any(row.member_id is None for row in leave)
    return bool(shifts), bool(duty) and not shifts, whole, present, skills


def test_a_member_on_leave_takes_the_skill_along_and_brings_it_back(cast):
    now = timezone.now()
    hire(cast.north, "Li", "valve", "repair")
    jarmo = hire(cast.north, "Jarmo", "welding")
    assert of(cast.north).skills == {"valve", "repair", "welding"}
    away(jarmo, now - HOUR, now + 2 * HOUR)
    found = of(cast.north)
    assert found.skills == {"valve", "repair"} and found.away_with == {"welding": "Jarmo"}
    assert of(cast.north, now + 3 * HOUR).skills == {"valve", "repair", "welding"}


def test_a_crew_whose_members_are_all_away_is_not_there(cast, burst):
    now = timezone.now()
    away(hire(cast.north, "Li", "valve", "repair"), now - HOUR, now + HOUR)
    assert of(cast.north).here == () and not of(cast.north).works
    row = next(r for r in candidates.rank_crews(burst)[0] if r.candidate.id == cast.north.pk)
    assert "nobody_here" in {r.code for r in row.reasons if r.hard}


def test_an_expired_licence_is_not_offered_and_the_day_is_said(cast, burst):
    today = timezone.localdate()
    hire(cast.north, "Li", "valve")
    hire(cast.north, "Jarmo", "repair", until=today - timedelta(days=1))
    row = next(r for r in candidates.rank_crews(burst)[0] if r.candidate.id == cast.north.pk)
    assert row.excluded
    (lapsed,) = [r for r in row.reasons if r.code == "skill_lapsed"]
    assert lapsed.data == {"skill": "repair", "day": (today - timedelta(days=1)).isoformat()}
    assert "ran out on" in candidates.explain(lapsed)
    Certificate.objects.filter(skill="repair").update(expires_on=today)
    row = next(r for r in candidates.rank_crews(burst)[0] if r.candidate.id == cast.north.pk)
    assert not row.excluded, "a certificate is good through its last day"


def test_what_runs_out_within_thirty_days_is_warned_of(cast, client_of):
    today = timezone.localdate()
    for days, name in ((-1, "out"), (30, "soon"), (31, "later")):
        hire(cast.north, name, "valve", until=today + timedelta(days=days))
    found = client_of(cast.mika).get("/api/people").json()["warnings"]
    assert [(w["who"], w["level"]) for w in found] == [("out", "out"), ("soon", "soon")]


# -- the roster -----------------------------------------------------------------------------------


def local(text: str) -> datetime:
    return timezone.make_aware(datetime.fromisoformat(text))


def test_an_overlap_is_refused_by_the_database_and_the_other_shift_is_named(cast):
    first = rostering.add_shift(
        Wanted(cast.north, local("2026-06-01 20:00"), local("2026-06-02 08:00"), "night"), by="sari"
    )
    with pytest.raises(Conflict, match=r"Crew North already works then: Night .*20:00") as no:
        rostering.add_shift(
            Wanted(cast.north, local("2026-06-02 07:59"), local("2026-06-02 17:00")), by="sari"
        )
    assert no.value.extra["other"] == first.pk
    rostering.add_shift(
        Wanted(cast.north, local("2026-06-02 08:00"), local("2026-06-02 17:00")), by="sari"
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        Shift.objects.create(crew=cast.north, starts=first.starts, ends=first.ends)


def test_two_crews_cannot_drive_one_vehicle_at_a_time(cast):
    van = Vehicle.objects.create(plate="SPARE", kind="van")
    hours = local("2026-06-01 08:00"), local("2026-06-01 16:00")
    rostering.add_shift(Wanted(cast.north, *hours, vehicle=van), by="sari")
    with pytest.raises(Conflict, match="SPARE is with Crew North then"):
        rostering.add_shift(Wanted(cast.south, *hours, vehicle=van), by="sari")
    assert of(cast.north, hours[0] + HOUR).vehicle == van


@pytest.mark.parametrize(
    ("starts", "ends", "field"),
    [("2026-06-01 08:00", "2026-06-01 08:00", "ends"), ("2026-06-02 08:00", "2026-06-01", "ends"),
     ("2026-06-01 00:00", "2026-06-03 00:00", "ends")],
)  # fmt: skip
def test_a_shift_goes_forward_and_is_no_longer_than_a_day_and_a_half(cast, starts, ends, field):
    with pytest.raises(Refused) as no:
        rostering.add_shift(Wanted(cast.north, local(starts), local(ends)), by="sari")
    assert no.value.field == field


def test_two_crews_swap_shifts_even_where_half_a_swap_would_overlap(cast):
    a = rostering.add_shift(
        Wanted(cast.north, local("2083-06-01 08:00"), local("2083-06-01 20:00")), by="sari"
    )
    b = rostering.add_shift(
        Wanted(cast.south, local("2083-06-01 12:00"), local("2083-06-02 00:00")), by="sari"
    )
    rostering.swap_shifts(a, b, by="sari")
    a.refresh_from_db()
    b.refresh_from_db()
    assert (a.crew, b.crew) == (cast.south, cast.north)
    rostering.add_shift(
        Wanted(cast.north, local("2083-06-01 08:00"), local("2083-06-01 12:00")), by="sari"
    )
    c = rostering.add_shift(
        Wanted(cast.meter, local("2083-06-01 09:00"), local("2083-06-01 13:00")), by="sari"
    )
    with pytest.raises(Conflict, match="already works then"):
        rostering.swap_shifts(b, c, by="sari")
    b.refresh_from_db()
    assert b.crew == cast.north


def test_a_pattern_is_seen_before_it_is_laid_and_leaves_what_is_there(cast):
    crews = [cast.north, cast.south, cast.meter, cast.night]
    there = rostering.add_shift(
        Wanted(cast.north, local("2083-03-01 10:00"), local("2083-03-01 11:00")), by="sari"
    )
    days = date(2083, 3, 1), date(2083, 3, 14)
    seen = rostering.apply_pattern("four_team_12", crews, *days, by="sari", preview=True)
    assert Shift.objects.filter(starts__year=2083).count() == 1
    in_the_way = [p for p in seen if p.in_the_way]
    rostering.apply_pattern("four_team_12", crews, *days, by="sari")
    made = Shift.objects.filter(starts__year=2083)
    assert made.count() == len(seen) - len(in_the_way) + 1
    assert made.filter(pk=there.pk).exists()
    again = rostering.apply_pattern("four_team_12", crews, *days, by="sari")
    assert all(p.in_the_way for p in again)


def test_what_was_worked_stays_and_what_goes_on_ends_now(cast):
    now = timezone.now()
    running = Shift.objects.get(crew=cast.north)
    rostering.remove_shift(running, by="sari")
    running.refresh_from_db()
    assert abs(running.ends - now) < timedelta(minutes=1)
    with pytest.raises(Conflict, match="stays in the record"):
        rostering.remove_shift(running, by="sari")
    ahead = rostering.add_shift(
        Wanted(cast.north, now + HOUR, now + 2 * HOUR), by="sari"
    )
    rostering.remove_shift(ahead, by="sari")
    assert not Shift.objects.filter(pk=ahead.pk).exists()


def test_leave_twice_is_refused_with_the_one_that_stands(cast):
    li = hire(cast.north, "Li")
    away(li, local("2026-07-01"), local("2026-07-15"), "holiday")
    with pytest.raises(Conflict, match=r"Li is already away then: Leave"):
        away(li, local("2026-07-14"), local("2026-07-16"))
    away(hire(cast.north, "Jarmo"), local("2026-07-01"), local("2026-07-15"))


def test_the_hour_that_comes_twice_in_autumn_is_counted_twice(cast):
    rostering.add_shift(
        Wanted(cast.north, local("2026-10-24 20:00"), local("2026-10-25 08:00"), "night"), by="sari"
    )
    cover = boards.cover(date(2026, 10, 25), 1)
    assert len(cover["hours"]) == 25
    valve = next(s for s in cover["skills"] if s["code"] == "valve")
    assert valve["counts"][:9] == [1] * 9 and not any(valve["counts"][9:])
    assert len(boards.cover(date(2026, 3, 29), 1)["hours"]) == 23


# -- as a table -----------------------------------------------------------------------------------


def test_a_roster_goes_out_as_a_table_and_comes_back_the_same(cast):
    Shift.objects.all().delete()
    li = hire(cast.north, "Li")
    for start, end, kind in (("2026-10-24 20:00", "2026-10-25 08:00", "night"),
                             ("2026-10-26 08:00", "2026-10-26 17:00", "day")):  # fmt: skip
        rostering.add_shift(
            Wanted(cast.north, local(start), local(end), kind, Vehicle.objects.get(crew=cast.north),
                   (li,), "=note"), by="sari",
        )  # fmt: skip
    table = "".join(roster_csv.lines(midnight(date(2026, 10, 1)),
                                     midnight(date(2026, 11, 1))))  # fmt: skip
    assert "'=note" in table
    before = list(Shift.objects.values_list("starts", "ends", "kind", "vehicle", "note"))
    assert roster_csv.read(table, by="sari") == roster_csv.Imported(0, 2, [])
    Shift.objects.all().delete()
    assert roster_csv.read(table, by="sari", preview=True).new == 2
    assert not Shift.objects.exists()
    assert roster_csv.read(table, by="sari").new == 2
    assert list(Shift.objects.values_list("starts", "ends", "kind", "vehicle", "note")) == before
    assert [m.name for s in Shift.objects.all() for m in s.members.all()] == ["Li", "Li"]


def test_bad_lines_are_named_by_number_and_nothing_is_stored(cast):
    table = (
        "crew;starts;ends;kind\n"
        "north;2026-06-01 08:00;2026-06-01 16:00;day\n"
        "nobody;2026-06-01 08:00;2026-06-01 16:00;day\n"
        "\n"
        "south;yesterday;2026-06-01 16:00;day\n"
        "south;2026-06-01 08:00;2026-06-01 16:00;siesta\n"
        "north;2026-06-01 15:00;2026-06-01 20:00;day\n"
    )
    found = roster_csv.read(table, by="sari")
    assert [(b.line, b.field) for b in found.bad] == [
        (3, "crew"), (5, "starts"), (6, "kind"), (7, "starts"),
    ]  # fmt: skip
    assert not Shift.objects.filter(starts__month=6).exists()
    with pytest.raises(Refused, match="first line"):
        roster_csv.read("hello", by="sari")


# -- what a crew is doing -------------------------------------------------------------------------


def test_a_break_has_an_end_and_the_clock_ends_it(cast, burst):
    services.take_break(cast.north, 30, by="mika")
    row = next(r for r in candidates.rank_crews(burst)[0] if r.candidate.id == cast.north.pk)
    (pause,) = [r for r in row.reasons if r.code == "break"]
    assert not row.excluded and 29 * 60 < pause.weight <= 30 * 60
    assert services.end_announced() == 0
    assert services.end_announced(timezone.now() + timedelta(minutes=31)) == 1
    cast.north.refresh_from_db()
    assert (cast.north.state, cast.north.state_until) == ("available", None)
    assert [(s.state, s.by) for s in CrewStatus.objects.filter(crew=cast.north)] == [
        ("break", "mika"), ("available", "system"),
    ]  # fmt: skip


def test_a_crew_with_an_order_takes_no_break(cast, burst):
    dispatch.assign(burst, cast.north, by="mika", reason="x")
    with pytest.raises(Conflict, match="order in hand"):
        services.take_break(cast.north, 30, by="mika")


def test_the_history_of_states_is_intervals_that_nobody_can_change(cast):
    start = timezone.now()
    services.out_of_service(cast.north, by="mika", reason="gearbox")
    services.return_to_work(cast.north, by="sari")
    found = boards.history(cast.north, start, timezone.now())
    assert [(i["state"], i["by"], i["reason"]) for i in found] == [
        ("out_of_service", "mika", "gearbox"), ("available", "sari", ""),
    ]  # fmt: skip
    assert found[0]["to"] == found[1]["from"]
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        CrewStatus.objects.update(by="nobody")


def test_who_looked_at_a_track_is_seen_by_the_supervisor_and_by_the_crew(cast, client_of):
    client_of(cast.sari).get(f"/api/crews/{cast.north.pk}/track", {"reason": "accident"})
    for user, url in ((cast.sari, f"/api/crews/{cast.north.pk}/track-views"),
                      (cast.north.user, "/api/crew/track-views")):  # fmt: skip
        (view,) = client_of(user).get(url).json()["views"]
        assert (view["by"], view["role"], view["reason"]) == ("sari", "supervisor", "accident")
    assert client_of(cast.south.user).get("/api/crew/track-views").json()["views"] == []


def test_a_crew_on_call_is_sent_works_and_goes_home(cast, burst):
    now = timezone.now()
    rostering.put_on_call(
        cast.night, now - HOUR, now + 10 * HOUR, call_out_min=20, by="sari"
    )
    row = next(r for r in candidates.rank_crews(burst)[0] if r.candidate.id == cast.night.pk)
    assert not row.excluded
    assert {r.code: r.weight for r in row.reasons}["call_out"] == 1200.0
    order = dispatch.assign(burst, cast.night, by="mika", reason="nobody else")
    shift = Shift.objects.get(crew=cast.night, kind="extra")
    assert of(cast.night).on_shift and shift.called_out_for == order.number
    dispatch.act(order, Step("recall", timezone.now(), reason="x"), who=Who.DISPATCHER, by="mika")
    assert not of(cast.night).on_shift and of(cast.night).on_call


# -- people and vehicles --------------------------------------------------------------------------


def test_a_new_lead_takes_over_from_the_old_one(cast):
    first = staffing.add_member(cast.north, "Li", lead=True, by="sari")
    staffing.add_member(cast.north, "Jarmo", lead=True, by="sari")
    first.refresh_from_db()
    assert not first.lead


def test_a_plate_or_tracker_that_another_vehicle_has_is_named(cast):
    taken = Vehicle.objects.get(crew=cast.north)
    fresh: dict[str, Any] = {
        "plate": "NEW-1", "kind": "van", "crew": None, "unit": "", "equipment": [],
        "valve_keys_mm": [], "inspection_due": None, "out_of_service": "", "by": "sari",
    }  # fmt: skip
    with pytest.raises(Conflict, match=f"This crew drives {taken.plate}"):
        staffing.save_vehicle(Vehicle(), **{**fresh, "crew": cast.north})
    with pytest.raises(Conflict, match=f"There is a vehicle {taken.plate} already"):
        staffing.save_vehicle(Vehicle(), **{**fresh, "plate": taken.plate})
    with pytest.raises(Refused) as no:
        staffing.save_vehicle(Vehicle(), **{**fresh, "equipment": ["helicopter"]})
    assert no.value.field == "equipment"


def test_a_vehicle_out_of_service_keeps_its_crew_from_going(cast, burst):
    Vehicle.objects.filter(crew=cast.north).update(out_of_service="gearbox")
    row = next(r for r in candidates.rank_crews(burst)[0] if r.candidate.id == cast.north.pk)
    (out,) = [r for r in row.reasons if r.code == "vehicle_out"]
    assert out.hard and "gearbox" in candidates.explain(out)


def test_a_key_too_small_for_the_plan_s_largest_valve_costs(cast, burst):
    Vehicle.objects.filter(crew=cast.north).update(valve_keys_mm=[100])
    row = next(r for r in candidates.rank_crews(burst)[0] if r.candidate.id == cast.north.pk)
    assert "valve_key" in {r.code for r in row.reasons}
    Vehicle.objects.filter(crew=cast.north).update(valve_keys_mm=[100, 300])
    row = next(r for r in candidates.rank_crews(burst)[0] if r.candidate.id == cast.north.pk)
    assert "valve_key" not in {r.code for r in row.reasons}


# -- nobody ---------------------------------------------------------------------------------------


def test_an_empty_list_says_why(cast, burst, client_of):
    Shift.objects.filter(crew__in=[cast.north, cast.south]).delete()
    answer = client_of(cast.mika).get(f"/api/incidents/{burst.pk}/crews").json()
    assert answer["ranked"] == []
    assert answer["why"] == (
        "No crew can go: 4 are kept back. not on shift: 3; lacks the skill: Pipe repair: 1; "
        "lacks the skill: Valves: 1"
    )
    assert candidates.why_nobody([]) == "No crew is registered."


def test_the_demo_s_rota_is_lawful_and_its_round_the_clock_crews_never_sleep(cast):
    from django.contrib.gis.geos import Point

    from server.workforce.demo import load_people
    from tests import town

    load_people("open-sesame-43", Point(*town.place("A"), srid=4326))
    for hour in range(0, 24 * 10, 5):
        rows = {a.crew.code: a for a in availability(timezone.now() + hour * HOUR)}
        for code in ("crew1", "crew2", "crew3", "crew4", "crew5", "crew6"):
            skill = "jetting" if code == "crew6" else "valve"
            assert rows[code].works and skill in rows[code].skills, (code, hour)
        assert rows["crew7"].on_shift or rows["crew7"].on_call
        for code, a in rows.items():
            if code.startswith("crew") and a.hours is not None:
                assert a.hours.worked_s <= 13 * 3600 and a.hours.nights < 5, (code, hour, a.hours)
                rested = a.hours.rest_s is None or a.hours.rest_s >= 8 * 3600
                assert rested or not a.on_shift, (code, hour, a.hours)
    before = Shift.objects.count()
    load_people("open-sesame-43", Point(*town.place("A"), srid=4326))
    assert Shift.objects.count() == before, "loading twice adds nothing"
