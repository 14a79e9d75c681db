"""Calls that stand for a long time: `./standpipe bench calls --minutes 30 --at-once 30`.

    callers ─► gateway ═A-law═► Asterisk ─► queue ─► agents        four of five calls
    lines ◄── gateway ◄═A-law═ Asterisk ◄── agents who dial        one of five

The load of calls_bench lasts a minute or two. What leaks, drifts or wears out shows only later:
here the same number of calls stands all the time, each some minutes long and recorded, with keys
pressed in the middle of it, and everything is counted at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from django.conf import settings
from django.db import connections

from server.accounts.models import User
from server.calls import agents, dialling
from server.calls.models import Call, DialAttempt, Recording
from server.cityload.bench import free_port, until
from server.cityload.calls_bench import (
    AMI_PASSWORD,
    Row,
    _numbers,
    _row,
    _Stage,
    _stage,
)
from server.cityload.calls_watched import Watched, sounds
from server.cityload.gateway import ADDRESS, Gateway
from server.cityload.scratch import scratch_database
from telephony.ami.client import AmiClient
from telephony.crowd import CrowdCall, PhoneRoom, call_all
from telephony.network import Line, PlacedCall, PublicNetwork
from telephony.sip import Phone as SipPhone

SHORT_S, LONG_S = 150.0, 270.0
LEAVE_MENU, KEYS = "0", "147*2580#369"
KEYS_EVERY_S = 10.0
SAMPLE_S = 5.0
# Begun at this rate until all of them stand, and again whenever one has ended.
BEGUN_PER_S = 2.0
FIRST_CALLER, FIRST_DIALLER = 2001, 2801


def standing(minutes: float, at_once: int) -> list[Row]:
    """The rows; the first has everything that was counted in `figures`, failed calls included."""
    assert 0 < minutes <= 600, "minutes: between 0 and 600"
    assert 5 <= at_once <= 100, "at-once: between 5 and 100"
    with scratch_database(), _stage(lambda state: Endurance(state, at_once)) as stage:
        return cast(Endurance, stage).run(minutes * 60)


@dataclass(frozen=True, slots=True)
class Batch:
    """`slots` calls stand at a time, one after another `rounds` times, `seconds` each."""

    slots: int
    rounds: int
    seconds: float

    @classmethod
    def of(cls, slots: int, length_s: float, whole_s: float) -> Batch:
        rounds = max(1, round(whole_s / length_s))
        return cls(slots, rounds, min(600.0, whole_s / rounds))

    @property
    def count(self) -> int:
        """How many calls that makes."""
        return self.slots * self.rounds

    @property
    def keys(self) -> str:
        """What is pressed in the middle of the talk: as many keys as fit."""
        return KEYS[: max(1, min(len(KEYS), int((self.seconds - 15) / KEYS_EVERY_S)))]


class Endurance(_Stage):
    """The stage with a gateway in front of it, and agents who dial."""

    def __init__(self, state: Path, at_once: int) -> None:
        super().__init__(state)
        self.dialling_slots = at_once // 5
        self.calling_slots = at_once - self.dialling_slots
        # Somebody is free when a call ends and the next one comes at the same moment.
        self.extensions = [str(FIRST_CALLER + n) for n in range(self.calling_slots + 10)]
        self.diallers = [str(FIRST_DIALLER + n) for n in range(self.dialling_slots)]
        self.gateway_port, self.lines_port = free_port(), free_port()
        self.config = replace(
            self.config, trunk_addresses=[ADDRESS], trunk_contact=f"{ADDRESS}:{self.gateway_port}",
            phones=[SipPhone(e, agents.phone_password(e), f"Desk {e}", webrtc=False)
                    for e in [*self.extensions, *self.diallers]],
        )  # fmt: skip
        self.gateway = Gateway(
            prefix=self.config.prefix, state=state / "gateway", sip_port=self.gateway_port,
            ari_port=free_port(), wss_port=None, ami_port=free_port(), rtp_start=39000,
            rtp_end=39999, pstn_port=self.config.pstn_port, ari_user="gateway",
            ari_password="bench-gateway", ami_user="gateway", ami_password="bench-gateway",
            prompts=self.config.prompts, recordings=state / "gateway" / "recordings", phones=[],
            site="gateway", bind_address=ADDRESS, max_calls=600,
            trunk_contact=f"127.0.0.1:{self.config.sip_port}",
            lines=f"127.0.0.1:{self.lines_port}",
        )  # fmt: skip
        self.watched = Watched()

    def begin(self) -> None:
        ami = {"host": "127.0.0.1", "port": self.config.ami_port, "user": "standpipe",
               "password": AMI_PASSWORD}  # fmt: skip
        settings.STANDPIPE = {**settings.STANDPIPE, "AMI": ami}
        self.gateway.write()
        self._start("gateway", self.gateway.command())
        super().begin()
        for extension in self.diallers:
            User.objects.create_user(f"desk{extension}", role="agent", extension=extension)

    # -- the calls ----------------------------------------------------------------------------

    def run(self, whole_s: float) -> list[Row]:
        half = self.calling_slots // 2
        batches = [Batch.of(half, SHORT_S, whole_s),
                   Batch.of(self.calling_slots - half, LONG_S, whole_s)]  # fmt: skip
        out = Batch.of(self.dialling_slots, SHORT_S, whole_s)
        numbers = _numbers(sum(b.count for b in batches))
        begun = datetime.now(UTC)
        told, placed, again = asyncio.run(self._stand(batches, out, numbers))
        return self._rows(batches, out, told, placed, begun, again)

    async def _stand(
        self, batches: Sequence[Batch], out: Batch, numbers: Sequence[str]
    ) -> tuple[list[list[CrowdCall]], list[PlacedCall], Again]:
        phones = {e: agents.phone_password(e) for e in [*self.extensions, *self.diallers]}
        longest = max(b.seconds for b in [*batches, out])
        line = Line(talk_s=out.seconds, keys=out.keys, keys_after_s=10.0)
        hold_s = min(600.0, longest + 60)
        async with (
            PublicNetwork(otherwise=line, port=self.lines_port) as network,
            PhoneRoom(self.config.sip_port, phones, hold_s=hold_s),
            AmiClient("127.0.0.1", self.config.ami_port, "standpipe", AMI_PASSWORD) as ami,
        ):
            self.watched = Watched()
            watching = [asyncio.create_task(self._keys(ami)), asyncio.create_task(self._watch())]
            crowds, first = [], 0
            for batch in batches:
                crowds.append(self._callers(numbers[first : first + batch.count], batch))
                first += batch.count
            dialled = [self._dialler(e, n, out, network) for n, e in enumerate(self.diallers)]
            told, _ = await asyncio.gather(asyncio.gather(*crowds), asyncio.gather(*dialled))
            await asyncio.sleep(3)
            for task in watching:
                task.cancel()
            for left in await asyncio.gather(*watching, return_exceptions=True):
                # Who stopped watching on the way has seen less than the figures would say.
                if isinstance(left, Exception):
                    raise left
            await asyncio.to_thread(self._all_over)
            return list(told), list(network.calls), await self._killed_and_back()

    async def _callers(self, numbers: Sequence[str], batch: Batch) -> list[CrowdCall]:
        return await call_all(
            self.gateway.sip_port, self.gateway.secret_of_trunk, list(numbers), sip_host=ADDRESS,
            per_second=BEGUN_PER_S / 2, at_once=batch.slots, seconds=batch.seconds,
            keys=LEAVE_MENU + batch.keys, keys_after_s=2.0, keys_every_s=KEYS_EVERY_S,
        )  # fmt: skip

    async def _dialler(self, extension: str, n: int, out: Batch, network: PublicNetwork) -> None:
        """An agent who rings one customer after another."""
        await asyncio.sleep(n * 2 / BEGUN_PER_S)
        for turn in range(out.rounds):
            number = f"04055{n:02}{turn:04}"
            await asyncio.to_thread(_dial, number, extension)
            begun = time.monotonic()
            while time.monotonic() - begun < out.seconds + 45:
                await asyncio.sleep(0.5)
                if any(call.ended_at for call in network.calls_to(number)):
                    break
            await asyncio.sleep(1.0)

    # -- watching -----------------------------------------------------------------------------

    async def _keys(self, ami: AmiClient) -> None:
        async for event in ami.events():
            self.watched.hear(event)

    async def _watch(self) -> None:
        while True:
            await asyncio.to_thread(self._look)
            await asyncio.sleep(SAMPLE_S)

    def _look(self) -> None:
        pids = {n: self.running[n].pid for n in ("asterisk", "telephony", "worker")}
        self.watched.look(pids, self._asked("pjsip show channelstats"))

    def _asked(self, line: str) -> str:
        told = subprocess.run(self.config.console(line), capture_output=True, check=False)
        return told.stdout.decode(errors="replace")

    def _all_over(self) -> None:
        until(lambda: not Call.objects.exclude(state="ended").exists(), 60, "the calls' ends")
        answered = Call.objects.exclude(answered_at=None).count()
        with contextlib.suppress(AssertionError):
            until(lambda: Recording.objects.count() >= answered, 60, "the recordings")
        connections.close_all()

    async def _killed_and_back(self) -> Again:
        """kill -9 and a new start, while somebody calls every second."""
        numbers = [f"0909{n:05}" for n in range(20)]
        begun = datetime.now(UTC)
        self._kill("asterisk", signal.SIGKILL)
        self._start("asterisk", self.config.command())
        told = await call_all(
            self.config.sip_port, self.config.secret_of_trunk, numbers, per_second=1.0,
            at_once=20, seconds=12.0, keys=LEAVE_MENU, keys_after_s=2.0,
        )  # fmt: skip
        await asyncio.sleep(2)
        talked = await asyncio.to_thread(_answered_at, numbers)
        up = [c.answered_at for c in told if c.answered_at]
        return Again(
            (min(up) - begun).total_seconds() if up else math.inf,
            (min(talked) - begun).total_seconds() if talked else math.inf,
            len(up), len(told), len(talked),
        )  # fmt: skip

    # -- counting -----------------------------------------------------------------------------

    def _rows(
        self, batches: Sequence[Batch], out: Batch, told: Sequence[Sequence[CrowdCall]],
        placed: Sequence[PlacedCall], begun: datetime, again: Again,
    ) -> list[Row]:  # fmt: skip
        calls = [call for crowd in told for call in crowd]
        cut = [call for batch, crowd in zip(batches, told, strict=True) for call in crowd
               if call.answered_at and _lasted(call) < batch.seconds - 2]  # fmt: skip
        unanswered = sum(call.answered_at is None for call in calls)
        wanted = sum(batch.count for batch in batches)
        stored = list(Call.objects.filter(started_at__gte=begun).exclude(
            raw_number__startswith="0909").select_related("recording"))  # fmt: skip
        talked = [c for c in stored if c.answered_at is not None and c.agent_id is not None]
        lines = [c for c in placed if c.answered_at and c.ended_at and _talk(c) > out.seconds - 2]
        recorded = [c for c in stored if hasattr(c, "recording")]
        failed = {
            "not answered": wanted - len(calls) + unanswered, "cut short": len(cut),
            "not reached or cut short, calling out": out.count - len(lines),
            "no agent on record": wanted + out.count - len(talked),
            "no recording": wanted + out.count - len(recorded),
        }  # fmt: skip
        keys = self._keys_counted(batches, out)
        quality = self.watched.quality()
        figures = {
            "failed": failed, "calls": {"in": len(calls), "out": len(placed), "on record":
            len(stored)}, "keys": keys, "trunk": quality,
            "sound": sounds(recorded, placed), "left": self._left(),
            "processes": {n: self.watched.grown(n) for n in self.watched.memory},
            "restart": {"answered_s": round(again.answered_s, 2),
                        "agent_s": round(again.agent_s, 2), "callers": again.callers,
                        "answered": again.answered, "talked": again.talked},
        }  # fmt: skip
        lengths = ", ".join(f"{b.slots} x {b.seconds:.0f} s" for b in [*batches, out])
        label = (
            f"{quality['standing_median']} calls standing ({lengths}), {wanted} in and "
            f"{out.count} out through a gateway in {'/'.join(self.watched.codecs)}, "
            f"{sum(failed.values())} failed"
        )
        pick_up = [(c.answered_at - c.invited_at).total_seconds() for c in calls if c.answered_at]
        row = _row("calls: standing, INVITE to 200 OK", pick_up, label, {})
        row["figures"] = figures
        told_again = (
            f"{again.answered} of {again.callers} callers answered from the kill on, one a second"
        )
        return [row, _row("calls: kill to first talk", [again.agent_s], told_again, {})]

    def _keys_counted(self, batches: Sequence[Batch], out: Batch) -> dict[str, int]:
        expected = Counter({out.keys: out.count})
        for batch in batches:
            expected[LEAVE_MENU + batch.keys] += batch.count
        got = Counter(self.watched.received.values())
        # The key that leaves the menu is for us and goes no further.
        right = sum((expected & got).values())
        return {
            "pressed": sum(len(k) * n for k, n in expected.items()),
            "received": sum(map(len, self.watched.received.values())),
            "passed on to agents": sum(map(len, self.watched.passed_on.values())),
            "calls with exactly their keys": right, "calls": expected.total(),
        }  # fmt: skip

    def _left(self) -> dict[str, int]:
        """What remains in Asterisk when everybody has hung up."""
        told = self._asked("core show channels count")
        found = re.search(r"^(\d+) active channel", told, re.MULTILINE)
        spool = self.config.base / "spool" / "outgoing"
        return {
            "channels": int(found[1]) if found else -1,
            "calls open": Call.objects.exclude(state="ended").count(),
            "recordings not told": sum(1 for _ in spool.glob("*.call")),
        }


@dataclass(frozen=True, slots=True)
class Again:
    """After the kill: seconds to the first 200 OK and to the first talk; how many got through."""

    answered_s: float
    agent_s: float
    answered: int
    callers: int
    talked: int


def _dial(number: str, extension: str) -> None:
    try:
        dialling.dial(
            number, by=f"desk{extension}", purpose=DialAttempt.Purpose.CLICK,
            on_answer=dialling.ToAgent(extension),
        )  # fmt: skip
    finally:
        connections.close_all()


def _answered_at(numbers: Sequence[str]) -> list[datetime]:
    try:
        there = Call.objects.filter(raw_number__in=numbers).exclude(answered_at=None)
        return [at for at in there.values_list("answered_at", flat=True) if at]
    finally:
        connections.close_all()


def _lasted(call: CrowdCall) -> float:
    assert call.answered_at is not None
    return ((call.ended_at or call.answered_at) - call.answered_at).total_seconds()


def _talk(call: PlacedCall) -> float:
    assert call.answered_at is not None and call.ended_at is not None
    return (call.ended_at - call.answered_at).total_seconds()
