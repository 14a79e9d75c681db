"""kill -9 of each process in turn, while people telephone, register and report.

A ledger is kept of everything that was accepted from somebody: each ticket with its number, each
report a crew wrote down, each caller who got through. At the end the tables hold exactly that.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from telephony.phone import DeskPhone
from tests.live.city import customer_on_a_quiet_pipe
from tests.live.crew import Crew, at_work
from tests.live.system import Office, System, eventually, phone_password

pytestmark = pytest.mark.live

# Asterisk last: a call that was going on in it is over, whoever comes back.
VICTIMS = (
    "web", "worker", "subscribers", "clock", "ingest", "telephony", "mosquitto", "postgres",
    "asterisk",
)  # fmt: skip
# Long enough to be through the greeting on a slow machine, too.
CALL_S = 7.0


@dataclass
class Ledger:
    """What was accepted from whom."""

    tickets: dict[str, str] = field(default_factory=dict)  # number -> note
    reports: set[str] = field(default_factory=set)  # ids the phone wrote down
    calls: dict[str, str] = field(default_factory=dict)  # caller's number -> victim


class Counter(threading.Thread):
    """The counter's clerk: registers four tickets a second, repeats with the same key until heard.

    Quick enough that no process comes back before the clerk has missed it.
    """

    def __init__(self, system: System, ledger: Ledger) -> None:
        super().__init__(daemon=True, name="counter")
        self._system, self._ledger = system, ledger
        self.office: Office = system.office("agent2")
        self.stop = threading.Event()
        self.repeats = 0

    def run(self) -> None:
        n = 0
        while not self.stop.is_set():
            n += 1
            note = f"enquiry {n} {uuid.uuid4()}"
            body = {"kind": "enquiry", "note": note, "name": "Counter", "key": str(uuid.uuid4())}
            while True:
                try:
                    answer = self.office.post("/api/tickets", json=body)
                except httpx.HTTPError:
                    answer = None
                if answer is not None and answer.status_code == 201:
                    self._ledger.tickets[answer.json()["ticket"]] = note
                    break
                self.repeats += 1
                time.sleep(0.2)
            self.stop.wait(0.25)


class Road(threading.Thread):
    """The crew: a note every half second, whatever is dead at the moment."""

    def __init__(self, crew: Crew, order: str, ledger: Ledger) -> None:
        super().__init__(daemon=True, name="road")
        self._crew, self._order, self._ledger = crew, order, ledger
        self.stop = threading.Event()

    def run(self) -> None:
        n = 0
        while not self.stop.wait(0.5):
            n += 1
            report = self._crew.link.report("note", self._order, note=f"note {n}")
            self._ledger.reports.add(report.id)


class Desk(threading.Thread):
    """agent4's desk telephone; registers again when Asterisk came back."""

    def __init__(self, system: System) -> None:
        super().__init__(daemon=True, name="desk")
        self._system = system
        self.stop, self.again, self.ready = threading.Event(), threading.Event(), threading.Event()

    def run(self) -> None:
        asyncio.run(self._sit())

    async def _sit(self) -> None:
        seed = self._system.secrets["phone_password_seed"]
        while not self.stop.is_set():
            phone = DeskPhone(
                "127.0.0.1", self._system.ports["sip"], "1101", phone_password(seed, "1101"),
                ring_s=0.2, hold_s=60.0,
            )  # fmt: skip
            async with phone:
                self.ready.set()
                while not self.stop.is_set() and not self.again.is_set():
                    await asyncio.sleep(0.1)
            self.again.clear()


@pytest.fixture
def desk(system: System) -> Iterator[Desk]:
    """Calls are answered by a person at 1101; nobody else is signed in."""
    for user in ("agent1", "agent2", "agent3", "supervisor1"):
        system.office(user).tell("/api/me/state", state="signed_out")
    seat = Desk(system)
    seat.start()
    assert seat.ready.wait(30), "the desk telephone did not register"
    assert system.office("agent4").tell("/api/me/state", state="ready").status_code == 200
    yield seat
    seat.stop.set()
    seat.join(20)
    system.office("agent4").tell("/api/me/state", state="signed_out")


def test_killing_each_process_in_turn_loses_no_ticket_no_report_no_call(
    system: System, desk: Desk, figure: Any, tmp_path: Path
) -> None:
    ledger = Ledger()
    order, code = _job(system)
    ringing: dict[str, Future[Any]] = {}
    with at_work(system, code, tmp_path / "crew") as crew:
        crew.order(order)
        clerk, road = Counter(system, ledger), Road(crew, order, ledger)
        clerk.start()
        road.start()
        try:
            for n, victim in enumerate(VICTIMS):
                if victim == "asterisk":
                    _all_answered(ringing)
                number = f"02{time.time_ns() // 1_000_000 % 1_000_000:06d}{n}"
                ledger.calls[number] = victim
                took = _kill_during_a_call(system, victim, number, ringing)
                figure(f"kill -9 {victim}: all well again after", took)
        finally:
            clerk.stop.set()
            road.stop.set()
            clerk.join(60)
            road.join(10)
        desk.again.set()
        _all_answered(ringing)
        assert crew.link.wait_settled(60), crew.link.counts()
        assert not crew.link.refused()
    _balance(system, ledger)
    assert clerk.repeats > 0, "web and database were killed and nobody noticed"


