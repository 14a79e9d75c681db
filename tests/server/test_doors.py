"""Every door of the API: who may pass, what is asked, and what is said when it is wrong."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError, transaction
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone
from openapi_spec_validator import validate

from server.accounts.models import AuditRow, CrewToken, IdempotencyKey
from server.accounts.permissions import CONTROL, DESK, OFFICE
from server.accounts.throttle import TRIES
from server.customers.models import Account
from server.tickets.models import Ticket
from tests.people import PASSWORD

pytestmark = pytest.mark.django_db
EVERYBODY = (*OFFICE, "crew")
ANYONE = "anyone, signed in or not"
DEVICE = "a device, with a secret of its own; to people it is closed"

CAMPAIGNS = ("agent", "supervisor", "dispatcher", "manager", "auditor")

# Door -> who may pass. What is not here does not exist: a test compares it with the addresses.
DOORS: dict[tuple[str, str], Any] = {
    ("GET", "schema"): ANYONE,
    ("GET", "me"): EVERYBODY,
    ("POST", "me/state"): DESK,
    ("GET", "calls/live"): DESK,
    ("GET", "calls/<str:call_id>"): DESK,
    ("PUT", "calls/<str:call_id>/draft"): DESK,
    ("POST", "calls/<str:call_id>/identify"): DESK,
    ("POST", "calls/<str:call_id>/register"): DESK,
    ("POST", "calls/<str:call_id>/location-link"): DESK,
    ("GET", "calls/<str:call_id>/recording"): ("agent", "supervisor", "auditor"),
    ("POST", "calls/<str:call_id>/pause-recording"): DESK,
    ("GET", "recordings"): ("supervisor", "auditor"),
    ("GET", "recordings/state"): ("supervisor", "auditor"),
    ("GET", "recordings/gaps"): ("supervisor", "auditor"),
    ("POST", "recordings/gaps/<int:pk>"): ("supervisor",),
    ("GET", "recordings/sound/<str:token>"): ("agent", "supervisor", "auditor"),
    ("GET", "recordings/<str:call_id>"): ("supervisor", "auditor"),
    ("POST", "recordings/<str:call_id>/open"): ("agent", "supervisor", "auditor"),
    ("POST", "recordings/<str:call_id>/retention"): ("supervisor",),
    ("POST", "recordings/<str:call_id>/hold"): ("supervisor", "auditor"),
    ("GET", "recordings/<path:rest>"): EVERYBODY,
    ("GET", "supervision"): ("supervisor",),
    ("GET", "exchange/blocked"): ("supervisor", "engineer", "auditor"),
    ("POST", "exchange/blocked/<int:pk>"): ("supervisor", "engineer"),
    ("POST", "agents/<str:username>/listen"): ("supervisor",),
    ("DELETE", "agents/<str:username>/listen"): ("supervisor",),
    ("POST", "where/<str:token>"): ANYONE,
    ("GET", "calls/<str:call_id>/talk"): DESK,
    ("POST", "calls/<str:call_id>/talk"): DESK,
    ("GET", "desk/colleagues"): DESK,
    ("POST", "desk/dial"): DESK,
    ("GET", "call-backs"): DESK,
    ("GET", "queues"): OFFICE,
    ("GET", "queues/now"): OFFICE,
    ("PUT", "queues/<str:code>"): ("supervisor",),
    ("GET", "agents/skills"): ("supervisor",),
    ("PUT", "agents/<str:username>/skills"): ("supervisor",),
    ("POST", "agents/<str:username>/state"): ("supervisor",),
    ("GET", "pause-reasons"): DESK,
    ("PUT", "pause-reasons/<str:code>"): ("supervisor",),
    ("GET", "items"): ("agent", "supervisor"),
    ("POST", "items/<int:pk>"): ("agent", "supervisor"),
    ("POST", "inbound"): DEVICE,
    ("GET", "kept-places"): DESK,
    ("POST", "kept-places/<int:pk>/cancel"): DESK,
    ("POST", "call-backs/<int:pk>"): DESK,
    ("GET", "ivr"): ("supervisor", "manager", "auditor"),
    ("POST", "ivr/check"): ("supervisor", "manager", "auditor"),
    ("POST", "ivr/preview"): ("supervisor", "manager", "auditor"),
    ("POST", "ivr/speak"): ("supervisor", "manager", "auditor"),
    ("POST", "ivr/versions"): ("supervisor",),
    ("GET", "ivr/versions/<int:number>"): ("supervisor", "manager", "auditor"),
    ("PUT", "ivr/versions/<int:number>"): ("supervisor",),
    ("POST", "ivr/versions/<int:number>/actions"): ("supervisor",),
    ("GET", "ivr/prompts"): ("supervisor", "manager", "auditor"),
    ("POST", "ivr/prompts/<str:name>/<str:language>"): ("supervisor",),
    ("POST", "ivr/prompts/<str:name>/<str:language>/use"): ("supervisor",),
    ("GET", "ivr/prompts/<str:name>/<str:language>/<int:number>"):
        ("supervisor", "manager", "auditor"),
    ("GET", "customers"): DESK,
    ("GET", "customers/<str:number>/statement"): DESK,
    ("POST", "customers/<str:number>/verify"): DESK,
    ("PUT", "customers/<str:number>/pin"): DESK,
    ("GET", "articles"): OFFICE,
    ("POST", "articles"): ("supervisor", "engineer"),
    ("GET", "articles/<str:code>"): OFFICE,
    ("POST", "articles/<str:code>"): ("supervisor", "engineer"),
    ("POST", "articles/<str:code>/steps"): ("supervisor", "engineer"),
    ("GET", "places"): EVERYBODY,
    ("GET", "place-aliases"): EVERYBODY,
    ("POST", "place-aliases"): ("supervisor", "engineer"),
    ("POST", "place-aliases/import"): ("supervisor", "engineer"),
    ("POST", "place-aliases/<int:pk>/remove"): ("supervisor", "engineer"),
    ("GET", "assets"): EVERYBODY,
    ("GET", "assets/<str:name>"): EVERYBODY,
    ("GET", "assets/<str:name>/identify"): OFFICE,
    ("GET", "find-assets"): OFFICE,
    ("GET", "network"): OFFICE,
    ("GET", "trace/<str:name>"): OFFICE,
    ("GET", "sewers/<str:name>/run"): EVERYBODY,
    ("GET", "network/imports"): ("engineer", "supervisor"),
    ("POST", "network/imports"): ("engineer",),
    ("GET", "network/imports/<str:number>"): ("engineer", "supervisor"),
    ("PUT", "network/imports/<str:number>/map"): ("engineer",),
    ("POST", "network/imports/<str:number>/build"): ("engineer",),
    ("POST", "network/imports/<str:number>/approve"): ("engineer",),
    ("POST", "network/imports/<str:number>/discard"): ("engineer",),
    ("GET", "network/imports/<str:number>/changes"): ("engineer", "supervisor"),
    ("GET", "network/imports/<str:number>/quarantine"): ("engineer", "supervisor"),
    ("GET", "network/imports/<str:number>/quarantine.csv"): ("engineer", "supervisor"),
    ("GET", "network/versions/<int:number>/changes"): ("engineer", "supervisor"),
    ("POST", "network/versions/<int:number>/rollback"): ("engineer",),
    ("GET", "network/export"): ("engineer", "supervisor"),
    ("GET", "network/readiness"): ("engineer", "supervisor"),
    ("POST", "tickets"): DESK,
    ("GET", "tickets/<str:number>"): OFFICE,
    ("POST", "tickets/<str:number>/actions"): OFFICE,
    ("POST", "tickets/<str:number>/amend"): DESK,
    ("GET", "incidents"): OFFICE,
    ("GET", "incidents/<int:pk>"): OFFICE,
    ("GET", "incidents/<int:pk>/crews"): OFFICE,
    ("GET", "incidents/<int:pk>/what-if"): OFFICE,
    ("GET", "board"): OFFICE,
    ("GET", "plan"): OFFICE,
    ("POST", "plan/accept"): CONTROL,
    ("GET", "plan/wishes"): OFFICE,
    ("POST", "plan/wishes"): CONTROL,
    ("POST", "plan/wishes/<int:pk>/end"): CONTROL,
    ("POST", "orders/<str:number>/move"): CONTROL,
    ("GET", "run-cards"): OFFICE,
    ("POST", "run-cards"): ("supervisor",),
    ("PUT", "run-cards/<int:pk>"): ("supervisor",),
    ("GET", "incidents/<int:pk>/route"): OFFICE,
    ("POST", "incidents/<int:pk>/assign"): CONTROL,
    ("POST", "incidents/<int:pk>/close"): CONTROL,
    ("GET", "bursts"): OFFICE,
    ("GET", "bursts/<int:pk>"): OFFICE,
    ("POST", "bursts/<int:pk>/confirm"): CONTROL,
    ("POST", "bursts/<int:pk>/dismiss"): CONTROL,
    ("POST", "work-orders/<str:number>/actions"): ("crew", *CONTROL),
    ("GET", "crews"): OFFICE,
    ("GET", "crews/<int:pk>/track"): ("supervisor",),
    ("POST", "crews/<int:pk>/revoke"): ("supervisor",),
    ("GET", "vehicles"): OFFICE,
    ("POST", "positions"): DEVICE,
    ("POST", "positions/<str:form>"): DEVICE,
    ("GET", "devices"): ("supervisor",),
    ("GET", "devices/health"): ("supervisor",),
    ("GET", "rounds"): CONTROL,
    ("POST", "rounds/keep"): CONTROL,
    ("GET", "fences"): OFFICE,
    ("POST", "fences"): CONTROL,
    ("POST", "fences/<int:pk>/change"): CONTROL,
    ("POST", "fences/<int:pk>/remove"): CONTROL,
    ("POST", "devices"): ("supervisor",),
    ("POST", "devices/<str:name>/revoke"): ("supervisor",),
    ("GET", "crews/now"): CONTROL,
    ("GET", "crews/<int:pk>/status"): CONTROL,
    ("POST", "crews/<int:pk>/status"): CONTROL,
    ("GET", "crews/<int:pk>/track-views"): ("supervisor",),
    ("POST", "crew/status"): ("crew",),
    ("GET", "crew/track-views"): ("crew",),
    ("GET", "roster"): CONTROL,
    ("GET", "roster.csv"): CONTROL,
    ("GET", "roster/coverage"): CONTROL,
    ("POST", "roster/import"): CONTROL,
    ("POST", "roster/patterns"): CONTROL,
    ("POST", "roster/shifts"): CONTROL,
    ("PUT", "roster/shifts/<int:pk>"): CONTROL,
    ("POST", "roster/shifts/<int:pk>/actions"): CONTROL,
    ("POST", "roster/on-call"): CONTROL,
    ("POST", "roster/on-call/<int:pk>/remove"): CONTROL,
    ("POST", "roster/leave"): CONTROL,
    ("POST", "roster/leave/<int:pk>/remove"): CONTROL,
    ("GET", "people"): CONTROL,
    ("POST", "people"): CONTROL,
    ("PUT", "people/<int:pk>"): CONTROL,
    ("POST", "people/<int:pk>/certificates"): CONTROL,
    ("POST", "certificates/<int:pk>/withdraw"): CONTROL,
    ("GET", "fleet"): CONTROL,
    ("POST", "fleet"): CONTROL,
    ("PUT", "fleet/<int:pk>"): CONTROL,
    ("GET", "stock"): CONTROL,
    ("POST", "stock"): CONTROL,
    ("POST", "stock/<int:pk>/actions"): CONTROL,
    ("POST", "stock/reservations"): CONTROL,
    ("POST", "stock/orders/<str:number>"): CONTROL,
    ("GET", "photos/<int:pk>"): OFFICE,
    ("POST", "crew/photos"): ("crew",),
    ("POST", "crew/sign-in"): ANYONE,
    ("GET", "crew/district"): ("crew",),
    ("GET", "streets/nearest"): OFFICE,
    ("GET", "streets/route"): EVERYBODY,
    ("GET", "streets/isochrone"): OFFICE,
    ("GET", "streets/at"): OFFICE,
    ("GET", "streets/changes"): OFFICE,
    ("POST", "streets/changes"): CONTROL,
    ("POST", "streets/changes/<int:pk>/lift"): CONTROL,
    ("POST", "streets/changes/<int:pk>/extend"): CONTROL,
    ("POST", "streets/changes/<int:pk>/accept"): CONTROL,
    ("POST", "clocks/<int:pk>"): CONTROL,
    ("POST", "escalations/<int:pk>"): ("dispatcher", "supervisor", "manager"),
    ("GET", "defects"): OFFICE,
    ("POST", "defects"): ("engineer", "dispatcher", "supervisor"),
    ("POST", "defects/<str:number>/steps"): ("engineer", "dispatcher", "supervisor"),
    ("GET", "digs"): OFFICE,
    ("POST", "digs"): OFFICE,
    ("GET", "incidents/<int:pk>/dig"): OFFICE,
    ("POST", "incidents/<int:pk>/dig"): ("engineer", "dispatcher", "supervisor"),
    ("GET", "dig-permits"): OFFICE,
    ("POST", "dig-permits"): ("engineer", "supervisor"),
    ("POST", "dig-permits/<str:number>/revoke"): ("engineer", "supervisor"),
    ("GET", "claims"): OFFICE,
    ("POST", "claims"): ("engineer", "dispatcher", "supervisor"),
    ("POST", "claims/<str:number>/steps"): ("engineer", "supervisor"),
    ("GET", "nearby"): OFFICE,
    ("GET", "webhooks"): ("supervisor",),
    ("POST", "webhooks"): ("supervisor",),
    ("GET", "webhooks/<int:pk>"): ("supervisor",),
    ("POST", "webhooks/<int:pk>"): ("supervisor",),
    ("GET", "checks"): ("auditor", "supervisor"),
    ("POST", "checks/<int:pk>"): ("auditor",),
    ("GET", "shutoffs"): OFFICE,
    ("POST", "shutoffs"): ("engineer", "supervisor"),
    ("GET", "shutoffs/<str:number>"): OFFICE,
    ("POST", "shutoffs/<str:number>/actions"): OFFICE,
    ("GET", "campaigns"): CAMPAIGNS,
    ("POST", "campaigns"): ("supervisor",),
    ("GET", "campaigns/mine"): ("agent", "supervisor"),
    ("POST", "campaigns/targets/<int:pk>/dial"): ("agent", "supervisor"),
    ("POST", "campaigns/targets/<int:pk>/code"): ("agent", "supervisor"),
    ("POST", "campaigns/targets/<int:pk>/release"): ("agent", "supervisor"),
    ("GET", "campaigns/<str:number>"): CAMPAIGNS,
    ("PUT", "campaigns/<str:number>"): ("supervisor",),
    ("POST", "campaigns/<str:number>/actions"): ("supervisor",),
    ("POST", "campaigns/<str:number>/next"): ("agent", "supervisor"),
    ("GET", "campaigns/<str:number>/targets"): CAMPAIGNS,
    ("GET", "campaigns/<str:number>/targets.csv"): ("supervisor", "auditor", "manager"),
    ("GET", "do-not-call"): CAMPAIGNS,
    ("POST", "do-not-call"): ("agent", "supervisor"),
    ("POST", "do-not-call/<int:pk>/remove"): ("supervisor",),
    ("GET", "arrears"): CAMPAIGNS,
    ("POST", "arrears"): ("supervisor",),
    ("POST", "arrears/<int:pk>/actions"): ("supervisor",),
    ("GET", "messages"): OFFICE,
    ("GET", "wall"): ("agent", "dispatcher", "supervisor", "manager"),
    ("GET", "supervisor"): ("supervisor",),
    ("GET", "led"): ("supervisor", "dispatcher", "manager"),
    ("POST", "led/bulletins"): ("supervisor", "dispatcher"),
    ("POST", "led/bulletins/<int:pk>/remove"): ("supervisor", "dispatcher"),
    ("POST", "led/panels"): ("supervisor",),
    ("POST", "led/panels/<int:pk>/remove"): ("supervisor",),
    ("GET", "figures"): ("supervisor", "manager"),
    ("GET", "staffing"): ("supervisor", "manager"),
    ("GET", "agent-shifts"): ("supervisor",),
    ("POST", "agent-shifts"): ("supervisor",),
    ("POST", "agent-shifts/<int:pk>/remove"): ("supervisor",),
    ("GET", "forecast"): ("agent", "dispatcher", "supervisor", "manager"),
    ("GET", "forecast/days"): ("supervisor", "manager"),
    ("POST", "forecast/days"): ("supervisor", "manager"),
    ("POST", "forecast/import"): ("supervisor", "manager"),
    ("GET", "bi/summary"): ("manager", "supervisor", "auditor", "dispatcher"),
    ("GET", "ledger"): ("manager", "supervisor", "engineer", "auditor"),
    ("GET", "ledger.csv"): ("manager", "supervisor", "engineer", "auditor"),
    ("GET", "ledger/shutoffs"): ("manager", "supervisor", "engineer", "auditor"),
    ("GET", "ledger/shutoffs/<str:number>"): ("manager", "supervisor", "engineer", "auditor"),
    ("GET", "ledger/premises/<str:code>"): ("manager", "supervisor", "engineer", "auditor"),
    ("GET", "city"): ("supervisor", "manager", "dispatcher", "agent", "engineer"),
    ("GET", "replay"): (*CONTROL, "engineer"),
    ("GET", "replay/range"): (*CONTROL, "engineer"),
    ("GET", "replay/next"): (*CONTROL, "engineer"),
}


def addresses() -> dict[str, set[str]]:
    """Path under /api/ -> methods, as the resolver has them."""
    found: dict[str, set[str]] = {}

    def walk(patterns: Any, before: str) -> None:
        for p in patterns:
            path = before + str(p.pattern)
            if hasattr(p, "url_patterns"):
                walk(p.url_patterns, path)
            elif path.startswith("api/"):
                view = getattr(p.callback, "view_class", None) or p.callback.cls
                methods = {m.upper() for m in ("get", "post", "put", "patch", "delete")
                           if hasattr(view, m)}  # fmt: skip
                found.setdefault(path.removeprefix("api/"), set()).update(methods)

    walk(get_resolver().url_patterns, "")
    return found


def test_the_table_knows_every_door():
    listed: dict[str, set[str]] = {}
    for method, path in DOORS:
        listed.setdefault(path, set()).add(method)
    assert listed == addresses()


@pytest.fixture
def staff(cast):
    return {"agent": cast.aino, "dispatcher": cast.mika, "supervisor": cast.sari,
            "engineer": cast.juho, "manager": cast.hui, "auditor": cast.anu,
            "crew": cast.north.user}  # fmt: skip


@pytest.fixture
def things(cast, burst):
    """Something behind every address."""
    from server.calls import services as calls
    from server.campaigns import services as campaigns
    from server.dispatch import services as dispatch
    from server.tickets.models import CallBack

    asked = campaigns.write(
        {"name": "x", "kind": "list", "source": {"numbers": "0401000101"}, "text": {"en": "x"}},
        by="sari",
    )
    calls.rang(calls.Ring("c1", "0401000101", "", "965113", timezone.now()))
    order = dispatch.assign(burst, cast.north, by="mika", reason="x")
    owed = CallBack.objects.create(reason="missed", phone="1", due_at=timezone.now())
    return {
        "stock/orders/<str:number>": "stock/orders/W-99999",
        "<str:call_id>": "c1", "incidents/<int:pk>": f"incidents/{burst.pk}",
        "work-orders/<str:number>": f"work-orders/{order.number}",
        "orders/<str:number>/move": f"orders/{order.number}/move",
        "campaigns/<str:number>": f"campaigns/{asked.number}",
        "shutoffs/<str:number>": f"shutoffs/{burst.shut_offs.get().number}",
        "tickets/<str:number>": f"tickets/{Ticket.objects.get().number}",
        "customers/<str:number>": f"customers/{Account.objects.first().number}",
        "imports/<str:number>": "imports/N-9999", "<int:number>": "999",
        "crews/<int:pk>": f"crews/{cast.north.pk}", "call-backs/<int:pk>": f"call-backs/{owed.pk}",
        "articles/<str:code>": "articles/leak",
        "ledger/shutoffs/<str:number>": "ledger/shutoffs/A-0001", "<str:code>": "anna",
        "<path:rest>": "../../etc/passwd", "<str:username>": "aino",
        "<str:name>": "P8", "<str:token>": "x", "<int:pk>": "999999",
    }  # fmt: skip


def fill(path: str, things: dict[str, str]) -> str:
    for pattern, value in things.items():
        path = path.replace(pattern, value)
    return f"/api/{path}"


def knock(client: Client, method: str, url: str, body: str = "{}") -> Any:
    if method == "GET":
        return client.get(url)
    return client.generic(method, url, body, content_type="application/json")


def test_every_door_opens_to_its_roles_and_to_nobody_else(staff, things, client_of):
    """Doors x roles; whoever may pass hears anything but 403, and never a failure."""
    clients = {role: client_of(user) for role, user in staff.items()}
    stranger = Client()
    wrong = []
    for (method, path), allowed in DOORS.items():
        url = fill(path, things)
        if allowed == DEVICE:
            url = url.replace("<str:form>", "owntracks")
            for client in (*clients.values(), stranger):
                assert knock(client, method, url).status_code == 401, url
            continue
        for role, client in clients.items():
            with transaction.atomic():
                status = knock(client, method, url).status_code
                transaction.set_rollback(True)
            may = allowed == ANYONE or role in allowed
            if status >= 500 or (status == 403) == may:
                wrong.append((method, url, role, status))
        status = knock(stranger, method, url).status_code
        if (status in (401, 403)) != (allowed != ANYONE) and path != "crew/sign-in":
            wrong.append((method, url, "signed out", status))
    assert not wrong


# Not JSON, not an object, not storable, too deep, too large.
BODIES = [
    ("{", 400), ("[]", 400), ('"x"', 400), ("null", 400), ("[" * 100_000, 400),
    ('{"kind": "a\\u0000b"}', 400), ('{"kind": {"a": ["\\ud800"]}}', 400),
    ('{"n": NaN}', 400), ('{"x": "' + "y" * (3 * 1024 * 1024) + '"}', 413),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "status"), BODIES, ids=lambda v: str(v)[:20])
def test_no_body_makes_any_door_fail(staff, things, client_of, raw, status):
    for (method, path), allowed in DOORS.items():
        if method in ("GET", "DELETE"):
            continue  # without a body
        if path in ("escalations/<int:pk>", "calls/<str:call_id>/location-link"):
            continue
        role = "supervisor" if allowed == ANYONE or "supervisor" in allowed else allowed[0]
        if allowed == DEVICE:
            continue  # it reads what devices send: tests/server/test_positions_http.py
        if path == "checks/<int:pk>" or path == "clocks/<int:pk>":
            continue  # these ask first whether there is such a thing
        answer = knock(client_of(staff[role]), method, fill(path, things), raw)
        assert answer.status_code == status, (path, answer.status_code, answer.content)
        error = answer.json()["errors"][0]
        assert error["text"] and error["code"]


@pytest.mark.parametrize(
    "url",
    ["/api/incidents/999999", "/api/incidents/999999/crews", "/api/tickets/T-99999",
     "/api/calls/nobody", "/api/shutoffs/A-9999", "/api/calls/nobody/recording",
     "/api/photos/999999"],
)  # fmt: skip
def test_what_is_not_there_is_404_in_the_one_error_shape(cast, client_of, url):
    answer = client_of(cast.sari).get(url)
    assert answer.status_code == 404
    assert [set(e) for e in answer.json()["errors"]] == [{"field", "code", "text"}]


@pytest.mark.parametrize("url", ["/api/tickets/%00", "/api/calls/%00", "/api/customers?q=%00%00%00",
                                 "/api/places?q=%00", "/api/assets/%00",
                                 "/api/incidents/99999999999999999999999"])  # fmt: skip
def test_addresses_nobody_would_type_are_refused_not_failed(cast, client_of, url):
    assert client_of(cast.sari).get(url).status_code < 500


def test_the_refusal_of_a_step_says_where_it_is_and_what_is_possible(cast, things, client_of):
    url = fill("tickets/<str:number>/actions", things)
    answer = knock(client_of(cast.aino), "POST", url, '{"action": "close"}')
    assert answer.status_code == 409
    assert answer.json()["current"] == "triaged"
    assert answer.json()["allowed"] == ["cancel"]


# -- the database is away -------------------------------------------------------------------------


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_without_a_database_the_answer_is_503_and_when_to_come_back(
    cast, client_of, monkeypatch, error
):
    from server.dispatch import selectors

    def away() -> None:
        raise error("server closed the connection unexpectedly")

    desk = client_of(cast.mika)
    monkeypatch.setattr(selectors, "incident_features", away)
    answer = desk.get("/api/incidents")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer.json()["errors"][0]["code"] == "database_away"


def test_without_a_database_nobody_is_recognised_but_told_so(cast, client_of, monkeypatch):
    from server.accounts.models import User

    desk = client_of(cast.mika)
    monkeypatch.setattr(
        "django.contrib.auth.get_user", lambda request: User.objects.raise_away()
    )
    monkeypatch.setattr(
        type(User.objects), "raise_away",
        lambda self: (_ for _ in ()).throw(OperationalError("away")), raising=False,
    )  # fmt: skip
    monkeypatch.setattr("django.db.connection.close", lambda: None, raising=False)
    for url in ("/api/incidents", "/desk"):
        answer = desk.get(url)
        assert answer.status_code == 503, url
        assert answer["Retry-After"] == "5"


def test_health_says_whether_the_database_is_there(db, monkeypatch):
    from server.events.models import Beat

    assert Client().get("/health").json()["database"] is True
    monkeypatch.setattr(Beat.objects, "all", lambda: (_ for _ in ()).throw(OperationalError("x")))
    away = Client().get("/health")
    assert (away.status_code, away.json()["ok"]) == (503, False)


# -- once only ------------------------------------------------------------------------------------


def test_the_same_key_gives_the_same_answer_and_another_body_is_refused(cast, client_of):
    desk = client_of(cast.aino)
    body = {"kind": "leak", "key": "k1"}
    first = knock(desk, "POST", "/api/tickets", json.dumps(body))
    again = knock(desk, "POST", "/api/tickets", json.dumps(body))
    assert (again.status_code, again.json()) == (201, first.json())
    assert Ticket.objects.count() == 1
    other = knock(desk, "POST", "/api/tickets", json.dumps({**body, "kind": "burst"}))
    assert other.status_code == 409
    assert other.json()["errors"][0]["code"] == "key_reused"
    # Another person's key of the same name is another key.
    boss = knock(client_of(cast.sari), "POST", "/api/tickets", json.dumps(body))
    assert boss.json() != first.json()


def test_a_refused_write_leaves_its_key_free(cast, client_of):
    desk = client_of(cast.aino)
    assert knock(desk, "POST", "/api/tickets", '{"kind": "x", "key": "k1"}').status_code == 422
    assert not IdempotencyKey.objects.exists()
    assert knock(desk, "POST", "/api/tickets", '{"kind": "leak", "key": "k1"}').status_code == 201


def test_a_key_has_64_characters_at_most(cast, client_of):
    answer = knock(client_of(cast.aino), "POST", "/api/tickets",
                   json.dumps({"kind": "leak", "key": "k" * 65}))  # fmt: skip
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "key"


# -- the audit log --------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["update", "delete"])
def test_the_audit_log_cannot_be_changed_by_anybody(cast, register, change):
    register("leak")
    rows = AuditRow.objects.all()
    assert rows.exists()
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        rows.update(by="nobody") if change == "update" else rows._raw_delete(rows.db)
    assert not AuditRow.objects.filter(by="nobody").exists()


def test_an_audit_row_says_who_as_what_from_where(cast, client_of):
    knock(client_of(cast.aino), "POST", "/api/tickets", '{"kind": "leak"}')
    row = AuditRow.objects.get(action="ticket.register")
    assert (row.by, row.role, row.address) == ("aino", "agent", "127.0.0.1")
    assert row.request_id


# -- signing in -----------------------------------------------------------------------------------


def sign_in(user: str, password: str = PASSWORD, **more: Any) -> Any:
    body = json.dumps({"user": user, "password": password, **more})
    return knock(Client(), "POST", "/api/crew/sign-in", body)


def test_a_crew_signs_in_for_a_token_and_its_broker_account(cast):
    answer = sign_in("north", language="zh")
    assert answer.status_code == 200
    told = answer.json()
    assert told["device"] == told["mqtt"]["user"] == "phone-north"
    assert told["mqtt"]["password"]
    me = Client().get("/api/me", headers={"Authorization": f"Token {told['token']}"})
    assert (me.status_code, me.json()["language"]) == (200, "zh-hans")


@pytest.mark.parametrize(
    ("user", "password", "status"),
    [("north", "wrong", 401), ("nobody", PASSWORD, 401), ("", "", 401), ("aino", PASSWORD, 403),
     ("x" * 5000, "y" * 5000, 401)],
)  # fmt: skip
def test_who_is_not_a_crew_is_refused_and_it_is_written_down(cast, user, password, status):
    answer = sign_in(user, password)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["text"]
    assert AuditRow.objects.filter(action="sign_in.refused").count() == (1 if status == 401 else 0)
    assert not CrewToken.objects.exists()


def test_guessing_passwords_is_slowed_down_by_name_and_address(cast):
    for _ in range(TRIES):
        assert sign_in("north", "guess").status_code == 401
    assert sign_in("north").status_code == 429
    assert sign_in("south").status_code == 200
    with transaction.atomic():
        from unittest.mock import patch

        later = timezone.now() + timedelta(minutes=6)
        with patch("server.accounts.throttle.timezone.now", return_value=later):
            assert sign_in("north").status_code == 200


@pytest.mark.parametrize("header", ["Token", "Token x y", "Token none", "Token \u00e9", "Bearer x"])
def test_a_token_that_is_none_opens_nothing(cast, header):
    answer = Client().get("/api/me", headers={"Authorization": header})
    assert answer.status_code in (401, 403)


def test_a_lost_phone_is_signed_out_at_once(cast, client_of):
    token = sign_in("north").json()["token"]
    revoke = f"/api/crews/{cast.north.pk}/revoke"
    boss = client_of(cast.sari)
    assert knock(boss, "POST", revoke, "{}").status_code == 422
    assert knock(boss, "POST", revoke, '{"reason": "left in a taxi"}').status_code == 200
    me = Client().get("/api/me", headers={"Authorization": f"Token {token}"})
    assert me.status_code in (401, 403)
    cast.north.refresh_from_db()
    assert cast.north.mqtt_password == ""


def test_a_session_needs_the_csrf_token_and_a_crew_token_does_not(cast):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.aino)
    assert knock(strict, "POST", "/api/tickets", '{"kind": "leak"}').status_code == 403
    assert not Ticket.objects.exists()


# -- the document ---------------------------------------------------------------------------------


def test_the_openapi_document_is_valid_and_names_every_door(db, capsys):
    answer = Client().get("/api/schema?format=json", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    document = json.loads(answer.content)
    validate(document)
    noise = capsys.readouterr().err
    assert "Warning" not in noise and "Error" not in noise, noise
    methods = {"get", "post", "put", "delete"}
    described = sum(len(set(ops) & methods) for ops in document["paths"].values())
    assert described == len(DOORS) - 1  # the document does not describe itself


# -- what a page may run --------------------------------------------------------------------------


def _policy(response: Any) -> dict[str, list[str]]:
    rows = [rule.split() for rule in response["Content-Security-Policy"].split(";")]
    return {name: sources for name, *sources in rows}


@pytest.mark.parametrize("path", ["/sign-in", "/desk", "/api/me", "/no-such-page"])
def test_every_answer_says_that_only_our_own_scripts_run(client_of, cast, path):
    policy = _policy(client_of(cast.aino).get(path))
    assert policy["default-src"] == ["'self'"] and policy["object-src"] == ["'none'"]
    allowed = {s for s in policy["script-src"] if not s.startswith("'nonce-")}
    assert allowed == {"'self'"}, "nothing inline, nothing from elsewhere"
    assert policy["style-src"] == ["'self'"] and policy["frame-ancestors"] == ["'none'"]


def test_the_one_inline_script_carries_the_word_of_its_answer_and_no_other(client_of, cast):
    client, words = client_of(cast.aino), set()
    for _ in range(2):
        page = client.get("/desk")
        (word,) = re.findall(r'<script type="importmap" nonce="([^"]+)">', page.content.decode())
        assert f"'nonce-{word}'" in _policy(page)["script-src"]
        words.add(word)
    assert len(words) == 2
