"""Planned works in the town: the law of notice, two jobs at once, groups that come back.

    R ====P1==== A x---P2---- B x---P3---- C     P8 off: V8, V6, V11 -> Anna, clinic, tea, school
                 x            x            x     P5 off: V5, V8 (E's side is cut by P8's V8 ...)
                 P4           P5           P6 茶馆
                 |            |            |
                 D x---P7---- E x---P8---- F
                 x            x            x
                 P9           P10          P11 school
                 G ----P12--- H            I
"""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from server.accounts.models import AuditRow
from server.accounts.refusals import Conflict, NotAllowed, Refused
from server.customers.models import Account
from server.customers.phones import mask
from server.customers.selectors import called_at
from server.ledger.models import SupplyFact, ValveTurn
from server.messaging.models import SmsMessage
from server.network.models import Valve
from server.outages import notices, overlaps, planning, selectors, services, states
from server.outages.models import Notice, PremiseOff, ShutOff
from server.outages.planning import Works

pytestmark = pytest.mark.django_db


def now():
    return timezone.now()


@pytest.fixture(autouse=True)
def by_day(settings):
    """Notices leave at any hour here; the quiet hours have a test of their own."""
    rules = {**settings.STANDPIPE["NOTICE"], "from_hour": 0, "to_hour": 24}
    settings.STANDPIPE = {**settings.STANDPIPE, "NOTICE": rules}


def tomorrow(hours: float = 30.0, lasts: float = 4.0, **more) -> Works:
    """Works that begin in `hours`; at noon of that day, so that no night permit is asked."""
    starts = timezone.localtime(now() + timedelta(hours=hours))
    starts = starts.replace(hour=12, minute=0, second=0, microsecond=0)
    if starts < now() + timedelta(hours=hours):
        starts += timedelta(days=1)
    fields = {"targets": ["P8"], "reason": "new valve", **more}
    return Works(starts=starts, ends=starts + timedelta(hours=lasts), **fields)


def fire_service_told(off: ShutOff) -> None:
    """And leave for the night, for whoever runs these tests at night."""
    for kind in ("fire_service", "night_work"):
        planning.add_permit(off, kind, issuer="Rescue", number="F-1", valid_from=None,
                            valid_to=None, evidence="", by="juho", role="engineer")  # fmt: skip


@pytest.fixture
def news(news):
    """Texts leave, and what became of them is heard."""

    def twice() -> None:
        news()
        news()

    return twice


@pytest.fixture
def draft(cast):
    return planning.create(tomorrow(), by="juho", role="engineer")


@pytest.fixture
def approved(draft):
    fire_service_told(draft)
    return planning.approve(draft, by="sari", role="supervisor")


@pytest.fixture
def noticed(approved, news):
    planning.notify(approved, by="juho", role="engineer")
    news()
    for call in approved.notices.filter(channel="call"):
        planning.reached(approved, call.pk, "reached", by="aino", role="agent", note="nurse")
    approved.refresh_from_db()
    return approved


@pytest.fixture
def begun(noticed):
    """The hour has come and the valves are released: notices were sent long before."""
    in_its_hour(noticed)
    planning.release(noticed, by="mika", role="dispatcher")
    noticed.refresh_from_db()
    return noticed


def in_its_hour(off: ShutOff) -> None:
    """As if it had been noticed two days ago and began now."""
    off.refresh_from_db()
    ago = off.notice_from - now() + timedelta(minutes=1)
    off.notices.update(starts=off.notice_from - ago, ends=off.notice_to - ago,
                       told_at=now() - timedelta(days=3))  # fmt: skip
    off.notice_from, off.notice_to = off.notice_from - ago, off.notice_to - ago
    off.save()


def texts(template: str) -> dict[str, str]:
    return {m.to: m.body for m in SmsMessage.objects.filter(template=template)}


def closed(off: ShutOff, *valves: str, at=None) -> None:
    for valve in valves:
        services.valve_closed(off, valve, at=at or now(), by="mika", role="dispatcher",
                              said_by="Crew North by radio")  # fmt: skip


def opened(off: ShutOff, *valves: str, at=None) -> None:
    for valve in valves:
        planning.open_by_radio(off, valve, at=at or now(), by="mika", role="dispatcher")


