"""The vulnerability audit, against a make-believe OSV: what it asks, what it says, how it ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from deploy import audit


class Osv:
    """`answer`: what every question gets; None for a 500."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.bad: dict[str, list[str]] = {}
        self.body: bytes | None = None
        osv = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
                osv.asked = asked
                results = [{"vulns": [{"id": i} for i in osv.bad[q["package"]["name"]]]} if q["package"]["name"] in osv.bad else {} for q in asked]  # fmt: skip
                body = json.dumps({"results": results}).encode() if osv.body is None else osv.body
                self.send_response(500 if osv.body == b"500" else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def osv(monkeypatch: pytest.MonkeyPatch) -> Iterator[Osv]:
    made = Osv()
    monkeypatch.setenv("OSV_URL", f"http://127.0.0.1:{made.server.server_port}")
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_every_locked_version_is_asked_and_nothing_else_is_sent(osv: Osv, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main() == 0
    assert len(osv.asked) == len(audit.locked()) > 50
    assert {"package": {"ecosystem": "PyPI", "name": "aiohttp"}} .items() <= next(
        q for q in osv.asked if q["package"]["name"] == "aiohttp"
    ).items()  # fmt: skip
    assert all(set(q) == {"package", "version"} for q in osv.asked)
    assert "0 known vulnerabilities" in capsys.readouterr().out


def test_a_known_vulnerability_fails_and_is_named(osv: Osv, capsys: pytest.CaptureFixture[str]) -> None:
    osv.bad = {"aiohttp": ["GHSA-aaaa-bbbb-cccc"]}
    assert audit.main() == 1
    said = capsys.readouterr().out
    assert "aiohttp" in said
    assert "https://osv.dev/vulnerability/GHSA-aaaa-bbbb-cccc" in said


@pytest.mark.parametrize("body", [b"500", b"<html>", b"{}", b'{"results": []}'])
def test_without_a_usable_answer_it_says_that_nothing_was_checked(
    osv: Osv, capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    osv.body = body
    assert audit.main() == 0
    assert "NOT CHECKED" in capsys.readouterr().out


def test_an_unreachable_service_is_said_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OSV_URL", "http://127.0.0.1:9")
    assert audit.main() == 0
    assert "NOT CHECKED" in capsys.readouterr().out


def test_what_is_accepted_has_a_reason() -> None:
    assert all(len(reason) > 20 for reason in audit.ACCEPTED.values())
