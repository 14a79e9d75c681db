"""Invented customers: names, numbers, use and bills, the same for the same seed.

No name is taken from anybody; given and family names are common ones put together at random. The
numbers use blocks in which no subscriber numbers are handed out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import NamedTuple


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FINNISH_GIVEN = _words("""
    Aino Eino Helmi Väinö Eevi Onni Lempi Toivo Saima Urho Impi Armas Hilja Veikko Kerttu Olavi
    Sisko Martti Tuulikki Pentti Anneli Kauko Ritva Reijo Sirkka Jorma Marjatta Seppo Pirjo Hannu
    Tarja Kari Päivi Ilkka Sari Jukka Minna Mika Kirsi Sami Jaana Petri Anu Marko Satu Janne
    Heidi Ville Elina Antti Laura Juho Emmi Eetu Sanni Oskari Ella Leo Iida Elias Venla Niilo
    Lumi Hugo Aada Matias
""")
_FINNISH_FAMILY = _words("""
    Koskinen Saarinen Lehtinen Rantanen Salmela Kivelä Harju Niemelä Heikkilä Mäkelä Laaksonen
    Peltola Aaltonen Virtala Jokela Suominen Kallio Ahola Lindroos Hakala Räsänen Tuominen
    Salonen Ojala Vainio Korpela Pulkkinen Halonen Turunen Lahtinen Nurmi Kokkonen Hiltunen Vuori
    Metsälä Ylönen Kuusisto Savolainen Karjala Pajunen Marttila Rinne Leppälä Keto Väisänen Sirola
    Honka Paasonen Valkama Lumme Kaartinen Mustonen Raitio Siivonen Tiainen Uotila Vesala Toivola
    Wikman Åkerblom Östman Närhi Kettunen Huhtala Sundqvist Mäntylä
""")
_CHINESE_FAMILY = _words("""
    王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗 梁 宋 郑 谢 韩 唐 冯 于
    董 萧 程 曹 袁 邓 许 傅 沈 曾 彭 吕 苏 卢 蒋 蔡 贾 丁 魏 薛 叶 阎
""")
_CHINESE_GIVEN = _words("""
    雅琴 建国 秀兰 志强 玉梅 海涛 丽华 文博 晓燕 子轩 桂英 立新 春生 美玲 国栋 思远 静怡 明亮
    慧敏 永康 若曦 俊杰 红霞 长庚 淑珍 天佑 佩瑶 宏伟 诗涵 大勇 月娥 景行 小满 一鸣 素云 德顺
    雨桐 保国 凤英 家宁 翠花 浩然 清扬 世安 婉清 金水 乐天 向阳 冬梅 伯年 知微 广田 采薇 安澜
    晚晴 泽民 静 磊 敏 涛 芳 军 洁 斌
