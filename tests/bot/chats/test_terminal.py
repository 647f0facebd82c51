"""The terminal chat, fed by a pipe and by a pseudo-terminal, with a scripted router."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import select
import sys
from collections.abc import AsyncIterator, Callable
from io import StringIO

import pytest

from bot.chats.terminal import TerminalChat, TerminalOptions
from bot.locales import Words
from bot.model.chat import (
    Action,
    Facts,
    Form,
    Input,
    Line,
    Person,
    Place,
    Quote,
    Reply,
    Request,
    Role,
)
from bot.redaction.gate import Gate


class Script:
    """A router that remembers what it was asked."""

    def __init__(self, *replies: Reply | Callable[[Request], list[Reply]]) -> None:
        self.asked: list[Request] = []
        self._replies = list(replies)

    async def answer(self, request: Request) -> AsyncIterator[Reply]:
        self.asked.append(request)
        reply = self._replies.pop(0) if self._replies else Reply(title=f"did {request.command}")
        for one in reply(request) if callable(reply) else [reply]:
            yield one


def chat(clock, text: str, router: Script, **options) -> tuple[TerminalChat, StringIO]:
    out = StringIO()
    made = TerminalChat(
        gate=Gate(), words=Words, clock=clock, options=TerminalOptions(**options), source=StringIO(text), target=out
    )
    made.bind(router)
    return made, out


SWITCH = Reply(
    title="Switch QueryEngine: deepseek-main → deepseek-backup",
    blocks=(Facts((("QUERY_ENGINE_BASE_URL", "unchanged"),)),),
    actions=(
        Action("switch.confirm", "Confirm switch", "tok123", style="primary"),
        Action("switch.cancel", "Cancel", "tok123"),
        Action("top.up", "Top-up page", url="https://platform.example/top_up"),
    ),
)


async def test_one_command_a_line_with_or_without_the_stroke(clock):
    router = Script()
    made, out = chat(clock, "/balance query\nswitch media relay\n\n# a note\n/quota tickets 7\n/quota\n", router)
    await made.run()
    assert [(r.command, r.text.text) for r in router.asked] == [
        ("balance", "query"),
        ("switch", "media relay"),
        ("tickets", "7"),
        ("help", ""),
    ]
    assert "did balance" in out.getvalue()
    assert "\x1b" not in out.getvalue()
    assert all(r.role is Role.OPERATOR and r.asker == Person("terminal", "operator", "operator") for r in router.asked)


@pytest.mark.parametrize("press", ["1", "press 1", "press switch.confirm", "switch.confirm", "switch.confirm:tok123"])
async def test_a_button_is_pressed_by_number_or_name(clock, press):
    router = Script(SWITCH, Reply(title="Switched"))
    made, out = chat(clock, f"switch query\n{press}\n", router)
    await made.run()
    assert "[1] Confirm switch  [2] Cancel" in out.getvalue()
    assert "[3] Top-up page → https://platform.example/top_up" in out.getvalue()
    pressed = router.asked[1]
    assert (pressed.command, pressed.action, pressed.value) == ("switch", "switch.confirm", "tok123")
    assert pressed.message is not None


async def test_a_number_without_a_button_is_said_and_nothing_runs(clock):
    router = Script()
    made, out = chat(clock, "3\npress switch.confirm\n", router)
    await made.run()
    assert router.asked == []
    assert out.getvalue().count("There is no such button") == 2


async def test_a_link_button_prints_its_address(clock):
    router = Script(SWITCH)
    made, out = chat(clock, "switch query\n3\n", router)
    await made.run()
    assert len(router.asked) == 1
    assert out.getvalue().rstrip().endswith("https://platform.example/top_up")


async def test_a_pipe_prints_only_the_final_reply(clock):
    router = Script(lambda _: [Reply(title="asking 3 accounts", final=False), Reply(title="all three")])
    made, out = chat(clock, "balance\n", router)
    await made.run()
    assert "all three" in out.getvalue()
    assert "asking" not in out.getvalue()


async def test_a_pasted_key_never_reaches_router_or_screen(clock, make_key):
    key = make_key("sk-", 40)
    router = Script(lambda r: [Reply(blocks=(Quote(r.text.text), Line(f"raw {key}")))])
    made, out = chat(clock, f"diagnose 401 with {key}\n", router)
    await made.run()
    assert key not in out.getvalue()
    assert key not in repr(router.asked)
    assert router.asked[0].found.counts


async def test_an_error_pasted_without_a_command_is_diagnosed(clock):
    router = Script()
    made, _ = chat(
        clock,
        "Error code: 402 - {'error': {'message': 'Insufficient Balance'}}\n{\"error\": 1}\nbalanse\n",
        router,
        commands=("balance", "diagnose"),
    )
    await made.run()
    assert [r.command for r in router.asked] == ["diagnose", "diagnose", "balanse"]
    assert router.asked[0].text.text.startswith("Error code: 402")


async def test_typographic_signs_are_as_typed(clock):
    router = Script()
    made, _ = chat(clock, "switch\u00a0query \u2014yes\ndiagnose \u201c402\u201d \u2014 stays\n", router)
    await made.run()
    assert router.asked[0].text.text == "query --yes"
    assert router.asked[1].text.text == "\u201c402\u201d \u2014 stays"


async def test_a_form_is_answered_in_a_pipe(clock):
    form = Form("ticket.evidence", "Evidence", "42", (Input("order", "Order time"), Input("sum", "Amount")))
    router = Script(Reply(title="ticket 42", form=form))
    made, out = chat(clock, "tickets 42\nanswer Order time: 10:42; Amount: 20\n", router)
    await made.run()
    sent = router.asked[1]
    assert (sent.action, sent.value) == ("ticket.evidence", "42")
    assert {name: text.text for name, text in sent.fields.items()} == {"order": "10:42", "sum": "20"}
    assert "Order time" in out.getvalue()


async def test_background_messages_do_not_renumber_buttons(clock):
    router = Script(SWITCH, Reply(title="done"))
    made, out = chat(clock, "", router)
    await made._line("switch query")
    await made.post(
        Place("terminal", "console"), Reply(title="ALERT", actions=(Action("ticket.ack", "Acknowledge", "7"),))
    )
    await made._line("1")
    assert "[4] Acknowledge" in out.getvalue()
    assert router.asked[1].action == "switch.confirm"


async def test_language_and_zone_come_from_the_profile(clock):
    router = Script(Reply(details=(Line("x"),)))

    async def profile(address: str) -> tuple[str | None, str | None]:
        return "zh", "Asia/Shanghai"

    out = StringIO()
    made = TerminalChat(
        gate=Gate(), words=Words, clock=clock, profiles=profile, source=StringIO("balance\n"), target=out
    )
    made.bind(router)
    await made.run()
    assert (router.asked[0].language, router.asked[0].timezone) == ("zh", "Asia/Shanghai")
    assert "详情" in out.getvalue()


async def test_a_terminal_without_chinese_gets_question_marks(clock):
    class Ascii(StringIO):
        encoding = "ascii"

    out = Ascii()
    made = TerminalChat(gate=Gate(), words=Words, clock=clock, source=StringIO("balance\n"), target=out)
    made.bind(Script(Reply(title="余额")))
    await made.run()
    assert "??" in out.getvalue()


async def test_at_a_real_terminal_with_colour_paste_and_progress(clock):
    """A child of a pseudo-terminal: prompt, a paste of several lines, a reply that replaces its forerunner, details by `d`."""
    program = """
