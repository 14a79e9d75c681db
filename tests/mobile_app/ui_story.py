"""What a crew does with its thumbs, run in a process of its own: Kivy has one window per process.

Usage: python -m tests.mobile_app.ui_story SERVER STATE PICTURES
Prints one JSON object per step; the test reads them.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

SERVER, STATE, PICTURES = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
os.environ.update(
    KIVY_NO_ARGS="1", KIVY_NO_FILELOG="1", KIVY_NO_CONSOLELOG="1", SDL_VIDEODRIVER="offscreen",
    KIVY_HOME=str(STATE / "kivy"),
)
(STATE / "kivy").mkdir(parents=True, exist_ok=True)

from kivy.config import Config  # noqa: E402

Config.set("graphics", "width", "390")
Config.set("graphics", "height", "780")
Config.set("graphics", "multisamples", "0")

from kivy.clock import Clock  # noqa: E402
from kivy.core.window import Window  # noqa: E402
from kivy.tests.common import UnitTestTouch  # noqa: E402
from kivy.uix.widget import Widget  # noqa: E402

from mobile_app.app import CrewApp, save_picture  # noqa: E402
from mobile_app.ui.screens import SignIn, Work  # noqa: E402
from mobile_app.ui.widgets import Press  # noqa: E402


def tap(x: float, y: float) -> None:
    touch = UnitTestTouch(x, y)
    touch.touch_down()
    touch.touch_up()


def press(button: Widget) -> None:
    tap(*button.to_window(*button.center))


def buttons(root: Widget) -> list[Press]:
    return [w for w in root.walk() if isinstance(w, Press)]


def say(step: str, **facts: Any) -> None:
    print(json.dumps({"step": step, **facts}), flush=True)


def story(app: CrewApp) -> Generator[Callable[[], Any], None, None]:
    """Yields conditions to wait for; between them, thumbs."""
    yield lambda: isinstance(app.screen, SignIn)
    sign_in = app.screen
    assert isinstance(sign_in, SignIn)
    sign_in.server.text, sign_in.user.text, sign_in.password.text = SERVER, "crew1", "wrong"
    press(sign_in.button)
    yield lambda: sign_in.problem.text
    say("wrong", problem=sign_in.problem.text)
    sign_in.password.text = "right"
    press(sign_in.button)
    yield lambda: isinstance(app.screen, Work) and app.orders and app.screen.map.district
    work = app.screen
    assert isinstance(work, Work)
    yield lambda: work.big is not None and "Online" in work.bar.line.text
    say("order", big=work.big.text, bar=work.bar.line.text, aside=sorted(work.aside),
        small=[b.text for b in buttons(work) if b.height < 56 or b.width < 56])
    for expected in ("Drive off", "I am there", "V1 is closed", "V2 is closed"):
        press(work.big)
        yield lambda e=expected: work.big is not None and work.big.text == e
    say("closing", big=work.big.text)
    # "Cannot close" on the row of valve 3: one tap, one reason.
    yield lambda: any(b.text == "Cannot close" and b.height > 50 for b in buttons(work))
    work.scroll.scroll_y = 0
    yield lambda: work.scroll.scroll_y == 0
    last = [b for b in buttons(work) if b.text == "Cannot close"][-1]
    last.dispatch("on_release")
    yield lambda: any("Question" in type(w).__name__ for w in Window.children)
    question = next(w for w in Window.children if "Question" in type(w).__name__)
    save_picture(PICTURES / "reason.png")
    question.buttons[0].dispatch("on_release")
    yield lambda: app.current().order.valves[2].state == "cannot_close"
    box = work.open_note()
    box.field.text = "[b]阀门[/b] 12 & co"
    sent = next(b for b in buttons(box) if b.text == "Send")
    sent.dispatch("on_release")
    yield lambda: app.crew.counts().waiting == 0 and app.crew.counts().total >= 6
    yield lambda: len(Window.children) == 1  # the note has faded
    scale, centre = work.map.scale, work.map.centre
    work.map.zoom(2)
    x, y = work.map.to_window(*work.map.center)
    touch = UnitTestTouch(x, y)
    touch.touch_down()
    touch.touch_move(x + 40, y - 25)
    touch.touch_up()
    say("map", zoomed=work.map.scale / scale, moved=work.map.centre != centre)
    app.set_theme("dark")
    app.set_language("zh")
    yield lambda: isinstance(app.screen, Work) and app.screen.big is not None
    say("chinese", big=app.screen.big.text, chinese_font=app.has_chinese)
    save_picture(PICTURES / "dark.png")
    app.crew.link._connection.stop()
    yield lambda: not app.crew.connected
    app.do("note", note="offline")
    yield lambda: "离线" in app.screen.bar.line.text and "1" in app.screen.bar.rest.text
    say("offline", bar=app.screen.bar.line.text, rest=app.screen.bar.rest.text)


def main() -> None:
    app = CrewApp(server="", state=STATE)
    steps = story(app)
    waiting: list[Callable[[], Any]] = [lambda: app.screen is not None]
    age = [0.0]

    def turn(dt: float) -> None:
        age[0] += dt
        if age[0] > 25:
            say("stuck", after=app.screen and type(app.screen).__name__)
            app.stop()
        elif waiting[0]():
            age[0] = 0.0
            try:
                waiting[0] = next(steps)
            except StopIteration:
                say("end")
                app.stop()

    Clock.schedule_interval(turn, 0.05)
    app.run()


if __name__ == "__main__":
    main()
