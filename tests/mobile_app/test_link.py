from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mobile_app.district import District, DistrictError
from mobile_app.headless import CrewLink
from mobile_app.session import Server, SessionError
from mqtt.messages import AckError
from tests.mobile_app.office import Office
from tests.mqtt import samples
from tests.mqtt.running import free_port, until


def test_an_order_comes_and_a_report_goes(office: Office, crew: CrewLink) -> None:
    office.send(samples.order("W-1"))
    until(lambda: crew.orders(), what="the order")
    assert crew.orders()[0].main_step == "accept"
    report = crew.report("accept", "W-1", place=(24.94, 60.17))
    assert crew.wait_settled(10)
    assert office.reports[report.id] == report
    assert crew.counts().stored == 1


def test_the_button_does_not_jump_back_between_the_answer_and_the_next_list(
    office: Office, crew: CrewLink
) -> None:
    office.send(samples.order("W-1"))
    until(lambda: crew.orders())
    seen = ["accept"]
    office._move_orders = lambda batch: None  # type: ignore[method-assign]
    crew.report("accept", "W-1")

    def settled() -> bool:
        seen.append(str(crew.orders()[0].main_step))
        return crew.counts().waiting == 0

    until(settled)
    assert crew.orders()[0].main_step == "depart"
    assert set(seen) <= {"accept", "depart"}
    assert seen[1:] == sorted(seen[1:])
    office.send(samples.order("W-1", state="dispatched"))  # the server decides in the end
    until(lambda: crew.orders()[0].main_step == "accept")


def test_what_was_reported_while_nobody_answered_arrives_once(
    office: Office, crew: CrewLink
) -> None:
    office.close_desk()
    sent = [crew.report("note", "W-1", note=str(n)) for n in range(30)]
    assert not crew.wait_settled(0.5)
    office.open_desk()
    assert crew.wait_settled(20)
    assert set(office.reports) == {one.id for one in sent}
    assert [office.reports[one.id] for one in sent] == sent


def test_a_phone_back_after_hours_sends_everything_though_a_third_of_the_answers_is_lost(
    office: Office, tmp_path: Path
) -> None:
    crew = CrewLink(office.url, tmp_path / "phone", resend_s=1.0)
    crew.sign_in("crew1", "right")
    sent = [crew.report("note", "W-1", note=str(n)) for n in range(600)]
    office.lose_answers = 0.3
    crew.start()
    assert crew.wait_settled(40)
    assert set(office.reports) == {one.id for one in sent}
    assert office.deliveries > 600
    crew.close()


def test_orders_sent_while_the_phone_was_off_are_there_when_it_wakes(
    office: Office, crew: CrewLink, tmp_path: Path
) -> None:
    crew.close()
    for n in range(5):
        office.send(samples.order(f"W-{n}"))
    again = CrewLink(office.url, tmp_path / "phone")
    again.start()  # without signing in: the session was stored
    until(lambda: [o.order.number for o in again.orders() if not o.cancelled] == ["W-4"])
    again.close()


def test_stored_orders_are_shown_without_any_connection(
    office: Office, crew: CrewLink, tmp_path: Path
) -> None:
    office.send(samples.order("W-1"))
    until(lambda: crew.orders())
    crew.close()
    office.broker.kill()
    again = CrewLink("http://127.0.0.1:1", tmp_path / "phone")
    again.start()
    assert [o.order.number for o in again.orders()] == ["W-1"]
    again.report("accept", "W-1")
    assert again.orders()[0].main_step == "depart"
    assert not again.connected
    again.close()


def test_a_broker_killed_five_times_costs_no_report_no_position_and_no_order(
    office: Office, crew: CrewLink
) -> None:
    for n in range(100):
        crew.report("note", "W-1", note=str(n))
        crew.position(24.94 + n / 1000, 60.17)
        if n % 20 == 10:
            office.broker.kill()
            office.broker.start()
    assert crew.wait_settled(60)
    assert len(office.reports) == 100
    until(lambda: len(office.positions) == 100, 60, what="all positions")
    until(lambda: crew.queue.count() == 0, 30, what="forgetting them")
    office.send(samples.order("W-7"))
    until(lambda: crew.orders(), what="the order after the restarts")


def test_the_office_sees_when_a_phone_vanishes_and_when_it_leaves(
    office: Office, crew: CrewLink
) -> None:
    from tests.mqtt.test_broker import Listener

    states: list[bytes] = []

    class Desk(Listener):
        pass

    desk = Desk.__new__(Desk)
    from mqtt.connection import Account, Connection

    desk.got = []
    desk.connection = Connection(
        Account("127.0.0.1", office.broker.port, "server", "server-secret", "desk"),
        subscriptions=("sp/v1/dev/crew1/state",),
        on_message=lambda m: states.append(m.payload), session_s=0,
    )
    with desk:
        until(lambda: states[-1:] == [b"online"], what="online")
        crew.stop()
        until(lambda: states[-1:] == [b"offline"], what="offline")


def test_a_refused_report_is_shown_with_the_offices_words(office: Office, crew: CrewLink) -> None:
    office.refuse["arrive"] = AckError("order", "not_yours", "Order W-1 went to crew 3.")
    crew.report("arrive", "W-1")
    assert crew.wait_settled(10)
    assert [r.text for r in crew.refused()] == ["Order W-1 went to crew 3."]


