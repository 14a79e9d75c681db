"""The engineer's map by keyboard alone: find a valve, isolate, doubt it, measure, switch layers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.screens import becomes
from tests.live.system import eventually

pytestmark = pytest.mark.live

# The middle of the map's own canvas, for clicks while measuring.
_MIDDLE = """() => { const box = document.querySelector('#map').getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2]; }"""


def _a_pipe_whose_valve_matters(control: Any) -> tuple[str, str]:
    """(pipe, valve): a plan of two valves or more that takes more customers without the valve."""
    features = control.ask("/api/assets?kind=pipes")["features"]
    for pipe in (f["id"] for f in features):
        plan = control.ask(f"/api/trace/{pipe}")
        for valve in plan["valves"] if 2 <= len(plan["valves"]) <= 6 else ():
            without = control.ask(f"/api/trace/{pipe}?inoperable={valve['id']}")
            if without["customers_off"] > plan["customers_off"]:
                return pipe, valve["id"]
    raise AssertionError("no plan of this city hangs on a valve")


def test_an_engineer_isolates_a_main_doubts_a_valve_and_measures_without_a_mouse(
    system: Any, screen_of: Any, shot: Any
) -> None:
    control = system.office("engineer1")
    pipe, valve = _a_pipe_whose_valve_matters(control)
    page = screen_of("engineer1", "/")
    becomes(page, "location.pathname === '/network'")
    page.get_by_test_id("layers").wait_for()
    becomes(page, "!!(window.__map && document.querySelector('#stage[data-ready]'))")

    # Found by the beginning of its number.
    page.keyboard.press("/")
    page.keyboard.type(pipe.lower())
    page.locator(f"[data-testid=asset-hit][data-id='{pipe}']").wait_for()
    page.keyboard.press("Enter")
    page.locator(f"[data-testid=picked][data-id='{pipe}']").wait_for()
    becomes(page, "(id) => location.hash.endsWith('/' + encodeURIComponent(id))", pipe)
    shot(page, "network-picked")

    # What it takes to isolate it; then one of the valves will not turn.
    page.keyboard.press("i")
    plan = page.locator("[data-testid=trace-plan][data-kind=isolate]")
    plan.wait_for()
    meant = int(plan.get_attribute("data-off") or "0")
    becomes(page, "() => window.__map.querySourceFeatures('plan-valves').length > 0")
    shot(page, "network-isolated")
    page.keyboard.press("/")
    page.keyboard.type(valve)
    page.locator(f"[data-testid=asset-hit][data-id='{valve}']").wait_for()
    page.keyboard.press("Enter")
    page.locator(f"[data-testid=picked][data-id='{valve}']").wait_for()
    page.keyboard.press("x")
    becomes(page, "(meant) => Number(document.querySelector('[data-testid=trace-plan]')"
            ".dataset.off) > meant", meant)
    assert not page.locator(f"[data-testid=trace-valve][data-id='{valve}']").count()
    shot(page, "network-what-if")

    # The way of the water to it.
    page.keyboard.press("s")
    page.locator("[data-testid=trace-plan][data-kind=source_path]").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    becomes(page, "() => document.querySelector('#side').hidden")

    # A tape over the middle of the map says metres; Esc puts it away.
    page.keyboard.press("m")
    x, y = page.evaluate(_MIDDLE)
    page.mouse.click(x - 120, y)
    page.mouse.click(x + 120, y)
    becomes(page, r"() => /\d/.test(document.querySelector('#measured').textContent)")
    page.keyboard.press("Escape")
    becomes(page, "() => document.querySelector('#measured').hidden")


def test_layers_and_colours_are_remembered_and_the_page_speaks_chinese(
    system: Any, screen_of: Any, shot: Any
) -> None:
    page = screen_of("engineer1", "/network")
    becomes(page, "!!(window.__map && document.querySelector('#stage[data-ready]'))")
    page.locator("#layer-sewers").uncheck()
    becomes(page, "() => window.__map.getLayoutProperty('sewers', 'visibility') === 'none'")
    page.get_by_test_id("colour-by").select_option("material")
    page.get_by_test_id("legend").wait_for()

    page.get_by_test_id("language").click()
    page.locator("html[lang=zh-Hans] #stage[data-ready]").wait_for()
    assert page.get_by_test_id("colour-by").input_value() == "material"
    assert not page.locator("#layer-sewers").is_checked()
    assert "管线着色依据" in page.get_by_test_id("layers").inner_text()
    becomes(page, "() => window.__map.getLayoutProperty('sewers', 'visibility') === 'none'")
    shot(page, "network-chinese")
    # `l` puts the panel away and brings it back.
    page.keyboard.press("l")
    becomes(page, "() => document.querySelector('#stage').dataset.layers === 'shut'")
    # Back to English for whoever comes after.
    page.get_by_test_id("language").click()
    page.locator("html[lang=en]").wait_for(state="attached")


def test_the_map_is_reached_from_an_incident_with_its_main_picked(
    system: Any, screen_of: Any
) -> None:
    control = system.office("dispatcher1")
    # A main on which nothing has happened, with customers.
    pipe = system.one(
        "SELECT l.pipe FROM network_serviceline l WHERE NOT EXISTS (SELECT 1 FROM tickets_incident"
        " i, network_pipe p WHERE p.asset = l.pipe AND ST_DWithin(i.geom, p.geom, 0.004))"
        " ORDER BY l.pipe DESC LIMIT 1"
    ).pipe
    made = system.office("agent1").tell(
        "/api/tickets", kind="burst", place={"asset": pipe},
    ).json()

    def planned() -> Any:
        return control.ask(f"/api/incidents/{made['incident']}").get("plan")

    assert eventually(planned, "the plan")["target"] == pipe
    page = screen_of("dispatcher1", "/dispatch")
    page.locator(f"[data-testid=incident-row][data-id='{made['incident']}']").click()
    page.get_by_test_id("to-network").click()
    page.locator(f"[data-testid=picked][data-id='{pipe}']").wait_for()
    # And back: the incident is listed as open on this main.
    page.get_by_test_id("open-here").wait_for()
    assert page.locator("[data-testid=open-here] a[href^='/dispatch#']").count() >= 1
