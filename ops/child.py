"""Start one program so that it cannot outlive its supervisor.

Run as a script by supervisord: becomes another user if asked, asks the kernel for a signal when
the parent dies, makes sure the parent had not died before that, and turns into the program. The
order matters: changing the user clears the request.

    python -I -S ops/child.py --parent-file PID --death-signal KILL [--user NAME] [--env FILE]
        [--pid-file FILE] [--cwd DIR] -- PROGRAM ARGUMENTS
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Never returns: ends in `exec` or with a message and status 70 or 71."""
    options = _parse(arguments)
    # Everything that needs our own rights comes before they are given up.
    env = _environment(options.env)
    expected = _parent_pid(options) or os.getppid()
    if options.pid_file:
        _write_pid(Path(options.pid_file))
    if options.cwd:
        os.chdir(options.cwd)
    if options.user and os.geteuid() == 0:
        env |= _become(options.user)
    death = getattr(signal, f"SIG{options.death_signal}")
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(death), 0, 0, 0):
        _fail(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != expected:
        _fail("the supervisor has gone before the program could start", 70)
    program = options.command
    try:
        os.execvpe(program[0], program, env)
    except OSError as error:
        _fail(f"{program[0]}: {error.strerror}")


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="child.py")
    parser.add_argument("--parent-file")
    parser.add_argument("--parent", type=int)
    parser.add_argument("--death-signal", default="KILL")
    parser.add_argument("--user")
    parser.add_argument("--env")
    parser.add_argument("--pid-file")
    parser.add_argument("--cwd")
    parser.add_argument("command", nargs="+")
    return parser.parse_args(arguments)


def _environment(file: str | None) -> dict[str, str]:
    """The file's names and values alone: a program gets no secret it has no use for."""
    if file is None:
        return dict(os.environ)
    held: dict[str, str] = json.loads(Path(file).read_text(encoding="utf-8"))
    return held


def _parent_pid(options: argparse.Namespace) -> int | None:
    if options.parent is not None:
        return int(options.parent)
    if options.parent_file:
        try:
            return int(Path(options.parent_file).read_text().strip())
        except (OSError, ValueError) as error:
            _fail(f"{options.parent_file}: {error}")
    return None


def _become(user: str) -> dict[str, str]:
    import grp
    import pwd

    entry = pwd.getpwnam(user)
    groups = [group.gr_gid for group in grp.getgrall() if user in group.gr_mem]
    os.setgroups(groups)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    os.umask(0o077)
    return {"HOME": entry.pw_dir, "USER": user, "LOGNAME": user}


def _write_pid(path: Path) -> None:
    # With the start time a number that was given to somebody else later is not mistaken.
    stat = Path("/proc/self/stat").read_text()
    started = stat.rpartition(")")[2].split()[19]
    path.write_text(f"{os.getpid()} {started}\n")


def _fail(text: str, status: int = 71) -> None:
    print(f"child.py: {text}", file=sys.stderr, flush=True)
    os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
