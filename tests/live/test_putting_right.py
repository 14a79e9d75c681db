"""A report without a place, and two who write in one ticket, at the pages where it happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.live.city import customer_on_a_quiet_pipe
from tests.live.crew import at_work
from tests.live.screens import becomes
from tests.live.system import eventually

pytestmark = pytest.mark.live


def test_the_dispatcher_finds_the_place_of_a_report_without_one_by_keyboard_alone(
    system: Any, screen_of: Any, shot: Any
) -> None:
    control = system.office("dispatcher1")
    customer = customer_on_a_quiet_pipe(system, control, valves=(1, 6))
    made = system.office("agent1").tell(
        "/api/tickets", kind="burst", name="Somebody", note="hung up before saying where"
    ).json()
    page = screen_of("dispatcher1", "/dispatch")
    row = page.locator(f"[data-testid=incident-row][data-id='{made['incident']}']")
    row.wait_for()
    assert "place not known yet" in row.inner_text()
    row.click()
    page.get_by_test_id("unlocated").wait_for()
    shot(page, "9-dispatch-unlocated")

    page.keyboard.press("Enter")
    page.get_by_test_id("amend-place").wait_for()
    page.keyboard.type(customer.address)
    page.get_by_test_id("place-result").first.wait_for()
    page.keyboard.press("Enter")
    shot(page, "10-dispatch-locating")
    page.keyboard.press("Control+Enter")

    # The same incident, now with a plan and crews.
    page.get_by_test_id("plan").wait_for()
    page.get_by_test_id("assign-first").wait_for()
    detail = control.ask(f"/api/incidents/{made['incident']}")
    assert detail["pipe"] and detail["plan"]["valves"]
    assert customer.street in detail["address"]


def test_two_who_write_in_one_ticket_see_both_versions(
    system: Any, screen_of: Any, shot: Any
) -> None:
    made = system.office("agent1").tell(
        "/api/tickets", kind="enquiry", name="Anna", note="When is the meter read?"
    ).json()
    page = screen_of("agent1", f"/tickets/{made['ticket']}")
    page.get_by_test_id("amend-open").click()
    page.get_by_test_id("amend-note").fill("When is the meter read, and by whom?")
    # Meanwhile a colleague saves another note.
    other = system.office("agent2").tell(
        f"/api/tickets/{made['ticket']}/amend", edition=0, note="Asks about her meter"
    )
    assert other.status_code == 200
    page.get_by_test_id("amend-save").click()
    quarrel = page.get_by_test_id("amend-differences")
    quarrel.wait_for()
    assert "Asks about her meter" in quarrel.inner_text()
    assert "and by whom?" in quarrel.inner_text()
    shot(page, "11-ticket-two-versions")
    page.get_by_test_id("amend-save").click()
    page.get_by_test_id("amend").wait_for(state="detached")
    kept = system.office("agent1").ask(f"/api/tickets/{made['ticket']}")
    assert kept["note"] == "When is the meter read, and by whom?" and kept["edition"] == 2


def test_a_picture_reaches_the_dispatcher_and_a_crew_is_taken_back(
    system: Any, screen_of: Any, shot: Any, tmp_path: Path
) -> None:
    control, agent = system.office("dispatcher1"), system.office("agent1")
    customer = customer_on_a_quiet_pipe(system, control, valves=(1, 6))
    place = {"lon": customer.lon, "lat": customer.lat, "address": customer.address}
    made = agent.tell("/api/tickets", kind="leak", place=place, name="At the counter").json()
    crew_id = control.ask(f"/api/incidents/{made['incident']}/crews")["ranked"][0]["crew"]["id"]
    order = control.tell(f"/api/incidents/{made['incident']}/assign", crew=crew_id).json()
    code = system.one("SELECT code FROM workforce_crew WHERE id = %s", [crew_id]).code
    Image.new("RGB", (320, 240), (120, 90, 60)).save(tmp_path / "pit.jpg")

    page = screen_of("dispatcher1", "/dispatch")
    page.locator(f"[data-testid=incident-row][data-id='{made['incident']}']").click()
    with at_work(system, code, tmp_path / "phone") as crew:
        crew.order(order["number"])
        crew.do(order["number"], "accept")
        crew.link.report("photo", order["number"], photo=tmp_path / "pit.jpg")
        # Of the order itself: what is around the place shows it too.
        picture = page.get_by_test_id("work-order").get_by_test_id("photo").locator("img")
        picture.wait_for(timeout=60_000)
        becomes(page, "document.querySelector('[data-testid=photo] img').naturalWidth === 320")
        shot(page, "12-dispatch-picture")

        page.get_by_test_id("recall").click()
        page.get_by_test_id("reason").fill("wanted at a burst")
        page.keyboard.press("Control+Enter")
        taken = crew.reaches(order["number"], "recalled")
        assert taken.cancelled and taken.main_step is None, "shown first, cannot be started"

    # The customer has mended it: nobody waits any more, and the incident is closed with a reason.
    done = agent.tell(f"/api/tickets/{made['ticket']}/actions", action="cancel", reason="mended")
    assert done.status_code == 200
    page.get_by_test_id("close-incident").click()
    page.get_by_test_id("reason").fill("it was the garden hose")
    page.keyboard.press("Control+Enter")
    page.locator(f"[data-testid=incident-row][data-id='{made['incident']}']").wait_for(
        state="detached"
    )
    assert control.ask(f"/api/incidents/{made['incident']}")["state"] == "closed"


def test_a_supervisor_cuts_off_a_lost_phone_from_the_command_box(
    system: Any, screen_of: Any, shot: Any, tmp_path: Path
) -> None:
    # Crew 6 works round the clock, so that it is offered at any hour.
    page = screen_of("supervisor1", "/dispatch")
    page.locator("[data-testid=crew-row]", has_text="Crew 6").wait_for()
    with at_work(system, "crew6", tmp_path / "phone") as crew:
        assert crew.link.connected
        page.keyboard.press("Control+k")
        page.keyboard.type("lost crew 6")
        page.get_by_text("Lost phone: cut off Crew 6").wait_for()
        page.keyboard.press("Enter")
        page.get_by_test_id("reason").fill("left in a taxi")
        shot(page, "13-lost-phone")
        page.keyboard.press("Control+Enter")
        eventually(lambda: not crew.link.connected, "the end of its connection", 60)
        eventually(lambda: crew.link.link and crew.link.link.signed_out, "a refusal", 60)
    # Found again under the seat: with user and password it is let in as a new one.
    with at_work(system, "crew6", tmp_path / "found") as crew:
        assert crew.link.connected
