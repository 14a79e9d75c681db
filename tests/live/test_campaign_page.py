"""A supervisor has customers told by telephone, from the page: a wrong form and a right one, then
started, halted, gone on with and stopped, while real calls reach the customers' telephones.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from telephony.network import Line, PublicNetwork
from tests.live.system import System, eventually

pytestmark = pytest.mark.live
STATES = ("reached", "dialling", "waiting", "exhausted", "skipped", "dropped")
# What the telephones do, in the order in which they are rung.
LINES = {
    "confirms": Line(ring_s=0.5, talk_s=60, speaks=((0.2, 0.8),), keys="1" * 20, keys_after_s=2),
    "rings": Line("rings"),
    "busy": Line("busy"),
    "listens": Line(ring_s=0.5, talk_s=60, speaks=((0.2, 0.8),)),
    "turns away": Line("rejects"),
    "is not there": Line("unknown"),
}
# The text and the question without a key take a while on a busy machine.
PATIENCE_MS = 180_000


@pytest.fixture
def network(system: System) -> Iterator[PublicNetwork]:
    """The customers' telephones where this installation's trunk leads."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(20)

    made = PublicNetwork(otherwise=Line("unknown"), port=system.ports["network"])
    run(made.__aenter__())
    yield made
    run(made.__aexit__())
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def homes(system: System, count: int) -> list[Any]:
    """Customers with a number of their own whom nobody has called or heard of."""
    found = system.rows(
        "SELECT a.name, p.number AS phone FROM customers_account a "
        "JOIN customers_phone p ON p.account_id = a.id WHERE a.active AND a.language = 'en' "
        "AND p.number ~ '^04[0-9]{6,9}$' AND position(',' in a.name) = 0 "
        "AND (SELECT count(*) FROM customers_phone q WHERE q.number = p.number) = 1 "
        "AND (SELECT count(*) FROM customers_phone q WHERE q.account_id = a.id) = 1 "
        "AND NOT EXISTS (SELECT 1 FROM calls_call c WHERE c.phone = p.number) "
        "AND NOT EXISTS (SELECT 1 FROM calls_dialattempt d WHERE d.number = p.number) "
        "AND NOT EXISTS (SELECT 1 FROM calls_donotcall n WHERE n.number = p.number) "
        "ORDER BY a.id DESC LIMIT %s", [count],
    )  # fmt: skip
    assert len(found) == count
    return found


def counted(page: Any) -> dict[str, int]:
    """What the page says of each state."""
    return {state: int(page.get_by_test_id(f"n-{state}").inner_text()) for state in STATES}


def says(page: Any, figure: str, pattern: str) -> None:
    """Wait until the page's figure reads so, without loading it again."""
    wanted = re.compile(rf"^\s*{pattern}\s*$")
    page.get_by_test_id(figure).filter(has_text=wanted).wait_for(timeout=PATIENCE_MS)


def recount(system: System, number: str) -> dict[str, int]:
    rows = system.rows(
        "SELECT t.state, count(*) AS n FROM campaigns_target t JOIN campaigns_campaign c "
        "ON c.id = t.campaign_id WHERE c.number = %s GROUP BY t.state", [number],
    )  # fmt: skip
    return dict.fromkeys(STATES, 0) | {row.state: row.n for row in rows}


def moment(system: System, number: str, verb: str) -> Any:
    """When a step was written down."""
    row = system.one("SELECT at FROM accounts_auditrow WHERE subject = %s AND action = %s",
                     [f"campaign:{number}", f"campaign.{verb}"])  # fmt: skip
    return row.at


def refused_at(page: Any, field: str, words: str) -> None:
    """The message stands at this field, which has the focus."""
    note = page.locator(f".field:has([name={field}]) [data-testid=form-error]")
    note.wait_for()
    assert words in note.inner_text()
    page.locator(f"[name={field}][aria-invalid=true]:focus").wait_for()
    assert page.get_by_test_id("form-error").count() == 1


