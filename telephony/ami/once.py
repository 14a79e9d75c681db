"""One question to the manager over a connection of its own, without asyncio.

For a process that serves web requests: it has nothing to listen for, only something to ask.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping

from telephony.ami.client import AmiError, SignInRefused
from telephony.ami.parser import AmiProtocolError, FieldValue, Message, Splitter, render_action

TIMEOUT_S = 3.0


class OutOfReach(AmiError):
    """There was nobody to ask: nothing has been done."""


def ask(
    address: tuple[str, int],
    account: tuple[str, str],
    name: str,
    fields: Mapping[str, FieldValue],
    *,
    timeout_s: float = TIMEOUT_S,
) -> list[Message]:
    """The response and, of an action that lists, the items behind it. `account` is user, secret.

    Raises AmiError with Asterisk's reason or because it is away, ValueError for a line break.
    """
    until = time.monotonic() + timeout_s
    try:
        connected = socket.create_connection(address, timeout=timeout_s)
    except OSError as away:
        raise OutOfReach(f"{name}: {away or 'no answer'}") from away
    try:
        with connected as line:
            talk = _Talk(line, until)
            try:
                talk.ask("Login", {"Username": account[0], "Secret": account[1], "Events": "off"})
            except AmiError as refused:
                if "uthentication failed" in str(refused):
                    raise SignInRefused(f"Asterisk refused the account {account[0]}") from refused
                raise
            return talk.ask(name, fields)
    except TimeoutError as late:
        raise AmiError(f"{name}: no answer in {timeout_s:g} s") from late
    except (OSError, AmiProtocolError) as broken:
        raise AmiError(f"{name}: {broken}") from broken


class _Talk:
    """Actions one after another on a connected socket, until a moment of the monotonic clock."""

    def __init__(self, line: socket.socket, until: float) -> None:
        self._line = line
        self._until = until
        self._splitter = Splitter()
        self._read: list[Message] = []
        self._asked = 0

    def ask(self, name: str, fields: Mapping[str, FieldValue]) -> list[Message]:
        self._asked += 1
        action_id = f"once-{self._asked}"
        self._line.sendall(render_action(name, action_id, fields))
        answer: list[Message] = []
        while True:
            message = self._next()
            if message.get("ActionID") != action_id:
                continue
            listing = message.get("EventList").lower()
            if message.get("Response") == "Error":
                raise AmiError(f"{name}: {message.get('Message')}")
            if listing in {"complete", "cancelled"}:
                return answer
            answer.append(message)
            if message.get("Response") and listing != "start":
                return answer

    def _next(self) -> Message:
        while not self._read:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._line.settimeout(left)
            data = self._line.recv(65536)
            if not data:
                raise AmiError("closed by Asterisk")
            self._read = self._splitter.feed(data)
        return self._read.pop(0)
