"""The contact centre under load: real Asterisk, real SIP, the product's own telephony process.

    SIPp crowd ──► Asterisk ──► application: who, where, what is known ──► queue ──► SIPp phones
     6 calls/s         │                        │
                       └─ recordings            └─ database ──► NOTIFY: the agent's screen

Everything of its own: a database beside the product's, an Asterisk on free ports, a demo city.
Three parts: the load, calls while the application is away, and a storm of calls from one burst.
"""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.contrib.gis.db.models.functions import Distance
from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone

from server.accounts.models import User
from server.calls import agents, services
from server.calls.models import AgentState, Call, Recording
from server.cityload.bench import free_port, until
from server.cityload.loading import load_demo_city
from server.cityload.scratch import scratch_database
from server.customers.models import Phone
from server.events.reading import CHANNEL, Listener, Mark, after, end
from server.tickets.models import Incident
from telephony.config import AsteriskConfig
from telephony.crowd import CrowdCall, PhoneRoom, call_all
from telephony.sip import Phone as SipPhone

Row = dict[str, Any]
AGENTS = 100
TALK_S = 8.0
PER_SECOND = 6.0
CALLS = 360
AWAY = 200
STORM = 2000
SEED, ARI_PASSWORD, AMI_PASSWORD = "bench-seed", "bench-ari", "bench-ami"


class Missing(RuntimeError):
    """Something the measurement needs is not on this machine."""


def calls(*, count: int = CALLS, away: int = AWAY, storm: int = STORM) -> list[Row]:
    """The rows. Errors: Missing; AssertionError where a call failed, or is not on record."""
    if shutil.which("sipp") is None:
        raise Missing("sipp is not installed (Debian package sip-tester)")
    with scratch_database(), _stage() as stage:
        rows = stage.load(count)
        rows += stage.application_away(away)
        rows += stage.storm(storm)
        return rows


def _prefix() -> Path:
    if Path("/usr/sbin/asterisk").exists():
        return Path("/")
    home = Path(os.environ.get("STANDPIPE_HOME", ""))
    found = sorted(home.glob("asterisk-*/usr/sbin/asterisk"))
    if not found:
        raise Missing("there is no Asterisk here; `./standpipe up` fetches it")
    return found[-1].parents[2]


@contextmanager
def _stage(made: Callable[[Path], _Stage] | None = None) -> Iterator[_Stage]:
    kept = settings.STANDPIPE
    # A short path: Asterisk's control socket lies below it.
    with tempfile.TemporaryDirectory(prefix="spb-", dir="/tmp") as folder:
        state = Path(folder)
        settings.STANDPIPE = {
            **kept, "STREETS": state / "streets", "NETWORK": state / "network",
            "RECORDINGS": state / "recordings", "CALL_LOG": state / "asterisk" / "log",
            "PHONE_PASSWORD_SEED": SEED,
        }  # fmt: skip
        stage = (made or _Stage)(state)
        try:
            stage.begin()
            yield stage
        finally:
            stage.end()
            settings.STANDPIPE = kept


