"""Secrets in tables: a column's head names them, the cells below hold them bare.

Text columns by tab, comma, semicolon, bar or wide gaps; a head alone on its line with the value below it; SQL inserts; HTML tables.
"""

from __future__ import annotations

from typing import Final

from bot.redaction import judge
from bot.redaction.rx import ANYWHERE, NOWHERE, bare, finder, piece
from bot.redaction.spans import Span

_NOUNS: Final = "keys?|secrets?|tokens?|password|authorization|_[as]k|密钥|秘钥|令牌|密码"
_HEAD_WORD: Final = rf"(?i:(?:[a-z_ \-]{{0,36}}|(?:[\xe4-\xe9][\x80-\xbf]{{2}}){{0,8}} ?(?:api ?)?)(?:{_NOUNS}))"
_FRAME: Final = r"[\"'`* \t]{0,8}"
_END: Final = rf"{_FRAME}(?:\r?$|[,;|\t]|  )"
_HEAD: Final = finder(
    rf"(?m:(?:^|[,;|\t]|  |：)(?:[/@][^ \n]{{1,24}} {{1,2}})?{_FRAME}{_HEAD_WORD}{_END})|(?i:insert into [^()\n]{{1,80}}\([^()\n]{{0,200}}(?:key|secret|token|password))"
    rf"|<th[^<>]{{0,60}}>{_FRAME}{_HEAD_WORD}{_FRAME}</th"
)
# how each of these ends or begins: what is looked for in whole texts must not count letters before it knows that there is a noun
_BEGINS: Final = r"(?i:insert into )|<th"
_HINT: Final = finder(rf"(?m:(?i:{_NOUNS}){_END})|{_BEGINS}")
# and below it stands something; what follows a text's last line begins with a NUL
HINTS: Final = rf"(?m:(?i:{_NOUNS}){_END})[^\n]*\n[^\x00]|{_BEGINS}"
_LEFT: Final = bare(_HEAD)
_WORD: Final = finder(rf"^(?:[/@][^ \n]{{1,24}} {{1,2}})?{_FRAME}{_HEAD_WORD}{_FRAME}$")
_MARKS: Final = b"\"'`* \t"
_NOUN_ENDS: Final = tuple(
    noun.encode()
    for noun in [
        "key",
        "keys",
        "secret",
        "secrets",
        "token",
        "tokens",
        "password",
        "authorization",
        "_ak",
        "_sk",
        "密钥",
        "秘钥",
        "令牌",
        "密码",
    ]
)
_CELL: Final = piece(r"^[\"'`*\s]*(?:(?:Bearer|Basic|Token|Key|Bot) )?([A-Za-z0-9_\-./+=:~%@!#$^&]+[,;]?)[\"'`*\s]*$")
_FAULTY: Final = finder(r"(?i:invalid|incorrect|expired|missing|unknown|wrong|no |not |bad |错误|无效|失效|过期|for )")
_RULE: Final = frozenset(b"-+|=: \t\r")
_WIDE: Final = piece(r"[ \t]{2,}|\t")
_TUPLE: Final = piece(r"\(([^()]*)\)")
_TH: Final = piece(r"<th[^<>]*>([^<]*)")
_TD: Final = piece(r"<td[^<>]*>([^<]*)")
_MOST_ROWS: Final = 200
_MOST_HEADS: Final = 20


def find(view: bytes, spans: list[Span]) -> None:
    position = heads = 0
    while heads < _MOST_HEADS:
        start, end = _head(view, position)
        if start < 0:
            return
        heads += 1
        if view[start] in b"<":
            _html(view, spans)
            return
        if view[start : start + 7].lower() == b"insert ":
            position = _sql(view, start, spans)
            continue
        line = view.rfind(b"\n", 0, start + (view[start : start + 1] != b"\n")) + 1
        stop = view.find(b"\n", max(line, end - 1))
        if stop < 0:
            return
        position = max(stop, start + 1)
        _columns(view, line, stop, spans)


