"""Crews by the handful: in this process when they are few, else spread over processes.

Each phone holds some eight files and sockets, and paho waits for its socket by `select`, which
knows none above 1,023: a process can be so many phones and no more.
"""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections.abc import Sequence
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Protocol

from django.utils import timezone

from server.simulator.crews import CrewPlan, CrewSim, Tally
from server.simulator.outpost import begin

log = logging.getLogger("standpipe.simulator")
MOST_PHONES = 70
TICK_S = 1.0
START_S = 120.0  # Django and compiled loops anew, on a machine that is busy


class Squad(Protocol):
    """Some crews: `tick` about once a second; `settle` ends that and waits for answers; `close`."""

    def tick(self, now: datetime) -> None: ...
    def settle(self, timeout_s: float) -> None: ...
    def tally(self) -> Tally: ...
    def close(self) -> None: ...


def muster(plans: Sequence[CrewPlan]) -> list[Squad]:
    """Squads that make up these crews."""
    if len(plans) <= MOST_PHONES:
        return [NearSquad(plans)]
    count = -(-len(plans) // MOST_PHONES)
    far = [FarSquad(plans[n::count]) for n in range(count)]
    for squad in far:
        squad.wait_started()
    return list(far)


class NearSquad:
    """Crews in this process."""

    def __init__(self, plans: Sequence[CrewPlan]) -> None:
        self._crews = [CrewSim(plan) for plan in plans]

    def tick(self, now: datetime) -> None:
        for crew in self._crews:
            crew.tick(now)

    def settle(self, timeout_s: float) -> None:
        end = time.monotonic() + timeout_s
        for crew in self._crews:
            crew.settle(max(0.1, end - time.monotonic()))

    def tally(self) -> Tally:
        return sum((crew.tally() for crew in self._crews), Tally())

    def close(self) -> None:
        for crew in self._crews:
            crew.close()


class FarSquad:
    """Crews in a process of their own, which ticks by itself."""

    def __init__(self, plans: Sequence[CrewPlan]) -> None:
        # Spawned, not forked: threads and database connections would not survive a fork.
        context = multiprocessing.get_context("spawn")
        self._pipe, far = context.Pipe()
        self._process = context.Process(target=begin, args=(far,), daemon=True)
        self._process.start()
        far.close()
        self._pipe.send(list(plans))

    def wait_started(self) -> None:
        self._answer(START_S)

    def tick(self, now: datetime) -> None:
        if not self._process.is_alive():
            raise RuntimeError("a process of simulated crews has died; see its output above")

    def settle(self, timeout_s: float) -> None:
        self._pipe.send(("settle", timeout_s))
        self._answer(timeout_s + 30)

    def tally(self) -> Tally:
        self._pipe.send(("tally", 0.0))
        found = self._answer(30)
        assert isinstance(found, Tally)
        return found

    def close(self) -> None:
        if self._process.is_alive():
            self._pipe.send(("close", 0.0))
            self._process.join(60)
        if self._process.is_alive():
            self._process.terminate()

    def _answer(self, timeout_s: float) -> object:
        if not self._pipe.poll(timeout_s):
            raise RuntimeError("a process of simulated crews does not answer")
        return self._pipe.recv()


def serve(pipe: Connection) -> None:
    """The other process: tick, and answer what is asked in between."""
    squad = NearSquad(pipe.recv())
    pipe.send("started")
    resting = False
    try:
        while True:
            began = time.monotonic()
            if not resting:
                squad.tick(timezone.now())
            while pipe.poll(max(0.0, TICK_S - (time.monotonic() - began))):
                verb, number = pipe.recv()
                if verb == "close":
                    return
                if verb == "settle":
                    # From here on nothing new is sent, or the books could never be closed.
                    resting = True
                    squad.settle(number)
                pipe.send(squad.tally())
    except EOFError:
        log.warning("whoever asked for these crews is gone; they stop too")
    finally:
        squad.close()
