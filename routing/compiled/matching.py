"""Loops of map matching: which streets a row of positions was driven on.

A hidden Markov model after Newson and Krumm (2009): how far a position lies from a street speaks
against it, and so does a way between two places that is longer or shorter than the straight line
between the positions. Restrictions and closures are not asked: what was driven was driven.
"""

from __future__ import annotations

import heapq
import math
from typing import Any

import numpy as np

from routing.compiled.jit import kernel

#: Metres that a way may differ from the straight line before it is e times less likely.
_BETA_M = 15.0
#: Turning round in the middle of a street counts as so many metres of difference.
_TURN_M = 40.0


@kernel
def _spread(
    first_out: Any,
    head: Any,
    length: Any,
    start: int,
    limit: float,
    goals: Any,
    dist: Any,
    came: Any,
    touched: Any,
) -> int:
    """Metres from a junction to those within a limit, until all goals are settled.

    dist holds infinity where nothing was reached; returns how many junctions `touched` names.
    came[v] is the edge by which v was reached.
    """
    left = len(goals)
    heap = [(0.0, np.int64(start))]
    dist[start] = 0.0
    came[start] = -1
    touched[0] = start
    count = 1
    while len(heap) > 0:
        far, node = heapq.heappop(heap)
        if far > dist[node]:
            continue
        for goal in goals:
            if goal == node:
                left -= 1
        if left <= 0:
            break
        for edge in range(first_out[node], first_out[node + 1]):
            metres = far + length[edge]
            other = head[edge]
            if metres < dist[other] and metres <= limit:
                if dist[other] == np.inf:
                    touched[count] = other
                    count += 1
                dist[other] = metres
                came[other] = edge
                heapq.heappush(heap, (metres, np.int64(other)))
    return count


@kernel
def _along(
    a: int,
    at: float,
    b: int,
    to: float,
    tail: Any,
    length: Any,
    twins: Any,
    slack: float,
    dist: Any,
) -> tuple[float, float, int]:
    """(metres, metres that count against it, how) from a place on edge a to one on edge b.

    How: 0 over junctions, 1 along the street, 2 standing, 3 turned round in the street.
    """
    metres = (1 - at) * length[a] + dist[tail[b]] + to * length[b]
    against, how = 0.0, 0
    if a == b:
        along = (to - at) * length[a]
        if along >= 0:
            if along <= metres:
                metres, how = along, 1
        elif -along <= slack:
            metres, how = 0.0, 2
    elif twins[a] == b:
        along = abs(to - (1 - at)) * length[a]
        if along + _TURN_M < metres:
            metres, against, how = along, _TURN_M, 3
    return metres, against, how


@kernel
def likeliest(
    first: Any,
    edges: Any,
    fractions: Any,
    metres: Any,
    xy: Any,
    first_out: Any,
    tail: Any,
    head: Any,
    length: Any,
    twins: Any,
    sigma: float,
) -> Any:
    """Of each position the likeliest candidate, its number in `edges`.

    The candidates of position i are first[i]:first[i + 1], at least one. `xy`: positions in
    metres. Where no way leads from any of one position to any of the next, the row starts anew.
    """
    nodes = len(first_out) - 1
    dist = np.full(nodes, np.inf)
    came = np.empty(nodes, np.int64)
    touched = np.empty(nodes, np.int64)
    count = len(first) - 1
    score = np.empty(len(edges))
    before = np.full(len(edges), -1, np.int64)
    for c in range(first[0], first[1]):
        score[c] = -0.5 * (metres[c] / sigma) ** 2
    for i in range(1, count):
        low, high = first[i], first[i + 1]
        straight = math.hypot(xy[i, 0] - xy[i - 1, 0], xy[i, 1] - xy[i - 1, 1])
        goals = np.empty(high - low, np.int64)
        for b in range(low, high):
            score[b] = -np.inf
            goals[b - low] = tail[edges[b]]
        for a in range(first[i - 1], low):
            limit = 2.0 * straight + 300.0
            many = _spread(
                first_out, head, length, head[edges[a]], limit, goals, dist, came, touched
            )
            for b in range(low, high):
                way, against, _ = _along(
                    edges[a], fractions[a], edges[b], fractions[b], tail, length, twins,
                    2 * sigma, dist,
                )  # fmt: skip
                if way == np.inf:
                    continue
                chance = score[a] - (abs(way - straight) + against) / _BETA_M
                if chance > score[b]:
                    score[b] = chance
                    before[b] = a
            for k in range(many):
                dist[touched[k]] = np.inf
        torn = True
        for b in range(low, high):
            torn = torn and score[b] == -np.inf
        for b in range(low, high):
            if torn:
                score[b] = 0.0
            score[b] -= 0.5 * (metres[b] / sigma) ** 2
    chosen = np.empty(count, np.int64)
    best = -1
    for i in range(count - 1, -1, -1):
        if best < 0:
            best = first[i]
            for c in range(first[i], first[i + 1]):
                if score[c] > score[best]:
                    best = c
        chosen[i] = best
        best = before[best]
    return chosen


@kernel
def driven(
    edges: Any,
    fractions: Any,
    xy: Any,
    first_out: Any,
    tail: Any,
    head: Any,
    length: Any,
    twins: Any,
    sigma: float,
) -> tuple[Any, Any, Any]:
    """(edges driven in order, where those of each step begin, metres of each step).

    `edges`, `fractions`: the place of each position. Where no way was found between two of them
    the metres of the step are NaN.
    """
    nodes = len(first_out) - 1
    dist = np.full(nodes, np.inf)
    came = np.empty(nodes, np.int64)
    touched = np.empty(nodes, np.int64)
    path = [np.int64(edges[0])]
    begins = np.zeros(len(edges), np.int64)
    far = np.zeros(len(edges))
    for i in range(1, len(edges)):
        begins[i] = len(path)
        a, b = edges[i - 1], edges[i]
        straight = math.hypot(xy[i, 0] - xy[i - 1, 0], xy[i, 1] - xy[i - 1, 1])
        many = _spread(
            first_out, head, length, head[a], 2.0 * straight + 300.0, tail[b : b + 1], dist, came,
            touched,
        )  # fmt: skip
        way, _, how = _along(
            a, fractions[i - 1], b, fractions[i], tail, length, twins, 2 * sigma, dist
        )
        far[i] = way if way < np.inf else np.nan
        if how == 0 and way < np.inf:
            back = [np.int64(0) for _ in range(0)]
            node = tail[b]
            while came[node] >= 0:
                back.append(came[node])
                node = tail[came[node]]
            for k in range(len(back) - 1, -1, -1):
                path.append(back[k])
        if how in (0, 3):
            path.append(np.int64(b))
        for k in range(many):
            dist[touched[k]] = np.inf
    return np.array(path), begins, far
