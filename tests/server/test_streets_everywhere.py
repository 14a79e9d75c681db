"""A street closed in one process is closed in all of them: real processes, real commits.

A ------- B ------- C      the town of test_streets.py; from A to B it takes 22.2 s, round the
|         |         |      block 66.6 s
D ------- E ------- F
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from routing.index import StreetIndex
from server.streets import index as streets
from server.streets import services
from server.streets.models import StreetChange
from server.streets.reading import circle
from tests import town

pytestmark = pytest.mark.django_db(transaction=True)

# Another process of the product: asks the index again and again, and says what it sees and when.
OTHER = """
import os, sys, time
from pathlib import Path
os.environ["DJANGO_SETTINGS_MODULE"] = "server.config.settings"
import django
django.setup()
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[2]
settings.STANDPIPE["STREETS"] = Path(sys.argv[1])
from server.streets import index as streets
while True:
    seconds = streets.route(({a}), ({b})).seconds
    print(time.time(), round(seconds, 1), flush=True)
    time.sleep(0.02)
"""


@pytest.fixture
def folder(db: Any, settings: Any, tmp_path: Path) -> Iterator[Path]:
    StreetIndex.compile(town.street_graph()).save(tmp_path / "streets")
    settings.STANDPIPE = {**settings.STANDPIPE, "STREETS": tmp_path / "streets"}
    streets.forget()
    yield tmp_path / "streets"
    streets.forget()


class Other:
    """The other process; `sees` waits for an answer that it must give in time."""

    def __init__(self, folder: Path) -> None:
        places = {n.lower(): ", ".join(map(str, town.place(n))) for n in "AB"}
        script = OTHER.replace("{a}", places["a"]).replace("{b}", places["b"])
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, str(folder), connection.settings_dict["NAME"]],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def sees(self, seconds: float, within_s: float, *, first: bool = False) -> None:
        assert self.process.stdout is not None
        until = time.time() + within_s
        for line in self.process.stdout:
            at, found = map(float, line.split())
            if found == seconds:
                return
            assert at < until and not first, f"{found} s after {within_s} s"
        raise AssertionError("the other process ended")


def flood() -> StreetChange:
    (x0, y0), (x1, y1) = town.place("A"), town.place("B")
    area = circle(((x0 + x1) / 2, (y0 + y1) / 2), 30)
    return services.close_area(area, reason="flood", by="mika")


def test_closed_here_it_is_closed_there_within_a_second_and_open_again_too(folder: Path):
    """A process that starts later knows too: a restart loses nothing, the table is what counts."""
    change = flood()
    other = Other(folder)
    try:
        other.sees(66.6, 30, first=True)
        services.lift(change, by="mika")
        other.sees(22.2, 1.0)
        for _ in range(3):
            change = flood()
            other.sees(66.6, 1.0)
            services.lift(change, by="mika")
            other.sees(22.2, 1.0)
    finally:
        other.process.kill()
        other.process.wait(10)


def test_threads_that_ask_while_streets_close_see_one_state_or_the_other(folder: Path):
    """Six threads ask while a seventh closes and lifts; who closes sees it in its next question."""
    found: set[float] = set()
    wrong: list[Exception] = []
    stop = threading.Event()

    def ask() -> None:
        try:
            while not stop.is_set():
                found.add(round(streets.route(town.place("A"), town.place("B")).seconds, 1))
        except Exception as error:  # noqa: BLE001 - told below
            wrong.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            change = flood()
            assert round(streets.route(town.place("A"), town.place("B")).seconds, 1) == 66.6
            services.lift(change, by="mika")
            assert round(streets.route(town.place("A"), town.place("B")).seconds, 1) == 22.2
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    assert not wrong
    assert found == {22.2, 66.6}


def test_two_who_close_at_the_same_moment_are_both_heard(folder: Path):
    """Commits that overlap: neither hides the other's closure from a process that looks between."""
    ready = threading.Barrier(2)

    def close(a: str, b: str) -> None:
        (x0, y0), (x1, y1) = town.place(a), town.place(b)
        area = circle(((x0 + x1) / 2, (y0 + y1) / 2), 30)
        ready.wait(5)
        services.close_area(area, reason="flood", by="mika")
        connection.close()

    for _ in range(5):
        threads = [threading.Thread(target=close, args=pair) for pair in ("AB", "DE")]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            streets.index(fresh=True)
        for thread in threads:
            thread.join()
        for a, b in ("AB", "DE"):
            assert round(streets.route(town.place(a), town.place(b)).seconds, 1) > 22.2
        for change in StreetChange.objects.filter(lifted_at=None):
            services.lift(change, by="mika")
