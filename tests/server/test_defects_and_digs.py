"""Beside the calls: what is wrong with a valve, who digs where, and what stood around a place."""

from __future__ import annotations

import math
from datetime import timedelta
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from server.accounts.refusals import Conflict, NotAllowed, Refused
from server.dispatch import photos
from server.network.models import Valve
from server.outages import services as outages
from server.outages.models import ShutOff
from server.processes import defects, digs, nearby, rules
from server.processes.models import Defect, DigPermit
from tests import town

pytestmark = pytest.mark.django_db
JSON = "application/json"

#   Church Street:   E x---P8---- F      V8 stands on P8 near E, H1 on F, anna and the clinic on P8


# --- defects ------------------------------------------------------------------------------------

def test_every_cell_of_the_table_that_is_not_listed_is_refused(cast):
    listed = {(s, step) for s, step in rules.DEFECT_STEPS}
    for number, state in enumerate(rules.DefectState):
        defect = defects.report(f"V{2 + number}", "leaking", "low", by="juho")
        for step, roles in rules.STEP_ROLES.items():
            Defect.objects.filter(pk=defect.pk).update(state=state)
            if (state, step) not in listed:
                with pytest.raises(Conflict):
                    defects.step(defect, step, role="supervisor", by="sari", reason="x")
            else:
                with pytest.raises(NotAllowed):
                    defects.step(defect, step, role="agent", by="aino", reason="x")
                assert "agent" not in roles


def test_a_defect_is_due_by_how_bad_it_is(cast):
    today = timezone.localdate()
    worst = defects.report("V8", "cover", "critical", by="juho")
    mild = defects.report("V9", "marking", "low", by="juho")
    assert worst.due_on == today + timedelta(days=1)
    assert mild.due_on == today + timedelta(days=180)
    assert list(Defect.objects.all()) == [worst, mild]


def test_the_same_defect_twice_is_shown_before_it_is_written_again(cast, client):
    first = defects.report("V8", "leaking", "medium", by="juho", note="drips")
    client.force_login(cast.mika)
    ask = {"asset": "V8", "kind": "leaking", "severity": "high"}
    answer = client.post("/api/defects", ask, content_type=JSON)
    assert answer.status_code == 409
    assert answer.json()["similar"][0]["number"] == first.number
    second = client.post("/api/defects", {**ask, "anyway": True}, content_type=JSON).json()
    merged = client.post(
        f"/api/defects/{second['number']}/steps", {"step": "merge", "into": first.number},
        content_type=JSON,
    ).json()  # fmt: skip
    assert (merged["state"], merged["merged_into"]) == ("merged", first.number)
    with pytest.raises(Refused) as refused:
        other = defects.report("V9", "leaking", "low", by="juho")
        defects.step(other, "merge", role="engineer", by="juho", into=first.number)
    assert refused.value.code == "other_asset"


def test_whoever_asks_to_put_a_defect_off_cannot_approve_it(cast):
    defect = defects.report("V8", "corroded", "medium", by="juho")
    later = defect.due_on + timedelta(days=60)
    with pytest.raises(Refused) as refused:
        defects.step(defect, "ask_deferral", role="engineer", by="juho", until=later)
    assert refused.value.field == "reason"
    asked = defects.step(
        defect, "ask_deferral", role="engineer", by="juho", until=later, reason="spring"
    )
    with pytest.raises(NotAllowed):
        defects.step(asked, "approve_deferral", role="engineer", by="juho")
    done = defects.step(asked, "approve_deferral", role="supervisor", by="sari")
    assert (done.state, done.due_on, done.deferral_approved_by) == ("deferred", later, "sari")


def test_a_defect_becomes_work_and_is_put_right_with_it(cast, news):
    from server.tickets import services as tickets

    defect = defects.report("H1", "leaking", "high", by="juho")
    ordered = defects.step(defect, "order", role="dispatcher", by="mika")
    incident = ordered.incident
    assert (incident.kind, incident.priority) == ("defect", "P2")
    news()
    assert not ShutOff.objects.filter(incident=incident).exists()
    tickets.move_incident(incident, "restored", by="north")
    news()
    defect.refresh_from_db()
    assert defect.state == "fixed"


def test_a_valve_that_will_not_turn_is_a_defect_once(cast, burst, news):
    shut_off = ShutOff.objects.get(incident=burst)
    outages.cannot_close(shut_off, "V6", reason="seized", at=timezone.now(), by="north")
    news()
    news()
    defect = Defect.objects.get()
    assert (defect.asset, defect.kind, defect.severity) == ("V6", "seized", "high")
    assert defect.note == "seized"


