"""Putting a ticket right: the place nobody knew, the wrong kind, and two who write at once.

    R ====P1==== A x---P2---- B x---P3---- C
                 x            x            x        Anna and the clinic live on P8,
                 P4           P5           P6       the gym on P12, Dora on P7.
                 |            |            |
                 D x---P7---- E x---P8---- F        (the whole town: tests/town.py)
"""

from __future__ import annotations

import pytest
from django.contrib.gis.geos import Point

from server.accounts.models import AuditRow
from server.accounts.refusals import Conflict, Refused
from server.customers.models import Premise
from server.dispatch import services as dispatch
from server.dispatch.models import WorkOrder
from server.outages.models import ShutOff
from server.service_level.models import Clock
from server.tickets import amending
from server.tickets.amending import Amendment
from server.tickets.models import Incident, Ticket
from server.tickets.placing import Where, locate
from tests.town import along

pytestmark = pytest.mark.django_db


def put_right(ticket: Ticket, *, edition: int = 0, by: str = "aino", **more: object) -> Ticket:
    return amending.amend(ticket, Amendment(edition, **more), by=by)  # type: ignore[arg-type]


def on(pipe: str, share: float = 0.5, address: str = "") -> Where:
    lon, lat = along(pipe, share)
    return Where(lon, lat, address or f"{pipe} Street 1")


def plan_of(incident: Incident) -> set[str]:
    off = ShutOff.objects.exclude(state="cancelled").get(incident=incident)
    return {v["asset"] for v in off.plan["valves"]}


@pytest.fixture
def lost(register, cast, news) -> Ticket:
    """Somebody reported a burst and hung up before saying where."""
    ticket = register("burst", name="?", phone="0409990001")
    news()
    return ticket


def test_a_report_without_a_place_gets_one_and_then_its_plan(lost, news, cast):
    incident = lost.incident
    assert incident.geom is None and not ShutOff.objects.exists()
    put_right(lost, where=on("P8"))
    news()
    incident.refresh_from_db()
    assert (incident.pipe, incident.address) == ("P8", "P8 Street 1")
    assert incident.area is not None and incident.geom is not None
    assert plan_of(incident) == {"V6", "V8", "V11"}
    assert dispatch.assign(incident, cast.north, by="mika", reason="near").number
    assert AuditRow.objects.filter(action="ticket.amend", by="aino").exists()


def test_a_house_in_a_yard_stands_on_the_main_its_service_line_says(cast):
    """A hundred metres from every street: the address of the house means Anna's main all the same.

        E x---P8---- F
               :
               : her service line
               Anna, and beside her nobody
    """
    lon, lat = along("P8", 0.5)
    yard = Point(lon, lat - 100 / 111_000, srid=4326)
    assert locate(Where(yard.x, yard.y, "Church Street 21"), None).pipe == ""
    Premise.objects.filter(code="anna").update(geom=yard)
    found = locate(Where(yard.x, yard.y, "Church Street 21"), None)
    assert found.pipe == "P8" and found.segment is not None
    beside = locate(Where(yard.x + 0.0005, yard.y, "Nobody's field"), None)
    assert (beside.pipe, beside.segment) == ("", None)


def test_a_place_where_trouble_is_known_joins_it_there(burst, lost, news):
    put_right(lost, where=on("P8", 0.6))
    news()
    lost.refresh_from_db()
    assert lost.incident == burst and burst.contacts.count() == 2
    assert Incident.objects.exclude(state="closed").get() == burst
    left = Clock.objects.exclude(incident=burst).filter(incident__isnull=False)
    assert set(left.values_list("state", flat=True)) == {"cancelled"}, "kept by nobody"


def test_a_report_that_finds_its_place_makes_what_is_known_there_more_urgent(
    register, cast, news
):
    known = register("low_pressure", home="anna").incident
    lost = register("no_water", name="?", phone="0409990002", symptoms={"flooding": "yes"})
    news()
    put_right(lost, where=on("P8", 0.6))
    known.refresh_from_db()
    assert known.priority == "P1" and known.contacts.count() == 2


def test_a_wrong_address_takes_its_incident_along_and_the_plan_is_made_again(burst, news):
    ticket = burst.tickets.get()
    put_right(ticket, where=on("P12"))
    news()
    burst.refresh_from_db()
    assert burst.pipe == "P12" and plan_of(burst) == {"V9", "V10"}
    assert set(ShutOff.objects.values_list("target", "state")) == {
        ("P8", "cancelled"), ("P12", "draft"),
    }
    assert burst.customers_off == len(ShutOff.objects.get(target="P12").plan["premises"])


def test_what_others_reported_too_stays_where_it_is(burst, register, news):
    second = register("no_water", home="clinic")
    news()
    assert second.incident == burst
    put_right(second, where=on("P12"))
    news()
    burst.refresh_from_db()
    second.refresh_from_db()
    assert burst.pipe == "P8" and second.address == "P12 Street 1" and second.incident == burst


def test_words_alone_take_nothing_off_the_map(burst, news):
    ticket = burst.tickets.get()
    before = ticket.geom.coords
    put_right(ticket, where=Where(address="Church Street 21, at the back door"))
    news()
    ticket.refresh_from_db()
    burst.refresh_from_db()
    assert ticket.address.endswith("back door") and ticket.geom.coords == before
    assert burst.pipe == "P8" and plan_of(burst) == {"V6", "V8", "V11"}


