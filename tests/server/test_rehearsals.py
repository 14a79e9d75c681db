"""A rehearsal: crews that are not there, phones that go wrong, and books that balance.

every 5th vehicle is faulty, the kinds in turn:

vehicle   0 1 2 3 [4] 5 6 7 8 [9] 10 11 12 13 [14] …
fault             clock       jumps           swapped
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from server.positions import partitions
from server.positions.models import Device, Fix, Refusal
from server.simulator.accounting import Books
from server.simulator.crews import Tally
from server.simulator.faults import KINDS, Reading, away, fault_of, spoil
from server.simulator.running import split_rate

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
HERE = Reading(24.94, 60.17, 4.0, NOON)


def test_the_share_of_faulty_vehicles_is_the_one_asked_for_and_all_kinds_take_turns() -> None:
    for share in (0.0, 0.1, 0.2, 0.35, 1.0):
        faults = Counter(fault_of(n, share) for n in range(200))
        sound = faults.pop("", 0)
        assert sound == 200 - round(200 * share)
        assert max(faults.values(), default=0) - min(faults.values(), default=0) <= 1
    assert [fault_of(n, 0.2) for n in (4, 9, 14, 19, 24)] == list(KINDS)


def test_a_sound_phone_reports_what_its_receiver_says() -> None:
    assert all(
        spoil(HERE, fault, Random(n)) == HERE for n in range(50) for fault in ("", "offline")
    )


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("clock_ahead", lambda r: r.fix_time == NOON + timedelta(days=1)),
        ("jumps", lambda r: r.lon > HERE.lon + 0.1),
        ("swapped", lambda r: (r.lon, r.lat) == (HERE.lat, HERE.lon)),
        ("coarse", lambda r: r.accuracy_m > 500),
    ],
)
def test_a_faulty_phone_is_wrong_now_and_then_and_right_in_between(fault, told) -> None:  # type: ignore[no-untyped-def]
    readings = [spoil(HERE, fault, Random(n)) for n in range(60)]
    wrong = [r for r in readings if r != HERE]
    assert 5 < len(wrong) < 55
    assert all(told(r) for r in wrong)


def test_a_van_in_a_tunnel_comes_out_again() -> None:
    states = [away(s) for s in range(240)]
    assert 0.2 < sum(states) / len(states) < 0.5
    assert not states[0]


def test_what_one_telephone_cannot_take_comes_to_the_counter(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("STANDPIPE_SIP_PORT", "5060")
    assert split_rate(50) == (72.0, 0.0)
    call_s, visit_s = split_rate(600)
    assert 3600 / call_s + 3600 / visit_s == pytest.approx(600)
    monkeypatch.delenv("STANDPIPE_SIP_PORT")
    assert split_rate(60) == (0.0, 60.0)
    assert split_rate(0) == (0.0, 0.0)


def test_tallies_of_squads_add_up() -> None:
    assert Tally(5, 1, 2, 1, 0, 1) + Tally(7, 0, 3, 2, 1, 0) == Tally(12, 1, 5, 3, 1, 1)


@pytest.mark.django_db
def test_the_books_count_what_came_since_they_were_opened_and_name_what_is_missing() -> None:
    partitions.ensure([NOON.date()])
    devices = {
        name: Device.objects.create(name=name, kind="phone")
        for name in ("phone-sim001", "phone-other")
    }

    def fix(device: str, seq: int, flag: str = "") -> Fix:
        return Fix(
            device=devices[device], seq=seq, fix_time=NOON + timedelta(seconds=seq),
            device_time=NOON, received_at=datetime.now(UTC), lon=24.94, lat=60.17, accuracy_m=5,
            flag=flag,
        )  # fmt: skip

    def refuse(reason: str, count: int) -> None:
        Refusal.objects.update_or_create(
            device="phone-sim001", reason=reason, defaults={"count": count, "last_at": NOON}
        )

    Fix.objects.bulk_create([fix("phone-sim001", 1), fix("phone-other", 2)])
    refuse("future", 7)
    books = Books(["phone-sim001"])
    Fix.objects.bulk_create([fix("phone-sim001", n) for n in (3, 4)])
    Fix.objects.bulk_create([fix("phone-sim001", 5, flag="jump"), fix("phone-other", 6)])
    refuse("future", 9)
    refuse("duplicate", 4)

    assert books.positions(sent=6, kept=1) == {
        "sent": 6, "stored": 3, "flagged": {"jump": 1}, "refused": {"future": 2}, "repeats": 4,
        "on_the_phone": 1, "balance": 0,
    }  # fmt: skip
    # One more sent than anybody has seen: the books say so.
    assert books.positions(sent=7, kept=1)["balance"] == 1
