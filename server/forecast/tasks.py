"""Background work: the backtest takes a second or two, which the clock does not have."""

from __future__ import annotations

from django_tasks import task

from server.forecast import services


@task()
def forecast() -> list[str]:
    """Today's runs; returns how each queue's was made."""
    return [f"{run.queue or 'all'}: {run.show} ({run.why})" for run in services.refresh()]
