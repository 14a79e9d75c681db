"""The agent's desk with nothing pretended: a page loaded again in the talk, a colleague asked,
three together, a line cut, and how long it takes until a leak is on the map.
"""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

import pytest

from tests.live import screens
from tests.live.system import CONTENT, eventually

pytestmark = pytest.mark.live


def known_caller(system: Any, n: int = 0) -> Any:
    """A customer with one number of their own at a home."""
    return system.rows(
        "SELECT min(p.number) AS number, a.number AS account, r.address FROM customers_phone p "
        "JOIN customers_account a ON a.id = p.account_id "
        "JOIN customers_premise r ON r.id = a.premise_id "
        "WHERE r.use = 'home' AND p.number LIKE '04%%' AND (SELECT count(*) FROM customers_phone q "
        "WHERE q.number = p.number) = 1 AND NOT EXISTS (SELECT 1 FROM calls_call c "
        "WHERE c.phone = p.number) GROUP BY a.number, r.address ORDER BY md5(a.number) LIMIT %s",
        [n + 1],
    )[n]  # fmt: skip


def answer(page: Any) -> None:
    screens.phone_is(page, "ringing")
    page.keyboard.press("Alt+a")
    screens.phone_is(page, "talking")


def test_a_page_loaded_again_in_the_talk_has_caller_sound_and_draft_back(
    system: Any, screen_of: Any, figure: Any, shot: Any
) -> None:
    desk = screen_of("agent1", "/desk", width=1440, height=900)
    screens.take_calls(desk)
    customer = known_caller(system)
    began = time.time()
    ringing = system.ring(customer.number, keys=CONTENT, keys_every_s=4, seconds=150)
    try:
        answer(desk)
        screens.hears(desk)
        call = system.call_from(customer.number, began)
        desk.get_by_test_id("balance").wait_for()
        assert desk.get_by_test_id("usage").is_visible()
        desk.get_by_test_id("note").fill("Brown water since")
        desk.get_by_test_id("mute").click()
        shot(desk, "desk-in-talk")
        loaded = time.time()
        desk.reload()
        screens.phone_is(desk, "talking")
        figure("page loaded again to talking again", time.time() - loaded)
        heard = screens.hears(desk)
        assert heard["inbound"]["packets"] > 20 and heard["inbound"]["energy"] > 0, heard
        assert desk.evaluate("window.__softphone.callId") == call.call_id
        assert desk.get_by_test_id("mute").get_attribute("aria-pressed") == "true"
        assert desk.get_by_test_id("note").input_value() == "Brown water since"
        talk = system.office("agent1").ask(f"/api/calls/{call.call_id}/talk")
        assert [leg["how"] for leg in talk["legs"]] == ["queue", "resume"]
        assert system.one("SELECT count(*) AS n FROM calls_call WHERE raw_number = %s",
                          [customer.number]).n == 1  # fmt: skip
    finally:
        desk.keyboard.press("Alt+h")
        outcome = ringing.result(180)
    assert outcome.answered and outcome.hung_up_by == "desk"


def test_a_colleague_is_asked_then_three_talk_and_the_caller_stays_with_the_second(
    system: Any, screen_of: Any, shot: Any
) -> None:
    one = screen_of("agent1", "/desk", width=1440, height=900)
    two = screen_of("agent2", "/desk", width=1440, height=900)
    screens.take_calls(one)
    screens.phone_is(two, "registered")
    customer = known_caller(system)
    began = time.time()
    ringing = system.ring(customer.number, keys="0", seconds=150)
    try:
        answer(one)
        call = system.call_from(customer.number, began)
        # Signed in, but taking no calls of the queue: still a colleague who can be asked.
        system.office("agent2").tell("/api/me/state", state="paused", reason="break")
        one.keyboard.press("Alt+t")
        one.locator("[data-testid=hand-row]").first.wait_for()
        shot(one, "desk-hand-over")
        one.get_by_test_id("hand-to").fill(two.evaluate("window.__softphone._phone.account.user"))
        one.keyboard.press("Enter")
        screens.phone_is(two, "ringing")
        assert two.get_by_test_id("why").is_visible()
        shot(two, "desk-asked")
        answer(two)
        one.locator("[data-testid=hand-panel][data-step=talking]").wait_for()
        screens.hears(two)
        # The colleague sees whose call it is.
        eventually(lambda: two.evaluate("window.__softphone.callId") == call.call_id, "the card")
        two.locator("[data-testid=card]").wait_for()
        one.keyboard.press("Alt+j")
        one.locator("[data-testid=hand-panel][data-step=three]").wait_for()
        shot(one, "desk-three")
        one.keyboard.press("Alt+h")
        screens.phone_is(one, "registered")
        row = eventually(
            lambda: system.one(
                "SELECT u.username FROM calls_call c JOIN accounts_user u ON u.id = c.agent_id "
                "WHERE c.call_id = %s AND u.username = 'agent2'", [call.call_id],
            ),
            "the second agent has the call",
        )  # fmt: skip
        assert row.username == "agent2"
        legs = system.office("agent1").ask(f"/api/calls/{call.call_id}/talk")["legs"]
        assert [(leg["user"], leg["how"]) for leg in legs] == [
            ("agent1", "queue"), ("agent2", "consult"),
        ]  # fmt: skip
        two.keyboard.press("Alt+h")
    finally:
        outcome = ringing.result(180)
    assert outcome.answered and outcome.hung_up_by == "desk"


