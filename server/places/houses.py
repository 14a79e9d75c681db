"""House numbers under a street: on record, within a range of numbers, or between two neighbours.

A number that is not on record is worked out and says so: along the side of the street that has its
parity, set off to that side. Beyond the last house nothing is known, and nothing is guessed.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

from django.utils.translation import gettext as _

from server.places import parse
from server.places.found import Found, Near, and_said, rows_of
from server.places.names import Named
from server.places.normalise import CJK, fold

#: How far a house stands from the middle of its street, and from the ends of its block.
SETBACK_M, CORNER_M = 9.0, 8.0
# Two neighbours on record further apart than this say nothing about a number between them.
_APART = 40
# A number this close to the end of a known range belongs to that block.
_BESIDE = 12


def columns(street: str, number: str) -> tuple[str, str, int | None, int | None]:
    """(street_key, number_key, value, until) of an address on record."""
    known = number_key(parse.chain(number) if CJK.search(street) else number)
    value = parse.house_number(known)
    found = re.fullmatch(r"(\d+)[a-z]?-(\d+)[a-z]?", known)
    until = int(found.group(2)) if found and not CJK.search(street) else None
    if until is not None and not (value is not None and value < until < value + 60):
        until = None
    return parse.street_key(street), known, value, until


@lru_cache(maxsize=50_000)
def number_key(number: str) -> str:
    """A number as it is compared: "25号" is 25, "7 B" is 7b, "5-1-101" as in parse.chain."""
    folded = fold(number).replace(" ", "")
    if CJK.search(folded):
        folded = parse.chain(folded).replace("之", "-").replace("附", "-")
        folded = folded.removesuffix("号").replace("号-", "-")
    return folded


def grade_of(known: str) -> str:
    """room, building or number, by what a register's number names."""
    if known.endswith("室"):
        return "room"
    return "building" if re.search(r"[栋座元]", known) else "number"


def text_of(street: str, number: str) -> str:
    """An address as people write it."""
    if not CJK.search(street):
        return f"{street} {number}"
    return f"{street}{number}" if re.search(r"\D$", number) else f"{street}{number}号"


def find(name: Named, number: str, near: Near = None) -> list[Found]:
    """The house with this number under a name; the street where it cannot be placed."""
    if not number:
        return road(name, near, _("The caller gave no house number."))
    known = number_key(number)
    value = parse.house_number(known)
    if value is None:
        return road(name, near, "")
    if found := _on_record(name, known, value):
        return [found]
    for placed in (_within(name, value), _between(name, value)):
        if placed is not None:
            return [placed]
    text = _("No number %(number)s is known in this street.") % {"number": number}
    return [replace(f, confidence=round(f.confidence * 0.8, 2)) for f in road(name, near, text)]


def on_record(name: Named, number: str) -> Found | None:
    """The house, building or room with exactly this number under a name, None for none."""
    known = number_key(number)
    value = parse.house_number(known)
    found = None if value is None else _on_record(name, known, value)
    return found if found is not None and found.confidence >= name.likeness - 0.01 else None


def _on_record(name: Named, known: str, value: int) -> Found | None:
    rows = rows_of(
        "SELECT street, number, number_key, until, ST_X(geom), ST_Y(geom) FROM places_address "
        "WHERE street_key = %(key)s AND value <= %(value)s AND coalesce(until, value) >= %(value)s "
        "ORDER BY number_key = %(known)s DESC, value DESC, length(number_key), id LIMIT 4",
        {"key": name.key, "value": value, "known": known},
    )
    if not rows:
        return None
    street, number, number_known, until, lon, lat = rows[0]
    exact, note = number_known == known, ""
    if not exact and until is not None and number_known != str(value):
        exact, note = True, _("One house has the numbers %(number)s.") % {"number": number}
    elif not exact:
        note = _("%(number)s is not on record by itself; this is the house.") % {"number": known}
    return Found(text_of(street, number), grade_of(number_known), lon, lat, "register",
                 round(name.likeness * (1.0 if exact else 0.9), 2),
                 how_said(name, note))  # fmt: skip


# --- ranges of numbers ---------------------------------------------------------------------------


