"""Lengths, times and turns in the reader's language, for the command line."""

from __future__ import annotations

import re
from argparse import ArgumentParser

from django.utils.translation import gettext as _


def duration(seconds: float) -> str:
    """22 s, 4 min, 1 h 20 min."""
    if seconds < 90:
        return _("%(n)s s") % {"n": round(seconds)}
    minutes = round(seconds / 60)
    if minutes < 90:
        return _("%(n)s min") % {"n": minutes}
    return _("%(h)s h %(m)s min") % {"h": minutes // 60, "m": minutes % 60}


def length(metres: float) -> str:
    """222 m, 1.2 km."""
    if metres < 1000:
        return _("%(n)s m") % {"n": round(metres)}
    return _("%(n)s km") % {"n": f"{metres / 1000:.1f}"}


def turn(code: str) -> str:
    """What to do at the beginning of a step of a route."""
    return {
        "depart": _("depart"),
        "straight": _("straight on"),
        "slight_left": _("bear left"),
        "left": _("turn left"),
        "sharp_left": _("turn sharp left"),
        "slight_right": _("bear right"),
        "right": _("turn right"),
        "sharp_right": _("turn sharp right"),
        "u_turn": _("turn round"),
        "arrive": _("arrive"),
    }.get(code, code)


def west_of_greenwich(parser: ArgumentParser) -> None:
    """Let a position begin with a minus sign: -8.61,41.15 is no option."""
    parser._negative_number_matcher = re.compile(r"^-[\d.]")
