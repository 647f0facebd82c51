"""Evens a pasted text out, so that one word list fits JSON, Python dicts, JSON inside JSON, boxes, HTML and wrapped lines."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from bot.model.values import dataclass

LONGEST: Final = 240_000  # characters read of one text; of a longer one its head and its tail
_ROUNDS: Final = 3

_UNICODE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PERCENT: Final = re.compile(r"%(?:7B|22|20|0A|27|3A|E[4-9]%[89AB])", re.IGNORECASE)
_CJK_GAP: Final = re.compile(r"(?<=[\u3000-\u9fff]) +(?=[\u3000-\u9fff])")
_ENTITIES: Final = (
    ("&quot;", '"'),
    ("&#34;", '"'),
    ("&#39;", "'"),
    ("&#x27;", "'"),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&amp;", "&"),
)

_EVEN: Final = {
    **dict.fromkeys(range(0x2500, 0x25A0), " "),  # boxes of rich, Claude Code, opencode
    **{
        ord(wide): narrow
        for wide, narrow in zip("，：；！？（）［］【】｛｝＄｜＝％～", ",:;!?()[][]{}$|=%~", strict=True)
    },
    **dict.fromkeys((0x201C, 0x201D, 0x201E, 0x2033, 0xFF02), '"'),
    **dict.fromkeys((0x2018, 0x2019, 0x2032, 0xFF07), "'"),
    **dict.fromkeys((0xA0, 0x2002, 0x2003, 0x2009, 0x3000, 0x202F), " "),
    **dict.fromkeys((0x200B, 0x200C, 0x200D, 0xFEFF, 0xAD), ""),
    **dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013), "-"),
}

_OFTEN: Final = tuple(zip("，：（）；！？", ",:();!?", strict=True))
"""Nearly every Chinese text has these, and hardly one has any of the others; `translate` asks for each letter of the text."""
_ODD: Final = re.compile("[" + "".join(map(chr, sorted(set(_EVEN) - {ord(wide) for wide, _ in _OFTEN}))) + "]")

_SIMPLER: Final = str.maketrans(
    "額權無餘請號鑰過費數達頻錯誤認證帳賬戶併並發繫統後試時間網絡連線務內審違規長調參檢測點週個實訂閱產單對應處異優開關閉組織團隊預購買頁結滿載飽轉遠響選擇聯絡係員碼訪問憑簽輸設備須獲隱尋執區當錄創續觸動態標誌據庫邏輯協議擴臺灣靜從與為這該將會經確還沒說讓議題級別總計劃於",
    "额权无余请号钥过费数达频错误认证账账户并并发系统后试时间网络连线务内审违规长调参检测点周个实订阅产单对应处异优开关闭组织团队预购买页结满载饱转远响选择联络系员码访问凭签输设备须获隐寻执区当录创续触动态标志据库逻辑协议扩台湾静从与为这该将会经确还没说让议题级别总计划于",
)
"""Traditional characters that errors are written with; the word lists are in simplified ones."""
_TRADITIONAL: Final = re.compile("[" + "".join(chr(old) for old, new in _SIMPLER.items() if old != new) + "]")


@dataclass(frozen=True, slots=True)
class View:
    """`lines`: unescaped, line breaks kept. `flat`: one line, single spaces. `low`: `flat` in lower case and simplified
    Chinese, of the same length. `raw`: `low` in UTF-8."""

    lines: str
    flat: str
    low: str

    @property
    def raw(self) -> bytes:
        return self.low.encode()


def _unescape(text: str) -> str:
    for _ in range(_ROUNDS):
        if "\\" not in text:
            break
        before = text
        while "\\\\" in text:
            text = text.replace("\\\\", "\\")
        if "\\u" in text:
            text = _UNICODE.sub(lambda found: chr(int(found.group(1), 16)), text)
        text = (
            text.replace('\\"', '"')
            .replace("\\n", "\n")
            .replace("\\r", "")
            .replace("\\t", " ")
            .replace("\\'", "'")
            .replace("\\/", "/")
        )
        if text == before:
            break
    return text


def view(text: str) -> View:
    if len(text) > LONGEST:
        text = text[: LONGEST // 2] + "\n" + text[-LONGEST // 2 :]
    if "%" in text and len(_PERCENT.findall(text)) > 3:
        text = unquote(text, errors="replace")
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    text = _unescape(text)
    if "&" in text:
        for entity, sign in _ENTITIES:
            text = text.replace(entity, sign)
    if not text.isascii():
        # A lone surrogate cannot be searched; it comes from half an escaped emoji.
        text = text.encode("utf-8", "replace").decode("utf-8")
        for wide, narrow in _OFTEN:
            text = text.replace(wide, narrow)
        if _ODD.search(text):
            text = text.translate(_EVEN)
    flat = " ".join(text.split())
    if not flat.isascii():
        flat = _CJK_GAP.sub("", flat)
    low = flat.lower()
    if not low.isascii() and _TRADITIONAL.search(low):
        low = low.translate(_SIMPLER)
    if len(low) != len(flat):  # a few letters grow in lower case; then the case is given up, not the places
        flat = low
    return View(text, flat, low)
