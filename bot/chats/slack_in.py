"""What Slack delivers, read: commands, presses, messages. Raw text lives here and goes to the gate, nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any, Final

from bot.chats.leaves import unmarked
from bot.chats.slack_text import RAW_MOST, plain, shown, whole
from bot.chats.typed import split_command, tidy
from bot.model.values import dataclass

Json = dict[str, Any]

_FENCE = re.compile(r"\A\s*```[a-zA-Z]*\n?(.*?)\n?```\s*\Z", re.S)


@dataclass(frozen=True, slots=True)
class Source:
    """One delivery: who, where, and the ways back. `id` is the same for a repeated delivery of the same thing."""

    id: str
    kind: str  # slash, press, submit, shortcut, mention, dm, home, overheard, posted
    user: str
    name: str
    team: str | None
    chat: str  # "" where Slack names none (a Home tab, a modal)
    thread: str | None = None
    private: bool = False
    response_url: str | None = None
    trigger_id: str | None = None
    message: str | None = None  # ts of the message that carries the button
    hidden: bool = False  # that message is ephemeral
    threaded: bool = False  # the thread has replies already: an ephemeral message shows in it
    home: bool = False  # the button stands on the Home tab
    view: str | None = None  # the open form in which a choice was made
    stand: str | None = None  # that form's hash, so that an older answer does not undo a newer one
    ts: str | None = None  # of the person's own message


@dataclass(frozen=True, slots=True)
class Raw:
    """A request before the gate: all of it is raw."""

    source: Source
    command: str
    text: str = ""
    quoted: str = ""
    files: tuple[Json, ...] = ()
    action: str | None = None
    value: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None  # ts of the message to read when nothing is quoted
    beside: str = ""  # looked at for secrets only


# --- one reader for each kind of delivery ------------------------------------------------------------------------------


def slash(body: Mapping[str, Any], names: Mapping[str, str]) -> Raw:
    """`names`: configured name without its stroke -> command. An unknown one counts as the root."""
    chat = str(body.get("channel_id", ""))
    source = Source(
        id=str(body.get("trigger_id") or ""),
        kind="slash",
        user=str(body.get("user_id", "")),
        name=str(body.get("user_name", "")),
        team=body.get("team_id"),
        chat=chat,
        response_url=body.get("response_url"),
        trigger_id=body.get("trigger_id"),
    )
    called = str(body.get("command", "")).lstrip("/").lower()
    command = names.get(called, called)
    line = split_command(f"/{command} {_fenced(plain(str(body.get('text') or '')))}")
    name, _, rest = line or ("help", "", "")
    return Raw(source, name, _fenced(rest))


def _fenced(text: str) -> str:
    """A paste in a code fence is the paste; a command in backticks is the command."""
    if found := _FENCE.match(text):
        return found.group(1)
    one = text.strip()
    return one[1:-1] if len(one) > 2 and one[0] == one[-1] == "`" and "`" not in one[1:-1] else text


def press(body: Mapping[str, Any]) -> Raw | None:
    """None for a button that only opens a page, and for whatever is no button."""
    action = next(iter(body.get("actions") or []), None)
    if not action or action.get("type") != "button" or str(action.get("action_id", "")).startswith("link."):
        return None
    id = str(action.get("action_id", "")).split("#")[0]
    container, user = body.get("container") or {}, body.get("user") or {}
    message = body.get("message") or {}
    chat = str((body.get("channel") or {}).get("id") or container.get("channel_id") or "")
    thread = container.get("thread_ts") or message.get("thread_ts")
    source = Source(
        id=str(body.get("trigger_id") or ""),
        kind="press",
        user=str(user.get("id", "")),
        name=str(user.get("name") or user.get("username") or ""),
        team=user.get("team_id") or (body.get("team") or {}).get("id"),
        chat=chat,
        thread=thread,
        response_url=body.get("response_url"),
        trigger_id=body.get("trigger_id"),
        message=container.get("message_ts") or message.get("ts"),
        hidden=bool(container.get("is_ephemeral")),
        threaded=bool(thread),
        home=(body.get("view") or {}).get("type") == "home",
    )
    return Raw(source, id.split(".")[0], action=id, value=str(action.get("value") or ""))


def submission(body: Mapping[str, Any], context: Mapping[str, Any]) -> Raw:
    """`context` is the form's metadata: which place it was opened from. Rights are checked again all the same."""
    view, user = body.get("view") or {}, body.get("user") or {}
    fields = _fields(view)
    id = str(view.get("callback_id", ""))
    source = Source(
        id=str(body.get("trigger_id") or view.get("id") or ""),
        kind="submit",
        user=str(user.get("id", "")),
        name=str(user.get("name") or user.get("username") or ""),
        team=user.get("team_id") or (body.get("team") or {}).get("id"),
        chat=str(context.get("c") or ""),
        thread=context.get("t"),
        trigger_id=body.get("trigger_id"),
        message=context.get("m"),
        hidden=bool(context.get("h")),
        threaded=bool(context.get("t")),
    )
    return Raw(source, id.split(".")[0], action=id, value=str(context.get("v") or ""), fields=fields)


