"""The reader of streams: whole packets out of any pieces, and a broker that goes and comes."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqtt import topics
from mqtt.bench import Plan, payload, send
from mqtt.connection import Account
from mqtt.ingest import Ingest, Received
from mqtt.messages import Position, parse_position, to_json
from mqtt.reader import Reader, packet, text
from tests.mqtt import samples
from tests.mqtt.running import Broker, until

# A machine that is busy with other work is no reason to fail.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def reader(broker: Broker, name: str = "worker", *filters: str) -> Reader:
    account = Account("127.0.0.1", broker.port, "server", "server-secret", name)
    return Reader(account, filters or ("$share/g/sp/v1/dev/+/pos",), session_s=3600)


def connected(one: Reader) -> Reader:
    until(lambda: one.poll(0.05) == [] and one.connected.is_set(), what="the subscription")
    return one


def publish(topic: str, body: bytes, mid: int, properties: bytes = b"") -> bytes:
    head = text(topic) + struct.pack(">H", mid) + bytes([len(properties)]) + properties
    return packet(0x32, head + body)


@patient
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8), st.data())
def test_messages_come_out_whole_however_the_stream_is_cut(
    bodies: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(
        publish("sp/v1/dev/a/pos", body, n + 1, b"\x01\x00" if n % 2 else b"")
        for n, body in enumerate(bodies)
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    one = Reader(Account("x", 1, "u", "p", "c"), ())
    found = []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += one._read(one._rest + stream[begin:end])
    assert [m.payload for m in found] == bodies
    assert [m.mid for m in found] == list(range(1, len(bodies) + 1))
    assert one._rest == b""


@patient
@given(st.binary(min_size=1, max_size=200))
def test_nonsense_on_the_line_ends_the_connection_and_nothing_else(data: bytes) -> None:
    one = Reader(Account("x", 1, "u", "p", "c"), ("a",))
    with suppress(OSError):
        one._read(data)


def test_a_wrong_password_is_told_and_tried_again(broker: Broker) -> None:
    account = Account("127.0.0.1", broker.port, "server", "wrong", "worker")
    one = Reader(account, ("sp/v1/dev/+/pos",))
    one.poll(0.1)
    assert not one.connected.is_set()
    assert one.problem == "Not authorized"


def test_what_was_sent_while_the_reader_was_away_is_read_when_it_is_back(broker: Broker) -> None:
    connected(reader(broker)).close()
    sent = [samples.position(n) for n in range(20)]
    for position in sent:
        broker.publish("crew1", topics.position("crew1"), to_json(position))
    again = reader(broker)
    got: list[Any] = []
    until(lambda: got.extend(again.poll(0.05)) or len(got) >= 20, what="the twenty")
    again.ack(got)
    assert [parse_position(m.payload) for m in got] == sent
    again.close()
    third = reader(broker)
    until(lambda: third.poll(0.05) == [] and third.connected.is_set(), what="nothing more")
    assert third.poll(0.3) == []
    third.close()


def test_what_was_not_acknowledged_comes_again_and_an_old_acknowledgement_takes_nothing(
    broker: Broker,
) -> None:
    one = connected(reader(broker))
    broker.publish("crew1", topics.position("crew1"), to_json(samples.position()))
    first: list[Any] = []
    until(lambda: first.extend(one.poll(0.05)) or first, what="the message")
    broker.kill()
    broker.start()
    broker.publish("crew1", topics.position("crew1"), to_json(samples.position(1)))
    until(lambda: one.poll(0.05) is not None and one.epoch == 2, what="the next connection")
    one.ack(first)  # its number belongs to the connection before
    assert one.epoch == 2
    one.close()


def test_a_worker_that_leaves_for_good_takes_what_waits_and_leaves_no_share_behind(
    broker: Broker,
) -> None:
    """Mosquitto deals messages out to names that are away as well: half would wait for ever."""
    got: dict[str, list[Received]] = {"one": [], "two": []}

    def worker(name: str) -> Ingest:
        def handle(batch: Sequence[Received]) -> None:
            got[name].extend(batch)

        return Ingest(**broker.server(), handle=handle, name=name)  # type: ignore[arg-type]

    def run(one: Ingest) -> threading.Thread:
        thread = threading.Thread(target=one.run)
        thread.start()
        assert one.wait_connected(10)
        return thread

    one, two = worker("one"), worker("two")
    threads = [run(one), run(two)]
    two.stop()
    threads[1].join(10)
    for n in range(10):
        broker.publish("crew1", topics.position("crew1"), to_json(samples.position(n)))
    until(lambda: len(got["one"]) >= 5, what="one's half")
    worker("two").leave(quiet_s=0.5)
    until(lambda: len(got["one"]) + len(got["two"]) == 10, what="both halves")
    for n in range(10, 20):
        broker.publish("crew1", topics.position("crew1"), to_json(samples.position(n)))
    until(lambda: len(got["one"]) + len(got["two"]) == 20, what="all of the rest")
    one.stop()
    threads[0].join(10)


def test_the_stream_of_the_benchmark_is_our_own_format(broker: Broker) -> None:
    plan = Plan(rate=0, count=300, vehicles=7, start=time.time(), seq=5)
    assert isinstance(parse_position(payload(3, 9, time.time(), plan)), Position)
    one = connected(reader(broker))
    said = send("127.0.0.1", broker.port, "server", "server-secret", plan)
    assert said["confirmed"] == 300
    got: list[Any] = []
    until(lambda: got.extend(one.poll(0.05)) or len(got) >= 300, what="the stream")
    assert len({(m.topic, parse_position(m.payload).seq) for m in got}) == 300
    one.close()


def test_a_reader_without_a_broker_says_so_and_does_not_spin() -> None:
    one = Reader(Account("127.0.0.1", 1, "u", "p", "c"), ("a",))
    begin = time.monotonic()
    for _ in range(3):
        assert one.poll(0.1) == []
    assert time.monotonic() - begin > 0.15
    assert "refused" in one.problem.lower()
