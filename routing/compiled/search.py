"""Searches on the weighted hierarchy. Seeds are ranks with milliseconds; all int32, FAR for none.

`climb` visits the ancestors of its seeds in the elimination tree and nothing else: every
quickest way goes up to one of them and down again. The scratch columns `dist` and `via` (one
entry a rank) hold FAR between calls; each kernel puts back what it touched.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from routing.compiled.jit import kernel
from routing.compiled.weights import FAR, arc_to


@kernel
def climb(
    up_at: Any,
    up_head: Any,
    weight: Any,
    seeds: Any,
    seed_ms: Any,
    dist: Any,
    via: Any,
    trail: Any,
) -> int:
    """Milliseconds from the seeds up to all their ancestors; returns how many `trail` names.

    via[x] is the arc by which x was reached, -1 at a seed.
    """
    at = seeds.copy()
    for i in range(len(seeds)):
        x = seeds[i]
        if seed_ms[i] < dist[x]:
            dist[x] = seed_ms[i]
            via[x] = -1
    count = 0
    while True:
        x = -1
        for i in range(len(at)):
            if at[i] >= 0 and (x < 0 or at[i] < x):
                x = at[i]
        if x < 0:
            return count
        trail[count] = x
        count += 1
        first, last = up_at[x], up_at[x + 1]
        so_far = dist[x]
        if so_far < FAR:
            for a in range(first, last):
                y = up_head[a]
                ms = so_far + weight[a]
                if ms < dist[y]:
                    dist[y] = ms
                    via[y] = a
        parent = up_head[first] if first < last else -1
        for i in range(len(at)):
            if at[i] == x:
                at[i] = parent


@kernel
def _clear(dist: Any, trail: Any, count: int) -> None:
    for i in range(count):
        dist[trail[i]] = FAR


@kernel
def _seed_of(seeds: Any, seed_ms: Any, x: int) -> int:
    """The seed at rank x, of several the nearest and of those the first."""
    found = -1
    for i in range(len(seeds)):
        if seeds[i] == x and (found < 0 or seed_ms[i] < seed_ms[found]):
            found = i
    return found


@kernel
def find_way(
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
    sources: Any,
    source_ms: Any,
    targets: Any,
    target_ms: Any,
    dist: Any,
    via: Any,
    trail: Any,
    dist_back: Any,
    via_back: Any,
    trail_back: Any,
) -> tuple[int, int, int, Any]:
    """(milliseconds or FAR, source used, target used, arcs of the search graph in order)."""
    count = climb(up_at, up_head, up, sources, source_ms, dist, via, trail)
    count_back = climb(up_at, up_head, down, targets, target_ms, dist_back, via_back, trail_back)
    best, top = FAR, -1
    for i in range(count):
        x = trail[i]
        ms = dist[x] + dist_back[x]
        if ms < best:
            best, top = ms, x
    arcs = np.empty(0, np.int32)
    source = target = -1
    if top >= 0:
        # Twice the arc, one more where it is driven downwards; the last is driven first.
        stack = np.empty(64, np.int64)
        height = 0
        x = top
        while via_back[x] >= 0:
            height += 1
            x = low[via_back[x]]
        target = _seed_of(targets, target_ms, x)
        stack = np.empty(2 * height + 64, np.int64)
        place = height - 1
        x = top
        while via_back[x] >= 0:
            stack[place] = 2 * np.int64(via_back[x]) + 1
            place -= 1
            x = low[via_back[x]]
        x = top
        while via[x] >= 0:
            if height == len(stack):
                stack = _larger(stack)
            stack[height] = 2 * np.int64(via[x])
            height += 1
            x = low[via[x]]
        source = _seed_of(sources, source_ms, x)
        arcs = _unpack(
            up_at, up_head, low, down_at, down_arc, up_input, down_input, cost, up, down, stack,
            height,
        )  # fmt: skip
    _clear(dist, trail, count)
    _clear(dist_back, trail_back, count_back)
    return best, source, target, arcs


@kernel
def _larger(array: Any) -> Any:
    grown = np.empty(2 * len(array) + 16, array.dtype)
    grown[: len(array)] = array
    return grown


@kernel
def _unpack(
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
    stack: Any,
    height: int,
) -> Any:
    """The arcs of the search graph that shortcuts stand for; see `find_way` for the stack."""
    arcs = np.empty(256, np.int32)
    count = 0
    while height > 0:
        height -= 1
        a, downwards = stack[height] >> 1, stack[height] & 1
        ms = down[a] if downwards else up[a]
        given = down_input[a] if downwards else up_input[a]
        if given >= 0 and cost[given] == ms:
            if count == len(arcs):
                arcs = _larger(arcs)
            arcs[count] = given
            count += 1
            continue
        x, y = low[a], up_head[a]
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
            over = down[q] + up[p] if downwards else down[p] + up[q]
            if over == ms:
                if height + 2 > len(stack):
                    stack = _larger(stack)
                # p joins z to x, q joins z to y; what is driven first lies on top.
                stack[height] = 2 * np.int64(p) if downwards else 2 * np.int64(q)
                stack[height + 1] = 2 * np.int64(q) + 1 if downwards else 2 * np.int64(p) + 1
                height += 2
                break
    return arcs[:count].copy()


@kernel
def label_rows(
    up_at: Any,
    up_head: Any,
    up: Any,
    rows: Any,
    seeds: Any,
    seed_ms: Any,
    dist: Any,
    via: Any,
    trail: Any,
    label_rank: Any,
    label_ms: Any,
    label_size: Any,
) -> int:
    """Write the labels of some rows of origins: the ranks they climb to, with milliseconds.

    seeds, seed_ms: [origins, 2], rank -1 for none; the labels [origins, width]. Returns the width
    that would be needed; where it is more than there is, the labels are to be made again.
    """
    width = label_rank.shape[1]
    widest = 0
    for row in rows:
        both = np.empty(2, np.int32)
        ms = np.empty(2, np.int32)
        many = 0
        for s in range(2):
            if seeds[row, s] >= 0:
                both[many], ms[many] = seeds[row, s], seed_ms[row, s]
                many += 1
        count = climb(up_at, up_head, up, both[:many], ms[:many], dist, via, trail)
        size = 0
        for i in range(count):
            x = trail[i]
            if dist[x] < FAR:
                if size < width:
                    label_rank[row, size], label_ms[row, size] = x, dist[x]
                size += 1
        label_size[row] = min(size, width)
        widest = max(widest, size)
        _clear(dist, trail, count)
    return widest


@kernel
def costs_to(
    up_at: Any,
    up_head: Any,
    down: Any,
    target_at: Any,
    targets: Any,
    target_ms: Any,
    dist: Any,
    via: Any,
    trail: Any,
    label_rank: Any,
    label_ms: Any,
    label_size: Any,
) -> Any:
    """Milliseconds [origins, destinations] from labelled origins, FAR for none.

    The seeds of destination j are targets[target_at[j]:target_at[j + 1]].
    """
    many = len(label_size)
    ends = len(target_at) - 1
    found = np.empty((many, ends), np.int32)
    for j in range(ends):
        seeds = targets[target_at[j] : target_at[j + 1]]
        ms = target_ms[target_at[j] : target_at[j + 1]]
        count = climb(up_at, up_head, down, seeds, ms, dist, via, trail)
        for row in range(many):
            best = FAR
            for i in range(label_size[row]):
                over = label_ms[row, i] + dist[label_rank[row, i]]
                if over < best:
                    best = over
            found[row, j] = best
        _clear(dist, trail, count)
    return found


@kernel
def sweep(up_at: Any, up_head: Any, up: Any, down: Any, seeds: Any, seed_ms: Any) -> Any:
    """Milliseconds from the soonest seed to every rank: once up, once down (PHAST)."""
    count = len(up_at) - 1
    dist = np.full(count, FAR, np.int32)
    for i in range(len(seeds)):
        if seed_ms[i] < dist[seeds[i]]:
            dist[seeds[i]] = seed_ms[i]
    for x in range(count):
        so_far = dist[x]
        if so_far < FAR:
            for a in range(up_at[x], up_at[x + 1]):
                ms = so_far + up[a]
                if ms < dist[up_head[a]]:
                    dist[up_head[a]] = ms
    for x in range(count - 1, -1, -1):
        least = dist[x]
        for a in range(up_at[x], up_at[x + 1]):
            ms = dist[up_head[a]] + down[a]
            if ms < least:
                least = ms
        dist[x] = least
    return dist


@kernel
def soonest_at(dist: Any, rank: Any, state_node: Any, nodes: int) -> Any:
    """Milliseconds of each junction, the least of its states, as float64; infinite for FAR."""
    found = np.full(nodes, np.inf)
    for state in range(len(state_node)):
        ms = dist[rank[state]]
        if ms < FAR and ms < found[state_node[state]]:
            found[state_node[state]] = ms
    return found


@kernel
def way_metres(
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
    best: Any,
    length: Any,
    rows: Any,
    seeds: Any,
    seed_ms: Any,
    seed_m: Any,
    targets: Any,
    target_ms: Any,
    target_m: Any,
    dist: Any,
    via: Any,
    trail: Any,
    dist_back: Any,
    via_back: Any,
    trail_back: Any,
) -> Any:
    """Metres of the quickest way from each of some rows of origins, NaN where there is none.

    seeds, seed_ms, seed_m: [origins, 2] with the metres to the seed; target_m likewise.
    """
    metres = np.full(len(rows), np.nan)
    for n in range(len(rows)):
        row = rows[n]
        both = np.empty(2, np.int32)
        ms = np.empty(2, np.int32)
        far = np.empty(2)
        many = 0
        for s in range(2):
            if seeds[row, s] >= 0:
                both[many], ms[many] = seeds[row, s], seed_ms[row, s]
                far[many] = seed_m[row, s]
                many += 1
        found, source, target, arcs = find_way(
            up_at, up_head, low, down_at, down_arc, up_input, down_input, cost, up, down,
            both[:many], ms[:many], targets, target_ms, dist, via, trail, dist_back, via_back,
            trail_back,
        )  # fmt: skip
        if found >= FAR:
            continue
        total = far[source] + target_m[target]
        for arc in arcs:
            total += length[best[arc]]
        metres[n] = total
    return metres
