"""Whom the demo calls: the same telephone behaves the same, and not all of them answer."""

from __future__ import annotations

from collections import Counter

from server.simulator.telephones import line_of


def test_most_customers_answer_and_the_others_are_busy_or_out_or_gone() -> None:
    numbers = [f"0401{n:06d}" for n in range(2000)]
    ways = Counter(line_of(number).way for number in numbers)
    assert ways["answers"] > 1200
    assert min(ways["busy"], ways["rings"], ways["unknown"]) > 50
    assert [line_of(n) for n in numbers[:50]] == [line_of(n) for n in numbers[:50]]
