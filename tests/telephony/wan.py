"""The line between two sites, as a thing that can be cut."""

from __future__ import annotations

import asyncio
from typing import Self


class Wan(asyncio.DatagramProtocol):
    """Passes SIP datagrams on to `target` (host, port), and the answers back, until `cut`."""

    def __init__(self, target: tuple[str, int], port: int) -> None:
        self.port, self.cut = port, False
        self._target = target
        self._near: asyncio.DatagramTransport | None = None
        self._far: dict[tuple[str, int], asyncio.DatagramTransport] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._near, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", self.port)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        for transport in [self._near, *self._far.values()]:
            if transport is not None:
                transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.cut:
            task = asyncio.create_task(self._pass_on(data, addr))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, data: bytes, addr: tuple[str, int]) -> None:
        far = self._far.get(addr)
        if far is None:
            loop = asyncio.get_running_loop()
            far, _ = await loop.create_datagram_endpoint(
                lambda: _Back(self, addr), remote_addr=self._target
            )
            self._far[addr] = far
        far.sendto(data)

    def answer(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._near is not None and not self.cut:
            self._near.sendto(data, addr)


class _Back(asyncio.DatagramProtocol):
    def __init__(self, wan: Wan, addr: tuple[str, int]) -> None:
        self._wan, self._addr = wan, addr

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._wan.answer(data, self._addr)
