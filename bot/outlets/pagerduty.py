"""PagerDuty Events API v2: trigger, acknowledge and resolve, joined by one dedup key. Source: its developer reference, read 2026-11."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from bot.errors import DeliveryError, ProviderError
from bot.locales import Words, notes
from bot.model.handoff import Page, Ticket
from bot.model.team import Secret, Team
from bot.ports import Call, Http

_TIMEOUT_S = 10.0


class PagerDuty:
    """`url`: PAGERDUTY_EVENTS_URL. The routing key rides in the body only and is in no error."""

    name = "pagerduty"

    def __init__(self, http: Http, key: Secret, url: str, team: Team) -> None:
        self._http, self._key, self._url, self._team = http, key, url, team
        # Two teams that share one PagerDuty service have tickets of the same number.
        self._mark = hashlib.sha256(f"{team.support.owner}|{','.join(team.engines)}".encode()).hexdigest()[:8]

    def dedup_key(self, ticket: Ticket) -> str:
        """At most 255 characters. The opening time tells a ticket from one of the same number in a newer database."""
        return f"quotadesk-{ticket.id}-{self._mark}-{int(ticket.opened_at.timestamp())}"

    async def trigger(self, ticket: Ticket, page: Page, now: datetime) -> None:
        words = Words(self._team.language, self._team.timezone)
        fields = notes.fields(ticket, words, now)
        severity = "info" if ticket.drill else "critical" if ticket.urgency == "page" else "warning"
        payload: dict[str, Any] = {
            "summary": notes.title(ticket, words, self._team)[:1024],
            "source": "quotadesk",
            "severity": severity,
            "timestamp": ticket.opened_at.isoformat(),
            "component": ticket.engine or "",
            "class": ticket.cause,
            "custom_details": {words.say(f"note.fields.{name}"): value[:1000] for name, value in fields.items()},
        }
        await self._send({"event_action": "trigger", "dedup_key": self.dedup_key(ticket), "payload": payload})

    async def acknowledge(self, ticket: Ticket) -> None:
        await self._send({"event_action": "acknowledge", "dedup_key": self.dedup_key(ticket)})

    async def resolve(self, ticket: Ticket) -> None:
        await self._send({"event_action": "resolve", "dedup_key": self.dedup_key(ticket)})

    async def _send(self, event: dict[str, Any]) -> None:
        body = {"routing_key": self._key.reveal(), **event}
        try:
            answer = await self._http.ask(Call("POST", self._url, json=body, timeout_s=_TIMEOUT_S))
        except ProviderError as fault:
            # The dedup key makes a repeat harmless, so an answer that was lost needs no mark.
            raise DeliveryError(f"pagerduty_{fault.reason}") from None
        if answer.status == 429:
            raise DeliveryError("rate_limited", retry_after_s=_seconds(answer.headers.get("retry-after")))
        if answer.status >= 500:
            raise DeliveryError(f"pagerduty_http_{answer.status}")
        if answer.status >= 300:
            raise DeliveryError(f"pagerduty_http_{answer.status}", final=True)


def _seconds(text: str | None) -> float:
    try:
        return min(max(float(text or ""), 1.0), 300.0)
    except ValueError:
        return 30.0
