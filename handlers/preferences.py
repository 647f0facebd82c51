"""`/quota prefs`, `language`, `timezone`, `link`: what a person chooses for themself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from zoneinfo import available_timezones

from bot.errors import NotAllowed, UsageError
from bot.locales import Words, languages
from bot.model.chat import Action, Block, Facts, Line, Links, Reply, Request, Role
from bot.model.near import nearest
from bot.services import Services
from handlers.router import Command, Press


@lru_cache(maxsize=1)
def _zones() -> Mapping[str, str]:
    """In small letters -> as the database of zones spells it. Reading its folder takes milliseconds."""
    return {name.lower(): name for name in available_timezones()}


def chosen(request: Request, words: Words, linked: str) -> Facts:
    """What holds for this person: language, zone, rights, linked accounts."""
    return Facts(
        (
            (words.say("preferences.rows.language"), words.say("preferences.name")),
            (
                words.say("preferences.rows.zone"),
                words.say("preferences.zone_of", name=words.zone_name, zone=words.timezone),
            ),
            (words.say("preferences.rows.role"), words.say(f"preferences.roles.{request.role.name.lower()}")),
            (words.say("preferences.rows.linked"), linked),
        )
    )


async def linked(request: Request, services: Services, words: Words) -> str:
    """The same person's other addresses, in words."""
    profile = await services.store.profile(request.asker.address)
    others = [address for address in profile.linked if address != request.asker.address]
    return words.say("common.list_sep").join(others) or words.say("preferences.not_linked")


async def prefs(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Language, zone and linked accounts as they are, with a button for each other language."""
    words = Words(request.language, request.timezone)
    others = tuple(code for code in languages() if code != request.language)
    yield Reply(
        title=words.say("preferences.title"),
        blocks=(
            chosen(request, words, await linked(request, services, words)),
            Line(words.say("preferences.change")),
        ),
        actions=tuple(Action("language.set", Words(code).say("preferences.name"), code) for code in others),
    )


async def language(request: Request, services: Services) -> AsyncIterator[Reply]:
    """From a button's value or the typed word; asks back where it is no language that we have. Kept for this person on this
    platform."""
    words = Words(request.language, request.timezone)
    wanted = (request.value or request.text.text).strip().lower()
    if wanted not in languages():
        unknown = words.say("preferences.language_unknown", wanted=wanted[:20]) if wanted else ""
        text = unknown + words.say("preferences.language_ask", now=words.say("preferences.name"))
        actions = tuple(Action("language.set", Words(code).say("preferences.name"), code) for code in languages())
        yield Reply(blocks=(Line(text),), actions=actions)
        return
    now = services.clock.now()
    profile = await services.store.profile(request.asker.address)
    await services.store.save_profile(replace(profile, language=wanted), now)
    yield Reply(
        blocks=(Line(Words(wanted, request.timezone).say("preferences.language_set")),),
        replace=request.action is not None,
    )


async def timezone(request: Request, services: Services) -> AsyncIterator[Reply]:
    """An IANA name, blanks and case as one likes; a city or a near miss is answered with its zone. Raises UsageError."""
    words = Words(request.language, request.timezone)
    wanted = request.text.text.strip()
    known = _zones()
    if not wanted:
        other = "Europe/Berlin" if request.timezone == "Asia/Shanghai" else "Asia/Shanghai"
        yield Reply(blocks=(Line(words.say("preferences.zone_ask", now=request.timezone, other=other)),))
        return
    zone = known.get(wanted.lower().replace(" ", "_"))
    if zone is None:
        cities = {name.rsplit("/", 1)[-1].lower(): name for name in known.values()}
        near = [cities[c] for c in nearest(wanted.lower().replace(" ", "_"), cities, cutoff=0.6)]
        hint = words.say("errors.did_you_mean", names=words.say("common.list_sep").join(near)) if near else ""
        raise UsageError(why=words.say("preferences.zone_unknown") + hint)
    now = services.clock.now()
    profile = await services.store.profile(request.asker.address)
    await services.store.save_profile(replace(profile, timezone=zone), now)
    yield Reply(
        blocks=(Line(words.say("preferences.zone_set", zone=zone, time=Words(request.language, zone).when(now, now))),)
    )


async def link(request: Request, services: Services) -> AsyncIterator[Reply]:
    """A code made on one platform and typed on the other makes both the same person. Ten minutes, once.

    Only a member can have a code made; whoever brings one was given it by that member, so an address that the team file does
    not name yet may bring it.
    """
    words = Words(request.language, request.timezone)
    now = services.clock.now()
    code = request.text.text.strip()
    stranger = request.role is Role.NOBODY
    if stranger and not code:
        raise NotAllowed(key="closed", address=request.asker.address)
    if not code:
        token = await services.store.put_token("link", {"address": request.asker.address}, now + timedelta(minutes=10))
        blocks: list[Block] = [Line(words.say("preferences.link_code", code=token))]
        name = await services.store.get_fact("telegram.username")
        if name and request.asker.platform != "telegram":
            blocks.append(Links(((words.say("preferences.link_open"), f"https://t.me/{name}?start=link_{token}"),)))
        yield Reply(blocks=tuple(blocks))
        return
    payload = await services.store.take_token("link", code, now)
    if payload is None and stranger:
        raise NotAllowed(key="closed", address=request.asker.address)
    if payload is None:
        raise UsageError(why=words.say("preferences.link_bad"))
    other = str(payload["address"])
    if other == request.asker.address:
        raise UsageError(why=words.say("preferences.link_self"))
    await services.store.link(request.asker.address, other, now)
    yield Reply(blocks=(Line(words.say("preferences.linked", other=other)),))


COMMANDS = (
    Command("prefs", prefs, aliases=("me", "settings", "设置"), order=79),
    Command("language", language, presses={"language.set": Press(language)}, aliases=("lang", "语言"), order=80),
    Command("timezone", timezone, aliases=("tz", "时区"), order=81),
    Command("link", link, role=Role.NOBODY, order=82),
)
