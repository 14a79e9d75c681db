"""How much a typed name is like a known one, 0 to 1. Pure.

What tells one street from another weighs most: "nowhere st" is not "somewhere st" for both being
streets, and one wrong sign of two is another name. A name that sounds the same is nearly the same.
"""

from __future__ import annotations

import re
from functools import lru_cache

from server.places.normalise import CJK, SHORT_WORDS
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


def mended(typed: str) -> str:
    """A key whose sort of street has a slip in it, with that put right: "mill sreet" is mill st."""
    first, *more = typed.split(" ")
    return " ".join([first, *(_mended(word) for word in more)])


@lru_cache(maxsize=4096)
def _mended(word: str) -> str:
    if len(word) < 4 or word in _TYPES or not word.isascii():
        return word
    return next((short for full, short in SHORT_WORDS.items()
                 if len(full) > 4 and distance(word, full, 1) <= 1), word)  # fmt: skip


def half_typed(typed: str) -> str:
    """A key whose last word is half a sort of street, as far as its short form goes: "mill stre"
    is the beginning of mill st, "mill cour" may be that of mill crt."""
    rest, space, last = typed.rpartition(" ")
    if not space or not last.isascii() or len(last) < 2 or last in _TYPES:
        return mended(typed)
    shared = min((_shared(last, short) for full, short in SHORT_WORDS.items()
                  if full.startswith(last)), default=0)  # fmt: skip
    return f"{rest} {last[:shared]}" if shared else mended(typed)


def _shared(a: str, b: str) -> int:
    """How many letters two words have in common at their beginnings."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y),
                min(len(a), len(b)))  # fmt: skip


def likeness(typed: str, known: str) -> float:
    """Two keys (normalise.key); 1 only where they are the same."""
    if typed == known:
        return 1.0
    a, b = stem(typed), stem(known)
    if a == b:
        whole = 1 - distance(typed, known) / max(len(typed), len(known))
        # The sort of street is left out, or another one: King St for King Rd.
        return 0.92 if a == typed or b == known else round(0.78 + 0.1 * whole, 3)
    chinese = bool(CJK.search(typed))
    if chinese and sound(typed) == sound(known):
        return SAME_SOUND
    most = (len(a) - 1) // 2 if chinese and len(a) < 4 else 1 + len(a) // 6
    apart = distance(a, b, most)
    if apart > most:
        return 0.0
    whole = 1 - distance(typed, known) / max(len(typed), len(known))
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
