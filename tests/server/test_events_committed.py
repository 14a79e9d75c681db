"""The list of events under real commits: none lost, none twice, one failure stops nobody else."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import threading
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction

from server.events import reading, subscribing
from server.events.models import Cursor, Event, FailedDelivery
from server.events.reading import Mark, Row, after
from server.events.services import publish
from server.replay import folding
from server.replay.subscribers import keep_spans

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty() -> None:
    Event.objects.all().delete()
    Cursor.objects.all().delete()


def in_threads(*jobs: Any) -> None:
    failures: list[BaseException] = []

    def run(job: Any) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures, failures


def test_four_writers_lose_no_event_and_no_reader_sees_one_twice():
    writers, each = 4, 60
    done = threading.Event()
    seen: list[int] = []

    def write(n: int) -> None:
        # The barrier of numbers: ids are taken early and committed late, in any order.
        for i in range(each):
            with transaction.atomic():
                publish(f"w{n}", topic="calls", i=i)
                if i % 7 == n:
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT pg_sleep(0.004)")

    def read() -> None:
        mark = Mark(0, 0)
        while True:
            last = done.is_set()
            while rows := after(mark, limit=17):
                seen.extend(r.mark.event_id for r in rows)
                mark = rows[-1].mark
            if last:
                return
            done.wait(0.002)

    reader = threading.Thread(target=in_threads, args=(read,))
    reader.start()
    in_threads(*(lambda n=n: write(n) for n in range(writers)))
    done.set()
    reader.join(30)
    assert len(seen) == len(set(seen)) == writers * each
    assert set(seen) == set(Event.objects.values_list("pk", flat=True))


def test_an_event_of_a_running_transaction_holds_back_those_behind_it():
    begun, finish = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            publish("slow")
            begun.set()
            finish.wait(10)

    thread = threading.Thread(target=in_threads, args=(slow,))
    thread.start()
    begun.wait(10)
    publish("quick")
    assert after(Mark(0, 0)) == []
    assert reading.waiting_behind(Mark(0, 0))
    finish.set()
    thread.join(10)
    assert [r.name for r in after(Mark(0, 0))] == ["slow", "quick"]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Two subscribers: one listens, one cannot digest 'bad' while `broken` holds something."""
    found: dict[str, list[str]] = {"good": [], "picky": [], "broken": ["yes"]}

    def good(row: Row) -> None:
        publish("effect", of=row.mark.event_id) if row.name != "effect" else None
        found["good"].append(row.name)

    def picky(row: Row) -> None:
        if row.name == "bad" and found["broken"]:
            publish("half an effect")
            raise ValueError("indigestible")
        found["picky"].append(row.name)

    monkeypatch.setattr(subscribing, "subscribers", lambda: {"good": good, "picky": picky})
    return found


def deliver_all() -> None:
    """As the process does: again and again until nobody is behind."""
    while subscribing.deliver():
        pass


def test_a_failing_subscriber_is_put_aside_and_the_others_go_on(heard):
    for name in ("one", "bad", "two"):
        publish(name)
    deliver_all()
    assert [n for n in heard["good"] if n != "effect"] == ["one", "bad", "two"]
    assert [n for n in heard["picky"] if n != "effect"] == ["one", "two"]
    kept = FailedDelivery.objects.get()
    assert (kept.subscriber, kept.attempts) == ("picky", 1)
    assert "indigestible" in kept.error
    # Its half effect was taken back with it.
    assert not Event.objects.filter(name="half an effect").exists()


def test_what_was_put_aside_is_tried_again_later_and_only_then(heard):
    publish("bad")
    deliver_all()
    assert subscribing.retry_failed() == 0  # not yet due
    FailedDelivery.objects.update(next_try_at="2020-01-01T00:00Z")
    assert subscribing.retry_failed() == 0  # fails again, waits longer
    kept = FailedDelivery.objects.get()
    assert kept.attempts == 2 and kept.next_try_at is not None
    heard["broken"].clear()
    FailedDelivery.objects.update(next_try_at="2020-01-01T00:00Z")
    assert subscribing.retry_failed() == 1
    assert [n for n in heard["picky"] if n != "effect"] == ["bad"]
    assert subscribing.retry_failed() == 0


