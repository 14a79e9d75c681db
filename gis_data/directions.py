"""Which way water must run in a pipe, as far as the shape of the network alone can tell.

A pipe whose loss would cut some part off from every source carries water into that part and never
out of it. In a pipe on a loop the direction hangs on pressures: topology cannot tell, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def directions(
    nodes: int,
    starts: Sequence[int],
    ends: Sequence[int],
    sources: Sequence[int],
    one_way: Sequence[bool] | None = None,
) -> NDArray[np.int8]:
    """For each link 1 (start to end), -1 (end to start) or 0 (either way, or no water at all).

    `nodes` is their number; links join nodes `starts[k]` and `ends[k]`; only links that conduct
    belong in the list. `sources` are the nodes water comes from (reservoirs and tanks; a tank may
    also fill, so a link with sources on both sides is 0). `one_way[k]`: conducts from start to end
    only, so its direction is known wherever there is a source at all.

    Linear in nodes and links: one depth-first walk that finds the bridges.
    """
    count = len(starts)
    found = np.zeros(count, dtype=np.int8)
    if count == 0:
        return found
    begin, link_at, node_at = _incidence(nodes, starts, ends)
    is_source = bytearray(nodes)
    for source in sources:
        is_source[source] = 1
    entered = [0] * nodes  # order of the walk, from 1; 0: not yet seen
    lowest = [0] * nodes
    below = [0] * nodes  # sources in the part of the walk under the node
    by_link = [-1] * nodes
    place = list(begin[:-1])
    clock = 0
    fed: set[int] = set()
    for root in range(nodes):
        if entered[root]:
            continue
        walk = [root]
        order = [root]
        clock += 1
        entered[root] = lowest[root] = clock
        while walk:
            node = walk[-1]
            at = place[node]
            if at < begin[node + 1]:
                place[node] = at + 1
                link, other = link_at[at], node_at[at]
                if link == by_link[node]:
                    continue
                if entered[other]:
                    lowest[node] = min(lowest[node], entered[other])
                    continue
                clock += 1
                entered[other] = lowest[other] = clock
                by_link[other] = link
                walk.append(other)
                order.append(other)
            else:
                walk.pop()
                if walk:
                    lowest[walk[-1]] = min(lowest[walk[-1]], lowest[node])
        if _judge(order, starts, ends, is_source, entered, lowest, below, by_link, found):
            fed.update(order)
    if one_way is not None:
        for link, only in enumerate(one_way):
            if only and starts[link] in fed:
                found[link] = 1
    return found


def _judge(
    order: list[int], starts: Sequence[int], ends: Sequence[int], is_source: bytearray,
    entered: list[int], lowest: list[int], below: list[int], by_link: list[int],
    found: NDArray[np.int8],
) -> bool:
    """The directions in one connected part, its nodes in `order` of the walk; whether it is fed."""
    for node in reversed(order):
        below[node] += is_source[node]
        link = by_link[node]
        if link >= 0:
            parent = starts[link] if starts[link] != node else ends[link]
            below[parent] += below[node]
    total = below[order[0]]
    if total == 0:
        return False
    for node in order[1:]:
        link = by_link[node]
        if lowest[node] < entered[node] or 0 < below[node] < total:
            continue
        inward = below[node] == 0
        found[link] = 1 if (ends[link] == node) == inward else -1
    return True


def _incidence(
    nodes: int, starts: Sequence[int], ends: Sequence[int]
) -> tuple[list[int], list[int], list[int]]:
    """Links and far nodes of every node, one after the other, with where each node begins."""
    tails = np.concatenate([np.asarray(starts), np.asarray(ends)]).astype(np.int64)
    heads = np.concatenate([np.asarray(ends), np.asarray(starts)]).astype(np.int64)
    links = np.concatenate([np.arange(len(starts))] * 2)
    order = np.argsort(tails, kind="stable")
    begin = np.concatenate([[0], np.cumsum(np.bincount(tails, minlength=nodes))])
    return begin.tolist(), links[order].tolist(), heads[order].tolist()
