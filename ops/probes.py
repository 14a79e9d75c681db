"""Does it answer? One short question per kind of service."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import subprocess
from typing import Any

from ops.postgres import Cluster
from ops.settings import HOST


def tcp(port: int, timeout: float = 1.0) -> bool:
    """Somebody accepts a connection."""
    try:
        with socket.create_connection((HOST, port), timeout):
            return True
    except OSError:
        return False


def postgres(cluster: Cluster) -> bool:
    """The server takes connections (it answers 'starting up' for a while before)."""
    done = subprocess.run(
        [cluster.program("pg_isready"), "-q", "-h", HOST, "-p", str(cluster.port), "-t", "2"],
        check=False, capture_output=True,
    )  # fmt: skip
    return done.returncode == 0


def mqtt(port: int, user: str, password: str, timeout: float = 2.0) -> bool:
    """The broker accepts the server's own account (a CONNECT answered by CONNACK 0)."""

    def field(text: str) -> bytes:
        raw = text.encode()
        return len(raw).to_bytes(2, "big") + raw

    # MQTT 3.1.1, clean session, user and password, keep-alive 10 s, a client name of our own.
    body = field("MQTT") + bytes([4, 0b1100_0010, 0, 10]) + field(f"probe-{port}")
    body += field(user) + field(password)
    try:
        with socket.create_connection((HOST, port), timeout) as link:
            link.sendall(bytes([0x10, len(body)]) + body)
            answer = link.recv(4)
            if answer == b"\x20\x02\x00\x00":
                link.sendall(b"\xe0\x00")
                return True
    except OSError:
        return False
    return False


def asterisk(ari_port: int, ami_port: int, user: str, password: str) -> bool:
    """ARI answers with our account and AMI greets."""
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    answer = get(ari_port, "/ari/asterisk/info?only=status", {"Authorization": f"Basic {token}"})
    return answer is not None and answer[0] == 200 and tcp(ami_port)


def web(port: int) -> bool:
    """The site answers on /health, whether or not everything behind it is well."""
    return health(port) is not None


def health(port: int, timeout: float = 5.0) -> dict[str, Any] | None:
    """What /health says, as JSON; None when there is no such answer."""
    answer = get(port, "/health", {}, timeout)
    if answer is None or answer[0] not in (200, 503):
        return None
    try:
        held = json.loads(answer[1])
    except ValueError:
        return None
    return held if isinstance(held, dict) else None


def get(
    port: int, path: str, headers: dict[str, str], timeout: float = 5.0
) -> tuple[int, bytes] | None:
    """One HTTP GET on the loopback: (status, body), or None when nobody answers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
