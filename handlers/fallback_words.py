"""What the fallback chain says where people are: from, to, why, what it costs, and the button to take it back."""

from __future__ import annotations

from dataclasses import replace

from bot.locales import Words
from bot.model.chat import Action, Block, Line, Reply
from bot.services import Services
from bot.services.owed import Announcement
from handlers.switch_words import rehearsal, result


def announced(said: Announcement, services: Services, words: Words, returning: str | None = None) -> Reply:
    """For a support chat. `returning` as in `handlers.switch_words.result`."""
    why = words.say(f"cause.{said.why}.title") if said.why else ""
    facts = {"engine": said.title, "before": said.from_route or "?", "after": said.to_route or "?", "why": why}
    head = [Line(words.say(f"switch.said.{said.say}", **facts), strong=True)]
    if said.until is not None:
        head.append(Line(words.say("switch.said.until", route=facts["before"], until=words.stamp(said.until))))
    if said.asks:
        head.append(Line(words.say(f"switch.said.asks.{said.asks}", **facts)))
    if said.done is not None:
        reply = result(said.done, services, words, returning)
        same = said.say == "moved"
        extra = (Line(words.say("switch.said.same_model")),) if same else ()
        return replace(reply, blocks=(*head, *extra, *reply.blocks), audience="place")
    if said.plan is not None and said.say in ("ask", "advice"):
        reply = rehearsal(said.plan, services, words)
        return replace(reply, blocks=(*head, *reply.blocks), audience="place")
    blocks: list[Block] = [*head]
    actions: tuple[Action, ...] = ()
    if said.say == "no_route":
        blocks += [
            Line(words.say("switch.said.tried", route=route, why=_tried(word, words))) for route, word in said.tried
        ]
        blocks += [Line(line) for line in words.lines("switch.degrade", engine=said.title)]
    if said.say == "recovered" and said.from_route:
        value = f"{said.engine} {said.from_route}"
        if len(value.encode()) <= 46:
            label = words.say("switch.buttons.better", route=said.from_route)
            actions = (Action("switch.plan", label[:70], value),)
    return Reply(
        title=words.say("switch.said.title", engine=said.title), blocks=tuple(blocks), actions=actions, audience="place"
    )


def _tried(word: str, words: Words) -> str:
    """A cause (the breaker is open) or a machine word of a check."""
    for key in (f"cause.{word}.title", f"switch.short.{word}"):
        if words.has(key):
            return words.say(key)
    return word
