"""The customizable contraction hierarchy: order, elimination tree, arcs upwards. No weights.

Dibbelt, Strasser and Wagner, Customizable Contraction Hierarchies (2016). States are numbered by
their rank in a nested-dissection order; eliminating them one after the other joins the higher
neighbours of each. All searches run on ranks and lead upwards only.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from routingkit_cch import compute_order_inertial

from routing.compiled.jit import freeze, kernel
from routing.compiled.states import States
from routing.table import StreetTable


@dataclass(frozen=True, slots=True, eq=False)
class Hierarchy:
    """Topology of the hierarchy, whole numbers of 32 bits.

    `rank` of each state. The arcs from rank x upwards are up_at[x]:up_at[x + 1]; arc a joins
    low[a] to up_head[a] > low[a], ascending within each x; the parent of x in the elimination
    tree is the first of them. down_arc[down_at[y]:down_at[y + 1]] are the arcs that end in y, by
    ascending `low`. up_input[a], down_input[a]: the arc of the search graph along and against
    a, -1 for none. `place[k]`: where arc k of the search graph lies, a for up_input, ~a for
    down_input.
    """

    rank: Any
    up_at: Any
    up_head: Any
    low: Any
    down_at: Any
    down_arc: Any
    up_input: Any
    down_input: Any
    place: Any

    @classmethod
    def of(cls, table: StreetTable, states: States) -> Hierarchy:
        """The hierarchy; ordering takes seconds for a metropolis, once per map."""
        order = compute_order_inertial(
            states.count, states.tail.tolist(), states.head.tolist(),
            table.lat[states.node].tolist(), table.lon[states.node].tolist(),
        )  # fmt: skip
        rank = np.empty(states.count, dtype=np.int32)
        rank[np.array(order, dtype=np.int64)] = np.arange(states.count, dtype=np.int32)
        tail, head = freeze(rank[states.tail]), freeze(rank[states.head])
        up_at, up_head = complete(tail, head, states.count)
        low, down_at, down_arc, place, up_input, down_input = numbered(up_at, up_head, tail, head)
        columns = (rank, up_at, up_head, low, down_at, down_arc, up_input, down_input, place)
        return cls(*(freeze(column, np.int32) for column in columns))

    @classmethod
    def named(cls, arrays: dict[str, Any]) -> Hierarchy:
        """From columns by name; KeyError when one is missing."""
        return cls(**{field.name: arrays[f"hierarchy.{field.name}"] for field in fields(cls)})

    def columns(self) -> dict[str, Any]:
        """Every column by name, for `named`."""
        return {f"hierarchy.{field.name}": getattr(self, field.name) for field in fields(self)}


@kernel
def complete(tail: Any, head: Any, count: int) -> tuple[Any, Any]:
    """(up_at, up_head): the higher neighbours of each rank once all below it are eliminated."""
    at = np.zeros(count + 1, np.int32)
    for k in range(len(tail)):
        at[min(tail[k], head[k]) + 1] += 1
    for x in range(count):
        at[x + 1] += at[x]
    free = at.copy()
    given = np.empty(len(tail), np.int32)
    for k in range(len(tail)):
        below = min(tail[k], head[k])
        given[free[below]] = max(tail[k], head[k])
        free[below] += 1
    seen = np.full(count, -1, np.int32)
    first_child = np.full(count, -1, np.int32)
    sibling = np.full(count, -1, np.int32)
    up_at = np.zeros(count + 1, np.int32)
    up_head = np.empty(2 * len(tail) + 16, np.int32)
    size = 0
    for x in range(count):
        up_at[x] = size
        need = at[x + 1] - at[x]
        child = first_child[x]
        while child >= 0:
            need += up_at[child + 1] - up_at[child]
            child = sibling[child]
        if size + need > len(up_head):
            larger = np.empty(2 * (size + need), np.int32)
            larger[:size] = up_head[:size]
            up_head = larger
        begin = size
        for k in range(at[x], at[x + 1]):
            y = given[k]
            if seen[y] != x:
                seen[y] = x
                up_head[size] = y
                size += 1
        child = first_child[x]
        while child >= 0:
            # The first of a child's neighbours is x itself.
            for k in range(up_at[child] + 1, up_at[child + 1]):
                y = up_head[k]
                if seen[y] != x:
                    seen[y] = x
                    up_head[size] = y
                    size += 1
            child = sibling[child]
        up_head[begin:size] = np.sort(up_head[begin:size])
        if size > begin:
            parent = up_head[begin]
            sibling[x] = first_child[parent]
            first_child[parent] = x
    up_at[count] = size
    return up_at, up_head[:size].copy()


@kernel
def numbered(up_at: Any, up_head: Any, tail: Any, head: Any) -> tuple[Any, Any, Any, Any, Any, Any]:
    """(low, down_at, down_arc, place, up_input, down_input); see `Hierarchy`."""
    count = len(up_at) - 1
    size = len(up_head)
    low = np.empty(size, np.int32)
    down_at = np.zeros(count + 1, np.int32)
    for x in range(count):
        for a in range(up_at[x], up_at[x + 1]):
            low[a] = x
            down_at[up_head[a] + 1] += 1
    for x in range(count):
        down_at[x + 1] += down_at[x]
    free = down_at.copy()
    down_arc = np.empty(size, np.int32)
    for a in range(size):
        down_arc[free[up_head[a]]] = a
        free[up_head[a]] += 1
    place = np.empty(len(tail), np.int32)
    up_input = np.full(size, -1, np.int32)
    down_input = np.full(size, -1, np.int32)
    for k in range(len(tail)):
        below, above = min(tail[k], head[k]), max(tail[k], head[k])
        a = up_at[below] + np.searchsorted(up_head[up_at[below] : up_at[below + 1]], above)
        if tail[k] == below:
            place[k] = a
            up_input[a] = k
        else:
            place[k] = ~a
            down_input[a] = k
    return low, down_at, down_arc, place, up_input, down_input
