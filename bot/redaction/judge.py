"""Small judgements on bytes: is it a mask, a placeholder, a plain word, a real-looking value?"""

from __future__ import annotations

from typing import Final

from bot.redaction.rx import rx

_MASK: Final = rx(r"\*{2,}|\.{3,}|•|…|●|×|(?i:x{6,})|\[")
_SPLIT: Final = rx(r"[A-Za-z0-9]+")
_PLACEHOLDER_WORDS: Final = frozenset(
    b"your my the here key keys api apikey xxx xxxx xxxxx placeholder example token tokens insert replace changeme change "
    b"dummy fake test sample secret secrets me with paste put yourkey mykey none null real actual enter fill todo jwt personal "
    b"primary value password openai deepseek anthropic gemini provider model goes access account string redacted hidden".split()
)
_CODE: Final = rx(
    r"^(?:[a-zA-Z_][a-zA-Z0-9_]*\.)+[a-zA-Z_][a-zA-Z0-9_]*$|^(?:os|process|config|settings|self|env|import|get|this|System|request|args|"
    r"secrets|vault|ENV|st|app|ctx|params|opts|options|cfg|conf)\b[.(\[]|^\$[({A-Za-z_]|^%[A-Za-z_]+%$|^\{\{|^<"
)
_WORDLIKE: Final = rx(r"^[A-Z]?[a-z]*$|^[A-Z]+$|^[0-9]{1,8}$")
MIN_SECRET: Final = 12  # a mask shows fewer characters than this


def placeholder(value: bytes) -> bool:
    """`your-key-here`, `xxxxxxxx`, `sk-your-key`: nobody's key. All parts must be plain words, one of them a telling one."""
    if not value:
        return True
    low = value.lower()
    if low.count(b"x") * 10 >= len(value) * 6 and len(value) >= 4:
        return True
    if len(set(low)) <= 2:
        return True
    telling = False
    for match in _SPLIT.finditer(low):
        part = match.group()
        if part in _PLACEHOLDER_WORDS:
            telling = True
        elif len(part) > 12 or not part.isalpha() or not any(vowel in part for vowel in (b"a", b"e", b"i", b"o", b"u", b"y")):
            return False
    return telling


def masked(value: bytes) -> bool:
    """Already masked by somebody: a mask inside, and fewer than twelve characters of the body shown on either side of it."""
    match = _MASK.search(value)
    if match is None:
        return False
    start, end = match.span()
    return start < MIN_SECRET + 14 and len(value) - end < MIN_SECRET


def code(value: bytes) -> bool:
    """An expression that fetches the value from elsewhere: `os.getenv`, `config.api_key`, `${KEY}`, `<KEY>`."""
    return _CODE.search(value) is not None


def wordlike(run: bytes) -> bool:
    return _WORDLIKE.search(run) is not None


def mixed(value: bytes) -> bool:
    """Letters and digits both, or letters in both cases without being a word, or one long letter run."""
    has_digit = has_upper = has_lower = False
    for byte in value:
        if 48 <= byte <= 57:
            has_digit = True
        elif 97 <= byte <= 122:
            has_lower = True
        elif 65 <= byte <= 90:
            has_upper = True
    if has_digit and (has_upper or has_lower):
        return True
    if len(value) >= 16 and has_upper and has_lower and value.isalnum():
        return not wordlike(value)
    return len(value) >= 28 and value.isalnum() and not value.isdigit()


def plausible(body: bytes) -> bool:
    """Not kebab-case or snake_case words: some part holds a digit amid letters, or is long and in mixed case."""
    if not mixed(body):
        return False
    # words-in-kebab-case-2: every part is a plain word or a plain number
    return not all(wordlike(match.group()) and len(match.group()) <= 14 for match in _SPLIT.finditer(body))
