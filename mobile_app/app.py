"""The app: one CrewLink, one source of positions, two screens."""

from __future__ import annotations

import re
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from kivy.app import App
from kivy.clock import Clock
from kivy.core.text import LabelBase
from kivy.core.window import Window
from kivy.uix.boxlayout import BoxLayout

from mobile_app.headless import CrewLink
from mobile_app.orders import LocalOrder
from mobile_app.positions import Fix, Source, SourceError, worth_sending
from mobile_app.session import SessionError
from mobile_app.store import StoreError
from mobile_app.text import Language, say, word
from mobile_app.ui import fonts
from mobile_app.ui.photos import PhotoPicker
from mobile_app.ui.screens import SignIn, Work, gps_words, sent_words
from mobile_app.ui.theme import THEMES, Theme
from mobile_app.ui.widgets import Question
from mqtt.fields import BadMessage
from mqtt.messages import Action


class CrewApp(App):
    """Standpipe on a crew's phone. `state` is where everything of this phone is kept."""

    def __init__(
        self,
        *,
        server: str,
        state: Path,
        user: str = "",
        password: str = "",
        language: Language = "en",
        theme: str = "light",
        source: Source | None = None,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.title = say(language, "app.title")
        self.server_address = server
        self.state_dir = state
        self.user = user
        self.password = password
        self.language: Language = language
        self.theme: Theme = THEMES[theme]
        self.source = source
        self.source_problem = ""
        self.crew: CrewLink | None = None
        self.orders: list[LocalOrder] = []
        self.chosen: str | None = None
        self.fix: Fix | None = None
        self.has_chinese = False
        self.problem = ""
        self._sent_fix: Fix | None = None
        self._refresh = Clock.create_trigger(self._show, 0.05)

    def build(self) -> BoxLayout:
        self._register_font()
        self.holder = BoxLayout()
        self.screen: SignIn | Work | None = None
        Window.clearcolor = self.theme.ground
        Window.softinput_mode = "below_target"
        return self.holder

    def on_start(self) -> None:
        self._open_link()
        if self.crew is not None and self.crew.session is not None:
            self._go_to_work()
        else:
            self.show_sign_in()
            if self.user and self.password:
                self.sign_in()
        Clock.schedule_interval(lambda _: self._tick(), 1.0)

    def on_stop(self) -> None:
        if self.source is not None:
            self.source.stop()
        if self.crew is not None:
            self.crew.close()

    def on_pause(self) -> bool:
        return True  # the link goes on in the background as far as the phone allows

    def say(self, key: str, **values: object) -> str:
        """`text.say` in the app's language."""
        return say(self.language, key, **values)

    # --- signing in -----------------------------------------------------------------------------

    def show_sign_in(self, problem: str = "") -> None:
        """Show the sign-in screen."""
        screen = SignIn(self)
        self._put(screen)
        if problem:
            screen.show_problem(problem)

    def sign_in(self) -> None:
        """Ask the server in the background; then the order screen, or the reason why not."""
        def ask() -> None:
            try:
                self._open_link(again=True)
                assert self.crew is not None
                self.crew.sign_in(self.user.strip(), self.password)
            except (SessionError, StoreError) as problem:
                text = str(problem)
                Clock.schedule_once(lambda _: self._sign_in_failed(text))
            else:
                Clock.schedule_once(lambda _: self._go_to_work())

        threading.Thread(target=ask, daemon=True).start()

    def _sign_in_failed(self, text: str) -> None:
        if isinstance(self.screen, SignIn):
            self.screen.show_problem(text)
        else:
            self.show_sign_in(text)

    def sign_out(self) -> None:
        """Back to the sign-in screen; unsent reports stay on the phone."""
        if self.crew is not None:
            self.crew.sign_out()
        self.password = ""
        self.show_sign_in()

    def _open_link(self, again: bool = False) -> None:
        """One store per server and user: two crews on one tablet never mix their reports."""
        if self.crew is not None:
            if not again:
                return
            self.crew.close()
            self.crew = None
        name = re.sub(r"[^A-Za-z0-9.-]+", "_", f"{self.server_address}_{self.user.strip()}")
        last = self.state_dir / "last"
        try:
            if not self.user and last.exists() and not again:
                name = last.read_text(encoding="utf-8")
            crew = CrewLink(
                self.server_address or "http://unknown", self.state_dir / name,
                language=self.language, on_change=self._refresh,
            )
            last.write_text(name, encoding="utf-8")
        except SessionError:
            if again:
                raise
            return
        except (StoreError, OSError) as problem:
            self.problem = self._storage_words(problem)
            if again:
                raise StoreError(self.problem) from problem
            return
        if crew.session is not None and not self.server_address:
            self.server_address = crew.server.address = crew.session.server
        self.crew = crew

    def _go_to_work(self) -> None:
        assert self.crew is not None
        self.password = ""
        self.crew.start()
        work = Work(self)
        self._put(work)
        work.map.load(self.crew.district())
        self._start_source()
        self._refresh()
        threading.Thread(target=self._fetch_district, daemon=True).start()

    def _fetch_district(self) -> None:
        if self.crew is None:
            return
        try:
            changed = self.crew.fetch_district()
        except (SessionError, OSError):
            return  # the map of yesterday is still a map; the next start tries again
        if changed:
            Clock.schedule_once(lambda _: self._load_district())

    def _load_district(self) -> None:
        if isinstance(self.screen, Work) and self.crew is not None:
            self.screen.map.load(self.crew.district())

    # --- positions ------------------------------------------------------------------------------

    def _start_source(self) -> None:
        if self.source is None:
            return
        try:
            self.source.start(lambda fix: Clock.schedule_once(lambda _: self._moved(fix)))
        except SourceError:
            self.source_problem = "stopped"

    def _moved(self, fix: Fix) -> None:
        first, self.fix = self.fix is None, fix
        if isinstance(self.screen, Work):
            self.screen.map.set_fix(fix)
            if first:
                self.screen.bar.refresh()
        if self.crew is not None and worth_sending(self._sent_fix, fix):
            self._sent_fix = fix
            try:
                self.crew.position(
                    fix.lon, fix.lat, accuracy_m=fix.accuracy_m, speed_mps=fix.speed_mps,
                    heading=fix.heading, fix_time=fix.fix_time,
                )
            except (BadMessage, StoreError) as problem:
                self.problem = self._storage_words(problem)

    def fix_age_s(self) -> float:
        """Seconds since the receiver last spoke."""
        return (datetime.now(UTC) - self.fix.fix_time).total_seconds() if self.fix else 0.0

    # --- what the screens ask -------------------------------------------------------------------

    def line_state(self) -> tuple[bool, str]:
        """Whether the office can hear us, in words."""
        if self.crew is None or self.crew.link is None:
            return False, self.say("bar.connecting")
        if self.crew.connected:
            return True, self.say("bar.online")
        if self.crew.link.signed_out:
            return False, self.say("error.sign_in_again")
        since = self.crew.link.since.astimezone()
        return False, self.say("bar.offline_since", time=since.strftime("%H:%M"))

    def gps_state(self) -> tuple[str, bool]:
        """Words for the receiver, and whether it is good."""
        return gps_words(self)

    def sent_state(self) -> str:
        """Words for what waits."""
        return sent_words(self)

    def nothing_waits(self) -> bool:
        """Whether everything is with the office."""
        return self.crew is None or self.crew.counts().waiting == 0

    def notice(self) -> str:
        """What must be said above the order, empty when all is well."""
        parts = []
        if not self.has_chinese and self.language == "zh":
            parts.append(self.say("error.no_font"))
        storage = self.crew.link.storage_problem if self.crew and self.crew.link else ""
        parts += [part for part in (storage, self.problem) if part]
        return "\n".join(parts)

    def current(self) -> LocalOrder | None:
        """The order in hand: a cancelled one first, then the chosen, then the most pressing."""
        cancelled = next((o for o in self.orders if o.cancelled), None)
        if cancelled is not None and self.chosen is None:
            return cancelled
        mine = next((o for o in self.orders if o.order.number == self.chosen), None)
        return mine or (self.orders[0] if self.orders else None)

    def choose(self, number: str) -> None:
        """Take this order in hand."""
        self.chosen = number
        self._refresh()

    def dismiss_current(self) -> None:
        """The crew has seen the cancellation."""
        local = self.current()
        if local is not None and local.cancelled and self.crew is not None:
            self.crew.book.dismiss(local.order.number)
            self.chosen = None
            self._refresh()

    def step_words(self, step: str, local: LocalOrder | None) -> str:
        """What a step's button says; valve steps name their valve."""
        valve = ""
        if local is not None and step in ("close_valve", "open_valve"):
            wanted = local.closed_valve if step == "open_valve" else local.next_valve
            valve = next((v.label for v in local.order.valves if v.id == wanted), "")
        return self.say(f"step.{step}", valve=valve).strip()

    def do(
        self,
        step: str,
        valve: str | None = None,
        reason: str | None = None,
        note: str | None = None,
        photo: Path | None = None,
    ) -> None:
        """Report a step of the order in hand; refusals and a full phone are said, not lost."""
        local = self.current()
        if local is None or self.crew is None:
            return
        place = (self.fix.lon, self.fix.lat) if self.fix and self.fix_age_s() < 120 else None
        try:
            self.crew.report(
                cast(Action, step), local.order.number, valve=valve, reason=reason, note=note,
                photo=photo, place=place,
            )
            self.problem = ""
        except BadMessage as bad:
            self.problem = self.say("error.bad_field", detail=str(bad))
        except StoreError as problem:
            self.problem = self._storage_words(problem)
        self._refresh()

    def take_photo(self) -> None:
        """The camera where there is one, else the pictures of this device."""
        PhotoPicker(self).open()

    # --- looks ----------------------------------------------------------------------------------

    def set_language(self, language: Language) -> None:
        """Change the words at once."""
        self.language = language
        if self.crew is not None:
            self.crew.server.language = language
        self._rebuild()

    def set_theme(self, name: str) -> None:
        """Light for the sun, dark for the night."""
        self.theme = THEMES[name]
        Window.clearcolor = self.theme.ground
        self._rebuild()

    def _rebuild(self) -> None:
        if isinstance(self.screen, Work):
            work = Work(self)
            self._put(work)
            work.map.load(self.crew.district() if self.crew else None)
            work.map.set_fix(self.fix)
            self._show()
        else:
            self.show_sign_in()

    def _put(self, screen: SignIn | Work) -> None:
        self.holder.clear_widgets()
        self.screen = screen
        self.holder.add_widget(screen)

    def _register_font(self) -> None:
        regular = fonts.find("regular")
        self.has_chinese = regular is not None
        if regular is not None:
            cache = self.state_dir / "fonts"
            bold = fonts.find("bold") or regular
            LabelBase.register(
                "Roboto", str(fonts.single_face(regular, cache)),
                fn_bold=str(fonts.single_face(bold, cache)),
            )

    # --- keeping up -----------------------------------------------------------------------------

    def _tick(self) -> None:
        self.source_problem = self.source.problem if self.source else self.source_problem
        if isinstance(self.screen, Work):
            self.screen.bar.refresh()

    def _show(self, *_: Any) -> None:
        if not isinstance(self.screen, Work) or self.crew is None:
            return
        self.orders = self.crew.orders()
        self.screen.refresh()
        self._show_refusals()

    def _show_refusals(self) -> None:
        assert self.crew is not None
        refused = self.crew.refused()
        if not refused:
            return
        self.crew.outbox.mark_seen([one.report.id for one in refused])
        text = "\n".join(
            self.say(
                "refused.text", step=word(self.language, "step", one.report.action).format(
                    valve=one.report.valve or ""),
                order=one.report.order, reason=one.text,
            )
            for one in refused
        )
        Question(
            self.theme, self.say("refused.title"), [], self.say("button.close"), text
        ).open()

    def _storage_words(self, problem: Exception) -> str:
        if isinstance(problem, StoreError) and problem.full:
            return self.say("error.storage_full")
        if isinstance(problem, BadMessage):
            return self.say("error.bad_field", detail=str(problem))
        return self.say("error.storage", detail=str(problem))


def save_picture(path: Path) -> None:
    """What the window shows now, as PNG under exactly this name.

    Kivy's own screenshot leans over when the width is no multiple of four.
    """
    from kivy.graphics.opengl import GL_RGBA, GL_UNSIGNED_BYTE, glReadPixels
    from PIL import Image

    width, height = Window.system_size
    Window.dispatch("on_draw")
    pixels = glReadPixels(0, 0, width, height, GL_RGBA, GL_UNSIGNED_BYTE)
    picture = Image.frombytes("RGBA", (width, height), bytes(pixels))
    path.parent.mkdir(parents=True, exist_ok=True)
    flipped = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM).convert("RGB")
    flipped.save(path, "PNG", optimize=True)


def screenshot_when_ready(app: CrewApp, path: Path, *, wait_s: float = 4.0) -> None:
    """Save a picture of the window once there is something on it, then stop the app."""
    began = time.monotonic()

    def look(_: float) -> None:
        waited = time.monotonic() - began
        ready = isinstance(app.screen, Work) and bool(app.orders) and app.screen.map.district
        if (ready and waited > 1.5) or waited > wait_s:
            Clock.schedule_once(lambda _: (save_picture(path), app.stop()), 0.4)
        else:
            Clock.schedule_once(look, 0.25)

    Clock.schedule_once(look, 0.5)
