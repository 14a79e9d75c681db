"""Compiled streets on disk: a folder of .npy files behind one manifest.

    DIR/manifest.json          names the generation, its version, size and sha256 of each file
    DIR/g-<version>-<n>/*.npy  the columns

Files are mapped, and processes share their pages. Opening reads no more than it must: it checks
the manifest against its own digest, the size of every file, and the content of the small ones;
`verify_snapshot` checks the content of all. The manifest is replaced last and in one stroke:
readers see the old streets or the new, never a mixture. The generation before is kept for readers
that are just opening it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from routing.errors import SnapshotError

FORMAT = "standpipe-street-index-2"
#: Holds the streets and nothing compiled; its files are named with their sha256 only.
_BEFORE = "standpipe-street-index-1"
#: Files up to this many bytes are read whole at opening.
_SMALL = 1 << 20
Arrays = dict[str, npt.NDArray[Any]]


def write_snapshot(
    directory: Path, version: str, arrays: Mapping[str, npt.NDArray[Any]], counts: Mapping[str, int]
) -> None:
    """Writes the columns as a new generation and switches over to it."""
    directory.mkdir(parents=True, exist_ok=True)
    before = _generation(directory)
    number = 0
    while (folder := directory / f"g-{version}-{number}").exists():
        number += 1
    scratch = directory / f".{folder.name}.{os.getpid()}.tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        files: dict[str, dict[str, Any]] = {}
        for name, column in arrays.items():
            with (scratch / f"{name}.npy").open("wb") as stream:
                np.save(stream, np.ascontiguousarray(column), allow_pickle=False)
                stream.flush()
                os.fsync(stream.fileno())
            path = scratch / f"{name}.npy"
            files[name] = {"bytes": path.stat().st_size, "sha256": _digest(path)}
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    manifest = {
        "format": FORMAT,
        "version": version,
        "generation": folder.name,
        "counts": dict(counts),
        "files": files,
    }
    manifest["digest"] = _own_digest(manifest)
    draft = directory / f".manifest.{os.getpid()}.tmp"
    with draft.open("w", encoding="utf-8") as text:
        json.dump(manifest, text, indent=1)
        text.flush()
        os.fsync(text.fileno())
    draft.replace(directory / "manifest.json")
    for old in directory.glob("g-*"):
        if old.name not in (folder.name, before):
            shutil.rmtree(old, ignore_errors=True)


def verify_snapshot(directory: Path) -> str:
    """Checks the content of every file; returns the version. Raises SnapshotError."""
    return read_snapshot(directory, whole=True)[0]


def read_snapshot(directory: Path, *, whole: bool = False) -> tuple[str, Arrays]:
    """(version, columns mapped read-only). Raises SnapshotError when anything is amiss.

    `whole`: check the content of every file, however large.
    """
    for attempt in (1, 2):
        try:
            return _read(directory, whole)
        except FileNotFoundError as error:
            # Twice replaced while being opened: the manifest now names another generation.
            if attempt == 2:
                raise SnapshotError(
                    f"The street snapshot {directory.name} lacks a file that its manifest names."
                ) from error
    raise SnapshotError(f"The street snapshot {directory.name} cannot be read.")


def _read(directory: Path, whole: bool) -> tuple[str, Arrays]:
    manifest = _manifest(directory)
    if manifest is None:
        raise SnapshotError(f"There is no street snapshot in {directory.name}.")
    try:
        if manifest["format"] == _BEFORE:
            entries = manifest["sha256"].items()
            manifest["files"] = {name: {"bytes": -1, "sha256": digest} for name, digest in entries}
        elif manifest["format"] != FORMAT:
            raise SnapshotError(
                f"The street snapshot {directory.name} is of another format "
                f"({str(manifest['format'])[:60]}); compile the streets again."
            )
        version, generation = str(manifest["version"]), str(manifest["generation"])
        if manifest["format"] == FORMAT and manifest["digest"] != _own_digest(manifest):
            raise SnapshotError(f"The manifest of {directory.name} is not what was saved.")
        files = {
            str(name): (int(entry["bytes"]), str(entry["sha256"]))
            for name, entry in manifest["files"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SnapshotError(f"The manifest of {directory.name} lacks an entry.") from error
    arrays: Arrays = {}
    for name, (size, digest) in files.items():
        path = directory / generation / f"{name}.npy"
        if path.parent.parent != directory or "/" in name or generation.startswith("."):
            raise SnapshotError(f"The manifest of {directory.name} names a file outside of it.")
        checked = whole or size <= _SMALL
        if size not in (-1, path.stat().st_size) or (checked and _digest(path) != digest):
            raise SnapshotError(
                f"The street snapshot {directory.name} is damaged: {name}.npy is not what was "
                "saved. Compile the streets again."
            )
        try:
            # As plain arrays over the mapping: single values of a memmap are slow to read.
            arrays[name] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
            arrays[name].flags.writeable = False
        except (ValueError, EOFError) as error:
            raise SnapshotError(f"{name}.npy of {directory.name} cannot be read.") from error
    return version, arrays


def _manifest(directory: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SnapshotError(f"The manifest of {directory.name} cannot be read.") from error
    if not isinstance(manifest, dict):
        raise SnapshotError(f"The manifest of {directory.name} is not a manifest.")
    return manifest


def _generation(directory: Path) -> str:
    try:
        manifest = _manifest(directory)
    except SnapshotError:
        # What is there is damaged; it is being replaced.
        return ""
    return str((manifest or {}).get("generation", ""))


def _own_digest(manifest: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in manifest.items() if name != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
