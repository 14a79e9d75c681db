"""The door for trackers without MQTT, and the accounts of devices."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from server.accounts.models import AuditRow
from server.positions import devices, http
from server.positions.models import Device, Fix, Refusal
from server.workforce.models import CrewPosition
from tests import town

pytestmark = pytest.mark.django_db


def ours(at: datetime, where: str = "A", **more: Any) -> dict[str, Any]:
    lon, lat = town.place(where)
    return {"id": str(uuid.uuid4()), "seq": int(at.timestamp() * 1000),
            "fix_time": at.isoformat(), "device_time": at.isoformat(), "lon": lon, "lat": lat,
            "accuracy_m": 5, **more}  # fmt: skip


@pytest.fixture
def van(cast: Any) -> tuple[str, str]:
    """(name, secret) of a unit in Crew North's van."""
    http._taken.clear()
    return "van-7", devices.register("van-7", kind="tracker", by="sari", vehicle=cast.north.vehicle)


def send(who: tuple[str, str], body: Any, form: str = "", how: str = "Device") -> Any:
    secret = ":".join(who)
    if how == "Basic":
        secret = base64.b64encode(secret.encode()).decode()
    raw = body if isinstance(body, bytes | str) else json.dumps(body)
    return Client(headers={"Authorization": f"{how} {secret}"}).post(
        "/api/positions" + (f"/{form}" if form else ""), raw, content_type="application/json"
    )


def test_each_fix_of_a_batch_is_answered_stored_or_why_not(cast: Any, van: Any) -> None:
    now = timezone.now()
    batch = [
        ours(now - timedelta(seconds=40)), ours(now - timedelta(seconds=20), "B"),
        ours(now + timedelta(days=1)), ours(now, lat=95), ours(now - timedelta(seconds=30)),
    ]  # fmt: skip
    answer = send(van, {"fixes": [*batch, batch[0]]})
    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert said["stored"] == 3
    assert [a.get("reason") or a.get("flag", "") for a in said["fixes"]] == [
        "", "", "future", "unreadable", "", "duplicate",
    ]  # fmt: skip
    assert said["fixes"][3]["field"] == "fixes[3].lat"
    assert CrewPosition.objects.get(crew=cast.north).geom.coords == town.place("B")
    # The same request again, as after a lost answer: nothing new, and the door says so.
    again = send(van, {"fixes": batch[:2]}).json()
    assert again == {
        "stored": 0, "fixes": [{"stored": False, "reason": "duplicate"}] * 2
    }  # fmt: skip
    late = send(van, ours(now - timedelta(seconds=35))).json()
    assert late["fixes"] == [{"stored": True, "flag": "late"}]


def test_owntracks_signs_in_its_own_way_and_hears_its_own_answer(cast: Any, van: Any) -> None:
    lon, lat = town.place("C")
    body = {"_type": "location", "tst": int(timezone.now().timestamp()) - 3, "lon": lon,
            "lat": lat, "acc": 8, "vel": 36, "tid": "v7"}  # fmt: skip
    answer = send(van, body, "owntracks", "Basic")
    assert (answer.status_code, answer.json()) == (200, [])
    assert Fix.objects.get(device__name="van-7").speed_mps == 10
    assert send(van, {"_type": "lwt", "tst": 1}, "owntracks", "Basic").json() == []


def test_a_crews_phone_may_use_the_door_with_its_own_secret(cast: Any) -> None:
    devices.ensure_account(cast.north)
    cast.north.refresh_from_db()
    who = (cast.north.device, cast.north.mqtt_password)
    assert send(who, ours(timezone.now())).json()["stored"] == 1


@pytest.mark.parametrize("how", ["Device", "Basic", "Token", ""])
def test_nobody_comes_in_with_a_wrong_secret(cast: Any, van: Any, how: str) -> None:
    http._taken.clear()
    strangers = (
        ("van-7", "wrong"), ("nobody", "x"), ("", ""), ("\0", "x"), (cast.north.device, "")
    )  # fmt: skip
    for who in strangers:
        answer = send(who, ours(timezone.now()), how=how)
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["code"] == "not_known"
    assert not Fix.objects.exists()


def test_who_guesses_is_slowed_down(van: Any) -> None:
    for _ in range(8):
        assert send(("van-7", "guess"), "{}").status_code == 401
    assert send(van, ours(timezone.now())).status_code == 429


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 422), ("{", 422), ("[]", 422), ("null", 422), ("[" * 100_000, 422), (b"\xff\x00", 422),
        ('{"fixes": {}}', 422), ("x" * 300_000, 413), ('{"lon": NaN}', 422),
    ],
)  # fmt: skip
def test_no_body_makes_the_door_fail(van: Any, body: Any, status: int) -> None:
    answer = send(van, body)
    assert answer.status_code == status
    error = answer.json()["errors"][0]
    assert error["code"]
    assert error["text"]


def test_a_format_that_is_not_in_use_is_not_found(van: Any) -> None:
    assert send(van, "{}", "nmea").status_code == 404


def test_a_device_gone_mad_is_stopped_before_it_costs(van: Any) -> None:
    now = timezone.now()
    many = {"fixes": [ours(now - timedelta(seconds=n)) for n in range(600)]}
    assert send(van, many).json()["stored"] == 600
    answer = send(van, many)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (429, "too_many")


def test_a_revoked_device_is_out_at_once_and_a_new_secret_lets_it_in(cast: Any, van: Any) -> None:
    devices.revoke("van-7", reason="sold", by="sari")
    assert send(van, ours(timezone.now())).status_code == 401
    assert AuditRow.objects.get(action="device.revoke").note == "sold"
    fresh = devices.register("van-7", kind="tracker", by="sari", vehicle=cast.north.vehicle)
    assert send(("van-7", fresh), ours(timezone.now())).json()["stored"] == 1
    assert send(van, ours(timezone.now())).status_code == 401


# -- registering ----------------------------------------------------------------------------------


def test_a_supervisor_registers_a_unit_and_reads_its_secret_once(cast: Any, client_of: Any) -> None:
    boss = client_of(cast.sari)
    asked = {"name": "van-9", "kind": "tracker", "vehicle": cast.south.vehicle.plate}
    answer = boss.post("/api/devices", json.dumps(asked), content_type="application/json")
    assert answer.status_code == 201, answer.content
    secret = answer.json()["secret"]
    assert send(("van-9", secret), ours(timezone.now())).json()["stored"] == 1
    assert secret not in boss.get("/api/devices").content.decode()
    assert secret not in Device.objects.get(name="van-9").credential


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"name": "a b"}, "name"), ({"name": "+"}, "name"), ({"name": ""}, "name"),
        ({"kind": "phone"}, "kind"), ({"kind": ""}, "kind"), ({"vehicle": ""}, "crew"),
        ({"crew": "south"}, "crew"), ({"vehicle": "none"}, "vehicle"), ({"name": "server"}, "name"),
        ({"name": "phone-north"}, "name"),
    ],
)
def test_what_cannot_be_registered_is_refused_by_field(
    cast: Any, client_of: Any, more: dict[str, str], field: str
) -> None:
    asked = {"name": "van-9", "kind": "tracker", "vehicle": cast.south.vehicle.plate, **more}
    answer = client_of(cast.sari).post(
        "/api/devices", json.dumps(asked), content_type="application/json"
    )
    assert answer.status_code in (409, 422)
    assert answer.json()["errors"][0]["field"] == field
    assert not Refusal.objects.exists()
