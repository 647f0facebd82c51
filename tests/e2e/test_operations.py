"""One running bot: a log line becomes a ticket in both chats, programs report, Alertmanager's alert comes and goes, and what the
dashboard and the alert rules ask of /metrics is there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.harness import BOB, SUPPORT, Scene, scene

ROOT = Path(__file__).resolve().parent.parent.parent
EMPTY = "Error code: 402 - {'error': {'message': 'Insufficient Balance', 'type': 'unknown_error', 'param': None, 'code': 'invalid_request_error'}}"
FISH = (
    f"[09:15:09] 2026-11-22 09:15:09.530 | ERROR    | QueryEngine.llms.base:stream_invoke:130 - 流式请求失败: {EMPTY}"
)
# Series that only come into being when something goes wrong.
WHEN_IT_HAPPENS = {
    ("quotadesk_requests_total", "result", "none"),
    ("quotadesk_chat_events_total", "event", "undelivered"),
    ("quotadesk_chat_events_total", "event", "gate_changed"),
}
Samples = list[tuple[str, dict[str, str], float]]


def selectors(expression: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Each metric of a query with its matchers; the job is the collector's own label."""
    out = []
    for name, inside in re.findall(r"\b(quotadesk_\w+)\{([^}]*)\}", expression):
        matchers = re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', inside)
        out.append((name, [m for m in matchers if m[0] != "job"]))
    return out


def answered(expression: str, samples: Samples) -> list[str]:
    """The selectors of a query that find nothing on the page."""
    absent = []
    for name, matchers in selectors(expression):
        if any((name, label, value) in WHEN_IT_HAPPENS for label, _, value in matchers):
            continue
        fits = [
            labels
            for sample, labels, _ in samples
            if sample == name and all(re.fullmatch(v if how == "=~" else re.escape(v), labels.get(k, "")) for k, how, v in matchers)
        ]  # fmt: skip
        if not fits:
            absent.append(f"{name}{matchers}")
    grouped = re.findall(r"by \(([\w, ]+)\)", expression)
    names = {label for sample, labels, _ in samples if sample.startswith("quotadesk_") for label in labels} | {"le"}
    return absent + [label for group in grouped for label in group.split(", ") if label not in names]


async def page(client: aiohttp.ClientSession, s: Scene) -> Samples:
    async with client.get(f"{s.bot.url}/metrics") as answer:
        text = await answer.text()
    return [
        (x.name, dict(x.labels), x.value) for family in text_string_to_metric_families(text) for x in family.samples
    ]


def note(s: Scene, part: str) -> dict[str, Any] | None:
    found = [m for m in s.telegram.seen(SUPPORT) if part in str(m.get("text", ""))]
    return found[-1] if found else None


async def test_logs_programs_alerts_and_what_is_measured(tmp_path: Path, make_key: Callable[..., str]) -> None:
    token, planted, log = make_key("", 40), make_key("sk-", 48), tmp_path / "logs" / "query.log"
    log.parent.mkdir()

    def amend(team: str) -> str:
        return f'{team}\n[watch.logs]\nquery = ["{log.parent}/*.log"]\n[reports.yuqing]\nkey_env = "YUQING_TOKEN"\n'

    more = {"YUQING_TOKEN": token}
    async with scene(tmp_path, language="en", amend=amend, more=more) as s, aiohttp.ClientSession() as client:

        async def post(path: str, body: Any, given: str = token) -> tuple[int, Any]:
            url = f"{s.bot.url}{path}"
            async with client.post(url, json=body, headers={"Authorization": f"Bearer {given}"}) as answer:
                return answer.status, await answer.json()

        # The file appears after the start, as a fresh application's does.
        log.write_text(f"{FISH} key={planted}\n", encoding="utf-8")
        in_slack = await s.slack.wait_for(
            lambda m: m.channel == "C0SUPPORT" and "ticket.ack" in " ".join(m.action_ids), 40
        )
        await s.telegram.until(lambda: note(s, "#1"), 20)
        told = note(s, "#1")
        assert told is not None
        assert "quotadesk (query.log)" in told["text"]
        assert "QueryEngine" in told["text"]
        assert "402" in json.dumps(in_slack.blocks)
        status, verdict = await post("/v1/errors", {"text": f"QueryEngine: {EMPTY}"})
        assert (status, verdict["ticket"], verdict["new"]) == (202, 1, False)
        assert (await post("/v1/errors", {"text": "x"}, "wrong" * 8))[0] == 401
        alert = {"status": "firing", "fingerprint": "f1", "labels": {"alertname": "DiskFull", "severity": "warning"},
                 "annotations": {"summary": "Disk full on db-1"}, "startsAt": "2026-11-22T02:00:00Z"}  # fmt: skip
        assert await post("/v1/alertmanager", {"version": "4", "alerts": [alert]}) == (202, {"results": [{"fingerprint": "f1", "ticket": 2}]})  # fmt: skip
        await s.telegram.until(lambda: note(s, "#2"), 20)
        await post("/v1/alertmanager", {"version": "4", "alerts": [{**alert, "status": "resolved"}]})
        await s.telegram.until(
            lambda: "#2" in str((note(s, "#2") or {}).get("text")) and "quotadesk" in str(note(s, "#2")), 20
        )
        await s.telegram.say(BOB, BOB, f"/diagnose QueryEngine {EMPTY} {planted}")
        await s.slack.slash("U0BOB", "C0TEAM", "/balance")

        samples: Samples = []
        boards = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text(encoding="utf-8"))["panels"]
        asked = [target["expr"] for panel in boards for target in panel["targets"]]
        rules = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text(encoding="utf-8"))["groups"]
        asked += [rule["expr"] for group in rules for rule in group["rules"]]

        def absent() -> list[str]:
            return [one for expression in asked for one in answered(expression, samples)]

        for _ in range(60):
            samples = await page(client, s)
            if not absent():
                break
            await s.telegram.until(lambda: True, 1)
            async with client.get(f"{s.bot.url}/readyz"):
                pass
        assert absent() == []
        values = {(name, *sorted(labels.values())): value for name, labels, value in samples}
        assert values["quotadesk_reports_total", "logs", "opened"] == 1
        assert values["quotadesk_reports_total", "errors", "joined"] == 1
        assert values["quotadesk_reports_total", "errors", "refused"] == 1
        assert values["quotadesk_leader", "logs"] == 1
        assert s.leaks([*s.planted(), planted, token]) == []