def dry() -> set[str]:
    rows = PremiseOff.objects.filter(off_at__isnull=False, on_at=None)
    return set(rows.values_list("premise__code", flat=True))


# -- written and approved -------------------------------------------------------------------------


def test_an_engineer_writes_it_and_sees_who_is_dry(draft):
    assert draft.state == "draft" and draft.author == "juho" and draft.planned
    assert set(draft.plan["premises"]) == {"anna", "clinic", "tea", "school"}
    assert set(draft.valves.values_list("asset", flat=True)) == {"V6", "V8", "V11"}
    assert selectors.planned_notice("anna", hours=96) is None, "a draft is promised to nobody"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"targets": []}, "targets"), ({"targets": ["nothing"]}, "target"),
        ({"targets": [f"P{n}" for n in range(30)]}, "targets"), ({"targets": ["P1"]}, "targets"),
        ({"reason": " "}, "reason"), ({"works": ["dance"]}, "works"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_field(cast, change, field):
    with pytest.raises(Refused) as no:
        planning.create(tomorrow(**change), by="juho", role="engineer")
    assert no.value.field == field and str(no.value)
    assert not ShutOff.objects.exists()


@pytest.mark.parametrize(("starts", "ends", "field"), [
    (None, 4, "from"), (30, None, "to"), (30, 30, "to"), (30, 29, "to"), (-2, 3, "from"),
    (30, 30 + 24 * 15, "to"),
])  # fmt: skip
def test_a_window_that_is_none_is_refused(cast, starts, ends, field):
    begin = now()

    def hour(n):
        return None if n is None else begin + timedelta(hours=n)

    with pytest.raises(Refused) as no:
        planning.create(Works(["P8"], hour(starts), hour(ends), "x"), by="juho", role="engineer")
    assert no.value.field == field


def test_two_pipes_at_once_need_no_valve_between_them(cast):
    """P8 and P11 hang together at F: V11 between them stays as it is."""
    both = planning.create(tomorrow(targets=["P8", "P11"]), by="juho", role="engineer")
    assert set(both.valves.values_list("asset", flat=True)) == {"V6", "V8"}
    assert set(both.plan["premises"]) == {"anna", "clinic", "tea", "school"}


def test_nobody_approves_their_own_works_and_a_permit_has_to_be_there(draft):
    with pytest.raises(NotAllowed) as no:
        planning.approve(draft, by="juho", role="engineer")
    assert no.value.code == "own_work"
    with pytest.raises(Conflict) as no:
        planning.approve(draft, by="sari", role="supervisor")
    assert no.value.code == "permit_missing" and no.value.extra["permits"] == ["fire_service"]
    # The fire service is told first, emergency or not.
    with pytest.raises(Conflict):
        planning.approve(draft, by="sari", role="supervisor", override="leaking into a cellar")
    fire_service_told(draft)
    done = planning.approve(draft, by="sari", role="supervisor")
    assert (done.state, done.approved_by) == ("approved", "sari")


def test_an_emergency_opens_the_road_first_and_files_the_permit_after(cast):
    off = planning.create(tomorrow(works=["road"]), by="juho", role="engineer")
    fire_service_told(off)
    with pytest.raises(Conflict):
        planning.approve(off, by="sari", role="supervisor")
    with pytest.raises(NotAllowed):
        planning.approve(off, by="other", role="engineer", override="it cannot wait")
    off = planning.approve(off, by="sari", role="supervisor", override="the road sinks")
    assert off.overrides[0]["reason"] == "the road sinks"
    assert AuditRow.objects.get(action="shutoff.override").by == "sari"
    assert planning.missing(off) == ["road_opening"]


def test_a_permit_for_other_days_is_none(draft):
    planning.add_permit(
        draft, "fire_service", issuer="Rescue", number="F-0", by="juho", role="engineer",
        valid_from=None, valid_to=draft.notice_from + timedelta(minutes=5), evidence="",
    )  # fmt: skip
    assert planning.missing(draft) == ["fire_service"]


# -- two jobs at once -----------------------------------------------------------------------------


def test_two_jobs_that_would_dry_the_clinic_together_are_seen_before_approval(cast):
    """Either job alone leaves the east its water by the other way; both together do not.

    P3 off (V3): C is fed from F. P5 and P7 off: E is cut, F is fed from C.
    """
    north = planning.create(tomorrow(targets=["P3"]), by="juho", role="engineer")
    assert "clinic" not in north.plan["premises"]
    fire = planning.missing(north)
    if fire:
        fire_service_told(north)
    planning.approve(north, by="sari", role="supervisor")
    south = planning.create(tomorrow(targets=["P5"]), by="juho", role="engineer")
    # The plan takes the firm job as done, and so names everybody who would be dry.
    assert "clinic" in south.plan["premises"]
    found = overlaps.find(south)
    assert [f["number"] for f in found] == [north.number]
    assert "clinic" in found[0]["together"]
    assert found[0]["priority"][0]["class"] == "dialysis"
    if planning.missing(south):
        fire_service_told(south)
    with pytest.raises(Conflict) as no:
        planning.approve(south, by="sari", role="supervisor")
    assert no.value.code == "overlaps" and north.number in str(no.value)
    done = planning.approve(south, by="sari", role="supervisor", acknowledge=[north.number])
    assert done.overlaps[0]["together"]
    # At another time there is nothing in the way.
    later = planning.create(tomorrow(hours=200, targets=["P5"]), by="juho", role="engineer")
    assert "clinic" not in later.plan["premises"] and overlaps.find(later) == []


def test_a_burst_today_is_in_the_way_of_works_today(cast, burst):
    soon = now() + timedelta(minutes=30)
    off = planning.create(
        Works(["P7"], soon, soon + timedelta(hours=3), "x"), by="juho", role="engineer"
    )
    (found,) = overlaps.find(off)
    assert found["number"] == ShutOff.objects.get(incident=burst).number
    assert found["valves"] == ["V8"], "both crews would turn it"


# -- the law of notice ----------------------------------------------------------------------------


def test_everybody_is_told_by_the_way_that_reaches_them(approved, news):
    """The clinic is called too; who wants no texts is only called; without a phone, a letter."""
    Account.objects.filter(premise__code="tea").update(sms_consent=False)
    Account.objects.get(premise__code="school").phones.all().delete()
    planning.notify(approved, by="juho", role="engineer")
    ways = set(approved.notices.values_list("premise__code", "channel"))
    assert ways == {("anna", "sms"), ("clinic", "sms"), ("clinic", "call"), ("tea", "call"),
                    ("school", "letter")}  # fmt: skip
    approved.refresh_from_db()
    assert approved.state == "approved", "a notice is out when it has left"
    news()
    approved.refresh_from_db()
    assert approved.state == "noticed"
    body = texts("works_notice")["0401000101"]
    assert "Church Street 21" in body and "12:00" in body and approved.number in body
    assert planning.notify(approved, by="juho", role="engineer") == 0, "nobody is told twice"


def test_a_text_goes_to_the_pocket_and_a_call_to_the_number_used_last(approved, news):
    """The clinic rang from its desk yesterday; a text there would be read by nobody."""
    clinic = Account.objects.get(premise__code="clinic")
    mobile = clinic.phones.get().number
    clinic.phones.create(number="0912345", last_used_at=now() - timedelta(days=1))
    clinic.phones.create(number="0401000999")
    assert called_at(clinic) == "0912345"
    planning.notify(approved, by="juho", role="engineer")
    news()
    told = texts("works_notice")
    assert mobile in told and not {"0912345", "0401000999"} & set(told)
    shown = {n["channel"]: n["phone_masked"] for n in notices.listed(approved)
             if n["name"] == clinic.name}  # fmt: skip
    assert shown == {"sms": mask(mobile), "call": mask("0912345")}


def test_a_chinese_customer_reads_chinese(approved, news):
    planning.notify(approved, by="juho", role="engineer")
    assert "计划停水" in texts("works_notice")["0401000104"]


def test_the_night_is_quiet(approved, settings):
    rules = {**settings.STANDPIPE["NOTICE"], "from_hour": 23, "to_hour": 23}
    settings.STANDPIPE = {**settings.STANDPIPE, "NOTICE": rules}
    planning.notify(approved, by="juho", role="engineer")
    assert SmsMessage.objects.filter(template="works_notice", next_try_at__lte=now()).count() == 0


def test_water_is_not_shut_off_before_everybody_was_told_in_time(noticed, cast):
    with pytest.raises(Conflict) as no:
        planning.release(noticed, by="mika", role="dispatcher")
    assert no.value.code == "too_early"
    in_its_hour(noticed)
    noticed.notices.update(told_at=now() - timedelta(hours=23))
    with pytest.raises(Conflict) as no:
        planning.release(noticed, by="mika", role="dispatcher")
    assert no.value.code == "notice_short", "told 23 hours before is not 24"
    noticed.notices.update(told_at=now() - timedelta(hours=25))
    assert set(planning.release(noticed, by="mika", role="dispatcher")) == {"V6", "V8", "V11"}
    noticed.refresh_from_db()
    assert set(noticed.valves.values_list("state", flat=True)) == {"authorised"}


def test_a_long_one_wants_two_days(noticed):
    in_its_hour(noticed)
    noticed.notice_to = noticed.notice_from + timedelta(hours=13)
    noticed.save()
    noticed.notices.update(ends=noticed.notice_to, told_at=now() - timedelta(hours=47))
    with pytest.raises(Conflict) as no:
        planning.release(noticed, by="mika", role="dispatcher")
    assert no.value.code in ("notice_short", "permit_missing")
    assert notices.standing(noticed)["lead_h"] == 48 and not notices.standing(noticed)["enough"]
    noticed.notices.update(told_at=now() - timedelta(hours=49))
    assert notices.standing(noticed)["enough"]


def test_a_text_that_does_not_arrive_is_listed_with_what_to_do(approved, news, monkeypatch):
    from server.messaging import services as messaging
    from server.messaging.gateways import SendError

    real = messaging.gateway()

    class Deaf:
        def send(self, *, to, body, reference):
            if to == "0401000101":
                raise SendError("no such number", permanent=True)
            return real.send(to=to, body=body, reference=reference)

    monkeypatch.setattr(messaging, "gateway", Deaf)
    planning.notify(approved, by="juho", role="engineer")
    news()
    approved.refresh_from_db()
    in_its_hour(approved)
    lost = Notice.objects.get(premise__code="anna")
    assert lost.state == "failed" and "no such number" in lost.note
    with pytest.raises(Conflict) as no:
        planning.release(approved, by="mika", role="dispatcher")
    listed = {(n["address"], n["channel"]) for n in no.value.extra["notice"]}
    assert ("Church Street 21", "sms") in listed and ("Church Street 25", "call") in listed
    assert all(n["to_do"] for n in no.value.extra["notice"])
    assert "0401000101" not in json.dumps(no.value.extra, default=str), "numbers are masked"


def test_an_emergency_goes_round_the_notice_by_a_supervisor_with_a_reason(approved):
    with pytest.raises(Conflict) as no:
        planning.release(approved, by="mika", role="dispatcher")
    assert no.value.code == "not_noticed"
    with pytest.raises(NotAllowed):
        planning.release(approved, by="mika", role="dispatcher", override="the house floats")
    with pytest.raises(Refused):
        planning.release(approved, by="sari", role="supervisor", override="x")
    planning.release(approved, by="sari", role="supervisor", override="the house floats")
    assert AuditRow.objects.filter(action="shutoff.override", by="sari").exists()


def test_another_window_is_another_notice_and_the_old_approval_lapses(noticed, news):
    moved = planning.revise(noticed, tomorrow(hours=80), by="juho", role="engineer")
    assert (moved.state, moved.approved_by) == ("draft", "")
    with pytest.raises(Conflict):
        planning.notify(moved, by="juho", role="engineer")
    planning.approve(moved, by="sari", role="supervisor")
    planning.notify(moved, by="juho", role="engineer")
    news()
    assert set(texts("works_moved")) == {"0401000101", "0401000102", "0401000103", "0401000104"}


def test_a_plan_that_grows_tells_only_who_is_new_and_one_that_shrinks_only_who_is_free(
    noticed, news
):
    assert services.cannot_close(
        noticed, "V6", reason="seized", at=now(), by="mika", role="dispatcher"
    ) == ["bo"]
    news()
    assert len(texts("works_notice")) == 5 and len(texts("works_cancelled")) == 0
    before = SmsMessage.objects.count()
    noticed.refresh_from_db()
    same = Works(["P11"], noticed.notice_from, noticed.notice_to, "only the school")
    smaller = planning.revise(noticed, same, by="juho", role="engineer")
    news()
    assert set(smaller.plan["premises"]) == {"school"}
    called_off = texts("works_cancelled")
    assert len(called_off) == 4 and "0401000103" not in called_off
    assert SmsMessage.objects.count() == before + 4


def test_who_was_told_hears_that_it_is_called_off(noticed, news):
    with pytest.raises(Refused):
        planning.cancel(noticed, by="juho", role="engineer", reason="")
    planning.cancel(noticed, by="juho", role="engineer", reason="rain")
    news()
    assert set(texts("works_cancelled")) == set(texts("works_notice"))
    with pytest.raises(Conflict):
        planning.approve(noticed, by="sari", role="supervisor")


def test_a_text_still_waiting_for_the_morning_never_leaves_when_it_is_called_off(
    approved, news, settings
):
    rules = {**settings.STANDPIPE["NOTICE"], "from_hour": 23, "to_hour": 23}
    settings.STANDPIPE = {**settings.STANDPIPE, "NOTICE": rules}
    planning.notify(approved, by="juho", role="engineer")
    planning.cancel(approved, by="juho", role="engineer", reason="rain")
    SmsMessage.objects.update(next_try_at=now())
    news()
    assert not SmsMessage.objects.filter(state="sent").exists()


# -- valves, groups, the end ----------------------------------------------------------------------


def test_a_valve_is_turned_only_when_released(noticed):
    in_its_hour(noticed)
    with pytest.raises(Conflict) as no:
        closed(noticed, "V8")
    assert no.value.code == "not_released"
    planning.release(noticed, by="mika", role="dispatcher", valves=["V8"])
    closed(noticed, "V8")
    with pytest.raises(Conflict):
        closed(noticed, "V6")
    planning.release(noticed, by="mika", role="dispatcher")
    closed(noticed, "V6", "V11")
    noticed.refresh_from_db()
    assert noticed.state == "active" and noticed.expected_back_at == noticed.notice_to
    turn = noticed.valves.get(asset="V8")
    assert (turn.by, turn.said_by) == ("mika", "Crew North by radio")
    assert ValveTurn.objects.filter(asset="V8", position="closed").count() == 1


def test_who_was_told_before_is_not_told_again_when_it_begins(begun, news):
    closed(begun, "V8")
    news()
    assert texts("works_off") == {} and texts("water_off") == {}


def test_people_come_back_group_by_group_and_hear_it_once(begun, news):
    """The work is done: V8 feeds Anna, the clinic and the tea house; the school waits for V11."""
    start = now() - timedelta(hours=2)
    closed(begun, "V8", at=start)
    assert dry() == set(), "V6 still feeds them from C"
    closed(begun, "V6", at=start + timedelta(minutes=5))
    assert dry() == {"anna", "clinic", "tea", "school"}, "dry before the last valve is turned"
    closed(begun, "V11", at=start + timedelta(minutes=6))
    opened(begun, "V8", at=start + timedelta(minutes=50))
    assert dry() == {"anna", "clinic", "tea", "school"}, "the pipe is open: no water gets through"
    closed(begun, "V8", at=start + timedelta(minutes=52))
    services.work_done(begun, at=start + timedelta(minutes=60), by="mika", role="dispatcher")
    assert dry() == {"anna", "clinic", "tea", "school"}
    opened(begun, "V8", at=start + timedelta(minutes=65))
    news()
    begun.refresh_from_db()
    assert begun.state == "partly_restored" and dry() == {"school"}
    assert set(texts("water_back")) == {"0401000101", "0401000102", "0401000104"}
    opened(begun, "V11", at=start + timedelta(minutes=80))
    news()
    begun.refresh_from_db()
    assert dry() == set() and begun.state == "partly_restored", "V6 is not accounted for"
    assert services.still_closed(begun) == ["V6"]
    with pytest.raises(Conflict) as no:
        services.restore(begun, at=now(), by="mika", role="dispatcher")
    assert no.value.code == "valves_closed" and no.value.extra["valves"] == ["V6"]
    with pytest.raises(NotAllowed):
        services.leave_closed(begun, "V6", reason="new boundary", by="mika", role="dispatcher")
    services.leave_closed(begun, "V6", reason="new boundary", by="juho", role="engineer")
    news()
    begun.refresh_from_db()
    assert begun.state == "restored"
    assert len(SmsMessage.objects.filter(template="water_back")) == 4, "each hears it once"
    # The ledger has every group's own end; the clinic's tank held out.
    minutes = selectors.customer_minutes(start - timedelta(hours=1), now())
    assert minutes == pytest.approx(2 * 60 + 75)
    assert Valve.objects.get(asset="V6").position == "closed"
    planning.close(begun, by="juho", role="engineer")
    begun.refresh_from_db()
    assert begun.state == "closed"


def test_the_works_may_find_a_valve_stuck_and_only_the_newly_dry_are_told(begun, news):
    closed(begun, "V8")
    services.cannot_close(begun, "V6", reason="seized", at=now(), by="mika", role="dispatcher")
    news()
    assert set(texts("works_notice")) - {f"04010001{n:02}" for n in range(1, 5)} == {
        Account.objects.get(premise__code="bo").phones.get().number
    }
    begun.refresh_from_db()
    assert begun.valves.get(asset="V3").state == "requested", "another valve wants another release"


def test_two_jobs_dry_somebody_who_stands_in_neither(cast, begun, register, news):
    """P8 is off; a burst on P10 shuts V10 only. Then V5 and V7 by a third: E, H from below."""
    closed(begun, "V8", "V6", "V11")
    incident = register("burst", home="dora").incident
    news()
    other = ShutOff.objects.get(incident=incident)
    assert "V8" not in set(other.valves.values_list("asset", flat=True))
    for valve in other.valves.values_list("asset", flat=True):
        services.valve_closed(other, valve, at=now(), by="north")
    by_rows = dry()
    from server.network import graph

    stand = graph.positions()
    assert by_rows >= set(graph.dry(stand.closed, stand.opened).premises)


def test_a_valve_somebody_else_leans_on_is_not_opened_from_the_office(cast, begun, register, news):
    """A job on P11 begins while V11 is shut by the job on P8: it counts on it."""
    closed(begun, "V8", "V6", "V11")
    begun.refresh_from_db()
    soon = now() + timedelta(minutes=5)
    second = planning.create(
        Works(["P11"], soon, soon + timedelta(hours=1), "hydrant"), by="juho", role="engineer"
    )
    assert second.plan["leans_on"] == ["V11"] and not second.valves.exists()
    ShutOff.objects.filter(pk=second.pk).update(state="active", started_at=now())
    with pytest.raises(Conflict) as no:
        opened(begun, "V11")
    assert no.value.code == "leaned_on" and second.number in str(no.value)


def test_a_caller_inside_confirms_what_was_reckoned(begun):
    assert not services.confirm_off("anna", at=now(), by="aino", source="call c1")
    closed(begun, "V8", "V6", "V11")
    assert services.confirm_off("anna", at=now(), by="aino", source="call c1")
    assert services.confirm_off("anna", at=now(), by="aino", source="call c2")
    assert SupplyFact.objects.filter(basis="confirmed", premise__code="anna").count() == 1
    assert not services.confirm_off("dora", at=now(), by="aino", source="call c3")


def test_one_who_is_dry_before_the_model_says_so_is_believed_until_the_water_is_back(begun):
    start = now() - timedelta(minutes=50)
    closed(begun, "V8", at=start)
    assert services.confirm_off("anna", at=start + timedelta(minutes=1), by="aino", source="call")
    assert dry() == {"anna"}
    closed(begun, "V6", "V11", at=start + timedelta(minutes=9))
    services.work_done(begun, at=start + timedelta(minutes=20), by="mika", role="dispatcher")
    opened(begun, "V8", "V6", "V11", at=start + timedelta(minutes=21))
    assert dry() == set()
    minutes = selectors.customer_minutes(start - timedelta(hours=1), now())
    assert minutes == pytest.approx(20 + 12 + 12)


# -- every cell, at the door ----------------------------------------------------------------------

DOOR_STEPS = sorted({str(v) for v in states.Verb} - {"noticed"})


@pytest.mark.parametrize("state", [str(s) for s in states.State])
def test_every_step_the_table_does_not_list_is_refused_at_the_door(draft, cast, client_of, state):
    """State x verb: 409 to one who takes that step elsewhere; verb x role: 403 to who never does.

    Nothing changes. The role is asked before the state, so one state is enough for the roles.
    """
    people = {"agent": cast.aino, "dispatcher": cast.mika, "supervisor": cast.sari,
              "engineer": cast.juho, "manager": cast.hui, "auditor": cast.anu}  # fmt: skip
    starts = timezone.localtime(draft.notice_from).isoformat()
    ends = timezone.localtime(draft.notice_to).isoformat()
    filled = {
        "reason": "x y z", "targets": ["P8"], "from": starts, "to": ends, "valve": "V8",
        "kind": "traffic", "issuer": "x", "number": "y", "at": ends, "notice": "letters",
    }  # fmt: skip
    ShutOff.objects.filter(pk=draft.pk).update(state=state)
    draft.valves.update(state="closed")
    asked_of: set[str] = set()
    for role, user in people.items():
        client = client_of(user)
        for verb in DOOR_STEPS:
            if states.may(verb, role):
                if states.results("planned", state, verb) or verb in asked_of:
                    continue
                asked_of.add(verb)
            elif state != "active":
                continue
            if verb == "close_valve":
                draft.valves.update(state="authorised")
            if verb == "cannot_close":
                draft.valves.update(state="requested")
            version = ShutOff.objects.get(pk=draft.pk).version
            answer = client.post(f"/api/shutoffs/{draft.number}/actions",
                                 {**filled, "action": verb}, content_type="application/json")
            quiet = verb == "work_done" and answer.status_code == 200
            assert answer.status_code in (403, 409) or quiet, (role, verb, answer.content)
            assert ShutOff.objects.get(pk=draft.pk).version == version, (role, verb)
            draft.valves.update(state="closed")


# -- the crew's own list --------------------------------------------------------------------------


def test_planned_works_reach_a_crew_that_turns_what_is_released(noticed, cast, news, report):
    """V6 seizes under the crew's hands: the plan goes round it, and its phone has the new list."""
    from server.dispatch import services as dispatch
    from server.dispatch.lists import order_list
    from server.outages.ordering import send_to_dispatch
    from server.service_level.models import Clock

    incident = send_to_dispatch(noticed, by="juho", role="engineer")
    with pytest.raises(Conflict) as no:
        send_to_dispatch(noticed, by="mika", role="dispatcher")
    assert no.value.code == "on_the_list"
    news()
    assert (incident.kind, incident.pipe, incident.priority) == ("planned", "P8", "P3")
    assert not Clock.objects.filter(incident=incident).exists(), "its window is its promise"
    assert ShutOff.objects.filter(incident=incident).count() == 1

    def steps() -> set[str]:
        cast.north.refresh_from_db()
        (listed,) = order_list(cast.north).orders
        return {str(step) for step in listed.next}

    order = dispatch.assign(incident, cast.north, by="mika")
    for action in ("accept", "depart", "arrive"):
        assert report(cast.north, order, action).ok
    assert "close_valve" not in steps(), "nothing is released yet"
    assert report(cast.north, order, "close_valve", valve="V8").error.code == "not_released"

    in_its_hour(noticed)
    planning.release(noticed, by="mika", role="dispatcher")
    assert "close_valve" in steps()
    assert report(cast.north, order, "close_valve", valve="V8").ok
    noticed.refresh_from_db()
    assert noticed.state == "active"
    assert report(cast.north, order, "cannot_close_valve", valve="V6", reason="seized").ok
    noticed.refresh_from_db()
    assert "V3" in noticed.valves.values_list("asset", flat=True)
    assert "bo" in noticed.plan["premises"]


def test_nobody_registers_planned_works_by_telephone(cast, register):
    with pytest.raises(Refused) as no:
        register("planned", home="anna")
    assert no.value.field == "kind"
