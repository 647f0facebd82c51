"""`quotadesk redact` as a program: streaming, order, bad input, exit codes."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from bot.redaction.batch import _readable, clean_stream
from bot.redaction.rules.shapes import grow

ROOT = Path(__file__).resolve().parents[3]
RUN = [sys.executable, "-m", "bot.redaction.batch", "redact"]


def run(*words: str, source: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*RUN, *words], input=source, capture_output=True, cwd=ROOT, timeout=60, check=False)


def key(seed: int = 1) -> str:
    return grow("sk-proj-<u20>T3BlbkFJ<u20>", random.Random(seed))


def test_text_as_arguments_and_on_standard_input() -> None:
    assert run("my", "key", key()).stdout == b"my key [openai key]\n"
    done = run("-", source=f"my key {key()}\nthe second line".encode())
    assert (done.returncode, done.stdout) == (0, b"my key [openai key]\nthe second line")


def test_rows_keep_their_order_and_tell_what_went() -> None:
    rows = [{"id": f"m{n}", "text": f"{n} {key(n)} 你好" if n % 2 else f"{n} nothing"} for n in range(200)]
    done = run("--jsonl", source="\n".join(json.dumps(row) for row in rows).encode())
    answers = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert done.returncode == 0
    assert [answer["id"] for answer in answers] == [row["id"] for row in rows]
    assert answers[0] == {"id": "m0", "text": "0 nothing", "found": {}}
    assert answers[1] == {"id": "m1", "text": "1 [openai key] 你好", "found": {"openai key": 1}}


def test_a_bad_row_is_told_without_an_echo_and_the_rest_goes_on() -> None:
    secret = key(5)
    bad = [
        b"not json " + secret.encode(),
        b'{"id": "a", "text": 5}',
        b'{"id": "b"}',
        b'["a", "b"]',
        b'{"id": "c", "text": "\\ud800 ' + secret.encode() + b'"}',
        b'{"id": "d", "text": "\xff\xfe ' + secret.encode() + b'"}',
        b'{"id": "e", "text": "nul \\u0000 ' + secret.encode() + b'"}',
        bytes(range(256)).replace(b"\n", b""),
        b'{"id": "f", "text": "x"} trailing',
        b"[" * 5000,
        b'{"id": "\\udc00", "text": "' + secret.encode() + b'"}',
        b'{"id": "g", "text": "a' + b'", "more": [',
    ]
    for rows in (
        bad,
        [row for row in bad if row.isascii()],
    ):  # one byte that is no UTF-8 has all rows around it read another way
        lines = [line for item in rows for line in (item, b'{"id": "ok", "text": "fine"}')]
        done = run("--jsonl", source=b"\n".join(lines) + b"\n")
        assert done.returncode == 1
        assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["ok"] * len(rows)
        told = done.stderr.decode().splitlines()
        assert [line.split()[2] for line in told] == [str(2 * number + 1) for number in range(len(rows))]
        assert all(line.startswith("redact: line ") for line in told)
        assert secret[8:20] not in done.stderr.decode()
        assert b"Traceback" not in done.stderr


def test_binary_on_standard_input_is_told_and_cleaned() -> None:
    done = run("-", source=b"\xff\xfe\x00 key " + key(6).encode() + b"\n\x80tail")
    assert done.returncode == 1
    assert b"[openai key]" in done.stdout
    assert key(6)[8:20].encode() not in done.stdout + done.stderr
    assert b"not UTF-8" in done.stderr
    assert b"NUL" in done.stderr


def test_utf16_is_read_as_what_it_is() -> None:
    """Of PowerShell's `>`: with zeros between its signs a key would be no key."""
    wide = f"my key {key(6)}\r\n错误 at last".encode("utf-16")
    told: list[str] = []
    text = "".join(clean_stream(_readable(io.BufferedReader(io.BytesIO(wide)), told), told))
    assert text.removeprefix("\ufeff") == "my key [openai key]\r\n错误 at last"
    assert told == ["it is UTF-16; what came out is UTF-8"]


def test_wrong_usage() -> None:
    assert run("--json").returncode == 2
    assert run("--jsonl", "text").returncode == 2
    assert run("--", "--text").stdout == b"--text\n"


def test_an_answer_comes_before_the_next_question() -> None:
    with subprocess.Popen([*RUN, "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(3):
            process.stdin.write(json.dumps({"id": str(number), "text": "slow"}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == str(number)
        process.stdin.close()
        assert process.wait(20) == 0


def test_a_reader_that_leaves_is_no_traceback() -> None:
    row = json.dumps({"id": "1", "text": "x" * 5000})
    shell = f"yes '{row}' | head -500 | {' '.join(RUN)} --jsonl | head -1"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert done.stdout.count(b"\n") == 1
    assert b"Traceback" not in done.stderr


def test_ten_megabytes_in_one_row_and_in_one_text() -> None:
    filler = "2026-01-26 10:09:10 ERROR upstream timed out, request id req_1\n"
    text = filler * (5_000_000 // len(filler)) + "key " + key(8) + "\n" + filler * (5_000_000 // len(filler))
    done = run("--jsonl", source=json.dumps({"id": "big", "text": text}).encode())
    assert done.returncode == 0
    assert json.loads(done.stdout)["found"] == {"openai key": 1}
    plain = run("-", source=text.encode())
    assert plain.stdout.decode() == text.replace(key(8), "[openai key]")


def test_start_up_is_quick() -> None:
    """Generous on purpose: the bench measures, this only catches a heavy import that slips in."""
    heavy = subprocess.run(
        [sys.executable, "-c", "import sys, bot.redaction.batch; print(sorted(sys.modules))"],
        capture_output=True,
        cwd=ROOT,
        check=True,
    ).stdout.decode()
    for name in (
        "typer",
        "pydantic",
        "sqlalchemy",
        "httpx",
        "asyncio",
        "slack_sdk",
        "telegram",
        "structlog",
        "logging",
    ):
        assert f"'{name}'" not in heavy
    started = time.perf_counter()
    run("hello")
    assert time.perf_counter() - started < 60  # a hang, no more: what makes it slow is named above


def test_a_stream_gives_the_same_as_the_whole() -> None:
    rng = random.Random(11)
    lines = []
    for number in range(1500):
        lines.append(f"2026-01-26 10:{number % 60:02}:10 ERROR 请求失败 request id req_{number} model=gpt-4o")
        if number % 97 == 0:
            secret = grow("sk-proj-<u74>T3BlbkFJ<u74>", rng)
            lines.append(f"OPENAI_API_KEY={secret[:80]}\n{secret[80:]}")
    text = "\n".join(lines)
    from bot.redaction.engine import redact

    data = text.encode()
    for size in (1000, 7919, 65536):
        pieces = [data[i : i + size] for i in range(0, len(data), size)]
        assert "".join(clean_stream(pieces)) == redact(text)[0]
    assert os.linesep  # chunks may cut a character in two: the Chinese above proves it


def test_a_stream_of_odd_bytes() -> None:
    faults: list[str] = []
    out = "".join(clean_stream([b"\xff\x00abc", b"\xe4\xbd", b"\xa0\xe5\xa5\xbd"], faults))
    assert out == "\ufffd\ufffdabc你好"
    assert len(faults) == 2
