"""The broker is full: somebody's messages were dropped, and somebody is told."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from mqtt import topics
from mqtt.condition import DROPPED, MANY_WAITING, SHOWN_FOR, WAITING, BrokerCondition
from mqtt.connection import Account, Connection, Incoming
from mqtt.ingest import Ingest, IngestStats
from mqtt.messages import to_json
from tests.mqtt import samples
from tests.mqtt.running import Broker, until

T0 = datetime(2026, 11, 2, 8, tzinfo=UTC)
QUEUE = 5


def said(topic: str, payload: bytes, at: datetime = T0) -> Incoming:
    return Incoming(topic, payload, False, 1, 1, 1, at)


def test_what_was_dropped_is_shown_for_an_hour_and_then_no_more() -> None:
    broker = BrokerCondition()
    broker.take(said(DROPPED, b"0"))
    assert broker.alarms(T0) == []
    broker.take(said(DROPPED, b"7"))
    broker.take(said(DROPPED, b"12", T0 + timedelta(minutes=5)))
    assert broker.alarms(T0 + timedelta(minutes=6)) == [
        "the broker dropped 12 messages: a queue was full"
    ]
    assert broker.alarms(T0 + timedelta(minutes=6) + SHOWN_FOR) == []


def test_a_broker_that_was_started_again_counts_from_nought() -> None:
    broker = BrokerCondition()
    broker.take(said(DROPPED, b"100"))
    later = T0 + SHOWN_FOR
    broker.take(said(DROPPED, b"3", later))
    assert broker.alarms(later) == ["the broker dropped 3 messages: a queue was full"]


@pytest.mark.parametrize(("count", "alarms"), [(MANY_WAITING, 0), (MANY_WAITING + 1, 1)])
def test_whoever_reads_too_slowly_is_seen_before_anything_is_lost(count: int, alarms: int) -> None:
    broker = BrokerCondition()
    broker.take(said(WAITING, str(count).encode()))
    assert len(broker.alarms(T0)) == alarms


@pytest.mark.parametrize("payload", [b"", b"many", b"\xff", b"1.5"])
def test_a_word_of_the_broker_s_that_is_no_number_changes_nothing(payload: bytes) -> None:
    broker = BrokerCondition()
    broker.take(said(DROPPED, payload))
    broker.take(said(WAITING, payload))
    broker.take(said("$SYS/broker/uptime", b"9"))
    assert broker.alarms(T0) == []


def test_a_full_queue_of_a_real_broker_raises_the_alarm(broker: Broker) -> None:
    """crew2 is away for the day with room for five orders, and sixty come."""
    broker.stop()
    text = broker.config.conf.read_text()
    assert "max_queued_messages 200000" in text
    text = text.replace("max_queued_messages 200000", f"max_queued_messages {QUEUE}")
    broker.config.conf.write_text(text + "sys_interval 1\n")
    broker.start()
    away = Connection(
        Account("127.0.0.1", broker.port, "crew2", "2werc", "crew2"),
        subscriptions=(topics.ack("crew2"),),
    )  # fmt: skip
    away.start()
    until(away.connected.is_set, what="crew2 being there once")
    beats: list[list[str]] = []

    def beat(stats: IngestStats) -> None:
        beats.append(list(stats.alarms))

    ingest = Ingest(**broker.server(), handle=lambda batch: None, on_beat=beat, beat_s=0.2)  # type: ignore[arg-type]
    thread = threading.Thread(target=ingest.run)
    thread.start()
    try:
        until(lambda: beats, what="a beat")
        assert beats[-1] == []
        # Subscribed for certain once something has come through.
        speaker = Connection(Account("127.0.0.1", broker.port, "server", "server-secret", "office"))
        speaker.start()
        until(speaker.connected.is_set, what="the office's connection")
        away.stop()
        order = to_json(samples.position())
        for _ in range(60):
            speaker.publish(topics.ack("crew2"), order)
        # Twenty may be on their way to the telephone; the rest found no room.
        until(lambda: _dropped(beats[-1]) >= 60 - QUEUE - 20, what="the alarm")
        speaker.stop()
    finally:
        ingest.stop()
        thread.join(10)


def _dropped(alarms: list[str]) -> int:
    return next((int(a.split()[3]) for a in alarms if a.startswith("the broker dropped ")), 0)
