"""The command line from outside, and the plugins of the test run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ops import site
from ops.cli import take_option
from ops.errors import OpsError
from ops.messages import compile_messages
from ops.paths import REPO, State, write_atomically
from ops.say import Say
from ops.settings import Options
from ops.status import _reason, sign_ins
from ops.supervise import ProcessState


def standpipe(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(REPO / "standpipe"), *words], capture_output=True, text=True, check=False,
        env={**os.environ, **env}, timeout=60, cwd="/",
    )  # fmt: skip


def test_the_state_may_be_named_before_or_after_the_command() -> None:
    assert take_option(["--state", "/a", "up"], "--state") == (["up"], "/a")
    assert take_option(["up", "--state=/a", "--detach"], "--state") == (["up", "--detach"], "/a")
    assert take_option(["call", "--", "--state", "x"], "--state")[1] is None
    with pytest.raises(OpsError, match="--state needs a value"):
        take_option(["up", "--state"], "--state")


def test_a_new_migration_of_any_app_is_noticed_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options()
    monkeypatch.setattr(site, "REPO", tmp_path)
    seen = {site.preparation_fingerprint(options)}
    # Some apps stand within another.
    for app in ("calls", "calls/recordings"):
        folder = tmp_path / "server" / app / "migrations"
        folder.mkdir(parents=True)
        (folder / "0001_initial.py").write_text("operations = []")
        seen.add(site.preparation_fingerprint(options))
    assert len(seen) == 3


def test_an_unknown_flag_or_command_is_named_and_nothing_is_started() -> None:
    wrong = standpipe("up", "--detatch")
    assert wrong.returncode == 2 and "--detatch" in wrong.stderr
    wrong = standpipe("dance")
    assert wrong.returncode == 2 and "dance" in wrong.stderr
    wrong = standpipe("up", "--profile", "everything")
    assert wrong.returncode == 2 and "no-telephony" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert standpipe().returncode == 2
    assert "backup" in standpipe("--help").stdout


def test_the_status_of_nothing_has_the_public_shape_and_exit_status_3(state: State) -> None:
    done = standpipe("status", "--json", "--state", str(state.root))
    assert done.returncode == 3
    status = json.loads(done.stdout)
    assert list(status) == ["healthy", "version", "urls", "services", "sign_in"]
    assert status["healthy"] is False and status["services"] == {}
    assert "not running" in standpipe("status", "--state", str(state.root)).stdout


def test_calling_a_system_that_does_not_run_says_how_to_start_it(state: State) -> None:
    done = standpipe("call", "--from", "0401234567", "--state", str(state.root))
    assert done.returncode == 3 and "./standpipe up" in done.stderr


def test_a_service_that_is_silent_or_down_is_given_its_reason() -> None:
    well = {"beats": {"worker": 2.0}}

    def reason(
        name: str, beats: dict[str, float], state: str = "running", up_s: float = 600.0,
        answer: dict[str, Any] | None = well,
    ) -> str | None:  # fmt: skip
        return _reason(ProcessState(name, state, 1, "its own words", up_s), answer, beats)

    assert reason("worker", {"worker": 2.0}) is None
    assert reason("postgres", {}) is None
    assert reason("clock", {"worker": 2.0}) == "has not done anything since it started"
    # The beat of the process before this one does not count.
    assert reason("worker", {"worker": 20.0}, up_s=5) == "has not done anything since it started"
    assert reason("worker", {"worker": 90.0}) == "last did something 90 s ago"
    assert reason("web", {}, answer=None) == "runs but does not answer on /health"
    assert reason("web", {}, state="backoff", answer=None) == "its own words"


def test_sign_ins_are_read_as_they_were_written_and_nonsense_is_left_out(state: State) -> None:
    assert sign_ins(state) == {}
    held = {"agent": {"user": "agent1", "password": "p", "more": 1}, "odd": "text"}
    write_atomically(state.root / "sign_ins.json", json.dumps(held), 0o600)
    assert sign_ins(state) == {"agent": {"user": "agent1", "password": "p"}}


def test_translations_are_compiled_when_their_text_is_newer(tmp_path: Path) -> None:
    folder = tmp_path / "zh_Hans/LC_MESSAGES"
    folder.mkdir(parents=True)
    po = folder / "django.po"
    po.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
                  'msgid "water"\nmsgstr "水"\n', encoding="utf-8")  # fmt: skip
    assert compile_messages(Say(), tmp_path) == 1
    assert compile_messages(Say(), tmp_path) == 0
    assert "水".encode() in po.with_suffix(".mo").read_bytes()
    po.write_text('msgid "water"\nnonsense here\n', encoding="utf-8")
    os.utime(po, (po.stat().st_mtime + 5,) * 2)
    with pytest.raises(OpsError, match=r"django\.po"):
        compile_messages(Say(), tmp_path)


def test_django_cannot_be_imported_where_the_libraries_are_tested() -> None:
    for name in ("django", "django.db", "rest_framework", "server.config.settings"):
        done = subprocess.run(
            [sys.executable, "-c", f"import tests.no_django\nimport {name}"],
            capture_output=True, text=True, check=False, cwd=REPO,
        )  # fmt: skip
        assert done.returncode == 1 and "the libraries work without it" in done.stderr


def test_the_last_summary_counts_the_libraries_too(tmp_path: Path) -> None:
    (tmp_path / "test_first.py").write_text(
        "import pytest\n"
        "def test_good(): pass\n"
        "def test_bad(): assert 1 == 2, 'unequal'\n"
        "def test_left_out(): pytest.skip('no data here')\n"
    )
    (tmp_path / "test_second.py").write_text("def test_fine(): pass\n")
    reports = tmp_path / "reports.jsonl"

    def run_pytest(file: str, **env: str) -> str:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("STANDPIPE_TEST_REPORTS")}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "ops.pytest_reports", "-p", "no:django",
             "-p", "no:cacheprovider", "-rs", "-q", "--rootdir", str(tmp_path), "-c", "/dev/null",
             str(tmp_path / file)],
            capture_output=True, text=True, check=False, cwd=tmp_path,
            env={**clean, **env, "PYTHONPATH": str(REPO)},
        )  # fmt: skip
        return done.stdout.strip()

    run_pytest("test_first.py", STANDPIPE_TEST_REPORTS_OUT=str(reports))
    said = run_pytest("test_second.py", STANDPIPE_TEST_REPORTS_IN=str(reports))
    last = said.splitlines()[-1]
    assert "1 failed" in last and "2 passed" in last and "1 skipped" in last
    assert "no data here" in said
