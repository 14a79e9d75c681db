"""A night at the board without a mouse: sent, sent otherwise, moved, and looked back on.

three leaks, nobody on them
  A  Enter                         the first crew goes
  B  c, down, Enter, a reason      the second goes instead, after its cost was shown
  A  b, arrows, m, arrows, Enter   on the board to a third
  t  , , ,                         back to when nobody had been sent; Esc: now again
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.live.city import end_reports, reports_apart
from tests.live.screens import becomes
from tests.live.system import System, eventually

STEPS = 60  # more presses than this mean that a key leads nowhere


def _press_until(page: Any, key: str, truth: str, arg: Any = None) -> None:
    """Press a key again until the page says so; each press has time to be carried out."""
    for _ in range(STEPS):
        if page.evaluate(truth, arg):
            return
        page.keyboard.press(key)
        page.wait_for_timeout(60)
    raise AssertionError(f"{key} never led to: {truth} {arg}")


def _choose(page: Any, incident: int) -> None:
    """`j` down the list to this incident."""
    _press_until(
        page, "j",
        "(id) => document.querySelector(`#row-${id}`)?.getAttribute('aria-selected') === 'true'",
        incident,
    )  # fmt: skip


def _orders(system: System, incident: int) -> list[Any]:
    return system.rows(
        "SELECT o.number, o.state, o.crew_id, o.override_reason FROM dispatch_workorder o "
        "WHERE o.incident_id = %s ORDER BY o.id", [incident],
    )  # fmt: skip


def _held(system: System, incident: int) -> Any:
    rows = [r for r in _orders(system, incident) if r.state not in ("recalled", "declined")]
    return rows[-1] if rows else None


def test_three_incidents_are_sent_moved_and_looked_back_on_by_keyboard_alone(
    system: System, screen_of: Callable[..., Any], shot: Any
) -> None:
    control, agent = system.office("dispatcher1"), system.office("agent1")
    made = reports_apart(system, agent, "leak", 3)
    a, b, c = (incident for incident, _ticket in made)
    page = screen_of("dispatcher1", "/dispatch", width=1440, height=900)
    for incident, _ticket in made:
        page.locator(f"#row-{incident}").wait_for()
    page.get_by_test_id("board-waiting").wait_for()

    # The first of the ranking, with one key.
    _choose(page, a)
    page.get_by_test_id("assign-first").wait_for()
    page.keyboard.press("Enter")
    first = eventually(lambda: _held(system, a), "an order for A")
    page.get_by_test_id("work-order").first.wait_for()

    # Another than the first: what it costs is said, and why is asked.
    _choose(page, b)
    page.get_by_test_id("assign-first").wait_for()
    page.keyboard.press("c")
    page.keyboard.press("ArrowDown")
    cost = page.get_by_test_id("what-if")
    cost.wait_for()
    ranked = page.get_by_test_id("ranked-crew")
    second = int(ranked.nth(1).get_attribute("data-crew"))
    becomes(
        page, "() => /\\d/.test(document.querySelector('[data-testid=what-if]')?.textContent)",
        timeout_ms=60_000,
    )  # fmt: skip
    shot(page, "14-board-what-if")
    page.keyboard.press("Enter")
    page.get_by_test_id("other-reason").wait_for()
    page.keyboard.type("knows the house")
    page.keyboard.press("Control+Enter")
    sent = eventually(lambda: _held(system, b), "an order for B")
    assert (sent.crew_id, sent.override_reason) == (second, "knows the house")

    # On the board: the bar of A goes to a crew that has nothing.
    bar = f"#bar-{first.number}"
    page.locator(bar).wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    _press_until(
        page, "ArrowDown",
        "(crew) => document.activeElement?.closest(`[data-crew='${crew}']`) !== null",
        first.crew_id,
    )  # fmt: skip
    _press_until(page, "ArrowRight", "(id) => document.activeElement?.id === id", bar[1:])
    free = _free_crew(control, {first.crew_id, second})
    page.keyboard.press("m")
    order = [int(r.get_attribute("data-crew")) for r in page.get_by_test_id("crew-row").all()]
    down = order.index(free) > order.index(first.crew_id)
    _press_until(
        page, "ArrowDown" if down else "ArrowUp",
        "(crew) => document.querySelector(`[data-testid=crew-row][data-crew='${crew}']`)"
        "?.dataset.target === 'true'", free,
    )  # fmt: skip
    shot(page, "15-board-moving")
    page.keyboard.press("Enter")
    page.get_by_test_id("reason").wait_for()
    page.keyboard.type("the other van broke down")
    page.keyboard.press("Control+Enter")
    moved = eventually(
        lambda: (row := _held(system, a)) and row.crew_id == free and row,
        "A with the other crew",
    )
    assert _orders(system, a)[0].state == "recalled"
    page.locator(f"[data-testid=crew-row][data-crew='{free}'] #bar-{moved.number}").wait_for()
    shot(page, "16-board-moved")

    # Back in time, event by event, to when nobody had been sent.
    page.keyboard.press("t")
    page.get_by_test_id("replay-at").wait_for()
    _back_to_when_nobody_was_sent(page, [a, b, c])
    page.locator("#board").wait_for(state="hidden")
    shot(page, "17-replay")
    then = control.ask(
        f"/api/replay?at={page.get_by_test_id('replay-at').get_attribute('data-at')}"
    )
    assert {f["id"] for f in then["incidents"]["features"]} >= {a, b, c}
    assert not [o for o in then["orders"] if o["incident"] in (a, b, c)]
    # Nothing can be changed there.
    _choose(page, c)
    page.keyboard.press("Enter")
    time.sleep(0.5)
    assert _held(system, c) is None
    looks = system.rows("SELECT by FROM accounts_auditrow WHERE action = 'track.view'")
    assert "dispatcher1" in {r.by for r in looks}

    # The very beginning of the record has a picture too.
    page.locator("#replay-slider").focus()
    page.keyboard.press("Home")
    _pictured(page)
    assert not page.locator(".toast[data-kind=bad]").count()
    # And now again, as if nothing had been.
    page.keyboard.press("t")
    page.get_by_test_id("replay").wait_for(state="hidden")
    page.locator(f"[data-testid=crew-row][data-crew='{free}'] #bar-{moved.number}").wait_for()
    page.locator(f"#row-{a} .crew:not(.none)").wait_for()

    for incident, _ticket in made:
        order = _held(system, incident)
        if order is not None:
            control.tell(
                f"/api/work-orders/{order.number}/actions", action="recall", reason="test is over"
            )
    end_reports(control, agent, made)


def _free_crew(control: Any, taken: set[int]) -> int:
    rows = control.ask("/api/board")["crews"]
    return next(int(r["id"]) for r in rows if r["free"] and r["id"] not in taken)


def _pictured(page: Any) -> None:
    """Wait until the picture on the page is that of the moment in the banner."""
    becomes(
        page, "() => Date.parse(new URLSearchParams(location.search).get('at')) === Date.parse("
        "document.querySelector('[data-testid=replay-at]').dataset.at)", timeout_ms=60_000,
    )  # fmt: skip


def _back_to_when_nobody_was_sent(page: Any, incidents: list[int]) -> None:
    """`,` and `.` from event to event, until all are in the list and no crew is on any."""
    for _ in range(STEPS):
        _pictured(page)
        rows = [page.locator(f"#row-{i}") for i in incidents]
        if any(row.count() == 0 for row in rows):
            key = "."
        elif any(row.locator(".none").count() == 0 for row in rows):
            key = ","
        else:
            return
        was = page.get_by_test_id("replay-at").get_attribute("data-at")
        page.keyboard.press(key)
        becomes(
            page, "(was) => document.querySelector('[data-testid=replay-at]').dataset.at !== was",
            was, timeout_ms=60_000,
        )  # fmt: skip
    raise AssertionError("no moment at which all were known and nobody was sent")
