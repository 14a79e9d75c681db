"""The dialler with a real Asterisk and a public network, killed again and again, and at its pace.

    manage dialler ──► Asterisk ──► PublicNetwork: numbers that answer, are busy, do not answer
      └ kill -9, at moments nobody chose             └ who answers ──► queue ──► SIPp desk phones

The network counts who was rung and how many at once. The tests stand in for the telephony process:
they read what Asterisk wrote down, and ask which calls it holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.telephony.conftest import Desk, asterisk  # noqa: F401

pytestmark = pytest.mark.live
REPO = Path(__file__).parents[2]
NUMBERS = [f"04012304{n:02}" for n in range(24)]
KILLS = 4
WRITTEN = (
    "campaigns_campaign", "calls_dialattempt", "calls_call", "events_event", "events_cursor",
    "accounts_auditrow", "accounts_user",
)  # fmt: skip


@pytest.fixture
def db(django_db_setup: Any, django_db_blocker: Any) -> Iterator[None]:
    """Real commits, and everything of ours gone afterwards."""
    from django.db import connection

    with django_db_blocker.unblock():
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute(f"TRUNCATE {', '.join(WRITTEN)} CASCADE")


@pytest.fixture
def beside() -> Iterator[Callable[[Any], Any]]:
    """Telephones live in a thread of their own: the test itself talks to the database."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


@pytest.fixture
def network(asterisk: Desk, beside: Callable[[Any], Any]) -> Iterator[Any]:  # noqa: F811
    from telephony.network import Line, PublicNetwork

    ways = [Line(talk_s=0.4, ring_s=0.1), Line("busy", ring_s=0.2), Line("rings")]
    host, _, port = asterisk.config.trunk_contact.partition(":")
    lines = {number: ways[n % 3] for n, number in enumerate(NUMBERS)}
    net = PublicNetwork(lines, host=host, port=int(port), otherwise=Line(talk_s=20))
    beside(net.__aenter__())
    yield net
    beside(net.__aexit__())


@pytest.fixture
def here(asterisk: Desk, settings: Any) -> None:  # noqa: F811
    """The server's settings lead to the tests' Asterisk."""
    c = asterisk.config
    settings.STANDPIPE = {
        **settings.STANDPIPE, "CALL_LOG": c.calls_log.parent, "COUNTRY_CODE": "358",
        "RECORDINGS": c.recordings,
        "AMI": {"host": "127.0.0.1", "port": c.ami_port, "user": c.ami_user,
                "password": c.ami_password},
    }  # fmt: skip


def started(numbers: list[str], **more: Any) -> Any:
    from server.campaigns import services

    row = services.write({
        "name": "x", "kind": "list", "source": {"numbers": "\n".join(numbers)}, "gap_s": 3600,
        "text": {"en": "One."}, "opens": "00:00", "closes": "23:59:59", "channels": 6,
        "ring_s": 10, **more,
    }, by="sari")  # fmt: skip
    return services.act(row, "start", by="sari")


class Dialler:
    """`manage dialler` as the supervisor would run it, on the tests' database and Asterisk."""

    def __init__(self, desk: Desk, out: Path) -> None:
        from django.db import connection

        self._env = os.environ | {
            "STANDPIPE_DB_NAME": str(connection.settings_dict["NAME"]),
            "STANDPIPE_AMI_HOST": "127.0.0.1", "STANDPIPE_AMI_PORT": str(desk.config.ami_port),
            "STANDPIPE_AMI_USER": desk.config.ami_user,
            "STANDPIPE_AMI_PASSWORD": desk.config.ami_password,
            "STANDPIPE_PROMPTS": str(desk.config.prompts), "STANDPIPE_PROFILE": "full",
        }  # fmt: skip
        self._out = out
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._out.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "server.manage", "dialler"], cwd=REPO, env=self._env,
                stdout=out, stderr=out,
            )  # fmt: skip

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)
            self.process = None


def settle() -> None:
    """What the telephony process does every half minute."""
    from django.utils import timezone

    from server.calls import dialling, exchange, recovering

    asked = timezone.now() - timedelta(seconds=3)
    held = exchange.listed_at_each("CoreShowChannels").values()
    recovering.recover_calls()
    recovering.recover_dials()
    dialling.end_absent({m.get("Linkedid") for site in held for m in site}, began_before=asked)