def choice(body: Mapping[str, Any], context: Mapping[str, Any]) -> Raw:
    """Something else was chosen in an open form: as its submission, but under the menu's own action id."""
    view = body.get("view") or {}
    action: Mapping[str, Any] = next(iter(body.get("actions") or []), {})
    raw = submission(body, context)
    source = replace(raw.source, kind="choice", view=str(view.get("id") or ""), stand=view.get("hash"))
    id = str(action.get("action_id", ""))
    return replace(raw, source=source, command=id.split(".")[0], action=id)


def is_choice(body: Mapping[str, Any]) -> bool:
    """Whether a press is a choice from a menu in an open form."""
    action = next(iter(body.get("actions") or []), None) or {}
    return (body.get("view") or {}).get("type") == "modal" and action.get("type") == "static_select"


def block_ids(view: Mapping[str, Any]) -> Mapping[str, str]:
    """Field name -> the id of its block in this view."""
    blocks = [str(block.get("block_id", "")) for block in view.get("blocks") or [] if block.get("type") == "input"]
    return {id.partition("#")[0]: id for id in blocks}


def _fields(view: Mapping[str, Any]) -> dict[str, str]:
    """What was written and chosen, by field name."""
    fields: dict[str, str] = {}
    for id, inputs in ((view.get("state") or {}).get("values") or {}).items():
        for value in inputs.values():
            if not isinstance(value, Mapping):
                continue
            told = (value.get("selected_option") or {}).get("value") or value.get("value")
            if isinstance(told, str):
                fields[str(id).partition("#")[0]] = unmarked(told)[:RAW_MOST]
    return fields


def shortcut(body: Mapping[str, Any]) -> Raw:
    """The message that the shortcut was used on is the text; its author is not who asks."""
    message, user = body.get("message") or {}, body.get("user") or {}
    thread = message.get("thread_ts")
    source = Source(
        id=str(body.get("trigger_id") or ""),
        kind="shortcut",
        user=str(user.get("id", "")),
        name=str(user.get("name") or user.get("username") or ""),
        team=user.get("team_id") or (body.get("team") or {}).get("id"),
        chat=str((body.get("channel") or {}).get("id", "")),
        thread=thread or message.get("ts"),
        response_url=body.get("response_url"),
        trigger_id=body.get("trigger_id"),
        threaded=bool(thread),
    )
    return Raw(source, "diagnose", quoted=whole(message), files=tuple(message.get("files") or ()))


_SILENT: Final = frozenset(("message_deleted", "message_replied", "assistant_app_thread"))


def from_person(event: Mapping[str, Any], bot_user: str) -> bool:
    """Whether a person wrote this just now: no bot, no edit, no deletion, no joining."""
    user = event.get("user")
    return (
        bool(user)
        and user not in (bot_user, "USLACKBOT")
        and not event.get("bot_id")
        and not event.get("bot_profile")
        and event.get("subtype") in (None, "file_share", "thread_broadcast", "me_message")
        and not event.get("edited")
    )


