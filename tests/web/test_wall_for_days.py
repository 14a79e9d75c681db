"""The wall in a real Chromium against a made-up server: hours of readings, silence, and back.

The browser's clock is ours, so that an hour passes in seconds. No WebGL is needed: without a map
the rest of the wall is complete.
"""

from __future__ import annotations

import http.server
import json
import re
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.web.marked import SERVER

CHROMIUM = next(
    (p for p in ("chromium", "chromium-browser", "google-chrome") if shutil.which(p)), ""
)
PAGE_DATA = {"lang": "en", "tz": "UTC", "role": "supervisor", "user": "sari", "topics": "calls",
             "csrf_cookie": "c", "stale_fix_s": 120, "fonts": {}}  # fmt: skip


BEGIN = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def reading(n: int) -> dict[str, Any]:
    """Another answer each time, so that everything is drawn again."""
    actual = [n % 7 + k % 5 if k < 20 else None for k in range(48)]
    return {
        "waiting_now": n % 9, "longest_wait_s": n % 200, "service_level_s": 15,
        "today": {"offered": 100 + n, "answered": 90 + n, "service_level": 0.7 + n % 3 / 10,
                  "connect_rate": 0.9, "abandon_rate": 0.1, "abandoned": 10, "asa_s": n % 60,
                  "short_abandons": 2, "aht_s": 180},
        "agents": {"by_state": {"ready": n % 4, "talking": 3, "hold": 1, "wrap": 1, "paused": 2}},
        "agent_occupancy": 0.5,
        "lines": {"stale": False, "internal": {"busy": 0, "total": 0, "occupancy": None},
                  "trunks": {"busy": n % 30, "total": 30, "occupancy": n % 30 / 30,
                             "down": ["gsm"]}},
        "forecast": {"slot": 19, "offered": 100 + n, "expected_so_far": 99.0,
                     "expected_today": 200.0, "updated_today": 190.0, "label": "",
                     "actual": actual, "expected": [5.0] * 48, "low": [1] * 48,
                     "high": [9] * 48, "updated": [None] * 20 + [6.0] * 28},
        "incidents_by_priority": {"P1": n % 3}, "customers_without_water": n, "notices": 1,
        "crews_by_state": {"available": 3, "on_site": 2}, "calls_in_shutoffs_today": n,
        "next_breaches": [{"incident": f"I-{k}", "kind": "arrival", "label": "arrival",
                           "due_at": "2026-11-20T12:00:00Z", "priority": "P2"} for k in range(6)],
    }  # fmt: skip


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    asked = 0
    silent = threading.Event()


