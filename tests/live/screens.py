"""Eyes and hands in the browser: when something reached the page, by the page's own clock.

Page and caller share one machine, so `Date.now()` and SIPp's trace can be subtracted.
"""

from __future__ import annotations

import time
from typing import Any

# A busy machine may be slow without being wrong.
PATIENCE_MS = 45_000

# Notes the moment at which the verdict of a call stands visibly in the page.
_POP = """() => {
  window.__popped = null;
  const look = () => {
    const found = document.querySelector('[data-testid=verdict]');
    if (!window.__popped && found && found.offsetParent !== null && found.textContent.trim())
      window.__popped = {at: Date.now(), code: found.dataset.code, text: found.textContent};
  };
  new MutationObserver(look).observe(document.body,
    {subtree: true, childList: true, attributes: true, attributeFilter: ['hidden']});
}"""

# Notes when the map is first given crew `id` at this place (to about ten centimetres).
_CREW = """([id, lon, lat]) => {
  window.__moved = null;
  const map = window.__map, put = map.put;
  map.put = (source, data) => {
    put(source, data);
    if (source !== 'crews' || window.__moved) return;
    for (const f of data.features) {
      const [x, y] = f.geometry.coordinates;
      if (String(f.properties.id) === id && Math.abs(x - lon) < 1e-6 && Math.abs(y - lat) < 1e-6)
        window.__moved = {at: Date.now()};
    }
  };
}"""


def becomes(page: Any, truth: str, arg: Any = None, timeout_ms: int = PATIENCE_MS) -> None:
    """Wait until the expression or function `truth` holds in the page; TimeoutError names it.

    Playwright's own wait compiles text inside the page, which our Content-Security-Policy forbids.
    """
    deadline = time.monotonic() + timeout_ms / 1000
    while not page.evaluate(truth, arg):
        if time.monotonic() > deadline:
            raise TimeoutError(f"never true within {timeout_ms} ms: {truth} {arg or ''}")
        page.wait_for_timeout(50)


def watch_pop(page: Any) -> None:
    """Begin to wait for the next screen-pop."""
    page.evaluate(_POP)


def popped(page: Any, timeout_ms: int = PATIENCE_MS) -> dict[str, Any]:
    """{at: seconds since the epoch, code, text} of the pop that was waited for."""
    becomes(page, "!!window.__popped", timeout_ms=timeout_ms)
    found = dict(page.evaluate("window.__popped"))
    return {**found, "at": found["at"] / 1000}


def watch_crew(page: Any, crew: int, lon: float, lat: float) -> None:
    """Begin to wait for the crew's sign at this place of the map."""
    becomes(page, "!!(window.__map && document.querySelector('[data-map]'))")
    page.evaluate(_CREW, [str(crew), lon, lat])


def moved_at(page: Any, timeout_ms: int = PATIENCE_MS) -> float:
    """When it came there, seconds since the epoch."""
    becomes(page, "!!window.__moved", timeout_ms=timeout_ms)
    return float(page.evaluate("window.__moved.at")) / 1000


def phone_is(page: Any, *states: str, timeout_ms: int = PATIENCE_MS) -> None:
    """Wait until the agent's telephone is in one of `states`."""
    becomes(
        page, "(states) => !!window.__softphone && states.includes(window.__softphone.state)",
        list(states), timeout_ms,
    )  # fmt: skip


def take_calls(page: Any) -> None:
    """The agent's telephone registers and the agent goes ready."""
    phone_is(page, "registered")
    ready = page.get_by_test_id("state-ready")
    if ready.count():
        ready.click()
    page.locator("[data-testid=agent-state][data-state=ready]").wait_for()


def hears(page: Any, patience_s: float = 30.0) -> dict[str, Any]:
    """The telephone's figures once sound has arrived; the last ones when none did."""
    deadline = time.monotonic() + patience_s
    while True:
        stats = dict(page.evaluate("window.__softphone.stats()"))
        heard = stats["inbound"]
        if (heard["packets"] > 20 and heard["energy"] > 0) or time.monotonic() > deadline:
            return stats
        page.wait_for_timeout(100)
