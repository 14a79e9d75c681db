"""The map on the phone: one SQLite file with pipes, valves, hydrants and streets of a district.

`write_district` and `District` are the two ends of the same format, so the server that makes the
file and the phone that reads it cannot drift apart. Coordinates are (lon, lat), lines are JSON.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

Line = Sequence[tuple[float, float]]

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE streets (name TEXT NOT NULL, klass TEXT NOT NULL, line TEXT NOT NULL);
CREATE TABLE pipes (id TEXT PRIMARY KEY, diameter_mm REAL NOT NULL, material TEXT NOT NULL,
                    line TEXT NOT NULL);
CREATE TABLE valves (id TEXT PRIMARY KEY, label TEXT NOT NULL, lon REAL NOT NULL,
                     lat REAL NOT NULL, operable TEXT NOT NULL, normally_open INTEGER NOT NULL);
CREATE TABLE hydrants (id TEXT PRIMARY KEY, lon REAL NOT NULL, lat REAL NOT NULL);
"""


class DistrictError(ValueError):
    """The file is not a district extract."""


@dataclass(frozen=True, slots=True)
class Street:
    """A street to draw; `klass` is the OpenStreetMap highway class."""

    name: str
    klass: str
    line: Line


@dataclass(frozen=True, slots=True)
class MapPipe:
    """A main to draw, wide by its diameter."""

    id: str
    diameter_mm: float
    material: str
    line: Line


@dataclass(frozen=True, slots=True)
class MapValve:
    """A valve to draw."""

    id: str
    label: str
    lon: float
    lat: float
    operable: str = "unknown"
    normally_open: bool = True


@dataclass(frozen=True, slots=True)
class MapHydrant:
    """A hydrant to draw."""

    id: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class District:
    """Everything in the file, in memory: a district is a few thousand lines."""

    meta: Mapping[str, str]
    streets: tuple[Street, ...]
    pipes: tuple[MapPipe, ...]
    valves: tuple[MapValve, ...]
    hydrants: tuple[MapHydrant, ...]

    @classmethod
    def open(cls, path: Path) -> District:
        """Read a file; DistrictError naming what is wrong with it."""
        if not path.exists():
            raise DistrictError(f"{path.name}: there is no such file")
        try:
            with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro",
                                                    uri=True)) as db:
                return cls(
                    meta=dict(db.execute("SELECT key, value FROM meta")),
                    streets=tuple(
                        Street(name, klass, _line(line))
                        for name, klass, line in db.execute("SELECT name, klass, line FROM streets")
                    ),
                    pipes=tuple(
                        MapPipe(i, mm, material, _line(line))
                        for i, mm, material, line in db.execute(
                            "SELECT id, diameter_mm, material, line FROM pipes")
                    ),
                    valves=tuple(
                        MapValve(i, label, lon, lat, operable, bool(normally_open))
                        for i, label, lon, lat, operable, normally_open in db.execute(
                            "SELECT id, label, lon, lat, operable, normally_open FROM valves")
                    ),
                    hydrants=tuple(
                        MapHydrant(*row) for row in db.execute("SELECT id, lon, lat FROM hydrants")
                    ),
                )
        except (sqlite3.Error, orjson.JSONDecodeError, TypeError, ValueError) as problem:
            raise DistrictError(f"{path.name}: {problem}") from None


def _line(text: str) -> Line:
    return [(float(lon), float(lat)) for lon, lat in orjson.loads(text)]


def _json(line: Line) -> str:
    # Seven decimals are a centimetre: the file is a third smaller than with all of them.
    return orjson.dumps([(round(lon, 7), round(lat, 7)) for lon, lat in line]).decode()


def write_district(
    path: Path,
    *,
    meta: Mapping[str, str],
    streets: Iterable[Street] = (),
    pipes: Iterable[MapPipe] = (),
    valves: Iterable[MapValve] = (),
    hydrants: Iterable[MapHydrant] = (),
) -> None:
    """Write an extract; an existing file is replaced whole. `meta` should hold name and version."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(fresh)) as db, db:
        db.executescript(SCHEMA)
        db.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        db.executemany(
            "INSERT INTO streets VALUES (?, ?, ?)",
            ((s.name, s.klass, _json(s.line)) for s in streets),
        )
        db.executemany(
            "INSERT INTO pipes VALUES (?, ?, ?, ?)",
            ((p.id, p.diameter_mm, p.material, _json(p.line)) for p in pipes),
        )
        db.executemany(
            "INSERT INTO valves VALUES (?, ?, ?, ?, ?, ?)",
            ((v.id, v.label, v.lon, v.lat, v.operable, v.normally_open) for v in valves),
        )
        db.executemany(
            "INSERT INTO hydrants VALUES (?, ?, ?)", ((h.id, h.lon, h.lat) for h in hydrants)
        )
    fresh.replace(path)
