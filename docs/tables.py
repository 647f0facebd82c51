"""Writes the tables of both READMEs from the code: python docs/tables.py"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

FILES = {"README.md": "en", "README.zh.md": "zh"}


def filled(text: str, language: str) -> str:
    from bot.providers.table import markdown

    table = markdown(language).strip()
    return re.sub(r"(<!-- providers -->\n).*?(<!-- /providers -->)", lambda m: f"{m[1]}{table}\n{m[2]}", text, flags=re.S)


def main() -> None:
    for name, language in FILES.items():
        path = ROOT / name
        path.write_text(filled(path.read_text(encoding="utf-8"), language), encoding="utf-8")


if __name__ == "__main__":
    main()
