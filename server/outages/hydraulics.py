"""What a shut-off does to those outside it and how water comes back, as JSON for screens.

    {"status": "done" | "topology_only" | "pending", "why", "reason", "from", "hours",
     "below_service", "below_premises": [{"premise", "address", "least_m", "at", "share"}],
     "worst_node", "worst_m", "worst_drop_m", "worst_at",
     "tanks": [{"id", "level_m", "least_m", "hours"}],
     "fire_tested", "fire_lost": [{"hydrant", "lon", "lat", "before_m3s", "after_m3s", "critical"}],
     "brown_water": {"pipes": [{"pipe", "street", "kind", "before_ms", "after_ms", "premises"}],
                     "count", "premises", "streets"},
     "restoration": [{"valves", "premises", "turns", "lowest_m", "highest_m", "operable",
                      "accessible", "accepted", "refused"}],
     "standpipes": [{"kind", "hydrant", "lon", "lat", "premises", "persons", "litres_a_day",
                     "farthest_m", "street"}],
     "flushing": [{"hydrant", "sequence", "why", "diameter_mm", "flow_m3s", "volume_m3"}],
     "reopening": [{"sequence", "code", "asset", "why", ...}], "contamination_suspected",
     "warnings"}

Pressures in metres, flows in m3/s, speeds in m/s. Lists are cut; counts are whole.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.utils import timezone

from gis_data import restoration
from gis_data.hydraulics import Assessment, Limits
from gis_data.isolation import IsolationPlan
from gis_data.model import Network
from gis_data.restoration.standpipes import Distances
from server.accounts.refusals import Refused
from server.customers.models import Premise
from server.network import graph
from server.network.models import Pipe, Zone
from server.outages import plans
from server.outages.models import ShutOff
from server.streets import index as streets
from server.tickets.models import Kind

#: What a reader can take in; the counts say how many there are.
_MOST_LISTED = 40
_MOST_OPTIONS = 6


def judged(shut_off: ShutOff) -> dict[str, Any]:
    """Simulate the shut-off as planned on the network in force. Takes seconds: for the worker."""
    network, now = graph.network(), graph.positions()
    plan = plan_of(shut_off, network, now.closed)
    start, hours = window(shut_off)
    conf = settings.STANDPIPE["HYDRAULICS"]
    suspected = is_contamination_suspected(shut_off)
    local = timezone.localtime(start)
    found = restoration.judge_bounded(
        network, plan,
        timeout_s=conf["timeout_s"],
        start_s=local.hour * 3600 + local.minute * 60 + local.second,
        hours=hours,
        opened=now.opened & network.valves.keys(),
        limits=Limits(conf["required_m"], conf["fire_need_m3s"], conf["fire_hydrants"],
                      conf["most_pipes"]),
        contaminated=plan.segment_nodes if suspected else (),
        highest_m=conf["highest_m"],
        zone_highest_m=_zone_limits(),
    )  # fmt: skip
    return {
        **_effects(found.assessment, network, start, hours),
        "restoration": [_option(o) for o in found.options[:_MOST_OPTIONS]],
        **_way_back(network, plan, found, suspected),
    }


def plan_of(shut_off: ShutOff, network: Network, closed: Collection[str]) -> IsolationPlan:
    """The stored plan as a value; `closed` are valves shut at present, ours among them."""
    kept = shut_off.plan
    valves = [v["asset"] for v in sorted(kept["valves"], key=lambda v: v["sequence"])]
    valves = [v for v in valves if v in network.valves]
    pipes = [p for p in kept["pipes"] if p in network.pipes]
    inside, within = set(kept["nodes"]), set(pipes)
    standing = {
        v.id for v in network.valves.values()
        if (v.id in closed or not v.normally_open) and v.id not in valves
    }  # fmt: skip
    return IsolationPlan(
        target=kept["target"],
        valves_to_close=tuple(valves),
        minimal_valves=tuple(
            v["asset"] for v in kept["valves"] if v["minimal"] and v["asset"] in network.valves
        ),
        segment_pipes=tuple(pipes),
        segment_nodes=tuple(n for n in kept["nodes"] if n in network.nodes),
        unintended_pipes=tuple(p for p in kept["unintended_pipes"] if p in network.pipes),
        unintended_nodes=tuple(n for n in kept["unintended_nodes"] if n in network.nodes),
        hydrants_lost=tuple(kept["hydrants_lost"]),
        premises=tuple(kept["premises"]),
        warnings=(),
        already_closed=tuple(sorted(
            name for name in standing
            if (network.valves[name].pipe in within) != (network.valves[name].node in inside)
        )),
        closed=tuple(sorted((set(closed) & network.valves.keys()) - set(valves))),
    )  # fmt: skip


def window(shut_off: ShutOff) -> tuple[datetime, float]:
    """When the water goes off and for how many hours: as noticed, as begun, or from now on."""
    start = shut_off.started_at or shut_off.notice_from or timezone.now()
    end = shut_off.expected_back_at if shut_off.started_at else shut_off.notice_to
    if end is not None and end > start:
        return start, (end - start).total_seconds() / 3600
    pipe = Pipe.objects.filter(asset=shut_off.target).first()
    return start, plans.repair_hours(pipe.diameter_mm if pipe else 150)


def is_contamination_suspected(shut_off: ShutOff) -> bool:
    """Whether somebody complained of the water itself: then nothing is flushed before a sample."""
    incident = shut_off.incident
    if incident is None:
        return False
    return (
        incident.kind == Kind.DISCOLOURED
        or incident.tickets.filter(kind=Kind.DISCOLOURED).exists()
    )


def _zone_limits() -> dict[str, float]:
    rows = Zone.objects.filter(kind=Zone.Kind.PRESSURE).exclude(target_pressure_m=None)
    return {code: m for code, m in rows.values_list("code", "target_pressure_m") if m is not None}


def _effects(
    a: Assessment, network: Network, start: datetime, hours: float
) -> dict[str, Any]:
    def at(seconds: int | None) -> str | None:
        return None if seconds is None else (start + timedelta(seconds=seconds)).isoformat()

    first = [s.premise for s in a.below[:_MOST_LISTED]]
    addresses = dict(Premise.objects.filter(code__in=first).values_list("code", "address"))
    brown = {p for s in a.stirred for p in s.premises}
    return {
        "status": a.status, "why": a.why, "reason": a.reason,
        "from": start.isoformat(), "hours": round(hours, 2),
        "below_service": len({s.premise for s in a.below}),
        "below_premises": [
            {"premise": s.premise, "address": addresses.get(s.premise, ""), "least_m": s.least_m,
             "at": at(s.at_s), "share": s.share}
            for s in a.below[:_MOST_LISTED]
        ],
        "worst_node": a.worst_node, "worst_m": a.worst_m, "worst_drop_m": a.worst_drop_m,
        "worst_at": at(a.worst_at_s),
        "tanks": [asdict(t) for t in a.tanks],
        "fire_tested": a.fire_tested,
        "fire_lost": [
            {"hydrant": f.hydrant, "lon": network.hydrants[f.hydrant].lon,
             "lat": network.hydrants[f.hydrant].lat, "before_m3s": f.before_m3s,
             "after_m3s": f.after_m3s, "critical": f.fire_critical}
            for f in a.fire_lost
        ],
        "brown_water": {
            "pipes": [
                {"pipe": s.pipe, "street": s.street, "kind": s.kind, "before_ms": s.before_ms,
                 "after_ms": s.after_ms, "premises": len(s.premises)}
                for s in a.stirred[:_MOST_LISTED]
            ],
            "count": len(a.stirred),
            "premises": len(brown),
            "streets": sorted({s.street for s in a.stirred if s.street})[:_MOST_LISTED],
        },
        "warnings": list(a.warnings),
    }  # fmt: skip


def _option(option: restoration.Option) -> dict[str, Any]:
    return {
        "valves": list(option.valves), "premises": len(option.premises), "turns": option.turns,
        "lowest_m": option.lowest_m, "highest_m": option.highest_m, "operable": option.operable,
        "accessible": option.accessible, "accepted": option.accepted,
        "refused": list(option.refused),
    }  # fmt: skip


def _way_back(
    network: Network, plan: IsolationPlan, found: restoration.Judged, suspected: bool
) -> dict[str, Any]:
    conf = settings.STANDPIPE["HYDRAULICS"]
    least = found.assessment.least_m if found.assessment.status == "done" else None
    people = dict(Premise.objects.filter(code__in=plan.premises).values_list("code", "persons"))
    more = {"walking_m": conf["walking_m"], "litres_a_day": conf["litres_a_day"],
            "persons": people, "pressures_m": least}  # fmt: skip
    places = restoration.water_points(
        network, plan, distances=on_foot(conf["walking_m"]), **more
    )  # fmt: skip
    heads = {n: m + network.nodes[n].elevation_m for n, m in (least or {}).items()}
    steps = restoration.reopening(
        network, plan, heads_m=heads, contamination_suspected=suspected
    )
    first = next((s.asset for s in steps if s.code == "fill"), "")
    return {
        "standpipes": [
            {**asdict(p), "premises": len(p.premises), "lon": round(p.lon, 6),
             "lat": round(p.lat, 6), "street": _street(network, p, people)}
            for p in places
        ],
        "flushing": [
            {**asdict(f), "why": list(f.why)}
            for f in restoration.flushing(network, plan, start=first)
        ],
        "reopening": [
            {k: v for k, v in asdict(s).items() if v not in (None, "")} for s in steps
        ],
        "contamination_suspected": suspected,
    }  # fmt: skip


def _street(network: Network, place: restoration.HandOut, people: dict[str, int]) -> str:
    """A name to find the place by: the street of a main at the hydrant or of those it serves."""
    hydrant = network.hydrants.get(place.hydrant)
    mains = (
        [p for p in network.pipes.values() if hydrant.node in (p.start, p.end)]
        if hydrant is not None
        else [network.pipes[s.pipe] for s in network.services.values()
              if s.premise in place.premises]
    )  # fmt: skip
    return next((p.street for p in mains if p.street), "")


def on_foot(limit_m: float) -> Distances | None:
    """Walking distances along the streets; None where no streets are loaded."""
    try:
        index = streets.index()
    except Refused:
        return None

    def distances(
        water: Sequence[tuple[float, float]], need: Sequence[tuple[float, float]]
    ) -> np.ndarray:
        return index.walking(water, need, limit_m)

    return distances
