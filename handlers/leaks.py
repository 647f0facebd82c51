"""The leak guard: somebody's message carried a secret. Says what kind, whose, where to revoke it; never the value."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.locales import Words
from bot.model.chat import Action, Heading, Line, Links, Reply, Request, Role, SecretSeen
from bot.ports import AuditEntry, DueStep

if TYPE_CHECKING:
    from bot.model.chat import Block
    from bot.services import Services

_ASK_AGAIN = timedelta(hours=1)


def blocks(request: Request, words: Words) -> tuple[Block, ...]:
    """One line for each secret seen: its kind, the team's route that uses it, and where to revoke it."""
    out: list[Block] = []
    links: list[tuple[str, str]] = []
    for secret in _distinct(request.found.secrets):
        known = "leak.ours" if secret.route else "leak.seen"
        kind = words.kind(secret.kind)
        out.append(Line(words.say(known, kind=kind, route=secret.route or "", fingerprint=secret.fingerprint)))
        if secret.revoke_url and (kind, secret.revoke_url) not in links:
            links.append((words.say("leak.revoke_page", kind=kind), secret.revoke_url))
    if links:
        out.append(Links(tuple(links[:5])))
    return tuple(out)


def with_warning(reply: Reply, request: Request, words: Words) -> Reply:
    """A command whose text carried a secret gets the warning below its own answer, and the message is deleted where we may."""
    if not request.found.secrets:
        return reply
    title = words.say("leak.title_file" if "file" in request.fields else "leak.title")
    warning = (Heading(title), *_files(request, words), *blocks(request, words), _not_kept(request, words))
    rotated = _rotated(request, words)
    return replace(
        reply,
        blocks=(*reply.blocks, *warning),
        actions=(*reply.actions, rotated) if reply.final else reply.actions,
        delete_original=request.action is None,
    )


def _files(request: Request, words: Words) -> tuple[Line, ...]:
    """Which of the posted files it was: their names, one per line."""
    names = [name for name in request.fields["file"].text.splitlines() if name] if "file" in request.fields else []
    return (Line(words.say("leak.file", names=words.say("common.list_sep").join(names))),) if names else ()


def _not_kept(request: Request, words: Words) -> Line:
    if request.place.private:
        return Line(words.say("leak.not_kept_between_us"))
    # What follows a slash command in Slack stands in no channel; a mention has its thread, a shortcut its message.
    posted = request.command == "leak" or request.place.thread or request.message or "file" in request.fields
    slash = request.place.platform == "slack" and not posted
    return Line(words.say("leak.not_kept_slash" if slash else "leak.not_kept"))


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """A message that was no command, or files that came without one. Answered privately, once for each."""
    if not request.found.secrets:
        return
    words = Words(request.language, request.timezone)
    if not request.asker.id:
        yield _for_all(request, words)
        return
    known = request.role is not Role.NOBODY
    if known:
        await follow_up(request, services)
    else:  # what the team's routes are called is not for strangers
        plain = tuple(replace(secret, route=None) for secret in request.found.secrets)
        request = replace(request, found=replace(request.found, secrets=plain))
    # Telegram itself says what became of the message
    kind = f"{request.place.platform}_file" if "file" in request.fields else request.place.platform
    where = () if request.place.platform == "telegram" else (Line(words.say(f"leak.where.{kind}")),)
    yield Reply(
        title=words.say("leak.title_file" if "file" in request.fields else "leak.title"),
        blocks=(*_files(request, words), *blocks(request, words), _not_kept(request, words), *where),
        actions=(_rotated(request, words),) if known else (),
        delete_original=True,
    )


def _for_all(request: Request, words: Words) -> Reply:
    """Written as the group, as a channel or by a program: nobody can be told alone, so all are told what helps and no more."""
    kinds = tuple(dict.fromkeys(words.kind(secret.kind) for secret in request.found.secrets))
    seen = Line(words.say("leak.seen_by_all", kinds=words.say("common.list_sep").join(kinds)))
    where = () if request.place.platform == "telegram" else (Line(words.say("leak.where.slack_for_all")),)
    links = tuple(block for block in blocks(request, words) if isinstance(block, Links))
    title = words.say("leak.title_for_all_file" if "file" in request.fields else "leak.title_for_all")
    return Reply(title=title, blocks=(seen, *links, *where), audience="place", delete_original=True)


async def follow_up(request: Request, services: Services) -> None:
    """In an hour the person is asked whether each key was replaced; a key that is pasted twice is asked about once."""
    now = services.clock.now()
    if request.asker.platform == "terminal":
        return
    await services.store.schedule(
        [
            DueStep(
                id=0,
                kind="rotated",
                key=f"rotated:{secret.fingerprint}:{request.asker.address}:{now:%Y-%m-%d}",
                due_at=now + _ASK_AGAIN,
                payload={
                    "person": request.asker.address,
                    "kind": secret.kind,
                    "fingerprint": secret.fingerprint,
                    "route": secret.route,
                    "revoke_url": secret.revoke_url,
                    "language": request.language,
                    "timezone": request.timezone,
                    "lane": request.asker.address,
                },
            )
            for secret in _distinct(request.found.secrets)
        ]
    )


async def rotated(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Only that it happened is noted: who, when, which fingerprint."""
    words = Words(request.language, request.timezone)
    now = services.clock.now()
    await services.store.set_fact(f"rotated:{request.value}", {"by": request.asker.address, "at": now.isoformat()}, now)
    await services.store.audit(
        AuditEntry(
            now,
            request.asker.address,
            "rotated",
            request.value,
            "done",
            services.gate.trusted(""),
            name=request.asker.name,
        )
    )
    yield Reply(blocks=(Line(words.say("leak.thanks", time=words.when(now, now))),), replace=True)


def _rotated(request: Request, words: Words) -> Action:
    first = request.found.secrets[0].fingerprint
    return Action("leak.rotated", words.say("leak.rotated"), first[:20])


def _distinct(secrets: tuple[SecretSeen, ...]) -> tuple[SecretSeen, ...]:
    return tuple({secret.fingerprint: secret for secret in secrets}.values())
