"""Values that are secret because of the name before them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.redaction import judge
from bot.redaction.joins import next_line, quoted_end, shaped_end, spaced_end, wrapped_end
from bot.redaction.judge import MIN_SECRET
from bot.redaction.makers import decoded, rule_of
from bot.redaction.rules.named import HARMLESS_BEFORE, NAMES, STEMS, VENDORS
from bot.redaction.rx import Search, finder, piece
from bot.redaction.spans import UNREADABLE, Span, budget

_LINKS: Final = (b"https://", b"http://")
_VENDORS: Final = frozenset(word.encode() for word in VENDORS)
_VENDOR_ENDS: Final = (*_VENDORS, b"secret", b"access")
_UUID_VENDORS: Final = frozenset(word.encode() for word in ("火山", "方舟", "豆包", "ark"))
_KIND: Final = {word.encode(): rule.kind for rule in NAMES for word in rule.words}
_MAKERS: Final = "|".join(VENDORS)
_CHINESE_WORDS: Final = "密钥|秘钥|令牌|密码|口令"
_WORDS: Final = "|".join(sorted((word for rule in NAMES for word in rule.words), key=len, reverse=True))

# name, then what may stand between it and the value: closing quotes, a remark in brackets, a separator, opening quotes.
_CLOSE: Final = r"(?:[\"'`\]\)\\*]|”|’|」|】){0,6}"
# a declared type: `var key string =`, `key: str =`
_TYPE: Final = r"(?:[ \t](?:string|str|String)|:[ \t]?(?:&'static )?(?:str|string|String|SecretStr|Final)[ \t]?)?"
_REMARK: Final = r"(?:[ \t]{0,2}(?:\([^()\n]{1,24}\)|（[^\n(){}\[\]]{1,48}?）))?"
_SUFFIX: Final = r"(?:_?(?:[0-9]{1,2}|v[0-9]|bedrock|backup|bak|prod|dev|test|old|new|main|default|live|value|base64|b64|hash|string|text))?"
# up to four Chinese characters before a colon: `密钥已改成：`, `key給你：`
_CHINESE: Final = r"(?:[\xe4-\xe9][\x80-\xbf]{2}){1,4}"
_MARK: Final = r"(?:=>|:=|={1,2}|\|\|=|\|{1,2}|│|┃|->|>|:|：|＝|→|—{1,2}|–|－|~|\(|（|【)"
_VERB: Final = r"(?:是|就是|为|为|填的是|填的|填了|填|用的是|用的|改成|改为|已改为|换成了|换成|换为|设成|设为|给你|如下|(?:is|was|equals)(?:[ \t]|:)|(?:provided|used):|(?:i['’]?m using|i am using|i use|we use|in use|used|below)[ \t]?\(?)"
# a value may stand in the next line, indented, or in quotes, or after a YAML block mark
_BELOW: Final = r"(?:(?:[>|]?-?|<<[\-~]?[\"']?[A-Z]{2,12}[\"']?)[ \t]{0,4}\r?\n[ \t]{0,24}(?:-[ \t]{1,4})?)?"
_SEPARATOR: Final = rf"[ \t]{{0,8}}(?:{_MARK}|{_VERB}[ \t]{{0,2}}(?::|：|=|＝)?|{_CHINESE}(?::|：))[ \t]{{0,8}}{_BELOW}"
# `name: KEY, value: ...`, `name="key" value="..."`
_PAIR: Final = r"[\"'\\]{0,4}(?:,|[ \t]\{)?\s{0,24}[\"'\\]{0,4}(?:value|Value|content|VALUE|default)[\"'\\]{0,4}[ \t]{0,4}[:=][ \t]{0,4}|[ \t]-[Vv]alue[ \t]{1,4}|(?:[ \t][A-Za-z_]{1,16}){0,3}[ \t]{1,4}(?:--?(?:body|value|secret-string)[ \t=]{1,4}|<<<[ \t]{0,4})|</key>\s{0,24}<string>|[ \t]{0,4}\r?\n[ \t]{0,8}[\"']|\\?\"(?:\r?\n[A-Za-z\-]{1,30}: [^\n]{1,60})?\r?\n\r?\n"
_FLAG_GAP: Final = r"[ \t]{1,12}"
_OPEN: Final = r"(?:\[|\(|（|【|[A-Za-z]{4}\(|\$\(echo |!!?[a-z]{1,8} |&[A-Za-z0-9_]{1,16} |string\([0-9]{1,4}\) |[brfu]{1,2}[\"'`])?(?:[\"'`\\*<{]|“|‘|「|『|《){0,6}\[?"
_SCHEME: Final = r"(?:(?:bearer|basic|token|bot|key|apikey|digest|v0|oauth|jwt)(?:[ \t:=+]{1,8}|%20)(?:[\"'`][ \t]{0,3}[+.&][ \t]{0,3}\(?f?)?[\"'`\\]{0,3})?"
# the first characters of a value, so that a mere word costs nothing; a cookie's may have a semicolon among them
_LEAST: Final = 6
_FIRST: Final = r"[!#$%*+\-./0-9:?@A-Z^_a-z~=;]"
_START: Final = rf"(?:{_FIRST}{{6}}|{_FIRST}{{5}} |{_FIRST}{{4}} {_FIRST}|{_FIRST}{{3}} {_FIRST}{{2}})"
NAME: Final = finder(
    rf"(?i:(?:{_WORDS}|[?&;_\-](?:ak|sk)|\b(?:ak|sk)|\b(?:bearer|basic)|[?&;](?:sig|sign|code|auth|hash|x-[a-z]{{1,8}}-credential|q-sign[a-z-]{{0,12}})){_SUFFIX}"
    rf"(?:{_CLOSE}{_REMARK}{_TYPE}{_SEPARATOR}|[\"'],[ \t]{{0,4}}|{_PAIR}|{_FLAG_GAP}){_OPEN}{_SCHEME}{_START})"
    rf"|(?i:(?:{_MAKERS}){_CLOSE}{_SEPARATOR}){_OPEN}{_START}"
    rf"|(?:{_CHINESE_WORDS}|[Kk]ey|KEY|[Tt]oken)[ \t]?(?:[\xe4-\xe9][\x80-\xbf]{{2}}){{0,6}}[ \t]{{0,4}}(?:（|【|“|「)?{_START}"
)


def _word_table() -> dict[bytes, tuple[bytes, ...]]:
    table: dict[bytes, list[bytes]] = {}
    words = [
        *_KIND,
        *_VENDORS,
        b"sign",
        b"sig",
        b"code",
        b"auth",
        b"hash",
        b"x-",
        b"q-sign",
        b"bearer",
        b"basic",
        b"ak",
        b"sk",
    ]
    for word in sorted(words, key=len, reverse=True):
        table.setdefault(word[:2], []).append(word)
    return {head: tuple(words) for head, words in table.items()}


_WORD_TABLE: Final = _word_table()
_SCHEMES: Final = (b"bearer", b"basic")
_CHINESE_NAMES: Final = tuple(word.encode() for word in _CHINESE_WORDS.split("|"))
_VALUE: Final = piece(r"[!#$%*+\-./0-9:?@A-Z^_a-z~=]{4,600}")
_SEPARATORS: Final = piece(
    r"[:=,>|~(]|[\x80-\xff]| is| was| equals|value|content|provided |used |body|<<<|using|use |below|\n\r?\n"
)
# names a value without saying so: only what looks like nothing but a key counts behind it
_AIMLESS: Final = piece(r"[ \t]*(?:[\xe4-\xe9][\x80-\xbf]{2})*[ \t]*$")
_AIMED: Final = piece(r"(?:是|为|填|填的|填了|用的|成|了|下|给你)[ \t]*$")
_OTHERS: Final = piece(r"请求|任务|追踪|编号|订单|日志|模型")
_BLANKS: Final = frozenset((b" ", b"  ", b" token ", b" key ", b" bot "))
# what stands between nearly all names and values
_PLAIN: Final = frozenset(
    (b"=", b":", b": ", b"='", b"=\"", b" = ", b" = '", b" = \"", b": '", b": \"", b"\": \"", b"': '", b"\":\"", b"':'", "：".encode(), b"=\\\"", b"\\\":\\\"", b"\\\": \\\"")
)  # fmt: skip
_PLAINLY: Final = piece(r"[a-z_]{2,20}[:,.;]?")
_WORD_ENDS: Final = (b" ", b"\n", b"")
_PART: Final = piece(r"\\?\"(?:\r?\n[^\n]*)?\r?\n\r?\n$")
_FIELD: Final = piece(r"name=\\?\"[A-Za-z0-9_\-.\[\]]{0,40}$")
_HEXED: Final = piece(r"(?:[0-9a-f]{32}|[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$")
_LONE: Final = piece(r"(?:[A-Za-z0-9+/_\-]{20,}={0,2})$")
_FAULTY: Final = piece(
    r"(?:[Ii]nvalid|[Ii]ncorrect|[Mm]issing|[Uu]nknown|[Ee]xpired|[Ww]rong|[Bb]ad|[Nn]o|[Mm]alformed|[Ff]or) [\w\- ]{0,12}$"
)
_OWN: Final = piece(r"(?:using|with|my|the|this|our|我的|这个|用)[ \t]?$")
_FETCHED: Final = piece(r"(?:[$=%{/]|[Bb]earer )[A-Za-z0-9_.\-]{0,40}$")
_NAME_ENDS: Final = (b"key", b"secret", b"token", b"password", b"id", b"keyid")
_RUN: Final = piece(r"[A-Za-z0-9]{24}")
_SCHEME_ENDS: Final = (b"bearer ", b"basic ", b"token ", b"bot ")
_LOOSE: Final = piece(r"^[\"'`\]\)\\*]{0,6}[ \t]*(?:\|{1,2}|—{1,2}|–|－|~)[ \t]*[`*\"']*$")
_CELL: Final = piece(r"(?:^|[\n|*>\-•])[ \t`*\"'#]*[A-Za-z0-9]{1,24}_[A-Za-z0-9_.]{0,40}$")
_PARAM: Final = piece(r"[!$%*+\-./0-9:@A-Z^_a-z~=]{4,600}")
_TOKEN: Final = piece(r"[A-Za-z0-9_\-./+=:%~]{8,600}")
_UUID: Final = piece(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_REST: Final = piece(r"[^\r\n\"'`\\<>{}\[\]|]{4,}")
_PLAIN_COOKIE: Final = piece(r"[A-Za-z0-9_\-%+/=.]{8,}")
_LENGTHS: Final = (24, 30, 32, 36, 40, 41, 45, 46, 48, 49, 59, 60, 64, 70, 72, 77, 84)
_VENDOR_VALUE: Final = piece(
    r"(?:[A-Za-z0-9+/]{40}|[A-Za-z0-9+/]{200,}={0,2}|24\.[0-9a-f]{32}\.[0-9.\-]{10,60}|[A-Za-z0-9]{24}|[A-Za-z0-9]{30}|[A-Za-z0-9]{32}|[A-Za-z0-9]{40}|[0-9a-f]{64}|[A-Za-z0-9+/]{56,60}={1,2})$"
)
_BAIDU: Final = piece(r"24\.[0-9a-f]{32}\.[0-9]{5,8}\.[0-9]{10}\.[0-9]{6}-[0-9]{6,9}")
# whole keys without a prefix that have a sign in their middle: Baidu, Zhipu, iFlytek, Telegram
_SHAPES: Final = (
    _BAIDU,
    piece(r"[0-9a-f]{32}\.[A-Za-z0-9]{16}"),
    piece(r"[0-9a-f]{32}:[A-Za-z0-9+/]{32,64}"),
    piece(r"[A-Za-z]{20}:[A-Za-z]{20}"),
    piece(r"[0-9]{8,10}:[A-Za-z0-9_\-]{35}"),
    piece(r"[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{38}"),
)
_BARE_VALUE: Final = piece(r"[A-Za-z0-9+/_\-.]{32,}={0,2}$")
_WEAK: Final = frozenset((b"key", b"token", b"pass", b"session", b"sid", b"credential", b"signature", b"csrf"))


def find(view: bytes, spans: list[Span], search: Search = NAME) -> None:
    position = hits = 0
    length = len(view)
    most = budget(length)
    taken = {span[0]: span[1] for span in spans}
    while position < length:
        start, end = search(view, position)
        if start < 0:
            break
        end -= _LEAST
        position = end
        hits += 1
        if hits > most:
            spans.append((start, length, UNREADABLE, b""))
            return
        if view.startswith(b"-----", end):
            continue
        if end in taken:
            position = taken[end]
            continue
        # after a blank soon, it may be a key in short runs whose prefix is broken too
        if rule_of(view[end : end + 24]) is not None and b" " not in view[end : end + 12]:
            continue  # the token finder knows better where it ends
        span = _named(view, start, end)
        if span is not None:
            spans.append(span)
            position = max(position, span[1])
            if span[2] == "api key" and view[start:end].lower().rfind(b"s", 0, 12) >= 0:
                _more(view, span, spans)


def _more(view: bytes, span: Span, spans: list[Span]) -> None:
    """The rest of a list of keys: `KEYS=a,b`, `"keys": ["a", "b"]`, a YAML list, one in each line."""
    end = span[1]
    for _ in range(_MOST_LISTED):
        joint = _NEXT.match(view, end)
        match = _VALUE.match(view, joint.end()) if joint is not None else None
        if joint is None or match is None:
            return
        value = match.group()
        end = match.end()
        if view[end : end + 1] in (b":", b"=") or not _lone(value):
            return
        spans.append((joint.end(), end, span[2], value))


_NEXT: Final = piece(r"[\"']?[ \t]{0,4}(?:,\s{0,24}|;[ \t]{0,4}|\r?\n[ \t]{0,24}-[ \t]{1,4})[\"']?")
_MOST_LISTED: Final = 100


def _label(view: bytes, at: int) -> bool:
    """Whether only letters and blanks stand between a bracket and this place."""
    opening = view.rfind(b"[", max(0, at - 24), at)
    return opening >= 0 and all(byte == 0x20 or 97 <= byte <= 122 for byte in view[opening + 1 : at])


def _harmless(view: bytes, word: bytes, start: int) -> bool:
    """Whether the letters before the word make it another word: `monkey`, `cache_key`, `public_key`."""
    if start == 0 or word[0] >= 0x80 or word[0] in b"?&;_-":
        return False
    before = view[max(0, start - 14) : start]
    last = before[-1]
    low = before.lower()
    if low.endswith(_HARMLESS.get(low[-2:], ())):
        return word[:3] == b"key" or not low.endswith((b"config_", b"setting_"))
    if 97 <= last <= 122 and not 65 <= view[start] <= 90:
        return not low.endswith(_STEMS)
    return 65 <= last <= 90 and 65 <= view[start] <= 90 and not low.endswith(_STEMS)


def _by_end(words: Sequence[str]) -> dict[bytes, tuple[bytes, ...]]:
    """The words by their last two letters: few are compared."""
    table: dict[bytes, list[bytes]] = {}
    for word in words:
        table.setdefault(word.encode()[-2:], []).append(word.encode())
    return {end: tuple(same) for end, same in table.items()}


_HARMLESS: Final = _by_end(HARMLESS_BEFORE)
_STEMS: Final = tuple(word.encode() for word in STEMS)


def _named(view: bytes, start: int, at: int) -> Span | None:
    hit = view[start:at].lower()
    parameter = hit[0] in b"?&;"
    if hit[0] in b"?&;_-":
        hit = hit[1:]
        start += 1
    for word in _WORD_TABLE.get(hit[:2], ()):
        if hit.startswith(word):
            break
    else:
        return None
    if _harmless(view, word, start):
        return None
    parameter = parameter or view[start - 1 : start] in (b"?", b"&")
    if word in _SCHEMES:
        return _scheme(view, word, at)
    kind = _KIND.get(word, "api key" if word in (b"ak", b"sk") else "signature")
    gap = hit[len(word) :]
    plain = gap in _PLAIN
    if not plain and gap in _BLANKS and not _flag(view, start):
        # the usual case: a word in a sentence
        word_behind = _PLAINLY.match(view, at)
        if word_behind is not None and view[word_behind.end() : word_behind.end() + 1] in _WORD_ENDS:
            return None
    if (
        b"\n" in gap
        and gap[:1] in b'\\"'
        and _PART.match(gap) is not None
        and _FIELD.search(view, max(0, start - 48), start) is None
    ):
        return None  # a string's end and an empty line, but no part of a form
    if gap[:1] == b"]" and _label(view, start):
        return None  # our own `[... key]`
    blank = (
        not plain
        and _SEPARATORS.search(gap) is None
        and not gap.endswith(_SCHEME_ENDS)
        and not (kind == "authorization" and gap.endswith(b"key "))
    )
    if gap.endswith(b"> ") and b"=>" not in gap and b"->" not in gap:
        return None  # `<token> trace_id=...`
    if word in _VENDORS:
        span = _vendor(view, word, at, blank)
        if span is not None or not any(name in gap for name in _CHINESE_NAMES):
            return span
        word, kind = b"apikey", "api key"  # `火山方舟密钥：`
    aimless = (
        not plain
        and not blank
        and (
            (gap[-1:] == b"\n" and b"\n\r\n" not in gap and b"\n\n" not in gap)
            or (_AIMLESS.match(gap) is not None and _AIMED.search(gap) is None)
        )
    )
    if not plain and b"\xe2\x80" in gap and _LOOSE.match(gap) is not None:
        aimless = True  # a dash may be but a dash
    elif not plain and _LOOSE.match(gap) is not None and (_CELL.search(view, max(0, start - 48), start) is None):
        return None  # `invalid x-api-key | <request id>` is no table
    if kind == "cookie":
        return _cookie(view, start, at, blank)
    match = (_PARAM if parameter else _VALUE).match(view, at)
    if match is None:
        return None
    end = match.end()
    value = view[at:end]
    if view[at - 1 : at] == b"[" and value[:1].isalpha() and _ours(view, at):
        return None
    if value[:64].count(b"=") > 8:
        return None
    if parameter or blank:
        value = value.split(b"#", 1)[0]
    if value[:-1].isdigit() and value[-1:] == b":" and 9 <= len(value) <= 11:
        pass  # the first half of a bot's token, set apart
    elif not (value.endswith((b".", b":")) and len(value) >= 16 and view[end : end + 1] in (b"\n", b"\r", b"\\")):
        value = value.rstrip(b".:?!")
    end = at + len(value)
    if kind != "password" or (len(value) >= MIN_SECRET and (len(value) >= 20 or view[end : end + 1] in (b"\\", b" "))):
        joined = _joined(view, at, end, value)
        if joined > end:
            end = joined
            value = b"".join(part.rstrip(b"\\=") for part in view[at:end].split())
    if not _telling(view, word, kind, value, parameter, start):
        return None
    if (
        value.replace(b"_", b"").replace(b"-", b"").isalpha()
        and value.lower().endswith(_NAME_ENDS)
        and judge.spoken(value)
    ):
        return None  # `key="dashscopeApiKey" value=...`
    if blank and not _flag(view, start) and not _telling_alone(view, start, word, kind, gap, value, end):
        return None
    if aimless and (
        _OTHERS.search(gap) is not None
        or not (
            _lone(value)
            or any(whole.fullmatch(value) for whole in _SHAPES)
            or (gap[-1:] == b"\n" and _alone(view, end) and _HEXED.match(value) is not None)
        )
    ):
        return None
    if b"://" in value or (b"@" in value and b":" in value and kind != "password"):
        return None  # an address: the userinfo rule takes only the password
    if (
        judge.masked(value + _close_by(view, end), rule_of(value) is not None)
        or judge.code(value)
        or judge.placeholder(value)
    ):
        return None
    return at, end, kind, value


def _alone(view: bytes, end: int) -> bool:
    """Whether nothing but blanks stands between this place and the line's end."""
    return view[end : end + 24].split(b"\n", 1)[0].strip() == b""


