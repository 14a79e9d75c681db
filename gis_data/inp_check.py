"""A first look at an EPANET file, so that what is wrong is said with its section and line."""

from __future__ import annotations

import math
from pathlib import Path

_SECTIONS = (
    "TITLE", "JUNCTIONS", "RESERVOIRS", "TANKS", "PIPES", "PUMPS", "VALVES", "EMITTERS", "CURVES",
    "PATTERNS", "ENERGY", "STATUS", "CONTROLS", "RULES", "DEMANDS", "QUALITY", "REACTIONS",
    "SOURCES", "MIXING", "OPTIONS", "TIMES", "REPORT", "COORDINATES", "VERTICES", "LABELS",
    "BACKDROP", "TAGS", "END", "LEAKAGE",
)  # fmt: skip
#: Section -> (fewest fields, positions that must be numbers, positions that must be nodes).
_SHAPES: dict[str, tuple[int, tuple[int, ...], tuple[int, ...]]] = {
    "JUNCTIONS": (2, (1,), ()),
    "RESERVOIRS": (2, (1,), ()),
    "TANKS": (6, (1, 2, 3, 4, 5), ()),
    "PIPES": (6, (3, 4, 5), (1, 2)),
    "PUMPS": (4, (), (1, 2)),
    "VALVES": (6, (3,), (1, 2)),
    "COORDINATES": (3, (1, 2), (0,)),
    "VERTICES": (3, (1, 2), ()),
    "DEMANDS": (2, (1,), (0,)),
}
_POSITIVE = {"PIPES": (3, 4, 5)}
_FIELDS = {
    "PIPES": ("id", "start", "end", "length", "diameter", "roughness"),
    "JUNCTIONS": ("id", "elevation"),
    "RESERVOIRS": ("id", "head"),
    "TANKS": ("id", "elevation", "initial level", "lowest level", "highest level", "diameter"),
    "VALVES": ("id", "start", "end", "diameter", "type", "setting"),
    "PUMPS": ("id", "start", "end", "properties"),
    "COORDINATES": ("node", "x", "y"),
    "VERTICES": ("link", "x", "y"),
    "DEMANDS": ("node", "demand"),
}
_LARGEST = 200 * 1024 * 1024


class NetworkFileError(ValueError):
    """A network file cannot be read. `field` is its section, `line` the line number if known."""

    def __init__(self, field: str, line: int | None, message: str) -> None:
        at = f"[{field}]" if field.isupper() else field
        super().__init__(f"{at}{f', line {line}' if line is not None else ''}: {message}")
        self.field = field
        self.line = line
        self.message = message


def check_inp(path: Path) -> None:
    """Raise NetworkFileError for the first thing that keeps the file from being a network."""
    if not path.is_file():
        raise NetworkFileError("file", None, f"there is no file {path.name}")
    if path.stat().st_size > _LARGEST:
        raise NetworkFileError("file", None, f"{path.name} is larger than 200 MB")
    raw = path.read_bytes()
    if not raw.strip():
        raise NetworkFileError("file", None, f"{path.name} is empty")
    if b"\0" in raw[:4096]:
        raise NetworkFileError("file", None, f"{path.name} is not a text file")
    rows = _rows(raw.decode("utf-8", errors="replace"))
    nodes: dict[str, int] = {}
    for section in ("JUNCTIONS", "RESERVOIRS", "TANKS"):
        _unique(section, rows.get(section, []), nodes)
    if not rows.get("JUNCTIONS"):
        raise NetworkFileError("JUNCTIONS", None, "the file holds no junctions")
    if not rows.get("PIPES"):
        raise NetworkFileError("PIPES", None, "the file holds no pipes")
    links: dict[str, int] = {}
    for section in ("PIPES", "PUMPS", "VALVES"):
        _unique(section, rows.get(section, []), links)
    for section in _SHAPES:
        for line, fields in rows.get(section, []):
            _check_row(section, line, fields, nodes, links)


def _rows(text: str) -> dict[str, list[tuple[int, list[str]]]]:
    rows: dict[str, list[tuple[int, list[str]]]] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split(";")[0].strip()
        if not line:
            continue
        if line.startswith("["):
            name = line.strip("[]").upper()
            # EPANET recognises a section by its first four letters.
            known = next((s for s in _SECTIONS if len(name) >= 3 and s[:4] == name[:4]), None)
            if known is None or not line.endswith("]"):
                raise NetworkFileError("file", number, f"unknown section {line[:40]!r}")
            section = known
            rows.setdefault(section, [])
        elif not section:
            raise NetworkFileError(
                "file", number, "text before the first [SECTION]; is this an EPANET input file?"
            )
        else:
            rows[section].append((number, line.split()))
    return rows


def _unique(section: str, rows: list[tuple[int, list[str]]], seen: dict[str, int]) -> None:
    for line, fields in rows:
        if fields[0] in seen:
            raise NetworkFileError(
                section, line, f"{fields[0]!r} stands already in line {seen[fields[0]]}"
            )
        seen[fields[0]] = line


def _check_row(
    section: str, line: int, fields: list[str], nodes: dict[str, int], links: dict[str, int]
) -> None:
    least, numbers, places = _SHAPES[section]
    names = _FIELDS[section]
    if len(fields) < least:
        raise NetworkFileError(
            section, line, f"{len(fields)} fields where {least} are needed ({', '.join(names)})"
        )
    for position in numbers:
        try:
            value = float(fields[position])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise NetworkFileError(
                section,
                line,
                f"{fields[0]}: {names[position]} is {fields[position][:30]!r}, not a number",
            )
        if position in _POSITIVE.get(section, ()) and value <= 0:
            raise NetworkFileError(
                section,
                line,
                f"{fields[0]}: {names[position]} must be more than zero, not {fields[position]}",
            )
    for position in places:
        if fields[position] not in nodes:
            raise NetworkFileError(
                section,
                line,
                f"{fields[0]}: {names[position]} {fields[position][:31]!r} is no node",
            )
    if section == "VERTICES" and fields[0] not in links:
        raise NetworkFileError(section, line, f"{fields[0][:31]!r} is no link")
    if section in ("PIPES", "PUMPS", "VALVES") and fields[1] == fields[2]:
        raise NetworkFileError(section, line, f"{fields[0]} starts and ends at {fields[1]}")
