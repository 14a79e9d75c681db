"""The records of one layer read by its map: values in our units, or the record is quarantined.

A record is quarantined once, for the first thing that is wrong with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from gis_data.importing.csv_tables import number as coordinate
from gis_data.importing.values import Layer, LayerMap, Quarantined
from gis_data.importing.words import ATTRIBUTES, UNITS, WORDS, Attribute, plain, word

_NUMBER = re.compile(
    r"^(?:DN|D|De|Φ|φ|Ø|ø)?\s*(-?\d+(?:[.,]\d*)?(?:[eE][-+]?\d+)?)\s*"
    r"(mm|cm|km|m|inch|in|ft|\"|″|米|毫米)?$",
    re.IGNORECASE,
)
_SIGNS = {'"': "inch", "″": "inch", "米": "m", "毫米": "mm"}
_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d|2100)(?!\d)")
_DATE = re.compile(r"^(1[89]\d\d|20\d\d)\d{4}$")
_MOST_ID = 60
#: Characters of a value that is shown with a record set aside.
_LONGEST_SHOWN = 200


class Sheet:
    """`ok` marks the records still in use. All readers return one value for each record."""

    def __init__(self, layer: Layer, means: LayerMap, quarantine: list[Quarantined]) -> None:
        self.layer = layer
        self.means = means
        self.count = layer.count
        self.ok = np.ones(self.count, dtype=bool)
        self.lonlat: Any = None
        self._quarantine = quarantine
        self._known = ATTRIBUTES[means.role]
        self.ids = [""] * self.count
        self._read_ids()

    # --- setting records aside ------------------------------------------------------------------

    def bad(self, i: int, field: str, code: str, reason: str, **params: Any) -> None:
        """Quarantine record `i`; nothing happens if it is already."""
        if not self.ok[i]:
            return
        self.ok[i] = False
        where = self.lonlat[i] if self.lonlat is not None else (math.nan, math.nan)
        placed = bool(np.isfinite(where).all())
        self._quarantine.append(
            Quarantined(
                self.layer.name,
                int(self.layer.numbers[i]),
                self.ids[i] or self._raw_id(i),
                field,
                code,
                reason,
                {name: _plain(values[i]) for name, values in self.layer.columns.items()},
                params,
                float(where[0]) if placed else None,
                float(where[1]) if placed else None,
            )
        )

    def _raw_id(self, i: int) -> str:
        values = self._values("id")
        return "" if values is None or values[i] is None else word(values[i])[:_MOST_ID]

    def column(self, attribute: str) -> str:
        """What the person calls it: the layer's column, or our attribute if none is mapped."""
        return self.means.columns.get(attribute, attribute)

    def has(self, attribute: str) -> bool:
        return self._values(attribute) is not None or attribute in self.means.defaults

    def _values(self, attribute: str) -> Any:
        name = self.means.columns.get(attribute)
        return None if name is None else self.layer.columns.get(name)

    def _missing(self, i: int, attribute: str, about: Attribute) -> None:
        if about.needed:
            self.bad(i, self.column(attribute), "missing_value",
                     f"has no {self.column(attribute)}", attribute=attribute)  # fmt: skip

    # --- reading --------------------------------------------------------------------------------

    def _read_ids(self) -> None:
        values = self._values("id")
        prefix = self.means.prefix
        if values is None:
            stem = re.sub(r"[\s;\"]+", "_", self.layer.name)[:20]
            self.ids = [f"{prefix}{stem}-{n}" for n in self.layer.numbers]
            return
        for i, value in enumerate(values):
            name = "" if value is None else word(value)
            if not name:
                self.bad(i, self.column("id"), "missing_value", "has no id", attribute="id")
            elif len(prefix) + len(name) > _MOST_ID:
                self.bad(i, self.column("id"), "too_long",
                         f"its id has more than {_MOST_ID} characters", most=_MOST_ID)  # fmt: skip
            else:
                self.ids[i] = prefix + name

    def text(self, attribute: str) -> list[str]:
        """Blank where there is none; longer text than the attribute holds is cut."""
        about = self._known[attribute]
        table = WORDS.get(about.words, {})
        given = self.means.values.get(attribute, {})
        default = str(self.means.defaults.get(attribute, ""))
        values = self._values(attribute)
        if values is None:
            return [default] * self.count
        cache: dict[Any, str] = {}
        out = []
        for value in values:
            found = cache.get(value)
            if found is None:
                said = default if value is None else word(value)
                found = given.get(said) or table.get(plain(said), said) if said else ""
                cache[value] = found = found[: about.longest]
            out.append(found)
        return out

    def word(self, attribute: str, default: str) -> list[str]:
        """One of our words; a record with another word than those known is quarantined."""
        about = self._known[attribute]
        return [
            default if v is None else str(v)
            for v in self._looked_up(attribute, WORDS[about.words], about)
        ]

    def flag(self, attribute: str) -> list[bool | None]:
        """Yes, no, or None where it says nothing."""
        about = self._known[attribute]
        found = self._looked_up(attribute, WORDS[about.words or "flag"], about)
        return [None if v is None else v == "true" for v in found]

    def _looked_up(
        self, attribute: str, table: dict[str, str], about: Attribute
    ) -> list[str | None]:
        values = self._values(attribute)
        default = self.means.defaults.get(attribute)
        fallback = None if default is None else table.get(plain(word(default)), word(default))
        if values is None:
            return [fallback] * self.count
        given = self.means.values.get(attribute, {})
        out: list[str | None] = []
        for i, value in enumerate(values):
            if value is None:
                if fallback is None:
                    self._missing(i, attribute, about)
                out.append(fallback)
                continue
            said = word(value)
            found = given.get(said) or table.get(plain(said))
            if found is None:
                self.bad(i, self.column(attribute), "unknown_value",
                         f"{self.column(attribute)} is {said[:40]!r}, which is none of "
                         f"{', '.join(sorted(set(table.values())))}",
                         value=said[:40], attribute=attribute)  # fmt: skip
            out.append(found)
        return out

    def number(
        self, attribute: str, *, least: float | None = None, above: float | None = None
    ) -> list[float | None]:
        """In our unit; None where empty. What is no finite number or too small is quarantined."""
        about = self._known[attribute]
        values = self._values(attribute)
        default = self.means.defaults.get(attribute)
        fallback = None if default is None else float(default)
        if values is None:
            return [fallback] * self.count
        units = UNITS.get(about.measure, {})
        factor = units.get(self.means.units.get(attribute, ""), 1.0)
        out: list[float | None] = []
        for i, value in enumerate(values):
            if value is None:
                if fallback is None:
                    self._missing(i, attribute, about)
                out.append(fallback)
                continue
            found = _number(value, factor, units)
            if found is None:
                self.bad(i, self.column(attribute), "not_a_number",
                         f"{self.column(attribute)} is {str(value)[:40]!r}, not a number",
                         value=str(value)[:40], attribute=attribute)  # fmt: skip
            elif (above is not None and found <= above) or (least is not None and found < least):
                limit = above if above is not None else least
                how = "more than" if above is not None else "at least"
                self.bad(i, self.column(attribute), "out_of_range",
                         f"{self.column(attribute)} is {str(value)[:40]}, it must be {how} "
                         f"{limit:g}", value=str(value)[:40], attribute=attribute,
                         least=limit)  # fmt: skip
            out.append(found)
        return out

    def year(self, attribute: str) -> list[int | None]:
        """The year of a year, a date in most notations, or None; 0 means unknown to many."""
        values = self._values(attribute)
        if values is None:
            default = self.means.defaults.get(attribute)
            return [None if default is None else round(float(default))] * self.count
        cache: dict[Any, int | None] = {}
        out: list[int | None] = []
        for i, value in enumerate(values):
            if value not in cache:
                cache[value] = _year(value)
            found = cache[value]
            if found is None and value is not None and word(value) not in _NO_YEAR:
                self.bad(i, self.column(attribute), "not_a_year",
                         f"{self.column(attribute)} is {str(value)[:40]!r}, which names no year",
                         value=str(value)[:40], attribute=attribute)  # fmt: skip
            out.append(found)
        return out

    def reference(
        self, attribute: str, resolve: Callable[[str], str | None], what: str
    ) -> list[str]:
        """Ids named by a column, blank where empty. Records that name nothing are quarantined."""
        values = self._values(attribute)
        if values is None:
            return [""] * self.count
        out = []
        for i, value in enumerate(values):
            said = "" if value is None else word(value)
            found = resolve(said) if said else ""
            if found is None:
                self.bad(i, self.column(attribute), "unknown_reference",
                         f"{self.column(attribute)} is {said[:60]!r}, which is no {what}",
                         value=said[:60], attribute=attribute, what=what)  # fmt: skip
            out.append(found or "")
        return out

    def place_error(self, i: int) -> tuple[str, str, str, dict[str, Any]]:
        """Field, code, sentence and params for a record whose geometry could not be made."""
        for attribute in ("x", "y", "x2", "y2"):
            values = self._values(attribute)
            if values is None:
                continue
            value = values[i]
            if value is None:
                return (self.column(attribute), "missing_value",
                        f"has no {self.column(attribute)}", {"attribute": attribute})  # fmt: skip
            if not math.isfinite(coordinate(value)):
                return (self.column(attribute), "not_a_number",
                        f"{self.column(attribute)} is {str(value)[:40]!r}, not a number",
                        {"attribute": attribute, "value": str(value)[:40]})  # fmt: skip
        return "geometry", "no_geometry", "has no geometry that can be read", {}


_NO_YEAR = frozenset(
    {"0", "-", "/", "无", "不详", "未知", "unknown", "n/a", "NA", "null", "NULL", "9999"}
)


def _number(value: Any, factor: float, units: dict[str, float]) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        found = float(value) * factor
        return found if math.isfinite(found) else None
    match = _NUMBER.match(str(value).strip())
    if match is None:
        return None
    number = float(match.group(1).replace(",", "."))
    unit = match.group(2)
    if unit is not None:
        unit = _SIGNS.get(unit, unit.lower())
        if unit not in units:
            return None
        factor = units[unit]
    elif str(value).strip()[:1] in "DdΦφØø" and "mm" in units and units["mm"] == 1:
        factor = 1.0
    found = number * factor
    return found if math.isfinite(found) else None


def _year(value: Any) -> int | None:
    if value is None:
        return None
    said = word(value)
    date = _DATE.match(said)
    match = date or _YEAR.search(said)
    return int(match.group(1)) if match else None


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (int, float, bool)):
        return value
    return str(value)[:_LONGEST_SHOWN]