def _lone(value: bytes) -> bool:
    """Looks like a key whatever stands around it: long, one run, letters of both cases or digits amid them; no id, no hex."""
    return (
        _LONE.match(value) is not None
        and not judge.whole_hex(value)
        and not judge.evidence(value)
        and judge.mixed(value)
        and judge.plausible(value)
        and value.lower() != value
        and value.upper() != value
        and value.count(b"-") < 3
    )


def _close_by(view: bytes, end: int) -> bytes:
    """What touches the value: a mask may go on in signs that no value has."""
    following = view[end : end + 3]
    return (following + b" ").split()[0] if following[:1] > b" " and following[:1] not in _SHUT else b""


_SHUT: Final = frozenset((b'"', b"'", b",", b"&", b"`"))


_OURS: Final = piece(r"[a-z]{1,12}(?:[ ,]{1,2}(?:[a-z]{1,12}|[0-9]{1,8})){0,4}\]")


def _ours(view: bytes, at: int) -> bool:
    """`openai key]`: the rest of a label of our own."""
    return _OURS.match(view, at) is not None


def _flag(view: bytes, start: int) -> bool:
    """`--api-key VALUE`: a command line flag may be followed by a blank."""
    word = view[max(0, start - 24) : start].rsplit(b"\n", 1)[-1]
    return b"--" in word.rsplit(b" ", 1)[-1]


