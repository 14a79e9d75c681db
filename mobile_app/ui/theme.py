"""Colours and sizes: the meanings of screens everywhere in Standpipe, in two brightnesses.

Red is never decoration; every colour that means something comes with a word or a shape.
"""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[float, float, float, float]


def rgb(hex_digits: str, alpha: float = 1.0) -> Colour:
    """``rgb('0b5cad')`` as Kivy wants it."""
    r, g, b = (int(hex_digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return (r, g, b, alpha)


@dataclass(frozen=True, slots=True)
class Theme:
    """One set of colours."""

    name: str
    ground: Colour
    panel: Colour
    text: Colour
    muted: Colour
    line: Colour
    action: Colour
    on_action: Colour
    quiet: Colour  # secondary buttons
    danger: Colour
    on_danger: Colour
    good: Colour
    wait: Colour
    bad: Colour
    map_ground: Colour
    map_street: Colour
    map_label: Colour
    water: Colour
    route: Colour
    me: Colour
    valve_fill: Colour
    valve_line: Colour

    def priority(self, name: str) -> tuple[Colour, Colour]:
        """Chip and text colour of P1 to P4."""
        chips = {
            "P1": (rgb("c8371b"), rgb("ffffff")),
            "P2": (rgb("e07b00"), rgb("1a0f00")),
            "P3": (rgb("f0b400"), rgb("1a1400")),
        }
        return chips.get(name, (rgb("6b7780"), rgb("ffffff")))


LIGHT = Theme(
    name="light", ground=rgb("eef1f4"), panel=rgb("ffffff"), text=rgb("0f1720"),
    muted=rgb("47545f"), line=rgb("c3ccd4"), action=rgb("0b57a4"), on_action=rgb("ffffff"),
    quiet=rgb("dfe6ec"), danger=rgb("ffd24a"), on_danger=rgb("1c1400"), good=rgb("1b7a3d"),
    wait=rgb("a85b00"), bad=rgb("b52c12"), map_ground=rgb("f3f1ec"), map_street=rgb("ffffff"),
    map_label=rgb("5a5f66"), water=rgb("2b7fc3"), route=rgb("7a3fb0"), me=rgb("0b57a4"),
    valve_fill=rgb("0f1720"), valve_line=rgb("0f1720"),
)
DARK = Theme(
    name="dark", ground=rgb("0a0e12"), panel=rgb("141a20"), text=rgb("e9eef2"),
    muted=rgb("a3b1bd"), line=rgb("2d3842"), action=rgb("1d62ad"), on_action=rgb("ffffff"),
    quiet=rgb("232d36"), danger=rgb("5c4300"), on_danger=rgb("ffdf8a"), good=rgb("5fcf86"),
    wait=rgb("ffb454"), bad=rgb("ff8a6b"), map_ground=rgb("10161b"), map_street=rgb("2a343d"),
    map_label=rgb("98a5b0"), water=rgb("4da3e6"), route=rgb("c08cf0"), me=rgb("6db8ff"),
    valve_fill=rgb("e9eef2"), valve_line=rgb("e9eef2"),
)
THEMES = {"light": LIGHT, "dark": DARK}
