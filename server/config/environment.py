"""Read settings from the environment, and say plainly what is missing.

All names start with STANDPIPE_. A value may also come from a file named by NAME_FILE
(container secrets).
"""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit


def text(name: str, default: str | None = None) -> str:
    """The value of STANDPIPE_`name`; KeyError-free: an absent value without default is ''."""
    key = f"STANDPIPE_{name}"
    if (path := os.environ.get(f"{key}_FILE")) is not None:
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ.get(key, default if default is not None else "")


def number(name: str, default: int) -> int:
    raw = text(name)
    if not raw:
        return default
    try:
        return int(raw)
    except ValueError:
        raise SystemExit(f"STANDPIPE_{name} must be a whole number, not {raw!r}") from None


def flag(name: str, default: bool = False) -> bool:
    raw = text(name).lower()
    if not raw:
        return default
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off"}:
        return False
    raise SystemExit(f"STANDPIPE_{name} must be yes or no, not {raw!r}")


def counts(name: str, default: str) -> dict[str, int]:
    """`trunk=30,gsm=8` -> {"trunk": 30, "gsm": 8}; each from 1 to 10,000."""
    out: dict[str, int] = {}
    for part in (text(name) or default).split(","):
        word, sign, raw = part.strip().partition("=")
        if not sign or not word or not raw.isdecimal() or not 1 <= int(raw) <= 10_000:
            raise SystemExit(f"STANDPIPE_{name} must be like {default}, not {part.strip()!r}")
        out[word] = int(raw)
    return out


def telephone_origins() -> list[str]:
    """Where a browser's telephone may register: the origin of every site's websocket."""
    try:
        further = [str(site.get("ws", "")) for site in json.loads(text("FURTHER_SITES") or "[]")]
    except (ValueError, AttributeError, TypeError):
        raise SystemExit("STANDPIPE_FURTHER_SITES must be a JSON list of sites") from None
    parts = [urlsplit(address) for address in (text("SIP_WS_URL"), *further)]
    return list(dict.fromkeys(f"{p.scheme}://{p.netloc}" for p in parts if p.netloc))


def words(name: str, default: str = "") -> tuple[str, ...]:
    """Words separated by commas."""
    return tuple(w.strip() for w in text(name, default).split(",") if w.strip())


def networks(name: str, default: str) -> tuple[str, ...]:
    """Addresses or networks, separated by commas."""
    found = words(name, default)
    for one in found:
        try:
            ipaddress.ip_network(one)
        except ValueError:
            raise SystemExit(f"STANDPIPE_{name}: {one!r} is no network") from None
    return found


def one_of(name: str, words: Sequence[str]) -> str:
    """One of `words`, the first where nothing is said."""
    raw = text(name).lower() or words[0]
    if raw not in words:
        raise SystemExit(f"STANDPIPE_{name} must be one of {', '.join(words)}, not {raw!r}")
    return raw
