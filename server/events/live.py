"""The live stream: Server-Sent Events from the one list of events.

Two lanes on one connection. Durable events carry their place in the list as the SSE id, so a
browser that was away resumes with Last-Event-ID and misses none. Positions are lossy: the newest
per crew, at most once a second, no replay (a reconnecting page asks /api/crews for the snapshot).
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from server.events.reading import CHANNEL, POSITIONS_CHANNEL, Listener, Mark, Row, after, end
from server.events.reading import waiting_behind as waiting
from server.events.services import personal

log = logging.getLogger("standpipe.live")

TOPICS_BY_ROLE: dict[str, set[str]] = {
    "agent": {"calls", "incidents", "crews", "messages", "streets", "wall"},
    "dispatcher": {"calls", "incidents", "crews", "messages", "streets", "wall"},
    "supervisor": {
        "calls",
        "incidents",
        "crews",
        "messages",
        "streets",
        "wall",
        "supervision",
    },
    "engineer": {"incidents", "crews", "streets"},
    "manager": {"incidents", "crews", "wall"},
    "auditor": {"incidents"},
    "crew": set(),
}
BEAT_S = 2.0
QUEUE = 500  # a reader slower than this is cut off; it comes back with Last-Event-ID


def frame(name: str, data: Any, mark: Mark | None = None) -> bytes:
    head = f"id: {mark}\n" if mark else ""
    return f"{head}event: {name}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"


def event_frame(row: Row) -> bytes:
    data = {**row.payload, "subject": row.subject, "at": row.at, "by": row.by}
    return frame(row.name, data, row.mark)


class Reader:
    """One browser's connection."""

    def __init__(self, topics: set[str]) -> None:
        self.topics = topics
        self.queue: asyncio.Queue[tuple[Mark | None, bytes] | None] = asyncio.Queue(QUEUE)
        self.loop = asyncio.get_running_loop()

    def offer(self, mark: Mark | None, data: bytes) -> None:
        def put() -> None:
            if self.queue.full():
                # Too slow: empty the queue and say goodbye; the browser resumes where it was.
                while not self.queue.empty():
                    self.queue.get_nowait()
                self.queue.put_nowait(None)
            else:
                self.queue.put_nowait((mark, data))

        self.loop.call_soon_threadsafe(put)


class Hub:
    """One listening thread per web process, however many browsers there are."""

    def __init__(self) -> None:
        self._readers: set[Reader] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.mark = Mark(0, 0)
        self._told: dict[int, Any] = {}  # crew -> when its last told position reached us

    def join(self, reader: Reader) -> None:
        with self._lock:
            self._readers.add(reader)
            if self._thread is None or not self._thread.is_alive():
                # Nobody was listening: what happened meanwhile is the replay's business.
                self.mark = end()
                self._thread = threading.Thread(target=self._run, name="live", daemon=True)
                self._thread.start()

    def leave(self, reader: Reader) -> None:
        with self._lock:
            self._readers.discard(reader)

    def _send(self, topic: str, mark: Mark | None, data: bytes) -> None:
        with self._lock:
            for reader in self._readers:
                if not topic or topic in reader.topics:
                    reader.offer(mark, data)

    def _run(self) -> None:
        listener = Listener(CHANNEL, POSITIONS_CHANNEL)
        seen_at = timezone.now()
        last_positions = last_beat = 0.0
        moved = held_back = False
        while not self._deserted():
            called = listener.wait(0.02 if held_back else 0.25 if moved else 1.0)
            now = time.monotonic()
            try:
                if called or held_back:
                    held_back = self._pass_on()
                moved = moved or POSITIONS_CHANNEL in called
                if moved and now - last_positions >= 1.0:
                    seen_at = self._pass_on_positions(seen_at)
                    last_positions, moved = now, False
            except (OperationalError, InterfaceError) as error:
                log.warning("the live stream lost the database: %s", error)
                connection.close()
                time.sleep(0.5)
                held_back = True
            if now - last_beat >= BEAT_S:
                last_beat = now
                self._send("", None, frame("beat", {"at": timezone.now()}))
        listener.close()
        connection.close()

    def _deserted(self) -> bool:
        """Nobody is left: the thread ends and gives its two connections back."""
        with self._lock:
            if self._readers:
                return False
            self._thread = None
            return True

    def _pass_on(self) -> bool:
        while rows := after(self.mark):
            for row in rows:
                if row.topic:
                    self._send(row.topic, row.mark, event_frame(row))
            self.mark = rows[-1].mark
        return waiting(self.mark)

    def _pass_on_positions(self, since: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT p.crew_id, ST_X(p.geom), ST_Y(p.geom), p.heading, p.speed_mps,
                          p.fix_time, c.state, p.received_at
                   FROM workforce_crewposition p JOIN workforce_crew c ON c.id = p.crew_id
                   WHERE p.received_at > %s ORDER BY p.received_at""",
                [since - timedelta(seconds=2)],
            )
            found = cursor.fetchall()
        # Workers commit out of the order in which positions reached them: looked at a little
        # further back, and what was told is left out.
        rows = [row for row in found if self._told.get(row[0]) != row[-1]]
        if not rows:
            return since
        self._told.update((row[0], row[-1]) for row in rows)
        keys = ("id", "lon", "lat", "heading", "speed_mps", "fix_time", "state")
        crews = [dict(zip(keys, row, strict=False)) for row in rows]
        self._send("crews", None, frame("positions", {"crews": crews}))
        return max(since, rows[-1][-1])


hub = Hub()


async def live(request: HttpRequest) -> HttpResponseBase:
    """GET /live?topics=calls,incidents: the stream, for the topics this person may hear."""
    user = await request.auser()
    if not user.is_authenticated:
        text = _("You are signed out.")
        return JsonResponse(
            {"errors": [{"field": "", "code": "signed_out", "text": text}]}, status=401
        )
    allowed = TOPICS_BY_ROLE.get(user.role, set())
    asked = {t for t in request.GET.get("topics", "").split(",") if t}
    resume = Mark.parse(
        request.headers.get("Last-Event-ID", "") or request.GET.get("last_event_id", "")
    )
    topics = (asked & allowed if asked else allowed) | {personal(user.pk)}
    response = StreamingHttpResponse(_stream(topics, resume), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


async def _stream(topics: set[str], resume: Mark | None) -> AsyncIterator[bytes]:
    reader = Reader(topics)
    # Joined before the replay is read, so nothing falls between the two.
    await sync_to_async(hub.join)(reader)
    sent = resume or hub.mark
    try:
        yield b"retry: 1000\n" + frame("hello", {"at": timezone.now(), "mark": str(sent)}, sent)
        while resume is not None:
            rows = await sync_to_async(after)(sent, topics=sorted(topics), limit=200)
            if not rows:
                break
            for row in rows:
                yield event_frame(row)
            sent = rows[-1].mark
        while (item := await reader.queue.get()) is not None:
            mark, data = item
            if mark is not None:
                if mark <= sent:
                    continue
                sent = mark
            yield data
    finally:
        hub.leave(reader)
