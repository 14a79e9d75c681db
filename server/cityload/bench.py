"""How the network holds at half a million pipes through the product: tiles, the API, and the same
question put to the database itself.

Everything happens in a database beside the product's, dropped at the end, and through the product's
own server on loopback, run in this process. Answers are compared before anything is timed.
"""

from __future__ import annotations

import http.client
import json
import logging
import math
import resource
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from gis_data.bench_city import generated_city
from server.accounts.models import User
from server.cityload.bulk import fill_generated
from server.cityload.scratch import scratch_database
from server.cityload.sql_isolation import SqlNetwork
from server.network import general, graph, tile_cache
from server.network.tiles import LAYERS as LAYERS_OF

Row = dict[str, Any]
LAYERS = ("pipes", "valves", "hydrants", "services", "premises")
# On a machine that is busy fewer tiles and questions are asked, rather than for longer.
PATIENCE_S = 6.0


def network(pipes: int = 500_000, *, tiles: int = 60, questions: int = 120) -> list[Row]:
    """The rows; `tiles` for each zoom and layer, `questions` to the API.

    Errors: AssertionError where the database's own answer differs from ours.
    """
    city = generated_city(pipes)
    count = len(city["pipes"]["id"])
    label = f"{count} pipes, {len(city['valves']['id'])} valves, own database and server, loopback"
    rows: list[Row] = []

    def row(name: str, seconds: Sequence[float], more: str = "", **versus: float) -> None:
        ms = np.asarray(seconds) * 1000
        p50 = float(np.percentile(ms, 50))
        rows.append({
            "bench": f"network.{name}", "n": count, "p50_ms": round(p50, 3),
            "p95_ms": round(float(np.percentile(ms, 95)), 3),
            "rate_per_s": round(1000 / p50, 1) if p50 else None,
            "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            "versus": {k: round(v * 1000 / p50, 1) for k, v in versus.items()},
            "input": f"{label}{more and '; '}{more}",
        })  # fmt: skip

    with scratch_database(), _own_files():
        begin = time.perf_counter()
        fill_generated(city)
        row("fill", [time.perf_counter() - begin], "COPY and indexes")
        begin = time.perf_counter()
        graph.store_segments(graph.current())
        row("segments stored", [time.perf_counter() - begin])
        begin = time.perf_counter()
        told = general.refresh()
        row("refresh", [time.perf_counter() - begin], f"{told.tiles} tiles made, smallest mains "
            f"{told.smallest_mm}")
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        with served() as ask:
            rng = np.random.default_rng(7)
            for layer in LAYERS:
                for zoom in range(max(9, LAYERS_OF[layer].min_zoom), 19):
                    _tiles(layer, zoom, city, tiles, rng, ask, row)
            targets = [
                t.decode() for t in rng.choice(city["pipes"]["id"], questions, replace=False)
            ]
            _questions(targets, ask, row)
            _beside_sql(targets, row)
    return rows


@contextmanager
def _own_files() -> Iterator[None]:
    """Compiled networks go to a folder of their own; the product's are left alone."""
    kept = settings.STANDPIPE
    with tempfile.TemporaryDirectory(prefix="standpipe-bench-") as folder:
        settings.STANDPIPE = {**kept, "NETWORK": Path(folder) / "network"}
        graph.forget()
        tile_cache.forget()
        try:
            yield
        finally:
            settings.STANDPIPE = kept
            graph.forget()
            tile_cache.forget()


# --- through the server --------------------------------------------------------------------------

Ask = Callable[[str], tuple[int, bytes, float]]


@contextmanager
def served() -> Iterator[Ask]:
    """The product's ASGI application on a free port; ask(path) → (status, body, seconds).

    One connection kept open, signed in as an engineer, as a browser would.
    """
    import uvicorn
    from django.core.asgi import get_asgi_application

    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    server = uvicorn.Server(uvicorn.Config(
        get_asgi_application(), host="127.0.0.1", port=0, log_level="error", lifespan="off",
        access_log=False,
    ))  # fmt: skip
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the server of the benchmark did not start")
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    held = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    user = User.objects.create_user("bench", role="engineer")
    headers = {
        "Cookie": f"{settings.SESSION_COOKIE_NAME}={session_of(user)}",
        "Accept": "application/json",
    }

    def ask(path: str) -> tuple[int, bytes, float]:
        begin = time.perf_counter()
        held.request("GET", path, headers=headers)
        answer = held.getresponse()
        body = answer.read()
        return answer.status, body, time.perf_counter() - begin

    try:
        yield ask
    finally:
        held.close()
        server.should_exit = True
        thread.join(10)


