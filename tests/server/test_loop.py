"""What every long-running process has in common."""

from __future__ import annotations

import pytest

# Really committed: the loop closes old connections as it does in a process.
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_loop_ends_when_the_stop_it_was_given_is_set():
    from server.events.loop import Stop, run
    from server.events.models import Beat

    stop, steps = Stop(), []

    def step() -> None:
        steps.append(1)
        if len(steps) == 3:
            stop.set()

    run("looped", step, stop=stop)
    assert len(steps) == 3
    assert Beat.objects.filter(name="looped").exists()


def test_a_lost_database_is_waited_for_and_the_loop_goes_on():
    from django.db import OperationalError

    from server.events.loop import Stop, run

    stop, steps = Stop(), []

    def step() -> None:
        steps.append(1)
        if len(steps) == 1:
            raise OperationalError("gone")
        stop.set()

    run("looped", step, stop=stop)
    assert len(steps) == 2
