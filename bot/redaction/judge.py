"""Small judgements on bytes: is it a mask, a placeholder, a plain word, a real-looking value?"""

from __future__ import annotations

from typing import Final

from bot.redaction.rx import piece

_MASK: Final = piece(r"\*\*|\.\.\.|•|…|●|×|[xX]{6}|\[")
_MASKED_BY: Final = piece(r"(?:\*+|\.+|(?:•)+|(?:…)+|(?:●)+|(?:×)+|[xX]+|\[)")
_PARTS: Final = piece(r"[A-Za-z0-9]+")
_APART: Final = bytes(byte if chr(byte).isascii() and chr(byte).isalnum() else 0x20 for byte in range(256))
_DIGIT: Final = piece(r"[0-9]")
_PLACEHOLDER_WORDS: Final = frozenset(
    b"your my the here key keys api apikey xxx xxxx xxxxx placeholder example token tokens insert replace changeme change "
    b"dummy fake test sample secret secrets me with paste put yourkey mykey none null real actual enter fill todo jwt personal "
    b"primary value password openai deepseek anthropic gemini provider model goes access account string redacted hidden".split()
)
_CODE: Final = piece(
    r"(?:os|process|config|settings|self|env|import|get|this|System|request|args|secrets|vault|ENV|st|app|ctx|params|opts|options|"
    r"cfg|conf)[.(\[]|(?:vault|op|ssm|awssm|gcpsm|ref\+[a-z]+|secret|env|file|arn):/{0,3}[A-Za-z]|\$[({A-Za-z_]|\{\{|<"
)
_CODE_WORD: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.%")
_VOWELS: Final = frozenset(b"aeiouy")
_DIGITS: Final = frozenset(b"0123456789")
MIN_SECRET: Final = 12  # a mask shows fewer characters than this
_LONGEST_PREFIX: Final = 14
_LONGEST_NAME: Final = 200


def placeholder(value: bytes) -> bool:
    """`your-key-here`, `xxxxxxxx`, `sk-your-key`: nobody's key. All parts must be plain words, one of them a telling one."""
    if (value.count(b"x") + value.count(b"X")) * 10 >= len(value) * 6:
        return True
    if not _DIGITS.isdisjoint(value):
        head = value[:4]
        return len(set(head)) <= 2 and len(set(value[:24])) <= 2
    low = value.lower()
    if len(set(low)) <= 2:
        return True
    if len(value) > 120:
        return False
    telling = False
    for part in _PARTS.findall(low):
        if part in _PLACEHOLDER_WORDS:
            telling = True
        elif len(part) > 12 or not part.isalpha() or _VOWELS.isdisjoint(part):
            return False
    return telling


def masked(value: bytes, prefixed: bool = True) -> bool:
    """Already masked by somebody: a mask inside, and fewer than twelve characters of the body shown on either side of it."""
    if (
        value.find(b"**") < 0
        and value.find(b"...") < 0
        and 0x5B not in value
        and value.isascii()
        and value.lower().find(b"xxxxxx") < 0
    ):
        return False
    match = _MASK.search(value)
    if match is None:
        return False
    start = match.start()
    whole = _MASKED_BY.match(value, start)
    end = whole.end() if whole is not None else match.end()
    return start < MIN_SECRET + (_LONGEST_PREFIX if prefixed else 0) and len(value) - end < MIN_SECRET


def fetched(view: bytes, at: int) -> bool:
    """Whether an expression begins here that fetches a value from elsewhere: `os.getenv(`, `config.`, `${KEY}`, `<KEY>`."""
    return _CODE.match(view, at) is not None


def code(value: bytes) -> bool:
    """An expression that fetches the value from elsewhere: `os.getenv`, `config.api_key`, `${KEY}`, `%KEY%`, `<KEY>`."""
    if _CODE.match(value) is not None:
        return True
    if value[:1] == b"%" and value[-1:] == b"%" and len(value) <= _LONGEST_NAME:
        return True
    if 0x2E in value and value[0] not in _DIGITS and _CODE_WORD.issuperset(value):
        return all(
            part[:1].isalpha() and (wordlike(part) or b"_" in part or (part.isalpha() and spoken(part)))
            for part in value.split(b".")
        )
    return False


def wordlike(run: bytes) -> bool:
    """A plain word, in one case or with a capital first, or a short number."""
    if run.isalpha():
        return run[1:].islower() or run.isupper() or len(run) == 1
    return run.isdigit() and len(run) <= 8


_HUMPS: Final = piece(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def camel(run: bytes) -> bool:
    """Letters that make words: `incorrect`, `InvalidPassword`, and not `iDAQiPnUJ`."""
    return run.isupper() or all(
        len(part) >= 4 and part[1:].islower() and not _VOWELS.isdisjoint(part.lower()) for part in _HUMPS.findall(run)
    )


def spoken(name: bytes) -> bool:
    """A name made of words, whatever joins them: nearly every part has a vowel and is short."""
    parts = _HUMPS.findall(name)
    return sum(len(part) <= 2 or _VOWELS.isdisjoint(part.lower()) for part in parts) <= len(parts) // 3 and len(
        parts
    ) * 3 <= len(name)


def speech(value: bytes) -> bool:
    """Words and names made of words, whatever stands between them."""
    return all(wordlike(part) or (part.isalpha() and spoken(part)) for part in _PARTS.findall(value))


