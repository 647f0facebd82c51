"""One number from a command to the page it led to: in the logs always, in OpenTelemetry's spans where a collector is named."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import SpanProcessor

from bot import tracing
from bot.model import trace
from bot.model.chat import Place, Request
from bot.model.diagnosis import Diagnosis, Proven
from bot.model.handoff import Ticket
from bot.ports import DueStep
from bot.redaction import logs
from bot.settings import Settings
from handlers.router import Command, Router
from tests.conftest import FixedClock, made_up
from tests.escalation_room import BOB, Room, room


@pytest.fixture
async def desk(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Room]:
    made = await room(tmp_path, clock)
    yield made
    await made.store.close()


class Services:
    """What the router needs of them."""

    def __init__(self, desk: Room) -> None:
        self.store, self.team, self.gate = desk.store, desk.team, desk.gate


def request(desk: Room, command: str = "escalate", text: str = "402") -> Request:
    place = Place("telegram", "1002", private=True)
    clean = desk.gate.trusted(text)
    return Request(command, clean, BOB, place, "en", "UTC", desk.clock.now(), "1")


def opening(desk: Room, opened: list[Ticket]) -> Router:
    async def run(request: Request, services: object) -> AsyncIterator[object]:
        ticket, _ = await desk.open()
        opened.append(ticket)
        if False:
            yield

    return Router(Services(desk), {"escalate": Command("escalate", run)})  # type: ignore[arg-type]


async def test_the_number_of_a_command_stands_on_ticket_steps_and_log_lines(desk: Room) -> None:
    before = (logging.getLogger().handlers[:], logging.getLogger().level, sys.excepthook)
    written = io.StringIO()
    logs.install(desk.gate, "INFO", "json", written)
    try:
        opened: list[Ticket] = []
        router = opening(desk, opened)
        _ = [reply async for reply in router.answer(request(desk))]
        assert trace.current() == ""
        await desk.due()
        await desk.due(601)  # the next person is called by a step of a step
    finally:
        logging.getLogger().handlers[:] = before[0]
        logging.getLogger().setLevel(before[1])
        sys.excepthook = before[2]
    rows = [json.loads(line) for line in written.getvalue().splitlines()]
    number = (await desk.whole(opened[0].id)).facts["trace"]
    mine = [row["event"] for row in rows if row.get("trace") == number]
    assert len(number) == 8
    assert any("opened: balance_exhausted" in event for event in mine)
    assert any(":page:" in event for event in mine)
    assert sum("slack:U0ALICE" in event for event in mine) >= 1
    assert any("telegram:2002" in event for event in mine), mine


async def test_a_line_for_people_ends_with_the_number(desk: Room) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.CleanFormatter(desk.gate))
    handler.addFilter(logs.GateFilter(desk.gate))
    logger = logging.getLogger("quotadesk.test")
    logger.addHandler(handler)
    before = trace.enter("0123abcd")
    try:
        logger.warning("something")
        trace.enter("no number; drop table")
        logger.warning("other")
    finally:
        trace.enter(before)
        logger.removeHandler(handler)
    first, second = written.getvalue().splitlines()
    assert first.endswith("something trace=0123abcd")
    assert second.endswith("other")


class Collector:
    """OTLP over HTTP, as a collector takes it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []

    async def take(self, request: web.Request) -> web.Response:
        assert request.path == "/v1/traces"
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        return web.Response(body=b"", content_type="application/x-protobuf")

    def spans(self) -> list[tuple[str, str, str, str, dict[str, object]]]:
        """Name, trace id, span id, parent, attributes."""
        out = []
        for body in self.bodies:
            for each in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in each.scope_spans:
                    for s in scope.spans:
                        values = {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in s.attributes}
                        out.append((s.name, s.trace_id.hex(), s.span_id.hex(), s.parent_span_id.hex(), values))
        return out


