"""Saves and loads the editable model as one .npz file: quick, and safe to open (no pickle)."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from routing.errors import SnapshotError
from routing.table import StreetTable

_FORMAT = "standpipe-streets-1"


def save_graph(graph: nx.MultiDiGraph, path: Path | str) -> str:
    """Writes the graph to `path` (put in place whole or not at all); returns its version."""
    path = Path(path)
    table = StreetTable.from_graph(graph)
    version = table.version()
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with scratch.open("wb") as stream:
            columns: dict[str, Any] = table.arrays()
            np.savez(stream, format=np.array([_FORMAT, version]), **columns)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    return version


def load_graph(path: Path | str) -> nx.MultiDiGraph:
    """The graph saved at `path`. Raises SnapshotError when it is missing or damaged."""
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        tag, version = arrays.pop("format").tolist()
        if tag != _FORMAT:
            raise SnapshotError(f"{path.name} is of another format ({tag}).")
        table = StreetTable.from_arrays(arrays)
    except FileNotFoundError as error:
        raise SnapshotError(f"There is no saved street graph {path.name}.") from error
    except (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise SnapshotError(f"{path.name} is not a saved street graph, or damaged.") from error
    if table.version() != version:
        raise SnapshotError(f"{path.name} is damaged: its content is not what was saved.")
    return table.to_graph()