def _head(view: bytes, position: int) -> tuple[int, int]:
    """The first head at or behind this place, which is a line's end or begin."""
    at = position
    while True:
        hint, _ = _HINT(view, at)
        if hint < 0:
            return NOWHERE
        if view[hint] in b"<iI":
            return _HEAD(view, at)
        line = view.rfind(b"\n", at, hint) + 1 or at
        stop = view.find(b"\n", hint)
        if stop < 0:
            stop = len(view)
        head = _LEFT(ANYWHERE, view, line, stop)[0]
        if head[0] >= 0:
            return head
        at = stop


def _columns(view: bytes, line: int, stop: int, spans: list[Span]) -> None:
    head = view[line:stop]
    below = view[stop + 1 : stop + 2000].split(b"\n", 1)[0]
    marks = [mark for mark in (b"|", b"\t", b",", b";") if head.find(mark) >= 0]
    mark = next((mark for mark in marks if below.find(mark) >= 0), marks[0] if marks else b"")
    columns = [
        number
        for number, (begin, end) in enumerate(_cells(head, mark))
        if head[begin:end].rstrip(_MARKS).lower().endswith(_NOUN_ENDS)
        and _WORD(head[begin:end], 0)[0] >= 0
        and _FAULTY(head[begin:end], 0)[0] < 0
    ]
    if not columns:
        return
    alone = not mark and len(_cells(head, mark)) == 1
    position, rows = stop + 1, 0
    while position < len(view) and rows < (3 if alone else _MOST_ROWS):
        end = view.find(b"\n", position)
        end = len(view) if end < 0 else end
        row = view[position:end]
        rows += 1
        if not row.strip():
            if not alone:
                return
        elif not _RULE.issuperset(row):
            cells = _cells(row, mark)
            if alone and len(cells) > 1 and _WIDE.search(row.strip()) is None:
                return
            for column in columns:
                if column < len(cells):
                    _cell(view, position + cells[column][0], position + cells[column][1], spans)
            if alone or len(cells) <= columns[0]:
                return
        position = end + 1


def _cells(row: bytes, mark: bytes) -> list[tuple[int, int]]:
    if mark:
        places, begin = [], 0
        for cell in row.split(mark):
            places.append((begin, begin + len(cell)))
            begin += len(cell) + len(mark)
        return places
    places, begin = [], 0
    for gap in _WIDE.finditer(row):
        if gap.start() > 0:
            places.append((begin, gap.start()))
        begin = gap.end()
    places.append((begin, len(row)))
    return places


def _cell(view: bytes, begin: int, end: int, spans: list[Span]) -> None:
    match = _CELL.match(view[begin:end])
    if match is None:
        return
    value = match.group(1).rstrip(b",;")
    if len(value) < 12 or not judge.mixed(value) or not judge.plausible(value) or value.find(b"://") >= 0:
        return
    if (
        judge.evidence(value)
        or judge.masked(value)
        or judge.code(value)
        or judge.placeholder(value)
        or judge.dated(value)
    ):
        return
    at = begin + match.start(1)
    spans.append((at, at + len(value), "api key", value))


def _sql(view: bytes, start: int, spans: list[Span]) -> int:
    """`INSERT INTO t (a, key) VALUES (1, '...'), ...`: gives the place where the statement ends."""
    end = view.find(b"\n\n", start)
    end = min(len(view) if end < 0 else end, start + 20_000)
    columns: list[int] = []
    for match in _TUPLE.finditer(view, start, end):
        inside = match.group(1)
        if not columns:
            columns = [number for number, name in enumerate(inside.split(b",")) if _WORD(name, 0)[0] >= 0]
            if not columns:
                break
            continue
        for column, (begin, stop) in enumerate(_cells(inside, b",")):
            if column in columns:
                _cell(view, match.start(1) + begin, match.start(1) + stop, spans)
    return end


def _html(view: bytes, spans: list[Span]) -> None:
    heads = [match.group(1) for match in _TH.finditer(view)]
    columns = {number for number, head in enumerate(heads) if _WORD(head, 0)[0] >= 0}
    for number, match in enumerate(_TD.finditer(view)):
        if number % len(heads) in columns:
            _cell(view, match.start(1), match.end(1), spans)
