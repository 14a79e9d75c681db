"""Tickets: the table of their life, who may turn each page, and what a registration must hold."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.accounts.models import AuditRow, Role
from server.accounts.refusals import Conflict, NotAllowed, Refused
from server.events.models import Event
from server.tickets import services, states
from server.tickets.models import Contact, HistoryRow, Incident, Kind, Ticket

pytestmark = pytest.mark.django_db

ROLES = [*Role.values, "system"]
# What an action needs beside the right to take it, so that the table alone decides.
WITH = {"reason": "because", "result": "clamp set", "cause": "corrosion"}


def a_ticket(state: str, **more: object) -> Ticket:
    ticket = Ticket.objects.create(kind="leak", state=state, result="clamp set", **more)
    ticket.number = f"T-{ticket.pk}"
    ticket.save()
    return ticket


@pytest.mark.parametrize("state", list(states.State))
def test_every_cell_of_the_table_is_allowed_or_refused_without_a_trace(state):
    """State x action x role: what the table does not list is 409, what it does not allow 403."""
    ticket = a_ticket(state)
    row = Ticket.objects.filter(pk=ticket.pk)
    moves = 0
    for action in [*states.Action, "explode", ""]:
        known = action in list(states.Action)
        listed = states.TRANSITIONS.get((state, action)) if known else None
        for role in ROLES:
            try:
                moved = services.act(ticket, action, role=role, by="somebody", **WITH)
            except Conflict as no:
                assert listed is None, (state, action, role)
                assert no.status == 409
                assert no.extra["current"] == state
                assert no.extra["allowed"] == states.legal_actions(state, role)
            except NotAllowed as no:
                assert listed is not None and role not in listed[1], (state, action, role)
                assert no.status == 403
            else:
                assert listed is not None and role in listed[1], (state, action, role)
                assert moved.state == listed[0]
                moves += 1
                row.update(state=state, handler="", version=0)
                continue
            assert row.values_list("state", "version").get() == (state, 0)
    traces = (HistoryRow.objects.count(), AuditRow.objects.count(), Event.objects.count())
    assert traces == (moves, moves, moves)


def test_nothing_leaves_a_closed_ticket_but_reopening_and_audit():
    leaving = {a for (s, a) in states.TRANSITIONS if s == states.State.CLOSED}
    assert leaving == {states.Action.REOPEN, states.Action.AUDIT}
    assert not [a for (s, a) in states.TRANSITIONS if s in ("audited", "cancelled", "merged")]


def test_every_state_can_be_reached_and_every_open_one_can_be_left():
    reached = {"registered", "draft"}
    for _ in states.State:
        reached |= {str(to) for (s, _a), (to, _r) in states.TRANSITIONS.items() if s in reached}
    assert reached == {str(s) for s in states.State}
    assert {str(s) for (s, _a) in states.TRANSITIONS} >= states.OPEN


def test_whoever_settled_it_cannot_close_it():
    ticket = a_ticket("in_progress")
    services.act(ticket, "resolve", role="dispatcher", by="mika", result="clamp")
    with pytest.raises(NotAllowed) as no:
        services.act(ticket, "close", role="supervisor", by="mika")
    assert no.value.code == "handler"
    assert services.act(ticket, "close", role="agent", by="aino").state == "closed"


@pytest.mark.parametrize(
    ("state", "action", "role"),
    [("assigned", "return", "dispatcher"), ("in_progress", "suspend", "dispatcher"),
     ("closed", "reopen", "agent"), ("registered", "cancel", "supervisor")],
)  # fmt: skip
@pytest.mark.parametrize("reason", ["", "   "])
def test_steps_back_need_a_reason(state, action, role, reason):
    ticket = a_ticket(state)
    with pytest.raises(Refused) as no:
        services.act(ticket, action, role=role, by="x", reason=reason)
    assert (no.value.field, no.value.code) == ("reason", "required")
    ticket.refresh_from_db()
    assert ticket.state == state


def test_settling_needs_what_was_done():
    with pytest.raises(Refused) as no:
        services.act(a_ticket("in_progress"), "resolve", role="dispatcher", by="x", result=" ")
    assert no.value.field == "result"


def test_a_ticket_without_a_result_cannot_be_closed_but_an_answered_one_can():
    bare = Ticket.objects.create(kind="leak", state="resolved", number="T-bare")
    with pytest.raises(Conflict):
        services.act(bare, "close", role="agent", by="x")
    answered = Ticket.objects.create(kind="enquiry", state="answered", number="T-asked")
    assert services.act(answered, "close", role="agent", by="x").state == "closed"


def test_reopening_counts_and_forgets_the_end():
    ticket = a_ticket("in_progress")
    services.act(ticket, "resolve", role="dispatcher", by="mika", result="clamp")
    services.act(ticket, "close", role="agent", by="aino")
    back = services.act(ticket, "reopen", role="agent", by="aino", reason="still wet")
    assert (back.reopened, back.resolved_at, back.closed_at) == (1, None, None)


@settings(
    max_examples=25, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(list(states.Action)), st.sampled_from(ROLES)), max_size=14
    )
)
def test_the_history_alone_rebuilds_the_state(db, steps):
    """Whatever is tried, the rows that were written say where the ticket is."""
    ticket = a_ticket("registered", handler="")
    HistoryRow.objects.create(ticket=ticket, action="register", to_state="registered", by="x")
    for action, role in steps:
        try:
            services.act(ticket, action, role=role, by=f"{role}-{action}", **WITH)
        except Refused:
            continue
    ticket.refresh_from_db()
    rebuilt = ""
    for row in ticket.history.all():
        assert row.from_state == rebuilt
        rebuilt = row.to_state
    assert rebuilt == ticket.state
    assert ticket.version == ticket.history.count() - 1
    audited = AuditRow.objects.filter(subject=f"ticket:{ticket.number}")
    assert [a.to_state for a in audited] == [h.to_state for h in ticket.history.all()][1:]


# -- registration ---------------------------------------------------------------------------------


def test_a_report_without_a_place_is_kept_as_unlocated(cast, register):
    ticket = register("leak", note="somewhere by the church")
    assert ticket.geom is None
    assert ticket.incident is not None and ticket.incident.geom is None
    assert ticket.incident.segment is None
    assert ticket.incident.number in str(ticket.incident)


def test_the_place_of_a_premise_is_on_the_main_of_its_service_line(cast, register):
    ticket = register("burst", home="anna")
    assert (ticket.incident.pipe, ticket.incident.priority) == ("P8", "P1")
    assert ticket.address == "Church Street 21"
    assert ticket.incident.area.code == "east"


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"kind": "meteor"}, "kind", "unknown"),
        ({"kind": ""}, "kind", "unknown"),
        ({"kind": "leak", "channel": "pigeon"}, "channel", "unknown"),
        ({"kind": "leak", "place": {"lon": 24.93}}, "place", "half"),
        ({"kind": "leak", "place": {"lat": 60.17}}, "place", "half"),
        ({"kind": "leak", "place": {"lon": 0, "lat": 0}}, "place", "outside_city"),
        ({"kind": "leak", "place": {"lon": 60.17, "lat": 24.93}}, "place", "swapped_axes"),
        ({"kind": "leak", "place": {"lon": "x", "lat": "y"}}, "place", "not_a_position"),
        ({"kind": "leak", "place": [24.93, 60.17]}, "place", "shape"),
        ({"kind": "leak", "note": "x" * 4001}, "note", "too_long"),
        ({"kind": "leak", "name": "x" * 501}, "name", "too_long"),
    ],
)
def test_a_bad_registration_is_refused_naming_the_field(cast, client_of, fields, field, code):
    answer = client_of(cast.aino).post("/api/tickets", fields, content_type="application/json")
    assert answer.status_code == 422, answer.content
    error = answer.json()["errors"][0]
    assert (error["field"], error["code"]) == (field, code)
    assert error["text"]
    assert not Ticket.objects.exists() and not Contact.objects.exists()
    assert not Incident.objects.exists()


def test_infinite_degrees_are_no_place(cast, client_of):
    raw = '{"kind": "leak", "place": {"lon": 1e999, "lat": 60.17}}'
    answer = client_of(cast.aino).post("/api/tickets", raw, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "place"


def test_a_second_report_on_the_same_segment_joins_the_first(cast, register):
    first = register("burst", home="anna")
    second = register("no_water", home="clinic")
    third = register("no_water", home="dora")  # P7: another segment
    assert second.incident == first.incident
    assert third.incident != first.incident
    assert first.incident.contacts.count() == 2
    assert second.state == "triaged"
    assert [h.action for h in first.incident.history.filter(ticket=None)] == ["open", "join"]


def test_a_report_is_not_joined_to_trouble_that_is_over(cast, register):
    first = register("burst", home="anna")
    services.move_incident(first.incident, "restored", by="x")
    assert register("no_water", home="clinic").incident != first.incident


def test_joining_what_an_agent_chose(cast, register):
    first = register("burst", home="anna")
    far = register("leak", home="gym", join_incident=first.incident_id)
    assert far.incident == first.incident
    with pytest.raises(Refused) as no:
        register("leak", home="gym", join_incident=10**12)
    assert no.value.field == "join_incident"
    services.move_incident(first.incident, "closed", by="x")
    with pytest.raises(Conflict):
        register("leak", home="gym", join_incident=first.incident_id)


def test_a_worse_second_report_raises_the_priority(cast, register):
    first = register("leak", home="anna")
    assert first.incident.priority == "P2"
    register("leak", home="clinic", symptoms={"undermining": True})
    first.incident.refresh_from_db()
    assert first.incident.priority == "P1"


def test_an_enquiry_makes_no_incident(cast, register):
    ticket = register("enquiry", home="anna")
    assert ticket.incident is None
    assert (ticket.state, ticket.priority) == ("registered", "P4")
    assert services.act(ticket, "answer", role="agent", by="aino").state == "answered"


@pytest.mark.parametrize("kind", [k for k in Kind.values if k not in ("enquiry", "planned")])
def test_every_kind_of_trouble_has_an_incident_with_its_own_priority(cast, register, kind):
    ticket = register(kind, home="cai")
    assert ticket.incident.kind == kind
    assert ticket.incident.priority == ticket.priority


def test_an_incident_never_goes_back(cast, register):
    incident = register("burst", home="anna").incident
    assert services.move_incident(incident, "repaired", by="x")
    for state in states.INCIDENT_LINE[: states.INCIDENT_LINE.index("repaired") + 1]:
        assert not services.move_incident(incident, state, by="x")
    incident.refresh_from_db()
    assert incident.state == "repaired"


def test_many_without_water_make_it_urgent(cast, register):
    incident = register("leak", home="anna").incident
    services.note_impact(incident, 1000, by="x")
    incident.refresh_from_db()
    assert (incident.priority, incident.customers_off) == ("P1", 1000)


def test_a_call_back_is_owed_once_per_call_and_never_to_nobody(db):
    first = services.owe_call_back("missed", "0401", call_id="c1")
    assert services.owe_call_back("missed", "0401", call_id="c1") == first
    assert services.owe_call_back("missed", "", call_id="c2") is None


@pytest.mark.parametrize(
    "typed", ["0401000101", "+358401000101", "040 100 0101", "00358 40 1000101"]
)
def test_one_number_has_one_form_however_it_was_typed(cast, register, typed):
    from server.customers.selectors import phones_of

    ticket = register("leak", home="anna", phone=typed)
    assert [ticket.customer_phone] == phones_of(ticket.account)


def test_a_number_nobody_can_read_is_kept_as_it_was_typed(cast, register):
    assert register("leak", phone="ask at the bar").customer_phone == "ask at the bar"


@pytest.mark.parametrize(
    ("pipe", "share", "home", "stands_on"),
    [
        # Thirty metres up Middle Lane from the corner of Church Street, where Anna's main lies.
        ("P5", 0.85, "", "P5"), ("P5", 0.85, "anna", "P8"),
        # A pin that was moved streets away is no longer her house.
        ("P12", 0.5, "anna", "P12"),
    ],
)
def test_a_house_stands_on_the_main_its_service_line_taps(cast, pipe, share, home, stands_on):
    from server.tickets.placing import Where
    from tests.town import along

    lon, lat = along(pipe, share)
    where = Where(lon, lat, address="x", premise=home)
    ticket = services.register(services.Registration("burst", where), by="aino")
    assert ticket.incident.pipe == stands_on
