"""What a menu may name: the prompts there are, and the queues that other parts tell of."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from server.ivr.models import PromptVersion
from telephony.sentences import LANGUAGES, PROMPTS

# Whoever keeps the queues says here which there are (`AppConfig.ready`); none: any name goes.
QUEUES: list[Callable[[], Iterable[str]]] = []


def prompts() -> frozenset[str]:
    """Names that can be said in every language: the built-in ones and a utility's own."""
    own: dict[str, set[str]] = {}
    rows = PromptVersion.objects.filter(in_use=True).values_list("name", "language")
    for name, language in rows:
        own.setdefault(name, set()).add(language)
    return frozenset(PROMPTS) | {name for name, have in own.items() if have >= set(LANGUAGES)}


def queues() -> frozenset[str] | None:
    """Names of the queues, None where nobody keeps a list."""
    if not QUEUES:
        return None
    return frozenset(name for told in QUEUES for name in told())
