"""What a person typed, taken apart: coordinates, a crossing, or street and number. Pure."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass

from server.places.normalise import CJK, fold

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


@dataclass(frozen=True, slots=True)
class TypedPosition:
    """Coordinates as typed. `sure` when letters said which is which; else latitude came first."""

    lon: float
    lat: float
    sure: bool


def position(text: str) -> TypedPosition | None:
    """Coordinates in a common form, or None where the text is something else.

    "60.17, 24.94" (latitude first, as people copy it), "N60.17 E24.94", "60°10'12\\"N
    24°56'24\\"E", "北纬34.26 东经108.94". A first number above 90 can only be a longitude.
    """
    text = unicodedata.normalize("NFKC", text)[:120].strip()
    if (found := _PLAIN.fullmatch(text)) is not None:
        raw = [part.replace(",", ".") for part in found.groups()]
        # Whole numbers are house numbers or pages, not places.
        if not all("." in part for part in raw):
            return None
        first, second = float(raw[0]), float(raw[1])
        if abs(first) > 90 >= abs(second):
            return _typed(second, first, True)
        return _typed(first, second, False)
    for word, letter in _WORDS.items():
        text = re.sub(re.escape(word), f" {letter} ", text, flags=re.IGNORECASE)
    return _lettered(re.sub(r"[=:]", " ", text).upper())


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


# --- crossings ----------------------------------------------------------------------------------

_AT_CROSSING = r"(?:的?(?:交叉路?口|交汇处?|路口|十字|十字路口|丁字路口|口))"
_CHINESE = re.compile(rf"^(.{{2,40}}?)\s*(?:与|和|跟|/)\s*(.{{2,40}}?)\s*{_AT_CROSSING}?$")
_WESTERN = re.compile(r"^(.{3,60}?)\s*(?:/|\bx\b|\band\b|\bja\b|&|\bat\b|\bund\b)\s*(.{3,60})$")
_LEAD = re.compile(
    r"^(?:the\s+)?(?:corner|crossing|intersection|junction)\s+(?:of\s+)?|^risteys\s+"
)


def crossing(text: str) -> tuple[str, str] | None:
    """The two streets of a crossing, folded, or None: "A / B", "A and B", "A与B交叉口"."""
    text = unicodedata.normalize("NFKC", text)[:160].casefold().strip()
    pattern = _CHINESE if CJK.search(text) else _WESTERN
    found = pattern.fullmatch(_LEAD.sub("", text))
    if found is None:
        return None
    a, b = fold(found.group(1)), fold(found.group(2))
    return (a, b) if a and b and a != b and not a.isdigit() else None


# --- addresses ----------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class TypedAddress:
    """A folded address: `number` with its letter ("5a", "" if none), `rest` what is behind it."""

    street: str
    number: str
    rest: str = ""

    @property
    def folded(self) -> str:
        return address_key(self.street, self.number)


def address_key(street: str, number: str) -> str:
    """The stored form of a street and house number, the same for data and questions."""
    street, number = fold(street), fold(number).replace(" ", "").removesuffix("号")
    if CJK.search(street):
        return f"{street}{number}号" if number else street
    return f"{street} {number}".strip()


# Province, city and district in front say what a city knows of itself; 小区 is an estate.
_REGION = r"(?:.*(?:[省市县镇乡]|(?<!小)区))?"
_CN_ROAD = re.compile(
    rf"^{_REGION}(?P<street>[^\d]{{1,30}}?(?:大道|大街|路|街|巷|弄|道|胡同|里)(?:[东南西北中]段)?)"
    r"(?P<number>\d+(?:[-之附]\d+)?(?!-?\d))号?(?P<rest>.*)$"
)
_CN_ESTATE = re.compile(
    rf"^{_REGION}(?P<street>[^\d]{{2,40}}?)(?P<rest>\d+(?:栋|单元|座|-\d+).*)$"
)
_WEST_NUMBER_LAST = re.compile(
    r"^(?P<street>[^\d].*?)\s+(?P<number>\d{1,5}\s?[a-z]?(?:-\d{1,5}[a-z]?)?)"
    r"(?:\s+(?P<rest>.*))?$"
)
_WEST_NUMBER_FIRST = re.compile(
    r"^(?P<number>\d{1,5}[a-z]?)\s+(?P<street>[a-z].*)$"
)


def address(text: str) -> TypedAddress:
    """Street and number of a typed address; the whole as `street` where no number is seen."""
    text = fold(text)
    if CJK.search(text):
        if (found := _CN_ROAD.match(text)) is not None:
            street = found.group("street")
            return TypedAddress(street, found.group("number"), chain(found.group("rest")))
        if (found := _CN_ESTATE.match(text)) is not None:
            return TypedAddress(found.group("street"), "", chain(found.group("rest")))
        return TypedAddress(text, "")
    if (found := _WEST_NUMBER_LAST.fullmatch(text)) is not None:
        number = found.group("number").replace(" ", "")
        return TypedAddress(found.group("street"), number, found.group("rest") or "")
    if (found := _WEST_NUMBER_FIRST.fullmatch(text)) is not None:
        return TypedAddress(found.group("street"), found.group("number"))
    return TypedAddress(text, "")


def chain(text: str) -> str:
    """A chain of numbers spelt out: "5-1-101" is building 5, entrance 1, room 101."""
    if (found := re.fullmatch(r"(\d+)-(\d+)-(\d+)[号室]?", text)) is not None:
        return "{}栋{}单元{}室".format(*found.groups())
    if (found := re.fullmatch(r"(\d+)-(\d+)[号室]?", text)) is not None:
        return "{}栋{}室".format(*found.groups())
    return text


def house_number(number: str) -> int | None:
    """The leading digits of a house number ("5-7 B" is 5), None where there are none."""
    found = re.match(r"\s*(\d{1,6})", number)
    return int(found.group(1)) if found else None
