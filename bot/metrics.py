"""Prometheus metrics, by name in one place. Labels are aliases and machine words, never keys, people or texts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.model.chat import Reply, Request
from bot.model.handoff import TicketState
from bot.model.money import AccountState, Kind
from bot.model.report import Taken
from bot.ports import Answers, Chat, Clock, Store
from bot.services.steps import StepRunner

LOOK_S = 30.0
_MOST = 2_000
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
        self.reports = Counter(
            "quotadesk_reports",
            "Errors from logs, programs and Alertmanager, by what became of them",
            ("source", "result"),
            registry=registry,
        )
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
        self.oldest_step = Gauge(
            "quotadesk_steps_oldest_seconds", "How long the longest due step has been waiting", registry=registry
        )
        self.database_up = Gauge(
            "quotadesk_database_up", "1 if the last look at the database went well", registry=registry
        )

    def took(self, source: str, taken: Sequence[Taken]) -> None:
        """`opened` a ticket, was counted on one (`joined`), `kept` as a verdict, or is `no_error`."""
        for one in taken:
            result = (
                "no_error"
                if one.verdict is None
                else "kept"
                if one.ticket is None
                else "opened"
                if one.new
                else "joined"
            )
            self.reports.labels(source, result).inc()

    def saw(self, states: tuple[AccountState, ...]) -> None:
        """Takes the figures of a look at the accounts. One without a figure is down; its last figure stays as it was."""
        for state in states:
            self.account_up.labels(state.account).set(1 if state.readings else 0)
            for reading in state.readings:
                if reading.kind is not Kind.HEALTH and reading.amount is not None:
                    self.balance.labels(state.account, reading.kind.value, reading.currency or "").set(
                        float(reading.amount)
                    )


class Live(Collector):
    """Figures that others count themselves, read when somebody asks for them: chats, deliveries, leadership."""

    def __init__(self, chats: Mapping[str, Chat], steps: StepRunner, leads: Mapping[str, Callable[[], bool]]) -> None:
        self._chats, self._steps, self._leads = chats, steps, leads

    def collect(self) -> Iterator[Metric]:
        """What is asked at the moment of a scrape: faults, queue, leaders."""
        events = CounterMetricFamily(
            "quotadesk_chat_events", "What a chat had to work around", labels=["platform", "event"]
        )
        faults = GaugeMetricFamily("quotadesk_chat_faults", "What is wrong with a platform now", labels=["platform"])
        for platform, chat in self._chats.items():
            faults.add_metric([platform], len(chat.faults()))
            for event, count in sorted(getattr(chat, "counts", {}).items()):
                events.add_metric([platform, event], count)
        counts = self._steps.counts
        steps = CounterMetricFamily("quotadesk_steps_run", "Deliveries and reminders by their end", labels=["result"])
        for result in ("done", "retried", "given_up", "broken"):
            steps.add_metric([result], getattr(counts, result))
        leader = GaugeMetricFamily("quotadesk_leader", "1 if this replica leads", labels=["what"])
        for what, leads in self._leads.items():
            leader.add_metric([what], 1 if leads() else 0)
        yield from (events, faults, steps, leader)


class Looks:
    """Figures of the database, looked at every half minute."""

    def __init__(self, metrics: Metrics, store: Store, clock: Clock) -> None:
        self._metrics, self._store, self._clock = metrics, store, clock

    async def round(self) -> None:
        """Raises StoreError: then the gauges keep what was last known, and `database_up` says so."""
        now, metrics = self._clock.now(), self._metrics
        metrics.database_up.set(0)
        pending = await self._store.pending_steps(_MOST)
        unresolved = await self._store.tickets(states=(TicketState.OPEN, TicketState.ACKNOWLEDGED), limit=_MOST)
        ages = [(now - step.due_at).total_seconds() for step in pending]
        metrics.pending_steps.set(len(pending))
        metrics.late_steps.set(sum(age > 60 for age in ages))
        metrics.oldest_step.set(max([0.0, *ages]))
        metrics.open_tickets.set(len(unresolved))
        metrics.database_up.set(1)


class Measured:
    """The router with a stopwatch: counts and times every answer."""

    def __init__(self, inner: Answers, metrics: Metrics, known: frozenset[str]) -> None:
        self._inner, self._metrics, self._known = inner, metrics, known

    async def answer(self, request: Request) -> AsyncIterator[Reply]:
        # A word becomes a label only if it is a command's or a button's: people can type anything, and forge a press.
        named = request.action or request.command
        command = named if named in self._known else "other"
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
