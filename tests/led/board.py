"""A board's controller on a TCP port, speaking the bytes of docs/wallboard.md. Written from the
table there, not from server/led/wire.py.
"""

from __future__ import annotations

import socket
import threading
from typing import Any


def modbus(data: bytes) -> int:
    """CRC-16/MODBUS, bit by bit."""
    value = 0xFFFF
    for byte in data:
        for bit in range(8):
            mixed = (value ^ (byte >> bit)) & 1
            value >>= 1
            if mixed:
                value ^= 0xA001
    return value


class Board:
    """`received`: (command, payload) of every good frame; `answer`: bytes instead of an ACK."""

    def __init__(self, port: int = 0) -> None:
        self.received: list[tuple[int, bytes]] = []
        self.answer: bytes | None = None
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._socket.listen(4)
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                link, _peer = self._socket.accept()
            except OSError:
                return
            with link:
                link.settimeout(3)
                self._talk(link)

    def _talk(self, link: socket.socket) -> None:
        data = b""
        while len(data) < 6 or len(data) < 9 + int.from_bytes(data[4:6], "big"):
            more = link.recv(4096)
            if not more:
                return
            data += more
        body = data[1:-3]
        good = data[0] == 2 and data[-1] == 3
        good = good and data[-3] | data[-2] << 8 == modbus(body)
        if self.answer is not None:
            link.sendall(self.answer)
        elif not good:
            link.sendall(bytes([0x15, body[1], 1]))
        else:
            self.received.append((body[2], body[5:]))
            # In two pieces, as a serial line behind it would.
            link.sendall(b"\x06")
            link.sendall(bytes([body[1]]))

    @property
    def shows(self) -> list[list[str]]:
        """The rows of each page last shown."""
        payload = next(p for c, p in reversed(self.received) if c == 0x10)
        out, at = [], 1
        for _n in range(payload[0]):
            rows, at = payload[at + 1], at + 2
            texts = []
            for _row in range(rows):
                size = payload[at]
                texts.append(payload[at + 1 : at + 1 + size].decode("gb2312"))
                at += 1 + size
            out.append(texts)
        return out

    def close(self) -> None:
        """Gone as a board without power: nobody listens on its port any more."""
        # Closing alone would leave the thread that accepts, and with it the port, open.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
