"""`POST /v1/errors` and Alertmanager's webhook over real HTTP: who may, how much, what is answered, what becomes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import StoreError
from bot.inlets import programs as module
from bot.inlets.programs import BadBody, Programs
from bot.model.chat import CleanText, Found
from bot.model.engine import KeyRef
from bot.model.handoff import Ticket
from bot.model.team import Reporter
from bot.redaction.gate import Gate
from bot.server import Server
from bot.services.reports import Reports
from tests.conftest import FixedClock, made_up
from tests.diagnose_room import BOB, Room, deepseek, room

EMPTY = "Error code: 402 - {'error': {'message': 'Insufficient Balance', 'type': 'unknown_error'}}"


@dataclass
class Door:
    room: Room
    programs: Programs
    server: Server
    client: aiohttp.ClientSession
    token: str
    heard: list[tuple[str, str]] = field(default_factory=list)

    async def post(self, path: str, body: Any = None, *, token: str | None = None, **more: Any) -> tuple[int, Any, Any]:
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"} if token != "" else {}
        what = {"data": body} if isinstance(body, bytes) else {"json": body}
        url = f"http://127.0.0.1:{self.server.port}{path}"
        async with self.client.post(url, headers=headers, **what, **more) as answer:
            return answer.status, await answer.json(), answer.headers

    async def tickets(self) -> list[Ticket]:
        return await self.room.services.escalation.list()


@pytest.fixture
async def door(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Door]:
    async with room(tmp_path, clock) as made:
        made.route("deepseek", "deepseek", deepseek("0"))
        made.engine("query", "deepseek")
        token = made_up("", 40)
        made.environ |= {"YUQING_TOKEN": token, "SHORT_TOKEN": "short"}
        s = made.services
        reports = Reports(s.team, s.diagnosis, s.proof, s.escalation, made.store, clock)
        reporters = {
            "yuqing": Reporter("yuqing", KeyRef(env="YUQING_TOKEN"), "query", 3),
            "short": Reporter("short", KeyRef(env="SHORT_TOKEN")),
            "unset": Reporter("unset", KeyRef(env="NO_SUCH_TOKEN")),
        }
        heard: list[tuple[str, str]] = []

        def clean(raw: str) -> tuple[CleanText, Found]:
            cleaned = made.gate.clean(raw)
            return cleaned.text, cleaned.found

        programs = Programs(reporters, s.team.engines, s.keys, reports, clean, clock, lambda *what: heard.append(what))
        posts = {"/v1/errors": programs.errors, "/v1/alertmanager": programs.alertmanager}
        server = Server("127.0.0.1", 0, posts=posts)
        await server.start()
        async with aiohttp.ClientSession() as client:
            yield Door(made, programs, server, client, token, heard)
        await server.stop()


async def test_an_error_opens_a_ticket_and_the_same_again_joins_it(door: Door) -> None:
    key = made_up("sk-", 40)
    status, answer, _ = await door.post("/v1/errors", {"text": f"{EMPTY} {key}", "time": "2026-11-22T10:00:00+08:00"})
    assert status == 202
    assert answer == {"verdict": 1, "cause": "balance_exhausted", "engine": "query", "ticket": 1, "new": True}
    (ticket,) = await door.tickets()
    assert ticket.opened_by.name == "quotadesk (yuqing)"
    assert {e.name: e.value.text for e in ticket.evidence}["time"] == "2026-11-22T02:00:00+00:00"
    assert key not in repr(await door.room.store.ticket(1))
    door.room.clock.move(61)
    _, again, _ = await door.post("/v1/errors", {"text": EMPTY, "engine": "QueryEngine"})
    assert (again["ticket"], again["new"]) == (1, False)
    await door.room.ask(f"QueryEngine: {EMPTY}", by=BOB)
    assert [t.count for t in await door.tickets()] == [3]


async def test_a_list_is_answered_in_order(door: Door) -> None:
    body = [
        {"text": EMPTY},
        {"text": "hello there"},
        {"text": "{'error': {'message': 'zork 17 happened'}}"},
        {"text": EMPTY},
    ]
    status, answer, _ = await door.post("/v1/errors", body)
    assert status == 202
    first, unknown, other, same = answer["results"]
    assert first["new"]
    assert unknown == {"verdict": 2, "cause": "unknown", "engine": "query", "ticket": None, "new": False}
    assert (other["verdict"], other["ticket"]) == (3, None)
    assert same == {**first, "new": False}


@pytest.mark.parametrize("token", ["", "wrong", "short", "x" * 5000, "tökén"])
async def test_without_a_known_token_nothing_is_read(door: Door, token: str) -> None:
    for path in ("/v1/errors", "/v1/alertmanager"):
        status, answer, headers = await door.post(path, b"{", token=token)
        assert status == 401
        assert headers["WWW-Authenticate"] == "Bearer"
        assert "Authorization: Bearer" in answer["error"]
    assert {result for _, result in door.heard} == {"refused"}


async def test_a_changed_token_counts_at_once(door: Door) -> None:
    other = made_up("", 40)
    door.room.environ["YUQING_TOKEN"] = other
    assert (await door.post("/v1/errors", {"text": EMPTY}))[0] == 401
    assert (await door.post("/v1/errors", {"text": EMPTY}, token=other))[0] == 202


async def test_the_rate_is_bounded_and_says_when_to_come_again(door: Door) -> None:
    seen = [(await door.post("/v1/errors", {"text": "hello"}))[0] for _ in range(3)]
    assert seen == [202, 202, 202]
    status, answer, headers = await door.post("/v1/alertmanager", {"version": "4", "alerts": []})
    assert (status, headers["Retry-After"]) == (429, "20")
    assert "3 requests a minute" in answer["error"]
    door.room.clock.move(20)
    assert (await door.post("/v1/errors", {"text": "hello"}))[0] == 202
    assert (await door.post("/v1/errors", {"text": "hello"}))[0] == 429


async def test_a_large_body_is_refused_announced_or_not(door: Door) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(module.BODY_MOST // 10_000 + 2):
            yield b"x" * 10_000

    status, answer, _ = await door.post("/v1/errors", b"x" * (module.BODY_MOST + 1))
    assert status == 413
    assert str(module.BODY_MOST) in answer["error"]
    headers = {"Authorization": f"Bearer {door.token}"}
    url = f"http://127.0.0.1:{door.server.port}/v1/errors"
    async with door.client.post(url, data=pieces(), headers=headers) as unannounced:
        assert unannounced.status == 413


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe{", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'"text"', 'like {"text"'),
        (b"[]", "1 to 100"),
        (b"[1]", "An error is an object"),
        (b"{}", '"text"'),
        (b'{"text": 1}', '"text"'),
        (b'{"text": " "}', '"text"'),
        (b'{"text": "x", "engine": "nobody"}', "Known: query"),
        (b'{"text": "x", "engine": []}', '"engine"'),
        (b'{"text": "x", "time": "yesterday"}', '"time"'),
        (b'{"text": "x", "time": "2026-11-22T10:00:00"}', '"time"'),
        (b'{"text": "x", "time": 1e300}', '"time"'),
        (b'[{"text": "x"}, {"text": ""}]', "item 1"),
    ],
)
async def test_a_wrong_body_is_told_what_is_wrong(door: Door, body: bytes, says: str) -> None:
    status, answer, _ = await door.post("/v1/errors", body)
    assert status == 400
    assert says in answer["error"]
    assert answer["error"].endswith(".")
    assert door.heard == [("errors", "bad")]


async def test_what_could_not_be_kept_is_to_be_sent_again(door: Door) -> None:
    class Locked:
        async def take(self, reports: object) -> object:
            raise StoreError("locked")

    door.programs._intake = Locked()  # type: ignore[assignment]
    status, answer, headers = await door.post("/v1/errors", {"text": EMPTY})
    assert (status, headers["Retry-After"]) == (503, "5")
    assert "send it again" in answer["error"]


# --- Alertmanager


def notification(status: str = "firing", *, fingerprint: str = "a1b2c3d4e5f60718", **more: Any) -> dict[str, Any]:
    """As Alertmanager sends it: version 4 of its webhook."""
    labels = {"alertname": "QueryEngineErrors", "severity": "warning", "job": "yuqing", "engine": "query"}
    alert = {
        "status": status,
        "labels": {**labels, **more.pop("labels", {})},
        "annotations": {"summary": "QueryEngine answers with errors", "description": EMPTY, **more.pop("notes", {})},
        "startsAt": more.pop("starts", "2026-11-22T02:00:00.000Z"),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": fingerprint,
    }
    return {"version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": status, "receiver": "quotadesk", "groupLabels": {},
            "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://alertmanager.example", "alerts": [alert]}  # fmt: skip


async def alert(door: Door, *args: Any, **more: Any) -> int | None:
    door.room.clock.move(61)
    status, answer, _ = await door.post("/v1/alertmanager", notification(*args, **more))
    assert status == 202
    return answer["results"][0]["ticket"]


async def test_an_alert_fires_is_repeated_and_ends(door: Door) -> None:
    assert await alert(door) == 1
    assert await alert(door) == 1
    (ticket,) = await door.tickets()
    assert (ticket.engine, ticket.cause, ticket.count, ticket.urgency) == ("query", "balance_exhausted", 1, "note")
    assert ticket.opened_by.name == "quotadesk (Alertmanager)"
    assert await alert(door, "resolved") == 1
    assert await door.tickets() == []
    assert await alert(door, "resolved") is None  # told twice
    assert await alert(door, starts="2026-11-22T05:00:00Z") == 2


async def test_a_ticket_ends_with_its_last_alert(door: Door) -> None:
    assert await alert(door) == 1
    assert await alert(door, fingerprint="ffff000011112222") == 1
    assert [t.count for t in await door.tickets()] == [2]
    await alert(door, "resolved")
    assert len(await door.tickets()) == 1
    await alert(door, "resolved", fingerprint="ffff000011112222")
    assert await door.tickets() == []


async def test_a_persons_ticket_is_not_closed_by_a_machine(door: Door) -> None:
    s = door.room.services
    diagnosis = s.diagnosis.explain(door.room.gate.clean(f"QueryEngine: {EMPTY}").text)
    proven = await s.proof.prove(diagnosis, "query")
    ticket, _ = await s.escalation.open(asker=BOB, language="en", diagnosis=diagnosis, proven=proven)
    assert await alert(door) == ticket.id
    await alert(door, "resolved")
    assert [t.id for t in await door.tickets()] == [ticket.id]


async def test_an_alert_of_anything_else_has_its_name_and_calls_when_critical(door: Door) -> None:
    more = {"labels": {"alertname": "DiskFull", "severity": "critical", "engine": ""}, "notes": {"summary": "Disk full on db-1", "description": "", "message": ""}}  # fmt: skip
    door.programs._reporters["yuqing"] = Reporter("yuqing", KeyRef(env="YUQING_TOKEN"), None, 60)  # type: ignore[index]
    assert await alert(door, **more) == 1
    assert await alert(door, fingerprint="1", **{**more, "labels": {**more["labels"], "alertname": "Other"}, "notes": {**more["notes"], "summary": "Another thing"}}) == 2  # fmt: skip
    first = (await door.tickets())[-1]
    assert (first.cause, first.urgency, first.capability.text) == ("unknown", "page", "DiskFull")
    assert "Disk full on db-1" in first.symptom.text


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "Alertmanager"),
        ({"version": "4"}, "Alertmanager"),
        ({"version": "3", "alerts": []}, '"4"'),
        ({"version": "4", "alerts": [{}]}, '"status"'),
        ({"version": "4", "alerts": [{"status": "firing"}]}, '"fingerprint"'),
        ({"version": "4", "alerts": [{}] * 201}, "max_alerts"),
    ],
)
async def test_another_notification_is_told_what_is_wrong(door: Door, body: Any, says: str) -> None:
    status, answer, _ = await door.post("/v1/alertmanager", body)
    assert status == 400
    assert says in answer["error"]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.sampled_from(["4", "firing", "resolved"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["text", "engine", "time", "version", "alerts", "status", "labels", "annotations", "fingerprint", "startsAt"]),
        inner,
        max_size=6,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=JSON)
def test_any_json_is_taken_or_refused_in_a_sentence(body: Any) -> None:
    clock = FixedClock()
    gate = Gate(b"tests")
    found = Found()
    programs = Programs({}, {}, None, None, lambda raw: (gate.clean(raw).text, found), clock)  # type: ignore[arg-type]
    who = Reporter("yuqing", None)
    for read in (programs._items, programs._alerts):
        said = "."
        try:
            assert isinstance(read(body, who), list)
        except BadBody as fault:
            said = str(fault)
        assert said.endswith(".")