def test_a_crew_that_is_sent_hears_of_the_other_place(burst, cast, news, broker):
    order = dispatch.assign(burst, cast.north, by="mika")
    news()
    before = broker.retained[cast.north.device].orders[0]
    put_right(burst.tickets.get(), where=on("P12"))
    news()
    after = broker.retained[cast.north.device].orders[0]
    assert after.place.address == "P12 Street 1" and before.place.address != after.place.address
    assert after.route is not None and after.route.geometry[-1] != before.route.geometry[-1]
    assert {v.id for v in after.valves} == {"V9", "V10"}
    order.refresh_from_db()
    assert order.state == "dispatched"


def test_nobody_moves_an_incident_under_a_crew_that_works_there(burst, cast, news):
    order = dispatch.assign(burst, cast.north, by="mika")
    WorkOrder.objects.filter(pk=order.pk).update(state="on_site")
    Incident.objects.filter(pk=burst.pk).update(state="on_site")
    ticket = burst.tickets.get()
    with pytest.raises(Conflict) as no:
        put_right(ticket, where=on("P12"))
    assert (no.value.field, no.value.code) == ("place", "at_work")
    ticket.refresh_from_db()
    assert ticket.edition == 0 and ticket.address != "P12 Street 1", "nothing was changed"
    # Words can still be put right.
    assert put_right(ticket, note="Blue car in the hole").edition == 1


def test_low_pressure_that_is_a_burst_gets_its_priority_its_clocks_and_its_plan(
    register, cast, news
):
    ticket = register("low_pressure", home="anna")
    news()
    assert not ShutOff.objects.exists()
    put_right(ticket, kind="burst")
    news()
    incident = Incident.objects.get()
    ticket.refresh_from_db()
    assert (incident.kind, incident.priority, ticket.priority) == ("burst", "P1", "P1")
    assert plan_of(incident) == {"V6", "V8", "V11"}
    running = Clock.objects.filter(incident=incident, state="running")
    assert set(running.values_list("kind", flat=True)) == {
        "dispatch", "arrival", "stop_water", "repair",
    }


def test_a_burst_that_is_a_meter_needs_no_valves_and_no_water_is_promised(burst, news):
    put_right(burst.tickets.get(), kind="meter")
    news()
    burst.refresh_from_db()
    assert (burst.kind, burst.customers_off) == ("meter", 0)
    assert ShutOff.objects.get().state == "cancelled"
    assert Clock.objects.get(incident=burst, kind="stop_water").state == "cancelled"


def test_two_who_write_at_once_see_both_versions(burst, cast, client_of):
    ticket = burst.tickets.get()
    aino, mika = client_of(cast.aino), client_of(cast.mika)
    url = f"/api/tickets/{ticket.number}"
    seen = aino.get(url).json()
    assert seen["edition"] == 0 and seen["amendable"] is True
    change = {"edition": 0, "note": "water in the cellar"}
    assert mika.post(f"{url}/amend", change, content_type="application/json").status_code == 200
    late = aino.post(
        f"{url}/amend", {"edition": 0, "note": "water in the road", "name": "Anna V."},
        content_type="application/json",
    )
    assert late.status_code == 409
    assert late.json()["errors"][0]["code"] == "changed_meanwhile"
    assert late.json()["edition"] == 1
    assert late.json()["differences"] == [
        {"field": "note", "now": "water in the cellar", "yours": "water in the road"},
        {"field": "name", "now": "Anna", "yours": "Anna V."},
    ]
    again = aino.post(
        f"{url}/amend", {"edition": 1, "note": "water in the road"},
        content_type="application/json",
    )
    assert again.status_code == 200 and again.json()["note"] == "water in the road"


def test_the_same_words_twice_are_no_quarrel(burst):
    ticket = burst.tickets.get()
    put_right(ticket, note="wet")
    assert put_right(ticket, note="wet").edition == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "flood"}, "kind"), ({"kind": "enquiry"}, "kind"), ({"note": "x" * 4001}, "note"),
        ({"where": Where()}, "place"), ({"where": Where(60.17, 24.93)}, "place"),
        ({"where": Where(24.93, None)}, "place"), ({"where": Where(2.35, 48.86)}, "place"),
        ({"name": "x" * 501}, "name"),
    ],
)
def test_what_no_ticket_can_hold_is_refused_by_name_and_changes_nothing(burst, change, field):
    ticket = burst.tickets.get()
    with pytest.raises(Refused) as no:
        put_right(ticket, **change)
    assert no.value.field == field
    ticket.refresh_from_db()
    assert ticket.edition == 0 and ticket.kind == "burst"


@pytest.mark.parametrize("state", ["resolved", "call_back", "closed", "cancelled", "merged"])
def test_what_is_done_is_not_rewritten(burst, state):
    Ticket.objects.update(state=state)
    with pytest.raises(Conflict) as no:
        put_right(burst.tickets.get(), note="x")
    assert no.value.code == "settled"


@pytest.mark.parametrize(
    "body", ['{"note": "x"}', '{"edition": true}', '{"edition": "0"}', '{"edition": 0, "place": 7}']
)
def test_a_door_without_an_edition_or_with_a_strange_place_says_so(burst, cast, client_of, body):
    url = f"/api/tickets/{burst.tickets.get().number}/amend"
    answer = client_of(cast.aino).generic("POST", url, body, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] in ("edition", "place")
