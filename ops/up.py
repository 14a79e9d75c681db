"""`up`: from nothing, or from where the last start left off, to a healthy system."""

from __future__ import annotations

import contextlib
import fcntl
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from ops.environment import ensure_environment, enter
from ops.errors import OpsError
from ops.javascript import ensure_vendor
from ops.messages import compile_messages
from ops.packages import ensure_packages
from ops.paths import State, only_one
from ops.ports import read_ports
from ops.profiles import find_profile, package_groups, programs_of
from ops.programs import Program, build, built
from ops.say import Say
from ops.settings import Options
from ops.site import Installation, open_installation, prepare_database
from ops.status import as_lines, wait_until_healthy
from ops.supervise import Supervisor


@dataclass(frozen=True, slots=True)
class Wish:
    """The command line of `up`."""

    options: Options
    port: int | None = None
    detach: bool = False
    install: bool = True


def set_up(
    home: Path, groups: set[str], say: Say, arguments: list[str], *, install: bool, kind: str
) -> Path:
    """Packages, environment (entered: `arguments` start again inside), JavaScript, texts.

    Returns the folder of the browser's libraries.
    """
    ensure_packages(groups, say, install=install)
    folder = ensure_environment(home, kind, say)
    enter(folder, arguments)
    vendor = ensure_vendor(home, folder / "bin", say)
    compile_messages(say)
    return vendor


def up(state: State, home: Path, wish: Wish, say: Say, arguments: list[str]) -> int:
    """Bring everything up; stays until Ctrl-C unless detached. Returns the exit status."""
    profile = find_profile(wish.options.profile)
    names = programs_of(profile, simulator=wish.options.simulator, sites=wish.options.sites)
    set_up(home, package_groups(names), say, arguments, install=wish.install, kind="runtime")
    state.prepare()
    with only_one(state.root / ".up.lock", "another start of the same state"):
        _start(state, home, wish, names, say)
        with say.step("waiting until all is well"):
            status = wait_until_healthy(state)
    print("\n".join(as_lines(status)), flush=True)
    if wish.detach:
        return 0 if status["healthy"] else 1
    return watch(state, say)


def _start(state: State, home: Path, wish: Wish, names: tuple[str, ...], say: Say) -> None:
    supervisor = Supervisor(state)
    other_port = wish.port is not None and read_ports(state).get("web") != wish.port
    if other_port and supervisor.pid() is not None:
        supervisor.stop()
    supervisor_runs = supervisor.pid() is not None
    if not supervisor_runs:
        supervisor.clear_leftovers()
    installation = open_installation(
        state, home, say, options=wish.options, port=wish.port, claimed=home / "claims"
    )
    available = [name for name in names if built(name)]
    for name in names:
        if name not in available:
            say(f"{name}: not built in this checkout, left out")
    programs = build(available, installation.site)
    if supervisor_runs and not supervisor.fits(programs, installation.env):
        say("What runs was started otherwise: stopping it first.")
        with say.step("stopping"):
            supervisor.stop()
        supervisor_runs = False
    if not supervisor_runs:
        supervisor.launch(
            programs, installation.env, installation.plain_env, die_with_us=not wish.detach
        )
    try:
        start_programs(supervisor, programs, installation, say)
    except BaseException:
        # Half a system helps nobody, and what failed has been quoted.
        supervisor.stop()
        raise


def start_programs(
    supervisor: Supervisor, programs: list[Program], installation: Installation, say: Say
) -> None:
    """Start in order, each when the one before it answers; the database is filled on the way."""
    for program in programs:
        with say.step(f"starting {program.name}"):
            supervisor.start(program)
        if program.name == "postgres":
            prepare_database(installation, say)


@contextlib.contextmanager
def database_running(installation: Installation, say: Say) -> Iterator[None]:
    """The database answers inside the block; started for it, alone, when nothing ran.

    Whoever started it stops it, once all others who found it running have ended.
    """
    root = installation.state.root
    supervisor = Supervisor(installation.state)
    with (root / ".database.lock").open("a") as users:
        with only_one(root / ".database-start.lock", "another start of the same database"):
            fcntl.flock(users, fcntl.LOCK_SH)
            ours = supervisor.pid() is None
            if ours:
                _start_database(supervisor, installation, say)
        try:
            yield
        finally:
            if ours:
                with say.step("waiting for another command that uses the database"):
                    fcntl.flock(users, fcntl.LOCK_EX)
                supervisor.stop()


def _start_database(supervisor: Supervisor, installation: Installation, say: Say) -> None:
    programs = build(["postgres"], installation.site)
    supervisor.launch(programs, installation.env, installation.plain_env, die_with_us=True)
    try:
        with say.step("starting postgres"):
            supervisor.start(programs[0])
        installation.site.cluster.ensure_database()
    except BaseException:
        supervisor.stop()
        raise


def watch(state: State, say: Say) -> int:
    """Show what changes until Ctrl-C or SIGTERM, then stop all in order."""
    supervisor = Supervisor(state)
    asked = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    say("Ctrl-C stops everything.")
    known = {p.name: (p.state, p.pid) for p in supervisor.processes()}
    while not asked:
        time.sleep(0.5)
        rows = supervisor.processes()
        if not rows and supervisor.pid() is None:
            say("The supervisor has gone; nothing of ours is left running.")
            supervisor.clear_leftovers()
            return 1
        for row in rows:
            before = known.get(row.name)
            if before is not None and before != (row.state, row.pid):
                say(f"{time.strftime('%H:%M:%S')}  {row.name}: {row.state}, {row.detail}")
            known[row.name] = (row.state, row.pid)
    with say.step("stopping"):
        supervisor.stop()
    say("Stopped.")
    return 0


def down(state: State, say: Say) -> int:
    """Stop everything in reverse order. Fine when nothing runs."""
    if not state.root.is_dir():
        raise OpsError(f"{state.root}: there is no such state directory")
    supervisor = Supervisor(state)
    ran = supervisor.pid() is not None
    with say.step("stopping"):
        supervisor.stop()
    say("Stopped." if ran else "Nothing was running.")
    return 0