async def test_spans_of_a_command_reach_a_collector_without_a_word_of_it(desk: Room) -> None:
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    token, key = made_up("tok", 30), made_up("sk-", 40)
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        otel_exporter_otlp_endpoint=f"http://127.0.0.1:{runner.addresses[0][1]}",
        otel_exporter_otlp_headers=f"Authorization=Bearer {token}",
    )
    started = tracing.start(settings, "one")
    desk.runner.around = started.delivery
    opened: list[Ticket] = []
    answers = started.answers(opening(desk, opened), {"escalate"})
    _ = [reply async for reply in answers.answer(request(desk, text=f"my key {key} in words"))]
    await desk.due()
    await started.stop()
    await runner.cleanup()
    spans = collector.spans()
    (command,) = [s for s in spans if s[0] == "command"]
    delivered = [s for s in spans if s[0] == "deliver"]
    number = (await desk.whole(opened[0].id)).facts["trace"]
    assert command[3] == ""
    assert command[4] == {"platform": "telegram", "command": "escalate", "trace": number, "result": "none"}
    assert {s[4]["kind"] for s in delivered} >= {"note", "page", "escalate"}
    assert {(s[1], s[3]) for s in delivered} == {(command[1], command[2])}
    assert all(set(s[4]) <= tracing.ALLOWED for s in spans)
    assert collector.headers[0]["Authorization"] == f"Bearer {token}"
    everything = b"".join(collector.bodies)
    for secret in (key, token, "words", BOB.id, "U0ALICE", "Insufficient"):
        assert secret.encode() not in everything, secret


def test_attributes_are_machine_words_of_an_allow_list() -> None:
    given = {
        "cause": "rate_limited", "status": 429, "confidence": 0.9, "text": "x", "provider": "two words", "gateway": "", "engine": None,
        "route": "x" * 81, "signature": "a\nb", "person": "slack:U1", "platform": ["slack"],
    }  # fmt: skip
    assert tracing.allowed(given) == {"cause": "rate_limited", "status": 429, "confidence": 0.9}


async def test_diagnosis_and_proof_are_spans_of_the_same_trace(desk: Room) -> None:
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from bot.services.proof import Proof
    from tests.diagnose_room import diagnoser

    kept = InMemorySpanExporter()
    started = tracing.Tracing(SimpleSpanProcessor(kept), "one")
    explaining = tracing.TracedDiagnoser.of(diagnoser(), started)  # type: ignore[arg-type]

    class Known(Proof):
        async def prove(self, diagnosis: Diagnosis, engine: str | None = None, **more: object) -> Proven:
            return desk.proven()

    class Seen(tracing.TracedProof, Known): ...

    proof = Seen.of(Known(desk.team, None, desk.store, desk.clock), started)  # type: ignore[arg-type]
    before = trace.enter("0123abcd")
    found = explaining.explain(desk.gate.trusted("Error code: 402 - {'error': {'message': 'Insufficient Balance'}}"))
    await proof.prove(found)
    with pytest.raises(ValueError), started.delivery(DueStep(1, "note", "k", desk.clock.now(), {"ticket": 7})):
        raise ValueError("with a detail")
    trace.enter(before)
    await started.stop()
    diagnosed, proved, failed = kept.get_finished_spans()
    assert diagnosed.attributes["cause"] == "balance_exhausted"
    assert diagnosed.attributes["status"] == 402
    assert proved.attributes["certainty"] == "proved"
    assert {s.context.trace_id for s in (diagnosed, proved, failed)} == {tracing._ids_of("0123abcd")[0]}
    assert (failed.status.description, failed.events) == ("ValueError", ())
    assert diagnoser().explain is not None  # the shared one stays as it was


def test_nothing_of_it_is_imported_when_it_is_off() -> None:
    code = "import sys, bot.app, bot.faces; print([m for m in sys.modules if m.startswith(('opentelemetry', 'bot.tracing'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_a_collector_that_does_not_answer_holds_nothing_up() -> None:
    answers = threading.Event()

    class Hanging(SpanProcessor):
        def shutdown(self) -> None:
            answers.wait(60)

    started = tracing.Tracing(Hanging(), "one")
    await started.stop(wait_s=0.01)
    assert not answers.is_set()
    answers.set()
