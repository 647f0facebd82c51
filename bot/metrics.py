"""Prometheus metrics, by name in one place. Labels are aliases and machine words, never keys, people or texts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from bot.model.chat import Reply, Request
from bot.model.money import AccountState, Kind
from bot.ports import Answers

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """`requests`, `seconds`: by platform and command. `balance`: native units, one series an account, kind and currency."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "quotadesk_requests", "Commands and presses", ("platform", "command", "result"), registry=registry
        )
        self.seconds = Histogram(
            "quotadesk_answer_seconds",
            "Until the last edit of an answer",
            ("platform", "command"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self.secrets = Counter("quotadesk_secrets_removed", "Secrets the gate took out", ("kind",), registry=registry)
        self.balance = Gauge(
            "quotadesk_balance", "What is left, as last asked", ("account", "kind", "currency"), registry=registry
        )
        self.account_up = Gauge(
            "quotadesk_account_checked", "1 if the last asking gave a figure", ("account",), registry=registry
        )
        self.open_tickets = Gauge("quotadesk_tickets_open", "Unresolved tickets", registry=registry)
        self.pending_steps = Gauge(
            "quotadesk_steps_pending", "Deliveries and reminders not done yet", registry=registry
        )
        self.late_steps = Gauge(
            "quotadesk_steps_late", "Steps over their time by more than a minute", registry=registry
        )
        self.leader = Gauge("quotadesk_leader", "1 if this replica leads", ("what",), registry=registry)

    def saw(self, states: tuple[AccountState, ...]) -> None:
        for state in states:
            self.account_up.labels(state.account).set(1 if state.readings else 0)
            for reading in state.readings:
                if reading.kind is not Kind.HEALTH and reading.amount is not None:
                    self.balance.labels(state.account, reading.kind.value, reading.currency or "").set(
                        float(reading.amount)
                    )


class Measured:
    """The router with a stopwatch: counts and times every answer."""

    def __init__(self, inner: Answers, metrics: Metrics, known: frozenset[str]) -> None:
        self._inner, self._metrics, self._known = inner, metrics, known

    async def answer(self, request: Request) -> AsyncIterator[Reply]:
        # A typed word becomes a label only if it is a command: people can type anything.
        command = request.action or (request.command if request.command in self._known else "other")
        platform = request.place.platform
        for secret in request.found.secrets:
            self._metrics.secrets.labels(secret.kind).inc()
        start, result = monotonic(), "none"
        try:
            async for reply in self._inner.answer(request):
                result = "answered"
                yield reply
        finally:
            self._metrics.requests.labels(platform, command, result).inc()
            self._metrics.seconds.labels(platform, command).observe(monotonic() - start)
