"""Traces: where an element's water comes from, where it goes, and what is dry when valves are shut.

Water moves between a link and its end node unless the link is shut or a shut valve stands there;
check valves, pumps and reducing valves let it pass one way. Nothing here knows pressures.

* `upstream`: what can lie on the water's way from a source to the target without passing anything
  twice. Ways are judged by direction (some source can send water there, and from there water can
  come to the target); that nothing is passed twice is judged without it, so beside one-way elements
  the answer may hold a little too much, never too little.
* `downstream`: what has no way from a source except through the target. In a loop nothing lies
  downstream of a pipe: which way the water runs there is for hydraulics to say.
* `connected`: everything joined to the target, whatever the direction, up to shut valves.
* `source_path`: the shortest way, by length of pipe, from the nearest source.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from gis_data.isolation import SegmentIndex
from gis_data.model import ONE_WAY_CONTROLS, Network, NetworkError, Pipe, UnknownElement

TraceKind = Literal["upstream", "downstream", "connected", "source_path"]
Element = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Trace:
    """What a trace found, the target included; ids in the order of the network.

    For `source_path` pipes, nodes and controls stand in the order of the water, source first.
    `length_m`: of all pipes. `sources`: those among the nodes. `reached`: whether any source
    reaches the target; where none does, `upstream` holds the target alone, `downstream` and
    `source_path` nothing.
    """

    kind: TraceKind
    target: str
    pipes: tuple[str, ...]
    nodes: tuple[str, ...]
    controls: tuple[str, ...]
    length_m: float
    sources: tuple[str, ...]
    reached: bool


@dataclass(frozen=True, slots=True)
class Dry:
    """What has lost its water; ids in the order of the network, premises sorted.

    A premise counts when a line of its own fell dry and no other line still has water.
    """

    pipes: tuple[str, ...]
    nodes: tuple[str, ...]
    controls: tuple[str, ...]
    premises: tuple[str, ...]


def trace(
    index: SegmentIndex,
    element: str,
    kind: TraceKind,
    *,
    closed: Collection[str] = (),
    opened: Collection[str] = (),
) -> Trace:
    """The trace from a pipe, node ("node:<id>" where a link shares its name), control or hydrant.

    A valve or service line stands for its pipe. `closed`: valves, pipes or controls shut at
    present beside those that normally are; `opened`: normally closed valves that stand open.
    Errors: UnknownElement; NetworkError ('kind').
    """
    if kind not in get_args(TraceKind):
        known = ", ".join(get_args(TraceKind))
        raise NetworkError("kind", f"{str(kind)[:40]!r} is none of {known}")
    network = index.network
    target = _element_of(network, element)
    out = _ways(network, frozenset(closed), frozenset(opened), frozenset())
    back = _turned(out)
    sources: list[Element] = [("node", n.id) for n in network.sources()]
    wet = _reach(sources, out)
    reached = target in wet
    if kind == "connected":
        found = _reach([target], lambda e: [*out.get(e, ()), *back.get(e, ())])
    elif kind == "downstream":
        found = wet - _reach([s for s in sources if s != target], out, {target})
    elif kind == "upstream":
        found = _on_a_way(sources, target, out, back, wet) if reached else {target}
    else:
        return _path(network, element, target, sources, out)
    return _as_trace(network, kind, element, found, reached)


def dry_after(
    index: SegmentIndex,
    *,
    closed: Collection[str],
    opened: Collection[str] = (),
    blocked_segments: Collection[int] = (),
) -> Dry:
    """What no source reaches with exactly these shut, less what is dry in the normal state.

    `closed`: valves, pipes and controls, beside the normally closed; `opened`: normally closed
    valves that stand open; `blocked_segments`: numbers of `index` that no water can pass, such as
    a drained one with its burst. Errors: UnknownElement; NetworkError ('blocked_segments').
    """
    network = index.network
    blocked: set[Element] = set()
    for segment in blocked_segments:
        if not 0 <= segment < index.segment_count:
            raise NetworkError("blocked_segments", f"there is no segment {segment}")
        pipes, nodes = index.members(segment)
        blocked |= {("link", p) for p in pipes} | {("node", n) for n in nodes}
        blocked |= {
            ("link", c) for c in network.controls if index.pipe_segments[c] == segment
        }
    sources: list[Element] = [("node", n.id) for n in network.sources()]
    before = _reach(sources, _ways(network, frozenset(), frozenset(), frozenset()))
    shut = frozenset(closed)
    after = _reach(sources, _ways(network, shut, frozenset(opened), frozenset()), blocked)
    dry = before - after
    lines: dict[str, list[Element]] = {}
    for service in network.services.values():
        lines.setdefault(service.premise, []).append(("link", service.pipe))
    premises = [
        p for p, feeds in lines.items()
        if any(f in dry for f in feeds) and not any(f in after for f in feeds)
    ]
    return Dry(
        tuple(p for p in network.pipes if ("link", p) in dry),
        tuple(n for n in network.nodes if ("node", n) in dry),
        tuple(c for c in network.controls if ("link", c) in dry),
        tuple(sorted(premises)),
    )


def _element_of(network: Network, name: str) -> Element:
    if name.startswith("node:") and name[5:] in network.nodes:
        return "node", name[5:]
    if name in network.pipes or name in network.controls:
        return "link", name
    if name in network.nodes:
        return "node", name
    if name in network.hydrants:
        return _element_of(network, "node:" + network.hydrants[name].node)
    if name in network.services:
        return _element_of(network, network.services[name].pipe)
    if name in network.valves:
        return _element_of(network, network.valves[name].pipe)
    raise UnknownElement(name)


def _ways(
    network: Network, closed: frozenset[str], opened: frozenset[str], blocked: frozenset[Element]
) -> dict[Element, list[Element]]:
    for name in (*closed, *opened):
        if (
            name not in network.valves
            and (name in opened or (name not in network.pipes and name not in network.controls))
        ):
            raise UnknownElement(name)
    shut = {
        (v.pipe, v.node)
        for v in network.valves.values()
        if (not v.normally_open or v.id in closed) and v.id not in opened
    }
    ways: dict[Element, list[Element]] = {}
    for link in network.links():
        if link.closed or link.id in closed:
            continue
        one_way = link.one_way if isinstance(link, Pipe) else link.kind in ONE_WAY_CONTROLS
        for node, out_only in ((link.start, False), (link.end, one_way)):
            if (link.id, node) in shut:
                continue
            ways.setdefault(("link", link.id), []).append(("node", node))
            if not out_only:
                ways.setdefault(("node", node), []).append(("link", link.id))
    return ways


def _turned(ways: dict[Element, list[Element]]) -> dict[Element, list[Element]]:
    back: dict[Element, list[Element]] = {}
    for here, nexts in ways.items():
        for other in nexts:
            back.setdefault(other, []).append(here)
    return back


def _reach(
    starts: Iterable[Element],
    ways: dict[Element, list[Element]] | Callable[[Element], list[Element]],
    without: Collection[Element] = (),
) -> set[Element]:
    of = ways if callable(ways) else lambda e: ways.get(e, [])
    found = {s for s in starts if s not in without}
    queue = list(found)
    while queue:
        for other in of(queue.pop()):
            if other not in found and other not in without:
                found.add(other)
                queue.append(other)
    return found


def _on_a_way(
    sources: list[Element],
    target: Element,
    out: dict[Element, list[Element]],
    back: dict[Element, list[Element]],
    wet: set[Element],
) -> set[Element]:
    """The block of the joined graph that a line from target to all sources would lie in."""
    import networkx

    can = wet & _reach([target], back)
    graph = networkx.Graph()
    for here in can:
        graph.add_edges_from((here, other) for other in out.get(here, ()) if other in can)
    every: Element = ("all", "")
    graph.add_edges_from((every, s) for s in sources if s in can)
    graph.add_edge(every, target)
    for block in networkx.biconnected_components(graph):
        if every in block and target in block:
            return set(block) - {every}
    return {target}


def _path(
    network: Network,
    name: str,
    target: Element,
    sources: list[Element],
    out: dict[Element, list[Element]],
) -> Trace:
    lengths = {("link", p.id): p.length_m for p in network.pipes.values()}
    best: dict[Element, float] = dict.fromkeys(sources, 0.0)
    came: dict[Element, Element] = {}
    queue = [(0.0, s) for s in sources]
    heapq.heapify(queue)
    while queue:
        far, here = heapq.heappop(queue)
        if far > best[here]:
            continue
        if here == target:
            break
        for other in out.get(here, ()):
            then = far + lengths.get(other, 0.0)
            if then < best.get(other, float("inf")):
                best[other], came[other] = then, here
                heapq.heappush(queue, (then, other))
    if target not in best:
        return Trace("source_path", name, (), (), (), 0.0, (), False)
    way = [target]
    while way[-1] in came:
        way.append(came[way[-1]])
    way.reverse()
    links = [i for k, i in way if k == "link"]
    return Trace(
        "source_path", name,
        tuple(i for i in links if i in network.pipes),
        tuple(i for k, i in way if k == "node"),
        tuple(i for i in links if i in network.controls),
        best[target], (way[0][1],), True,
    )


def _as_trace(
    network: Network, kind: TraceKind, name: str, found: set[Element], reached: bool
) -> Trace:
    pipes = tuple(p for p in network.pipes if ("link", p) in found)
    nodes = tuple(n for n in network.nodes if ("node", n) in found)
    return Trace(
        kind, name, pipes, nodes,
        tuple(c for c in network.controls if ("link", c) in found),
        sum(network.pipes[p].length_m for p in pipes),
        tuple(n for n in nodes if network.nodes[n].kind != "junction"),
        reached,
    )
