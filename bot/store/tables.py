"""The tables, once for both databases. The migrations under migrations/ lead here; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from bot.store.columns import Amount, Clean, Document, Plain, Utc

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


deliveries = Table(
    "deliveries",
    metadata,
    Column("key", Plain, primary_key=True),
    Column("at", Utc, nullable=False, index=True),
)

tokens = Table(
    "tokens",
    metadata,
    Column("token", Plain, primary_key=True),
    Column("kind", Plain, nullable=False),
    Column("payload", Document, nullable=False),
    Column("expires_at", Utc, nullable=False, index=True),
)

facts = Table(
    "facts",
    metadata,
    Column("key", Plain, primary_key=True),
    Column("value", Document, nullable=False),
    Column("at", Utc, nullable=False),
)

profiles = Table(
    "profiles",
    metadata,
    Column("address", Plain, primary_key=True),
    Column("language", Plain),
    Column("timezone", Plain),
    Column("at", Utc, nullable=False),
)

links = Table(  # addresses with the same `person` are one person
    "links",
    metadata,
    Column("address", Plain, primary_key=True),
    Column("person", Plain, nullable=False, index=True),
    Column("at", Utc, nullable=False),
)

readings = Table(
    "readings",
    metadata,
    _id(),
    Column("account", Plain, nullable=False),
    Column("at", Utc, nullable=False),
    Column("kind", Plain, nullable=False),
    Column("amount", Amount),
    Column("currency", Plain),
    Column("used", Amount),
    Column("limit", Amount),
    Column("resets_at", Utc),
    Column("parts", Document, nullable=False),
    Column("unlimited", Boolean, nullable=False),
    Column("label", Plain, nullable=False),
    Column("blocks", Boolean, nullable=False),
    Column("hand_kept_at", Utc),
    Index("ix_readings_account_at", "account", "at"),
    Index("ix_readings_at", "at"),
    sqlite_autoincrement=True,
)

sightings = Table(
    "sightings",
    metadata,
    _id(),
    Column("at", Utc, nullable=False),
    Column("who", Plain, nullable=False),
    Column("engine", Plain),
    Column("cause", Plain, nullable=False),
    Column("account", Plain),
    Column("request_id", Plain),
    Column("text", Clean, nullable=False),
    Column("payload", Document, nullable=False),
    Column("ticket", Integer),
    Index("ix_sightings_at", "at"),
    Index("ix_sightings_engine_at", "engine", "at"),
    Index("ix_sightings_request_id", "request_id"),
    sqlite_autoincrement=True,
)

UNRESOLVED = text("state <> 'resolved'")

tickets = Table(
    "tickets",
    metadata,
    _id(),
    Column("key", Plain, nullable=False),
    Column("state", Plain, nullable=False),
    Column("engine", Plain),
    Column("cause", Plain, nullable=False),
    Column("route", Plain),
    Column("account", Plain),
    Column("urgency", Plain, nullable=False),
    Column("opened_at", Utc, nullable=False),
    Column("opened_by", Plain, nullable=False),
    Column("opened_by_name", Plain, nullable=False),
    Column("owner", Plain, nullable=False),
    Column("environment", Plain, nullable=False),
    Column("capability", Clean, nullable=False),
    Column("last_known_good", Clean, nullable=False),
    Column("symptom", Clean, nullable=False),
    Column("next_review", Utc, nullable=False),
    Column("language", Plain, nullable=False),
    Column("removed", Document, nullable=False),
    Column("facts", Document, nullable=False),
    Column("count", Integer, nullable=False),
    Column("acknowledged_by", Plain),
    Column("acknowledged_by_name", Plain),
    Column("acknowledged_at", Utc),
    Column("resolved_by", Plain),
    Column("resolved_by_name", Plain),
    Column("resolved_at", Utc),
    Column("resolution", Clean),
    Column("drill", Boolean, nullable=False),
    # One open ticket for one trouble, whatever replicas do at the same moment.
    Index("uq_tickets_key_unresolved", "key", unique=True, sqlite_where=UNRESOLVED),
    Index("ix_tickets_state_id", "state", "id"),
    sqlite_autoincrement=True,
)


def _ticket() -> Column[int]:
    return Column("ticket", Integer, ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False)


ticket_evidence = Table(
    "ticket_evidence",
    metadata,
    _id(),
    _ticket(),
    Column("name", Plain, nullable=False),
    Column("value", Clean, nullable=False),
    UniqueConstraint("ticket", "name"),
)

ticket_entries = Table(
    "ticket_entries",
    metadata,
    _id(),
    _ticket(),
    Column("at", Utc, nullable=False),
    Column("who", Plain, nullable=False),
    Column("name", Plain, nullable=False),
    Column("what", Plain, nullable=False),
    Column("detail", Clean),
    Index("ix_ticket_entries_ticket", "ticket"),
)

ticket_messages = Table(
    "ticket_messages",
    metadata,
    _id(),
    _ticket(),
    Column("platform", Plain, nullable=False),
    Column("chat", Plain, nullable=False),
    Column("message", Plain, nullable=False),
    Column("thread", Plain),
    Column("picture", Boolean, nullable=False),
    UniqueConstraint("ticket", "platform", "chat", "message"),
)

ticket_waiting = Table(
    "ticket_waiting",
    metadata,
    _id(),
    _ticket(),
    Column("person", Plain, nullable=False),
    Column("name", Plain, nullable=False),
    Column("language", Plain, nullable=False),
    Column("asked_in", Document),
    UniqueConstraint("ticket", "person"),
)

PENDING = text("state = 'pending'")

steps = Table(
    "steps",
    metadata,
    _id(),
    Column("kind", Plain, nullable=False),
    Column("key", Plain, nullable=False, unique=True),
    Column("due_at", Utc, nullable=False),
    Column("payload", Document, nullable=False),
    Column("state", Plain, nullable=False),  # pending, done, cancelled
    Column("attempts", Integer, nullable=False),
    Column("lease_owner", Plain),
    Column("lease_until", Utc),
    Column("why", Plain, nullable=False),
    Column("finished_at", Utc),
    Column("result", Plain),
    Index("ix_steps_due_at_pending", "due_at", sqlite_where=PENDING),
    Index("ix_steps_finished_at", "finished_at"),
    sqlite_autoincrement=True,
)

leaders = Table(
    "leaders",
    metadata,
    Column("name", Plain, primary_key=True),
    Column("owner", Plain, nullable=False),
    Column("until", Utc, nullable=False),
)

switches = Table(
    "switches",
    metadata,
    _id(),
    Column("at", Utc, nullable=False),
    Column("engine", Plain, nullable=False),
    Column("from_route", Plain),
    Column("to_route", Plain, nullable=False),
    Column("who", Plain, nullable=False),
    Column("state", Plain, nullable=False),
    Column("backup", Plain),
    Column("digest_before", Plain),
    Column("digest_after", Plain),
    Column("detail", Document, nullable=False),
    Index("ix_switches_engine_id", "engine", "id"),
    sqlite_autoincrement=True,
)

audits = Table(
    "audits",
    metadata,
    _id(),
    Column("at", Utc, nullable=False, index=True),
    Column("who", Plain, nullable=False),
    Column("name", Plain, nullable=False),
    Column("what", Plain, nullable=False),
    Column("subject", Plain, nullable=False),
    Column("result", Plain, nullable=False),
    Column("detail", Clean, nullable=False),
    Index("ix_audits_subject_id", "subject", "id"),
    sqlite_autoincrement=True,
)


def name_to_postgresql() -> None:
    """The partial indexes for PostgreSQL as well. Apart, because a table that names a dialect loads it: five megabytes and a
    twentieth of a second at every start on SQLite."""
    for table, name, condition in (
        (tickets, "uq_tickets_key_unresolved", UNRESOLVED),
        (steps, "ix_steps_due_at_pending", PENDING),
    ):
        index = next(index for index in table.indexes if index.name == name)
        index.dialect_kwargs["postgresql_where"] = condition
