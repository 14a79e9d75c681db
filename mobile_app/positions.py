"""Where we are: sources of fixes behind one interface, and the queue of those not yet sent.

Positions are worth less than reports: the broker's word is enough to forget one, and a phone that
is away for long keeps a thinned track instead of a full disk.
"""

from __future__ import annotations

import csv
import itertools
import math
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, cast

from mobile_app.store import Store
from mqtt.messages import Position, parse_position, to_json

KEEP = 5000


class SourceError(RuntimeError):
    """This source of positions cannot be used here."""


@dataclass(frozen=True, slots=True)
class Fix:
    """What a receiver says, in degrees, metres, m/s; `heading` in degrees from north."""

    lon: float
    lat: float
    accuracy_m: float
    fix_time: datetime
    speed_mps: float | None = None
    heading: float | None = None


OnFix = Callable[[Fix], None]


class Source(Protocol):
    """A source of positions. `problem` is empty, or a code: ``stopped`` when the phone refuses."""

    problem: str

    def start(self, on_fix: OnFix) -> None:
        """Begin; `on_fix` may be called from any thread."""

    def stop(self) -> None:
        """End; no call of `on_fix` comes afterwards."""


class Phone:
    """The receiver of the phone, through plyer; SourceError where plyer has none (desktops)."""

    def __init__(self) -> None:
        self.problem = ""
        self._gps: Any = None  # set once the receiver runs

    def start(self, on_fix: OnFix) -> None:
        try:
            from plyer import gps
        except ImportError:
            raise SourceError("this device has no receiver we can ask") from None

        def moved(**now: float) -> None:
            self.problem = ""
            speed, bearing = now.get("speed"), now.get("bearing")
            on_fix(Fix(
                now["lon"], now["lat"], now.get("accuracy", 50.0), datetime.now(UTC), speed, bearing
            ))

        def status(kind: str, value: str) -> None:
            if kind == "provider-disabled":
                self.problem = "stopped"

        try:
            gps.configure(on_location=moved, on_status=status)
            gps.start(minTime=2000, minDistance=3)
        except NotImplementedError:
            raise SourceError("this device has no receiver we can ask") from None
        self._gps = gps

    def stop(self) -> None:
        # A desktop has no receiver: closing the app must not fail for it.
        if self._gps is not None:
            self._gps.stop()


