"""The dialler killed again and again while it rings, with a real Asterisk and a public network.

    manage dialler ──► Asterisk ──► PublicNetwork: 24 numbers that answer, are busy, do not answer
      └ kill -9, four times, at moments nobody chose

The network counts who was rung: nobody twice, and in the end everybody once. The test stands in for
the telephony process: it reads what Asterisk wrote down, and asks which calls it holds.
"""

from __future__ import annotations

import asyncio
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


@pytest.fixture
def db(django_db_setup: Any, django_db_blocker: Any) -> Iterator[None]:
    """Real commits, and everything of ours gone afterwards."""
    from server.calls.models import DialAttempt
    from server.campaigns.models import Campaign
    from server.events.models import Cursor

    with django_db_blocker.unblock():
        try:
            yield
        finally:
            Campaign.objects.all().delete()
            DialAttempt.objects.all().delete()
            Cursor.objects.filter(subscriber="telephony.dials_log").delete()


@pytest.fixture
def network(asterisk: Desk) -> Iterator[Any]:  # noqa: F811
    """The telephones, in a thread of their own: the test itself talks to the database."""
    from telephony.network import Line, PublicNetwork

    ways = [Line(talk_s=0.4, ring_s=0.1), Line("busy", ring_s=0.2), Line("rings")]
    host, _, port = asterisk.config.trunk_contact.partition(":")
    lines = {number: ways[n % 3] for n, number in enumerate(NUMBERS)}
    net = PublicNetwork(lines, host=host, port=int(port))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(net.__aenter__(), loop).result(10)
    try:
        yield net
    finally:
        asyncio.run_coroutine_threadsafe(net.__aexit__(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


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


def settle(desk: Desk) -> None:
    """What the telephony process does every half minute."""
    from django.utils import timezone

    from server.calls import dialling, exchange, recovering

    asked = timezone.now() - timedelta(seconds=3)
    listed = exchange.listed("CoreShowChannels")
    recovering.recover_dials()
    dialling.end_absent({m.get("Linkedid") for m in listed}, began_before=asked)


def until(true: Callable[[], bool], what: str, desk: Desk, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while True:
        settle(desk)
        if true():
            return
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.2)


def test_a_dialler_killed_four_times_rings_everybody_once_and_nobody_twice(
    asterisk: Desk,  # noqa: F811
    network: Any,
    db: None,
    settings: Any,
    tmp_path: Path,
) -> None:
    from server.campaigns import running, services
    from server.campaigns.models import Campaign, Target, Try

    settings.STANDPIPE = {
        **settings.STANDPIPE, "CALL_LOG": asterisk.config.calls_log.parent,
        "AMI": {"host": "127.0.0.1", "port": asterisk.config.ami_port,
                "user": asterisk.config.ami_user, "password": asterisk.config.ami_password},
        "SITES": [], "COUNTRY_CODE": "358",
    }  # fmt: skip

    def begin() -> Campaign:
        row = services.write({
            "name": "kill", "kind": "list", "source": {"numbers": "\n".join(NUMBERS)},
            "text": {"en": "One."}, "opens": "00:00", "closes": "23:59:59", "channels": 6,
            "gap_s": 3600, "most_tries": 3, "ring_s": 10,
        }, by="sari")  # fmt: skip
        return services.act(row, "start", by="sari")

    campaign = begin()
    dialler = Dialler(asterisk, tmp_path / "dialler.log")
    chance = random.Random(40)
    try:
        for kill in range(KILLS):
            before = len(network.calls)
            dialler.start()
            until(lambda b=before: len(network.calls) > b, f"a ring before kill {kill}",
                        asterisk)  # fmt: skip
            time.sleep(chance.uniform(0, 0.4))
            dialler.kill()
        dialler.start()

        def everybody_had_their_try() -> bool:
            left = Target.objects.filter(campaign=campaign, tries=0)
            return not left.exists() and not Try.objects.filter(settled_at=None).exists()

        until(everybody_had_their_try, "everybody was rung and settled", asterisk, 90)
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
