"""Ports that another start on this machine has chosen, and on which nothing listens yet.

Between choosing and listening lie minutes at a first start. A claim is a file named after the
process that made it; it counts while that process lives, which is longer than it is needed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ops.paths import only_one, write_atomically
from ops.run import started


class Claims:
    """`taken`: ports of other living starts. Held alone: nobody else chooses meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.taken: set[int] = set()
        for path in folder.glob("*.json"):
            if path.stem == str(os.getpid()):
                continue
            ports = _read(path)
            if ports is None:
                path.unlink(missing_ok=True)
                continue
            self.taken |= {port for name, port in ports.items() if not name.startswith("rtp_")}
            self.taken |= set(range(ports.get("rtp_start", 0), ports.get("rtp_end", -1) + 1))

    def make(self, ports: Mapping[str, int]) -> None:
        """These are ours until this process ends."""
        path = self._folder / f"{os.getpid()}.json"
        told = {"started": started(os.getpid()), "ports": dict(ports)}
        write_atomically(path, json.dumps(told) + "\n")


@contextmanager
def claims(folder: Path) -> Iterator[Claims]:
    """The claims in `folder`, which is made; OpsError where it cannot be."""
    with only_one(folder / ".lock", "another choice of ports"):
        yield Claims(folder)


def _read(path: Path) -> dict[str, int] | None:
    """The ports of a claim; None where its process is gone or the file is none."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if held["started"] != started(int(path.stem)):
            return None
        return {str(name): int(port) for name, port in held["ports"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
