"""The two screens: sign-in, and the order in hand with the map and the one big button."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kivy.core.window import Window
from kivy.graphics import Color, Ellipse
from kivy.metrics import dp, sp
from kivy.uix.anchorlayout import AnchorLayout
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.floatlayout import FloatLayout
from kivy.uix.label import Label
from kivy.uix.scrollview import ScrollView
from kivy.uix.widget import Widget

from mobile_app.orders import MILESTONES, PER_VALVE, LocalOrder
from mobile_app.text import LANGUAGES, REASONS, counted, say, word
from mobile_app.ui.map import CrewMap
from mobile_app.ui.order_panel import PanelActions, order_panel
from mobile_app.ui.widgets import TOUCH, Field, NoteBox, Press, Question, Text, column, paint
from mqtt.orders import OrderValve

if TYPE_CHECKING:
    from mobile_app.app import CrewApp

WIDE = 800  # dp from which the map stands beside the order instead of under it


class SignIn(AnchorLayout):
    """Server, user, password, language; errors in plain words above the button."""

    def __init__(self, app: CrewApp) -> None:
        super().__init__(anchor_x="center", anchor_y="center")
        self.app = app
        theme, language = app.theme, app.language
        paint(self, theme.ground)
        box = column(padding=dp(20), spacing=dp(8), size_hint_x=None)
        self.bind(width=lambda *_: setattr(box, "width", min(self.width, dp(520))))
        box.width = min(self.width, dp(520))
        box.add_widget(Text(app.say("app.title"), theme.text, 30, bold=True))
        self.server = Field(theme, app.server_address)
        self.user = Field(theme, app.user)
        self.password = Field(theme, app.password, password=True)
        for key, field in (
            ("server", self.server), ("user", self.user), ("password", self.password)
        ):
            box.add_widget(Text(app.say(f"sign_in.{key}"), theme.muted, 17))
            field.background_color = theme.panel
            box.add_widget(field)
        box.add_widget(Text(app.say("sign_in.language"), theme.muted, 17))
        row = BoxLayout(size_hint_y=None, height=dp(TOUCH), spacing=dp(8))
        for code, name in LANGUAGES.items():
            chosen = code == language
            row.add_widget(Press(
                name, theme.action if chosen else theme.quiet,
                theme.on_action if chosen else theme.text, self._choose(code),
            ))
        box.add_widget(row)
        self.problem = Text("", theme.bad, 19)
        box.add_widget(self.problem)
        self.button = Press(
            app.say("sign_in.button"), theme.action, theme.on_action, self._send, size=24,
            height=72, bold=True,
        )
        box.add_widget(self.button)
        scroll = ScrollView(do_scroll_x=False, size_hint=(None, None))

        def fit(*_: Any) -> None:
            scroll.size = (box.width, min(box.height, self.height))

        box.bind(size=fit)
        self.bind(size=fit)
        scroll.add_widget(box)
        self.add_widget(scroll)

    def _choose(self, code: Any) -> Callable[[], None]:
        def run() -> None:
            self._remember()
            self.app.set_language(code)

        return run

    def _remember(self) -> None:
        self.app.server_address = self.server.text
        self.app.user = self.user.text
        self.app.password = self.password.text

    def _send(self) -> None:
        self._remember()
        self.problem.text = ""
        self.button.label.text = self.app.say("sign_in.busy")
        self.app.sign_in()

    def show_problem(self, text: str) -> None:
        """Say why it failed and offer the button again."""
        self.problem.text = text
        self.button.label.text = self.app.say("sign_in.button")


class TopBar(BoxLayout):
    """What is true now: line to the office, what waits, GPS. And the way to the other orders."""

    def __init__(self, app: CrewApp, open_menu: Callable[[], None]) -> None:
        super().__init__(
            size_hint_y=None, height=dp(76), padding=(dp(12), dp(6)), spacing=dp(8)
        )
        self.app = app
        theme = app.theme
        paint(self, theme.panel)
        self._dot = Widget(size_hint_x=None, width=dp(18))
        with self._dot.canvas:
            self._dot_colour = Color(*theme.wait)
            self._dot_shape = Ellipse()
        self._dot.bind(pos=self._place_dot, size=self._place_dot)
        self.add_widget(self._dot)
        words = BoxLayout(orientation="vertical")
        self.line = _bar_label(theme.text, 18, bold=True)
        self.rest = _bar_label(theme.muted, 15)
        self.line.size_hint_y, self.rest.size_hint_y = 0.38, 0.62
        words.add_widget(self.line)
        words.add_widget(self.rest)
        self.add_widget(words)
        self.menu = Press(
            "", theme.quiet, theme.text, open_menu, size=17, size_hint_x=None, width=dp(124),
            pos_hint={"center_y": 0.5},
        )
        self.add_widget(self.menu)

    def _place_dot(self, *_: Any) -> None:
        r = dp(7)
        self._dot_shape.pos = (self._dot.center_x - r, self._dot.center_y - r)
        self._dot_shape.size = (2 * r, 2 * r)

    def refresh(self) -> None:
        """Read everything anew."""
        app, theme = self.app, self.app.theme
        online, words = app.line_state()
        colour = theme.good if online else theme.wait
        self._dot_colour.rgba = colour
        self.line.text, self.line.color = words, colour
        gps, gps_good = app.gps_state()
        rest = [app.sent_state(), gps]
        self.rest.text = "\n".join(part for part in rest if part)
        self.rest.color = theme.muted if gps_good and app.nothing_waits() else theme.wait
        count = sum(not o.ended or o.cancelled for o in app.orders)
        self.menu.label.text = f"{app.say('orders.mine')} ({count})"


def _bar_label(colour: Any, size: float, bold: bool = False) -> Label:
    label = Label(color=colour, font_size=sp(size), halign="left", valign="middle", bold=bold,
                  shorten=bold, shorten_from="right")
    label.bind(size=lambda w, s: setattr(w, "text_size", s))
    return label


class Work(BoxLayout):
    """The order in hand."""

    def __init__(self, app: CrewApp) -> None:
        super().__init__(orientation="vertical")
        self.app = app
        paint(self, app.theme.ground)
        self.bar = TopBar(app, self.open_menu)
        self.notice = Text("", app.theme.wait, 17, padding=(dp(12), dp(4)))
        self.map = CrewMap(app.theme, pos_hint={"x": 0, "y": 0})
        self.scroll = ScrollView(do_scroll_x=False, bar_width=dp(6))
        self.panel_holder = column()
        self.scroll.add_widget(self.panel_holder)
        self.map_box = FloatLayout()
        self.map_box.add_widget(self.map)
        self._add_map_buttons()
        self.body = BoxLayout()
        self.footer = BoxLayout(
            orientation="vertical", size_hint_y=None, padding=(dp(12), dp(8)), spacing=dp(8)
        )
        paint(self.footer, app.theme.panel)
        self.footer.bind(minimum_height=self.footer.setter("height"))
        self.big: Press | None = None
        self.aside: dict[str, Press] = {}
        self._number: str | None = None
        self.add_widget(self.bar)
        self.add_widget(self.body)
        self.add_widget(self.footer)
        self._wide: bool | None = None
        Window.bind(size=self._arrange)
        self._arrange()

    def _add_map_buttons(self) -> None:
        theme = self.app.theme
        buttons = BoxLayout(
            orientation="vertical", spacing=dp(6), size_hint=(None, None), width=dp(TOUCH),
            pos_hint={"right": 0.985, "y": 0.02},
        )
        buttons.bind(minimum_height=buttons.setter("height"))
        for text, action in (
            ("+", lambda: self.map.zoom(1.6)), ("−", lambda: self.map.zoom(1 / 1.6)),
            (self.app.say("map.order"), self.map.show), (self.app.say("map.follow"),
                                                         self.map.go_to_me),
        ):
            size = 28 if len(text) == 1 and text in "+−" else 17
            buttons.add_widget(Press(text, theme.panel, theme.text, action, size=size, bold=True))
        self.map_box.add_widget(buttons)

    def _arrange(self, *_: Any) -> None:
        """Map under the order on a phone, beside it on a tablet."""
        wide = Window.width >= dp(WIDE)
        if wide != self._wide:
            self._wide = wide
            self.body.clear_widgets()
            self.body.orientation = "horizontal" if wide else "vertical"
            self.body.add_widget(self.scroll)
            self.body.add_widget(self.map_box)
        if wide:
            self.scroll.size_hint = (None, 1)
            self.scroll.width = min(dp(460), Window.width * 0.48)
        else:
            self.scroll.size_hint = (1, None)
        self._share()

    def _share(self, *_: Any) -> None:
        """On a phone the order takes what it needs, the map at least a third of the rest."""
        if not self._wide:
            free = Window.height - self.bar.height - self.footer.height - self.notice.height
            self.scroll.height = min(self.panel_holder.height, free * 0.62)

    def refresh(self) -> None:
        """Show the order in hand as it is now."""
        app = self.app
        self.bar.refresh()
        local = app.current()
        changed = (local.order.number if local else None) != self._number
        self._number = local.order.number if local else None
        self.panel_holder.clear_widgets()
        if app.notice():
            self.notice.text = app.notice()
            self.panel_holder.add_widget(self.notice)
        if local is None:
            empty = column(padding=dp(20))
            empty.add_widget(Text(app.say("orders.none"), app.theme.text, 24))
            self.panel_holder.add_widget(empty)
        else:
            self.panel_holder.add_widget(order_panel(
                local, app.theme, app.language,
                PanelActions(self._close_valve, self._cannot_close, self._seen),
            ))
        self._fill_footer(local)
        self.panel_holder.bind(height=self._share)
        self.footer.bind(height=self._share)
        self._share()
        if changed:
            self.scroll.scroll_y = 1
        self.map.set_order(local)

    def _fill_footer(self, local: LocalOrder | None) -> None:
        app, theme = self.app, self.app.theme
        self.footer.clear_widgets()
        self.aside, self.big = {}, None
        if local is None:
            return
        if not local.cancelled and not local.ended:
            row = BoxLayout(size_hint_y=None, height=dp(TOUCH), spacing=dp(8))
            steps = ["note", "photo"]
            steps += [
                s for s in ("decline", "pause", "no_access", "resume", *MILESTONES)
                if s in local.next
            ]  # fmt: skip
            if "open_valve" in local.next and local.main_step != "open_valve" and (
                    local.closed_valve):
                steps.append("open_valve")
            for step in steps:
                if step == local.main_step:
                    continue
                words = app.step_words(step, local)
                self.aside[step] = Press(
                    words, theme.quiet, theme.text, self._aside(step), size=17
                )
                row.add_widget(self.aside[step])
            self.footer.add_widget(row)
        step = local.main_step
        if step == "repaired" and local.plan_changes and app.line_state()[0]:
            step = None  # other valves are a moment away; without signal nobody waits for them
        if local.cancelled:
            self.big = Press(
                app.say("orders.seen"), theme.quiet, theme.text, self._seen, size=24, height=76,
                bold=True,
            )
        elif step is not None:
            self.big = Press(
                app.step_words(step, local), theme.action, theme.on_action,
                lambda: app.do(step, self._valve_of(step)), size=28, height=76, bold=True,
            )
        if self.big is not None:
            self.footer.add_widget(self.big)
        else:
            key = "order.done" if local.ended else "order.nothing"
            self.footer.add_widget(Text(app.say(key), theme.muted, 20, halign="center"))

    def _valve_of(self, step: str) -> str | None:
        local = self.app.current()
        if local is None or step not in PER_VALVE:
            return None
        return local.closed_valve if step == "open_valve" else local.next_valve

    def _aside(self, step: str) -> Callable[[], None]:
        def run() -> None:
            if step == "note":
                self.open_note()
            elif step == "photo":
                self.app.take_photo()
            elif step in REASONS:
                self.ask_reason(step)
            else:
                self.app.do(step, self._valve_of(step))

        return run

    def _close_valve(self, valve: OrderValve) -> None:
        self.app.do("close_valve", valve.id)

    def _cannot_close(self, valve: OrderValve) -> None:
        self.ask_reason("cannot_close_valve", valve.id)

    def _seen(self) -> None:
        self.app.dismiss_current()

    def ask_reason(self, step: str, valve: str | None = None) -> Question:
        """One list, one tap."""
        app = self.app

        def pick(reason: str) -> Callable[[], None]:
            return lambda: app.do(step, valve, reason)

        answers = [(app.say(f"reason.{r}"), pick(r)) for r in REASONS[step]]
        question = Question(
            app.theme, app.say("reason.title"), answers, app.say("button.cancel"),
            app.step_words(step, app.current()),
        )
        question.open()
        return question

    def open_note(self) -> NoteBox:
        """A note to the office."""
        app = self.app
        box = NoteBox(
            app.theme, app.say("note.title"), app.say("note.send"), app.say("button.cancel"),
            lambda text: app.do("note", note=text),
        )
        box.open()
        return box

    def open_menu(self) -> Question:
        """My orders, theme, language, sign-out."""
        app = self.app

        def choose(number: str) -> Callable[[], None]:
            return lambda: app.choose(number)

        answers = []
        for local in app.orders:
            order = local.order
            state = word(app.language, "state", order.state)
            address = order.place.address or order.incident
            words = f"{order.priority}  {address}\n{order.number} · {state}"
            answers.append((words, choose(order.number)))
        other = "light" if app.theme.name == "dark" else "dark"
        answers.append((app.say(f"settings.theme_{other}"), lambda: app.set_theme(other)))
        for code, name in LANGUAGES.items():
            if code != app.language:
                answers.append((name, lambda c=code: app.set_language(c)))
        answers.append((app.say("settings.sign_out"), app.sign_out))
        waits = app.crew.counts().waiting if app.crew else 0
        text = say(app.language, "settings.sign_out_waiting", n=waits) if waits else ""
        menu = Question(
            app.theme, app.say("orders.mine"), answers, app.say("button.close"), text
        )
        menu.open()
        return menu


def gps_words(app: CrewApp) -> tuple[str, bool]:
    """The state of positions in words, and whether it is good."""
    if app.source_problem == "stopped":
        return app.say("gps.stopped"), False
    if app.fix is None:
        return app.say("gps.none"), False
    age = app.fix_age_s()
    if age > 30:
        return app.say("gps.stale", seconds=math.floor(age)), False
    if app.fix.accuracy_m > 50:
        return app.say("gps.weak", metres=round(app.fix.accuracy_m)), False
    return app.say("gps.good"), True


def sent_words(app: CrewApp) -> str:
    """What waits, or that everything has arrived."""
    if app.crew is None:
        return ""
    counts = app.crew.counts()
    parts = []
    if counts.waiting:
        parts.append(counted(app.language, "bar.waiting", counts.waiting))
    elif counts.total:
        parts.append(app.say("bar.all_sent", n=counts.total))
    if counts.photos_waiting:
        parts.append(counted(app.language, "bar.photos", counts.photos_waiting))
    return ", ".join(parts)
