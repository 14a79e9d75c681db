"""Posting to an address somebody else chose, without becoming their way into our own network.

The address is looked up once, every answer is judged, and the connection goes to the very number
that was judged: a name that changes its mind in between (DNS rebinding) gains nothing. Redirects
are not followed. Private numbers are reached only where the operator has named the host.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import urlsplit

import httpcore

TIMEOUT_S = 5.0
_ANSWER_BYTES = 2048


class AddressRefused(ValueError):
    """The address is none we post to; the message says why."""


def check_url(url: str, *, internal: Collection[str] = ()) -> None:
    """Refuse what can never be posted to: other schemes, credentials, private numbers in any form.

    `internal`: hosts ("10.1.2.3", "scada.local") the operator allows to be private and plain HTTP.
    """
    if len(url) > 500 or any(ord(c) <= 32 or ord(c) == 127 for c in url):
        raise AddressRefused("not an address")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise AddressRefused("not an address") from error
    if parts.scheme not in ("https", "http") or not host:
        raise AddressRefused("an https address is needed")
    if parts.scheme == "http" and host not in internal:
        raise AddressRefused("an https address is needed")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("an address with a password in it is not kept")
    if port == 0:
        raise AddressRefused("not an address")
    if host in internal:
        return
    number = _as_number(host)
    if number is not None and not _public(number):
        raise AddressRefused("an address inside a private network")


def post(
    url: str, body: bytes, headers: dict[str, str], *, internal: Collection[str] = ()
) -> tuple[int, str]:
    """Send it: (status, the first words of the answer). Errors: AddressRefused; OSError and
    httpcore's errors for a connection that fails.
    """
    check_url(url, internal=internal)
    limits = {"connect": TIMEOUT_S, "read": TIMEOUT_S, "write": TIMEOUT_S, "pool": TIMEOUT_S}
    with httpcore.ConnectionPool(
        ssl_context=ssl.create_default_context(), max_connections=1, retries=0,
        network_backend=_Judged(internal),
    ) as pool, pool.stream(
        "POST", url, headers=list(headers.items()), content=body, extensions={"timeout": limits}
    ) as answer:  # fmt: skip
        said = b""
        for chunk in answer.iter_stream():
            said += chunk
            if len(said) >= _ANSWER_BYTES:
                break
        return answer.status, said[:_ANSWER_BYTES].decode("utf-8", "replace")


class _Judged(httpcore.SyncBackend):
    """Looks a name up, judges every number, and connects to the one it judged."""

    def __init__(self, internal: Collection[str]) -> None:
        super().__init__()
        self._internal = internal

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None,
        local_address: str | None = None, socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        numbers = [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in found]
        if not numbers:
            raise AddressRefused("that host has no address")
        if host not in self._internal and not all(_public(n) for n in numbers):
            raise AddressRefused("an address inside a private network")
        return super().connect_tcp(
            str(numbers[0]), port, timeout, local_address, socket_options
        )

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        raise AddressRefused("an address inside this machine")


def _as_number(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An IP address in whatever way the system's own resolver would take it (also 0x7f.1)."""
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _public(number: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(number, ipaddress.IPv6Address):
        inner = number.ipv4_mapped or number.sixtofour
        if inner is not None:
            return _public(inner)
        if number.teredo is not None or number in ipaddress.ip_network("64:ff9b::/96"):
            return False
    return number.is_global and not number.is_multicast
