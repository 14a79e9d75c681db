"""The loops that follow water from element to element. See `kernels` for the forms.

`node_starts`, `node_ends` group link ends by node; `shut` is of valves, `link_shut` of links.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np

from gis_data.compiled.jit import kernel


@kernel
def conducting_ends(end_valve: Any, shut: Any, link_shut: Any) -> Any:
    """Whether water passes between link and node at each link end, one way at the least."""
    links = len(link_shut)
    open_ = np.empty(2 * links, np.bool_)
    for r in range(2 * links):
        valve = end_valve[r]
        open_[r] = not link_shut[r if r < links else r - links] and (valve < 0 or not shut[valve])
    return open_


@kernel
def reached_elements(
    starts: Any, without: int, backwards: bool, open_: Any, end_node: Any, link_one_way: Any,
    node_starts: Any, node_ends: Any,
) -> Any:
    """Which elements water can come to from `starts`, not through the element `without`.

    `backwards`: from which elements water can come to one of `starts`.
    """
    nodes, links = len(node_starts) - 1, len(link_one_way)
    found = np.zeros(nodes + links, np.bool_)
    queue = np.empty(nodes + links, np.int32)
    tail = 0
    for s in starts:
        if s != without and not found[s]:
            found[s] = True
            queue[tail] = s
            tail += 1
    head = 0
    while head < tail:
        here = queue[head]
        head += 1
        if here < nodes:
            for j in range(node_starts[here], node_starts[here + 1]):
                r = node_ends[j]
                link = r if r < links else r - links
                # At its end a one-way link gives water and takes none.
                if not open_[r] or (not backwards and r >= links and link_one_way[link]):
                    continue
                other = nodes + link
                if other != without and not found[other]:
                    found[other] = True
                    queue[tail] = other
                    tail += 1
        else:
            for r in (here - nodes, here - nodes + links):
                if not open_[r] or (backwards and r >= links and link_one_way[here - nodes]):
                    continue
                other = end_node[r]
                if other != without and not found[other]:
                    found[other] = True
                    queue[tail] = other
                    tail += 1
    return found


@kernel
def between(
    target: int, is_source: Any, inside: Any, open_: Any, end_node: Any, node_starts: Any,
    node_ends: Any,
) -> Any:
    """Which of the elements `inside` lie on a way from a source to `target` that meets none twice.

    Direction ignored. With one more edge from all sources to the target these are the elements of
    that edge's block: found by a depth-first search that begins along it.
    """
    nodes = len(node_starts) - 1
    size = len(inside)
    links = size - nodes
    found = np.full(size, -1, np.int32)
    low = np.empty(size, np.int32)
    parent = np.full(size, -1, np.int32)
    step = np.zeros(size, np.int32)
    order = np.empty(size, np.int32)
    # Number 0 is the place all sources hang on.
    found[target] = low[target] = 1
    order[0] = target
    count = 1
    here = target
    while here >= 0:
        k = step[here]
        step[here] = k + 1
        other = -1
        if here < nodes:
            at = node_starts[here] + k
            if at < node_starts[here + 1]:
                r = node_ends[at]
                other = nodes + (r if r < links else r - links)
            else:
                k = -1
        elif k < 2:
            r = here - nodes + k * links
            other = end_node[r]
        else:
            k = -1
        if k < 0:
            if here < nodes and is_source[here] and here != target:
                low[here] = 0
            up = parent[here]
            if up >= 0 and low[here] < low[up]:
                low[up] = low[here]
            here = up
            continue
        if not open_[r] or not inside[other] or other == parent[here]:
            continue
        if found[other] < 0:
            count += 1
            found[other] = low[other] = count
            order[count - 1] = other
            parent[other] = here
            here = other
        elif found[other] < low[here]:
            low[here] = found[other]
    on_way = np.zeros(size, np.bool_)
    on_way[target] = True
    for k in range(1, count):
        v = order[k]
        on_way[v] = on_way[parent[v]] and low[v] < found[parent[v]]
    return on_way


@kernel
def nearest_source(
    target: int, is_source: Any, length: Any, open_: Any, end_node: Any, link_one_way: Any,
    node_starts: Any, node_ends: Any,
) -> tuple[Any, float]:
    """(elements from the nearest source to `target`, metres); none where no source reaches it."""
    nodes, links = len(node_starts) - 1, len(link_one_way)
    best = np.full(nodes + links, np.inf)
    came = np.full(nodes + links, -1, np.int32)
    first = length[target - nodes] if target >= nodes else 0.0
    best[target] = first
    queue: list[tuple[float, Any]] = [(first, np.int64(target))]
    last = -1
    while len(queue) > 0:
        far, here = heapq.heappop(queue)
        if far > best[here]:
            continue
        if here < nodes and is_source[here]:
            last = here
            break
        if here < nodes:
            for j in range(node_starts[here], node_starts[here + 1]):
                r = node_ends[j]
                link = r if r < links else r - links
                then = far + length[link]
                if open_[r] and then < best[nodes + link]:
                    best[nodes + link], came[nodes + link] = then, here
                    heapq.heappush(queue, (then, np.int64(nodes + link)))
        else:
            for r in (here - nodes, here - nodes + links):
                if not open_[r] or (r >= links and link_one_way[here - nodes]):
                    continue
                other = end_node[r]
                if far < best[other]:
                    best[other], came[other] = far, here
                    heapq.heappush(queue, (far, np.int64(other)))
    count = 0
    here = last
    while here >= 0:
        count += 1
        here = came[here]
    way = np.empty(count, np.int32)
    here = last
    for k in range(count):
        way[k] = here
        here = came[here]
    return way, best[last] if last >= 0 else 0.0


@kernel
def joined_cells(
    start: int, out_starts: Any, out_heads: Any, out_valves: Any, in_starts: Any, in_tails: Any,
    in_valves: Any, shut: Any,
) -> Any:
    """Cells joined to cell `start` whatever the direction."""
    found = np.zeros(len(out_starts) - 1, np.bool_)
    queue = np.empty(len(found), np.int32)
    found[start] = True
    queue[0] = start
    head, tail = 0, 1
    while head < tail:
        here = queue[head]
        head += 1
        for j in range(out_starts[here], out_starts[here + 1]):
            if not found[out_heads[j]] and (out_valves[j] < 0 or not shut[out_valves[j]]):
                found[out_heads[j]] = True
                queue[tail] = out_heads[j]
                tail += 1
        for j in range(in_starts[here], in_starts[here + 1]):
            if not found[in_tails[j]] and (in_valves[j] < 0 or not shut[in_valves[j]]):
                found[in_tails[j]] = True
                queue[tail] = in_tails[j]
                tail += 1
    return queue[:tail].copy()
