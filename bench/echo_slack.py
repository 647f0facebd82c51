"""A bare slack-bolt echo behind aiohttp: the measure that the bot is held against. `python -m bench.echo_slack PORT`."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Any

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient


def add_to(app: web.Application) -> None:
    client = AsyncWebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
    bolt = AsyncApp(client=client, signing_secret=os.environ["SLACK_SIGNING_SECRET"])

    @bolt.command("/quota")
    async def echo(ack: Any, respond: Any, command: dict[str, Any]) -> None:
        await ack()
        await respond(f"You said: {command['text']}")

    async def events(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await bolt.async_dispatch(await to_bolt_request(request)))

    app.router.add_post("/slack/events", events)


async def alive(_: web.Request) -> web.Response:
    return web.Response()


def main(*parts: Callable[[web.Application], None]) -> None:
    logging.disable(logging.INFO)
    app = web.Application()
    app.router.add_get("/readyz", alive)
    for part in parts:
        part(app)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main(add_to)