def test_garbage_from_the_office_is_let_go(office: Office, crew: CrewLink) -> None:
    assert office.publisher is not None
    office.publisher._send("sp/v1/dev/crew1/orders", b"\xff{", 5, retain=True)
    office.publisher._send("sp/v1/dev/crew1/ack", b'{"acks": 7}', 5)
    office.send(samples.order("W-1"))
    until(lambda: crew.orders(), what="the good order")
    assert crew.link is not None
    assert crew.link.garbage == 2


def test_positions_queue_without_signal_and_follow(office: Office, crew: CrewLink) -> None:
    crew.position(24.94, 60.17, speed_mps=5)
    until(lambda: len(office.positions) == 1)
    until(lambda: crew.queue.count() == 0, what="forgetting the sent one")
    office.broker.kill()
    for n in range(50):
        crew.position(24.94 + n / 1000, 60.17)
    assert crew.queue.count() == 50
    office.broker.start()
    until(lambda: len(office.positions) == 51, 30, what="all positions")
    until(lambda: crew.queue.count() == 0, what="forgetting them")


def test_positions_nobody_subscribes_to_are_kept_and_sent_again(
    office: Office, tmp_path: Path
) -> None:
    office.close_desk()
    office.broker.kill()
    for file in office.broker.config.state.glob("mosquitto.db*"):
        file.unlink()  # the office's subscription with it
    office.broker.start()
    crew = CrewLink(office.url, tmp_path / "phone", resend_s=0.2)
    crew.sign_in("crew1", "right")
    crew.start()
    until(lambda: crew.connected, what="the line")
    for n in range(20):
        crew.position(24.94 + n / 1000, 60.17)
    assert crew.link is not None
    until(lambda: crew.link and crew.link._positions_pause > 0.2, what="the broker's answer")
    assert crew.queue.count() == 20
    office.open_desk()
    until(lambda: len(office.positions) == 20, 30, what="all positions")
    until(lambda: crew.queue.count() == 0, what="forgetting them")
    crew.close()


def test_a_photo_follows_its_report(office: Office, crew: CrewLink, tmp_path: Path) -> None:
    picture = tmp_path / "pit.jpg"
    picture.write_bytes(b"\xff\xd8" + bytes(range(256)) * 100)
    report = crew.report("photo", "W-1", photo=picture)
    until(lambda: office.photos.get(report.id) == picture.read_bytes(), what="the photo")
    until(lambda: crew.counts().photos_waiting == 0)


def test_a_photo_the_server_will_never_take_is_not_sent_for_ever(
    office: Office, crew: CrewLink, tmp_path: Path
) -> None:
    office.photo_status = 422
    picture = tmp_path / "song.mp3"
    picture.write_bytes(b"la")
    crew.report("photo", "W-1", photo=picture)
    until(lambda: crew.counts().photos_waiting == 0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_wrong_password_is_said_in_the_users_language(office: Office, language: str) -> None:
    with pytest.raises(SessionError) as wrong:
        Server(office.url, language).sign_in("crew1", "no")  # type: ignore[arg-type]
    assert wrong.value.code == "refused"
    assert ("密码" in wrong.value.text) == (language == "zh")


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "bad_server"), ("ftp://x", "bad_server"), ("http://", "bad_server"),
        ("http://[", "bad_server"), ("http://a:99999", "bad_server"),
        ("http://a b", "bad_server"),
    ],
)
def test_a_strange_address_is_refused(address: str, code: str) -> None:
    with pytest.raises(SessionError) as bad:
        Server(address).sign_in("a", "b")
    assert bad.value.code in (code, "unreachable")


def test_nobody_there_is_said_plainly() -> None:
    with pytest.raises(SessionError, match="does not answer") as gone:
        Server(f"127.0.0.1:{free_port()}").sign_in("a", "b")
    assert gone.value.code == "unreachable"


@pytest.mark.parametrize(
    ("change", "field"),
    [({"mqtt": None}, "mqtt"), ({"token": 7}, "token"), ({"crew": []}, "crew")],
)
def test_an_answer_with_a_hole_names_the_field(
    office: Office, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], field: str
) -> None:
    good = office.sign_in(json.dumps({"user": "crew1", "password": "right"}).encode())[1]
    monkeypatch.setattr(office, "sign_in", lambda body: (200, {**good, **change}))
    with pytest.raises(SessionError, match=field) as bad:
        Server(office.url).sign_in("crew1", "right")
    assert bad.value.code == "bad_answer"


def test_the_token_does_not_follow_an_address_to_another_server(
    office: Office, crew: CrewLink, tmp_path: Path
) -> None:
    assert crew.session is not None
    elsewhere = replace(crew.session, district_url="http://evil.example/d")
    with pytest.raises(SessionError):
        crew.server.fetch_district(elsewhere, tmp_path / "d")


def test_the_map_comes_to_the_phone_and_stays(office: Office, crew: CrewLink) -> None:
    assert crew.district() is None
    assert crew.fetch_district()
    district = crew.district()
    assert district is not None
    assert district.meta["name"] == "Test town"
    assert len(district.valves) == 42
    office.district.write_bytes(b"an error page")
    with pytest.raises(SessionError):
        crew.fetch_district()
    assert crew.district() is not None, "the good map must stay"


@pytest.mark.parametrize("content", [b"", b"no database", None])
def test_a_broken_map_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "district.sqlite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DistrictError, match=r"district\.sqlite"):
        District.open(path)
