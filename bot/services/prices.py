"""What a route costs, and whether another one is dearer. Only prices that somebody published or the team wrote; nothing is converted.

A list is free to read and asked at most once an hour; it never holds a plan longer than its own few seconds.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Final

from bot import providers
from bot.errors import BadAnswer, ConfigError, ProviderError
from bot.model.engine import Route
from bot.model.money import AccountState, Price
from bot.ports import Answer, Call, Clock, Http, Json, Keys
from bot.providers import prices as lists
from bot.providers.base import Ask, Known, Provider, draft, is_home, is_private, root_of
from bot.services.switch_plan import Check

_TIMEOUT_S: Final = 4.0
_LATE_S: Final = 1.0  # where the account had to be asked first, everything else is there already
_LARGEST: Final = 8_000_000
_KEPT_S: Final = 3600.0
_RETRY_S: Final = 60.0
_NEAR: Final = Decimal("1.02")  # closer than this is the same price
_SLOWER_TIMES, _SLOWER_S = 3.0, 2.0

DEARER: Final = frozenset({"price_dearer", "price_not_free"})
KNOWN_NOT_DEARER: Final = frozenset({"price_same", "price_same_list", "price_cheaper", "price_free"})


class Prices:
    """One object per process; remembers the lists."""

    def __init__(self, http: Http, keys: Keys, clock: Clock) -> None:
        self._http, self._keys, self._clock = http, keys, clock
        self._kept: dict[tuple[str, ...], tuple[float, bool, Price | None]] = {}
        self._asking: dict[tuple[str, ...], asyncio.Task[dict[str, Json] | None]] = {}

    async def of(self, route: Route, state: AccountState | None = None) -> Price | None:
        """None: not known. What the team wrote counts before any list. `state`: its account, where that has been asked; it
        tells who answers behind an address that nobody knows. Never raises."""
        if route.price is not None:
            return route.price
        provider = providers.recognise(route.base_url, route.provider)
        timeout_s = _TIMEOUT_S
        if (provider is None or provider.probe) and state is not None:
            provider, timeout_s = providers.get(state.provider), _LATE_S
        if provider is None:
            return None
        if provider.local:
            return Price("", Decimal(0), Decimal(0), "local") if is_private(route.base_url) else None
        if provider.id not in lists.LISTS:
            return None
        return await self._listed(provider, route, timeout_s)

    async def _listed(self, provider: Provider, route: Route, timeout_s: float) -> Price | None:
        """Only the one price is kept: a list can be megabytes."""
        place = (provider.id, root_of(route.base_url, provider.base_paths), self._fingerprint(route))
        at, good, price = self._kept.get((*place, route.model), (0.0, False, None))
        if (*place, route.model) in self._kept and self._clock.monotonic() - at < (_KEPT_S if good else _RETRY_S):
            return price
        if place not in self._asking:
            task = asyncio.create_task(self._ask(provider, route, timeout_s))
            self._asking[place] = task
            task.add_done_callback(lambda _: self._asking.pop(place, None))
        answers = await asyncio.shield(self._asking[place])
        price = None
        try:
            price = lists.of(provider.id, answers, route.model) if answers is not None else None
            # A gateway's list is its operator's, whoever made the software.
            price = replace(price, of="" if provider.gateway else provider.title) if price is not None else None
        except (BadAnswer, ArithmeticError):
            answers = None
        self._kept[(*place, route.model)] = (self._clock.monotonic(), answers is not None, price)
        return price

    def _fingerprint(self, route: Route) -> str:
        try:
            return self._keys.fingerprint(route.key)
        except ConfigError:
            return ""

    async def _ask(self, provider: Provider, route: Route, timeout_s: float) -> dict[str, Json] | None:
        asks = lists.LISTS[provider.id].asks
        found = await asyncio.gather(*(self._one(provider, ask, route, timeout_s) for ask in asks))
        answers = {ask.name: answer for ask, answer in zip(asks, found, strict=True) if answer is not None}
        return answers if asks[0].name in answers else None

    async def _one(self, provider: Provider, ask: Ask, route: Route, timeout_s: float) -> Json | None:
        try:
            key = self._keys.read(route.key)
            known = Known(base_url=route.base_url, now=self._clock.now(), has_key=key is not None)
            request = draft(provider, ask, known, key)
            if isinstance(request, str):
                return None
            answer: Answer = await self._http.ask(
                Call(request.method, request.url, request.headers, timeout_s=timeout_s, max_bytes=_LARGEST)
            )
            return answer.json() if answer.status == 200 else None
        except (ProviderError, ConfigError):
            return None


# --- comparing -------------------------------------------------------------------------------------------------------


def compared(old_route: Route | None, old: Price | None, route: Route, new: Price | None) -> Check:
    """The direction of the price. `facts` hold figures as strings, so that they can be stored and printed as they are."""
    facts: dict[str, object] = {"route": route.name, "before": old_route.name if old_route else ""}
    if new is not None and new.source == "local":
        return Check("price", True, "price_free", facts)
    if old_route is not None and (old is None or new is None) and _same_list(old_route, route):
        return Check("price", True, "price_same_list", facts)
    if new is None:
        return Check("price", None, "price_unknown", facts)
    facts |= _figures("after", new)
    if old is None:
        return Check("price", None, "price_alone", facts)
    if old.source == "local":
        return Check("price", None, "price_not_free", facts)
    facts |= _figures("before", old)
    if old.currency != new.currency:
        return Check("price", None, "price_other_currency", facts)
    ways = {
        side: _direction(before, after)
        for side, before, after in (("in", old.input, new.input), ("out", old.output, new.output))
    }
    told = {way for way, _ in ways.values() if way}
    facts |= {
        f"{side}_{part}": value
        for side, (way, times) in ways.items()
        for part, value in (("way", way), ("times", times))
    }
    if not told:
        return Check("price", None, "price_alone", facts)
    if "dearer" in told:  # also where the other side is cheaper: nobody knows beforehand how much comes out
        return Check("price", None, "price_dearer", facts)
    return Check("price", True, "price_cheaper" if "cheaper" in told else "price_same", facts)


def _figures(when: str, price: Price) -> dict[str, object]:
    return {
        f"{when}_in": None if price.input is None else f"{price.input.normalize():f}",
        f"{when}_out": None if price.output is None else f"{price.output.normalize():f}",
        f"{when}_currency": price.currency,
        f"{when}_source": price.source,
        f"{when}_of": price.of,
    }


def _direction(before: Decimal | None, after: Decimal | None) -> tuple[str, str]:
    """(dearer, cheaper, same or "", how many times as a string or "" where it was or becomes free)."""
    if before is None or after is None:
        return "", ""
    if before == after:
        return "same", "1"
    more, less = max(before, after), min(before, after)
    way = "dearer" if after > before else "cheaper"
    if less == 0:
        return way, ""
    return ("same", "1") if more / less < _NEAR else (way, str(round(more / less, 1)))


def _same_list(one: Route, other: Route) -> bool:
    """The same model of the same provider on its own hosts: one price list for all its customers. A gateway's may differ by key."""
    mine, theirs = (providers.recognise(route.base_url, route.provider) for route in (one, other))
    return (
        mine is not None
        and mine is theirs
        and not mine.gateway
        and one.model.lower() == other.model.lower()
        and (is_home(mine, one.base_url) and is_home(mine, other.base_url) or one.base_url == other.base_url)
        and one.price is other.price is None
    )


def slower(before: AccountState | None, after: AccountState | None) -> Check | None:
    """Only where both have answered a free question and the new one took clearly longer. It says nothing about the model."""
    if before is None or after is None or before.took_s is None or after.took_s is None:
        return None
    if after.took_s - before.took_s < _SLOWER_S or after.took_s < before.took_s * _SLOWER_TIMES:
        return None
    facts: dict[str, object] = {"before_s": round(before.took_s, 1), "after_s": round(after.took_s, 1)}
    return Check("speed", None, "slower", facts)
