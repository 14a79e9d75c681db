"""How places answer at half a million addresses: every key as it is typed, through the API.

A made-up city of streets with Western and Chinese names, estates with buildings and named places,
in a database of its own; typed at with real sequences of keys, beginning by beginning: as written,
with a slip, in Chinese, in pinyin. Beside it what one would do first: trigrams over all addresses.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
import shapely
from django.contrib.gis.geos import Point, Polygon
from django.db import connection
from shapely.geometry import LineString

from gis_data.places import Address, Extract, Places, Poi, Street
from server.cityload import filling
from server.cityload.bench import Ask, served
from server.cityload.kitchener_bench import kitchener
from server.cityload.scratch import scratch_database
from server.places.models import City
from server.places.sound import sound

Row = dict[str, Any]
PATIENCE_S = 25.0  # for each way of typing, on a machine that is busy
STEP = 0.001  # degrees between streets, some hundred metres
WEST, SOUTH = 108.70, 34.10
_FIRST = """
    maple oak cedar birch willow king queen mill church station harbour river lake hill valley
    spring forest meadow garden castle bridge market college victoria albert george charles
    william york lancaster bristol cambridge windsor chester warwick preston durham stirling
""".split()  # noqa: SIM905
_SECOND = """
    wood field ford ton ham by ley stead dale brook water gate side view crest park mount green
    cliff shore moor grove mere well land cross worth bury combe thorpe wick hurst stone haven
