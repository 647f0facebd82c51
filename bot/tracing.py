"""OpenTelemetry, where it is wanted: spans for command, diagnosis, proof and delivery, joined by the correlation id of the logs.

Nothing of it is imported without OTEL_EXPORTER_OTLP_ENDPOINT. Attributes are an allow-list of machine words and numbers: no text, no
person, no address of a message, no key. A page that goes out an hour later, perhaps from another replica, still hangs under the
command that led to it, because ids of trace and first span are made from the correlation id.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from bot.errors import ConfigError
from bot.model import trace
from bot.model.chat import CleanText, Reply, Request
from bot.model.diagnosis import Diagnosis, Proven
from bot.ports import Answers, DueStep
from bot.services.diagnosis import Diagnoser
from bot.services.proof import Proof
from bot.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

ALLOWED: Final = frozenset(
    {
        "platform", "command", "action", "result", "cause", "certainty", "confidence", "provider", "gateway", "status", "signature",
        "engine", "route", "kind", "ticket", "attempts", "trace",
    }
)  # fmt: skip
_LONGEST: Final = 80
_STOP_S: Final = 3.0


def start(settings: Settings, owner: str) -> Tracing:
    """To the collector of OTEL_EXPORTER_OTLP_ENDPOINT. Raises ConfigError where the extra is not installed."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ConfigError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the extra is not installed: pip install 'quotadesk[otel]', or take the setting out."
        ) from None
    address = (settings.otel_exporter_otlp_endpoint or "").rstrip("/")
    if not address.endswith("/v1/traces"):
        address += "/v1/traces"
    exporter = OTLPSpanExporter(endpoint=address, headers=_headers(settings), timeout=5)
    return Tracing(BatchSpanProcessor(exporter, schedule_delay_millis=2_000), owner)


def _headers(settings: Settings) -> dict[str, str]:
    given = settings.otel_exporter_otlp_headers
    pairs = given.get_secret_value().split(",") if given else []
    return {name.strip().lower(): value.strip() for name, _, value in (pair.partition("=") for pair in pairs)}


