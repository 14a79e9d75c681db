"""What the search answers with: places with grade and confidence, or why there is none."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection

#: Best first: where a crew can knock, then where it can look, then where it can only begin to ask.
GRADES = (
    "coordinates", "asset", "room", "building", "number", "crossing", "estate", "road",
)  # fmt: skip
LIMIT = 8
Near = tuple[float, float] | None


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


def rows_of(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of one question."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def and_said(note: str, more: str) -> str:
    """Two notes as one."""
    return f"{note} {more}".strip()
