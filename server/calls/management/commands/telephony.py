"""`manage telephony`: follow Asterisk until told to stop. A second one stands by."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from server.calls.switchboard import Switchboard, clients
from server.events.leader import Leadership


class Command(BaseCommand):
    help = "Take calls from Asterisk."
    # `standpipe check` and CI run them; six processes starting at once need not.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for sig in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sig, stop.set)
        leader = Leadership("telephony")
        while not stop.is_set() and not await asyncio.to_thread(leader.take):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 2)
        if stop.is_set():
            return
        ari, ami, speech = clients()
        await ami.connect()
        board = Switchboard(ari, ami, speech, language=settings.LANGUAGE_CODE)
        work = asyncio.create_task(board.run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        await ami.close()
        for one in ari:
            await one.close()
        leader.release()