def _kill_during_a_call(
    system: System, victim: str, number: str, ringing: dict[str, Future[Any]]
) -> float:
    """Seconds from the kill until all is well. The call goes on meanwhile."""
    began = time.time()
    if victim != "telephony":
        answered = threading.Event()
        ringing[victim] = system.ring(number, seconds=CALL_S, patience_s=40, answered=answered)
        system.call_from(number, began)
        # We know of a call before it is answered. Whoever of ours dies then, Asterisk answers it
        # all the same; when Asterisk itself dies then, nobody does.
        assert victim != "asterisk" or answered.wait(40), f"{number} was not answered"
    dead = system.kill(victim)
    killed = time.time()
    if victim == "telephony":
        # The call comes while nobody on our side listens.
        ringing[victim] = system.ring(number, seconds=CALL_S, patience_s=40)
    eventually(lambda: _pid(system, victim) not in (None, dead), f"a new {victim}", 40)
    system.wait_healthy(90)
    return time.time() - killed


def _all_answered(ringing: dict[str, Future[Any]]) -> None:
    for victim, call in ringing.items():
        outcome = call.result(120)
        assert outcome.answered, f"{victim}: {outcome}"


def _pid(system: System, name: str) -> int | None:
    pid: int | None = system.status()["services"].get(name, {}).get("pid")
    return pid


def _job(system: System) -> tuple[str, str]:
    """A work order and its crew's sign-in."""
    agent, control = system.office("agent1"), system.office("dispatcher1")
    customer = customer_on_a_quiet_pipe(
        system, control, valves=(1, 5), apart_deg=0.001, alone=True
    )  # fmt: skip
    place = {"lon": customer.lon, "lat": customer.lat, "address": customer.address}
    made = agent.tell("/api/tickets", kind="burst", place=place, name="At the counter")
    incident = made.json()["incident"]
    crew = control.ask(f"/api/incidents/{incident}/crews")["ranked"][0]["crew"]["id"]
    assert control.tell(f"/api/incidents/{incident}/assign", crew=crew).status_code == 201
    row = system.one(
        "SELECT o.number, c.code FROM dispatch_workorder o JOIN workforce_crew c "
        "ON c.id = o.crew_id WHERE o.incident_id = %s", [incident],
    )  # fmt: skip
    return row.number, row.code


def _balance(system: System, ledger: Ledger) -> None:
    """Sent is stored: nothing missing, nothing twice."""
    notes = list(ledger.tickets.values())
    stored = system.rows(
        "SELECT number, note FROM tickets_ticket WHERE note = ANY(%s)", [notes]
    )
    assert {r.number: r.note for r in stored} == ledger.tickets
    assert len(stored) == len(notes)
    reports = system.rows(
        "SELECT message_id::text AS id, refused FROM dispatch_crewreport "
        "WHERE message_id::text = ANY(%s)", [list(ledger.reports)],
    )  # fmt: skip
    assert {r.id for r in reports} == ledger.reports
    assert not [r for r in reports if r.refused]
    numbers = list(ledger.calls)
    eventually(
        lambda: system.one(
            "SELECT count(*) AS n FROM calls_call WHERE raw_number = ANY(%s) AND state = 'ended'",
            [numbers],
        ).n == len(numbers),
        "the end of every call", 75,
    )  # fmt: skip
    calls = system.rows(
        "SELECT c.*, r.seconds, (SELECT count(*) FROM tickets_callback b WHERE b.call_id = "
        "c.call_id) AS owed FROM calls_call c LEFT JOIN calls_recording r ON r.call_id = c.id "
        "WHERE raw_number = ANY(%s)", [numbers],
    )  # fmt: skip
    assert sorted(c.raw_number for c in calls) == sorted(numbers)
    stood_in_line = _queued_by_asterisk(system)
    for call in calls:
        victim = ledger.calls[call.raw_number]
        # Who hung up, or was cut off, in the greeting stood in no queue by Asterisk's own file.
        in_line = call.call_id in stood_in_line
        assert (call.queued_at is not None) == in_line, (victim, call)
        # Nor was anybody in the menu who was cut off before it began.
        no_line = ("ivr",) if call.path else ("ivr", "abandoned")
        ended_as = ("answered", "abandoned", "message") if in_line else no_line
        assert call.outcome in ended_as, (victim, call)
        # Either somebody spoke with them, and it can be heard, or somebody owes them a call.
        assert call.owed or (call.outcome == "answered"), (victim, call)
        assert victim in ("asterisk",) or call.seconds or call.owed, (victim, call)
        assert victim != "telephony" or call.recovered


def _queued_by_asterisk(system: System) -> set[str]:
    """Ids of the calls that the exchange itself wrote down as having joined a queue."""
    lines = (system.state / "asterisk" / "log" / "calls.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines]
    return {line["call"] for line in told if line["event"] == "queued"}


def test_the_supervisor_killed_leaves_no_process_and_no_gap(system: System, figure: Any) -> None:
    """No orphan of ours; the next start finds everything that was accepted."""
    if os.environ.get("STANDPIPE_LIVE_STATE"):
        pytest.skip("the system that was lent to us (STANDPIPE_LIVE_STATE) is not ours to end")
    count = "SELECT count(*) AS n, max(id) AS last FROM tickets_ticket"
    before = system.one(count)
    assert len(system.processes()) > 10
    os.kill(int((system.state / "supervisor" / "supervisord.pid").read_text()), signal.SIGKILL)
    eventually(lambda: not system.processes(), "the end of every process", 40)
    began = time.time()
    system.up()
    figure("second start", time.time() - began, 20.0)
    assert system.one(count) == before
