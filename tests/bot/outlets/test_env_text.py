"""The dotenv text: python-dotenv is the judge of what a file means, bytes are the judge of what was kept."""

from __future__ import annotations

import io

import pytest
from dotenv.main import DotEnv
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import SwitchRefused
from bot.outlets import env_text

NAMES = ("QUERY_ENGINE_API_KEY", "QUERY_ENGINE_BASE_URL", "QUERY_ENGINE_MODEL_NAME")


def read_by_dotenv(data: bytes, names: tuple[str, ...] = NAMES, *, interpolate: bool = False) -> dict[str, str | None]:
    stream = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors="surrogateescape")
    seen = DotEnv(None, stream=stream, interpolate=interpolate).dict()
    return {name: seen.get(name) for name in names}


# --- made-up files ---------------------------------------------------------------------------------------------------

words = st.text(alphabet="abcXYZ019_./:-é中文🙂", min_size=0, max_size=12)
other_names = st.sampled_from(
    ["HOST", "PORT", "DB_PASSWORD", "MEDIA_ENGINE_API_KEY", "QUERY_ENGINE_API_KEY_OLD", "TAVILY_API_KEY"]
)
quotes = st.sampled_from(["", "'", '"'])
comments = st.one_of(
    st.just("# note"),
    st.just("#QUERY_ENGINE_API_KEY=old"),
    st.builds("#{}".format, words),
    st.just("  # it's a quote\""),
)
multi = st.builds("TEXT={0}first\n# no comment\n  last {1}{0}".format, st.sampled_from(["'", '"']), words)


@st.composite
def env_files(draw: st.DrawFn) -> bytes:
    """Files as people leave them: the three variables in any order, quoted or not, some missing, some twice (agreeing)."""
    newline = st.sampled_from(draw(st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n"], ["\r"]])))
    lines: list[str] = []
    for _ in range(draw(st.integers(0, 8))):
        kind = draw(st.integers(0, 4))
        if kind == 0:
            lines.append(draw(comments))
        elif kind == 1:
            lines.append(draw(st.sampled_from(["", "   ", "\t"])))
        elif kind == 2:
            lines.append(draw(multi))
        else:
            quote, word = draw(quotes), draw(words)
            lines.append(f"{draw(st.sampled_from(['', 'export ', '  ']))}{draw(other_names)}={quote}{word}{quote}")
    for name in draw(st.permutations(NAMES)):
        times = draw(st.sampled_from([0, 1, 1, 1, 2]))
        word = draw(words)
        for _ in range(times):
            quote = draw(quotes)
            before = draw(st.sampled_from(["", "export ", " ", "\t"]))
            equals = draw(st.sampled_from(["=", " = ", "= ", " ="]))
            after = draw(st.sampled_from(["", " ", "  # remark", " # it's"]))
            value = f"{quote}{word}{quote}" if quote or word else ""
            lines.insert(draw(st.integers(0, len(lines))), f"{before}{name}{equals}{value}{after}")
    text = "".join(line + draw(newline) for line in lines)
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    bom = draw(st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf"]))
    tail = draw(st.sampled_from([b"", b"", b"\n# latin-1 \xe9\xff\n"]))
    return bom + text.encode() + tail


new_values = st.fixed_dictionaries(
    {
        NAMES[0]: st.text(alphabet="abcdefXYZ0123456789-_", min_size=1, max_size=40),
        NAMES[1]: st.sampled_from(
            ["https://api.example.org/v1", "http://127.0.0.1:11434/v1", "https://x.example/p?q=1&r=#2"]
        ),
        NAMES[2]: st.sampled_from(["deepseek-reasoner", "qwen3:30b", "模型 大", "@cf/meta/llama-3"]),
    }
)


@settings(max_examples=80, deadline=None)
@given(env_files())
def test_reads_what_python_dotenv_reads(data: bytes) -> None:
    mine = env_text.values(data, (*NAMES, "HOST", "TEXT", "DB_PASSWORD"))
    theirs = read_by_dotenv(data, (*NAMES, "HOST", "TEXT", "DB_PASSWORD"))
    # Python opens text files with universal newlines; inside a quoted value that is the only difference.
    assert {n: v and v.replace("\r\n", "\n").replace("\r", "\n") for n, v in mine.items()} == theirs


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="AB=#'\"\\ \n\r$exports{}", max_size=60))
def test_reads_any_mess_as_python_dotenv_does(text: str) -> None:
    names = tuple({binding.name for binding in env_text.parse(text) if binding.name})
    mine = {b.name: b.value for b in env_text.parse(text) if b.name}
    theirs = DotEnv(None, stream=io.StringIO(text), interpolate=False).dict()
    assert mine == dict(theirs), names


@settings(max_examples=80, deadline=None)
@given(env_files(), new_values)
def test_only_the_three_values_change(data: bytes, new: dict[str, str]) -> None:
    result = env_text.edit(data, new)
    assert read_by_dotenv(result) == new
    others = (
        "HOST",
        "PORT",
        "DB_PASSWORD",
        "MEDIA_ENGINE_API_KEY",
        "QUERY_ENGINE_API_KEY_OLD",
        "TAVILY_API_KEY",
        "TEXT",
    )
    assert read_by_dotenv(result, others) == read_by_dotenv(data, others)
    # Taking the values out of both leaves the same bytes, but for what was appended.
    assert _without_values(result).startswith(_without_values(data))


def _without_values(data: bytes) -> bytes:
    text = env_text.decode(data)
    pieces, at = [], 0
    for binding in env_text.parse(text):
        if binding.name in NAMES:
            pieces.append(text[at : binding.value_start])
            at = binding.value_end
    return env_text.encode("".join([*pieces, text[at:]]))


@settings(max_examples=100, deadline=None)
@given(env_files(), new_values)
def test_the_same_switch_twice_changes_nothing_more(data: bytes, new: dict[str, str]) -> None:
    once = env_text.edit(data, new)
    assert env_text.edit(once, new) == once


def test_the_style_of_each_value_stays() -> None:
    data = (
        b"# main\r\nexport QUERY_ENGINE_API_KEY = 'old'  # Alice's\r\nQUERY_ENGINE_BASE_URL=\"https://old.example\"\n"
        b"QUERY_ENGINE_MODEL_NAME=\nA=1"
    )
    new = dict(zip(NAMES, ("new", "https://new.example/v1", "m-1"), strict=True))
    assert env_text.edit(data, new) == (
        b"# main\r\nexport QUERY_ENGINE_API_KEY = 'new'  # Alice's\r\nQUERY_ENGINE_BASE_URL=\"https://new.example/v1\"\n"
        b"QUERY_ENGINE_MODEL_NAME=m-1\nA=1"
    )


def test_missing_variables_are_appended_with_the_newline_of_the_last_line() -> None:
    assert env_text.edit(b"A=1\nB=2\r\n", {"X": "1", "Y": "2"}) == b"A=1\nB=2\r\nX=1\r\nY=2\r\n"
    assert env_text.edit(b"A=1\nB=2", {"X": "1"}) == b"A=1\nB=2\nX=1"
    assert env_text.edit(b"", {"X": "1"}) == b"X=1\n"


def test_a_remark_after_an_empty_value_stays_a_remark() -> None:
    assert env_text.edit(b"X= # remark\n", {"X": "v"}) == b"X=v # remark\n"
    assert env_text.values(b"X=v # remark\n", ["X"]) == {"X": "v"}


def test_a_reference_to_an_earlier_line_is_filled_in_when_read() -> None:
    data = b"HOSTNAME=api.example.org\nX=https://${HOSTNAME}/v1\nY=${NOWHERE:-none}\nZ=${NOWHERE}\n"
    assert env_text.values(data, ["X", "Y", "Z"]) == {"X": "https://api.example.org/v1", "Y": "none", "Z": "${NOWHERE}"}


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("a\nEVIL=1", "control"),
        ("a\r", "control"),
        ("a\0b", "control"),
        ("a\u2028b", "control"),
        ("a\u200bb", "control"),
        ("a'b", "quote"),
        ('a"', "quote"),
        ("a\\", "backslash"),
        ("${HOME}", "fill in"),
        (" a", "space"),
    ],
)
def test_values_that_could_add_a_variable_are_refused(value: str, what: str) -> None:
    with pytest.raises(SwitchRefused) as caught:
        env_text.edit(b"X=1\n", {"X": value})
    assert caught.value.facts["reason"] == "bad_value"
    assert what in str(caught.value)
    assert len(value) < 3 or value not in str(caught.value)


