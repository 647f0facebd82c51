"""Writes the board of a team with twelve accounts of twelve kinds, in both languages, on every face, and its chart.

python docs/transcripts/board.py   (the bot runs as a process between a local Slack, a local Telegram and scripted providers)
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from bot.model.money import Kind, Reading  # noqa: E402
from bot.ports import StoredReading  # noqa: E402
from bot.redaction.gate import Gate  # noqa: E402
from bot.store.store import SqlStore  # noqa: E402
from docs.transcripts.make import Paper  # noqa: E402
from tests.e2e.harness import ADMIN, Scene, scene  # noqa: E402
from tests.worlds.providers import Providers  # noqa: E402
from tests.worlds.telegram import render_text  # noqa: E402

WALLET = (
    '{"is_available": true, "balance_infos": [{"currency": "USD", "total_balance": "0.00", "granted_balance": "0.00",'
    ' "topped_up_balance": "0.00"}, {"currency": "CNY", "total_balance": "18.40", "granted_balance": "3.40",'
    ' "topped_up_balance": "15.00"}]}'
)
UNITS = '{"success": true, "data": {"quota_per_unit": 500000, "quota_display_type": "USD", "usd_exchange_rate": 7.3}}'
TOKEN = (
    '{"code": true, "data": {"name": "team", "total_granted": 5000000, "total_used": 4850000, "total_available": 150000,'
    ' "unlimited_quota": false, "expires_at": 0}}'
)

# alias -> provider, answers by rule name, further keys of the route, a fault
ACCOUNTS: Mapping[str, tuple[str, Mapping[str, str], tuple[str, ...], str]] = {
    "deepseek-main": ("deepseek", {"balance": WALLET}, ('warn_below = { CNY = "20" }',), ""),
    "siliconflow": (
        "siliconflow",
        {
            "user": '{"code": 20000, "status": true, "data": {"balance": "0.00", "chargeBalance": "0.00",'
            ' "totalBalance": "0.00", "status": "normal"}}'
        },
        (),
        "",
    ),
    "relay": (
        "new-api",
        {
            "status": UNITS,
            "token": TOKEN,
            "account": '{"success": true, "data": {"id": 7, "quota": 44050000, "used_quota": 950000}}',
        },
        ("account", "user", 'warn_below = { USD = "3" }'),
        "",
    ),
    "openrouter": (
        "openrouter",
        {
            "key": '{"data": {"limit": 25, "limit_remaining": 21.5, "usage": 3.5, "limit_reset": "monthly"}}',
            "credits": '{"data": {"total_credits": 110, "total_usage": 65.75}}',
        },
        ("account",),
        "",
    ),
    "kimi-code": (
        "kimi-code",
        {
            "usages": '{"usage": {"limit": "100", "used": "62", "remaining": "38", "resetTime": "RESET7"},'
            ' "limits": [{"window": {"duration": 300, "timeUnit": "TIME_UNIT_MINUTE"},'
            ' "detail": {"limit": "100", "used": "100", "remaining": "0", "resetTime": "RESET5"}}]}'
        },
        (),
        "",
    ),
    "openai": (
        "openai",
        {
            "costs": '{"data": [{"results": [{"amount": {"value": 212.4, "currency": "usd"}}]}], "has_more": false}',
            "models": '{"data": [{"id": "gpt-5"}]}',
        },
        ("account",),
        "",
    ),
    "xai": (
        "xai",
        {
            "team": '{"teamId": "t", "teamBlocked": false, "apiKeyBlocked": false, "apiKeyDisabled": false}',
            "prepaid": '{"total": {"val": "-4275"}}',
            "month": "{}",
        },
        ("account",),
        "",
    ),
    "local": ("vllm", {"models": '{"data": [{"id": "qwen3-32b"}]}'}, (), ""),
    "gemini": ("gemini", {"models": '{"models": [{"name": "models/gemini-2.5-pro"}]}'}, (), ""),
    "moonshot": ("moonshot", {}, ('warn_below = { CNY = "50" }',), "status:503"),
    "zhipu": (
        "zhipu",
        {
            "plan": '{"success": true, "code": 200, "data": {"limits": [{"type": "TOKENS_LIMIT", "unit": 3, "number": 5,'
            ' "percentage": 34, "nextResetTime": RESETMS}]}}'
        },
        (),
        "",
    ),
    "azure": ("azure-openai", {"models": '{"data": [{"id": "gpt-5"}]}'}, (), ""),
}
ENGINES = {
    "query": ("QueryEngine", ("deepseek-main", "relay")),
    "insight": ("InsightEngine", ("deepseek-main", "moonshot")),
    "mindspider": ("MindSpider", ("deepseek-main",)),
    "media": ("MediaEngine", ("relay", "gemini")),
    "report": ("ReportEngine", ("siliconflow", "openrouter")),
    "coder": ("Coder", ("kimi-code", "zhipu", "local")),
    "writer": ("Writer", ("openai", "xai", "azure")),
}
PATHS = {"gemini": "/v1beta/openai", "azure": "/openai/v1", "openrouter": "/api/v1", "zhipu": "/api/paas/v4"}


def team(world: Providers, keys: dict[str, str], language: str, folder: Path) -> str:
    """The team file; puts made-up keys into `keys`, the accounts into the world and one engine's `.env` into `folder`."""
    now = datetime.now(UTC).replace(microsecond=0)
    times = {
        "RESET7": (now + timedelta(days=3, hours=2)).isoformat(),
        "RESET5": (now + timedelta(hours=2, minutes=10)).isoformat(),
        "RESETMS": str(int((now + timedelta(hours=1)).timestamp() * 1000)),
    }
    lines = [f'language = "{language}"', 'timezone = "Asia/Shanghai"']
    for alias, (provider, answers, more, fault) in ACCOUNTS.items():
        stem = alias.upper().replace("-", "_")
        key, second = "sk-" + os.urandom(16).hex(), os.urandom(16).hex()
        keys |= {f"{stem}_KEY": key, f"{stem}_ACCOUNT": second, f"{stem}_USER": "7"}
        filled = dict(answers)
        for word, value in times.items():
            filled = {name: text.replace(word, value) for name, text in filled.items()}
        world.add(alias, provider, filled, key=key, account_key=second, fault=fault)
        lines += [
            f"[routes.{alias}]",
            f'provider = "{provider}"',
            f'base_url = "{world.url(alias)}{PATHS.get(alias, "/v1")}"',
            'model = "m"',
            f'key_env = "{stem}_KEY"',
        ]
        lines += [f'account_key_env = "{stem}_ACCOUNT"'] if "account" in more else []
        lines += [f'account_user_env = "{stem}_USER"'] if "user" in more else []
        lines += [line for line in more if "=" in line]
    for name, (title, routes) in ENGINES.items():
        quoted = ", ".join(f'"{route}"' for route in routes)
        lines += [f"[engines.{name}]", f'title = "{title}"', f"routes = [{quoted}]"]
        if name == "query":
            lines += [f'env_file = "{folder}/query.env"', 'env_prefix = "QUERY_ENGINE"']
    (folder / "query.env").write_text(
        f"QUERY_ENGINE_API_KEY={keys['DEEPSEEK_MAIN_KEY']}\nQUERY_ENGINE_BASE_URL={world.url('deepseek-main')}/v1\n"
        "QUERY_ENGINE_MODEL_NAME=m\n"
    )
    lines += [
        "[access]",
        'members = ["slack:U0BOB"]',
        f'operators = ["slack:U0ADMIN", "telegram:{ADMIN}"]',
        'slack_team = "T0TEAM"',
        f"telegram_chats = [{ADMIN}]",
    ]
    return "\n".join(lines) + "\n"