def test_a_caller_is_handed_to_a_queue_by_the_keyboard(
    system: Any, screen_of: Any, shot: Any
) -> None:
    desk = screen_of("agent1", "/desk", width=1440, height=900)
    screens.take_calls(desk)
    customer = known_caller(system)
    began = time.time()
    ringing = system.ring(customer.number, keys="0", seconds=45)
    try:
        answer(desk)
        call = system.call_from(customer.number, began)
        desk.keyboard.press("Alt+t")
        desk.locator("[data-testid=hand-row][data-to=billing]").wait_for()
        shot(desk, "desk-hand-to-queue")
        desk.keyboard.type("billing")
        desk.keyboard.press("Enter")
        screens.phone_is(desk, "registered")
        desk.get_by_test_id("hand-panel").wait_for(state="hidden")
        row = eventually(
            lambda: system.one(
                "SELECT queue, transfers FROM calls_call WHERE call_id = %s AND queue = 'billing'",
                [call.call_id],
            ),
            "the caller stands in the other queue",
        )  # fmt: skip
        assert row.transfers == 1
    finally:
        outcome = ringing.result(180)
    assert outcome.answered


def test_a_line_that_is_cut_shows_red_within_five_seconds(
    system: Any, screen_of: Any, figure: Any, shot: Any
) -> None:
    desk = screen_of("agent1", "/desk")
    screens.phone_is(desk, "registered")
    screens.becomes(desk, "window.__softphone.up === true")
    began = time.time()
    desk.context.set_offline(True)
    desk.get_by_test_id("alarm").wait_for()
    figure("line cut to red", time.time() - began, 5.0)
    shot(desk, "desk-alarm")
    desk.context.set_offline(False)
    screens.becomes(desk, "window.__softphone.up === true", timeout_ms=40_000)
    desk.get_by_test_id("alarm").wait_for(state="hidden")


def test_a_leak_is_on_the_map_within_a_minute_of_the_ring(
    system: Any, screen_of: Any, figure: Any, shot: Any
) -> None:
    """A scripted agent: looks, listens, asks, types, registers, at a person's pace with
    STANDPIPE_LEAKS=9 (nine calls, the median counts), else hurried and two calls only.
    """
    calls = int(os.environ.get("STANDPIPE_LEAKS", "0"))
    pace = 1.0 if calls else 0.15
    desk = screen_of("agent1", "/desk", width=1440, height=900)
    took = []
    elsewhere = known_caller(system, 20).address
    for n in range(calls or 2):
        screens.take_calls(desk)
        customer = known_caller(system)
        began = time.time()
        ringing = system.ring(customer.number, keys=CONTENT, keys_every_s=4, seconds=150)
        try:
            call = system.call_from(customer.number, began)
            # Somebody next to a reported leak hears of it first.
            screens.phone_is(desk, "ringing", timeout_ms=60_000)
            began = time.time()
            desk.wait_for_timeout(2000 * pace)  # looks at the verdict
            desk.keyboard.press("Alt+a")
            screens.phone_is(desk, "talking")
            desk.wait_for_timeout(8000 * pace)  # the caller tells
            desk.get_by_test_id("kind-leak").check()
            desk.wait_for_timeout(2000 * pace)
            desk.locator("input[name=symptom-before_meter][value=street]").check()
            if n % 2:
                # It is not at home: another house, typed.
                desk.keyboard.press("Alt+w")
                desk.get_by_test_id("place-input").fill("")
                desk.keyboard.type(elsewhere, delay=200 * pace)
                desk.get_by_test_id("place-result").first.wait_for()
                desk.keyboard.press("Enter")
            desk.get_by_test_id("note").click()
            desk.keyboard.type("Water runs along the kerb since an hour", delay=200 * pace)
            if n == 0:
                shot(desk, "desk-leak")
            desk.keyboard.press("Control+Enter")
            number = desk.get_by_test_id("ticket-number").inner_text()
            took.append(time.time() - began)
            located = system.one(
                "SELECT t.geom IS NOT NULL AS there, t.kind FROM tickets_ticket t "
                "JOIN calls_call c ON c.contact_id = t.contact_id "
                "WHERE t.number = %s AND c.call_id = %s", [number, call.call_id],
            )  # fmt: skip
            assert (located.there, located.kind) == (True, "leak")
            desk.keyboard.press("Alt+h")
            screens.phone_is(desk, "registered")
            desk.get_by_test_id("next").click()
        finally:
            if desk.evaluate("window.__softphone.state") != "registered":
                desk.keyboard.press("Alt+h")
            ringing.result(180)
    figure("ring to a located leak, median", statistics.median(took), 60.0)
