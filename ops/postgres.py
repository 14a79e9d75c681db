"""The private PostgreSQL cluster with PostGIS: made once, configured at every start."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError
from ops.paths import State, is_root, write_atomically
from ops.run import run
from ops.settings import DB_ADMIN, DB_NAME, DB_USER, HOST

EXTENSIONS = ("postgis", "pg_trgm", "btree_gist")

# The same on a machine and in a container.
TUNING: Mapping[str, str] = {
    "max_connections": "100",
    "shared_buffers": "256MB",
    # A tile query costs more to compile than to run.
    "jit": "off",
    # Acknowledged means stored: with `off` 28 to 62 commits were lost at each kill.
    "synchronous_commit": "on",
    "wal_level": "replica",
    # Readers of the event table wait for the oldest open transaction.
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    "logging_collector": "off",
}
# In template1 too: databases made by tests get them without an administrator.
EXTENSION_STATEMENTS = "".join(f"CREATE EXTENSION IF NOT EXISTS {name};" for name in EXTENSIONS)
# What server/cityload/scratch.py copies for a benchmark, where it is there.
PGROUTING_TEMPLATE = "standpipe_pgrouting"
DATABASE_STATEMENT = f"CREATE DATABASE {DB_NAME} OWNER {DB_USER};"
NOT_DURABLE: Mapping[str, str] = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cluster:
    """`durable=False` (tests only) gives up surviving a power cut for speed."""

    state: State
    port: int
    secrets: Mapping[str, str]
    durable: bool = True

    @property
    def data(self) -> Path:
        return self.state.root / "pg"

    @property
    def sockets(self) -> Path:
        return self.state.root / "pgsock"

    @property
    def owner(self) -> str | None:
        """The system user of the cluster when root starts it; PostgreSQL refuses to be root."""
        return "postgres" if is_root() else None

    def command(self) -> list[str]:
        """The server in the foreground."""
        return [str(find_bin(self._version()) / "postgres"), "-D", str(self.data)]

    def _version(self) -> int | None:
        path = self.data / "PG_VERSION"
        return int(path.read_text().strip()) if path.exists() else None

    def prepare(self) -> None:
        """Make the cluster unless it is there; write its configuration. Raises OpsError."""
        self.sockets.mkdir(exist_ok=True)
        self._own(self.sockets)
        self.sockets.chmod(0o700)
        if not (self.data / "PG_VERSION").exists():
            self._initdb()
        find_bin(self._version())
        self._configure()

    def _initdb(self) -> None:
        if self.data.exists() and any(self.data.iterdir()):
            raise OpsError(f"{self.data} holds something that is not a PostgreSQL cluster")
        part = self.state.root / "pg.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        self._own(part)
        password = self.sockets / "first-password"
        write_atomically(password, self.secrets["db_admin_password"], 0o600)
        self._own(password)
        try:
            run(
                [find_bin() / "initdb", "-D", part, "-U", DB_ADMIN, "-A", "scram-sha-256",
                 f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8"],
                what="initdb", user=self.owner, cwd=self.sockets if is_root() else None,
            )  # fmt: skip
        finally:
            password.unlink(missing_ok=True)
        if self.data.exists():
            self.data.rmdir()
        part.rename(self.data)

    def _configure(self) -> None:
        own = self.data / "standpipe.conf"
        write_atomically(own, self.conf_text(), 0o600)
        self._own(own)
        main = self.data / "postgresql.conf"
        text = main.read_text(encoding="utf-8")
        line = "include 'standpipe.conf'"
        if line not in text:
            write_atomically(main, f"{text}\n{line}\n", 0o600)
            self._own(main)

    def conf_text(self) -> str:
        """What we set apart from PostgreSQL's own defaults."""
        values = {
            "listen_addresses": HOST, "port": str(self.port),
            "unix_socket_directories": str(self.sockets), "unix_socket_permissions": "0700",
            **TUNING, **({} if self.durable else NOT_DURABLE),
        }  # fmt: skip
        lines = "".join(f"{name} = '{value}'\n" for name, value in values.items())
        return f"# Written by Standpipe at every start; changes here are lost.\n{lines}"

    def clear_stale_pid(self) -> None:
        """Remove postmaster.pid when its number belongs to a process that is not this cluster.

        PostgreSQL does so itself unless the number was given to another process since.
        """
        path = self.data / "postmaster.pid"
        try:
            pid = int(path.read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return  # no such process: PostgreSQL sees that by itself
        if os.fsencode(self.data) not in command and not command[0].startswith(b"postgres:"):
            path.unlink(missing_ok=True)

    def admin_env(self) -> dict[str, str]:
        """Environment of psql, pg_dump and pg_restore as the cluster's administrator."""
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8",
            "PGHOST": HOST, "PGPORT": str(self.port), "PGUSER": DB_ADMIN,
            "PGPASSWORD": self.secrets["db_admin_password"], "PGCONNECT_TIMEOUT": "5",
            "PGOPTIONS": "-c client_min_messages=warning",
        }  # fmt: skip

    def program(self, name: str) -> Path:
        """psql, pg_dump … of the cluster's own version."""
        return find_bin(self._version()) / name

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run `statement` as the administrator; rows as lines. Raises OpsError."""
        return run(
            [self.program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
             "-d", database, "-f", "-"],
            what="psql", env=self.admin_env(), text_in=statement, timeout=300,
        ).strip()  # fmt: skip

    def ensure_database(self) -> None:
        """Role, database and extensions, when the server answers. Quick when all is there."""
        known = self.sql(
            f"SELECT count(*) FROM pg_roles WHERE rolname='{DB_USER}';"
            f"SELECT count(*) FROM pg_database WHERE datname='{DB_NAME}';"
        ).split()
        if known[0] == "0":
            self.sql(role_statement(self.secrets["db_password"]))
            self.sql(EXTENSION_STATEMENTS, "template1")
        if known[1] == "0":
            self.sql(DATABASE_STATEMENT)
            self.sql(EXTENSION_STATEMENTS, DB_NAME)

    def offer_pgrouting(self) -> bool:
        """A template with pgRouting for the benchmark's own database; False where it is missing.

        The product does without it. Only an administrator may make the extension.
        """
        known = self.sql(
            "SELECT count(*) FROM pg_available_extensions WHERE name = 'pgrouting';"
            f"SELECT count(*) FROM pg_database WHERE datname = '{PGROUTING_TEMPLATE}';"
        ).split()
        if known[0] == "0":
            return False
        if known[1] == "0":
            self.sql(f"CREATE DATABASE {PGROUTING_TEMPLATE} OWNER {DB_USER};")
            self.sql("CREATE EXTENSION IF NOT EXISTS pgrouting;", PGROUTING_TEMPLATE)
        return True

    def _own(self, path: Path) -> None:
        if self.owner:
            try:
                shutil.chown(path, self.owner, self.owner)
            except LookupError as error:
                raise OpsError(f"the system user {self.owner} is missing: {error}") from None


def role_statement(password: str) -> str:
    """The application's own role: no superuser; CREATEDB so that tests make databases beside."""
    return f"CREATE ROLE {DB_USER} LOGIN CREATEDB PASSWORD '{password}';"


def find_bin(version: int | None = None) -> Path:
    """The program folder of the newest PostgreSQL with PostGIS, or of exactly `version`.

    Raises OpsError saying which package is missing.
    """
    found: dict[int, Path] = {}
    for control in Path("/usr/share/postgresql").glob("*/extension/postgis.control"):
        number = control.parents[1].name
        folder = Path("/usr/lib/postgresql") / number / "bin"
        if re.fullmatch(r"\d+", number) and (folder / "postgres").exists():
            found[int(number)] = folder
    if version is not None and version not in found:
        raise OpsError(
            f"the cluster was made by PostgreSQL {version}, which is not installed with PostGIS "
            f"(package postgresql-{version}-postgis-3)"
        )
    if not found:
        raise OpsError("no PostgreSQL with PostGIS is installed (package postgresql-NN-postgis-3)")
    return found[version if version is not None else max(found)]
