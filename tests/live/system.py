"""The whole product, started privately by its own front door, and what tests ask of it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import psycopg2.extras
import pytest

from ops.paths import State
from ops.status import read_status
from telephony.caller import Caller, CallOutcome
from telephony.config import derived_trunk_secret

REPO = Path(__file__).resolve().parents[2]
# A busy machine may be slow without being wrong.
PATIENCE_S = 60.0
# Of a state's path: Asterisk's control socket lies below it.
LONGEST = 60


def eventually(
    true: Callable[[], Any], what: str, patience_s: float = PATIENCE_S, pause_s: float = 0.1
) -> Any:
    """The first truthy answer of `true`; AssertionError saying `what` never came."""
    deadline = time.monotonic() + patience_s
    while True:
        if found := true():
            return found
        assert time.monotonic() < deadline, f"never came within {patience_s:g} s: {what}"
        time.sleep(pause_s)


def zone_at(hour: int, now: datetime | None = None) -> str:
    """A time zone in which it is `hour` o'clock by now: what crews do goes by the hour, and a story
    told at five in the morning meets those at home who are called out, not those on shift.
    """
    ahead = (hour - (now or datetime.now(UTC)).hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


def hour_wanted() -> int:
    """When the stories are told: mid-morning, or at STANDPIPE_LIVE_HOUR."""
    return int(os.environ.get("STANDPIPE_LIVE_HOUR", "10"))


def state_directory() -> Path:
    """Beside the tests' own state, where the services' users can reach it; short for sockets."""
    named = os.environ.get("STANDPIPE_TEST_STATE")
    parent = Path(named).parent if named else None
    if parent is None or not parent.is_dir() or len(str(parent)) > LONGEST - 10:
        parent = Path(tempfile.gettempdir())
    return Path(tempfile.mkdtemp(prefix="live-", dir=parent))


def phone_password(seed: str, extension: str) -> str:
    """What a telephone signs in with."""
    return hmac.new(seed.encode(), extension.encode(), hashlib.sha256).hexdigest()[:24]


def outer_environment(home: str | None = None) -> dict[str, str]:
    """Our environment without the names of the test database; the home of tools stays."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("STANDPIPE_", "KIVY_", "SDL_"))}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    if home := home or os.environ.get("STANDPIPE_HOME"):
        env["STANDPIPE_HOME"] = home
    return env


class Office(httpx.Client):
    """One signed-in person at the JSON API."""

    def __init__(self, address: str, user: str, password: str) -> None:
        super().__init__(
            base_url=address, timeout=20.0, headers={"Accept": "application/json"},
            follow_redirects=False,
        )  # fmt: skip
        self.get("/sign-in").raise_for_status()
        answer = self.post(
            "/sign-in", data={"username": user, "password": password},
            headers={"X-CSRFToken": self._token()},
        )  # fmt: skip
        assert answer.status_code == 302, f"{user} was not let in: {answer.status_code}"

    def _token(self) -> str:
        return next((c.value or "" for c in self.cookies.jar if "csrf" in c.name), "")

    def send(self, request: httpx.Request, **more: Any) -> httpx.Response:
        """Every write carries the token that the pages carry."""
        if request.method != "GET":
            request.headers.setdefault("X-CSRFToken", self._token())
            request.headers.setdefault("Referer", str(self.base_url))
        return super().send(request, **more)

    def ask(self, path: str) -> Any:
        """GET as JSON."""
        answer = self.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()

    def tell(self, path: str, **what: Any) -> httpx.Response:
        """POST JSON with a key of its own; safe to repeat while the server is away."""
        return self.post(path, json={"key": str(uuid.uuid4()), **what})


# A caller who wants a person, and presses five until somebody asks how it went.
CONTENT = "0" + "5" * 19


