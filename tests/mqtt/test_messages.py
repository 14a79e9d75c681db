from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt import topics
from mqtt.messages import (
    Ack,
    AckError,
    BadMessage,
    DeviceState,
    Photo,
    ReportAck,
    parse_ack,
    parse_position,
    parse_report,
    parse_state,
    report_id,
    to_json,
)
from mqtt.orders import parse_orders
from tests.mqtt import samples

PARSERS = [parse_position, parse_report, parse_ack, parse_state, parse_orders]


def changed(message: Any, **fields: Any) -> bytes:
    return json.dumps({**json.loads(to_json(message)), **fields}).encode()


@pytest.mark.parametrize(
    ("parse", "message"),
    [
        (parse_position, samples.position(speed_mps=8.5, heading=359.9, battery=44.0)),
        (parse_report, samples.report()),
        (parse_report, samples.report(
            action="photo", photo=Photo("坑.jpg", "ab" * 32, 1234), lon=24.9, lat=60.1)),
        (parse_report, samples.report(
            action="cannot_close_valve", valve="V-2", reason="seized", turns=3)),
        (parse_ack, Ack((ReportAck(samples.report().id, True, samples.NOON, orders_version=7),))),
        (parse_ack, Ack((ReportAck(
            samples.report().id, False, samples.NOON, AckError("", "gone", "order is gone")),))),
        (parse_state, DeviceState(True)),
        (parse_orders, samples.orders(3, samples.order(), samples.order("W-2", route=None))),
    ],
)
def test_what_is_written_reads_back_the_same(parse: Any, message: Any) -> None:
    assert parse(to_json(message)) == message


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("lon", "24.9", "not a number"),
        ("lon", None, "missing"),
        ("lon", True, "not a number"),
        ("lon", 181, "between -180 and 180"),
        ("lat", 91, "between -90 and 90"),
        ("lat", [60.1], "not a number"),
        ("accuracy_m", -1, "between"),
        ("heading", 361, "between 0 and 360"),
        ("battery", 101, "between"),
        ("id", "17", "not a UUID"),
        ("id", 17, "not text"),
        ("seq", 1.5, "not a whole number"),
        ("seq", -1, "between"),
        ("seq", 2**60, "between"),
        ("seq", True, "not a whole number"),
        ("fix_time", "2026-11-23T12:00:00", "no UTC offset"),
        ("fix_time", "yesterday", "not an ISO 8601 time"),
        ("fix_time", "2026-02-30T12:00:00Z", "not a date"),
        ("fix_time", "0001-01-01T00:00:00+14:00", "not a date"),
        ("fix_time", 1763899200, "not text"),
    ],
)
def test_a_bad_field_of_a_position_is_named(field: str, value: Any, reason: str) -> None:
    with pytest.raises(BadMessage) as bad:
        parse_position(changed(samples.position(), **{field: value}))
    assert bad.value.field == field
    assert reason in bad.value.reason


def test_the_middle_of_the_sea_means_no_fix() -> None:
    with pytest.raises(BadMessage, match="no fix"):
        parse_position(changed(samples.position(), lon=0, lat=0))


def test_exchanged_axes_are_suspected_aloud() -> None:
    with pytest.raises(BadMessage, match="look swapped") as bad:
        parse_position(changed(samples.position(), lon=34.2, lat=108.9))
    assert bad.value.field == "lat"


def test_a_leap_second_is_the_last_moment_of_its_minute() -> None:
    read = parse_position(changed(samples.position(), fix_time="2016-12-31T23:59:60Z"))
    assert read.fix_time.isoformat() == "2016-12-31T23:59:59+00:00"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "empty"),
        (b"null", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"\x00\xff\xfe\x80", "not JSON"),
        (b'{"lon": NaN}', "not JSON"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "not JSON"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "deeper"),
        (b'{"id":"' + b"x" * 1_000_000 + b'"}', "bytes are more than"),
    ],
)
@pytest.mark.parametrize("parse", [parse_position, parse_report, parse_ack, parse_orders])
def test_what_is_no_message_is_refused_as_a_whole(parse: Any, payload: bytes, reason: str) -> None:
    with pytest.raises(BadMessage, match=reason) as bad:
        parse(payload)
    assert bad.value.field == "message"


