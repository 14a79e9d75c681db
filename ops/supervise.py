"""Supervisor: its configuration, its life, and talking to it over its Unix socket.

supervisord restarts what crashes, with a pause that grows by a second each time. Programs do not
start by themselves (`up` starts them in order) and none outlives it (see ops/child.py).
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.errors import OpsError
from ops.guard import MARK
from ops.paths import REPO, State, is_root, write_atomically
from ops.programs import Program
from ops.run import started

CHILD = Path(__file__).with_name("child.py")
GUARD = Path(__file__).with_name("guard.py")
RESTARTS = 1_000_000  # supervisord wants a number; each pause is a second longer


def render(state: State, programs: Sequence[Program]) -> str:
    """supervisord.conf. It holds no secret: those are in env.json, read by ops/child.py."""
    folder = state.supervisor
    user = "user=root\n" if is_root() else ""
    parts = [
        f"""; Written by Standpipe at every start; changes here are lost.
[unix_http_server]
file={_plain(folder / "supervisor.sock")}
chmod=0700

[supervisord]
{user}nodaemon=true
silent=true
directory={_plain(REPO)}
pidfile={_plain(folder / "supervisord.pid")}
logfile={_plain(state.log / "supervisord.log")}
logfile_maxbytes=5MB
logfile_backups=2
loglevel=info
childlogdir={_plain(state.log)}
identifier=standpipe
minfds=1024
umask=022

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{_plain(folder / "supervisor.sock")}
"""
    ]
    for order, program in enumerate(programs, start=1):
        parts.append(f"""[program:{program.name}]
