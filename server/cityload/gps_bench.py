"""Positions from the broker to the map: how many, how fast, and what a killed worker loses.

Everything of its own: a database beside the product's (dropped at the end), a broker on a free
port, the product's own worker and web server as processes. What is compared runs in the same run:
a worker that stores message by message, the broker alone, COPY alone.
"""

from __future__ import annotations

import csv
import gzip
import http.client
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg2
from django.conf import settings
from django.db import connection
from django.utils import timezone

from mqtt.bench import SENTINEL
from mqtt.broker import BrokerConfig
from server.accounts.models import User
from server.cityload.bench import free_port, session_of, until
from server.cityload.scratch import scratch_database
from server.positions import partitions, roster
from server.workforce.models import Crew, Shift

Row = dict[str, Any]
VEHICLES = 5000
PASSWORD = "bench-secret"
TDRIVE = "gps/tdrive_beijing_20080202_slice.csv.gz"


def gps(*, seconds: float = 6.0, data: Path | None = None) -> list[Row]:
    """The rows; `seconds` for each rate. `data` is the folder with T-Drive's hour, if there.

    Errors: AssertionError where something sent is neither stored nor counted as refused.
    """
    with scratch_database(), _broker() as broker:
        bench = _Bench(broker)
        bench.hire(VEHICLES)
        rows = [*bench.bare(), *bench.sustained(), *bench.latencies(seconds)]
        rows += bench.killed()
        if data is not None and (data / TDRIVE).exists():
            rows += bench.tdrive(data / TDRIVE)
        return rows


