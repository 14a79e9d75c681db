"""The loops that label a network and group things by label. Arrays are int32 unless said.

An *element* is a node (its row) or a link (number of nodes + its row). Link end `r` is the start of
link r, or the end of link r - links. All groupings have the form (starts, items): the items of
group k are items[starts[k]:starts[k + 1]].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gis_data.compiled.jit import inlined, kernel


@inlined
def _root(parent: Any, k: int) -> int:
    while parent[k] != k:
        parent[k] = parent[parent[k]]
        k = parent[k]
    return k


@kernel
def label_elements(
    end_node: Any, end_valve: Any, link_shut: Any, link_one_way: Any, nodes: int
) -> tuple[Any, int, Any, int]:
    """(segment of each element, how many, cell of each element, how many).

    Numbers run in the order of the smallest element of each.
    """
    links = len(link_shut)
    size = nodes + links
    parent = np.arange(size).astype(np.int32)
    for r in range(2 * links):
        link = r if r < links else r - links
        if end_valve[r] >= 0 or link_shut[link] or (r >= links and link_one_way[link]):
            continue
        _join(parent, end_node[r], nodes + link)
    cell, cells = _numbered(parent)
    for link in range(links):
        if link_one_way[link] and not link_shut[link] and end_valve[links + link] < 0:
            _join(parent, end_node[links + link], nodes + link)
    segment, segments = _numbered(parent)
    return segment, segments, cell, cells


@kernel
def _join(parent: Any, a: int, b: int) -> None:
    a, b = _root(parent, a), _root(parent, b)
    # The smaller number stays the root, so that a root is the smallest of its own.
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b


@kernel
def _numbered(parent: Any) -> tuple[Any, int]:
    label = np.empty(len(parent), np.int32)
    count = 0
    for k in range(len(parent)):
        root = _root(parent, k)
        if root == k:
            label[k] = count
            count += 1
        else:
            label[k] = label[root]
    return label, count


@kernel
def group(labels: Any, count: int) -> tuple[Any, Any]:
    """Rows by label, in ascending order within each; rows of label -1 are in no group."""
    starts = np.zeros(count + 1, np.int32)
    for label in labels:
        if label >= 0:
            starts[label + 1] += 1
    for k in range(count):
        starts[k + 1] += starts[k]
    at = starts.copy()
    items = np.empty(starts[count], np.int32)
    for k in range(len(labels)):
        label = labels[k]
        if label >= 0:
            items[at[label]] = k
            at[label] += 1
    return starts, items


@kernel
def group_sides(
    end_node: Any, end_valve: Any, segment: Any, segments: int, nodes: int
) -> tuple[Any, Any]:
    """Valved link ends by the segments on both sides of the valve."""
    links = len(end_node) // 2
    starts = np.zeros(segments + 1, np.int32)
    for again in range(2):
        if again:
            for k in range(segments):
                starts[k + 1] += starts[k]
            at = starts.copy()
            items = np.empty(starts[segments], np.int32)
        for r in range(2 * links):
            if end_valve[r] < 0:
                continue
            a = segment[end_node[r]]
            b = segment[nodes + (r if r < links else r - links)]
            if again:
                items[at[a]] = r
                at[a] += 1
                if a != b:
                    items[at[b]] = r
                    at[b] += 1
            else:
                starts[a + 1] += 1
                if a != b:
                    starts[b + 1] += 1
    return starts, items


@kernel
def arcs_between(
    end_node: Any, end_valve: Any, link_shut: Any, link_one_way: Any, cell: Any, cells: int,
    nodes: int,
) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Arcs between cells twice: out (starts, heads, valves) and in (starts, tails, valves).

    `valves`: the valve row an arc leads through, -1 where there is none. Both are in ascending
    order of the other cell.
    """
    links = len(link_shut)
    starts = np.zeros(cells + 1, np.int32)
    for again in range(2):
        if again:
            for k in range(cells):
                starts[k + 1] += starts[k]
            at = starts.copy()
            tails = np.empty(starts[cells], np.int32)
            valves = np.empty(starts[cells], np.int32)
        for r in range(2 * links):
            link = r if r < links else r - links
            out_only = r >= links and link_one_way[link]
            if link_shut[link] or (end_valve[r] < 0 and not out_only):
                continue
            a, b = cell[end_node[r]], cell[nodes + link]
            if a == b:
                continue
            if again:
                tails[at[a]], valves[at[a]] = b, end_valve[r]
                at[a] += 1
                if not out_only:
                    tails[at[b]], valves[at[b]] = a, end_valve[r]
                    at[b] += 1
            else:
                starts[a + 1] += 1
                if not out_only:
                    starts[b + 1] += 1
    out_starts, out_heads, out_valves = _transposed(starts, tails, valves)
    in_starts, in_tails, in_valves = _transposed(out_starts, out_heads, out_valves)
    return out_starts, out_heads, out_valves, in_starts, in_tails, in_valves


