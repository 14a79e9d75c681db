"""The database dies and comes back; what Asterisk said meanwhile is stored all the same."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from server.calls import insisting, listeners, recovering, services
from server.calls.insisting import PATIENCE, Insisting
from server.calls.models import Call
from server.tickets.models import CallBack
from telephony.ami import events as told

pytestmark = pytest.mark.django_db
ANNA = "0401000101"


def failing(times: int, error: type[Exception], then: Callable[..., Any]) -> Callable[..., Any]:
    """`then`, after so many failures."""
    left = [times]

    def work(*args: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise error("server closed the connection unexpectedly")
        return then(*args)

    return work


def now() -> datetime:
    return datetime.now(UTC)


def ring(call: str = "c1") -> Call:
    return services.rang(services.Ring(call, ANNA, "", "965113", now()))


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_what_fails_while_the_database_is_away_is_done_when_it_is_back(
    error: type[Exception],
) -> None:
    insist = Insisting(pause_s=0.001)
    assert insist(now(), failing(3, error, lambda a: a + 1), 41) == 42


def test_what_fails_for_another_reason_fails_at_once() -> None:
    asked: list[int] = []

    def work() -> None:
        asked.append(1)
        raise ValueError("no such queue")

    with pytest.raises(ValueError, match="no such queue"):
        Insisting(pause_s=0.001)(now(), work)
    assert asked == [1]


def test_old_news_is_tried_once_so_that_a_long_absence_holds_nothing_up() -> None:
    long_ago = now() - PATIENCE - timedelta(seconds=1)
    with pytest.raises(OperationalError):
        Insisting(pause_s=0.001)(long_ago, failing(1, OperationalError, lambda: None))


def test_who_is_told_to_stop_waits_no_longer() -> None:
    insist = Insisting(pause_s=60)
    threading.Timer(0.1, insist.stop).start()
    with pytest.raises(OperationalError):
        insist(now(), failing(9, OperationalError, lambda: None))


def test_a_caller_who_joins_the_queue_while_the_database_restarts_stands_in_it(
    cast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring()
    # The test's own transaction would be closed with the connection.
    monkeypatch.setattr(insisting, "close_old_connections", lambda: None)
    joined = told.Queued("c1", "faults", 0)
    heard: list[str] = []
    monkeypatch.setattr(listeners, "LISTENERS", [
        failing(2, OperationalError, listeners.follow_call),
        lambda event, _at: heard.append(type(event).__name__),
    ])  # fmt: skip
    listeners.tell(joined, now(), Insisting(pause_s=0.001))
    assert Call.objects.get(call_id="c1").state == "queued"
    assert heard == ["Queued"], "who heard it already hears it once"


def test_without_insisting_one_failure_loses_the_news(
    cast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring()
    monkeypatch.setattr(
        listeners, "LISTENERS", [failing(1, OperationalError, listeners.follow_call)]
    )
    listeners.tell(told.Queued("c1", "faults", 0), now())
    assert Call.objects.get(call_id="c1").state == "ringing"


def test_that_somebody_stood_in_the_queue_may_be_learnt_after_their_end(
    cast: Any, settings: Any
) -> None:
    """Their end came by its event, the queue from the exchange's file half a minute later."""
    call = ring()
    Call.objects.filter(pk=call.pk).update(state="ivr")
    services.ended("c1", at=now())
    assert Call.objects.get(call_id="c1").outcome == "ivr"
    folder = settings.STANDPIPE["CALL_LOG"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "calls.jsonl").write_text("".join(
        f'{{"event": "{event}", "call": "c1", "at": "{now().isoformat()}"{more}}}\n'
        for event, more in (
            ("arrived", f', "number": "{ANNA}"'), ("queued", ', "queue": "billing"'),
            ("ended", ', "abandoned": "1"'),
        )
    ))  # fmt: skip
    recovering.recover_calls()
    found = Call.objects.get(call_id="c1")
    assert (found.state, found.outcome, found.queue) == ("ended", "abandoned", "billing")
    assert found.queued_at is not None
    assert CallBack.objects.filter(call_id="c1", reason="missed").count() == 1
    assert recovering.recover_calls() == 0
