"""Replies as Telegram HTML, read by the local Telegram's own parser."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chats.telegram_render import alert_text, form_text, render
from bot.chats.telegram_text import neutral, u16
from bot.locales import Words
from bot.model.chat import (
    Action,
    Board,
    Facts,
    Form,
    Heading,
    Input,
    Line,
    Links,
    Quote,
    Reply,
    Row,
    Steps,
)
from tests.worlds.telegram_rules import TEXT_MOST, read_keyboard, resolve

EN, ZH = Words("en", "UTC"), Words("zh", "Asia/Shanghai")
FULL = Reply(
    title="账户余额用尽 · DeepSeek",
    blocks=(
        Line("不是代码问题。", strong=True),
        Facts((("原文", "Insufficient Balance（余额不足）"), ("证据", "10:42 刚查：¥0.00"))),
        Heading("现在"),
        Steps(("先恢复：/switch query", "充值后不用重启")),
        Steps(("重试",), numbered=False),
        Quote("402 <b>&amp; {'error'}"),
        Board(
            (Row("已用尽", "deepseek-main", "¥0.00", "断了 QueryEngine", ("MindSpider",), "bad"), Row("正常", "relay"))
        ),
        Links((("充值页", "https://platform.example/top_up?a=1&b=2"), ("坏", "javascript:alert(1)"))),
    ),
    details=(Line("更多"), Quote("Traceback @here")),
    actions=(
        Action("switch.open", "切换 query → deepseek-backup", "query", style="primary"),
        Action("diagnose.again", "再查一次"),
        Action("diagnose.escalate", "转人工"),
        Action("top.up", "充值页", url="https://platform.example/top_up"),
        Action("bad.url", "坏", url="javascript:alert(1)"),
    ),
)


def shown(reply: Reply, words: Words = ZH) -> list[tuple[str, list[dict]]]:
    return [resolve(part, "HTML", TEXT_MOST) for part in render(reply, words).html]


def kinds(entities: list[dict], kind: str) -> list[dict]:
    return [entity for entity in entities if entity["type"] == kind]


def test_every_part_is_there_in_order_and_nothing_breaks_the_markup():
    ((text, entities),) = shown(FULL)
    order = [
        "账户余额用尽",
        "不是代码问题",
        "原文：Insufficient",
        "现在\n1. 先恢复：/switch query",
        "• 重试",
        "402 <b>&amp;",
        "🔴 已用尽  deepseek-main  ¥0.00\n    断了",
        "MindSpider",
        "充值页",
        "详情\n更多",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert [e["url"] for e in kinds(entities, "text_link")] == ["https://platform.example/top_up?a=1&b=2"]
    assert len(kinds(entities, "pre")) == 1
    assert len(kinds(entities, "expandable_blockquote")) == 1
    assert kinds(entities, "mention") == []
    assert [e["shown"] for e in kinds(entities, "bot_command")] == ["/switch"]


def test_short_buttons_share_a_row_and_long_ones_do_not():
    keyboard = render(FULL, ZH).keyboard
    assert [[button.text for button in row] for row in keyboard] == [
        ["切换 query → deepseek-backup"],
        ["再查一次", "转人工", "充值页"],
    ]
    assert keyboard[0][0].data == "switch.open:query"
    many = render(Reply(title="x", actions=tuple(Action("a.b", str(n), str(n)) for n in range(150))), EN).keyboard
    assert sum(len(row) for row in many) == 100
    assert max(len(row) for row in many) <= 8
    markup = {"inline_keyboard": [[{"text": b.text, "callback_data": b.data} for b in row] for row in many]}
    assert read_keyboard(markup) == markup


def test_an_empty_reply_still_says_something():
    assert shown(Reply()) == [("…", [])]


def test_a_long_line_is_cut_at_blanks_and_nothing_is_lost():
    words = " ".join(f"word{n}" for n in range(3000))
    parts = shown(Reply(blocks=(Line(words), Quote("y" * 9000))))
    assert all(u16(text) <= TEXT_MOST for text, _ in parts)
    together = "".join(text for text, _ in parts)
    assert together.count("y") == 9000
    assert all(f"word{n}" in together for n in range(3000))


def test_a_break_comes_between_blocks_where_that_is_possible():
    reply = Reply(blocks=tuple(Quote("\n".join(f"block{n} line{i}" + "." * 80 for i in range(15))) for n in range(6)))
    parts = shown(reply)
    assert len(parts) > 1
    for text, _ in parts:
        assert text.startswith("block")
        assert "line0" in text.split("\n")[0]


def test_many_entities_are_spread_over_messages():
    parts = shown(Reply(blocks=(Facts(tuple((f"l{n}", "v") for n in range(250))),)))
    assert all(len(kinds(entities, "bold")) <= 95 for _, entities in parts)
    assert sum(len(kinds(entities, "bold")) for _, entities in parts) == 250


def test_notices_are_short_plain_and_without_buttons():
    assert alert_text(Reply(title="No", blocks=(Line("Only operators."),))) == "No\nOnly operators."
    assert alert_text(Reply(blocks=(Line("x" * 201),))) is None
    assert alert_text(Reply(blocks=(Facts((("a", "b"),)),))) is None
    assert alert_text(Reply(title="x", actions=(Action("a.b", "B"),))) is None


def test_names_mails_and_paths():
    assert neutral("a***@example.com and bob@example.com") == "a***@\u2060example.com and bob@example.com"
    assert neutral("/srv/app/.env") == "/srv/app/.env"
    assert neutral("run /switch now", commands=True) == "run /switch now"
    assert neutral("run /switch now") == "run /\u2060switch now"
    assert neutral("run /other now", commands=True) == "run /\u2060other now"


def test_a_form_shows_names_to_copy():
    form = Form("ticket.evidence", "Evidence <1>", "42", (Input("order", "Order time", "as on the bill", True),))
    text, entities = resolve(form_text(form, EN), "HTML", TEXT_MOST)
    assert text.startswith("Evidence <1>")
    assert "Order time: (required) as on the bill" in text
    assert len(kinds(entities, "code")) == 1


TEXT = st.text(
    st.one_of(st.characters(), st.sampled_from("<>&\"'@/ _*`\n\t\x00\u202e\ue000\ue001:\U0001f600中t.me")), max_size=300
)


@settings(max_examples=80, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=6), TEXT, st.integers(1, 40))
def test_any_text_makes_messages_that_telegram_takes(texts, title, times):
    long = texts[0] * times
    reply = Reply(
        title=title,
        blocks=(
            *(Line(text) for text in texts),
            Quote(long),
            Facts(tuple((text, long) for text in texts)),
            Steps(tuple(texts)),
            Board(tuple(Row(text, text, text, text, (text,)) for text in texts)),
        ),
        details=(Quote(long), Line(long)),
        actions=(Action("a.b", title),),
    )
    rendered = render(reply, EN)
    assert len(rendered.html) == len(rendered.plain)
    for html, plain in zip(rendered.html, rendered.plain, strict=True):
        text, entities = resolve(html, "HTML", TEXT_MOST)
        assert kinds(entities, "mention") == []
        assert kinds(entities, "text_mention") == []
        assert u16(plain) <= TEXT_MOST
        assert "".join(text.split()) == "".join(plain.split())
    assert all(button.text.strip() for row in rendered.keyboard for button in row)
