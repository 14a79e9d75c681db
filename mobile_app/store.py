"""One SQLite file on the phone: what must survive a flat battery.

Write-ahead log with full synchronisation: a commit that returned is on the disk. One connection,
one lock; every change is one transaction.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reports (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    order_number TEXT NOT NULL,
    action TEXT NOT NULL,
    body BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'stored', 'refused')),
    stored_at TEXT,
    settled_at REAL,
    settled_version INTEGER,
    error TEXT,
    seen INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS reports_waiting ON reports (state, seq);
CREATE TABLE IF NOT EXISTS photos (
    report_id TEXT PRIMARY KEY REFERENCES reports (id),
    path TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'stored', 'refused')),
    error TEXT
);
CREATE TABLE IF NOT EXISTS positions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS orders (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    version INTEGER NOT NULL,
    body BLOB NOT NULL,
    received_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS withdrawn (
    number TEXT PRIMARY KEY,
    body BLOB NOT NULL,
    at TEXT NOT NULL
);
"""


class StoreError(RuntimeError):
    """The phone's storage refused. `full` when there is no space left."""

    def __init__(self, message: str, *, full: bool = False) -> None:
        super().__init__(message)
        self.full = full


class Store:
    """The database of one crew account in `directory`.

    A file that SQLite finds damaged is put aside under another name, never deleted;
    `recovered_from` then says where it is.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "crew.db"
        self.recovered_from: Path | None = None
        self._lock = threading.RLock()
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = self._open()
        except sqlite3.DatabaseError as problem:
            if isinstance(problem, sqlite3.OperationalError):
                raise self._explained(problem) from problem
            self._set_aside()
            self._db = self._open()
        except OSError as problem:
            raise StoreError(f"{directory} cannot be written: {problem.strerror}") from problem

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=10)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
            db.executescript(SCHEMA)
            # Counting starts at the time of installation, so that a phone that was wiped does not
            # use the numbers of its first life again.
            start = time.time_ns() // 1_000_000
            for table in ("reports", "positions"):
                db.execute(
                    "INSERT INTO sqlite_sequence (name, seq) SELECT ?, ? WHERE NOT EXISTS "
                    "(SELECT 1 FROM sqlite_sequence WHERE name = ?)", (table, start, table),
                )
        except sqlite3.Error:
            db.close()
            raise
        return db

    def _set_aside(self) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        self.recovered_from = self.path.with_name(f"crew-damaged-{stamp}.db")
        self.path.replace(self.recovered_from)
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing; on the disk when the block is left."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                except BaseException:
                    self._db.execute("ROLLBACK") if self._db.in_transaction else None
                    raise
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as problem:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise self._explained(problem) from problem

    def read(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """Rows of one query."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def get(self, key: str) -> str | None:
        """A remembered setting."""
        rows = self.read("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def put(self, key: str, value: str | None) -> None:
        """Remember a setting; None forgets it."""
        with self.transaction() as db:
            if value is None:
                db.execute("DELETE FROM meta WHERE key = ?", (key,))
            else:
                db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def close(self) -> None:
        """Close the file; the object is of no use afterwards."""
        with self._lock:
            self._db.close()

    @staticmethod
    def _explained(problem: sqlite3.OperationalError) -> StoreError:
        full = "full" in str(problem)
        text = "the phone's storage is full" if full else f"the phone's storage failed: {problem}"
        return StoreError(text, full=full)