""")
_HEADS = {"shop": "Shop", "office": "Office", "hospital": "Clinic", "school": "School",
          "care": "Care home"}
_LITRES = {"home": 155, "dialysis": 310, "hospital": 420, "care": 210, "school": 25, "shop": 60,
           "office": 45}
# Hours a premise of this use lives on its own storage, least and most.
_STORAGE = {"hospital": (4.0, 8.0), "dialysis": (0.0, 2.0), "care": (1.0, 3.0),
            "school": (0.0, 1.0)}
_SEASON = (0.94, 0.93, 0.96, 0.98, 1.03, 1.08, 0.92, 1.05, 1.06, 1.01, 0.99, 1.00)
_MONTHS = 24


@dataclass(slots=True)
class Customer:
    """One invented account with its meter."""

    number: str
    name: str
    language: str
    usage_m3: list[float]
    billed_until: date
    # How many of the latest bills nobody has paid.
    owed_bills: int
    sms_consent: bool
    storage_hours: float
    meter: str
    meter_mm: int
    installed_on: date
    phones: list[tuple[str, datetime | None]] = field(default_factory=list)


class Living(NamedTuple):
    """What is known of who lives or works there."""

    use: str
    name: str
    persons: int


def invent(living: list[Living], *, seed: int, now: datetime) -> list[Customer]:
    """One customer for each, in order. `now` dates the bills; nothing else depends on it."""
    dice = Random(seed)
    billed = now.date().replace(day=1) - timedelta(days=1)
    made = [_customer(i, who, dice, billed) for i, who in enumerate(living)]
    _give_numbers(made, living, dice, now)
    return made


def _customer(i: int, who: Living, dice: Random, billed: date) -> Customer:
    chinese = dice.random() < 0.3
    person = _chinese_name(dice) if chinese else _finnish_name(dice)
    business = who.use not in ("home", "dialysis")
    name = (who.name or f"{_HEADS[who.use]} {person.split()[-1]}") if business else person
    monthly = who.persons * _LITRES.get(who.use, 155) * 30.4 / 1000 * dice.uniform(0.75, 1.25)
    first = billed.year * 12 + billed.month - _MONTHS
    usage = [
        round(monthly * _SEASON[(first + k) % 12] * dice.uniform(0.9, 1.1), 1)
        for k in range(_MONTHS)
    ]
    owes = dice.random() < 0.12
    owed_bills = int(dice.uniform(1, 7)) if owes else 0
    least, most = _STORAGE.get(who.use, (0.0, 0.0))
    installed = date(billed.year - dice.randrange(1, 12), dice.randrange(1, 13), 15)
    return Customer(
        number=_with_check_digit(4_100_000 + i),
        name=name,
        language="zh" if chinese and not business else "en",
        usage_m3=usage,
        billed_until=billed,
        owed_bills=owed_bills,
        sms_consent=dice.random() > 0.03,
        storage_hours=round(dice.uniform(least, most) * 2) / 2,
        meter=f"WM{installed.year % 100:02d}-{300_000 + i * 7:06d}",
        meter_mm=20 if who.persons < 12 else 32 if who.persons < 60 else 50,
        installed_on=installed,
    )


def _give_numbers(made: list[Customer], living: list[Living], dice: Random, now: datetime) -> None:
    """Most have one number, some two, a few none; a few numbers belong to several accounts."""
    taken: set[str] = set()
    shared = ""
    for customer, who in zip(made, living, strict=True):
        home = who.use in ("home", "dialysis")
        luck = dice.random()
        if home and luck < 0.03:
            continue
        if home and luck < 0.06 and shared:
            # A son for his mother, a caretaker for five flats: the agent has to ask.
            number = shared
        else:
            number = _number(customer.language, home, dice, taken)
        shared = number if dice.random() < 0.5 and home else shared
        numbers = [number]
        if luck > 0.9:
            numbers.append(_number(customer.language, True, dice, taken))
        for n in numbers:
            used = now - timedelta(days=dice.randrange(3, 700)) if dice.random() < 0.3 else None
            customer.phones.append((n, used))


def _number(language: str, home: bool, dice: Random, taken: set[str]) -> str:
    while True:
        if language == "zh":
            number = f"+86139000{dice.randrange(100_000):05d}"
        elif home:
            number = f"04{dice.choice('0145')}00{dice.randrange(100_000):05d}"
        else:
            number = f"0900{dice.randrange(1_000_000):06d}"
        if number not in taken:
            taken.add(number)
            return number


def _finnish_name(dice: Random) -> str:
    return f"{dice.choice(_FINNISH_GIVEN)} {dice.choice(_FINNISH_FAMILY)}"


def _chinese_name(dice: Random) -> str:
    return dice.choice(_CHINESE_FAMILY) + dice.choice(_CHINESE_GIVEN)


def _with_check_digit(number: int) -> str:
    """An account number with its Luhn digit, so that one wrong key is noticed."""
    total = 0
    for place, digit in enumerate(reversed(str(number))):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return f"{number}{-total % 10}"