class Answers(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == "/":
            self._send(_page(), "text/html")
        elif path == "/api/wall" and not self.server.silent.is_set():
            self.server.asked += 1
            self._send(json.dumps(reading(self.server.asked)).encode(), "application/json")
        elif path in ("/api/incidents", "/api/crews") and not self.server.silent.is_set():
            self._send(b'{"features": []}', "application/json")
        elif path.startswith("/static/") and (file := SERVER / path[1:]).is_file():
            kind = "text/css" if file.suffix == ".css" else "text/javascript"
            self._send(file.read_bytes(), kind)
        else:
            self.send_error(503)

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _page() -> bytes:
    """The wall's own template, its words in English."""
    source = (SERVER / "templates" / "wall.html").read_text("utf-8")
    main = re.search(r"{% block main %}(.*){% endblock %}", source, re.DOTALL)
    assert main is not None
    body = re.sub(r'{% translate "([^"]*)" %}', r"\1", main.group(1)).replace(
        "{{ utility }}", "Town"
    )
    styles = "".join(
        f'<link rel="stylesheet" href="/static/css/{name}.css">'
        for name in ("tokens", "shell", "wall")
    )
    data = json.dumps(PAGE_DATA)
    return (
        f'<!doctype html><html data-theme="dark"><meta charset="utf-8">{styles}'
        f'<script id="page-data" type="application/json">{data}</script>'
        f'<body class="wall"><main>{body}</main>'
        '<script type="module" src="/static/js/wall.js"></script></body></html>'
    ).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server(("127.0.0.1", 0), Answers)
    found.asked, found.silent = 0, threading.Event()
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


@pytest.fixture
def screen() -> Iterator[Any]:
    if not CHROMIUM:
        pytest.skip("there is no Chromium on this machine")
    sync = pytest.importorskip("playwright.sync_api")
    with sync.sync_playwright() as p:
        browser = p.chromium.launch(
            executable_path=shutil.which(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def _opened(browser: Any, server: Server, width: int, height: int) -> Any:
    page = browser.new_page(viewport={"width": width, "height": height})
    page.clock.install(time=BEGIN)
    page.goto(f"http://127.0.0.1:{server.server_address[1]}/")
    page.wait_for_function("document.body.dataset.read === 'ok'")
    # From here on time passes only where a test says so: how long we take must not count.
    page.clock.pause_at(BEGIN + timedelta(hours=1))
    return page


def _pass(page: Any, server: Server, readings: int) -> None:
    """So many readings, five seconds of the browser's time before each."""
    for _n in range(readings):
        before = server.asked
        page.clock.run_for(5000)
        page.wait_for_function(
            "n => document.getElementById('off').textContent.replace(/\\D/g, '') >= n", arg=before
        )


def _weight(page: Any, session: Any) -> tuple[int, int]:
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    return int(used), int(page.evaluate("document.querySelectorAll('*').length"))


def test_hours_of_readings_leave_memory_and_page_as_they_were(screen: Any, server: Server) -> None:
    page = _opened(screen, server, 1920, 1080)
    session = page.context.new_cdp_session(page)
    _pass(page, server, 30)
    heap, nodes = _weight(page, session)
    _pass(page, server, 120)
    later, still = _weight(page, session)
    assert server.asked >= 120
    assert abs(still - nodes) <= 30  # bars of half hours come and go
    assert later - heap < 500_000, f"{(later - heap) / 120:.0f} bytes a reading"


def test_silence_is_said_with_its_age_and_ends_by_itself(screen: Any, server: Server) -> None:
    page = _opened(screen, server, 1920, 1080)
    _pass(page, server, 2)
    banner = page.get_by_test_id("wall-stale")
    assert not banner.is_visible()
    server.silent.set()
    page.clock.run_for(12_000)
    assert not banner.is_visible()  # one reading lost is nothing to speak of
    for _n in range(4):
        page.clock.run_for(5000)
        page.wait_for_timeout(50)
    assert banner.is_visible()
    age = re.search(r"(\d+):(\d\d)", banner.inner_text())
    assert age is not None and 15 <= int(age[1]) * 60 + int(age[2]) <= 60
    assert page.evaluate("document.body.dataset.stale") == "true"
    page.clock.run_for(3_600_000 // 4)
    server.silent.clear()
    page.clock.run_for(6000)
    page.wait_for_function("!document.body.dataset.stale")
    assert not banner.is_visible()


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (3840, 2160)])
def test_it_fills_the_screen_without_bars_or_pointer_and_is_readable_from_afar(
    screen: Any, server: Server, width: int, height: int
) -> None:
    page = _opened(screen, server, width, height)
    _pass(page, server, 1)
    found = page.evaluate(
        """() => {
          const root = document.documentElement;
          const text = (n) => n.nodeType === 3 && n.textContent.trim();
          const says = (e) => [...e.childNodes].some(text);
          const all = [...document.querySelectorAll('.wall-grid *')];
          const seen = all.filter((e) => says(e) && e.offsetParent);
          return {
            over: [root.scrollWidth - innerWidth, root.scrollHeight - innerHeight],
            cursor: getComputedStyle(document.body).cursor,
            least: Math.min(...seen.map((e) => parseFloat(getComputedStyle(e).fontSize))),
            outside: seen.filter((e) => { const b = e.getBoundingClientRect();
              return b.right > innerWidth + 1 || b.bottom > innerHeight + 1; }).map((e) => e.id),
            number: parseFloat(getComputedStyle(document.getElementById('waiting')).fontSize) };
        }"""
    )
    assert found["over"] == [0, 0] and found["outside"] == []
    assert found["cursor"] == "none"
    assert found["least"] >= 0.02 * height - 0.5
    assert found["number"] >= 0.1 * height
