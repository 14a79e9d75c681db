"""Fifty calls into three queues of a real Asterisk, answered in the order of an independent rule.

    faults   ---\\            1101 faults, billing      1104 faults
    billing  ----> agents:   1102 faults, billing      1105 billing, quality
    quality  ---/            1103 quality, faults (helps quality only)   1106 all three

The rule: whoever becomes free takes, of all callers whom they may take, the one with the highest
priority, and of those the one who has waited longest, whatever queue they stand in.
"""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise

import pytest

from telephony.router import Seat
from tests.telephony.conftest import Desk, eventually
from tests.telephony.queues import Script, Story, doors, more_queues, routed

pytestmark = pytest.mark.live
SKILLS = {
    "1101": ("faults", "billing"), "1102": ("faults", "billing"), "1103": ("quality", "faults"),
    "1104": ("faults",), "1105": ("billing", "quality"), "1106": ("faults", "billing", "quality"),
}  # fmt: skip
CALLS = 50
# A caller who came this moment may not have been known when the agent was chosen.
SETTLED_S = 0.3


def passed_over(story: Story, script: Script) -> list[str]:
    """The rule, applied again to what happened: whoever should have been taken instead.

    Not the product's code. At each ringing: those before the taken caller in the order are matched
    with the agents who are free, once with and once without the one whose telephone rings. Whoever
    can be matched only with that agent was passed over. Callers look for a free agent once a
    second; an agent who was free in that second counts, whoever has looked first.
    """
    rings = {call: at for at, _, call in reversed(story.rang)}
    wrong = []
    for at, agent, call in story.rang:
        turn = (-script.wants[story.number[call]][1], story.joined[call][0])
        before = [
            other for other, (since, _) in story.joined.items()
            if since < at - SETTLED_S and rings[other] > at
            and (-script.wants[story.number[other]][1], since) < turn
        ]  # fmt: skip
        free = {a for a in SKILLS if a == agent or story.free(a, at)}
        queues = {other: story.joined[other][1] for other in before}
        if matched(queues, free) > matched(queues, free - {agent}):
            wrong.append(f"{at:.1f}: {agent} took {call}; before it waited {queues}, free {free}")
    return wrong


def matched(callers: dict[str, str], free: set[str]) -> int:
    """How many callers (call -> queue) the free agents can take at once (augmenting paths)."""
    taken: dict[str, str] = {}

    def place(caller: str, tried: set[str]) -> bool:
        for agent in sorted(free - tried):
            if callers[caller] in SKILLS[agent]:
                tried.add(agent)
                if agent not in taken or place(taken[agent], tried):
                    taken[agent] = caller
                    return True
        return False

    return sum(place(caller, set()) for caller in callers)


def seats_of(skills: dict[str, tuple[str, ...]]) -> dict[str, Seat]:
    return {
        extension: Seat(f"Desk {extension}", dict.fromkeys(queues, 0))
        for extension, queues in skills.items()
    }


async def test_fifty_calls_into_three_queues_are_answered_in_their_turn(asterisk: Desk) -> None:
    script = Script.of(7, CALLS)
    await more_queues(asterisk)
    phones = [asterisk.phone(e, ring_s=0.1, hold_s=0.4 + 0.2 * n) for n, e in enumerate(SKILLS)]
    await asyncio.gather(*(phone.start() for phone in phones))
    try:
        async with doors(asterisk, script), routed(asterisk, seats_of(SKILLS)) as (_, story):
            dice = random.Random(3)

            async def ring(number: str, after_s: float) -> None:
                await asyncio.sleep(after_s)
                await asterisk.caller().call(number, audio=False, seconds=60)

            begin, calls = 0.0, []
            for number in script.wants:
                calls.append(asyncio.create_task(ring(number, begin)))
                begin += dice.uniform(0.05, 0.25)
            await asyncio.gather(*calls)

            async def all_over() -> bool:
                return len(story.over) == len(story.recorded) == CALLS

            await eventually(all_over, "every call is over", 20)
    finally:
        await asyncio.gather(*(phone.stop() for phone in phones))
    assert len(story.joined) == CALLS == len(story.rang)
    assert passed_over(story, script) == []
    # And the rule had something to decide: neighbours in the order stood in different queues.
    queues = [story.joined[call][1] for _, _, call in story.rang]
    assert sum(a != b for a, b in pairwise(queues)) > CALLS // 4
    assert max(at - story.joined[call][0] for at, _, call in story.rang) > 5