def test_infinity_by_a_large_exponent_is_refused() -> None:
    with pytest.raises(BadMessage):
        parse_position(to_json(samples.position()).replace(b'"lon":24.94', b'"lon":1e999'))


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"action": "close_valve"}, "valve"),
        ({"action": "open_valve"}, "valve"),
        ({"action": "cannot_close_valve", "valve": "V-1"}, "reason"),
        ({"action": "decline"}, "reason"),
        ({"action": "note"}, "note"),
        ({"action": "photo"}, "photo"),
        ({"action": "explode"}, "action"),
        ({"note": "a\x00b"}, "note"),
        ({"note": "x" * 4001}, "note"),
        ({"order": ""}, "order"),
        ({"lon": 24.9}, "lat"),
        ({"photo": {"name": "p.jpg", "sha256": "zz" * 32, "size": 3}}, "photo.sha256"),
        ({"photo": {"name": "p.jpg", "sha256": "ab" * 32, "size": 0}}, "photo.size"),
        ({"photo": "p.jpg"}, "photo"),
    ],
)
def test_a_report_needs_what_its_action_needs(fields: dict[str, Any], missing: str) -> None:
    with pytest.raises(BadMessage) as bad:
        parse_report(changed(samples.report(), **fields))
    assert bad.value.field == missing


def test_an_order_error_says_where_in_the_list_it_is() -> None:
    data = json.loads(to_json(samples.orders(1, samples.order(), samples.order("W-2"))))
    data["orders"][1]["valves"][2]["lat"] = None
    with pytest.raises(BadMessage) as bad:
        parse_orders(json.dumps(data).encode())
    assert bad.value.field == "orders[1].valves[2].lat"


def test_the_id_of_a_broken_report_is_found_if_there_is_one() -> None:
    broken = changed(samples.report(), action="explode")
    assert report_id(broken) == json.loads(broken)["id"]
    assert report_id(b"\xff") is None


@given(st.binary(max_size=400))
def test_any_bytes_give_a_message_or_bad_message(payload: bytes) -> None:
    for parse in PARSERS:
        try:
            parse(payload)
        except BadMessage as bad:
            assert bad.field
            assert bad.reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
VALID = [samples.position(), samples.report(lon=24.9, lat=60.1), samples.orders(1, samples.order()),
         Ack((ReportAck(samples.report().id, True, samples.NOON, orders_version=1),))]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(
        value, list) else ()
    return [path] * bool(path) + [leaf for key, item in rows for leaf in leaves(item, (*path, key))]


@given(st.sampled_from(VALID), st.data(), json_values)
def test_one_field_replaced_by_anything_gives_a_message_or_bad_message(
    message: Any, data: st.DataObject, value: Any
) -> None:
    whole = json.loads(to_json(message))
    path = data.draw(st.sampled_from(leaves(whole)))
    spot = whole
    for key in path[:-1]:
        spot = spot[key]
    spot[path[-1]] = value
    for parse in PARSERS:
        try:
            read = parse(json.dumps(whole).encode())
        except BadMessage:
            continue
        assert dataclasses.is_dataclass(read)


@given(st.text(max_size=80))
def test_any_topic_is_ours_or_bad(value: str) -> None:
    try:
        device, kind = topics.parse_topic(value)
    except BadMessage as bad:
        assert bad.field == "topic"
    else:
        assert topics.topic(device, kind) == value


@pytest.mark.parametrize("name", ["", "+", "#", "a/b", "$SYS", " crew", "-x", "å", "x" * 65])
def test_a_device_name_cannot_be_a_wildcard_or_leave_its_branch(name: str) -> None:
    with pytest.raises(ValueError, match="device"):
        topics.report(name)
    with pytest.raises(BadMessage):
        topics.parse_topic(f"sp/v1/dev/{name}/report")


def test_a_topic_reads_back() -> None:
    assert topics.parse_topic("sp/v1/dev/crew1/orders") == ("crew1", "orders")