def _telling_alone(view: bytes, start: int, word: bytes, kind: str, gap: bytes, value: bytes, end: int) -> bool:
    """After a name and a blank only: must look like nothing but a secret."""
    if gap[-1:] in (b'"', b"'") and view[end : end + 1] == gap[-1:] and b"\n" not in gap:
        return True  # the blank is a configuration file's separator
    if kind == "password":
        if len(value) >= 24 and _lone(value):
            return True
        odd = judge.mixed(value) or not judge.camel(value)
        return len(value) >= 8 and value.isalnum() and odd and value.lower() != value
    low = value.lower()
    if (
        len(value) >= 24
        and value.isalnum()
        and low != value
        and low.upper() != value
        and not value[:8].isdigit()
        and judge.mixed(value)
    ):
        return True
    if _FAULTY.search(view, max(0, start - 24), start) is not None:
        return False  # `invalid x-api-key <request id>`
    if _FETCHED.search(view, max(0, start - 40), start) is not None:
        return False  # `$API_KEY <request id>`: the name is itself a value
    if not (
        _qualified(view, start)
        or word[0] >= 0x80
        or b"\t" in gap
        or b"  " in gap
        or _OWN.search(view, max(0, start - 12), start) is not None
    ):
        return False
    return _UUID.match(value) is not None or (
        _BARE_VALUE.match(value) is not None and judge.mixed(value) and judge.plausible(value)
    )


