"""``python -m mobile_app --server URL``: the crew app in a window, or offscreen for a picture."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from mobile_app.positions import Phone, Replay, Simulator, Source, SourceError
from mobile_app.text import LANGUAGES
from mobile_app.ui.sizes import read_size


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="mobile_app", description="The crew app of Standpipe.")
    p.add_argument("--server", default=os.environ.get("STANDPIPE_SERVER", ""),
                   help="address of the server, e.g. http://127.0.0.1:8000")
    p.add_argument("--user", default="", help="sign in as this user at once")
    p.add_argument("--password", default=os.environ.get("STANDPIPE_CREW_PASSWORD", ""),
                   help="its password (better in STANDPIPE_CREW_PASSWORD)")
    p.add_argument("--language", choices=sorted(LANGUAGES), default="en")
    p.add_argument("--theme", choices=["light", "dark"], default="light")
    p.add_argument("--size", type=read_size, default=(390, 780), help="window, e.g. 390x780")
    p.add_argument("--state", type=Path, help="directory for everything the phone keeps")
    p.add_argument("--gps", default="phone",
                   help="phone, sim (drives a short loop) or replay:FILE.csv")
    p.add_argument("--offscreen", action="store_true", help="draw without any window")
    p.add_argument("--screenshot", type=Path, help="save a picture (PNG) and stop; offscreen")
    return p


def source_of(text: str) -> Source | None:
    """The source of positions named on the command line; SourceError when it is none."""
    if text == "phone":
        return Phone()
    if text == "sim":
        return Simulator([(24.9384, 60.1699), (24.9414, 60.1712), (24.9440, 60.1693)])
    if text.startswith("replay:"):
        return Replay(Path(text.removeprefix("replay:")))
    raise SourceError(f"--gps: {text!r} is neither phone, sim nor replay:FILE")


def main(arguments: list[str] | None = None) -> int:
    """Run the app; the exit code."""
    options = parser().parse_args(arguments)
    state = options.state or Path.home() / ".local" / "share" / "standpipe-crew"
    try:
        source = source_of(options.gps)
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (SourceError, OSError) as problem:
        print(f"mobile_app: {problem}", file=sys.stderr)
        return 2
    # Kivy reads all of this when it is imported, not later.
    os.environ["KIVY_NO_ARGS"] = "1"
    os.environ.setdefault("KIVY_NO_CONSOLELOG" if options.screenshot else "KIVY_NO_FILELOG", "1")
    os.environ.setdefault("KIVY_HOME", str(state / "kivy"))
    Path(os.environ["KIVY_HOME"]).mkdir(parents=True, exist_ok=True)
    if options.offscreen or options.screenshot:
        os.environ["SDL_VIDEODRIVER"] = "offscreen"

    from kivy.config import Config

    Config.set("graphics", "width", str(options.size[0]))
    Config.set("graphics", "height", str(options.size[1]))
    Config.set("graphics", "multisamples", "0" if options.screenshot else "2")
    Config.set("input", "mouse", "mouse,disable_multitouch")

    from mobile_app.app import CrewApp, screenshot_when_ready

    app = CrewApp(
        server=options.server, state=state, user=options.user, password=options.password,
        language=options.language, theme=options.theme, source=source,
    )
    if options.screenshot:
        app.bind(on_start=lambda *_: screenshot_when_ready(app, options.screenshot))
    app.run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
