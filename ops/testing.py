"""`test` and `check`: everything set up, a private database of its own, checks, then pytest."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ops.errors import OpsError
from ops.packages import browser
from ops.paths import REPO, State
from ops.programs import build, built, ensure_prompts
from ops.say import Say
from ops.site import Installation, open_installation
from ops.supervise import Supervisor
from ops.up import set_up

GROUPS = {"core", "phones", "callers", "crew", "tests"}
LIBRARIES = ("gis_data", "routing", "telephony", "mqtt")
PACKAGES = (*LIBRARIES, "ops")
SLOTS = 8
# What a person says to the live tests: a system that runs already, keep ours, at which hour of the
# day it is, where pictures go.
FOR_TESTS = frozenset(
    {"STANDPIPE_LIVE_STATE", "STANDPIPE_LIVE_KEEP", "STANDPIPE_LIVE_HOUR", "STANDPIPE_SHOTS"}
)


def test(
    home: Path,
    named: str | None,
    arguments: Sequence[str],
    words: list[str],
    say: Say,
    *,
    install: bool,
) -> int:
    """Run pytest with `arguments`, or all checks and all tests without. The exit status."""
    set_up(home, GROUPS, say, words, install=install, kind="test")
    failed: list[str] = []
    with test_state(home, named) as state, database(state, home, say) as installation:
        env = test_env(installation)
        _ensure_telephone(home, env, say)
        reports = state.root / "library-reports.jsonl"
        reports.unlink(missing_ok=True)
        if arguments:
            return _pytest(arguments, env)
        failed += run_checks(env, say)
        if not _libraries_pass(env, reports):
            failed.append("libraries without Django")
        if failed:
            say(f"Failed so far: {', '.join(failed)}")
        ignored = [f"--ignore=tests/{name}" for name in LIBRARIES]
        # The libraries' results are added to the last summary, which so counts everything.
        env["STANDPIPE_TEST_REPORTS_IN"] = str(reports)
        status = _pytest(["-p", "ops.pytest_reports", "tests", *ignored], env)
    return status or (1 if failed else 0)


def check_only(home: Path, words: list[str], say: Say) -> int:
    """Run the checks alone."""
    set_up(home, {"core"}, say, words, install=True, kind="test")
    with test_state(home, None) as state, database(state, home, say) as installation:
        failed = run_checks(test_env(installation), say)
    say(f"Failed: {', '.join(failed)}" if failed else "All checks pass.")
    return 1 if failed else 0


@contextmanager
def test_state(home: Path, named: str | None) -> Iterator[State]:
    """A state directory that no other test run is using; never the one of a running system."""
    if named:
        candidates = [State(Path(named).absolute())]
    else:
        first = Path(os.environ.get("STANDPIPE_TEST_STATE") or home / "test-state").absolute()
        candidates = [State(first)]
        candidates += [State(first.with_name(f"{first.name}-{n}")) for n in range(2, SLOTS + 1)]
    for state in candidates:
        state.prepare()
        handle = _take(state.root / ".test.lock")
        if handle is None:
            continue
        with handle:
            yield state
            return
    raise OpsError(f"{candidates[0].root}: another test run is using it")


def _take(lock: Path) -> IO[str] | None:
    handle = lock.open("a")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle


@contextmanager
def database(state: State, home: Path, say: Say) -> Iterator[Installation]:
    """A PostGIS for tests alone, quick because it need not survive a power cut."""
    supervisor = Supervisor(state)
    supervisor.stop()
    installation = open_installation(state, home, say, durable=False)
    programs = build(["postgres"], installation.site)
    supervisor.launch(programs, installation.env, installation.plain_env, die_with_us=True)
    try:
        with say.step("starting postgres"):
            supervisor.start(programs[0])
        installation.site.cluster.ensure_database()
        yield installation
    finally:
        supervisor.stop()


def test_env(installation: Installation) -> dict[str, str]:
    """The caller's environment with every STANDPIPE_ name set for tests, but FOR_TESTS kept."""
    env = {
        k: v for k, v in os.environ.items() if not k.startswith("STANDPIPE_") or k in FOR_TESTS
    }
    env |= installation.env
    env |= {
        "STANDPIPE_TEST": "1",
        "STANDPIPE_TEST_STATE": str(installation.state.root),
        "PATH": f"{Path(sys.prefix) / 'bin'}:{os.environ.get('PATH', '/usr/bin:/bin')}",
        "DJANGO_SETTINGS_MODULE": "server.config.settings",
        # The crew's app draws real pixels without a display, and writes nothing at home.
        "SDL_VIDEODRIVER": "offscreen",
        "KIVY_NO_ARGS": "1",
        "KIVY_HOME": str(installation.state.root / "kivy"),
        # One store of machine code for all test states.
        "NUMBA_CACHE_DIR": str(installation.site.home / "numba"),
    }
    (installation.state.root / "kivy").mkdir(exist_ok=True)
    if found := browser():
        env["STANDPIPE_CHROMIUM"] = found
    return env


def _ensure_telephone(home: Path, env: dict[str, str], say: Say) -> None:
    """Asterisk and prompts, so that no test has to fetch them. Without, those tests say why."""
    if not built("asterisk"):
        return
    from ops.asterisk import AsteriskError, ensure_asterisk

    try:
        with say.step("Asterisk"):
            env["STANDPIPE_ASTERISK_PREFIX"] = str(ensure_asterisk(home, say).prefix)
        ensure_prompts(home, say)
    except (AsteriskError, OpsError) as error:
        say(f"Telephone: {error}")


def run_checks(env: dict[str, str], say: Say) -> list[str]:
    """Names of the checks that fail; their output is shown."""
    failed = []
    for name, command in checks().items():
        with say.step(name):
            done = subprocess.run(
                command, cwd=REPO, env=env, check=False, text=True, errors="replace",
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
        if done.returncode:
            failed.append(name)
            print(f"--- {name} ---\n{done.stdout.rstrip()}\n", flush=True)
        else:
            say(f"{name}: good")
    return failed


def checks(repo: Path = REPO) -> dict[str, list[str]]:
    """Command by name; what this checkout has no part for is left out."""
    settings = tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    python = sys.executable
    mypy = [] if "files" in settings.get("mypy", {}) else list(PACKAGES)
    found = {
        "ruff": [python, "-m", "ruff", "check", "--quiet", "--output-format=concise", "."],
        "mypy": [python, "-m", "mypy", "--no-error-summary", *mypy],
    }
    if "importlinter" in settings:
        found["import contracts"] = [str(Path(python).with_name("lint-imports")), "--no-cache"]
    if (repo / "server/config/urls.py").exists():
        found["migrations"] = [
            python, "-m", "server.manage", "makemigrations", "--check", "--dry-run",
        ]  # fmt: skip
    return found


def _libraries_pass(env: dict[str, str], reports: Path) -> bool:
    folders = [f"tests/{name}" for name in LIBRARIES if (REPO / "tests" / name).is_dir()]
    if not folders:
        return True
    without = {k: v for k, v in env.items() if k != "DJANGO_SETTINGS_MODULE"}
    without["STANDPIPE_TEST_REPORTS_OUT"] = str(reports)
    plugins = ["-p", "tests.no_django", "-p", "no:django", "-p", "ops.pytest_reports"]
    return _pytest([*plugins, *folders], without) == 0


def _pytest(arguments: Sequence[str], env: dict[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", *arguments]
    with subprocess.Popen(command, cwd=REPO, env=env) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # pytest got it too, and tidies up before it ends