def _within(name: Named, value: int) -> Found | None:
    rows = rows_of(
        "SELECT street, left_from, left_to, right_from, right_to, ST_AsText(geom) "
        "FROM places_addressrange WHERE street_key = %(key)s",
        {"key": name.key},
    )
    sides = [
        (side, low, high, street, line)
        for street, lf, lt, rf, rt, line in rows
        for side, low, high in (("left", lf, lt), ("right", rf, rt))
        if low is not None and high is not None
    ]
    best = min(sides, key=lambda s: _misfit(s[1], s[2], value), default=None)
    if best is None or _misfit(best[1], best[2], value) > _BESIDE:
        return None
    side, begin, end, street, line = best
    lon, lat = place_on(_points(line), _share(begin, end, value), side)
    values = {"begin": min(begin, end), "end": max(begin, end)}
    fits = _misfit(begin, end, value) == 0
    if not fits:
        note, sure = _("Not on record: beside the numbers %(begin)d to %(end)d."), 0.55
    elif side == "left":
        note, sure = _("Not on record: worked out on the left side, %(begin)d to %(end)d."), 0.8
    else:
        note, sure = _("Not on record: worked out on the right side, %(begin)d to %(end)d."), 0.8
    return Found(text_of(street, str(value)), "number", lon, lat, "range",
                 round(name.likeness * sure, 2), note % values)  # fmt: skip


def _misfit(begin: int, end: int, value: int) -> float:
    """0 where the side has the number; numbers missing to its end; the other parity is worse."""
    low, high = min(begin, end), max(begin, end)
    away = max(low - value, value - high, 0)
    one_parity = begin % 2 == end % 2
    return away + (5.5 if one_parity and (value - begin) % 2 else 0)


def _share(begin: int, end: int, value: int) -> float:
    if begin == end:
        return 0.5
    return min(max((value - begin) / (end - begin), 0.0), 1.0)


def _points(wkt: str) -> list[tuple[float, float]]:
    inside = wkt[wkt.index("(") + 1 : wkt.rindex(")")]
    return [(float(x), float(y)) for x, y in (p.split()[:2] for p in inside.split(","))]


def place_on(
    line: list[tuple[float, float]], share: float, side: str, setback_m: float = SETBACK_M
) -> tuple[float, float]:
    """(lon, lat) `share` of the way along a line, set off to its 'left' or 'right'.

    Houses begin a few metres behind the crossing: `share` 0 and 1 are the first and last house.
    """
    lat0 = math.radians(line[0][1])
    east, north = 111_320.0 * math.cos(lat0), 110_574.0
    xy = [((x - line[0][0]) * east, (y - line[0][1]) * north) for x, y in line]
    lengths = [math.dist(a, b) for a, b in pairwise(xy)]
    total = sum(lengths)
    inset = min(CORNER_M, total * 0.25)
    along = inset + share * (total - 2 * inset)
    part = 0
    while part < len(lengths) - 1 and (along > lengths[part] or not lengths[part]):
        along -= lengths[part]
        part += 1
    a, b, length = xy[part], xy[part + 1], lengths[part]
    ux, uy = ((b[0] - a[0]) / (length or 1.0), (b[1] - a[1]) / (length or 1.0))
    turn = {"left": setback_m, "right": -setback_m}.get(side, 0.0)
    x, y = a[0] + ux * along - uy * turn, a[1] + uy * along + ux * turn
    return line[0][0] + x / east, line[0][1] + y / north


# --- between neighbours --------------------------------------------------------------------------


