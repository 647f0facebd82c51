"""`/balance` with fifty accounts that each answer after 300 ms: the whole board against the slowest account.

Once as the very first message after a start, which also waits for modules and the watch's own first round, and then as
Refresh in a bot that runs: all accounts are asked anew each time.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from bench.peers import Peers, Process, Samples, free_port
from bench.table import Row

ACCOUNTS, HOSTS, SLOW_S = 50, 10, 0.3
REFRESHES = 4
BETWEEN_S = 3.3  # Refresh asks no account twice within three seconds


async def fanout() -> list[Row]:
    """Ten hosts (loopback addresses) with five accounts each. The time of the last edit counts."""
    took: list[float] = []

    async def balance(_: web.Request) -> web.Response:
        begun = time.perf_counter()
        await asyncio.sleep(SLOW_S)
        info = {"currency": "CNY", "total_balance": "10.00", "granted_balance": "0.00", "topped_up_balance": "10.00"}
        took.append(time.perf_counter() - begun)
        return web.json_response({"is_available": True, "balance_infos": [info]})

    app = web.Application()
    app.router.add_get("/user/balance", balance)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0, backlog=256).start()
    port = runner.addresses[0][1]
    try:
        async with Peers() as peers:
            with tempfile.TemporaryDirectory(prefix="quotadesk-bench-") as name:
                folder, own = Path(name), free_port()
                team = ['language = "en"', "[access]", 'members = ["slack:*"]', 'slack_team = "T0TEAM"']
                keys: dict[str, str] = {}
                for number in range(ACCOUNTS):
                    keys[f"KEY_{number}"] = "sk-" + secrets.token_hex(16)
                    team += [
                        f"[routes.account-{number}]",
                        'provider = "deepseek"',
                        f'base_url = "http://127.0.0.{number % HOSTS + 1}:{port}"',
                        'model = "deepseek-chat"',
                        f'key_env = "KEY_{number}"',
                    ]
                (folder / "quotadesk.toml").write_text("\n".join(team) + "\n")
                slack = {key: value for key, value in peers.settings.items() if key.startswith("SLACK")}
                environ = {
                    **slack,
                    **keys,
                    "HTTP_PORT": str(own),
                    "CONFIG_FILE": str(folder / "quotadesk.toml"),
                    "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/var/quotadesk.db",
                    "LOG_LEVEL": os.environ.get("BENCH_LOG", "WARNING"),
                }
                bot = Process(["-m", "bot", "run"], environ, folder, own)
                try:
                    await bot.start("/readyz")
                    url = f"http://127.0.0.1:{own}/slack/events"

                    async def whole(send: Callable[[Samples], Awaitable[None]]) -> tuple[float, float, float]:
                        """Seconds until the last edit, the slowest account's, and the server's CPU seconds."""
                        cpu, start = bot.cpu(), time.perf_counter()
                        await send(Samples())
                        last = 0.0
                        while len(took) < ACCOUNTS or time.perf_counter() - peers.last_answer < 1.0:
                            last = peers.last_answer - start
                            await asyncio.sleep(0.05)
                            if time.perf_counter() - start > 30:
                                raise RuntimeError(f"only {len(took)} accounts were asked")
                        return last, max(took), bot.cpu() - cpu

                    first = await whole(lambda out: peers.slash(url, 0, "/balance", "", out))
                    again = []
                    for _ in range(REFRESHES):
                        await asyncio.sleep(BETWEEN_S - 1.0)
                        took.clear()  # not before the first: the watch's own round may have asked some already
                        again.append(await whole(lambda out: peers.press(url, 0, "balance.refresh", "", out)))
                finally:
                    await bot.stop()
    finally:
        await runner.cleanup()
    best = min(again, key=lambda each: each[0] / each[1])
    what = f"`/balance`, {ACCOUNTS} accounts of {SLOW_S * 1000:.0f} ms"
    return [
        Row(f"{what}: whole board, first message after a start", f"{first[0]:.2f} s", f"{first[1]:.2f} s", first[0] / first[1]),
        Row(f"{what}: whole board, best of {REFRESHES} refreshes", f"{best[0]:.2f} s", f"{best[1]:.2f} s", best[0] / best[1], most=1.2),
        Row(f"{what}: CPU of one refresh", f"{min(each[2] for each in again) * 1000:.0f} ms"),
    ]  # fmt: skip
