"""`diagnose --jsonl` as a pipe: order, shape, bad lines, languages, quick start."""

from __future__ import annotations

import io
import json
import subprocess
import sys

from bot.batch_diagnose import main

FIELDS = [
    "id",
    "cause",
    "confidence",
    "provider",
    "gateway",
    "status",
    "model",
    "request_id",
    "retry_after_s",
    "occurred_at",
    "retryable",
    "party",
    "summary",
]


def run(argv: list[str], text: str = "") -> tuple[int, list[dict[str, object]]]:
    out = io.StringIO()
    code = main(argv, io.StringIO(text), out)
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


def test_one_line_each_in_order_with_the_contracts_fields():
    texts = ["Error code: 402 - Insufficient Balance", "hello", "429 rate limit exceeded, try again in 20s"]
    code, rows = run(["--jsonl"], "".join(json.dumps({"id": str(n), "text": t}) + "\n" for n, t in enumerate(texts)))
    assert code == 0
    assert [row["id"] for row in rows] == ["0", "1", "2"]
    assert all(list(row) == FIELDS for row in rows)
    assert [row["cause"] for row in rows] == ["balance_exhausted", "unknown", "rate_limited"]
    assert (rows[0]["status"], rows[0]["retryable"], rows[2]["retry_after_s"]) == (402, False, 20)
    assert rows[1]["retryable"] is None
    assert rows[1]["provider"] is None


def test_a_bad_line_is_told_never_echoed_and_does_not_end_the_stream(capsys):
    lines = [
        '{"id": "a", "text": "secret-words',
        '{"id": "b", "text": 3}',
        "",
        "[1]",
        "[" * 100_000,
        '{"id": [], "text": "x"}',
    ]
    code, rows = run(["--jsonl"], "\n".join([*lines, '{"id": "c", "text": "402 Payment Required"}']) + "\n")
    told = capsys.readouterr().err
    assert (code, [row["id"] for row in rows]) == (1, ["c"])
    assert [line.split(" ", 3)[2] for line in told.splitlines()] == ["1", "2", "4", "5", "6"]
    assert "secret-words" not in told


def test_a_log_is_read_line_by_line_and_its_errors_are_answered(capsys):
    log = """2026-11-22 16:39:01 | INFO | round 1
[2026-11-22T16:39:12Z] ERROR llms.base: Error code: 402 - {'error': {'message': 'Insufficient Balance'}}

2026-11-22 16:39:13 | INFO | retrying
{"id": "j", "text": "see you at lunch"}
"""
    code, rows = run(["--jsonl"], log)
    assert (code, capsys.readouterr().err) == (0, "")
    assert [(row["id"], row["cause"]) for row in rows] == [("2", "balance_exhausted"), ("j", "unknown")]


def test_what_windows_writes_is_read_as_what_it_is(capsys):
    """PowerShell's `>` is UTF-16 with a mark; its `Out-File -Encoding utf8` puts one in front of UTF-8."""
    lines = '{"id": "a", "text": "402 余额不足"}\r\n{"id": "b", "text": "hello"}\r\n'
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-8"):
        out = io.StringIO()
        source = io.TextIOWrapper(io.BufferedReader(io.BytesIO(lines.encode(encoding))), "ascii")
        assert main(["--jsonl"], source, out) == 0
        rows = [json.loads(line) for line in out.getvalue().splitlines()]
        assert [(row["id"], row["cause"]) for row in rows] == [("a", "balance_exhausted"), ("b", "unknown")], encoding
        assert ("it is UTF-16" in capsys.readouterr().err) == encoding.startswith("utf-16")


def test_summary_in_the_language_asked_for():
    line = json.dumps({"id": "a", "text": "Insufficient Balance"})
    zh, en = run(["--jsonl"], line)[1][0], run(["--jsonl", "--lang", "en"], line)[1][0]
    assert "余额" in str(zh["summary"])
    assert str(en["summary"]).isascii()


def test_json_of_words_and_of_standard_input():
    _, (row,) = run(["--json", "402", "Payment", "Required"])
    assert list(row) == FIELDS[1:]
    assert run(["--json", "-"], "401 Unauthorized")[1][0]["cause"] == "auth_invalid"


def test_unknown_language_is_wrong_usage(capsys):
    assert main(["--lang", "xx"], io.StringIO(), io.StringIO()) == 2
    assert "--lang" in capsys.readouterr().err


def test_starts_without_the_heavy_libraries():
    code = (
        "import sys, bot.batch_diagnose; "
        "print([n for n in ('typer','rich','httpx','aiohttp','sqlalchemy','pydantic','slack_bolt','telegram','babel') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
