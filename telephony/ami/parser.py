"""Manager messages out of a byte stream, and actions into bytes. No sockets here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MAX_LINE_BYTES = 64 * 1024
MAX_FIELDS = 2000


class AmiProtocolError(ValueError):
    """The bytes cannot be manager messages: an endless line or an endless message."""


@dataclass(frozen=True, slots=True)
class Message:
    """Fields in the order received; a key may come more than once. Keys compare without case."""

    fields: tuple[tuple[str, str], ...]

    def get(self, key: str, default: str = "") -> str:
        """The first value of `key`."""
        wanted = key.lower()
        return next((value for name, value in self.fields if name.lower() == wanted), default)

    def all(self, key: str) -> tuple[str, ...]:
        """Every value of `key`."""
        wanted = key.lower()
        return tuple(value for name, value in self.fields if name.lower() == wanted)

    def number(self, key: str, default: float = 0.0) -> float:
        """The value as a number; `default` when absent or not one."""
        try:
            return float(self.get(key))
        except ValueError:
            return default

    def variable(self, name: str) -> str:
        """A channel variable among the `ChanVariable` lines."""
        prefix = f"{name}="
        found = (v for v in self.all("ChanVariable") if v.startswith(prefix))
        return next((value[len(prefix) :] for value in found), "")


@dataclass(slots=True)
class Splitter:
    """Feed it bytes in any portions; it hands out whole messages.

    The greeting line (`Asterisk Call Manager/...`) is kept in `greeting`.
    """

    greeting: str = ""
    _buffer: bytearray = field(default_factory=bytearray)
    _fields: list[tuple[str, str]] = field(default_factory=list)
    _started: bool = False

    def feed(self, data: bytes) -> list[Message]:
        """Messages completed by `data`. Raises AmiProtocolError."""
        self._buffer += data
        messages: list[Message] = []
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).removesuffix(b"\r")
            del self._buffer[: end + 1]
            self._check(len(line))
            message = self._line(line.decode("utf-8", errors="replace"))
            if message is not None:
                messages.append(message)
        self._check(len(self._buffer))
        return messages

    def _check(self, length: int) -> None:
        if length > MAX_LINE_BYTES:
            raise AmiProtocolError(f"a line is longer than {MAX_LINE_BYTES} bytes")
        if len(self._fields) > MAX_FIELDS:
            raise AmiProtocolError(f"a message has more than {MAX_FIELDS} fields")

    def _line(self, line: str) -> Message | None:
        if not self._started:
            self._started = True
            if line.startswith("Asterisk Call Manager"):
                self.greeting = line
                return None
        if line:
            key, separator, value = line.partition(":")
            # A line without a colon belongs to nothing we read; it must not swallow the message.
            if separator:
                self._fields.append((key.strip(), value.removeprefix(" ")))
            return None
        if not self._fields:
            return None
        message = Message(tuple(self._fields))
        self._fields = []
        return message


FieldValue = str | int | bool | Iterable[str]


def render_action(name: str, action_id: str, fields: Mapping[str, FieldValue]) -> bytes:
    """An action as bytes. Raises ValueError naming the field that would break the message."""
    lines = [_field("Action", name), _field("ActionID", action_id)]
    for key, value in fields.items():
        if not key.isidentifier():
            raise ValueError(f"{key!r} is not a field name")
        if isinstance(value, bool):
            lines.append(_field(key, "true" if value else "false"))
        elif isinstance(value, (str, int)):
            lines.append(_field(key, str(value)))
        else:
            lines.extend(_field(key, item) for item in value)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


def _field(key: str, value: str) -> str:
    if any(char in value for char in "\r\n\0"):
        raise ValueError(f"{key}: must not contain a line break")
    return f"{key}: {value}"