async def history(folder: Path) -> None:
    """A fortnight of the main account: it falls more on weekdays, and was topped up once. One old figure of another."""
    store = SqlStore(f"sqlite+aiosqlite:///{folder}/var/quotadesk.db", Gate())
    await store.open()
    now, left = datetime.now(UTC).replace(microsecond=0), Decimal(60)
    kept: list[StoredReading] = []
    for step in range(14 * 8, 0, -1):
        at = now - timedelta(hours=3 * step)
        left -= Decimal("0.54") if at.weekday() < 5 else Decimal("0.20")
        if step == 60:
            left += Decimal(9)
        reading = Reading(Kind.ACCOUNT_MONEY, max(left, Decimal("18.40")), "CNY")
        empty = Reading(Kind.ACCOUNT_MONEY, Decimal(0), "USD")
        kept += [StoredReading("deepseek-main", at, empty), StoredReading("deepseek-main", at, reading)]
    kept.append(
        StoredReading("moonshot", now - timedelta(hours=16), Reading(Kind.ACCOUNT_MONEY, Decimal("63.20"), "CNY"))
    )
    await store.add_readings(kept)
    await store.close()


def terminal(s: Scene, language: str) -> str:
    lines = ["balance", "balance query", "balance chart query"]
    done = subprocess.run(
        [sys.executable, "-m", "bot", "console", "--lang", language],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        cwd=s.folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(HERE.parents[1]), "HOME": str(s.folder), **s.bot.environ},
        timeout=120,
        check=True,
    )
    return done.stdout


