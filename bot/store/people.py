"""Delivery ids, button tokens, small facts, and what people chose."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from time import monotonic
from typing import Any

from sqlalchemy import bindparam, delete, func, literal, select, text, union_all, update
from sqlalchemy.sql.elements import TextClause

from bot import ports
from bot.ports import Profile
from bot.store import tables
from bot.store.columns import Plain, Utc
from bot.store.core import AsyncConnection
from bot.store.database import Database

_KEEP = timedelta(hours=48)
_SWEEP_EVERY = timedelta(minutes=10)


_MOST_AT_ONCE = 100
_PROFILE_S = 1.0

# Asked for every command, so built once: an own address with what it chose, and the other addresses of the same person.
_WHO = bindparam("who", type_=Plain())
_SAME = select(tables.links.c.person).where(tables.links.c.address == _WHO).scalar_subquery()
_CHOSEN = (tables.profiles.c.language, tables.profiles.c.timezone, tables.profiles.c.at)
_PROFILE = union_all(
    select(tables.profiles.c.address, *_CHOSEN, literal(0).label("linked")).where(tables.profiles.c.address == _WHO),
    select(tables.links.c.address, *_CHOSEN, literal(1))
    .select_from(tables.links.outerjoin(tables.profiles, tables.profiles.c.address == tables.links.c.address))
    .where(tables.links.c.person == _SAME, tables.links.c.address != _WHO),
)


@lru_cache(maxsize=_MOST_AT_ONCE)
def _new_keys(count: int) -> TextClause:
    """An INSERT of several rows as text: SQLAlchemy builds such a statement anew each time."""
    rows = ", ".join(f"(:key{i}, :at{i})" for i in range(count))
    types = [bindparam(f"{n}{i}", type_=t) for i in range(count) for n, t in (("key", Plain()), ("at", Utc()))]
    statement = f"INSERT INTO deliveries (key, at) VALUES {rows} ON CONFLICT DO NOTHING RETURNING key"  # noqa: S608 names of parameters
    return text(statement).bindparams(*types)


class PeopleStore(Database):
    """Deliveries, tokens, facts, profiles and links. Implements that part of `bot.ports.Store`."""

    _swept_at: datetime | None = None
    _keys: list[tuple[str, datetime, asyncio.Future[bool]]]
    _keeper: asyncio.Task[None] | None = None
    _profile_changes = 0

    def __init__(self, url: str, gate: ports.Gate, *, busy_timeout_s: float = 5) -> None:
        super().__init__(url, gate, busy_timeout_s=busy_timeout_s)
        # One command asks three times who its writer is: for the language, for the rights, for the answer.
        self._profiles: dict[str, tuple[float, Profile]] = {}

    async def first_time(self, key: str, at: datetime) -> bool:
        """True once per key (kept 48 h), across restarts and replicas. Those that are asked at the same moment share one
        transaction."""
        if self._keeper is None or self._keeper.done():
            self._keys = []
            self._keeper = asyncio.create_task(self._keep_keys(), name="delivery ids")
        asked: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._keys.append((key, at, asked))
        return await asked

    async def _keep_keys(self) -> None:
        await asyncio.sleep(0)
        while self._keys:
            asked, self._keys = self._keys[:_MOST_AT_ONCE], self._keys[_MOST_AT_ONCE:]
            try:
                new = await self._new_keys([(key, at) for key, at, _ in asked])
            except Exception as fault:
                for _, _, waiting in asked:
                    if not waiting.done():
                        waiting.set_exception(fault)
                continue
            for key, _, waiting in asked:
                first = key in new
                new.discard(key)
                if not waiting.done():
                    waiting.set_result(first)

    async def _new_keys(self, asked: Sequence[tuple[str, datetime]]) -> set[str]:
        rows = [{"key": key, "at": at} for key, at in dict(asked).items()]
        async with self.write(durable=False) as db:
            await self._sweep(db, rows[-1]["at"])  # type: ignore[arg-type]
            found = await db.execute(
                _new_keys(len(rows)), {f"{n}{i}": row[n] for i, row in enumerate(rows) for n in ("key", "at")}
            )
            return set(found.scalars())

    async def _sweep(self, db: AsyncConnection, at: datetime) -> None:
        if self._swept_at is not None and at - self._swept_at < _SWEEP_EVERY:
            return
        self._swept_at = at
        await db.execute(delete(tables.deliveries).where(tables.deliveries.c.at < at - _KEEP))
        await db.execute(delete(tables.tokens).where(tables.tokens.c.expires_at < at - _KEEP))

    # --- tokens

    async def put_token(self, kind: str, payload: Mapping[str, Any], expires_at: datetime) -> str:
        """A token of 16 URL-safe characters."""
        token = secrets.token_urlsafe(12)
        async with self.write(durable=False) as db:
            await db.execute(
                self.insert(tables.tokens).values(token=token, kind=kind, payload=dict(payload), expires_at=expires_at)
            )
        return token

    async def peek_token(self, kind: str, token: str, at: datetime) -> Mapping[str, Any] | None:
        table = tables.tokens.c
        async with self.read() as db:
            row = await db.execute(
                select(table.payload).where(table.token == token, table.kind == kind, table.expires_at > at)
            )
            found: Mapping[str, Any] | None = row.scalar_one_or_none()
            return found

    async def take_token(self, kind: str, token: str, at: datetime) -> Mapping[str, Any] | None:
        """The payload exactly once, to whoever comes first; None if unknown, used or expired."""
        table = tables.tokens.c
        async with self.write() as db:
            row = await db.execute(
                delete(tables.tokens)
                .where(table.token == token, table.kind == kind, table.expires_at > at)
                .returning(table.payload)
            )
            found: Mapping[str, Any] | None = row.scalar_one_or_none()
            return found

    # --- facts

    async def get_fact(self, key: str) -> Any:
        async with self.read() as db:
            row = await db.execute(select(tables.facts.c.value).where(tables.facts.c.key == key))
            return row.scalar_one_or_none()

    async def set_fact(self, key: str, value: Any, at: datetime) -> None:
        """`value` None forgets the fact."""
        async with self.write() as db:
            if value is None:
                await db.execute(delete(tables.facts).where(tables.facts.c.key == key))
                return
            insert = self.insert(tables.facts).values(key=key, value=value, at=at)
            await db.execute(
                insert.on_conflict_do_update(
                    index_elements=["key"], set_={"value": insert.excluded.value, "at": insert.excluded.at}
                )
            )

    async def facts(self, prefix: str) -> Mapping[str, Any]:
        table = tables.facts.c
        async with self.read() as db:
            rows = await db.execute(
                select(table.key, table.value)
                .where(func.substr(table.key, 1, len(prefix)) == prefix)
                .order_by(table.key)
            )
            return {row.key: row.value for row in rows}

    # --- people

    async def profile(self, address: str) -> Profile:
        """What this address chose, else what the same person chose under another address. What another replica has changed
        shows after a second."""
        until, known = self._profiles.get(address, (0.0, None))
        now = monotonic()
        if known is not None and now < until:
            return known
        changes = self._profile_changes
        profile = await self._profile(address)
        if changes == self._profile_changes:
            if len(self._profiles) > 1_000:
                self._profiles.clear()
            self._profiles[address] = (now + _PROFILE_S, profile)
        return profile

    def _forget_profiles(self) -> None:
        self._profile_changes += 1
        self._profiles.clear()

    async def _profile(self, address: str) -> Profile:
        async with self.read() as db:
            rows = (await db.execute(_PROFILE, {"who": address})).all()
        chosen = [row for row in rows if row.at is not None]
        chosen.sort(key=lambda row: (row.address != address, -row.at.timestamp()))
        return Profile(
            address,
            next((row.language for row in chosen if row.language), None),
            next((row.timezone for row in chosen if row.timezone), None),
            tuple(sorted(row.address for row in rows if row.linked)),
        )

    async def save_profile(self, profile: Profile, at: datetime) -> None:
        """Language and zone only; addresses are joined by `link`."""
        async with self.write() as db:
            insert = self.insert(tables.profiles).values(
                address=profile.address, language=profile.language, timezone=profile.timezone, at=at
            )
            await db.execute(
                insert.on_conflict_do_update(
                    index_elements=["address"],
                    set_={name: insert.excluded[name] for name in ("language", "timezone", "at")},
                )
            )
        self._forget_profiles()

    async def link(self, one: str, other: str, at: datetime) -> None:
        table = tables.links
        async with self.write() as db:
            rows = await db.execute(select(table.c.person).where(table.c.address.in_([one, other])).distinct())
            persons = sorted(rows.scalars())
            person = persons[0] if persons else one
            if len(persons) > 1:
                await db.execute(update(table).where(table.c.person.in_(persons)).values(person=person))
            for address in (one, other):
                await db.execute(
                    self.insert(table).values(address=address, person=person, at=at).on_conflict_do_nothing()
                )
        self._forget_profiles()
