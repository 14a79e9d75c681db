"""An edit of the columns: what was added, changed or taken out, without reading the rest again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gis_data.compiled.columns import NetworkArrays, Tables, names, rows_of
from gis_data.model import NetworkError


@dataclass(frozen=True)
class Changes:
    """What an edit did. `put`: rows added or changed, whole, in the form of `from_tables`.

    `removed`: table -> ids. A thing of the same id in another table is another thing.
    """

    put: Tables = field(default_factory=dict)
    removed: Mapping[str, Collection[str]] = field(default_factory=dict)


def edited(net: NetworkArrays, changes: Changes) -> NetworkArrays:
    """The network after the edit, as if read anew: changed rows keep their place, new ones follow.

    What referred to something taken out refers to nothing from then on; if that is put back in a
    later edit, so must be what referred to it. Errors: NetworkError for a link without its node.
    """
    # The edit by itself, as columns of its own: texts become codes, lines become metres.
    put = _as_columns(changes.put, net.crs_measure)
    gone = {t: names(list(ids)) for t, ids in changes.removed.items()}
    node = _Merge(net.node_id, net.node_sorted, put.node_id, gone.get("nodes"))
    link = _Merge(
        net.link_id, net.link_sorted, put.link_id, gone.get("pipes"), gone.get("controls"),
        split=(net.pipes, put.pipes),
    )  # fmt: skip
    valve = _Merge(net.valve_id, net.valve_sorted, put.valve_id, gone.get("valves"))
    hydrant = _Merge(net.hydrant_id, net.hydrant_sorted, put.hydrant_id, gone.get("hydrants"))
    service = _Merge(net.service_id, net.service_sorted, put.service_id, gone.get("services"))
    station = _Merge(net.station_id, net.station_sorted, put.station_id, gone.get("stations"))
    premise = _Merge(net.premise_id, net.premise_sorted, put.premise_id)
    streets, street_of = _streets(net, put)
    pipe = _PipeMerge(link, net.pipes, put.pipes)
    refer = _References(changes.put)
    line_xy, line_starts = _lines(net, put, pipe)
    start = link.refer(net.link_start, node, refer("start", node, "pipes", "controls"))
    end = link.refer(net.link_end, node, refer("end", node, "pipes", "controls"))
    for at in (start, end):
        if len(at) and at.min() < 0:
            loose = int(np.argmin(at))
            raise NetworkError(
                "pipes" if loose < pipe.count else "controls",
                f"{link.ids[loose].decode()} leads to a node the network does not have",
            )
    return NetworkArrays(
        name=net.name, crs_measure=net.crs_measure,
        node_id=node.ids, node_sorted=node.order, node_kind=node.take(net.node_kind, put.node_kind),
        link_id=link.ids, link_sorted=link.order, link_start=start, link_end=end,
        link_one_way=link.take(net.link_one_way, put.link_one_way),
        link_shut=link.take(net.link_shut, put.link_shut),
        pipe_length_m=pipe.take(net.pipe_length_m, put.pipe_length_m),
        pipe_snaps=pipe.take(net.pipe_snaps, put.pipe_snaps),
        pipe_street=pipe.take(net.pipe_street, street_of), street_name=streets,
        line_xy=line_xy, line_starts=line_starts,
        valve_id=valve.ids, valve_sorted=valve.order,
        valve_link=valve.refer(net.valve_link, link, refer("pipe", link, "valves")),
        valve_node=valve.refer(net.valve_node, node, refer("node", node, "valves")),
        valve_open=valve.take(net.valve_open, put.valve_open),
        valve_operable=valve.take(net.valve_operable, put.valve_operable),
        valve_access=valve.take(net.valve_access, put.valve_access),
        hydrant_id=hydrant.ids, hydrant_sorted=hydrant.order,
        hydrant_node=hydrant.refer(net.hydrant_node, node, refer("node", node, "hydrants")),
        service_id=service.ids, service_sorted=service.order,
        service_link=service.refer(net.service_link, link, refer("pipe", link, "services")),
        service_premise=service.refer(
            net.service_premise, premise, refer("premise", premise, "services")
        ),
        service_station=service.refer(
            net.service_station, station, refer("station", station, "services")
        ),
        station_id=station.ids, station_sorted=station.order,
        station_service=station.refer(
            net.station_service, service, refer("service", service, "stations")
        ),
        station_hours=station.take(net.station_hours, put.station_hours),
        premise_id=premise.ids, premise_sorted=premise.order,
    ).frozen()  # fmt: skip


class _Merge:
    """Where the rows of a table go: `to` maps old rows to new ones (-1 if gone, and -1 to -1).

    Pipes and controls share one numbering: of such a table `split` says how many old rows and how
    many of the edit's belong to the first part, and `gone` names those taken out of each.
    """

    def __init__(
        self,
        ids: Any,
        order: Any,
        put_ids: Any,
        *gone: Any | None,
        split: tuple[int, int] | None = None,
    ) -> None:
        old_first, put_first = (len(ids), len(put_ids)) if split is None else split
        keep = np.ones(len(ids), bool)
        for part, names_gone in enumerate(gone):
            if names_gone is not None:
                found = rows_of(names_gone, ids, order)
                keep[found[(found >= 0) & ((found < old_first) == (part == 0))]] = False
        there = rows_of(put_ids, ids, order)
        first = np.arange(len(put_ids)) < put_first
        known = (there >= 0) & ((there < old_first) == first)
        fresh = ~(known & keep[there]) if len(ids) else np.ones(len(put_ids), bool)
        self.kept = np.flatnonzero(keep)
        kept_first, new_first = int(keep[:old_first].sum()), int((fresh & first).sum())
        place = np.cumsum(keep) - 1
        place[old_first:] += new_first
        self.to = np.append(np.where(keep, place, -1), -1).astype(np.int32)
        at_first = kept_first - 1 + np.cumsum(fresh & first)
        at_last = len(self.kept) + new_first - 1 + np.cumsum(fresh & ~first)
        self.put = np.where(fresh, np.where(first, at_first, at_last), self.to[there])
        self.put = self.put.astype(np.int32)
        self.first = kept_first + new_first
        self.count = len(self.kept) + int(fresh.sum())
        self.ids = self.take(ids, put_ids)
        # The order of the old is known; only the new have to find their places in it.
        ordered = self.to[order[keep[order]]] if len(order) else order
        new = self.put[fresh]
        new = new[np.argsort(self.ids[new], kind="stable")]
        at = np.searchsorted(self.ids[ordered], self.ids[new], side="right") if len(new) else []
        self.order = np.insert(ordered, at, new).astype(np.int32)

    def take(self, old: Any, put: Any) -> Any:
        """A column of the table: the old values where they went, the edit's over them."""
        whole = np.empty(self.count, np.promote_types(old.dtype, put.dtype))
        whole[self.to[self.kept]] = old[self.kept]
        whole[self.put] = put
        return whole

    def refer(self, old: Any, other: _Merge, put: Any) -> Any:
        """A column of references to another table."""
        return self.take(other.to[old], put)


