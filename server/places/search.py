"""Find a place by what a caller says: address, crossing, name, number on a plate or coordinates.

Every answer carries its grade, how sure it is and where it comes from; an address that is not on
record is worked out and says so. What is not found is refused with a reason: a wrong place costs a
crew half an hour, and the middle of a district is a wrong place.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace

from django.contrib.gis.geos import Point
from django.utils.translation import gettext as _

from server.places import chinese, coordinates, houses, meeting, parse, plates
from server.places.found import GRADES, LIMIT, Answer, Found, Near, and_said
from server.places.models import Alias, City
from server.places.names import Named, look
from server.places.normalise import CJK, fold_near, key

# Words that are part of every second name: alone they name nothing.
_GENERIC_WORDS = """
    katu tie kuja polku puisto tori street road avenue lane square city house number building
    route way the of and for near old new
    路 街 巷 号 道 大道 大街 小区 村 楼 栋 市 区 省 县 单元 室 层 门 店 路口 十字 小区东门 小区西门
    小区南门 小区北门 小区门口 学校 公园 附近
"""
_GENERIC = frozenset(_GENERIC_WORDS.split())


def find_places(query: str, near: Near = None, *, typing: bool = False) -> Answer:
    """Places that `query` may mean, at most eight, best first.

    `near` (lon, lat) puts the nearer of equals first. `typing`: the text is not finished; what it
    may become is offered as well. Never raises for any text.
    """
    query = query.replace("\x00", " ").strip()[:200]
    if not query:
        return Answer((), _("Type an address, a crossing, a name, a number or coordinates."))
    if (typed := coordinates.position(query)) is not None:
        return _coordinates(typed)
    if (way := parse.away(query)) is not None and (found := _from(way, near)):
        return Answer(tuple(_with_border(found)))
    folded, about = fold_near(query)
    if (reason := _nothing_to_find(folded, typing=typing)) is not None:
        return Answer((), reason)
    found, refused = _all(query, folded, near, typing=typing)
    found = _ranked(found, about, near)
    if not found:
        return Answer((), refused or _not_found(query, folded))
    return Answer(tuple(_with_border(found[:LIMIT])))


def _all(
    query: str, folded: str, near: Near, *, typing: bool
) -> tuple[list[Found], str | None]:
    found = plates.find(query)
    if found:
        return found, None
    crossings, refused = meeting.find(query, near, typing=typing)
    if refused or (crossings and (typing or crossings[0].confidence >= 0.8)):
        return crossings, refused
    if CJK.search(folded):
        return crossings + _chinese(folded, near, typing=typing), None
    return crossings + _western(folded, near, typing=typing), None


def _not_found(query: str, folded: str) -> str:
    shown = query if len(query) <= 60 else query[:59] + "…"
    said = chinese.elements(folded) if CJK.search(folded) else None
    if said is not None and (said.district or said.town) and not (said.road or said.estate):
        text = _("“%(query)s” is a whole district. Ask for the road and the number, or a crossing.")
        return text % {"query": shown}
    text = _("Nothing here is called “%(query)s”. Ask for a crossing or a house nearby.")
    return text % {"query": shown}


def _with_border(found: list[Found]) -> list[Found]:
    """Mark what lies beyond the border of the city: it is a place, but not one of ours."""
    city = City.objects.only("bounds").order_by("-loaded_at").first()
    if city is None:
        return found
    border, note = city.bounds.prepared, _("Outside the area this utility supplies.")
    return [
        f if border.covers(Point(f.lon, f.lat, srid=4326))
        else replace(f, inside=False, note=and_said(note, f.note))
        for f in found
    ]


def _nothing_to_find(folded: str, *, typing: bool) -> str | None:
    letters = re.sub(r"[\W\d_]", "", folded)
    words = [w for w in folded.split() if not w.isdigit()]
    if not letters:
        if re.search(r"\d", folded):
            return None if plates.find(folded) else _(
                "A number alone is no place. Say the street too.")
        return _("There is no word in this.")
    least = 1 if typing else 2
    if len(letters) < (least if CJK.search(folded) else least + 1) \
            and not re.search(r"\d", folded):
        return _("Too short to tell which place is meant.")
    if all(w in _GENERIC for w in words) or (CJK.search(folded) and letters in _GENERIC):
        return _("Many places are called so. Say which one.")
    return None


def _ranked(found: list[Found], about: bool, near: Near) -> list[Found]:
    seen: set[tuple[str, str, int, int]] = set()
    kept = []
    # Of two equally sure the one at which a crew can knock.
    for f in sorted(found, key=lambda f: (-_score(f, near), GRADES.index(f.grade))):
        # The same text twice is two places only where they are apart: two shops of one name.
        same = (f.text, f.grade, round(f.lon * 1000), round(f.lat * 1000))
        if same not in seen:
            seen.add(same)
            kept.append(f)
    if not about:
        return kept
    note = _("The caller is near this place, not at it.")
    return [
        replace(f, confidence=round(f.confidence * 0.6, 2), note=and_said(note, f.note))
        for f in kept
    ]


def _score(found: Found, near: Near) -> float:
    if near is None:
        return found.confidence
    # Ten kilometres weigh as much as a tenth of likeness.
    away = abs(found.lon - near[0]) * 60 + abs(found.lat - near[1]) * 111
    return found.confidence - min(away, 10.0) / 100


# --- coordinates ---------------------------------------------------------------------------------


def _inside(lon: float, lat: float) -> bool:
    return City.objects.filter(bounds__covers=Point(lon, lat, srid=4326)).exists()


def _coordinates(typed: coordinates.TypedPosition) -> Answer:
    lon, lat, note = typed.lon, typed.lat, ""
    if not _inside(lon, lat) and abs(lon) <= 90 and _inside(lat, lon):
        if typed.sure:
            return Answer((), _("Longitude and latitude look swapped."))
        lon, lat, note = lat, lon, _("Read as longitude first.")
    if not _inside(lon, lat):
        return Answer((), _("%(lat).5f, %(lon).5f lies outside the city.")
                      % {"lat": typed.lat, "lon": typed.lon})
    if typed.datum:
        note = and_said(note, _("Turned back from %(datum)s.") % {"datum": typed.datum.upper()})
    text = f"{lat:.6f}, {lon:.6f}"
    confidence = 0.9 if note else 1.0
    return Answer((Found(text, "coordinates", lon, lat, "typed", confidence, note),))


def _from(way: parse.Away, near: Near) -> list[Found]:
    """So many metres from something that is found: in a straight line, which the note says."""
    note = _("%(metres)d m from %(place)s, in a straight line.")
    metres = math.hypot(way.east_m, way.north_m)
    return [
        replace(
            f, text=f"{f.text} {_arrow(way)} {metres:.0f} m", source="relative", asset="",
            lon=f.lon + way.east_m / (111_320.0 * math.cos(math.radians(f.lat))),
            lat=f.lat + way.north_m / 110_574.0, confidence=round(f.confidence * 0.7, 2),
            note=and_said(note % {"metres": metres, "place": f.text}, f.note),
        )
        for f in find_places(way.text, near).results[:3] if f.grade != "road"
    ]  # fmt: skip


def _arrow(way: parse.Away) -> str:
    return "→↗↑↖←↙↓↘"[round(math.atan2(way.north_m, way.east_m) / (math.pi / 4)) % 8]


# --- addresses and names -------------------------------------------------------------------------


def _western(folded: str, near: Near, *, typing: bool) -> list[Found]:
    readings = parse.addresses(folded)
    # In "12 Mill St" the street is what is being typed, in "Mill Street 1" the number.
    if typing and readings and folded[0].isdigit():
        names = _addressable(readings[0].street, near, typing=True)
        if names:
            return _numbered(names, readings[0].number, near, typing=True)
    whole = look(key(folded), typing=typing, near=near, slips=not readings)
    found = [f for name in whole for f in _named(name, near)]
    if whole and whole[0].likeness >= 0.95:
        return found
    pairs = [(_addressable(t.street, near, typing=typing and folded.endswith(t.street)), t)
             for t in readings]  # fmt: skip
    names, typed = max(pairs, key=lambda r: r[0][0].likeness if r[0] else 0.0,
                       default=([], None))  # fmt: skip
    if typed is None or not names:
        return found or [f for n in look(key(folded), near=near, typing=typing)
                         for f in _named(n, near)]  # fmt: skip
    least = min(whole[0].likeness, 0.8) if whole else 0.0
    return _numbered(names, typed.number, near, typing=typing) + [
        f for f in found if f.confidence >= least
    ]


def _addressable(street: str, near: Near, *, typing: bool) -> list[Named]:
    """What may carry numbers: streets and estates of a name."""
    return [n for n in look(key(street), near=near, typing=typing)
            if n.kind in ("street", "estate")]  # fmt: skip


def _numbered(
    names: list[Named], number: str, near: Near, *, typing: bool
) -> list[Found]:
    """A number in the streets that are about as alike as the best one."""
    best = names[0].likeness if names else 0.0
    close = [n for n in names[:4] if n.likeness >= best - 0.12 and (best < 1 or n.likeness == 1)]
    found = houses.completions(close, number, LIMIT) if typing else []
    if found and found[0].confidence >= best - 0.01:
        return found
    return found + [
        f for name in close for f in houses.find(name, number, near)
        if not (typing and found and f.grade in ("road", "estate"))
    ]


def _chinese(folded: str, near: Near, *, typing: bool) -> list[Found]:
    """By elements: the number on its road, the building in its estate, else the name as a whole."""
    bare = chinese.without_region(folded)
    said = chinese.elements(bare)
    inner = bool(said.number or said.door)
    whole = look(key(bare), typing=typing, near=near, slips=not inner)
    found = [f for name in whole for f in _named(name, near)]
    if whole and whole[0].likeness == 1.0:
        return found
    placed: list[Found] = []
    if said.road and said.number:
        roads = _known(said.road + said.lane, near) or _known(said.road, near)
        placed += _numbered(roads, said.number, near, typing=typing)
    if said.estate:
        placed += _in_estate(said, near, placed, typing=typing)
    elif said.road and not said.number:
        placed += [f for n in _known(said.road + said.lane, near, typing=typing)
                   for f in _named(n, near)]
    sure = max((f.confidence for f in placed), default=0.0)
    return placed + [f for f in found if f.confidence >= sure - 0.2]


def _known(name: str, near: Near, *, typing: bool = False) -> list[Named]:
    """Streets of this name; what stands before it in the text may be an unknown district's."""
    for start in range(max(1, len(name) - 2)):
        names = [n for n in look(key(name[start:]), near=near, typing=typing)
                 if n.kind == "street" and (start == 0 or n.likeness >= 0.9)]
        if names:
            return names
    return []


