"""What became of a ticket's messages, in words: places and people by their names, refusals as whole reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.locales import Words, notes
from bot.model.chat import Action, Line, Person, Reply, Steps
from bot.model.handoff import Ticket, TicketState, TimelineEntry
from bot.model.team import Team

# The platforms' own words for one and the same thing.
_SAME = {
    "gone": "deleted", "message_not_found": "deleted", "cant_update_message": "deleted", "edit_window_closed": "deleted",
    "not_in_channel": "removed", "channel_not_found": "removed", "no_chat": "removed", "kicked": "removed",
    "is_archived": "archived", "user_not_found": "left", "users_not_found": "left", "user_disabled": "left",
    "is_inactive": "left", "account_inactive": "left", "restricted_action": "not_allowed", "missing_scope": "not_allowed",
    "timeout": "lost", "network": "lost", "unreachable": "down", "server_error": "down",
}  # fmt: skip


def place(address: str, team: Team, words: Words) -> str:
    """`the support chat on Slack`, `Alice (Slack)`; a paging service by its name."""
    platform, _, id = address.partition(":")
    if address in team.support.chats:
        alone = sum(chat.partition(":")[0] == platform for chat in team.support.chats) == 1
        named = words.say(f"note.platforms.{platform}")
        return words.say("page.place" if alone else "page.place_of_many", platform=named, chat=id)
    if id and words.has(f"note.platforms.{platform}"):
        return notes.who(Person(platform, id, team.people_names.get(address, "")), words)  # type: ignore[arg-type]
    return address


def reason(word: str, target: str, team: Team, words: Words) -> str:
    """Why something was not delivered."""
    plain = word.removeprefix("lost: ")
    if plain == "blocked" and target in team.support.chats:  # Telegram says the same of a person and of a group
        plain = "removed"
    plain = _SAME.get(plain, plain)
    if plain.startswith(("http_5", "pagerduty_http_5")):
        plain = "down"
    key = f"page.reasons.{plain}"
    return words.say(key) if words.has(key) else plain or words.say("common.unknown")


def undelivered(detail: str, team: Team, words: Words) -> dict[str, str]:
    """`note telegram:-1009: removed`, as the timeline has it: what, target and reason in words."""
    kind, _, rest = detail.partition(" ")
    target, _, why = rest.rpartition(": ")
    key = f"page.kinds.{kind}"
    return {
        "what": words.say(key) if words.has(key) else kind,
        "target": place(target, team, words),
        "reason": reason(why, target, team, words),
    }


def entry(one: TimelineEntry, team: Team, words: Words, now: datetime) -> str:
    """What happened, without its time."""
    platform, _, id = one.who.partition(":")
    who = notes.who(Person(platform, id, one.name), words)  # type: ignore[arg-type]
    detail = one.detail.text if one.detail else ""
    if one.what == "failed":
        return words.say("ticket.what.failed", **undelivered(detail, team, words))
    if one.what == "evidence":
        detail = notes.names_of(detail.split(", "), words)
    elif one.what == "snoozed":
        detail = notes.moment(detail, words, now)
    elif one.what == "paged":
        detail = _called(detail.partition(": ")[2].split(", "), words)
    elif one.what in ("delivered", "reached", "deleted"):
        detail = place(detail, team, words)
    key = f"ticket.what.{one.what}"
    return words.say(key, who=who, detail=detail) if words.has(key) else f"{one.what} {detail}"


def _called(names: Sequence[str], words: Words) -> str:
    if list(names) == ["nobody"]:
        return words.say("page.nobody_name")
    return words.say("common.list_sep").join(dict.fromkeys(names))


# --- sentences of the bot's own about deliveries ---------------------------------------------------------------------------


def told(word: str, facts: Mapping[str, Any], words: Words, team: Team, now: datetime, ticket: Ticket | None) -> Reply:
    """A sentence of the bot's own about deliveries: a key under [page.tell]."""
    values = dict(facts)
    for name in ("at", "until"):
        if isinstance(values.get(name), str):
            values[name] = notes.moment(values[name], words, now)
    for name in ("from", "to"):
        if name in values:
            values[name] = team.people_names.get(str(values[name] or ""), values[name]) or words.say("page.nobody_name")
    if "what" in values and words.has(f"page.kinds.{values['what']}"):
        values["what"] = words.say(f"page.kinds.{values['what']}")
    target = str(values.get("target", ""))
    if "target" in values:
        values["target"] = place(target, team, words)
    if "reason" in values:
        values["reason"] = reason(str(values["reason"]), target, team, words)
    if "open" in values:
        values["n"] = len(facts["open"])
        values["open"] = words.say("common.list_sep").join(f"#{id}" for id in facts["open"][:20]) or words.say(
            "common.none"
        )
    line = words.say(
        f"page.tell.{word}", **{k: v for k, v in values.items() if k != "from"}, leaving=values.get("from", "")
    )
    actions: tuple[Action, ...] = ()
    if ticket is not None and ticket.state is not TicketState.RESOLVED:
        actions = (Action("ticket.show", words.say("ticket.buttons.show", ticket=ticket.id), str(ticket.id)),)
    elif word == "handover":
        actions = (Action("shift.show", words.say("ticket.buttons.shift")),)
    return Reply(notes.title(ticket, words, team) if ticket else "", (Line(line),), actions, audience="place")


def told_many(
    said: Sequence[tuple[str, Mapping[str, Any], Ticket | None]], words: Words, team: Team, now: datetime
) -> Reply:
    """Several sentences of the bot's own in one message."""
    lines: dict[str, None] = {}
    actions: dict[str, Action] = {}
    for word, facts, ticket in said:
        one = told(word, facts, words, team, now, ticket)
        text = " ".join(block.text for block in one.blocks if isinstance(block, Line))
        lines[f"#{ticket.id}: {text}" if ticket else text] = None
        actions |= {action.value: Action(action.id, f"#{action.value}", action.value) for action in one.actions}
    title_line = words.say("note.digest.tell", n=len(lines))
    return Reply(title_line, (Steps(tuple(lines), numbered=False),), tuple(actions.values()), audience="place")
