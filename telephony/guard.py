"""Who knocks too often with the wrong key is shut out for a while. Pure: no clock, no Asterisk.

Asterisk tells of each refused sign-in and of each request by somebody it does not know. So many of
them from one address within a minute are no forgotten password.
"""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

TRIES = 10
WITHIN = timedelta(seconds=60)
FIRST_BLOCK = timedelta(minutes=15)
LONGEST_BLOCK = timedelta(hours=24)
# A person at a desk phone who tries numbers outside; more of them is somebody else's program.
ODD_NUMBERS = 5
# Addresses remembered at most: a flood with forged ones must not fill the memory.
REMEMBERED = 10_000
ACL_FILE = "acl-own.conf"
ACL = "sp-blocked"


@dataclass(frozen=True, slots=True)
class Block:
    """`address` is shut out until a moment; `tries` is how often it had knocked."""

    address: str
    since: datetime
    until: datetime
    tries: int
    what: str


def is_address(text: str) -> bool:
    """A plain IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@dataclass
class Guard:
    """`trusted` are addresses that are never blocked: gateways, other sites, this machine."""

    trusted: Collection[str] = ()
    blocks: dict[str, Block] = field(default_factory=dict)
    _tries: dict[str, deque[datetime]] = field(default_factory=dict)
    _before: dict[str, int] = field(default_factory=dict)

    def failed(self, address: str, what: str, now: datetime, *, weight: int = 1) -> Block | None:
        """One failure; the block that follows from it, once."""
        if not is_address(address) or address in self.trusted or self.blocked(address, now):
            return None
        if address not in self._tries and len(self._tries) >= REMEMBERED:
            self._tries.pop(next(iter(self._tries)))
        tries = self._tries.setdefault(address, deque(maxlen=4 * TRIES))
        tries.extend([now] * weight)
        while tries and now - tries[0] > WITHIN:
            tries.popleft()
        if len(tries) < TRIES:
            return None
        times = self._before.get(address, 0)
        self._before[address] = times + 1
        length = min(LONGEST_BLOCK, FIRST_BLOCK * 2 ** min(times, 16))
        block = Block(address, now, now + length, len(tries), what)
        self.blocks[address] = block
        del self._tries[address]
        return block

    def signed_in(self, address: str) -> None:
        """The right password was given: what went before was forgetfulness."""
        self._tries.pop(address, None)

    def blocked(self, address: str, now: datetime) -> bool:
        """Whether the address is shut out at `now`."""
        block = self.blocks.get(address)
        return block is not None and block.until > now

    def expired(self, now: datetime) -> list[Block]:
        """Blocks that are over, taken out of the list."""
        over = [block for block in self.blocks.values() if block.until <= now]
        for block in over:
            del self.blocks[block.address]
        return over

    def release(self, address: str) -> None:
        """Somebody answers for the address: let it in and forget what was."""
        self.blocks.pop(address, None)
        self._tries.pop(address, None)
        self._before.pop(address, None)


def render_acl(addresses: Iterable[str]) -> str:
    """The list of who is shut out, as Asterisk reads it. Raises ValueError for no address."""
    lines = [f"[{ACL}]", "permit=0.0.0.0/0.0.0.0", "permit=::/0"]
    for address in sorted(addresses):
        if not is_address(address):
            raise ValueError(f"{address!r} is not an address")
        whole = "255.255.255.255" if "." in address else "128"
        lines.append(f"deny={address}/{whole}")
    return "\n".join(lines) + "\n"
