"""The supervisor with real processes: order, crashes, and nothing left behind."""

from __future__ import annotations

import configparser
import os
import shlex
import signal
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.paths import State
from ops.programs import Program
from ops.supervise import Supervisor, render
from tests.ops.conftest import alive, environment, eventually, toy

STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
PARENT = """
import subprocess
import os
child = subprocess.Popen(["/bin/sleep", "600"], start_new_session=True)
with open(os.path.join(os.path.dirname(__file__), "child"), "w") as out:
    out.write(str(child.pid))
"""


def launch(state: State, programs: list[Program]) -> Supervisor:
    supervisor = Supervisor(state)
    supervisor.launch(programs, environment(), environment())
    for program in programs:
        supervisor.start(program)
    return supervisor


def pids(supervisor: Supervisor) -> list[int]:
    return [process.pid for process in supervisor.processes() if process.pid]


def test_programs_start_in_order_and_stop_in_reverse(state: State) -> None:
    supervisor = launch(state, [toy(state, "one"), toy(state, "two"), toy(state, "three")])
    supervisor.stop()
    told = (state.root / "story").read_text().split("\n")
    assert told[:6] == [
        "start one", "start two", "start three", "stop three", "stop two", "stop one",
    ]  # fmt: skip
    assert supervisor.pid() is None


def test_killing_the_supervisor_leaves_no_orphan_not_even_a_stubborn_one(state: State) -> None:
    supervisor = launch(
        state, [toy(state, "one"), toy(state, "stubborn", STUBBORN), toy(state, "three")]
    )
    before = pids(supervisor)
    assert len(before) == 3
    main = supervisor.pid()
    assert main is not None
    os.kill(main, signal.SIGKILL)
    assert eventually(lambda: not any(alive(pid) for pid in before))


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_child_of_a_program_does_not_outlive_the_supervisor_either(
    state: State, how: str
) -> None:
    program = toy(state, "parent", PARENT, secret_env=True)
    supervisor = launch(state, [program])
    (parent,) = pids(supervisor)
    note = state.root / "child"
    assert eventually(lambda: note.exists() and bool(note.read_text()))
    child = int(note.read_text())
    assert alive(child)
    main = supervisor.pid()
    assert main is not None
    if how == "killed":
        os.kill(main, signal.SIGKILL)
    else:
        supervisor.stop()
    assert eventually(lambda: not alive(parent) and not alive(child))


def test_a_start_after_a_killed_supervisor_finds_its_way(state: State) -> None:
    programs = [toy(state, "one")]
    supervisor = launch(state, programs)
    first = pids(supervisor)
    main = supervisor.pid()
    assert main is not None
    os.kill(main, signal.SIGKILL)
    (state.root / "story").unlink()
    again = launch(state, programs)
    assert pids(again) and pids(again) != first
    assert not any(alive(pid) for pid in first)


def test_a_crashed_program_comes_back(state: State) -> None:
    supervisor = launch(state, [toy(state, "one")])
    (first,) = pids(supervisor)
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: pids(supervisor) not in ([], [first]))


def test_a_program_that_cannot_start_is_reported_with_its_last_words(state: State) -> None:
    broken = toy(state, "broken", "raise SystemExit('the disk is full of eels')")
    never = Program("broken", broken.command, lambda: False, start_timeout_s=20)
    with pytest.raises(OpsError, match=r"broken is not ready[^$]*full of eels"):
        launch(state, [never])


def test_the_same_wish_fits_what_runs_and_another_does_not(state: State) -> None:
    programs = [toy(state, "one")]
    supervisor = launch(state, programs)
    assert supervisor.fits(programs, environment())
    assert not supervisor.fits(programs, {**environment(), "STANDPIPE_CITY": "krems"})
    assert not supervisor.fits([*programs, toy(state, "two")], environment())


def test_the_configuration_holds_commands_whole_and_secrets_not_at_all(state: State) -> None:
    program = toy(state, "one")
    odd = Program("odd", ["/bin/echo", "100% sure", "a b"], lambda: True, secret_env=True)
    parser = configparser.RawConfigParser()
    parser.read_string(render(state, [program, odd]))
    command = shlex.split(parser["program:odd"]["command"])
    assert command[command.index("--") + 1 :] == ["/bin/echo", "100%% sure", "a b"]
    assert command[command.index("--env") + 1].endswith("/env.json")
    assert parser["program:one"]["autostart"] == "false"
    assert int(parser["program:one"]["priority"]) < int(parser["program:odd"]["priority"])
    assert "password" not in render(state, [program, odd]).lower()


def test_a_word_that_would_break_the_configuration_is_refused(state: State) -> None:
    with pytest.raises(OpsError, match="must not hold quotes"):
        render(state, [Program("bad", ["/bin/echo", "a\nb"], lambda: True)])


def test_the_socket_and_the_settings_are_the_owners_alone(state: State) -> None:
    launch(state, [toy(state, "one")])
    for name in ("supervisor.sock", "env.json", "supervisord.conf"):
        mode = Path(state.supervisor / name).stat().st_mode & 0o077
        assert mode == 0, name
