"""Where the tables of the network and the library gis_data meet: questions to the network in force.

The network is held compiled: mapped from files that all processes share (compiling.py), and opened
again when another version is in force. How the valves stand and whether they turn is read when
something wrote to their table, which a question learns from one small query.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

import numpy as np
from django.db import connection
from django.db.models import Max
from django.utils.translation import gettext as _

from gis_data import model as gis
from gis_data.compiled.columns import OPERABLE, names, rows_of
from gis_data.compiled.warm import warm
from gis_data.isolation import IsolationPlan, SegmentIndex
from gis_data.isolation import isolate as isolate_in
from gis_data.snapping import Snapper
from gis_data.tracing import Dry, Trace, TraceKind, dry_after
from gis_data.tracing import trace as trace_in
from server.accounts.refusals import Refused
from server.network.compiling import compiled
from server.network.models import NOTABLE_VALVES, NetworkVersion, Valve
from server.network.reading import header_of, read_network

__all__ = [
    "Compiled", "Positions", "compile_network", "current", "dry", "forget", "header_of",
    "isolate", "network", "positions", "prepare", "read_network", "segment_of", "store_segments",
    "trace", "unknown_asset", "version", "warm_up",
]  # fmt: skip


@dataclass(frozen=True)
class Compiled:
    """The network of one version, ready for questions. Shared by threads; never changed."""

    version: int
    index: SegmentIndex
    snapper: Snapper


@dataclass(frozen=True, slots=True)
class Positions:
    """Valves that do not stand as the record says, and those that cannot be turned, now.

    Only valves of the network in force. `stuck` also names those whose cover cannot be reached.
    """

    closed: frozenset[str]
    opened: frozenset[str]
    stuck: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Now:
    """A version with its valves as of one moment; `version_stamp` and `valve_stamp` say which."""

    version_stamp: tuple[int, datetime]
    valve_stamp: tuple[int, int, int]
    made: SegmentIndex
    compiled: Compiled
    positions: Positions


_lock = threading.Lock()
_held: _Now | None = None
_network: tuple[tuple[int, datetime], gis.Network] | None = None


def version() -> int:
    """Number of the network in force; 0 where none is loaded."""
    return NetworkVersion.objects.aggregate(last=Max("number"))["last"] or 0


def positions() -> Positions:
    """How the valves stand now, as far as anybody reported. Refused as `current`."""
    return _now().positions


def network() -> gis.Network:
    """The pipe network in force as a value, read whole: seconds for a large one. As `current`.

    Positions and conditions of valves in it are those of the reading; ask `positions`.
    """
    global _network
    stamp = _now().version_stamp
    found = _network
    if found is None or found[0] != stamp:
        found = _network = (stamp, read_network(stamp[0]))
    return found[1]


def current() -> Compiled:
    """The compiled network in force, its valves in the condition of now.

    Refused ('network', 'no_network') where none is loaded.
    """
    return _now().compiled


def _now() -> _Now:
    global _held
    version_stamp, valve_stamp = _stamps()
    found = _held
    if found is not None and found.version_stamp == version_stamp:
        if found.valve_stamp == valve_stamp:
            return found
        with _lock:
            if _held is None or (_held.version_stamp, _held.valve_stamp) != (
                version_stamp, valve_stamp,
            ):  # fmt: skip
                _held = _with_valves(found.made, version_stamp, valve_stamp)
            return _held
    with _lock:
        found = _held
        if found is None or found.version_stamp != version_stamp:
            row = NetworkVersion.objects.get(number=version_stamp[0])
            found = _held = _with_valves(compiled(row), version_stamp, valve_stamp)
        return found


def _stamps() -> tuple[tuple[int, datetime], tuple[int, int, int]]:
    """What is in force and what was last written of valves.

    Count, last and sum together: a writer that commits late does not hide behind a later one, nor
    behind the clearing of old entries (tile_changes.py writes them).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT v.number, v.loaded_at, c.n, c.last, c.whole FROM network_networkversion v, "
            "(SELECT count(*) AS n, coalesce(max(id), 0) AS last, coalesce(sum(id), 0) AS whole "
            " FROM network_tilechange WHERE source = 'network_valve') c "
            "ORDER BY v.number DESC LIMIT 1"
        )
        row = cursor.fetchone()
    if row is None:
        raise Refused("network", "no_network", _("No pipe network is loaded yet."), status=503)
    return (row[0], row[1]), (row[2], row[3], int(row[4]))


def _with_valves(
    made: SegmentIndex, version_stamp: tuple[int, datetime], valve_stamp: tuple[int, int, int]
) -> _Now:
    """The compiled network with its valves as the table has them now."""
    rows = list(
        Valve.objects.filter(NOTABLE_VALVES).values_list(
            "asset", "operable", "accessible", "position"
        )
    )
    net = made.arrays
    # A valve that is not notable turns, can be reached and stands open.
    operable = np.zeros(len(net.valve_id), np.int8)
    access = np.full(len(net.valve_id), -1, np.int8)
    shut = np.zeros(len(net.valve_id), bool)
    if rows:
        assets, conditions, reachable, stands = zip(*rows, strict=True)
        at = rows_of(names(list(assets)), net.valve_id, net.valve_sorted)
        known = at >= 0
        codes = {word: code for code, word in enumerate(OPERABLE)}
        operable[at[known]] = np.array([codes.get(c, 2) for c in conditions], np.int8)[known]
        access[at[known]] = np.array([0 if r is False else -1 for r in reachable], np.int8)[known]
        shut[at[known]] = np.array([s == Valve.Position.CLOSED for s in stands])[known]
    index = made.with_conditions(operable, access)
    found = Positions(
        frozenset(net.names("valve", np.flatnonzero(shut & net.valve_open))),
        frozenset(net.names("valve", np.flatnonzero(~shut & ~net.valve_open))),
        frozenset(net.names("valve", np.flatnonzero((operable == 1) | (access == 0)))),
    )
    return _Now(
        version_stamp, valve_stamp, made, Compiled(version_stamp[0], index, Snapper(index)), found
    )


