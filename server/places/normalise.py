"""One written form for everything that means the same place. Pure; `fold` is idempotent.

Full width becomes half width, accents and case go, 幢 and 号楼 become 栋, Chinese numerals in
numbers become digits, words that only say "near" go.
"""

from __future__ import annotations

import re
import unicodedata

# Characters of addresses only; a dictionary of the language is not wanted here.
_SIMPLE = str.maketrans(
    "號樓單層棟區縣鎮東門廣場廠學醫園廈龍華寧橋灣務莊島陽陝蘭濟漢慶親與從鐵驛關環綠錦長馬鳳興業創電"
    "車站銀書館內後臺線時節衛榮總師範軍團實驗農貿達國際術產權義",
    "号楼单层栋区县镇东门广场厂学医园厦龙华宁桥湾务庄岛阳陕兰济汉庆亲与从铁驿关环绿锦长马凤兴业创电"
    "车站银书馆内后台线时节卫荣总师范军团实验农贸达国际术产权义",
)
# Letters that do not fall apart into a plain letter and an accent.
_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "đ": "d", "ł": "l", "œ": "oe", "ı": "i"})
_DIGITS = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "○": 0, "两": 2}
_TENS = {"十": 10, "百": 100, "千": 1000}
# A numeral is a number only before what is counted: 二环 stays a name, 二栋 becomes 2栋.
_COUNTED = "号栋幢座楼层室单巷弄组院排"
_NUMERAL = re.compile(rf"([〇零○一二三四五六七八九十百千两]+)(?=附?[{_COUNTED}]|-|之)")
_NEAR = re.compile(
    r"附近|旁边|隔壁|对面|对过|斜对面|旁|这边|那边|门口|周围|一带"
    r"|\b(?:near|nearby|next to|opposite|beside|in front of|behind|by the|close to|at the|corner of"
    r"|lahella|vieressa|vastapaata|luona)\b"
)
_PUNCTUATION = re.compile(r"[\s,;:.。、，；：!?！？\"'“”‘’()（）\[\]{}_|*+=~`^$%&@#<>\\]+")
CJK = re.compile(r"[\u3400-\u9fff]")


def fold(text: str) -> str:
    """`text` in the form in which places are stored and looked for."""
    return fold_near(text)[0]


def fold_near(text: str) -> tuple[str, bool]:
    """`fold(text)` and whether it said "near" something rather than the thing itself."""
    folded, near = _fold(text)
    # What was taken out may bring together what must go too.
    while (again := _fold(folded))[0] != folded:
        folded, near = again[0], near or again[1]
    return folded, near


def _fold(text: str) -> tuple[str, bool]:
    text = unicodedata.normalize("NFKC", text)[:300].casefold().translate(_LETTERS)
    text = "".join(
        c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) not in _DROPPED
    )
    text = unicodedata.normalize("NFC", text).translate(_SIMPLE)
    text = _PUNCTUATION.sub(" ", text)
    text, near = _NEAR.subn(" ", text)
    text = _NUMERAL.sub(lambda found: str(numeral(found.group(1))), text)
    text = re.sub(r"(?<=\d)\s*(?:号楼|幢|号院(?=\d))", "栋", text)
    # Chinese is written without spaces; those somebody typed mean nothing.
    text = re.sub(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff\d])", "", text)
    text = re.sub(r"(?<=\d)\s+(?=[\u3400-\u9fff])", "", text)
    return " ".join(text.split()), bool(near)


_DROPPED = {"Mn", "Cc", "Cf", "Cs", "Cn", "Co", "So", "Sk"}


def numeral(text: str) -> int:
    """A Chinese numeral, positional (二〇三) or spoken (一百二十三)."""
    if not any(c in _TENS for c in text):
        return int("".join(str(_DIGITS[c]) for c in text))
    total, digit = 0, 0
    for c in text:
        if c in _TENS:
            total += (digit or (1 if total == 0 else 0)) * _TENS[c]
            digit = 0
        else:
            digit = _DIGITS[c]
    return total + digit