def _between(name: Named, wanted: int) -> Found | None:
    """Between the neighbours of its side; where only the other side is known, across the street."""
    rows = rows_of(
        "SELECT street, value, ST_X(geom), ST_Y(geom) FROM places_address "
        "WHERE street_key = %(key)s AND value BETWEEN %(low)s AND %(high)s ORDER BY id",
        {"key": name.key, "low": wanted - _APART, "high": wanted + _APART},
    )
    known: dict[int, tuple[float, float]] = {}
    for _street, value, lon, lat in rows:
        known.setdefault(value, (lon, lat))
    for across, sure, source in ((0, 0.75, "interpolated"), (1, 0.55, "interpolated_both_sides")):
        side = [n for n in known if (n - wanted) % 2 == across]
        below = max((n for n in side if n < wanted), default=None)
        above = min((n for n in side if n > wanted), default=None)
        # Beyond the last house nothing is known; a guess there would be a guess.
        if below is None or above is None or above - below > _APART:
            continue
        share = (wanted - below) / (above - below)
        (x0, y0), (x1, y1) = known[below], known[above]
        lon, lat = x0 + (x1 - x0) * share, y0 + (y1 - y0) * share
        note = _("Not on record: worked out between %(below)d and %(above)d.")
        if across:
            lon, lat = _across(name.key, lon, lat)
            note = _("Not on record: across the street from %(below)d to %(above)d.")
        return Found(text_of(rows[0][0], str(wanted)), "number", lon, lat, source,
                     round(name.likeness * sure, 2),
                     note % {"below": below, "above": above})  # fmt: skip
    return None


def _across(street: str, lon: float, lat: float) -> tuple[float, float]:
    """The point mirrored at the middle of its street, where that is near; else as it was."""
    rows = rows_of(
        "SELECT ST_X(m), ST_Y(m) FROM (SELECT ST_ClosestPoint(geom, p) AS m, geom <-> p AS d "
        "FROM places_street, (SELECT ST_Point(%(x)s, %(y)s, 4326) AS p) AS q "
        "WHERE key = %(key)s ORDER BY d LIMIT 1) AS nearest WHERE d < 0.0008",
        {"x": lon, "y": lat, "key": street},
    )
    if not rows:
        return lon, lat
    return 2 * rows[0][0] - lon, 2 * rows[0][1] - lat


# --- the street as a whole -----------------------------------------------------------------------


def road(name: Named, near: Near, note: str) -> list[Found]:
    """A point on the street, the one nearest to `near` if given; nothing for what is no street."""
    if name.lon is None or name.lat is None:
        return []
    lon, lat = name.lon, name.lat
    if near is not None and name.kind == "street":
        rows = rows_of(
            "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_ClosestPoint(ST_Collect(geom), "
            "ST_Point(%(lon)s, %(lat)s, 4326)) AS p FROM places_street WHERE key = %(key)s) f "
            "WHERE p IS NOT NULL",
            {"key": name.key, "lon": near[0], "lat": near[1]},
        )
        lon, lat = rows[0] if rows else (lon, lat)
    grade = "road" if name.kind == "street" else "estate"
    source = "streets" if name.kind == "street" else "places"
    return [Found(name.text, grade, lon, lat, source, round(name.likeness * 0.8, 2),
                  how_said(name, note))]  # fmt: skip


def how_said(name: Named, note: str = "") -> str:
    """What a person should know of how the name was understood."""
    said = ""
    if name.alias:
        said = _("“%(alias)s” is called %(name)s.") % {"alias": name.alias, "name": name.text}
    elif name.how == "sound":
        said = _("Sounds like %(name)s.") % {"name": name.text}
    return and_said(said, note)


def completions(names: list[Named], number: str, limit: int) -> list[Found]:
    """Houses of these streets whose number begins so, in order of streets and numbers."""
    if not names:
        return []
    known = number_key(number)
    order = {n.key: (i, n) for i, n in enumerate(names)}
    rows: list[tuple[Any, ...]] = rows_of(
        "SELECT street_key, street, number, number_key, ST_X(geom), ST_Y(geom) "
        "FROM places_address WHERE street_key = ANY(%(keys)s) AND number_key LIKE %(start)s "
        "ORDER BY length(number_key), value, number_key LIMIT %(limit)s",
        {"keys": list(order), "start": f"{known}%", "limit": limit * 4},
    )
    rows.sort(key=lambda r: (r[3] != known, order[r[0]][0]))
    return [
        Found(text_of(street, text), grade_of(n), lon, lat, "register",
              round(order[k][1].likeness * (1.0 if n == known else 0.9), 2),
              how_said(order[k][1]))
        for k, street, text, n, lon, lat in rows[:limit]
    ]  # fmt: skip
