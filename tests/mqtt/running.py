"""A real Mosquitto on a free port, and small clients to poke at it."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mqtt.broker import BrokerConfig, BrokerError, find_broker
from mqtt.formats import Format, load


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def until(condition: Callable[[], object], seconds: float = 15.0, what: str = "it") -> None:
    """Wait for a condition, looking often; fails with `what` when it never comes."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.02)


class Broker:
    """Starts, kills and restarts one Mosquitto in a directory."""

    def __init__(
        self, state: Path, accounts: dict[str, str], *, formats: Sequence[Format] | None = None
    ) -> None:
        try:
            find_broker()
        except BrokerError as missing:
            pytest.skip(str(missing))
        self.config = BrokerConfig(
            state, free_port(), accounts=accounts, server_password="server-secret",
            formats=load() if formats is None else formats,
        )  # fmt: skip
        self.config.write()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self.config.port

    def start(self) -> None:
        with (self.config.state / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(self.config.command(), stderr=log)
        until(self._listens, what="the broker listening")

    def _listens(self) -> bool:
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)

    def server(self) -> dict[str, object]:
        """Keyword arguments for Ingest and Publisher."""
        return {
            "host": "127.0.0.1", "port": self.port, "user": "server", "password": "server-secret"
        }

    def publish(self, user: str, topic: str, payload: bytes, *, retain: bool = False) -> str:
        """Publish with QoS 1 as a device whose password is its name reversed; the complaints."""
        done = subprocess.run(
            ["mosquitto_pub", "-p", str(self.port), "-u", user, "-P", user[::-1], "-V", "5",
             "-q", "1", "-t", topic, "-s" if payload else "-n", *(["-r"] if retain else [])],
            input=payload, capture_output=True, timeout=20, check=False,
        )
        return (done.stdout + done.stderr).decode()
