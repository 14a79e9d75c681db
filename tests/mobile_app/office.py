"""A fake office at the border: the server's HTTP words, a real Mosquitto, a real ingest."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mobile_app.district import MapHydrant, MapPipe, MapValve, Street, write_district
from mobile_app.orders import apply_report
from mqtt.ingest import Answers, Ingest, Received
from mqtt.messages import Ack, AckError, Position, Report, ReportAck
from mqtt.orders import Order
from mqtt.publisher import Publisher
from tests.mqtt import samples
from tests.mqtt.running import Broker, until

TOKEN = "token-of-crew1"


class Office:
    """Accepts crew1 with password "right"; stores reports and photos; can be mean."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.broker = Broker(directory / "mosquitto", {"crew1": "mqtt-secret"})
        self.reports: dict[str, Report] = {}
        self.positions: dict[str, Position] = {}
        self.photos: dict[str, bytes] = {}
        self.deliveries = 0
        self.refuse: dict[str, AckError] = {}  # action -> why
        self.lose_answers = 0.0
        self.version = 0
        self.orders: dict[str, Order] = {}
        self.district = directory / "district.sqlite"
        self.photo_status = 201
        office = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: Any) -> None:
                """Quiet."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path == "/api/crew/sign-in":
                    self.answer(*office.sign_in(body))
                elif self.headers.get("Authorization") != f"Token {TOKEN}":
                    self.answer(401, {"errors": []})
                else:
                    self.answer(*office.photo(self.headers["Content-Type"], body))

            def do_GET(self) -> None:
                if self.headers.get("Authorization") != f"Token {TOKEN}":
                    self.answer(401, {"errors": []})
                    return
                content = office.district.read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def answer(self, status: int, data: Any) -> None:
                content = json.dumps(data).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._threads = [threading.Thread(target=self._http.serve_forever, daemon=True)]
        self.ingest: Ingest | None = None
        self.publisher: Publisher | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> Office:
        self.write_district()
        self.broker.start()
        for thread in self._threads:
            thread.start()
        self.open_desk()
        self.publisher = Publisher(**self.broker.server())  # type: ignore[arg-type]
        self.publisher.start()
        return self

    def open_desk(self) -> None:
        """Start the ingest: from now on reports are answered."""
        self.ingest = Ingest(**self.broker.server(), handle=self.handle)  # type: ignore[arg-type]
        self._desk = threading.Thread(target=self.ingest.run, daemon=True)
        self._desk.start()
        until(lambda: self.ingest is not None and self.ingest.connected, what="the ingest")

    def close_desk(self) -> None:
        """Stop the ingest: the broker takes reports, nobody answers."""
        if self.ingest is not None:
            self.ingest.stop()
            self._desk.join(10)
            self.ingest = None

    def stop(self) -> None:
        self.close_desk()
        if self.publisher is not None:
            self.publisher.stop()
        self._http.shutdown()
        self._http.server_close()
        self.broker.stop()

    def send(self, *orders: Order) -> None:
        """The next version of the list."""
        assert self.publisher is not None
        self.version += 1
        self.orders = {order.number: order for order in orders}
        self.publisher.orders("crew1", samples.orders(self.version, *orders), timeout=15)

    def sign_in(self, body: bytes) -> tuple[int, dict[str, Any]]:
        data = json.loads(body)
        if (data["user"], data["password"]) != ("crew1", "right"):
            return 401, {"errors": [{"field": "password", "code": "wrong", "text": "wrong"}]}
        return 200, {
            "token": TOKEN, "device": "crew1", "crew": {"id": "1", "name": "Crew 1"},
            "mqtt": {"host": "127.0.0.1", "port": self.broker.port, "user": "crew1",
                     "password": "mqtt-secret"},
            "district_url": "/api/crew/district", "version": "0.1.0",
        }

    def photo(self, kind: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if self.photo_status != 201:
            return self.photo_status, {
                "errors": [{"field": "file", "code": "not_a_picture", "text": "Send a JPEG."}]
            }
        boundary = kind.split("boundary=")[1].encode()
        parts = {}
        for part in body.split(b"--" + boundary)[1:-1]:
            head, _, content = part.strip(b"\r\n").partition(b"\r\n\r\n")
            name = re.search(rb'name="(\w+)"', head)
            assert name is not None
            parts[name[1].decode()] = content
        self.photos[parts["report"].decode()] = parts["file"]
        return 201, {"sha256": hashlib.sha256(parts["file"]).hexdigest()}

    def handle(self, batch: Sequence[Received]) -> Answers:
        answers: list[ReportAck] = []
        for one in batch:
            message = one.message
            if isinstance(message, Position):
                self.positions[message.id] = message
            elif isinstance(message, Report):
                self.deliveries += 1
                self.reports[message.id] = message
                error = self.refuse.get(message.action)
                # Deterministic loss: the first deliveries of a report go unanswered.
                if int(message.id[:8], 16) / 2**32 < self.lose_answers and not self._again(message):
                    continue
                answers.append(
                    ReportAck(message.id, error is None, datetime.now(UTC), error, self.version)
                )
        self._move_orders(batch)
        return {"crew1": Ack(tuple(answers))} if answers else {}

    def _move_orders(self, batch: Sequence[Received]) -> None:
        """The next list, when a report has moved an order; as the server does after a commit."""
        after = dict(self.orders)
        for one in batch:
            if isinstance(one.message, Report) and one.message.action not in self.refuse:
                order = after.get(one.message.order)
                if order is not None:
                    after[order.number] = apply_report(order, one.message)
        if after != self.orders:
            threading.Thread(target=self.send, args=tuple(after.values())).start()

    def _again(self, report: Report) -> bool:
        seen = self.__dict__.setdefault("_seen", set())
        if report.id in seen:
            return True
        seen.add(report.id)
        return False

    def write_district(self) -> None:
        """A few blocks of a town: a grid of streets, a main with three valves."""
        lons = [24.934 + n * 0.002 for n in range(7)]
        lats = [60.166 + n * 0.001 for n in range(7)]
        streets = [Street(f"{n}. linja", "residential", [(x, lats[0]), (x, lats[-1])])
                   for n, x in enumerate(lons)]
        streets += [Street(f"Katu {n}", "secondary" if n == 3 else "residential",
                           [(lons[0], y), (lons[-1], y)]) for n, y in enumerate(lats)]
        pipes = [MapPipe(f"P-{n}", 100 if n % 3 else 300, "iron",
                         [(x + 0.0002, lats[0]), (x + 0.0002, lats[-1])])
                 for n, x in enumerate(lons)]
        pipes += [MapPipe(f"P-h{n}", 150, "iron", [(lons[0], y + 0.0001), (lons[-1], y + 0.0001)])
                  for n, y in enumerate(lats)]
        valves = [MapValve(f"V-{n}-{m}", f"V{n}{m}", x + 0.0002, y + 0.0003)
                  for n, x in enumerate(lons) for m, y in enumerate(lats[:-1])]
        hydrants = [MapHydrant(f"H-{n}", x, lats[2]) for n, x in enumerate(lons)]
        write_district(self.district, meta={"name": "Test town", "version": "1"}, streets=streets,
                       pipes=pipes, valves=valves, hydrants=hydrants)