def test_duplicates_that_disagree_are_named_in_one_line() -> None:
    with pytest.raises(SwitchRefused) as caught:
        env_text.edit(b"X=1\n# c\nexport X=2\n", {"X": "3"})
    assert caught.value.facts == {"reason": "duplicate", "variable": "X", "lines": "1, 3"}


def test_duplicates_that_agree_still_agree_afterwards() -> None:
    assert env_text.edit(b"X=1\nexport X='1'\n", {"X": "2"}) == b"X=2\nexport X='2'\n"


@pytest.mark.parametrize(
    "data",
    [
        b'A="open\nX="1"\n',
        b"A='open\nX=1\nB='\n",
        b'X="open\n',
        b'export X="1" rubbish\n',
        b"A='open\n",  # nothing closes it yet, but the quote that we would append does
    ],
)
def test_an_unclosed_quote_never_swallows_the_variable(data: bytes) -> None:
    with pytest.raises(SwitchRefused) as caught:
        env_text.edit(data, {"X": "new value"})
    assert caught.value.facts["reason"] == "unbalanced"


def test_an_unclosed_quote_elsewhere_does_no_harm() -> None:
    data = b'A="open\nB=1\n'  # python-dotenv skips the line, as long as nothing after it closes the quote
    result = env_text.edit(data, {"X": "new value"})
    assert result.startswith(data)
    assert read_by_dotenv(result, ("X", "B")) == {"X": "new value", "B": "1"}


def test_text_that_is_no_text_is_refused() -> None:
    with pytest.raises(SwitchRefused) as caught:
        env_text.edit("X=1\n".encode("utf-16"), {"X": "2"})
    assert caught.value.facts["reason"] == "not_text"


def test_ten_thousand_lines() -> None:
    lines = [f"V{n}=value {n} # {n}".encode() for n in range(10_000)]
    lines[5_000] = b"X=old"
    result = env_text.edit(b"\n".join(lines), {"X": "new"})
    lines[5_000] = b"X=new"
    assert result == b"\n".join(lines)
