"""Asterisk's queues as text, written from a table while Asterisk runs.

`queues.conf` holds the first queue and includes this file; the manager's `QueueReload` reads both
again without a call noticing. Nothing secret is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from telephony.dialplan.queue import KEYS_WITHOUT_CALLBACK
from telephony.dialplan.values import QUEUE_CODE
from telephony.order import HELPER_PENALTY

QUEUES_FILE = "queues-own.conf"
RULES_FILE = "queuerules-own.conf"
TERMS = ".queue"
MAX_PENALTY = 2 * HELPER_PENALTY


class QueueError(ValueError):
    """A queue's setting is unusable. `field` names it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """One queue as Asterisk keeps it. Seconds; 0 is "never" and "no limit"."""

    code: str
    ring_s: int = 15
    service_level_s: int = 15
    max_wait_s: int = 300
    max_waiting: int = 0
    overflow_after_s: int = 0
    overflow_waiting: int = 0
    call_back: bool = True

    def check(self) -> None:
        """Raise QueueError for the first unusable value."""
        if not QUEUE_CODE.fullmatch(self.code):
            raise QueueError("code", f"{self.code!r} is not 1 to 20 lower-case letters or digits")
        for name, least, most in (
            ("ring_s", 5, 60), ("service_level_s", 1, 600), ("max_wait_s", 10, 7200),
            ("max_waiting", 0, 1000), ("overflow_after_s", 0, 7200), ("overflow_waiting", 0, 1000),
        ):  # fmt: skip
            value = getattr(self, name)
            if not least <= value <= most:
                raise QueueError(name, f"{value} is not between {least} and {most}")

    def terms(self) -> str:
        """What the dialplan reads line by line: longest wait, crowd, whether callers may be called
        back."""
        return f"{self.max_wait_s}\n{self.overflow_waiting}\n{int(self.call_back)}\n"


def render_queues(queues: Sequence[QueueSettings], first: str) -> str:
    """Sections that go on with `[sp-defaults]` of queues.conf; `first` is defined there already."""
    parts = ["; Written from the table of queues; changes here are lost.\n"]
    for queue in queues:
        queue.check()
        head = f"[{queue.code}](+)" if queue.code == first else f"[{queue.code}](sp-defaults)"
        lines = [
            head, f"timeout={queue.ring_s}", f"servicelevel={queue.service_level_s}",
            f"maxlen={queue.max_waiting}",
        ]  # fmt: skip
        if not queue.call_back:
            lines.append(f"context={KEYS_WITHOUT_CALLBACK}")
        if queue.overflow_after_s:
            lines.append(f"defaultrule={_rule(queue)}")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def render_rules(queues: Sequence[QueueSettings]) -> str:
    """Rules by which helpers ring for callers who have waited long enough."""
    parts = ["; Written from the table of queues; changes here are lost.\n"]
    parts += [
        f"[{_rule(q)}]\npenaltychange => {q.overflow_after_s},{MAX_PENALTY}\n"
        for q in queues
        if q.overflow_after_s
    ]
    return "\n".join(parts)


def _rule(queue: QueueSettings) -> str:
    return f"{queue.code}-helpers"


def write_queues(folder: Path, queues: Sequence[QueueSettings], first: str) -> bool:
    """Write the files that differ; returns whether Asterisk has to read them again."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {QUEUES_FILE: render_queues(queues, first), RULES_FILE: render_rules(queues)}
    texts |= {f"{queue.code}{TERMS}": queue.terms() for queue in queues}
    for stale in folder.glob(f"*{TERMS}"):
        if stale.name not in texts:
            stale.unlink()
    changed = False
    for name, text in texts.items():
        path = folder / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        partial = path.with_name(f".{name}.new")
        partial.write_text(text, encoding="utf-8")
        # Asterisk may run as somebody else.
        partial.chmod(0o644)
        partial.replace(path)
        changed = True
    return changed