def test_a_defect_needs_an_asset_that_exists_and_words_that_are_known(cast):
    for ask, field in (
        (("V99", "leaking", "low"), "target"), (("V8", "wobbly", "low"), "kind"),
        (("V8", "leaking", "dire"), "severity"),
    ):  # fmt: skip
        with pytest.raises(Refused) as refused:
            defects.report(*ask, by="juho")
        assert refused.value.field == field
    with pytest.raises(Refused) as refused:
        defects.report("V8", "leaking", "low", by="juho",
                       found_at=timezone.now() + timedelta(days=1))  # fmt: skip
    assert refused.value.field == "found_at"


def test_a_sewer_has_defects_too_and_its_work_stands_on_no_pipe(cast):
    defect = defects.report("SW2", "blocked", "medium", by="juho")
    incident = defects.step(defect, "order", role="engineer", by="juho").incident
    assert (incident.sewer, incident.pipe) == ("SW2", "")


# --- digs ---------------------------------------------------------------------------------------

def square(at: tuple[float, float], half_m: float) -> dict:
    lon, lat = at
    dy = half_m / 111_320
    dx = dy / math.cos(math.radians(lat))
    ring = [[lon - dx, lat - dy], [lon + dx, lat - dy], [lon + dx, lat + dy], [lon - dx, lat + dy]]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def allow(at: tuple[float, float], *, hours: int = 4) -> DigPermit:
    now = timezone.now()
    return digs.grant(
        "R-7", "Kaivuri Oy", square(at, 40), now - timedelta(hours=1), now + timedelta(hours=hours),
        by="juho",
    )  # fmt: skip


def test_a_dig_on_top_of_a_main_is_an_emergency_and_names_it(cast, register, news):
    incident = register("construction", at=town.along("P8", 0.5)).incident
    news()
    incident.refresh_from_db()
    dig = incident.dig
    assert (dig.verdict, incident.priority) == ("danger", "P1")
    assert dig.mains[0]["asset"] == "P8"
    assert dig.mains[0]["distance_m"] < 1.0


def test_a_dig_across_the_street_is_visited_soon_and_one_far_off_is_not(cast, register, news):
    lon, lat = town.along("P8", 0.5)
    near = register("construction", at=(lon, lat + 30 / 111_320)).incident
    far = register("construction", at=(lon, lat + 90 / 111_320)).incident
    news()
    near.refresh_from_db()
    far.refresh_from_db()
    assert (near.dig.verdict, near.priority) == ("near_main", "P2")
    assert (far.dig.verdict, far.priority) == ("clear", "P4")


def test_a_dig_with_a_permit_in_force_is_shown_as_such(cast, register, news):
    at = town.along("P8", 0.5)
    permit = allow(at)
    incident = register("construction", at=at).incident
    news()
    incident.refresh_from_db()
    assert (incident.dig.verdict, incident.dig.permit, incident.priority) == (
        "permitted", permit, "P4"
    )  # fmt: skip
    digs.revoke(permit, by="juho")
    again = digs.check(incident, by="juho")
    assert (again.verdict, again.permit) == ("danger", None)


def test_the_mains_within_reach_are_those_a_ruler_finds(cast):
    """Against shapely in the town's own projected system, at many places."""
    import numpy as np
    from django.contrib.gis.geos import Point
    from shapely import Point as Dot

    from gis_data.crs import project, project_geometries

    pipes = town.network().pipes
    lines = dict(zip(pipes, project_geometries([p.geometry for p in pipes.values()], 3879),
                     strict=True))  # fmt: skip
    rng = np.random.default_rng(4)
    west, south = town.place("G")
    east, north = town.place("C")
    for lon, lat in rng.uniform((west, south), (east, north), (40, 2)):
        dot = Dot(project(float(lon), float(lat), 3879))
        far = {name: line.distance(dot) for name, line in lines.items()}
        found = {m.asset for m in digs.mains_near(Point(float(lon), float(lat), srid=4326))}
        assert {n for n, d in far.items() if d < 49.8} <= found
        assert found <= {n for n, d in far.items() if d < 50.2}


