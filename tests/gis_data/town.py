"""Networks drawn in letters, and a slow honest way to isolate a part of one.

R-o-A---o-B     R reservoir, T tank, other capitals junctions; o open valve, x closed valve,
    |     |     ! valve that cannot be turned, > < v ^ check valve. A valve belongs to the end
    C-----D     of the pipe it stands nearer to. Pipe "AB" has its valve "AB@A" at A.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from shapely.geometry import LineString

from gis_data.model import ONE_WAY_CONTROLS, Network, Node, Pipe, Service, Valve

LON, LAT, STEP = 24.94, 60.17, 0.0004


def town(drawing: str) -> Network:
    rows = [r for r in drawing.split("\n") if r.strip()]
    width = max(map(len, rows))
    grid = [r.ljust(width) for r in rows]
    nodes, pipes, valves = {}, {}, {}
    place = {}
    for y, row in enumerate(grid):
        for x, letter in enumerate(row):
            if letter.isupper():
                kind = {"R": "reservoir", "T": "tank"}.get(letter, "junction")
                place[letter] = (LON + x * STEP, LAT - y * STEP)
                nodes[letter] = Node(letter, kind, *place[letter], 10.0, 0.001)
    for y, row in enumerate(grid):
        for x, letter in enumerate(row):
            if not letter.isupper():
                continue
            for dx, dy, line, back in ((1, 0, "-", "<"), (0, 1, "|", "^")):
                found, i, j = "", x + dx, y + dy
                while i < width and j < len(grid) and grid[j][i] in "-|ox!<>v^":
                    found += grid[j][i]
                    i, j = i + dx, j + dy
                if not found or i >= width or j >= len(grid) or not grid[j][i].isupper():
                    continue
                if line not in found and found.strip("ox!<>v^"):
                    continue
                other = grid[j][i]
                name = letter + other
                ends = (other, letter) if back in found else (letter, other)
                one_way = any(c in found for c in "<>v^")
                pipes[name] = Pipe(
                    name,
                    *ends,
                    LineString([place[e] for e in ends]),
                    100.0,
                    100.0,
                    "DI",
                    1990,
                    120.0,
                    one_way=one_way,
                    street=name,
                )
                for k, sign in enumerate(found):
                    if sign in "ox!":
                        node = letter if k < len(found) / 2 else other
                        valves[f"{name}@{node}"] = Valve(
                            f"{name}@{node}",
                            name,
                            node,
                            *place[node],
                            "gate",
                            100.0,
                            sign != "x",
                            "no" if sign == "!" else "yes",
                            20,
                        )
    services = {
        f"S{p}": Service(f"S{p}", p, 0.5, pipes[p].geometry, f"house {p}", 32.0) for p in pipes
    }
    return Network("town", 3067, nodes, pipes, valves, {}, {}, services)


@dataclass(frozen=True)
class Slow:
    """The answer of the slow way: sets of element ids."""

    segment: frozenset[str]
    valves: frozenset[str]
    unintended: frozenset[str]
    minimal: frozenset[str]
    premises: frozenset[str]
    wet: frozenset[str]


def slow_isolation(
    network: Network,
    start: Collection[str],
    *,
    inoperable: Collection[str] = (),
    closed: Collection[str] = (),
    opened: Collection[str] = (),
    usable: Collection[str] = (),
) -> Slow:
    """Follow the definitions, element by element, with nothing but sets."""

    def can_turn(valve: Valve) -> bool:
        paved = valve.accessible is False and valve.id not in usable
        return valve.operable != "no" and not paved and valve.id not in inoperable

    ends = []
    for link in network.links():
        one_way = link.one_way if isinstance(link, Pipe) else link.kind in ONE_WAY_CONTROLS
        for node, out_only in ((link.start, False), (link.end, one_way)):
            mine = [v for v in network.valves.values() if v.pipe == link.id and v.node == node]
            shut = any(
                (not v.normally_open or v.id in closed) and v.id not in opened for v in mine
            )
            turns = any(can_turn(v) for v in mine)
            ends.append((link, node, out_only, mine, shut, turns))

    segment, queue = set(start), list(start)
    while queue:
        here = queue.pop()
        for link, node, _, mine, shut, turns in ends:
            if here not in (link.id, node) or (link.closed and link.id not in start):
                continue
            if not mine or (not shut and not turns):
                other = node if here == link.id else link.id
                if other not in segment:
                    segment.add(other)
                    queue.append(other)
    border = [
        e
        for e in ends
        if e[3]
        and (not e[0].closed or e[0].id in segment)
        and (e[0].id in segment) != (e[1] in segment)
    ]

    def reach(without: set[str], sealed: Collection[str]) -> set[str]:
        found = {n.id for n in network.sources()} - without
        queue = list(found)
        while queue:
            here = queue.pop()
            for link, node, out_only, mine, shut, _ in ends:
                if link.closed or shut or any(v.id in sealed for v in mine):
                    continue
                nexts = [link.id] if here == node and not out_only else []
                nexts += [node] if here == link.id else []
                for other in nexts:
                    if other not in found and other not in without:
                        found.add(other)
                        queue.append(other)
        return found

    everything = set(network.nodes) | {link.id for link in network.links()}
    before, after = reach(set(), ()), reach(segment, ())
    unintended = {e for e in everything if e in before and e not in after and e not in segment}
    to_close = {
        next(v.id for v in e[3] if can_turn(v))
        for e in border
        if not e[4]
    }
    minimal = {
        next(v.id for v in e[3] if can_turn(v))
        for e in border
        if not e[4] and (e[1] if e[0].id in segment else e[0].id) in after
    }
    premises = without_water(network, segment | unintended, after)
    return Slow(*map(frozenset, (segment, to_close, unintended, minimal, premises, after)))


def without_water(network: Network, dry: set[str], wet: set[str]) -> set[str]:
    """Premises with a line from something `dry` and none from anything `wet`."""

    def main_of(service: Service) -> str:
        station = network.stations.get(service.station)
        inlet = network.services.get(station.service) if station is not None else None
        if inlet is None or inlet is service:
            return service.pipe
        again = network.stations.get(inlet.station)
        # Stations that feed each other are a mistake of the records; nobody asks for those here.
        return inlet.pipe if again is None else main_of(inlet)

    mains: dict[str, set[str]] = {}
    for service in network.services.values():
        mains.setdefault(service.premise, set()).add(main_of(service))
    return {p for p, feeds in mains.items() if feeds & dry and not feeds & wet}
