"""A crew at work: the app's own link without a screen, and the app itself for a picture."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mobile_app.headless import CrewLink
from mobile_app.orders import LocalOrder, OrderBook
from mobile_app.store import Store
from tests.live.system import REPO, System, eventually, outer_environment


class Crew:
    """CrewLink with patience: each step waits for what a crew would wait for."""

    def __init__(self, system: System, user: str, folder: Path) -> None:
        self.user = user
        self.link = CrewLink(system.address, folder)
        self.link.sign_in(user, system.password)

    def start(self) -> None:
        self.link.start()
        assert self.link.wait_connected(20), f"{self.user}: no connection to the broker"

    def new_order(self, known: set[str], patience_s: float = 30.0) -> str:
        """The number of an order that was not there before."""
        def look() -> str:
            return next((o.number for o in self.link.book.orders() if o.number not in known), "")

        return str(eventually(look, f"a new order on {self.user}'s phone", patience_s, 0.01))

    def order(self, number: str, patience_s: float = 20.0) -> LocalOrder:
        """The order, when it is here."""
        found: LocalOrder = eventually(
            lambda: next((o for o in self.link.orders() if o.order.number == number), None),
            f"order {number} on the phone of {self.user}", patience_s, 0.02,
        )  # fmt: skip
        return found

    def do(self, number: str, action: str, **more: str) -> None:
        """Report a step and wait for the office's answer, which must be a yes."""
        self.link.report(action, number, **more)  # type: ignore[arg-type]
        assert self.link.wait_settled(30), f"{action} of {number} was never answered"
        refused = [(r.report.action, r.text) for r in self.link.refused()]
        assert not refused, refused

    def reaches(self, number: str, state: str) -> LocalOrder:
        """Wait until the office's own list says that the order is in `state`."""
        eventually(
            lambda: any(o.number == number and o.state == state for o in self.link.book.orders()),
            f"{number} {state} on the phone", 20, 0.02,
        )  # fmt: skip
        return self.order(number)


@contextmanager
def at_work(system: System, user: str, folder: Path) -> Iterator[Crew]:
    """A signed-in, connected crew."""
    crew = Crew(system, user, folder)
    try:
        crew.start()
        yield crew
    finally:
        crew.link.close()


def picture(system: System, user: str, folder: Path, file: Path, language: str = "en") -> list[str]:
    """Run the real app offscreen until it has drawn its order; the orders it holds then."""
    env = outer_environment()
    env |= {
        "STANDPIPE_CREW_PASSWORD": system.password, "SDL_VIDEODRIVER": "offscreen",
        "PYTHONPATH": str(REPO), "KIVY_HOME": str(folder / "kivy"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "mobile_app", "--server", system.address, "--user", user,
         "--state", str(folder), "--screenshot", str(file), "--language", language],
        cwd=REPO, env=env, check=False, text=True, capture_output=True, timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    store = next(path.parent for path in folder.glob("*/crew.db"))
    held = Store(store)
    try:
        return [order.number for order in OrderBook(held).orders()]
    finally:
        held.close()
