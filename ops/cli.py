"""The command line: which words there are, and who answers them."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from ops import VERSION
from ops.errors import OpsError
from ops.paths import State, default_home, find_state
from ops.profiles import PROFILES
from ops.say import Say
from ops.settings import Options

# These hand their words on: the rest of the line belongs to somebody else.
HANDED_ON = (
    "test", "bench", "simulate", "call", "city", "trace", "nearest", "route", "locate", "manage",
)  # fmt: skip
NEEDS_RUNNING = ("simulate", "call")

COMMANDS = """\
  up          set up what is missing, start everything, say where to look
  down        stop everything, in order
  status      is it well? (--json)
  test        run the checks and every test (or pass pytest's arguments)
  check       ruff, mypy, import contracts, migrations
  bench       measure (NAME, --json)
  simulate    crews, vehicles and callers of the demo
  call        place one real telephone call
  city        load another city: city load --streets FILE --grow-network
  trace       which valves isolate ELEMENT and who is off then (--kind upstream …, --json)
  nearest     which crews are soonest at a place: --at LON,LAT (-k 10, --json)
  route       the way to drive: --from LON,LAT --to LON,LAT (--json)
  locate      the places a text may mean: locate TEXT (--json)
  crew        open the crew's app
  logs        show a service's log (SERVICE, --follow)
  backup      write everything into FILE (--recordings DIR: those apart, each once)
  restore     put FILE into an empty state
  lock        compile the Python requirements anew
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status. Errors are one clear line on standard error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    say = Say()
    try:
        return _run(words, say)
    except OpsError as error:
        say(f"standpipe: {error}")
        return error.code
    except KeyboardInterrupt:
        say("Interrupted.")
        return 130


def _run(words: list[str], say: Say) -> int:
    rest, named_state = take_option(words, "--state")
    if rest and rest[0] == "--version":
        print(VERSION)
        return 0
    if not rest or rest[0] in ("-h", "--help", "help"):
        print(f"usage: ./standpipe COMMAND [--state DIR]\n\n{COMMANDS}")
        return 0 if rest else 2
    home = default_home()
    if rest[0] in HANDED_ON:
        return _hand_on(rest[0], rest[1:], named_state, home, words, say)
    options = _parser().parse_args(rest)
    state = find_state(named_state, home)
    return int(_ANSWERS[options.command](options, state, home, words, say))


def take_option(words: list[str], name: str) -> tuple[list[str], str | None]:
    """Remove `name VALUE` or `name=VALUE` from anywhere before a `--`; the last one counts."""
    rest: list[str] = []
    value: str | None = None
    pending = iter(range(len(words)))
    for index in pending:
        word = words[index]
        if word == "--":
            return rest + words[index:], value
        if word == name:
            if next(pending, None) is None:
                raise OpsError(f"{name} needs a value", 2)
            value = words[index + 1]
        elif word.startswith(f"{name}="):
            value = word.partition("=")[2]
        else:
            rest.append(word)
    if value == "":
        raise OpsError(f"{name} needs a value", 2)
    return rest, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./standpipe", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, allow_abbrev=False)

    up = add("up", "Set up what is missing and start everything.")
    up.add_argument("--detach", action="store_true", help="return when all is well")
    up.add_argument("--port", type=int, metavar="N", help="port of the web pages (kept)")
    up.add_argument("--profile", default="full", help=", ".join(PROFILES))
    up.add_argument("--city", default="helsinki", help="the demo city")
    up.add_argument(
        "--sites", type=int, default=1, choices=(1, 2), help="telephone sites with one queue"
    )
    up.add_argument("--no-simulator", action="store_true", help="no crews and callers of the demo")
    up.add_argument("--no-install", action="store_true", help="list missing packages and stop")
    add("down", "Stop everything in order.")
    status = add("status", "Is it well? Exit status 0 well, 1 not well, 3 not running.")
    status.add_argument("--json", action="store_true")
    logs = add("logs", "Show the last lines of one service's log, or of all.")
    logs.add_argument("service", nargs="?")
    logs.add_argument("-f", "--follow", action="store_true")
    logs.add_argument("-n", "--lines", type=int, default=50)
    backup = add("backup", "Write database, recordings, their keys and photos into FILE.")
    backup.add_argument("file", type=Path)
    backup.add_argument(
        "--recordings", type=Path, metavar="DIR", help="sealed recordings into DIR, each once"
    )
    backup.add_argument(
        "--keep-days", type=int, default=0, metavar="N",
        help="remove from DIR what no backup of the last N days names",
    )  # fmt: skip
    backup.add_argument("--without-keys", action="store_true", help="the keys are kept elsewhere")
    restore = add("restore", "Put a backup into an empty state.")
    restore.add_argument("file", type=Path)
    restore.add_argument(
        "--recordings", type=Path, metavar="DIR", help="where backup --recordings put them"
    )
    restore.add_argument("--keys", type=Path, metavar="FILE", help="exported keys of recordings")
    restore.add_argument(
        "--without-keys", action="store_true", help="recordings stay silent until keys are there"
    )
    restore.add_argument("--force", action="store_true", help="replace what is in the state")
    restore.add_argument("--no-install", action="store_true")
    add("check", "ruff, mypy, import contracts, migrations.")
    add("lock", "Compile the Python requirements anew.")
    crew = add("crew", "Open the crew's app beside a running system.")
    crew.add_argument("--user")
    crew.add_argument("--password")
    return parser


def _hand_on(
    name: str, rest: list[str], named: str | None, home: Path, words: list[str], say: Say
) -> int:
    install = "--no-install" not in rest
    rest = [word for word in rest if word != "--no-install"]
    if name == "test":
        from ops.testing import test

        return test(home, named, rest, words, say, install=install)
    from ops.profiles import package_groups, programs_of
    from ops.programs import manage_command_exists
    from ops.site import forget_preparation, hand_over, open_installation
    from ops.supervise import Supervisor
    from ops.up import database_running, set_up

    state = find_state(named, home)
    running = Supervisor(state).pid() is not None
    if name in NEEDS_RUNNING and not running:
        raise OpsError("Standpipe is not running. Start it first: ./standpipe up --detach", 3)
    groups = {"core"} if running else package_groups(programs_of(PROFILES["full"]))
    # The benchmarks compare with other libraries, which only the tests' environment holds.
    kind = "test" if name == "bench" else "runtime"
    set_up(home, groups, say, words, install=install, kind=kind)
    installation = open_installation(state, home, say)
    command = rest if name == "manage" else [name, *rest]
    if not command:
        raise OpsError("manage: which command?", 2)
    if name != "manage" and not manage_command_exists(name):
        raise OpsError(f"{name}: this checkout has no such command of the server")
    with database_running(installation, say):
        if name == "bench" and not installation.site.cluster.offer_pgrouting():
            say("pgRouting is not here (Debian: postgresql-15-pgrouting); measured without it.")
        status = hand_over(installation, command)
    if name == "city" and status == 0:
        # A refused city has changed nothing that the next start would have to look at again.
        forget_preparation(state)
    return status


def _up(options: argparse.Namespace, state: State, home: Path, words: list[str], say: Say) -> int:
    from ops.up import Wish, up

    wish = Wish(
        Options(options.profile, options.city, not options.no_simulator, options.sites),
        port=options.port, detach=options.detach, install=not options.no_install,
    )  # fmt: skip
    return up(state, home, wish, say, words)


def _down(options: argparse.Namespace, state: State, home: Path, words: list[str], say: Say) -> int:
    from ops.up import down

    return down(state, say)


def _status(
    options: argparse.Namespace, state: State, home: Path, words: list[str], say: Say
) -> int:
    from ops.status import NOT_RUNNING, as_lines, read_status

    status = read_status(state)
    print(json.dumps(status, indent=1) if options.json else "\n".join(as_lines(status)))
    if not status["services"]:
        return NOT_RUNNING
    return 0 if status["healthy"] else 1


def _logs(options: argparse.Namespace, state: State, home: Path, words: list[str], say: Say) -> int:
    there = sorted(path.stem for path in state.log.glob("*.log"))
    if not there:
        raise OpsError(f"{state.log}: no logs yet")
    if options.service is not None and options.service not in there:
        raise OpsError(f"logs {options.service}: there are {', '.join(there)}", 2)
    chosen = [options.service] if options.service else there
    files = [str(state.log / f"{name}.log") for name in chosen]
    follow = ["-F"] if options.follow else []
    return subprocess.call(["tail", "-n", str(options.lines), *follow, *files])


def _backup(
    options: argparse.Namespace, state: State, home: Path, words: list[str], say: Say
) -> int:
    from ops.backup import Wish, backup

    if options.keep_days < 0 or (options.keep_days and options.recordings is None):
        raise OpsError("--keep-days N needs --recordings DIR, and a number of days", 2)
    wish = Wish(
        options.file.absolute(), _absolute(options.recordings), options.keep_days,
        options.without_keys,
    )  # fmt: skip
    return backup(state, home, wish, say, words)


def _restore(
    options: argparse.Namespace, state: State, home: Path, words: list[str], say: Say
) -> int:
    from ops.restore import Wish, restore

    wish = Wish(
        options.file.absolute(), _absolute(options.recordings), _absolute(options.keys),
        options.without_keys, options.force, not options.no_install,
    )  # fmt: skip
    return restore(state, home, wish, say, words)


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _check(
    options: argparse.Namespace, state: State, home: Path, words: list[str], say: Say
) -> int:
    from ops.testing import check_only

    return check_only(home, words, say)


def _lock(options: argparse.Namespace, state: State, home: Path, words: list[str], say: Say) -> int:
    from ops.environment import ensure_environment, lock

    folder = ensure_environment(home, "runtime", say)
    lock(say, folder / "bin/uv")
    return 0


def _crew(options: argparse.Namespace, state: State, home: Path, words: list[str], say: Say) -> int:
    from ops.site import open_installation
    from ops.status import read_status, sign_ins
    from ops.up import set_up

    status = read_status(state)
    if not status["services"]:
        raise OpsError("Standpipe is not running. Start it first: ./standpipe up --detach", 3)
    set_up(home, {"core", "crew"}, say, words, install=True, kind="runtime")
    installation = open_installation(state, home, say)
    known = sign_ins(state).get("crew", {})
    command = [
        sys.executable, "-m", "mobile_app",
        "--server", f"http://127.0.0.1:{installation.site.ports['web']}",
    ]  # fmt: skip
    user = options.user or known.get("user")
    password = options.password or (known.get("password") if user == known.get("user") else None)
    command += ["--user", user] if user else []
    command += ["--password", password] if password else []
    return subprocess.call(command)


_ANSWERS = {
    "up": _up, "down": _down, "status": _status, "logs": _logs, "backup": _backup,
    "restore": _restore, "check": _check, "lock": _lock, "crew": _crew,
}  # fmt: skip
