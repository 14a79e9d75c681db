"""The machine's own addresses, which a browser on the same machine is told about."""

from __future__ import annotations

import re
from pathlib import Path


def host_ipv4s(table: str | None = None) -> list[str]:
    """IPv4 addresses of this machine but 127.x, from the kernel's table of local routes."""
    if table is None:
        path = Path("/proc/net/fib_trie")
        table = path.read_text(encoding="ascii") if path.exists() else ""
    found = re.findall(r"\|-- (\d+\.\d+\.\d+\.\d+)\n\s+/32 host LOCAL", table)
    return sorted({address for address in found if not address.startswith("127.")})
