"""States for tests of the front door: short paths that other users may pass through."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.paths import State
from ops.programs import Program
from ops.supervise import Supervisor


@pytest.fixture
def state() -> Iterator[State]:
    """An empty state directory; whatever was supervised in it is stopped afterwards."""
    root = Path(tempfile.mkdtemp(prefix="sp-"))
    made = State(root).prepare()
    try:
        yield made
    finally:
        Supervisor(made).stop()
        shutil.rmtree(root, ignore_errors=True)


def alive(pid: int) -> bool:
    """The process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(true: Callable[[], bool], patience_s: float = 15.0) -> bool:
    """Whether `true` comes to hold within `patience_s`."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return true()


def toy(state: State, name: str, body: str = "", **changes: object) -> Program:
    """A program that says when it starts and when it is asked to stop, in state/story."""
    story = state.root / "story"
    source = f"""
import signal, sys, time
def tell(word):
    with open({str(story)!r}, "a") as out:
        out.write(word + " {name}\\n")
def stop(*_):
    tell("stop")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
tell("start")
{body}
while True:
    time.sleep(0.05)
"""
    path = state.root / f"{name}.py"
    path.write_text(source)

    def ready() -> bool:
        return f"start {name}\n" in (story.read_text() if story.exists() else "")

    values = {"start_timeout_s": 20.0, **changes}
    return Program(name, [sys.executable, str(path)], ready, **values)  # type: ignore[arg-type]


def environment() -> dict[str, str]:
    """What a toy program needs."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}