command={_command(state, program)}
priority={order}
autostart=false
autorestart=true
startsecs=2
startretries={RESTARTS}
stopsignal={program.stop_signal}
stopwaitsecs={program.stop_wait_s}
killasgroup=true
redirect_stderr=true
stdout_logfile={_plain(state.log / program.name)}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
""")
    return "\n".join(parts)


def _command(state: State, program: Program) -> str:
    folder = state.supervisor
    env = folder / ("env.json" if program.secret_env else "plain-env.json")
    words = [
        sys.executable, "-I", "-S", str(CHILD),
        "--parent-file", str(folder / "supervisord.pid"),
        "--death-signal", program.death_signal,
        "--pid-file", str(folder / f"{program.name}.pid"),
        "--env", str(env), "--cwd", str(REPO),
    ]  # fmt: skip
    if program.user:
        words += ["--user", program.user]
    return " ".join(_word(word) for word in [*words, "--", *program.command])


def _plain(path: Path) -> str:
    return str(path).replace("%", "%%")


def _word(word: str) -> str:
    """One argument as supervisord's shlex and `%` expansion will read it."""
    if "'" in word or "\n" in word or ";" in word:
        raise OpsError(f"a path or argument must not hold quotes, semicolons, line ends: {word!r}")
    word = word.replace("%", "%%")
    return f"'{word}'" if any(char in word for char in ' \t"\\$*?&|<>()#') else word


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=90)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        return _UnixConnection(self._path)


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One supervised process: `state` in supervisord's words, lower case; pid 0 when none.

    `up_s` is the age of the process in seconds, 0 when none runs.
    """

    name: str
    state: str
    pid: int
    detail: str
    up_s: float = 0.0


class Supervisor:
    """One state directory's supervisord, running or not."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._folder = state.supervisor

    @property
    def _api(self) -> Any:
        path = str(self._folder / "supervisor.sock")
        proxy = xmlrpc.client.ServerProxy("http://localhost", transport=_UnixTransport(path))
        return proxy.supervisor

    def pid(self) -> int | None:
        """The running supervisord's number, else None."""
        try:
            return int(self._api.getPID())
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return None

    def processes(self) -> list[ProcessState]:
        """Every program, in start order; empty when supervisord does not run."""
        try:
            rows = self._api.getAllProcessInfo()
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return []
        order = self.names()
        found = [
            ProcessState(
                str(row["name"]), str(row["statename"]).lower(), int(row["pid"]),
                str(row["spawnerr"] or row["description"]),
                float(row["now"] - row["start"]) if row["pid"] else 0.0,
            )
            for row in rows
        ]  # fmt: skip
        return sorted(found, key=lambda p: order.index(p.name) if p.name in order else 99)

    def names(self) -> list[str]:
        """Programs of the last start, in order."""
        try:
            held = json.loads((self._folder / "running.json").read_text(encoding="utf-8"))
            return [str(name) for name in held["programs"]]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def launch(
        self,
        programs: Sequence[Program],
        env: Mapping[str, str],
        plain: Mapping[str, str],
        *,
        die_with_us: bool = False,
    ) -> None:
        """Write the configuration and start supervisord with nothing running in it."""
        self.clear_leftovers()
        mark = secrets.token_hex(8)
        marked = {**env, MARK: mark}
        write_atomically(self._folder / "env.json", json.dumps(marked, indent=1), 0o600)
        write_atomically(self._folder / "plain-env.json", json.dumps(dict(plain), indent=1), 0o600)
        text = render(self.state, programs)
        conf = self._folder / "supervisord.conf"
        write_atomically(conf, text, 0o600)
        write_atomically(
            self._folder / "running.json",
            json.dumps({
                "programs": [program.name for program in programs],
                "together": [program.name for program in programs if program.secret_env],
                "fingerprint": self.fingerprint(text, env),
            }),
        )  # fmt: skip
        for stale in ("supervisor.sock", "supervisord.pid"):
            (self._folder / stale).unlink(missing_ok=True)
        command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(conf)]
        if die_with_us:
            command = [
                sys.executable, "-I", "-S", str(CHILD), "--death-signal", "TERM",
                "--parent", str(os.getpid()), "--", *command,
            ]  # fmt: skip
        with (self.state.log / "supervisord.out").open("wb") as out:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=REPO,
                start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 20
        while self.pid() is None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise OpsError(f"supervisord did not start:\n{tail(Path(out.name), 15)}")
            time.sleep(0.05)
        subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), str(self.pid()), mark],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd="/", start_new_session=True,
        )  # fmt: skip

    @staticmethod
    def fingerprint(text: str, env: Mapping[str, str]) -> str:
        """Changes when a running supervisord no longer fits what is wanted."""
        return hashlib.sha256((text + json.dumps(dict(env), sort_keys=True)).encode()).hexdigest()

    def fits(self, programs: Sequence[Program], env: Mapping[str, str]) -> bool:
        """What runs was started with exactly this."""
        try:
            held = json.loads((self._folder / "running.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(held.get("fingerprint") == self.fingerprint(render(self.state, programs), env))

    def start(self, program: Program) -> None:
        """Start one program and wait until it answers. Raises OpsError with its last words."""
        state = {p.name: p.state for p in self.processes()}.get(program.name)
        if state not in ("running", "starting", "backoff"):
            try:
                self._api.startProcess(program.name, False)
            except xmlrpc.client.Fault as fault:
                raise OpsError(f"{program.name}: {fault.faultString}") from None
        began = time.monotonic()
        pids: set[int] = set()
        while True:
            row = next((p for p in self.processes() if p.name == program.name), None)
            if row is None:
                raise OpsError(f"{program.name}: the supervisor has gone")
            if row.pid:
                pids.add(row.pid)
                if program.ready():
                    return
            waited = time.monotonic() - began
            # The fourth process of one start will not fare better than the first three.
            if row.state == "fatal" or len(pids) > 3 or waited > program.start_timeout_s:
                log = tail(self.state.log / f"{program.name}.log", 15)
                raise OpsError(
                    f"{program.name} is not ready after {waited:.0f} s ({row.state}). "
                    f"Its last words:\n{log}"
                )
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop every program in reverse order, then supervisord. Quick when nothing runs."""
        pid = self.pid()
        if pid is None:
            self.clear_leftovers()
            return
        together = self._together()
        for name in reversed(self.names()):
            try:
                # Ours do not need each other to stop; what they stand on waits for all of them.
                if name not in together:
                    self._wait_for(together)
                self._api.stopProcess(name, name not in together)
            except (xmlrpc.client.Fault, OSError, http.client.HTTPException):
                continue  # not running, or supervisord went away: the next lines see to it
        self._wait_for(together)
        try:
            self._api.shutdown()
        except (xmlrpc.client.Error, OSError, http.client.HTTPException):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 30
        while _alive(pid):
            if time.monotonic() > deadline:
                raise OpsError(f"supervisord (process {pid}) does not stop")
            time.sleep(0.05)
        self.clear_leftovers()

    def _together(self) -> set[str]:
        try:
            held = json.loads((self._folder / "running.json").read_text(encoding="utf-8"))
            return {str(name) for name in held["together"]}
        except (OSError, ValueError, KeyError, TypeError):
            return set()

    def _wait_for(self, names: set[str]) -> None:
        """Until none of `names` runs; supervisord itself kills what takes too long."""
        while any(row.pid for row in self.processes() if row.name in names):
            time.sleep(0.05)

    def clear_leftovers(self, patience_s: float = 15.0) -> None:
        """After a killed supervisord: wait for programs still writing, then end them for good."""
        deadline = time.monotonic() + patience_s
        for path in sorted(self._folder.glob("*.pid")):
            if path.name == "supervisord.pid":
                continue
            while (pid := _same_process(path)) is not None:
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.05)
            path.unlink(missing_ok=True)


def _same_process(path: Path) -> int | None:
    """The process that wrote `path`, if it is still the one with that number."""
    try:
        pid, began = path.read_text().split()
        return int(pid) if started(int(pid)) == began else None
    except (OSError, ValueError):
        return None


def _alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    if stat[0] == "Z":
        try:
            os.waitpid(pid, os.WNOHANG)  # ours, when `up` itself started it
        except ChildProcessError:
            return False
        return False
    return True


def tail(path: Path, lines: int) -> str:
    """The last lines of a log, indented; a word for none."""
    try:
        with path.open("rb") as handle:
            handle.seek(max(0, path.stat().st_size - 64 * 1024))
            text = handle.read().decode(errors="replace")
    except OSError:
        return f"  (no log at {path})"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or f"  ({path} is empty)"