def test_a_border_that_crosses_itself_is_repaired_and_nonsense_is_refused(cast, client):
    client.force_login(cast.juho)
    (lon, lat), d = town.along("P8", 0.5), 0.0004
    bow = [[lon, lat], [lon + d, lat + d], [lon + d, lat], [lon, lat + d], [lon, lat]]
    answer = client.post(
        "/api/digs", {"geometry": {"type": "Polygon", "coordinates": [bow]}}, content_type=JSON
    ).json()
    assert answer["repaired"] is True
    assert answer["mains"][0]["asset"] == "P8"
    for bad in (
        None, {"type": "Polygon", "coordinates": "here"}, {"type": "Polygon"},
        {"type": "LineString", "coordinates": [[lon, lat], [lon, lat + d]]},
        {"type": "Point", "coordinates": [2.0, 48.0]},
        {"type": "Polygon", "coordinates": [[[lon, lat], [lon, lat], [lon, lat], [lon, lat]]]},
    ):  # fmt: skip
        refused = client.post("/api/digs", {"geometry": bad}, content_type=JSON)
        assert refused.status_code == 422, bad
        assert refused.json()["errors"][0]["field"] == "geometry"


def test_a_permit_needs_an_area_a_time_and_a_number_of_its_own(cast):
    at = town.along("P8", 0.5)
    allow(at)
    with pytest.raises(Conflict):
        allow(at)
    now = timezone.now()
    with pytest.raises(Refused) as refused:
        digs.grant("R-8", "X", square(at, 10), now, now, by="juho")
    assert refused.value.field == "valid_to"
    with pytest.raises(Refused) as refused:
        digs.grant("R-8", "X", {"type": "Point", "coordinates": list(at)}, now,
                   now + timedelta(hours=1), by="juho")  # fmt: skip
    assert refused.value.field == "geometry"


def test_a_claim_adds_up_to_the_cent_and_can_be_paid_once(cast, register, client):
    incident = register("construction", at=town.along("P8", 0.5)).incident
    client.force_login(cast.juho)
    items = [{"what": "Clamp DN150", "amount": "412.50"}, {"what": "Crew, 5 h", "amount": 399.1}]
    made = client.post(
        "/api/claims", {"incident": incident.number, "liable": "Kaivuri Oy", "items": items,
                        "water_m3": 140}, content_type=JSON,
    ).json()  # fmt: skip
    assert (made["total"], made["asset"]) == ("811.60", "P8")
    where = f"/api/claims/{made['number']}/steps"
    assert client.post(where, {"step": "pay"}, content_type=JSON).status_code == 409
    assert client.post(where, {"step": "send"}, content_type=JSON).json()["state"] == "sent"
    assert client.post(where, {"step": "pay"}, content_type=JSON).json()["state"] == "paid"
    assert client.post(where, {"step": "pay"}, content_type=JSON).status_code == 409
    for wrong, field in (
        ([], "items"), ([{"what": "x", "amount": "NaN"}], "items.0.amount"),
        ([{"what": "", "amount": 1}], "items.0.what"), ("all", "items"),
        ([{"what": "x", "amount": -1}], "items.0.amount"), ([7], "items.0.what"),
    ):  # fmt: skip
        with pytest.raises(Refused) as refused:
            digs.claim(incident, liable="Kaivuri Oy", items=wrong, by="juho")
        assert refused.value.field == field


# --- around a place -----------------------------------------------------------------------------

def test_what_lies_around_a_place_is_what_a_ruler_finds(cast, register):
    from shapely import Point as Dot

    from gis_data.crs import project, project_geometry

    lon, lat = town.along("P8", 0.4)
    old = register("leak", at=town.along("P8", 0.6))
    far = register("leak", at=town.place("G"))
    found = nearby.around(lon, lat)
    dot = Dot(project(lon, lat, 3879))
    net = town.network()
    for kind, shapes in (
        ("pipe", {p.id: p.geometry for p in net.pipes.values()}),
        ("valve", {v.id: Dot(v.lon, v.lat) for v in net.valves.values()}),
        ("hydrant", {h.id: Dot(h.lon, h.lat) for h in net.hydrants.values()}),
        ("sewer", {s.id: s.geometry for s in town.drainage().sewers.values()}),
    ):  # fmt: skip
        far_off = {n: project_geometry(g, 3879).distance(dot) for n, g in shapes.items()}
        assert {row["id"] for row in found[kind]} == {n for n, d in far_off.items() if d <= 200}
        for row in found[kind]:
            assert row["distance_m"] == pytest.approx(far_off[row["id"]], abs=0.6)
    numbers = [row["id"] for row in found["ticket"]]
    assert old.number in numbers
    assert far.number not in numbers
    assert "Church Street" in {row["id"] for row in found["street"]}


