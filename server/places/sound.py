"""How a Chinese name sounds, for what is typed in Latin letters or written by ear. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from server.places.normalise import CJK, numeral_text

# What many speakers do not tell apart is one sound: sh/s, zh/z, ch/c, -ng/-n.
_MERGED = re.compile(r"(?<=[zcs])h|(?<=[aei]n)g")


def sound(folded: str) -> str:
    """Pinyin without tones and spaces, figures read out: 高新4路 and 高薪四路 are gaoxinsilu."""
    return merge("".join(_syllables(folded)))


def initials(folded: str) -> str:
    """The first letters, as people type them who are in a hurry: gxsl."""
    return "".join(s[0] for s in _syllables(folded) if s)


def typed(latin: str) -> str:
    """What somebody typed in Latin letters, in the form of `sound`: "Gaoxin 4 lu"."""
    return merge(re.sub(r"[^a-z]", "", re.sub(r"\d+", _read_out, latin)))


def merge(pinyin: str) -> str:
    """Sounds that are confused made one; the beginning of a word stays its beginning."""
    return _MERGED.sub("", pinyin.replace("ü", "v"))


def _read_out(found: re.Match[str]) -> str:
    return "".join(_syllables(numeral_text(int(found.group()[:4]))))


@lru_cache(maxsize=20_000)
def _syllables(folded: str) -> tuple[str, ...]:
    from pypinyin import lazy_pinyin

    text = re.sub(r"\d+", lambda f: numeral_text(int(f.group()[:4])), folded)
    if not CJK.search(text):
        return (re.sub(r"[^a-z]", "", text),)
    parts = lazy_pinyin(text, v_to_u=False)
    return tuple(s for p in parts if (s := re.sub(r"[^a-z]", "", p)))
