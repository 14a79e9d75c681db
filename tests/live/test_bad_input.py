"""What strangers, slips and broken files do to a running system: a clear word, nothing lost."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from tests.live import screens
from tests.live.city import customer_on_a_quiet_pipe
from tests.live.crew import at_work
from tests.live.system import CONTENT, REPO, eventually

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def quiet_logs(system: Any) -> Iterator[None]:
    """Whatever a test of this file does, no log gets a traceback for it."""
    before = system.tracebacks()
    yield
    new = {name: n for name, n in system.tracebacks().items() if n > before.get(name, 0)}
    assert not new, "\n".join(system.log(name)[-3000:] for name in new)


def problems(answer: Any, *status: int) -> dict[str, str]:
    """{field: code} of a refusal, which must have words too."""
    assert answer.status_code in status, f"{answer.status_code} {answer.text[:400]}"
    errors = answer.json()["errors"]
    assert errors and all(e["text"] for e in errors)
    return {e["field"]: e["code"] for e in errors}


def job(system: Any) -> Any:
    """A burst registered at the counter and a crew sent: the work order's row."""
    agent, control = system.office("agent1"), system.office("dispatcher1")
    customer = customer_on_a_quiet_pipe(system, control, valves=(2, 4))
    place = {"lon": customer.lon, "lat": customer.lat, "address": customer.address}
    made = agent.tell("/api/tickets", kind="burst", place=place, name="At the counter")
    assert made.status_code == 201, made.text
    incident = made.json()["incident"]
    crew = control.ask(f"/api/incidents/{incident}/crews")["ranked"][0]["crew"]["id"]
    sent = control.tell(f"/api/incidents/{incident}/assign", crew=crew)
    assert sent.status_code == 201, sent.text
    return system.one(
        "SELECT o.number, o.state, c.code, c.id AS crew, t.number AS ticket "
        "FROM dispatch_workorder o JOIN workforce_crew c ON c.id = o.crew_id "
        "JOIN tickets_ticket t ON t.incident_id = o.incident_id WHERE o.incident_id = %s",
        [incident],
    )  # fmt: skip


def test_unknown_and_hidden_callers_are_calls_like_any_other(system: Any) -> None:
    for number, identity in (("0299998877", "none"), ("", "hidden")):
        began = time.time()
        outcome = system.ring(number, seconds=3).result(90)
        row = system.call_from(number, began)
        assert outcome.answered, outcome
        assert (row.identity, row.verdict, row.account_id) == (identity, "nothing_known", None)
        eventually(
            lambda row=row: system.one(
                "SELECT 1 FROM calls_call WHERE id = %s AND state = 'ended' AND outcome <> ''",
                [row.id],
            ),
            "the call's end",
        )  # fmt: skip


def test_a_long_name_full_of_markup_is_shown_as_text(
    system: Any, screen_of: Any, shot: Any
) -> None:
    name = ("<img src=x onerror=window.__hacked=1><b>boom</b>&amp;" * 11)[:500]
    desk = screen_of("agent1", "/desk")
    screens.take_calls(desk)
    screens.watch_pop(desk)
    began = time.time()
    ringing = system.ring("0299997766", name=name, seconds=80, keys=CONTENT, keys_every_s=4)
    screens.popped(desk)
    row = system.call_from("0299997766", began)
    assert row.name and name.startswith(row.name)
    screens.phone_is(desk, "ringing")
    desk.locator("#call .who b").wait_for()
    assert desk.locator("#call .who b").inner_text().startswith("<img src=x")
    assert desk.locator("img[src=x]").count() == 0
    assert desk.evaluate("window.__hacked") is None
    shot(desk, "9-desk-markup")
    desk.get_by_test_id("answer").click()
    screens.phone_is(desk, "talking")
    desk.get_by_test_id("hangup").click()
    assert ringing.result(60).hung_up_by == "desk"


def test_a_place_outside_the_city_is_refused_by_name_and_keeps_nothing(system: Any) -> None:
    agent = system.office("agent1")
    before = system.one("SELECT count(*) AS n FROM tickets_ticket").n
    for lon, lat in ((2.35, 48.85), (60.17, 24.94), (24.94, None), ("x", "y"), (181, 0)):
        answer = agent.tell("/api/tickets", kind="burst", place={"lon": lon, "lat": lat})
        fields = problems(answer, 400, 422)
        assert all(f.split(".")[0] in ("place", "lon", "lat") for f in fields), fields
    assert system.one("SELECT count(*) AS n FROM tickets_ticket").n == before


