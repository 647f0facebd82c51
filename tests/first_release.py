"""A database as the first release left it: its schema by revision 0001 alone, and rows of every table as it wrote them.

Nothing here uses today's tables: what was written then has to be read by every later version.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, DateTime, MetaData, text

from bot.store import upgrade
from bot.store.core import create_async_engine

AT = datetime(2026, 11, 22, 2, 42, tzinfo=UTC)
HOUR = timedelta(hours=1)

TICKET: dict[str, Any] = {
    "id": 7, "key": "query|balance_exhausted|deepseek", "state": "acknowledged", "engine": "query", "cause": "balance_exhausted",
    "route": "deepseek", "account": "deepseek", "urgency": "page", "opened_at": AT, "opened_by": "telegram:1002", "opened_by_name": "Bob",
    "owner": "platform team", "environment": "production", "capability": "QueryEngine · deepseek-reasoner", "last_known_good": "-",
    "symptom": "402 Insufficient Balance", "next_review": AT + 4 * HOUR, "language": "zh", "removed": json.dumps({"openai_key": 1}),
    "facts": json.dumps({"says": "Insufficient Balance", "certainty": "proved", "seen": 3, "oncall": ["slack:U0ALICE"], "good": {}}),
    "count": 3, "acknowledged_by": "slack:U0ALICE", "acknowledged_by_name": "Alice", "acknowledged_at": AT + HOUR, "resolved_by": None,
    "resolved_by_name": None, "resolved_at": None, "resolution": None, "drill": False,
}  # fmt: skip
OLD_TICKET: dict[str, Any] = {
    **TICKET, "id": 3, "key": "media|auth_invalid|relay", "state": "resolved", "engine": "media", "cause": "auth_invalid", "resolved_by": "terminal:quotadesk",
    "resolved_by_name": "quotadesk", "resolved_at": AT - 2 * HOUR, "resolution": "new key", "opened_at": AT - 9 * HOUR,
}  # fmt: skip
ROWS: dict[str, list[dict[str, Any]]] = {
    "audits": [{"id": 1, "at": AT, "who": "slack:U0ADMIN", "name": "Ada", "what": "switch", "subject": "query", "result": "done", "detail": "deepseek → relay"}],
    "deliveries": [{"key": "slack:Ev1", "at": AT}],
    "facts": [{"key": "watch:seen", "value": json.dumps({"deepseek": {"looked": AT.isoformat()}}), "at": AT}],
    "leaders": [{"name": "watch", "owner": "host-1", "until": AT}],
    "links": [{"address": "slack:U0ALICE", "person": "p1", "at": AT}, {"address": "telegram:2002", "person": "p1", "at": AT}],
    "profiles": [{"address": "slack:U0ALICE", "language": "zh", "timezone": "Asia/Shanghai", "at": AT}],
    "readings": [
        {"id": 1, "account": "deepseek", "at": AT, "kind": "account_money", "amount": "12.30", "currency": "CNY", "used": None, "limit": None,
         "resets_at": None, "parts": json.dumps({"paid": "10.00", "granted": "2.30"}), "unlimited": False, "label": "", "blocks": False, "hand_kept_at": None},
        {"id": 2, "account": "kimi", "at": AT, "kind": "window_quota", "amount": "40", "currency": None, "used": "60", "limit": "100",
         "resets_at": AT + HOUR, "parts": "{}", "unlimited": False, "label": "5h", "blocks": False, "hand_kept_at": None},
    ],
    "sightings": [{"id": 5, "at": AT, "who": "telegram:1002", "engine": "query", "cause": "balance_exhausted", "account": "deepseek",
                   "request_id": "req-1", "text": "402 Insufficient Balance", "payload": json.dumps({"mark": "deepseek|x"}), "ticket": 7}],
    "steps": [
        {"id": 1, "kind": "review", "key": "ticket:7:review:x", "due_at": AT + 4 * HOUR, "payload": json.dumps({"ticket": 7, "at": AT.isoformat(), "lane": "self"}),
         "state": "pending", "attempts": 0, "lease_owner": None, "lease_until": None, "why": "", "finished_at": None, "result": None},
        {"id": 2, "kind": "note", "key": "ticket:7:note:slack:C0SUPPORT", "due_at": AT, "payload": json.dumps({"ticket": 7, "at": AT.isoformat(), "place": "slack:C0SUPPORT"}),
         "state": "done", "attempts": 1, "lease_owner": "host-1", "lease_until": AT, "why": "", "finished_at": AT, "result": "done"},
    ],
    "switches": [{"id": 2, "at": AT, "engine": "query", "from_route": "deepseek", "to_route": "relay", "who": "slack:U0ADMIN", "state": "done",
                  "backup": "app.env.1", "digest_before": "aa", "digest_after": "bb", "detail": json.dumps({"verified": True})}],
    "tickets": [OLD_TICKET, TICKET],
    "tokens": [{"token": "abcdefghijklmnop", "kind": "confirm", "payload": json.dumps({"engine": "query"}), "expires_at": AT + HOUR}],
    "ticket_entries": [
        {"id": 1, "ticket": 7, "at": AT, "who": "telegram:1002", "name": "Bob", "what": "opened", "detail": None},
        {"id": 2, "ticket": 7, "at": AT + HOUR, "who": "slack:U0ALICE", "name": "Alice", "what": "acknowledged", "detail": "on it"},
    ],
    "ticket_evidence": [{"id": 1, "ticket": 7, "name": "status", "value": "402"}],
    "ticket_messages": [{"id": 1, "ticket": 7, "platform": "slack", "chat": "C0SUPPORT", "message": "1.1", "thread": None, "picture": False}],
    "ticket_waiting": [{"id": 1, "ticket": 7, "person": "telegram:1002", "name": "Bob", "language": "zh",
                        "asked_in": json.dumps({"platform": "telegram", "chat": "1002", "message": "77", "thread": None, "picture": False})}],
}  # fmt: skip


async def write(url: str) -> dict[str, set[str]]:
    """An empty database becomes the first release's. Returns its tables with their columns."""
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(_write)
    finally:
        await engine.dispose()


def _write(connection: Connection) -> dict[str, set[str]]:
    config = Config()
    config.set_main_option("script_location", str(Path(upgrade.__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")
    schema = MetaData()
    schema.reflect(connection)
    plain = connection.dialect.name == "sqlite"  # keeps times without their zone, in UTC
    for table in schema.sorted_tables:
        for row in ROWS.get(table.name, []):
            times = {c.name for c in table.c if isinstance(c.type, DateTime)}
            values = {
                k: v.replace(tzinfo=None) if plain and k in times and v is not None else v for k, v in row.items()
            }
            connection.execute(table.insert().values(values))
        if not plain and "id" in table.c and table.name in ROWS:  # as if the numbers had been drawn
            connection.execute(
                text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), (SELECT max(id) FROM {table.name}))")
            )
    return {table.name: {column.name for column in table.c} for table in schema.sorted_tables}
