"""Buttons for gloves, panels, and the two questions the app asks: why, and what else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kivy.graphics import Color, RoundedRectangle
from kivy.metrics import dp, sp
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.label import Label
from kivy.uix.modalview import ModalView
from kivy.uix.scrollview import ScrollView
from kivy.uix.textinput import TextInput
from kivy.uix.widget import Widget

from mobile_app.ui.theme import Colour, Theme

# A sheet over a darkened screen, without Kivy's picture of a frame.
SHEET: dict[str, Any] = {
    "background": "", "background_color": (0, 0, 0, 0), "overlay_color": (0, 0, 0, 0.65),
}
TOUCH = 56  # dp: the smallest thing a gloved finger hits


def paint(widget: Widget, colour: Colour, radius: float = 0) -> Color:
    """Fill a widget's rectangle and keep it filled; the Color can be changed later."""
    with widget.canvas.before:
        fill = Color(*colour)
        shape = RoundedRectangle(radius=[radius])

    def follow(*_: Any) -> None:
        shape.pos, shape.size = widget.pos, widget.size

    widget.bind(pos=follow, size=follow)
    follow()
    return fill


class Text(Label):
    """Words that wrap, left-aligned, as high as they need to be."""

    def __init__(self, text: str, colour: Colour, size: float = 18, **more: Any) -> None:
        more.setdefault("halign", "left")
        more.setdefault("valign", "middle")
        more.setdefault("size_hint_y", None)
        super().__init__(text=text, color=colour, font_size=sp(size), **more)
        self.bind(width=self._wrap, texture_size=self._grow)

    def _wrap(self, *_: Any) -> None:
        self.text_size = (self.width, None)

    def _grow(self, *_: Any) -> None:
        if self.size_hint_y is None:
            self.height = self.texture_size[1] + dp(2)


class Press(ButtonBehavior, BoxLayout):
    """A button: at least 56 dp high, its words wrap and shrink before they are cut off."""

    def __init__(
        self,
        text: str,
        colour: Colour,
        ink: Colour,
        action: Callable[[], None],
        *,
        size: float = 18,
        height: float = TOUCH,
        bold: bool = False,
        **more: Any,
    ) -> None:
        more.setdefault("size_hint_y", None)
        super().__init__(height=dp(height), padding=(dp(8), 0), **more)
        self._colour = colour
        self.fill = paint(self, colour, dp(10))
        self._most = sp(size)
        self.label = Label(
            text=text, color=ink, font_size=self._most, bold=bold, halign="center", valign="middle"
        )
        self.label.bind(size=self._fit)
        self.add_widget(self.label)
        self.bind(on_release=lambda *_: action())
        self.bind(state=self._show_state)

    @property
    def text(self) -> str:
        return str(self.label.text)

    def _show_state(self, *_: Any) -> None:
        r, g, b, a = self._colour
        down = 0.75 if self.state == "down" else 1.0
        self.fill.rgba = (r * down, g * down, b * down, a)

    def _fit(self, *_: Any) -> None:
        self.label.text_size = self.label.size
        for part in (1.0, 0.9, 0.8, 0.7):
            self.label.font_size = self._most * part
            self.label.texture_update()
            content = self.label._label.content_height
            if content <= self.label.height or part == 0.7:
                return


class Chip(Label):
    """A short word on a colour: priority, cancelled."""

    def __init__(self, text: str, colour: Colour, ink: Colour, size: float = 18) -> None:
        super().__init__(
            text=text, color=ink, font_size=sp(size), bold=True, size_hint=(None, None),
            padding=(dp(10), dp(3)),
        )
        paint(self, colour, dp(6))
        self.bind(texture_size=lambda *_: setattr(self, "size", self.texture_size))


def column(**more: Any) -> BoxLayout:
    """A vertical box that is as high as its content."""
    more.setdefault("spacing", dp(8))
    box = BoxLayout(orientation="vertical", size_hint_y=None, **more)
    box.bind(minimum_height=box.setter("height"))
    return box


class Question(ModalView):
    """One question over the whole screen, answers as big buttons, one tap and it is done."""

    def __init__(
        self,
        theme: Theme,
        title: str,
        answers: Sequence[tuple[str, Callable[[], None]]],
        cancel: str,
        text: str = "",
    ) -> None:
        super().__init__(size_hint=(0.94, None), auto_dismiss=True, **SHEET)
        paint(self, theme.panel, dp(12))
        box = column(padding=dp(16), spacing=dp(10))
        box.add_widget(Text(title, theme.text, 24, bold=True))
        if text:
            box.add_widget(Text(text, theme.text, 18))
        self.buttons: list[Press] = []
        for words, action in answers:
            button = Press(words, theme.quiet, theme.text, self._then(action), size=20, height=60)
            self.buttons.append(button)
            box.add_widget(button)
        box.add_widget(Press(cancel, theme.ground, theme.muted, self.dismiss))
        scroll = ScrollView(do_scroll_x=False)
        scroll.add_widget(box)
        self.add_widget(scroll)
        box.bind(height=lambda *_: self._resize(box))
        self.bind(on_pre_open=lambda *_: self._resize(box))

    def _resize(self, box: Widget) -> None:
        from kivy.core.window import Window

        self.height = min(box.height, Window.height * 0.94)
        self.width = min(Window.width * 0.94, dp(560))
        self.size_hint_x = None

    def _then(self, action: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            self.dismiss()
            action()

        return run


class Field(TextInput):
    """A line to type in, tall enough for a glove."""

    def __init__(self, theme: Theme, text: str = "", **more: Any) -> None:
        more.setdefault("multiline", False)
        more.setdefault("height", dp(TOUCH))
        super().__init__(
            text=text, size_hint_y=None, font_size=sp(20), padding=(dp(12), dp(14)),
            background_normal="", background_active="", background_color=theme.ground,
            foreground_color=theme.text, cursor_color=theme.text, write_tab=False, **more,
        )


class NoteBox(ModalView):
    """Type a note and send it; what was typed stays when it is closed by mistake."""

    draft = ""

    def __init__(
        self, theme: Theme, title: str, send: str, cancel: str, action: Callable[[str], None]
    ) -> None:
        super().__init__(size_hint=(0.94, None), height=dp(340), **SHEET, pos_hint={"top": 0.96})
        paint(self, theme.panel, dp(12))
        box = BoxLayout(orientation="vertical", padding=dp(16), spacing=dp(10))
        box.add_widget(Text(title, theme.text, 24, bold=True))
        self.field = Field(theme, NoteBox.draft, multiline=True, height=dp(140))
        self.field.size_hint_y = 1
        self.field.bind(text=self._keep)
        box.add_widget(self.field)
        row = BoxLayout(size_hint_y=None, height=dp(TOUCH), spacing=dp(10))
        row.add_widget(Press(cancel, theme.quiet, theme.text, self.dismiss))

        def done() -> None:
            if self.field.text.strip():
                action(self.field.text.strip())
                NoteBox.draft = ""
                self.dismiss()

        row.add_widget(Press(send, theme.action, theme.on_action, done, bold=True))
        box.add_widget(row)
        self.add_widget(box)

    def _keep(self, _: Any, text: str) -> None:
        NoteBox.draft = text
