"""What the search runs on: junctions, split where the way one came decides the way one may go.

A turn restriction forbids a sequence of edges. A vehicle that has driven the beginning of such a
sequence is in a *state* of its own at the junction where it stands; every other vehicle there is
in the junction's plain state. So only restricted junctions are split, into as many more states
as restricted streets lead into them, and the result is the same as that of a search over edges
(Aho and Corasick's automaton over the forbidden sequences, read along the streets).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from routing.compiled.jit import freeze
from routing.table import Ints, StreetTable

#: Edges driven one after the other.
Driven = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """The search graph of a street table; whole numbers of 32 bits.

    State v < nodes is junction v itself. The further states of junction v are nodes +
    extra_at[v] up to nodes + extra_at[v + 1]; `node` tells the junction of each state.
    `after[e]` is the state of who has driven edge e and nothing of interest before. Extra state
    nodes + i has the ways out extra_out[i]:extra_out[i + 1] of extra_edge, extra_head.
    Arc k leads from state tail[k] to head[k] by any of edges arc_edges[arc_at[k]:arc_at[k + 1]];
    `arc_of_edge` is an edge's arc from the plain state, -1 for none, `arc_of_extra` that of each
    way out of extra states.
    """

    node: Any
    extra_at: Any
    after: Any
    extra_out: Any
    extra_edge: Any
    extra_head: Any
    tail: Any
    head: Any
    arc_at: Any
    arc_edges: Any
    arc_of_edge: Any
    arc_of_extra: Any

    @property
    def count(self) -> int:
        """How many states."""
        return len(self.node)

    @property
    def nodes(self) -> int:
        """How many junctions."""
        return len(self.extra_at) - 1

    @classmethod
    def of(cls, table: StreetTable) -> States:
        """The states that the restrictions of the table make necessary."""
        sequences = forbidden(table)
        states, follow = _automaton(table, sequences)
        nodes = table.nodes
        # States in order of their junction, then of what was driven.
        places = sorted(states, key=lambda prefix: (int(table.head[prefix[-1]]), prefix))
        number = {prefix: nodes + i for i, prefix in enumerate(places)}
        at_node = np.array([int(table.head[p[-1]]) for p in places], dtype=np.int64)
        after = table.head.astype(np.int64)
        for prefix, state in number.items():
            if len(prefix) == 1:
                after[prefix[0]] = state
        outs: list[tuple[int, int]] = []
        out_at = [0]
        tails: list[int] = []
        for prefix in places:
            for edge in _out_edges(table, int(table.head[prefix[-1]])):
                reached = follow(prefix, edge)
                if reached is None:
                    continue
                head = number[reached] if reached else int(table.head[edge])
                outs.append((edge, head))
                tails.append(number[prefix])
            out_at.append(len(outs))
        extra_edge = np.array([edge for edge, _ in outs], dtype=np.int64)
        extra_head = np.array([head for _, head in outs], dtype=np.int64)
        move_tail = np.concatenate([table.tail, np.array(tails, dtype=np.int64)])
        move_head = np.concatenate([after, extra_head])
        move_edge = np.concatenate([np.arange(table.edges), extra_edge])
        arcs = _arcs(move_tail, move_head, move_edge, nodes + len(places))
        arc_tail, arc_head, arc_at, arc_edges, arc_of = arcs
        columns = (
            np.concatenate([np.arange(nodes), at_node]),
            np.searchsorted(at_node, np.arange(nodes + 1)),
            after, np.array(out_at), extra_edge, extra_head, arc_tail, arc_head, arc_at,
            arc_edges, arc_of[: table.edges], arc_of[table.edges :],
        )  # fmt: skip
        return cls(*(freeze(column, np.int32) for column in columns))

    @classmethod
    def named(cls, arrays: dict[str, Any]) -> States:
        """From columns by name; KeyError when one is missing."""
        return cls(**{field.name: arrays[f"states.{field.name}"] for field in fields(cls)})

    def columns(self) -> dict[str, Any]:
        """Every column by name, for `named`."""
        return {f"states.{field.name}": getattr(self, field.name) for field in fields(self)}

    def at(self, node: int) -> list[int]:
        """All states of a junction, the plain one first."""
        first, last = int(self.extra_at[node]), int(self.extra_at[node + 1])
        return [node, *range(self.nodes + first, self.nodes + last)]

    def before(self, edge: int, tail: int) -> list[int]:
        """The states of the edge's first junction from which it may be driven."""
        first, last = int(self.extra_at[tail]), int(self.extra_at[tail + 1])
        found = [tail]
        for i in range(first, last):
            if edge in self.extra_edge[self.extra_out[i] : self.extra_out[i + 1]]:
                found.append(self.nodes + i)
        return found


def forbidden(table: StreetTable) -> set[Driven]:
    """The sequences of edges that may not be driven, none within another.

    Who has driven the beginning of an "only" restriction may drive its last edge and no other,
    back the way it came neither.
    """
    found: set[Driven] = set()
    at = table.turn_at.tolist()
    edges = table.turn_edges.tolist()
    only = table.turn_only.tolist()
    for i, alone in enumerate(only):
        path = tuple(edges[at[i] : at[i + 1]])
        if alone:
            others = _out_edges(table, int(table.head[path[-2]]))
            found.update((*path[:-1], edge) for edge in others if edge != path[-1])
        else:
            found.add(path)
    return {
        path for path in found
        if not any(
            path[i:j] in found
            for i in range(len(path)) for j in range(i + 2, len(path) + 1)
            if (i, j) != (0, len(path))
        )
    }  # fmt: skip


def _automaton(table: StreetTable, sequences: Iterable[Driven]) -> tuple[set[Driven], Any]:
    """(beginnings of forbidden sequences, function to the state after one more edge)."""
    whole = set(sequences)
    beginnings = {path[:k] for path in whole for k in range(1, len(path))}

    def follow(prefix: Driven, edge: int) -> Driven | None:
        """The longest beginning that now stands at the end, () for none; None if forbidden."""
        driven = (*prefix, edge)
        ends = [driven[i:] for i in range(len(driven))]
        if any(end in whole for end in ends):
            return None
        return next((end for end in ends if end in beginnings), ())

    return beginnings, follow


def _out_edges(table: StreetTable, node: int) -> Sequence[int]:
    # Edges are sorted by their tails.
    first, last = np.searchsorted(table.tail, (node, node + 1))
    return range(int(first), int(last))


def _arcs(tail: Ints, head: Ints, edge: Ints, states: int) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Simple arcs between different states: (tail, head, arc_at, arc_edges, arc of each move)."""
    code = tail * states + head
    proper = np.flatnonzero(tail != head)
    unique, inverse = np.unique(code[proper], return_inverse=True)
    arc_of = np.full(len(tail), -1, dtype=np.int64)
    arc_of[proper] = inverse
    order = proper[np.lexsort((edge[proper], inverse))]
    arc_at = np.searchsorted(arc_of[order], np.arange(len(unique) + 1))
    return unique // states, unique % states, arc_at, edge[order], arc_of
