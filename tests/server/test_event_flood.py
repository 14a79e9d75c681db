"""Asterisk says more than we can write: nothing is lost, all keeps its time, and it shows."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from server.calls import listeners, services
from server.calls.models import AgentState, Call
from server.calls.switchboard import Switchboard
from telephony.ami import events as ami
from telephony.ami.parser import Message
from telephony.fakes import FakeAmi, FakeAri

EVENTS, RATE_PER_S = 1500, 500


def noise(number: int) -> ami.Other:
    return ami.Other("Newchannel", Message((("Event", "Newchannel"), ("N", str(number)))))


async def followed(board: Switchboard, fake: FakeAmi) -> asyncio.Task[None]:
    task = asyncio.create_task(board._listen())
    await asyncio.sleep(0)
    return task


async def test_five_hundred_events_a_second_are_all_heard_in_their_order(monkeypatch) -> None:
    heard: list[int] = []
    lags: list[float] = []

    def slow(event: ami.AmiEvent, now: datetime) -> None:
        if isinstance(event, ami.Other):
            heard.append(int(event.message.get("N")))
            if len(heard) % 5 == 0:
                time.sleep(0.012)  # as a row that is written

    monkeypatch.setattr(listeners, "LISTENERS", [slow])
    fake = FakeAmi()
    board = Switchboard(FakeAri(), fake, None)  # type: ignore[arg-type]
    task = await followed(board, fake)
    began = time.monotonic()
    for second in range(EVENTS // RATE_PER_S):
        for n in range(RATE_PER_S):
            fake.feed(noise(second * RATE_PER_S + n))
        await asyncio.sleep(max(0.0, began + second + 1 - time.monotonic()))
        lags.append(board.lag_s)
        condition = board._condition()
        assert condition["waiting"] == board._backlog.qsize()
    fake.finish()
    await asyncio.wait_for(task, 60)
    assert heard == list(range(EVENTS)), "none lost, none out of order"
    assert max(lags) > 0, "who looks can see that we were behind"
    assert board.lag_s == 0 and board._condition()["alarms"] == []


async def test_what_is_stored_late_keeps_the_time_at_which_it_was_said(monkeypatch) -> None:
    stamps: list[datetime] = []

    def slow(event: ami.AmiEvent, now: datetime) -> None:
        stamps.append(now)
        time.sleep(0.2)

    monkeypatch.setattr(listeners, "LISTENERS", [slow])
    fake = FakeAmi()
    board = Switchboard(FakeAri(), fake, None)  # type: ignore[arg-type]
    task = await followed(board, fake)
    said = datetime.now(UTC)
    for n in range(5):
        fake.feed(noise(n))
    fake.finish()
    await asyncio.wait_for(task, 30)
    assert max(stamps) - said < timedelta(seconds=0.5), "a second passed while they were written"


@pytest.mark.django_db(transaction=True)
async def test_after_a_reconnect_the_screens_soon_show_what_is_so(
    db, settings, monkeypatch
) -> None:
    """While the line to Asterisk was broken one caller hung up, another is still there."""
    settings.STANDPIPE["CALL_LOG"].mkdir(parents=True, exist_ok=True)
    minute = timezone.now() - timedelta(minutes=1)

    def two_calls() -> None:
        for call_id in ("gone-1.0", "here-1.0"):
            services.rang(services.Ring(call_id, "", "", "965113", minute))
            services.queued(call_id, at=minute)

    await asyncio.to_thread(two_calls)
    channel = Message((("Event", "CoreShowChannel"), ("Linkedid", "here-1.0")))
    fake = FakeAmi(lists={"CoreShowChannels": [channel]})
    board = Switchboard(FakeAri(), fake, None)  # type: ignore[arg-type]
    task = await followed(board, fake)
    try:
        began = time.monotonic()
        fake.feed(ami.Disconnected("broken"), ami.Connected())

        def states() -> dict[str, str]:
            return dict(Call.objects.values_list("call_id", "state"))

        while (now := await asyncio.to_thread(states))["gone-1.0"] != "ended":
            assert time.monotonic() - began < 30, now
            await asyncio.sleep(0.05)
        assert now == {"gone-1.0": "ended", "here-1.0": "queued"}
        assert not await asyncio.to_thread(AgentState.objects.exists)
    finally:
        fake.finish()
        await asyncio.wait_for(task, 30)
