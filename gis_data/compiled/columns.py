"""A network as columns: rows instead of objects, numbers instead of names.

Half a million pipes as dataclasses take minutes to read and gigabytes to hold; as columns they
take seconds and can lie in files that all processes map. Every array is read-only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import shapely

from gis_data.crs import project_array
from gis_data.model import ONE_WAY_CONTROLS, Network, NetworkError

KINDS = ("junction", "tank", "reservoir")
OPERABLE = ("yes", "no", "unknown")
#: Table -> column -> array, as `gis_data.bench_city.Tables`.
Tables = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class NetworkArrays:
    """The network of one version. Rows are numbered by table; -1 stands for "none".

    Ids are bytes (UTF-8); `*_sorted` are the rows in the order of their ids. Links are the pipes,
    then the controls. `line_xy[line_starts[k]:line_starts[k + 1]]` is pipe k in metres of
    `crs_measure`. `service_hours`: how long the tank of its station lasts, 0 without one;
    `service_feed`: the link the water comes from, for a customer of a station that of the station.
    """

    name: str
    crs_measure: int
    node_id: Any
    node_sorted: Any
    node_kind: Any
    link_id: Any
    link_sorted: Any
    link_start: Any
    link_end: Any
    link_one_way: Any
    link_shut: Any
    pipe_length_m: Any
    pipe_snaps: Any
    pipe_street: Any
    street_name: Any
    line_xy: Any
    line_starts: Any
    valve_id: Any
    valve_sorted: Any
    valve_link: Any
    valve_node: Any
    valve_open: Any
    valve_operable: Any
    valve_access: Any
    hydrant_id: Any
    hydrant_sorted: Any
    hydrant_node: Any
    service_id: Any
    service_sorted: Any
    service_link: Any
    service_premise: Any
    service_station: Any
    station_id: Any
    station_sorted: Any
    station_service: Any
    station_hours: Any
    premise_id: Any
    premise_sorted: Any

    @property
    def nodes(self) -> int:
        return len(self.node_id)

    @property
    def pipes(self) -> int:
        return len(self.pipe_length_m)

    @property
    def links(self) -> int:
        return len(self.link_id)

    @classmethod
    def from_network(cls, network: Network) -> NetworkArrays:
        """The columns of a network held as values. Errors: NetworkError for a loose end."""
        return cls.from_tables(
            tables_of(network), name=network.name, crs_measure=network.crs_measure
        )

    @classmethod
    def from_tables(cls, tables: Tables, *, name: str, crs_measure: int) -> NetworkArrays:
        """From columns whose references are ids. A table or optional column may be missing.

        Optional: a pipe's one_way, closed, role, street and lines; a valve's normally_open,
        operable, accessible (-1, 0, 1); a service's station. Errors: NetworkError (`pipes`,
        `controls`) for a link whose node is missing.
        """
        node, pipe, control = (_table(tables, t) for t in ("nodes", "pipes", "controls"))
        valve, hydrant = _table(tables, "valves"), _table(tables, "hydrants")
        service, station = _table(tables, "services"), _table(tables, "stations")
        node_id = names(node["id"])
        node_sorted = order_of(node_id)
        link_id = joined(names(pipe["id"]), names(control["id"]))
        link_sorted = order_of(link_id)
        ends = []
        for end in ("start", "end"):
            at = rows_of(joined(names(pipe[end]), names(control[end])), node_id, node_sorted)
            if len(at) and at.min() < 0:
                loose = int(np.argmin(at))
                raise NetworkError(
                    "pipes" if loose < len(pipe["id"]) else "controls",
                    f"{link_id[loose].decode()} leads to a node the network does not have",
                )
            ends.append(at)
        pipes, controls = len(pipe["id"]), len(control["id"])
        streets, street_of = np.unique(names(pipe.get("street", [b""] * pipes)),
                                       return_inverse=True)
        role = names(pipe.get("role", np.full(pipes, b"distribution")))
        starts = np.asarray(pipe.get("offsets", np.zeros(pipes + 1)), np.int64)
        coords = np.asarray(pipe.get("coords", np.zeros((0, 2))), float).reshape(-1, 2)
        control_kinds = np.array([k.encode() for k in sorted(ONE_WAY_CONTROLS)])
        premise_id, premise_of = np.unique(names(service["premise"]), return_inverse=True)
        service_id, station_id = names(service["id"]), names(station["id"])
        service_sorted, station_sorted = order_of(service_id), order_of(station_id)
        hydrant_id, valve_id = names(hydrant["id"]), names(valve["id"])
        valves = len(valve_id)
        tank, demand = (np.asarray(station[k], float) for k in ("tank_m3", "demand_m3h"))
        return cls(
            name=name, crs_measure=crs_measure,
            node_id=node_id, node_sorted=node_sorted, node_kind=_coded(node["kind"], KINDS),
            link_id=link_id, link_sorted=link_sorted, link_start=ends[0], link_end=ends[1],
            link_one_way=np.concatenate([
                _flags(pipe.get("one_way"), pipes, False),
                np.isin(names(control["kind"]), control_kinds),
            ]),
            link_shut=np.concatenate([
                _flags(pipe.get("closed"), pipes, False),
                _flags(control.get("closed"), controls, False),
            ]),
            pipe_length_m=np.asarray(pipe["length_m"], float),
            pipe_snaps=(role == b"distribution") & (np.diff(starts) > 1),
            pipe_street=street_of.astype(np.int32), street_name=streets,
            line_xy=project_array(coords, crs_measure) if len(coords) else coords,
            line_starts=starts,
            valve_id=valve_id, valve_sorted=order_of(valve_id),
            valve_link=rows_of(names(valve["pipe"]), link_id, link_sorted),
            valve_node=rows_of(names(valve["node"]), node_id, node_sorted),
            valve_open=_flags(valve.get("normally_open"), valves, True),
            valve_operable=_coded(valve.get("operable", [b"yes"] * valves), OPERABLE),
            valve_access=np.asarray(valve.get("accessible", [-1] * valves), np.int8),
            hydrant_id=hydrant_id, hydrant_sorted=order_of(hydrant_id),
            hydrant_node=rows_of(names(hydrant["node"]), node_id, node_sorted),
            service_id=service_id, service_sorted=service_sorted,
            service_link=rows_of(names(service["pipe"]), link_id, link_sorted),
            service_premise=premise_of.astype(np.int32),
            service_station=rows_of(
                names(service.get("station", [b""] * len(service_id))), station_id, station_sorted
            ),
            station_id=station_id, station_sorted=station_sorted,
            station_service=rows_of(names(station["service"]), service_id, service_sorted),
            station_hours=np.divide(tank, demand, out=np.zeros(len(tank)), where=demand > 0),
            premise_id=premise_id, premise_sorted=np.arange(len(premise_id), dtype=np.int32),
        ).frozen()  # fmt: skip

    def frozen(self) -> NetworkArrays:
        """Itself, with every array contiguous and read-only, as one mapped from a file is."""
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                object.__setattr__(self, f.name, freeze(value))
        return self

    def row(self, table: str, name: str) -> int:
        """Row of an id in "node", "link", "valve", "hydrant", "service", "premise", "station".

        -1 for an id the table does not have. Of two rows of one id the last.
        """
        ids, order = getattr(self, table + "_id"), getattr(self, table + "_sorted")
        key = name.encode("utf-8", "surrogatepass")
        if len(key) > ids.dtype.itemsize or key.endswith(b"\0"):
            return -1
        # numpy's own search compares texts ten times slower than this loop.
        low, high = 0, len(ids)
        while low < high:
            middle = (low + high) // 2
            if ids[order[middle]] <= key:
                low = middle + 1
            else:
                high = middle
        return int(order[low - 1]) if low and ids[order[low - 1]] == key else -1

    def names(self, table: str, rows: Any) -> tuple[str, ...]:
        """Ids of rows of a table, as text."""
        found: list[bytes] = getattr(self, table + "_id")[rows].tolist()
        return tuple([name.decode() for name in found])


def freeze(array: Any) -> Any:
    """The array, contiguous and read-only."""
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array


def names(texts: Any) -> Any:
    """Texts (str or bytes) as an array of bytes."""
    array = np.asarray(texts)
    if array.dtype.kind == "S":
        return array
    if not len(array):
        return np.zeros(0, "S1")
    return np.array([t.encode("utf-8", "surrogatepass") for t in array.tolist()], "S")


def joined(first: Any, second: Any) -> Any:
    return np.concatenate([first, second]) if len(second) else first


def order_of(ids: Any) -> Any:
    """Rows in the order of their ids; rows of one id keep theirs."""
    # Ids are mostly in order as they come: an array known to be sorted need not be sorted.
    if len(ids) < 2 or bool((ids[:-1] <= ids[1:]).all()):
        return np.arange(len(ids), dtype=np.int32)
    return np.argsort(ids, kind="stable").astype(np.int32)


def rows_of(wanted: Any, ids: Any, order: Any) -> Any:
    """Row of each wanted id, -1 where there is none."""
    if not len(ids) or not len(wanted):
        return np.full(len(wanted), -1, np.int32)
    # Neighbours in a table mostly refer to the same few: look each of a run up once.
    changes = np.concatenate([[True], wanted[1:] != wanted[:-1]])
    few = wanted[changes]
    sorted_ids = ids[order]
    at = np.searchsorted(sorted_ids, few, side="right") - 1
    found = np.where((at >= 0) & (sorted_ids[at] == few), order[at], -1)
    return found[np.cumsum(changes) - 1].astype(np.int32)


def _flags(values: Any, count: int, default: bool) -> Any:
    return np.full(count, default) if values is None else np.asarray(values, bool)


def _coded(values: Any, words: tuple[str, ...]) -> Any:
    texts = names(values)
    coded = np.zeros(len(texts), np.int8)
    for code, word in enumerate(words):
        coded[texts == word.encode()] = code
    return coded


_EMPTY: Mapping[str, tuple[str, ...]] = {
    "nodes": ("id", "kind"),
    "pipes": ("id", "start", "end", "length_m"),
    "controls": ("id", "start", "end", "kind"),
    "valves": ("id", "pipe", "node"),
    "hydrants": ("id", "node"),
    "services": ("id", "pipe", "premise"),
    "stations": ("id", "service", "tank_m3", "demand_m3h"),
}


def _table(tables: Tables, name: str) -> Mapping[str, Any]:
    found = tables.get(name)
    if found is None:
        return {column: np.zeros(0, "S1") for column in _EMPTY[name]}
    return found


def tables_of(network: Network) -> dict[str, dict[str, Any]]:
    """A network held as values, as tables."""
    pipes = list(network.pipes.values())
    shapes = np.array([p.geometry for p in pipes], object)
    coords, of = (
        shapely.get_coordinates(shapes, return_index=True)
        if len(pipes) else (np.zeros((0, 2)), np.zeros(0, np.int64))
    )
    valves = list(network.valves.values())
    return {
        "nodes": _columns(network.nodes.values(), "id", "kind"),
        "pipes": {
            **_columns(pipes, "id", "start", "end", "length_m", "role", "street", "one_way",
                       "closed"),
            "coords": coords[:, :2],
            "offsets": np.searchsorted(of, np.arange(len(pipes) + 1)),
        },
        "controls": _columns(network.controls.values(), "id", "start", "end", "kind", "closed"),
        "valves": {
            **_columns(valves, "id", "pipe", "node", "normally_open", "operable"),
            "accessible": [-1 if v.accessible is None else int(v.accessible) for v in valves],
        },
        "hydrants": _columns(network.hydrants.values(), "id", "node"),
        "services": _columns(network.services.values(), "id", "pipe", "premise", "station"),
        "stations": _columns(network.stations.values(), "id", "service", "tank_m3", "demand_m3h"),
    }  # fmt: skip


def _columns(items: Iterable[Any], *columns: str) -> dict[str, Any]:
    rows = list(items)
    return {c: [getattr(r, c) for r in rows] for c in columns}
