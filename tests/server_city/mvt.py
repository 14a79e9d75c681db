"""Just enough of the vector tile format to see what is in a tile."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any


@dataclass
class TileLayer:
    """`features` are the attributes of each feature; `points` the first point of each."""

    name: str
    extent: int = 4096
    features: list[dict[str, Any]] = field(default_factory=list)
    points: list[tuple[int, int]] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _fields(data: bytes):
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
        elif wire == 1:
            value, at = data[at:at + 8], at + 8
        elif wire == 5:
            value, at = data[at:at + 4], at + 4
        else:
            size, at = _varint(data, at)
            value, at = data[at:at + size], at + size
        yield number, value


def _packed(data: bytes) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values


def _value(data: bytes) -> Any:
    for number, value in _fields(data):
        if number == 1:
            return value.decode()
        if number == 2:
            return struct.unpack("<f", value)[0]
        if number == 3:
            return struct.unpack("<d", value)[0]
        if number == 6:
            return (value >> 1) ^ -(value & 1)
        return bool(value) if number == 7 else value
    return None


def decode(tile: bytes) -> dict[str, TileLayer]:
    layers = {}
    for number, data in _fields(tile):
        assert number == 3
        parts = list(_fields(data))
        keys = [v.decode() for n, v in parts if n == 3]
        values = [_value(v) for n, v in parts if n == 4]
        layer = TileLayer(next(v.decode() for n, v in parts if n == 1))
        layer.extent = next((v for n, v in parts if n == 5), 4096)
        for n, feature in parts:
            if n != 2:
                continue
            rows = dict(_fields(feature))
            tags = _packed(rows.get(2, b""))
            layer.features.append(
                {keys[k]: values[v] for k, v in zip(tags[::2], tags[1::2], strict=True)})
            geometry = _packed(rows[4])
            layer.points.append(tuple((g >> 1) ^ -(g & 1) for g in geometry[1:3]))
            layer.kinds.append(rows.get(3, 0))
        layers[layer.name] = layer
    return layers
