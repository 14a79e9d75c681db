"""Which main it is, from the reports of an alert: at once from the mains, later from pressures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.gis.geos import LineString
from django.utils import timezone
from shapely import from_wkt

from gis_data import model as gis
from gis_data.bursts import locating
from gis_data.bursts.locating import Evidence, Ranked, Site
from gis_data.bursts.priors import BreakRates
from gis_data.bursts.reach import PipeGraph, Spot
from gis_data.bursts.simulating import NoSimulation, simulate_bursts
from server.accounts.refusals import Refused
from server.bursts import mains
from server.bursts.models import Report
from server.network import graph as network
from server.network.models import Pipe

REACH_M = 800.0
AROUND_M = 1500.0
# Bounds of one ranking: mains judged, segments asked who loses water, candidates kept.
MOST_MAINS = 150
MOST_SEGMENTS = 60
KEPT = 20
# Bounds of one simulation: nodes of the whole network, seconds.
MOST_NODES = 20_000
SECONDS = 30.0
SEEN = frozenset({"burst", "leak"})


@dataclass(frozen=True)
class Scene:
    """Everything the ranking of one alert is made from."""

    graph: PipeGraph
    names: list[str]
    pipes: dict[str, gis.Pipe]
    segments: dict[str, int | None]
    evidence: Evidence


def scene(reports: Sequence[Report], *, usual: float) -> Scene:
    """Mains, premises and callers around the reports. `usual`: calls per premise to expect."""
    places = [(r.geom.x, r.geom.y) for r in reports]
    graph = mains.graph_around(places, AROUND_M)
    spots = [Spot(r.pipe, r.measure) for r in reports]
    reach = graph.pipes_within(spots, REACH_M)
    rows = {p.asset: p for p in Pipe.objects.filter(asset__in=list(reach))}
    names = locating.candidates(graph, rows.keys(), spots, reach_m=REACH_M, most=MOST_MAINS)
    felt = [r for r in reports if r.kind not in SEEN]
    around = graph.pipes_within(spots, AROUND_M)
    sites = mains.sites_on(around, [(r.premise, Spot(r.pipe, r.measure)) for r in felt])
    seen = [Spot(r.pipe, r.measure) for r in reports if r.kind in SEEN]
    return Scene(
        graph, names, {n: _pipe(rows[n]) for n in names}, {n: rows[n].segment for n in names},
        Evidence(sites if felt else _no_sites(), seen, usual),
    )  # fmt: skip


def _no_sites() -> list[Site]:
    # Water was seen and nobody is dry: silence of the others says nothing about which main.
    return []


def from_the_mains(there: Scene) -> list[dict[str, Any]]:
    """Candidates by what the mains alone say: who is dry with that segment shut, who is near."""
    dry = _dry(there)
    severity, metres = locating.severity_of_topology(
        there.graph, there.names, there.evidence.sites, dry
    )
    ranked = locating.rank(
        there.names, there.pipes, there.graph, there.evidence, severity, metres=metres, dry=dry,
        rates=_rates(),
    )  # fmt: skip
    return kept(ranked)


def from_pressures(there: Scene) -> list[dict[str, Any]]:
    """Candidates by simulated pressures. Raises NoSimulation where there is none to be had."""
    whole = network.network()
    if len(whole.nodes) > MOST_NODES:
        raise NoSimulation("network_too_large")
    ends = [e for n in there.names for e in (there.pipes[n].start, there.pipes[n].end)]
    now = network.positions()
    pressures = simulate_bursts(
        whole, [e for e in ends if e in whole.nodes], closed=now.closed, seconds=SECONDS
    )
    sites = [s for s in there.evidence.sites if s.spot.pipe in whole.pipes]
    evidence = Evidence(sites, there.evidence.seen, there.evidence.usual)
    dry = _dry(there)
    alone, metres = locating.severity_of_topology(there.graph, there.names, sites, dry)
    severity = locating.severity_of_both(
        locating.severity_of_pressures(pressures, whole.pipes, there.names, sites), alone
    )
    return kept(
        locating.rank(
            there.names, there.pipes, there.graph, evidence, severity, metres=metres,
            pressures=pressures, dry=dry, rates=_rates(),
        )
    )  # fmt: skip


def _rates() -> BreakRates:
    return BreakRates(this_year=timezone.localtime().year)


def _dry(there: Scene) -> dict[str, set[str]]:
    """Candidate -> premises without water while its segment is shut; the nearest segments only."""
    of_segment: dict[int, set[str]] = {}
    dry: dict[str, set[str]] = defaultdict(set)
    for name in there.names:
        segment = there.segments[name]
        if segment is None:
            continue
        if segment not in of_segment:
            if len(of_segment) >= MOST_SEGMENTS:
                continue
            try:
                of_segment[segment] = set(network.isolate(name).premises)
            except Refused:
                of_segment[segment] = set()
        dry[name] = of_segment[segment]
    return dict(dry)


def kept(ranked: Sequence[Ranked]) -> list[dict[str, Any]]:
    return [
        {
            "pipe": r.pipe, "probability": round(r.probability, 4),
            "reasons": [{"code": w.code, "values": dict(w.values)} for w in r.reasons],
        }
        for r in ranked[:KEPT]
    ]  # fmt: skip


def _pipe(row: Pipe) -> gis.Pipe:
    return gis.Pipe(
        row.asset, row.start, row.end, from_wkt(LineString(row.geom.coords).wkt), row.length_m,
        row.diameter_mm, row.material, row.year, row.roughness, street=row.street,
    )  # fmt: skip
