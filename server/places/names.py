"""Names: made from the tables of the city, and looked for however they are typed.

Half a million addresses hang on some ten thousand names. A name is looked for with one question to
indexes (its beginning, its words, its sound, its initials), with a second one for slips of the pen
only where the first found nothing; how much each is like what was typed is decided in likeness.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.gis.geos import Point
from django.db import transaction

from server.places import sound as sounds
from server.places.found import Near, rows_of
from server.places.likeness import (
    LEAST,
    SAME_SOUND,
    completes,
    half_typed,
    likeness,
    mended,
    stem,
)
from server.places.models import Alias, Name
from server.places.normalise import CJK, key

_ESTATE = re.compile(
    r"(?:小区|花园|家园|花苑|嘉园|公寓|新村|社区|家属院|家属楼|[^\d]苑|[^\d]村|山庄|公馆)$"
)
_ROWS = 40
_SURE, _BEGUN = 0.9, 0.75
_BATCH = 5000


@dataclass(frozen=True, slots=True)
class Named:
    """A name that may have been meant. `how`: as typed '', by its sound, or by its initials."""

    kind: str
    text: str
    key: str
    about: str
    weight: int
    lon: float | None
    lat: float | None
    likeness: float
    how: str = ""
    #: The alias that led here, '' for none.
    alias: str = ""


# --- looking -------------------------------------------------------------------------------------

_COLUMNS = "kind, text, key, sound, initials, about, weight, ST_X(geom), ST_Y(geom)"


def look(
    typed: str, *, typing: bool = False, near: Near = None, limit: int = 8, slips: bool = True,
    kinds: frozenset[str] = frozenset(),
) -> list[Named]:
    """Names that the key `typed` may mean, best first; with `typing` also what it may become.

    `slips`: look for what is only alike where nothing begins so.
    """
    if not typed or len(typed) > 80:
        return []
    typed = half_typed(typed) if typing else mended(typed)
    heard = _heard(typed)
    rows = _candidates(typed, heard, typing)
    found = _judged(rows, typed, heard, typing)
    # A beginning that fits is good enough while somebody types, not once they have finished.
    enough = _BEGUN if typing else _SURE
    if slips and (not found or max(f.likeness for f in found) < enough):
        found += _judged(_alike(typed, heard), typed, heard, typing)
    best: dict[tuple[Any, ...], Named] = {}
    for f in _resolved(found):
        if kinds and f.kind not in kinds:
            continue
        # Shops of one name are many places; a street of one name is one street.
        same = (f.kind, f.key, f.lon, f.lat) if f.kind == "place" else (f.kind, f.key)
        if same not in best or best[same].likeness < f.likeness:
            best[same] = f
    return sorted(best.values(), key=lambda f: -_worth(f, near))[:limit]


def _worth(f: Named, near: Near) -> float:
    """Likeness first; of equals the street with more houses, then the nearer."""
    away = 0.0
    if near is not None and f.lon is not None and f.lat is not None:
        away = min(abs(f.lon - near[0]) * 60 + abs(f.lat - near[1]) * 111, 10.0) / 100
    return f.likeness + min(math.log1p(f.weight), 7.0) / 100 - away


def _heard(typed: str) -> str:
    """How what was typed sounds; '' where it can be no Chinese name."""
    if CJK.search(typed):
        return sounds.sound(typed)
    return sounds.typed(typed) if re.fullmatch(r"[a-z0-9 ']{2,40}", typed) else ""


def _candidates(typed: str, heard: str, typing: bool) -> list[tuple[Any, ...]]:
    """By indexes on beginnings: cheap whatever the size of the city."""
    chinese = bool(CJK.search(typed))
    asked = ["SELECT * FROM (SELECT {c} FROM places_name WHERE key LIKE %(start)s "
             "ORDER BY weight DESC, key LIMIT %(n)s) a"]
    if len(typed) >= (2 if chinese else 3):
        asked.append("SELECT * FROM (SELECT {c} FROM places_name WHERE key LIKE %(inside)s "
                     "ORDER BY weight DESC, key LIMIT %(n)s) b")
    if len(heard) >= 3:
        asked.append("SELECT * FROM (SELECT {c} FROM places_name WHERE sound LIKE %(heard)s "
                     "ORDER BY weight DESC, key LIMIT %(n)s) c")
    if typing and not chinese and 2 <= len(typed) <= 10 and typed.isalpha():
        asked.append("SELECT * FROM (SELECT {c} FROM places_name WHERE initials LIKE %(start)s "
                     "ORDER BY weight DESC, key LIMIT %(n)s) d")
    escaped = _like(typed)
    return rows_of(" UNION ALL ".join(asked).format(c=_COLUMNS), {
        "start": f"{escaped}%", "inside": f"%{escaped}%" if chinese else f"% {escaped}%",
        "heard": f"{heard}%" if typing else heard, "n": _ROWS,
    })  # fmt: skip


def _alike(typed: str, heard: str) -> list[tuple[Any, ...]]:
    """By trigrams, for slips of the pen and of the ear."""
    asked = ["SELECT * FROM (SELECT {c} FROM places_name WHERE stem %% %(q)s "
             "ORDER BY similarity(stem, %(q)s) DESC LIMIT %(n)s) a"]
    if CJK.search(typed) and len(heard) >= 5:
        asked.append("SELECT * FROM (SELECT {c} FROM places_name WHERE sound %% %(heard)s "
                     "ORDER BY similarity(sound, %(heard)s) DESC LIMIT %(n)s) b")
    return rows_of(
        " UNION ALL ".join(asked).format(c=_COLUMNS),
        {"q": stem(typed), "heard": heard, "n": _ROWS},
    )


def _like(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)


def _judged(
    rows: list[tuple[Any, ...]], typed: str, heard: str, typing: bool
) -> list[Named]:
    found = []
    for kind, text, name_key, sound, initials, about, weight, lon, lat in rows:
        begun, how = completes(typed, name_key), ""
        # Half a name is enough to go on, and enough to be wrong about.
        like = begun if typing else min(begun, 0.8)
        if not (typing and begun >= _BEGUN) or typed == name_key:
            like = max(like, likeness(typed, name_key))
        if heard and sound and like < SAME_SOUND:
            heard_like = _sounds_like(heard, sound, typing, chinese=bool(CJK.search(typed)))
            if heard_like > like:
                like, how = heard_like, "sound"
        if typing and initials and initials.startswith(typed) and like < 0.6:
            like, how = 0.6 + 0.25 * len(typed) / len(initials), "initials"
        if like >= LEAST:
            found.append(
                Named(kind, text, name_key, about, weight, lon, lat, round(like, 3), how)
            )
    return found


def _sounds_like(heard: str, sound: str, typing: bool, *, chinese: bool) -> float:
    if heard == sound:
        return SAME_SOUND
    if typing and not chinese and sound.startswith(heard):
        return 0.68 + 0.2 * len(heard) / len(sound)
    return 0.0


def _resolved(found: list[Named]) -> list[Named]:
    """An alias becomes what it means, where that is a name; else it stays, to be looked up."""
    wanted = {key(f.about): f for f in found if f.kind == "alias"}
    if not wanted:
        return found
    meant = {
        row[2]: row for row in rows_of(
            f"SELECT {_COLUMNS} FROM places_name WHERE key = ANY(%(keys)s) AND kind <> 'alias'",
            {"keys": list(wanted)},
        )
    }  # fmt: skip
    out = []
    for f in found:
        row = meant.get(key(f.about)) if f.kind == "alias" else None
        if row is None:
            out.append(f)
            continue
        kind, text, name_key, _s, _i, about, weight, lon, lat = row
        out.append(replace(f, kind=kind, text=text, key=name_key, about=about, weight=weight,
                           lon=lon, lat=lat, alias=f.text))  # fmt: skip
    return out


# --- making --------------------------------------------------------------------------------------

# A street's point is on its longest stretch; that of an estate without one, at one of its houses.
_STREETS = """
    SELECT DISTINCT ON (s.key) s.name, s.key, coalesce(a.n, 0) + 1, ST_X(m), ST_Y(m)
    FROM places_street s
    LEFT JOIN (SELECT street_key, count(*) AS n FROM places_address GROUP BY 1) a
           ON a.street_key = s.key,
    LATERAL (SELECT ST_LineInterpolatePoint(s.geom, 0.5) AS m) AS middle
    WHERE s.key <> '' ORDER BY s.key, ST_Length(s.geom) DESC
