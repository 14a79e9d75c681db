"""An EPANET file without its broken lines: every line that cannot be used is set aside.

The text keeps its line numbers, so that whatever reads it next speaks of the same lines.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from gis_data.importing.inp_rows import SECTIONS, sections
from gis_data.importing.systems import Bounds, System, inside
from gis_data.importing.values import ImportRefused, Quarantined

#: Section -> (fewest fields, positions of numbers, positions that must be more than zero).
_SHAPES: dict[str, tuple[int, tuple[int, ...], tuple[int, ...]]] = {
    "JUNCTIONS": (2, (1,), ()),
    "RESERVOIRS": (2, (1,), ()),
    "TANKS": (6, (1, 2, 3, 4, 5), (5,)),
    "PIPES": (6, (3, 4, 5), (3, 4, 5)),
    "PUMPS": (4, (), ()),
    "VALVES": (6, (3,), (3,)),
}
#: Lines that only add to a node or a link, and where they name it.
_ABOUT: dict[str, tuple[str, int, tuple[int, ...]]] = {
    "DEMANDS": ("node", 0, (1,)), "EMITTERS": ("node", 0, (1,)), "STATUS": ("link", 0, ()),
    "VERTICES": ("link", 0, (1, 2)), "QUALITY": ("node", 0, ()), "SOURCES": ("node", 0, ()),
    "MIXING": ("node", 0, ()), "LEAKAGE": ("link", 0, ()),
}  # fmt: skip
_NAMES = {"DEMANDS": ("node", "demand"), "EMITTERS": ("node", "coefficient"),
          "VERTICES": ("link", "x", "y")}  # fmt: skip
_UNITS = frozenset({"CFS", "GPM", "MGD", "IMGD", "AFD", "LPS", "LPM", "MLD", "CMH", "CMD"})
_VALVES = frozenset({"PRV", "PSV", "FCV", "TCV"})
_CLOCK = re.compile(
    r"^(\d+(?:\.\d+)?)(?::(\d+))?(?::(\d+))?\s*(am|pm|sec\w*|min\w*|hou\w*|hr\w*|day\w*)?$",
    re.IGNORECASE,
)
_UNIT_S = {"sec": 1.0, "min": 60.0, "hou": 3600.0, "hr": 3600.0, "day": 86400.0}


class Cleaned:
    """`lines`: the text, set-aside lines blank; `lonlat`: node -> place; `records`: assets read."""

    def __init__(self, text: str, system: System, expected: Bounds | None) -> None:
        self.lines = text.splitlines()
        self.quarantine: list[Quarantined] = []
        self.records = 0
        self._system, self._expected = system, expected
        self._rows: dict[str, list[tuple[int, str, list[str]]]] = {}
        for number, section, said in sections(text):
            self._rows.setdefault(section, []).append((number, said, said.split()))
        for name, least in (("JUNCTIONS", "junctions"), ("PIPES", "pipes")):
            if not self._rows.get(name):
                raise ImportRefused(name, "empty_section", f"the file holds no {least}")
        self._options()
        self.places: dict[str, tuple[float, float]] = {}
        self.lonlat: dict[str, tuple[float, float]] = {}
        self._coordinates()
        self.nodes: dict[str, int] = {}
        self.links: dict[str, int] = {}
        self._nodes()
        curves = {fields[0] for _, _, fields in self._rows.get("CURVES", ())}
        self._links(curves)
        self._additions()
        self._patterns()
        self._controls()
        self._times()

    # --- setting aside --------------------------------------------------------------------------

    def bad(
        self, section: str, number: int, fields: list[str], field: str, code: str, reason: str,
        **params: Any,
    ) -> None:  # fmt: skip
        self.lines[number - 1] = ";"
        names = SECTIONS[section][1] if section in SECTIONS else _NAMES.get(section, ())
        raw = {names[i] if i < len(names) else f"field {i + 1}": value[:60]
               for i, value in enumerate(fields[:12])}  # fmt: skip
        place = self.lonlat.get(fields[0]) if section in SECTIONS and fields else None
        self.quarantine.append(
            Quarantined(section, number, fields[0][:60] if fields else "", field, code, reason,
                        raw, params, *(place or (None, None)))
        )  # fmt: skip

    def _numbers(
        self, section: str, number: int, fields: list[str], positions: Iterable[int],
        positive: Iterable[int], names: tuple[str, ...],
    ) -> bool:  # fmt: skip
        for k in positions:
            value = _float(fields[k]) if k < len(fields) else math.nan
            if not math.isfinite(value):
                said = fields[k][:30] if k < len(fields) else ""
                self.bad(section, number, fields, names[k], "not_a_number",
                         f"{names[k]} is {said!r}, not a number", value=said,
                         attribute=names[k])  # fmt: skip
                return False
            if k in positive and value <= 0:
                self.bad(section, number, fields, names[k], "out_of_range",
                         f"{names[k]} is {fields[k][:30]}, it must be more than 0",
                         value=fields[k][:30], attribute=names[k], least=0)  # fmt: skip
                return False
        return True

    def _whole(self, section: str, number: int, fields: list[str], seen: dict[str, int]) -> bool:
        """Enough fields, numbers where numbers belong, an id nobody else has."""
        least, numbers, positive = _SHAPES[section]
        names = SECTIONS[section][1]
        self.records += 1
        if len(fields) < least:
            self.bad(section, number, fields, names[len(fields)], "missing_value",
                     f"{len(fields)} fields where {least} are needed ({', '.join(names[:least])})",
                     attribute=names[len(fields)])  # fmt: skip
            return False
        if not self._numbers(section, number, fields, numbers, positive, names):
            return False
        if fields[0] in seen:
            self.bad(section, number, fields, "id", "duplicate_id",
                     f"its id stands already in {section}, line {seen[fields[0]]}",
                     layer=section, line=seen[fields[0]])  # fmt: skip
            return False
        return True

    # --- sections -------------------------------------------------------------------------------

    def _options(self) -> None:
        for number, _, fields in self._rows.get("OPTIONS", ()):
            word = fields[0].upper()
            if word == "UNITS" and len(fields) > 1 and fields[1].upper() not in _UNITS:
                raise ImportRefused(
                    "OPTIONS", "unknown_unit",
                    f"{fields[1][:20]} is no unit of flow that can be read: "
                    f"{', '.join(sorted(_UNITS))}", {"unit": fields[1][:20]}, line=number,
                )  # fmt: skip
            if word == "HEADLOSS" and len(fields) > 1 and fields[1].upper() not in (
                "H-W", "D-W", "C-M",
            ):  # fmt: skip
                raise ImportRefused(
                    "OPTIONS", "unknown_value", f"{fields[1][:20]} is none of H-W, D-W, C-M",
                    {"value": fields[1][:20]}, line=number,
                )  # fmt: skip

    def _coordinates(self) -> None:
        self._wrong_place: dict[str, int] = {}
        for number, _, fields in self._rows.get("COORDINATES", ()):
            xy = [_float(f) for f in fields[1:3]]
            if len(xy) == 2 and all(map(math.isfinite, xy)):
                self.places[fields[0]] = (xy[0], xy[1])
            else:
                self._wrong_place[fields[0]] = number
                self.lines[number - 1] = ";"
        if self.places:
            lonlat = self._system.lonlat(list(self.places.values()))
            good = inside(lonlat, self._expected)
            for (name, _), place, ok in zip(self.places.items(), lonlat, good, strict=True):
                if ok:
                    self.lonlat[name] = (float(place[0]), float(place[1]))

    def _nodes(self) -> None:
        for section in ("RESERVOIRS", "TANKS", "JUNCTIONS"):
            for number, _, fields in self._rows.get(section, ()):
                if not self._whole(section, number, fields, self.nodes):
                    continue
                name = fields[0]
                if name in self.lonlat:
                    self.nodes[name] = number
                elif name in self.places:
                    x, y = self.places[name]
                    self.bad(section, number, fields, "coordinates", "out_of_extent",
                             f"({x:g}, {y:g}) lies outside the city", x=x, y=y)  # fmt: skip
                elif name in self._wrong_place:
                    self.bad(section, number, fields, "coordinates", "not_a_number",
                             f"its coordinates in line {self._wrong_place[name]} are no numbers",
                             line=self._wrong_place[name], attribute="coordinates",
                             value="")  # fmt: skip
                else:
                    self.bad(section, number, fields, "coordinates", "no_geometry",
                             "has no coordinates")  # fmt: skip

    def _links(self, curves: set[str]) -> None:
        for section in ("PIPES", "PUMPS", "VALVES"):
            names = SECTIONS[section][1]
            for number, _, fields in self._rows.get(section, ()):
                if not self._whole(section, number, fields, self.links):
                    continue
                gone = next((k for k in (1, 2) if fields[k] not in self.nodes), None)
                if gone is not None:
                    self.bad(section, number, fields, names[gone], "unknown_reference",
                             f"{names[gone]} is {fields[gone][:31]!r}, which is no node",
                             value=fields[gone][:31], attribute=names[gone],
                             what="node")  # fmt: skip
                elif fields[1] == fields[2]:
                    self.bad(section, number, fields, "end", "same_ends",
                             f"starts and ends at {fields[1]}", node=fields[1])  # fmt: skip
                elif section == "VALVES" and fields[4].upper() not in _VALVES:
                    self.bad(section, number, fields, "type", "unknown_value",
                             f"type is {fields[4][:10]!r}, which is none of "
                             f"{', '.join(sorted(_VALVES))}", value=fields[4][:10],
                             attribute="type")  # fmt: skip
                elif section == "VALVES" and not math.isfinite(_float(fields[5])):
                    self.bad(section, number, fields, "setting", "not_a_number",
                             f"setting is {fields[5][:30]!r}, not a number", value=fields[5][:30],
                             attribute="setting")  # fmt: skip
                elif section == "PUMPS" and (lost := _lost_curve(fields, curves)):
                    self.bad(section, number, fields, "properties", "unknown_reference",
                             f"names the curve {lost!r}, which is not there", value=lost,
                             attribute="properties", what="curve")  # fmt: skip
                else:
                    self.links[fields[0]] = number

    def _additions(self) -> None:
        """Lines about elements: gone silently with an element set aside, else judged themselves."""
        recorded = {q.element for q in self.quarantine}
        for section, (kind, position, numbers) in _ABOUT.items():
            known = self.nodes if kind == "node" else self.links
            for number, _, fields in self._rows.get(section, ()):
                name = fields[position]
                if name not in known and section == "STATUS" and _float(name) == _float(name):
                    continue
                if name not in known:
                    self.lines[number - 1] = ";"
                    if name not in recorded and section not in ("QUALITY", "MIXING", "SOURCES"):
                        self.bad(section, number, fields, kind, "unknown_reference",
                                 f"{name[:31]!r} is no {kind}", value=name[:31], attribute=kind,
                                 what=kind)  # fmt: skip
                elif numbers:
                    self._numbers(section, number, fields, numbers, (),
                                  _NAMES.get(section, (kind, "value", "value")))  # fmt: skip
        for number, _, fields in self._rows.get("COORDINATES", ()):
            if fields[0] not in self.nodes:
                self.lines[number - 1] = ";"
        for number, _, _fields in self._rows.get("TAGS", ()):
            self.lines[number - 1] = ";"

    def _patterns(self) -> None:
        known = set()
        for number, _, fields in self._rows.get("PATTERNS", ()):
            if all(math.isfinite(_float(f)) for f in fields[1:]) and len(fields) > 1:
                known.add(fields[0])
            else:
                self.bad("PATTERNS", number, fields, "multipliers", "not_a_number",
                         "holds a multiplier that is not a number", attribute="multipliers",
                         value="")  # fmt: skip
        # A pattern nobody drew changes how much a node uses and when, not what it is.
        for section, position in (("JUNCTIONS", 3), ("RESERVOIRS", 2), ("DEMANDS", 2)):
            for number, _, fields in self._rows.get(section, ()):
                if len(fields) > position and fields[position] not in known and (
                    self.lines[number - 1] != ";"
                ):
                    self.lines[number - 1] = " ".join(fields[:position])

    def _controls(self) -> None:
        for number, said, fields in self._rows.get("CONTROLS", ()):
            words = [w.upper() for w in fields]
            named = [
                (kind, fields[k + 1])
                for k, w in enumerate(words[:-1])
                for kind, heads in (("link", ("LINK", "PIPE", "PUMP", "VALVE")),
                                    ("node", ("NODE", "JUNCTION", "TANK")))
                if w in heads and (k == 0 or words[k - 1] == "IF")
            ]  # fmt: skip
            lost = [n for kind, n in named
                    if n not in (self.links if kind == "link" else self.nodes)]  # fmt: skip
            if lost:
                self.bad("CONTROLS", number, fields, "control", "unknown_reference",
                         f"names {lost[0][:31]!r}, which is not there", value=lost[0][:31],
                         attribute="control", what="element")  # fmt: skip
                continue
            match = re.search(r"\b(CLOCKTIME|TIME)\s+(.+)$", said, re.IGNORECASE)
            if match:
                seconds = clock_seconds(match.group(2))
                if seconds is None:
                    self.bad("CONTROLS", number, fields, "control", "not_a_time",
                             f"{match.group(2)[:20]!r} is no time",
                             value=match.group(2)[:20])  # fmt: skip
                else:
                    self.lines[number - 1] = said[: match.start(2)] + hours(seconds)
        self._rules()

    def _rules(self) -> None:
        """A rule that names what is not there goes as a whole."""
        block: list[tuple[int, list[str]]] = []
        for number, _, fields in [*self._rows.get("RULES", ()), (0, "", ["RULE"])]:
            if fields[0].upper() != "RULE":
                block.append((number, fields))
                continue
            lost = [
                f[2]
                for _, f in block
                if len(f) > 2
                and f[0].upper() in ("IF", "AND", "OR", "THEN", "ELSE")
                and (
                    (f[1].upper() in ("NODE", "JUNCTION", "TANK", "RESERVOIR")
                     and f[2] not in self.nodes)
                    or (f[1].upper() in ("LINK", "PIPE", "PUMP", "VALVE")
                        and f[2] not in self.links)
                )
            ]  # fmt: skip
            if lost and block:
                first = block[0]
                self.bad("RULES", first[0], first[1], "rule", "unknown_reference",
                         f"names {lost[0][:31]!r}, which is not there", value=lost[0][:31],
                         attribute="rule", what="element")  # fmt: skip
                for line, _ in block:
                    self.lines[line - 1] = ";"
            block = [(number, fields)]

    def _times(self) -> None:
        """Times in one notation: the reader below takes minutes and days for hours."""
        for number, said, fields in self._rows.get("TIMES", ()):
            match = re.search(r"\d.*$", said)
            if fields[0].upper() == "STATISTIC" or match is None:
                continue
            seconds = clock_seconds(match.group(0))
            if seconds is None:
                self.bad("TIMES", number, fields, fields[0].lower(), "not_a_time",
                         f"{match.group(0)[:20]!r} is no time",
                         value=match.group(0)[:20])  # fmt: skip
            else:
                self.lines[number - 1] = said[: match.start()] + hours(seconds)


def _float(said: str) -> float:
    try:
        return float(said)
    except ValueError:
        return math.nan


def _lost_curve(fields: list[str], curves: set[str]) -> str:
    words = [f.upper() for f in fields]
    if "HEAD" in words[3:-1]:
        name = fields[words.index("HEAD", 3) + 1]
        return "" if name in curves else name[:31]
    if "POWER" in words[3:-1]:
        return ""
    return " ".join(fields[3:])[:31] or "?"


def clock_seconds(said: str) -> float | None:
    """Seconds of "1:30", "24:00", "1:00:00 PM", "6:30am", "90 min", "1.5"; None for no time."""
    match = _CLOCK.match(said.strip())
    if match is None:
        return None
    first, minutes, seconds, word = match.groups()
    unit = (word or "").lower()
    value = float(first)
    if unit in ("am", "pm"):
        if value > 12:
            return None
        value = value % 12 + (12 if unit == "pm" else 0)
    elif unit and minutes is None:
        return value * next(s for prefix, s in _UNIT_S.items() if unit.startswith(prefix))
    if int(minutes or 0) > 59 or int(seconds or 0) > 59:
        return None
    return value * 3600 + int(minutes or 0) * 60 + int(seconds or 0)


def hours(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


def moved(cleaned: Cleaned, xy_of: Any) -> str:
    """The text with its coordinates put through `xy_of`, which takes and gives an (n, 2) array."""
    lines = list(cleaned.lines)
    section = ""
    wanted: list[tuple[int, str, float, float]] = []
    for number, line in enumerate(lines):
        said = line.split(";")[0].split()
        if said and said[0].startswith("["):
            section = said[0].upper()[:5]
        elif len(said) >= 3 and section in ("[COOR", "[VERT"):
            x, y = _float(said[1]), _float(said[2])
            if math.isfinite(x) and math.isfinite(y):
                wanted.append((number, said[0], x, y))
    if wanted:
        places = xy_of(np.array([(x, y) for _, _, x, y in wanted]))
        for (number, name, _, _), (x, y) in zip(wanted, places, strict=True):
            lines[number] = f"{name} {x:.4f} {y:.4f}"
    return "\n".join(lines) + "\n"
