"""Writes setup-*.txt from a real run between the local worlds: `quotadesk init` with six answers, `quotadesk check`, three faults
mended one after another, and the bot's first answer. From the root: python docs/transcripts/setup.py"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from bot.demo.world import DemoWorld  # noqa: E402
from tests.e2e.harness import ADMIN, SUPPORT, BotProcess, free_port  # noqa: E402
from tests.worlds.slack import SlackWorld  # noqa: E402
from tests.worlds.telegram import TelegramWorld  # noqa: E402

TITLE = {"en": "A set-up with three faults, mended", "zh": "一次配置：三处问题，逐个改好"}
STEPS = {
    "en": (
        "The Slack token was copied wrongly; the bot is in neither support chat",
        "1. The right token: init again; it replaces only that",
        "2. The bot is invited to the Slack channel",
        "3. And added to the Telegram group",
        "The bot runs; Ada asks on Telegram",
    ),
    "zh": (
        "Slack token 抄错了；机器人两个支持群都不在",
        "1. 换上正确的 token：再运行 init，只改这一项",
        "2. 把机器人请进 Slack 频道",
        "3. 再加进 Telegram 群",
        "机器人运行起来；Ada 在 Telegram 上问",
    ),
}


async def run(folder: Path, environ: dict[str, str], *words: str, stdin: str = "") -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *words,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), **environ},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate(stdin.encode())
    return out.decode()


async def written(language: str) -> str:
    providers = DemoWorld()
    await providers.start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            async with SlackWorld() as slack, TelegramWorld() as telegram:
                text = await _setup(language, folder, providers, slack, telegram)
        finally:
            await providers.stop()
    text = re.sub(r"(manifest_json=)\S+", r"\1…", text.replace(str(folder), "/srv/quotadesk"))
    text = re.sub(r"127\.0\.0\.1:\d+|\[::1\]:\d+", "127.0.0.1:PORT", text)
    return re.sub(r"(?m)[ \t]+$", "", re.sub(r"\b(HTTP[ _]\S+ ?\S*?[:：] ?)\d{4,5}", r"\1PORT", text))


async def _setup(language: str, folder: Path, providers: DemoWorld, slack: SlackWorld, telegram: TelegramWorld) -> str:
    telegram.person(ADMIN, "Ada", language=language, started=True)
    telegram.group(SUPPORT, "support", members=(ADMIN,))
    slack.channels["C0SUPPORT"]["bot_in"] = False
    telegram.chats[SUPPORT].kicked = True
    keys = providers.keys
    (folder / "app.env").write_text(
        f"QUERY_ENGINE_API_KEY={keys.deepseek_backup}\nQUERY_ENGINE_BASE_URL={providers.base('deepseek')}\n"
        f"QUERY_ENGINE_MODEL_NAME=deepseek-reasoner\n# QUERY_ENGINE_API_KEY={keys.kimi}\n"
        f"# QUERY_ENGINE_BASE_URL={providers.base('kimi')}\n# QUERY_ENGINE_MODEL_NAME=kimi-k2\n"
    )
    environ = {
        "SLACK_API_URL": slack.api_url,
        "TELEGRAM_API_URL": telegram.url,
        "HTTP_PORT": str(free_port()),
        "LANG": {"en": "en_US.UTF-8", "zh": "zh_CN.UTF-8"}[language],
        "PYTHONIOENCODING": "utf-8",
    }
    wrong = "xoxb-" + secrets.token_hex(20)
    people = f"U0ADMIN {ADMIN}; slack:*"
    first = [f"{language} Asia/Shanghai", "app.env", f"{wrong} {slack.app_token}", telegram.token, people]
    steps = STEPS[language]
    told = [TITLE[language], "=" * 36, ""]

    async def section(title: str, *words: str, stdin: str = "") -> None:
        out = (await run(folder, environ, *words, stdin=stdin)).strip()
        told.extend([f"--- {title}", f"$ quotadesk {' '.join(words)}", *out.split("\n"), ""])

    await section(steps[0], "init", stdin="\n".join([*first, f"C0SUPPORT {SUPPORT}", ""]) + "\n")
    again = ["", "", f"{slack.bot_token} {slack.app_token}", "", "", "", "n", "y"]
    await section(steps[1], "init", stdin="\n".join(again) + "\n")
    slack.channels["C0SUPPORT"]["bot_in"] = True
    await section(steps[2], "check")
    telegram.chats[SUPPORT].kicked = False
    await section(steps[3], "check", "--send")
    bot = BotProcess(folder, environ, port=int(environ["HTTP_PORT"]))
    await bot.start()
    try:
        await telegram.say(ADMIN, ADMIN, "/balance")
        answer = await telegram.until(
            lambda: next((m for m in telegram.seen(ADMIN) if "local-backup" in m.get("text", "")), None), 20
        )
        told.extend([f"--- {steps[4]}", "/balance", "", *answer["text"].split("\n")])
    finally:
        await bot.stop()
    return "\n".join(told) + "\n"


async def main() -> None:
    for language in ("en", "zh"):
        (HERE / f"setup-{language}.txt").write_text(await written(language), encoding="utf-8")
        print(f"setup-{language}.txt")


if __name__ == "__main__":
    asyncio.run(main())