def standing(event: Mapping[str, Any], bot_user: str) -> Json | None:
    """The message as it stands now, where an event is about one that somebody else than this bot wrote: a program's too, or an
    edited one. It has the event's channel."""
    if event.get("type") != "message" or event.get("subtype") in _SILENT:
        return None
    now = event.get("message") if event.get("subtype") == "message_changed" else event
    if not isinstance(now, Mapping) or bot_user in (now.get("user"), (now.get("bot_profile") or {}).get("user_id")):
        return None
    if now.get("subtype") in _SILENT or now.get("user") == "USLACKBOT":
        return None
    return {**now, "channel": event.get("channel"), "channel_type": event.get("channel_type")}


def message(
    body: Mapping[str, Any], event: Mapping[str, Any], bot_user: str, known: frozenset[str], *, kind: str
) -> Raw:
    """A mention or a direct message: a command line, or an error text to diagnose. `known`: names and aliases of commands."""
    ts, thread = str(event.get("ts", "")), event.get("thread_ts")
    source = Source(
        id=str(body.get("event_id") or ts),
        kind=kind,
        user=str(event.get("user", "")),
        name="",
        team=event.get("user_team") or event.get("source_team") or event.get("team") or body.get("team_id"),
        chat=str(event.get("channel", "")),
        thread=thread or (ts if kind == "mention" else None),
        private=kind == "dm",
        threaded=bool(thread),
        ts=ts,
    )
    return replace(_meant(event, source, bot_user, known), beside=shown(event))


def _meant(event: Mapping[str, Any], source: Source, bot_user: str, known: frozenset[str]) -> Raw:
    thread, kind = event.get("thread_ts"), source.kind
    text = re.sub(rf"<@{re.escape(bot_user)}(\|[^>]*)?>", " ", str(event.get("text") or ""))
    text = plain(text).strip()
    files = tuple(event.get("files") or ())
    parent = str(thread) if thread else None
    if not text and (passed_on := whole({**event, "text": ""})).strip():
        return Raw(source, "diagnose", quoted=passed_on, files=files)  # somebody's message, shared with the bot
    if not text:
        return Raw(source, "diagnose" if parent or files else "help", files=files, parent=parent)
    line = _fenced(text)
    found = split_command(line, slash=False)
    if found is not None:
        command, _, rest = found
        slashed = line.lstrip().startswith(("/", "\uff0f"))
        # One or two words are a try at a command (the router names the nearest); more is something that went wrong.
        if command in known or slashed or (len(line.split()) <= 2 and len(line) < 60 and kind == "mention"):
            reads = command == "diagnose" and not rest.strip()
            return Raw(source, command, _fenced(rest), files=files, parent=parent if reads else None)
    word = tidy(line.split()[0]).lower() if line.split() else ""
    if word in known:  # a command in another script
        return Raw(source, word, tidy(line.split(None, 1)[1]) if len(line.split(None, 1)) > 1 else "", files=files)
    return Raw(source, "diagnose", line, files=files)


def overheard(body: Mapping[str, Any], message: Json, *, again: bool = False) -> Raw:
    """A message that was not meant for the bot: looked at for secrets only. A program's has no user. `again`: its files were
    looked at when it was new."""
    ts, thread = str(message.get("ts") or ""), message.get("thread_ts")
    program = bool(message.get("bot_id") or message.get("subtype") == "bot_message")
    user = "" if program else str(message.get("user") or "")
    source = Source(
        id=str(body.get("event_id") or ts),
        kind="overheard",
        user=user,
        name="",
        team=message.get("user_team") or message.get("team") or body.get("team_id"),
        chat=str(message.get("channel") or ""),
        thread=thread if user else thread or ts,
        private=is_direct(message),
        threaded=bool(thread),
        ts=ts,
    )
    return Raw(source, "leak", shown(message), files=() if again else tuple(message.get("files") or ()))


def is_direct(event: Mapping[str, Any]) -> bool:
    """A chat with one person alone; Slack does not name the type in every event."""
    return event.get("channel_type") == "im" or str(event.get("channel", "")).startswith("D")


def addressed(body: Json) -> str:
    """Our own user id as the event tells it, while auth.test has not."""
    first: Json = next(iter(body.get("authorizations") or []), {})
    return str(first.get("user_id", "")) if first.get("is_bot") else ""