@contextmanager
def _broker() -> Iterator[BrokerConfig]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="standpipe-bench-") as folder:
        config = BrokerConfig(Path(folder) / "mosquitto", port, server_password=PASSWORD)
        config.write()
        process = subprocess.Popen(config.command(), stderr=subprocess.DEVNULL)
        try:
            until(lambda: _listens(port), 10, "the broker")
            yield config
        finally:
            process.terminate()
            process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class _Bench:
    def __init__(self, broker: BrokerConfig) -> None:
        self.broker = broker
        self.seq = 0
        self.env = {
            **os.environ,
            "STANDPIPE_DB_NAME": str(connection.settings_dict["NAME"]),
            "STANDPIPE_MQTT_HOST": "127.0.0.1", "STANDPIPE_MQTT_PORT": str(broker.port),
            "STANDPIPE_MQTT_USER": "server", "STANDPIPE_MQTT_PASSWORD": PASSWORD,
            "STANDPIPE_HOSTS": "127.0.0.1",
            "PYTHONPATH": str(settings.SERVER.parent),
        }  # fmt: skip
        self.naive_rate = 0.0
        self.label = f"{VEHICLES} vehicles, QoS 1, own broker and database, loopback"

    # -- stage --------------------------------------------------------------------------------

    def hire(self, count: int) -> None:
        """Crews on shift, each with the device that the stream names, and the sentinel."""
        from django.contrib.gis.geos import Point

        codes = [*(f"bench-{n}" for n in range(count)), SENTINEL]
        users = User.objects.bulk_create(User(username=c, role="crew") for c in codes)
        base = Point(24.95, 60.25, srid=4326)
        crews = Crew.objects.bulk_create(
            Crew(code=c, name=c, user=u, base=base, device=c)
            for c, u in zip(codes, users, strict=True)
        )
        now = timezone.now()
        begin, end = now - timedelta(hours=8), now + timedelta(hours=8)
        Shift.objects.bulk_create(Shift(crew=c, starts=begin, ends=end) for c in crews)
        partitions.maintain()
        roster.adopt()
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")

    @contextmanager
    def _process(self, *command: str, log: str = "") -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], env=self.env, cwd=settings.SERVER.parent,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    @contextmanager
    def _workers(self, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
        if count == 0:
            yield []
            return
        with (
            self._process("server.manage", "ingest", "--name", f"bench-{count}") as one,
            self._workers(count - 1) as others,
        ):
            yield [one, *others]

    @contextmanager
    def workers(self, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Product workers that have taken a first message."""
        with self._workers(count) as processes:
            self._warm()
            yield processes
        for n in range(2, count + 1):
            # Else the broker would go on keeping every second message for it.
            with self._process("server.manage", "ingest", "--name", f"bench-{n}", "--leave") as p:
                p.wait(60)

    def _warm(self) -> None:
        """Until a position comes through, and then some more for every worker."""
        before = self.stored()
        end = time.monotonic() + 60
        while self.stored() == before:
            if time.monotonic() > end:
                raise AssertionError("no worker came up within 60 s")
            self.stream(200, 20).wait()
            time.sleep(0.5)
        self.settled()

    def stream(self, rate: float, count: int, *, sentinel: bool = False, ahead_s: float = 0.0,
               vehicles: int = VEHICLES) -> _Stream:  # fmt: skip
        """Begin to publish; numbers go on where the last stream stopped."""
        start = time.time() + (ahead_s or 0.3 + count / 60_000)
        plan = {"rate": rate, "count": count, "vehicles": vehicles, "start": start,
                "seq": self.seq, "sentinel": sentinel}  # fmt: skip
        self.seq += count
        return _Stream(self, plan)

    def stored(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM positions_fix")
            return int(cursor.fetchone()[0])

    def refused(self) -> dict[str, int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT reason, sum(count)::bigint FROM positions_refusal GROUP BY 1")
            return {reason: int(n) for reason, n in cursor.fetchall()}

    def settled(self, quiet_s: float = 0.6) -> int:
        """The number of stored fixes once it no longer grows."""
        last, since = self.stored(), time.monotonic()
        while time.monotonic() - since < quiet_s:
            time.sleep(0.1)
            now = self.stored()
            if now != last:
                last, since = now, time.monotonic()
        return last

    def all_stored(self, n: int, patience_s: float = 30.0) -> int:
        """The number stored once it is `n`, or no longer grows for a while."""
        end = time.monotonic() + patience_s
        while (now := self.stored()) < n and time.monotonic() < end:
            time.sleep(0.1)
        return now

    def empty(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE positions_fix, positions_refusal")

    def row(self, name: str, n: int, ms: Sequence[float], rate: float | None, more: str,
            **versus: float) -> Row:  # fmt: skip
        values = np.asarray(ms if len(ms) else [0.0])
        made = {
            "bench": f"gps.{name}", "n": n,
            "p50_ms": round(float(np.percentile(values, 50)), 3),
            "p95_ms": round(float(np.percentile(values, 95)), 3),
            "rate_per_s": None if rate is None else round(rate),
            "memory_mb": None,
            "versus": {k: round(v, 2) for k, v in versus.items()},
            "input": f"{self.label}; {more}",
        }  # fmt: skip
        print(f"  {name}: {made['rate_per_s']}/s, p95 {made['p95_ms']} ms; {more}", file=sys.stderr)
        return made

    # -- what is measured ---------------------------------------------------------------------

    def bare(self) -> list[Row]:
        """The broker with a subscriber that only acknowledges; COPY with nothing around it."""
        count = 60_000
        drain = subprocess.Popen(
            [sys.executable, "-m", "mqtt.bench", "127.0.0.1", str(self.broker.port), "server",
             PASSWORD],
            env=self.env, cwd=settings.SERVER.parent, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert drain.stdin is not None and drain.stdout is not None
        drain.stdin.write(json.dumps({"drain": count}) + "\n")
        drain.stdin.flush()
        drain.stdout.readline()
        self.stream(0, count).wait()
        got = json.loads(drain.stdout.readline())
        drain.wait(10)
        self.broker_rate = got["read"] / max(got["seconds"], 1e-6)
        self.copy_rate = _bare_copy(200_000)
        return [
            self.row("broker alone", got["read"], [], self.broker_rate, "read and acknowledged"),
            self.row("COPY alone", 200_000, [], self.copy_rate, "one COPY, BRIN only"),
        ]

    def sustained(self) -> list[Row]:
        """As fast as it goes: messages that wait at the broker until all are stored."""
        rows = []
        with self._process("server.cityload.gps_naive"):
            self._warm()
            self.empty()
            stream = self.stream(0, 20_000)
            self.naive_rate = self._rate_until(20_000, most_s=6.0)
            stream.stop()
            rows.append(self.row("naive worker", 20_000, [], self.naive_rate,
                                 "paho; insert, upsert, NOTIFY, commit for each message"))
        self._forget("bench-naive")
        for count in (1, 2):
            self.empty()
            with self.workers(count):
                self.empty()
                n = 100_000
                stream = self.stream(0, n)
                rate = self._rate_until(n, most_s=30.0)
                sent = stream.wait()["confirmed"]
                stored = self.all_stored(sent)
                assert stored == sent, (stored, sent, self.refused())
                rows.append(self.row(
                    f"{count} worker{'s' if count > 1 else ''}", n, [], rate,
                    "stored, markers moved, one NOTIFY a batch, acknowledged after the commit",
                    naive=rate / self.naive_rate, broker=rate / self.broker_rate,
                    COPY=rate / self.copy_rate,
                ))  # fmt: skip
        return rows

    def _rate_until(self, n: int, most_s: float) -> float:
        """Stored per second, from the first that is stored until `n` are or time is up."""
        until(lambda: self.stored() > 0, 30, "the first position")
        first, began = self.stored(), time.monotonic()
        while (now := self.stored()) < n and time.monotonic() - began < most_s:
            time.sleep(0.05)
        return (now - first) / (time.monotonic() - began)

    def _more_than(self, before: int, seconds: float) -> None:
        until(lambda: self.stored() > before, seconds, "the worker")

    def _forget(self, name: str) -> None:
        """What the broker keeps for a worker that will not come back is let go."""
        from mqtt.connection import Account
        from mqtt.reader import Reader

        reader = Reader(Account("127.0.0.1", self.broker.port, "server", PASSWORD, name), [])
        reader.poll(1.0)
        reader.close(forget=True)

    def latencies(self, seconds: float) -> list[Row]:
        """From the fix to whoever listens, at steady rates; and to a browser's stream."""
        rows = []
        with self.workers(1), self._web() as port:
            for rate in (1000, 5000, 10_000):
                self.empty()
                told = _Told(self.env)
                browser = _Browser(port)
                n = int(rate * seconds)
                stream = self.stream(rate, n, sentinel=True)
                sent = stream.wait()
                stored = self.all_stored(sent["confirmed"])
                told.stop()
                browser.stop()
                assert stored == sent["confirmed"], (stored, sent, self.refused())
                took = sent["ended"] - sent["began"]
                rows.append(self.row(
                    f"to a listener at {rate}/s", n, told.ms, n / took,
                    f"{len(told.ms)} looks at one vehicle among them"))
                rows.append(self.row(
                    f"to a browser at {rate}/s", n, browser.ms, None,
                    f"{len(browser.ms)} frames of the live stream (one a second)"))
        return rows

    @contextmanager
    def _web(self) -> Iterator[int]:
        port = free_port()
        with self._process("uvicorn", "server.config.asgi:application", "--host", "127.0.0.1",
                           "--port", str(port), "--log-level", "error"):  # fmt: skip
            until(lambda: _listens(port), 60, "the web server")
            yield port

    def killed(self) -> list[Row]:
        """The worker killed ten times under 5,000 a second: what was lost, what is twice there."""
        self.empty()
        rate, n = 5000, 50_000
        stream = self.stream(rate, n, ahead_s=8.0)
        kills, back = 0, []
        while kills < 10 or not stream.done():
            with self._process("server.manage", "ingest", "--name", "bench-1") as worker:
                began = time.monotonic()
                if kills < 10:
                    self._more_than(self.stored(), 30)
                    back.append(time.monotonic() - began)
                    time.sleep(0.15)
                    worker.kill()
                    worker.wait()
                    kills += 1
                else:
                    stream.wait()
                    self.settled()
        with self._process("server.manage", "ingest", "--name", "bench-1"):
            until(lambda: self.stored() >= n, 30, "the rest")
        sent = stream.wait()["confirmed"]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*), count(DISTINCT (device_id, seq)) FROM positions_fix "
                "WHERE seq >= %s", [self.seq - n],
            )  # fmt: skip
            stored, distinct = cursor.fetchone()
        assert stored == distinct == sent, (stored, distinct, sent)
        return [self.row(
            f"killed {kills} times", n, [s * 1000 for s in back], None,
            f"sent {sent}, stored {stored}, lost {sent - distinct}, twice {stored - distinct}; ms "
            "until a new worker has stored something, its start included",
        )]  # fmt: skip

    def tdrive(self, path: Path) -> list[Row]:
        """8,643 taxis of Beijing, an hour's fixes as if made in the last hour, then counted."""
        from mqtt.messages import Position
        from mqtt.positions import Fix, Rules
        from server.positions.models import Device
        from server.positions.pipeline import Pipeline

        self.empty()
        with gzip.open(path, "rt") as lines:
            taken = [
                (r["taxi_id"], datetime.fromisoformat(r["time"]).replace(tzinfo=UTC),
                 float(r["lon"]), float(r["lat"]))
                for r in csv.DictReader(lines)
            ]  # fmt: skip
        hours = Counter(at.replace(minute=0, second=0) for _, at, _, _ in taken)
        ((busiest, _),) = hours.most_common(1)
        end = busiest + timedelta(hours=1)
        shift = timezone.now() - end
        taken = [(taxi, at + shift, lon, lat) for taxi, at, lon, lat in taken
                 if busiest <= at < end]  # fmt: skip
        Device.objects.bulk_create(
            (Device(name=f"taxi-{t}", kind="tracker") for t in {row[0] for row in taken}),
            ignore_conflicts=True,
        )
        pipeline = Pipeline()
        pipeline._rules = Rules(area=(115.4, 39.4, 117.6, 41.1))
        seen: dict[str, int] = {}
        fixes = []
        for taxi, at, lon, lat in taken:
            seen[taxi] = seen.get(taxi, 0) + 1
            fixes.append(Fix(f"taxi-{taxi}", Position(
                id="", seq=seen[taxi], fix_time=at, device_time=at, lon=lon, lat=lat,
                accuracy_m=10.0), at))  # fmt: skip
        begin = time.perf_counter()
        reasons: dict[str, int] = {}
        kept = 0
        for k in range(0, len(fixes), 500):
            verdicts, stored = pipeline.take(fixes[k : k + 500])
            kept += stored.fixes
            for v in verdicts:
                reasons[v.reason or "marker"] = reasons.get(v.reason or "marker", 0) + 1
        took = time.perf_counter() - begin
        refused = sum(self.refused().values())
        assert self.stored() == kept, (self.stored(), kept)
        assert kept + refused == len(fixes), (kept, refused, len(fixes))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM (SELECT device_id, max(fix_time) FILTER (WHERE flag = '') "
                "AS newest FROM positions_fix GROUP BY 1) t LEFT JOIN positions_last l "
                "USING (device_id) WHERE t.newest IS DISTINCT FROM l.fix_time"
            )
            wrong = cursor.fetchone()[0]
        assert wrong == 0, f"{wrong} markers are not at the newest trusted fix"
        said = ", ".join(f"{k} {v}" for k, v in sorted(reasons.items(), key=lambda kv: -kv[1]))
        return [self.row("T-Drive's hour", len(fixes), [], len(fixes) / took,
                         f"{len(seen)} taxis, without the broker; {said}")]