def test_after_many_tries_a_person_has_to_look(heard):
    publish("bad")
    deliver_all()
    FailedDelivery.objects.update(attempts=subscribing.MAX_ATTEMPTS - 1,
                                  next_try_at="2020-01-01T00:00Z")  # fmt: skip
    subscribing.retry_failed()
    assert FailedDelivery.objects.get().next_try_at is None


def test_two_workers_carry_each_event_once(heard):
    for n in range(80):
        publish(f"e{n}")

    def work() -> None:
        for _ in range(12):
            subscribing.deliver(limit=7)

    in_threads(work, work)
    while subscribing.deliver():
        pass
    wanted = [f"e{n}" for n in range(80)]
    assert [n for n in heard["good"] if n != "effect"] == wanted
    assert [n for n in heard["picky"] if n != "effect"] == wanted
    effects = Event.objects.filter(name="effect").values_list("payload__of", flat=True)
    assert len(effects) == len(set(effects)) == 80


def test_the_cursor_moves_with_the_effect_or_not_at_all(heard, monkeypatch):
    publish("one")
    monkeypatch.setattr(Cursor, "save", lambda *a, **k: (_ for _ in ()).throw(RuntimeError("kill")))
    with pytest.raises(RuntimeError):
        subscribing._deliver_to("good", 10)
    assert not Event.objects.filter(name="effect").exists()
    monkeypatch.undo()


def test_events_restored_into_a_younger_cluster_stand_behind_those_to_come(heard):
    # Written in a cluster ten million transactions older.
    rows = [
        Event.objects.create(name=name, xid=10**7 + n)
        for n, name in enumerate(("old 1", "old 2", "unread"))
    ]
    Cursor.objects.create(subscriber="good", xid=rows[1].xid, event_id=rows[1].pk)
    publish("new")
    assert subscribing._deliver_to("good", 10) == 0  # this is what would have gone on for ever
    assert reading.renumber_after_restore() == 3
    assert reading.renumber_after_restore() == 0
    publish("newer")
    subscribing._deliver_to("good", 10)
    assert heard["good"] == ["unread", "new", "newer"]
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        Event.objects.update(name="other")


@pytest.mark.parametrize(
    "text",
    ["", "-", "1", "1-", "-1", "x-1", "²-1", "١-٢", "9" * 19 + "-1", "1-" + "9" * 30, "1-2-3"],
)
def test_a_last_event_id_that_is_none_of_ours_is_no_mark(text):
    assert Mark.parse(text) is None
    assert Mark.parse("12-34") == Mark(12, 34)


def test_no_subscriber_listens_for_what_it_is_not_given():
    """The kinds above a subscriber cover every event that it, or a set it looks into, names."""
    looked = 0
    for name, subscriber in subscribing.subscribers().items():
        kinds = getattr(subscriber, "kinds", None)
        if kinds is None:
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(subscriber)))
        named = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
        for held in (subscriber.__globals__.get(n.id) for n in ast.walk(tree)
                     if isinstance(n, ast.Name)):  # fmt: skip
            named |= set(held) if isinstance(held, set | frozenset) else set()
        wanted = {n.partition(".")[0] for n in named
                  if isinstance(n, str) and re.fullmatch(r"[a-z]+\.[a-z_]+", n)}  # fmt: skip
        assert wanted <= kinds, name
        looked += bool(wanted)
    assert looked > 10
    drawn = {n.partition(".")[0] for n in folding._KINDS} | {"shutoff"}
    assert drawn <= keep_spans.kinds


def test_a_subscriber_is_given_the_kinds_it_hears(monkeypatch):
    found: list[str] = []

    @subscribing.hears("incident", "order")
    def deaf_to_calls(row: Row) -> None:
        found.append(row.name)

    monkeypatch.setattr(subscribing, "subscribers", lambda: {"some": deaf_to_calls})
    for name in ("call.ringing", "incident.opened", "agent.changed", "order.changed"):
        publish(name)
    while subscribing.deliver():
        pass
    assert found == ["incident.opened", "order.changed"]
    assert subscribing._behind() == [], "what it does not hear is behind it too"
