"""The browser's telephone against a real Asterisk: a SIPp caller heard in a real Chromium."""

from __future__ import annotations

import asyncio
import functools
import http.server
import os
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from telephony.agents import join_queue, leave_queue
from telephony.ami.events import AgentConnected
from telephony.incoming import Decision, IncomingCall
from tests.telephony.conftest import Desk, asterisk, eventually, listening
from tests.web.marked import SERVER

__all__ = ["asterisk"]
pytestmark = pytest.mark.live
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip
PAGE = """<!doctype html><meta charset="utf-8"><audio id="voice"></audio>
<script type="importmap">{"imports": {"sip": "/vendor/sip.mjs"}}</script>
<script type="module">
import { Softphone } from '/js/softphone.js';
window.start = (account) => {
  window.seen = [];
  const note = (p) => seen.push([p.state, p.problem]);
  window.phone = new Softphone(account, document.getElementById('voice'), note);
  phone.start();
};
</script>"""


class Files(http.server.SimpleHTTPRequestHandler):
    vendor = ""

    def translate_path(self, path: str) -> str:
        if path.startswith("/vendor/"):
            return str(Path(self.vendor) / Path(path).name)
        return super().translate_path(path)

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    vendor = os.environ.get("STANDPIPE_VENDOR_DIR", "")
    if not (Path(vendor) / "sip.mjs").is_file():
        pytest.skip("STANDPIPE_VENDOR_DIR holds no sip.mjs; ./standpipe test fetches it")
    handler = type("Served", (Files,), {"vendor": vendor})
    handler.extensions_map = {**Files.extensions_map, ".mjs": "text/javascript"}  # type: ignore[attr-defined]
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(SERVER / "static"))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@asynccontextmanager
async def browser_phone(origin: str, desk: Desk, **wrong: Any) -> AsyncIterator[Any]:
    """A page with the softphone of agent 1001, registered unless `wrong` says otherwise."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    from playwright.async_api import async_playwright

    account = {
        "ws": f"ws://127.0.0.1:{desk.config.ari_port}/ws", "uri": "sip:1001@127.0.0.1",
        "user": "1001", "password": "browser-one", **wrong,
    }  # fmt: skip
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=chromium, args=FLAGS)
        context = await browser.new_context(permissions=["microphone"])
        page = await context.new_page()
        await page.goto(origin + "/")
        await page.wait_for_function("() => window.start")
        await page.evaluate("(account) => start(account)", account)
        try:
            yield page
        finally:
            await browser.close()


async def state(page: Any, wanted: str, seconds: float = 15.0) -> None:
    async def there() -> bool:
        return bool(await page.evaluate("() => __softphone.state") == wanted)

    await eventually(there, f"the softphone is {wanted}", seconds)


async def test_an_agent_answers_in_the_browser_and_both_hear_each_other(
    asterisk: Desk, origin: str
) -> None:
    async def decide(call: IncomingCall) -> Decision:
        return Decision()

    async with listening(asterisk) as (ami, heard), browser_phone(origin, asterisk) as page:
        await state(page, "registered")
        await join_queue(ami, "faults", "1001", "Agent 1")
        async with asterisk.application(decide):
            call = asyncio.create_task(
                asterisk.caller().call("0401230077", "Aino <b>Virtanen</b>", seconds=14)
            )
            await state(page, "ringing", 20)
            call_id = await page.evaluate("() => __softphone.callId")
            await page.evaluate("() => phone.answer()")
            await state(page, "talking")
            connected = await heard.one(AgentConnected)

            async def sound() -> bool:
                found = await page.evaluate("() => __softphone.stats()")
                return bool(
                    found["inbound"]["packets"] > 20
                    and found["outbound"]["packets"] > 20
                    and found["inbound"]["energy"] > 0
                )

            await eventually(sound, "sound goes both ways", 12)
            await page.evaluate("() => phone.hold()")
            await state(page, "held")
            await page.evaluate("() => phone.hold()")
            await state(page, "talking")
            await page.evaluate("() => phone.mute()")
            assert await page.evaluate("() => phone.muted")
            await page.evaluate("() => phone.hangup()")
            await state(page, "registered")
            outcome = await call
        await leave_queue(ami, "faults", "1001")
    assert outcome.answered
    assert call_id == connected.call_id


async def test_a_wrong_password_is_said_in_plain_words(asterisk: Desk, origin: str) -> None:
    async with browser_phone(origin, asterisk, password="not it") as page:
        await state(page, "failed")
        assert "refused the name or password" in await page.evaluate("() => __softphone.problem")


async def test_an_exchange_that_is_away_is_tried_again(asterisk: Desk, origin: str) -> None:
    async with browser_phone(origin, asterisk, ws="ws://127.0.0.1:9/ws") as page:
        await state(page, "connecting")

        async def told() -> bool:
            return "Trying again" in await page.evaluate("() => __softphone.problem")

        await eventually(told, "the page says that it tries again")


async def test_the_line_goes_to_the_other_site_when_its_own_does_not_come_back(
    asterisk: Desk, origin: str
) -> None:
    there = f"ws://127.0.0.1:{asterisk.config.ari_port}/ws"
    dead = {"ws": "ws://127.0.0.1:9/ws", "further_ws": [there]}
    async with browser_phone(origin, asterisk, **dead) as page:
        await state(page, "registered", 40)
        assert await page.evaluate("() => phone.site") == 1
        assert await page.evaluate("() => __softphone.up")


async def test_a_refused_microphone_leaves_the_call_ringing(asterisk: Desk, origin: str) -> None:
    async with listening(asterisk) as (ami, _heard), browser_phone(origin, asterisk) as page:
        await state(page, "registered")
        await page.evaluate(
            """() => { navigator.mediaDevices.getUserMedia =
                 () => Promise.reject(new DOMException('no', 'NotAllowedError')); }"""
        )
        await join_queue(ami, "faults", "1001", "Agent 1")
        call = asyncio.create_task(asterisk.caller().call("0401230078", seconds=4))
        await state(page, "ringing", 25)
        await page.evaluate("() => phone.answer()")
        await state(page, "ringing")
        assert "microphone" in await page.evaluate("() => __softphone.problem")
        await page.evaluate("() => phone.hangup()")
        await leave_queue(ami, "faults", "1001")
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
