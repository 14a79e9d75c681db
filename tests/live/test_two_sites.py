"""Two telephone sites with one queue, and one of them burns down in the middle of a talk.

    caller ---> A  sp   ===== Aino's browser      A is killed, and killed again as often as the
                |                                 supervisor starts it, until the fire is out
    caller ---> B  sp2  ===== a telephone on a desk (1101)
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from telephony.caller import Caller, CallOutcome
from telephony.config import derived_trunk_secret
from telephony.phone import DeskPhone
from tests.live import screens
from tests.live.system import System, eventually, installed, phone_password

pytestmark = pytest.mark.live
TALK = (
    "SELECT c.id, c.call_id, c.state, c.outcome, c.cut, u.username, r.seconds, "
    "(SELECT count(*) FROM tickets_callback b WHERE b.call_id = c.call_id) AS owed "
    "FROM calls_call c LEFT JOIN accounts_user u ON u.id = c.agent_id "
    "LEFT JOIN calls_recording r ON r.call_id = c.id WHERE c.raw_number = %s"
)


def _doing(system: System, user: str) -> str:
    """What an agent is doing, by the table."""
    row = system.one(
        "SELECT s.state FROM calls_agentstate s JOIN accounts_user u ON u.id = s.user_id "
        "WHERE u.username = %s", [user],
    )  # fmt: skip
    return str(row.state)


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """An installation of its own, with two sites."""
    with installed("--sites", "2") as made:
        yield made


@contextmanager
def burning(system: System, name: str) -> Iterator[float]:
    """The site is dead until the end: whatever is started there dies at once. Yields the moment."""
    out = threading.Event()

    def burn() -> None:
        while not out.is_set():
            pid = system.status()["services"].get(name, {}).get("pid")
            if pid:
                # It may be dead already; the next one is looked for.
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            out.wait(0.05)

    fire = threading.Thread(target=burn, daemon=True)
    began = time.time()
    fire.start()
    try:
        yield began
    finally:
        out.set()
        fire.join(10)


@contextmanager
def desk_telephone(system: System, port: int, extension: str) -> Iterator[None]:
    """A telephone on a desk at one site, which answers by itself."""
    there, away = threading.Event(), threading.Event()
    password = phone_password(system.secrets["phone_password_seed"], extension)

    async def sit() -> None:
        phone = DeskPhone("127.0.0.1", port, extension, password, ring_s=0.2, hold_s=60.0)
        async with phone:
            there.set()
            while not away.is_set():
                await asyncio.sleep(0.1)

    seat = threading.Thread(target=lambda: asyncio.run(sit()), daemon=True)
    seat.start()
    try:
        assert there.wait(30), "the desk telephone did not register"
        yield
    finally:
        away.set()
        seat.join(20)


@pytest.fixture
def ring(system: System) -> Iterator[Any]:
    """ring(port, number, **how): somebody telephones at that site, in the background."""
    pool = ThreadPoolExecutor(8)
    secret = derived_trunk_secret(system.secrets["ari_password"])

    def call(port: int, number: str, **how: Any) -> Future[CallOutcome]:
        caller = Caller("127.0.0.1", port, system.ports["pstn"], secret)
        return pool.submit(lambda: asyncio.run(caller.call(number, keys="0", **how)))

    yield call
    pool.shutdown(wait=True)


def test_a_site_that_dies_in_a_talk_costs_that_talk_and_the_agent_goes_on_at_the_other(
    system: System, screen_of: Any, ring: Any, figure: Any, shot: Any
) -> None:
    site_a, site_b = system.ports["sip"], system.ports["sip2"]
    first, second, third = "0409000001", "0409000002", "0409000003"
    desk = screen_of("agent1", "/desk", width=1440, height=900)
    screens.take_calls(desk)
    with desk_telephone(system, site_b, "1101"):
        ring(site_a, first, seconds=60)
        screens.phone_is(desk, "ringing")
        desk.keyboard.press("Alt+a")
        screens.phone_is(desk, "talking")
        screens.hears(desk)
        # Two seconds of it are on the disk.
        sound = system.state / "recordings" / f"{system.call_from(first, 0).call_id}.wav"
        eventually(lambda: sound.exists() and sound.stat().st_size > 32_000, "some of the talk")
        assert system.office("agent4").tell("/api/me/state", state="ready").status_code == 200

        with burning(system, "asterisk") as began:
            desk.get_by_test_id("alarm").wait_for()
            figure("site killed in a talk: red", time.time() - began, 5.0)
            shot(desk, "site-lost")
            # Who rings now reaches the other site, and a person there.
            other = ring(site_b, second, seconds=25)
            row = eventually(
                lambda: (found := system.one(TALK, [second])) and found.username and found,
                "an agent for who rings at the other site",
            )
            figure("site killed: a new caller has an agent", time.time() - began)
            assert row.username == "agent4"
            assert other.result(90).answered
            system.office("agent4").tell("/api/me/state", state="signed_out")

            # The browser leaves the dead site by itself and takes the next call at the other.
            screens.becomes(desk, "window.__softphone._phone.site === 1", timeout_ms=40_000)
            screens.phone_is(desk, "registered", timeout_ms=40_000)
            figure("site killed: the desk is registered at the other", time.time() - began)
            system.office("agent1").tell("/api/me/state", state="ready")
            last = ring(site_b, third, seconds=90)
            screens.phone_is(desk, "ringing", timeout_ms=40_000)
            desk.keyboard.press("Alt+a")
            screens.phone_is(desk, "talking")
            heard = screens.hears(desk)
            assert heard["inbound"]["energy"] > 0, heard
            shot(desk, "site-lost-next-talk")
            # Hold is asked of the exchange that has the talk, which is not the first one.
            me = system.office("agent1")
            call = eventually(lambda: system.one(TALK, [third]), "the row of that talk")
            for on, state in ((True, "hold"), (False, "talking")):
                said = me.tell(f"/api/calls/{call.call_id}/talk", act="hold", on=on)
                assert said.status_code == 200, said.text
                eventually(lambda want=state: _doing(system, "agent1") == want, f"agent1: {state}")
            desk.keyboard.press("Alt+h")
            assert last.result(120).hung_up_by == "desk"

            # What was cut is one row, with the sound up to then, and somebody owes a call.
            (lost,) = eventually(
                lambda: [r for r in system.rows(TALK, [first]) if r.state == "ended"],
                "the end of the talk that was cut",
            )
            assert (lost.outcome, lost.cut, lost.username, lost.owed) == (
                "answered", True, "agent1", 1,
            )  # fmt: skip
            kept = eventually(
                lambda: (found := system.one(TALK, [first])) and found.seconds and found,
                "its recording",
            )
            assert kept.seconds > 1.5
    # The fire is out: the site comes back by itself, and nothing is counted twice.
    system.wait_healthy(120)
    for number in (first, second, third):
        assert len(system.rows(TALK, [number])) == 1, number
    assert system.one(TALK, [third]).username == "agent1"
