"""One private installation for all live tests, one browser, and figures told at the end.

STANDPIPE_LIVE_STATE names the state of a system that is already up: quicker while writing tests.
STANDPIPE_SHOTS names a folder for pictures of the screens.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import screens
from tests.live.system import System, installed

# The story first, while everything is young; the killing last.
ORDER = [
    "test_the_story", "test_putting_right", "test_desk", "test_listening", "test_bar",
    "test_network_page", "test_planned_shutoff", "test_campaign_page", "test_bad_input",
    "test_dispatch_board", "test_areas", "test_called_out", "test_planned_round",
    "test_three_bursts", "test_rehearsal", "test_kill_minus_nine", "test_two_sites",
]  # fmt: skip
_figures: list[tuple[str, str, str]] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Live tests in the order above, wherever they stand among the others."""
    here = Path(__file__).parent
    places = [n for n, item in enumerate(items) if item.path.parent == here]
    ours = sorted((items[n] for n in places), key=_rank)
    for n, item in zip(places, ours, strict=True):
        items[n] = item


def _rank(item: pytest.Item) -> int:
    return ORDER.index(item.path.stem) if item.path.stem in ORDER else len(ORDER)


@pytest.fixture(scope="package")
def figure() -> Callable[..., None]:
    """figure('INVITE to screen-pop', 0.123, 0.5): told after the tests, with the promise.

    Nothing fails by the clock: that a machine was busy is not to be told from our being slow.
    `./standpipe bench` measures; here a promise that was not kept is marked for whoever reads.
    """

    def note(what: str, seconds: float, promised: float | None = None) -> None:
        shown = f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"
        promise = ""
        if promised is not None:
            missed = ": not kept" if seconds > promised else ""
            promise = f"(promised: {promised * 1000:.0f} ms{missed})"
        _figures.append((what, shown, promise))

    return note


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not _figures:
        return
    terminalreporter.section("live figures")
    for what, seen, promised in _figures:
        terminalreporter.write_line(f"{what:<52} {seen:>10}  {promised}".rstrip())


@pytest.fixture(scope="package")
def system() -> Iterator[System]:
    """The whole product, up and well; stopped at the end, nothing left of it."""
    if running := os.environ.get("STANDPIPE_LIVE_STATE"):
        found = System(Path(running).absolute())
        found.wait_healthy()
        yield found
        return
    with installed() as made:
        yield made


def chromium() -> str | None:
    """The browser the front door found, or the distribution's."""
    named = os.environ.get("STANDPIPE_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Headless Chromium with a microphone that beeps."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = chromium()
    if path is None:
        pytest.skip("chromium is not installed: the screens cannot be looked at here")
    with sync_api.sync_playwright() as driver:
        launched = driver.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader",
                "--enable-unsafe-swiftshader", "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
                "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
                "--disable-backgrounding-occluded-windows",
            ],
        )  # fmt: skip
        yield launched
        launched.close()


@pytest.fixture
def screen_of(browser: Any, system: System) -> Iterator[Callable[..., Any]]:
    """screen_of('agent1', '/desk'): that person's own browser, signed in by the form."""
    contexts: list[Any] = []
    told: list[str] = []

    def open_page(user: str, path: str, *, width: int = 1280, height: int = 800) -> Any:
        context = browser.new_context(
            base_url=system.address, viewport={"width": width, "height": height},
            permissions=["microphone"], locale="en-GB", timezone_id="Europe/Helsinki",
        )  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(screens.PATIENCE_MS)
        page.on("pageerror", lambda error: told.append(f"{user}{path}: {error}"))
        page.on("console", lambda said: told.append(f"{user}{path}: {said.text}")
                if "Content Security Policy" in said.text else None)  # fmt: skip
        page.goto("/sign-in")
        form = page.get_by_test_id("sign-in")
        form.locator("[name=username]").fill(user)
        form.locator("[name=password]").fill(system.password)
        page.get_by_test_id("sign-in-submit").click()
        # A page asked for too soon would take the place of the answer that lets us in.
        page.wait_for_url(lambda at: "/sign-in" not in at, wait_until="commit")
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not told, f"errors in the pages: {told}"


@pytest.fixture
def shot() -> Callable[[Any, str], None]:
    """shot(page, 'desk-pop'): a picture in STANDPIPE_SHOTS, nothing when that is not set."""
    folder = os.environ.get("STANDPIPE_SHOTS")

    def take(page: Any, name: str) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(Path(folder) / f"live-{name}.png"))

    return take
