"""`manage call --from NUMBER`: a real telephone call into Asterisk, and what became of it.

Prints (with --json) {"call_id", "verdict", "pop_ms", "answered", "recording", "contact",
"ticket"}. `pop_ms` is from the INVITE leaving the caller to the verdict being readable by the
desk's live stream.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from server.calls.models import Call
from server.events.reading import CHANNEL, Listener, Mark, after, end
from server.tickets.models import Ticket
from telephony.caller import Caller, CallOutcome
from telephony.config import derived_trunk_secret
from telephony.sipp import CallerError


class Pops(threading.Thread):
    """Watches the event list as the live stream does, and notes when a call appeared in it."""

    def __init__(self, raw: str) -> None:
        super().__init__(daemon=True)
        self.found: dict[str, Any] | None = None
        self.at: datetime | None = None
        self._raw = raw
        self._ending = threading.Event()
        self.ready = threading.Event()

    def run(self) -> None:
        listener = Listener(CHANNEL)
        mark: Mark = end()
        listener.wait(0.1)
        self.ready.set()
        while not self._ending.is_set() and self.found is None:
            listener.wait(0.05)
            for row in after(mark):
                mark = row.mark
                if row.name == "call.ringing" and self._ours(row.payload["call"]):
                    self.found, self.at = row.payload, datetime.now(UTC)
        listener.close()
        connection.close()

    def _ours(self, call_id: str) -> bool:
        call = Call.objects.filter(call_id=call_id).first()
        return call is not None and call.raw_number.lstrip("+") == self._raw.lstrip("+")

    def stop(self) -> None:
        self._ending.set()


def place(
    number: str, name: str = "", keys: str = "", seconds: float = 20.0
) -> tuple[CallOutcome, Pops]:
    """One call through the simulated public network of this installation."""
    caller = Caller(
        os.environ.get("STANDPIPE_SIP_HOST", "127.0.0.1"),
        int(os.environ["STANDPIPE_SIP_PORT"]), int(os.environ["STANDPIPE_PSTN_PORT"]),
        derived_trunk_secret(os.environ["STANDPIPE_ARI_PASSWORD"]),
    )  # fmt: skip
    pops = Pops(number)
    pops.start()
    pops.ready.wait(5)
    outcome = asyncio.run(caller.call(number, name, keys, seconds))
    pops.stop()
    pops.join(2)
    return outcome, pops


class Command(BaseCommand):
    help = "Place one real telephone call."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--from", dest="number", default="", help="the caller's number; "
                            "none for a hidden one")  # fmt: skip
        parser.add_argument("--name", default="", help="the caller's name")
        parser.add_argument("--keys", default="", help="keys to press, for example 1")
        parser.add_argument("--seconds", type=float, default=20.0, help="hang up after")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if "STANDPIPE_SIP_PORT" not in os.environ:
            raise CommandError("There is no telephone here: STANDPIPE_SIP_PORT is not set.")
        try:
            outcome, pops = place(
                options["number"], options["name"], options["keys"], options["seconds"]
            )
        except CallerError as error:
            raise CommandError(str(error)) from error
        result = self.result(outcome, pops)
        if options["json"]:
            self.stdout.write(json.dumps(result, default=str))
            return
        for key, value in result.items():
            self.stdout.write(f"{key:10} {value if value is not None else '-'}")

    def result(self, outcome: CallOutcome, pops: Pops) -> dict[str, Any]:
        call = Call.objects.filter(call_id=pops.found["call"]).first() if pops.found else None
        if call is None:
            return {
                "call_id": None, "verdict": None, "pop_ms": None, "answered": False,
                "recording": None, "contact": None, "ticket": None,
                "sip": outcome.final_code,
            }  # fmt: skip
        # The recording is closed a moment after the call.
        for _ in range(20):
            call = Call.objects.get(pk=call.pk)
            if hasattr(call, "recording") or call.answered_at is None:
                break
            time.sleep(0.2)
        pop_ms = None
        if pops.at and outcome.invited_at:
            pop_ms = round((pops.at - outcome.invited_at).total_seconds() * 1000, 1)
        ticket = Ticket.objects.filter(contact=call.contact).first() if call.contact else None
        return {
            "call_id": call.call_id,
            "verdict": call.verdict,
            "pop_ms": pop_ms,
            "answered": call.answered_at is not None,
            "recording": call.recording.file if hasattr(call, "recording") else None,
            "contact": call.contact_id,
            "ticket": ticket.number if ticket else None,
        }
