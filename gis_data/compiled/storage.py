"""The compiled network in a folder: one .npy file a column, and a manifest that vouches for them.

The folder appears in one stroke, whole, under its final name; readers map the files, so that all
processes of a machine share one copy in memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

FORMAT = "standpipe-network-1"


class StorageError(Exception):
    """The folder is missing, damaged, or holds something else; compile the network again."""


def write_folder(
    folder: Path, of: str, arrays: Mapping[str, Any], notes: Mapping[str, Any]
) -> None:
    """Write the columns and `notes` as `folder`, in place of one that is there. Errors: OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        digests = {}
        for name, array in arrays.items():
            path = scratch / f"{name}.npy"
            np.save(path, np.ascontiguousarray(array), allow_pickle=False)
            digests[name] = _digest(path)
        manifest = {"format": FORMAT, "of": of, "notes": dict(notes), "sha256": digests}
        (scratch / "manifest.json").write_text(json.dumps(manifest, indent=1), "utf-8")
        if folder.exists():
            old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
            folder.rename(old)
            scratch.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        else:
            scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def read_folder(folder: Path, of: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(columns mapped read-only, notes). Errors: StorageError where it is not whole or not `of`."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        if manifest["format"] != FORMAT or manifest["of"] != of:
            raise StorageError(f"{folder.name} holds another network")
        arrays = {}
        for name, digest in manifest["sha256"].items():
            path = folder / f"{name}.npy"
            if "/" in name or _digest(path) != digest:
                raise StorageError(f"{name}.npy of {folder.name} is not what was saved")
            # As plain arrays over the mapping: single values of a memmap are slow to read.
            mode: Literal["r"] | None = "r" if path.stat().st_size > 4096 else None
            array = np.asarray(np.load(path, mmap_mode=mode, allow_pickle=False))
            array.flags.writeable = False
            arrays[str(name)] = array
        return arrays, dict(manifest["notes"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        raise StorageError(f"{folder.name} cannot be read: {error}") from error


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
