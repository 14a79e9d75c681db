"""Where the tables of the network and the library gis_data meet.

The network in force is compiled once per process and kept until another version is loaded or a
valve written off as stuck turns again. Valve positions are read at every question: they change in
the field all day and need no rebuild.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields
from typing import Any, get_args

import shapely
from django.contrib.gis.db.models.functions import AsWKB
from django.db import connection
from django.db.models import F, Max, Model, Q
from django.utils.translation import gettext as _

from gis_data import model as gis
from gis_data.isolation import IsolationPlan, SegmentIndex
from gis_data.isolation import isolate as isolate_in
from gis_data.snapping import Snapper
from gis_data.tracing import Dry, Trace, TraceKind, dry_after
from gis_data.tracing import trace as trace_in
from server.accounts.refusals import Refused
from server.network.models import (
    Control,
    Hydrant,
    NetworkVersion,
    Node,
    Pipe,
    ServiceLine,
    Station,
    Valve,
)


@dataclass(frozen=True)
class Compiled:
    """The network of one version, ready for questions. Shared by threads; never changed."""

    version: int
    network: gis.Network
    index: SegmentIndex
    snapper: Snapper
    stuck: frozenset[str]


@dataclass(frozen=True, slots=True)
class Positions:
    """Valves that do not stand as the record says, and those that cannot be turned, now."""

    closed: frozenset[str]
    opened: frozenset[str]
    stuck: frozenset[str]


_COLLECTIONS = {"nodes", "pipes", "valves", "controls", "hydrants", "services", "stations"}
_lock = threading.Lock()
_compiled: Compiled | None = None


def version() -> int:
    """Number of the network in force; 0 where none is loaded."""
    return NetworkVersion.objects.aggregate(last=Max("number"))["last"] or 0


def positions() -> Positions:
    """How the valves stand now, as far as anybody reported."""
    rows = Valve.objects.filter(
        Q(operable="no")
        | Q(normally_open=True, position=Valve.Position.CLOSED)
        | Q(normally_open=False, position=Valve.Position.OPEN)
    ).values_list("asset", "normally_open", "position", "operable")
    closed, opened, stuck = set(), set(), set()
    for asset, normally_open, position, operable in rows:
        if operable == "no":
            stuck.add(asset)
        if normally_open and position == Valve.Position.CLOSED:
            closed.add(asset)
        elif not normally_open and position == Valve.Position.OPEN:
            opened.add(asset)
    return Positions(frozenset(closed), frozenset(opened), frozenset(stuck))


def network() -> gis.Network:
    """The pipe network in force, as a value. Errors as `current`."""
    return current().network


def current(now: Positions | None = None) -> Compiled:
    """The compiled network in force. Refused ('network', 'no_network') where none is loaded."""
    global _compiled
    number = version()
    if number == 0:
        raise Refused(
            "network", "no_network", _("No pipe network is loaded yet."), status=503
        )
    stuck = (now or positions()).stuck
    found = _compiled
    if _serves(found, number, stuck):
        return found  # type: ignore[return-value]
    with _lock:
        found = _compiled
        if not _serves(found, number, stuck):
            found = _compiled = compile_network(read_network(number), number)
    return found  # type: ignore[return-value]


def _serves(compiled: Compiled | None, number: int, stuck: frozenset[str]) -> bool:
    # More stuck valves can be named in the question; one that turns again cannot be unnamed.
    return compiled is not None and compiled.version == number and compiled.stuck <= stuck


def forget() -> None:
    """Drop the compiled network of this process; the next question compiles anew."""
    global _compiled
    with _lock:
        _compiled = None


def compile_network(network: gis.Network, number: int) -> Compiled:
    stuck = frozenset(v.id for v in network.valves.values() if v.operable == "no")
    return Compiled(number, network, SegmentIndex(network), Snapper(network), stuck)


def isolate(
    target: str,
    inoperable: Collection[str] = (),
    *,
    still_ours: Collection[str] = (),
    also_closed: Collection[str] = (),
) -> IsolationPlan:
    """The plan to take `target` (pipe, valve, hydrant, node, service) out of service as of now.

    Valves closed at present are boundaries, not work, except `still_ours`: the job's own, which
    stay in its list. `inoperable` are valves found stuck, `also_closed` valves to take as shut,
    such as those another job is about to close. Refused ('target', 'unknown_asset') for an id the
    network does not have.
    """
    now = positions()
    compiled = current(now)
    known = compiled.network.valves.keys()
    try:
        return isolate_in(
            compiled.index,
            target,
            inoperable=(now.stuck | frozenset(inoperable)) & known,
            closed=((now.closed - frozenset(still_ours)) | frozenset(also_closed)) & known,
            opened=now.opened & known,
        )
    except gis.UnknownElement as error:
        raise unknown_asset(target) from error


def trace(element: str, kind: TraceKind) -> Trace:
    """The trace of `gis_data.tracing` from `element`, as the valves stand now.

    Refused ('target', 'unknown_asset'), ('kind', 'unknown_kind').
    """
    now = positions()
    compiled = current(now)
    known = compiled.network.valves.keys()
    if kind not in get_args(TraceKind):
        text = _("A trace goes %(kinds)s.") % {"kinds": ", ".join(get_args(TraceKind))}
        raise Refused("kind", "unknown_kind", text)
    try:
        return trace_in(
            compiled.index, element, kind, closed=now.closed & known, opened=now.opened & known
        )
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
    pipes = list(compiled.network.pipes)
    segments = [compiled.index.segment_of(pipe) for pipe in pipes]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE network_pipe p SET segment = s.segment "
            "FROM unnest(%s::text[], %s::int[]) AS s(asset, segment) WHERE p.asset = s.asset",
            [pipes, segments],
        )


# --- reading the tables -------------------------------------------------------------------------

def _rows(model: type[Model], *fields: str) -> Iterator[tuple[Any, ...]]:
    """Rows of `fields` with the geometry last, as a shapely value, in the order of ids."""
    query = model._default_manager.order_by("id").annotate(wkb=AsWKB(F("geom")))
    rows = query.values_list(*fields, "wkb")
    return ((*row[:-1], shapely.from_wkb(bytes(row[-1]))) for row in rows.iterator(5000))


def read_network(number: int) -> gis.Network:
    """The stored network as a value of gis_data."""
    header = NetworkVersion.objects.get(number=number).header
    nodes = {
        row[0]: gis.Node(
            id=row[0], kind=row[1], lon=row[-1].x, lat=row[-1].y, elevation_m=row[2],
            base_demand_m3s=row[3], head_m=row[4],
            tank=gis.TankShape(**row[5]) if row[5] else None,
            zone=row[6], dma=row[7], demand_pattern=row[8],
        )
        for row in _rows(Node, "asset", "kind", "elevation_m", "base_demand_m3s", "head_m",
                         "tank", "zone", "dma", "demand_pattern")
    }
    pipes = {
        row[0]: gis.Pipe(
            id=row[0], start=row[1], end=row[2], length_m=row[3], diameter_mm=row[4],
            material=row[5], year=row[6], roughness=row[7], role=row[8], zone=row[9], dma=row[10],
            street=row[11], one_way=row[12], closed=row[13], minor_loss=row[14], depth_m=row[15],
            origin=row[16], geometry=row[-1],
        )
        for row in _rows(Pipe, "asset", "start", "end", "length_m", "diameter_mm", "material",
                         "year", "roughness", "role", "zone", "dma", "street", "one_way",
                         "closed", "minor_loss", "depth_m", "origin")
    }
    valves = {
        row[0]: gis.Valve(
            id=row[0], pipe=row[1], node=row[2], kind=row[3], diameter_mm=row[4],
            normally_open=row[5], operable=row[6], turns=row[7], accessible=row[8], closes=row[9],
            chamber_depth_m=row[10], gas=row[11], lon=row[-1].x, lat=row[-1].y,
        )
        for row in _rows(Valve, "asset", "pipe", "node", "kind", "diameter_mm", "normally_open",
                         "operable", "turns", "accessible", "closes", "chamber_depth_m", "gas")
    }
    controls = {
        row[0]: gis.Control(
            id=row[0], start=row[1], end=row[2], kind=row[3], diameter_mm=row[4], setting=row[5],
            curve=tuple((q, h) for q, h in row[6] or ()), closed=row[7], power_w=row[8],
            geometry=row[-1],
        )
        for row in _rows(Control, "asset", "start", "end", "kind", "diameter_mm", "setting",
                         "curve", "closed", "power_w")
    }
    hydrants = {
        row[0]: gis.Hydrant(
            id=row[0], node=row[1], kind=row[2], outlet_mm=row[3], flow_m3s=row[4],
            standpipe=row[5], fire_critical=row[6], lon=row[-1].x, lat=row[-1].y,
        )
        for row in _rows(Hydrant, "asset", "node", "kind", "outlet_mm", "flow_m3s", "standpipe",
                         "fire_critical")
    }
    services = {
        row[0]: gis.Service(id=row[0], pipe=row[1], measure=row[2], premise=row[3],
                            diameter_mm=row[4], material=row[5], station=row[6],
                            geometry=row[-1])
        for row in _rows(ServiceLine, "asset", "pipe", "measure", "premise", "diameter_mm",
                         "material", "station")
    }
    stations = {
        row[0]: gis.Station(
            id=row[0], service=row[1], tank_m3=row[2], demand_m3h=row[3], floors=row[4],
            operator=row[5], lon=row[-1].x, lat=row[-1].y,
        )
        for row in _rows(Station, "asset", "service", "tank_m3", "demand_m3h", "floors",
                         "operator")
    }
    return gis.Network(
        nodes=nodes, pipes=pipes, valves=valves, controls=controls, hydrants=hydrants,
        services=services,
        stations=stations, **_whole(header),
    )


def header_of(network: gis.Network) -> dict[str, Any]:
    """What belongs to the network as a whole, as JSON: name, system, patterns, rules."""
    return {
        f.name: getattr(network, f.name) for f in fields(network) if f.name not in _COLLECTIONS
    }


def _whole(header: dict[str, Any]) -> dict[str, Any]:
    known = {f.name for f in fields(gis.Network)} - _COLLECTIONS
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in header.items() if k in known}
    values["patterns"] = {k: tuple(v) for k, v in header.get("patterns", {}).items()}
    return values
