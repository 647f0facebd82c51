"""`quotadesk redact`: the gate on the command line. Imports little, because it must answer at once."""

from __future__ import annotations

import json
import sys

from bot.redaction.engine import redact


def main(argv: list[str]) -> int:
    for line in sys.stdin.buffer:
        row = json.loads(line)
        text, found = redact(row["text"])
        sys.stdout.write(json.dumps({"id": row["id"], "text": text, "found": found}, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
