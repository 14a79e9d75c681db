"""The story of a burst main with nothing pretended: telephone, browser, broker, phone, texts.

The customer is SIPp with a tone for a voice; the agent and the dispatcher sit at Chromium; the crew
is the app's own link, and once the app itself. Times are taken where people would notice them.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import LineString

from tests.live import screens
from tests.live.city import customer_on_a_quiet_pipe
from tests.live.crew import at_work, picture
from tests.live.system import CONTENT, eventually
from tests.telephony.sound import loud_tones, seconds_of

pytestmark = pytest.mark.live


def test_a_burst_main_from_a_real_ring_to_the_closed_ticket(
    system: Any, screen_of: Any, figure: Any, shot: Any, tmp_path: Path
) -> None:
    control = system.office("dispatcher1")
    customer = customer_on_a_quiet_pipe(system, control, valves=(2, 3), off=(5, 60))

    # The agent signs in, the telephone in the browser registers, she takes calls.
    desk = screen_of("agent1", "/desk")
    screens.take_calls(desk)
    map_page = screen_of("dispatcher1", "/dispatch")
    map_page.wait_for_selector("[data-testid=map-ready]", timeout=40_000)
    before = {row.get_attribute("data-id") for row in map_page.get_by_test_id("incident-row").all()}

    # 1-4. A customer telephones. Who it is and what is known there stand on the screen at once.
    screens.watch_pop(desk)
    began = time.time()
    ringing = system.ring(
        customer.number, name="Customer", keys=CONTENT, keys_every_s=4, seconds=90
    )
    pop = screens.popped(desk)
    assert pop["code"] == "nothing_known"
    row = system.call_from(customer.number, began)
    screens.phone_is(desk, "ringing")
    shot(desk, "1-desk-ringing")
    assert customer.name in desk.locator("#customer").inner_text()

    # 5. She answers in the browser and hears the caller.
    offered = time.time()
    desk.get_by_test_id("answer").click()
    screens.phone_is(desk, "talking")
    figure("answer pressed to talking", time.time() - offered)
    heard = screens.hears(desk)
    assert heard["inbound"]["packets"] > 20 and heard["inbound"]["energy"] > 0, heard
    assert heard["outbound"]["packets"] > 0, heard
    assert desk.evaluate("window.__softphone.callId") == row.call_id

    # 6-7. The place is the customer's own; two answers, a note, one key.
    desk.get_by_test_id("kind-burst").check()
    desk.locator("input[name=symptom-spouting][value=yes]").check()
    desk.get_by_test_id("note").fill("Water shoots out of the road")
    shot(desk, "2-desk-filled")
    registered = time.time()
    desk.keyboard.press("Control+Enter")
    ticket = desk.get_by_test_id("ticket-number").inner_text()
    assert re.fullmatch(r"T-\d{5,}", ticket)

    # 8. The dispatcher's list and map show it without reloading.
    fresh = map_page.locator("[data-testid=incident-row]:has-text('no crew')").filter(
        has_text=customer.street
    )
    fresh.first.wait_for()
    figure("registered to the dispatcher's list", time.time() - registered)
    ident = fresh.first.get_attribute("data-id")
    assert ident not in before
    number = fresh.first.get_attribute("data-number")
    screens.becomes(
        map_page, "(n) => window.__map.querySourceFeatures('incidents')"
        ".some((f) => f.properties.number === n) || !window.__map.areTilesLoaded()", number,
    )  # fmt: skip
    desk.get_by_test_id("hangup").click()
    outcome = ringing.result(60)
    assert outcome.answered and outcome.hung_up_by == "desk"
    # Asked how it went, when the agent had hung up.
    eventually(
        lambda: system.one("SELECT 1 FROM calls_rating WHERE call_id = %s AND score = 5", [row.id]),
        "the customer's five",
    )
    figure("INVITE to screen-pop with verdict", pop["at"] - outcome.invited_at.timestamp(), 0.5)
    desk.get_by_test_id("next").click()

    # 8-9. The dispatcher opens it: plan, who is dry, ranked crews with reasons.
    fresh.first.click()
    map_page.get_by_test_id("plan").wait_for()
    map_page.get_by_test_id("assign-first").wait_for()
    assert map_page.get_by_test_id("ranked-crew").count() >= 2
    detail = control.ask(f"/api/incidents/{ident}")
    assert detail["pipe"] == customer.pipe, "the pipe that was known while it rang"
    assert detail["plan"]["customers_off"] == customer.off
    first = int(map_page.get_by_test_id("assign-first").get_attribute("data-crew"))
    crew_row = system.one(
        "SELECT c.code, c.name, ST_X(base) AS lon, ST_Y(base) AS lat FROM workforce_crew c "
        "WHERE id = %s", [first],
    )  # fmt: skip

    with at_work(system, crew_row.code, tmp_path / "phone") as crew:
        # It has stood at its base for a while: what follows need not be a leap.
        parked = datetime.now(UTC) - timedelta(seconds=90)
        crew.link.position(crew_row.lon, crew_row.lat, fix_time=parked)
        map_page.locator(f"[data-testid=crew-row][data-crew='{first}'][data-stale=false]").wait_for()
        shot(map_page, "3-dispatch-incident")

        # 10-12. Enter sends the first crew; the phone has it a moment later.
        known = {o.number for o in crew.link.book.orders()}
        pressed = time.time()
        map_page.keyboard.press("Enter")
        order = crew.new_order(known)
        figure("assign pressed to order on the phone", time.time() - pressed, 2.0)
        map_page.locator(f"[data-testid=work-order]:has-text('{order}')").wait_for()
        wanted = crew.order(order).order
        assert {v.id for v in wanted.valves} == {v["id"] for v in detail["plan"]["valves"]}
        assert wanted.route is not None and wanted.route.seconds > 0

    # 12. The crew's app itself, offscreen: it shows that order.
    file = tmp_path / "app.png"
    held = picture(system, crew_row.code, tmp_path / "app", file)
    assert order in held
    assert _colours(file) > 12
    _keep(file, "live-4-crew-app.png")

    with at_work(system, crew_row.code, tmp_path / "phone") as crew:
        crew.order(order)
        assert crew.order(order).main_step == "accept"
        crew.do(order, "accept")
        crew.do(order, "depart")
        # 13. Positions move the crew's sign on the dispatcher's map, as fast as a van drives.
        delays = []
        for lon, lat in _last_stretch(wanted.route.geometry):
            screens.watch_crew(map_page, first, lon, lat)
            sent = time.time()
            crew.link.position(lon, lat, speed_mps=9.0, heading=90.0)
            delays.append(screens.moved_at(map_page) - sent)
            map_page.wait_for_timeout(300)
        figure("position published to the dispatcher's map", max(delays), 2.0)
        crew.do(order, "arrive")
        shot(map_page, "5-dispatch-crew-there")

        # 13. One valve closes, the next will not: the plan goes round it.
        local = crew.reaches(order, "on_site")
        first_valve = local.next_valve
        crew.do(order, "close_valve", valve=first_valve)
        seized = crew.reaches(order, "isolating").next_valve
        crew.do(order, "cannot_close_valve", valve=seized, reason="seized")
        eventually(
            lambda: not crew.order(order).plan_changes,
            "the plan without the seized valve",
        )
        assert {
            v.id for v in crew.order(order).order.valves if v.state == "cannot_close"
        } == {seized}
        replanned = control.ask(f"/api/incidents/{ident}")["plan"]
        assert replanned["customers_off"] >= customer.off
        eventually(lambda: _close_all(crew, order), "all valves closed", 40)
        crew.reaches(order, "isolated")
        shot(map_page, "6-dispatch-isolated")
        eventually(
            lambda: any("your water is off" in t["body"] and t["to"] == customer.phone
                        for t in system.texts()),
            "the text about the cut",
        )  # fmt: skip

        # Repaired; what was closed is opened; the water is back.
        crew.do(order, "repaired", note="clamp DN150")
        eventually(lambda: _open_all(crew, order), "all valves open", 40)
        crew.do(order, "restored")
        crew.do(order, "complete")

    # 14-16. The texts that matter arrived: the responsible, the customer, the water is back.
    def told(words: str, to: str) -> list[Any]:
        return [t for t in system.texts() if words in t["body"] and t["to"] == to]

    on_duty = system.rows("SELECT mobile FROM accounts_user WHERE mobile <> ''")
    responsible = {r.mobile for r in on_duty}
    eventually(lambda: told(f"we have your report {ticket}", customer.phone), "the number")
    eventually(lambda: told("a crew is on its way", customer.phone), "the crew is on its way")
    eventually(lambda: told("the water is back", customer.phone), "the water is back")
    assert any(ticket in t["body"] and t["to"] in responsible for t in system.texts())

    # The recording is there, holds the caller's tone, and plays from the ticket.
    sound = eventually(
        lambda: system.one(
            "SELECT r.file, r.seconds FROM calls_recording r JOIN calls_call c ON c.id = r.call_id "
            "WHERE c.call_id = %s", [row.call_id],
        ),
        "the recording",
    )  # fmt: skip
    heard = system.office("agent1").get(f"/api/calls/{row.call_id}/recording?reason=the story")
    assert heard.status_code == 200
    wav = tmp_path / sound.file
    wav.write_bytes(heard.content)
    assert loud_tones(wav, [440, 523, 700]) == {440}
    assert seconds_of(wav) == pytest.approx(sound.seconds, abs=0.1)
    answers: list[int] = []
    desk.on("response", lambda r: answers.append(r.status) if "/recording" in r.url else None)
    desk.goto(f"/tickets/{ticket}")
    desk.get_by_test_id("recording-open").click()
    desk.get_by_test_id("reason").fill("what did she say about the cellar?")
    desk.get_by_test_id("reason-send").click()
    player = desk.get_by_test_id("recording-audio")
    player.wait_for(state="attached")
    player.evaluate("(a) => a.play()")
    screens.becomes(
        desk, "() => document.querySelector('[data-testid=recording-audio]').currentTime > 0.2"
    )
    assert 206 in answers, answers
    player.evaluate("(a) => a.pause()")
    shot(desk, "7-ticket")

    # 17. She calls the customer back and closes the ticket.
    aino = system.office("agent1")
    owed = next(c for c in aino.ask("/api/call-backs") if c["ticket"] == ticket)
    assert aino.tell(f"/api/call-backs/{owed['id']}", outcome="reached").status_code == 200
    desk.reload()
    desk.get_by_test_id("action-close").click()
    desk.locator("[data-testid=ticket-state][data-state=closed]").wait_for()
    closed = aino.ask(f"/api/tickets/{ticket}")
    assert closed["state"] == "closed" and closed["audit"][-1]["action"] == "ticket.close"
    assert {r.state for r in system.rows(
        "SELECT state FROM service_level_clock WHERE incident_id = %s", [ident])} == {"met"}
    # Where the water is back, the map hatches nothing any more.
    screens.becomes(
        map_page, "window.__map.getSource('shutoff').serialize().data.features.length === 0"
    )
    shot(map_page, "8-dispatch-after")


def _close_all(crew: Any, order: str) -> bool:
    """One valve more, as the phone names it now; True when none is left."""
    local = crew.order(order)
    if local.order.state == "isolated":
        return True
    if local.waiting_reports == 0 and local.next_valve is not None:
        crew.do(order, "close_valve", valve=local.next_valve)
    return False


def _open_all(crew: Any, order: str) -> bool:
    local = crew.order(order)
    if local.waiting_reports:
        return False
    if local.closed_valve is None:
        return "restored" in local.next
    crew.do(order, "open_valve", valve=local.closed_valve)
    return False


def _last_stretch(way: Any, step_m: float = 30.0) -> list[tuple[float, float]]:
    """Three places near the end of a route, `step_m` apart: (lon, lat)."""
    line = LineString(way)
    metres = line.length * 111_320 * 0.6  # roughly, at this latitude
    share = [max(0.0, 1 - n * step_m / max(metres, 1.0)) for n in (2, 1, 0)]
    places = [line.interpolate(s, normalized=True) for s in share]
    return [(round(p.x, 7), round(p.y, 7)) for p in places]


def _colours(file: Path) -> int:
    """How many colours a picture holds: a blank window has one."""
    from PIL import Image

    with Image.open(file) as picture:
        return len(picture.convert("RGB").getcolors(1 << 20) or [()] * 9999)


def _keep(file: Path, name: str) -> None:
    if folder := os.environ.get("STANDPIPE_SHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, Path(folder) / name)