class Tracing:
    """`processor` gets the finished spans."""

    def __init__(self, processor: SpanProcessor, owner: str) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider

        facts = {"service.name": "quotadesk", "service.instance.id": owner}
        self._ids = _ids()
        self._provider = TracerProvider(resource=Resource.create(facts), id_generator=self._ids, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("quotadesk")

    @contextlib.contextmanager
    def span(self, name: str, *, first: bool = False, **attributes: object) -> Iterator[_Span]:
        """Under the first span of the current correlation id. An exception marks the span with its class and goes on."""
        from opentelemetry import trace as api

        number = trace.current()
        if first:
            self._ids.next_span = _ids_of(number)[1]
        parent = _parent(number) if number and not first else api.set_span_in_context(api.INVALID_SPAN)
        span = self._tracer.start_span(name, context=parent, attributes=allowed({**attributes, "trace": number}))
        try:
            yield _Span(span)
        except BaseException as fault:
            if not isinstance(fault, (GeneratorExit, asyncio.CancelledError)):
                span.set_status(api.StatusCode.ERROR, type(fault).__name__)
            raise
        finally:
            span.end()

    @contextlib.contextmanager
    def delivery(self, step: DueStep) -> Iterator[None]:
        """Around one try of a note, a call, a page."""
        with self.span("deliver", kind=step.kind, ticket=step.payload.get("ticket"), attempts=step.attempts):
            yield

    def answers(self, inner: Answers, known: Collection[str]) -> Answers:
        """`inner` with a span around each answer; `known`: commands whose names may be written, others are `other`."""
        return TracedAnswers(inner, self, known)

    async def stop(self, wait_s: float = _STOP_S) -> None:
        """Sends what is left, for three seconds at most: a collector that hangs must not hold up the end of the program."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def end() -> None:
            self._provider.shutdown()
            with contextlib.suppress(RuntimeError):  # the loop did not wait
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=end, name="last spans", daemon=True).start()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), wait_s)


class _Span:
    def __init__(self, span: Any) -> None:
        self._span = span

    def add(self, **attributes: object) -> None:
        self._span.set_attributes(allowed(attributes))


def allowed(attributes: Mapping[str, object]) -> dict[str, str | int | float]:
    """Names of the allow-list with short machine words or numbers; everything else is left out."""
    out: dict[str, str | int | float] = {}
    for name, value in attributes.items():
        if name not in ALLOWED or value is None or value == "":
            continue
        if (
            isinstance(value, (int, float))
            or isinstance(value, str)
            and len(value) <= _LONGEST
            and value.isprintable()
            and " " not in value
        ):
            out[name] = value
    return out


def _ids_of(number: str) -> tuple[int, int]:
    made = hashlib.sha256(f"quotadesk {number}".encode()).digest()
    return int.from_bytes(made[:16], "big") or 1, int.from_bytes(made[16:24], "big") or 1


def _parent(number: str) -> Any:
    from opentelemetry import trace as api

    id, span = _ids_of(number)
    flags = api.TraceFlags(api.TraceFlags.SAMPLED)
    return api.set_span_in_context(api.NonRecordingSpan(api.SpanContext(id, span, is_remote=True, trace_flags=flags)))


def _ids() -> Any:
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):
        """Ids of a first span are those of the correlation id; it is asked in the same moment in which they are set."""

        next_span = 0

        def generate_span_id(self) -> int:
            made, self.next_span = self.next_span, 0
            return made or super().generate_span_id()

        def generate_trace_id(self) -> int:
            number = trace.current()
            return _ids_of(number)[0] if number else super().generate_trace_id()

    return Ids()


# --- what is traced --------------------------------------------------------------------------------------------------


class TracedAnswers:
    """The router in a span; the correlation id begins here."""

    def __init__(self, inner: Answers, tracing: Tracing, known: Collection[str]) -> None:
        self._inner, self._tracing, self._known = inner, tracing, known

    async def answer(self, request: Request) -> AsyncIterator[Reply]:
        before = trace.enter(trace.new())
        command, action = (
            name if name is None or name in self._known else "other" for name in (request.command, request.action)
        )
        replies = 0
        try:
            with self._tracing.span(
                "command", first=True, platform=request.place.platform, command=command, action=action
            ) as span:
                async for reply in self._inner.answer(request):
                    replies += 1
                    yield reply
                span.add(result="answered" if replies else "none")
        finally:
            trace.enter(before)


class TracedDiagnoser(Diagnoser):
    """A Diagnoser with a span around each text; neither text nor ids are written into it."""

    tracing: Tracing

    @classmethod
    def of(cls, inner: Diagnoser, tracing: Tracing) -> TracedDiagnoser:
        """The same one, seen: building another would take as long again."""
        made = cls.__new__(cls)
        made.__dict__.update(inner.__dict__, tracing=tracing)
        return made

    def explain(self, text: CleanText, *, brief: bool = False) -> Diagnosis:
        """As `Diagnoser.explain`."""
        with self.tracing.span("diagnose") as span:
            found = super().explain(text, brief=brief)
            span.add(
                cause=found.cause.value,
                confidence=found.confidence,
                provider=found.provider,
                gateway=found.gateway,
                status=found.status,
                signature=found.signature,
            )
            return found


class TracedProof(Proof):
    """A Proof with a span around each diagnosis."""

    tracing: Tracing

    @classmethod
    def of(cls, inner: Proof, tracing: Tracing) -> TracedProof:
        """The same one, seen."""
        made = cls.__new__(cls)
        made.__dict__.update(inner.__dict__, tracing=tracing)
        return made

    async def prove(self, diagnosis: Diagnosis, engine: str | None = None, **more: Any) -> Proven:
        """As `Proof.prove`."""
        with self.tracing.span("prove") as span:
            proven = await super().prove(diagnosis, engine, **more)
            span.add(cause=proven.cause.value, certainty=proven.certainty, engine=proven.engine, route=proven.route)
            return proven
