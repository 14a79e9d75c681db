"""Other systems hear of events, and learn nothing of our network or of persons."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.utils import timezone

from server.accounts.refusals import Refused
from server.events.models import Event
from server.interfaces import posting, services
from server.interfaces.models import Delivery, Webhook

pytestmark = pytest.mark.django_db


class _Listener(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        self.server.heard.append((dict(self.headers), self.rfile.read(size)))  # type: ignore[attr-defined]
        status, more = self.server.answers.pop(0) if self.server.answers else (200, {})  # type: ignore[attr-defined]
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def other(settings):
    """Another system on this machine, which the operator has named."""
    server = HTTPServer(("127.0.0.1", 0), _Listener)
    server.heard, server.answers = [], []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings.STANDPIPE = {**settings.STANDPIPE, "WEBHOOK_HOSTS": ("127.0.0.1",)}
    yield server
    server.shutdown()
    server.server_close()


def address(server: HTTPServer, path: str = "/hear") -> str:
    return f"http://127.0.0.1:{server.server_address[1]}{path}"


def test_a_burst_is_told_signed_and_without_names(cast, other, register, news):
    hook, secret = services.register("scada", address(other), ["incident.*"], by="sari")
    register("burst", home="anna", name="Anna", phone="+358401000101")
    news()
    while services.send_due():
        pass
    names = [h["X-Standpipe-Event"] for h, _ in other.heard]
    assert "incident.opened" in names
    assert not any(n.startswith(("call.", "ticket.", "sms.")) for n in names)
    headers, raw = other.heard[names.index("incident.opened")]
    proof = f"{headers['X-Standpipe-Timestamp']}.".encode() + raw
    assert headers["X-Standpipe-Signature"] == (
        "sha256=" + hmac.new(secret.encode(), proof, hashlib.sha256).hexdigest()
    )
    told = json.loads(raw)
    assert told["data"]["pipe"] == "P8"
    assert "Anna" not in raw.decode() and "0401000101" not in raw.decode()
    assert "address" not in told["data"]
    assert set(hook.deliveries.values_list("state", flat=True)) == {"done"}


def test_the_same_event_is_put_down_once(cast, other):
    services.register("scada", address(other), ["valve.closed"], by="sari")
    event = Event.objects.create(name="valve.closed", payload={"valve": "V8"})
    services.put_down(event.pk, event.name)
    services.put_down(event.pk, event.name)
    assert Delivery.objects.count() == 1


def test_what_fails_is_tried_again_and_given_up_in_the_end(cast, other):
    hook, _ = services.register("scada", address(other), ["valve.closed"], by="sari")
    event = Event.objects.create(name="valve.closed", payload={})
    services.put_down(event.pk, event.name)
    other.answers = [(503, {})] * services.MAX_ATTEMPTS
    waits = []
    for _n in range(services.MAX_ATTEMPTS):
        assert services.send_due() == 1
        row = Delivery.objects.get()
        if row.next_try_at:
            waits.append((row.next_try_at - timezone.now()).total_seconds())
        Delivery.objects.filter(state="waiting").update(next_try_at=timezone.now())
    assert waits == sorted(waits) and waits[0] < 3 and waits[-1] > 1000
    row.refresh_from_db()
    hook.refresh_from_db()
    assert (row.state, hook.active) == ("failed", False)
    assert "503" in hook.stopped_for
    assert services.send_due() == 0


def test_gone_means_gone_and_a_redirect_is_not_followed(cast, other):
    hook, _ = services.register("scada", address(other), ["valve.closed"], by="sari")
    event = Event.objects.create(name="valve.closed", payload={})
    services.put_down(event.pk, event.name)
    other.answers = [(302, {"Location": "http://169.254.169.254/latest"}), (410, {})]
    services.send_due(1)
    assert Delivery.objects.get().status == 302
    assert len(other.heard) == 1
    Delivery.objects.update(next_try_at=timezone.now())
    services.send_due(1)
    hook.refresh_from_db()
    assert hook.active is False


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x", "ftp://example.com/x", "file:///etc/passwd", "gopher://example.com",
        "https://127.0.0.1/x", "https://[::1]/x", "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.8/x", "https://192.168.1.1/x", "https://172.16.0.1/", "https://0.0.0.0/",
        "https://2130706433/x", "https://0x7f000001/", "https://0177.0.0.1/", "https://127.1/",
        "https://[::ffff:127.0.0.1]/x", "https://[::ffff:a00:1]/", "https://[fe80::1%25eth0]/",
        "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://user:pw@example.com/",
        "https:///x", "", "javascript:alert(1)", "https://exa mple.com/", "https://example.com:0/",
        "https://example.com/\nHost: x", "https://224.0.0.1/", "https://[fd00::1]/",
    ],
)  # fmt: skip
def test_an_address_inside_is_refused_however_it_is_written(cast, url):
    with pytest.raises(Refused) as refused:
        services.register("x", url, ["valve.*"], by="sari")
    assert refused.value.field == "url"
    assert not Webhook.objects.exists()


def test_a_name_that_turns_inward_later_meets_no_socket(cast, monkeypatch):
    """DNS rebinding: public when it was registered, ours when it is posted to."""
    hook, _ = services.register("x", "https://hooks.example.com/a", ["valve.closed"], by="sari")
    event = Event.objects.create(name="valve.closed", payload={})
    services.put_down(event.pk, event.name)
    dialled = []
    monkeypatch.setattr(
        socket, "getaddrinfo",
        lambda *a, **k: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443)),
                         (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))],
    )  # fmt: skip
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: dialled.append(a))
    services.send_due()
    row = Delivery.objects.get()
    hook.refresh_from_db()
    assert dialled == []
    assert (row.state, hook.active) == ("failed", False)
    assert "private" in row.error


def test_the_connection_goes_to_the_number_that_was_judged(monkeypatch):
    dialled = []

    def dial(place, *args, **kwargs):
        dialled.append(place)
        raise OSError("enough")

    monkeypatch.setattr(
        socket, "getaddrinfo",
        lambda *a, **k: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443))],
    )  # fmt: skip
    monkeypatch.setattr(socket, "create_connection", dial)
    with pytest.raises(Exception, match="enough"):
        posting.post("https://hooks.example.com/a", b"{}", {})
    assert dialled == [("8.8.8.8", 443)]


def test_calls_and_texts_are_told_to_nobody(cast):
    for events in (["call.*"], ["sms.sent"], ["agent.changed"], ["*"], [], "incident.*", [7]):
        with pytest.raises(Refused) as refused:
            services.register("x", "https://example.com/", events, by="sari")
        assert refused.value.field == "events"


def test_the_secret_is_shown_once_and_only_a_supervisor_sees_the_list(cast, client):
    client.force_login(cast.sari)
    ask = {"name": "scada", "url": "https://example.com/h", "events": ["shutoff.*"]}
    made = client.post("/api/webhooks", ask, content_type="application/json")
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert secret not in client.get("/api/webhooks").content.decode()
    again = client.post("/api/webhooks", ask, content_type="application/json")
    assert again.status_code == 409
    where = f"/api/webhooks/{made.json()['id']}"
    turned = client.post(where, {"step": "rotate"}, content_type="application/json").json()
    assert turned["secret"] != secret
    assert client.post(where, {"step": "x"}, content_type="application/json").status_code == 422
    assert client.post(where, {"step": "remove"}, content_type="application/json").json() == {
        "removed": True
    }
    client.force_login(cast.aino)
    assert client.get("/api/webhooks").status_code == 403
