"""Weights of the hierarchy in milliseconds: whole customisation, and the part a change touches."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np

from routing.compiled.jit import inlined, kernel

#: No way through. Two of them add up within 32 bits; a way of twelve days is none.
FAR = 2**30 - 1


@kernel
def arc_costs(
    arcs: Any, arc_at: Any, arc_edges: Any, ms: Any, shut: Any, cost: Any, best: Any
) -> None:
    """Set `cost` and `best` of some search arcs: their fastest edge that is not `shut`.

    Of edges equally fast the lowest number counts; -1 when all are shut.
    """
    for arc in arcs:
        least, which = FAR, -1
        for k in range(arc_at[arc], arc_at[arc + 1]):
            edge = arc_edges[k]
            if not shut[edge] and ms[edge] < least:
                least, which = ms[edge], edge
        cost[arc] = least
        best[arc] = which


@kernel
def customise(
    up_at: Any, up_head: Any, up_input: Any, down_input: Any, cost: Any
) -> tuple[Any, Any]:
    """(up, down): milliseconds along and against every arc of the hierarchy."""
    size = len(up_head)
    up = np.empty(size, np.int32)
    down = np.empty(size, np.int32)
    for a in range(size):
        up[a] = cost[up_input[a]] if up_input[a] >= 0 else FAR
        down[a] = cost[down_input[a]] if down_input[a] >= 0 else FAR
    for x in range(len(up_at) - 1):
        last = up_at[x + 1]
        for i in range(up_at[x], last):
            # Of the triangle x < y < z: what leads from y by x to z, and back.
            j = up_at[up_head[i]]
            y_to_x, x_to_y = down[i], up[i]
            for k in range(i + 1, last):
                z = up_head[k]
                while up_head[j] < z:
                    j += 1
                over = y_to_x + up[k]
                if over < up[j]:
                    up[j] = over
                over = down[k] + x_to_y
                if over < down[j]:
                    down[j] = over
    return up, down


@inlined
def arc_to(up_at: Any, up_head: Any, x: int, y: int) -> int:
    """The arc from x up to y, -1 for none."""
    low, high = up_at[x], up_at[x + 1]
    while low < high:
        middle = (low + high) >> 1
        if up_head[middle] < y:
            low = middle + 1
        else:
            high = middle
    return low if low < up_at[x + 1] and up_head[low] == y else -1


@kernel
def update(
    up_at: Any,
    up_head: Any,
    low: Any,
    down_at: Any,
    down_arc: Any,
    up_input: Any,
    down_input: Any,
    cost: Any,
    up: Any,
    down: Any,
    changed: Any,
) -> int:
    """Bring `up` and `down` in line with new costs of the input of `changed` arcs.

    Gives the same as `customise`; returns how many arcs it looked at. An arc depends on arcs of
    lower number only, so they are taken in ascending order.
    """
    waiting = np.zeros(len(up_head), np.bool_)
    heap = [np.int64(0) for _ in range(0)]
    for a in changed:
        if not waiting[a]:
            waiting[a] = True
            heapq.heappush(heap, np.int64(a))
    looked = 0
    while len(heap) > 0:
        a = heapq.heappop(heap)
        waiting[a] = False
        looked += 1
        x, y = low[a], up_head[a]
        new_up = cost[up_input[a]] if up_input[a] >= 0 else FAR
        new_down = cost[down_input[a]] if down_input[a] >= 0 else FAR
        few, other = x, y
        if down_at[x + 1] - down_at[x] > down_at[y + 1] - down_at[y]:
            few, other = y, x
        for k in range(down_at[few], down_at[few + 1]):
            p = down_arc[k]
            q = arc_to(up_at, up_head, low[p], other)
            if q < 0:
                continue
            if few == y:
                p, q = q, p
            # p joins z to x, q joins z to y.
            new_up = min(new_up, down[p] + up[q])
            new_down = min(new_down, down[q] + up[p])
        old_up, old_down = up[a], down[a]
        if new_up == old_up and new_down == old_down:
            continue
        up[a], down[a] = new_up, new_down
        for k in range(up_at[x], up_at[x + 1]):
            z = up_head[k]
            if z == y:
                continue
            t = arc_to(up_at, up_head, min(y, z), max(y, z))
            if waiting[t]:
                continue
            # What led by x before, and what leads now, from y to z and back.
            y_to_z_old, y_to_z = old_down + up[k], new_down + up[k]
            z_to_y_old, z_to_y = down[k] + old_up, down[k] + new_up
            here, back = (up[t], down[t]) if y < z else (down[t], up[t])
            if (
                y_to_z < here
                or z_to_y < back
                or (y_to_z_old == here and y_to_z != here)
                or (z_to_y_old == back and z_to_y != back)
            ):
                waiting[t] = True
                heapq.heappush(heap, np.int64(t))
    return looked
