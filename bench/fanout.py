"""`/balance` with fifty accounts that each answer after 300 ms: the whole board against the slowest account."""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import time
from pathlib import Path

from aiohttp import web

from bench.peers import Peers, Process, Samples, free_port
from bench.table import Row

ACCOUNTS, HOSTS, SLOW_S = 50, 10, 0.3


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
                    out, start = Samples(), time.perf_counter()
                    await peers.slash(f"http://127.0.0.1:{own}/slack/events", 0, "/balance", "", out)
                    last = 0.0
                    while len(took) < ACCOUNTS or time.perf_counter() - peers.last_answer < 1.5:
                        last = peers.last_answer - start
                        await asyncio.sleep(0.05)
                        if time.perf_counter() - start > 30:
                            break
                    slowest = max(took)
                finally:
                    await bot.stop()
    finally:
        await runner.cleanup()
    return [
        Row(f"`/balance`, {len(took)} accounts of {SLOW_S * 1000:.0f} ms: first reply", f"{out.answers[0]:.2f} s"),
        Row(f"`/balance`, {len(took)} accounts of {SLOW_S * 1000:.0f} ms: whole board", f"{last:.2f} s", f"{slowest:.2f} s", last / slowest),
    ]  # fmt: skip
