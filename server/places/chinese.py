"""A Chinese address taken apart into its elements, from the province down to the room. Pure.

Rules, not a model: what stands before 省, 市, 区, 镇, 路, 号, 栋, 单元, 室, each in its turn. How
often they are right on addresses that others have labelled is written in docs/places.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace

from server.places.normalise import fold_near

_PROVINCES = """
    北京 天津 上海 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北
    湖南 广东 海南 四川 贵州 云南 陕西 甘肃 青海 台湾 内蒙古 广西 西藏 宁夏 新疆 香港 澳门
"""
# Cities whose 市 is often left out: capitals, and those of Shaanxi.
_CITIES = """
    西安 咸阳 宝鸡 铜川 渭南 延安 汉中 榆林 安康 商洛 北京 上海 天津 重庆
    石家庄 太原 呼和浩特 沈阳 大连 长春 哈尔滨 南京 苏州 无锡 杭州 宁波 温州 绍兴
    嘉兴 湖州 金华 台州 衢州 丽水 舟山 合肥 福州 厦门 泉州 南昌 济南 青岛
    郑州 武汉 长沙 广州 深圳 珠海 佛山 东莞 南宁 海口 成都 贵阳 昆明 拉萨
    兰州 西宁 银川 乌鲁木齐
"""
_XIAN = """
    新城 碑林 莲湖 灞桥 未央 雁塔 阎良 临潼 长安 高陵 鄠邑 蓝田 周至 户县
