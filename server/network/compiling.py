"""The compiled network on disk: made once for each version, mapped by every process.

    STANDPIPE["NETWORK"]/v<number>/*.npy     see gis_data.compiled.storage

A folder that is missing, damaged or of another database is made again, by one process while the
others wait. A version that grew out of the one before by changes on record is made from that one.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from django.conf import settings
from django.db import connection

from gis_data.compiled.columns import NetworkArrays, Tables
from gis_data.compiled.editing import Changes, edited
from gis_data.compiled.storage import StorageError
from gis_data.isolation import SegmentIndex
from gis_data.model import NetworkError
from server.network.models import NetworkVersion

log = logging.getLogger("standpipe.network")

# Column of the library -> expression in the table.
_TABLES: dict[str, tuple[str, dict[str, str]]] = {
    "nodes": ("network_node", {"kind": "kind"}),
    "pipes": ("network_pipe", {
        "start": '"start"', "end": '"end"', "length_m": "length_m", "role": "role",
        "street": "street", "one_way": "one_way", "closed": "closed",
        "geom": "ST_AsBinary(geom)",
    }),
    "controls": ("network_control", {
        "start": '"start"', "end": '"end"', "kind": "kind", "closed": "closed",
    }),
    "valves": ("network_valve", {
        "pipe": "pipe", "node": "node", "normally_open": "normally_open", "operable": "operable",
        "accessible": "coalesce(accessible::int, -1)",
    }),
    "hydrants": ("network_hydrant", {"node": "node"}),
    "services": ("network_serviceline", {
        "pipe": "pipe", "premise": "premise", "station": "station",
    }),
    "stations": ("network_station", {
        "service": "service", "tank_m3": "tank_m3", "demand_m3h": "demand_m3h",
    }),
}  # fmt: skip
#: The name a change on record gives a kind -> table of the library.
_KINDS = {
    "node": "nodes", "pipe": "pipes", "control": "controls", "valve": "valves",
    "hydrant": "hydrants", "service": "services", "station": "stations",
}  # fmt: skip
# Who refers to what, for things that come new: (table of the library, column).
_REFERRERS = {
    "nodes": (("valves", "node"), ("hydrants", "node")),
    "pipes": (("valves", "pipe"), ("services", "pipe")),
    "controls": (("valves", "pipe"), ("services", "pipe")),
    "stations": (("services", "station"),),
    "services": (("stations", "service"),),
}
# With more changes than this reading everything anew is as quick.
_MOST_CHANGES = 50_000


def compiled(version: NetworkVersion) -> SegmentIndex:
    """The compiled network of a version that is in the tables: mapped, or made and then mapped."""
    folder = _home() / f"v{version.number}"
    with contextlib.suppress(StorageError):
        return SegmentIndex.open(folder, _of(version))
    with _alone():
        with contextlib.suppress(StorageError):
            return SegmentIndex.open(folder, _of(version))
        index = _from_the_one_before(version) or _from_the_tables(version)
        try:
            index.save(folder, _of(version))
            index = SegmentIndex.open(folder, _of(version))
            _drop_old(version.number)
        except (OSError, StorageError) as error:
            # Slower to start and a copy for each process, but the answers are the same.
            log.warning("The compiled network cannot be kept in %s: %s", folder, error)
    return index


def _home() -> Path:
    return Path(settings.STANDPIPE["NETWORK"])


def _of(version: NetworkVersion) -> str:
    # The number alone would match a folder left by a database that was since replaced.
    return f"{version.number} {version.loaded_at.isoformat()}"


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One process compiles; where no lock can be had each does it for itself."""
    try:
        _home().mkdir(parents=True, exist_ok=True)
        stream = (_home() / ".lock").open("a")
    except OSError:
        yield
        return
    with stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _drop_old(number: int) -> None:
    """Keep this version and the one before, from which the next may be made or gone back to."""
    for folder in _home().glob("v*"):
        if folder.name not in (f"v{number}", f"v{number - 1}"):
            shutil.rmtree(folder, ignore_errors=True)


def _from_the_tables(version: NetworkVersion) -> SegmentIndex:
    tables = {name: _columns(name) for name in _TABLES}
    return SegmentIndex(
        NetworkArrays.from_tables(
            tables,
            name=str(version.header.get("name", "")),
            crs_measure=int(version.header["crs_measure"]),
        )
    )


def _from_the_one_before(version: NetworkVersion) -> SegmentIndex | None:
    """Made by the changes on record; None where that cannot be done or would not be quicker."""
    before = NetworkVersion.objects.filter(number=version.number - 1).first()
    if before is None or before.header.get("crs_measure") != version.header.get("crs_measure"):
        return None
    with connection.cursor() as cursor:
        # By table name: who keeps the versions stands above the network.
        cursor.execute(
            "SELECT kind, asset, bool_or(action <> 'changed') FROM versions_networkchange "
            "WHERE version = %s AND action <> 'kept' GROUP BY kind, asset LIMIT %s",
            [version.number, _MOST_CHANGES + 1],
        )
        rows = cursor.fetchall()
    if not rows or len(rows) > _MOST_CHANGES:
        return None
    with contextlib.suppress(StorageError, NetworkError):
        old = SegmentIndex.open(_home() / f"v{before.number}", _of(before))
        return SegmentIndex(edited(old.arrays, _changes(rows)))
    return None


def _changes(rows: list[tuple[str, str, bool]]) -> Changes:
    touched: dict[str, set[str]] = {}
    came: dict[str, list[str]] = {}
    for kind, asset, anew in rows:
        table = _KINDS.get(kind)
        if table is not None:
            touched.setdefault(table, set()).add(asset)
            if anew:
                came.setdefault(table, []).append(asset)
    # Services before stations: a line that came may be a station's.
    for table, assets in came.items():
        for referrer, column in _REFERRERS.get(table, ()):
            name, columns = _TABLES[referrer]
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT asset FROM {name} WHERE {columns[column]} = ANY(%s)", [assets]
                )
                touched.setdefault(referrer, set()).update(r[0] for r in cursor.fetchall())
    put: dict[str, dict[str, Any]] = {}
    removed: dict[str, list[str]] = {}
    for table, ids in touched.items():
        columns_now = _columns(table, sorted(ids))
        there = set(columns_now["id"])
        if there:
            put[table] = columns_now
        removed[table] = [asset for asset in ids if asset not in there]
    return Changes(put, removed)


def _columns(table: str, assets: list[str] | None = None) -> dict[str, Any]:
    """Columns of a table, of the named assets where given, in the order of the rows."""
    name, columns = _TABLES[table]
    where = "" if assets is None else "WHERE asset = ANY(%s) "
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT asset, {', '.join(columns.values())} FROM {name} {where}ORDER BY id",
            None if assets is None else [assets],
        )
        rows = cursor.fetchall()
    found: dict[str, Any] = dict(
        zip(("id", *columns), map(list, zip(*rows, strict=True)), strict=True)
    ) if rows else {column: [] for column in ("id", *columns)}
    if "geom" in found:
        found["coords"], found["offsets"] = _lines(found.pop("geom"))
    return found


def _lines(geometries: list[memoryview]) -> tuple[Any, Any]:
    shapes = shapely.from_wkb(np.array([bytes(g) for g in geometries], object))
    coords, of = shapely.get_coordinates(shapes, return_index=True)
    return coords, np.searchsorted(of, np.arange(len(geometries) + 1))


__all__ = ["Tables", "compiled"]