def _in_estate(
    said: chinese.Elements, near: Near, placed: list[Found], *, typing: bool
) -> list[Found]:
    """Room, building or estate. A house number found before wins unless the building is known."""
    estates = [n for n in look(key(parse.without_side(said.estate)), near=near, limit=3)
               if n.kind != "street"]
    found: list[Found] = []
    door = said.door or (said.number if not said.road else "")
    for name in estates[:2]:
        houses_of = _door(name, said) if door else []
        if houses_of:
            found += houses_of
            continue
        rest = (door or said.door) + (f"{said.floor}层" if said.floor else "")
        if placed and any(f.grade == "number" and f.confidence > 0.7 for f in placed):
            continue
        note = _("%(rest)s is not on record; this is the estate.") % {"rest": rest} if rest else ""
        found += [replace(f, note=and_said(f.note, note)) for f in _named(name, near)]
        if rest:
            found[-1:] = [replace(f, grade="estate", confidence=min(f.confidence, 0.7))
                          for f in found[-1:]]
    return found


def _door(name: Named, said: chinese.Elements) -> list[Found]:
    """The room; without it the building, said so."""
    tried = [said.door, f"{said.building}栋" if said.building else "", said.number]
    for i, number in enumerate(t for t in tried if t):
        known = houses.on_record(name, number)
        if known:
            note = _("%(door)s is not on record; this is the building.") % {"door": said.door}
            return [known if i == 0 else replace(
                known, confidence=round(known.confidence * 0.9, 2), note=and_said(note, known.note)
            )]  # fmt: skip
    return []


def _named(name: Named, near: Near) -> list[Found]:
    """A name as a place of its grade; the unnamed ones go by what they are."""
    if name.kind == "street":
        return houses.road(name, near, "")
    if name.lon is None or name.lat is None:
        return []
    if name.kind == "alias":
        note = _("“%(alias)s” is called %(name)s.") % {"alias": name.text, "name": name.about}
        grade = Alias.objects.filter(key=name.key).values_list("grade", flat=True).first()
        return [Found(name.about, grade or "building", name.lon, name.lat, "alias",
                      round(name.likeness * 0.9, 2), note)]
    grade = "estate" if name.kind == "estate" else "building"
    return [Found(name.text, grade, name.lon, name.lat, "places",
                  round(name.likeness * 0.95, 2), houses.how_said(name))]


__all__ = ["Answer", "Found", "find_places"]
