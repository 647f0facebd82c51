"""How fast the gate is: messages a second on one core, start-up, and what hostile texts cost.

    python bench/redact_bench.py [--count 3000] [--runs 5]

Every figure is the best of several runs and the spread is printed beside it, since a shared machine is noisy. CPU time, one core.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.gen_redaction import make  # noqa: E402
from bot.redaction.engine import redact  # noqa: E402

HOSTILE = (
    "sk- ", "key=", '"messages": [', "a@", "://x:", "%25", "\\\\", "[", "-----BEGIN PRIVATE KEY-----", "Bearer ", "`a", "1234 ", "eyJ.", "密钥：",
    "https://a:1234567890:AA", "x", "data:image/png;base64,", "<https://a|", "password: ab1\n", "api_key ", "Cookie: a=b; ", "\u200b", "ａ", "\\\"",
    "token token token ", '"prompt": "', "{", "9", "key=abcd efgh ", "A" * 200 + " ", "\n> a: b",
    "password:", "secret= ", "a\"+\"b", "\"+\"", "key=ab1cdefg=\nhijklmn\n", "https://a:b@", "sk-a1 ", "**a", "\\\"\\\\\"", "ａb",
    "4111 1111 1111 1111 ", "%2525", "a\n", "{[(", "token,", "Ｋｅｙ＝", "Ab1+", "keysk-", "AKIAcookie:;",
    # found by searching at random among these and their mixtures, the slowest of each kind
    " input:[", "parts:[[", "X-Api-Key ", "cookie=os.getenv( ", "key:ab1cdefg\n", "token:aB3dE6gx\naB3dE6gx9\n", "sk-aB3dE6g\naB3dE6gx\n",
    "sk\\\":\\\"a1b2c3d4e5f6 ", "key=abcdefg1\\\nhijklmn2 ", "a2V5PWFiMWNkZWZnIGtleT1hYjFjZGVmZyBrZXk9YWIxY2RlZmcg ", "gsk_", "-d \"prompt=",
    "%25252525", "\\\"https://a:b@\\\"", "https://a:b@\\u003d", "Cookie: %20", "Cooki**e: ", "t\"+\"o\"+\"k\"+\"e\"+\"n\"+\":\"+\" ", "key=ab1cdefg \u200b",
    "sk=aB3dE6gH9jK2mN5pQ8sT1vW4,", "role=user, content=", "auth=abcdef,13800138000 ", "eyJ<tokensecret\\u0041key", "\nａ[ｔａ]x=key",
    "bearer=${K},password=Ab1+&密钥=os.getenv(\ncookie=ab1cdefg\\nrole=user, content=", "\"messages\": [{\"role\":\"user\",\"content\":\"",
    "\\\"content\\\": \\\"password: a1b2%63%34 np%6D%5Fauth=ab1cdefg。%25%32%E2%80%8B%35", "passw\u200bo\u200brd：password=1234567890,sk ｜ ａ１ｂ２c3d4e5\u200bf6 ",
    "p\"+\"a\"+\"s\"\\u002b\\u0022s\"+\"word=req_ab12cd34 key: ab1cdefgp%61%73%73", "aｕｔｈ＇： ＇ａｂ１ｃｄｅfg\"image\\\\\":\"password＝ab1cdefg",
)  # fmt: skip


def child(command: list[str], source: bytes) -> float:
    """CPU seconds that one child used."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, input=source, stdout=subprocess.DEVNULL, check=True, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    program = [sys.executable, "-m", "bot.redaction.batch", "redact", "--jsonl"]
    rows = make(1, options.count)
    lines = "".join(
        json.dumps({"id": row["id"], "text": row["text"]}, ensure_ascii=False) + "\n" for row in rows
    ).encode()
    one = lines.split(b"\n", 1)[0] + b"\n"
    bare = min(child([sys.executable, "-c", "pass"], b"") for _ in range(options.runs))
    start = min(child(program, one) for _ in range(options.runs))
    times = sorted(child(program, lines * 10) - start for _ in range(options.runs))
    count = options.count * 10
    print(
        f"messages       {count / times[0]:8.0f} a second of CPU (worst run {count / times[-1]:.0f}), {len(lines) / options.count:.0f} bytes each"
    )
    print(
        f"start-up       {(start - bare) * 1000:8.1f} ms of CPU more than a bare interpreter ({bare * 1000:.1f} ms), first answer included"
    )
    worst = []
    for unit in HOSTILE:
        text = (unit * (100_000 // len(unit.encode()) + 1)).encode()[:100_000].decode("utf-8", "ignore")
        best = 9.0
        for _ in range(3):
            begun = time.process_time()
            redact(text)
            best = min(best, time.process_time() - begun)
        worst.append((best, unit))
    worst.sort(reverse=True)
    print(
        "hostile 100 kB "
        + ", ".join(f"{unit[:16]!r} {best * 1000:.1f} ms" for best, unit in worst[:5])
        + f" (worst of {len(worst)})"
    )


if __name__ == "__main__":
    main()
