"""How the streets answer through the product: crews ranked and the best one's way drawn by HTTP,
and a closure made in one process until another answers rightly.

A database beside the product's, dropped at the end, and the product's own web server in a process
of its own. Answers are compared with those of the index here before anything is timed.
"""

from __future__ import annotations

import http.client
import io
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from django.conf import settings
from django.contrib.gis.geos import Point, Polygon
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from routing.bench import City, load_input
from routing.errors import Unreachable
from routing.index import StreetIndex
from routing.model import Origin
from server.accounts.models import User
from server.cityload.bench import free_port, session_of
from server.cityload.scratch import scratch_database
from server.places import models as places_models
from server.streets import index as streets
from server.streets import services
from server.workforce.models import Crew, CrewPosition, Shift

Row = dict[str, Any]
Ask = Callable[[str], tuple[Any, float]]
_SEED = 965113
_START_S = 60.0


def run(
    given: Path | None = None, *, cache: Path | None = None, crews: int = 500, repeats: int = 200
) -> list[Row]:
    """api.rank500, api.moving500, api.within, closure.here, closure.everywhere (figure: `crews`).

    Errors: AssertionError where HTTP and the index disagree.
    """
    table, name = load_input(given, cache)
    index = StreetIndex.of_table(table)
    city = City.of(table, index, name, crews, repeats)
    label = f"{name}: {index.nodes} junctions; uvicorn in its own process, loopback, keep-alive"
    rows: list[Row] = []

    def row(bench: str, n: int, seconds: Sequence[float], more: str = "", **versus: float) -> None:
        ms = np.asarray(seconds) * 1000
        p50 = float(np.median(ms))
        rows.append({
            "bench": bench, "n": n, "p50_ms": round(p50, 3),
            "p95_ms": round(float(np.percentile(ms, 95)), 3), "rate_per_s": round(1000 / p50, 1),
            "memory_mb": memory, "versus": {k: round(v * 1000 / p50, 1) for k, v in versus.items()},
            "input": f"{label}{more and '; '}{more}",
        })  # fmt: skip

    kept = settings.STANDPIPE
    with scratch_database() as database, tempfile.TemporaryDirectory() as folder:
        index.save(folder)
        settings.STANDPIPE = {**kept, "STREETS": Path(folder)}
        streets.forget()
        try:
            _fill(city)
            # As `./standpipe up` does: the web server would compile while it is asked.
            call_command("warm", stdout=io.StringIO())
            with served(database, folder) as (ask, pid):
                memory = 0.0
                places = [city.place(node) for node in city.targets]
                _same_answers(ask, places[:3])
                ours, theirs = _rank(ask, places, city, moving=0)
                moving, _ = _rank(ask, places, city, moving=crews // 10)
                memory = _peak_mb(pid)
                row(f"api.rank{crews}", crews, ours, "first ten, and the best one's way with turns",
                    scipy_in_process=float(np.median(theirs)))  # fmt: skip
                row(f"api.moving{crews}", crews, moving, "a tenth of the crews moved before each")
                row("api.within", crews, [ask("/api/streets/isochrone?minutes=15")[1]
                    for _ in range(10)], "the ground within 15 minutes of all")  # fmt: skip
                here, everywhere = _closures(ask, city)
                row("closure.here", 1, here, "from the call to the right answer in its process")
                row("closure.everywhere", 1, everywhere, "…in the web server's, asked all the time")
        finally:
            settings.STANDPIPE = kept
            streets.forget()
    return rows


# -- the scratch city -----------------------------------------------------------------------------


def _fill(city: City) -> None:
    """A city of that extent and crews on shift at its junctions."""
    lon, lat = city.table.lon, city.table.lat
    west, south, east, north = (float(f(c)) for f in (np.min, np.max) for c in (lon, lat))
    places_models.City.objects.create(
        code="bench", name="Bench", measure_epsg=3857,
        bounds=Polygon.from_bbox((west - 0.01, south - 0.01, east + 0.01, north + 0.01)),
        depot=Point(west, south, srid=4326),
    )  # fmt: skip
    now = timezone.now()
    at = [Point(*city.place(node), srid=4326) for node in city.crews]
    users = User.objects.bulk_create(
        User(username=f"crew{i}", role="crew", password="!") for i in range(len(at))
    )
    made = Crew.objects.bulk_create(
        Crew(code=f"c{i}", name=f"Crew {i}", user=users[i], device=f"d{i}", base=place)
        for i, place in enumerate(at)
    )
    Shift.objects.bulk_create(
        Shift(crew=crew, starts=now - timedelta(hours=1), ends=now + timedelta(hours=7))
        for crew in made
    )
    CrewPosition.objects.bulk_create(
        CrewPosition(crew=crew, fix_time=now, device_time=now, received_at=now, geom=crew.base)
        for crew in made
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _move(city: City, chance: random.Random, crews: list[int]) -> None:
    rows = [(*city.place(chance.choice(city.targets)), pk) for pk in crews]
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE workforce_crewposition SET geom = ST_Point(%s, %s, 4326), fix_time = now() "
            "WHERE crew_id = %s",
            rows,
        )


# -- the web server -------------------------------------------------------------------------------


@contextmanager
def served(database: str, folder: str) -> Iterator[tuple[Ask, int]]:
    """The product's web server as `up` starts it; ask(path) → (answer, seconds), and its pid."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "server.config.asgi:application", "--host", "127.0.0.1",
         "--port", str(port), "--no-access-log", "--no-server-header", "--lifespan", "off",
         "--log-level", "error"],
        env={**os.environ, "STANDPIPE_DB_NAME": database, "STANDPIPE_STREETS": folder},
    )  # fmt: skip
    held = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    user = User.objects.create_user("bench", role="dispatcher")
    headers = {
        "Cookie": f"{settings.SESSION_COOKIE_NAME}={session_of(user)}",
        "Accept": "application/json",
    }

    def ask(path: str) -> tuple[Any, float]:
        begin = time.perf_counter()
        held.request("GET", path, headers=headers)
        answer = held.getresponse()
        body = answer.read()
        took = time.perf_counter() - begin
        if answer.status != 200:
            raise AssertionError(f"{path}: {answer.status} {body[:200]!r}")
        return orjson.loads(body), took

    try:
        _wait_for(process, port)
        held.connect()
        held.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield ask, process.pid
    finally:
        held.close()
        process.terminate()
        process.wait(20)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the web server of the benchmark did not start") from None
            time.sleep(0.1)


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return round(int(peak) / 1024, 1)


# -- the questions --------------------------------------------------------------------------------


def _nearest(place: tuple[float, float]) -> str:
    return f"/api/streets/nearest?at={place[0]},{place[1]}&k=10&geometry=1"


def _standing() -> list[Origin]:
    rows = CrewPosition.objects.values_list("crew_id", "geom")
    return [Origin(str(pk), geom.x, geom.y) for pk, geom in rows]


def _same_answers(ask: Ask, places: Sequence[tuple[float, float]]) -> None:
    crews = _standing()
    for place in places:
        theirs = [(r["crew"]["id"], r["seconds"]) for r in ask(_nearest(place))[0]["crews"]]
        ours = [(int(r.id), r.seconds) for r in streets.index().nearest(place, crews)[:10]]
        if [s for _, s in theirs] != [s for _, s in ours] or {*theirs} != {*ours}:
            raise AssertionError(f"HTTP ranks {theirs}, the index {ours}")


def _rank(
    ask: Ask, places: Sequence[tuple[float, float]], city: City, *, moving: int
) -> tuple[list[float], list[float]]:
    """Seconds of each question over HTTP and, between them, of SciPy's one reverse sweep."""
    chance = random.Random(_SEED)
    crews = list(Crew.objects.values_list("pk", flat=True))
    tail, head, ms = city.arcs
    reverse = csr_array((ms.astype(float), (head, tail)), shape=(city.table.nodes,) * 2)
    for place in places[:5]:
        ask(_nearest(place))
    ours, theirs = [], []
    for n, place in enumerate(places):
        if moving:
            _move(city, chance, chance.sample(crews, moving))
        ours.append(ask(_nearest(place))[1])
        if not moving and n % max(1, len(places) // 10) == 0:
            begin = time.perf_counter()
            dijkstra(reverse, indices=city.targets[n])
            theirs.append(time.perf_counter() - begin)
    return ours, theirs


def _closures(ask: Ask, city: City) -> tuple[list[float], list[float]]:
    """A street of a long way is closed here and lifted again: until each process is right."""
    chance = random.Random(_SEED)
    here: list[float] = []
    everywhere: list[float] = []
    while len(here) < 10:
        start, end = (city.place(chance.choice(city.targets)) for _ in range(2))
        way = streets.index().route(start, end)
        if len(way.legs) < 8:
            continue
        path = f"/api/streets/route?from={start[0]},{start[1]}&to={end[0]},{end[1]}"
        begin = time.perf_counter()
        change = services.close_street(
            [way.legs[len(way.legs) // 2].edge], reason="flood", by="bench"
        )
        try:
            other = streets.index().route(start, end)
        except Unreachable:
            services.lift(change, by="bench")
            continue
        here.append(time.perf_counter() - begin)
        everywhere.append(_until(ask, path, round(other.seconds, 1), begin))
        begin = time.perf_counter()
        services.lift(change, by="bench")
        everywhere.append(_until(ask, path, round(way.seconds, 1), begin))
    return here, everywhere


def _until(ask: Ask, path: str, seconds: float, begin: float) -> float:
    while ask(path)[0]["seconds"] != seconds:
        if time.perf_counter() - begin > 10:
            raise AssertionError("a closure did not reach the other process")
    return time.perf_counter() - begin
