"""Where two streets meet: from the table of crossings, by the names of both."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from server.places import parse
from server.places.found import LIMIT, Found, Near, rows_of
from server.places.houses import how_said
from server.places.likeness import LEAST, completes, half_typed, likeness
from server.places.names import Named, look
from server.places.normalise import key

_STREETS = frozenset({"street"})
# Streets that share no point but come as near as this meet for whoever stands there.
_NEARLY_M = 60.0


def find(query: str, near: Near, *, typing: bool = False) -> tuple[list[Found], str | None]:
    """Crossings that were meant; or, where both streets are known and do not meet, why none."""
    pair = parse.crossing(query) or (_half(query) if typing else None)
    if pair is None:
        return [], None
    first = look(key(pair[0]), near=near, limit=3, kinds=_STREETS)
    if not first:
        return [], None
    wanted = key(parse.without_side(pair[1]))
    # While somebody types, the streets that the first one meets say best what it may become.
    second = {n.key: n for n in look(wanted, near=near, limit=5, kinds=_STREETS, typing=typing,
                                     slips=not typing)}  # fmt: skip
    found = [f for name in first for f in _of(name, wanted, second, near, typing=typing)]
    if found:
        best = max(f.confidence for f in found)
        return [f for f in found if f.confidence > best - 0.25][:LIMIT], None
    sure = [n for n in second.values() if n.likeness >= 0.9]
    if not sure or first[0].likeness < 0.9 or sure[0].key == first[0].key:
        return [], None
    if nearly := _nearly(first[0], sure[0]):
        return nearly, None
    if typing:
        return [], None
    names = {"a": first[0].text, "b": sure[0].text}
    return [], _("%(a)s and %(b)s do not meet. Ask for a house number.") % names


def _half(query: str) -> tuple[str, str] | None:
    """A crossing of which only the first street stands there yet: "Mill Street /"."""
    half = r"\s*(.{2,60}?)\s*(?:/|&|与|和|\band\b|\bja\b)\s*(.{0,2})\s*"
    found = re.fullmatch(half, query.casefold())
    return (found.group(1), found.group(2)) if found else None


def _of(
    name: Named, wanted: str, second: dict[str, Named], near: Near, *, typing: bool
) -> list[Found]:
    """Crossings of one street whose other street is the one that was meant."""
    rows = rows_of(
        "SELECT key_b, street_b, ST_X(geom), ST_Y(geom) FROM places_crossing "
        "WHERE key_a = %(key)s UNION ALL "
        "SELECT key_a, street_a, ST_X(geom), ST_Y(geom) FROM places_crossing "
        "WHERE key_b = %(key)s",
        {"key": name.key},
    )
    met: dict[str, list[tuple[str, float, float]]] = {}
    for other, text, lon, lat in rows:
        met.setdefault(other, []).append((text, lon, lat))
    found = []
    for other, places in met.items():
        like = second[other].likeness if other in second else likeness(wanted, other)
        if typing:
            like = max(like, completes(half_typed(wanted), other), 0.65 if not wanted else 0.0)
        if like < LEAST:
            continue
        if near is not None:
            places.sort(key=lambda p: (p[1] - near[0]) ** 2 / 4 + (p[2] - near[1]) ** 2)
        note = _("These streets meet %(count)d times.") % {"count": len(places)} \
            if len(places) > 1 else ""
        sure = round(min(name.likeness, like) * (1.0 if len(places) == 1 else 0.8), 2)
        found += [
            Found(" / ".join(sorted((name.text, text))), "crossing", lon, lat, "streets", sure,
                  how_said(name, note))
            for text, lon, lat in places[:4]
        ]  # fmt: skip
    return sorted(found, key=lambda f: -f.confidence)


def _nearly(a: Named, b: Named) -> list[Found]:
    """Where two streets come nearest, if that is only a few steps."""
    rows = rows_of(
        "SELECT ST_X(m), ST_Y(m), d FROM (SELECT ST_Centroid(ST_ShortestLine(a.g, b.g)) AS m, "
        "ST_Distance(a.g::geography, b.g::geography) AS d FROM "
        "(SELECT ST_Collect(geom) AS g FROM places_street WHERE key = %(a)s) a, "
        "(SELECT ST_Collect(geom) AS g FROM places_street WHERE key = %(b)s) b) f WHERE d < %(m)s",
        {"a": a.key, "b": b.key, "m": _NEARLY_M},
    )
    note = _("The streets do not meet; here they are %(metres)d m apart.")
    return [Found(" / ".join(sorted((a.text, b.text))), "crossing", lon, lat, "streets",
                  round(min(a.likeness, b.likeness) * 0.7, 2), note % {"metres": round(d)})
            for lon, lat, d in rows]  # fmt: skip