def _vendor(view: bytes, word: bytes, at: int, blank: bool) -> Span | None:
    """`Mistral: <key>`: a maker whose keys have no prefix, and right behind its name something of a key's very length."""
    match = _VALUE.match(view, at)
    if match is None or blank:
        return None
    value = match.group().rstrip(b".:?!")
    shaped = _VENDOR_VALUE.match(value) is not None and judge.mixed(value)
    if not shaped and not (word in _UUID_VENDORS and len(value) == 36 and _UUID.match(value) is not None):
        return None
    if judge.evidence(value) or judge.placeholder(value):
        return None
    return at, at + len(value), "api key", value


def _joined(view: bytes, at: int, end: int, value: bytes) -> int:
    following = view[end : end + 1]
    if following == b" ":
        return end if len(value) >= 8 and judge.placeholder(value) else spaced_end(view, at, end)
    if following not in (b"\n", b"\r", b"\\") or judge.evidence(value) or judge.dated(value):
        return end
    following_run = next_line(view, end)
    if not following_run or judge.placeholder(value):
        return end
    if b"." in value or b":" in value or b"." in following_run or b":" in following_run:
        shaped = shaped_end(view, at, end, _SHAPES)
        if shaped > end:
            return shaped
    quoted = quoted_end(view, at, end)
    if quoted > end:
        return quoted
    if value.endswith(b"=") and not value.endswith(b"=="):
        end -= 1
        value = value[:-1]
    if len(value) < 8 or (judge.wordlike(value) and len(value) < 16):
        return end
    return wrapped_end(view, at, end, _LENGTHS)