def until(true: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while True:
        settle()
        if true():
            return
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.2)


def test_a_dialler_killed_four_times_rings_everybody_once_and_nobody_twice(
    asterisk: Desk, network: Any, db: None, here: None, tmp_path: Path  # noqa: F811
) -> None:
    from server.campaigns import running
    from server.campaigns.models import Target, Try

    campaign = started(NUMBERS)
    dialler = Dialler(asterisk, tmp_path / "dialler.log")
    chance = random.Random(40)
    try:
        for kill in range(KILLS):
            before = len(network.calls)
            dialler.start()
            until(lambda b=before: len(network.calls) > b, f"a ring before kill {kill}")
            time.sleep(chance.uniform(0, 0.4))
            dialler.kill()
        dialler.start()

        def everybody_had_their_try() -> bool:
            left = Target.objects.filter(campaign=campaign, tries=0)
            return not left.exists() and not Try.objects.filter(settled_at=None).exists()

        until(everybody_had_their_try, "everybody was rung and settled", 120)
    finally:
        dialler.kill()

    rung = {number: len(network.calls_to(number)) for number in NUMBERS}
    assert max(rung.values()) == 1, f"called twice: {rung}"
    # One whose try was committed and never rung waits for its gap: too few, never too many.
    assert sum(rung.values()) >= len(NUMBERS) - KILLS
    assert network.most_at_once() <= 6
    states = list(Target.objects.filter(campaign=campaign).values_list("state", flat=True))
    answered = sum(1 for c in network.calls if c.answered_at is not None)
    assert running.going_on(campaign)["ringing"] == 0
    assert states.count("reached") == answered
    assert states.count("reached") + states.count("waiting") == len(NUMBERS)


def test_a_progressive_campaign_rings_no_more_than_there_are_free_agents_and_connects_them(
    asterisk: Desk, network: Any, beside: Callable[[Any], Any], db: None, here: None  # noqa: F811
) -> None:
    from server.accounts.models import User
    from server.calls import exchange
    from server.campaigns import running
    from server.campaigns.models import Target

    for extension in ("1101", "1102"):
        User.objects.create_user(f"desk{extension}", role="agent", extension=extension)
    phones = [asterisk.phone(e, ring_s=0.2, hold_s=1.0) for e in ("1101", "1102")]
    campaign = started([f"04012305{n:02}" for n in range(4)], mode="progressive", ratio=1.0)
    at_once = 0
    try:
        for phone, extension in zip(phones, ("1101", "1102"), strict=True):
            beside(phone.start())
            exchange.act("QueueAdd", Queue="faults", Interface=f"PJSIP/{extension}",
                         StateInterface=f"PJSIP/{extension}", Penalty=0)  # fmt: skip

        def everybody_is_settled() -> bool:
            nonlocal at_once
            free = running.free_agents("faults")
            before = running.going_on(campaign)
            rung = running.step()
            # Never more lines without an agent than agents were free when we looked, before and
            # after: agents only become busy in between by our own calls.
            assert rung == 0 or before["ringing"] + before["waiting"] + rung <= max(free, 2)
            at_once = max(at_once, before["ringing"] + before["waiting"] + rung)
            return not Target.objects.filter(state__in=("waiting", "dialling")).exists()

        until(everybody_is_settled, "everybody was called", 60)
    finally:
        for phone, extension in zip(phones, ("1101", "1102"), strict=True):
            with contextlib.suppress(Exception):
                exchange.act("QueueRemove", Queue="faults", Interface=f"PJSIP/{extension}")
            beside(phone.stop())
    assert 1 <= at_once <= 2
    # The network's own count of telephones ringing at one moment.
    marks = sorted((t, n) for c in network.calls for t, n in ((c.at, 1), (c.answered_at, -1)))
    ringing = list(itertools.accumulate(n for _t, n in marks))
    assert max(ringing) <= 2 and len(network.calls) == 4
    reached = Target.objects.filter(state="reached").select_related("agent")
    assert len(reached) == 4
    assert {t.agent.extension for t in reached if t.agent} <= {"1101", "1102"}
    assert all(t.agent is not None for t in reached)