import asyncio, sys
from datetime import UTC, datetime
from bot.chats.terminal import TerminalChat, TerminalOptions
from bot.clock import SystemClock
from bot.locales import Words
from bot.model.chat import *
from bot.redaction.gate import Gate
class Router:
    async def answer(self, request):
        yield Reply(title="LOOKING", final=False)
        lines = len(request.text.text.splitlines())
        yield Reply(title=f"SAW {request.command} {lines}", details=(Line("HIDDEN"),))
chat = TerminalChat(gate=Gate(), words=Words, clock=SystemClock(), options=TerminalOptions(language="en"))
chat.bind(Router())
asyncio.run(chat.run())
"""
    pid, master = pty.fork()
    if pid == 0:  # pragma: no cover
        env = {"TERM": "xterm-256color", "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": os.getcwd()}
        os.execve(sys.executable, [sys.executable, "-c", program], env)
    seen = b""

    async def until(text: bytes) -> None:
        nonlocal seen
        async with asyncio.timeout(120):
            while text not in seen:
                if select.select([master], [], [], 0)[0]:
                    seen += os.read(master, 65536)
                await asyncio.sleep(0.01)

    await until(b"quotadesk> ")
    os.write(master, b"diagnose\r")
    await until(b"only a dot")
    for line in (b"Traceback\r", b"\r", b"  402\r", b".\r"):
        os.write(master, line)
    await until(b"SAW diagnose 3")
    assert b"LOOKING" in seen
    assert b"\x1b[1F\x1b[J" in seen  # written over
    assert b"HIDDEN" not in seen
    await until(b"[d] Details")
    seen = b""
    os.write(master, b"d\r")
    await until(b"HIDDEN")
    os.write(master, b"quit\r")
    async with asyncio.timeout(120):
        while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
            if select.select([master], [], [], 0)[0]:
                with contextlib.suppress(OSError):
                    os.read(master, 65536)
            await asyncio.sleep(0.01)
    os.close(master)
    status = ended[1]
    assert os.waitstatus_to_exitcode(status) == 0
