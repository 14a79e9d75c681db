"""One written form for everything that means the same place. Pure; `fold` is idempotent.

Full width becomes half width, accents and case go, 幢 and 号楼 become 栋, Chinese numerals in
numbers become digits, words that only say "near" go.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Characters of addresses only, traditional and simplified; a dictionary is not wanted here.
_PAIRS = """
    號号 樓楼 單单 層层 棟栋 區区 縣县 鎮镇 東东 門门 廣广 場场 廠厂 學学 醫医 園园 廈厦 龍龙
    華华 寧宁 橋桥 灣湾 務务 莊庄 島岛 陽阳 陝陕 蘭兰 濟济 漢汉 慶庆 親亲 與与 從从 鐵铁 驛驿
    關关 環环 綠绿 錦锦 長长 馬马 鳳凤 興兴 業业 創创 電电 車车 銀银 書书 館馆 內内 後后 臺台
    線线 時时 節节 衛卫 榮荣 總总 師师 範范 軍军 團团 實实 驗验 農农 貿贸 達达 國国 際际 術术
    產产 權权 義义 鄉乡 鄰邻 鄭郑 黃黄 蘇苏 錢钱 劉刘 陳陈 張张 楊杨 趙赵 吳吴 魯鲁 滬沪 雲云
    貴贵 瓊琼 寶宝 運运 動动 機机 體体 聯联 豐丰 麗丽 萬万 億亿 滿满 會会 議议 員员 廳厅 氣气
    熱热 風风 飛飞 魚鱼 鳥鸟 飯饭 點点 頭头 圖图 畫画 藝艺 劇剧 視视 報报 紙纸 聞闻 傳传 網网
    絡络 訊讯 計计 測测 質质 檢检 羅罗 葉叶 孫孙 蕭萧 許许 鄧邓 馮冯 韓韩 顧顾 賈贾 陸陆 蔣蒋
    閻阎 齊齐 舊旧 靜静 凱凯 賓宾 側侧 對对 邊边 過过 遠远 進进 邁迈 這这 隊队 階阶 隱隐 難难
    靈灵 順顺 項项 領领 願愿 類类 養养 餘余 駐驻 騎骑 鮮鲜 鹽盐 麥麦 黨党 溝沟 潔洁 濱滨 瀘泸
    灘滩 爐炉 爾尔 獅狮 現现 璽玺 畢毕 眾众 碼码 確确 禮礼 種种 積积 穩稳 窪洼 築筑 簡简 糧粮
    紅红 純纯 級级 細细 紹绍 終终 組组 經经 結结 給给 統统 絲丝 維维 綜综 緯纬 縱纵 織织 續续
    罷罢 習习 聖圣 聲声 職职 膠胶 艙舱 蒼苍 蓮莲 藍蓝 藥药 處处 補补 裝装 裡里 裏里 見见 規规
    觀观 記记 設设 試试 詩诗 話话 誠诚 語语 說说 課课 調调 談谈 請请 諾诺 謝谢 證证 識识 護护
    讓让 豬猪 財财 貨货 費费 資资 賽赛 贊赞 贛赣 趕赶 軒轩 軟软 載载 輔辅 輕轻 輪轮 轉转 辦办
    連连 週周 遊游 選选 鄲郸 醬酱 釣钓 鈴铃 鋼钢 錄录 鍋锅 鎖锁 鏡镜 鐘钟 閒闲 間间 閣阁 隨随
    險险 雙双 雞鸡 離离 霧雾 頂顶 須须 鬧闹 鵬鹏 鶴鹤 鷹鹰 龜龟 壩坝 墻墙 牆墙 壽寿 夢梦 婦妇
    將将 尋寻 屆届 屬属 岡冈 峽峡 嶺岭 嶽岳 帶带 帥帅 幣币 幹干 廟庙 廢废 彌弥 彎弯 復复 恆恒
    愛爱 慣惯 戰战 戶户 撥拨 擁拥 據据 擴扩 敵敌 數数 斷断 曉晓 曠旷 曆历 歷历 條条 極极 樂乐
    標标 樞枢 樣样 樹树 檔档 櫃柜 歐欧 歲岁 歸归 殘残 殺杀 決决 沖冲 沒没 況况 淺浅 淨净 淵渊
    湯汤 準准 溫温 滅灭 漁渔 澤泽 濕湿 瀋沈 灑洒 為为 無无 煙烟 營营 爭争 滻浐 渾浑 涇泾 鐳镭
    紡纺 緞缎 輝辉 鈺钰 鑄铸 鋁铝 銅铜 鍛锻 鋒锋 隴陇 隸隶 雜杂
"""
_SIMPLE = str.maketrans({pair[0]: pair[1] for pair in _PAIRS.split()})
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


# Types and directions of Western streets in their short form; 弄 and 巷 are both lanes.
_SHORT = """
    street=st road=rd avenue=ave av=ave drive=dr crescent=cres cr=cres court=crt ct=crt place=pl
    lane=ln boulevard=blvd boul=blvd terrace=terr ter=terr circle=cir square=sq parkway=pkwy
    highway=hwy trail=trl gate=gt heights=hts grove=grv close=cl gardens=gdns garden=gdns
    mount=mt north=n south=s east=e west=w northeast=ne northwest=nw southeast=se southwest=sw
    strasse=str platz=pl
"""
SHORT_WORDS = dict(pair.split("=") for pair in _SHORT.split())
_LANES = str.maketrans({"弄": "巷", "衖": "巷"})


@lru_cache(maxsize=50_000)
def key(name: str) -> str:
    """What the name of a street, an estate or a place is stored and looked for under.

    As `fold`, with the types of streets in one form behind the first word: "King Street East" and
    "KING ST E" are the same street, "Avenue Road" keeps its avenue.
    """
    folded = fold(name)
    if CJK.search(folded):
        return folded.translate(_LANES)
    first, *more = folded.split() or [""]
    return " ".join([first, *(SHORT_WORDS.get(word, word) for word in more)])


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


def numeral_text(value: int) -> str:
    """A number below ten thousand in Chinese, as it is said: 25 is 二十五."""
    if value < 10:
        return "零一二三四五六七八九"[value]
    text, figures = "", str(value)
    for place, c in enumerate(figures):
        power = len(figures) - place - 1
        if c != "0":
            text += numeral_text(int(c)) + ("", "十", "百", "千")[power]
        elif not text.endswith("零"):
            text += "零"
    text = text.rstrip("零")
    return text.removeprefix("一") if 10 <= value < 20 else text