async def faces(s: Scene, language: str) -> None:
    paper = Paper(f"board-{language}", f"Twelve accounts of twelve kinds ({language})")

    def board(message: Any) -> bool:
        return "balance.refresh" in " ".join(message.action_ids) and "zhipu" in s.slack.render_text(message)

    await s.slack.slash("U0ADMIN", "C0TEAM", "/balance", "set azure 1200 USD")
    await s.slack.wait_for(lambda m: "1,200" in s.slack.render_text(m) or "1200" in s.slack.render_text(m), 20)
    await s.slack.slash("U0BOB", "C0TEAM", "/balance")
    paper.add("Bob in Slack", "/balance")
    paper.add("quotadesk", s.slack.render_text(await s.slack.wait_for(board, 20)))
    await s.slack.slash("U0BOB", "C0TEAM", "/balance", "query")
    paper.add("Bob in Slack", "/balance query")
    paper.add("quotadesk", s.slack.render_text(await s.slack.wait_for(lambda m: "balance.chart" in m.action_ids, 20)))
    await s.telegram.say(ADMIN, ADMIN, "/balance")

    def look() -> dict[str, Any] | None:
        found = [m for m in s.telegram.seen(ADMIN) if "zhipu" in m.get("text", "") and "balance.refresh" in str(m)]
        return found[-1] if found else None

    paper.add("Ada in Telegram", "/balance")
    paper.add("quotadesk", render_text(await s.telegram.until(look, 20)))
    await s.telegram.say(ADMIN, ADMIN, "/balance query")

    def deep() -> dict[str, Any] | None:
        found = [m for m in s.telegram.seen(ADMIN) if "balance.chart" in str(m)]
        return found[-1] if found else None

    paper.add("Ada in Telegram", "/balance query")
    paper.add("quotadesk", render_text(await s.telegram.until(deep, 20)))
    await s.telegram.say(ADMIN, ADMIN, "/balance chart query")
    photo = await s.telegram.until(
        lambda: next((m for m in s.telegram.seen(ADMIN) if m.get("photo") or m.get("document")), None), 20
    )
    paper.add("Ada in Telegram", "/balance chart query")
    paper.add("quotadesk", render_text(photo))
    if language == "en":
        pictures = [part for call in s.telegram.calls for part in [call.raw] if b"\x89PNG" in part]
        raw = pictures[-1]
        start = raw.index(b"\x89PNG")
        (HERE.parent / "pictures" / "chart.png").write_bytes(raw[start : raw.index(b"IEND", start) + 8])
    paper.add("in the terminal", await asyncio.to_thread(terminal, s, language))
    paper.write()


async def main() -> None:
    for language in ("en", "zh"):
        with tempfile.TemporaryDirectory() as name:
            folder, keys = Path(name), dict[str, str]()
            async with Providers() as world:
                text = team(world, keys, language, folder)
                await history(folder)
                async with scene(folder, language=language, amend=lambda _, text=text: text, more=keys) as s:
                    for user in s.slack.users.values():
                        user["locale"] = {"en": "en-US", "zh": "zh-CN"}[language]
                    s.telegram.people[ADMIN]["language_code"] = language
                    await faces(s, language)
                    print("secrets that left:", s.leaks([key for key in keys.values() if len(key) > 10]))


if __name__ == "__main__":
    asyncio.run(main())
