"""`python -m bot …` equals `quotadesk …`.

`redact` and the machine forms of `diagnose` take a short way: a filter in a pipe must not wait for chat libraries to load.
"""

from __future__ import annotations

import gc
import os
import sys

from bot import ending, lean


def main() -> int:
    """Exit code: 0 done, 1 bad news or a failed check, 2 wrong usage or configuration, 130 interrupted."""
    try:
        return _command()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader has gone: nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _command() -> int:
    arguments = sys.argv[1:]
    if arguments[:1] == ["redact"] and "--help" not in arguments:
        from bot.redaction.batch import main as redact

        return redact(arguments[1:])
    if arguments[:1] == ["diagnose"] and {"--json", "--jsonl"} & set(arguments) and "--help" not in arguments:
        from bot.batch_diagnose import main as diagnose

        return diagnose(arguments[1:])
    lean.load()
    if arguments == ["run"]:
        return _run()
    gc.set_threshold(50_000)  # a command is done before there is rubbish worth looking for among freshly loaded modules
    from bot.cli import main as full

    return full()


def _run() -> int:
    """The bot itself, without the command line's libraries."""
    lean.one_heap()
    gc.disable()  # until all is loaded: a third of the start went into looking for rubbish among modules
    try:
        import asyncio

        from bot import faces

        return asyncio.run(faces.run())
    except BaseException as fault:
        return ending.of(fault)


if __name__ == "__main__":
    sys.exit(main())
