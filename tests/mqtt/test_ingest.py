from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from mqtt import topics
from mqtt.connection import Account, Connection, Incoming
from mqtt.fakes import FakePublisher, deliver
from mqtt.ingest import Answers, Ingest, Received, Refused
from mqtt.messages import Ack, Position, Report, ReportAck, parse_ack, to_json
from mqtt.publisher import PublishError
from tests.mqtt import samples
from tests.mqtt.running import Broker, until


class Store:
    """A handler that keeps what it gets, by id, and answers reports; it can be told to fail."""

    def __init__(self) -> None:
        self.positions: dict[str, Position] = {}
        self.reports: dict[str, Report] = {}
        self.calls = 0
        self.deliveries = 0
        self.fail: Callable[[Sequence[Received]], bool] = lambda batch: False

    def __call__(self, batch: Sequence[Received]) -> Answers:
        self.calls += 1
        if self.fail(batch):
            raise RuntimeError("the database is away")
        answers: dict[str, Ack] = {}
        for one in batch:
            self.deliveries += 1
            if isinstance(one.message, Position):
                self.positions[one.message.id] = one.message
            elif isinstance(one.message, Report):
                self.reports[one.message.id] = one.message
                before = answers.get(one.device, Ack(()))
                ack = ReportAck(one.message.id, True, datetime.now(UTC))
                answers[one.device] = Ack((*before.acks, ack))
        return answers


@contextmanager
def listening(broker: Broker, store: Store, **more: object) -> Iterator[Ingest]:
    ingest = Ingest(**broker.server(), handle=store, first_pause_s=0.05, **more)  # type: ignore[arg-type]
    thread = threading.Thread(target=ingest.run)
    thread.start()
    try:
        assert ingest.wait_connected(10), ingest.problem
        # Connected is not yet subscribed: wait until a message comes through.
        probe = samples.position()

        def heard() -> bool:
            broker.publish("crew2", topics.position("crew2"), to_json(probe))
            return ingest.stats.handled > 0 or store.calls > 0

        until(heard, what="the subscription")
        yield ingest
    finally:
        ingest.stop()
        thread.join(10)
        assert not thread.is_alive()


class Device:
    """A device that sends and notes the acknowledgements it gets."""

    def __init__(self, broker: Broker, name: str = "crew1") -> None:
        self.name = name
        self.acked: dict[str, ReportAck] = {}
        self.connection = Connection(
            Account("127.0.0.1", broker.port, name, name[::-1], name),
            subscriptions=(topics.ack(name),), on_message=self._got,
        )

    def _got(self, message: Incoming) -> None:
        self.acked.update({a.id: a for a in parse_ack(message.payload).acks})
        self.connection.ack(message)

    def send(self, message: Position | Report) -> None:
        kind = topics.position if isinstance(message, Position) else topics.report
        self.connection.publish(kind(self.name), to_json(message))

    def repeat_until_answered(self, reports: Sequence[Report], seconds: float = 60.0) -> None:
        """As a phone does: each second without a word, send again what has none."""
        end = time.monotonic() + seconds
        while waiting := [one for one in reports if one.id not in self.acked]:
            if time.monotonic() > end:
                pytest.fail(f"{len(waiting)} reports have no answer after {seconds:g} s")
            for one in waiting:
                self.send(one)
            answered = len(self.acked)
            quiet = time.monotonic() + 1.0
            while time.monotonic() < quiet and any(one.id not in self.acked for one in waiting):
                if len(self.acked) > answered:  # still coming: not the time to repeat
                    answered, quiet = len(self.acked), time.monotonic() + 1.0
                time.sleep(0.02)

    def __enter__(self) -> Device:
        self.connection.start()
        assert self.connection.connected.wait(10), self.connection.problem
        return self

    def __exit__(self, *exc: object) -> None:
        self.connection.stop()


def test_a_report_is_handled_and_answered(broker: Broker) -> None:
    store = Store()
    with listening(broker, store) as ingest, Device(broker) as crew:
        one = samples.report(note="阀门 12 已关")
        crew.send(one)
        until(lambda: one.id in crew.acked, what="the acknowledgement")
        assert crew.acked[one.id].ok
        assert store.reports[one.id] == one
        assert ingest.stats.last_handled_at is not None


def test_many_messages_come_in_few_batches_and_in_order(broker: Broker) -> None:
    store = Store()
    with listening(broker, store, flush_s=0.05) as ingest, Device(broker) as crew:
        sent = [samples.position(n) for n in range(1500)]
        for one in sent:
            crew.send(one)
        until(lambda: len(store.positions) >= 1500, what="1500 positions")
        assert ingest.stats.batches < 400
        mine = [p.seq for p in store.positions.values() if p.id in {s.id for s in sent}]
        assert mine == sorted(mine)


GARBAGE = [
    b"", b"\x00\xff\x80garbage", b"null", b"[" * 100_000, b'{"lon": NaN}', b'{"lon":0,"lat":0}',
    to_json(samples.position()).replace(b"60.17", b"91"),
    to_json(samples.position()).replace(b"24.94", b'"24.94"'), b"x" * 200_000,
]


@pytest.mark.parametrize("retain", [False, True])
def test_garbage_is_counted_and_forgotten_and_the_worker_lives(
    broker: Broker, retain: bool
) -> None:
    store, told = Store(), list[Refused]()
    if retain:
        broker.publish("crew1", topics.position("crew1"), GARBAGE[1], retain=True)
    with listening(broker, store, on_refused=told.extend) as ingest, Device(broker) as crew:
        before = ingest.stats.refused.total()
        for payload in GARBAGE:
            for kind in ("pos", "report", "state"):
                broker.publish("crew1", f"sp/v1/dev/crew1/{kind}", payload, retain=retain)
        # An empty retained message is how one is removed, and the state "null" etc. are refused.
        until(lambda: ingest.stats.refused.total() - before >= 3 * len(GARBAGE), what="counting")
        good = samples.report()
        crew.send(good)
        until(lambda: good.id in crew.acked, what="the good report after the garbage")
    assert len(told) >= 3 * len(GARBAGE)
    assert all(len(one.beginning) <= 200 for one in told)
    back = list[Refused]()
    with listening(broker, store, on_refused=back.extend):
        assert back == [], "the garbage came back"