class _PipeMerge:
    """The pipes' part of the links, for the columns that only pipes have."""

    def __init__(self, link: _Merge, old: int, put: int) -> None:
        self.count = link.first
        self.kept = link.kept[link.kept < old]
        self.to = link.to[self.kept]
        self.put = link.put[:put]

    def take(self, old: Any, put: Any) -> Any:
        whole = np.empty(self.count, np.promote_types(old.dtype, put.dtype))
        whole[self.to] = old[self.kept]
        whole[self.put] = put
        return whole


class _References:
    """The edit's references, looked up among the ids as they are after it."""

    def __init__(self, put: Tables) -> None:
        self._put = put

    def __call__(self, column: str, of: _Merge, *tables: str) -> Any:
        found = [
            rows_of(names(self._put[t].get(column, [b""] * len(self._put[t]["id"]))),
                    of.ids, of.order)
            for t in tables if t in self._put
        ]
        return np.concatenate(found) if found else np.zeros(0, np.int32)


def _as_columns(put: Tables, crs: int) -> NetworkArrays:
    """The edit by itself, with stand-ins for the nodes that its links refer to."""
    ends = [
        names(put[t][end]) for t in ("pipes", "controls") if t in put for end in ("start", "end")
    ]
    found = np.unique(np.concatenate(ends)) if ends else np.zeros(0, "S1")
    stand_ins = {"id": found, "kind": np.full(len(found), b"junction")}
    whole = NetworkArrays.from_tables({**put, "nodes": stand_ins}, name="", crs_measure=crs)
    own = NetworkArrays.from_tables(
        {"nodes": put["nodes"]} if "nodes" in put else {}, name="", crs_measure=crs
    )
    return replace(
        whole, node_id=own.node_id, node_sorted=own.node_sorted, node_kind=own.node_kind
    )


def _streets(net: NetworkArrays, put: NetworkArrays) -> tuple[Any, Any]:
    """(names of all streets, street of each pipe of the edit)."""
    known = {name: k for k, name in enumerate(net.street_name.tolist())}
    code = [known.setdefault(name, len(known)) for name in put.street_name.tolist()]
    return np.array(list(known), "S") if known else net.street_name, np.array(code, np.int32)[
        put.pipe_street
    ]


def _lines(net: NetworkArrays, put: NetworkArrays, pipe: _PipeMerge) -> tuple[Any, Any]:
    lengths = pipe.take(np.diff(net.line_starts), np.diff(put.line_starts))
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    # Where each pipe's vertices lie: in the old coordinates, or behind them in those of the edit.
    first = pipe.take(net.line_starts[:-1], put.line_starts[:-1] + len(net.line_xy))
    flat = np.arange(starts[-1]) + np.repeat(first - starts[:-1], lengths)
    if len(put.line_xy) == 0 and not len(flat):
        return net.line_xy[:0], starts
    return np.concatenate([net.line_xy, put.line_xy])[flat], starts
