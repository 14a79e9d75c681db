"""A pytest plugin that carries results of one pytest process into the summary of another.

The libraries are tested in a process without Django; the rest needs it. With
STANDPIPE_TEST_REPORTS_OUT the results are written down, with STANDPIPE_TEST_REPORTS_IN they are
counted as if they had been run here.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register the half that the environment asks for."""
    if out := os.environ.get("STANDPIPE_TEST_REPORTS_OUT"):
        config.pluginmanager.register(_Writer(config, Path(out)))
    if source := os.environ.get("STANDPIPE_TEST_REPORTS_IN"):
        config.pluginmanager.register(_Reader(config, Path(source)))


class _Writer:
    def __init__(self, config: pytest.Config, path: Path) -> None:
        self._config = config
        self._path = path

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        held = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        with self._path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(held, default=str) + "\n")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            # A collect report carries items that cannot be written; its failure is what counts.
            held = {"broken": report.nodeid, "text": str(report.longrepr)}
            with self._path.open("a", encoding="utf-8") as out:
                out.write(json.dumps(held) + "\n")


class _Reader:
    def __init__(self, config: pytest.Config, path: Path) -> None:
        self._config = config
        self._path = path

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self._path.exists():
            return
        for line in self._path.read_text(encoding="utf-8").splitlines():
            held = json.loads(line)
            if "broken" in held:
                terminalreporter.stats.setdefault("error", []).append(
                    pytest.CollectReport(held["broken"], "failed", held["text"], [])
                )
                continue
            report = self._config.hook.pytest_report_from_serializable(
                config=self._config, data=held
            )
            if isinstance(report.longrepr, list):  # JSON knows no tuples; a skip's place is one
                report.longrepr = tuple(report.longrepr)
            category = self._config.hook.pytest_report_teststatus(
                report=report, config=self._config
            )[0]
            if category:
                terminalreporter.stats.setdefault(category, []).append(report)