def test_steps_of_others_and_illegal_steps_are_refused_and_kept(system: Any, tmp_path: Any) -> None:
    order = job(system)
    other = system.one(
        "SELECT code FROM workforce_crew WHERE id <> %s ORDER BY id LIMIT 1", [order.crew]
    ).code
    with at_work(system, other, tmp_path / "other") as thief:
        sent = thief.link.report("accept", order.number)
        assert thief.link.wait_settled(30)
        assert [r.report.id for r in thief.link.refused()] == [sent.id]
        assert thief.link.refused()[0].text
    with at_work(system, order.code, tmp_path / "own") as own:
        own.order(order.number)
        leap = own.link.report("restored", order.number)
        assert own.link.wait_settled(30)
        assert [r.report.id for r in own.link.refused()] == [leap.id]
    kept = system.rows(
        "SELECT message_id::text AS id, refused FROM dispatch_crewreport "
        "WHERE message_id::text IN (%s, %s)", [sent.id, leap.id],
    )  # fmt: skip
    assert {r.id: r.refused for r in kept} == {sent.id: "not_yours", leap.id: "illegal_transition"}

    # The same by the doors of the office: what is not possible says what is.
    chief = system.office("supervisor1")
    answer = chief.tell(
        f"/api/work-orders/{order.number}/actions", action="restored", reason="to see"
    )
    assert problems(answer, 409) == {"action": "illegal_transition"}
    assert answer.json()["current"] == "dispatched" and "accept" in answer.json()["allowed"]
    answer = system.office("agent1").tell(f"/api/tickets/{order.ticket}/actions", action="close")
    assert answer.status_code in (403, 409) and answer.json()["errors"][0]["text"]
    now = system.one("SELECT state FROM dispatch_workorder WHERE number = %s", [order.number])
    assert now.state == "dispatched"


GARBAGE = (
    b"\xff\xfe\x00garbage", b"", b"{", b"null", b"[" * 5000, b'{"id": "x", "seq": -1}',
    b'{"id": 1e999}', json.dumps({"lon": "NaN", "lat": [1]}).encode(),
)  # fmt: skip
# Longer than the broker lets anybody speak: it is dropped before it reaches us.
TOO_LONG = b"A" * 300_000


def test_garbage_on_the_broker_is_counted_and_stops_nobody(system: Any, tmp_path: Any) -> None:
    # One that works round the clock: positions of crews off shift are refused, as they should be.
    crew = system.one("SELECT * FROM workforce_crew WHERE code = 'crew6'")
    before = system.pid("ingest")
    refused = "SELECT coalesce(sum(count), 0) AS n FROM positions_refusal WHERE device = %s"
    counted = system.one(refused, [crew.device]).n
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id=f"{crew.device}-garbage",
        protocol=mqtt.MQTTv5,
    )  # fmt: skip
    client.username_pw_set(crew.device, crew.mqtt_password)
    client.connect("127.0.0.1", system.ports["mqtt"])
    client.loop_start()
    eventually(client.is_connected, "a connection for the garbage", 20)
    for kind in ("pos", "report"):
        for data in GARBAGE:
            client.publish(f"sp/v1/dev/{crew.device}/{kind}", data, qos=1).wait_for_publish(10)
    client.publish(f"sp/v1/dev/{crew.device}/report", TOO_LONG, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    eventually(
        lambda: system.one(refused, [crew.device]).n == counted + 2 * len(GARBAGE),
        "the garbage in the count of refusals",
    )
    # The next good word is heard by the same process.
    with at_work(system, crew.code, tmp_path / "crew6") as phone:
        fix = phone.link.position(24.9384, 60.1699)
        eventually(
            lambda: system.one("SELECT 1 FROM positions_fix WHERE seq = %s", [fix.seq]),
            "the good position",
        )
    assert system.pid("ingest") == before


BROKEN_INP = "[TITLE]\nhalf a file\n[JUNCTIONS]\n J1  12.0\n[PIPES]\n P1 J1 J9 hundred 150 100\n"


def test_broken_files_leave_the_city_as_it_was(system: Any, tmp_path: Path) -> None:
    def city() -> Any:
        return (
            system.rows("SELECT * FROM network_networkversion ORDER BY id"),
            system.one("SELECT count(*) AS n, max(id) FROM customers_premise"),
            system.one("SELECT name, ST_AsText(depot) FROM places_city"),
        )

    before = city()
    pbf, osm, inp = tmp_path / "a.osm.pbf", tmp_path / "b.osm", tmp_path / "c.inp"
    pbf.write_bytes(b"\x00\x00\x00\x0d\x0a\x09OSMHeader" + b"\xff" * 400)
    osm.write_text("<osm version='0.6'><node id='1' lat='60' lon='24'/><way id='2'>")
    inp.write_text(BROKEN_INP)
    for words, named in (
        (["--streets", str(pbf), "--grow-network"], pbf.name),
        (["--streets", str(osm), "--grow-network"], osm.name),
        (["--network", str(inp), "--crs", "EPSG:3879"], inp.name),
        (["--network", str(tmp_path / "none.inp"), "--crs", "EPSG:3879"], "none.inp"),
        (["--network", str(inp), "--crs", "EPSG:1"], "EPSG"),
    ):
        done = system.command("city", "load", *words)
        said = done.stdout + done.stderr
        assert done.returncode != 0, said
        assert "Traceback" not in said, said
        assert named in said or "line" in said or "--crs" in said, said
    assert city() == before
    system.wait_healthy()


def test_the_front_door_hands_over_to_django_as_the_readme_shows(system: Any) -> None:
    show = "from server.customers.models import Phone; print(Phone.objects.first().number)"
    assert show in (REPO / "README.md").read_text(encoding="utf-8")
    done = system.command("manage", "shell", "-c", show)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1].lstrip("+").isdigit()
    done = system.command("manage", "no_such_command")
    assert done.returncode != 0 and "Traceback" not in done.stdout + done.stderr
