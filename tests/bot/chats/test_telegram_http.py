"""Calls to Telegram on a real server: what is sent, and what is known of a call that failed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from telegram import Bot
from telegram.error import TimedOut

from bot.chats.telegram_http import Requests
from bot.chats.telegram_wire import Wire
from bot.errors import DeliveryError
from bot.model.team import Secret
from bot.trust import Trust

TOKEN = "123:" + "a" * 35


@asynccontextmanager
async def server(answer: str, seen: list[tuple[str, dict[str, object]]], held: asyncio.Event) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.Response:
        form = await request.post()
        read: dict[str, object] = {k: v.file.read() if isinstance(v, web.FileField) else v for k, v in form.items()}
        seen.append((request.content_type, read))
        if answer == "hang":
            await held.wait()
        if answer == "cut":
            assert request.transport
            request.transport.close()
        message = {"message_id": 5, "date": 1, "chat": {"id": 7, "type": "private"}}
        return web.json_response({"ok": True, "result": message})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        held.set()
        await runner.cleanup()


async def test_a_text_is_a_form_and_a_picture_its_parts() -> None:
    seen: list[tuple[str, dict[str, object]]] = []
    async with server("", seen, asyncio.Event()) as url:
        request = Requests(4, Trust(), read_s=60, connect_s=60)
        await request.initialize()
        bot = Bot(TOKEN, base_url=f"{url}/bot", request=request, get_updates_request=request)
        assert (await bot.send_message(7, "a & b = 余额")).message_id == 5
        await bot.send_photo(7, b"\x89PNG", caption="c")
        await request.shutdown()
    (form, text), (parts, picture) = seen
    assert (form, text) == ("application/x-www-form-urlencoded", {"chat_id": "7", "text": "a & b = 余额"})
    assert (parts, picture["caption"]) == ("multipart/form-data", "c")
    assert b"\x89PNG" in picture.values()


@pytest.mark.parametrize(("answer", "lost"), [("cut", True), ("refused", False)])
async def test_what_is_known_of_a_call_that_failed(answer: str, lost: bool) -> None:
    async with server(answer, [], asyncio.Event()) as url:
        wire = Wire(Secret(TOKEN), url if answer == "cut" else "http://127.0.0.1:1")
        await wire.open()
        with pytest.raises(DeliveryError) as fault:
            await wire.raw("sendMessage", chat_id=7, text="x")
        assert (fault.value.reason, fault.value.lost, wire.trouble) == ("unreachable", lost, "unreachable")
        assert TOKEN not in repr(fault.value)
        await wire.close()


async def test_a_server_that_says_nothing() -> None:
    async with server("hang", [], asyncio.Event()) as url:
        request = Requests(1, Trust(), read_s=0.01, connect_s=60)
        with pytest.raises(RuntimeError, match="closed"):
            await request.do_request(f"{url}/bot{TOKEN}/getMe", "POST")
        await request.initialize()
        with pytest.raises(TimedOut) as fault:
            await request.post(f"{url}/bot{TOKEN}/getMe")
        assert not isinstance(fault.value.__cause__, aiohttp.ConnectionTimeoutError)
        await request.shutdown()
