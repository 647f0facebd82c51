"""Apprise: mail, Feishu, DingTalk, WeCom, ntfy and whatever else its addresses in NOTIFY_URLS name."""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import datetime
from typing import Any

from bot.errors import ConfigError, DeliveryError
from bot.locales import Words, messages, notes
from bot.model.chat import Facts, Line, Quote, Reply
from bot.model.handoff import Page, Ticket
from bot.model.team import Secret, Team

_TIMEOUT_S = 20.0
_MENTION = re.compile(r"(?<![\w.])@(?=\w)|<(?=!)")


class Notify:
    """One pager for one address, so that one which fails does not repeat the others. The address is a secret: it is in no
    error and no log."""

    def __init__(self, url: Secret, number: int, team: Team) -> None:
        self._url, self._team = url, team
        self.name = f"notify-{number}"

    async def trigger(self, ticket: Ticket, page: Page, now: datetime) -> None:
        words = Words(self._team.language, self._team.timezone)
        # Of a chain of calls only the first, then those to everybody: a mailbox does not need each name in turn.
        if page.level == 1:
            return
        reply = messages.page(ticket, page, words, self._team, now)
        fields = notes.fields(ticket, words, now)
        rows = [
            f"{words.say(f'note.fields.{name}')}{words.say('common.colon')}{value}" for name, value in fields.items()
        ]
        await self._send(reply.title, "\n".join([_plain(reply, words), "", *rows]), "warning")

    async def acknowledge(self, ticket: Ticket) -> None:
        """Mail and group robots have nothing to acknowledge; the end is told."""

    async def resolve(self, ticket: Ticket) -> None:
        words = Words(self._team.language, self._team.timezone)
        reply = messages.ended(ticket, words, self._team, ticket.resolved_at or ticket.opened_at)
        await self._send(reply.title, _plain(reply, words), "success")

    async def _send(self, title: str, body: str, kind: str) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                sent = await asyncio.to_thread(_notify, self._url.reveal(), title, body, kind)
        except TimeoutError:
            raise DeliveryError("notify_timeout", lost=True) from None
        except Exception:  # whatever a plugin raises may hold its address
            raise DeliveryError("notify_failed") from None
        if not sent:
            raise DeliveryError("notify_failed")


def pagers(urls: Secret | None, team: Team) -> list[Notify]:
    """One for each address in NOTIFY_URLS (separated by spaces, commas or new lines). Raises ConfigError by number, never by
    value, where Apprise does not know an address."""
    if not urls:
        return []
    made: list[Notify] = []
    faults: list[str] = []
    for number, url in enumerate(_split(urls.reveal()), 1):
        if not _known(url):
            faults.append(
                f"NOTIFY_URLS: Apprise does not understand address {number}; see its list of services for the right form."
            )
        made.append(Notify(Secret(url), number, team))
    if faults:
        raise ConfigError(*faults)
    return made


def _split(text: str) -> list[str]:
    # A comma may stand inside an address; one before the next scheme parts two of them.
    return [one for one in re.split(r"[\s]+|,\s*(?=[A-Za-z][A-Za-z0-9+.-]*://)", text.strip()) if one]


def _apprise() -> Any:
    import apprise

    # It logs addresses and bodies at INFO and below.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    return apprise


def _known(url: str) -> bool:
    try:
        return bool(_apprise().Apprise().add(url))
    except Exception:
        return False


def _notify(url: str, title: str, body: str, kind: str) -> bool:
    apprise = _apprise()
    sender = apprise.Apprise()
    if not sender.add(url):
        return False
    title, body = harmless(title), harmless(body)
    # A service that knows no title gets it above the text.
    taken = 0 if sender[0].title_maxlen else len(title.encode()) + 2
    body = fitting(body, sender[0].body_maxlen - taken)
    # Said to be plain, else a mail takes it for HTML: line ends would go, and so would all that follows a `<` of somebody's error.
    return bool(sender.notify(body=body, title=title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT))


def harmless(text: str) -> str:
    """Nobody is mentioned by words from outside: `@all`, `@所有人`, `<!channel>` stay words."""
    return _MENTION.sub(lambda found: found[0] + "\u2060", text)


def fitting(text: str, room: int) -> str:
    """At most `room` bytes, so that it fits whether a service counts bytes (WeCom: 2048) or characters. What does not fit is cut at
    the end of a line, or of a word where the line is the first, and the cut is shown."""
    if len(text.encode()) <= room:
        return text
    kept = text.encode()[: max(room - 3, 0)].decode("utf-8", "ignore")  # three bytes for the sign
    for end in ("\n", " "):
        head, found, _ = kept.rpartition(end)
        if found and len(head) > len(kept) // 2:
            return head.rstrip() + ("\n…" if end == "\n" and len(head.rstrip().encode()) + 4 <= room else "…")
    return kept + "…"


def _plain(reply: Reply, words: Words) -> str:
    lines: list[str] = []
    for block in reply.blocks:
        if isinstance(block, (Line, Quote)):
            lines.append(block.text)
        elif isinstance(block, Facts):
            lines += [f"{label}{words.say('common.colon')}{value}" for label, value in block.rows]
    return "\n".join(lines)
