"""Coordinates in the forms in which people copy, read out and dictate them. Pure."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Literal

from gis_data.crs import CoordinateError, Position, convert, unproject

_NUMBER = r"[+-]?\d{1,3}(?:[.,]\d+)?"
_PLAIN = re.compile(rf"^\(?\s*({_NUMBER})\s*°?\s*[,;/\s]\s*({_NUMBER})\s*°?\s*\)?$")
_DEGREES = (
    r"(?P<deg>[+-]?\d{1,3}(?:\.\d+)?)\s*(?:°|º|度)?\s*"
    r"(?:(?P<min>\d{1,2}(?:\.\d+)?)\s*(?:['′’]|分)\s*)?"
    r"(?:(?P<sec>\d{1,2}(?:\.\d+)?)\s*(?:[\"″”]|''|秒)\s*)?"
)
# The letter stands before the figures or behind them, the same way in both parts.
_LETTERED = (
    re.compile(rf"(?P<letter>[NSEW])\s*{_DEGREES}"),
    re.compile(rf"{_DEGREES}(?P<letter>[NSEW])"),
)
_WORDS = {"北纬": "N", "南纬": "S", "东经": "E", "西经": "W", "纬度": "N", "经度": "E",
          "latitude": "N", "longitude": "E", "lat": "N", "lng": "E", "lon": "E",
          "north": "N", "south": "S", "east": "E", "west": "W"}
# As map services and telephones put them into what is shared.
_LINK = re.compile(r"(?:geo:|[@=])(-?\d{1,3}\.\d+),\s?(-?\d{1,3}\.\d+)")
_UTM = re.compile(
    r"^(?:UTM\s*)?(\d{1,2})\s?([C-HJ-NP-X])\s+(\d{6}(?:\.\d+)?)\s*M?E?[,\s]\s*(\d{6,8}(?:\.\d+)?)\s*M?N?$"
)
# Degrees and minutes run together, as receivers write them: 6010.200N 02456.400E.
_RUN_TOGETHER = re.compile(r"^(\d{2})(\d{2}\.\d+),?\s*([NS])[,\s]+(\d{3})(\d{2}\.\d+),?\s*([EW])$")
_DATUMS: tuple[tuple[str, Literal["gcj02", "bd09"]], ...] = (
    (r"gcj-?\s?0?2|火星坐标|高德|腾讯|amap|tencent", "gcj02"),
    (r"bd-?\s?09(?:ll)?|百度|baidu", "bd09"),
)


@dataclass(frozen=True, slots=True)
class TypedPosition:
    """Coordinates as typed, in WGS 84. `sure` when letters said which is which; else latitude came
    first. `datum` names the map service's system they were said to be in ('' for none)."""

    lon: float
    lat: float
    sure: bool
    datum: str = ""


def position(text: str) -> TypedPosition | None:
    """Coordinates in a common form, or None where the text is something else.

    "60.17, 24.94" (latitude first, as people copy it), "N60.17 E24.94", "60°10'12\\"N
    24°56'24\\"E", "北纬34.26 东经108.94", "6010.2N 02456.4E", "geo:60.17,24.94", "35N 385000
    6672000" (UTM), "GCJ-02 34.26, 108.94". A first number above 90 can only be a longitude.
    """
    text = unicodedata.normalize("NFKC", text)[:200].strip()
    for words, datum in _DATUMS:
        bare, said = re.subn(rf"(?:{words})(?:地图|坐标|map)?\s*[:,]?", " ", text,
                             flags=re.IGNORECASE)  # fmt: skip
        if said and (found := _position(re.sub(r"坐标[:,]?", " ", bare).strip())) is not None:
            return _in_wgs84(found, datum)
    return _position(text)


def _in_wgs84(typed: TypedPosition, datum: Literal["gcj02", "bd09"]) -> TypedPosition:
    """Put right where the order is known or can be guessed; outside China nothing is shifted."""
    for lon, lat in ((typed.lon, typed.lat), (typed.lat, typed.lon)):
        try:
            back = convert(Position(lon, lat, datum), "wgs84")
        except CoordinateError:
            continue
        return TypedPosition(back.lon, back.lat, True, datum)
    return replace(typed, datum="")


def _position(text: str) -> TypedPosition | None:
    if (found := _PLAIN.fullmatch(text)) is not None:
        raw = [part.replace(",", ".") for part in found.groups()]
        # Whole numbers are house numbers or pages, not places.
        if not all("." in part for part in raw):
            return None
        first, second = float(raw[0]), float(raw[1])
        if abs(first) > 90 >= abs(second):
            return _typed(second, first, True)
        return _typed(first, second, False)
    if (found := _LINK.search(text)) is not None:
        return _typed(float(found.group(1)), float(found.group(2)), False)
    if (found := _UTM.fullmatch(text.upper())) is not None:
        return _from_utm(*found.groups())
    if (found := _RUN_TOGETHER.fullmatch(text.upper())) is not None:
        lat_d, lat_m, n, lon_d, lon_m, e = found.groups()
        if float(lat_m) >= 60 or float(lon_m) >= 60:
            return None
        lat, lon = int(lat_d) + float(lat_m) / 60, int(lon_d) + float(lon_m) / 60
        return _typed(-lat if n == "S" else lat, -lon if e == "W" else lon, True)
    for word, letter in _WORDS.items():
        text = re.sub(re.escape(word), f" {letter} ", text, flags=re.IGNORECASE)
    return _lettered(re.sub(r"[=:]", " ", text).upper())


def _from_utm(zone: str, band: str, east: str, north: str) -> TypedPosition | None:
    if not 1 <= int(zone) <= 60:
        return None
    try:
        lon, lat = unproject(float(east), float(north),
                             (32600 if band >= "N" else 32700) + int(zone))  # fmt: skip
    except CoordinateError:
        return None
    return _typed(lat, lon, True)


def _lettered(text: str) -> TypedPosition | None:
    for pattern in _LETTERED:
        parts = list(pattern.finditer(text))
        if len(parts) == 2 and not re.sub(r"[\s,;/()]", "", pattern.sub("", text)):
            return _from_parts(parts)
    return None


def _from_parts(parts: list[re.Match[str]]) -> TypedPosition | None:
    values: dict[str, float] = {}
    for part in parts:
        letter, value = part.group("letter"), float(part.group("deg"))
        minutes, seconds = float(part.group("min") or 0), float(part.group("sec") or 0)
        if minutes >= 60 or seconds >= 60:
            return None
        value += math.copysign(minutes / 60 + seconds / 3600, value)
        values["lat" if letter in "NS" else "lon"] = -value if letter in "SW" else value
    if set(values) != {"lat", "lon"}:
        return None
    return _typed(values["lat"], values["lon"], True)


def _typed(lat: float, lon: float, sure: bool) -> TypedPosition | None:
    if not (math.isfinite(lat) and math.isfinite(lon)) or abs(lat) > 90 or abs(lon) > 180:
        return None
    return TypedPosition(lon=lon, lat=lat, sure=sure)