"""
#: The districts and counties of Xi'an, which may come without their 区.
XIAN = tuple(_XIAN.split())
_ANY = r"[\u4e00-\u9fff]"
_NTH = r"[一二三四五六七八九十\d]"
_PROVINCE = re.compile(
    rf"(?:中国)?({'|'.join(_PROVINCES.split())})"
    r"(?:省|市(?!辖)|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区)?"
)
_CITY = re.compile(
    rf"((?:{'|'.join(_CITIES.split())})市?|{_ANY}{{2,4}}?市(?!场|政|民|辖|南|北|心)"
    rf"|{_ANY}{{2,8}}?(?:自治州|地区|盟(?={_ANY}{{1,5}}[旗县市])))(?:市辖区)?"
)
_ZONE_END = (
    r"(?:(?:经济|高新|经济技术|高新技术|技术)?开发区|高新区|工业园区|工业区|工业园|科技园区"
    r"|产业园区|产业园|园区|保税区|度假区|新区)"
)
_ZONE = re.compile(rf"(?:(?![镇乡路]|街道|小区){_ANY}){{0,6}}?{_ZONE_END}")
_DISTRICT = re.compile(
    rf"({_ANY}{{1,6}}?(?:(?<![小园社街校库景厂院片])(?<!开发)(?<!工业)(?<!高新)区|县|旗)"
    rf"|{_ANY}{{2,3}}市(?!场|政|民|心))"
)
_PLAIN_DISTRICT = re.compile(rf"({'|'.join(XIAN)})(?=.{{2}})(?![路街大东西南北中])")
_TOWN = re.compile(
    rf"({_ANY}{{1,6}}?(?:街道办事处|街道办|街道|镇|乡))(?!(?:[东南西北中前后]?{_NTH}*)?[路街巷道村])"
)
_COMMUNITY = re.compile(
    rf"((?:(?![路街巷弄道号]){_ANY}){{1,8}}?(?:社区|居委会|村委会|行政村|自然村|村))"
    rf"(?![路街巷道小新西东南北]|{_NTH}[区期])"
)
# What a longer name may end with, so that the road begins behind it.
_ESTATE_END = (
    r"(?:小区|花园|公寓|大厦|广场|家园|花苑|嘉园|新村|[^\d]苑|山庄|公馆|市场|中心|大学|学院|医院"
    r"|酒店|宾馆|商城|新城)"
)
_ROAD_END = (
    r"(?:里(?=\d+号)|国道|省道|县道|快速路|大道|大街|胡同|公路|[路街巷弄道线](?!区|口|道|灯))"
)
_ROAD = re.compile(
    rf"(?P<road>(?:[^\d]{{1,12}}?\d{{0,3}}|\d{{1,3}}号?(?=大街|路)){_ROAD_END}"
    rf"(?:[东南西北中]{_NTH}?[路街])?(?:[东南西北中]段|{_NTH}段)?)"
    r"(?P<lane>\d+(?:巷|弄)|[^\d]{0,3}支[路弄巷])?"
)
_NUMBER = re.compile(
    r"(?P<number>[a-z]?\d+(?:[-之]\d+)?[甲乙丙丁]?(?![\d栋座幢楼层室弄]|单元))(?P<hao>号)?"
    r"(?P<sub>(?:附|-|之)\d+号?)?"
)
_BUILDING = (
    r"(?P<building>[东南西北中][楼座栋]|(?:[a-z]{1,2}-?\d*|\d+[a-z]?)(?:栋楼?|座|号楼)|[a-z]\d?楼)"
)
_UNIT = r"(?P<unit>(?:[a-z]|\d+|[甲乙丙丁东西南北中])单元)"
_FLOOR = r"(?P<floor>(?:-?\d+|[bf]\d|负\d)[楼层f])"
_ROOM = (
    r"(?P<room>(?:[a-z]{1,2}-?)?\d{2,}(?:-\d+)?[a-z]?(?![期区组届队])|\d+(?=[室房户号]))"
    r"(?:室|房间|房|户|号)?(?!\d)"
)
_ANY_PART = re.sub(r"\?P<\w+>", "?:", "|".join((_BUILDING, _UNIT, _FLOOR, _ROOM)))
_WITHIN = re.compile(
    rf"(?P<estate>.*?)(?={_ANY_PART}){_BUILDING}?\s*-?{_UNIT}?\s*-?{_FLOOR}?\s*-?(?:{_ROOM})?"
    r"(?P<after>[^\d]*)$"
)
_FIRST_OF_CHAIN = r"^(?P<estate>.*?[^\d-])(?P<a>\d+[a-z]?|[a-z]\d*)"
_LAST_OF_CHAIN = r"-(?P<c>\d+[a-z]?)[号室]?(?P<after>[^\d]*)$"
_CHAIN3 = re.compile(rf"{_FIRST_OF_CHAIN}(?:栋)?-(?P<b>\d+)(?:单元)?{_LAST_OF_CHAIN}")
_CHAIN2 = re.compile(_FIRST_OF_CHAIN + _LAST_OF_CHAIN)
# A village or an estate whose houses are simply numbered.
_HOUSE_OF = re.compile(r"^(?P<estate>[^\d]*)(?P<number>\d+)号(?P<after>[^\d栋]*)$")
_CITY_IN_ROAD = re.compile(r"[东南西北中]?[一二三四五六七八九十]?(?:路|大道|大街|街(?!道)|巷)")


@dataclass(frozen=True, slots=True)
class Elements:
    """The parts of an address as typed and folded; '' for what is not said. `near`: only beside it.

    `zone` is a development zone, `lane` a lane off the road; `estate` any named place with
    buildings; number, building, unit, floor and room without their words (号, 栋, 单元, 层, 室).
    """

    province: str = ""
    city: str = ""
    district: str = ""
    zone: str = ""
    town: str = ""
    community: str = ""
    road: str = ""
    lane: str = ""
    number: str = ""
    estate: str = ""
    building: str = ""
    unit: str = ""
    floor: str = ""
    room: str = ""
    near: bool = False

    @property
    def door(self) -> str:
        """Building, unit and room as registers write them behind the estate: 24栋2单元602室."""
        return (
            (f"{self.building}栋" if self.building else "")
            + (f"{self.unit}单元" if self.unit else "")
            + (f"{self.room}室" if self.room else "")
        )

    def said(self) -> dict[str, str]:
        """What was understood, for people."""
        return {
            f.name: v for f in fields(self) if isinstance(v := getattr(self, f.name), str) and v
        }


def elements(text: str) -> Elements:
    """The elements of `text`. Never raises; what is no address comes back as an estate's name."""
    rest, near = fold_near(text)
    rest = re.sub(r"(?<=[\u4e00-\u9fff号])[-_ ]+(?=[\u4e00-\u9fff])", "", rest).strip(" -_")
    found, rest = _region(rest)
    found, rest = _road(found, rest)
    return replace(_inside(found, rest), near=near)


