"""The map: streets, pipes, the order's valves, the route and me, drawn from the file on the phone.

Streets and pipes are meshes that a matrix moves; only what stands upright at any scale (numbers,
valves, me) is redrawn when the view changes.
"""

from __future__ import annotations

import math
from typing import Any

from kivy.clock import Clock
from kivy.core.text import Label as CoreLabel
from kivy.graphics import (
    Color,
    Ellipse,
    InstructionGroup,
    Line,
    Mesh,
    PopMatrix,
    PushMatrix,
    Rectangle,
    Scale,
    Translate,
    Triangle,
)
from kivy.metrics import dp, sp
from kivy.uix.stencilview import StencilView

from mobile_app.district import District
from mobile_app.orders import LocalOrder
from mobile_app.positions import Fix
from mobile_app.ui.geometry import Plane, Point, bounds, middles, ribbons
from mobile_app.ui.theme import Theme

MIN_SCALE, MAX_SCALE = 0.02, 12.0  # pixels per metre
STREET_M = {"motorway": 16, "trunk": 14, "primary": 14, "secondary": 12, "tertiary": 10}
FOOT = ("footway", "path", "cycleway", "steps", "pedestrian", "service", "track")
LABEL_FROM = 0.7  # pixels per metre at which street names appear


class CrewMap(StencilView):
    """Pan with one finger, zoom with two or the wheel. `show` fits what matters into the view."""

    def __init__(self, theme: Theme, **more: Any) -> None:
        super().__init__(**more)
        self.theme = theme
        self.district: District | None = None
        self.order: LocalOrder | None = None
        self.fix: Fix | None = None
        self.plane = Plane(24.94, 60.17)
        self.centre: Point = (0.0, 0.0)
        self.scale = 0.5
        self._moved = False
        self._touches: dict[Any, Point] = {}
        self._pipes: list[tuple[list[Point], float]] = []
        self._streets: list[tuple[str, list[Point], float]] = []
        self._pipe_scale = 0.0
        self._labels: dict[tuple[str, float, bool, tuple[float, ...]], Any] = {}
        with self.canvas:
            self._ground_colour = Color(*theme.map_ground)
            self._ground = Rectangle()
            PushMatrix()
            self._shift = Translate(0, 0)
            self._zoom = Scale(1, 1, 1)
            self._back = Translate(0, 0)
            self._street_group = InstructionGroup()
            self.canvas.add(self._street_group)
            self._pipe_group = InstructionGroup()
            self.canvas.add(self._pipe_group)
            self._route_group = InstructionGroup()
            self.canvas.add(self._route_group)
            PopMatrix()
            self._signs = InstructionGroup()
            self.canvas.add(self._signs)
        self._redraw = Clock.create_trigger(self._draw, 0)
        self.bind(pos=self._resized, size=self._resized)

    def load(self, district: District | None) -> None:
        """Take a district (or none); the view goes to its middle until there is an order."""
        self.district = district
        self._streets, self._pipes = [], []
        if district is not None:
            box = bounds(p for pipe in district.pipes for p in pipe.line) or bounds(
                p for street in district.streets for p in street.line
            )
            if box is not None:
                self.plane = Plane((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
            for street in district.streets:
                width = 3.0 if street.klass in FOOT else float(STREET_M.get(street.klass, 8))
                self._streets.append((street.name, self.plane.line(street.line), width))
            self._pipes = [(self.plane.line(p.line), p.diameter_mm) for p in district.pipes]
        self._street_group.clear()
        self._street_group.add(Color(*self.theme.map_street))
        for vertices, indices in ribbons((line, width) for _, line, width in self._streets):
            self._street_group.add(Mesh(vertices=vertices, indices=indices, mode="triangles"))
        self._pipe_scale = 0.0
        self.show()

    def set_order(self, order: LocalOrder | None) -> None:
        """The order to draw; the view follows when it is another one."""
        same = (order and order.order.number) == (self.order and self.order.order.number)
        self.order = order
        self._pipe_scale = 0.0
        if not same:
            self._moved = False
        if self._moved:
            self._redraw()
        else:
            self.show()

    def set_fix(self, fix: Fix | None) -> None:
        """Where we are."""
        self.fix = fix
        self._redraw()

    def show(self) -> None:
        """Fit the place of work and its valves into the view, or the district."""
        points: list[Point] = []
        if self.order is not None:
            place = self.order.order.place
            points = [(place.lon, place.lat)]
            points += [(v.lon, v.lat) for v in self.order.order.valves]
            if self.order.order.state in ("dispatched", "accepted", "en_route"):
                route = self.order.order.route
                points += list(route.geometry) if route else []
        elif self.district is not None:
            points = [p for pipe in self.district.pipes for p in pipe.line]
        box = bounds(self.plane.line(points))
        if box is not None:
            west, south, east, north = box
            margin, buttons = dp(44), dp(56)  # the zoom buttons stand over the right edge
            wide = max(self.width - 2 * margin - buttons, dp(80))
            high = max(self.height - 2 * margin, dp(80))
            self.scale = min(
                wide / max(east - west, 120.0), high / max(north - south, 120.0), MAX_SCALE
            )
            self.centre = ((west + east) / 2 + buttons / 2 / self.scale, (south + north) / 2)
        self._moved = False
        self._redraw()

    def go_to_me(self) -> None:
        """Centre on our own position, close enough to read street names."""
        if self.fix is not None:
            self.centre = self.plane.metres(self.fix.lon, self.fix.lat)
            self.scale = max(self.scale, 1.2)
            self._moved = True
            self._redraw()

    def zoom(self, factor: float, at: Point | None = None) -> None:
        """Scale about a point of the window (the middle by default)."""
        x, y = at or self.center
        before = self.to_plane(x, y)
        self.scale = min(max(self.scale * factor, MIN_SCALE), MAX_SCALE)
        after = self.to_plane(x, y)
        self.centre = (
            self.centre[0] + before[0] - after[0], self.centre[1] + before[1] - after[1]
        )
        self._moved = True
        self._redraw()

    def to_plane(self, x: float, y: float) -> Point:
        """Window to metres."""
        return (
            self.centre[0] + (x - self.center_x) / self.scale,
            self.centre[1] + (y - self.center_y) / self.scale,
        )

    def to_screen(self, lon: float, lat: float) -> Point:
        """Degrees to window."""
        x, y = self.plane.metres(lon, lat)
        return (
            self.center_x + (x - self.centre[0]) * self.scale,
            self.center_y + (y - self.centre[1]) * self.scale,
        )

    def on_touch_down(self, touch: Any) -> bool:
        if not self.collide_point(*touch.pos):
            return False
        if touch.is_mouse_scrolling:
            self.zoom(1.25 if touch.button == "scrolldown" else 0.8, touch.pos)
            return True
        self._touches[touch.uid] = touch.pos
        touch.grab(self)
        return True

    def on_touch_move(self, touch: Any) -> bool:
        if touch.uid not in self._touches:
            return False
        before = self._touches[touch.uid]
        others = [p for uid, p in self._touches.items() if uid != touch.uid]
        if others:
            other = others[0]
            old = math.dist(before, other)
            new = math.dist(touch.pos, other)
            if old > dp(8) and new > dp(8):
                self.zoom(new / old, ((touch.x + other[0]) / 2, (touch.y + other[1]) / 2))
        else:
            self.centre = (
                self.centre[0] - (touch.x - before[0]) / self.scale,
                self.centre[1] - (touch.y - before[1]) / self.scale,
            )
            self._moved = True
            self._redraw()
        self._touches[touch.uid] = touch.pos
        return True

    def on_touch_up(self, touch: Any) -> bool:
        if self._touches.pop(touch.uid, None) is None:
            return False
        touch.ungrab(self)
        return True

    def _resized(self, *_: Any) -> None:
        self._ground.pos, self._ground.size = self.pos, self.size
        if self._moved:
            self._redraw()
        else:
            self.show()

    def _draw(self, *_: Any) -> None:
        self._shift.x, self._shift.y = self.center_x, self.center_y
        self._zoom.x = self._zoom.y = self.scale
        self._back.x, self._back.y = -self.centre[0], -self.centre[1]
        if not 0.8 < self.scale / max(self._pipe_scale, 1e-9) < 1.25:
            self._draw_lines()
        self._draw_signs()

    def _draw_lines(self) -> None:
        """Pipes and route keep their width on the screen, so they are made anew per scale."""
        self._pipe_scale = self.scale
        self._pipe_group.clear()
        self._pipe_group.add(Color(*self.theme.water))
        wide = (
            (line, dp(1.2 + min(mm, 800) / 110) / self.scale) for line, mm in self._pipes
        )
        for vertices, indices in ribbons(wide):
            self._pipe_group.add(Mesh(vertices=vertices, indices=indices, mode="triangles"))
        self._route_group.clear()
        route = self.order.order.route if self.order else None
        under_way = self.order and self.order.order.state in ("dispatched", "accepted", "en_route")
        if route is not None and under_way:
            line = self.plane.line(route.geometry)
            for colour, width in ((self.theme.map_ground, 9), (self.theme.route, 5)):
                self._route_group.add(Color(*colour))
                for vertices, indices in ribbons([(line, dp(width) / self.scale)]):
                    self._route_group.add(
                        Mesh(vertices=vertices, indices=indices, mode="triangles")
                    )

    def _draw_signs(self) -> None:
        group = self._signs
        group.clear()
        if self.scale >= LABEL_FROM:
            self._draw_names()
        mine = {v.id for v in self.order.order.valves} if self.order else set()
        if self.district is not None and self.scale >= 0.9:
            for valve in self.district.valves:
                if valve.id not in mine:
                    self._small_valve(*self.to_screen(valve.lon, valve.lat))
            for hydrant in self.district.hydrants:
                x, y = self.to_screen(hydrant.lon, hydrant.lat)
                if self.collide_point(x, y):
                    group.add(Color(*self.theme.bad))
                    r = dp(4)
                    group.add(Triangle(points=(x - r, y - r, x + r, y - r, x, y + r)))
        if self.order is not None:
            place = self.order.order.place
            self._place_sign(*self.to_screen(place.lon, place.lat))
            for v in sorted(self.order.order.valves, key=lambda v: -v.sequence):
                self._valve_sign(*self.to_screen(v.lon, v.lat), v.sequence, v.state)
        if self.fix is not None:
            self._me_sign(*self.to_screen(self.fix.lon, self.fix.lat))

    def _text(self, text: str, size: float, colour: tuple[float, ...], bold: bool = False) -> Any:
        key = (text, size, bold, colour)
        if key not in self._labels:
            if len(self._labels) > 300:
                self._labels.clear()
            label = CoreLabel(text=text, font_size=size, color=colour, bold=bold)
            label.refresh()
            self._labels[key] = label.texture
        return self._labels[key]

    def _draw_names(self) -> None:
        drawn: list[tuple[float, float, float, float]] = []
        names: set[str] = set()
        for name, line, _ in sorted(self._streets, key=lambda s: -s[2]):
            if not name or name in names or len(drawn) >= 14:
                continue
            on_screen = [
                (x, y) for x, y in (
                    (self.center_x + (px - self.centre[0]) * self.scale,
                     self.center_y + (py - self.centre[1]) * self.scale)
                    for px, py in [*line, *middles(line)]
                )
                if self.collide_point(x, y)
            ]
            if not on_screen:
                continue
            texture = self._text(name, sp(13), self.theme.map_label)
            x, y = min(on_screen, key=lambda p: math.dist(p, self.center))
            box = (x - texture.width / 2, y - texture.height / 2, texture.width, texture.height)
            inside = self.x < box[0] and box[0] + box[2] < self.right
            if inside and not any(_overlap(box, other) for other in drawn):
                drawn.append(box)
                names.add(name)
                self._signs.add(Color(*self.theme.map_ground[:3], 0.8))
                self._signs.add(Rectangle(pos=box[:2], size=box[2:]))
                self._signs.add(Color(1, 1, 1, 1))
                self._signs.add(Rectangle(texture=texture, pos=box[:2], size=box[2:]))

    def _small_valve(self, x: float, y: float) -> None:
        if self.collide_point(x, y):
            r = dp(3.5)
            self._signs.add(Color(*self.theme.map_ground))
            self._signs.add(Ellipse(pos=(x - r, y - r), size=(2 * r, 2 * r)))
            self._signs.add(Color(*self.theme.water))
            self._signs.add(Line(circle=(x, y, r), width=1.2))

    def _valve_sign(self, x: float, y: float, number: int, state: str) -> None:
        """Filled when closed, hollow when open, crossed when it cannot be closed."""
        r = dp(15)
        closed = state == "closed"
        fill = self.theme.valve_fill if closed else self.theme.panel
        ink = self.theme.panel if closed else self.theme.valve_line
        self._signs.add(Color(*fill))
        self._signs.add(Ellipse(pos=(x - r, y - r), size=(2 * r, 2 * r)))
        self._signs.add(Color(*self.theme.valve_line))
        self._signs.add(Line(circle=(x, y, r), width=dp(1.6)))
        texture = self._text(str(number), sp(17), ink, bold=True)
        self._signs.add(Color(1, 1, 1, 1))
        self._signs.add(Rectangle(
            texture=texture, pos=(x - texture.width / 2, y - texture.height / 2),
            size=texture.size,
        ))
        if state == "cannot_close":
            d = r * 1.15
            self._signs.add(Color(*self.theme.bad))
            for points in ((x - d, y - d, x + d, y + d), (x - d, y + d, x + d, y - d)):
                self._signs.add(Line(points=points, width=dp(2)))

    def _place_sign(self, x: float, y: float) -> None:
        chip, _ = self.theme.priority(self.order.order.priority if self.order else "P4")
        r = dp(11)
        self._signs.add(Color(*self.theme.panel))
        self._signs.add(Ellipse(pos=(x - r - 3, y - r - 3), size=(2 * r + 6, 2 * r + 6)))
        self._signs.add(Color(*chip))
        self._signs.add(Line(circle=(x, y, r), width=dp(3)))
        self._signs.add(Ellipse(pos=(x - r / 2.4, y - r / 2.4), size=(r / 1.2, r / 1.2)))

    def _me_sign(self, x: float, y: float) -> None:
        assert self.fix is not None
        halo = self.fix.accuracy_m * self.scale
        if dp(14) < halo < self.width:
            self._signs.add(Color(*self.theme.me[:3], 0.15))
            self._signs.add(Ellipse(pos=(x - halo, y - halo), size=(2 * halo, 2 * halo)))
        r = dp(9)
        if self.fix.heading is not None and (self.fix.speed_mps or 0) > 0.7:
            angle = math.radians(self.fix.heading)
            tip = (x + math.sin(angle) * r * 2.4, y + math.cos(angle) * r * 2.4)
            side = (math.cos(angle) * r, -math.sin(angle) * r)
            self._signs.add(Color(*self.theme.me))
            self._signs.add(Triangle(points=(
                *tip, x + side[0], y + side[1], x - side[0], y - side[1])))
        self._signs.add(Color(*self.theme.panel))
        self._signs.add(Ellipse(pos=(x - r - 2, y - r - 2), size=(2 * r + 4, 2 * r + 4)))
        self._signs.add(Color(*self.theme.me))
        self._signs.add(Ellipse(pos=(x - r, y - r), size=(2 * r, 2 * r)))


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return (
        a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]
    )
