"""A grid over the mains: which are nearest to a point, exactly, ring by ring."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gis_data.compiled.columns import NetworkArrays, freeze
from gis_data.compiled.jit import kernel

_MIN_STEP_M = 25.0


@dataclass(frozen=True, eq=False)
class Grid:
    """Squares of `box[2]` metres from (box[0], box[1]), `box[3]` by `box[4]` of them.

    A *piece* is the straight between vertex k and k + 1 of `line_xy`; square s holds
    pieces[starts[s]:starts[s + 1]]. `bounds`: west, south, east, north in metres, NaN if empty.
    """

    box: Any
    bounds: Any
    starts: Any
    pieces: Any
    pipe_of: Any
    rank: Any

    @classmethod
    def of(cls, net: NetworkArrays) -> Grid:
        """The pieces of the distribution mains, sorted into squares."""
        vertices = np.diff(net.line_starts)
        pipe_of = np.repeat(np.arange(net.pipes, dtype=np.int32), vertices)
        used = net.pipe_snaps[pipe_of] if net.pipes else np.zeros(0, bool)
        rank = np.empty(net.links, np.int32)
        rank[net.link_sorted] = np.arange(net.links, dtype=np.int32)
        xy = net.line_xy[used]
        if not len(xy):
            nothing = freeze(np.zeros(0, np.int32))
            return cls(freeze(np.array([0.0, 0.0, 1.0, 0.0, 0.0])), freeze(np.full(4, np.nan)),
                       freeze(np.zeros(1, np.int32)), nothing, freeze(pipe_of), freeze(rank))
        west, south = xy.min(axis=0)
        east, north = xy.max(axis=0)
        # About two squares to a piece, so that even a long thin city has small ones.
        step = max(_MIN_STEP_M, math.sqrt((east - west) * (north - south) / (2 * len(xy))))
        step = max(step, (east - west + north - south) / (2 * len(xy)))
        box = freeze(np.array([
            west, south, step, (east - west) // step + 1, (north - south) // step + 1
        ]))  # fmt: skip
        starts, pieces = _sorted_in(box, net.line_xy, pipe_of, freeze(used))
        return cls(box, freeze(np.array([west, south, east, north])), freeze(starts),
                   freeze(pieces), freeze(pipe_of), freeze(rank))


@kernel
def _sorted_in(box: Any, xy: Any, pipe_of: Any, used: Any) -> tuple[Any, Any]:
    wide, high = int(box[3]), int(box[4])
    starts = np.zeros(wide * high + 1, np.int32)
    for again in range(2):
        if again:
            for k in range(wide * high):
                starts[k + 1] += starts[k]
            at = starts.copy()
            pieces = np.empty(starts[wide * high], np.int32)
        for k in range(len(xy) - 1):
            if not used[k] or pipe_of[k] != pipe_of[k + 1]:
                continue
            left = int((min(xy[k, 0], xy[k + 1, 0]) - box[0]) / box[2])
            right = int((max(xy[k, 0], xy[k + 1, 0]) - box[0]) / box[2])
            low = int((min(xy[k, 1], xy[k + 1, 1]) - box[1]) / box[2])
            top = int((max(xy[k, 1], xy[k + 1, 1]) - box[1]) / box[2])
            for j in range(low, min(top, high - 1) + 1):
                for i in range(left, min(right, wide - 1) + 1):
                    square = j * wide + i
                    if again:
                        pieces[at[square]] = k
                        at[square] += 1
                    else:
                        starts[square + 1] += 1
    return starts, pieces


@kernel
def _foot(x: float, y: float, xy: Any, k: int) -> tuple[float, float]:
    """(distance of the point from piece k, how far along the piece the foot is, 0..1)."""
    dx, dy = xy[k + 1, 0] - xy[k, 0], xy[k + 1, 1] - xy[k, 1]
    squared = dx * dx + dy * dy
    t = 0.0
    if squared > 0:
        t = min(1.0, max(0.0, ((x - xy[k, 0]) * dx + (y - xy[k, 1]) * dy) / squared))
    return math.hypot(x - xy[k, 0] - t * dx, y - xy[k, 1] - t * dy), t


@kernel
def _whole_pipe(
    x: float, y: float, xy: Any, first: int, last: int
) -> tuple[float, float, float, float, float]:
    """(distance, metres to the foot, length, foot) of the pipe with vertices first..last - 1."""
    best, along, length = math.inf, 0.0, 0.0
    foot_x, foot_y = xy[first, 0], xy[first, 1]
    for k in range(first, last - 1):
        metres = math.hypot(xy[k + 1, 0] - xy[k, 0], xy[k + 1, 1] - xy[k, 1])
        far, t = _foot(x, y, xy, k)
        if far < best:
            best, along = far, length + t * metres
            foot_x = xy[k, 0] + t * (xy[k + 1, 0] - xy[k, 0])
            foot_y = xy[k, 1] + t * (xy[k + 1, 1] - xy[k, 1])
        length += metres
    return best, along, length, foot_x, foot_y


@kernel
def nearest_pipes(
    x: float, y: float, radius: float, keep: int, served: int, streets: Any, any_street: bool,
    pipe_street: Any, box: Any, starts: Any, pieces: Any, pipe_of: Any, rank: Any, xy: Any,
    line_starts: Any,
) -> tuple[Any, Any, Any, Any, Any]:
    """The best `keep` pipes within `radius`: (pipe, standing, distance, measure 0..1, foot).

    Standing 0 is the pipe `served`, 1 a pipe in one of `streets` (a flag for each street), 2 any.
    Order: standing, distance to a tenth of a millimetre, place in the order of ids. The rings of
    squares around the point are searched until nothing outside them can come in.
    """
    pipes = np.empty(keep + 1, np.int32)
    keys = np.empty((keep + 1, 3), np.int64)
    count = 0
    if served >= 0:
        far, _, _, _, _ = _whole_pipe(x, y, xy, line_starts[served], line_starts[served + 1])
        if far <= radius:
            pipes[0] = served
            keys[0, 0], keys[0, 1], keys[0, 2] = 0, round(far * 1e4), rank[served]
            count = 1
    wide, high, step = int(box[3]), int(box[4]), box[2]
    i0, j0 = math.floor((x - box[0]) / step), math.floor((y - box[1]) / step)
    # Outside the grid begin with the first ring that touches it.
    ring = max(0, -i0, -j0, i0 - wide + 1, j0 - high + 1)
    edge = min(x - box[0] - i0 * step, (i0 + 1) * step + box[0] - x,
               y - box[1] - j0 * step, (j0 + 1) * step + box[1] - y)
    last = max(i0, j0, wide - 1 - i0, high - 1 - j0)
    while ring <= last:
        within = (ring - 1) * step + edge
        if ring > 0 and within > radius:
            break
        if count == keep and not any_street and within * 1e4 > keys[keep - 1, 1] + 1:
            break
        for j in range(max(0, j0 - ring), min(high - 1, j0 + ring) + 1):
            rim = j == j0 - ring or j == j0 + ring
            stride = 1 if rim or ring == 0 else 2 * ring
            for i in range(i0 - ring, i0 + ring + 1, stride):
                if i < 0 or i >= wide:
                    continue
                square = j * wide + i
                for p in range(starts[square], starts[square + 1]):
                    k = pieces[p]
                    pipe = pipe_of[k]
                    if pipe == served:
                        continue
                    far, _ = _foot(x, y, xy, k)
                    if far > radius:
                        continue
                    of_street = any_street and streets[pipe_street[pipe]]
                    key = (1 if of_street else 2, round(far * 1e4), rank[pipe])
                    count = _ranked_in(pipes, keys, count, keep, pipe, key)
        ring += 1
    standing = np.empty(count, np.int8)
    distance = np.empty(count)
    measure = np.empty(count)
    feet = np.empty((count, 2))
    for n in range(count):
        first, end = line_starts[pipes[n]], line_starts[pipes[n] + 1]
        distance[n], along, length, feet[n, 0], feet[n, 1] = _whole_pipe(x, y, xy, first, end)
        measure[n] = along / length if length > 0 else 0.0
        standing[n] = keys[n, 0]
    return pipes[:count].copy(), standing, distance, measure, feet


@kernel
def _ranked_in(pipes: Any, keys: Any, count: int, keep: int, pipe: int, key: Any) -> int:
    """Put a pipe in its place among the best, once; returns how many there are then."""
    at = count
    for n in range(count):
        if pipes[n] == pipe:
            # Seen before, by a piece at least as near.
            if keys[n, 1] <= key[1]:
                return count
            at = n
            break
    if at == count:
        if count == keep:
            worst = keep - 1
            if (keys[worst, 0], keys[worst, 1], keys[worst, 2]) <= (key[0], key[1], key[2]):
                return count
            at = worst
        else:
            count += 1
    while at > 0 and (keys[at - 1, 0], keys[at - 1, 1], keys[at - 1, 2]) > (key[0], key[1], key[2]):
        pipes[at] = pipes[at - 1]
        keys[at, 0], keys[at, 1], keys[at, 2] = keys[at - 1, 0], keys[at - 1, 1], keys[at - 1, 2]
        at -= 1
    pipes[at] = pipe
    keys[at, 0], keys[at, 1], keys[at, 2] = key[0], key[1], key[2]
    return count
