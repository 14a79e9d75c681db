"""An area is watched from the dispatch page: drawn, refused, seen by the next screen, removed.

A pit by the square: drawn with arrow keys and Space, a name forgotten and said at its field
The depot's yard: drawn by clicks; the engineer sees both and may change neither
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.live.screens import becomes
from tests.live.system import System, eventually

# What the map really holds, not what the page meant to give it.
_ON_THE_MAP = """(id) => window.__map.querySourceFeatures('areas')
    .some((f) => f.properties.id === id)"""
_HAS_AREAS = "() => !!(window.__map && window.__map.getSource('areas'))"
_MIDDLE = "() => { const at = window.__map.getCenter(); return [at.lng, at.lat].join(); }"


def _watched(system: System, name: str) -> Any:
    rows = system.rows(
        "SELECT id, kind, dwell_s, created_by, ST_NPoints(geom) - 1 AS corners "
        "FROM positions_fence WHERE active AND name = %s ORDER BY id DESC", [name],
    )  # fmt: skip
    return rows[0] if rows else None


def _moves(page: Any, key: str) -> None:
    """Press an arrow until the map's middle is elsewhere, and stands again."""
    was = page.evaluate(_MIDDLE)
    page.keyboard.press(key)
    becomes(page, f"(was) => ({_MIDDLE})() !== was", was, timeout_ms=60_000)
    becomes(page, "() => !window.__map.isMoving()", timeout_ms=60_000)


def test_an_area_is_drawn_refused_seen_elsewhere_and_removed(
    system: System, screen_of: Callable[..., Any], shot: Any
) -> None:
    page = screen_of("dispatcher1", "/dispatch", width=1440, height=900)
    other = screen_of("engineer1", "/dispatch", width=1440, height=900)
    for screen in (page, other):
        becomes(screen, _HAS_AREAS, timeout_ms=60_000)
        screen.locator("body").click(position={"x": 5, "y": 5})
        screen.keyboard.press("z")
        screen.get_by_test_id("areas-on").wait_for()
    assert other.get_by_test_id("area-new").count() == 0

    # By keyboard alone: the focus is on the button as the list unfolds.
    page.keyboard.press("Enter")
    page.get_by_test_id("area-form").wait_for()
    page.keyboard.press("Enter")
    becomes(page, "() => document.activeElement?.tagName === 'CANVAS'")
    page.keyboard.press("Space")
    for key in ("ArrowRight", "ArrowDown"):
        _moves(page, key)
        page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.get_by_test_id("area-where").wait_for()
    assert "3" in page.get_by_test_id("area-where").inner_text()
    shot(page, "30-area-drawn")

    # The name is forgotten; what was drawn and typed stays.
    page.get_by_test_id("area-minutes").fill("10")
    page.keyboard.press("Control+Enter")
    error = page.locator("[data-testid=area-error][data-field=name]")
    error.wait_for()
    assert error.inner_text().strip()
    becomes(page, "() => document.activeElement?.id === 'area-name'")
    assert page.get_by_test_id("area-minutes").input_value() == "10"
    assert "3" in page.get_by_test_id("area-where").inner_text()
    shot(page, "31-area-refused")
    page.keyboard.type("Pit by the square")
    page.get_by_test_id("area-name-zh").fill("广场旁的基坑")
    page.keyboard.press("Control+Enter")
    pit = eventually(lambda: _watched(system, "Pit by the square"), "the pit is watched")
    assert (pit.kind, pit.dwell_s, pit.created_by, pit.corners) == ("danger", 600, "dispatcher1", 3)

    # It stands in both lists and on both maps, and nobody has reloaded.
    for screen in (page, other):
        screen.locator(f"[data-testid=area][data-id='{pit.id}']").wait_for(timeout=60_000)
        becomes(screen, _ON_THE_MAP, pit.id, timeout_ms=60_000)
    assert other.get_by_test_id("area-remove").count() == 0
    shot(page, "32-area-listed")

    # The pit is larger than thought: drawn again, given up once, and called otherwise.
    page.locator(f"#area-change-{pit.id}").click()
    becomes(page, "() => document.activeElement?.id === 'area-name'")
    assert page.get_by_test_id("area-minutes").input_value() == "10"
    page.keyboard.press("Control+a")
    page.keyboard.type("Pit at the corner")
    page.get_by_test_id("area-draw").click()
    page.keyboard.press("Escape")
    page.get_by_test_id("area-where").wait_for()
    assert "3" in page.get_by_test_id("area-where").inner_text(), "given up: as it was"
    page.get_by_test_id("area-minutes").fill("")
    shot(page, "32-area-changing")
    page.get_by_test_id("area-save").click()
    now = eventually(lambda: _watched(system, "Pit at the corner"), "the new name")
    assert (now.id, now.kind, now.dwell_s, now.corners) == (pit.id, "danger", None, 3)
    there = other.locator(f"[data-testid=area][data-id='{pit.id}']")
    there.filter(has_text="Pit at the corner").wait_for()
    assert other.get_by_test_id("area-change").count() == 0

    # By clicks, and not told of staying.
    page.get_by_test_id("area-new").click()
    page.get_by_test_id("area-draw").click()
    box = page.locator("#map").bounding_box()
    for x, y in ((120, 120), (260, 120), (260, 240), (120, 240)):
        page.mouse.click(box["x"] + x, box["y"] + y)
    page.keyboard.press("Enter")
    page.get_by_test_id("area-where").wait_for()
    page.get_by_test_id("area-name").fill("Yard of the depot")
    page.get_by_test_id("area-kind").select_option("depot")
    page.get_by_test_id("area-save").click()
    yard = eventually(lambda: _watched(system, "Yard of the depot"), "the yard is watched")
    assert (yard.kind, yard.dwell_s, yard.corners) == ("depot", None, 4)
    page.locator(f"[data-testid=area][data-id='{yard.id}']").wait_for()

    # Off the map, and back.
    page.get_by_test_id("areas-on").click()
    becomes(page, f"(id) => !({_ON_THE_MAP})(id)", pit.id, timeout_ms=60_000)
    page.get_by_test_id("areas-on").click()
    becomes(page, _ON_THE_MAP, pit.id, timeout_ms=60_000)

    # Removed only after the second question.
    for area in (pit, yard):
        row = page.locator(f"[data-testid=area][data-id='{area.id}']")
        row.get_by_test_id("area-remove").click()
        page.get_by_test_id("area-removing").wait_for()
        page.keyboard.press("Escape")
        page.get_by_test_id("area-removing").wait_for(state="detached")
        assert row.count() == 1
        row.get_by_test_id("area-remove").click()
        page.get_by_test_id("area-remove-yes").click()
        for screen in (page, other):
            gone = screen.locator(f"[data-testid=area][data-id='{area.id}']")
            gone.wait_for(state="detached", timeout=60_000)
            becomes(screen, f"(id) => !({_ON_THE_MAP})(id)", area.id, timeout_ms=60_000)
