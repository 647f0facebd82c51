"""A bare python-telegram-bot echo behind aiohttp: the measure that the bot is held against. `python -m bench.echo_telegram PORT`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

from aiohttp import web
from telegram import Update
from telegram.ext import Application, CommandHandler, ContextTypes

from bench.echo_slack import main


async def echo(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    assert update.message
    await update.message.reply_text(f"You said: {update.message.text}")


def add_to(app: web.Application) -> None:
    base = os.environ["TELEGRAM_API_URL"]
    bare = (
        Application.builder()
        .token(os.environ["TELEGRAM_BOT_TOKEN"])
        .base_url(f"{base}/bot")
        .updater(None)
        .concurrent_updates(True)
        .build()
    )
    bare.add_handler(CommandHandler("quota", echo))
    secret = os.environ["TELEGRAM_WEBHOOK_SECRET"]

    async def webhook(request: web.Request) -> web.Response:
        if request.headers.get("X-Telegram-Bot-Api-Secret-Token") != secret:
            return web.Response(status=401)
        await bare.update_queue.put(Update.de_json(await request.json(), bare.bot))
        return web.Response()

    async def run(_: web.Application) -> AsyncIterator[None]:
        async with bare:
            await bare.start()
            yield
            await bare.stop()

    app.cleanup_ctx.append(run)
    app.router.add_post("/telegram/webhook", webhook)


if __name__ == "__main__":
    main(add_to)
