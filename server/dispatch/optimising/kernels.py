"""The loops of the local search, compiled by numba. Arrays as in model.Arrays.

`routes[c, :length[c]]` are the jobs of crew c in order, `done[c, k]` when the k-th is finished,
`cost[c]` what they cost, `place[j]` the crew of job j (-1: it waits). Only strict improvements are
taken and everything is tried in a fixed order, so the same input gives the same plan. `effort`
bounds the work by stops looked at, not by the clock, for the same reason. `a[16]` is the least gain
(weighted seconds) worth a change.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gis_data.compiled.jit import kernel

LATE = 3.0
TIE = 1.0  # weighted seconds for a promise missed: of two equal plans the one that keeps more
LEAST = 1e-6
NOWHERE = 1e11  # seconds: no street leads there


@kernel
def route_cost(c: int, route: Any, length: int, a: Any) -> float:
    """What a route costs; inf when it breaks a window or a shift."""
    (drive, between, detour, penalty, allowed, weight, work, due, earliest, latest, overtime,
     free, shift, before, switching, _horizon, _least) = a  # fmt: skip
    t = free[c]
    total = 0.0
    last = -1
    for k in range(length):
        j = route[k]
        if not allowed[c, j]:
            return np.inf
        way = drive[c, j] if last < 0 else between[last, j]
        arrive = max(t + way + detour[c, j], earliest[j])
        end = arrive + work[j]
        over = end - shift[c]
        if arrive > latest[j] or arrive >= shift[c] or over > overtime[j] or arrive >= NOWHERE:
            return np.inf
        s = arrive + penalty[c, j]
        if arrive > due[j]:
            s += LATE * (arrive - due[j]) + TIE
        if over > 0.0:
            s += over
        if before[j] >= 0 and before[j] != c:
            s += switching
        total += weight[j] * s
        last = j
        t = end
    return total


@kernel
def waiting_cost(j: int, a: Any) -> float:
    weight, due, before, switching, horizon = a[5], a[7], a[13], a[14], a[15]
    s = horizon
    if horizon > due[j]:
        s += LATE * (horizon - due[j]) + TIE
    # Taken from its crew and left: a change too, or the next plan would bring it back for nothing.
    if before[j] >= 0:
        s += switching
    cost: float = weight[j] * s
    return cost


@kernel
def _with(route: Any, length: int, job: int, at: int, out: Any) -> int:
    for k in range(at):
        out[k] = route[k]
    out[at] = job
    for k in range(at, length):
        out[k + 1] = route[k]
    return length + 1


@kernel
def _without(route: Any, length: int, at: int, out: Any) -> int:
    for k in range(at):
        out[k] = route[k]
    for k in range(at + 1, length):
        out[k - 1] = route[k]
    return length - 1


@kernel
def best_place(j: int, skip: int, routes: Any, length: Any, cost: Any, done: Any, a: Any,
               room: Any) -> Any:  # fmt: skip
    """(what it adds, crew, position, stops looked at) of the cheapest place for job j.

    A place that is dear already by when somebody could be there is not reckoned through.
    """
    drive, detour, penalty, allowed, weight, free = a[0], a[2], a[3], a[4], a[5][j], a[11]
    found, crew, at, looked = np.inf, -1, -1, 0
    for c in range(routes.shape[0]):
        n = length[c]
        if c == skip or not allowed[c, j] or n + 1 >= routes.shape[1]:
            continue
        for p in range(n + 1):
            soonest = free[c] + drive[c, j] if p == 0 else done[c, p - 1]
            looked += 1
            if weight * (soonest + detour[c, j] + penalty[c, j]) >= found:
                if p > 0:
                    break
                continue
            _with(routes[c], n, j, p, room)
            more = route_cost(c, room, n + 1, a) - cost[c]
            looked += n + 1
            if more < found - LEAST:
                found, crew, at = more, c, p
    return found, crew, at, looked


@kernel
def put(routes: Any, length: Any, cost: Any, done: Any, c: int, room: Any, n: int,
        a: Any) -> None:  # fmt: skip
    """Give crew c the first n jobs of `room`."""
    drive, between, detour, work, earliest, free = a[0], a[1], a[2], a[6], a[8], a[11]
    t, last = free[c], -1
    for k in range(n):
        j = room[k]
        routes[c, k] = j
        way = drive[c, j] if last < 0 else between[last, j]
        t = max(t + way + detour[c, j], earliest[j]) + work[j]
        done[c, k] = t
        last = j
    length[c] = n
    cost[c] = route_cost(c, routes[c], n, a)


@kernel
def greedy(routes: Any, length: Any, cost: Any, done: Any, place: Any, order: Any,
           a: Any) -> None:  # fmt: skip
    """In `order`, each job behind the last one of whoever is there soonest."""
    drive, between, detour, allowed, earliest, free = a[0], a[1], a[2], a[4], a[8], a[11]
    room = np.empty(routes.shape[1] + 2, dtype=np.int64)
    for j in order:
        best, crew = np.inf, -1
        for c in range(routes.shape[0]):
            n = length[c]
            if not allowed[c, j] or n + 1 >= routes.shape[1]:
                continue
            way = drive[c, j] if n == 0 else between[routes[c, n - 1], j]
            arrive = max((free[c] if n == 0 else done[c, n - 1]) + way + detour[c, j], earliest[j])
            if arrive < best:
                _with(routes[c], n, j, n, room)
                if route_cost(c, room, n + 1, a) < np.inf:
                    best, crew = arrive, c
        if crew >= 0:
            n = _with(routes[crew], length[crew], j, length[crew], room)
            put(routes, length, cost, done, crew, room, n, a)
            place[j] = crew


@kernel
def insert_waiting(
    routes: Any, length: Any, cost: Any, done: Any, place: Any, order: Any, a: Any
) -> int:
    """Put every job without a crew where it costs least, if that is cheaper than waiting."""
    room = np.empty(routes.shape[1] + 2, dtype=np.int64)
    looked = 0
    for j in order:
        if place[j] >= 0:
            continue
        more, c, p, n = best_place(j, -1, routes, length, cost, done, a, room)
        looked += n
        if c >= 0 and more < waiting_cost(j, a) - LEAST:
            k = _with(routes[c], length[c], j, p, room)
            put(routes, length, cost, done, c, room, k, a)
            place[j] = c
    return looked


@kernel
def _relocate(
    j: int, routes: Any, length: Any, cost: Any, done: Any, place: Any, a: Any, rooms: Any
) -> Any:
    c = place[j]
    n = length[c]
    at = 0
    while routes[c, at] != j:
        at += 1
    short = rooms[0]
    k = _without(routes[c], n, at, short)
    without = route_cost(c, short, k, a)
    gain = cost[c] - without
    looked = k
    # Within its own route first: nobody's crew changes by that.
    best, to, where = gain - a[16], -1, -1
    for p in range(k + 1):
        if p == at:
            continue
        _with(short, k, j, p, rooms[1])
        more = route_cost(c, rooms[1], n, a) - without
        looked += n
        if more < best - LEAST:
            best, to, where = more, c, p
    more, c2, p2, seen = best_place(j, c, routes, length, cost, done, a, rooms[1])
    looked += seen
    if more < best - LEAST:
        best, to, where = more, c2, p2
    if to < 0:
        return False, looked
    if to == c:
        m = _with(short, k, j, where, rooms[1])
        put(routes, length, cost, done, c, rooms[1], m, a)
    else:
        m = _with(routes[to], length[to], j, where, rooms[1])
        put(routes, length, cost, done, to, rooms[1], m, a)
        put(routes, length, cost, done, c, short, k, a)
        place[j] = to
    return True, looked


@kernel
def _swap(i: int, j: int, routes: Any, length: Any, cost: Any, done: Any, place: Any, a: Any,
          rooms: Any, where: Any) -> Any:  # fmt: skip
    """Let two jobs change places, between two crews."""
    c, d = place[i], place[j]
    allowed = a[4]
    if not (allowed[c, j] and allowed[d, i]):
        return False, 1
    x, y = rooms[0], rooms[1]
    for k in range(length[c]):
        x[k] = routes[c, k]
    for k in range(length[d]):
        y[k] = routes[d, k]
    x[where[i]], y[where[j]] = j, i
    first = route_cost(c, x, length[c], a)
    looked = length[c]
    if first >= cost[c] + cost[d]:
        return False, looked
    second = route_cost(d, y, length[d], a)
    looked += length[d]
    if first + second >= cost[c] + cost[d] - a[16]:
        return False, looked
    put(routes, length, cost, done, c, x, length[c], a)
    put(routes, length, cost, done, d, y, length[d], a)
    place[i], place[j] = d, c
    where[i], where[j] = where[j], where[i]
    return True, looked


@kernel
def _tails(c: int, d: int, routes: Any, length: Any, cost: Any, done: Any, place: Any, a: Any,
           rooms: Any) -> Any:  # fmt: skip
    """2-opt between crews: let them change what they do after some point."""
    looked = 0
    x, y = rooms[0], rooms[1]
    for p in range(length[c] + 1):
        for q in range(length[d] + 1):
            n = p + length[d] - q
            m = q + length[c] - p
            if (p == length[c] and q == length[d]) or max(n, m) >= routes.shape[1] - 1:
                continue
            if p == 0 and q == 0 and (length[c] == 0 or length[d] == 0):
                continue
            for k in range(p):
                x[k] = routes[c, k]
            for k in range(q, length[d]):
                x[p + k - q] = routes[d, k]
            for k in range(q):
                y[k] = routes[d, k]
            for k in range(p, length[c]):
                y[q + k - p] = routes[c, k]
            first = route_cost(c, x, n, a)
            looked += n
            if first >= cost[c] + cost[d]:
                continue
            second = route_cost(d, y, m, a)
            looked += m
            if first + second < cost[c] + cost[d] - a[16]:
                put(routes, length, cost, done, c, x, n, a)
                put(routes, length, cost, done, d, y, m, a)
                for k in range(n):
                    place[x[k]] = c
                for k in range(m):
                    place[y[k]] = d
                return True, looked
    return False, looked


@kernel
def _instead(u: int, order: Any, routes: Any, length: Any, cost: Any, done: Any, place: Any, a: Any,
             rooms: Any) -> Any:  # fmt: skip
    """Do a waiting job in place of one that then waits, where that is cheaper on the whole."""
    allowed = a[4]
    mine = waiting_cost(u, a)
    best, crew, at, looked = -a[16], -1, -1, 0
    for c in range(routes.shape[0]):
        if not allowed[c, u]:
            continue
        n = length[c]
        for p in range(n):
            theirs = waiting_cost(routes[c, p], a)
            if theirs >= mine + cost[c]:
                continue
            k = _without(routes[c], n, p, rooms[0])
            for q in range(k + 1):
                _with(rooms[0], k, u, q, rooms[1])
                change = route_cost(c, rooms[1], n, a) - cost[c] + theirs - mine
                looked += n
                if change < best - LEAST:
                    best, crew, at = change, c, p * 1024 + q
    if crew < 0:
        return False, looked
    p, q = at // 1024, at % 1024
    out = routes[crew, p]
    n = length[crew]
    k = _without(routes[crew], n, p, rooms[0])
    _with(rooms[0], k, u, q, rooms[1])
    put(routes, length, cost, done, crew, rooms[1], n, a)
    place[u], place[out] = crew, -1
    return True, looked


@kernel
def improve(routes: Any, length: Any, cost: Any, done: Any, place: Any, order: Any, a: Any,
            effort: int) -> int:  # fmt: skip
    """Search until nothing helps or `effort` stops were looked at; the stops looked at."""
    n = routes.shape[0]
    rooms = np.empty((2, routes.shape[1] + 2), dtype=np.int64)
    where = np.zeros(place.shape[0], dtype=np.int64)
    looked: int = 0
    moved = True
    while moved and looked < effort:
        moved = False
        looked += insert_waiting(routes, length, cost, done, place, order, a)
        for j in order:
            if looked >= effort:
                return looked
            if place[j] >= 0:
                better, seen = _relocate(j, routes, length, cost, done, place, a, rooms)
            else:
                better, seen = _instead(j, order, routes, length, cost, done, place, a, rooms)
            looked += seen
            moved = moved or better
        for c in range(n):
            for k in range(length[c]):
                where[routes[c, k]] = k
        for x in range(order.shape[0]):
            i = order[x]
            if looked >= effort:
                return looked
            for y in range(x + 1, order.shape[0]):
                j = order[y]
                if place[i] < 0 or place[j] < 0 or place[i] == place[j]:
                    continue
                better, seen = _swap(i, j, routes, length, cost, done, place, a, rooms, where)
                looked += seen
                moved = moved or better
        for c in range(n):
            if looked >= effort:
                return looked
            for d in range(c + 1, n):
                if length[c] + length[d] < 3:
                    continue
                better, seen = _tails(c, d, routes, length, cost, done, place, a, rooms)
                looked += seen
                moved = moved or better
    return looked
