"""The leak guard: somebody's message carried a secret. Says what kind, whose, where to revoke it; never the value."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.errors import QuotadeskError
from bot.locales import Words
from bot.model.chat import Action, Heading, Line, Links, Reply, Request, Role, SecretSeen
from bot.ports import AuditEntry, DueStep

if TYPE_CHECKING:
    from bot.model.chat import Block
    from bot.services import Services

_ASK_AGAIN = timedelta(hours=1)
_TOMORROW = timedelta(days=1)
_AT_ONCE = 5  # fingerprints that a button holds
_BESIDE = "+"  # before them, where the button stands under an answer to something else


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
    rotated = _rotated(request, words, beside=True)
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
    """In an hour the person is asked whether the keys were replaced: once for each message, and once a day for each key."""
    now, asker = services.clock.now(), request.asker.address
    if request.asker.platform == "terminal":
        return
    new: list[SecretSeen] = []
    for secret in _distinct(request.found.secrets):
        before = await services.store.get_fact(f"leak:{secret.fingerprint}") or {}
        if before.get("asked", {}).get(asker) != f"{now:%Y-%m-%d}":
            new.append(secret)
            about = {"kind": secret.kind, "route": secret.route, "revoke_url": secret.revoke_url}
            asked = {**before.get("asked", {}), asker: f"{now:%Y-%m-%d}"}
            await services.store.set_fact(f"leak:{secret.fingerprint}", {**about, "asked": asked}, now)
    for some in (new[at : at + _AT_ONCE] for at in range(0, len(new), _AT_ONCE)):
        secrets = [
            {"fingerprint": s.fingerprint, "kind": s.kind, "route": s.route, "revoke_url": s.revoke_url} for s in some
        ]
        await _ask(request, services, secrets, now, _ASK_AGAIN)


async def _ask(
    request: Request, services: Services, secrets: list[dict[str, Any]], posted_at: datetime, wait: timedelta
) -> None:
    asker, due = request.asker.address, services.clock.now() + wait
    named = ",".join(secret["fingerprint"] for secret in secrets)
    payload = {
        "person": asker,
        "secrets": secrets,
        "posted_at": posted_at.isoformat(),
        "language": request.language,
        "timezone": request.timezone,
        "lane": asker,
    }
    step = DueStep(0, "rotated", f"rotated:{named}:{asker}:{due:%Y-%m-%d}:{wait.days}", due, payload)
    await services.store.schedule([step])


async def rotated(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Only that it happened is noted: who, when, which fingerprints."""
    words = Words(request.language, request.timezone)
    now = services.clock.now()
    for fingerprint in _named(request):
        fact = {"by": request.asker.address, "at": now.isoformat()}
        await services.store.set_fact(f"rotated:{fingerprint}", fact, now)
        await services.store.audit(
            AuditEntry(
                now,
                request.asker.address,
                "rotated",
                fingerprint,
                "done",
                services.gate.trusted(""),
                name=request.asker.name,
            )
        )
    # Under an answer to something else the answer stays.
    beside = request.value.startswith(_BESIDE)
    yield Reply(blocks=(Line(words.say("leak.thanks", time=words.when(now, now))),), replace=not beside, alert=beside)


async def later(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Not yet: asked once more a day later."""
    words, now = Words(request.language, request.timezone), services.clock.now()
    secrets = []
    for fingerprint in _named(request):
        about = await services.store.get_fact(f"leak:{fingerprint}") or {}
        about.pop("asked", None)
        secrets.append({"kind": "api key", "route": None, "revoke_url": None, **about, "fingerprint": fingerprint})
    await _ask(request, services, secrets, now, _TOMORROW)
    yield Reply(blocks=(Line(words.say("leak.later_noted", time=words.when(now + _TOMORROW, now))),), replace=True)


def _named(request: Request) -> list[str]:
    """The fingerprints that a button names. Raises QuotadeskError for a press that no button of ours makes."""
    names = request.value.removeprefix(_BESIDE).split(",")[:_AT_ONCE]
    if found := [name for name in names if len(name) == 8 and set(name) <= set("0123456789abcdef")]:
        return found
    raise QuotadeskError(key="old_button")


def _rotated(request: Request, words: Words, *, beside: bool = False) -> Action:
    named = ",".join(secret.fingerprint for secret in _distinct(request.found.secrets)[:_AT_ONCE])
    return Action("leak.rotated", words.say("leak.rotated"), (_BESIDE if beside else "") + named)


def _distinct(secrets: tuple[SecretSeen, ...]) -> tuple[SecretSeen, ...]:
    return tuple({secret.fingerprint: secret for secret in secrets}.values())
