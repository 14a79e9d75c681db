"""A supervisor listens in from the floor's page: what the agent's desk shows of it, and when.

One call, one agent, one supervisor, each in a browser of their own with a telephone in it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.live import screens
from tests.live.system import CONTENT
from tests.live.test_desk import answer, known_caller

pytestmark = pytest.mark.live


def test_the_desk_says_who_listens_how_and_since_when_until_it_is_over(
    system: Any, screen_of: Any, shot: Any
) -> None:
    desk = screen_of("agent1", "/desk", width=1440, height=900)
    floor = screen_of("supervisor1", "/supervisor", width=1440, height=900)
    screens.take_calls(desk)
    ringing = system.ring(known_caller(system).number, keys=CONTENT, keys_every_s=4, seconds=150)
    listener = desk.get_by_test_id("listener")
    try:
        answer(desk)
        assert not desk.get_by_test_id("listeners").is_visible()
        floor.locator("[data-testid=agent-listen][data-agent=agent1]").click()
        floor.locator("[data-testid=listening][data-started=true]").wait_for(timeout=40_000)
        desk.locator("[data-testid=listener][data-mode=listen]").wait_for()
        name = system.office("supervisor1").ask("/api/me")["name"]
        assert listener.inner_text().startswith(f"{name} has been listening")
        shot(desk, "desk-listened")
        # The supervisor's page by its keys: 5 whispers, 6 speaks with both.
        floor.get_by_test_id("listening").click()
        floor.keyboard.press("5")
        floor.locator("[data-testid=listening][data-mode=whisper]").wait_for()
        desk.locator("[data-testid=listener][data-mode=whisper]").wait_for()
        # Another page of the same agent reads what has begun before.
        again = desk.context.new_page()
        again.goto("/desk")
        again.locator("[data-testid=listener][data-mode=whisper]").wait_for()
        again.set_viewport_size({"width": 390, "height": 844})
        shot(again, "desk-whispered-390")
        floor.keyboard.press("0")
        desk.get_by_test_id("listeners").wait_for(state="hidden")
        again.get_by_test_id("listeners").wait_for(state="hidden")
    finally:
        desk.keyboard.press("Alt+h")
        outcome = ringing.result(180)
    floor.get_by_test_id("listening").wait_for(state="hidden")
    assert outcome.answered
