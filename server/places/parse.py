"""What a person typed, taken apart: a crossing, a way from somewhere, street and number. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from server.places import chinese
from server.places.normalise import CJK, fold, key

# --- crossings ----------------------------------------------------------------------------------

_AT_CROSSING = r"(?:的?(?:交叉路?口|交汇处?|路口|十字|十字路口|丁字路口|口))"
_CHINESE = re.compile(
    rf"^(.{{2,40}}?)\s*(?:与|和|跟|同|/|&|-|—)\s*(.{{2,40}}?)\s*{_AT_CROSSING}?(?:的?[东南西北]{{1,2}}[角侧边面])?$"
)
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
    a, b = (chinese.without_region(fold(part)) for part in found.groups())
    return (a, b) if a and b and a != b and not a.isdigit() else None


# --- a way from somewhere -----------------------------------------------------------------------

_COMPASS = {"东": (1, 0), "西": (-1, 0), "南": (0, -1), "北": (0, 1),
            "e": (1, 0), "w": (-1, 0), "s": (0, -1), "n": (0, 1)}  # fmt: skip
_CN_AWAY = re.compile(
    r"(?:往|向|以|朝|再往)?(?P<way>[东南西北]{1,2})(?:走|方向|边|侧)?(?:大?约)?"
    r"(?P<far>\d{1,4}|[一二两三四五六七八九十百]{1,4})(?:米|m|公尺)(?:左右|处|远)*$"
)
_WEST_AWAY = re.compile(
    r"^(?P<far>\d{1,4})\s?m(?:et(?:re|er)s?)?\s+"
    r"(?P<way>(?:north|south)?[ -]?(?:east|west)?)\s+of\s+",
    re.IGNORECASE,
)
# Where at a crossing, or at a house, somebody stands: a side or a corner of it.
_CN_SIDE = re.compile(r"(?:的)?[东南西北]{1,2}(?:角|侧|边|面)$")
_CN_GATE = re.compile(r"(?:[东南西北正后前侧大]{1,2}门|门口|院内|楼下|大厅|门卫)$")


@dataclass(frozen=True, slots=True)
class Away:
    """So many metres to the east and to the north of what `text` names."""

    text: str
    east_m: float
    north_m: float


def away(text: str) -> Away | None:
    """"路口往北200米", "200 m north of the station"; None where no way is told."""
    text = unicodedata.normalize("NFKC", text)[:160].strip()
    if (found := _CN_AWAY.search(text)) is not None and text[: found.start()].strip():
        letters, rest = found.group("way"), text[: found.start()]
        far = fold(found.group("far") + "号").removesuffix("号")
    elif (found := _WEST_AWAY.match(text)) is not None and found.group("way"):
        words = re.findall(r"north|south|east|west", found.group("way").casefold())
        letters, rest, far = "".join(w[0] for w in words), text[found.end():], found.group("far")
    else:
        return None
    ways = [_COMPASS[c] for c in letters]
    length = sum(x for x, _ in ways) ** 2 + sum(y for _, y in ways) ** 2
    if not length or not far.isdigit():
        return None
    unit = float(far) / length**0.5
    return Away(rest, unit * sum(x for x, _ in ways), unit * sum(y for _, y in ways))


def without_side(text: str) -> str:
    """What is left when the corner, the side or the gate of it is taken away: 小区东门 is 小区."""
    for pattern in (_CN_SIDE, _CN_GATE):
        bare = pattern.sub("", text)
        if len(bare) >= 2:
            text = bare
    return text


# --- addresses ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TypedAddress:
    """A folded address: `number` with its letter ("5a", "" if none), `rest` what is behind it."""

    street: str
    number: str
    rest: str = ""


def street_key(street: str) -> str:
    """The key of a street or an estate, the same for data and questions."""
    return key(street)


_WEST_NUMBER_LAST = re.compile(
    r"^(?P<street>[^\d].*?)\s+(?P<number>\d{1,5}\s?[a-z]?(?:-\d{1,5}[a-z]?)?)"
    r"(?:\s+(?!hao\b)(?P<rest>.*))?$"
)
_WEST_NUMBER_FIRST = re.compile(
    r"^(?P<number>\d{1,5}[a-z]?(?:-\d{1,5}[a-z]?)?)\s+(?P<street>[a-z].*)$"
)


def address(text: str) -> TypedAddress:
    """Street and number of a Western address; the whole as `street` where no number is seen.

    Chinese ones have more parts: chinese.elements.
    """
    text = re.sub(r"\s+hao$", "", fold(text))  # the word for "number", typed as it sounds
    if (found := _WEST_NUMBER_LAST.fullmatch(text)) is not None:
        number = found.group("number").replace(" ", "")
        return TypedAddress(found.group("street"), number, found.group("rest") or "")
    if (found := _WEST_NUMBER_FIRST.fullmatch(text)) is not None:
        return TypedAddress(found.group("street"), found.group("number"))
    return TypedAddress(text, "")


def addresses(text: str) -> list[TypedAddress]:
    """Ways to read a number in a Western address; streets have figures in their names too:
    "gaoxin 4 lu 25", "highway 7 120"."""
    first = address(text)
    if not first.number:
        return []
    whole = f"{first.street} {first.number} {first.rest}".strip()
    found = re.fullmatch(r"(.+?)\s+(\d{1,5}[a-z]?)", whole)
    if found is None or not first.rest:
        return [first]
    return [first, TypedAddress(found.group(1), found.group(2))]


def chain(text: str) -> str:
    """A chain of numbers spelt out: "5-1-101" is building 5, entrance 1, room 101."""
    if (found := re.fullmatch(r"(\d+)-(\d+)-(\d+)[号室]?", text)) is not None:
        return "{}栋{}单元{}室".format(*found.groups())
    return text


def house_number(number: str) -> int | None:
    """The leading digits of a house number ("5-7 B" is 5), None where there are none."""
    found = re.match(r"\s*(\d{1,6})", number)
    return int(found.group(1)) if found else None
