"""How a name looks that tells of a secret, and what may stand between it and the value: one pattern for the whole text."""

from __future__ import annotations

from typing import Final

from bot.redaction.rules.named import NAMES, VENDORS
from bot.redaction.rx import finder, piece

MAKERS: Final = frozenset(word.encode() for word in VENDORS)
KIND: Final = {word.encode(): rule.kind for rule in NAMES for word in rule.words}
_MAKER: Final = "|".join(VENDORS)
_CHINESE_WORDS: Final = "密钥|秘钥|令牌|密码|口令"
_WORDS: Final = "|".join(sorted((word for rule in NAMES for word in rule.words), key=len, reverse=True))

# name, then what may stand between it and the value: closing quotes, a remark in brackets, a separator, opening quotes.
_CLOSE: Final = r"(?:[\"'`\]\)\\*]|</[a-z]{1,6}>|”|’|」|】|》){0,6}"
# a declared type: `var key string =`, `key: str =`
_TYPE: Final = r"(?:[ \t](?:string|str|String)|:[ \t]?(?:&(?:'static )?)?(?:Optional\[|Option<)?(?:str|string|String|SecretStr|Final)(?:[\]>?]|[ \t]\|[ \t](?:None|null|undefined))?[ \t]?)?"
_REMARK: Final = r"(?:[ \t]{0,2}(?:\[(?:secret|sensitive|hidden|required)\]|\([^()\n]{1,24}\)|（[^\n(){}\[\]]{1,48}?）)|(?:、|和)(?:地址|网址|接口))?"
_SUFFIX: Final = r"(?:_?(?:[0-9]{1,2}|v[0-9]|bedrock|backup|bak|prod|dev|test|old|new|main|default|live|value|base64|b64|hash|string|text))?"
# up to eight Chinese characters before a colon: `密钥已改成：`, `key給你：`
_CHINESE: Final = r"(?:[\xe4-\xe9][\x80-\xbf]{2}){1,8}"
_MARK: Final = (
    r"(?:=>|:=|={1,2}|\|\|=|\?\?=?|\?=|\|{1,2}|│|┃|->|<-|>|:|：|＝|→|(?:—){1,2}|–|－|~|\(|（|【|】|「|『|“|‘|《)"
)
_VERB: Final = r"(?:是|就是|为|为|填的是|填的|填了|填|用的是|用的|改成|改为|已改为|换成了|换成|换为|设置成|设置为|设成|设为|给你|如下|(?:is|was|equals)(?:[ \t]|:|\r?\n)|(?:to|or)[ \t][\"'`]|to[ \t]|(?:provided|used|(?:is )?(?:not valid|invalid|rejected|revoked)):|(?:i['’]?m using|i am using|i use(?: is)?|we use|in use|used|below)[ \t]?\(?)"
# a value may stand in the next line, indented, or in quotes, or after a YAML block mark
_BELOW: Final = r"(?:(?:[>|]?-?|\(|<<[\-~]?[\"']?[A-Z]{2,12}[\"']?)[ \t]{0,4}(?:\r?\n){1,2}(?:```[a-z]{0,10}\r?\n)?[ \t]{0,24}(?:-[ \t]{1,4}|>[ \t])?)?"
_SEPARATOR: Final = (
    rf"[ \t]{{0,24}}(?:{_MARK}|{_VERB}[ \t]{{0,2}}(?::|：|=|＝)?|{_CHINESE}(?::|：))[ \t]{{0,24}}{_BELOW}"
)
# `name: KEY, value: ...`, `name="key" value="..."`
_PAIR: Final = r"[\"'\\]{0,4}(?:,\s{0,4}\\?\"(?:type|valueFrom|kind|sensitive|encrypted|enabled)\\?\":\s{0,2}[\\\"a-zA-Z_]{1,24})?(?:,|:?[ \t]?\{|:)?\s{0,24}[\"'\\]{0,4}(?:value|Value|content|VALUE|default)[\"'\\]{0,4}[ \t]{0,4}[:=][ \t]{0,4}|[ \t]-[Vv]alue[ \t]{1,4}|(?:[ \t][A-Za-z_]{1,16}){0,3}[ \t]{1,4}(?:--?(?:body|value|secret-string)[ \t=]{1,4}|<<<[ \t]{0,4})|</key>\s{0,24}<string>|[ \t]{0,4}\r?\n[ \t]{0,8}[\"']|\\?\"(?:\r?\n[A-Za-z\-]{1,30}: [^\n]{1,60})?\r?\n\r?\n"
_FLAG_GAP: Final = r"[ \t]{1,12}"
_OPEN: Final = r"(?:\[|\(|（|【|(?:[A-Za-z]{4}|Secret(?:Str|String)?|String)\((?:value=)?|\$\(echo |!!?[a-z]{1,8} |&[A-Za-z0-9_]{1,16} |string\([0-9]{1,4}\) |[brfu]{1,2}[\"'`])?(?:[\"'`\\*<{]|<[a-z]{1,6}>|\|\||“|‘|「|『|《){0,6}\[?"
_SCHEME: Final = r"(?:(?:bearer|basic|token|bot|key|apikey|digest|v0|oauth|jwt)(?:[ \t:=+]{1,8}|%20)(?:[\"'`][ \t]{0,3}[+.&][ \t]{0,3}\(?f?)?[\"'`\\]{0,3})?"
# the first characters of a value, so that a mere word costs nothing; a cookie's may have a semicolon among them
LEAST: Final = 6
_FIRST: Final = r"[!#$%*+\-./0-9:?@A-Z^_a-z~=;]"
_START: Final = rf"(?:{_FIRST}{{6}}|{_FIRST}{{5}} |{_FIRST}{{4}} {_FIRST}|{_FIRST}{{3}} {_FIRST}{{2}})"
NAME: Final = finder(
    rf"(?i:(?:{_WORDS}|[?&;_\-](?:ak|sk)|\b(?:ak|sk)|\b(?:bearer|basic)|[?&;](?:sig|sign|code|auth|hash|x-[a-z]{{1,8}}-credential|q-sign[a-z-]{{0,12}})){_SUFFIX}"
    rf"(?:{_PAIR}|{_CLOSE}{_REMARK}{_TYPE}{_SEPARATOR}|[\"'],[ \t]{{0,4}}|,|{_FLAG_GAP}){_OPEN}{_SCHEME}{_START})"
    rf"|(?i:(?:{_MAKER}){_CLOSE}{_SEPARATOR}){_OPEN}{_START}"
    rf"|(?:{_CHINESE_WORDS}|[Kk]ey|KEY|[Tt]oken)[ \t]?(?:[\xe4-\xe9][\x80-\xbf]{{2}}){{0,6}}[ \t]{{0,4}}(?:（|【|“|「)?{_START}"
)


def _word_table() -> dict[bytes, tuple[bytes, ...]]:
    table: dict[bytes, list[bytes]] = {}
    words = [
        *KIND,
        *MAKERS,
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


WORD_TABLE: Final = _word_table()
SCHEMES: Final = (b"bearer", b"basic")
CHINESE_NAMES: Final = tuple(word.encode() for word in _CHINESE_WORDS.split("|"))
VALUE: Final = piece(r"[!#$%*+\-./0-9:?@A-Z^_a-z~=]{4,600}")
LONGEST: Final = 600
_REST: Final = piece(r"[A-Za-z0-9+/_\-.%=]{0,20000}")


def rest(view: bytes, end: int) -> int:
    """Where a secret ends that is longer than any value is read at first: a session's token, coded."""
    return _REST.match(view, end).end()  # type: ignore[union-attr]
