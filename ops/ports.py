"""Which ports this installation uses: chosen free once, kept, and re-chosen only if taken."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable, Mapping, Set
from pathlib import Path

from ops.claims import claims
from ops.errors import OpsError
from ops.paths import State, write_atomically

RTP_PORTS = 800  # a recorded call between two legs takes four

# name -> (protocol, first choice). All below the ephemeral range, which starts at 32768.
PORTS: Mapping[str, tuple[str, int]] = {
    "web": ("tcp", 8000),
    "postgres": ("tcp", 15432),
    "mqtt": ("tcp", 11883),
    "sip": ("udp", 15060),
    "ari": ("tcp", 18088),
    "wss": ("tcp", 18089),
    "ami": ("tcp", 15038),
    "pstn": ("udp", 15070),
    "network": ("udp", 15080),
    # The second telephone site, where one is wanted.
    "sip2": ("udp", 15061),
    "ari2": ("tcp", 18098),
    "ami2": ("tcp", 15048),
}
RTP_FIRST = 20000


def is_free(protocol: str, port: int) -> bool:
    """Nobody listens on `port` of the loopback address."""
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        if protocol == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_ports(
    kept: Mapping[str, int],
    *,
    offset: int = 0,
    web: int | None = None,
    free: Callable[[str, int], bool] = is_free,
) -> dict[str, int]:
    """Ports by name: what was `kept` where still free, else the next free from the first choice.

    `web` is what `--port` named: it is taken or refused, never replaced. Raises OpsError.
    """
    chosen: dict[str, int] = {}
    for name, (protocol, first) in PORTS.items():
        if name == "web" and web is not None:
            if not 1 <= web <= 65535:
                raise OpsError(f"--port {web}: a port is a number from 1 to 65535")
            if not free(protocol, web):
                raise OpsError(f"--port {web}: something else listens there; choose another port")
            chosen[name] = web
            continue
        before = kept.get(name)
        taken = set(chosen.values()) | {port for key, port in kept.items() if key != name}
        if before and free(protocol, before) and before not in chosen.values():
            chosen[name] = before
            continue
        start = first + (offset if name != "web" else 0)
        chosen[name] = _next_free(name, protocol, start, taken, free)
    start, end = kept.get("rtp_start", 0), kept.get("rtp_end", 0)
    if not (start and end == start + RTP_PORTS - 1 and _block_free(start, free)):
        for start in range(RTP_FIRST + offset * 8, 32000, RTP_PORTS):
            if _block_free(start, free):
                break
        else:
            raise OpsError(f"no {RTP_PORTS} free UDP ports in a row for telephone audio")
        end = start + RTP_PORTS - 1
    chosen["rtp_start"], chosen["rtp_end"] = start, end
    return chosen


def _next_free(
    name: str, protocol: str, start: int, taken: set[int], free: Callable[[str, int], bool]
) -> int:
    for port in range(start, start + 1000):
        if port not in taken and free(protocol, port):
            return port
    raise OpsError(f"no free port for {name} from {start} on")


def _block_free(start: int, free: Callable[[str, int], bool]) -> bool:
    return all(free("udp", port) for port in range(start, start + RTP_PORTS))


def offset_of(root: Path) -> int:
    """Installations beside each other start looking at different places."""
    return int(hashlib.sha256(str(root).encode()).hexdigest(), 16) % 120 * 8


def read_ports(state: State) -> dict[str, int]:
    """What ports.json holds; empty when there is none. Raises OpsError when it is damaged."""
    path = state.root / "ports.json"
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): int(port) for name, port in held.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise OpsError(f"{path}: not a list of ports ({error}); delete it to choose anew") from None


def ensure_ports(
    state: State, *, web: int | None = None, claimed: Path | None = None
) -> dict[str, int]:
    """Ports of a state of which nothing is running, written to ports.json.

    `claimed`: where the starts of this machine say what they have chosen (ops/claims.py).
    """
    if claimed is None:
        return _ensure(state, web, set())
    with claims(claimed) as made:
        ports = _ensure(state, web, made.taken)
        made.make(ports)
    return ports


def _ensure(state: State, web: int | None, taken: Set[int]) -> dict[str, int]:
    kept = read_ports(state)
    standard = state.root.name == "state"
    chosen = choose_ports(
        kept, offset=0 if standard else offset_of(state.root), web=web,
        free=lambda protocol, port: port not in taken and is_free(protocol, port),
    )  # fmt: skip
    if chosen != kept:
        write_atomically(state.root / "ports.json", json.dumps(chosen, indent=1) + "\n")
    return chosen