def model(value: bytes) -> bool:
    """A model's name: words and short numbers joined, `claude-sonnet-4-5-20250929`, `deepseek-ai/DeepSeek-V3.1-Terminus`."""
    parts = _PARTS.findall(value)
    return (
        len(parts) >= 3
        and len(value) <= 64
        and parts[0][:1].isalpha()
        and any(len(part) >= 3 and part.isalpha() for part in parts)
        and all(wordlike(part) or numbered(part) or (part.isalpha() and spoken(part)) for part in parts)
    )


def mixed(value: bytes) -> bool:
    """Letters and digits both, or letters in both cases without being a word, or one long letter run."""
    if value.isalnum():
        if value.isalpha():
            return (len(value) >= 16 and not wordlike(value)) or len(value) >= 28
        return not value.isdigit()
    if _DIGIT.search(value) is None:
        return any(
            not wordlike(part) and not spoken(part) for part in value.translate(_APART).split() if len(part) >= 10
        )
    low = value.lower()
    return low != value or low != value.upper()


def plausible(body: bytes) -> bool:
    """Not kebab-case or snake_case words: some part holds a digit amid letters, or is in mixed case without being a word."""
    for part in _PARTS.findall(body[:120]):
        odd = len(part) > 14 or not (wordlike(part) or numbered(part))
        if odd and (mixed(body) or (len(part) >= 3 and part.lower() != part and not wordlike(part))):
            return True
    return False


def numbered(part: bytes) -> bool:
    """`v2`, `gpt4`, `70b`: the parts of model names."""
    return (
        len(part) <= 6
        and not part.isalpha()
        and (part.rstrip(b"0123456789").isalpha() or part.lstrip(b"0123456789").isalpha())
    )


_IDS: Final = (
    b"req_", b"msg_", b"chatcmpl-", b"gen-1", b"resp_", b"batch_", b"run_", b"thread_", b"file-", b"toolu_", b"task_", b"cgt-",
    b"video_", b"ep-20", b"https://", b"http://", b"fp_", b"asst_", b"call_", b"mj-",
)  # fmt: skip
_ID_SHAPE: Final = piece(
    r"20[2-4][0-9][01][0-9][0-3][0-9][0-2][0-9][0-5][0-9][0-5][0-9][0-9A-Za-z]*$|021[67][0-9]{10}[0-9a-f]{30,}|"
    r"[0-9a-f]{16}-[A-Z]{3}$|00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$|1-[0-9a-f]{8}-[0-9a-f]{24}$|[0-9]{10,19}$|"
    r"[a-z]{2,4}[0-9a-f]{6,12}@[a-z]{2}[0-9a-f]{6,20}$"
)
_HEX_RUN: Final = piece(r"[0-9a-f]{16,}$|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def evidence(run: bytes) -> bool:
    """The number of a request, task, trace or order, by its shape alone: never a secret, whatever name stands before it."""
    return run.startswith(_IDS) or _ID_SHAPE.match(run) is not None


def whole_hex(run: bytes) -> bool:
    """Sixteen hex digits or more and nothing else, or a UUID."""
    return _HEX_RUN.match(run) is not None


_HEX_DIGITS: Final = frozenset(b"0123456789abcdef")


def all_hex(run: bytes) -> bool:
    return _HEX_DIGITS.issuperset(run)


def manifold(value: bytes) -> bool:
    """Digits and letters in both cases."""
    return not _DIGITS.isdisjoint(value) and value.lower() != value and value.upper() != value


def foreign(run: bytes, body: bytes) -> bool:
    """Whether a run in the next line is a thing of its own and no continuation of `body`: an id, a date, hex after what is not hex."""
    if evidence(run) or dated(run):
        return True
    if len(run) == 36 and run.count(b"-") == 4 and _HEX_RUN.match(run) is not None:
        return True
    if len(run) == 32 and _HEX_RUN.match(run) is not None and not frozenset(b"0123456789abcdef").issuperset(body):
        return True
    return _HEX_RUN.match(run) is not None and _HEX_TAIL.search(body) is None


_HEX_TAIL: Final = piece(r"[^0-9A-Za-z][0-9a-f]+$|-$|^[0-9a-f]+$|^sk-[0-9a-f]*$")


def moment(value: bytes) -> bool:
    """A date with or without a time, and nothing else: `令牌过期时间：2026-01-13T06:28:01Z`."""
    return dated(value) and _MOMENT.match(value) is not None


_MOMENT: Final = piece(r"20[0-9]{2}[-/.][01]?[0-9][-/.][0-3]?[0-9](?:[T_][0-9:.,+\-]{0,24}Z?)?$")


def odd_signs(value: bytes) -> bool:
    """A password's sign amid letters of both cases that make no words: `OzU#bpoAZsWpN`."""
    return (
        _SIGN.search(value, 1, len(value) - 1) is not None
        and value.lower() != value
        and value.upper() != value
        and not speech(value)
        and not code(value)
    )


_SIGN: Final = piece(r"[!#$%^*@~]")


def dated(run: bytes) -> bool:
    """Begins like a date of this century."""
    return run[:2] == b"20" and run[2:4].isdigit() and run[4:5] in (b"-", b"/", b".")
