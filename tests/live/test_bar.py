"""The bar over every page: each of somebody's pages can be read and clicked, however many."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.live

# Names of pages that are cut off, covered or outside the window.
_UNREACHABLE = """() => [...document.querySelectorAll('.bar nav a')].filter((link) => {
  const box = link.getBoundingClientRect();
  const hit = (x) => link === document.elementFromPoint(x, (box.top + box.bottom) / 2);
  return !(box.width > 0 && hit(box.left + 1) && hit(box.right - 1));
}).map((link) => link.textContent)"""


@pytest.mark.parametrize(
    ("user", "path", "pages"),
    [
        ("agent1", "/desk", 6),
        ("dispatcher1", "/dispatch", 9),
        ("supervisor1", "/supervisor", 18),
        ("engineer1", "/network", 8),
        ("manager1", "/bi", 9),
        ("auditor1", "/bi", 9),
    ],
)
def test_every_page_of_a_role_can_be_clicked_in_both_languages(
    user: str, path: str, pages: int, screen_of: Any, shot: Any
) -> None:
    page = screen_of(user, path)
    for language in ("en", "zh-hans"):
        # For this browser alone: the button would change the person's own language.
        cookie = {"name": "standpipe_language", "value": language, "url": page.url}
        page.context.add_cookies([cookie])
        page.reload()
        page.locator(f"html[lang={language} i]").wait_for(state="attached")
        for width in (1440, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            page.locator("#live[data-state=live]").wait_for()
            assert page.locator(".bar nav a").count() == pages
            assert page.evaluate(_UNREACHABLE) == [], f"{language}, {width} px"
            shot(page, f"bar-{user}-{language}-{width}")
