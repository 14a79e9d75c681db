"""Texts: complete in both languages, sent once, and never twice when nobody knows."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from string import Formatter

import httpx
import pytest
from django.utils import timezone

from server.events.models import Event
from server.messaging import services
from server.messaging.gateways import SendError, gateway
from server.messaging.gateways.http import Gateway
from server.messaging.models import SmsMessage
from server.messaging.templates import TEXTS, MissingValue, render

pytestmark = pytest.mark.django_db


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("template", sorted(TEXTS))
def test_every_text_exists_in_both_languages(template):
    texts = TEXTS[template]
    assert set(texts) == {"en", "zh-hans"}
    assert any("\u4e00" <= c <= "\u9fff" for c in texts["zh-hans"])
    # What the reader needs to act stands in both; the customer's ticket number may be left out.
    assert names(texts["en"]) == names(texts["zh-hans"])


@pytest.mark.parametrize("template", sorted(TEXTS))
@pytest.mark.parametrize("language", ["en", "zh-hans", "fi"])
def test_a_missing_value_blocks_a_text(template, language):
    values = dict.fromkeys(names(TEXTS[template]["en"]), "x")
    assert "{" not in render(template, language, values)
    for gone in values:
        for empty in (None, ""):
            with pytest.raises(MissingValue, match=gone):
                render(template, language, {**values, gone: empty})


def a_text(dedupe: str = "d1", to: str = "0401", **more: str) -> SmsMessage | None:
    return services.text(to, "water_off", language="en", dedupe=dedupe, utility="U", since="9:00",
                         address="x", **more)  # fmt: skip


def test_the_same_news_is_told_once_and_nobody_has_no_number():
    assert a_text() is not None
    assert a_text() is None
    assert a_text("d2", to="") is None
    assert SmsMessage.objects.count() == 1


def test_the_files_gateway_writes_a_line_anybody_can_read(town, settings):
    a_text()
    assert services.send_due_now() == 1
    line = json.loads((settings.STANDPIPE["SMS_DIR"] / "outbox.jsonl").read_text())
    assert (line["to"], line["id"]) == ("0401", f"sms-{SmsMessage.objects.get().pk}")
    assert SmsMessage.objects.get().state == "sent"
    assert services.send_due_now() == 0
    assert Event.objects.filter(name="sms.sent").count() == 1


class Provider:
    """A real HTTP server that answers as told; `taken` is what reached it."""

    def __init__(self) -> None:
        self.taken: list[dict[str, str]] = []
        self.answers: list[tuple[int, bytes] | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.taken.append(json.loads(body))
                outer.key = self.headers["Authorization"]
                answer = outer.answers.pop(0) if outer.answers else (200, b'{"id": "g-1"}')
                if answer is None:  # takes it, and never says so
                    outer.silence.wait(10)
                    return
                self.send_response(answer[0])
                self.end_headers()
                self.wfile.write(answer[1])

            def log_message(self, *args: object) -> None:
                """Tests are quiet."""

        self.key = ""
        self.silence = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/send"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.silence.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def provider(town, settings, monkeypatch) -> Iterator[Provider]:
    made = Provider()
    settings.STANDPIPE = {
        **settings.STANDPIPE, "SMS_GATEWAY": "http", "SMS_URL": made.url, "SMS_KEY": "k-1",
    }  # fmt: skip
    gateway.cache_clear()
    gateway()._client.timeout = httpx.Timeout(0.3)  # type: ignore[attr-defined]
    yield made
    made.close()


def due() -> None:
    SmsMessage.objects.update(next_try_at=timezone.now())


def test_an_accepted_text_keeps_the_gateways_id(provider):
    a_text()
    services.send_due_now()
    row = SmsMessage.objects.get()
    assert (row.state, row.gateway_id) == ("sent", "g-1")
    assert provider.taken == [{"to": "0401", "body": row.body, "reference": f"sms-{row.pk}"}]
    assert provider.key == "Bearer k-1"


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_gateway_in_trouble_is_asked_again_later(provider, status):
    provider.answers = [(status, b"")]
    a_text()
    services.send_due_now()
    row = SmsMessage.objects.get()
    assert row.state == "queued" and row.next_try_at > timezone.now()
    due()
    services.send_due_now()
    assert SmsMessage.objects.get().state == "sent"
    assert len({t["reference"] for t in provider.taken}) == 1


def test_a_gateway_that_stays_in_trouble_is_given_up_and_said_so(provider):
    provider.answers = [(500, b"")] * services.MAX_ATTEMPTS
    a_text()
    for _ in range(services.MAX_ATTEMPTS):
        services.send_due_now()
        due()
    assert SmsMessage.objects.get().state == "failed"
    assert Event.objects.filter(name="sms.failed").exists()


def test_a_refused_text_is_not_sent_again(provider):
    provider.answers = [(400, b"no such number")]
    a_text()
    services.send_due_now()
    due()
    services.send_due_now()
    row = SmsMessage.objects.get()
    assert row.state == "failed" and "no such number" in row.error
    assert len(provider.taken) == 1


def test_when_nobody_answers_it_is_unknown_and_never_sent_again(provider):
    provider.answers = [None]
    a_text()
    services.send_due_now()
    due()
    services.sweep()
    assert SmsMessage.objects.get().state == "unknown"
    assert len(provider.taken) == 1


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'"x"', b"<html>"])
def test_an_answer_without_an_id_is_unknown(provider, answer):
    provider.answers = [(200, answer)]
    a_text()
    services.send_due_now()
    assert SmsMessage.objects.get().state == "unknown"


def test_no_connection_means_nothing_was_sent_so_it_is_tried_again(provider):
    provider.close()
    a_text()
    services.send_due_now()
    assert SmsMessage.objects.get().state == "queued"


def test_a_connection_that_never_came_about_is_tried_again_too(town, settings):
    def slow(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("slow")

    with pytest.raises(SendError) as no:
        Gateway(httpx.MockTransport(slow)).send(to="1", body="x", reference="r")
    assert not no.value.unknown and not no.value.permanent


def test_a_broken_gateway_holds_up_only_its_own_text(town, monkeypatch):
    class Broken:
        def send(self, **message: str) -> None:
            raise RuntimeError("a fault of ours")

    monkeypatch.setattr(services, "gateway", Broken)
    a_text("a")
    a_text("b")
    assert services.send_due_now() == 2
    assert {m.state for m in SmsMessage.objects.all()} == {"unknown"}


def test_what_a_crash_left_half_sent_becomes_unknown_but_a_late_retry_is_left_alone(db):
    a_text("old")
    a_text("retried")
    long_ago = timezone.now() - timedelta(minutes=10)
    SmsMessage.objects.update(state="sending", created_at=long_ago, next_try_at=long_ago)
    SmsMessage.objects.filter(dedupe="retried").update(next_try_at=timezone.now())
    assert services.settle_interrupted() == 1
    assert SmsMessage.objects.get(dedupe="old").state == "unknown"
    assert SmsMessage.objects.get(dedupe="retried").state == "sending"


def test_nobody_is_woken_for_an_enquiry_and_a_lost_report_says_that_it_is_lost(
    cast, register, news
):
    register("enquiry", home="anna")
    news()
    assert not SmsMessage.objects.filter(template="responsible").exists()
    register("burst", name="?", phone="0409990001")
    news()
    (told,) = SmsMessage.objects.filter(template="responsible")
    assert "a place not known yet" in told.body and told.to == cast.sari.mobile
