"""How much a typed name is like a known one, 0 to 1. Pure.

What tells one street from another weighs most: "nowhere st" is not "somewhere st" for both being
streets, and one wrong sign of two is another name. A name that sounds the same is nearly the same.
"""

from __future__ import annotations

import re

from server.places.normalise import CJK
from server.places.sound import sound

#: Below this a name is not the one that was meant.
LEAST = 0.62
SAME_SOUND = 0.9
_TYPE_WORDS = """
    st rd ave dr cres crt pl ln blvd terr cir sq pkwy hwy trl gt hts grv cl gdns way row walk run
    path n s e w ne nw se sw the of str platz gasse weg katu tie polku kuja tori
"""
_TYPES = frozenset(_TYPE_WORDS.split())
_CN_TYPE = re.compile(
    r"(?:[东南西北中]段)?(?:大道|大街|公路|胡同|小区|花园|社区|广场|大厦|公寓|[路街巷道里村苑园城])$"
)


def stem(key: str) -> str:
    """What is left of a name without the words that only say what sort of thing it is."""
    if CJK.search(key):
        bare = _CN_TYPE.sub("", re.sub(r"[东南西北中]段$", "", key))
        return bare or key
    return " ".join(w for w in key.split() if w not in _TYPES) or key


def likeness(typed: str, known: str) -> float:
    """Two keys (normalise.key); 1 only where they are the same."""
    if typed == known:
        return 1.0
    a, b = stem(typed), stem(known)
    whole = 1 - distance(typed, known) / max(len(typed), len(known))
    if a == b:
        # The sort of street is left out, or another one: King St for King Rd.
        return 0.92 if a == typed or b == known else round(0.78 + 0.1 * whole, 3)
    apart = distance(a, b)
    if CJK.search(typed):
        if sound(typed) == sound(known):
            return SAME_SOUND
        if len(a) < 4 and apart >= len(a) / 2:
            return 0.0
    elif apart > 1 + len(a) // 6:
        return 0.0
    return round((1 - apart / max(len(a), len(b))) * 0.7 + whole * 0.3, 3)


def completes(typed: str, known: str) -> float:
    """How well `known` completes what is being typed: its beginning, or a later word's. 0: not."""
    if not typed or len(typed) > len(known):
        return 0.0
    share = len(typed) / len(known)
    if known.startswith(typed):
        return 0.8 + 0.15 * share
    if CJK.search(typed):
        return 0.7 + 0.15 * share if typed in known else 0.0
    return 0.68 + 0.15 * share if f" {typed}" in f" {known}" else 0.0


def distance(a: str, b: str, most: int = 6) -> int:
    """Letters to change, add, leave out or swap with their neighbour; `most` + 1 for more."""
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, before, row = before, row, [i] + [0] * len(b)
        for j, y in enumerate(b, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if last and j > 1 and x == b[j - 2] and a[i - 2] == y:
                row[j] = min(row[j], last[j - 2] + 1)
        if min(row) > most:
            return most + 1
    return row[-1]
