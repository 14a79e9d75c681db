"""The boards brought in line with what is to be shown, every two seconds; one process does it.

A board that cannot be reached is tried again with growing patience. What changes meanwhile is only
counted: when it is back it gets the present, once.
"""

from __future__ import annotations

import hashlib
import logging
import socket
import threading
import time

from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import timezone, translation

from server.events.leader import Leadership
from server.led import wire
from server.led.models import Panel
from server.led.selectors import current
from server.led.text import pages

log = logging.getLogger("standpipe.led")
EVERY_S = 2.0
TIMEOUT_S = 3.0
HELLO_S = 30.0
LONGEST_S = 60.0


class PanelError(OSError):
    """The board refused, or said nothing that can be understood."""


def send(host: str, port: int, frame: bytes, *, timeout_s: float = TIMEOUT_S) -> None:
    """One frame to the controller at host:port, and its word that it was taken.

    Raises OSError (PanelError for a refusal).
    """
    sequence = frame[2]
    with socket.create_connection((host, port), timeout=timeout_s) as link:
        link.sendall(frame)
        answer = b""
        while len(answer) < 2 or (answer[0] == wire.NAK and len(answer) < 3):
            more = link.recv(16)
            if not more:
                raise PanelError("closed without an answer")
            answer += more
    if answer[0] == wire.NAK:
        raise PanelError(f"refused: {wire.REASONS.get(answer[2], answer[2])}")
    if answer[0] != wire.ACK or answer[1] != sequence:
        raise PanelError("an answer to something else")


class Driver:
    """What has to be remembered between two rounds."""

    def __init__(self) -> None:
        self._sequence = 0
        self._rest: dict[int, tuple[float, float]] = {}
        self._wanted: dict[int, str] = {}
        self._spoken: dict[int, float] = {}

    def round(self) -> None:
        """Every board once."""
        for panel in Panel.objects.all():
            with translation.override(panel.language):
                lines = current()
            payload = wire.show(pages(lines, columns=panel.columns, rows=panel.rows))
            self._bring(panel, payload)

    def _bring(self, panel: Panel, payload: bytes) -> None:
        digest = hashlib.sha256(payload).hexdigest()
        now = time.monotonic()
        changed = self._wanted.get(panel.pk, panel.shows) != digest
        self._wanted[panel.pk] = digest
        if not panel.online and changed:
            Panel.objects.filter(pk=panel.pk).update(missed=panel.missed + 1)
            panel.missed += 1
        due, patience = self._rest.get(panel.pk, (0.0, 1.0))
        if now < due:
            return
        same = panel.online and panel.shows == digest
        if same and now - self._spoken.get(panel.pk, -HELLO_S) < HELLO_S:
            return
        self._sequence = (self._sequence + 1) & 0xFF
        frame = wire.frame(*((wire.HELLO, b"") if same else (wire.SHOW, payload)),
                           sequence=self._sequence)  # fmt: skip
        try:
            send(panel.host, panel.port, frame)
        except OSError as error:
            self._rest[panel.pk] = (now + patience, min(patience * 2, LONGEST_S))
            # What it shows now nobody knows: it may have lost its power.
            Panel.objects.filter(pk=panel.pk).update(
                online=False,
                shows="",
                problem=str(error)[:200],
                missed=panel.missed + (panel.online and changed),
            )
            if panel.online:
                log.warning("board %s cannot be reached: %s", panel.name, error)
            return
        self._rest.pop(panel.pk, None)
        self._spoken[panel.pk] = now
        Panel.objects.filter(pk=panel.pk).update(
            online=True, shows=digest, missed=0, problem="", seen_at=timezone.now()
        )


def run(over: threading.Event) -> None:
    """For the clock: rounds until `over`."""
    leader, driver = Leadership("led"), Driver()
    while not over.wait(EVERY_S):
        try:
            close_old_connections()
            if leader.take():
                driver.round()
        except (OperationalError, InterfaceError) as error:
            log.warning("the boards wait for the database: %s", error)
            over.wait(10.0)
        except Exception:
            log.exception("the boards could not be brought in line")
            over.wait(10.0)
    leader.release()
