"""A report without a place, and two who write in one ticket, at the pages where it happens."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.city import customer_on_a_quiet_pipe

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
