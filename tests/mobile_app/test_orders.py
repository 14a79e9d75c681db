from __future__ import annotations

from dataclasses import replace

import pytest

from mobile_app.orders import LocalOrder, OrderBook, local_orders
from mobile_app.outbox import Outbox
from mobile_app.store import Store
from mqtt.messages import Action
from mqtt.orders import Order
from tests.mqtt import samples

# What lists.py of the server sends for each state of a valve order.
FRESH = samples.order(state="dispatched", next=("accept", "decline", "note", "photo"))


def after(order: Order, *steps: tuple[Action, str | None]) -> LocalOrder:
    """The order with these steps waiting in the outbox."""
    waiting = [
        samples.report(order=order.number, action=action, valve=valve, reason="seized")
        for action, valve in steps
    ]
    (local,) = local_orders([order], waiting)
    return local


def test_without_waiting_reports_the_server_alone_decides() -> None:
    order = replace(FRESH, state="on_site", next=("repaired",))
    assert LocalOrder(order).main_step == "repaired"
    assert LocalOrder(replace(order, next=())).main_step is None


def test_a_crew_without_signal_can_work_through_a_whole_order() -> None:
    steps: list[tuple[Action, str | None]] = []
    walked = []
    while (step := (local := after(FRESH, *steps)).main_step) is not None and len(steps) < 20:
        valve = {"close_valve": local.next_valve, "open_valve": local.closed_valve}.get(step)
        steps.append((step, valve))
        walked.append(f"{step} {valve}" if valve else step)
    assert walked == [
        "accept", "depart", "arrive", "close_valve V-1", "close_valve V-2", "close_valve V-3",
        "repaired", "open_valve V-3", "open_valve V-2", "open_valve V-1", "restored", "complete",
    ]
    assert local.ended
    assert local.waiting_reports == 12


def test_steps_that_move_nothing_are_offered_once_and_never_the_big_button() -> None:
    closed: list[tuple[Action, str | None]] = [
        ("accept", None), ("depart", None), ("arrive", None), ("close_valve", "V-1"),
    ]  # fmt: skip
    dug = after(FRESH, *closed, ("excavated", None))
    assert "excavated" in after(FRESH, *closed).next
    assert "excavated" not in dug.next
    assert dug.main_step == "close_valve"
    on = after(FRESH, *closed, ("excavated", None), ("close_valve", "V-2"), ("close_valve", "V-3"))
    assert on.order.state == "isolated"
    assert "excavated" not in on.next
    flushed = after(FRESH, *closed, ("repaired", None), ("flushed", None))
    assert flushed.order.state == "repaired"
    assert {"sampled", "reinstated"} <= set(flushed.next)
    assert "flushed" not in flushed.next
    assert flushed.main_step == "open_valve"


def test_a_valve_that_cannot_be_closed_is_passed_over() -> None:
    local = after(
        replace(FRESH, state="on_site", next=("close_valve", "cannot_close_valve")),
        ("cannot_close_valve", "V-1"), ("close_valve", "V-2"),
    )
    assert [v.state for v in local.order.valves] == ["cannot_close", "closed", "open"]
    assert local.next_valve == "V-3"


def test_while_the_plan_changes_the_last_valve_of_the_old_one_isolates_nothing() -> None:
    local = after(
        replace(FRESH, state="on_site", next=("close_valve", "cannot_close_valve")),
        ("close_valve", "V-1"), ("cannot_close_valve", "V-2"), ("close_valve", "V-3"),
    )
    assert local.order.state == "isolating" and local.plan_changes
    assert local.main_step == "repaired", "without signal the crew goes on as it sees fit"
    (with_plan,) = local_orders([replace(local.order, state="isolated")], [])
    assert not with_plan.plan_changes


def test_a_cancelled_order_comes_first_and_cannot_be_started() -> None:
    other = replace(FRESH, number="W-2", priority="P1")
    cancelled = replace(FRESH, number="W-9", priority="P4", state="recalled", next=("accept",))
    rows = local_orders([other, cancelled], [samples.report(order="W-9", action="accept")])
    assert [o.order.number for o in rows] == ["W-9", "W-2"]
    assert rows[0].next == ()
    assert rows[0].main_step is None
    assert rows[0].cancelled


def test_a_note_does_not_move_an_order() -> None:
    local = after(FRESH, ("note", None))
    assert local.order == FRESH
    assert local.waiting_reports == 1


def test_versions_never_go_back(store: Store) -> None:
    book = OrderBook(store)
    assert book.take(samples.orders(5, samples.order("W-5")))
    assert not book.take(samples.orders(4, samples.order("W-4")))
    assert not book.take(samples.orders(5))
    assert [o.number for o in book.orders()] == ["W-5"]
    assert book.version == 5
    book.start_over()
    assert book.take(samples.orders(1, samples.order("W-1")))


def test_an_order_that_vanished_unfinished_is_shown_as_cancelled(store: Store) -> None:
    book = OrderBook(store)
    book.take(samples.orders(1, samples.order("W-1"), samples.order("W-2")))
    book.take(samples.orders(2, samples.order("W-2")))
    rows = local_orders(book.orders(), [])
    assert [(r.order.number, r.cancelled) for r in rows] == [("W-1", True), ("W-2", False)]
    book.dismiss("W-1")
    assert [o.number for o in book.orders()] == ["W-2"]


def test_an_order_we_finished_vanishes_without_a_word(store: Store) -> None:
    book = OrderBook(store)
    book.take(samples.orders(1, samples.order("W-1", state="restored")))
    Outbox(store).add("complete", "W-1")
    book.take(samples.orders(2))
    assert book.orders() == []


def test_an_order_given_back_to_the_crew_is_no_longer_cancelled(store: Store) -> None:
    book = OrderBook(store)
    book.take(samples.orders(1, samples.order("W-1")))
    book.take(samples.orders(2))
    book.take(samples.orders(3, samples.order("W-1")))
    assert [o.state for o in book.orders()] == ["dispatched"]


@pytest.mark.parametrize("state", ["recalled", "cancelled"])
def test_words_for_taken_back(state: str) -> None:
    assert LocalOrder(replace(FRESH, state=state)).cancelled
