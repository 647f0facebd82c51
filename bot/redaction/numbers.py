"""Payment cards, bank accounts, resident ids, phones: digits that pass a check and are not a task's or a request's number."""

from __future__ import annotations

from typing import Final

from bot.redaction.rx import finder, rx
from bot.redaction.spans import BUDGET, UNREADABLE, Span, budget

_PHONE: Final = (
    r"1[3-9][0-9](?:[ \-]?[0-9]{4}[ \-]?[0-9]{4}|[ \-]?[0-9]{3}[ \-]?[0-9]{5}|[0-9][ \-][0-9]{3}[ \-][0-9]{4})"
)
HINTS: Final = (
    rf"(?:\(\+?86\)|\+86|\b0086|\b86)[ \-]?{_PHONE}\b|\b(?:[0-9]{{11,19}}[Xx]?|{_PHONE}|[0-9]{{4}}(?:[ \-]{{1,2}}[0-9]{{4}}){{2,3}}"
    r"(?:[ \-]{1,2}[0-9]{1,3})?|[0-9]{4}[ \-][0-9]{6}[ \-][0-9]{4,5}|[0-9]{6}[ \-][0-9]{10,13}|[0-9]{6}[ \-][0-9]{8}[ \-]?[0-9]{3}[0-9Xx])\b"
)
_DIGITS: Final = finder(HINTS)
_WINDOW: Final = 60
_NO_DIGITS: Final = bytes(byte for byte in range(256) if not 48 <= byte <= 57)
# Names of numbers that are evidence, before the number and close to it.
_EVIDENCE: Final = finder(
    r"(?i:task|request|trace|span|job|run|log|order|trade|created|expires|timestamp|channel|batch|message|msg|prediction|任务|请求|"
    r"追踪|跟踪|订单|流水|单号|交易|日志|编号|user_?id|video|image|openid|unionid|appid|\b[cgmopstuv]?id|_id|(?-i:Id|ID))(?:[\]\"'`_ \t:=#a-zA-Z()\-]|：|＝|是|为|号|（|）){0,14}$"
)
_CARD_NAME: Final = finder(r"(?i:卡号|银行卡|信用卡|储蓄卡|借记卡|card|银联|账户|户口|account no|pan)[^0-9\n]{0,40}$")
_ID_NAME: Final = finder(r"(?i:身份证|证件号|id ?card|identity|resident|实名)[^0-9\n]{0,30}$")
_PHONE_NAME: Final = finder(r"(?i:手机|电话|phone|mobile|tel|联系|whatsapp|致电|call|微信|号码)[^0-9\n]{0,30}$")
_EXTRA: Final = rx(
    r"(?i:cvv2?|cvc2?|安全码|有效期|expiry|expires? date|exp(?:iration)?(?: date)?)[ \t]{0,3}(?:[:=]|：|＝|是|为)?[ \t]{0,3}([0-9]{2}[ ]?/[ ]?[0-9]{2,4}|[0-9]{3,4})\b"
)
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK: Final = "10X98765432"
_PROVINCES: Final = frozenset((11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83))  # fmt: skip


def find(view: bytes, spans: list[Span]) -> None:
    position = hits = 0
    card = False
    while True:
        start, position = _DIGITS(view, position)
        if start < 0:
            break
        hits += 1
        if hits > BUDGET and hits > budget(start):
            spans.append((start, len(view), UNREADABLE, b""))
            break
        span = _number(view, start, _own_end(view, start, position))
        if span is not None:
            spans.append(span)
            card = card or span[2] == "card"
    if card:
        for match in _EXTRA.finditer(view):
            begin, stop = match.span(1)
            spans.append((begin, stop, "card", view[begin:stop]))


def _own_end(view: bytes, start: int, end: int) -> int:
    """Where the number itself ends: a last short group may be an amount. Only UnionPay's cards have nineteen digits."""
    if end - start < 20:
        return end
    last = max(view.rfind(b" ", start, end), view.rfind(b"-", start, end))
    if end - last > 4 or view[last] == 0x2D or (view[start] == 0x36 and view[end : end + 3] != _YUAN):
        return end
    digits = view[start:last].replace(b" ", b"").replace(b"-", b"")
    return last if digits.isdigit() and _card(digits) and luhn(digits) else end