def _telling(view: bytes, word: bytes, kind: str, value: bytes, parameter: bool, start: int) -> bool:
    size = len(value)
    if value.startswith(_LINKS) or (kind != "password" and judge.evidence(value)):
        return False
    if parameter and kind != "password":
        return size >= 8 and (judge.mixed(value) or size >= 20)
    if kind == "password":
        if size < 6:
            return False
        if judge.mixed(value) or value.isdigit() or (size >= 8 and value.isalpha() and not judge.camel(value)):
            return True
        return any(byte in b"!#$%*+@^~?" for byte in value) or (size >= 10 and view[start - 1 : start] == b"_")
    if kind == "authorization":
        return size >= 8 and (judge.mixed(value) or size >= 20)
    if size < 8 or not (
        judge.mixed(value) or (size >= 20 and (judge.plausible(value) or _RUN.search(value) is not None))
    ):
        return False
    if word in _WEAK and not _qualified(view, start):
        return size >= 16 and judge.plausible(value)
    return size >= 16 or judge.plausible(value)


def _qualified(view: bytes, start: int) -> bool:
    """`api_key`, `X-Auth-Token`, `secretKey`: the word is part of a longer name."""
    last = view[start - 1 : start]
    return (
        last in (b"_", b"-")
        or last.isalpha()
        or (last >= b"\x80")
        or view[max(0, start - 4) : start].lower() == b"api "
        or view[max(0, start - 24) : start].lower().rstrip(b" ").endswith(_VENDOR_ENDS)
    )


