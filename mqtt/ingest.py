"""The server's ear: messages in batches to one handler, acknowledged after it returned.

The broker hears "received" only when the handler (a database commit) is through, so a killed
worker loses nothing. Garbage is acknowledged and counted: it would otherwise come back for ever.
Several workers with different names share the load.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mqtt import topics
from mqtt.connection import Account, Connection, Incoming
from mqtt.fields import BadMessage
from mqtt.messages import (
    Ack,
    AckError,
    DeviceState,
    Position,
    Report,
    ReportAck,
    parse_position,
    parse_report,
    parse_state,
    report_id,
    to_json,
)

log = logging.getLogger(__name__)

GROUP = "ingest"
POISON_AFTER = 5  # rounds in which it failed while others succeeded
OUTAGE_AFTER = 3  # single failures in a row that look like a missing database, not bad messages


@dataclass(frozen=True, slots=True)
class Received:
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


@dataclass
class _Item:
    incoming: Incoming
    received_at: datetime
    attempts: int = 0


_Pair = tuple[_Item, Received]


class Ingest:
    """Reads positions, reports and states of all devices until `stop`.

    `handle` gets good messages of one batch in order and returns acknowledgements by device.
    When it raises, the batch is tried message by message and again with growing pauses; one
    that keeps failing while others succeed goes to `on_refused` and is let go. `name` must be
    the worker's own and stay the same: the broker keeps its unread messages under it.
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
        flush_s: float = 0.008,
        max_batch: int = 500,
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
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._next_beat = 0.0
        self._connection = Connection(
            Account(host, port, user, password, client_id=name),
            subscriptions=tuple(
                f"$share/{GROUP}/{topics.ROOT}/+/{kind}" for kind in ("pos", "report", "state")
            ),
            retained=False,
            on_message=self._arrived,
            receive_maximum=max(2 * max_batch, 100),
        )

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        return self._connection.connected.is_set()

    @property
    def problem(self) -> str:
        """Why it is not, in the broker's words."""
        return self._connection.problem

    def wait_connected(self, timeout: float) -> bool:
        """Wait for the broker; False when it did not come within `timeout` seconds."""
        return self._connection.connected.wait(timeout)

    def run(self) -> None:
        """Work in this thread until `stop` is called from another thread or a signal handler."""
        self._connection.start()
        try:
            while not self._stop.is_set():
                self._beat()
                batch = self._collect()
                if batch:
                    self._settle(batch)
        finally:
            self._connection.stop()

    def stop(self) -> None:
        """End after the batch in hand. What was not handled comes again at the next start."""
        self._stop.set()

    def _arrived(self, incoming: Incoming) -> None:
        self._queue.put(_Item(incoming, datetime.now(UTC)))

    def _collect(self) -> list[_Item]:
        try:
            batch = [self._queue.get(timeout=0.25)]
        except queue.Empty:
            return []
        flush_at = time.monotonic() + self._flush_s
        while len(batch) < self._max_batch:
            left = flush_at - time.monotonic()
            try:
                batch.append(self._queue.get(timeout=left) if left > 0 else self._queue.get(False))
            except queue.Empty:
                break
        return batch

    def _beat(self) -> None:
        now = time.monotonic()
        if self._on_beat is None or now < self._next_beat:
            return
        self._next_beat = now + self._beat_s
        try:
            self._on_beat(self.stats)
        except Exception:
            # The beat is written to the same database that may be away just now; the messages wait.
            log.exception("the beat could not be written")

    def _settle(self, batch: list[_Item]) -> None:
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
            for item, _ in failed:
                item.attempts += 1
        # The untried go first next time, so that a few bad ones at the head do not hide the rest.
        return untried + [pair for pair in failed if not self._hopeless(pair)]

    def _hopeless(self, pair: _Pair) -> bool:
        """Let go of a message that failed again and again while its neighbours went through."""
        item, received = pair
        if item.attempts < POISON_AFTER:
            return False
        self.stats.poisoned += 1
        log.error("gave up on a %s of %s", received.kind, received.device)
        reason = f"the server failed on it: {self.stats.last_failure}"
        self._tell_refused([self._refuse(item, BadMessage("message", reason), code="not_stored")])
        return True

    def _read_all(self, items: list[_Item]) -> list[_Pair]:
        good: list[_Pair] = []
        refused: list[Refused] = []
        for item in items:
            try:
                good.append((item, self._read(item)))
            except BadMessage as bad:
                refused.append(self._refuse(item, bad))
        if refused:
            self._tell_refused(refused)
        return good

    def _try(self, pairs: list[_Pair]) -> bool:
        try:
            answers = self._handle([received for _, received in pairs]) or {}
        except Exception as problem:
            # Whatever the handler trips over, the worker lives and the messages stay ours.
            self.stats.failures += 1
            self.stats.last_failure = f"{type(problem).__name__}: {problem}"[:300]
            log.exception("the handler failed on %d messages", len(pairs))
            return False
        for device, answer in answers.items():
            self._connection.publish(topics.ack(device), to_json(answer))
        for item, _ in pairs:
            self._connection.ack(item.incoming)
        self.stats.handled += len(pairs)
        self.stats.batches += 1
        self.stats.last_handled_at = datetime.now(UTC)
        return True

    def _read(self, item: _Item) -> Received:
        incoming = item.incoming
        device, kind = topics.parse_topic(incoming.topic)
        if incoming.retained:
            raise BadMessage("message", "is a retained copy, not news")
        message: Position | Report | DeviceState
        if kind == "pos":
            message = parse_position(incoming.payload)
        elif kind == "report":
            message = parse_report(incoming.payload)
        elif kind == "state":
            message = parse_state(incoming.payload)
        else:
            raise BadMessage("topic", f"{kind} is written by the server")
        return Received(device, kind, message, item.received_at)

    def _refuse(self, item: _Item, bad: BadMessage, code: str = "bad_message") -> Refused:
        incoming = item.incoming
        self.stats.refused[bad.field[:40]] += 1
        if incoming.topic.endswith("/report") and not incoming.retained:
            self._answer_refusal(incoming, bad, code)
        self._connection.ack(incoming)
        return Refused(
            incoming.topic, bad.field, bad.reason, len(incoming.payload),
            incoming.payload[:200], item.received_at,
        )

    def _answer_refusal(self, incoming: Incoming, bad: BadMessage, code: str) -> None:
        """A report that can never be stored is refused by name, or it is repeated for ever."""
        known = report_id(incoming.payload)
        if known is None:
            return
        device, _ = topics.parse_topic(incoming.topic)
        error = AckError(bad.field[:120], code, bad.reason[:500])
        answer = Ack((ReportAck(known, False, datetime.now(UTC), error),))
        self._connection.publish(topics.ack(device), to_json(answer))

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