""".split()  # noqa: SIM905
_TYPES = "Street Road Avenue Drive Crescent Court Lane Place".split()  # noqa: SIM905
_SIGNS = (
    "高新科技长安朱雀含光太白凤城明光文景北辰元朔咸宁建工幸福金花兴庆友谊环城"
    "丰庆劳动桃园昆明石油电子锦业丈八鱼化沣惠汉城红光大庆星火青年莲湖"
)
_ORDER = "一二三四五六七八九十"


@dataclass(frozen=True, slots=True)
class Made:
    """The city and what may be asked for: (what is typed in full, what must be found)."""

    extract: Extract
    western: list[str]
    chinese: list[str]
    estates: list[str]


def made_city(addresses: int, seed: int = 965113) -> Made:
    """About `addresses` addresses, half of them Western, on a grid of streets."""
    rng = np.random.default_rng(seed)
    houses, blocks = 40, 10
    west = max(4, addresses // 2 // houses)
    roads = max(4, addresses // 4 // houses)
    estates = max(2, addresses // 4 // 60)
    side = max(2, round((west + roads) ** 0.5))
    names = _western_names(west)
    streets: list[Street] = []
    known: list[Address] = []
    for k, name in enumerate(names):
        x, y = WEST + (k % side) * STEP * blocks, SOUTH + (k // side) * STEP
        streets.append(_line(name, [(x + i * STEP, y) for i in range(blocks + 1)]))
        known += _along(name, x, y, houses, blocks, "{}")
    chinese = _chinese_names(roads, ("路", "街", "大道"))
    for k, name in enumerate(chinese):
        x, y = WEST + (k % side) * STEP * blocks, SOUTH + (k // side) * STEP * blocks
        streets.append(_line(name, [(x, y + i * STEP) for i in range(blocks + 1)]))
        known += _along(name, x, y, houses, blocks, "{}号", upright=True)
    gardens = _chinese_names(estates, ("小区", "花园", "家园", "公寓"), short=False)
    for k, name in enumerate(gardens):
        x, y = rng.uniform(0, side * STEP * blocks, 2) + np.array([WEST, SOUTH])
        known += [
            Address(f"e{k}-{b}-{u}", name, f"{b}栋{u}单元", x + b * 1e-4, y + u * 1e-4)
            for b in range(1, 21) for u in range(1, 4)
        ]  # fmt: skip
    pois = [Poi(f"p{k}", f"{_FIRST[k % 38].title()} {_SECOND[k % 34].title()} {k}", "shop",
                WEST + float(u), SOUTH + float(v))
            for k, (u, v) in enumerate(rng.uniform(0, 0.5, (max(10, addresses // 50), 2)))]
    return Made(Extract(Places(known, [], pois), streets), names, chinese, gardens)


def _western_names(count: int) -> list[str]:
    made: dict[str, None] = {}
    k = 0
    while len(made) < count:
        first, second = _FIRST[k % len(_FIRST)], _SECOND[k // len(_FIRST) % len(_SECOND)]
        kind = _TYPES[k // (len(_FIRST) * len(_SECOND)) % len(_TYPES)]
        made[f"{first.title()}{second} {kind}"] = None
        k += 1
    return list(made)


def _chinese_names(count: int, ends: Sequence[str], short: bool = True) -> list[str]:
    made: dict[str, None] = {}
    k = 0
    while len(made) < count:
        a, b = _SIGNS[k % len(_SIGNS)], _SIGNS[(k * 7 + k // len(_SIGNS) + 3) % len(_SIGNS)]
        order = _ORDER[k // 11 % 10] if short and k % 3 == 0 else ""
        more = "" if short else _SIGNS[(k * 13 + 5) % len(_SIGNS)]
        made[f"{a}{b}{more}{order}{ends[k % len(ends)]}"] = None
        k += 1
    return list(made)


def _line(name: str, points: list[tuple[float, float]]) -> Street:
    return Street(name, LineString(points), "residential")


def _along(
    name: str, x: float, y: float, houses: int, blocks: int, form: str, *, upright: bool = False
) -> Iterator[Address]:
    for n in range(1, houses + 1):
        along, off = n / houses * blocks * STEP, 1e-4 if n % 2 else -1e-4
        lon, lat = (x + off, y + along) if upright else (x + along, y + off)
        yield Address(f"{name}-{n}", name, form.format(n), lon, lat)


def places(addresses: int = 500_000, targets: int = 60) -> list[Row]:
    """The rows: one for each way of typing, `targets` places each, and Kitchener's breaks."""
    made = made_city(addresses)
    rows: list[Row] = []
    with scratch_database():
        begin = time.perf_counter()
        filling.fill_places(made.extract)
        border = Polygon.from_bbox(shapely.total_bounds(
            [s.geometry for s in made.extract.streets]).tolist())
        border.srid = 4326
        City.objects.create(code="bench", name="bench", measure_epsg=32649, bounds=border,
                            depot=Point(WEST, SOUTH, srid=4326))  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        count = len(made.extract.places.addresses)
        size = f"{count} addresses, {len(made.extract.streets)} streets, own database and server"
        rows.append(_row("fill", count, [time.perf_counter() - begin], size))
        slow = _trigrams_over_all(made)
        with served() as ask:
            ask("/api/places?q=warm&typing=1")
            # What the door itself costs on this machine now: a question that finds nothing to do.
            floor = [ask("/api/places?q=%21&typing=1")[2] for _k in range(targets * 5)]
            rows.append(_row("an empty question", count, floor, size))
            for name, texts in _typed(made, targets).items():
                rows.append(_type(name, count, texts, ask, size, slow))
    return rows + kitchener()


