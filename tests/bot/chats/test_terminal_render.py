"""A reply as terminal lines: width, Chinese, colour, and text that wants to move the cursor."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from bot.chats.terminal_render import render, safe, wrap
from bot.locales import Words
from bot.model.chat import (
    Action,
    Board,
    Facts,
    Heading,
    Line,
    Links,
    Quote,
    Reply,
    Row,
    Steps,
)

EN, ZH = Words("en", "UTC"), Words("zh", "Asia/Shanghai")

BOARD = Reply(
    title="余额 · 11月22日 10:42（北京）",
    blocks=(
        Board(
            (
                Row("已用尽", "deepseek-main", "¥0.00", "断了 QueryEngine、InsightEngine", tone="bad"),
                Row(
                    "偏低",
                    "kimi",
                    "¥18.40（充值 10.00 + 赠送 8.40）",
                    "约 1–2 天 · 撑不过周末",
                    ("ReportEngine",),
                    "warn",
                ),
                Row("不公布", "gemini", "", "厂商不提供余额接口；10:31 调用正常", tone="quiet"),
            )
        ),
    ),
    actions=(Action("balance.refresh", "刷新"), Action("switch.open", "切换 query → deepseek-backup", "query")),
)


def test_a_board_is_aligned_by_cells_not_characters():
    lines = render(BOARD, ZH, width=None).splitlines()
    rows = [line for line in lines if "deepseek-main" in line or "gemini" in line]
    columns = {cell_len(line[: line.index(name)]) for line, name in zip(rows, ("deepseek-main", "gemini"), strict=True)}
    assert columns == {8}
    assert lines[0] == "余额 · 11月22日 10:42（北京）"
    assert lines[-1] == "[1] 刷新  [2] 切换 query → deepseek-backup"


def test_narrow_boards_break_below_and_stay_inside():
    text = render(BOARD, ZH, width=40)
    assert max(cell_len(line) for line in text.splitlines()) <= 40
    for piece in ("deepseek-main", "¥0.00", "厂商不提供余额接口"):
        assert piece in text


def test_colour_only_when_asked():
    assert "\x1b[" not in render(BOARD, ZH)
    assert "\x1b[1;31m" in render(BOARD, ZH, colour=True)


def test_every_part_is_there_in_order():
    reply = Reply(
        title="Account empty",
        blocks=(
            Line("Not a code fault.", strong=True),
            Facts((("Says", "Insufficient Balance"), ("Proof", "line one\nline two"))),
            Heading("Now"),
            Steps(("Switch to deepseek-backup", "Top up")),
            Steps(("Do not retry",), numbered=False),
            Quote("402 <!channel> @everyone [bold]x[/bold]"),
            Links((("Top up", "https://platform.example/t"),)),
        ),
        details=(Line("more"),),
    )
    text = render(reply, EN)
    order = [
        "Account empty",
        "Not a code",
        "Says   Insufficient",
        "Now\n1. Switch",
        "2. Top up",
        "- Do not",
        "│ 402",
        "Top up: https",
        "Details\nmore",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "[bold]x[/bold]" in text
    assert "Details" not in render(reply, EN, details=False).replace("[d] Details", "")


def test_escape_sequences_and_overrides_are_taken_out():
    evil = "\x1b[2J\x1b]0;pwned\x07ok\u202egnp\r\nnext\x9b31m\ue000slack:U1\ue001"
    text = render(Reply(title=evil, blocks=(Quote(evil), Facts(((evil, evil),)))), EN)
    assert not set("\x1b\x07\x9b\u202e\r\ue000\ue001") & set(text)
    assert safe("\ue000slack:U1\ue001 x") == "@U1 x"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.integers(min_value=10, max_value=60))
def test_wrapping_keeps_inside_and_loses_only_blanks(text, width):
    lines = wrap(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(safe(text).split())
