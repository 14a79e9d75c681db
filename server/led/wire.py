"""Bytes between us and the controller of a board. Pure.

    02  address  sequence  command  length (2, high first)  payload  sum (2, low first)  03

    The sum is CRC-16/MODBUS over everything between 02 and itself.

    command 10: show    seconds and rows of each page, rows in GB2312
            11: are you there?
            12: dark
    answer  06 sequence           taken
            15 sequence reason    refused: 01 sum wrong, 02 unknown command, 03 does not fit

`show` replaces all pages at once: a board that was away gets the present and nothing of the past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.led.text import Page

STX, ETX, ACK, NAK = 0x02, 0x03, 0x06, 0x15
SHOW, HELLO, DARK = 0x10, 0x11, 0x12
REASONS = {1: "sum wrong", 2: "unknown command", 3: "does not fit"}
MOST_PAYLOAD = 0xFFFF


class WireError(ValueError):
    """Bytes that are no frame."""


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS: 0x4B37 for b"123456789"."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _bit in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def frame(command: int, payload: bytes = b"", *, sequence: int = 0, address: int = 1) -> bytes:
    """One message. ValueError for a payload that is too long."""
    if len(payload) > MOST_PAYLOAD:
        raise ValueError("payload: longer than 65,535 bytes")
    body = bytes([address, sequence & 0xFF, command]) + len(payload).to_bytes(2, "big") + payload
    return bytes([STX]) + body + crc16(body).to_bytes(2, "little") + bytes([ETX])


def show(pages: Sequence[Page]) -> bytes:
    """The payload of `show`: number of pages; each: seconds, rows; each row: length, GB2312."""
    out = bytearray([len(pages)])
    for page in pages:
        out += bytes([page.seconds, len(page.rows)])
        for row in page.rows:
            text = row.encode("gb2312")
            out += bytes([len(text)]) + text
    return bytes(out)


@dataclass(frozen=True, slots=True)
class Frame:
    address: int
    sequence: int
    command: int
    payload: bytes


def read(data: bytes) -> tuple[Frame, bytes] | None:
    """The first frame of `data` and what follows it; None while it is not whole.

    Raises WireError for what cannot become one.
    """
    if not data:
        return None
    if data[0] != STX:
        raise WireError("does not begin with 02")
    if len(data) < 6:
        return None
    length = int.from_bytes(data[4:6], "big")
    if len(data) < 9 + length:
        return None
    body, end = data[1 : 6 + length], data[6 + length : 9 + length]
    if int.from_bytes(end[:2], "little") != crc16(body) or end[2] != ETX:
        raise WireError("sum wrong")
    return Frame(body[0], body[1], body[2], body[5:]), data[9 + length :]