class _Stream:
    """A publisher in a process of its own."""

    def __init__(self, bench: _Bench, plan: dict[str, Any]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mqtt.bench", "127.0.0.1", str(bench.broker.port), "server",
             PASSWORD],
            env=bench.env, cwd=settings.SERVER.parent, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(plan) + "\n")
        self.process.stdin.flush()
        self._said: dict[str, Any] | None = None

    def done(self) -> bool:
        return self.process.poll() is not None

    def wait(self) -> dict[str, Any]:
        if self._said is None:
            out, _ = self.process.communicate(timeout=180)
            self._said = json.loads(out)
        return self._said

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


class _Told(threading.Thread):
    """Listens for the call after each commit and looks where the sentinel is."""

    def __init__(self, env: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.ms: list[float] = []
        self._end = threading.Event()
        parameters = connection.get_connection_params()
        parameters.pop("cursor_factory", None)
        self._conn = psycopg2.connect(**parameters)
        self._conn.autocommit = True
        self.start()

    def run(self) -> None:
        cursor = self._conn.cursor()
        cursor.execute("LISTEN standpipe_positions")
        last = None
        while not self._end.is_set():
            if not select.select([self._conn], [], [], 0.2)[0]:
                continue
            self._conn.poll()
            self._conn.notifies.clear()
            now = time.time()
            cursor.execute(
                "SELECT l.fix_time FROM positions_last l JOIN positions_device d "
                "ON d.id = l.device_id WHERE d.name = %s", [SENTINEL],
            )  # fmt: skip
            found = cursor.fetchone()
            if found and found[0] != last:
                last = found[0]
                self.ms.append((now - last.timestamp()) * 1000)
        self._conn.close()

    def stop(self) -> None:
        self._end.set()
        self.join(5)
        self.ms = self.ms[5:]


class _Browser(threading.Thread):
    """Reads /live as a dispatcher's browser does; the age of the sentinel in each frame."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.ms: list[float] = []
        self._crew = Crew.objects.get(code=SENTINEL).pk
        self._held = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        user, _ = User.objects.get_or_create(username="bench-dispatcher", role="dispatcher")
        self._held.request("GET", "/live?topics=crews", headers={
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={session_of(user)}"})  # fmt: skip
        self._answer = self._held.getresponse()
        assert self._answer.status == 200, self._answer.read(500)
        self._end = False
        self.start()

    def run(self) -> None:
        event = b""
        try:
            while not self._end and (line := self._answer.readline()):
                if line.startswith(b"event: "):
                    event = line[7:].strip()
                elif line.startswith(b"data: ") and event == b"positions":
                    now = time.time()
                    for crew in json.loads(line[6:])["crews"]:
                        if crew["id"] == self._crew:
                            at = datetime.fromisoformat(crew["fix_time"]).timestamp()
                            self.ms.append((now - at) * 1000)
        except (OSError, ValueError, http.client.HTTPException):
            return

    def stop(self) -> None:
        self._end = True
        sock = self._held.sock
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)
        self.join(5)
        self.ms = self.ms[1:]


def _bare_copy(count: int) -> float:
    """Rows a second of one binary COPY into a table like the track's, without its key."""
    import io

    pack = struct.Struct(">hiiiqiqiqiqididififififi").pack
    us = round((time.time() - 946_684_800) * 1e6)
    data = b"".join((
        b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0),
        *(pack(12, 4, n % 5000, 8, us + n, 8, n, 8, us, 8, us, 8, 24.9, 8, 60.2, 4, 5.0, 4, 8.0,
               4, 90.0, 4, 80.0, 0) for n in range(count)),
        b"\xff\xff",
    ))  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_copy (device_id int, fix_time timestamptz, seq bigint, "
            "device_time timestamptz, received_at timestamptz, lon float8, lat float8, "
            "accuracy_m real, speed_mps real, heading real, battery real, flag text)"
        )
        cursor.execute("CREATE INDEX ON bench_copy USING brin (fix_time)")
        begin = time.perf_counter()
        cursor.copy_expert("COPY bench_copy FROM STDIN (FORMAT binary)", io.BytesIO(data))
        took = time.perf_counter() - begin
        cursor.execute("DROP TABLE bench_copy")
    return count / took
