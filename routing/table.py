"""The street model as plain NumPy columns: what is saved, hashed and compiled.

Rows are sorted (nodes by number, edges by tail, head, key), so equal models give equal tables,
equal versions and equal answers, whatever order they were built in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt
from shapely import LineString

from routing.errors import RoutingError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: Weights are uint32 milliseconds; from 2**31 - 1 on the engine takes a road for closed.
MAX_EDGE_MS = 1_000_000_000
#: Columns that older saved graphs lack.
_LATER = ("turn_at", "turn_edges", "turn_only", "access")


@dataclass(frozen=True, slots=True)
class StreetTable:
    """Columns of nodes [n] and directed edges [m].

    Positions are degrees (lon, lat); `ms` whole milliseconds; `length` metres; `speed` km/h. Edge
    i runs through points[point_at[i]:point_at[i + 1]]. name, highway and maxspeed are numbers
    into `strings`; 0 is "". `meta` is UTF-8 JSON of the report on the graph. Turn restriction r
    is the edges turn_edges[turn_at[r]:turn_at[r + 1]], forbidden in a row; where turn_only[r],
    the last one is the only way on after the others. access is "" for everybody, else a number
    into `strings`.
    """

    node_id: Ints
    lon: Floats
    lat: Floats
    tail: Ints
    head: Ints
    key: Ints
    ms: Ints
    length: Floats
    speed: Floats
    oneway: npt.NDArray[np.bool_]
    name: Ints
    highway: Ints
    maxspeed: Ints
    point_at: Ints
    points: Floats
    osmid_at: Ints
    osmid: Ints
    strings: npt.NDArray[np.uint8]
    meta: npt.NDArray[np.uint8]
    turn_at: Ints
    turn_edges: Ints
    turn_only: npt.NDArray[np.bool_]
    access: Ints

    @property
    def nodes(self) -> int:
        """How many nodes."""
        return len(self.node_id)

    @property
    def edges(self) -> int:
        """How many directed edges."""
        return len(self.tail)

    def texts(self) -> list[str]:
        """The strings that name, highway and maxspeed number."""
        return [str(text) for text in json.loads(self.strings.tobytes().decode())]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Every column by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def version(self) -> str:
        """Twelve hexadecimal digits that name the content (the report left out)."""
        digest = hashlib.sha256()
        for name, column in self.arrays().items():
            # Streets without restrictions are named as they were before there were any.
            if name != "meta" and not (name in _LATER and not column.any()):
                digest.update(name.encode())
                digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()[:12]

    @classmethod
    def from_graph(cls, graph: nx.MultiDiGraph) -> StreetTable:
        """Columns of an OSMnx-form graph.

        Needs x, y on nodes and travel_time (or length and speed_kph) on edges; the rest is
        optional. Raises RoutingError naming the node or edge that is wrong.
        """
        node_ids = sorted(graph.nodes)
        number = {node: i for i, node in enumerate(node_ids)}
        if not all(isinstance(node, int | np.integer) for node in node_ids):
            raise RoutingError("Every node of a street graph is a whole number (its OSM id).")
        xs = [_number(graph.nodes[node].get("x"), f"node {node}", "x") for node in node_ids]
        ys = [_number(graph.nodes[node].get("y"), f"node {node}", "y") for node in node_ids]
        strings: dict[str, int] = {"": 0}
        rows: list[tuple[int, int, int, int, float, float, bool, int, int, int, int]] = []
        point_at, osmid_at = [0], [0]
        points: list[tuple[float, float]] = []
        osmids: list[int] = []
        for u, v, key, data in sorted(graph.edges(keys=True, data=True), key=lambda e: e[:3]):
            where = f"edge {u}-{v}-{key}"
            line = data.get("geometry")
            ends = [(xs[number[u]], ys[number[u]]), (xs[number[v]], ys[number[v]])]
            points += ends if line is None else [(c[0], c[1]) for c in line.coords]
            point_at.append(len(points))
            ways = data.get("osmid", [])
            osmids += [int(way) for way in ways] if isinstance(ways, list) else [int(ways)]
            osmid_at.append(len(osmids))
            length, speed, ms = _measures(data, where)
            texts = [
                strings.setdefault(_text(data.get(name)), len(strings))
                for name in ("name", "highway", "maxspeed", "access")
            ]
            oneway = bool(data.get("oneway", False))
            rows.append(
                (number[u], number[v], int(key), ms, length, speed, oneway, *texts)  # type: ignore[arg-type]
            )
        columns = list(zip(*rows, strict=True)) if rows else [()] * 11
        whole = [np.array(columns[i], dtype=np.int64) for i in (0, 1, 2, 3, 7, 8, 9, 10)]
        number_of = {
            (node_ids[u], node_ids[v], key): i
            for i, (u, v, key) in enumerate(zip(columns[0], columns[1], columns[2], strict=True))
        }
        turns = _turns(graph.graph.get("restrictions", []), number_of)
        meta = {name: graph.graph[name] for name in ("report", "islands") if name in graph.graph}
        return cls(
            node_id=np.array(node_ids, dtype=np.int64),
            lon=np.array(xs, dtype=np.float64),
            lat=np.array(ys, dtype=np.float64),
            tail=whole[0],
            head=whole[1],
            key=whole[2],
            ms=whole[3],
            length=np.array(columns[4], dtype=np.float64),
            speed=np.array(columns[5], dtype=np.float64),
            oneway=np.array(columns[6], dtype=np.bool_),
            name=whole[4],
            highway=whole[5],
            maxspeed=whole[6],
            point_at=np.array(point_at, dtype=np.int64),
            points=np.array(points, dtype=np.float64).reshape(-1, 2),
            osmid_at=np.array(osmid_at, dtype=np.int64),
            osmid=np.array(osmids, dtype=np.int64),
            strings=_bytes(list(strings)),
            meta=_bytes(meta),
            turn_at=np.cumsum([0, *(len(path) for path, _ in turns)]),
            turn_edges=np.array([edge for path, _ in turns for edge in path], dtype=np.int64),
            turn_only=np.array([only for _, only in turns], dtype=np.bool_),
            access=whole[7],
        )

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> StreetTable:
        """The table of columns that `arrays()` gave; KeyError when one is missing."""
        later = {
            "turn_at": np.zeros(1, dtype=np.int64),
            "turn_edges": np.zeros(0, dtype=np.int64),
            "turn_only": np.zeros(0, dtype=np.bool_),
            "access": np.zeros(len(arrays["tail"]), dtype=np.int64),
        }
        known = {**later, **arrays}
        return cls(**{field.name: known[field.name] for field in fields(cls)})

    def to_graph(self) -> nx.MultiDiGraph:
        """The editable OSMnx-form graph of these columns."""
        graph = nx.MultiDiGraph(crs="epsg:4326", simplified=True)
        graph.graph.update(json.loads(self.meta.tobytes().decode()))
        graph.graph["version"] = self.version()
        ids = self.node_id.tolist()
        for node, x, y in zip(ids, self.lon.tolist(), self.lat.tolist(), strict=True):
            graph.add_node(node, x=x, y=y)
        texts = self.texts()
        point_at, osmid_at = self.point_at.tolist(), self.osmid_at.tolist()
        for i in range(self.edges):
            data: dict[str, Any] = {
                "oneway": bool(self.oneway[i]),
                "length": float(self.length[i]),
                "speed_kph": float(self.speed[i]),
                "travel_time": int(self.ms[i]) / 1000,
                "geometry": LineString(self.points[point_at[i] : point_at[i + 1]]),
            }
            ways = self.osmid[osmid_at[i] : osmid_at[i + 1]].tolist()
            if ways:
                data["osmid"] = ways[0] if len(ways) == 1 else ways
            for field_name in ("name", "highway", "maxspeed", "access"):
                text = texts[int(getattr(self, field_name)[i])]
                if text:
                    data[field_name] = text
            graph.add_edge(ids[self.tail[i]], ids[self.head[i]], key=int(self.key[i]), **data)
        names = list(
            zip(self.node_id[self.tail].tolist(), self.node_id[self.head].tolist(),
                self.key.tolist(), strict=True)
        )  # fmt: skip
        graph.graph["restrictions"] = [
            {
                "from": names[path[0]],
                "via": names[path[0]][1] if len(path) == 2 else [names[e] for e in path[1:-1]],
                "to": names[path[-1]],
                "kind": "only" if only else "no",
            }
            for path, only in self.turns()
        ]
        return graph

    def turns(self) -> list[tuple[list[int], bool]]:
        """The turn restrictions: edges in a row, and whether the last is the only way on."""
        at, edges = self.turn_at.tolist(), self.turn_edges.tolist()
        return [(edges[at[i] : at[i + 1]], only) for i, only in enumerate(self.turn_only.tolist())]


def _bytes(value: object) -> npt.NDArray[np.uint8]:
    return np.frombuffer(json.dumps(value, ensure_ascii=False).encode(), dtype=np.uint8)


def _turns(
    restrictions: Sequence[Mapping[str, Any]], number: Mapping[tuple[int, int, int], int]
) -> list[tuple[list[int], bool]]:
    """Restrictions as edge numbers, sorted, each once. Raises RoutingError naming a wrong one."""
    found: set[tuple[tuple[int, ...], bool]] = set()
    for n, row in enumerate(restrictions, start=1):
        try:
            via, kind = row["via"], row["kind"]
            between = list(via) if isinstance(via, list | tuple) else []
            path = [tuple(edge) for edge in (row["from"], *between, row["to"])]
        except (KeyError, TypeError) as error:
            raise RoutingError(f"Turn restriction {n} lacks from, via, to or kind.") from error
        if kind not in ("no", "only"):
            raise RoutingError(f"The kind of turn restriction {n} must be no or only.")
        edges = []
        for edge in path:
            if edge not in number:
                raise RoutingError(f"Turn restriction {n} names an edge {edge!r:.60} not there.")
            edges.append(number[edge])
        joined = all(a[1] == b[0] for a, b in pairwise(path))
        if not joined or (not between and via != path[0][1]):
            raise RoutingError(f"The edges of turn restriction {n} do not follow each other.")
        found.add((tuple(edges), kind == "only"))
    return [(list(path), only) for path, only in sorted(found)]


def _number(value: Any, where: str, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not np.isfinite(number):
        raise RoutingError(f"The {what} of {where} is not a number.")
    return number


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " / ".join(str(part) for part in value)
    return value if isinstance(value, str) else ""


def _measures(data: Mapping[str, Any], where: str) -> tuple[float, float, int]:
    """(metres, km/h, milliseconds) of an edge, one of the last two worked out if missing."""
    length = _number(data.get("length", 0.0), where, "length")
    if "travel_time" in data:
        seconds = _number(data["travel_time"], where, "travel_time")
    else:
        speed = _number(data.get("speed_kph"), where, "speed_kph")
        if speed <= 0:
            raise RoutingError(f"The speed_kph of {where} must be above zero.")
        seconds = length / speed * 3.6
    ms = round(seconds * 1000)
    if length < 0 or not 0 <= ms <= MAX_EDGE_MS:
        raise RoutingError(f"The length or travel_time of {where} is out of range.")
    given = data.get("speed_kph")
    speed = float(given) if given else (length / seconds * 3.6 if seconds > 0 else 0.0)
    return length, speed, ms