def forget() -> None:
    """Drop what this process holds of the network; the next question opens it again."""
    global _held, _network
    with _lock:
        _held = _network = None


def prepare(number: int) -> Compiled:
    """The network of a version just written, compiled and kept for all processes."""
    index = compiled(NetworkVersion.objects.get(number=number))
    return Compiled(number, index, Snapper(index))


def compile_network(network: gis.Network, number: int) -> Compiled:
    """A network held as a value, compiled for this process alone."""
    index = SegmentIndex(network)
    return Compiled(number, index, Snapper(index))


def warm_up() -> threading.Thread:
    """Have the machine code and the network ready before somebody asks, in a thread of its own."""

    def run() -> None:
        warm()
        try:
            current().index.standing(positions().closed, positions().opened)
        except Refused:
            pass
        finally:
            connection.close()

    thread = threading.Thread(target=run, name="warm-up", daemon=True)
    thread.start()
    return thread


def isolate(
    target: str,
    inoperable: Collection[str] = (),
    *,
    still_ours: Collection[str] = (),
    also_closed: Collection[str] = (),
    usable: Collection[str] = (),
) -> IsolationPlan:
    """The plan to take `target` (pipe, valve, hydrant, node, service) out of service as of now.

    Valves closed at present are boundaries, not work, except `still_ours`: the job's own, which
    stay in its list. `inoperable` are valves found stuck, `also_closed` valves to take as shut,
    such as those another job is about to close, `usable` valves that will be dug out. Refused
    ('target', 'unknown_asset') for an id the network does not have.
    """
    now = _now()
    index = now.compiled.index
    try:
        return isolate_in(
            index,
            target,
            inoperable=_valves(index, inoperable),
            closed=(now.positions.closed - frozenset(still_ours)) | _valves(index, also_closed),
            opened=now.positions.opened - frozenset(also_closed),
            usable=_valves(index, usable),
        )
    except gis.UnknownElement as error:
        raise unknown_asset(target) from error


def _valves(index: SegmentIndex, assets: Collection[str]) -> frozenset[str]:
    return frozenset(name for name in assets if index.has_valve(name))


def trace(element: str, kind: TraceKind, *, also_closed: Collection[str] = ()) -> Trace:
    """The trace of `gis_data.tracing` from `element`, as the valves stand now.

    `also_closed`: valves to take as shut as well. Refused ('target', 'unknown_asset'), ('kind',
    'unknown_kind').
    """
    now = _now()
    if kind not in get_args(TraceKind):
        text = _("A trace goes %(kinds)s.") % {"kinds": ", ".join(get_args(TraceKind))}
        raise Refused("kind", "unknown_kind", text)
    try:
        return trace_in(
            now.compiled.index, element, kind,
            closed=now.positions.closed | _valves(now.compiled.index, also_closed),
            opened=now.positions.opened - frozenset(also_closed),
        )  # fmt: skip
    except gis.UnknownElement as error:
        raise unknown_asset(element) from error


def dry(
    closed: Collection[str],
    opened: Collection[str] = (),
    blocked_segments: Collection[int] = (),
) -> Dry:
    """Who is without water with exactly these shut (`gis_data.tracing.dry_after`).

    The positions reported from the field do not count here: what is shut is what is named.
    Refused ('target', 'unknown_asset').
    """
    try:
        return dry_after(
            current().index, closed=closed, opened=opened, blocked_segments=blocked_segments
        )
    except gis.UnknownElement as error:
        raise unknown_asset(error.element) from error


def segment_of(element: str) -> int | None:
    """The valve segment of a pipe, node or anything on them; None for an unknown id."""
    try:
        return current().index.segment_of(element)
    except gis.UnknownElement:
        return None


def unknown_asset(asset: str) -> Refused:
    shown = asset if len(asset) <= 40 else asset[:39] + "…"
    text = _("The network has nothing called %(asset)s.") % {"asset": shown}
    return Refused("target", "unknown_asset", text, status=404)


def store_segments(compiled: Compiled) -> None:
    """Write the segment of every pipe beside it, for queries by segment and for the tiles."""
    net, top = compiled.index.arrays, compiled.index.top
    pipes = net.names("link", slice(net.pipes))
    segments: list[Any] = top.segment[net.nodes : net.nodes + net.pipes].tolist()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE network_pipe p SET segment = s.segment "
            "FROM unnest(%s::text[], %s::int[]) AS s(asset, segment) "
            "WHERE p.asset = s.asset AND p.segment IS DISTINCT FROM s.segment",
            [list(pipes), segments],
        )