def test_a_megabyte_is_stopped_by_the_broker(broker: Broker) -> None:
    store = Store()
    with listening(broker, store) as ingest:
        broker.publish("crew1", topics.report("crew1"), b"x" * 1_000_000)
        good = samples.position()
        broker.publish("crew1", topics.position("crew1"), to_json(good))
        until(lambda: good.id in store.positions, what="the next message")
        assert ingest.stats.refused.total() == 0


def test_a_report_that_cannot_be_stored_is_refused_by_name(broker: Broker) -> None:
    with listening(broker, Store()), Device(broker) as crew:
        broken = samples.report()
        crew.connection.publish(
            topics.report("crew1"), to_json(broken).replace(b'"accept"', b'"explode"')
        )
        until(lambda: broken.id in crew.acked, what="the refusal")
        ack = crew.acked[broken.id]
        assert not ack.ok
        assert ack.error is not None
        assert ack.error.field == "action"


def test_nothing_is_acknowledged_while_the_database_is_away(broker: Broker) -> None:
    store = Store()
    with listening(broker, store) as ingest, Device(broker) as crew:
        away = threading.Event()
        away.set()
        store.fail = lambda batch: away.is_set()
        sent = [samples.report() for _ in range(50)]
        for one in sent:
            crew.send(one)
        until(lambda: ingest.stats.failures >= 3, what="failing")
        assert crew.acked == {}
        away.clear()
        until(lambda: len(crew.acked) == 50, what="all acknowledgements")
        assert all(ack.ok for ack in crew.acked.values())


def test_one_message_that_breaks_the_handler_does_not_hold_up_the_others(broker: Broker) -> None:
    store = Store()
    bad = samples.report(note="poison")
    with listening(broker, store) as ingest, Device(broker) as crew:
        store.fail = lambda batch: any(
            isinstance(one.message, Report) and one.message.id == bad.id for one in batch
        )
        crew.send(bad)
        good = []

        def given_up() -> bool:
            good.append(samples.report())
            crew.send(good[-1])
            return bad.id in crew.acked

        until(given_up, 30, what="giving up on the poison")
        until(lambda: all(g.id in crew.acked for g in good), what="the others")
        error = crew.acked[bad.id].error
        assert error is not None
        assert error.code == "not_stored"
        assert ingest.stats.poisoned == 1


def test_a_worker_stopped_in_the_middle_gives_its_messages_to_the_next(broker: Broker) -> None:
    store = Store()
    with Device(broker) as crew:
        with listening(broker, store) as ingest:
            store.fail = lambda batch: True
            sent = [samples.report() for _ in range(20)]
            for one in sent:
                crew.send(one)
            until(lambda: ingest.stats.failures > 0, what="failing")
        store.fail = lambda batch: False
        crew.send(samples.report())  # sent while nobody listens
        with listening(broker, store):
            until(lambda: len(store.reports) == 21, what="everything")
            until(lambda: len(crew.acked) == 21, what="every acknowledgement")


def test_a_killed_broker_costs_no_report(broker: Broker) -> None:
    store = Store()
    with listening(broker, store) as ingest, Device(broker) as crew:
        sent = [samples.report() for _ in range(300)]
        for n, one in enumerate(sent):
            crew.send(one)
            if n == 150:
                broker.kill()
                broker.start()

        # What the broker confirmed in the turn it died in may be gone, in both directions, and
        # one lost acknowledgement speaks for many reports. The device's half of the promise is
        # to send again what it has no word for; the server's half is to store each one once.
        crew.repeat_until_answered(sent)
        assert {one.id for one in sent} == set(store.reports)
        assert ingest.connected


def test_two_workers_share_the_load(broker: Broker) -> None:
    one, two = Store(), Store()
    with (
        listening(broker, one, name="ingest-1"),
        listening(broker, two, name="ingest-2"),
        Device(broker) as crew,
    ):
        sent = [samples.report() for _ in range(200)]
        for report in sent:
            crew.send(report)
        until(lambda: len(crew.acked) == 200, what="all acknowledgements")
        assert one.reports
        assert two.reports
        assert not set(one.reports) & set(two.reports)


def test_the_beat_goes_on_while_the_handler_fails(broker: Broker) -> None:
    store, beats = Store(), list[int]()
    with listening(broker, store, on_beat=lambda s: beats.append(s.failures), beat_s=0.01) as i:
        store.fail = lambda batch: True
        broker.publish("crew1", topics.position("crew1"), to_json(samples.position()))
        until(lambda: i.stats.failures > 2, what="failing")
        seen = len(beats)
        until(lambda: len(beats) > seen, what="another beat")


def test_the_fakes_behave_like_what_they_stand_for() -> None:
    fake = FakePublisher()
    assert fake.orders("crew1", samples.orders(2, samples.order()))
    assert not fake.orders("crew1", samples.orders(1))
    assert fake.retained["crew1"].orders[0].number == "W-1"
    fake.connected = False
    with pytest.raises(PublishError):
        fake.acks("crew1", Ack(()))
    store = Store()
    one = samples.report()
    assert deliver(store, "crew1", [one])["crew1"].acks[0].id == one.id
