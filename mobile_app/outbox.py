"""Reports and photos on their way to the office: kept until the server says it has them.

The broker's word is not enough; only an acknowledgement by id ends a report's stay. Everything is
safe to repeat: the server knows a report by its id, a photo by its checksum.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from mobile_app.store import Store, StoreError
from mqtt.messages import Ack, Action, Photo, Report, iso, parse_report, to_json

SETTLING_S = 60.0


@dataclass(frozen=True, slots=True)
class Counts:
    """Figures for the top bar: "16 of 16 with the office"."""

    waiting: int
    stored: int
    refused: int
    photos_waiting: int

    @property
    def total(self) -> int:
        return self.waiting + self.stored + self.refused


@dataclass(frozen=True, slots=True)
class Refusal:
    """A report the server will not take, with its reason, until the crew has seen it."""

    report: Report
    text: str


@dataclass(frozen=True, slots=True)
class WaitingPhoto:
    """A picture not yet with the server."""

    report_id: str
    path: Path
    name: str
    sha256: str


class Outbox:
    """The queue of one crew account. Methods may be called from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._photos = store.directory / "photos"

    def add(
        self,
        action: Action,
        order: str,
        *,
        note: str | None = None,
        valve: str | None = None,
        reason: str | None = None,
        turns: int | None = None,
        place: tuple[float, float] | None = None,
        photo: Path | None = None,
        at: datetime | None = None,
    ) -> Report:
        """Put a report, and its photo, on the disk; both or neither.

        `place` is (lon, lat). Raises BadMessage naming the field when the server would refuse it,
        StoreError when the storage is full or the photo cannot be read.
        """
        picture, path = self._take_in(photo) if photo is not None else (None, None)
        with self._store.transaction() as db:
            (seq,) = db.execute(
                "SELECT seq + 1 FROM sqlite_sequence WHERE name = 'reports'"
            ).fetchone()
            report = Report(
                id=str(uuid.uuid4()), seq=seq, order=order, action=action,
                at=at or datetime.now(UTC), note=note, valve=valve, reason=reason, turns=turns,
                lon=place[0] if place else None, lat=place[1] if place else None, photo=picture,
            )
            body = to_json(report)
            parse_report(body)  # what the server would refuse is refused here, where it was typed
            db.execute(
                "INSERT INTO reports (seq, id, order_number, action, body) VALUES (?, ?, ?, ?, ?)",
                (seq, report.id, order, action, body),
            )
            if picture is not None:
                db.execute(
                    "INSERT INTO photos (report_id, path, name, sha256, size) "
                    "VALUES (?, ?, ?, ?, ?)",
                    (report.id, str(path), picture.name, picture.sha256, picture.size),
                )
        return report

    def waiting(self, limit: int = 500) -> list[Report]:
        """Reports without the server's word, oldest first."""
        rows = self._store.read(
            "SELECT body FROM reports WHERE state = 'waiting' ORDER BY seq LIMIT ?", (limit,)
        )
        return [parse_report(cast(bytes, body)) for (body,) in rows]

    def settling(self) -> list[Report]:
        """Reports the server has, but whose effect no order list has brought yet.

        The acknowledgement comes a moment before the list, and says which lists are too old to
        show it; without these the big button would jump back for that moment. Should no newer list
        come within a minute, the one we have is taken to be the truth.
        """
        rows = self._store.read(
            "SELECT body FROM reports WHERE state = 'stored' AND settled_at > ? AND "
            "settled_version >= coalesce((SELECT version FROM orders), 0) ORDER BY seq",
            (time.time() - SETTLING_S,),
        )
        return [parse_report(cast(bytes, body)) for (body,) in rows]

    def waiting_bytes(self, limit: int = 500) -> list[tuple[str, bytes]]:
        """As `waiting`, but as (id, JSON) ready to send: nothing is read again to be repeated."""
        rows = self._store.read(
            "SELECT id, body FROM reports WHERE state = 'waiting' ORDER BY seq LIMIT ?", (limit,)
        )
        return [(str(one), cast(bytes, body)) for one, body in rows]

    def counts(self) -> Counts:
        """How many reports wait, are stored, were refused; and how many photos wait."""
        rows = self._store.read("SELECT state, count(*) FROM reports GROUP BY state")
        by_state = {str(state): cast(int, n) for state, n in rows}
        ((photos,),) = self._store.read("SELECT count(*) FROM photos WHERE state = 'waiting'")
        return Counts(
            by_state.get("waiting", 0), by_state.get("stored", 0), by_state.get("refused", 0),
            cast(int, photos),
        )

    def settle(self, ack: Ack) -> int:
        """Take the server's word; how many reports it changed. Strange ids change nothing.

        A report once stored stays stored, whatever a late copy of a message says.
        """
        changed = 0
        with self._store.transaction() as db:
            for one in ack.acks:
                state, error = ("stored", None) if one.ok else ("refused", "refused")
                if one.error is not None:
                    error = one.error.text
                done = db.execute(
                    "UPDATE reports SET state = ?, stored_at = ?, error = ?, settled_at = ?, "
                    "settled_version = ? WHERE id = ? AND state = 'waiting'",
                    (state, iso(one.stored_at), error, time.time(), one.orders_version, one.id),
                )
                changed += done.rowcount
        return changed

    def refused(self) -> list[Refusal]:
        """Refusals the crew has not yet seen."""
        rows = self._store.read(
            "SELECT body, error FROM reports WHERE state = 'refused' AND NOT seen ORDER BY seq"
        )
        return [Refusal(parse_report(cast(bytes, body)), str(error)) for body, error in rows]

    def mark_seen(self, report_ids: Iterable[str]) -> None:
        """The crew has read these refusals."""
        with self._store.transaction() as db:
            db.executemany(
                "UPDATE reports SET seen = 1 WHERE id = ?", [(one,) for one in report_ids]
            )

    def photos_waiting(self, limit: int = 20) -> list[WaitingPhoto]:
        """Pictures to send, oldest first; those whose report the server already has come first."""
        rows = self._store.read(
            "SELECT p.report_id, p.path, p.name, p.sha256 FROM photos p JOIN reports r "
            "ON r.id = p.report_id WHERE p.state = 'waiting' AND r.state <> 'refused' "
            "ORDER BY r.state = 'stored' DESC, r.seq LIMIT ?", (limit,),
        )
        return [WaitingPhoto(str(i), Path(str(p)), str(n), str(s)) for i, p, n, s in rows]

    def photo_done(self, report_id: str, error: str | None = None) -> None:
        """The server has the picture, or refused it for good."""
        with self._store.transaction() as db:
            db.execute(
                "UPDATE photos SET state = ?, error = ? WHERE report_id = ?",
                ("refused" if error else "stored", error, report_id),
            )

    def _take_in(self, source: Path) -> tuple[Photo, Path]:
        """Copy a picture next to the database, whole and on the disk before it is named there."""
        try:
            content = source.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            suffix = source.suffix.lower() if len(source.suffix) <= 6 else ""
            self._photos.mkdir(mode=0o700, exist_ok=True)
            path = self._photos / f"{digest}{suffix}"
            if not path.exists():
                fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
                with fresh.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                fresh.replace(path)
        except OSError as problem:
            raise StoreError(
                f"the photo cannot be kept: {problem.strerror}", full=problem.errno == 28
            ) from problem
        return Photo(source.name[-200:], digest, len(content)), path