def free_port() -> int:
    """A TCP port of this machine that nobody listens on now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def until(done: Callable[[], Any], seconds: float, what: str) -> None:
    """Wait for `done`. AssertionError naming `what` when it is not there in time."""
    limit = time.monotonic() + seconds
    while not done():
        if time.monotonic() > limit:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(0.05)


def session_of(user: User) -> str:
    """The key of a new session of this person, as the browser's cookie would hold it."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def _tiles(
    layer: str, zoom: int, city: Any, wanted: int, rng: Any, ask: Ask, row: Callable[..., None]
) -> None:
    """Tiles around places of the network, each asked for the first time, then once more."""
    nodes = city["nodes"]
    places: dict[tuple[int, int], None] = {}
    for k in rng.integers(0, len(nodes["lon"]), wanted * 8):
        places[_tile_at(float(nodes["lon"][k]), float(nodes["lat"][k]), zoom)] = None
        if len(places) == wanted:
            break
    first, again, size = [], [], []
    until = time.monotonic() + PATIENCE_S
    for x, y in places:
        if time.monotonic() > until:
            break
        path = f"/tiles/{layer}/{zoom}/{x}/{y}.mvt"
        status, body, seconds = ask(path)
        if status not in (200, 204):
            raise AssertionError(f"{path}: {status} {body[:200]!r}")
        first.append(seconds)
        size.append(len(body))
        again.append(ask(path)[2])
    if max(size) == 0:
        return
    row(f"tile.{layer}.z{zoom}", first,
        f"{len(first)} tiles never asked for before, {max(size) / 1024:.0f} KiB at most; "
        f"once more: p95 {np.percentile(again, 95) * 1000:.1f} ms")


def _tile_at(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lon + 180) / 360 * 2**zoom), int(y * 2**zoom)


def _questions(targets: Sequence[str], ask: Ask, row: Callable[..., None]) -> None:
    """Isolation, traces and identify, whole, through the API."""
    for name, path, asked in (
        ("api.isolate", "/api/trace/{}?alternatives=no", targets),
        ("api.isolate and plans B", "/api/trace/{}", targets),
        ("api.identify", "/api/assets/{}/identify", targets),
        ("api.source_path", "/api/trace/{}?kind=source_path", targets[:20]),
        ("api.find", "/api/find-assets?q={}", targets[:60]),
    ):
        ask(path.format(targets[-1]))  # what is read once for all is read now
        seconds: list[float] = []
        until = time.monotonic() + 3 * PATIENCE_S
        for target in asked:
            if time.monotonic() > until and seconds:
                break
            status, body, took = ask(path.format(target))
            if status != 200:
                raise AssertionError(f"{path.format(target)}: {status} {body[:200]!r}")
            json.loads(body)
            seconds.append(took)
        row(name, seconds, "HTTP and JSON, unintended isolation, customers and drawing included"
            if name.startswith("api.isolate") else "HTTP and JSON")


# --- the same question in SQL --------------------------------------------------------------------


def _beside_sql(targets: Sequence[str], row: Callable[..., None]) -> None:
    """Segment and whole outage: ours in process, recursive CTEs, pgRouting where it is there."""
    for target in targets[:10]:
        graph.isolate(target)
    sql = SqlNetwork()
    sql.prepare()
    ours = _timed(graph.isolate, targets)
    segment = _timed(sql.segment, targets[:20])
    for target in targets[:6]:
        found, expected = set(sql.segment(target)), set(graph.isolate(target).segment_pipes)
        if found != expected:
            raise AssertionError(f"the segment of {target} differs: {found ^ expected}")
    few = targets[:3]
    for target in few:
        plan = graph.isolate(target)
        expected = {*plan.segment_pipes, *plan.unintended_pipes}
        found = set(sql.outage(target))
        if found != expected:
            raise AssertionError(f"the outage of {target} differs: {sorted(found ^ expected)[:9]}")
    versus = {
        "recursive CTE, segment": float(np.median(segment)),
        "recursive CTE, outage": float(np.median(_timed(sql.outage, few))),
    }
    more = ""
    if sql.has_pgrouting():
        for target in few:
            if set(sql.outage_by_pgrouting(target)) != set(sql.outage(target)):
                raise AssertionError(f"pgRouting's outage of {target} differs")
        versus["pgRouting, outage"] = float(np.median(_timed(sql.outage_by_pgrouting, few)))
    else:
        more = "pgRouting is not installed: not compared"
    row("isolate beside SQL", ours, more, **versus)


def _timed(what: Callable[[str], Any], inputs: Sequence[str]) -> list[float]:
    seconds = []
    for one in inputs:
        begin = time.perf_counter()
        what(one)
        seconds.append(time.perf_counter() - begin)
    return seconds
