from __future__ import annotations

import hashlib
import itertools
import random
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mobile_app.orders import OrderBook
from mobile_app.outbox import Outbox
from mobile_app.positions import Fix, PositionQueue
from mobile_app.store import Store, StoreError
from mqtt.fields import BadMessage
from mqtt.messages import Ack, AckError, ReportAck
from tests.mqtt import samples
from tests.mqtt.running import until

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def answer(*ids: str, ok: bool = True, version: int | None = None) -> Ack:
    error = None if ok else AckError("order", "not_yours", "That order is another crew's.")
    return Ack(tuple(ReportAck(one, ok, NOW, error, version) for one in ids))


def test_a_report_waits_until_the_office_has_it(store: Store) -> None:
    outbox = Outbox(store)
    one = outbox.add("accept", "W-1")
    assert outbox.waiting() == [one]
    assert outbox.settle(answer(one.id)) == 1
    assert outbox.waiting() == []
    counts = outbox.counts()
    assert (counts.waiting, counts.stored, counts.total) == (0, 1, 1)


def test_the_same_answer_twice_or_for_a_stranger_changes_nothing(store: Store) -> None:
    outbox = Outbox(store)
    one = outbox.add("accept", "W-1")
    outbox.settle(answer(one.id))
    assert outbox.settle(answer(one.id, ok=False)) == 0
    assert outbox.settle(answer("00000000-0000-4000-8000-000000000000")) == 0
    assert outbox.counts().stored == 1


def test_a_refused_report_stops_waiting_and_tells_the_crew_once(store: Store) -> None:
    outbox = Outbox(store)
    one = outbox.add("accept", "W-1")
    outbox.settle(answer(one.id, ok=False))
    assert outbox.waiting() == []
    (refusal,) = outbox.refused()
    assert refusal.text == "That order is another crew's."
    outbox.mark_seen([one.id])
    assert outbox.refused() == []


def test_an_older_list_that_comes_after_the_answer_does_not_undo_a_report(store: Store) -> None:
    """The office made list 8 before the report, and was slow to send it."""
    outbox, book = Outbox(store), OrderBook(store)
    book.take(samples.orders(7, samples.order("W-1")))
    one = outbox.add("accept", "W-1")
    outbox.settle(answer(one.id, version=8))
    book.take(samples.orders(8, samples.order("W-1")))
    assert outbox.settling() == [one]
    book.take(samples.orders(9, samples.order("W-1", state="accepted")))
    assert outbox.settling() == []


def test_an_answer_that_comes_after_its_list_adds_nothing_to_it(store: Store) -> None:
    outbox, book = Outbox(store), OrderBook(store)
    one, note = outbox.add("accept", "W-1"), outbox.add("note", "W-1", note="wet")
    book.take(samples.orders(9, samples.order("W-1", state="accepted")))
    outbox.settle(answer(one.id, version=8))
    outbox.settle(answer(note.id))  # changed nothing: no list will show it
    assert outbox.settling() == []


def test_numbers_count_up_and_a_wiped_phone_does_not_use_them_again(tmp_path: Path) -> None:
    first = Store(tmp_path / "a")
    seqs = [Outbox(first).add("accept", "W-1").seq for _ in range(3)]
    assert seqs == [seqs[0], seqs[0] + 1, seqs[0] + 2]
    first.close()
    again = Store(tmp_path / "a")
    assert Outbox(again).add("accept", "W-1").seq == seqs[-1] + 1
    wiped = Store(tmp_path / "b")
    assert Outbox(wiped).add("accept", "W-1").seq > seqs[0]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"action": "close_valve"}, "valve"),
        ({"action": "decline"}, "reason"),
        ({"action": "note", "note": "x" * 5000}, "note"),
        ({"action": "accept", "place": (0.0, 0.0)}, "lon"),
        ({"action": "accept", "place": (25.0, 91.0)}, "lat"),
        ({"action": "dance"}, "action"),
    ],
)
def test_what_the_server_would_refuse_is_refused_at_once(
    store: Store, values: dict[str, object], field: str
) -> None:
    with pytest.raises(BadMessage) as bad:
        Outbox(store).add(order="W-1", **values)  # type: ignore[arg-type]
    assert bad.value.field == field
    assert Outbox(store).counts().total == 0


