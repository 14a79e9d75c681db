"""Ends what programs of ours had started themselves, when their supervisor is gone.

The kernel ends a program whose supervisor dies (ops/child.py), but not the program's own children:
a SIPp that plays a telephone would ring on. This waits for the supervisor's end, however it comes,
and then ends every process that carries the supervisor's mark in its environment.

    python -I -S ops/guard.py PID MARK
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from pathlib import Path

MARK = "STANDPIPE_SUPERVISOR"


def marked(mark: str) -> list[int]:
    """Processes with `mark` in their environment, as far as we may look."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue  # another user's, or gone between listing and reading
    return found


def sweep(mark: str, patience_s: float = 10.0) -> None:
    """Kill until nothing with the mark is left."""
    deadline = time.monotonic() + patience_s
    while (pids := marked(mark)) and time.monotonic() < deadline:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


def wait_for_end(pid: int) -> None:
    """Return when the process `pid` has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except OSError:
        while Path(f"/proc/{pid}").exists():  # a kernel before 5.3
            time.sleep(0.5)
        return
    select.select([handle], [], [])
    os.close(handle)


if __name__ == "__main__":
    # A signal meant for the terminal's group or a logout must not take the guard off its post.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    wait_for_end(int(sys.argv[1]))
    sweep(sys.argv[2])
