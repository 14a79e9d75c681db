"""How devices of different makers write positions, and what adding a maker takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqtt import fields as read
from mqtt.broker import BrokerConfig
from mqtt.fields import BadMessage
from mqtt.formats import OwnTracks, Readings, Standpipe, Tracker, load
from mqtt.ingest import Ingest, Received
from mqtt.messages import Position, _quick_position, parse_position, read_position, to_json
from tests.mqtt import samples
from tests.mqtt.running import Broker, until

# A machine that is busy with other work is no reason to fail.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


AT = datetime(2026, 11, 23, 3, 12, 5, tzinfo=UTC)


def one(readings: Readings) -> Position:
    (found,) = readings
    assert isinstance(found, Position)
    return found


def owntracks(**more: Any) -> bytes:
    return json.dumps({
        "_type": "location", "tst": int(AT.timestamp()), "lon": 24.94, "lat": 60.169, "acc": 12,
        "vel": 36, "cog": 214, "batt": 81, "tid": "c1", "t": "u", "conn": "m", **more,
    }).encode()  # fmt: skip


def test_owntracks_says_the_same_in_its_own_words() -> None:
    found = one(OwnTracks().read(owntracks()))
    assert (found.fix_time, found.lon, found.lat, found.accuracy_m) == (AT, 24.94, 60.169, 12)
    assert (found.speed_mps, found.heading, found.battery) == (10, 214, 81)


def test_what_owntracks_does_not_know_is_not_zero() -> None:
    found = one(OwnTracks().read(owntracks(vel=-1, cog=-1, acc=-1, batt=-1)))
    assert (found.speed_mps, found.heading, found.battery, found.accuracy_m) == (None,) * 3 + (0,)


@pytest.mark.parametrize("kind", ["lwt", "waypoint", "transition", "card", "steps", "status"])
def test_other_words_of_owntracks_are_taken_and_pass(kind: str) -> None:
    assert OwnTracks().read(json.dumps({"_type": kind, "tst": 1}).encode()) == ()


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (owntracks(lat=91), "lat"), (owntracks(lon=0, lat=0), "lon"), (owntracks(tst="x"), "tst"),
        (owntracks(tst=1e300), "tst"), (b'{"_type": "encrypted", "data": "x"}', "_type"),
        (b"[]", "message"), (b'{"lon": 1}', "_type"),
    ],
)
def test_what_owntracks_cannot_mean_is_refused_by_field(payload: bytes, field: str) -> None:
    with pytest.raises(BadMessage) as bad:
        OwnTracks().read(payload)
    assert bad.value.field == field


def tracker(**more: Any) -> dict[str, Any]:
    return {"ts": int(AT.timestamp() * 1000), "lat": 60.169, "lng": 24.94, "sp": 36, "ang": 214,
            "hdop": 0.8, "ign": 1, **more}  # fmt: skip


def test_a_vehicle_unit_tells_whether_the_engine_runs() -> None:
    found = one(Tracker().read(json.dumps(tracker()).encode()))
    assert (found.fix_time, found.lon, found.lat, found.speed_mps) == (AT, 24.94, 60.169, 10)
    assert (found.accuracy_m, found.engine) == (4.0, True)


def test_one_bad_fix_of_a_list_does_not_cost_the_others() -> None:
    rows = [tracker(n=1), tracker(lat=91, n=2), 7, tracker(ign="on", n=4), tracker(n=5)]
    found = Tracker().read(json.dumps(rows).encode())
    assert [f.field if isinstance(f, BadMessage) else f.seq for f in found] == [
        1, "[1].lat", "[2]", "[3].ign", 5,
    ]  # fmt: skip


def test_our_own_format_takes_many_at_once_too() -> None:
    sent = [samples.position(n) for n in range(3)]
    whole = b'{"fixes":[' + b",".join(to_json(p) for p in sent) + b"]}"
    assert list(Standpipe().read(whole)) == sent
    with pytest.raises(BadMessage, match="more than 1000"):
        Standpipe().read(orjson.dumps({"fixes": [{}] * 1001}))


@pytest.mark.parametrize(
    ("form", "topic", "device"),
    [
        (Standpipe(), "sp/v1/dev/van-7/pos", "van-7"), (Standpipe(), "sp/v1/dev/a/b/pos", None),
        (OwnTracks(), "owntracks/van-7/phone", "van-7"), (OwnTracks(), "owntracks/van-7", None),
        (OwnTracks(), "owntracks/van-7/phone/event", None), (OwnTracks(), "owntracks/+/x", None),
        (Tracker(), "sp/v1/dev/van-7/avl", "van-7"), (Tracker(), "sp/v1/dev//avl", None),
    ],
)
def test_a_topic_belongs_to_one_account(form: Any, topic: str, device: str | None) -> None:
    assert form.device(topic) == device


# -- the quick way and the careful way ------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["2026-11-23T03:12:05Z", "2026-11-23T03:12:60Z", "2026-13-01T00:00:00Z",
                       "8f14e45f-ceea-467f-9b2c-5a3d4c1e2f30"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner,
                                                                max_size=2),
    max_leaves=3,
)  # fmt: skip


@patient
@given(st.data())
def test_the_quick_way_reads_as_the_careful_one_or_not_at_all(data: st.DataObject) -> None:
    whole = json.loads(to_json(samples.position(
        0.25, speed_mps=8.0, heading=90.0, battery=50.0, engine=True)))  # fmt: skip
    for name in data.draw(st.lists(st.sampled_from([*whole, "more"]), max_size=3)):
        whole[name] = data.draw(anything)
    for name in data.draw(st.lists(st.sampled_from(list(whole)), max_size=2)):
        whole.pop(name, None)
    payload = json.dumps(whole).encode()
    quick = _quick_position(payload)
    if quick is not None:
        assert quick == read_position(read.load(payload))
    try:
        careful: Any = read_position(read.load(payload))
    except BadMessage as bad:
        with pytest.raises(BadMessage) as found:
            parse_position(payload)
        assert (found.value.field, found.value.reason) == (bad.field, bad.reason)
    else:
        assert parse_position(payload) == careful


def test_an_ordinary_position_is_read_the_quick_way() -> None:
    assert _quick_position(to_json(samples.position(0.5, speed_mps=8.0))) is not None


@patient
@given(st.binary(max_size=60) | anything.map(lambda v: json.dumps(v, default=str).encode()))
def test_whatever_comes_ends_in_positions_or_a_named_field(payload: bytes) -> None:
    for form in load():
        try:
            for reading in form.read(payload):
                assert isinstance(reading, Position | BadMessage)
        except BadMessage as bad:
            assert bad.field
            assert bad.reason


# -- another maker --------------------------------------------------------------------------------


class Commas:
    """`van/{account}/gps` with "seconds,lon,lat": all that a new kind of device takes."""

    name = "commas"
    topic = "van/+/gps"
    access = "van/%u/gps"

    def device(self, topic: str) -> str | None:
        parts = topic.split("/")
        return parts[1] if len(parts) == 3 and (parts[0], parts[2]) == ("van", "gps") else None

    def read(self, payload: bytes) -> Readings:
        try:
            seconds, lon, lat = (float(x) for x in payload.decode("ascii").split(","))
            at = datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            raise BadMessage("message", "is not seconds,lon,lat") from None
        return (Position("", 0, at, at, lon, lat, 10.0),)


def test_a_new_kind_of_device_is_one_class_and_its_name_in_the_settings(tmp_path: Any) -> None:
    """The broker lets it write there and nowhere else, the worker hears and understands it."""
    formats = load(["mqtt.formats.Standpipe", "tests.mqtt.test_formats.Commas"])
    running = Broker(tmp_path / "m", {"crew1": "1werc", "crew2": "2werc"}, formats=formats)
    running.start()
    got: list[Received] = []

    def handle(batch: Sequence[Received]) -> None:
        got.extend(batch)

    import threading

    ingest = Ingest(**running.server(), handle=handle, formats=formats)  # type: ignore[arg-type]
    thread = threading.Thread(target=ingest.run)
    thread.start()
    try:
        assert ingest.wait_connected(10), ingest.problem
        assert running.publish("crew2", "van/crew1/gps", b"1,24.9,60.1") != ""
        assert running.publish("crew1", "van/crew1/gps", b"1795000000,24.9,60.1") == ""
        until(lambda: got, what="the position")
        assert (got[0].device, got[0].message.lon) == ("crew1", 24.9)  # type: ignore[union-attr]
        running.publish("crew1", "van/crew1/gps", b"nonsense")
        until(lambda: ingest.stats.refused["message"] == 1, what="the refusal")
    finally:
        ingest.stop()
        thread.join(10)
        running.stop()


def test_a_format_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match=r"mqtt\.formats\.Nothing"):
        load(["mqtt.formats.Nothing"])


def test_each_format_brings_its_access_rule(tmp_path: Any) -> None:
    config = BrokerConfig(tmp_path / "m", 1883, server_password="x")
    config.write()
    rules = config.acl_file.read_text()
    for form in load():
        assert f"pattern write {form.access}" in rules
        assert f"topic read {form.topic}" in rules


