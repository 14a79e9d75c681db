"""ops/child.py: a program that cannot outlive its parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ops.paths import REPO, State
from tests.ops.conftest import alive, eventually

CHILD = str(REPO / "ops/child.py")


def run_child(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", CHILD, *words],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip


def test_the_program_dies_with_its_parent(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    # A parent that starts the child and then waits to be killed.
    script = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-I', '-S', {CHILD!r}, '--pid-file', {str(pid_file)!r},"
        " '--', '/bin/sleep', '600'])\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script])
    assert eventually(lambda: pid_file.exists() and bool(pid_file.read_text()))
    pid = int(pid_file.read_text().split()[0])
    assert eventually(lambda: Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/bin/sleep"))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert eventually(lambda: not alive(pid))


def test_a_child_of_another_parent_does_not_start(tmp_path: Path) -> None:
    gone = tmp_path / "supervisord.pid"
    gone.write_text("999999\n")
    done = run_child("--parent-file", str(gone), "--", "/bin/echo", "started")
    assert done.returncode == 70
    assert "has gone" in done.stderr and "started" not in done.stdout


def test_a_missing_parent_file_is_said_plainly(tmp_path: Path) -> None:
    done = run_child("--parent-file", str(tmp_path / "none"), "--", "/bin/echo", "started")
    assert done.returncode == 71 and "No such file" in done.stderr


def test_the_program_gets_the_named_environment_and_nothing_else(tmp_path: Path) -> None:
    env = tmp_path / "env.json"
    env.write_text(json.dumps({"STANDPIPE_CITY": "krems"}))
    done = run_child("--env", str(env), "--", "/usr/bin/env")
    assert done.stdout.split() == ["STANDPIPE_CITY=krems"]


def test_a_program_that_is_not_there_is_named() -> None:
    done = run_child("--", "/no/such/program")
    assert done.returncode == 71 and "/no/such/program" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_becomes_the_named_user_and_still_dies_with_its_parent(state: State) -> None:
    pid_file = state.root / "pid"
    parent = subprocess.Popen(
        [sys.executable, "-c",
         "import subprocess, sys, time\n"
         f"subprocess.Popen([sys.executable, '-I', '-S', {CHILD!r}, '--user', 'nobody',"
         f" '--pid-file', {str(pid_file)!r}, '--', '/bin/sleep', '600'])\n"
         "time.sleep(600)\n"],
    )  # fmt: skip
    assert eventually(lambda: pid_file.exists() and bool(pid_file.read_text()))
    pid = int(pid_file.read_text().split()[0])
    assert eventually(lambda: Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/bin/sleep"))
    assert Path(f"/proc/{pid}").stat().st_uid != 0
    parent.kill()
    parent.wait()
    assert eventually(lambda: not alive(pid))
