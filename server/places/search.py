"""Find a place by what a caller says: address, crossing, name, asset number or coordinates.

Every answer carries its grade, how sure it is and where it comes from; an address that is not on
record is worked out between its neighbours and says so. What is not found is refused with a
reason: a wrong place costs a crew half an hour.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.contrib.gis.geos import Point
from django.db import connection
from django.utils.translation import gettext as _

from server.places import parse
from server.places.models import City
from server.places.normalise import CJK, fold, fold_near

LIMIT = 8
# Below these likenesses (0 to 1) a name is not the one that was meant.
_STREET_LIKE, _NAME_LIKE = 0.45, 0.5
# Words that are part of every second name: alone they name nothing.
_GENERIC_WORDS = """
    katu tie kuja polku puisto tori street road avenue lane square city house number building
    route way the of and for near old new
    路 街 巷 号 道 大道 大街 小区 村 楼 栋 市 区 省 县 单元 室 层 门 店
"""
_GENERIC = frozenset(_GENERIC_WORDS.split())


@dataclass(frozen=True, slots=True)
class Found:
    """One place. `grade`: room, building, estate, number, crossing, asset, road or coordinates;
    `confidence` 0 to 1; `note` says in words what is uncertain ('' if nothing)."""

    text: str
    grade: str
    lon: float
    lat: float
    source: str
    confidence: float
    note: str = ""
    asset: str = ""
    inside: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """Places, best first; `refused` says why there is none."""

    results: tuple[Found, ...]
    refused: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"results": [asdict(f) for f in self.results], "refused": self.refused}


def find_places(query: str, near: tuple[float, float] | None = None) -> Answer:
    """Places that `query` may mean, at most eight, best first.

    `near` (lon, lat) puts the nearer of equals first. Never raises for any text.
    """
    query = query.replace("\x00", " ").strip()[:200]
    if not query:
        return Answer((), _("Type an address, a crossing, a name, a number or coordinates."))
    if (typed := parse.position(query)) is not None:
        return _coordinates(typed)
    folded, about = fold_near(query)
    if (reason := _nothing_to_find(folded)) is not None:
        return Answer((), reason)
    steps: list[Callable[[], list[Found]]] = [
        lambda: _asset(query),
        lambda: _crossing(query, near),
        lambda: _address(query, near),
        lambda: _named(folded, near),
    ]
    found: list[Found] = []
    for step in steps:
        found += step()
        if found and found[0].confidence >= 0.95 and found[0].grade in ("asset", "crossing"):
            break
    found = _ranked(found, about, near)
    if not found:
        shown = query if len(query) <= 60 else query[:59] + "…"
        text = _("Nothing here is called “%(query)s”. Ask for a crossing or a house nearby.")
        return Answer((), text % {"query": shown})
    return Answer(tuple(_with_border(found[:LIMIT])))


def _with_border(found: list[Found]) -> list[Found]:
    """Mark what lies beyond the border of the city: it is a place, but not one of ours."""
    city = City.objects.order_by("-loaded_at").first()
    if city is None:
        return found
    border, note = city.bounds.prepared, _("Outside the area this utility supplies.")
    return [
        f if border.covers(Point(f.lon, f.lat, srid=4326))
        else replace(f, inside=False, note=f"{note} {f.note}".strip())
        for f in found
    ]


def _nothing_to_find(folded: str) -> str | None:
    letters = re.sub(r"[\W\d_]", "", folded)
    words = [w for w in folded.split() if not w.isdigit()]
    if not letters:
        if re.search(r"\d", folded):
            return _("A number alone is no place. Say the street too.")
        return _("There is no word in this.")
    if len(letters) < (2 if CJK.search(folded) else 3) and not re.search(r"\d", folded):
        return _("Too short to tell which place is meant.")
    if all(w in _GENERIC for w in words) or (CJK.search(folded) and letters in _GENERIC):
        return _("Many places are called so. Say which one.")
    return None


def _ranked(found: list[Found], about: bool, near: tuple[float, float] | None) -> list[Found]:
    seen: set[tuple[str, str]] = set()
    kept = []
    for f in sorted(found, key=lambda f: -_score(f, near)):
        if (f.text, f.grade) not in seen:
            seen.add((f.text, f.grade))
            kept.append(f)
    if not about:
        return kept
    note = _("The caller is near this place, not at it.")
    return [
        replace(f, confidence=round(f.confidence * 0.6, 2), note=f"{note} {f.note}".strip())
        for f in kept
    ]


def _score(found: Found, near: tuple[float, float] | None) -> float:
    if near is None:
        return found.confidence
    # Ten kilometres weigh as much as a tenth of likeness.
    away = abs(found.lon - near[0]) * 60 + abs(found.lat - near[1]) * 111
    return found.confidence - min(away, 10.0) / 100


def _rows(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _inside(lon: float, lat: float) -> bool:
    return City.objects.filter(bounds__covers=Point(lon, lat, srid=4326)).exists()


# --- coordinates --------------------------------------------------------------------------------

def _coordinates(typed: parse.TypedPosition) -> Answer:
    lon, lat, note = typed.lon, typed.lat, ""
    if not _inside(lon, lat) and abs(lon) <= 90 and _inside(lat, lon):
        if typed.sure:
            return Answer((), _("Longitude and latitude look swapped."))
        lon, lat, note = lat, lon, _("Read as longitude first.")
    if not _inside(lon, lat):
        return Answer((), _("%(lat).5f, %(lon).5f lies outside the city.")
                      % {"lat": typed.lat, "lon": typed.lon})
    text = f"{lat:.6f}, {lon:.6f}"
    confidence = 0.9 if note else 1.0
    return Answer((Found(text, "coordinates", lon, lat, "typed", confidence, note),))


# --- the number on a plate ----------------------------------------------------------------------

# By table name: the network stands beside places, not below it.
_PLATES = ("network_valve", "network_hydrant", "network_pipe", "network_control",
           "network_node", "network_station", "network_sewer", "network_manhole")
_WORD_BEFORE = re.compile(
    r"^(?:valve|hydrant|pipe|main|sewer|manhole|阀门|阀|消火栓|消防栓|管道|管段|排水管|污水管|检查井|窨井)\s*(?:no\.?|号)?\s*",
    re.IGNORECASE,
)
_PLATE_SQL = " UNION ALL ".join(
    f"SELECT asset, '{table.removeprefix('network_')}', "
    f"ST_X(ST_PointOnSurface(geom)), ST_Y(ST_PointOnSurface(geom)) "
    f"FROM {table} WHERE asset = ANY(%(names)s)"
    for table in _PLATES
)


def _asset(query: str) -> list[Found]:
    name = query.strip()
    if len(name) > 60 or not re.search(r"\d", name):
        return []
    bare = _WORD_BEFORE.sub("", name)
    names = {name, name.upper(), bare, bare.upper()}
    return [
        Found(asset, "asset", lon, lat, kind, 1.0, asset=asset)
        for asset, kind, lon, lat in _rows(_PLATE_SQL, {"names": sorted(names)})
    ]


# --- streets ------------------------------------------------------------------------------------

def _streets(name: str, limit: int = 4) -> list[tuple[str, str, float]]:
    """(name, folded, likeness) of the streets a folded name may mean, most alike first."""
    if len(name) < 2:
        return []
    rows = _rows(
        """
        SELECT name, folded, max(likeness) FROM (
            SELECT name, folded, greatest(
                similarity(folded, %(q)s),
                CASE WHEN folded = %(q)s THEN 1
                     WHEN starts_with(folded, %(q)s) AND length(%(q)s) >= %(long)s THEN 0.8
                     ELSE 0 END) AS likeness
            FROM places_street
            WHERE folded <> '' AND (folded %% %(q)s OR folded LIKE %(prefix)s)
            UNION ALL
            SELECT street, regexp_replace(folded, '\\s*[0-9][^ ]*$', ''), similarity(
                regexp_replace(folded, '\\s*[0-9][^ ]*$', ''), %(q)s) AS likeness
            FROM places_address WHERE folded %% %(q)s OR folded LIKE %(prefix)s
        ) AS named GROUP BY name, folded ORDER BY 3 DESC, 1 LIMIT %(limit)s
        """,
        {"q": name, "prefix": _like(name) + "%", "limit": limit,
         "long": 2 if CJK.search(name) else 4},
    )
    return [(n, f, float(s)) for n, f, s in rows if s >= _STREET_LIKE]


def _like(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)


def _crossing(query: str, near: tuple[float, float] | None) -> list[Found]:
    pair = parse.crossing(query)
    if pair is None:
        return []
    first, second = _streets(pair[0], 3), _streets(pair[1], 3)
    found = []
    for name_a, _fa, like_a in first:
        for name_b, _fb, like_b in second:
            if name_a == name_b:
                continue
            rows = _rows(
                "SELECT ST_X(geom), ST_Y(geom) FROM places_crossing "
                "WHERE (street_a, street_b) IN ((%(a)s, %(b)s), (%(b)s, %(a)s))",
                {"a": name_a, "b": name_b},
            )
            note = _("These streets meet %(count)d times.") % {"count": len(rows)} \
                if len(rows) > 1 else ""
            confidence = round(min(like_a, like_b) * (1.0 if len(rows) == 1 else 0.8), 2)
            found += [Found(f"{name_a} / {name_b}", "crossing", lon, lat, "streets", confidence,
                            note) for lon, lat in _by_nearness(rows, near)]
    best = max((f.confidence for f in found), default=0.0)
    return [f for f in found if f.confidence > best - 0.25][:LIMIT]


def _by_nearness(
    rows: list[tuple[Any, ...]], near: tuple[float, float] | None
) -> list[tuple[Any, ...]]:
    if near is None:
        return rows
    return sorted(rows, key=lambda r: (r[0] - near[0]) ** 2 / 4 + (r[1] - near[1]) ** 2)


# --- addresses ----------------------------------------------------------------------------------

def _address(query: str, near: tuple[float, float] | None) -> list[Found]:
    typed = parse.address(query)
    streets = _streets(typed.street)
    # Only streets about as alike as the best one; "Main street 5" is not every street's number 5.
    best = streets[0][2] if streets else 0.0
    found: list[Found] = []
    for name, folded, like in streets:
        if like < best - 0.2 or (best == 1.0 and like < 1.0):
            continue
        found += _on_street(name, folded, like, typed, near)
    return found


def _on_street(
    name: str, folded: str, like: float, typed: parse.TypedAddress,
    near: tuple[float, float] | None,
) -> list[Found]:
    if not typed.number:
        return _road(name, like, near, _("The caller gave no house number."))
    key = parse.address_key(folded, typed.number)
    bare = parse.house_number(typed.number)
    rows = _rows(
        "SELECT street, number, ST_X(geom), ST_Y(geom), folded = %(key)s FROM places_address "
        "WHERE folded = %(key)s OR folded = %(bare)s ORDER BY 5 DESC, id LIMIT 3",
        {"key": key, "bare": parse.address_key(folded, str(bare))},
    )
    if rows:
        street, number, lon, lat, exact = rows[0]
        note = "" if exact else _("%(number)s is not on record by itself; this is the house.") % {
            "number": typed.number}
        return [Found(_text(street, number), "number", lon, lat, "register",
                      round(like * (1.0 if exact else 0.9), 2), note)]
    between = _between(name, bare or 0, like)
    return [between] if between is not None else _road(
        name, like * 0.8, near,
        _("No number %(number)s is known in this street.") % {"number": typed.number})


def _text(street: str, number: str) -> str:
    return f"{street}{number.removesuffix('号')}号" if CJK.search(street) else f"{street} {number}"


def _between(street: str, wanted: int, like: float) -> Found | None:
    """A number that is not on record, placed between its neighbours on the same side."""
    rows = _rows(
        "SELECT number, ST_X(geom), ST_Y(geom) FROM places_address WHERE street = %(street)s",
        {"street": street},
    )
    known: dict[int, tuple[float, float]] = {}
    for number, lon, lat in rows:
        value = parse.house_number(number)
        if value is not None:
            known.setdefault(value, (lon, lat))
    for step, sure, source in ((2, 0.75, "interpolated"), (1, 0.55, "interpolated_both_sides")):
        side = [n for n in known if (n - wanted) % step == 0]
        below = max((n for n in side if n < wanted), default=None)
        above = min((n for n in side if n > wanted), default=None)
        # Beyond the last house nothing is known; a guess there would be a guess.
        if below is None or above is None or above - below > 40:
            continue
        share = (wanted - below) / (above - below)
        (x0, y0), (x1, y1) = known[below], known[above]
        note = _("Not on record: worked out between %(below)d and %(above)d.") % {
            "below": below, "above": above}
        return Found(_text(street, str(wanted)), "number", x0 + (x1 - x0) * share,
                     y0 + (y1 - y0) * share, source, round(like * sure, 2), note)
    return None


def _road(
    name: str, like: float, near: tuple[float, float] | None, note: str
) -> list[Found]:
    """The street as a whole: a point on it, the one nearest to `near` if given."""
    rows = _rows(
        """
        WITH line AS (
            SELECT ST_Collect(geom) AS all_of_it,
                   (array_agg(geom ORDER BY ST_Length(geom) DESC))[1] AS longest
            FROM places_street WHERE name = %(name)s)
        SELECT ST_X(p), ST_Y(p) FROM (
            SELECT CASE WHEN %(lon)s::float8 IS NULL THEN ST_LineInterpolatePoint(longest, 0.5)
                   ELSE ST_ClosestPoint(all_of_it, ST_Point(%(lon)s, %(lat)s, 4326)) END AS p
            FROM line) AS found
        WHERE p IS NOT NULL
        """,
        {"name": name, "lon": near[0] if near else None, "lat": near[1] if near else None},
    )
    return [Found(name, "road", lon, lat, "streets", round(like * 0.8, 2), note)
            for lon, lat in rows]


# --- named places -------------------------------------------------------------------------------

_NAMED_SQL = """
    SELECT label, grade, lon, lat, likeness FROM (
        SELECT CASE WHEN name = '' THEN replace(kind, '_', ' ') ELSE name END AS label,
               'building' AS grade, ST_X(geom) AS lon, ST_Y(geom) AS lat,
               greatest(similarity(folded, %(q)s),
                        CASE WHEN starts_with(folded, %(q)s) AND length(%(q)s) >= %(long)s
                             THEN 0.75 ELSE 0 END,
                        CASE WHEN strict_word_similarity(%(q)s, folded) >= 0.8 THEN 0.7
                             ELSE 0 END,
                        CASE WHEN length(folded) >= %(long)s AND %(cjk)s
                              AND strpos(folded, %(q)s) > 0 THEN 0.7 ELSE 0 END,
                        CASE WHEN lower(replace(kind, '_', ' ')) = %(q)s THEN 0.6 ELSE 0 END
               ) AS likeness, geom
        FROM places_poi
        WHERE folded %% %(q)s OR folded LIKE %(inside)s OR %(q)s <<%% folded
              OR lower(replace(kind, '_', ' ')) = %(q)s
    ) AS named WHERE likeness >= %(least)s
    ORDER BY likeness DESC,
             CASE WHEN %(lon)s::float8 IS NULL THEN 0
                  ELSE geom <-> ST_Point(%(lon)s, %(lat)s, 4326) END, label
    LIMIT %(limit)s
"""


def _named(folded: str, near: tuple[float, float] | None) -> list[Found]:
    rows = _rows(_NAMED_SQL, {
        "q": folded, "inside": f"%{_like(folded)}%", "least": _NAME_LIKE, "limit": LIMIT,
        "long": 2 if CJK.search(folded) else 4, "cjk": bool(CJK.search(folded)),
        "lon": near[0] if near else None, "lat": near[1] if near else None,
    })
    found = [Found(label, grade, lon, lat, "places", round(float(like) * 0.95, 2))
             for label, grade, lon, lat, like in rows]
    return found + _estates(folded)


def _estates(folded: str) -> list[Found]:
    """A building of an estate ("…小区24栋2单元"): the estate is what the register can know."""
    typed = parse.address(folded)
    if not typed.rest or typed.number or not CJK.search(folded):
        return []
    rows = _rows(
        "SELECT name, ST_X(geom), ST_Y(geom) FROM places_poi WHERE folded = %(q)s LIMIT 2",
        {"q": fold(typed.street)},
    )
    note = _("%(rest)s is not on record; this is the estate.") % {"rest": typed.rest}
    return [Found(name, "estate", lon, lat, "places", 0.7, note) for name, lon, lat in rows]