class _Timed:
    """Gives fixes from a thread at their times."""

    def __init__(self) -> None:
        self.problem = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, on_fix: OnFix) -> None:
        self._thread = threading.Thread(target=self._run, args=(on_fix,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def _run(self, on_fix: OnFix) -> None:
        for wait_s, fix in self._fixes():
            if self._stop.wait(wait_s):
                return
            on_fix(fix)

    def _fixes(self) -> Iterable[tuple[float, Fix]]:
        return ()


class Replay(_Timed):
    """A recorded drive: CSV with seconds,lon,lat and optionally accuracy_m,speed_mps,heading.

    `speed` 10 plays it ten times as fast. SourceError names the line that cannot be read.
    """

    def __init__(self, path: Path, *, speed: float = 1.0) -> None:
        super().__init__()
        self._rows: list[tuple[float, Fix]] = []
        try:
            with path.open(newline="", encoding="utf-8") as file:
                for line, row in enumerate(csv.DictReader(file), start=2):
                    self._rows.append(self._read(path, line, row))
        except (OSError, UnicodeDecodeError, csv.Error) as problem:
            raise SourceError(f"{path.name}: {problem}") from None
        if not self._rows:
            raise SourceError(f"{path.name}: holds no positions")
        self._speed = speed

    @staticmethod
    def _read(path: Path, line: int, row: dict[str, str]) -> tuple[float, Fix]:
        def value(name: str) -> float:
            number = float(row[name])
            if not math.isfinite(number):
                raise ValueError(f"{name} is not finite")
            return number

        def optional(name: str) -> float | None:
            return value(name) if row.get(name) else None

        try:
            fix = Fix(
                value("lon"), value("lat"), optional("accuracy_m") or 5.0, datetime.now(UTC),
                optional("speed_mps"), optional("heading"),
            )
            return value("seconds"), fix
        except (KeyError, ValueError, TypeError) as problem:
            raise SourceError(f"{path.name}, line {line}: {problem}") from None

    def _fixes(self) -> Iterable[tuple[float, Fix]]:
        before = self._rows[0][0]
        for seconds, fix in self._rows:
            yield max(0.0, seconds - before) / self._speed, _now(fix)
            before = seconds


class Simulator(_Timed):
    """Drives along a line of (lon, lat) at a steady speed, one fix per `every_s`, then stands."""

    def __init__(
        self, line: Sequence[tuple[float, float]], *, speed_mps: float = 10.0, every_s: float = 1.0
    ) -> None:
        super().__init__()
        if not line:
            raise SourceError("a simulated drive needs at least one point")
        self._line = line
        self._speed = speed_mps
        self._every_s = every_s

    def _fixes(self) -> Iterable[tuple[float, Fix]]:
        for lon, lat, heading in walk(self._line, self._speed * self._every_s):
            yield self._every_s, Fix(lon, lat, 5.0, datetime.now(UTC), self._speed, heading)
        lon, lat = self._line[-1]
        while True:
            yield self._every_s, Fix(lon, lat, 5.0, datetime.now(UTC), 0.0)


def walk(
    line: Sequence[tuple[float, float]], step_m: float
) -> Iterable[tuple[float, float, float]]:
    """(lon, lat, heading) each `step_m` metres along a line; flat-earth, for short steps."""
    left = 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(line):
        east = (x1 - x0) * 111_320 * math.cos(math.radians(y0))
        north = (y1 - y0) * 110_574
        length = math.hypot(east, north)
        heading = math.degrees(math.atan2(east, north)) % 360
        while left < length:
            part = left / length
            yield x0 + (x1 - x0) * part, y0 + (y1 - y0) * part, heading
            left += step_m
        left -= length


def _now(fix: Fix) -> Fix:
    return Fix(
        fix.lon, fix.lat, fix.accuracy_m, datetime.now(UTC), fix.speed_mps, fix.heading
    )


def worth_sending(before: Fix | None, fix: Fix) -> bool:
    """At least each 10 s, sooner when moving: a fix per second of a parked van helps nobody."""
    if before is None:
        return True
    seconds = (fix.fix_time - before.fix_time).total_seconds()
    east = (fix.lon - before.lon) * 111_320 * math.cos(math.radians(fix.lat))
    moved = math.hypot(east, (fix.lat - before.lat) * 110_574)
    return seconds >= 10 or (seconds >= 1 and moved >= 5)


class PositionQueue:
    """Positions the broker has not confirmed, at most `keep`, oldest thinned first."""

    def __init__(self, store: Store, *, keep: int = KEEP) -> None:
        self._store = store
        self._keep = keep

    def add(self, fix: Fix, *, battery: float | None = None) -> Position:
        """Queue a fix; BadMessage when it is no place on earth."""
        with self._store.transaction() as db:
            (seq,) = db.execute(
                "SELECT seq + 1 FROM sqlite_sequence WHERE name = 'positions'"
            ).fetchone()
            position = Position(
                str(uuid.uuid4()), seq, fix.fix_time, datetime.now(UTC), fix.lon, fix.lat,
                fix.accuracy_m, fix.speed_mps, fix.heading, battery,
            )
            body = to_json(position)
            parse_position(body)
            db.execute("INSERT INTO positions VALUES (?, ?, ?)", (seq, position.id, body))
            (count,) = db.execute("SELECT count(*) FROM positions").fetchone()
            if count > self._keep:
                # Every second one of the older half: the shape of the track stays, coarser.
                db.execute(
                    "DELETE FROM positions WHERE seq IN (SELECT seq FROM (SELECT seq, row_number() "
                    "OVER (ORDER BY seq) AS n FROM positions) WHERE n <= ? AND n % 2 = 0)",
                    (count // 2,),
                )
        return position

    def waiting(self, limit: int = 500) -> list[Position]:
        """Oldest first."""
        rows = self._store.read("SELECT body FROM positions ORDER BY seq LIMIT ?", (limit,))
        return [parse_position(cast(bytes, body)) for (body,) in rows]

    def waiting_bytes(self, limit: int = 500) -> list[tuple[str, bytes]]:
        """(id, message as it is sent), oldest first; read again and again, so not parsed."""
        rows = self._store.read("SELECT id, body FROM positions ORDER BY seq LIMIT ?", (limit,))
        return [(str(one), cast(bytes, body)) for one, body in rows]

    def count(self) -> int:
        """How many wait."""
        return cast(int, self._store.read("SELECT count(*) FROM positions")[0][0])

    def done(self, ids: Iterable[str]) -> None:
        """The broker has these."""
        with self._store.transaction() as db:
            db.executemany("DELETE FROM positions WHERE id = ?", [(one,) for one in ids])
