"""A picture for the office: from the camera where plyer has one, else from a folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kivy.clock import Clock
from kivy.metrics import dp
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.gridlayout import GridLayout
from kivy.uix.image import Image
from kivy.uix.modalview import ModalView
from kivy.uix.scrollview import ScrollView

from mobile_app.ui.widgets import SHEET, TOUCH, Press, Text, paint

if TYPE_CHECKING:
    from mobile_app.app import CrewApp

KINDS = (".jpg", ".jpeg", ".png", ".webp")
NEWEST = 60


def pictures(folders: list[Path]) -> list[Path]:
    """The newest pictures of these folders; folders that are not there hold none."""
    found = [
        path for folder in folders if folder.is_dir() for path in folder.iterdir()
        if path.suffix.lower() in KINDS and path.is_file()
    ]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)[:NEWEST]


class PhotoPicker:
    """Asks for one picture and reports it."""

    def __init__(self, app: CrewApp) -> None:
        self.app = app

    def open(self) -> None:
        """The camera if it can be had, else the list of pictures."""
        try:
            from plyer import camera

            target = Path(tempfile.mkdtemp()) / "photo.jpg"
            camera.take_picture(filename=str(target), on_complete=self._taken)
        except (ImportError, NotImplementedError):
            self.choose([
                self.app.state_dir / "camera", Path.home() / "Pictures",
                Path("/sdcard/DCIM/Camera"),
            ])

    def _taken(self, filename: str) -> bool:
        if Path(filename).is_file():
            Clock.schedule_once(lambda _: self.app.do("photo", photo=Path(filename)))
        return False  # ours to keep: the outbox makes its own copy

    def choose(self, folders: list[Path]) -> ModalView:
        """The pictures of these folders as a grid; one tap sends one."""
        app, theme = self.app, self.app.theme
        view = ModalView(size_hint=(0.96, 0.96), **SHEET)
        paint(view, theme.panel, dp(12))
        box = BoxLayout(orientation="vertical", padding=dp(16), spacing=dp(10))
        box.add_widget(Text(app.say("photo.title"), theme.text, 24, bold=True))
        found = pictures(folders)
        grid = GridLayout(cols=3, spacing=dp(6), size_hint_y=None)
        grid.bind(minimum_height=grid.setter("height"))
        for path in found:
            grid.add_widget(self._thumb(path, view))
        if not found:
            box.add_widget(Text(app.say("photo.none"), theme.muted, 20))
        scroll = ScrollView(do_scroll_x=False)
        scroll.add_widget(grid)
        box.add_widget(scroll)
        box.add_widget(Press(
            app.say("button.cancel"), theme.quiet, theme.text, view.dismiss, height=TOUCH
        ))
        view.add_widget(box)
        view.open()
        return view

    def _thumb(self, path: Path, view: ModalView) -> Any:
        def send() -> None:
            view.dismiss()
            self.app.do("photo", photo=path)

        button = Press("", self.app.theme.ground, self.app.theme.text, send, height=110)
        button.clear_widgets()
        button.add_widget(Image(source=str(path), fit_mode="cover"))
        return button
