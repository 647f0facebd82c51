"""Coverage-guided fuzzing of whatever reads what strangers write: `make fuzz`, `python -m bench.fuzz [--seconds N] [TARGET…]`.

Each target runs in a process of its own, because libFuzzer ends the one it runs in. A crash writes the input beside a
`crash-…` file name into the folder that is printed; put it into a test before mending it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl

Target = Callable[[bytes], None]

SEEDS: dict[str, list[bytes]] = {
    "gate": [b"Authorization: Bearer abc", b"sk-ant-api03-" + b"a" * 40, "密钥：sk-abc 余额不足".encode()],
    "diagnosis": [
        b"Error code: 402 - {'error': {'message': 'Insufficient Balance'}}",
        b"openai.RateLimitError: Error code: 429 - {'error': {'type': 'insufficient_quota'}}",
    ],
    "env_editor": [b"A_API_KEY=x\nA_BASE_URL='https://a'\nexport A_MODEL_NAME=\"m\" # why\n", b"# A_API_KEY=old\r\n"],
    "telegram": [b'{"update_id":1,"message":{"message_id":1,"date":1,"chat":{"id":1,"type":"private"},"from":{"id":1,"is_bot":false,"first_name":"A"},"text":"/diagnose 402"}}'],
    "slack": [b'{"type":"block_actions","user":{"id":"U"},"channel":{"id":"C"},"actions":[{"type":"button","action_id":"ticket.ack","value":"1"}]}', b"command=/diagnose&text=402&user_id=U"],
    "team_file": [b'[routes.a]\nbase_url = "https://a.example"\n[watch.logs]\n"*" = ["x"]\n[reports.p]\nkey_env = "T"\n'],
    "log_lines": [b"[09:15:09] 2026-11-22 09:15:09.530 | ERROR | a:b:1 - x\n[09:15:09] Traceback (most recent call last):\n"],
    "programs": [b'[{"text":"402","engine":"query","time":"2026-11-22T10:00:00+08:00"}]', b'{"version":"4","alerts":[{"status":"firing","fingerprint":"1","labels":{}}]}'],
}  # fmt: skip


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def gate() -> Target:
    from bot.redaction.gate import Gate

    made = Gate(b"fuzz")

    def run(data: bytes) -> None:
        once = made.clean(text_of(data)).text.text
        once.encode()  # no half surrogate is left

    return run


def diagnosis() -> Target:
    from bot.redaction.gate import Gate
    from bot.services.diagnosis import Diagnoser
    from bot.signatures import load

    made, explain = Gate(b"fuzz"), Diagnoser(load()).explain

    def run(data: bytes) -> None:
        found = explain(made.trusted(text_of(data)))
        assert found.causes
        assert 0 <= found.confidence <= 1

    return run


def env_editor() -> Target:
    from bot.errors import SwitchRefused
    from bot.outlets import env_text

    names = ("A_API_KEY", "A_BASE_URL", "A_MODEL_NAME")

    def run(data: bytes) -> None:
        try:
            changed = env_text.edit(data, {names[0]: "new", names[1]: "https://b", names[2]: "n"})
        except SwitchRefused:
            return
        assert env_text.edit(changed, {names[0]: "new", names[1]: "https://b", names[2]: "n"}) == changed

    return run


def telegram() -> Target:
    from telegram import Bot, Update

    from bot.chats import telegram_in
    from bot.chats.typed import split_command

    bot = Bot("1:" + "a" * 35)

    def run(data: bytes) -> None:
        try:
            raw = json.loads(data)
        except (ValueError, RecursionError):
            split_command(text_of(data))
            return
        if not isinstance(raw, dict):
            return
        try:
            update = Update.de_json(raw, bot)
        except Exception:  # noqa: S112 - the library refuses wrong types with whatever it meets; the inbox logs and goes on
            return
        message = update.effective_message
        if message is not None and hasattr(message, "caption"):
            # Wrong types pass through the library, and Telegram sends none: the inbox logs them and goes on.
            with contextlib.suppress(TypeError, AttributeError):
                telegram_in.command_of(message, "quotadesk")
                telegram_in.quoted_of(message, 1)
                telegram_in.attached_to(message)

    return run


def slack() -> Target:
    from bot.chats import slack_in

    def run(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        slack_in.plain(text)
        slack_in.slash(dict(parse_qsl(text)), {"quota": "quota"})
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError):
            return
        if isinstance(raw, dict):
            slack_in.whole(raw)

    return run


def team_file() -> Target:
    from bot.errors import ConfigError
    from bot.team_file import parse

    def run(data: bytes) -> None:
        try:
            raw = tomllib.loads(data.decode("utf-8", "replace"))
        except (tomllib.TOMLDecodeError, RecursionError):
            return
        try:
            parse(raw, Path("/srv"))
        except ConfigError as fault:
            assert fault.faults

    return run


def log_lines() -> Target:
    from bot.inlets.lines import RECORD_MOST, Joiner

    def run(data: bytes) -> None:
        joiner = Joiner()
        middle = len(data) // 2
        found = [*joiner.feed(data[:middle]), *joiner.feed(data[middle:]), *joiner.flush(partial=True)]
        assert joiner.done == len(data)
        assert all(len(record.text) <= RECORD_MOST + 16 for record in found)

    return run


def programs() -> Target:
    from bot.clock import SystemClock
    from bot.inlets.programs import BadBody, Programs, _json
    from bot.model.chat import Found
    from bot.model.team import Reporter
    from bot.redaction.gate import Gate

    made, found = Gate(b"fuzz"), Found()
    door = Programs({}, {}, None, None, lambda raw: (made.trusted(raw), found), SystemClock())  # type: ignore[arg-type]
    who = Reporter("fuzz", None)

    def run(data: bytes) -> None:
        for read in (door._items, door._alerts):
            try:
                read(_json(data), who)
            except BadBody as fault:
                assert str(fault).endswith(".")

    return run


TARGETS: dict[str, Callable[[], Target]] = {
    each.__name__: each for each in (gate, diagnosis, env_editor, telegram, slack, team_file, log_lines, programs)
}


def child(name: str, corpus: str, seconds: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["bot"]):
        run = TARGETS[name]()
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={seconds}", "-max_len=4096", "-rss_limit_mb=2048", "-timeout=20", "-print_final_stats=1",
         "-verbosity=0", f"-artifact_prefix={corpus}/", f"{corpus}/seeds"],
        run,
    )  # fmt: skip
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument(
        "targets", nargs="*", choices=[*TARGETS, []], default=[], metavar="TARGET", help=", ".join(TARGETS)
    )
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--corpus", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child, args.corpus, args.seconds)
        return 0
    failed = []
    for name in args.targets or TARGETS:
        folder = Path(tempfile.mkdtemp(prefix=f"quotadesk-fuzz-{name}-"))
        (folder / "seeds").mkdir()
        for number, seed in enumerate(SEEDS[name]):
            (folder / "seeds" / str(number)).write_bytes(seed)
        command = [
            sys.executable,
            "-m",
            "bench.fuzz",
            "--child",
            name,
            "--corpus",
            str(folder),
            "--seconds",
            str(args.seconds),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        runs = next((line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line), "?")
        crashes = sorted(path for path in folder.iterdir() if path.is_file())
        fine = done.returncode == 0 and not crashes
        print(
            f"{name}: {runs} runs in {args.seconds} s, " + ("nothing found" if fine else f"FAILED, see {folder}"),
            flush=True,
        )
        if not fine:
            failed.append(name)
            print("\n".join(done.stderr.splitlines()[-25:]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
