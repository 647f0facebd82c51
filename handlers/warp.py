"""`/balance warp`: which Warp tier is in use and what the gateway's own files say. Only read, nothing is ever requested."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from bot.locales import Words, alert_words
from bot.model.chat import Block, Facts, Line, Quote, Reply, Request
from bot.ports import WarpTiers
from bot.services import Services

_BETWEEN = timedelta(minutes=5)  # the gateway's own rule: no two anonymous requests within five minutes


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Which tier Warp's own files show; said where they are not looked at, and where none is found."""
    words = Words(request.language, request.timezone)
    now = services.clock.now()
    title = words.say("warp.title", time=words.when(now, now))
    tiers = await services.warp.look() if services.warp is not None else None
    if tiers is None or not tiers.found:
        yield Reply(title=title, blocks=(Line(words.say("warp.gone" if tiers else "warp.off")),))
        return
    yield Reply(title=title, blocks=blocks_of(tiers, words, now))


def blocks_of(tiers: WarpTiers, words: Words, now: datetime) -> tuple[Block, ...]:
    """Tier, fallback, last attempt, cooldown and reset; each `unknown` where the files do not say."""
    personal = {True: "personal", False: "anonymous", None: "unknown"}[tiers.personal]
    rows = (
        (words.say("warp.tier.label"), words.say(f"warp.tier.{personal}")),
        (words.say("warp.fallback.label"), words.say(f"warp.fallback.{_fallback(tiers)}")),
        (words.say("warp.attempt.label"), _attempt(tiers, words, now)),
        (words.say("warp.cooldown.label"), _cooldown(tiers, words, now)),
        (words.say("warp.reset.label"), _reset(words, now)),
    )
    blocks: list[Block] = [Facts(rows)]
    if tiers.cooldown_until is not None and tiers.cooldown_until > now:
        blocks.append(Line(words.say("warp.advice_wait")))
    if tiers.personal and tiers.fallback_disabled is not True:
        blocks.append(Line(words.say("warp.advice_personal")))
    blocks.append(Line(words.say("warp.advice_reset")))
    if tiers.weak_api_token:
        blocks.append(Line(words.say("warp.weak_token"), strong=True))
    if tiers.log:
        blocks += [Line(words.say("warp.log", n=len(tiers.log))), Quote("\n".join(line.text for line in tiers.log))]
    blocks.append(Line(words.say("warp.policy")))
    return tuple(blocks)


def _fallback(tiers: WarpTiers) -> str:
    if tiers.personal is None or "DISABLE_ANONYMOUS_FALLBACK" in tiers.unknown:
        return "unknown"
    return {True: "off", False: "on", None: "unset"}[tiers.fallback_disabled]


def _attempt(tiers: WarpTiers, words: Words, now: datetime) -> str:
    file = ".last_anonymous_attempt"
    if file in tiers.unknown:
        return words.say("warp.unknown", file=file)
    at = tiers.last_attempt
    if at is None:
        return words.say("warp.attempt.none")
    facts = {"when": words.when(at, now, zone=False), "ago": words.ago(at, now)}
    if now < at + _BETWEEN:
        return words.say("warp.attempt.wait", **facts, next=words.when(at + _BETWEEN, now, zone=False))
    return words.say("warp.attempt.at", **facts)


def _cooldown(tiers: WarpTiers, words: Words, now: datetime) -> str:
    file = ".anonymous_cooldown"
    if file in tiers.unknown:
        return words.say("warp.unknown", file=file)
    until = tiers.cooldown_until
    if until is None:
        return words.say("warp.cooldown.none")
    if until <= now:
        return words.say("warp.cooldown.over", when=words.when(until, now, zone=False))
    left = alert_words.span(until - now, words)
    return words.say("warp.cooldown.until", when=words.when(until, now), utc=words.utc(until), span=left)


def _reset(words: Words, now: datetime) -> str:
    """Nobody publishes it: the next full hour and the next day of UTC, in both clocks."""
    hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return words.say(
        "warp.reset.text",
        hour=words.when(hour, now, zone=False),
        hour_utc=words.utc(hour),
        day=words.when(day, now, zone=False),
        day_utc=words.utc(day),
    )
