"""Progress on the terminal: silent for what is quick, a line that counts for what is not."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

QUIET_FOR_S = 2.0


class Say:
    """Writes to `stream` (standard error by default, so `--json` output stays clean).

    Call it with a text for one line. `with say.step("Python environment"):` prints nothing when
    the block takes less than two seconds; otherwise the name appears and the elapsed seconds
    count up, on one line on a terminal and every ten seconds elsewhere.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self._lock = threading.Lock()
        self._open_line = False

    def __call__(self, text: str) -> None:
        with self._lock:
            self._end_line()
            print(text, file=self.stream, flush=True)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Show `name` and how long it takes, when it takes long enough to wonder."""
        started = time.monotonic()
        done = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(name, started, done), daemon=True)
        ticker.start()
        try:
            yield
        except BaseException:
            done.set()
            ticker.join()
            self._finish(name, started, "stopped")
            raise
        done.set()
        ticker.join()
        self._finish(name, started, "done")

    def _tick(self, name: str, started: float, done: threading.Event) -> None:
        if done.wait(QUIET_FOR_S):
            return
        pause = 1.0 if self.stream.isatty() else 10.0
        while True:
            elapsed = time.monotonic() - started
            with self._lock:
                if self.stream.isatty():
                    print(f"\r  {name} … {elapsed:.0f} s ", end="", file=self.stream, flush=True)
                    self._open_line = True
                else:
                    print(f"  {name} … {elapsed:.0f} s", file=self.stream, flush=True)
            if done.wait(pause):
                return

    def _finish(self, name: str, started: float, word: str) -> None:
        elapsed = time.monotonic() - started
        if elapsed < QUIET_FOR_S:
            return
        with self._lock:
            start = "\r" if self._open_line else ""
            self._open_line = False
            print(f"{start}  {name}: {word} after {elapsed:.0f} s   ", file=self.stream, flush=True)

    def _end_line(self) -> None:
        if self._open_line:
            print(file=self.stream)
            self._open_line = False
