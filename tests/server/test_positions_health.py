"""Which devices need a person, in plain words; and the areas that people draw."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from server.accounts.models import AuditRow
from server.events.models import Event
from server.positions import devices, roster
from server.positions.health import health
from server.positions.models import Fence, Last
from server.positions.pipeline import Pipeline
from server.workforce.models import Vehicle
from tests.server.test_positions import fix

pytestmark = pytest.mark.django_db
PLACES = [[24.93, 60.17], [24.94, 60.17], [24.94, 60.18]]


def of(device: str, **rows: Any) -> dict[str, Any]:
    (found,) = [row for row in health(**rows) if row["name"] == device]
    return found


def drive(device: str, minutes: list[float], **more: Any) -> None:
    """A fix at each of these minutes ago, 60 m further north for each of them."""
    now = timezone.now()
    Pipeline().take([
        fix(device, now - timedelta(minutes=m), "A", lat=60.18 - m * 5.4e-4, **more)
        for m in minutes
    ])  # fmt: skip


def test_a_phone_that_ends_the_app_while_driving_is_told_from_one_that_waits(cast: Any) -> None:
    """Both are silent three times; North has moved over each gap, South has stood still."""
    minutes = [m / 2 for m in range(180) if not any(a < m / 2 < a + 8 for a in (10, 30, 60))]
    drive(cast.north.device, minutes)
    now = timezone.now()
    Pipeline().take([fix(cast.south.device, now - timedelta(minutes=m), "D") for m in minutes])
    north, south = of(cast.north.device), of(cast.south.device)
    assert (north["verdict"], north["gaps"]) == ("bad", 3)
    assert "battery saving" in north["why"][0]
    assert 20 * 60 < north["lost_s"] < 28 * 60
    assert (south["verdict"], south["gaps"]) == ("good", 0)


def test_who_is_on_shift_and_silent_is_seen_and_who_is_off_is_not_blamed(cast: Any) -> None:
    drive(cast.north.device, [25, 24, 23])
    assert of(cast.north.device)["verdict"] == "bad"
    assert "23 min" in of(cast.north.device)["why"][0]
    assert of(cast.night.device)["verdict"] == "off"


def test_clocks_jumps_batteries_and_refusals_are_named(cast: Any) -> None:
    now = timezone.now()
    drive(cast.north.device, [m / 4 for m in range(60)], battery=9.0)
    Last.objects.filter(device__name=cast.north.device).update(skew_s=600)
    worker = Pipeline()
    for k in range(2):
        worker.take([fix(cast.north.device, now + timedelta(seconds=k + 1), "A", lat=60.4)])
        worker.take([fix(cast.north.device, now + timedelta(days=1, seconds=k), "A")
                     ._replace(received_at=now)])  # fmt: skip
    said = " ".join(of(cast.north.device)["why"])
    for word in ("10 min ahead", "2 positions jumped", "Battery at 9 %", "2 refused"):
        assert word in said
    assert of(cast.north.device)["verdict"] == "bad"


def test_a_unit_that_nobody_has_put_in_yet_is_no_alarm(cast: Any) -> None:
    Vehicle.objects.filter(crew=cast.north).update(unit="unit-north")
    roster.adopt()
    assert of("unit-north")["verdict"] == "off"


def test_a_revoked_device_says_why(cast: Any) -> None:
    devices.revoke(cast.north.device, reason="lost in the harbour", by="sari")
    assert of(cast.north.device)["why"] == ["Revoked: lost in the harbour"]


def test_the_page_is_a_supervisors(cast: Any, client_of: Any) -> None:
    assert client_of(cast.sari).get("/devices").status_code == 200
    assert client_of(cast.mika).get("/devices").status_code == 403
    answer = client_of(cast.sari).get("/api/devices/health?hours=2")
    assert answer.json()["hours"] == 2
    for hours in ("x", "-1", "1e9", "nan"):
        answer = client_of(cast.sari).get(f"/api/devices/health?hours={hours}")
        assert answer.json()["errors"][0]["field"] == "hours"


# -- areas ----------------------------------------------------------------------------------------


def draw(client: Any, **more: Any) -> Any:
    asked = {"name": "Depot", "kind": "depot", "corners": PLACES, "dwell_s": 60, **more}
    return client.post("/api/fences", json.dumps(asked), content_type="application/json")


def test_an_area_is_drawn_seen_and_taken_away(cast: Any, client_of: Any) -> None:
    boss = client_of(cast.sari)
    made = draw(boss)
    assert made.status_code == 201, made.content
    (seen,) = boss.get("/api/fences").json()["features"]
    assert (seen["properties"]["name"], len(seen["geometry"]["coordinates"][0])) == ("Depot", 4)
    assert boss.post(f"/api/fences/{made.json()['id']}/remove").status_code == 200
    assert boss.get("/api/fences").json()["features"] == []
    assert boss.post(f"/api/fences/{made.json()['id']}/remove").status_code == 404


def test_other_screens_hear_of_an_area_when_it_is_drawn_and_when_it_is_taken_away(
    cast: Any, client_of: Any
) -> None:
    boss = client_of(cast.sari)
    pit = draw(boss, name="Pit", name_zh="基坑", kind="danger").json()["id"]
    boss.post(f"/api/fences/{pit}/remove")
    draw(boss, name=" ")  # refused: nobody hears of it
    rows = Event.objects.filter(name="fences.changed").order_by("pk")
    assert [(e.topic, e.payload["change"], e.payload["fence"], e.by) for e in rows] == [
        ("crews", "drawn", pit, cast.sari.username), ("crews", "removed", pit, cast.sari.username),
    ]  # fmt: skip
    assert {(e.payload["name"], e.payload["name_zh"], e.payload["kind"]) for e in rows} == {
        ("Pit", "基坑", "danger")
    }


def change(client: Any, pk: int, **more: Any) -> Any:
    asked = {"name": "Depot", "kind": "depot", "dwell_s": 60, **more}
    address = f"/api/fences/{pk}/change"
    return client.post(address, json.dumps(asked), content_type="application/json")


def test_an_area_is_called_otherwise_and_moved_and_only_what_changed_is_told(
    cast: Any, client_of: Any
) -> None:
    boss = client_of(cast.sari)
    pk = draw(boss).json()["id"]
    border = boss.get("/api/fences").json()["features"][0]["geometry"]
    assert change(boss, pk).status_code == 200  # nothing new: nobody hears of it
    named = change(boss, pk, name="Yard", name_zh="场地", kind="danger", dwell_s=None)
    assert named.status_code == 200, named.content
    (seen,) = boss.get("/api/fences").json()["features"]
    assert seen["properties"]["names"] == {"en": "Yard", "zh": "场地"}
    assert (seen["properties"]["kind"], seen["properties"]["dwell_s"]) == ("danger", None)
    assert seen["geometry"] == border
    moved = [[lon + 0.01, lat] for lon, lat in PLACES]
    change(boss, pk, name="Yard", name_zh="场地", kind="danger", dwell_s=None, corners=moved)
    (seen,) = boss.get("/api/fences").json()["features"]
    assert seen["geometry"]["coordinates"][0] == [*moved, moved[0]]
    told = Event.objects.filter(name="fences.changed").order_by("pk")
    assert [e.payload["change"] for e in told] == ["drawn", "changed", "changed"]
    notes = AuditRow.objects.filter(action="fence.change").order_by("pk").values_list("note", "by")
    assert list(notes) == [
        ("name, name_zh, kind, dwell_s", cast.sari.username), ("geom", cast.sari.username),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "field"),
    [({"name": " "}, "name"), ({"kind": "castle"}, "kind"), ({"dwell_s": 0}, "dwell_s"),
     ({"corners": []}, "corners"), ({"corners": PLACES[:2]}, "corners")],
)  # fmt: skip
def test_a_change_that_makes_no_area_is_refused_by_field_and_changes_nothing(
    cast: Any, client_of: Any, more: dict[str, Any], field: str
) -> None:
    boss = client_of(cast.mika)
    pk = draw(boss).json()["id"]
    before = boss.get("/api/fences").json()
    answer = change(boss, pk, **more)
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field
    assert boss.get("/api/fences").json() == before
    boss.post(f"/api/fences/{pk}/remove")
    assert change(boss, pk).status_code == 404


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"name": " "}, "name"), ({"kind": "castle"}, "kind"), ({"dwell_s": "x"}, "dwell_s"),
        ({"dwell_s": True}, "dwell_s"), ({"dwell_s": 0}, "dwell_s"), ({"corners": None}, "corners"),
        ({"corners": PLACES[:2]}, "corners"), ({"corners": [[1, 2], [3], [4, 5]]}, "corners"),
        ({"corners": [["a", 1], [2, 2], [3, 3]]}, "corners"),
        ({"corners": [[0, 0], [1, 1], [1, 0], [0, 1]]}, "corners"),  # crosses itself
        ({"corners": [[0, 0], [1, 1], [2, 2]]}, "corners"),  # is a line
        ({"corners": [[200, 0], [1, 1], [1, 0]]}, "corners"),
    ],
)  # fmt: skip
def test_an_area_that_is_none_is_refused_by_field(
    cast: Any, client_of: Any, more: dict[str, Any], field: str
) -> None:
    answer = draw(client_of(cast.mika), **more)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert not Fence.objects.exists()


