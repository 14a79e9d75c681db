"""A network as EPANET text (litres per second, metres): for files and for simulation."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

import numpy as np

from gis_data.crs import project_array
from gis_data.model import Network, NetworkError, Pipe, Valve
from gis_data.series_valves import HELPER

_ID = re.compile(r"^[^\s;\"]{1,31}$")
_VALVE_KINDS = {"prv": "PRV", "psv": "PSV", "fcv": "FCV", "tcv": "TCV"}


def inp_text(
    network: Network,
    *,
    isolation_valves: bool = True,
    closed: Collection[str] = (),
    hours: float = 24,
    required_pressure_m: float | None = None,
    step_s: int = 3600,
    opened: Collection[str] = (),
    start_s: int = 0,
    tank_levels: Mapping[str, float] | None = None,
) -> str:
    """EPANET input text.

    `isolation_valves`: write each as a TCV in series (a file that `read_inp` turns back into the
    same valves); otherwise a pipe with a closed valve is written closed, which is quicker to solve.
    `closed`: further pipes or valves to shut; `opened`: normally closed valves that stand open.
    `required_pressure_m`: pressure-driven demand. `start_s`: seconds of the day at which the
    patterns start. `tank_levels`: metres above the tank's floor, where they differ from the record.
    Errors: NetworkError for ids EPANET cannot hold.
    """
    for group in (network.nodes, network.pipes, network.controls, network.valves):
        for name in group:
            if not _ID.match(name):
                raise NetworkError(
                    "id",
                    f"{name[:40]!r} cannot be written: EPANET ids have 1 to 31 "
                    "characters without spaces, quotes or semicolons",
                )
    lines: list[str] = []
    for part in (
        _nodes(network, tank_levels or {}),
        _links(network, set(closed), set(opened), isolation_valves),
        _patterns_and_curves(network),
        _options(network, hours, required_pressure_m, step_s, start_s),
        _map(network, isolation_valves),
    ):
        lines.extend(part)
    lines.append("[END]")
    return "\n".join(lines) + "\n"


def _num(value: float) -> str:
    return f"{value:.10g}"


def _nodes(network: Network, levels: Mapping[str, float]) -> Iterator[str]:
    yield "[TITLE]"
    yield re.sub(r"[\r\n\[\]]", " ", network.name)[:200]
    yield "[JUNCTIONS]"
    for n in network.nodes.values():
        if n.kind == "junction":
            demand = n.base_demand_m3s * 1000
            yield f"{n.id} {_num(n.elevation_m)} {_num(demand)} {n.demand_pattern}"
    yield "[RESERVOIRS]"
    for n in network.nodes.values():
        if n.kind == "reservoir":
            head = n.head_m if n.head_m is not None else n.elevation_m
            yield f"{n.id} {_num(head)} {n.demand_pattern}"
    yield "[TANKS]"
    for n in network.nodes.values():
        if n.kind == "tank":
            if n.tank is None:
                raise NetworkError(f"nodes.{n.id}", "a tank without a shape")
            t = n.tank
            level = min(max(levels.get(n.id, t.initial_level_m), t.min_level_m), t.max_level_m)
            yield (
                f"{n.id} {_num(n.elevation_m)} {_num(level)} {_num(t.min_level_m)} "
                f"{_num(t.max_level_m)} {_num(t.diameter_m)} 0"
            )


def _links(network: Network, closed: set[str], opened: set[str], isolation: bool) -> Iterator[str]:
    on_pipe: dict[str, list[Valve]] = {}
    for valve in network.valves.values():
        on_pipe.setdefault(valve.pipe, []).append(valve)
    pipes, tcvs, states, helpers = [], [], [], []
    for p in network.pipes.values():
        ends = {p.start: p.start, p.end: p.end}
        for valve in on_pipe.get(p.id, ()):
            shut = _shut(valve, closed, opened)
            if isolation:
                node = valve.id + HELPER
                ends[valve.node] = node
                helpers.append(f"{node} {_num(network.nodes[valve.node].elevation_m)} 0")
                tcvs.append(f"{valve.id} {valve.node} {node} {_num(valve.diameter_mm)} TCV 0 0")
                states.append(f"{valve.id} {'CLOSED' if shut else 'OPEN'}")
        pipes.append(_pipe(p, ends, _pipe_state(p, closed, opened, on_pipe, isolation)))
    pumps = []
    for c in network.controls.values():
        if c.kind == "pump":
            how = f"POWER {_num((c.power_w or 0) / 1000)}" if c.power_w else f"HEAD C-{c.id}"
            speed = f" SPEED {_num(c.setting)}" if c.setting is not None else ""
            pumps.append(f"{c.id} {c.start} {c.end} {how}{speed}")
        elif c.kind == "check":
            state = "CLOSED" if c.closed else "CV"
            pipes.append(f"{c.id} {c.start} {c.end} 1 {_num(c.diameter_mm)} 130 0 {state}")
        else:
            value = (c.setting or 0.0) * (1000 if c.kind == "fcv" else 1)
            tcvs.append(
                f"{c.id} {c.start} {c.end} {_num(c.diameter_mm)} "
                f"{_VALVE_KINDS[c.kind]} {_num(value)} 0"
            )
        if c.kind != "check" and (c.closed or c.id in closed):
            states.append(f"{c.id} CLOSED")
    yield "[JUNCTIONS]"
    yield from helpers
    yield "[PIPES]"
    yield from pipes
    yield "[PUMPS]"
    yield from pumps
    yield "[VALVES]"
    yield from tcvs
    yield "[STATUS]"
    yield from states


def _pipe(p: Pipe, ends: dict[str, str], state: str) -> str:
    return (
        f"{p.id} {ends[p.start]} {ends[p.end]} {_num(max(p.length_m, 0.01))} "
        f"{_num(p.diameter_mm)} {_num(p.roughness)} {_num(p.minor_loss)} {state}"
    )


def _shut(valve: Valve, closed: set[str], opened: set[str]) -> bool:
    return valve.id in closed or not (valve.normally_open or valve.id in opened)


def _pipe_state(
    p: Pipe,
    closed: set[str],
    opened: set[str],
    on_pipe: dict[str, list[Valve]],
    isolation: bool,
) -> str:
    shut = p.id in closed or (p.closed and p.id not in opened)
    if not isolation:
        shut = shut or any(_shut(v, closed, opened) for v in on_pipe.get(p.id, ()))
    return "CLOSED" if shut else "CV" if p.one_way else "OPEN"


def _patterns_and_curves(network: Network) -> Iterator[str]:
    yield "[PATTERNS]"
    for name, values in network.patterns.items():
        for start in range(0, len(values), 6):
            yield f"{name} " + " ".join(_num(v) for v in values[start : start + 6])
    yield "[CURVES]"
    for c in network.controls.values():
        for flow, head in c.curve:
            yield f"C-{c.id} {_num(flow * 1000)} {_num(head)}"
    yield "[CONTROLS]"
    yield from network.rules
    yield "[RULES]"
    yield from network.rule_blocks


def _options(
    network: Network, hours: float, required: float | None, step_s: int, start_s: int
) -> Iterator[str]:
    yield "[OPTIONS]"
    yield from (
        "UNITS LPS",
        f"HEADLOSS {network.headloss}",
        "TRIALS 200",
        "ACCURACY 0.001",
        "UNBALANCED CONTINUE 10",
    )
    if network.default_pattern:
        yield f"PATTERN {network.default_pattern}"
    if required is not None:
        yield from (
            "DEMAND MODEL PDA",
            "MINIMUM PRESSURE 0",
            f"REQUIRED PRESSURE {_num(required)}",
            "PRESSURE EXPONENT 0.5",
        )
    yield "[TIMES]"
    for name, seconds in (
        ("DURATION", round(hours * 3600)),
        ("HYDRAULIC TIMESTEP", step_s),
        ("PATTERN TIMESTEP", network.pattern_step_s),
        ("REPORT TIMESTEP", step_s),
        ("PATTERN START", start_s),
        ("START CLOCKTIME", start_s % 86400),
    ):
        yield f"{name} {clock(seconds)}"


def clock(seconds: int) -> str:
    """Seconds as EPANET reads times, "26:05:00"."""
    return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"


def _map(network: Network, isolation: bool) -> Iterator[str]:
    yield "[COORDINATES]"
    nodes = list(network.nodes.values())
    xy = project_array([(n.lon, n.lat) for n in nodes], network.crs_measure)
    for node, (x, y) in zip(nodes, xy, strict=True):
        yield f"{node.id} {x:.3f} {y:.3f}"
    if isolation and network.valves:
        valves = list(network.valves.values())
        xy = project_array([(v.lon, v.lat) for v in valves], network.crs_measure)
        for valve, (x, y) in zip(valves, xy, strict=True):
            yield f"{valve.id}{HELPER} {x:.3f} {y:.3f}"
    yield "[VERTICES]"
    bends = [(p.id, c) for p in network.pipes.values() for c in list(p.geometry.coords)[1:-1]]
    if bends:
        xy = project_array(np.array([c[:2] for _, c in bends]), network.crs_measure)
        for (pipe, _), (x, y) in zip(bends, xy, strict=True):
            yield f"{pipe} {x:.3f} {y:.3f}"