def _typed(made: Made, targets: int) -> dict[str, list[tuple[str, str]]]:
    """Ways of typing: pairs of what is typed and what must then be offered."""
    rng = np.random.default_rng(11)

    def some(names: list[str]) -> list[tuple[str, int]]:
        picked = rng.choice(len(names), min(targets, len(names)), replace=False)
        return [(names[i], int(rng.integers(1, 40))) for i in picked]

    def slip(name: str) -> str:
        at = int(rng.integers(2, len(name) - 3))
        kind = int(rng.integers(0, 3))
        if kind == 0:
            return name[:at] + name[at + 1 :]
        if kind == 1:
            return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
        return name[:at] + "e" + name[at:]

    western, chinese = some(made.western), some(made.chinese)
    return {
        "western": [(f"{n.lower()} {h}", f"{n} {h}") for n, h in western],
        "western, number first": [(f"{h} {n.lower()}", f"{n} {h}") for n, h in western],
        "western, a slip": [(f"{slip(n.lower())} {h}", f"{n} {h}") for n, h in western],
        "crossing": [(f"{a.lower()} and {b.lower()}", "") for (a, _x), (b, _y)
                     in zip(western[::2], western[1::2], strict=False)],
        "chinese": [(f"{n}{h}号", f"{n}{h}号") for n, h in chinese],
        "chinese, pinyin": [(f"{sound(n)} {h}", f"{n}{h}号") for n, h in chinese],
        "chinese, building": [(text, text) for n, h in some(made.estates)
                              for text in (f"{n}{h % 20 + 1}栋{h % 3 + 1}单元",)],
    }  # fmt: skip


def _type(
    name: str, count: int, texts: list[tuple[str, str]], ask: Ask, size: str, slow: float
) -> Row:
    """Every beginning of every text, asked through the API one after the other."""
    seconds: list[float] = []
    first = offered = keys = done = letters = 0
    until = time.monotonic() + PATIENCE_S
    for text, wanted in texts:
        if time.monotonic() > until:
            break
        done += 1
        letters += len(text)
        needed = None
        found: list[dict[str, Any]] = []
        for end in range(1 if ord(text[0]) > 0x2E80 else 2, len(text) + 1):
            status, body, took = ask(f"/api/places?q={quote(text[:end])}&typing=1")
            if status != 200:
                raise AssertionError(f"{text[:end]}: {status} {body[:200]!r}")
            seconds.append(took)
            found = _results(body)
            if needed is None and any(f["text"] == wanted for f in found):
                needed = end
        first += bool(found) and found[0]["text"] == wanted
        offered += any(f["text"] == wanted for f in found)
        keys += needed or len(text)
    said = f"{done} texts, {len(seconds)} keys"
    if texts[0][1]:
        said += (f"; offered {100 * offered / done:.0f} %, first {100 * first / done:.0f} %, "
                 f"after {keys / done:.1f} of {letters / done:.1f} keys")  # fmt: skip
    return _row(f"typing, {name}", count, seconds, f"{size}; {said}", **{
        "trigrams over all addresses": slow} if slow else {})  # fmt: skip


def _results(body: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(body)["results"]
    return found


def _trigrams_over_all(made: Made) -> float:
    """Median seconds of the plain way: one index of trigrams over every address, best eight."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE plain AS SELECT lower(street || ' ' || number) AS t "
                       "FROM places_address")
        cursor.execute("CREATE INDEX ON plain USING gin (t gin_trgm_ops)")
        cursor.execute("ANALYZE plain")
        seconds = []
        for name in made.western[:: max(1, len(made.western) // 12)][:12]:
            for text in (name.lower()[:6], f"{name.lower()} 1"):
                begin = time.perf_counter()
                cursor.execute("SELECT t FROM plain WHERE t %% %s ORDER BY similarity(t, %s) DESC "
                               "LIMIT 8", [text, text])
                cursor.fetchall()
                seconds.append(time.perf_counter() - begin)
        cursor.execute("DROP TABLE plain")
    return float(np.median(seconds))


def _row(name: str, n: int, seconds: Sequence[float], said: str, **versus: float) -> Row:
    ms = np.asarray(seconds) * 1000
    p50 = float(np.percentile(ms, 50))
    return {
        "bench": f"places.{name}", "n": n, "p50_ms": round(p50, 3),
        "p95_ms": round(float(np.percentile(ms, 95)), 3),
        "rate_per_s": round(1000 / p50, 1) if p50 else None,
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "versus": {k: round(v * 1000 / p50, 1) for k, v in versus.items()}, "input": said,
    }  # fmt: skip

