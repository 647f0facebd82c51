"""A Reply as blocks: readable, literal, and never over a limit. The limits are checked by the world's own rules."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chats.leaves import marker
from bot.chats.slack_parts import cut
from bot.chats.slack_render import Rendered, Renderer
from bot.chats.stored import pack, unpack
from bot.model.chat import Action, Board, Facts, Form, Heading, Input, Line, Links, Quote, Reply, Row, Steps
from tests.worlds.slack_rules import MAX_TEXT_SUM, check_blocks, check_view, mentions, read_blocks, units

RENDER = Renderer()

HOSTILE = [
    "<!channel> <!here> <!everyone>",
    "<@U0BOB> <#C1> <!subteam^S1> <!date^1^x|y>",
    "<https://evil.example|safe>",
    "```\n*bold* _it_ ~s~ `c` :x: >q",
    "&lt;!channel&gt; &amp;lt;",
    "\u202eevil\u202c \u2066x\u2069 \ufeff",
    "مرحبا بالعالم",
    "😀" * 50,
    "\ue000slack:U0BOB\ue001 \ue000 \ue001",
    "\x00\x07\x1b[31m",
    "line\nline\u2028line\r\nline",
    "",
    " ",
    "@channel @here",
]
texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=60),
    st.builds(
        lambda piece, n: piece * n,
        st.sampled_from(["长文本，", "word ", "x", "<&>", "a\n", "😀"]),
        st.integers(1, 12_000),
    ),
)
rows = st.builds(
    Row, texts, texts, texts, texts, st.lists(texts, max_size=4).map(tuple), st.sampled_from(["", "bad", "good"])
)
pairs = st.lists(st.tuples(texts, texts), max_size=12).map(tuple)
blocks = st.one_of(
    st.builds(Line, texts, st.booleans()),
    st.builds(Heading, texts),
    st.builds(Facts, pairs),
    st.builds(Steps, st.lists(texts, max_size=12).map(tuple), st.booleans()),
    st.builds(Quote, texts),
    st.builds(Board, st.lists(rows, max_size=6).map(tuple)),
    st.builds(Links, pairs),
)
actions = st.builds(
    Action,
    st.sampled_from(["ticket.ack", "balance.refresh"]),
    texts,
    st.sampled_from(["", "42"]),
    st.sampled_from([None, "https://pay.example/x?y=1", "javascript:alert(1)", "https://a b"]),
    st.sampled_from(["", "primary", "danger"]),
)
replies = st.builds(
    Reply,
    title=texts,
    blocks=st.lists(blocks, max_size=70).map(tuple),
    actions=st.lists(actions, max_size=40).map(tuple),
)


def live(node: Any, found: list[str]) -> list[str]:
    """Every string that Slack would parse: mrkdwn objects. There should be none."""
    if isinstance(node, dict):
        if node.get("type") == "mrkdwn":
            found.append(node["text"])
        for child in node.values():
            live(child, found)
    elif isinstance(node, list):
        for child in node:
            live(child, found)
    return found


@given(replies)
@settings(max_examples=30, deadline=None)
def test_whatever_comes_is_accepted_and_nothing_in_it_is_live(reply: Reply) -> None:
    rendered = RENDER.message(reply, more=("Details", "token"))
    faults, total = check_blocks(rendered.blocks)
    assert list(faults) == []
    assert total <= MAX_TEXT_SUM
    assert live(rendered.blocks, []) == []
    for sent in (rendered, RENDER.plain(reply)):
        assert 1 <= units(sent.text) <= 4_000
        assert [m for m in mentions(sent.text) if m != "<@U0BOB>"] == []
    home = RENDER.home(reply)
    assert list(check_view(home)) == []


@given(st.lists(texts, min_size=1, max_size=8), texts, texts)
@settings(max_examples=30, deadline=None)
def test_forms_are_accepted(labels: list[str], title: str, hint: str) -> None:
    inputs = tuple(Input(f"n{n}", label, hint, bool(n % 2), True) for n, label in enumerate(labels))
    view = RENDER.form(Form("ticket.evidence", title, "42", inputs), {"v": "42"}, submit="Send", close="Cancel")
    assert list(check_view(view)) == []


def test_outside_text_stays_what_it_is() -> None:
    reply = Reply(
        title="<!channel> *x*",
        blocks=(Line("<@U0BOB> `a` :x:"), Quote("```<!here>\n*b*"), Facts((("k<", "<https://e.example|v>"),))),
    )
    rendered = RENDER.message(reply)
    text = "\n".join(read_blocks(rendered.blocks))
    assert text.split("\n") == [
        "# <!channel> *x*",
        "<@U0BOB> `a` :x:",
        "    ```<!here>",
        "    *b*",
        "k<  <https://e.example|v>",
    ]
    assert rendered.text.startswith("&lt;!channel&gt; *x*\n&lt;@U0BOB&gt;")
    assert rendered.blocks[0]["text"]["emoji"] is False


def test_only_a_marker_of_ours_mentions_and_never_in_a_quote_or_title() -> None:
    alice = marker("slack:U0ALICE")
    reply = Reply(
        title=f"for {alice}", blocks=(Line(f"call {alice} and {marker('telegram:7')}."), Quote(f"said {alice}"))
    )
    rendered = RENDER.message(reply)
    users = [e for e in rendered.blocks[1]["elements"][0]["elements"] if e["type"] == "user"]
    assert users == [{"type": "user", "user_id": "U0ALICE"}]
    assert json.dumps(rendered.blocks).count("U0ALICE") == 1
    assert "\ue000" not in json.dumps(rendered.blocks, ensure_ascii=False) + rendered.text
    assert "call <@U0ALICE> and ." in rendered.text


def test_a_board_reads_worst_first_one_line_a_row() -> None:
    board = Board(
        (
            Row("EMPTY", "deepseek-main", "CNY 0.00", "down: QueryEngine", (), "bad"),
            Row("LOW", "kimi", "CNY 18.40", "1–2 days", ("ReportEngine",), "warn"),
            Row("NOT OFFERED", "gemini", "", "no balance is published"),
        )
    )
    rendered = RENDER.message(Reply(title="Balance", blocks=(board,)))
    assert "\n".join(read_blocks(rendered.blocks)).split("\n") == [
        "# Balance",
        " EMPTY  deepseek-main  CNY 0.00 · down: QueryEngine",
        " LOW  kimi  CNY 18.40 · 1–2 days",
        "\u2003\u2003ReportEngine",
        "NOT OFFERED  gemini · no balance is published",
    ]
    first = rendered.blocks[1]["elements"][0]["elements"]
    assert first[0] == {"type": "emoji", "name": "red_circle"}
    assert first[2] == {"type": "text", "text": "EMPTY", "style": {"bold": True}}


def test_too_much_is_cut_at_a_line_and_said_and_the_buttons_stay() -> None:
    rows = tuple(Row("LOW", f"account-{n}", "CNY 1.00", "x" * 100) for n in range(200))
    rendered = RENDER.message(Reply(blocks=(Board(rows),), actions=(Action("a.b", "Go"),)), cut_note="… cut here")
    lines = read_blocks(rendered.blocks)
    assert lines[-1] == "[Go]"
    assert lines[-2] == "… cut here"
    assert any("account-30" in line for line in lines)
    whole = [line for line in lines if "account-" in line]
    assert all(line.endswith("x" * 100) for line in whole)


def test_a_long_quote_is_shortened_inside_its_frame() -> None:
    rendered = RENDER.message(Reply(blocks=(Quote("boom at line 7\n" * 3_000), Line("what to do"))))
    quote = rendered.blocks[0]["elements"][0]
    assert quote["type"] == "rich_text_preformatted"
    assert quote["elements"][0]["text"].endswith("boom at line 7…")
    assert read_blocks(rendered.blocks)[-1] == "what to do"


def test_cut_never_splits_a_sign_or_an_entity() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("😀😀😀", 4) == "😀…"
    assert cut("one two three four", 16) == "one two three…"
    for n in range(1, 200):
        text = RENDER.text(Reply(blocks=(Line("&<>" * n + "x" * 5_000),)), most=n * 7)
        assert "&" not in text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")


def test_links_that_cannot_be_followed_are_words() -> None:
    links = Links((("page", "https://a.example/x"), ("odd", "javascript:alert(1)"), ("two", "https://a b")))
    elements = RENDER.message(Reply(blocks=(links,))).blocks[0]["elements"][0]["elements"][::2]
    assert [e["type"] for e in elements] == ["link", "text", "text"]
    assert elements[0]["url"] == "https://a.example/x"


def test_an_empty_reply_still_says_something() -> None:
    assert RENDER.message(Reply()) == Rendered("…", [])
    assert RENDER.plain(Reply()) == Rendered("…", [])


@given(st.lists(blocks, max_size=6).map(tuple))
@settings(max_examples=40, deadline=None)
def test_details_survive_the_store(parts: Any) -> None:
    assert unpack(json.loads(json.dumps(pack(parts)))) == parts
    assert unpack([{"kind": "Unheard", "text": "x"}, {"kind": "Line", "words": "x"}]) == ()
