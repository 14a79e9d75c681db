"""Hydraulics in a process of its own, so that nothing EPANET does can hold up who asked.

The child is this module run by the same Python; question and answer are pickles on its standard
input and output. When the time is over it is killed.
"""

from __future__ import annotations

import importlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from gis_data.hydraulics.running import SimulationFailed

T = TypeVar("T")


class TimedOut(SimulationFailed):
    """The simulation took longer than it may."""


def bounded(function: Callable[..., T], *args: Any, timeout_s: float, **more: Any) -> T:
    """`function(*args, **more)` in another process, killed after `timeout_s` seconds.

    `function` is one of a module's own, arguments and result can be pickled. Errors: TimedOut;
    SimulationFailed where the process died; what the function raised.
    """
    question = pickle.dumps((function.__module__, function.__qualname__, args, more))
    # Nothing of the caller's surroundings but where to find the code.
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "gis_data.hydraulics.bounded"],
            input=question,
            capture_output=True,
            timeout=timeout_s,
            env=surroundings,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimedOut(f"no answer within {timeout_s:g} s") from error
    if done.returncode != 0:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise SimulationFailed(f"the simulation's process ended with {done.returncode}: {last}")
    answer, refusal = pickle.loads(done.stdout)
    if refusal is not None:
        raise refusal
    found: T = answer
    return found


def _main() -> None:
    # The telephone and the map share this machine; pressures can wait a moment.
    os.nice(10)
    module, name, args, more = pickle.load(sys.stdin.buffer)
    out = os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not get into the answer.
    os.dup2(2, 1)
    function: Any = importlib.import_module(module)
    for part in name.split("."):
        function = getattr(function, part)
    try:
        answer: tuple[Any, Exception | None] = (function(*args, **more), None)
    except Exception as error:  # noqa: BLE001
        answer = (None, error)
    pickle.dump(answer, out)
    out.close()


if __name__ == "__main__":
    _main()