@kernel
def _transposed(starts: Any, others: Any, values: Any) -> tuple[Any, Any, Any]:
    count = len(starts) - 1
    turned = np.zeros(count + 1, np.int32)
    for other in others:
        turned[other + 1] += 1
    for k in range(count):
        turned[k + 1] += turned[k]
    at = turned.copy()
    items = np.empty(len(others), np.int32)
    kept = np.empty(len(others), np.int32)
    for k in range(count):
        for j in range(starts[k], starts[k + 1]):
            place = at[others[j]]
            items[place], kept[place] = k, values[j]
            at[others[j]] = place + 1
    return turned, items, kept


@kernel
def reach_tree(
    out_starts: Any, out_heads: Any, out_valves: Any, shut: Any, starts: Any
) -> tuple[Any, Any, Any, Any]:
    """Breadth-first tree of cells from `starts` through valves that are not `shut`.

    (order of reaching or -1, first, last, line): the cells below cell c in the tree, itself
    included, are line[first[c]:last[c]].
    """
    cells = len(out_starts) - 1
    order = np.full(cells, -1, np.int32)
    parent = np.full(cells, -1, np.int32)
    queue = np.empty(cells, np.int32)
    tail = 0
    for s in starts:
        if order[s] < 0:
            order[s] = tail
            queue[tail] = s
            tail += 1
    head = 0
    while head < tail:
        here = queue[head]
        head += 1
        for j in range(out_starts[here], out_starts[here + 1]):
            other = out_heads[j]
            if order[other] >= 0 or (out_valves[j] >= 0 and shut[out_valves[j]]):
                continue
            order[other] = tail
            parent[other] = here
            queue[tail] = other
            tail += 1
    size = np.zeros(cells, np.int32)
    for k in range(tail - 1, -1, -1):
        here = queue[k]
        size[here] += 1
        if parent[here] >= 0:
            size[parent[here]] += size[here]
    first = np.full(cells, -1, np.int32)
    last = np.full(cells, -1, np.int32)
    line = np.empty(tail, np.int32)
    # Where the next child of a cell begins; roots stand one after the other.
    nexts = np.empty(cells, np.int32)
    free = 0
    for k in range(tail):
        here = queue[k]
        if parent[here] < 0:
            at = free
            free += size[here]
        else:
            at = nexts[parent[here]]
            nexts[parent[here]] = at + size[here]
        first[here], last[here], nexts[here] = at, at + size[here], at + 1
        line[at] = here
    return order, first, last, line


@kernel
def without_supply(
    out_starts: Any, out_heads: Any, out_valves: Any, in_starts: Any, in_tails: Any,
    in_valves: Any, shut: Any, order: Any, first: Any, last: Any, line: Any, blocked: Any,
) -> tuple[Any, Any]:
    """(state of each cell as uint8, the cells that lose their last way from a source).

    States: 0 and 3 unchanged, 1 lost, 2 blocked. `blocked` are cells nothing passes. Only cells
    below blocked ones in the tree of reach can lose anything: whoever among them has an arc from
    outside is fed through it, and feeds on.
    """
    state = np.zeros(len(order), np.uint8)
    if len(blocked) == 0:
        return state, np.empty(0, np.int32)
    for b in blocked:
        state[b] = 2
    tops = blocked[np.argsort(first[blocked])]
    total = 0
    done = 0
    for b in tops:
        if first[b] >= done:
            total += last[b] - first[b]
            done = last[b]
    below = np.empty(total, np.int32)
    count = 0
    done = 0
    for b in tops:
        if first[b] < done:
            continue
        for j in range(first[b], last[b]):
            if state[line[j]] == 0:
                state[line[j]] = 1
                below[count] = line[j]
                count += 1
        done = last[b]
    queue = np.empty(count, np.int32)
    tail = 0
    for k in range(count):
        here = below[k]
        for j in range(in_starts[here], in_starts[here + 1]):
            other = in_tails[j]
            if state[other] != 0 or order[other] < 0:
                continue
            if in_valves[j] >= 0 and shut[in_valves[j]]:
                continue
            queue[tail] = here
            tail += 1
            break
    for k in range(tail):
        state[queue[k]] = 3
    head = 0
    while head < tail:
        here = queue[head]
        head += 1
        for j in range(out_starts[here], out_starts[here + 1]):
            other = out_heads[j]
            if state[other] == 1 and not (out_valves[j] >= 0 and shut[out_valves[j]]):
                state[other] = 3
                queue[tail] = other
                tail += 1
    lost = np.empty(count - tail, np.int32)
    at = 0
    for k in range(count):
        if state[below[k]] == 1:
            lost[at] = below[k]
            at += 1
    return state, lost