"""
_ADDRESSED = """
    SELECT min(street), street_key, count(*),
           (array_agg(ST_X(geom) ORDER BY value))[1 + count(*) / 2],
           (array_agg(ST_Y(geom) ORDER BY value))[1 + count(*) / 2]
    FROM places_address WHERE street_key <> '' AND NOT EXISTS (
        SELECT 1 FROM places_street s WHERE s.key = street_key)
    GROUP BY street_key
"""


def refresh() -> int:
    """Make the table of names anew from the tables of the city; how many there are."""
    places = list(_places())
    estates = {row.key: row for row in places if row.kind == "estate"}
    rows = [_row("street", text, k, "", n, x, y) for text, k, n, x, y in rows_of(_STREETS, {})]
    for text, name_key, count, lon, lat in rows_of(_ADDRESSED, {}):
        if (known := estates.get(name_key)) is not None:
            known.weight = count  # its own point is better than that of one of its houses
        else:
            rows.append(_row(_sort(text), text, name_key, "", count, lon, lat))
    rows += places + [alias_row(alias) for alias in Alias.objects.all()]
    with transaction.atomic():
        Name.objects.all().delete()
        Name.objects.bulk_create(rows, batch_size=_BATCH)
    return len(rows)


def _sort(name: str) -> str:
    """What addresses are named after and no street is called: an estate, in Chinese."""
    return "estate" if _ESTATE.search(name) else "street"


def _places() -> Iterator[Name]:
    asked = """
        SELECT name, kind, ST_X(geom), ST_Y(geom) FROM places_poi
        UNION ALL
        SELECT name, kind, ST_X(p), ST_Y(p)
        FROM places_building b, LATERAL (SELECT ST_PointOnSurface(b.geom) AS p) AS inside
        WHERE name <> '' AND NOT EXISTS (SELECT 1 FROM places_poi o WHERE o.name = b.name
            AND ST_DWithin(o.geom, b.geom, 0.002))
    """
    for name, kind, lon, lat in rows_of(asked, {}):
        sort = kind.lower().replace("_", " ")
        text = name or sort
        estate = _ESTATE.search(name) or kind == "residential"
        yield _row("estate" if estate else "place", text, key(text), sort, 1, lon, lat)


def alias_row(alias: Alias) -> Name:
    """An alias as a name."""
    return _row("alias", alias.text, alias.key, alias.means, 0, alias.geom.x, alias.geom.y)


def _row(
    kind: str, text: str, name_key: str, about: str, weight: int, lon: float | None,
    lat: float | None,
) -> Name:  # fmt: skip
    chinese = bool(CJK.search(name_key))
    return Name(
        kind=kind, text=text[:160], key=name_key[:160], stem=stem(name_key)[:160],
        about=about[:200], weight=weight,
        sound=sounds.sound(name_key)[:300] if chinese else "",
        initials=sounds.initials(name_key)[:80] if chinese else "",
        geom=None if lon is None or lat is None else Point(lon, lat, srid=4326),
    )
