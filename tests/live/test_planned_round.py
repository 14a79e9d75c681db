"""What can wait becomes a round: made, given to one crew, kept, and the plan holds to it.

Three hydrants, none urgent, and shifts that go on for four hours at least, whatever the clock says
r, down to the crews, Space: one crew alone; Ctrl Enter: kept
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.live.city import end_reports, reports_apart
from tests.live.screens import becomes
from tests.live.system import System, eventually

# What the map really draws.
_WAY = """() => window.__map.queryRenderedFeatures({layers: ['round-line']}).length > 0"""
_PINS = """
    SELECT incident_id, crew_id, reason FROM dispatch_planwish
    WHERE ended_at IS NULL AND kind = 'pin' AND incident_id = ANY(%s)
"""


# Who works now works four hours longer, and whoever relieves them begins later; and back.
_LATER = """
    UPDATE workforce_shift n SET starts = n.starts + interval '4 hours' FROM workforce_shift c
    WHERE c.crew_id = n.crew_id AND c.starts <= now() AND now() < c.ends
      AND n.starts >= c.ends AND n.starts < c.ends + interval '4 hours'
      AND n.ends - n.starts > interval '4 hours' RETURNING n.id
"""
_LONGER = """
    UPDATE workforce_shift c SET ends = c.ends + interval '4 hours'
    WHERE c.starts <= now() AND now() < c.ends AND NOT EXISTS (
        SELECT 1 FROM workforce_shift n WHERE n.crew_id = c.crew_id AND n.id <> c.id
        AND n.starts >= c.ends AND n.starts < c.ends + interval '4 hours') RETURNING c.id
"""


@pytest.fixture
def long_shifts(system: System) -> Iterator[None]:
    """A round is for this shift: just before its end nothing would fit."""
    later = [row.id for row in system.rows(_LATER)]
    longer = [row.id for row in system.rows(_LONGER)]
    assert longer, "nobody is on shift"
    yield
    for column, ids in (("ends", longer), ("starts", later)):
        back = f"UPDATE workforce_shift SET {column} = {column} - interval '4 hours' "
        assert len(system.rows(back + "WHERE id = ANY(%s) RETURNING id", [ids])) == len(ids)


def test_three_hydrants_become_one_round_and_the_plan_holds_to_it(
    system: System, screen_of: Callable[..., Any], shot: Any, long_shifts: None
) -> None:
    control, agent = system.office("dispatcher1"), system.office("agent1")
    made = reports_apart(system, agent, "hydrant", 3, from_the_end=True)
    ours = [incident for incident, _ticket in made]
    page = screen_of("dispatcher1", "/dispatch", width=1440, height=900)
    becomes(page, "() => !!(window.__map && window.__map.getSource('round'))", timeout_ms=60_000)
    page.locator(f"#row-{ours[-1]}").wait_for()

    page.keyboard.press("r")
    page.get_by_test_id("round-keep").wait_for(timeout=60_000)
    shot(page, "33-round")
    # Whom the streets favour: that crew alone. The others are let off one by one.
    mine = ", ".join(f"[data-testid=round-stop][data-incident='{i}']" for i in ours)
    crew = page.locator(mine).first.locator("xpath=ancestor::li[@data-crew]")
    one = int(crew.get_attribute("data-crew"))
    on_shift = [int(c.get_attribute("data-crew")) for c in page.get_by_test_id("round-crew").all()]
    for other in on_shift:
        if other != one:
            page.locator(f"#round-crew-{other}").click()
            becomes(
                page, "() => !document.querySelector('.rounds')?.hasAttribute('aria-busy')",
                timeout_ms=60_000,
            )  # fmt: skip
            assert not page.locator(f"#round-crew-{other}").is_checked()
    shown = [int(s.get_attribute("data-incident")) for s in page.get_by_test_id("round-stop").all()]
    stops = [i for i in shown if i in ours]
    assert stops
    for incident in set(shown) - set(ours):  # what the tests before have left open
        page.locator(f"[data-testid=round-stop][data-incident='{incident}'] input").click()
    # The way stands on the map while the keys are on that crew, wherever the mouse was left and
    # however the list moves under it.
    page.locator(f"#round-crew-{next(c for c in on_shift if c != one)}").hover()
    page.locator(f"#round-crew-{one}").focus()
    page.keyboard.press("ArrowDown")
    becomes(page, _WAY, timeout_ms=60_000)
    for _ in range(2):  # left out, and in again: the list is drawn anew
        page.keyboard.press("Space")
        page.wait_for_timeout(400)
        assert page.evaluate(_WAY)
    shot(page, "34-round-of-one")
    page.keyboard.press("Control+Enter")
    eventually(lambda: len(system.rows(_PINS, [ours])) == len(stops), "the round is kept")
    pins = system.rows(_PINS, [ours])
    assert {(p.incident_id, p.crew_id) for p in pins} == {(i, one) for i in stops}
    assert all(p.reason for p in pins)
    page.locator(".rounds").wait_for(state="hidden")

    def held() -> bool:
        rows = control.ask("/api/plan")["rows"]
        return {r["crew"] for r in rows if r["incident"] in stops} == {one}

    eventually(held, "the plan in force holds to it")
    assert not system.rows("SELECT 1 FROM dispatch_workorder WHERE incident_id = ANY(%s)", [ours])
    end_reports(control, agent, made)