def without_region(folded: str) -> str:
    """An address without province, city, district and town, which a city knows of itself."""
    return _region(folded)[1] or folded


def _region(rest: str) -> tuple[Elements, str]:
    """Province, city, district, town, community; said twice in one address often enough."""
    parts: dict[str, str] = {}
    for _again in range(2):
        for name, pattern in (("province", _PROVINCE), ("city", _CITY)):
            taken = pattern.match(rest)
            if taken is not None and not _is_road(rest, taken.end()):
                parts[name] = taken.group(1)
                rest = rest[taken.end():].lstrip("- _")
        taken = _DISTRICT.match(rest) or _PLAIN_DISTRICT.match(rest)
        if taken is not None and not _is_road(rest, taken.end()):
            parts["district"] = taken.group(1)
            rest = rest[taken.end():].lstrip("- _")
    for name, pattern in (
        ("zone", _ZONE), ("town", _TOWN), ("zone", _ZONE), ("community", _COMMUNITY)
    ):  # fmt: skip
        taken = pattern.match(rest)
        if taken is None or name in parts or not rest[taken.end():]:
            continue
        parts[name] = taken.group()
        rest = rest[taken.end():]
    return replace(Elements(), **parts), rest  # type: ignore[arg-type]


def _is_road(rest: str, end: int) -> bool:
    """北京路, 南京西路: what looks like a city is the beginning of a street's name."""
    return _CITY_IN_ROAD.match(rest, end) is not None


def _road(found: Elements, rest: str) -> tuple[Elements, str]:
    taken = _ROAD.match(rest)
    if taken is None:
        return found, rest
    road, before = taken.group("road"), ""
    if split := re.match(rf"(.*{_ESTATE_END})(.{{2,}})$", road):
        before, road = split.groups()
    behind = rest[taken.end():]
    number = _NUMBER.match(behind)
    value = ""
    if number is not None and (number.group("hao") or not _CHAIN3.match("x" + behind)):
        value = number.group("number") + (number.group("sub") or "").removesuffix("号")
        behind = behind[number.end():]
    found = replace(
        found, road=road, lane=taken.group("lane") or "", number=value, estate=before
    )
    return found, behind


def _inside(found: Elements, rest: str) -> Elements:
    """Estate, building, unit, floor and room of what is left."""
    rest = rest.strip(" -_")
    if not rest:
        return found
    padded = rest if not rest[0].isdigit() else "x" + rest
    for chain in (_CHAIN3, _CHAIN2):
        if (taken := chain.match(padded)) is not None:
            inner = taken.groupdict()
            return replace(
                found, estate=_named(found, inner["estate"].removeprefix("x")),
                building=inner["a"], unit=inner.get("b") or "", room=inner["c"],
            )  # fmt: skip
    if (taken := _HOUSE_OF.match(rest)) is not None and not found.road:
        estate = _named(found, taken.group("estate"))
        where = "building" if re.search(_ESTATE_END, estate) else "number"
        number = taken.group("number")
        return replace(found, estate=estate, **{where: number})  # type: ignore[arg-type]
    taken = _WITHIN.match(rest)
    if taken is None:
        return replace(found, estate=_named(found, rest))
    parts = {k: v or "" for k, v in taken.groupdict().items()}
    return replace(
        found, estate=_named(found, parts["estate"]),
        building=re.sub(r"(?:栋楼?|座|号楼|楼)$", "", parts["building"]),
        unit=parts["unit"].removesuffix("单元"), floor=re.sub(r"[楼层f]$", "", parts["floor"]),
        room=parts["room"],
    )  # fmt: skip


def _named(found: Elements, estate: str) -> str:
    return (estate.strip(" -_") or found.estate or found.community).strip()
