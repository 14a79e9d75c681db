"""What the surveyors bring to the town of tests/town.py: P8 renewed and moved, P12 gone, a new P13.

    D --V7-P7-- E --V8-P8-- F        P8: DN200, relaid 3 m further south
    |           |           |        P12 (G-H): taken out, nobody hung on it but the gym
    P9         P10         P11
    |           |           |
    G           H ---P13--- I        P13: new, with a valve V13 at H
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shapely import LineString

from gis_data.model import Network, Pipe, Valve
from tests import town

ALL_KINDS = ("node", "pipe", "valve", "control", "hydrant", "service", "station")


def surveyed(network: Network | None = None) -> Network:
    """The town as the surveyors found it."""
    network = network or town.network()
    pipes, valves = dict(network.pipes), dict(network.valves)
    (x0, y0), (x1, y1) = town.place("E"), town.place("F")
    south = LineString([(x0, y0), ((x0 + x1) / 2, y0 - 0.000027), (x1, y1)])
    pipes["P8"] = replace(pipes["P8"], diameter_mm=200.0, geometry=south, length_m=222.1)
    del pipes["P12"]
    line = LineString([town.place("H"), town.place("I")])
    pipes["P13"] = Pipe("P13", "H", "I", line, 222.0, 100.0, "PE", 2026, 140.0, zone="low",
                        dma="D1", street="Harbour Street")  # fmt: skip
    lon, lat = line.interpolate(0.05, normalized=True).coords[0]
    valves["V13"] = Valve("V13", "P13", "H", lon, lat, "gate", 100.0, operable="unknown")
    services = dict(network.services)
    services["S-gym"] = replace(services["S-gym"], pipe="P10", measure=0.9)
    return replace(network, pipes=pipes, valves=valves, services=services)


def draft_of(network: Network, *, by: str = "juho", kinds: Any = ALL_KINDS, **more: Any) -> Any:
    """`network` as a compared draft, as if it had come in by files."""
    from server.network import graph
    from server.versions import diffing, services
    from server.versions.proposing import everything, propose

    draft = services.create(name="Survey", source="surveyors", by=by)
    more.setdefault("given", everything(kinds))
    draft.summary = diffing.make(draft, propose(network, **more))
    draft.based_on, draft.state = graph.version(), "ready"
    draft.readiness = {"verdicts": {"tracing": {"ok": "yes"}}}
    draft.save()
    return draft
