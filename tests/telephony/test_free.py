"""Who could take a call now, and who waits, told from what each site's queue lists."""

from __future__ import annotations

import pytest

from telephony.ami.parser import Message
from telephony.free import free_and_waiting

NOW, GUARD_S = 1_000_000.0, 3.0
CALLER = Message((("Event", "QueueEntry"), ("Queue", "faults")))
HEAD = Message((("Event", "QueueParams"), ("Queue", "faults")))
FREE, TALKS, BUSY, GONE, RINGS, HELD = "1", "2", "3", "5", "6", "8"


def at(place: str, status: str = FREE, *, paused: str = "0", ago: float = 600) -> Message:
    """An agent of a queue: `1101` at home, `1101@site-b` elsewhere; the last talk so long ago."""
    return Message((
        ("Event", "QueueMember"), ("Location", f"PJSIP/{place}"), ("Status", status),
        ("Paused", paused), ("LastCall", str(int(NOW - ago))),
    ))  # fmt: skip


@pytest.mark.parametrize(
    ("sites", "found"),
    [
        ([], (0, 0)),
        ([[HEAD, at("1101"), at("1102", TALKS), at("1103", paused="1"), CALLER]], (1, 1)),
        # nobody, or Asterisk does not know: not registered is not free
        ([[at("1101", GONE), at("1102", "0"), at("1103", "4")]], (0, 0)),
        # the guard after a talk
        ([[at("1101", ago=2), at("1102", ago=3), at("1103", ago=4)]], (2, 0)),
        # one agent at each of two sites, everybody at both
        ([[at("1101"), at("1102@site-b")], [at("1101@site-a"), at("1102")]], (2, 0)),
        # callers of both
        ([[HEAD, CALLER, CALLER], [HEAD, CALLER]], (0, 3)),
        # who talks at home talks, whatever the other site was told
        ([[at("1102@site-b")], [at("1102", TALKS)]], (0, 0)),
        ([[at("1102@site-b")], [at("1102", RINGS)]], (0, 0)),
        # the other site knows of a talk that home does not know of
        ([[at("1102@site-b", TALKS)], [at("1102")]], (0, 0)),
        ([[at("1102@site-b", BUSY)], [at("1102")]], (0, 0)),
        ([[at("1102@site-b", HELD)], [at("1102")]], (0, 0)),
        # the talk was handed out elsewhere: home never heard when it ended
        ([[at("1102@site-b", ago=1)], [at("1102")]], (0, 0)),
        ([[at("1102@site-b", ago=9)], [at("1102")]], (1, 0)),
        ([[at("1102@site-b", paused="1")], [at("1102")]], (0, 0)),
        ([[at("1102@site-b")], [at("1102", paused="1")]], (0, 0)),
        # the agent's own site is away: nobody there can be rung
        ([[at("1101"), at("1102@site-b")]], (1, 0)),
        # the other site lost sight of home; home itself says free
        ([[at("1102@site-b", GONE)], [at("1102")]], (1, 0)),
        # moved a moment ago: the place that was left behind is gone, or not yet
        ([[at("1102", GONE)], [at("1102@site-a"), at("1102")]], (1, 0)),
        ([[at("1102"), at("1102@site-b")], [at("1102")]], (1, 0)),
    ],
)  # fmt: skip
def test_an_agent_counts_once_at_home_and_a_caller_where_they_wait(
    sites: list[list[Message]], found: tuple[int, int]
) -> None:
    assert free_and_waiting(sites, NOW, GUARD_S) == found
    assert free_and_waiting(sites[::-1], NOW, GUARD_S) == found