@dataclass
class System:
    """A running installation. `state` is its directory; times of pids and ports are now."""

    state: Path
    home: str | None = None
    zone: str = field(default_factory=lambda: zone_at(hour_wanted()))
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(32))

    # --- the front door -------------------------------------------------------------------------

    @property
    def environment(self) -> dict[str, str]:
        """What every command of this installation is begun with."""
        return {**outer_environment(self.home), "STANDPIPE_TIME_ZONE": self.zone}

    def command(
        self, *words: str, patience_s: float = 300.0, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """`./standpipe WORDS --state …` as a newcomer types it."""
        return subprocess.run(
            [str(REPO / "standpipe"), *words, "--state", str(self.state)], cwd=REPO,
            env={**self.environment, **env}, check=False, text=True, capture_output=True,
            timeout=patience_s, errors="replace",
        )  # fmt: skip

    def up(self, *more: str) -> None:
        words = ("up", "--detach", "--no-simulator", "--no-install", *more)
        done = self.command(*words, patience_s=900)
        assert done.returncode == 0, f"up failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"

    def down(self) -> None:
        done = self.command("down")
        assert done.returncode == 0, done.stderr[-2000:]

    def status_json(self) -> dict[str, Any]:
        """`status --json` as anybody reads it, which also answers while things are not well."""
        return dict(json.loads(self.command("status", "--json").stdout))

    def status(self) -> dict[str, Any]:
        """The same without a process of its own, for asking often."""
        return read_status(State(self.state))

    def wait_healthy(self, patience_s: float = PATIENCE_S) -> dict[str, Any]:
        """Ask until all is well; raises with the reasons."""
        deadline = time.monotonic() + patience_s
        while True:
            status = self.status()
            if status["healthy"]:
                return status
            wrong = {n: r for n, r in status["services"].items() if "reason" in r}
            assert time.monotonic() < deadline, f"not well after {patience_s:g} s: {wrong}"
            time.sleep(0.1)

    # --- what lies in the state -----------------------------------------------------------------

    def _json(self, name: str) -> dict[str, Any]:
        return dict(json.loads((self.state / name).read_text(encoding="utf-8")))

    @property
    def ports(self) -> dict[str, int]:
        return self._json("ports.json")

    @property
    def secrets(self) -> dict[str, str]:
        return self._json("secrets.json")

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.ports['web']}"

    @property
    def password(self) -> str:
        return str(self._json("sign_ins.json")["agent"]["password"])

    def log(self, name: str) -> str:
        return (self.state / "log" / f"{name}.log").read_text("utf-8", errors="replace")

    def texts(self) -> list[dict[str, Any]]:
        """Every SMS that left the building."""
        path = self.state / "sms" / "outbox.jsonl"
        if not path.exists():
            return []
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.strip()]

    def tracebacks(self) -> dict[str, int]:
        """Log name -> how many tracebacks stand in it."""
        found = {}
        for path in sorted((self.state / "log").glob("*.log")):
            count = path.read_text("utf-8", errors="replace").count("Traceback (most recent")
            if count:
                found[path.stem] = count
        return found

    # --- people and things that talk to it ------------------------------------------------------

    def office(self, user: str) -> Office:
        return Office(self.address, user, self.password)

    @contextmanager
    def database(self) -> Iterator[Any]:
        ports, secrets = self.ports, self.secrets
        conn = psycopg2.connect(
            host="127.0.0.1", port=ports["postgres"], dbname="standpipe", user="standpipe",
            password=secrets["db_password"], cursor_factory=psycopg2.extras.NamedTupleCursor,
        )  # fmt: skip
        try:
            with conn:
                yield conn
        finally:
            conn.close()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """What the tables hold now."""
        with self.database() as conn, conn.cursor() as cursor:
            cursor.execute(sql, list(values))
            return list(cursor.fetchall())

    def one(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """The first row, None when there is none."""
        return next(iter(self.rows(sql, values)), None)

    def caller(self) -> Caller:
        ports = self.ports
        return Caller(
            "127.0.0.1", ports["sip"], ports["pstn"],
            derived_trunk_secret(self.secrets["ari_password"]),
        )  # fmt: skip

    def ring(self, number: str, **how: Any) -> Future[CallOutcome]:
        """Somebody telephones, in the background (the browser's driver owns this thread's loop)."""
        caller = self.caller()
        return self._pool.submit(lambda: asyncio.run(caller.call(number, **how)))

    def call_from(self, number: str, since: float, patience_s: float = PATIENCE_S) -> Any:
        """The row of the newest call of `number` that began after `since` (time.time())."""
        return eventually(
            lambda: self.one(
                "SELECT * FROM calls_call WHERE raw_number = %s AND "
                "started_at > to_timestamp(%s) ORDER BY id DESC LIMIT 1", [number, since - 2],
            ),
            f"a row for the call of {number or 'a hidden number'}", patience_s,
        )  # fmt: skip

    # --- doing harm -----------------------------------------------------------------------------

    def pid(self, name: str) -> int:
        return int(self.status()["services"][name]["pid"])

    def kill(self, name: str) -> int:
        """kill -9; returns the process that is no more."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def processes(self) -> list[int]:
        """Whatever runs out of this state: found by command line, environment or directory."""
        needle = os.fsencode(str(self.state))
        word = re.compile(re.escape(needle) + rb"(?![0-9A-Za-z_-])")
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            if int(folder.name) == os.getpid():
                continue
            try:
                told = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
                told += b"\0" + os.fsencode((folder / "cwd").readlink())
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if word.search(told) and state != "Z":
                found.append(int(folder.name))
        return found


@contextmanager
def installed(*more: str) -> Iterator[System]:
    """A product of its own, up (with `more` on the command line) and well; nothing of it is left.

    STANDPIPE_LIVE_KEEP leaves its state. Skips where no telephone calls can be made.
    """
    if shutil.which("sipp") is None:
        pytest.skip("sipp is not installed: no telephone calls can be made here")
    made = System(state_directory())
    try:
        made.up(*more)
        status = made.status_json()
        assert status["healthy"], status
        yield made
    finally:
        made.down()
        left = made.processes()
        if os.environ.get("STANDPIPE_LIVE_KEEP") is None:
            shutil.rmtree(made.state, ignore_errors=True)
        assert not left, f"processes left after down: {left}"
