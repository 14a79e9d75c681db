"""Two telephone sites in the running product: one is killed, then the line between them is cut.

    caller --> site sp  (keeps the queue)      agent1: a browser
                 |  line
    caller --> site sp2                        agent4: a telephone on the desk

The exchanges alone are asked in tests/telephony/test_sites.py; here it is what people see, and what
stands in the tables afterwards.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from telephony.phone import DeskPhone
from tests.live import screens, sites
from tests.live.system import System, eventually
from tests.live.test_kill_minus_nine import _phone_password

pytestmark = pytest.mark.live
PROMISED_S = 30.0
AGENTS = ("agent1", "agent2", "agent3", "agent4", "supervisor1")


@pytest.fixture(scope="module")
def both(system: System) -> System:
    """The installation with a second site: as it is, or given one now."""
    if "asterisk2" in system.status()["services"]:
        return system
    if os.environ.get("STANDPIPE_LIVE_STATE"):
        pytest.skip("the system that was lent to us (STANDPIPE_LIVE_STATE) has one site")
    system.down()
    system.up("--sites", "2")
    return system


@contextmanager
def telephone(system: System, port: str) -> Iterator[None]:
    """agent4's telephone, registered at the site whose SIP port has this name."""
    over, ready = threading.Event(), threading.Event()
    seed = system.secrets["phone_password_seed"]

    async def sit() -> None:
        async with DeskPhone(
            "127.0.0.1", system.ports[port], "1101", _phone_password(seed, "1101"), ring_s=0.2,
            hold_s=4.0,
        ):  # fmt: skip
            ready.set()
            while not over.is_set():
                await asyncio.sleep(0.1)

    thread = threading.Thread(target=lambda: asyncio.run(sit()), daemon=True)
    thread.start()
    try:
        assert ready.wait(30), "the telephone did not register"
        yield
    finally:
        over.set()
        thread.join(20)


def ring_second(system: System, number: str, **how: Any) -> Future[Any]:
    """Somebody's call reaches the second site."""
    caller = sites.caller_at_second(system)
    return system._pool.submit(lambda: asyncio.run(caller.call(number, **how)))


def state(system: System, user: str, state: str, **more: Any) -> None:
    assert system.office(user).tell("/api/me/state", state=state, **more).status_code == 200


@contextmanager
def kept_away(system: System) -> Iterator[float]:
    """kill -9 of the first site; it cannot start again within. Yields the moment."""
    conf = sites.folder_of(system, sites.FIRST) / "etc" / "asterisk.conf"
    text = conf.read_text(encoding="utf-8")
    # Its database is gone. (Without the whole file it would look for the machine's own.)
    conf.write_text(text.replace("astdbdir => ", "astdbdir => /nowhere"), encoding="utf-8")
    try:
        system.kill("asterisk")
        yield time.time()
    finally:
        conf.write_text(text, encoding="utf-8")


def rows_of(system: System, *numbers: str) -> dict[str, Any]:
    """Number -> its call. Fails where one is missing, or there twice."""
    found = system.rows(
        "SELECT c.*, r.seconds, u.username, (SELECT count(*) FROM tickets_callback b WHERE "
        "b.call_id = c.call_id) AS owed FROM calls_call c LEFT JOIN calls_recording r "
        "ON r.call_id = c.id LEFT JOIN accounts_user u ON u.id = c.agent_id "
        "WHERE raw_number = ANY(%s)", [list(numbers)],
    )  # fmt: skip
    assert sorted(r.raw_number for r in found) == sorted(numbers)
    return {r.raw_number: r for r in found}


def all_ended(system: System, *numbers: str) -> dict[str, Any]:
    eventually(
        lambda: all(
            r.state == "ended" and (r.seconds or r.owed)
            for r in rows_of(system, *numbers).values()
        ),
        "the end and the sound of every call", 75,
    )  # fmt: skip
    return rows_of(system, *numbers)


