"""Half a minute of `make chaos`: one `kill -9`, one SIGTERM under load, faults of platforms, providers and the database."""

from __future__ import annotations

import pytest

from bench.chaos import run, table


@pytest.mark.chaos
async def test_nothing_is_lost_and_nobody_is_called_twice() -> None:
    tally = await run(8.0, seed=5, every_s=0.35, pause_s=3.0, settle_s=60.0, calm_s=2.5, escalations=6)
    counts = tally.counts()
    told = table(tally) + "\n" + "\n".join([*tally.lost, *tally.doubled])
    assert counts["kill -9"] >= 1, told
    assert counts["SIGTERM under load"] >= 1, told
    assert counts["answered"] > 10, told
    assert tally.good, told
