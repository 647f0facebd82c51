"""Due steps under a lease, and who leads what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, or_, select, update

from bot.ports import DueStep
from bot.store import tables
from bot.store.core import AsyncConnection
from bot.store.database import Database

IN_FLIGHT = "in_flight"


def _step(row: Row[Any]) -> DueStep:
    return DueStep(row.id, row.kind, row.key, row.due_at, row.payload, row.attempts, row.lease_until, row.why)


class StepStore(Database):
    """Due steps and leadership. Implements that part of `bot.ports.Store`."""

    async def schedule(self, steps: Sequence[DueStep]) -> None:
        """Steps whose key exists already are left as they are."""
        async with self.write() as db:
            await self._schedule(db, steps)

    async def _schedule(self, db: AsyncConnection, steps: Sequence[DueStep], *, ticket: int | None = None) -> int:
        """How many are new. With `ticket`, `{ticket}` in a key and `ticket` in the payload are filled in."""
        new = 0
        for step in steps:
            payload: Mapping[str, Any] = step.payload
            key = step.key
            if ticket is not None:
                key = key.replace("{ticket}", str(ticket))
                payload = {**payload, "ticket": ticket}
            row = await db.execute(
                self.insert(tables.steps)
                .values(
                    kind=step.kind,
                    key=key,
                    due_at=step.due_at,
                    payload={**payload, "at": payload.get("at") or step.due_at},
                    state="pending",
                    attempts=0,
                    why="",
                )
                .on_conflict_do_nothing()
                .returning(tables.steps.c.id)
            )
            new += row.first() is not None
        return new

    async def _cancel(self, db: AsyncConnection, prefixes: Sequence[str], at: datetime) -> None:
        table = tables.steps.c
        for prefix in prefixes:
            await db.execute(
                update(tables.steps)
                .where(table.state == "pending", func.substr(table.key, 1, len(prefix)) == prefix)
                .values(state="cancelled", finished_at=at, result="cancelled")
            )

    async def claim_steps(self, now: datetime, owner: str, lease_s: float, limit: int) -> list[DueStep]:
        """Due and unleased ones, the longest due first, leased to `owner`; `attempts` counts this one. A step that comes back
        with `why` "in_flight" was being sent by somebody who vanished: it may have happened already."""
        table = tables.steps.c
        until = now + timedelta(seconds=lease_s)
        free = (
            table.state == "pending",
            table.due_at <= now,
            or_(table.lease_until.is_(None), table.lease_until <= now),
        )
        async with self.read() as db:  # asked every second, mostly in vain: that must not cost a write lock
            if (await db.execute(select(table.id).where(*free).limit(1))).first() is None:
                return []
        async with self.write() as db:
            rows = (
                await db.execute(
                    select(tables.steps)
                    .where(*free)
                    .order_by(table.due_at, table.id)
                    .limit(limit)
                    .with_for_update(skip_locked=True)
                )
            ).all()
            if not rows:
                return []
            await db.execute(
                update(tables.steps)
                .where(table.id.in_([row.id for row in rows]))
                .values(lease_owner=owner, lease_until=until, attempts=table.attempts + 1)
            )
        return [replace(_step(row), attempts=row.attempts + 1, lease_until=until) for row in rows]

    async def renew_steps(self, ids: Sequence[int], owner: str, until: datetime) -> None:
        table = tables.steps.c
        async with self.write(durable=False) as db:
            await db.execute(
                update(tables.steps)
                .where(table.id.in_(ids), table.state == "pending", table.lease_owner == owner)
                .values(lease_until=until)
            )

    async def finish_step(self, id: int, at: datetime, result: str = "done") -> None:
        await self.finish_steps([(id, result)], at)

    async def finish_steps(self, done: Sequence[tuple[int, str]], at: datetime) -> None:
        table = tables.steps.c
        by_result: dict[str, list[int]] = {}
        for id, result in done:
            by_result.setdefault(result, []).append(id)
        async with self.write() as db:
            for result, ids in by_result.items():
                await db.execute(
                    update(tables.steps)
                    .where(table.id.in_(ids), table.state == "pending")
                    .values(state="done", finished_at=at, result=result, lease_owner=None, lease_until=None)
                )

    async def retry_step(self, id: int, due_at: datetime, why: str) -> None:
        await self.retry_steps([(id, due_at, why)])

    async def retry_steps(self, waiting: Sequence[tuple[int, datetime, str]]) -> None:
        table = tables.steps.c
        async with self.write() as db:
            for id, due_at, why in waiting:
                await db.execute(
                    update(tables.steps)
                    .where(table.id == id, table.state == "pending")
                    .values(due_at=due_at, why=why, lease_owner=None, lease_until=None)
                )

    async def begin_sending(self, ids: Sequence[int]) -> None:
        table = tables.steps.c
        async with self.write() as db:
            await db.execute(
                update(tables.steps).where(table.id.in_(ids), table.state == "pending").values(why=IN_FLIGHT)
            )

    async def let_go(self, gone: Callable[[str], bool], now: datetime) -> int:
        table = tables.steps.c
        leased = (table.state == "pending", table.lease_owner.is_not(None), table.lease_until > now)
        leader = tables.leaders.c
        async with self.read() as db:
            owners = set((await db.execute(select(table.lease_owner).where(*leased).distinct())).scalars())
            owners |= set((await db.execute(select(leader.owner).where(leader.until > now).distinct())).scalars())
        if not (dead := [owner for owner in owners if gone(owner)]):
            return 0
        async with self.write() as db:
            await db.execute(delete(tables.leaders).where(leader.owner.in_(dead)))
            freed = await db.execute(
                update(tables.steps)
                .where(*leased, table.lease_owner.in_(dead))
                .values(lease_owner=None, lease_until=None)
                .returning(table.id)
            )
            return len(freed.all())

    async def pending_steps(self, limit: int = 1000) -> list[DueStep]:
        """The longest due first."""
        table = tables.steps.c
        async with self.read() as db:
            rows = await db.execute(
                select(tables.steps).where(table.state == "pending").order_by(table.due_at, table.id).limit(limit)
            )
            return [_step(row) for row in rows]

    async def lead(self, name: str, owner: str, now: datetime, lease_s: float) -> bool:
        """True if `owner` leads `name` (watch, telegram polling) until now + lease_s. A lease of 0 s lets go."""
        table = tables.leaders.c
        insert = self.insert(tables.leaders).values(name=name, owner=owner, until=now + timedelta(seconds=lease_s))
        async with self.write(durable=False) as db:
            row = await db.execute(
                insert.on_conflict_do_update(
                    index_elements=["name"],
                    set_={"owner": insert.excluded.owner, "until": insert.excluded.until},
                    where=or_(table.owner == owner, table.until <= now),
                ).returning(table.name)
            )
            return row.first() is not None