def test_a_site_that_dies_costs_a_call_that_is_owed_and_agents_go_on_at_the_other(
    both: System, screen_of: Callable[..., Any], figure: Any, shot: Any
) -> None:
    system, one, two, three = both, *(f"0302{time.time_ns() % 10**6:06d}{n}" for n in range(3))
    for user in AGENTS:
        state(system, user, "signed_out")
    desk = screen_of("agent1", "/desk", width=1440, height=900)
    screens.take_calls(desk)
    began = time.time()
    system.ring(one, keys="0", seconds=45)
    screens.phone_is(desk, "ringing")
    desk.keyboard.press("Alt+a")
    screens.phone_is(desk, "talking")
    screens.hears(desk)
    call = system.call_from(one, began)
    desk.wait_for_timeout(3000)
    with telephone(system, "sip2"), kept_away(system) as killed:
        state(system, "agent4", "ready")
        calling = ring_second(system, two, keys="0", seconds=45, patience_s=60)
        desk.get_by_test_id("alarm").wait_for(timeout=40_000)
        figure("site killed to red", time.time() - killed, 5.0)
        shot(desk, "desk-site-killed")
        eventually(lambda: _answered(system, two), "the other site's agent has the caller")
        figure("site killed to a new caller with an agent", _answered(system, two) - killed,
               PROMISED_S)  # fmt: skip
        screens.becomes(
            desk, "window.__softphone.state === 'registered' && window.__softphone.up", None, 60_000
        )
        figure("site killed to the browser at the other site", time.time() - killed, PROMISED_S)
        desk.get_by_test_id("alarm").wait_for(state="hidden")
        assert desk.evaluate("window.__softphone._phone.site") == 1
        shot(desk, "desk-other-site")
        # The browser takes calls there.
        screens.take_calls(desk)
        third = ring_second(system, three, keys="0", seconds=6, patience_s=60)
        screens.phone_is(desk, "ringing", timeout_ms=40_000)
        desk.keyboard.press("Alt+a")
        screens.phone_is(desk, "talking")
        assert screens.hears(desk)["inbound"]["energy"] > 0
        assert third.result(90).answered and calling.result(90).answered
    back = time.time()
    system.wait_healthy(90)
    figure("site free to start to all well", time.time() - back)
    found = all_ended(system, one, two, three)
    assert found[one].cut and found[one].outcome == "answered" and found[one].owed == 1
    assert found[one].call_id == call.call_id and found[one].call_id.startswith("sp-")
    assert found[one].seconds > 2.0, "the sound up to the cut"
    for number, agent in ((two, "agent4"), (three, "agent1")):
        row = found[number]
        assert row.call_id.startswith("sp2-") and not row.cut and not row.owed
        assert (row.outcome, row.username) == ("answered", agent)


def _answered(system: System, number: str) -> float:
    row = system.one(
        "SELECT extract(epoch FROM answered_at) AS at FROM calls_call WHERE raw_number = %s AND "
        "agent_id IS NOT NULL", [number],
    )  # fmt: skip
    return float(row.at) if row is not None and row.at else 0.0


def test_a_cut_line_leaves_both_sites_answering_and_one_list_without_doubles(
    both: System, screen_of: Callable[..., Any], figure: Any
) -> None:
    system, one, two = both, *(f"0303{time.time_ns() % 10**6:06d}{n}" for n in range(2))
    for user in AGENTS:
        state(system, user, "signed_out")
    desk = screen_of("agent1", "/desk", width=1440, height=900)
    screens.take_calls(desk)
    with sites.a_line_that_can_be_cut(system) as line, telephone(system, "sip2"):
        state(system, "agent4", "ready")
        line.cut()
        began = time.time()
        here = system.ring(one, keys="0", seconds=60, patience_s=60)
        screens.phone_is(desk, "ringing", timeout_ms=60_000)
        desk.keyboard.press("Alt+a")
        screens.phone_is(desk, "talking")
        figure("line cut to a caller of the first site with an agent", time.time() - began)
        # While agent1 talks: who is free behind the dead line is rung in vain first.
        there = ring_second(system, two, keys="0", seconds=60, patience_s=60)
        began = time.time()
        eventually(lambda: _answered(system, two), "the second site answers on its own")
        figure("line cut to a caller of the second site with an agent",
               _answered(system, two) - began, PROMISED_S)  # fmt: skip
        assert screens.hears(desk)["inbound"]["energy"] > 0
        desk.keyboard.press("Alt+h")
        assert here.result(120).answered and there.result(120).answered
        line.cut(False)
        for site in (sites.FIRST, sites.SECOND):
            eventually(partial(sites.sees_the_other, system, site), f"{site} sees again")
        found = all_ended(system, one, two)
    told = {n[-1]: (r.call_id.partition("-")[0], r.outcome, r.username) for n, r in found.items()}
    assert told == {"0": ("sp", "answered", "agent1"), "1": ("sp2", "answered", "agent4")}
    assert not any(r.cut or r.owed for r in found.values())
