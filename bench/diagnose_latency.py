"""How long `/diagnose` takes inside the process without a live check: gate, router, signatures, database, wording, drawing.

    python bench/diagnose_latency.py [--count 300]

Median and 99th percentile per text, in milliseconds of wall clock, and of processor time, which a busy machine does not blur; on a
fresh SQLite file; each answer is drawn for the terminal as well.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bot.chats.terminal_render import render  # noqa: E402
from bot.locales import Words  # noqa: E402
from tests.conftest import FixedClock  # noqa: E402
from tests.diagnose_room import room  # noqa: E402

TEXTS = {
    "a 402": "Error code: 402 - {'error': {'message': 'Insufficient Balance', 'type': 'unknown_error'}}",
    "a bare status": "HTTP 402 Payment Required",
    "a wrapped relay error": '500 {"error":{"type":"<nil>","message":"Your credit balance is too low to access the Anthropic API. '
    '(request id: 20260126100910722614337HsQybcmN)"},"type":"error"}',
    "a Gemini 429": "429 RESOURCE_EXHAUSTED. generate_content_free_tier_input_token_count, limit: 0, model: gemini-2.5-flash",
    "a question": "does a 402 mean an outage?",
    "no error": "the weather is nice today",
    "a traceback of 20 kB": "Traceback (most recent call last):\n" + '  File "app.py", line 7, in run\n' * 600
    + "openai.RateLimitError: Error code: 429 - {'error': {'message': 'Rate limit reached for gpt-4o'}}",
}  # fmt: skip


async def measure(count: int) -> list[tuple[str, float, float, float]]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        async with room(Path(folder), FixedClock()) as here:
            words = Words("zh", "Asia/Shanghai")
            for name, text in TEXTS.items():
                spans, cpu = [], 0.0
                for number in range(count + 3):
                    here.clock.move(700)  # outside the window of repeats, so that each is a first one
                    began, used = time.perf_counter(), time.process_time()
                    replies = await here.ask(text, language="zh")
                    render(replies[-1], words, width=100, colour=False)
                    if number >= 3:
                        spans.append((time.perf_counter() - began) * 1000)
                        cpu += (time.process_time() - used) * 1000
                spans.sort()
                rows.append((name, statistics.median(spans), spans[int(len(spans) * 0.99)], cpu / count))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=300)
    print(f"{'text':<24}{'median ms':>10}{'p99 ms':>10}{'cpu ms':>10}")
    for name, median, high, cpu in asyncio.run(measure(parser.parse_args().count)):
        print(f"{name:<24}{median:>10.1f}{high:>10.1f}{cpu:>10.1f}")


if __name__ == "__main__":
    main()
