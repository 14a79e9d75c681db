"""How it went: asked after the talk, counted with the call, found in Asterisk's file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.calls import recovering, services
from server.calls.listeners import tell
from server.calls.models import AgentInterval, AgentState, Call, Rating
from server.events.models import Event
from server.wallboard.counting import SATISFIED
from server.wallboard.facts import facts
from telephony.ami import events as told

pytestmark = pytest.mark.django_db
START = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def talk(call: str = "c1") -> None:
    """Aino (1001) has talked for a minute and has hung up."""
    services.rang(services.Ring(call, "0401000101", "", "965113", at(0)))
    tell(told.Queued(call, "faults", 0), at(3))
    tell(told.Answered(call, "1001", "PJSIP/1001-1"), at(10))
    tell(told.AgentLeft(call, "1001", "PJSIP/1001-1", 16), at(70))


def test_the_call_is_over_when_the_question_is_asked_and_not_when_it_is_answered(
    cast: Any,
) -> None:
    talk()
    tell(told.RatingAsked("c1"), at(70))
    call = Call.objects.get()
    assert (call.state, call.outcome, call.ended_at) == ("ended", "answered", at(70))
    assert (call.rating.asked_at, call.rating.score) == (at(70), None)
    # Whoever talked may take the next call.
    assert AgentState.objects.get(user=cast.aino).state == AgentState.State.READY
    tell(told.Answered("c2", "1001"), at(75))
    tell(told.Rated("c1", 5), at(80))
    tell(told.CallEnded("c1", "", "1001", False, ""), at(83))
    call.refresh_from_db()
    assert (call.ended_at, call.agent) == (at(70), cast.aino)
    rating = Rating.objects.get()
    assert (rating.score, rating.rated_at) == (5, at(80))
    assert Event.objects.filter(name="call.ended").count() == 1
    assert Event.objects.filter(name="call.rated").count() == 1
    assert not AgentInterval.objects.filter(call=call, ended_at=None).exists()


def test_the_figures_count_who_was_asked_and_who_is_content(cast: Any) -> None:
    for n, score in enumerate((5, 4, 3, 0)):
        talk(f"c{n}")
        tell(told.RatingAsked(f"c{n}"), at(70))
        if score:
            tell(told.Rated(f"c{n}", score), at(80))
    talk("transferred")
    tell(told.CallEnded("transferred", "", "1001", False, ""), at(71))
    calls = facts(at(-60), at(600)).calls
    scores = [c.score for c in calls if c.score is not None]
    assert (sum(c.asked for c in calls), len(scores)) == (4, 3)
    assert sum(score >= SATISFIED for score in scores) == 2
    assert {c.ended for c in calls if c.asked} == {at(70)}


# -- while nobody of ours was there ---------------------------------------------------------------


@pytest.fixture
def log(cast: Any, settings: Any) -> Path:
    file = settings.STANDPIPE["CALL_LOG"] / "calls.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    return Path(file)


def wrote(log: Path, *lines: tuple[str, float, dict[str, str]]) -> None:
    with log.open("a", encoding="utf-8") as out:
        for event, seconds, more in lines:
            row = {"event": event, "call": "sp-1.0", "at": at(seconds).isoformat(), **more}
            out.write(json.dumps(row) + "\n")


TALK: tuple[tuple[str, float, dict[str, str]], ...] = (
    ("arrived", 0, {"number": "0401000101", "to": "965113"}),
    ("queued", 3, {"queue": "faults", "priority": "0"}), ("answered", 10, {"agent": "1001"}),
    ("asked", 70, {"agent": "1001"}),
)  # fmt: skip


def test_a_rating_that_nobody_heard_is_found_in_asterisks_file(log: Path, cast: Any) -> None:
    wrote(log, *TALK, ("rated", 80, {"score": "2"}), ("ended", 83, {"agent": "1001"}))
    assert recovering.recover_calls() == 1
    call = Call.objects.get()
    assert (call.outcome, call.ended_at, call.recovered) == ("answered", at(70), True)
    assert (call.rating.asked_at, call.rating.score, call.rating.rated_at) == (at(70), 2, at(80))
    assert recovering.recover_calls() == 0
    assert Rating.objects.get().score == 2


def test_who_came_back_between_question_and_answer_knows_both(log: Path, cast: Any) -> None:
    talk("sp-1.0")
    wrote(log, *TALK)
    recovering.recover_calls()
    call = Call.objects.get()
    assert (call.state, call.ended_at, call.rating.score) == ("ended", at(70), None)
    wrote(log, ("rated", 80, {"score": "4"}), ("ended", 83, {"agent": "1001"}))
    recovering.recover_calls()
    assert Rating.objects.get().score == 4
    assert Call.objects.get().ended_at == at(70)


def test_a_score_that_is_none_is_left_out_and_the_call_kept(log: Path, cast: Any) -> None:
    wrote(log, *TALK, ("rated", 80, {"score": "55"}), ("ended", 83, {}))
    assert recovering.recover_calls() == 1
    assert Rating.objects.get().score is None


# -- where it is seen -----------------------------------------------------------------------------


def test_the_score_is_among_the_calls_facts(cast: Any, client_of: Any) -> None:
    talk()
    desk = client_of(cast.aino)
    assert desk.get("/api/calls/c1").json()["rating"] is None
    tell(told.RatingAsked("c1"), at(70))
    assert desk.get("/api/calls/c1").json()["rating"]["score"] is None
    tell(told.Rated("c1", 5), at(80))
    assert desk.get("/api/calls/c1").json()["rating"]["score"] == 5
