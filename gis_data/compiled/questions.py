"""The loops that answer one question: growing, borders, premises. See `kernels` for the forms."""

from __future__ import annotations

from typing import Any

import numpy as np

from gis_data.compiled.jit import kernel


@kernel
def grown(
    seeds: Any, side_starts: Any, side_rows: Any, end_node: Any, end_valve: Any, link_shut: Any,
    segment: Any, nodes: int, shut: Any, stuck: Any,
) -> tuple[Any, Any]:
    """(`seeds` and all segments behind valves that stand open and cannot turn, those valves)."""
    links = len(link_shut)
    inside = np.zeros(len(side_starts) - 1, np.bool_)
    found = np.empty(len(side_starts) - 1, np.int32)
    through = np.empty(len(side_rows), np.int32)
    count = met = 0
    for s in seeds:
        if not inside[s]:
            inside[s] = True
            found[count] = s
            count += 1
    at = 0
    while at < count:
        here = found[at]
        at += 1
        for j in range(side_starts[here], side_starts[here + 1]):
            row = side_rows[j]
            valve = end_valve[row]
            if not stuck[valve] or shut[valve]:
                continue
            link = row if row < links else row - links
            a, b = segment[end_node[row]], segment[nodes + link]
            # A valve on a shut pipe matters to that pipe alone.
            if link_shut[link] and here != b:
                continue
            if a != b:
                through[met] = valve
                met += 1
            for other in (a, b):
                if not inside[other]:
                    inside[other] = True
                    found[count] = other
                    count += 1
    return np.sort(found[:count]), np.unique(through[:met])


@kernel
def border(
    segments: Any, side_starts: Any, side_rows: Any, end_node: Any, link_shut: Any, segment: Any,
    nodes: int,
) -> tuple[Any, Any]:
    """(valved link ends with exactly one side in `segments`, whether the link is that side)."""
    links = len(link_shut)
    inside = np.zeros(len(side_starts) - 1, np.bool_)
    most = 0
    for s in segments:
        inside[s] = True
        most += side_starts[s + 1] - side_starts[s]
    rows = np.empty(most, np.int32)
    count = 0
    for s in segments:
        for j in range(side_starts[s], side_starts[s + 1]):
            row = side_rows[j]
            link = row if row < links else row - links
            a, b = inside[segment[end_node[row]]], inside[segment[nodes + link]]
            if a != b and (b or not link_shut[link]):
                rows[count] = row
                count += 1
    found = np.sort(rows[:count])
    of_link = np.empty(count, np.bool_)
    for k in range(count):
        link = found[k] if found[k] < links else found[k] - links
        of_link[k] = inside[segment[nodes + link]]
    return found, of_link


@kernel
def gathered(groups: Any, starts: Any, items: Any) -> Any:
    """The items of several groups, in ascending order."""
    count = 0
    for g in groups:
        count += starts[g + 1] - starts[g]
    found = np.empty(count, np.int32)
    at = 0
    for g in groups:
        for j in range(starts[g], starts[g + 1]):
            found[at] = items[j]
            at += 1
    found.sort()
    return found


@kernel
def affected(
    dry_links: Any, feed_starts: Any, feed_rows: Any, service_feed: Any, service_premise: Any,
    service_hours: Any, line_starts: Any, line_rows: Any, link_cell: Any, order: Any, state: Any,
) -> tuple[Any, Any]:
    """(premises with a line from `dry_links` and none with water, hours each has left or 0).

    A link has water when its cell was reached (`order` >= 0) and is neither lost nor blocked
    (`state`, see `without_supply`). A premise with two dry lines may come twice.
    """
    most = 0
    for link in dry_links:
        most += feed_starts[link + 1] - feed_starts[link]
    found = np.empty(most, np.int32)
    hours = np.empty(most, np.float64)
    count = 0
    for link in dry_links:
        for j in range(feed_starts[link], feed_starts[link + 1]):
            premise = service_premise[feed_rows[j]]
            left = 0.0
            fed = False
            for i in range(line_starts[premise], line_starts[premise + 1]):
                line = line_rows[i]
                if service_feed[line] >= 0:
                    cell = link_cell[service_feed[line]]
                    if order[cell] >= 0 and state[cell] != 1 and state[cell] != 2:
                        fed = True
                        break
                left = max(left, service_hours[line])
            if not fed:
                found[count], hours[count] = premise, left
                count += 1
    return found[:count], hours[:count]
