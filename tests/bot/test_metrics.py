"""The figures that are gathered: the queue and its age, what chats count, who leads."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from bot.errors import StoreError
from bot.metrics import Live, Looks, Metrics
from bot.ports import DueStep
from bot.redaction.gate import Gate
from bot.services.steps import StepRunner
from bot.store.store import SqlStore
from tests.conftest import FixedClock
from tests.databases import migrated

NOW = datetime(2026, 11, 22, 2, 42, tzinfo=UTC)


class Counting:
    platform = "slack"
    counts = Counter({"undelivered": 3, "waited": 0})

    def faults(self) -> tuple[str, ...]:
        return ("refused_token",)


async def test_queue_database_chats_and_leaders(tmp_path: Path) -> None:
    registry, clock = CollectorRegistry(), FixedClock(NOW)
    metrics = Metrics(registry)
    store = SqlStore(await migrated(tmp_path / "q.db"), Gate(b"tests"))
    await store.open()
    steps = StepRunner(store, clock)
    registry.register(Live({"slack": Counting()}, steps, {"watch": lambda: True, "telegram": lambda: False}))  # type: ignore[dict-item]
    ages = (-600, 10, 90, 300)  # seconds since they were due
    await store.schedule([DueStep(0, "note", f"k{a}", NOW - timedelta(seconds=a), {}) for a in ages])
    looks = Looks(metrics, store, clock)
    await looks.round()

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("quotadesk_steps_pending") == 4
    assert value("quotadesk_steps_late") == 2
    assert value("quotadesk_steps_oldest_seconds") == 300
    assert value("quotadesk_tickets_open") == 0
    assert value("quotadesk_database_up") == 1
    assert value("quotadesk_chat_events_total", platform="slack", event="undelivered") == 3
    assert value("quotadesk_chat_faults", platform="slack") == 1
    assert value("quotadesk_steps_run_total", result="done") == 0
    assert value("quotadesk_leader", what="watch") == 1
    assert value("quotadesk_leader", what="telegram") == 0
    assert b"quotadesk_steps_oldest_seconds 300.0" in generate_latest(registry)
    await store.close()
    with pytest.raises(StoreError):
        await looks.round()
    assert value("quotadesk_database_up") == 0
    assert value("quotadesk_steps_pending") == 4  # as last known
