"""SqlStore: what `ports.Store` promises, on SQLite or PostgreSQL."""

from __future__ import annotations

from bot.store.keeping import KeepingStore
from bot.store.people import PeopleStore
from bot.store.readings import ReadingStore
from bot.store.records import RecordStore
from bot.store.tickets import TicketStore


class SqlStore(PeopleStore, ReadingStore, TicketStore, RecordStore, KeepingStore):
    """Every method is one transaction. Raises StoreError (locked, full, read_only, gone, broken, closed), never with SQL or
    values in it; TypeError where text that comes from outside is no CleanText. `open` raises ConfigError.

    Use one object per process: on SQLite its writes queue in it, and PostgreSQL's pool is in it.
    """
