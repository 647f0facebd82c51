"""Round trips, cold start and memory: the bot as a process against bare echoes, in turns, so that noise hits both alike."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bench.peers import Peers, Process, Samples, free_port, load, percentile
from bench.table import Row

ROUNDS = 3
TEAM = 'language = "en"\n[access]\nmembers = ["slack:*", "telegram:*"]\nslack_team = "T0TEAM"\n'
RIDDLE = "Error code: 402 - {'error': {'message': 'Insufficient Balance', 'type': 'unknown_error', 'code': 'invalid_request_error'}}"


def bot(folder: Path, settings: Mapping[str, str], *, lifted: bool = True) -> Process:
    """`lifted`: without Telegram's 30 a second, which the bare echo does not keep either."""
    port = free_port()
    config = folder / "quotadesk.toml"
    config.write_text(TEAM)
    environ = {
        **settings,
        "HTTP_PORT": str(port),
        "CONFIG_FILE": str(config),
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/var/quotadesk.db",
        "LOG_LEVEL": os.environ.get("BENCH_LOG", "WARNING"),
    }
    arguments = ["-m", "bench.launch"] if lifted else ["-m", "bot", "run"]
    return Process(arguments, environ, folder, port)


def echo(module: str, folder: Path, settings: Mapping[str, str]) -> Process:
    port = free_port()
    return Process(["-m", module, str(port)], settings, folder, port)


@asynccontextmanager
async def both(module: str, settings: Mapping[str, str]) -> AsyncIterator[tuple[Process, Process]]:
    with tempfile.TemporaryDirectory(prefix="quotadesk-bench-") as name:
        ours, bare = bot(Path(name), settings), echo(module, Path(name), settings)
        try:
            await ours.start("/readyz")
            await bare.start("/readyz")
            yield ours, bare
        finally:
            await ours.stop()
            await bare.stop()


def compared(what: str, ours: Samples, bare: Samples, *, reach: bool) -> list[Row]:
    """`reach`: these rows carry the reach that is promised."""

    def ms(values: list[float], share: float) -> str:
        return f"{percentile(values, share) * 1000:.1f} ms"

    rows = [
        Row(f"{what}: throughput", f"{ours.per_second:.0f}/s", f"{bare.per_second:.0f}/s",
            ours.per_second / bare.per_second, least=0.7 if reach else None),
        Row(f"{what}: server CPU per answer", f"{ours.cpu_ms:.2f} ms", f"{bare.cpu_ms:.2f} ms",
            ours.cpu_ms / bare.cpu_ms),
    ]  # fmt: skip
    for name, mine, theirs in (
        ("acknowledgement", ours.acks, bare.acks),
        ("full answer", ours.answers, bare.answers),
    ):
        for share in (0.5, 0.99):
            ratio = percentile(mine, share) / percentile(theirs, share)
            most = 1.5 if reach and share == 0.99 else None
            rows.append(Row(f"{what}: {name} p{share * 100:.0f}", ms(mine, share), ms(theirs, share), ratio, most=most))
    return rows


async def slack(text: str = "help") -> list[Row]:
    rows: list[Row] = []
    async with Peers() as peers:
        settings = {name: value for name, value in peers.settings.items() if name.startswith("SLACK")}
        async with both("bench.echo_slack", settings) as pair:

            async def measure(server: Process, workers: int, count: int) -> Samples:
                url = f"http://127.0.0.1:{server.port}/slack/events"
                return await load(
                    lambda worker, out: peers.slash(url, worker, "/quota", text, out),
                    server, workers=workers, count=count,
                )  # fmt: skip

            for server in pair:
                await measure(server, 20, 100)
            for workers, count in ((1, 80), (20, 500)):
                ours, bare = Samples(), Samples()
                for _ in range(ROUNDS):
                    ours.add(await measure(pair[0], workers, count))
                    bare.add(await measure(pair[1], workers, count))
                rows += compared(
                    f"Slack `/quota {text.split()[0]}`, {workers} at once", ours, bare, reach=workers == 20
                )
    return rows


async def telegram(text: str = "/quota help") -> list[Row]:
    rows: list[Row] = []
    async with Peers() as peers:
        settings = {name: value for name, value in peers.settings.items() if name.startswith("TELEGRAM")}
        async with both("bench.echo_telegram", settings) as pair:

            async def measure(server: Process, workers: int, count: int) -> Samples:
                url = f"http://127.0.0.1:{server.port}/telegram/webhook"
                return await load(
                    lambda worker, out: peers.update(url, worker, text, out), server, workers=workers, count=count
                )

            for server in pair:
                await measure(server, 20, 100)
            for workers, count in ((1, 80), (20, 500)):
                ours, bare = Samples(), Samples()
                for _ in range(ROUNDS):
                    ours.add(await measure(pair[0], workers, count))
                    bare.add(await measure(pair[1], workers, count))
                rows += compared(f"Telegram `{text}`, {workers} at once", ours, bare, reach=workers == 20)
    return rows


async def cold() -> list[Row]:
    """From exec to a ready server (the best of four restarts, and the first start with its migrations), and what is resident
    then and after 300 answers on each platform."""
    starts: dict[str, list[float]] = {"ours": [], "bare": []}
    cpus: dict[str, list[float]] = {"ours": [], "bare": []}
    idle: dict[str, float] = {}
    used: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="quotadesk-bench-") as name:
        folder = Path(name)
        async with Peers() as peers:
            for turn in range(5):
                for which in ("ours", "bare"):
                    server = (
                        bot(folder, peers.settings, lifted=turn == 4)
                        if which == "ours"
                        else echo("bench.echo_both", folder, peers.settings)
                    )
                    try:
                        await server.start("/readyz")
                        starts[which].append(server.started_s)
                        cpus[which].append(server.cpu())
                        if turn == 4:
                            await server.rest()  # what is read beside the first answers counts as well
                            idle[which] = server.memory()
                            await _answers(peers, server)
                            used[which] = server.memory()
                    finally:
                        await server.stop()
    first = starts["ours"][0], starts["bare"][0]
    again, cpu = ({which: min(of[which][1:]) for which in of} for of in (starts, cpus))
    return [
        Row("Cold start, first of all", f"{first[0]:.2f} s", f"{first[1]:.2f} s", first[0] / first[1]),
        Row("Cold start", f"{again['ours']:.2f} s", f"{again['bare']:.2f} s", again["ours"] / again["bare"], most=1.5),
        Row("Cold start, CPU", f"{cpu['ours']:.2f} s", f"{cpu['bare']:.2f} s", cpu["ours"] / cpu["bare"]),
        Row("Resident memory, idle", f"{idle['ours']:.0f} MB", f"{idle['bare']:.0f} MB", idle["ours"] / idle["bare"], most=1.5),
        Row("Resident memory, after 600 answers", f"{used['ours']:.0f} MB", f"{used['bare']:.0f} MB", used["ours"] / used["bare"], most=1.5),
    ]  # fmt: skip


async def _answers(peers: Peers, server: Process) -> None:
    base = f"http://127.0.0.1:{server.port}"
    for one in (
        lambda worker, out: peers.slash(f"{base}/slack/events", worker, "/quota", "help", out),
        lambda worker, out: peers.update(f"{base}/telegram/webhook", worker, "/quota help", out),
    ):
        await load(one, server, workers=10, count=300)


if __name__ == "__main__":
    import sys

    part = {"slack": slack, "telegram": telegram, "cold": cold}[sys.argv[1]]
    for row in asyncio.run(part(*sys.argv[2:])):  # type: ignore[operator]
        print(row.what, row.ours, row.bare, f"{row.ratio:.2f}")
