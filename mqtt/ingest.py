"""The server's ear: messages in batches to one handler, acknowledged after it returned.

The broker hears "received" only when the handler (a database commit) is through, so a killed
worker loses nothing. Garbage is acknowledged and counted: it would otherwise come back for ever.
Several workers with different names share the load.

A batch is what has arrived while the last one was stored, and a few milliseconds more when there is
much: under load few commits, alone no waiting.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from mqtt import condition, topics
from mqtt import formats as position_formats
from mqtt.condition import BrokerCondition
from mqtt.connection import Account, Connection, Incoming
from mqtt.fields import BadMessage
from mqtt.formats import Format
from mqtt.messages import (
    Ack,
    AckError,
    DeviceState,
    Position,
    Report,
    ReportAck,
    parse_report,
    parse_state,
    report_id,
    to_json,
)
from mqtt.reader import Reader

log = logging.getLogger(__name__)

GROUP = "ingest"
POISON_AFTER = 5  # rounds in which it failed while others succeeded
OUTAGE_AFTER = 3  # single failures in a row that look like a missing database, not bad messages
BUSY_PER_S = 1000.0  # from here on a batch waits its full time for more; below, in proportion
MOST_TOPICS = 100_000  # remembered with what they mean


class Received(NamedTuple):
    """One good message: who sent it, what it says, when it reached us (UTC)."""

    device: str
    kind: topics.Kind
    message: Position | Report | DeviceState
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """One message that cannot be used: the field, the reason, and how it began."""

    topic: str
    field: str
    reason: str
    size: int
    beginning: bytes
    received_at: datetime


# Device -> what it may forget. None when the batch held no reports.
Answers = Mapping[str, Ack]
Handler = Callable[[Sequence[Received]], Answers | None]


@dataclass
class IngestStats:
    """Counters since the start, for health pages and tests."""

    handled: int = 0
    batches: int = 0
    failures: int = 0
    poisoned: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by field
    last_handled_at: datetime | None = None
    last_failure: str = ""
    # What the broker complains of, for a person.
    alarms: list[str] = field(default_factory=list)


# A message with the good ones of what it holds: a tracker may send many fixes in one.
_Pair = tuple[Incoming, list[Received]]


class Ingest:
    """Reads positions, reports and states of all devices until `stop`.

    `handle` gets good messages of one batch in order and returns acknowledgements by device.
    When it raises, the batch is tried message by message and again with growing pauses; one
    that keeps failing while others succeed goes to `on_refused` and is let go. `name` must be
    the worker's own and stay the same: the broker keeps its unread messages under it. `formats`
    are the ways in which positions are written; `flush_s` is the longest a message waits for
    company, `max_batch` after how many messages no more are waited for.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        user: str,
        password: str,
        handle: Handler,
        name: str = "ingest-1",
        formats: Sequence[Format] | None = None,
        flush_s: float = 0.006,
        max_batch: int = 1000,
        on_refused: Callable[[Sequence[Refused]], None] | None = None,
        on_beat: Callable[[IngestStats], None] | None = None,
        beat_s: float = 5.0,
        first_pause_s: float = 0.2,
    ) -> None:
        self.stats = IngestStats()
        self._handle = handle
        self._flush_s = flush_s
        self._max_batch = max_batch
        self._on_refused = on_refused
        self._on_beat = on_beat
        self._beat_s = beat_s
        self._first_pause_s = first_pause_s
        self._stop = threading.Event()
        self._next_beat = 0.0
        self._rate = 0.0  # messages a second, lately
        self._rated_at = time.monotonic()
        self._attempts: Counter[tuple[int, int]] = Counter()
        self._formats = tuple(position_formats.load() if formats is None else formats)
        self._kinds: dict[str, tuple[str, Format | topics.Kind]] = {}
        own = [f"{topics.ROOT}/+/{kind}" for kind in ("report", "state")]
        self._reader = Reader(
            Account(host, port, user, password, client_id=name),
            [f"$share/{GROUP}/{t}" for t in (*own, *(f.topic for f in self._formats))],
            receive_maximum=max(2 * max_batch, 100),
        )
        self._condition = BrokerCondition()
        # Answers leave by a connection of their own, which the reader need not wait for.
        self._voice = Connection(
            Account(host, port, user, password, client_id=f"{name}-answers"), session_s=0,
            subscriptions=condition.TOPICS, on_message=self._hear_of_broker,
        )  # fmt: skip

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        return self._reader.connected.is_set()

    @property
    def problem(self) -> str:
        """Why it is not, in the broker's words."""
        return self._reader.problem

    def wait_connected(self, timeout: float) -> bool:
        """Wait for the broker; False when it did not come within `timeout` seconds."""
        return self._reader.connected.wait(timeout)

    def run(self) -> None:
        """Work in this thread until `stop` is called from another thread or a signal handler."""
        self._voice.start()
        try:
            while not self._stop.is_set():
                self._beat()
                batch = self._collect()
                if batch:
                    self._settle(batch)
        finally:
            self._reader.close()
            self._voice.stop()

    def leave(self, quiet_s: float = 2.0) -> None:
        """Handle what waits under this name and give the name up; instead of `run`.

        The broker deals out messages to every name of the group, also to those that are away.
        """
        self._voice.start()
        asked = False
        last = time.monotonic()
        while not self._stop.is_set() and time.monotonic() - last < quiet_s:
            batch = self._collect()
            if self.connected and not asked:
                self._reader.unsubscribe()
                asked = True
            if batch:
                self._settle(batch)
            if batch or not asked:
                last = time.monotonic()
        self._reader.close(forget=asked)
        self._voice.stop()

    def stop(self) -> None:
        """End after the batch in hand. What was not handled comes again at the next start."""
        self._stop.set()

    def _collect(self) -> list[Incoming]:
        batch = self._reader.poll(0.25)
        if batch:
            flush_at = time.monotonic() + self._flush_s * min(1.0, self._rate / BUSY_PER_S)
            while len(batch) < self._max_batch and (left := flush_at - time.monotonic()) > 0:
                batch += self._reader.poll(left)
        now = time.monotonic()
        passed, self._rated_at = now - self._rated_at, now
        weight = min(1.0, passed / 0.2)  # over the last fifth of a second or so
        self._rate += (len(batch) / max(passed, 1e-4) - self._rate) * weight
        return batch

    def _beat(self) -> None:
        now = time.monotonic()
        if self._on_beat is None or now < self._next_beat:
            return
        self._next_beat = now + self._beat_s
        self.stats.alarms = self._condition.alarms()
        try:
            self._on_beat(self.stats)
        except Exception:
            # The beat is written to the same database that may be away just now; the messages wait.
            log.exception("the beat could not be written")

    def _hear_of_broker(self, message: Incoming) -> None:
        self._condition.take(message)
        self._voice.ack(message)

    def _settle(self, batch: list[Incoming]) -> None:
        """Bring every message of the batch to its end: handled, refused, or given back."""
        good = self._read_all(batch)
        pause = self._first_pause_s
        while good and not self._stop.is_set():
            good = self._attempt(good)
            if good:
                self._beat()
                self._stop.wait(pause)
                pause = min(pause * 2, 5.0)
                # Company shows whether this message is at fault or the handler fails on anything.
                good += self._read_all(self._collect())

    def _attempt(self, good: list[_Pair]) -> list[_Pair]:
        """One try: the whole batch, then one by one; returns what is still to be done."""
        if self._try(good):
            return []
        failed: list[_Pair] = []
        succeeded = False
        untried = list(good) if len(good) > 1 else []
        while untried and (succeeded or len(failed) < OUTAGE_AFTER):
            pair = untried.pop(0)
            if self._try([pair]):
                succeeded = True
            else:
                failed.append(pair)
        if len(good) == 1:
            return good
        if succeeded:
            self._attempts.update(_key(incoming) for incoming, _ in failed)
        # The untried go first next time, so that a few bad ones at the head do not hide the rest.
        return untried + [pair for pair in failed if not self._hopeless(pair)]

    def _hopeless(self, pair: _Pair) -> bool:
        """Let go of a message that failed again and again while its neighbours went through."""
        incoming, _ = pair
        if self._attempts[_key(incoming)] < POISON_AFTER:
            return False
        self.stats.poisoned += 1
        log.error("gave up on a message to %s", incoming.topic)
        reason = f"the server failed on it: {self.stats.last_failure}"
        bad = BadMessage("message", reason)
        self._tell_refused([self._refuse(incoming, bad, code="not_stored")])
        return True

    def _read_all(self, items: list[Incoming]) -> list[_Pair]:
        good: list[_Pair] = []
        refused: list[Refused] = []
        for incoming in items:
            try:
                received, bad = self._read(incoming)
            except BadMessage as problem:
                refused.append(self._refuse(incoming, problem))
                continue
            refused += [self._count(incoming, one) for one in bad]
            if received:
                good.append((incoming, received))
            else:
                self._settled([incoming])
        if refused:
            self._tell_refused(refused)
        return good

    def _try(self, pairs: list[_Pair]) -> bool:
        try:
            answers = self._handle([one for _, received in pairs for one in received]) or {}
        except Exception as problem:
            # Whatever the handler trips over, the worker lives and the messages stay ours.
            self.stats.failures += 1
            self.stats.last_failure = f"{type(problem).__name__}: {problem}"[:300]
            log.exception("the handler failed on %d messages", len(pairs))
            return False
        for device, answer in answers.items():
            self._voice.publish(topics.ack(device), to_json(answer))
        self._settled([incoming for incoming, _ in pairs])
        self.stats.handled += len(pairs)
        self.stats.batches += 1
        self.stats.last_handled_at = datetime.now(UTC)
        return True

    def _settled(self, messages: list[Incoming]) -> None:
        self._reader.ack(messages)
        if self._attempts:
            for one in messages:
                self._attempts.pop(_key(one), None)

    def _read(self, incoming: Incoming) -> tuple[list[Received], list[BadMessage]]:
        """The good and the bad of one message; BadMessage when there is nothing to be had."""
        device, kind = self._kinds.get(incoming.topic) or self._kind(incoming.topic)
        if incoming.retained:
            raise BadMessage("message", "is a retained copy, not news")
        at = incoming.received_at
        if isinstance(kind, str):
            if kind == "report":
                return [Received(device, kind, parse_report(incoming.payload), at)], []
            if kind == "state":
                return [Received(device, kind, parse_state(incoming.payload), at)], []
            raise BadMessage("topic", f"{kind} is written by the server")
        good: list[Received] = []
        bad: list[BadMessage] = []
        for one in kind.read(incoming.payload):
            if isinstance(one, Position):
                good.append(Received(device, "pos", one, at))
            else:
                bad.append(one)
        return good, bad

    def _kind(self, topic: str) -> tuple[str, Format | topics.Kind]:
        found: tuple[str, Format | topics.Kind] | None = None
        for one in self._formats:
            device = one.device(topic)
            if device is not None:
                found = device, one
                break
        if found is None:
            found = topics.parse_topic(topic)
        if len(self._kinds) >= MOST_TOPICS:
            self._kinds.clear()
        self._kinds[topic] = found
        return found

    def _refuse(self, incoming: Incoming, bad: BadMessage, code: str = "bad_message") -> Refused:
        if incoming.topic.endswith("/report") and not incoming.retained:
            self._answer_refusal(incoming, bad, code)
        self._settled([incoming])
        return self._count(incoming, bad)

    def _count(self, incoming: Incoming, bad: BadMessage) -> Refused:
        self.stats.refused[bad.field[:40]] += 1
        return Refused(
            incoming.topic, bad.field, bad.reason, len(incoming.payload),
            incoming.payload[:200], incoming.received_at,
        )

    def _answer_refusal(self, incoming: Incoming, bad: BadMessage, code: str) -> None:
        """A report that can never be stored is refused by name, or it is repeated for ever."""
        known = report_id(incoming.payload)
        if known is None:
            return
        device, _ = topics.parse_topic(incoming.topic)
        error = AckError(bad.field[:120], code, bad.reason[:500])
        answer = Ack((ReportAck(known, False, datetime.now(UTC), error),))
        self._voice.publish(topics.ack(device), to_json(answer))

    def _tell_refused(self, refused: list[Refused]) -> None:
        for one in refused:
            log.info("refused %s: %s: %s", one.topic, one.field, one.reason)
        if self._on_refused is None:
            return
        try:
            self._on_refused(refused)
        except Exception:
            # Keeping a copy of garbage is a courtesy; it must not cost the good messages.
            log.exception("refused messages could not be recorded")


def _key(incoming: Incoming) -> tuple[int, int]:
    """What tells a message from every other in our hands."""
    return incoming.epoch, incoming.mid