def _picture(lon: float | None, lat: float = 0.0) -> SimpleUploadedFile:
    picture, out = Image.new("RGB", (60, 40), "navy"), BytesIO()
    exif = Image.Exif()
    if lon is not None:
        place = exif.get_ifd(0x8825)
        for at, value in ((2, lat), (4, lon)):
            degrees, rest = divmod(abs(value), 1.0)
            minutes, rest = divmod(rest * 60, 1.0)
            place[at] = (degrees, minutes, round(rest * 60, 4))
        place[1], place[3] = "N" if lat >= 0 else "S", "E" if lon >= 0 else "W"
        place[29], place[7] = "2026:03:01", (8.0, 30.0, 0.0)
    picture.save(out, "JPEG", exif=exif)
    return SimpleUploadedFile("a.jpg", out.getvalue(), "image/jpeg")


def test_a_picture_stands_where_and_when_it_was_taken(cast, settings, tmp_path):
    settings.STANDPIPE = {**settings.STANDPIPE, "PHOTOS": tmp_path}
    lon, lat = town.along("P8", 0.4)
    photo = photos.store(_picture(lon, lat), crew=cast.north, report_id=None)
    assert photo.geom.x == pytest.approx(lon, abs=1e-6)
    assert photo.taken_at.isoformat() == "2026-03-01T08:30:00+00:00"
    row = nearby.around(lon, lat)["picture"][0]
    assert (row["id"], row["about"]) == (str(photo.pk), "Crew North")
    # The stored file carries the place no longer: who gets the file does not get the position.
    with Image.open(photos.path_of(photo)) as kept:
        assert not kept.getexif().get_ifd(0x8825)


def test_a_picture_from_elsewhere_or_without_a_place_is_kept_unplaced(cast, settings, tmp_path):
    settings.STANDPIPE = {**settings.STANDPIPE, "PHOTOS": tmp_path}
    for upload in (_picture(2.35, 48.85), _picture(None)):
        assert photos.store(upload, crew=cast.north, report_id=None).geom is None
    lon, lat = town.along("P8", 0.4)
    found = nearby.around(lon, lat)
    assert found["picture"] == []
    assert found["pictures_unplaced"] == 2
    assert "pictures_unplaced_here" not in found


def test_unplaced_pictures_of_an_incident_are_listed_apart(cast, register, settings, tmp_path):
    from server.dispatch.models import Photo, WorkOrder

    settings.STANDPIPE = {**settings.STANDPIPE, "PHOTOS": tmp_path}
    lon, lat = town.along("P8", 0.4)
    incident = register("burst", at=(lon, lat)).incident
    order = WorkOrder.objects.create(incident=incident, kind="isolate", crew=cast.north)
    for upload in (_picture(lon, lat), _picture(None)):
        photo = photos.store(upload, crew=cast.north, report_id=None)
        Photo.objects.filter(pk=photo.pk).update(order=order)
    photos.store(_picture(None), crew=cast.north, report_id=None)  # of no order at all
    found = nearby.around(lon, lat, incident=str(incident.pk))
    assert len(found["picture"]) == 1
    assert [p["id"] for p in found["pictures_unplaced_here"]] == [str(photo.pk)]
    assert found["pictures_unplaced_here"][0]["about"] == "Crew North"
    with pytest.raises(Refused) as refused:
        nearby.around(lon, lat, incident="I-1")
    assert refused.value.field == "incident"


def test_around_nowhere_is_refused_by_name(cast, client):
    client.force_login(cast.aino)
    lon, lat = town.place("E")
    for query, field in (
        ("lon=x&lat=1", "place"), (f"lon={lat}&lat={lon}", "place"),
        (f"lon={lon}&lat={lat}&radius=0", "radius"), (f"lon={lon}&lat={lat}&radius=9e9", "radius"),
    ):  # fmt: skip
        answer = client.get(f"/api/nearby?{query}")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field
    assert client.get(f"/api/nearby?lon={lon}&lat={lat}").status_code == 200


def test_a_reported_valve_is_untouched_by_a_defect(cast):
    """A defect is a record: only a crew's word moves a valve."""
    defects.report("V8", "seized", "high", by="juho")
    assert Valve.objects.get(asset="V8").operable == "yes"
