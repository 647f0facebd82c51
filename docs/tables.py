"""Writes the tables of both READMEs from the code: python docs/tables.py"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

FILES = {"README.md": "en", "README.zh.md": "zh"}


HEADS = {
    "en": ("command", "does", "who", "Slack", "Telegram", "terminal"),
    "zh": ("命令", "做什么", "谁可以", "Slack", "Telegram", "终端"),
}
WHO = {"en": ("anyone with a code", "members", "operators"), "zh": ("有配对码的人", "成员", "operator")}


def commands(language: str) -> str:
    """Every command a person can type, and how on each platform; `tests/test_parity.py` types them all."""
    from bot.locales import Words
    from handlers.router import discover

    words = Words(language)
    rows = []
    for command in discover().values():
        if command.hidden:
            continue
        typed = f"/{command.name}" if command.top_level else f"/quota {command.name}"
        usage = words.say(f"help.usage.{command.name}", typed=typed).replace("|", "\\|")
        about = words.say(f"help.about.{command.name}")
        short = f"`/{command.name}`"
        # Slack reserves a name per workspace, so only the short ones stand beside /quota; Telegram takes any.
        slack = f"{short}, `/quota {command.name}`" if command.top_level else f"`{typed}`"
        telegram = f"{short}, `/quota {command.name}`"
        rows.append((f"`{usage}`", about, WHO[language][command.role], slack, telegram, f"`{command.name}`"))
    lines = [HEADS[language], ("---",) * 6, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def filled(text: str, language: str) -> str:
    from bot.providers.table import markdown

    for name, table in (("providers", markdown(language).strip()), ("commands", commands(language))):
        head, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, tail = rest.partition(f"<!-- /{name} -->")
        text = f"{head}{begin}{table}\n{end}{tail}"
    return text


def main() -> None:
    for name, language in FILES.items():
        path = ROOT / name
        path.write_text(filled(path.read_text(encoding="utf-8"), language), encoding="utf-8")


if __name__ == "__main__":
    main()