class _Pops(threading.Thread):
    """When each call could be read from the live stream, as every screen reads it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.at: dict[str, datetime] = {}
        self._ending, self.ready = threading.Event(), threading.Event()

    def run(self) -> None:
        listener, mark = Listener(CHANNEL), end()
        listener.wait(0.1)
        self.ready.set()
        try:
            while not self._ending.is_set():
                listener.wait(0.1)
                mark = self._read(mark)
        finally:
            connections.close_all()

    def _read(self, mark: Mark) -> Mark:
        for row in after(mark):
            mark = row.mark
            if row.name == "call.ringing":
                self.at.setdefault(row.payload["call"], datetime.now(UTC))
        return mark

    def stop(self) -> None:
        self._ending.set()
        self.join(5)


class _Stage:
    """An Asterisk, its phones, the product's processes, and a city of customers."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.extensions = [str(2001 + n) for n in range(AGENTS)]
        self.config = AsteriskConfig(
            prefix=_prefix(), state=state, sip_port=free_port(), ari_port=free_port(),
            wss_port=None, ami_port=free_port(), rtp_start=36000, rtp_end=38999,
            pstn_port=free_port(), ari_user="standpipe", ari_password=ARI_PASSWORD,
            ami_user="standpipe", ami_password=AMI_PASSWORD,
            prompts=Path(settings.STANDPIPE["PROMPTS"]), recordings=state / "recordings",
            phones=[SipPhone(e, agents.phone_password(e), f"Desk {e}", webrtc=False)
                    for e in self.extensions],
            # What is measured ends with the talk.
            max_calls=600, ask_rating=False,
        )  # fmt: skip
        self.env = {
            **os.environ,
            "STANDPIPE_STATE": str(state),
            "STANDPIPE_DB_NAME": str(connection.settings_dict["NAME"]),
            "STANDPIPE_ARI_URL": f"http://127.0.0.1:{self.config.ari_port}/ari",
            "STANDPIPE_ARI_USER": "standpipe", "STANDPIPE_ARI_PASSWORD": ARI_PASSWORD,
            "STANDPIPE_AMI_HOST": "127.0.0.1", "STANDPIPE_AMI_PORT": str(self.config.ami_port),
            "STANDPIPE_AMI_USER": "standpipe", "STANDPIPE_AMI_PASSWORD": AMI_PASSWORD,
            "STANDPIPE_PHONE_PASSWORD_SEED": SEED,
            "PYTHONPATH": str(settings.SERVER.parent),
        }  # fmt: skip
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def begin(self) -> None:
        load_demo_city()
        # As `./standpipe up` does: the first plan would compile for seconds.
        call_command("warm", stdout=io.StringIO())
        self.config.write()
        self._start("asterisk", self.config.command())
        until(self._booted, 40, "Asterisk")
        for extension in self.extensions:
            user = User.objects.create_user(f"desk{extension}", role="agent", extension=extension)
            agents.set_state(user, AgentState.State.READY)
        for name in ("subscribers", "worker", "telephony"):
            self._manage(name)
        until(self._listening, 40, "the telephony process")

    def _booted(self) -> bool:
        told = subprocess.run(
            self.config.console("core waitfullybooted"), capture_output=True, check=False
        )
        return told.returncode == 0 and b"fully booted" in told.stdout

    def _listening(self) -> bool:
        told = subprocess.run(
            self.config.console("ari show apps"), capture_output=True, check=False
        )
        return b"standpipe" in told.stdout

    def _start(self, name: str, command: Sequence[str]) -> None:
        log = (self.state / f"{name}.log").open("ab")
        self.running[name] = subprocess.Popen(
            command, env=self.env, cwd=settings.SERVER.parent, stdout=log, stderr=log
        )

    def _manage(self, name: str) -> None:
        self._start(name, [sys.executable, "-m", "server.manage", name])

    def _kill(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        process = self.running.pop(name, None)
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)

    def end(self) -> None:
        for name in list(self.running):
            self._kill(name)

    # -- measurements -------------------------------------------------------------------------

    def load(self, count: int) -> list[Row]:
        """Calls at a rate, every one answered by an agent and recorded."""
        numbers = _numbers(count)
        told, pops = self._crowd(numbers, with_agents=True)
        failed = [c for c in told if c.answered_at is None]
        assert len(told) == count and not failed, f"{len(failed)} of {len(told)} calls failed"
        stored = {c.raw_number: c for c in Call.objects.filter(raw_number__in=numbers)}
        assert len(stored) == count, f"{len(stored)} of {count} calls are on record"
        answered = [c for c in stored.values() if c.answered_at is not None]
        until(lambda: Recording.objects.count() >= len(answered), 30, "the recordings")
        pop = [(pops[stored[c.number].call_id] - c.invited_at).total_seconds() for c in told]
        pick_up = [(c.answered_at - c.invited_at).total_seconds() for c in told if c.answered_at]
        bare = self._bare(min(60, count))
        label = (
            f"{PER_SECOND:g} calls/s, {_at_once(told)} at once, {len(answered)} talked to an "
            f"agent and were recorded, 0 failed"
        )
        return [
            _row("calls: INVITE to pop", pop, label, {}),
            _row("calls: INVITE to 200 OK", pick_up, label,
                 {"the time of Asterisk alone": float(np.median(pick_up) / np.median(bare))}),
        ]  # fmt: skip

    def _bare(self, count: int) -> list[float]:
        """INVITE to 200 OK where the application is away: Asterisk by itself."""
        self._kill("telephony", signal.SIGKILL)
        try:
            told = asyncio.run(self._call([f"0909{n:05}" for n in range(count)], seconds=1.0))
        finally:
            self._back()
        return [(c.answered_at - c.invited_at).total_seconds() for c in told if c.answered_at]

    def _back(self) -> None:
        self._manage("telephony")
        until(self._listening, 40, "the telephony process")

    def application_away(self, count: int) -> list[Row]:
        """Callers reach people while nobody of ours listens; afterwards all are on record."""
        numbers = [f"0808{n:05}" for n in range(count)]

        async def run() -> list[CrowdCall]:
            phones = {e: agents.phone_password(e) for e in self.extensions}
            async with PhoneRoom(self.config.sip_port, phones, hold_s=TALK_S):
                return await self._call(numbers, seconds=6.0)

        self._kill("telephony", signal.SIGKILL)
        told = asyncio.run(run())
        failed = sum(c.answered_at is None for c in told)
        assert not failed, f"{failed} of {count} callers were not served while we were away"
        begun = time.monotonic()
        self._manage("telephony")
        there = Call.objects.filter(raw_number__in=numbers)
        until(lambda: there.count() == count, 60, f"{count} calls on record")
        took = time.monotonic() - begun
        until(lambda: not there.exclude(state="ended").exists(), 60, "their ends")
        marked = there.filter(recovered=True).count()
        talked = there.exclude(answered_at=None).count()
        assert marked == count, f"{marked} of {count} are marked as recovered"
        label = f"{count} of {count} calls recovered, {talked} had talked to an agent"
        return [_row("calls: application away, all on record", [took], label, {})]

    def storm(self, count: int) -> list[Row]:
        """One burst, everybody calls: one incident, and the callers after hear of it."""
        around = _around_one_main(count)
        first, rest = around[:3], around[3:]
        begun = timezone.now()
        # Agents talk with these and write their tickets, below; whom nobody answers has one made.
        told, _pops = self._crowd(first, with_agents=True)
        # Some of them had called before, in the measurement of the load.
        calls = [Call.objects.get(raw_number=c.number, started_at__gte=begun) for c in told]
        for call in calls:
            place = {"premise": call.premise.code} if call.premise else {}
            services.register(call, {"kind": "no_water", "place": place}, by="desk2001")
        third = timezone.now()
        until(lambda: _incident_of(calls) is not None, 180, "one incident of the first three")
        incident = _incident_of(calls)
        took = (timezone.now() - third).total_seconds()
        told, pops = self._crowd(rest, with_agents=False, seconds=7.0)
        stored = Call.objects.filter(raw_number__in=rest, started_at__gte=begun)
        assert stored.count() == len(rest), f"{stored.count()} of {len(rest)} are on record"
        knew = stored.exclude(verdict="nothing_known").count()
        incidents = Incident.objects.filter(opened_at__gte=third - timedelta(minutes=5)).count()
        assert incidents == 1, f"one burst became {incidents} incidents"
        by_number = {c.raw_number: c.call_id for c in stored}
        pop = [(pops[by_number[c.number]] - c.invited_at).total_seconds() for c in told]
        label = (
            f"{len(rest)} callers at {PER_SECOND:g}/s after three tickets of {incident}: "
            f"{knew} were told apart as standing in it, {len(rest) - knew} elsewhere"
        )
        return [
            _row("calls: third ticket to one incident", [took], label, {}),
            _row("calls: storm, INVITE to pop", pop, label, {}),
        ]

    def _crowd(
        self, numbers: Sequence[str], *, with_agents: bool, seconds: float = TALK_S + 8.0
    ) -> tuple[list[CrowdCall], dict[str, datetime]]:
        pops = _Pops()
        pops.start()
        pops.ready.wait(5)

        async def run() -> list[CrowdCall]:
            if not with_agents:
                return await self._call(numbers, seconds=seconds)
            phones = {e: agents.phone_password(e) for e in self.extensions}
            async with PhoneRoom(self.config.sip_port, phones, hold_s=TALK_S):
                # 0 leaves the conversation before the queue, wherever it stands.
                return await self._call(numbers, seconds=seconds, keys="0")

        try:
            return asyncio.run(run()), pops.at
        finally:
            time.sleep(1)
            pops.stop()

    async def _call(
        self, numbers: Sequence[str], *, seconds: float, keys: str = ""
    ) -> list[CrowdCall]:
        return await call_all(
            self.config.sip_port, self.config.secret_of_trunk, list(numbers),
            per_second=PER_SECOND, at_once=200, seconds=seconds, keys=keys, keys_after_s=2.0,
        )  # fmt: skip