def test_a_notice_from_the_first_line_of_its_form_to_the_stop(
    system: System, network: PublicNetwork, screen_of: Any, shot: Any
) -> None:
    *people, unwilling = homes(system, len(LINES) + 1)
    network.lines |= {p.phone: line for p, line in zip(people, LINES.values(), strict=True)}
    page = screen_of("supervisor1", "/campaigns", width=1440, height=900)
    page.evaluate("window.__same_page = true")

    # Somebody does not want to be called.
    page.get_by_test_id("tab-donotcall").click()
    page.get_by_test_id("dnc-add").click()
    page.keyboard.type("by the harbour")
    page.keyboard.press("Control+Enter")
    refused_at(page, "number", "number")
    page.keyboard.press("Control+a")
    page.keyboard.type(unwilling.phone)
    page.keyboard.press("Control+Enter")
    page.locator("dialog").wait_for(state="detached")
    page.get_by_test_id("tab-calls").click()

    # The form says what is wrong where it is wrong, and keeps what was typed.
    page.keyboard.press("c")
    page.get_by_test_id("campaign-form").wait_for()
    page.get_by_test_id("campaign-kind").select_option("list")
    page.keyboard.press("Control+Enter")
    refused_at(page, "name", "name")
    page.keyboard.type("The water will be brown")
    page.locator("[name=en]").fill("This is {password}.")
    rules = page.locator("dialog summary")
    rules.click()
    page.locator("[name=gap]").fill("0")
    rules.click()  # folded away: it unfolds by itself for the message
    page.keyboard.press("Control+Enter")
    refused_at(page, "en", "In braces only")
    page.keyboard.press("Control+a")
    page.keyboard.type("This is {utility}. Let the tap run.")
    page.keyboard.press("Control+Enter")
    refused_at(page, "gap", "between")
    shot(page, "campaign-form-refused")
    page.keyboard.press("Control+a")
    page.keyboard.type("60")
    page.keyboard.press("Control+Enter")
    refused_at(page, "numbers", "at least one number")
    page.keyboard.type("\n".join(f"{p.phone},{p.name}" for p in [*people, unwilling]))
    page.get_by_test_id("form-error").wait_for(state="detached")
    assert page.get_by_test_id("campaign-name").input_value() == "The water will be brown"
    assert page.locator("[name=en]").input_value() == "This is {utility}. Let the tap run."
    page.locator("[name=opens]").fill("00:00")
    page.locator("[name=closes]").fill("23:59")
    page.locator("[name=channels]").fill("1")
    page.locator("[name=ring_s]").fill("20")
    shot(page, "campaign-form")
    page.keyboard.press("Control+Enter")
    page.locator("dialog").wait_for(state="detached")
    row = system.one("SELECT number, name, state FROM campaigns_campaign ORDER BY id DESC LIMIT 1")
    assert (row.name, row.state) == ("The water will be brown", "draft")
    number = row.number
    page.locator(f"[data-testid=campaign][data-number='{number}']").wait_for()
    everybody = dict.fromkeys(STATES, 0) | {"waiting": len(people), "dropped": 1}
    assert counted(page) == everybody == recount(system, number)
    left_out = page.get_by_test_id("target").filter(has_text=unwilling.name)
    left_out.get_by_text("asked not to be called").wait_for()

    # Started by the keyboard; the page follows by itself.
    page.get_by_test_id("campaign-start").focus()
    page.keyboard.press("Enter")
    page.get_by_test_id("campaign-pause").wait_for()
    says(page, "n-reached", "[1-9]")
    says(page, "rings", "[2-9]")  # the second rings for twenty seconds
    shot(page, "campaign-running")
    page.get_by_test_id("campaign-pause").click()
    page.get_by_test_id("campaign-resume").wait_for()
    # What rang goes on to its end, and the page says so; nobody else is rung.
    says(page, "going-ringing", "0")
    says(page, "n-dialling", "0")
    assert counted(page)["waiting"] >= 1
    assert counted(page) == recount(system, number)
    shot(page, "campaign-halted")

    page.get_by_test_id("campaign-resume").click()
    page.get_by_test_id("campaign-pause").wait_for()
    says(page, "rings", str(len(people)))
    says(page, "n-dialling", "0")
    # Three are tried again in an hour; one turned us away and is left alone.
    assert counted(page) == recount(system, number) == {
        "reached": 2, "dialling": 0, "waiting": 3, "exhausted": 1, "skipped": 0, "dropped": 1,
    }  # fmt: skip
    assert page.get_by_test_id("confirmed").inner_text() == "1"
    settled = {p.phone: what for p, what in zip(people, LINES, strict=True)}
    told = system.rows(
        "SELECT t.number, r.result FROM campaigns_try r JOIN campaigns_target t "
        "ON t.id = r.target_id JOIN campaigns_campaign c ON c.id = t.campaign_id "
        "WHERE c.number = %s ORDER BY r.id", [number],
    )  # fmt: skip
    assert {settled[row.number]: row.result for row in told} == {
        "confirms": "answered", "rings": "no_answer", "busy": "busy", "listens": "answered",
        "turns away": "refused", "is not there": "failed",
    }  # fmt: skip

    # Stopped for good, after it was asked whether it is meant.
    page.get_by_test_id("campaign-stop").click()
    page.get_by_test_id("yes").wait_for()
    page.keyboard.press("Escape")
    page.get_by_test_id("yes").wait_for(state="detached")
    assert page.get_by_test_id("campaign-pause").is_visible()
    page.get_by_test_id("campaign-stop").click()
    page.get_by_test_id("yes").click()
    page.get_by_test_id("campaign-stop").wait_for(state="detached")
    says(page, "n-skipped", "3")
    assert counted(page) == recount(system, number) == {
        "reached": 2, "dialling": 0, "waiting": 0, "exhausted": 1, "skipped": 3, "dropped": 1,
    }  # fmt: skip
    shot(page, "campaign-stopped")
    ended = system.one("SELECT state, ended_at FROM campaigns_campaign WHERE number = %s", [number])
    assert ended.state == "stopped" and ended.ended_at is not None
    assert page.evaluate("window.__same_page"), "the page was loaded again"

    # No try was written while it was halted; every telephone rang once, and one never.
    halted = [moment(system, number, verb) for verb in ("pause", "resume")]
    assert not system.rows(
        "SELECT 1 FROM campaigns_try r JOIN campaigns_target t ON t.id = r.target_id "
        "JOIN campaigns_campaign c ON c.id = t.campaign_id "
        "WHERE c.number = %s AND r.at > %s AND r.at < %s", [number, *halted],
    )  # fmt: skip
    eventually(lambda: all(c.ended_at for c in network.calls), "every line is free again")
    rung = [(settled[call.number], call.hung_up_by) for call in network.calls]
    assert [what for what, _ in rung] == list(LINES)
    assert network.calls_to(unwilling.phone) == [] and network.most_at_once() == 1
    assert len(network.calls_to(people[0].phone)[0].heard) > 8000, "a second of the text"