def _number(view: bytes, start: int, end: int) -> Span | None:
    before, after = view[start - 1 : start], view[end : end + 1]
    if before in _GLUE or (after in _GLUE_AFTER and view[end + 1 : end + 2].isalnum()):
        return None
    text = view[start:end]
    digits = text.translate(None, _NO_DIGITS)
    size = len(digits)
    if size < 11:
        return None
    ahead = view[max(0, start - _WINDOW) : start]
    if ahead.endswith(_COMMAS):
        # one of a list: what the first is called, all are
        ahead = _before_list(view[max(0, start - 5 * _WINDOW) : start])[-_WINDOW:]
    if text[-1:] in b"Xx":
        if size == 17 and resident(digits + b"X") and (_ID_NAME(ahead, 0)[0] >= 0 or not _named_evidence(ahead)):
            return start, end, "resident id", digits + b"X"
        return None
    grouped = len(text) != size
    if size == 18 and (_ID_NAME(ahead, 0)[0] >= 0 or (resident(digits) and not _named_evidence(ahead))):
        return start, end, "resident id", digits
    if size == 15 and resident_old(digits) and _ID_NAME(ahead, 0)[0] >= 0:
        return start, end, "resident id", digits
    if size in (11, 13, 14, 15) and _phone(text, digits, ahead):
        return start, end, "phone", digits
    if 12 <= size <= 19:
        moment = size == 13 and digits[:2] in (b"16", b"17", b"18")  # milliseconds of these years
        if not moment and _CARD_NAME(ahead, 0)[0] >= 0:
            return start, end, "card", digits
        if (
            _card(digits)
            and luhn(digits)
            and not _named_evidence(ahead)
            and not _listed(view, start, end)
            and (not grouped or _card_groups(text))
        ):
            return start, end, "card", digits
    return None


def _before_list(ahead: bytes) -> bytes:
    """What stands before the items of a list, of which each is eight to sixty-four signs long."""
    for _ in range(_MOST_ITEMS):
        rest = ahead[:-1] if ahead[-1:] == b" " else ahead
        comma = next((mark for mark in _MARKS if rest.endswith(mark)), b"")
        head = rest[: len(rest) - len(comma)]
        bare = head.rstrip(_ITEM)
        size = len(head) - len(bare)
        if not comma or size < 8:
            break
        ahead = bare if size <= 64 else head[:-64]
    return ahead


_MOST_ITEMS: Final = 16
_ITEM: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_MARKS: Final = (b",", "，".encode(), "、".encode())
_YUAN: Final = "元".encode()
_COMMAS: Final = (b",", b", ", "，".encode(), "、".encode())
_GLUE: Final = frozenset((b"-", b".", b"_", b"/", b"#", b"\xc2\xa5", b"$", b"="))
_GLUE_AFTER: Final = frozenset((b"-", b".", b"_", b":"))


def _named_evidence(ahead: bytes) -> bool:
    return _EVIDENCE(ahead, 0)[0] >= 0


def _listed(view: bytes, start: int, end: int) -> bool:
    """Alone on its line, and the lines below speak of tasks or requests: a list of ids."""
    line = view[view.rfind(b"\n", 0, start) + 1 : start]
    if view[end : end + 1] not in (b"\n", b"\r") or (line and not line.startswith(b"/")):
        return False
    below = view[end : end + 200]
    return any(word in below for word in ("任务".encode(), "请求".encode(), b"task", b"request"))


def _phone(text: bytes, digits: bytes, ahead: bytes) -> bool:
    tail = digits[-11:]
    lead = digits[:-11]
    if lead not in (b"", b"86", b"0086") or tail[0] != 0x31 or not 0x33 <= tail[1] <= 0x39:
        return False
    if _PHONE_NAME(ahead, 0)[0] >= 0:
        return True
    return not _named_evidence(ahead)


def _card(digits: bytes) -> bool:
    size = len(digits)
    two, three, four = int(digits[:2]), int(digits[:3]), int(digits[:4])
    if two == 62:
        return 16 <= size <= 19
    if digits[0] == 0x34:
        return size in (13, 16, 19)
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return size == 16
    if two in (34, 37):
        return size == 15
    if 3528 <= four <= 3589:
        return size in (16, 19)
    if two in (36, 38, 39) or 300 <= three <= 305:
        return size in (14, 16)
    if four == 6011 or two == 65 or 644 <= three <= 649:
        return size in (16, 19)
    return False


def _card_groups(text: bytes) -> bool:
    groups = text.replace(b"-", b" ").split()
    return all(len(group) in (4, 5, 6, 2, 3, 1) for group in groups) and len(groups[0]) in (4, 6)


def luhn(digits: bytes) -> bool:
    total = 0
    for index, byte in enumerate(reversed(digits)):
        value = byte - 48
        if index % 2:
            value *= 2
            if value > 9:
                value -= 9
        total += value
    return total % 10 == 0


def resident(number: bytes) -> bool:
    """Eighteen places: a province, a real birth date, and the check digit."""
    if int(number[:2]) not in _PROVINCES or not _birthday(int(number[6:10]), int(number[10:12]), int(number[12:14])):
        return False
    total = sum((byte - 48) * weight for byte, weight in zip(number[:17], _WEIGHTS, strict=False))
    return _CHECK[total % 11] == chr(number[17]).upper()


def resident_old(number: bytes) -> bool:
    return int(number[:2]) in _PROVINCES and _birthday(1900 + int(number[6:8]), int(number[8:10]), int(number[10:12]))


def _birthday(year: int, month: int, day: int) -> bool:
    return 1900 <= year <= 2030 and 1 <= month <= 12 and 1 <= day <= 31
