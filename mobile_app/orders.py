"""The crew's order list: the newest one the server sent, and what our waiting reports add to it.

The server decides what is legal. While reports wait, the app shows where they will lead, by the
same table, so that a crew without signal can go on working; the server's next list replaces all
of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import cast

from mobile_app.store import Store
from mqtt.messages import Action, Report, iso, to_json
from mqtt.orders import CrewName, Order, OrderList, OrderValve, ValveState, parse_orders

CANCELLED = frozenset({"recalled", "cancelled", "declined", "aborted", "failed_visit"})
ENDED = frozenset({"completed", "verified", "closed"}) | CANCELLED
# Side roads never become the big button.
ASIDE: tuple[str, ...] = (
    "decline", "cannot_close_valve", "open_valve", "note", "photo", "pause", "no_access",
    "excavated", "flushed", "sampled", "reinstated",
)
#: Steps of the work that are timed and move nothing; each is said once.
MILESTONES: tuple[str, ...] = ("excavated", "flushed", "sampled", "reinstated")
PER_VALVE: tuple[str, ...] = ("close_valve", "cannot_close_valve", "open_valve")

# Where a step leads while the server cannot be asked. Left: what was reported.
_LEADS_TO: dict[str, str] = {
    "accept": "accepted", "decline": "declined", "depart": "en_route", "arrive": "on_site",
    "close_valve": "isolating", "cannot_close_valve": "isolating", "repaired": "repaired",
    "restored": "restored", "complete": "completed", "pause": "paused", "resume": "on_site",
    "no_access": "failed_visit",
}
_VALVE_AFTER: dict[str, ValveState] = {
    "close_valve": "closed", "cannot_close_valve": "cannot_close", "open_valve": "open",
}
_FROM: dict[str, tuple[Action, ...]] = {
    "dispatched": ("accept", "decline"),
    "accepted": ("depart", "decline"),
    "en_route": ("arrive",),
    "on_site": (
        "close_valve", "cannot_close_valve", "repaired", "pause", "no_access", "excavated",
    ),
    # As far as it went is far enough sometimes: the crew says what it did.
    "isolating": ("close_valve", "cannot_close_valve", "open_valve", "repaired", "excavated"),
    "isolated": ("repaired", "open_valve", "excavated"),
    "repaired": ("open_valve", "restored", "flushed", "sampled", "reinstated"),
    "restored": ("complete", "flushed", "sampled", "reinstated"),
    "paused": ("resume",),
}


@dataclass(frozen=True, slots=True)
class LocalOrder:
    """An order as the crew sees it now.

    `waiting_reports` of it have not reached the office. `plan_changes`: a valve could not be
    closed, and the plan that goes round it is not here yet.
    """

    order: Order
    waiting_reports: int = 0
    plan_changes: bool = False

    @property
    def cancelled(self) -> bool:
        """Taken back by the office: shown first, cannot be started."""
        return self.order.state in CANCELLED

    @property
    def ended(self) -> bool:
        """Nothing left to do."""
        return self.order.state in ENDED

    @property
    def next(self) -> tuple[Action, ...]:
        """Legal steps; none once it is cancelled, whatever the list says."""
        return () if self.cancelled else self.order.next

    @property
    def main_step(self) -> Action | None:
        """What the big button does. Closing valves comes before the repair they make possible."""
        steps = [step for step in self.next if step not in ASIDE]
        if "close_valve" in steps and self.next_valve is None:
            steps.remove("close_valve")
        if not steps and "open_valve" in self.next and self.closed_valve is not None:
            return "open_valve"
        if "restored" in steps and "open_valve" in self.next and self.closed_valve is not None:
            return "open_valve"
        return steps[0] if steps else None

    @property
    def next_valve(self) -> str | None:
        """The next valve to close, in closing order."""
        return next((v.id for v in self._in_order() if v.state == "open"), None)

    @property
    def closed_valve(self) -> str | None:
        """The next valve to open again: the last that was closed."""
        return next((v.id for v in reversed(self._in_order()) if v.state == "closed"), None)

    def _in_order(self) -> list[OrderValve]:
        return sorted(self.order.valves, key=lambda v: v.sequence)


def apply_report(order: Order, report: Report, *, plan_changes: bool = False) -> Order:
    """The order as it will be when the server has taken the report.

    While the plan changes the list of valves is not the whole: closing the last of them isolates
    nothing yet.
    """
    valves = order.valves
    if report.action in PER_VALVE:
        after = _VALVE_AFTER[report.action]
        valves = tuple(
            replace(v, state=after) if v.id == report.valve else v for v in order.valves
        )
    state = _LEADS_TO.get(report.action, order.state)
    if report.action == "open_valve" and order.state != "repaired":
        state = "isolating"
    if state == "isolating" and not plan_changes and not any(v.state == "open" for v in valves):
        state = "isolated"
    steps = order.next if state == order.state and valves == order.valves else _FROM.get(state, ())
    # What could have been said here and is not offered has been said.
    said = {m for m in MILESTONES if m in _FROM.get(order.state, ()) and m not in order.next}
    steps = tuple(s for s in steps if s not in said | ({report.action} & set(MILESTONES)))
    if order.kind != "repair" and "repaired" in steps and valves and state == "on_site":
        steps = tuple(s for s in steps if s != "repaired")
    if not valves:
        steps = tuple(s for s in steps if s not in PER_VALVE)
    return replace(order, state=state, valves=valves, next=steps)


def local_orders(
    orders: Sequence[Order], waiting: Iterable[Report], settling: Iterable[Report] = ()
) -> list[LocalOrder]:
    """Orders with our reports applied; cancelled first, then by priority and number.

    `settling` are reports the server has, but whose effect the list does not show yet.
    """
    by_number = {order.number: LocalOrder(order) for order in orders}
    for report in settling:
        if report.order in by_number:
            by_number[report.order] = _with(by_number[report.order], report)
    for report in waiting:
        if report.order in by_number:
            local = _with(by_number[report.order], report)
            by_number[report.order] = replace(local, waiting_reports=local.waiting_reports + 1)
    return sorted(
        by_number.values(),
        key=lambda o: (not o.cancelled, o.ended, o.order.priority, o.order.number),
    )


def _with(local: LocalOrder, report: Report) -> LocalOrder:
    if local.cancelled:
        # What the office has cancelled stays cancelled: the report is evidence, not a step.
        return local
    changes = local.plan_changes or report.action == "cannot_close_valve"
    order = apply_report(local.order, report, plan_changes=changes)
    return replace(local, order=order, plan_changes=changes)


class OrderBook:
    """The stored order list. Versions never go back."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, orders: OrderList) -> bool:
        """Store a list if it is newer than ours; False when it is old news.

        An order that is gone from it though it was not finished is kept as withdrawn, so that a
        crew that was out of reach learns of it before anything else.
        """
        with self._store.transaction() as db:
            row = db.execute("SELECT version, body FROM orders").fetchone()
            if row is not None and row[0] >= orders.version:
                return False
            present = {order.number for order in orders.orders}
            finished = db.execute(
                "SELECT order_number FROM reports WHERE state <> 'refused' "
                "AND action IN ('complete', 'decline', 'no_access')"
            ).fetchall()
            known_end = present | {number for (number,) in finished}
            for order in parse_orders(row[1]).orders if row is not None else ():
                if order.number not in known_end and order.state not in ENDED:
                    gone = replace(order, state="recalled", next=())
                    db.execute(
                        "INSERT OR REPLACE INTO withdrawn VALUES (?, ?, ?)",
                        (order.number, to_json(replace(orders, orders=(gone,))),
                         iso(datetime.now(UTC))),
                    )
            db.executemany("DELETE FROM withdrawn WHERE number = ?", [(n,) for n in present])
            db.execute(
                "INSERT OR REPLACE INTO orders VALUES (1, ?, ?, ?)",
                (orders.version, to_json(orders), iso(datetime.now(UTC))),
            )
        return True

    @property
    def version(self) -> int:
        """Version of the stored list, 0 when there is none."""
        rows = self._store.read("SELECT version FROM orders")
        return cast(int, rows[0][0]) if rows else 0

    def orders(self) -> list[Order]:
        """The stored orders, withdrawn ones included, as the server sent them."""
        rows = self._store.read("SELECT body FROM orders")
        withdrawn = self._store.read("SELECT body FROM withdrawn ORDER BY at")
        lists = [parse_orders(cast(bytes, body)) for (body,) in [*rows, *withdrawn]]
        return [order for one in lists for order in one.orders]

    def crew(self) -> CrewName | None:
        """Whose list it is."""
        rows = self._store.read("SELECT body FROM orders")
        return parse_orders(cast(bytes, rows[0][0])).crew if rows else None

    def dismiss(self, number: str) -> None:
        """The crew has seen that this order was withdrawn."""
        with self._store.transaction() as db:
            db.execute("DELETE FROM withdrawn WHERE number = ?", (number,))

    def start_over(self) -> None:
        """Forget the list: after a new sign-in the server's counting starts anew."""
        with self._store.transaction() as db:
            db.execute("DELETE FROM orders")
            db.execute("DELETE FROM withdrawn")
