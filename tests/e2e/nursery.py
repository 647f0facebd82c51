"""Bot processes without the three quarters of a second that importing takes each time.

One helper per test worker has imported what `python -m bot` imports, opened nothing and started no thread. For each start it forks; the
child becomes `python -m bot …` in its own folder, environment and streams, with its own pid, signals and interpreter end. That importing
touches nothing is the house's rule (`test_nothing_is_touched_at_import`), so such a process differs from a fresh one only in its age.
One test of each face, the first `init`, the kill in the middle of a move and the benches start the real `python -m bot`.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MESSAGE = 128 * 1024
PIPE = 60_000  # bytes that fit into a pipe which nobody reads yet


class Born:
    """As much of `asyncio.subprocess.Process` as the tests use."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None
        self._nursery = nursery
        self._ending: asyncio.Task[int] | None = None

    async def follow(self, out: int, err: int | None, done: int) -> None:
        self.stdout = await _reader(out)
        self.stderr = await _reader(err) if err is not None else None
        self._ending = asyncio.create_task(self._end(await _reader(done)))

    async def _end(self, done: asyncio.StreamReader) -> int:
        code = await done.readline()
        assert code, "the nursery has ended"
        self.returncode = int(code)
        return self.returncode

    async def wait(self) -> int:
        assert self._ending
        return await asyncio.shield(self._ending)

    def terminate(self) -> None:
        self._nursery.signal(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        self._nursery.signal(self.pid, signal.SIGKILL)

    async def communicate(self) -> tuple[bytes, bytes]:
        assert self.stdout
        assert self.stderr
        out, err, _ = await asyncio.gather(self.stdout.read(), self.stderr.read(), self.wait())
        return out, err


class Nursery:
    """The helper process, seen from the tests."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._helper = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.nursery", str(theirs.fileno())],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "en_US.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    async def start(
        self, *arguments: str, cwd: Path, env: Mapping[str, str], stdin: bytes | None = None, merged: bool = False
    ) -> Born:
        """`stdin`: all that it will ever read; None for nothing at all. `merged`: errors come with the output."""
        given, write = os.pipe()
        assert len(stdin or b"") <= PIPE
        os.write(write, stdin or b"")
        os.close(write)
        out, theirs_out = os.pipe()
        err, theirs_err = (None, theirs_out) if merged else os.pipe()
        done, theirs_done = os.pipe()
        request = {"arguments": arguments, "cwd": str(cwd), "env": dict(env)}
        theirs = [given, theirs_out, theirs_err, theirs_done]
        born = Born(self, await asyncio.to_thread(self._fork, json.dumps(request).encode(), theirs))
        await born.follow(out, err, done)
        return born

    def _fork(self, request: bytes, theirs: list[int]) -> int:
        """The pid. One start at a time and each to its end: two at once would take each other's answer, and one that was given up
        would leave its own to the next."""
        with self._turn:
            socket.send_fds(self._control, [request], theirs)
            for fd in set(theirs):
                os.close(fd)
            pid = self._control.recv(64)
        assert pid, "the nursery has ended"
        return int(pid)

    def signal(self, pid: int, number: int) -> None:
        """Through the parent, who knows whether the number still belongs to its child."""
        self._control.send(json.dumps({"pid": pid, "signal": number}).encode())

    def close(self) -> None:
        self._control.close()
        self._helper.wait(30)


@functools.cache
def nursery() -> Nursery:
    """One for the whole test worker, started when first needed."""
    made = Nursery()
    atexit.register(made.close)
    return made


async def _reader(fd: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    pipe = os.fdopen(fd, "rb", buffering=0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader


# --- inside the helper -------------------------------------------------------------------------------------------------------


def _preload() -> None:
    gc.disable()
    from bot import lean

    lean.load()
    # The first lines are what is only imported when it is first used.
    import aiosqlite  # noqa: F401
    import alembic.command  # noqa: F401
    import alembic.runtime.migration  # noqa: F401
    import alembic.script  # noqa: F401
    import anyio  # noqa: F401
    import babel.dates
    import babel.numbers  # noqa: F401
    import sniffio  # noqa: F401
    import sqlalchemy.dialects.sqlite.aiosqlite  # noqa: F401

    import bot.chats.slack
    import bot.chats.telegram
    import bot.chats.terminal
    import bot.cli
    import bot.demo.team
    import bot.faces
    import bot.inlets.logs
    import bot.inlets.programs
    import bot.oneshot
    import bot.server
    import bot.store.upgrade  # noqa: F401
    from handlers.router import discover

    discover()
    threads = len(os.listdir("/proc/self/task"))
    assert threads == 1, f"importing started {threads - 1} threads"
    gc.freeze()


def _serve(control: socket.socket) -> list[str]:
    """Forks for each request. Returns only in a child, with its arguments; the helper itself ends here when its tests have ended."""
    children: dict[int, int] = {}  # pid to where its exit code is written
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the terminal is for the tests, who end their children
    ready = selectors.DefaultSelector()
    ready.register(control, selectors.EVENT_READ)
    ready.register(ours, selectors.EVENT_READ)
    while True:
        found = {key.fileobj for key, _ in ready.select()}
        if ours in found:
            with contextlib.suppress(BlockingIOError):
                ours.recv(4096)
            _reap(children)
        if control not in found:
            continue
        raw, fds, _, _ = socket.recv_fds(control, MESSAGE, 8)
        if not raw:
            for pid in children:
                os.kill(pid, signal.SIGKILL)
            sys.exit(0)
        request = json.loads(raw)
        if "signal" in request:
            if request["pid"] in children:
                os.kill(request["pid"], request["signal"])
            continue
        pid = os.fork()
        if pid:
            children[pid] = fds[3]
            for fd in fds[:3]:
                os.close(fd)
            control.send(str(pid).encode())
            continue
        signal.set_wakeup_fd(before)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        ready.close()
        for end in (control, ours, theirs):
            end.close()
        for number, fd in enumerate(fds[:3]):
            os.dup2(fd, number)
        for fd in {*fds, *children.values()}:
            os.close(fd)
        _become(request["cwd"], request["env"])
        return list(request["arguments"])


def _reap(children: dict[int, int]) -> None:
    """Tells the exit code of every child that has ended; a signal's number is negative, as in subprocess."""
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        done = children.pop(pid)
        with contextlib.suppress(BrokenPipeError):
            os.write(done, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os.close(done)


def _become(cwd: str, env: Mapping[str, str]) -> None:
    """What a fresh interpreter would have found at its start."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    # The helper's own streams know of what they once were that it can be sought in or is a terminal.
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.path[0] = cwd
    gc.enable()


if __name__ == "__main__":
    _preload()
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        sys.argv[1:] = _serve(asked)
    # From here on as in `python -m bot`: its own exit code, its own end of the interpreter.
    runpy.run_module("bot", run_name="__main__", alter_sys=True)
