"""The customers' telephones: whom we call picks up, is busy, or is not at home."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import zlib

from telephony.network import Line, PublicNetwork

log = logging.getLogger("standpipe.simulator")
HOST = "127.0.0.1"


def line_of(number: str) -> Line:
    """The same telephone behaves the same every time: of a hundred, ten are busy, fifteen ring out,
    five are out of order, and the others answer and, when asked, press 1."""
    dice = zlib.crc32(number.encode()) % 100
    if dice < 10:
        return Line("busy")
    if dice < 25:
        return Line("rings")
    if dice < 30:
        return Line("unknown")
    return Line(
        ring_s=2.0 + dice % 5, talk_s=45.0, speaks=((0.3, 1.1),), keys="1", keys_after_s=9.0
    )


class Telephones(threading.Thread):
    """Runs the simulated network of this installation, where it has none of its own."""

    def __init__(self) -> None:
        super().__init__(name="telephones", daemon=True)
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        host, _, port = os.environ.get("STANDPIPE_TRUNK_CONTACT", "").rpartition(":")
        self._port = int(port) if host == HOST and port.isdecimal() else 0

    def run(self) -> None:
        if self._port:
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        try:
            async with PublicNetwork(otherwise=line_of, host=HOST, port=self._port):
                await self._ending.wait()
        except OSError as error:
            # A gateway of somebody's own listens there: then it is that one that is called.
            log.info("no simulated network on port %s: %s", self._port, error)

    def stop(self) -> None:
        if self.is_alive():
            self._loop.call_soon_threadsafe(self._ending.set)
            self.join(5)
