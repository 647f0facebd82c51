"""Long polling by one replica at a time, and a watchdog: a deaf poller, or a webhook that fails, is noticed and rebuilt."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Protocol

import structlog

from bot.chats.telegram_wire import REFUSED_TOKEN, Wire
from bot.errors import DeliveryError
from bot.model.team import Secret
from bot.ports import Clock

log = structlog.get_logger("telegram")
Json = dict[str, Any]

LEASE_S: Final = 15.0  # a replica that was killed is replaced after this time
RENEW_S: Final = 4.0
STANDBY_S: Final = 2.0
DEAF_S: Final = 60.0  # without one good answer; with a look every 15 s it is noticed within 90
LOOK_S: Final = 15.0
HOOK_LOOK_S: Final = 60.0
ALLOWED: Final = ("message", "edited_message", "channel_post", "edited_channel_post", "callback_query")


class Leads(Protocol):
    """The part of the store that decides who polls."""

    async def lead(self, name: str, owner: str, now: datetime, lease_s: float) -> bool: ...


class Poller:
    """`accept` takes each update as it came, once; it must not raise. An update is confirmed by the next asking."""

    def __init__(
        self, wire: Wire, leads: Leads, clock: Clock, owner: str, accept: Callable[[Json], None], *, wait_s: float
    ) -> None:
        self._wire, self._leads, self._clock, self._owner, self._accept = wire, leads, clock, owner, accept
        self._wait_s = wait_s
        self._offset: int | None = None
        self._heard_at = clock.monotonic()
        self._trouble, self._failing = "", False
        self._task: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._leasing: asyncio.Future[bool] | None = None
        self.leading = False
        self.rebuilt = 0

    def start(self) -> None:
        """Returns at once; who leads among the replicas is settled in the background."""
        self._task = asyncio.create_task(self._poll(), name="telegram poll")
        self._watch = asyncio.create_task(self._look(), name="telegram poll watch")

    async def stop(self) -> None:
        """Confirms what was taken, so that nobody gets it again, and lets the lead go."""
        for task in (self._watch, self._task):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task
        if self._leasing is not None:  # it may be won only now, and the store is closed after us
            with contextlib.suppress(Exception):
                self.leading = await self._leasing
        if self.leading:
            # What was taken is confirmed, so that the next replica does not get it again, and the lead is let go.
            with contextlib.suppress(Exception):
                await self._ask(0)
            with contextlib.suppress(Exception):
                await self._leads.lead("telegram", self._owner, self._clock.now(), 0)

    def faults(self) -> tuple[str, ...]:
        if not self.leading:
            return ()
        deaf = ("deaf",) if self._clock.monotonic() - self._heard_at > DEAF_S else ()
        return (*((self._trouble,) if self._trouble else ()), *deaf)

    async def _poll(self) -> None:
        while True:
            if not await self._lead():
                await self._clock.sleep(STANDBY_S)
                continue
            try:
                updates = await self._ask_leading()
            except DeliveryError as fault:
                await self._failed(fault)
                continue
            self._heard_at, self._trouble, self._failing = self._clock.monotonic(), "", False
            for update in updates if isinstance(updates, list) else ():
                if isinstance(update, dict) and isinstance(update.get("update_id"), int):
                    self._offset = update["update_id"] + 1
                    self._accept(update)

    async def _ask_leading(self) -> Any:
        """A long question. The lead is kept meanwhile; where it went to another replica, the question is withdrawn."""
        # After a fault a short question: its answer proves at once that all is well again.
        asking = asyncio.create_task(self._ask(0 if self._failing else self._wait_s), name="telegram updates")
        try:
            while True:
                pause = asyncio.ensure_future(self._clock.sleep(RENEW_S))
                try:
                    await asyncio.wait({asking, pause}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    pause.cancel()
                if asking.done():
                    return asking.result()
                if not await self._lead():
                    return ()
        finally:
            asking.cancel()

    async def _ask(self, wait_s: float) -> Any:
        # Raw JSON: the library would throw a whole batch away, again and again, for one update that it cannot read.
        params: Json = {"timeout": int(wait_s), "allowed_updates": list(ALLOWED)}
        if self._offset is not None:
            params["offset"] = self._offset
        return await self._wire.raw("getUpdates", **params)

    async def _lead(self) -> bool:
        try:
            # Shielded: a poller that is stopped must not break a write in two.
            lead = self._leads.lead("telegram", self._owner, self._clock.now(), LEASE_S)
            self._leasing = asyncio.ensure_future(lead)
            leads = await asyncio.shield(self._leasing)
        except Exception as fault:  # a database that is away: go on as before, Telegram itself refuses a second poller
            log.warning("the lead could not be asked for", kind=type(fault).__name__)
            leads = self.leading
            if not leads:
                return False
        if leads and not self.leading:
            self._heard_at = self._clock.monotonic()
            log.info("this replica polls Telegram")
        self.leading = leads
        return leads

    async def _failed(self, fault: DeliveryError) -> None:
        self._failing = True
        pause = min(fault.retry_after_s or 5.0, 30.0)
        if fault.reason == "webhook_active":
            log.warning("a webhook was set; taken away, since TELEGRAM_WEBHOOK_URL is empty")
            with contextlib.suppress(DeliveryError):
                await self._wire.raw("deleteWebhook")
            pause = 0.5
        elif fault.reason == "timeout":
            pause = 0.5
        if fault.reason in (REFUSED_TOKEN, "conflict") and fault.reason != self._trouble:
            log.warning("Telegram refuses to be polled", reason=fault.reason, setting="TELEGRAM_BOT_TOKEN")
        self._trouble = fault.reason if fault.reason in (REFUSED_TOKEN, "conflict", "unreachable") else ""
        await self._clock.sleep(pause)

    async def _look(self) -> None:
        rebuilt_at = float("-inf")
        while True:
            await self._clock.sleep(LOOK_S)
            dead = self._task is None or self._task.done()
            deaf = self.leading and self._clock.monotonic() - self._heard_at > DEAF_S
            fresh = self._clock.monotonic() - rebuilt_at <= DEAF_S  # new connections get their time, too
            if not dead and (not deaf or fresh):
                continue
            self.rebuilt, rebuilt_at = self.rebuilt + 1, self._clock.monotonic()
            log.warning("the poller is rebuilt", dead=dead, deaf=deaf)
            if self._task is not None:
                self._task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await self._task
            with contextlib.suppress(Exception):
                await self._wire.rebuild()
            self._task = asyncio.create_task(self._poll(), name="telegram poll")


class Hook:
    """Keeps the webhook set and asks Telegram whether it gets through."""

    def __init__(self, wire: Wire, clock: Clock, url: str, secret: Secret) -> None:
        self._wire, self._clock, self._url, self._secret = wire, clock, url, secret
        self._faults: tuple[str, ...] = ("webhook_not_set",)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Returns at once; the webhook is set, and looked after, in the background."""
        self._task = asyncio.create_task(self._keep(), name="telegram webhook")

    async def stop(self) -> None:
        """The webhook stays: other replicas live by it, and Telegram keeps what comes meanwhile."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._task

    def faults(self) -> tuple[str, ...]:
        return self._faults

    async def _keep(self) -> None:
        wanted = True  # at the start, since the secret may have changed
        while True:
            try:
                if wanted:
                    await self._set()
                    wanted = False
                    self._faults = ()
                else:
                    wanted = await self._check()
                    if wanted:
                        continue
                pause = HOOK_LOOK_S
            except DeliveryError as fault:
                self._faults = ("webhook_not_set" if wanted else fault.reason,)
                log.warning(
                    "the webhook could not be set or checked", reason=fault.reason, setting="TELEGRAM_WEBHOOK_URL"
                )
                pause = min(fault.retry_after_s or 30.0, 60.0)
            await self._clock.sleep(pause)

    async def _set(self) -> None:
        await self._wire.raw(
            "setWebhook",
            url=self._url,
            secret_token=self._secret.reveal(),
            allowed_updates=list(ALLOWED),
            max_connections=40,
        )

    async def _check(self) -> bool:
        """Whether it must be set again."""
        info = await self._wire.raw("getWebhookInfo")
        if info.get("url") != self._url:
            log.warning("the webhook was changed elsewhere; set again")
            return True
        last = info.get("last_error_date")
        recent = isinstance(last, int) and self._clock.now().timestamp() - last < 2 * HOOK_LOOK_S
        self._faults = ("webhook_failing",) if recent else ()
        return False
