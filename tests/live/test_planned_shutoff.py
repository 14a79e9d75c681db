"""Planned works at the screens by keyboard alone: written, approved, told, begun, and over."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.live.city import customer_on_a_quiet_pipe
from tests.live.system import eventually

pytestmark = pytest.mark.live


def two_days_pass(system: Any, number: str) -> None:
    """The hour has come: everybody was told long ago, and the works begin a minute ago."""
    with system.database() as conn, conn.cursor() as cursor:
        cursor.execute(
            "UPDATE outages_notice n SET told_at = now() - interval '3 days', "
            "starts = now() - interval '1 minute', ends = now() + interval '4 hours' "
            "FROM outages_shutoff s WHERE s.id = n.shut_off_id AND s.number = %s", [number],
        )  # fmt: skip
        cursor.execute(
            "UPDATE outages_shutoff s SET notice_from = coalesce((SELECT min(starts) FROM "
            "outages_notice n WHERE n.shut_off_id = s.id), now() - interval '1 minute'), "
            "notice_to = coalesce((SELECT max(ends) FROM outages_notice n "
            "WHERE n.shut_off_id = s.id), now() + interval '4 hours') WHERE number = %s",
            [number],
        )  # fmt: skip
        conn.commit()


def morning_comes(system: Any) -> None:
    """Notices written at night wait for the morning; the worker finds them due."""
    with system.database() as conn, conn.cursor() as cursor:
        cursor.execute(
            "UPDATE messaging_smsmessage SET next_try_at = now() "
            "WHERE state = 'queued' AND template = 'works_notice'"
        )
        conn.commit()


def in_state(page: Any, state: str) -> None:
    page.locator(f"[data-testid=shutoff-state][data-state={state}]").wait_for()


def test_planned_works_from_the_first_line_to_the_last_valve(
    system: Any, screen_of: Any, shot: Any
) -> None:
    control = system.office("dispatcher1")
    customer = customer_on_a_quiet_pipe(system, control, valves=(2, 4), off=(3, 60))

    # The engineer writes it; the page of the shut-off opens by itself.
    pen = screen_of("engineer1", "/shutoffs", width=1440, height=900)
    pen.get_by_test_id("plan-works").wait_for()
    pen.keyboard.press("n")
    pen.get_by_test_id("plan-targets").wait_for()
    pen.keyboard.type("no-such-pipe")
    pen.keyboard.press("Control+Enter")
    assert "why" in pen.get_by_test_id("form-error").inner_text()
    pen.keyboard.type("new valve")  # the field at fault has the focus
    pen.keyboard.press("Control+Enter")
    pen.get_by_text("The network has nothing called no-such-pipe").wait_for()
    pen.get_by_test_id("plan-targets").fill(customer.pipe)
    shot(pen, "20-shutoff-form")
    pen.keyboard.press("Control+Enter")
    pen.wait_for_url("**/shutoffs/A-*")
    number = pen.url.rsplit("/", 1)[1]
    in_state(pen, "draft")
    assert pen.get_by_test_id("step-approve").count() == 0, "not by whoever wrote it"

    # A second person: the permits that are missing, then the approval.
    boss = screen_of("supervisor1", f"/shutoffs/{number}", width=1440, height=900)
    in_state(boss, "draft")
    asked = control.ask(f"/api/shutoffs/{number}")["permits_missing"]
    # Time is moved below, perhaps into the night.
    for kind in dict.fromkeys([*asked, "night_work"]):
        boss.keyboard.press("p")
        boss.get_by_test_id("permit-kind").select_option(kind)
        boss.locator("#issuer").fill("City")
        boss.locator("#number").fill(f"{kind}-1")
        boss.keyboard.press("Control+Enter")
        boss.locator("dialog").wait_for(state="detached")
    boss.keyboard.press("a")
    for seen in boss.get_by_test_id("acknowledge").all():
        seen.check()
    shot(boss, "21-shutoff-approve")
    boss.keyboard.press("Control+Enter")
    in_state(boss, "approved")

    # The notice goes out; the shut-off is noticed when the texts have left.
    boss.keyboard.press("n")
    boss.get_by_test_id("step-notify").wait_for(state="detached")
    morning_comes(system)
    in_state(boss, "noticed")
    eventually(
        lambda: any("planned works" in t["body"] and t["to"] == customer.phone
                    for t in system.texts()),
        "the customer is told", 180,  # the worker may be reckoning pressures just now
    )  # fmt: skip
    agent = system.office("agent1")
    for row in control.ask(f"/api/shutoffs/{number}")["notices"]:
        if row["to_do"] and row["channel"] != "sms":
            told = agent.tell(f"/api/shutoffs/{number}/actions", action="reached",
                              notice=row["id"], outcome="reached", note="neighbour")  # fmt: skip
            assert told.status_code == 200, told.text
    early = control.tell(f"/api/shutoffs/{number}/actions", action="release")
    assert early.status_code == 409 and early.json()["errors"][0]["field"] == "notice"
    shot(boss, "22-shutoff-noticed")

    # Anybody may ask, without signing in and without JavaScript.
    public = httpx.get(f"{system.address}/water", params={"q": customer.account})
    assert public.status_code == 200 and "Planned: no water from" in public.text
    assert customer.name not in public.text and customer.address not in public.text

    two_days_pass(system, number)
    desk = screen_of("dispatcher1", f"/shutoffs/{number}", width=1440, height=900)
    in_state(desk, "noticed")
    desk.keyboard.press("r")
    desk.get_by_test_id("dialog-send").wait_for()
    desk.keyboard.press("Control+Enter")
    desk.locator("[data-testid=valve-row][data-state=authorised]").first.wait_for()
    valves = desk.get_by_test_id("valve-row").count()
    desk.get_by_test_id("radio").fill("Crew 7")
    desk.get_by_test_id("shutoff-title").click()
    for n in range(1, valves + 1):
        desk.keyboard.press("c")
        desk.locator("[data-testid=valve-row][data-state=closed]").nth(n - 1).wait_for()
    in_state(desk, "active")
    assert int(desk.get_by_test_id("off-now").inner_text()) >= customer.off
    shot(desk, "23-shutoff-active")
    public = httpx.get(f"{system.address}/water", params={"q": customer.address})
    assert "Your water is off since" in public.text

    desk.keyboard.press("w")
    for n in range(1, valves + 1):
        desk.locator("[data-testid=valve-row][data-state=closed]").nth(valves - n).wait_for()
        desk.keyboard.press("o")
        desk.locator("[data-testid=valve-row][data-state=reopened]").nth(n - 1).wait_for()
    in_state(desk, "restored")
    eventually(
        lambda: any("the water is back" in t["body"] and t["to"] == customer.phone
                    for t in system.texts()),
        "the water is back, says a text",
    )  # fmt: skip
    done = control.ask(f"/api/shutoffs/{number}")
    assert done["off_now"] == 0 and {v["said_by"] for v in done["valves"]} == {"Crew 7"}
    shot(desk, "24-shutoff-restored")
    desk.goto("/shutoffs")
    desk.locator(f"[data-testid=shutoff-row][data-number='{number}']").wait_for()
    shot(desk, "25-shutoffs")