def _cookie(view: bytes, start: int, at: int, blank: bool) -> Span | None:
    """Everything after `Cookie:` up to the end of the line or of the string."""
    if blank and not _flag(view, start):
        return None
    if _PLAIN_COOKIE.search(view, at, at + 400) is None:
        return None
    rest = _REST.match(view, at)
    if rest is None:
        return None
    end = rest.end()
    value = view[at:end].rstrip()
    if _ours(view, at) and view[at - 1 : at] == b"[":
        return None
    if judge.code(value) or _PLAIN_COOKIE.search(value) is None or judge.masked(value):
        return None
    if value.endswith(b")") and b"(" not in value:
        value = value[:-1]
    return at, at + len(value), "cookie", value


def _scheme(view: bytes, word: bytes, at: int) -> Span | None:
    """`Bearer abc...` without a header name before it."""
    token = _TOKEN.match(view, at)
    if token is None:
        return None
    value = token.group().rstrip(b".:")
    end = at + len(value)
    if judge.masked(value + _close_by(view, end)) or judge.code(value) or judge.placeholder(value):
        return None
    if len(value) < 16 or not judge.mixed(value):
        inside = decoded(value) if word == b"basic" else None
        if inside is None or b":" not in inside:
            return None
    if view[end : end + 1] in (b".", b":") and view[end + 1 : end + 2] in (b"\n", b"\r", b"\\"):
        shaped = shaped_end(view, at, end + 1, _SHAPES)
        if shaped > end + 1:
            return at, shaped, "authorization", b"".join(view[at:shaped].split())
    joined = _joined(view, at, end, value)
    if joined > end:
        end = joined
        value = b"".join(view[at:end].split())
    return at, end, "authorization", value
