"""Turn restrictions of OpenStreetMap: which concern a crew's van, and what they forbid.

A restriction is read from its relation, understood (kind, or the reason why it does not hold for
us), drawn out into the nodes that would be driven, and tied to edges once the streets have been
simplified.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx

from routing.osmfile import RawRestriction, RawStreets, RawWay, oneway_of

#: From the most particular kind of vehicle to the least; a van is a motorcar here.
_KEYS = ("restriction:motorcar", "restriction:motor_vehicle", "restriction:vehicle", "restriction")
_US = {"motorcar", "motor_vehicle", "vehicle"}
_TURNS = ("left_turn", "right_turn", "straight_on", "u_turn")
_KINDS = {
    *(f"{kind}_{turn}" for kind in ("no", "only") for turn in _TURNS), "no_entry", "no_exit",
}  # fmt: skip
_TIMES = ("day_on", "day_off", "hour_on", "hour_off")


@dataclass(frozen=True, slots=True)
class Turn:
    """Nodes that may not be driven in a row; with `only`, where the last is the only way on.

    The first and last node tell the pieces of street one comes from and goes into.
    """

    nodes: tuple[int, ...]
    only: bool


def understood(tags: Mapping[str, str]) -> tuple[str, str]:
    """(kind, "") of a restriction that holds for a van at all hours, else ("", reason).

    Reasons: "conditional", "other_vehicles", "exempt", "unknown".
    """
    value = next((tags[key] for key in _KEYS if key in tags), "")
    if not value:
        if any(f"{key}:conditional" in tags for key in _KEYS):
            return "", "conditional"
        others = any(key.startswith("restriction:") for key in tags)
        return "", "other_vehicles" if others else "unknown"
    if any(key in tags for key in _TIMES):
        return "", "conditional"
    if {part.strip() for part in tags.get("except", "").split(";")} & _US:
        return "", "exempt"
    return (value, "") if value in _KINDS else ("", "unknown")


def drawn_out(raw: RawStreets) -> tuple[list[Turn], Counter[str]]:
    """(what the restrictions forbid, how many do not hold by reason).

    Beside the reasons of `understood`: "incomplete", a member is missing, is no street for vans
    or does not meet the others; "ambiguous", a street runs through where it should end.
    """
    ways = {way.id: way for way in raw.ways}
    turns: dict[Turn, None] = {}
    left_out: Counter[str] = Counter()
    for row in raw.restrictions:
        kind, reason = understood(row.tags)
        if not reason:
            found = list(_turns(kind, row, ways))
            turns.update(dict.fromkeys(turn for turn in found if isinstance(turn, Turn)))
            if not any(isinstance(turn, Turn) for turn in found):
                reason = next((why for why in found if isinstance(why, str)), "incomplete")
        if reason:
            left_out[reason] += 1
    return list(turns), left_out


def _turns(kind: str, row: RawRestriction, ways: Mapping[int, RawWay]) -> Iterator[Turn | str]:
    """What one restriction forbids, or why a pair of its members forbids nothing."""
    only = kind.startswith("only_")
    if bool(row.via_nodes) == bool(row.via_ways) or len(row.via_nodes) > 1:
        yield "incomplete"
        return
    for start in (ways[way] for way in row.starts if way in ways):
        for end in (ways[way] for way in row.ends if way in ways):
            for between in _between(row, start, end, ways):
                ins, outs = _into(start, between[0]), _out_of(end, between[-1])
                pairs = [(a, b) for a in ins for b in outs]
                if start is end and len(between) == 1:
                    # Back the way it came.
                    pairs = [(a, b) for a, b in pairs if a == b]
                elif len(pairs) > 1:
                    yield "ambiguous"
                    continue
                for a, b in pairs:
                    yield Turn((a, *between, b), only)


def _between(
    row: RawRestriction, start: RawWay, end: RawWay, ways: Mapping[int, RawWay]
) -> Iterator[tuple[int, ...]]:
    """The nodes from where the first street ends to where the last begins, both included."""
    if row.via_nodes:
        yield (row.via_nodes[0],)
        return
    if not all(way in ways for way in row.via_ways):
        return
    tracks: list[tuple[int, ...]] = [()]
    for way in (ways[number] for number in row.via_ways):
        forward, backward = oneway_of(way.tags)
        nodes = (way.pieces[0][0], *(v for _, v in way.pieces)) if way.pieces else ()
        directions = [nodes] * forward + [nodes[::-1]] * backward
        tracks = [
            (*track, *line[1:]) if track else line
            for track in tracks
            for line in directions
            if line and (not track or track[-1] == line[0])
        ]
    begins = {node for piece in start.pieces for node in piece}
    ends = {node for piece in end.pieces for node in piece}
    for track in tracks:
        if track[0] in begins and track[-1] in ends:
            yield track


def _into(way: RawWay, node: int) -> list[int]:
    """The nodes from which the way may be driven to a node, one piece before it."""
    forward, backward = oneway_of(way.tags)
    return [u for u, v in way.pieces if forward and v == node] + [
        v for u, v in way.pieces if backward and u == node
    ]


def _out_of(way: RawWay, node: int) -> list[int]:
    forward, backward = oneway_of(way.tags)
    return [v for u, v in way.pieces if forward and u == node] + [
        u for u, v in way.pieces if backward and v == node
    ]


def kept_nodes(turns: Iterable[Turn]) -> set[int]:
    """The nodes at which simplification must leave a junction."""
    return {node for turn in turns for node in (turn.nodes[1], turn.nodes[-2])}


def on_edges(
    turns: Sequence[Turn], graph: nx.MultiDiGraph, places: Mapping[int, tuple[float, float]]
) -> list[dict[str, Any]]:
    """The restrictions as graph.graph["restrictions"] holds them.

    Those on streets that are not in the graph are left out. Edges are known by their first and
    last pieces, which simplification leaves where they were.
    """
    first: dict[tuple[int, tuple[float, float]], tuple[int, int, int]] = {}
    last: dict[tuple[int, tuple[float, float]], tuple[int, int, int]] = {}
    for u, v, key, line in graph.edges(keys=True, data="geometry"):
        first[u, line.coords[1]] = (u, v, key)
        last[v, line.coords[-2]] = (u, v, key)
    found = []
    for turn in turns:
        nodes = turn.nodes
        begin = last.get((nodes[1], places[nodes[0]]))
        end = first.get((nodes[-2], places[nodes[-1]]))
        between: list[tuple[int, int, int]] = []
        at = 1
        while at < len(nodes) - 2:
            edge = first.get((nodes[at], places[nodes[at + 1]]))
            if edge is None or edge[1] not in nodes[at + 1 : -1]:
                break
            at = nodes.index(edge[1], at + 1)
            between.append(edge)
        if begin is None or end is None or at != len(nodes) - 2:
            continue
        via: int | list[tuple[int, int, int]] = between if between else nodes[1]
        kind = "only" if turn.only else "no"
        found.append({"from": begin, "via": via, "to": end, "kind": kind})
    return found