def test_a_photo_and_its_report_are_one(store: Store, tmp_path: Path) -> None:
    picture = tmp_path / "坑 1.JPG"
    picture.write_bytes(b"jpeg" * 1000)
    outbox = Outbox(store)
    report = outbox.add("photo", "W-1", photo=picture)
    picture.unlink()  # the gallery may delete it: we have our own copy
    (photo,) = outbox.photos_waiting()
    assert photo.report_id == report.id
    assert hashlib.sha256(photo.path.read_bytes()).hexdigest() == photo.sha256
    assert report.photo is not None
    assert report.photo.name == "坑 1.JPG"
    outbox.photo_done(report.id)
    assert outbox.photos_waiting() == []


def test_a_photo_that_is_not_there_leaves_no_report(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="photo"):
        Outbox(store).add("photo", "W-1", photo=tmp_path / "none.jpg")
    assert Outbox(store).counts().total == 0


WRITER = """
import sys
from pathlib import Path
from mobile_app.outbox import Outbox
from mobile_app.store import Store
outbox = Outbox(Store(Path(sys.argv[1])))
picture = Path(sys.argv[2])
while True:
    report = outbox.add("photo", "W-1", note="x" * 500, photo=picture)
    print(report.id, flush=True)
"""


def test_a_process_killed_while_writing_loses_nothing_it_had_promised(tmp_path: Path) -> None:
    picture = tmp_path / "p.jpg"
    picture.write_bytes(b"x" * 50_000)
    promised: set[str] = set()
    for _ in range(5):
        with (tmp_path / "out").open("w+") as out:
            writer = subprocess.Popen(
                [sys.executable, "-c", WRITER, str(tmp_path / "phone"), str(picture)], stdout=out
            )
            until(lambda: (tmp_path / "out").stat().st_size > 37 * random.randint(3, 12))
            writer.kill()
            writer.wait()
            out.seek(0)
            promised |= {line.strip() for line in out if len(line) == 37}
    store = Store(tmp_path / "phone")
    assert store.recovered_from is None
    kept = {report.id for report in Outbox(store).waiting(10_000)}
    assert promised <= kept
    assert len(kept) - len(promised) <= 5  # at most the one in hand, each time
    assert {p.report_id for p in Outbox(store).photos_waiting(10_000)} == kept
    store.close()


def test_a_full_phone_says_so_and_keeps_what_it_has(store: Store) -> None:
    outbox = Outbox(store)
    first = outbox.add("accept", "W-1")
    ((pages,),) = store.read("PRAGMA page_count")
    store.read(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="full") as full:
        for _ in range(200):
            outbox.add("note", "W-1", note="x" * 4000)
    assert full.value.full
    assert outbox.waiting()[0] == first
    store.read("PRAGMA max_page_count = 1000000")
    outbox.add("depart", "W-1")


def test_a_damaged_store_is_put_aside_and_work_goes_on(tmp_path: Path) -> None:
    directory = tmp_path / "phone"
    directory.mkdir()
    (directory / "crew.db").write_bytes(b"this was a database" * 500)
    store = Store(directory)
    assert store.recovered_from is not None
    assert store.recovered_from.read_bytes().startswith(b"this was")
    Outbox(store).add("accept", "W-1")
    store.close()


def test_a_directory_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        Store(tmp_path / "file" / "phone")


def test_positions_are_thinned_from_the_oldest_and_stay_in_order(store: Store) -> None:
    queue = PositionQueue(store, keep=100)
    added = [queue.add(Fix(24.9 + n / 1e5, 60.1, 5, NOW)) for n in range(300)]
    kept = queue.waiting(1000)
    assert len(kept) <= 100
    assert [p.seq for p in kept] == sorted(p.seq for p in kept)
    assert kept[-40:] == added[-40:]
    gaps = [b.seq - a.seq for a, b in itertools.pairwise(kept)]
    assert max(gaps[:20]) > max(gaps[-20:])
    queue.done([p.id for p in kept])
    assert queue.count() == 0


def test_synchronisation_is_full(store: Store) -> None:
    assert store.read("PRAGMA synchronous") == [(2,)]
    assert store.read("PRAGMA journal_mode") == [("wal",)]
    with sqlite3.connect(store.path) as other:
        assert other.execute("SELECT count(*) FROM reports").fetchone() == (0,)