def _numbers(count: int) -> list[str]:
    """Customers' own numbers, spread over the city."""
    known = list(
        dict.fromkeys(Phone.objects.order_by("account__number").values_list("number", flat=True))
    )
    step = max(1, len(known) // count)
    return known[::step][:count]


def _around_one_main(count: int) -> list[str]:
    """Numbers of the customers nearest to one place of the network, nearest first."""
    middle = Phone.objects.order_by("account__premise__code").first()
    assert middle is not None
    near = (
        Phone.objects.annotate(far=Distance("account__premise__geom", middle.account.premise.geom))
        .order_by("far", "pk")
        .values_list("number", flat=True)
    )
    return list(dict.fromkeys(near))[:count]


def _incident_of(calls: Sequence[Call]) -> str | None:
    """The one incident in which all of these calls stand, None while there are several."""
    found = set(
        Call.objects.filter(pk__in=[c.pk for c in calls]).values_list(
            "contact__ticket__incident__number", flat=True
        )
    )
    return str(found.pop()) if len(found) == 1 and None not in found else None


def _at_once(told: Sequence[CrowdCall]) -> int:
    """The most calls that stood at one moment."""
    edges = [(c.answered_at, 1) for c in told if c.answered_at]
    edges += [(c.ended_at, -1) for c in told if c.answered_at and c.ended_at]
    most = now = 0
    for _at, step in sorted(edges):
        now += step
        most = max(most, now)
    return most


def _row(name: str, seconds: Sequence[float], label: str, versus: dict[str, float]) -> Row:
    ms = np.asarray(seconds) * 1000
    return {
        "bench": name, "n": len(ms), "p50_ms": float(np.percentile(ms, 50)),
        "p95_ms": float(np.percentile(ms, 95)), "versus": versus, "input": label,
    }  # fmt: skip
