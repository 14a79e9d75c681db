"""Three mains burst within a minute, the city is full of moving vehicles, and the mouse is broken.

    ~~B1~~        ~~B2~~            ~~B3~~
      ^             ^                 ^
      |  Enter      |  Enter          |  Enter        one key each, most urgent first
    crew a        crew b            crew c            three different crews

The vehicles are simulated and use the crew app's own link: they accept, drive and close valves by
themselves. STANDPIPE_LIVE_VEHICLES says how many.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.live.city import customer_on_a_quiet_pipe
from tests.live.system import REPO, System, eventually

pytestmark = pytest.mark.live
VEHICLES = int(os.environ.get("STANDPIPE_LIVE_VEHICLES", "200"))
MINUTES = 15  # at most: it is told to end as soon as the story is over
STEPS = 60


@contextmanager
def moving_vehicles(system: System) -> Iterator[dict[str, Any]]:
    """A rehearsal in the background; its ledger is in what is yielded, once it is over."""
    command = [
        str(REPO / "standpipe"), "simulate", "--vehicles", str(VEHICLES),
        "--incidents-per-hour", "0", "--minutes", str(MINUTES), "--speed", "5",
        "--no-colleagues", "--json", "--state", str(system.state),
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=REPO, env=system.environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    told: dict[str, Any] = {}

    def read() -> None:
        out, err = process.communicate()
        told["errors"] = err
        if out.strip():
            told.update(json.loads(out.splitlines()[-1]))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield told
        _end(process.pid)
        reader.join(300)
        assert "positions" in told, told.get("errors", "the rehearsal never ended")[-2000:]
    finally:
        # A story that failed must not leave the city full of vehicles for the next one.
        if process.poll() is None:
            _end(process.pid)
            reader.join(120)
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def _end(pid: int) -> None:
    """Tell the rehearsal, not the front door that waits for it, to go home and close its books."""
    for child in _descendants(pid):
        if b"server.manage" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
            os.kill(child, signal.SIGTERM)


def _descendants(pid: int) -> list[int]:
    """Children, and theirs; the front door itself, which only waits for them, is left out."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *_descendants(int(child))]
    return found


def _choose(page: Any, incident: int) -> None:
    chosen = f"() => document.querySelector('#row-{incident}')?.ariaSelected === 'true'"
    for _ in range(STEPS):
        if page.evaluate(chosen):
            break
        page.keyboard.press("j")
        page.wait_for_timeout(60)
    else:
        raise AssertionError(f"j never led to incident {incident}")
    page.locator("[data-testid=ranked-crew]").first.wait_for(timeout=60_000)


def _ordered(system: System, incident: int) -> bool:
    row = system.one(
        "SELECT count(*) AS n FROM dispatch_workorder WHERE incident_id = %s", [incident]
    )
    return bool(row.n)


def test_three_bursts_at_once_are_sent_out_by_keyboard_while_the_city_moves(
    system: System, screen_of: Callable[..., Any], shot: Any
) -> None:
    control, agent = system.office("dispatcher1"), system.office("agent1")

    def moving() -> int:
        """How many hired vehicles have said where they are."""
        row = system.one(
            "SELECT count(*) AS n FROM positions_last l JOIN positions_device d "
            "ON d.id = l.device_id WHERE d.name LIKE 'phone-sim%%' "
            "AND l.received_at > now() - interval '20 seconds'"
        )
        return int(row.n)

    with moving_vehicles(system) as told:
        eventually(lambda: moving() >= (VEHICLES - 8) * 0.9, "the vehicles on the road", 240)
        bursts = []
        for n in range(3):
            home = customer_on_a_quiet_pipe(
                system, control, valves=(1, 8), off=(1, 300), apart_deg=0.002, alone=True,
            )
            made = agent.tell(
                "/api/tickets", kind="burst", name=f"Neighbour {n}",
                place={"lon": home.lon, "lat": home.lat, "address": home.address},
                symptoms={"flooding": True},
            ).json()  # fmt: skip
            bursts.append(int(made["incident"]))
        assert len(set(bursts)) == 3

        page = screen_of("dispatcher1", "/dispatch", width=1440, height=900)
        for incident in bursts:
            page.locator(f"#row-{incident}").wait_for(timeout=60_000)
        shot(page, "20-three-bursts")
        for incident in bursts:
            _choose(page, incident)
            page.keyboard.press("Enter")
            try:
                eventually(lambda i=incident: _ordered(system, i), f"an order for {incident}")
            except AssertionError as late:
                shot(page, "20-not-sent")
                said = page.locator("#toasts").inner_text()
                detail = page.locator("#detail").inner_text()
                raise AssertionError(f"{late}; the page says {said!r} beside {detail!r}") from late
        shot(page, "21-three-sent")

        def sent() -> list[Any]:
            return system.rows(
                "SELECT incident_id, crew_id, accepted_at, on_site_at FROM dispatch_workorder "
                "WHERE incident_id = ANY(%s) AND state NOT IN ('declined', 'recalled')",
                [bursts],
            )

        assert {row.incident_id for row in sent()} == set(bursts)
        crews = [row.crew_id for row in sent()]
        assert len(set(crews)) == len(crews), "nobody is sent to two places"
        eventually(
            lambda: {r.incident_id for r in sent() if r.accepted_at} == set(bursts),
            "every crew to accept on its telephone", 120,
        )  # fmt: skip
        eventually(lambda: any(r.on_site_at for r in sent()), "the first crew on site", 240)
        page.keyboard.press("b")
        page.wait_for_timeout(500)
        shot(page, "22-three-under-way")

    assert told["vehicles"] == VEHICLES
    assert told["positions"]["balance"] == 0 and told["reports"]["balance"] == 0, told
    assert told["reports"]["sent"] >= 6, "three accepted, three under way"
